# SPDX-License-Identifier: BSD-3-Clause
"""Small files that unpack to gigabytes, or claim them, are typed errors, and cost little memory."""

import base64
import functools
import gzip
import io
import json
import os
import re
import struct
import subprocess
import sys
import zipfile
import zlib
from pathlib import Path

import numpy as np
import pytest

import headfield as hf

pytestmark = pytest.mark.skipif(not os.path.exists("/proc/self/status"), reason="needs Linux's /proc")
TETS = np.array([[0, 1, 2, 3]], np.int32)
NODES = np.array([[0, 0, 0], [90, 0, 0], [0, 90, 0], [0, 0, 90.0]])
MOST = 145e6  # bytes that reading may ever have taken beyond what headfield itself does
ZEROS = 960_000_000
PLENTY = 199_999_992  # whole points of three float64

READ = """
import json, sys, warnings
import headfield as hf
warnings.simplefilter("ignore")
readers = {"mesh": hf.read_mesh, "coil": hf.read_coil, "poses": hf.read_poses}
readers["warp"] = __import__("headfield.heads.warps", fromlist=["read_warp"]).read_warp
def peak():
    status = open("/proc/self/status", encoding="ascii").read()
    return 1024 * int(status.partition("VmHWM:")[2].split()[0])
before, found = peak(), {}
for kind, path in json.loads(sys.argv[1]):
    try:
        readers[kind](path)
        said = "nothing"
    except Exception as error:
        said = f"{type(error).__name__}: {error}"
    found[path] = said, peak() - before
print(json.dumps(found))
"""


def array_header(shape, dtype="<f8", order=False, version=1):
    text = f"{{'descr': {dtype!r}, 'fortran_order': {order}, 'shape': {shape}, }}".ljust(117) + "\n"
    return (
        b"\x93NUMPY"
        + bytes([version, 0])
        + struct.pack("<H" if version == 1 else "<I", len(text))
        + text.encode()
    )


def npz(path, header, size, method=zipfile.ZIP_DEFLATED):
    """Write a .npz of a tetrahedron and a field, whose array is `header` and `size` bytes of zeros."""
    with zipfile.ZipFile(path, "w", method, compresslevel=1) as archive:
        for name, values in (("nodes", NODES), ("tets", TETS)):
            one = io.BytesIO()
            np.save(one, values)
            archive.writestr(f"{name}.npy", one.getvalue())
        with archive.open("node_data/v.npy", "w") as member:
            member.write(header)
            for start in range(0, size, 1 << 20):
                member.write(bytes(min(1 << 20, size - start)))


def image(path, shape, dtype=16, offset=352.0):
    header = bytearray(352)
    struct.pack_into("<i", header, 0, 348)
    struct.pack_into("<8h", header, 40, len(shape), *shape, *[1] * (7 - len(shape)))
    struct.pack_into("<2h", header, 70, dtype, {16: 32, 2: 8}[dtype])
    struct.pack_into("<8f", header, 76, 1, 2, 2, 2, 1, 1, 1, 1)
    struct.pack_into("<3f", header, 108, offset, 1, 0)
    header[123] = 2
    struct.pack_into("<2h", header, 252, 0, 1)
    for row in range(3):
        struct.pack_into("<f", header, 280 + 20 * row, 2.0)
    header[344:348] = b"n+1\0"
    path.write_bytes(gzip.compress(bytes(header) + os.urandom(1 << 21)))


def many_members(path):
    with zipfile.ZipFile(path, "w") as archive:
        for number in range(20_000):
            archive.writestr(f"node_data/{number}.npy", b"")


def vtu(path, data, attributes):
    path.write_text(
        f'<VTKFile type="UnstructuredGrid" version="0.1" byte_order="LittleEndian" {attributes}>'
        '<UnstructuredGrid><Piece NumberOfPoints="4" NumberOfCells="1"><Points><DataArray type="Float64" '
        f'NumberOfComponents="3" format="binary">{data}</DataArray></Points></Piece></UnstructuredGrid>'
        "</VTKFile>"
    )


@functools.cache
def packed_zeros(size):
    return zlib.compress(bytes(size))


def block(size):
    packed = packed_zeros(size)
    header = struct.pack("<4I", 1, 32768, 0, len(packed))
    return base64.b64encode(header).decode() + base64.b64encode(packed).decode()


def tcd(path, size):
    points = base64.b64encode(packed_zeros(size)).decode()
    element = {"type": 1, "stimulator": 0, "points": points, "values": points}
    path.write_text(json.dumps({"coilElementList": [element], "stimulatorList": [{"name": ""}]}))


def matlab(path, size):
    packed = packed_zeros(size)
    path.write_bytes(b"MATLAB 5.0".ljust(124) + b"\0\1IM" + struct.pack("<II", 15, len(packed)) + packed)


def msh(path, count):
    mesh = (
        "$MeshFormat\n4.1 0 8\n$EndMeshFormat\n$Nodes\n1 4 1 4\n3 1 0 4\n1 2 3 4\n0 0 0 1 0 0 0 1 0 0 0 1\n"
    )
    path.write_text(
        f"{mesh}$EndNodes\n$Elements\n1 {count} 1 {count}\n3 1 4 {count}\n1 1 2 3 4\n$EndElements\n"
    )


def hdf5(path, **options):
    h5py = pytest.importorskip("h5py")
    with h5py.File(path, "w") as file:
        file.create_dataset("tstt/nodes/coordinates", dtype="f8", **options)


HUGE = 10**12
FILES = {
    "960 MB.npz": (
        lambda p: npz(p, array_header((4, 30_000_000)), ZEROS),
        "mesh",
        "960,000,.* times the file",
    ),
    "bzip2.npz": (lambda p: npz(p, array_header((4,)), 32, zipfile.ZIP_BZIP2), "mesh", "method 12"),
    "claims.npz": (
        lambda p: npz(p, array_header((HUGE,)), 64),
        "mesh",
        "'node_data/v' of shape .* does not fit",
    ),
    "fortran.npz": (
        lambda p: npz(p, array_header((4, HUGE), order=True), 64),
        "mesh",
        "does not fit the file",
    ),
    "short.npz": (lambda p: npz(p, array_header((4,)), 64), "mesh", "does not fit the file"),
    "objects.npz": (lambda p: npz(p, array_header((4,), "|O"), 32), "mesh", "holds Python objects"),
    "header.npz": (
        lambda p: npz(p, array_header((4,), version=2) + b" " * 10**7, 0),
        "mesh",
        "not fit the file",
    ),
    "members.npz": (many_members, "mesh", "directory has more than"),
    "values.nii.gz": (lambda p: image(p, (500, 500, 500, 3)), "coil", "takes 3,000,000,000 bytes in memory"),
    "bytes.nii.gz": (
        lambda p: image(p, (600, 600, 600, 3), 2),
        "coil",
        "takes 5,184,000,000 bytes in memory",
    ),
    "shape.nii.gz": (lambda p: image(p, (400, 400, 400), 2), "coil", "three components of A"),
    "warp.nii.gz": (lambda p: image(p, (400, 400, 400), 2), "warp", "a deformation is"),
    "offset.nii.gz": (lambda p: image(p, (4, 4, 4, 3), offset=2e8), "coil", "begin at byte 2e.08"),
    "text.vol.gz": (
        lambda p: p.write_bytes(gzip.compress(bytes(PLENTY), 1)),
        "mesh",
        "unpack to more than 67,108,864",
    ),
    "block.vtu": (
        lambda p: vtu(p, block(PLENTY), 'header_type="UInt32" compressor="vtkZLibDataCompressor"'),
        "mesh",
        "unpack to more than",
    ),
    "blocks.vtu": (
        lambda p: vtu(p, "/////wAAAAAAAAAA", 'header_type="UInt32" compressor="vtkZLibDataCompressor"'),
        "mesh",
        "4,294,967,295 blocks",
    ),
    "session.mat": (lambda p: matlab(p, PLENTY), "poses", "more than 64 MiB"),
    "counts.msh": (lambda p: msh(p, HUGE), "mesh", "do not fit the rest of the section"),
    "counts.ccd": (lambda p: p.write_text(f"# \n{HUGE}\n0 0 0 0 0 1\n"), "coil", "announces 10+ dipoles"),
    "counts.vtk": (
        lambda p: p.write_text(
            f"# vtk DataFile Version 4.2\n\nBINARY\nDATASET UNSTRUCTURED_GRID\nPOINTS {HUGE} double\n"
        ),
        "mesh",
        "could not read it",
    ),
    "counts.xml": (
        lambda p: p.write_text(
            '<dolfin><mesh celltype="tetrahedron" dim="3"><vertices size="2000000000"/></mesh></dolfin>'
        ),
        "mesh",
        "announces 2000000000 entries in",
    ),
    "entities.xml": (
        lambda p: p.write_text('<!DOCTYPE a [<!ENTITY b "c">]><a/>'),
        "mesh",
        "entity declaration",
    ),
    "markers.xml": (
        lambda p: p.write_text('<!DOCTYPE a [<!ENTITY b "c">]><a/>'),
        "poses",
        "entity declaration",
    ),
    "entities.vtu": (
        lambda p: p.write_text('<!DOCTYPE a [<!ENTITY b "c">]><a/>'),
        "mesh",
        "entity declaration",
    ),
    "utf16.vtu": (lambda p: p.write_text("<a/>", encoding="utf-16"), "mesh", "not in UTF-8"),
    "ebcdic.vtu": (
        lambda p: p.write_text('<?xml version="1.0" encoding="cp037"?><a/>'),
        "mesh",
        "not in UTF-8",
    ),
    "ids.f3grid": (lambda p: p.write_text("G 2000000000 0 0 0\n"), "mesh", "can't be read safely"),
    "points.tcd": (lambda p: tcd(p, PLENTY), "coil", "inflates to more than a file of this size"),
    "unfilled.h5m": (lambda p: hdf5(p, shape=(HUGE, 3)), "mesh", "/tstt/nodes/coordinates.* would take"),
    "chunk.h5m": (
        lambda p: hdf5(p, shape=(4, 3), maxshape=(None, 3), chunks=(100_000_000, 3)),
        "mesh",
        "would take 2,400,000,000 bytes",
    ),
    "text.h5m": (lambda p: hdf5(p, data=None, shape=(2,)), "mesh", "could not read it"),
}


@pytest.fixture(scope="module")
def outcome(tmp_path_factory):
    """What reading each file said, and how much memory reading had taken by then."""
    folder = tmp_path_factory.mktemp("hostile")
    for name, (write, _, _) in FILES.items():
        write(folder / name)
    jobs = [(kind, str(folder / name)) for name, (_, kind, _) in FILES.items()]
    run = subprocess.run(
        [sys.executable, "-c", READ, json.dumps(jobs)],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    return {Path(path).name: found for path, found in json.loads(run.stdout).items()}


@pytest.mark.parametrize("name", FILES)
def test_a_small_file_that_claims_much_is_refused_without_the_memory_for_it(outcome, name):
    said, peak = outcome[name]
    assert re.search(FILES[name][2], said), said
    assert issubclass(getattr(hf, said.partition(":")[0]), hf.HeadfieldError)
    assert peak < MOST
