# SPDX-License-Identifier: BSD-3-Clause
"""TetMesh: what it repairs, what it refuses and with which words, and its geometry."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial import Delaunay

from headfield.errors import MeshError
from headfield.heads.mesh import TetMesh


def box(n: int = 3, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Nodes of a jittered box of n^3 points, and its Delaunay tetrahedra, no slivers, mixed orientation."""
    grid = np.stack(np.meshgrid(*[np.arange(float(n))] * 3, indexing="ij"), -1).reshape(-1, 3)
    nodes = 10 * grid + np.random.default_rng(seed).uniform(-1, 1, grid.shape)
    tets = Delaunay(nodes).simplices.astype(np.int32)
    edges = nodes[tets[:, 1:]] - nodes[tets[:, :1]]
    return nodes, tets[np.abs(np.linalg.det(edges)) > 10]


ONE = np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1]], float)


def test_positive_orientation_whatever_came_in():
    nodes, tets = box()
    det = np.linalg.det(nodes[tets[:, 1:]] - nodes[tets[:, :1]])
    assert 0 < (det < 0).sum() < len(tets)
    mesh = TetMesh(nodes, tets)
    assert mesh.n_flipped == (det < 0).sum()
    assert (np.sort(mesh.tets, axis=1) == np.sort(tets, axis=1)).all()
    edges = mesh.nodes_mm[mesh.tets[:, 1:]] - mesh.nodes_mm[mesh.tets[:, :1]]
    np.testing.assert_allclose(mesh.volumes_mm3(), np.linalg.det(edges) / 6, rtol=1e-12)
    assert (mesh.volumes_mm3() > 0).all()


def test_arrays_are_read_only_and_independent_of_the_caller():
    nodes, tets = box()
    tags = np.ones(len(tets), np.int32)
    mesh = TetMesh(nodes, tets, tags)
    before = mesh.nodes_mm.copy(), mesh.tets.copy(), mesh.tags.copy()
    nodes[:], tets[:], tags[:] = 0, 0, 0
    for now, then in zip((mesh.nodes_mm, mesh.tets, mesh.tags), before, strict=True):
        np.testing.assert_array_equal(now, then)
        with pytest.raises(ValueError, match="read-only"):
            now[0] = 1


@pytest.mark.parametrize("dtype", [np.int64, np.uint8, np.uint64, ">i4"])
def test_integers_of_any_kind_are_taken(dtype):
    nodes, tets = box()
    mesh = TetMesh(
        nodes.astype(np.float32), np.asfortranarray(tets.astype(dtype)), np.arange(len(tets), dtype=np.int64)
    )
    reference = TetMesh(nodes, tets)
    np.testing.assert_array_equal(mesh.tets, reference.tets)
    assert (mesh.nodes_mm.dtype, mesh.tets.dtype, mesh.tags.dtype) == (np.float64, np.int32, np.int32)
    assert mesh.nodes_mm.flags.c_contiguous
    assert mesh.tets.flags.c_contiguous


def test_unused_nodes_are_dropped_and_the_numbering_remembered():
    nodes, tets = box()
    extra = np.array([[900.0, 900, 900]])
    padded = np.concatenate([extra, nodes[:5], extra, nodes[5:]])
    place = np.r_[1:6, 7 : len(nodes) + 2]
    triangles = np.array([place[tets[0, :3]], [0, 1, 2]])
    mesh = TetMesh(padded, place[tets], triangles=triangles, triangle_tags=[1005, 1006])
    assert (mesh.n_nodes, mesh.n_dropped_nodes) == (len(nodes), 2)
    np.testing.assert_array_equal(mesh.nodes_mm, nodes)
    np.testing.assert_array_equal(mesh.node_ids, place)
    np.testing.assert_array_equal(np.sort(mesh.tets), np.sort(tets))
    np.testing.assert_array_equal(mesh.triangles, tets[:1, :3])
    np.testing.assert_array_equal(mesh.triangle_tags, [1005])
    named = TetMesh(padded, place[tets], node_ids=np.arange(len(padded)) * 10 + 3)
    np.testing.assert_array_equal(named.node_ids, place * 10 + 3)


def refuse(match: str, *args, **kwargs) -> None:
    with pytest.raises(MeshError, match=match):
        TetMesh(*args, **kwargs)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 1e200])
def test_bad_coordinates(value):
    nodes, tets = box()
    nodes[7, 1] = nodes[9, 2] = value
    refuse(r"2 nodes have coordinates that are not finite.*first is node 7", nodes, tets)


def test_flat_tetrahedra_are_counted_and_named():
    nodes, tets = box()
    flat = np.array([[0, 0, 50.0], [1, 0, 50], [0, 1, 50], [1, 1, 50]])
    bad = np.arange(4) + len(nodes)
    all_nodes = np.concatenate([nodes, flat])
    link = np.r_[tets[0, :3], bad[0]]  # so that the flat one hangs together with the rest
    all_tets = np.vstack([tets, link, bad])
    ids = np.arange(len(all_tets)) + 4000
    where = (
        rf"1 tetrahedron has zero volume.*tetrahedron {len(tets) + 1} \(element id {4001 + len(tets)}\) at"
    )
    refuse(where + r" \(0.5, 0.5, 50\) mm", all_nodes, all_tets, element_ids=ids)


@pytest.mark.parametrize("scale", [1e-6, 1.0, 1e6])
def test_flatness_is_relative(scale):
    thin = ONE * [1, 1, 1e-8] * scale
    assert TetMesh(thin, [[0, 1, 2, 3]]).n_tets == 1
    refuse("zero volume", ONE * [1, 1, 1e-11] * scale, [[0, 1, 2, 3]])


def test_small_tetrahedra_beside_large_ones_are_no_flat_ones():
    nodes = np.concatenate([ONE * 1000, [[1e-3, 1e-3, -1e-3], [1e-3, 0, 0], [0, 1e-3, 0]]])
    assert TetMesh(nodes, [[0, 1, 2, 3], [0, 5, 6, 4]]).n_tets == 2


def test_a_node_twice_in_a_tetrahedron():
    nodes, tets = box()
    tets[5, 3] = tets[5, 0]
    tets[8, 2] = tets[8, 1]
    refuse(r"2 tetrahedra name a node more than once; the first is tetrahedron 5 with nodes", nodes, tets)


def test_the_same_tetrahedron_twice():
    nodes, tets = box()
    again = np.vstack([tets, tets[3, [1, 0, 3, 2]], tets[3], tets[6]])
    n = len(tets)
    refuse(rf"3 tetrahedra repeat.*first is tetrahedron {n}, a copy of tetrahedron 3", nodes, again)


def test_repeated_tetrahedra_among_many():
    nodes, tets = box(9)
    rng = np.random.default_rng(5)
    for count in (1, 7, 300):
        copies = rng.integers(0, len(tets), count)
        again = np.concatenate([tets, rng.permuted(tets[copies], axis=1)])
        match = f"{count} tetrahedr.* first is tetrahedron {len(tets)}, a copy of tetrahedron {copies[0]}$"
        refuse(match, nodes, again)


@pytest.mark.parametrize("index", [-1, 27, 2**31 - 1, -(2**31)])
def test_indices_out_of_range(index):
    nodes, tets = box()
    assert len(nodes) == 27
    tets[4, 2] = index
    refuse(r"1 of the tetrahedra use a node index outside 0…26; the first is number 4", nodes, tets)
    refuse("1 of the triangles use a node index", nodes, box()[1], triangles=[[0, 1, index]])


def test_disconnected_parts():
    nodes, tets = box()
    n, m = len(nodes), len(tets)
    two = np.concatenate([nodes, ONE + 500])
    tail = np.arange(4)[None] + n
    refuse(
        rf"2 disconnected parts; the largest has {m} tet.*is tetrahedron {m}, in a part of 1",
        two,
        np.r_[tets, tail],
    )


@pytest.mark.parametrize(
    ("match", "arguments"),
    [
        ("no tetrahedra", {"tets": np.zeros((0, 4), int)}),
        ("no tetrahedra", {"tets": []}),
        ("no tetrahedra", {"nodes_mm": np.zeros((0, 3)), "tets": np.zeros((0, 4), int)}),
        ("outside", {"nodes_mm": np.zeros((0, 3))}),
        ("tets must be integers, not float64", {"tets": [[0.0, 1, 2, 3]]}),
        ("tets: True and False are not numbers", {"tets": [[True, False, True, True]]}),
        ("tets has the value 4294967296, which does not fit int32", {"tets": [[0, 1, 2, 2**32]]}),
        ("tets has the value -4294967296", {"tets": [[0, 1, 2, -(2**32)]]}),
        (r"tets must have shape \(m, 4\)", {"tets": [[0, 1, 2]]}),
        (r"tets must have shape \(m, 4\)", {"tets": [0, 1, 2, 3]}),
        ("tets: not an array", {"tets": [[0, 1, 2, 3], [0, 1]]}),
        ("tets must be integers", {"tets": [["a", "b", "c", "d"]]}),
        ("nodes_mm must be real numbers", {"nodes_mm": ONE.astype(complex)}),
        ("nodes_mm must be real numbers", {"nodes_mm": ONE.astype(str)}),
        (r"nodes_mm must have shape \(n, 3\)", {"nodes_mm": ONE[:, :2]}),
        (r"nodes_mm must have shape \(n, 3\)", {"nodes_mm": 1.0}),
        ("tags has 2 values where 1 is needed", {"tags": [1, 2]}),
        ("tags must be integers", {"tags": [1.5]}),
        (r"tags must have shape", {"tags": [[1]]}),
        ("triangles must be integers", {"triangles": [[0.5, 1, 2]]}),
        ("triangle_tags has 1 value where 0 are", {"triangle_tags": [1]}),
        ("node_ids has 3 values where 4", {"node_ids": [1, 2, 3]}),
        ("element_ids has 2 values where 1", {"element_ids": [1, 2]}),
    ],
)
def test_wrong_arguments(match, arguments):
    refuse(match, **{"nodes_mm": ONE, "tets": [[0, 1, 2, 3]], **arguments})


def test_boundary_is_closed_and_outward():
    nodes, tets = box(4)
    mesh = TetMesh(nodes, tets)
    faces = mesh.boundary()
    corners = mesh.nodes_mm[faces]
    # Divergence theorem: the volume from the surface alone, right only if all faces point out.
    volume = np.einsum("fi,fi->", corners[:, 0], np.cross(corners[:, 1], corners[:, 2])) / 6
    np.testing.assert_allclose(volume, mesh.volumes_mm3().sum(), rtol=1e-12)
    edges = {
        tuple(e)
        for face in faces.tolist()
        for e in ((face[0], face[1]), (face[1], face[2]), (face[2], face[0]))
    }
    assert {(b, a) for a, b in edges} == edges
    assert mesh.boundary() is faces


def test_surface_of_tissues_against_a_dictionary():
    nodes, tets = box(4)
    tags = (nodes[tets].mean(axis=1)[:, 0] > 15).astype(int) + (nodes[tets].mean(axis=1)[:, 1] > 20)
    mesh = TetMesh(nodes, tets, tags)
    for chosen in ([0], [1, 2], 2, [0, 1, 2], [7]):
        count: dict[frozenset, list[int]] = {}
        for t in np.flatnonzero(np.isin(tags, chosen)):
            for skip in range(4):
                count.setdefault(frozenset(np.delete(mesh.tets[t], skip).tolist()), []).append(int(t))
        expected = {face: owners[0] for face, owners in count.items() if len(owners) == 1}
        found = zip(mesh.surface(chosen).tolist(), mesh.surface_tets(chosen).tolist(), strict=True)
        assert {frozenset(face): owner for face, owner in found} == expected
        corners, inside = (
            mesh.nodes_mm[mesh.surface(chosen)],
            mesh.barycentres_mm()[mesh.surface_tets(chosen)],
        )
        normal = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
        assert (np.einsum("fi,fi->f", normal, corners[:, 0] - inside) > 0).all()
    np.testing.assert_array_equal(mesh.surface([0, 1, 2]), mesh.boundary())


@pytest.mark.parametrize("tags", [[[1], [2, 3]], [1.5], "goo", {1, 2}, [10**400], [True]])
def test_tags_of_no_tissue(tags):
    mesh = TetMesh([[0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1]], [[0, 1, 2, 3]])
    for call in (mesh.surface, mesh.surface_tets):
        with pytest.raises(MeshError, match="tags"):
            call(tags)


def test_triangles_find_their_tetrahedra():
    nodes, tets = box(4)
    tags = 1 + (nodes[tets].mean(axis=1)[:, 0] > 15)
    plain = TetMesh(nodes, tets, tags)
    rng = np.random.default_rng(0)
    inner, outer = plain.surface(1), plain.surface(2)
    inside = np.setdiff1d(plain.tets[tags == 1], plain.surface(1))
    lost = [[inside[0], *plain.surface(1)[0, :2]], outer[0]]
    triangles = rng.permuted(np.concatenate([inner, outer, lost]), axis=1)
    triangle_tags = np.repeat([1001, 1002, 1001, 1009], [len(inner), len(outer), 1, 1])
    mesh = TetMesh(nodes, tets, tags, triangles, triangle_tags)
    expected = np.concatenate([plain.surface_tets(1), plain.surface_tets(2), [-1, -1]])
    np.testing.assert_array_equal(mesh.triangle_tets(), expected)
    assert (tags[expected[:-2]] == triangle_tags[:-2] - 1000).all()


def test_summary_of_one_tetrahedron():
    summary = TetMesh(ONE[:, [1, 0, 2]], [[0, 1, 2, 3]], tags=[5]).summary()
    edge = pytest.approx((3 + 3 * 2**0.5) / 6)
    assert summary["tissues"] == {
        5: {"tetrahedra": 1, "volume_mm3": pytest.approx(1 / 6), "mean_edge_mm": edge}
    }
    assert summary["mean_edge_mm"] == edge
    assert summary["surface_mm2"] == summary["skin_mm2"] == pytest.approx(1.5 + 3**0.5 / 2)
    assert summary["bounds_mm"] == [[0, 0, 0], [1, 1, 1]]
    assert (summary["nodes"], summary["tetrahedra"], summary["flipped_tetrahedra"]) == (4, 1, 1)


def test_barycentres_across_chunks():
    nodes, tets = box(13)
    assert len(tets) > 8192
    mesh = TetMesh(nodes, tets)
    np.testing.assert_allclose(mesh.barycentres_mm(), nodes[tets].mean(axis=1), rtol=1e-13)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_node_and_corner_order_do_not_matter(seed):
    rng = np.random.default_rng(seed)
    nodes, tets = box()
    order = rng.permutation(len(nodes))
    place = np.argsort(order)
    shuffled = rng.permuted(place[tets], axis=1)
    a, b = TetMesh(nodes, tets), TetMesh(nodes[order], shuffled, node_ids=order)
    np.testing.assert_allclose(a.volumes_mm3(), b.volumes_mm3(), rtol=1e-10)
    np.testing.assert_array_equal(np.sort(b.node_ids[b.tets], axis=1), np.sort(a.tets, axis=1))
    assert len(a.boundary()) == len(b.boundary())


def test_real_head(shared_data):
    with np.load(shared_data / "head_small.npz") as data:
        mesh = TetMesh(data["nodes"], data["tets"], data["tags"])
    summary = mesh.summary()
    assert (mesh.n_nodes, mesh.n_tets, mesh.n_flipped, mesh.n_dropped_nodes) == (27425, 164205, 0, 0)
    assert len(mesh.boundary()) == 5276
    assert summary["tissues"][2]["volume_mm3"] == pytest.approx(975.83e3, rel=1e-5)
    assert mesh.volumes_mm3().min() == pytest.approx(0.014210798584, rel=1e-6)
