# SPDX-License-Identifier: BSD-3-Clause
"""Mesh files: every layout of Gmsh 2.2 and 4.1, .npz, meshio's formats, and damaged ones of each."""

import itertools
import os
import struct
import warnings
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headfield.errors import FileFormatError, HeadfieldError, MeshError
from headfield.io.meshes import read_mesh, write_mesh
from headfield.mesh import TetMesh

# A double pyramid of two tissues around the triangle 1 2 3, with its node ids as a file would have them.
NODES = np.array([[0, 0, 0], [10, 0, 0], [0, 10, 0], [3, 3, 10], [3, 3, -10]], float)
TETS = np.array([[0, 1, 2, 3], [0, 2, 1, 4]])
TRIANGLES = np.array([[0, 1, 2]])
CONTIGUOUS = np.array([1, 2, 3, 4, 5])
WITH_GAPS = np.array([70, 3, 900000, 12, 5])
WITH_SMALL_GAPS = np.array([20, 13, 4, 12, 5])

ELEMENTS = [  # type, tags, nodes: as Gmsh orders them
    (15, (9, 9), [0]),
    (1, (8, 8), [0, 1]),
    (2, (1002, 1002), [0, 1, 2]),
    (4, (2, 2), [0, 1, 2, 3]),
    (4, (-1, -1), [0, 2, 1, 4]),
]


def msh22(order="<", ids=CONTIGUOUS, elements=ELEMENTS, nodes=NODES, singles=False, extra=b"") -> bytes:
    """Gmsh 2.2 built by hand: text (order ""), or binary with blocks or with one header per element."""
    head = f"$MeshFormat\n2.2 {int(bool(order))} 8\n".encode()
    if not order:
        rows = "".join(f"{i} {x!r} {y!r} {z!r}\n" for i, (x, y, z) in zip(ids, nodes.tolist(), strict=True))
        body = "".join(
            f"{100 + k} {kind} {len(tags)} {' '.join(map(str, [*tags, *ids[corners]]))}\n"
            for k, (kind, tags, corners) in enumerate(elements)
        )
        text = f"$EndMeshFormat\n$Nodes\n{len(ids)}\n{rows}$EndNodes\n$Elements\n{len(elements)}\n{body}"
        return head + text.encode() + b"$EndElements\n" + extra
    rows = b"".join(struct.pack(order + "i3d", i, *x) for i, x in zip(ids, nodes, strict=True))
    body = b""
    layout = None
    for k, (kind, tags, corners) in enumerate(elements):
        if singles or (kind, len(tags)) != layout:
            alike = 1 if singles else sum((e[0], len(e[1])) == (kind, len(tags)) for e in elements)
            body += struct.pack(order + "3i", kind, alike, len(tags))
            layout = kind, len(tags)
        row = [100 + k, *tags, *ids[corners]]
        body += struct.pack(f"{order}{len(row)}i", *row)
    return (
        head + struct.pack(order + "i", 1) + b"\n$EndMeshFormat\n$Nodes\n%d\n" % len(ids) + rows
        + b"$EndNodes\n$Elements\n%d\n" % len(elements) + body + b"$EndElements\n" + extra
    )  # fmt: skip


def msh41(order="<", ids=CONTIGUOUS, groups=True, parametric=False) -> bytes:
    """Gmsh 4.1 built by hand: volumes 11 and 12 in the groups 2 and -1, surface 5 in the group 1002."""

    def section(name, *numbers):
        if not order:
            return (
                f"${name}\n".encode()
                + "".join(f"{v!r} " for _, v in numbers).encode()
                + f"\n$End{name}\n".encode()
            )
        packed = b"".join(struct.pack(order + {"i": "i", "z": "q", "d": "d"}[k], v) for k, v in numbers)
        return f"${name}\n".encode() + packed + f"\n$End{name}\n".encode()

    def many(kind, values):
        return [(kind, v.item() if hasattr(v, "item") else v) for v in values]

    def entity(tag, group):
        return [
            ("i", tag),
            *many("d", [0.0] * 6),
            ("z", int(groups)),
            *([("i", group)] * groups),
            ("z", 1),
            ("i", 7),
        ]

    entities = [*many("z", [1, 0, 1, 2]), ("i", 1), *many("d", [0.0] * 3), ("z", 0)]
    entities += [*entity(5, 1002), *entity(11, 2), *entity(12, -1)]
    coordinates = np.c_[NODES, NODES[:, :2]] if parametric else NODES
    nodes = [*many("z", [2, 5, 1, int(ids.max())])]
    for piece in (slice(0, 2), slice(2, 5)):
        nodes += [("i", 2), ("i", 5), ("i", int(parametric)), ("z", len(ids[piece])), *many("z", ids[piece])]
        nodes += many("d", coordinates[piece].ravel())
    elements = many("z", [3, 3, 102, 104])
    for dimension, entity_tag, kind, k, corners in (
        (2, 5, 2, 102, TRIANGLES[0]),
        (3, 11, 4, 103, TETS[0]),
        (3, 12, 4, 104, TETS[1]),
    ):
        elements += [
            ("i", dimension),
            ("i", entity_tag),
            ("i", kind),
            ("z", 1),
            ("z", k),
            *many("z", ids[corners]),
        ]
    head = f"$MeshFormat\n4.1 {int(bool(order))} 8\n".encode()
    head += struct.pack(order + "i", 1) + b"\n" if order else b""
    names = b'$PhysicalNames\n1\n3 2 "gray matter"\n$EndPhysicalNames\n'
    return (
        head + b"$EndMeshFormat\n" + names + section("Entities", *entities) + section("Nodes", *nodes)
        + section("Elements", *elements)
    )  # fmt: skip


@pytest.fixture
def load(tmp_path):
    def read(content: bytes, name="a.msh") -> TetMesh:
        path = tmp_path / name
        path.write_bytes(content)
        return read_mesh(path)

    return read


def check_pyramid(mesh: TetMesh, ids, tags=(2, -1), triangle_tags=(1002,)) -> None:
    np.testing.assert_array_equal(mesh.nodes_mm, NODES)
    np.testing.assert_array_equal(mesh.tets, TETS)
    np.testing.assert_array_equal(mesh.tags, tags)
    np.testing.assert_array_equal(mesh.triangles, TRIANGLES)
    np.testing.assert_array_equal(mesh.triangle_tags, triangle_tags)
    np.testing.assert_array_equal(mesh.node_ids, ids)
    np.testing.assert_array_equal(mesh.element_ids, [103, 104])


@pytest.mark.parametrize("ids", [CONTIGUOUS, CONTIGUOUS + 1000, WITH_GAPS, WITH_SMALL_GAPS])
@pytest.mark.parametrize("order", ["", "<", ">"], ids=["text", "little", "big"])
class TestLayouts:
    @pytest.mark.parametrize("singles", [False, True], ids=["blocks", "singles"])
    def test_version_2(self, load, order, ids, singles):
        check_pyramid(load(msh22(order, ids, singles=singles)), ids)

    @pytest.mark.parametrize("parametric", [False, True], ids=["plain", "parametric"])
    def test_version_4(self, load, order, ids, parametric):
        check_pyramid(load(msh41(order, ids, parametric=parametric)), ids)


@pytest.mark.parametrize("order", ["", "<", ">"], ids=["text", "little", "big"])
def test_entities_are_the_tags_where_there_are_no_groups(load, order):
    check_pyramid(load(msh41(order, groups=False)), CONTIGUOUS, tags=(11, 12), triangle_tags=(5,))
    elementary = [(kind, (0, tags[1] + 50), corners) for kind, tags, corners in ELEMENTS]
    check_pyramid(load(msh22(order, elements=elementary)), CONTIGUOUS, tags=(52, 49), triangle_tags=(1052,))


@pytest.mark.parametrize("order", ["", "<", ">"], ids=["text", "little", "big"])
@pytest.mark.parametrize("singles", [False, True], ids=["blocks", "singles"])
def test_any_number_of_tags(load, order, singles):
    several = [(kind, tags + (1, 7) * k, corners) for k, (kind, tags, corners) in enumerate(ELEMENTS)]
    check_pyramid(load(msh22(order, elements=several, singles=singles)), CONTIGUOUS)
    bare = [(kind, (), corners) for kind, _, corners in ELEMENTS]
    check_pyramid(load(msh22(order, elements=bare, singles=singles)), CONTIGUOUS, (0, 0), (0,))


@pytest.mark.parametrize("order", ["", "<", ">"], ids=["text", "little", "big"])
@pytest.mark.parametrize("singles", [False, True], ids=["blocks", "singles"])
def test_long_runs_and_changes_between_them(load, order, singles):
    """Runs of every length from 1 to 40 and one of 3000, so that each window of the search ends in one."""
    rng = np.random.default_rng(3)
    elements = []
    for run in [*range(1, 41), 3000, 1]:
        kind, n_tags = [(2, 2), (2, 3), (1, 2), (15, 2)][run % 4]
        corners = {2: [0, 1, 2], 1: [0, 1], 15: [4]}[kind]
        elements += [(kind, tuple(rng.integers(-5, 9, n_tags).tolist()), corners) for _ in range(run)]
        elements += ELEMENTS[3:] if run == 20 else []
    if not singles and order:  # the builder of blocks counts all of a kind at once
        elements.sort(key=lambda e: (e[0], len(e[1])))
    mesh = load(msh22(order, elements=elements, singles=singles))
    np.testing.assert_array_equal(mesh.triangle_tags, [e[1][0] for e in elements if e[0] == 2])
    np.testing.assert_array_equal(mesh.tags, [2, -1])
    assert len(mesh.triangles) == len([e for e in elements if e[0] == 2])


@pytest.mark.parametrize("order", ["<", ">"])
def test_single_elements_and_blocks_in_one_file(load, order):
    rows = b""
    elements = [
        (2, 2, [7, 1002, 1002, 1, 2, 3]),
        (2, 1, [8, 1003, 1003, 1, 2, 4]),
        (2, 2, [9, 1004, 1004, 1, 2, 4]),
    ]
    elements += [(4, 1, [103, 2, 2, 1, 2, 3, 4]), (4, 1, [104, -1, -1, 1, 3, 2, 5])]
    for kind, count, row in elements:
        rows += struct.pack(order + "3i", kind, count, 2) + struct.pack(f"{order}{len(row)}i", *row) * count
    content = msh22(order, elements=[])
    mesh = load(content.replace(b"$Elements\n0\n", b"$Elements\n7\n" + rows))
    np.testing.assert_array_equal(mesh.triangle_tags, [1002, 1002, 1003, 1004, 1004])
    np.testing.assert_array_equal(mesh.tets, TETS)
    np.testing.assert_array_equal(mesh.element_ids, [103, 104])


@pytest.mark.parametrize("order", ["", "<"], ids=["text", "little"])
def test_what_follows_and_precedes_is_stepped_over(load, order):
    field = b'$ElementData\n1\n"magnE"\n1\n0.0\n4\n0\n1\n2\n0\n' + struct.pack("<idid", 103, 1.0, 104, 2.0)
    trailing = field + b"$EndElementData\n$Periodic\n0\n$EndPeriodic\n\n"
    content = msh22(order, extra=trailing)
    check_pyramid(load(b"$Comments\nwritten by hand\n$EndComments\n" + content), CONTIGUOUS)
    if not order:
        check_pyramid(load(content.replace(b"\n", b"\r\n")), CONTIGUOUS)


def test_unused_nodes_and_turned_elements_of_a_file(load):
    nodes = np.concatenate([NODES, [[77, 77, 77]]])[[5, 0, 1, 2, 3, 4]]
    turned = [*ELEMENTS[:4], (4, (-1, -1), [1, 0, 2, 4])]
    shifted = [(kind, tags, [c + 1 for c in corners]) for kind, tags, corners in turned]
    turned_back = load(msh22("<", np.arange(1, 7), shifted, nodes))
    assert (turned_back.n_flipped, turned_back.n_dropped_nodes) == (0, 1)
    np.testing.assert_array_equal(turned_back.node_ids, [2, 3, 4, 5, 6])
    shifted[3] = (4, (2, 2), [2, 1, 3, 4])
    assert load(msh22("<", np.arange(1, 7), shifted, nodes)).n_flipped == 1


def test_samples(shared_data):
    sphere = read_mesh(shared_data / "meshes/sphere3.msh")
    assert (sphere.n_nodes, sphere.n_tets, np.unique(sphere.tags).tolist()) == (4556, 22704, [3, 4, 5])
    for kind in ("ascii", "binary"):
        other = read_mesh(shared_data / f"meshes/sphere3_v4_1_{kind}.msh")
        a, b = (np.argsort(m.node_ids) for m in (sphere, other))
        np.testing.assert_array_equal(sphere.nodes_mm[a], other.nodes_mm[b])
        a, b = (np.argsort(m.element_ids) for m in (sphere, other))
        np.testing.assert_array_equal(sphere.tags[a], other.tags[b])
        np.testing.assert_array_equal(sphere.node_ids[sphere.tets[a]], other.node_ids[other.tets[b]])
        assert np.bincount(sphere.triangle_tags).tolist() == np.bincount(other.triangle_tags).tolist()
    head, same = read_mesh(shared_data / "head_small.msh"), read_mesh(shared_data / "head_small.npz")
    for name in ("nodes_mm", "tets", "tags"):
        np.testing.assert_array_equal(getattr(head, name), getattr(same, name))


# ---- writing and reading back


meshes = st.builds(
    lambda nodes, tags, triangles: TetMesh(
        NODES * nodes[0] + nodes[1:], TETS, tags, TRIANGLES[: len(triangles)], triangles
    ),
    st.lists(st.floats(1, 100, width=64), min_size=4, max_size=4).map(np.array),
    st.lists(st.integers(-(2**31), 2**31 - 1), min_size=2, max_size=2).filter(any),
    st.lists(st.integers(1, 2000), max_size=1),
)


@settings(max_examples=25, deadline=None)
@given(meshes)
@pytest.mark.parametrize("kind", ["msh", "text.msh", "npz", "vtu"])
def test_round_trip(tmp_path_factory, kind, mesh):
    path = tmp_path_factory.getbasetemp() / f"round.{kind}"
    write_mesh(path, mesh, binary="text" not in kind)
    back = read_mesh(path)
    for name in ("nodes_mm", "tets", "tags", "triangles", "triangle_tags"):
        np.testing.assert_array_equal(getattr(back, name), getattr(mesh, name))


@pytest.mark.parametrize("name", ["a.msh", "a.vtk", "a.vtu", "a.mesh", "a.xdmf", "a.inp", "a.vol", "a.med"])
def test_formats_that_keep_the_tags(tmp_path, name):
    mesh = TetMesh(NODES, TETS, [2, 5])
    mesh.write(tmp_path / name)
    assert {path.stem for path in tmp_path.iterdir()} == {"a"}
    back = read_mesh(str(tmp_path / name))
    np.testing.assert_allclose(back.nodes_mm, NODES)
    np.testing.assert_array_equal(back.tets, TETS)
    if name not in ("a.inp", "a.vol"):
        np.testing.assert_array_equal(back.tags, mesh.tags)


def test_meshio_reads_what_is_written_here(tmp_path):
    import meshio

    write_mesh(tmp_path / "a.msh", TetMesh(NODES, TETS, [2, 5], TRIANGLES, [1002]))
    other = meshio.read(tmp_path / "a.msh")
    np.testing.assert_array_equal(other.points, NODES)
    np.testing.assert_array_equal(other.cells_dict["tetra"], TETS)
    np.testing.assert_array_equal(other.cell_data_dict["gmsh:physical"]["tetra"], [2, 5])
    np.testing.assert_array_equal(other.cell_data_dict["gmsh:physical"]["triangle"], [1002])


def test_a_failed_write_leaves_what_was_there(tmp_path, monkeypatch):
    from headfield.io import gmsh_write

    path = tmp_path / "a.msh"
    write_mesh(path, TetMesh(NODES, TETS, [2, 5]))
    before = path.read_bytes()

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(gmsh_write, "_write_elements", full)
    with pytest.raises(OSError, match="No space"):
        write_mesh(path, TetMesh(NODES * 2, TETS, [2, 5]))
    assert path.read_bytes() == before
    assert os.listdir(tmp_path) == ["a.msh"]


# ---- damaged and hostile files


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
            self.refuse(load, "1 elements use nodes that .* tetrahedron with id 104, node 777", wrong)

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


@pytest.mark.filterwarnings("ignore:.*mm across")  # a changed byte may make it as large as it likes
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
        ("Object arrays cannot be loaded", {"nodes": NODES.astype(object), "tets": TETS}),
        ("tets must be integers", {"nodes": NODES, "tets": TETS * 1.0}),
        ("tags has 1 values where 2", {"nodes": NODES, "tets": TETS, "tags": [1]}),
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


@pytest.mark.filterwarnings("ignore:.*mm across")  # a changed byte may make it as large as it likes
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
        print("I am leaving")
        raise SystemExit(1)

    monkeypatch.setattr(meshio, "read", leave)
    (tmp_path / "a.vtk").write_bytes(b"x")
    with pytest.raises(MeshError, match=r"a\.vtk: meshio could not read it: 1 I am leaving"):
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
    TetMesh(NODES / 20 * extent_mm, TETS).write(tmp_path / "a.msh")  # z from -10 to 10
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        read_mesh(tmp_path / "a.msh")
    assert [f"{extent_mm:.3g} mm across" in str(one.message) for one in caught] == [True] * warned
