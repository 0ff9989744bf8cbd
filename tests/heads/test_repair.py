# SPDX-License-Identifier: BSD-3-Clause
"""Repair of heads that are refused or hard to solve: what comes out is one mesh that fills the same space."""

import re
import warnings

import numpy as np
import pytest
from given.heads import coil
from given.spoilt_meshes import arrays, ball, check_conforming, cracked, shrinking, split_edges
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial import ConvexHull, Delaunay

import headfield as hf
from headfield.errors import MeshError
from headfield.heads.formats.raw import RawMesh
from headfield.heads.mending.repair import repaired
from headfield.heads.mesh import TetMesh


def repair(content, min_edge_mm=None, min_height=1e-3):
    """The repaired mesh and what was said."""
    raw = repaired(RawMesh(**content), min_edge_mm, min_height)
    return TetMesh(**raw.arguments()), raw.notes


def check_triangles(mesh):
    """Every triangle is a face of a tetrahedron of its tissue and something else."""
    assert (mesh.triangle_tets() >= 0).all()


@pytest.mark.parametrize("times", [4, 6, 8, 12])
def test_tetrahedra_that_shrink_around_a_point(times):
    """From 12 on the smallest have heights of 1e-17 mm, which is rounding."""
    mesh, notes = repair(shrinking(ball(), times))
    check_conforming(mesh, ball())
    check_triangles(mesh)
    assert mesh.n_tets < ball().n_tets + 3 * 3
    assert mesh.volumes_mm3().min() > 1e-5 * np.median(mesh.volumes_mm3())
    count = ball().n_tets + 3 * times - mesh.n_tets
    assert (
        f"edges shorter than 0.022 mm collapsed, and with them {count} tetrahedra ({count} of tag 3;"
        in notes[0]
    )
    again = np.isin(mesh.element_ids, np.arange(ball().n_tets))
    np.testing.assert_array_equal(mesh.tags[again], ball().tags[mesh.element_ids[again]])


def test_e_after_a_repair_is_that_of_the_head_without_the_small_ones():
    pose = np.diag([1.0, -1, -1, 1])
    pose[2, 3] = 97
    expected = hf.HeadModel(ball()).solve(coil(), pose, tol=1e-9).E[0]
    mesh, _ = repair(shrinking(ball(), 8))
    found = hf.HeadModel(mesh).solve(coil(), pose, tol=1e-9).E[0]
    gray = np.flatnonzero(mesh.tags == 2)
    there = mesh.element_ids[gray]
    np.testing.assert_array_equal(ball().tags[there], 2)
    off = np.linalg.norm(found[gray] - expected[there]) / np.linalg.norm(expected[there])
    assert off < 5e-6  # what other tetrahedra in CSF, an edge away, make of E: 1.2e-6 with a 70 mm figure-8


def test_what_is_good_is_left_alone():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert ball().repaired() is ball()
        assert ball().merged() is ball()


def test_copies_and_tetrahedra_that_name_a_node_twice():
    tets = np.vstack([ball().tets, ball().tets[[5, 7]][:, [1, 0, 2, 3]], [[3, 3, 4, 5]]])
    mesh, notes = repair(arrays(ball(), tets=tets, tags=[*ball().tags, *ball().tags[[5, 7]], 5]))
    np.testing.assert_array_equal(mesh.tets, ball().tets)
    np.testing.assert_array_equal(mesh.element_ids, np.arange(ball().n_tets))
    assert notes[0].startswith("repair: 1 tetrahedron (1 of tag 5; the first at (")
    assert notes[0].endswith("mm) that named a node twice left out")
    tag = ball().tags[5]
    assert notes[1].startswith(f"repair: 2 tetrahedra (2 of tag {tag}; the first at (")
    assert notes[1].endswith("mm) that repeated another left out")


def test_specks_are_left_out_and_large_parts_are_not():
    nodes = np.vstack([ball().nodes_mm, [[200, 0, 0], [203, 0, 0], [200, 3, 0], [200, 0, 3]]])
    tets = np.vstack([ball().tets, ball().n_nodes + np.arange(4)])
    content = arrays(ball(), tets=tets, tags=[*ball().tags, 5], node_ids=None)
    mesh, notes = repair(content | {"nodes_mm": nodes})
    assert notes == [
        "repair: 1 tetrahedron (1 of tag 5; the first at (200.75, 0.75, 0.75) mm) left out, in 1 part that "
        "hangs apart from the largest"
    ]
    np.testing.assert_array_equal(mesh.tets, ball().tets)
    nodes[-4:] = 200 + 50 * (nodes[-4:] - 200)
    assert repaired(RawMesh(**content | {"nodes_mm": nodes}), None, 1e-3) is None


def test_copies_of_different_tissues_stay_an_error():
    tets = np.vstack([ball().tets, ball().tets[:1]])
    with pytest.raises(MeshError, match="1 tetrahedron repeats the nodes"):
        TetMesh(**arrays(ball(), tets=tets, tags=[*ball().tags, 77]))
    assert repaired(RawMesh(**arrays(ball(), tets=tets, tags=[*ball().tags, 77])), None, 1e-3) is None


@pytest.mark.parametrize("where", ["inside", "between tissues", "at the scalp"])
def test_a_corner_in_the_plane_of_the_opposite_face(where):
    """Three of the four corners stay; the mesh with the fourth in their plane is refused."""
    mesh = ball()
    outer = np.unique(mesh.boundary())
    touched = np.zeros((mesh.n_nodes, 6), bool)
    touched[mesh.tets.ravel(), np.repeat(mesh.tags, 4)] = True
    alone = touched.sum(axis=1) == 1
    chosen = {
        "inside": alone,
        "between tissues": ~alone,
        "at the scalp": np.isin(np.arange(len(alone)), outer),
    }[where]
    if where == "inside":
        chosen[outer] = False
    at, corner = np.argwhere(chosen[mesh.tets])[0]
    a, b, c, d = np.roll(mesh.tets[at], -corner)
    nodes = mesh.nodes_mm.copy()
    normal = np.cross(nodes[c] - nodes[b], nodes[d] - nodes[b])
    normal /= np.linalg.norm(normal)
    nodes[a] -= normal * np.dot(normal, nodes[a] - nodes[b])
    content = arrays(mesh, nodes_mm=nodes)
    with pytest.raises(MeshError, match="1 tetrahedron has zero volume"):
        TetMesh(**content)
    found, notes = repair(content)
    assert "1 node was moved by" in notes[0]
    check_conforming(found)
    check_triangles(found)
    assert found.n_tets == mesh.n_tets
    assert np.linalg.norm(found.nodes_mm - nodes, axis=1).max() < 0.05 * 30


@settings(max_examples=25, deadline=None, derandomize=True)
@given(st.integers(0, 2**32), st.sampled_from(["scattered", "clusters", "grid"]))
def test_random_meshes_with_slivers_and_clusters(seed, kind):
    """Whatever is repaired is one conforming mesh, and encloses what it did."""
    rng = np.random.default_rng(seed)
    points = rng.uniform(-80, 80, (rng.integers(20, 150), 3))
    if kind == "clusters":
        few = len(points) // 4
        points[:few] = points[rng.integers(few, len(points), few)]
        points[:few] += rng.normal(size=(few, 3)) * 10.0 ** rng.uniform(-9, -2, (few, 1))
    if kind == "grid":
        points = np.unique(np.round(points / 20) * 20, axis=0)
    tets = Delaunay(points).simplices
    middle = points[tets].mean(axis=1)
    content = {"nodes_mm": points, "tets": tets, "tags": (middle[:, 0] > 0) + 2 * (middle[:, 1] > 0)}
    raw = repaired(RawMesh(**content), None, 1e-3)
    if raw is None:
        return
    if any("could not be repaired" in note for note in raw.notes):
        return  # it says so, and TetMesh tells whether it can be used
    mesh = TetMesh(**raw.arguments())
    check_conforming(mesh)
    np.testing.assert_allclose(mesh.volumes_mm3().sum(), ConvexHull(points).volume, rtol=0.03)


@pytest.mark.parametrize("seed", range(6))
def test_edges_that_are_split_next_to_their_end(seed):
    """Inside and on all surfaces. Tissues keep their volumes, triangles all of the surfaces."""
    mesh, _ = repair(split_edges(ball(), seed))
    check_conforming(mesh)
    check_triangles(mesh)
    assert mesh.n_tets == ball().n_tets
    for tag in (2, 3, 5):
        volumes = [float(each.volumes_mm3()[each.tags == tag].sum()) for each in (mesh, ball())]
        assert volumes[0] == pytest.approx(volumes[1], rel=1e-4)
        assert (mesh.triangle_tags == 1000 + tag).sum() == (ball().triangle_tags == 1000 + tag).sum()


def test_what_can_not_be_repaired(tmp_path):
    """All corners of a tetrahedron on a line: no move of one of them gives it a volume."""
    nodes = [[0, 0, 0], [90, 0, 0], [0, 90, 0], [0, 0, 90], [30, 0, 0], [60, 0, 0]]
    content = {"nodes_mm": np.array(nodes, float), "tets": np.array([[0, 1, 2, 3], [0, 1, 4, 5]])}
    notes = repaired(RawMesh(**content, tags=np.array([1, 2])), None, 1e-3).notes
    assert notes == [
        "repair: 1 tetrahedron (1 of tag 2; the first at (45, 0, 0) mm) could not be repaired: "
        "heights below 0.001 of an edge"
    ]
    np.savez(tmp_path / "a.npz", nodes=nodes, tets=content["tets"])
    with pytest.raises(MeshError, match=r"a.npz: 1 tetrahedron has zero volume .* mm$"):
        hf.read_mesh(tmp_path / "a.npz", repair=True)


class TestMerging:
    @pytest.mark.parametrize("shared", [0, 6])
    def test_a_crack_between_tissues_is_closed(self, shared):
        content = cracked(ball(), [2], shared)
        whole, said = repair(content)
        check_conforming(whole, ball())
        np.testing.assert_array_equal(whole.tets, ball().tets)
        assert f"{len(content['nodes_mm']) - ball().n_nodes} nodes were joined with others" in said[0]
        if not shared:
            with pytest.raises(MeshError, match="2 disconnected parts"):
                TetMesh(**content)
            return
        mesh = TetMesh(
            **content,
        )
        with pytest.warns(UserWarning, match="nodes were joined with others (at|up to)"):
            same = mesh.merged()
        np.testing.assert_array_equal(same.tets, whole.tets)
        np.testing.assert_array_equal(same.nodes_mm, ball().nodes_mm)
        assert same.element_ids is None
        assert same.merged() is same

    def test_a_tiny_tetrahedron_elsewhere_does_not_keep_rounded_nodes_apart(self):
        whole = TetMesh(**shrinking(ball(), 4))  # edges down to 3e-5 mm
        content = cracked(whole, [2], 6)
        copies = content["nodes_mm"][whole.n_nodes :]
        copies += np.random.default_rng(0).uniform(-1e-3, 1e-3, copies.shape)
        mesh = TetMesh(**content)
        (found,) = mesh.check().errors
        assert found.name == "not_joined"
        assert found.count == len(copies)
        with pytest.warns(UserWarning, match=rf"{len(copies)} nodes were joined with others up to 0\.001"):
            np.testing.assert_array_equal(mesh.merged().nodes_mm, whole.nodes_mm)

    def test_ids_and_fields_are_those_of_the_first(self):
        nodes = [[0, 0, 0], [9, 0, 0], [0, 9, 0], [0, 0, 9], [9, 0.001, 0], [0, 9, 0], [9, 9, 9]]
        mesh = hf.TetMesh(
            nodes,
            [[0, 1, 2, 3], [4, 2, 3, 6]],
            [1, 2],
            [[4, 2, 3]],
            [1001],
            element_ids=[8, 9],
            node_ids=[10, 11, 12, 13, 14, 15, 16],
            element_data={"e": [1, 2]},
            node_data={"v": [0, 1, 2, 3, 4, 5, 6]},
            triangle_data={"t": [7]},
        )
        with pytest.warns(
            UserWarning,
            match=r"1 node .* at \(9, 0.001, 0\) mm; the first of different values was kept of 'v'",
        ):
            joined = mesh.merged()
        assert joined.node_ids.tolist() == [10, 11, 12, 13, 16]
        assert joined.element_ids.tolist() == [8, 9]
        assert joined.node_data["v"].tolist() == [0, 1, 2, 3, 6]
        assert joined.element_data["e"].tolist() == [1, 2]
        assert joined.triangle_data["t"].tolist() == [7]
        assert joined.triangles.tolist() == [[1, 2, 3]]
        assert mesh.merged(1e-4) is mesh

    def test_a_tolerance_longer_than_an_edge(self):
        with pytest.raises(MeshError, match="tolerance_mm = 30 would join both ends of edges, at"):
            ball().merged(30)
        for wrong in (-1, np.nan, "1"):
            with pytest.raises(MeshError, match="tolerance_mm"):
                ball().merged(wrong)

    def test_parts_that_lie_in_one_another(self):
        """A tetrahedron on either side of a face, and a third that starts from a copy of it."""
        nodes = [[0, 0, 0], [9, 0, 0], [0, 9, 0], [0, 0, 9], [4, 4, -9], [9, 0, 0], [0, 9, 0], [2, 2, 20]]
        mesh = hf.TetMesh(nodes, [[0, 1, 2, 3], [0, 1, 2, 4], [0, 5, 6, 7]], [1, 2, 3])
        with pytest.raises(
            MeshError, match="1 face belongs to more than two tetrahedra: parts of the mesh lie in one"
        ):
            mesh.merged()


@pytest.mark.parametrize(
    "arguments", [{"min_edge_mm": -1}, {"min_edge_mm": "a"}, {"min_height": 0.5}, {"min_height": np.nan}]
)
def test_limits_that_are_none(arguments):
    (name,) = arguments
    with pytest.raises(MeshError, match=name):
        ball().repaired(**arguments)


@pytest.mark.parametrize(
    ("match", "change"),
    [
        ("no tetrahedra", {"tets": np.zeros((0, 4), int), "tags": None}),
        ("node index outside", {"tets": [[0, 1, 2, 10**6]], "tags": [1]}),
        ("not finite", {"nodes_mm": np.full((600, 3), np.nan)}),
        ("no tetrahedron of the mesh has four different nodes", {"tets": [[0, 0, 1, 2]], "tags": [1]}),
        ("tags has 3 values", {"tags": [1, 2, 3]}),
    ],
)
def test_what_is_no_mesh_at_all(match, change):
    with pytest.raises(MeshError, match=match):
        repair(arrays(ball(), **change))


def test_files_that_are_refused_can_be_repaired(tmp_path):
    path = tmp_path / "head.npz"
    spoilt = shrinking(ball(), 8)
    np.savez(path, nodes=spoilt["nodes_mm"], tets=spoilt["tets"], tags=spoilt["tags"])
    way_out = r"head.npz: .*; \d of tag 3\).*; read_mesh\(path, repair=True\) or --repair may mend that$"
    with pytest.raises(MeshError, match=way_out):
        hf.read_mesh(path)
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        mesh = hf.read_mesh(path, repair=True)
    assert re.search(r"head.npz: repair: \d edges shorter than", str(said[0].message))
    check_conforming(mesh, ball())
    tets = np.vstack([ball().tets, ball().tets[:1]])
    np.savez(path, nodes=ball().nodes_mm, tets=tets, tags=[*ball().tags, 77])
    for repair in (False, True):  # which of two tissues is right can't be told
        with pytest.raises(MeshError, match=r"1 tetrahedron repeats .* 0; their tags are 77 and 5$"):
            hf.read_mesh(path, repair=repair)


def test_repair_refuses_parts_that_lie_in_one_another():
    nodes = [[0, 0, 0], [9, 0, 0], [0, 9, 0], [0, 0, 9], [4, 4, -9], [9, 0, 0], [0, 9, 0], [2, 2, 20]]
    content = {
        "nodes_mm": np.array(nodes, float),
        "tets": np.array([[0, 1, 2, 3], [0, 1, 2, 4], [0, 5, 6, 7]]),
    }
    with pytest.raises(MeshError, match="1 face belongs to more than two tetrahedra"):
        repair(content)
