# SPDX-License-Identifier: BSD-3-Clause
"""Damaged files: every reader must end in a result or a typed error, soon, and in bounded memory.

As a script: `python tests/given/fuzz.py [--cases 10000] [--only tcd] [--seed 0]` mutates small files of every
format and, where they lie beside the checkout, the sample files. It prints a row per format and exits with 1
if a reader raised anything but HeadfieldError or took more than the limit. `test_fuzz.py` runs a few cases.
"""

from __future__ import annotations

import argparse
import base64
import gzip
import io
import json
import re
import sys
import tempfile
import time
import traceback
import warnings
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

import headfield as hf
from headfield.io.nifti import read_nifti

SAMPLES = Path(__file__).resolve().parents[3] / "shared" / "data"
LARGEST_SAMPLE = 3_000_000  # bytes
LIMIT_S = 10.0
TOKENS = [b"nan", b"inf", b"-1", b"0", b"1e999", b"-1e308", b"99999999999999999999", b"", b"1e-320", b"\x00"]
TOKENS += [b"{", b"]", b'"', b"null", b"true", b"<", b"\xff\xfe", b"$End", b"#", b"\t", b"\n"]


class Format(NamedTuple):
    """A reader, the ending of its files, and files it reads."""

    ending: str
    read: Callable[[Path], Any]
    seeds: list[bytes]
    unpack: Callable[[bytes], bytes] | None = None  # mutate what is inside, too
    pack: Callable[[bytes], bytes] | None = None


def formats(samples: bool) -> dict[str, Format]:
    """Every format, with small files of it, and sample files if asked for."""
    mesh = hf.TetMesh(
        [[0, 0, 0], [50, 0, 0], [0, 50, 0], [0, 0, 50], [50, 50, 50]],
        [[0, 1, 2, 3], [1, 2, 3, 4]],
        tags=[1, 5],
        triangles=[[0, 1, 2]],
        triangle_tags=[1005],
        element_data={"E": np.arange(6.0).reshape(2, 3)},
        node_data={"v": np.arange(5.0)},
    )
    heads = {
        "msh22 binary": (".msh", written(".msh", lambda p: hf.write_mesh(p, mesh))),
        "msh22 text": (".msh", written(".msh", lambda p: hf.write_mesh(p, mesh, binary=False))),
        "msh41 text": (".msh", MSH41.encode()),
        "npz": (".npz", written(".npz", lambda p: hf.write_mesh(p, mesh))),
        "vtu": (".vtu", written(".vtu", lambda p: hf.write_mesh(p, mesh))),
    }
    found = {
        name: Format(ending, lambda path: hf.read_mesh(path).summary(), [content])
        for name, (ending, content) in heads.items()
    }
    sampled = sampled_coil()
    coils = {".ccd": dipole_coil(), ".tcd": flexible_coil(), ".nii": sampled, ".nii.gz": sampled}
    for ending, coil in coils.items():
        content = written(ending, lambda p, coil=coil: hf.write_coil(p, coil))
        found[ending[1:]] = Format(ending, read_coil, [content])
    from given.activation_seeds import activation_seeds
    from given.label_seeds import label_seeds  # here, because as a script this has to look for them first
    from given.pose_seeds import pose_seeds

    found |= {name: Format(*form) for name, form in (pose_seeds(written) | label_seeds(written)).items()}
    found |= {name: Format(*form) for name, form in activation_seeds(written).items()}
    found["eeg"] = Format(".csv", hf.read_eeg_positions, [EEG.encode()])
    found["tensors"] = Format(".nii.gz", read_nifti, [tensor_image()])
    found["casing"] = Format(".stl", hf.read_casing, [STL.encode()])
    found["wire"] = Format(
        ".txt", hf.read_wire, [b"# a square\n0 0 -5\n10 0 -5\n10 10 -5\n\n0 0 -7\n9 0 -7\n9 9 -7\n"]
    )
    for ending in (".h5", ".msh", ".vtu"):
        found[f"result {ending[1:]}"] = Format(ending, read_result, [result(ending)])
    if samples:
        add_samples(found)
    for name, form in found.items():
        unpack, pack = INNER.get(form.ending, (None, None))
        found[name] = form._replace(unpack=unpack, pack=pack)
    return found


def add_samples(found: dict[str, Format]) -> None:
    """Sample files of at most 3 MB to the formats they are of."""
    kinds = {
        "poses txt": "navigation/*.txt",
        "poses xml": "navigation/*.xml",
        "poses stmpx": "navigation/*.stmpx",
        "poses mrk": "navigation/*.mrk",
        "ccd": "coils/*.ccd",
        "tcd": "coils/*.tcd",
        "nii.gz": "coils/*.nii.gz",
        "casing": "coils/*.stl",
        "msh22 binary": "meshes/sphere3.msh",
        "msh41 text": "meshes/*_ascii.msh",
        "msh41 binary": "meshes/*_binary.msh",
    }
    for name, pattern in kinds.items():
        files = [f.read_bytes() for f in sorted(SAMPLES.glob(pattern)) if f.stat().st_size <= LARGEST_SAMPLE]
        form = found.get(name, Format(".msh", found["msh41 text"].read, []))
        if form.seeds or files:
            found[name] = form._replace(seeds=form.seeds + files)


def written(ending: str, write: Callable[[Path], None]) -> bytes:
    """What `write` writes to a file of that ending."""
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        path = Path(folder) / f"seed{ending}"
        write(path)
        return path.read_bytes()


def read_coil(path: Path) -> Any:
    """Read a coil and use it."""
    coil = hf.read_coil(path)
    return coil, repr(coil), coil.casing, coil.bounds_mm


def result(ending: str) -> bytes:
    """A file of two poses on a coarse sphere, with what recovery adds."""
    model = hf.HeadModel(hf.sphere_mesh([50, 92], tags=[2, 5], edge_mm=40), device="cpu")
    poses = hf.ring(model.place(dipole_coil(), [0, 0, 100], [0, 50, 100]), [0, 30])
    roi = hf.regions.tissue(model.mesh, 2)
    field = model.solve(dipole_coil(), poses, 1e6, roi=roi, recovery="interface")
    return written(ending, field.save)


def read_result(path: Path) -> Any:
    """Read a result, the last of its poses, and what it was computed from."""
    found = hf.read_result(path)
    return found.E(found.n_poses - 1), found.provenance


def dipole_coil() -> hf.Coil:
    return hf.Coil([[0, 0, -5], [10, 0, -5]], [[0, 0, 1e-3], [0, 1e-3, 0]], name="two", didt_max=1e8)


def flexible_coil() -> hf.Coil:
    face = hf.Casing([[0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, -1]], [[0, 1, 2], [0, 1, 3]])
    parts = [
        hf.CoilElement(hf.Dipoles([[0, 0, -5]], [[0, 0, 1e-3]]), 0, "left", face, (0, 1)),
        hf.CoilElement(hf.Segments([[0, 0, -5], [9, 0, -5]], [[9, 0, 0], [0, 9, 0]]), 1, "right"),
        hf.CoilElement(hf.SampledPotential(np.full((2, 2, 2, 3), 1e-7), np.diag([3.0, 3, 3, 1])), 0, "grid"),
    ]
    wave = hf.Waveform([0, 1e-6, 2e-6], [0, 1, 0], name="pulse")
    return hf.Coil(
        elements=parts,
        stimulators=[hf.Stimulator("a", "A", 1e8, (wave,)), hf.Stimulator("b")],
        deformations=[hf.Deformation("x", 0), hf.Deformation("rot2p", 1, [0, 0, 0], [0, 0, 1])],
        deformation_ranges=[hf.DeformationRange(0, -5, 5), hf.DeformationRange(0, -30, 30)],
        casing=face,
        limits_mm=[[-100, 100]] * 3,
        resolution_mm=[3, 3, 3],
    )


def sampled_coil() -> hf.Coil:
    values = np.random.default_rng(0).normal(size=(4, 3, 2, 3)) * 1e-7
    return hf.Coil(elements=[hf.CoilElement(hf.SampledPotential(values, np.diag([3.0, 3, 3, 1])))])


def tensor_image() -> bytes:
    import nibabel

    image = nibabel.Nifti1Image(np.ones((3, 4, 2, 6), np.float32), np.diag([2.0, 2, 2, 1]))
    return written(".nii.gz", lambda p: nibabel.save(image, p))


MSH41 = """$MeshFormat
4.1 0 8
$EndMeshFormat
$Entities
0 0 0 1
1 0 0 0 50 50 50 1 5 0
$EndEntities
$Nodes
1 4 1 4
3 1 0 4
1
2
3
4
0 0 0
50 0 0
0 50 0
0 0 50
$EndNodes
$Elements
1 1 1 1
3 1 4 1
1 1 2 3 4
$EndElements
$ElementData
1
"E"
1
0
3
0
1
1
1 2.5
$EndElementData
"""
EEG = """Fiducial,0.5,94.3,-28.1,Nz
Electrode,-65.3,-13.2,68.1,C3
ReferenceElectrode,66.0,-14.0,67.0,C4
"""
STL = """solid box
facet normal 0 0 1
outer loop
vertex 0 0 0
vertex 50 0 0
vertex 0 50 0
endloop
endfacet
facet normal 0 1 0
outer loop
vertex 0 0 0
vertex 50 0 0
vertex 0 0 -20
endloop
endfacet
endsolid box
"""


# What is inside of a compressed file


def _unpack_zip(content: bytes) -> bytes:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return b"\0\1\2SPLIT".join(name.encode() + b"\n" + archive.read(name) for name in archive.namelist())


def _pack_zip(content: bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for part in content.split(b"\0\1\2SPLIT"):
            name, _, data = part.partition(b"\n")
            archive.writestr(name.decode("latin-1").replace("\0", "") or "x", data)
    return out.getvalue()


_PACKED = re.compile(rb'"(eJ[A-Za-z0-9+/]{6,}={0,2})"')


def _unpack_tcd(content: bytes) -> bytes:
    """The same with one compressed array open to mutation, between marks."""
    found = list(_PACKED.finditer(content))
    if not found:
        return content
    which = found[len(content) % len(found)]
    inner = zlib.decompress(base64.b64decode(which[1]))
    return content[: which.start(1)] + b"<<OPEN" + inner + b"OPEN>>" + content[which.end(1) :]


def _pack_tcd(content: bytes) -> bytes:
    start, end = content.find(b"<<OPEN"), content.rfind(b"OPEN>>")
    if start < 0 or end < start:
        return content
    inner = base64.b64encode(zlib.compress(content[start + 6 : end]))
    return content[:start] + inner + content[end + 6 :]


INNER: dict[str, tuple[Callable[[bytes], bytes], Callable[[bytes], bytes]]] = {
    **dict.fromkeys((".nii.gz", ".mgz"), (gzip.decompress, lambda content: gzip.compress(content, 1))),
    ".npz": (_unpack_zip, _pack_zip),
    ".tcd": (_unpack_tcd, _pack_tcd),
}


def mutated(content: bytes, random: np.random.Generator) -> bytes:
    """A few random changes: bits, bytes, pieces cut, doubled, moved or replaced, numbers made strange."""
    data = bytearray(content)
    for _ in range(int(random.integers(1, 5))):
        if not data:
            break
        at, kind = int(random.integers(len(data))), int(random.integers(9))
        length = int(min(len(data) - at, 2 ** random.integers(0, 9)))
        if kind == 0:
            data[at] ^= 1 << int(random.integers(8))
        elif kind == 1:
            data[at] = int(random.integers(256))
        elif kind == 2:
            del data[at : at + length]
        elif kind == 3:
            data[at:at] = data[at : at + length]
        elif kind == 4:
            data[at : at + length] = random.bytes(length)
        elif kind == 5:
            del data[at:]
        elif kind == 6:
            numbers = list(re.finditer(rb"[-+0-9.eE]+", bytes(data[at : at + 2000])))
            if numbers:
                which = numbers[int(random.integers(len(numbers)))]
                data[at + which.start() : at + which.end()] = TOKENS[int(random.integers(len(TOKENS)))]
        elif kind == 7:
            data[at:at] = TOKENS[int(random.integers(len(TOKENS)))]
        else:
            size = int(random.choice([2, 4, 8]))
            value = int(random.choice([0, 1, 127, 255, 2**31 - 1, 2**32 - 1, 2**63 - 1])) % 2 ** (8 * size)
            data[at : at + size] = value.to_bytes(size, "little")
    return bytes(data)


class Result(NamedTuple):
    """How the cases of a format went."""

    read: int
    refused: int
    slowest_s: float
    faults: list[str]


def fuzz(form: Format, cases: int, seed: int, folder: Path) -> Result:
    """Read so many mutated files."""
    random = np.random.default_rng(seed)
    read = refused = 0
    slowest, faults = 0.0, []
    for case in range(cases):
        content = form.seeds[case % len(form.seeds)]
        if form.unpack is not None and form.pack is not None and case % 2:
            content = form.pack(mutated(form.unpack(content), random))
        else:
            content = mutated(content, random)
        path = folder / f"case{form.ending}"
        path.write_bytes(content)
        start = time.perf_counter()
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                form.read(path)
            read += 1
        except hf.HeadfieldError:
            refused += 1
        except BaseException as problem:  # SystemExit too must not get out of a reader
            if isinstance(problem, KeyboardInterrupt):
                raise
            kept = folder.parent / f"fault_{seed}_{case}{form.ending}"
            kept.write_bytes(content)
            where = traceback.extract_tb(problem.__traceback__)[-1]
            faults.append(f"{kept}: {type(problem).__name__}: {problem} ({where.filename}:{where.lineno})")
        slowest = max(slowest, time.perf_counter() - start)
        if time.perf_counter() - start > LIMIT_S:
            faults.append(f"case {case} took {time.perf_counter() - start:.1f} s")
    return Result(read, refused, slowest, faults)


def main() -> int:
    """Run the script."""
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--cases", type=int, default=10_000, help="per format [%(default)s]")
    parser.add_argument("--only", default="", help="formats whose name holds this")
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    chosen = {name: form for name, form in formats(samples=True).items() if args.only in name}
    table, failed = {}, False
    with tempfile.TemporaryDirectory() as folder:
        for name, form in chosen.items():
            start = time.perf_counter()
            result = fuzz(form, args.cases, args.seed, Path(folder))
            failed = failed or bool(result.faults)
            row = result._asdict() | {"seconds": time.perf_counter() - start, "seeds": len(form.seeds)}
            table[name] = row | {"faults": result.faults[:10]}
            said = (
                f"{name:14} read {result.read:6} refused {result.refused:6} slowest {result.slowest_s:.2f} s"
            )
            more = [f"{len(result.faults)} faults", *result.faults[:5]]
            print(said, *more, sep="\n    ", file=sys.stderr, flush=True)
    print(json.dumps(table, indent=1))
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
