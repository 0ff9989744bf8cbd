# SPDX-License-Identifier: BSD-3-Clause
"""Damaged and hostile mesh files of every format: a typed error, within a second."""

import itertools
import os
import struct
import warnings
from pathlib import Path

import numpy as np
import pytest
from given.gmsh_files import CONTIGUOUS, ELEMENTS, NODES, TETS, WITH_GAPS, WITH_SMALL_GAPS, msh22, msh41

from headfield.errors import FileFormatError, HeadfieldError, MeshError
from headfield.heads.mesh import TetMesh
from headfield.heads.read import read_mesh
from headfield.heads.write import write_mesh


@pytest.mark.parametrize(
    ("match", "content"),
    [
        ("empty", b""),
        (r"no \$MeshFormat", b"\n\n \n"),
        ("expected the start of a section", b"hello\n"),
        ("found binary data", bytes(range(255, 0, -1)) * 20),
        ("found no line end", b"$" + b"a" * 9000),
        (r"no \$MeshFormat", b"$Nodes\n1\n"),
        ("Gmsh format 1", b"$MeshFormat\n1 0 8\n$EndMeshFormat\n"),
        ("Gmsh format 4.0", b"$MeshFormat\n4.0 0 8\n$EndMeshFormat\n"),
        ("version, file type and data size", b"$MeshFormat\n2.2 7 8\n$EndMeshFormat\n"),
        ("data size 4", b"$MeshFormat\n2.2 1 4\n\1\0\0\0\n$EndMeshFormat\n"),
        ("byte order mark", b"$MeshFormat\n2.2 1 8\n\2\0\0\0\n$EndMeshFormat\n"),
        (r"no section \$Nodes", b"$MeshFormat\n2.2 0 8\n$EndMeshFormat\n"),
        ("SaveParametric = 0", b"$MeshFormat\n2.2 0 8\n$EndMeshFormat\n$ParametricNodes\n"),
        (r"ends within section \$Other", b"$MeshFormat\n2.2 0 8\n$EndMeshFormat\n$Other\n1 2 3\n"),
        ("the number of nodes", b"$MeshFormat\n2.2 0 8\n$EndMeshFormat\n$Nodes\n\xc3\xa9\n$EndNodes"),
        ("found 'many'", b"$MeshFormat\n2.2 0 8\n$EndMeshFormat\n$Nodes\nmany\n$EndNodes"),
    ],
)  # fmt: skip
def test_no_mesh_in_it(load, match, content):
    with pytest.raises(MeshError, match=match):
        load(content)


@pytest.mark.parametrize("order", ["", "<", ">"], ids=["text", "little", "big"])
@pytest.mark.parametrize("singles", [False, True], ids=["blocks", "singles"])
class TestDamaged:
    def refuse(self, load, match, content):
        with pytest.raises(MeshError, match=match):
            load(content)

    def test_second_order(self, load, order, singles):
        high = [(11, (1, 1), [0, 1, 2, 3, 4, 0, 1, 2, 3, 4])] * 3
        content = msh22(order, elements=ELEMENTS[:3] + high, singles=singles)
        self.refuse(load, "3 second-order tetrahedra", content)

    def test_other_volumes(self, load, order, singles):
        content = msh22(order, elements=[*ELEMENTS, (6, (1, 1), [0, 1, 2, 3, 4, 0])], singles=singles)
        self.refuse(load, "1 prisms; only 4-node tetrahedra", content)

    def test_unknown_type(self, load, order, singles):
        content = msh22(order, elements=[*ELEMENTS, (77, (1, 1), [0])], singles=singles)
        self.refuse(load, "unknown element type 77", content)

    def test_unknown_node(self, load, order, singles):
        for ids in (CONTIGUOUS, WITH_GAPS, WITH_SMALL_GAPS * 20):
            elements = [*ELEMENTS[:4], (4, (1, 1), [0, 2, 1, 5])]
            content = msh22(order, np.r_[ids, 777], elements, np.r_[NODES, [[3, 3, -10]]], singles=singles)
            wrong = content.replace(
                struct.pack((order or "<") + "i3d", 777, 3, 3, -10),
                struct.pack((order or "<") + "i3d", 778, 3, 3, -10),
            )
            wrong = wrong.replace(b"777 3.0", b"778 3.0")
            assert wrong != content
            self.refuse(load, "1 element uses nodes that .* tetrahedron with id 104, node 777", wrong)

    def test_wild_node_numbers(self, load, order, singles):
        for usual, wild in itertools.product((CONTIGUOUS, WITH_SMALL_GAPS), (0, -1, 2**31 - 1, -(2**31))):
            ids = np.r_[usual, wild]
            content = msh22(
                order, ids, [*ELEMENTS, (4, (1, 1), [0, 2, 1, 5])], np.r_[NODES, NODES[:1]], singles
            )
            first = content.index(b"$Nodes\n6\n")
            size = len(struct.pack("<i3d", 0, 0, 0, 0)) if order else len(f"{wild} 0.0 0.0 0.0\n")
            end = content.index(b"$EndNodes")
            content = content[:first] + b"$Nodes\n5\n" + content[first + 9 : end - size] + content[end:]
            self.refuse(load, f"tetrahedron with id 105, node {wild}", content)

    def test_node_ids_twice(self, load, order, singles):
        self.refuse(
            load,
            "1 node ids come twice; the first is 3",
            msh22(order, np.array([1, 2, 3, 3, 5]), singles=singles),
        )

    def test_no_tetrahedra(self, load, order, singles):
        self.refuse(load, "no tetrahedra", msh22(order, elements=ELEMENTS[:3], singles=singles))
        self.refuse(load, "no tetrahedra", msh22(order, elements=[], singles=singles))

    def test_nan(self, load, order, singles):
        nodes = NODES.copy()
        nodes[3, 1] = np.nan
        self.refuse(
            load,
            "1 node has coordinates that are not finite.*node 3",
            msh22(order, nodes=nodes, singles=singles),
        )

    def test_flat(self, load, order, singles):
        nodes = NODES * [1, 1, 0]
        match = r"a.msh: 2 tetrahedra have zero volume.*tetrahedron 0 \(element id 103\)"
        self.refuse(load, match, msh22(order, nodes=nodes, singles=singles))

    def test_wrong_counts(self, load, order, singles):
        content = msh22(order, singles=singles)
        for count in (0, 1, 4, 6, 10**6, 10**12, 10**30, -1):
            for section in (b"Nodes", b"Elements"):
                wrong = content.replace(b"$%s\n5\n" % section, b"$%s\n%d\n" % (section, count))
                self.refuse(load, "a.msh", wrong)

    def test_sections_twice_or_missing(self, load, order, singles):
        content = msh22(order, singles=singles)
        nodes = content[content.index(b"$Nodes") : content.index(b"$Elements")]
        elements = content[content.index(b"$Elements") :]
        self.refuse(load, r"second section \$Nodes", content + nodes)
        self.refuse(load, r"second section \$Elements", content + elements)
        self.refuse(load, r"no section \$Nodes", content.replace(nodes, b""))
        self.refuse(load, r"no section \$Elements", content.replace(elements, b""))


@pytest.mark.parametrize("ids", [CONTIGUOUS, WITH_SMALL_GAPS, WITH_GAPS])
def test_every_number_that_is_no_node(load, ids):
    """All numbers around those of the nodes: none may be taken for another node."""
    content = msh22("<", ids)
    end = content.index(b"$EndElements")
    for wild in np.setdiff1d(np.arange(-45, 90), ids):
        changed = content[: end - 4] + struct.pack("<i", wild) + content[end:]
        with pytest.raises(MeshError, match=f"tetrahedron with id 104, node {wild}$"):
            load(changed)


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("value", [2**31 - 1, -1, 0, -(2**31), 10**6])
def test_wrong_numbers_in_element_headers(load, order, value):
    content = msh22(order)
    at = content.index(b"$Elements\n5\n") + len(b"$Elements\n5\n")
    for field in range(3):
        place = at + 4 * field
        with pytest.raises(MeshError):
            load(content[:place] + struct.pack(order + "i", value) + content[place + 4 :])


@pytest.mark.parametrize("order", ["", "<", ">"], ids=["text", "little", "big"])
def test_version_4_specials(load, order):
    content = msh41(order)
    partitioned = content.replace(b"$Entities", b"$PartitionedEntities").replace(
        b"$EndE", b"$EndPartitionedE", 1
    )
    with pytest.raises(MeshError, match="partitioned mesh"):
        load(partitioned)
    sections = {
        name: content[content.index(b"$" + name) : content.index(b"$End" + name)]
        for name in (b"Entities", b"Nodes", b"Elements")
    }
    for name, text in sections.items():
        with pytest.raises(MeshError, match=rf"second section \${name.decode()}"):
            load(content + text + b"$End" + name + b"\n")
    if order:
        for value in (2**62, -1, 10**9):
            for name in sections:
                at = content.index(b"$" + name) + len(name) + 2
                for place in range(at, at + 48, 8):
                    changed = content[:place] + struct.pack(order + "q", value) + content[place + 8 :]
                    try:
                        load(changed)
                    except MeshError:
                        continue
                    assert (
                        name != b"Elements" or place >= at + 16
                    )  # only the lowest and highest id are not needed


BASES = {
    "22 text": msh22(""),
    "22 blocks": msh22("<"),
    "22 singles": msh22(">", WITH_GAPS, singles=True),
    "41 text": msh41(""),
    "41 binary": msh41("<", WITH_GAPS),
}


@pytest.mark.parametrize("base", BASES)
def test_every_truncation_is_an_error(load, base):
    content = BASES[base].rstrip()
    for length in range(len(content)):
        with pytest.raises(MeshError):
            load(content[:length])


@pytest.mark.filterwarnings("ignore::UserWarning")  # a changed byte may make it as odd as it likes
@pytest.mark.parametrize("base", BASES)
def test_changed_bytes_give_a_mesh_or_a_typed_error(load, base):
    rng = np.random.default_rng(20)
    refused = 0
    for _ in range(700):
        content = bytearray(BASES[base])
        for place in rng.integers(0, len(content), rng.integers(1, 4)):
            content[place] = rng.choice([rng.integers(256), 0, 255, ord(" "), ord("9"), ord("-"), ord("\n")])
        try:
            mesh = load(bytes(content))
        except MeshError:
            refused += 1
        else:
            assert (mesh.volumes_mm3() > 0).all()
            assert np.isfinite(mesh.nodes_mm).all()
    assert refused > 100


def npz(path: Path, **arrays) -> None:
    np.savez_compressed(path, **arrays)


def test_npz_that_is_no_head(tmp_path):
    path = tmp_path / "a.npz"
    for match, arrays in [
        ("no array 'nodes'", {"tets": TETS}),
        ("no array 'tets'", {"nodes": NODES}),
        ("holds Python objects, which can run any program", {"nodes": NODES.astype(object), "tets": TETS}),
        ("tets must be integers", {"nodes": NODES, "tets": TETS * 1.0}),
        ("tags has 1 value where 2", {"nodes": NODES, "tets": TETS, "tags": [1]}),
    ]:
        npz(path, **arrays)
        with pytest.raises(MeshError, match=match):
            read_mesh(path)


def test_npz_that_announces_terabytes(tmp_path):
    import zipfile

    header = b"{'descr': '<f8', 'fortran_order': False, 'shape': (1000000000000, 3), }"
    array = b"\x93NUMPY\1\0" + struct.pack("<H", len(header) + 1) + header + b"\n" + bytes(64)
    with zipfile.ZipFile(tmp_path / "a.npz", "w") as archive:
        archive.writestr("nodes.npy", array)
        archive.writestr("tets.npy", array)
    with pytest.raises(MeshError, match="does not fit the file"):
        read_mesh(tmp_path / "a.npz")


@pytest.mark.filterwarnings("ignore::UserWarning")  # a changed byte may make it as odd as it likes
def test_other_formats_truncated_or_changed(tmp_path):
    rng = np.random.default_rng(5)
    for name in ("a.npz", "a.vtu", "a.vtk", "a.mesh", "a.xdmf"):
        write_mesh(tmp_path / name, TetMesh(NODES, TETS, [2, 5]))
        content = (tmp_path / name).read_bytes()
        for trial in range(80):
            changed = bytearray(content)
            if trial % 2:
                changed[rng.integers(len(content))] = rng.integers(256)
            else:
                changed = changed[: rng.integers(len(content))]
            (tmp_path / name).write_bytes(changed)
            try:
                mesh = read_mesh(tmp_path / name)
            except HeadfieldError:
                continue
            assert (mesh.volumes_mm3() > 0).all()


def test_meshio_can_neither_exit_nor_print(tmp_path, monkeypatch, capfd):
    import meshio

    def leave(path):
        raise SystemExit("I am leaving")

    (tmp_path / "a.vtk").write_bytes(b"x")
    with pytest.raises(MeshError, match=r"a\.vtk: meshio could not read it: Illegal VTK header"):
        read_mesh(tmp_path / "a.vtk")  # meshio.read would print that, and exit
    monkeypatch.setattr(meshio.vtk, "read", leave)
    with pytest.raises(MeshError, match=r"a\.vtk: meshio could not read it: I am leaving"):
        read_mesh(tmp_path / "a.vtk")
    assert capfd.readouterr() == ("", "")


def test_meshio_refuses_other_volume_cells(tmp_path):
    import meshio

    points = np.concatenate([NODES, NODES[:1] + 50])
    meshio.write(tmp_path / "a.vtu", meshio.Mesh(points, [("tetra", TETS), ("wedge", [[0, 1, 2, 3, 4, 5]])]))
    with pytest.raises(MeshError, match="1 wedge cells"):
        read_mesh(tmp_path / "a.vtu")


def test_no_mesh_file_at_all(tmp_path):
    with pytest.raises(FileNotFoundError):
        read_mesh(tmp_path / "absent.msh")
    with pytest.raises(FileFormatError, match="not a regular file"):
        read_mesh(tmp_path)
    os.mkfifo(tmp_path / "pipe.msh")
    with pytest.raises(FileFormatError, match="not a regular file"):
        read_mesh(tmp_path / "pipe.msh")
    for name, match in [("a.stl", "hold surfaces"), ("a.node", "can't be read safely")]:
        (tmp_path / name).write_bytes(b"1 2 3")
        with pytest.raises(FileFormatError, match=match):
            read_mesh(tmp_path / name)
    (tmp_path / "a.docx").write_bytes(b"PK")
    with pytest.raises(FileFormatError, match="no mesh format is known"):
        read_mesh(tmp_path / "a.docx")
    with pytest.raises(FileFormatError, match="no mesh format is known"):
        TetMesh(NODES, TETS).write(tmp_path / "b.docx")
    assert not (tmp_path / "b.docx").exists()


@pytest.mark.parametrize(
    ("extent_mm", "warned"), [(9.9, True), (10.0, False), (2000.0, False), (2001.0, True)]
)
def test_a_size_that_is_no_head_is_warned_of(tmp_path, extent_mm, warned):
    TetMesh(NODES / 20 * extent_mm, TETS, [5, 5]).write(tmp_path / "a.msh")  # z from -10 to 10
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        read_mesh(tmp_path / "a.msh")
    assert [f"{extent_mm:.3g} mm across" in str(one.message) for one in caught] == [True] * warned
