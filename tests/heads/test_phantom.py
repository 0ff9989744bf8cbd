# SPDX-License-Identifier: BSD-3-Clause
"""Synthetic meshes: shape, conformity, quality, and the surfaces that they claim to follow."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headfield.errors import MeshError
from headfield.heads import ball, quality
from headfield.heads.phantom import phantom_head, phantom_landmarks, phantom_surfaces, sphere_mesh

HEAD_EDGES = (8.0, 6.0, 4.0, 2.95)  # the last has the smallest dihedral angle of all
RADII = (78.0, 80.0, 86.0, 92.0)


def dihedral_angles(nodes, tets):
    """All six angles of each tetrahedron in degrees, from two perpendiculars to the common edge."""
    angles = []
    for i, j in combinations(range(4), 2):
        k, m = (c for c in range(4) if c not in (i, j))
        origin, along = nodes[tets[:, i]], nodes[tets[:, j]] - nodes[tets[:, i]]
        along = along / np.linalg.norm(along, axis=1, keepdims=True)
        sides = [nodes[tets[:, c]] - origin for c in (k, m)]
        a, b = (s - (s * along).sum(axis=1, keepdims=True) * along for s in sides)
        cosine = (a * b).sum(axis=1) / np.linalg.norm(a, axis=1) / np.linalg.norm(b, axis=1)
        angles.append(np.degrees(np.arccos(np.clip(cosine, -1, 1))))
    return np.stack(angles, axis=1)


def volumes(nodes, tets):
    return np.linalg.det(nodes[tets[:, 1:]] - nodes[tets[:, :1]]) / 6


def distinct(rows):
    """Distinct rows of ascending indices and how often each comes, by packing a row into one integer."""
    packed = np.zeros(len(rows), np.int64)
    for column in np.sort(rows, axis=1).T:
        packed = (packed << 21) | column
    packed, count = np.unique(packed, return_counts=True)
    shifts = 21 * np.arange(rows.shape[1])[::-1]
    return (packed[:, None] >> shifts) & (2**21 - 1), count


def edges_of(cells):
    return distinct(np.concatenate([cells[:, pair] for pair in combinations(range(cells.shape[1]), 2)]))


def faces_of(tets):
    return distinct(np.concatenate([np.delete(tets, i, axis=1) for i in range(4)]))


def mean_edge(nodes, tets):
    edges, _ = edges_of(tets)
    return np.linalg.norm(nodes[edges[:, 0]] - nodes[edges[:, 1]], axis=1).mean()


def interface(mesh, layer_of_tag, k):
    """Faces between what is inside of interface k and what is outside."""
    faces, count = faces_of(mesh.tets[layer_of_tag[mesh.tags] <= k])
    assert count.max() <= 2
    return faces[count == 1]


def euler_characteristic(faces):
    edges, count = edges_of(faces)
    assert (count == 2).all()
    return len(np.unique(faces)) - len(edges) + len(faces)


def error_of(call, *args):
    with pytest.raises(MeshError) as caught:
        call(*args)
    return str(caught.value)


@pytest.fixture(scope="module", params=HEAD_EDGES)
def head(request):
    return request.param, phantom_head(request.param)


class TestHead:
    def test_angles_volumes_and_edges(self, head):
        edge, mesh = head
        assert volumes(mesh.nodes_mm, mesh.tets).min() > 0
        assert mesh.n_flipped == 0
        assert dihedral_angles(mesh.nodes_mm, mesh.tets).min() >= 8
        assert mean_edge(mesh.nodes_mm, mesh.tets) == pytest.approx(edge, rel=0.2)

    def test_interfaces_are_closed_and_lie_on_their_surfaces(self, head):
        _, mesh = head
        assert np.unique(mesh.tags).tolist() == [1, 2, 3, 4, 5]
        layer = np.array([-1, 0, 1, 2, 3, 4])
        for k in range(5):
            faces = interface(mesh, layer, k)
            assert euler_characteristic(faces) == 2
            nodes = mesh.nodes_mm[np.unique(faces)]
            np.testing.assert_allclose(
                np.linalg.norm(nodes, axis=1), phantom_surfaces(nodes)[:, k], rtol=1e-12
            )

    def test_faces_conform(self, head):
        _, mesh = head
        faces, count = faces_of(mesh.tets)
        edges, _ = edges_of(mesh.tets)
        assert set(count.tolist()) == {1, 2}
        assert mesh.n_nodes - len(edges) + len(faces) - mesh.n_tets == 1  # Euler's formula of a ball


def test_head_volumes_are_those_of_the_surfaces_and_converge():
    # Volume below r(u): the integral of r^3 / 3, here over the equal-area points of a Fibonacci sphere.
    n = 200_000
    z, turn = 1 - (2 * np.arange(n) + 1) / n, np.arange(n) * np.pi * (3 - np.sqrt(5))
    rho = np.sqrt(1 - z * z)
    below = (phantom_surfaces(np.stack([rho * np.cos(turn), rho * np.sin(turn), z], axis=1)) ** 3).mean(
        axis=0
    )
    exact = np.diff(4 * np.pi / 3 * below, prepend=0)
    errors = []
    for edge in (8.0, 4.0, 2.5):
        mesh = phantom_head(edge)
        per_tissue = np.bincount(mesh.tags, volumes(mesh.nodes_mm, mesh.tets))[1:]
        errors.append(np.abs(per_tissue - exact).max() / exact.sum())
    order = np.log(np.array(errors[:-1]) / errors[1:]) / np.log([2.0, 1.6])
    assert errors[0] < 0.01
    assert (order > 1.5).all()
    litres = exact / 1e6
    assert 0.9 < litres[0] < 1.1
    assert 0.2 < litres[1] < 0.3
    assert 0.3 < litres[2] < 0.4


def test_cortex_is_folded():
    n = 20_000
    z, turn = 1 - (2 * np.arange(n) + 1) / n, np.arange(n) * np.pi * (3 - np.sqrt(5))
    rho = np.sqrt(1 - z * z)
    surfaces = phantom_surfaces(np.stack([rho * np.cos(turn), rho * np.sin(turn), z], axis=1))
    thickness = np.diff(surfaces, axis=1)
    assert thickness.min(axis=0) == pytest.approx([4.2, 2.0, 5.2, 4.9], abs=0.1)
    assert thickness.max(axis=0) == pytest.approx([5.2, 11.5, 6.8, 6.1], abs=0.1)


def test_head_is_the_same_bit_for_bit():
    one, two = phantom_head(5), phantom_head(5.0)
    assert one.nodes_mm.tobytes() == two.nodes_mm.tobytes()
    assert one.tets.tobytes() == two.tets.tobytes()
    assert one.tags.tobytes() == two.tags.tobytes()


def test_neighbours_are_near_in_memory():
    mesh = phantom_head(4)
    spread = np.median(np.ptp(mesh.tets, axis=1))
    assert spread < mesh.n_nodes / 20  # half the nodes, roughly, in a random order
    assert (np.diff(mesh.tets.min(axis=1)) >= 0).all()


def test_landmarks_are_on_the_scalp_and_over_a_crown():
    marks = phantom_landmarks()
    assert marks["left_motor"][0] < 0 < marks["right_motor"][0]
    for point in marks.values():
        assert np.linalg.norm(point) == pytest.approx(phantom_surfaces(point[None])[0, 4], rel=1e-12)
    at_motor = phantom_surfaces(marks["left_motor"][None])[0]
    assert at_motor[2] - at_motor[1] == pytest.approx(2.0, abs=0.01)


@pytest.mark.parametrize(
    "edge", [0.0, -1.0, np.nan, np.inf, 8.5, 1e-3, 1e-300, 5e-324, "x", None, 4j, [4.0, 4.0]]
)
def test_head_refuses_bad_edges(edge):
    assert "edge" in error_of(phantom_head, edge)


def test_too_many_tetrahedra_are_counted_in_the_message():
    assert "3.19e+09" in error_of(phantom_head, 0.2)
    assert "200,000,000" in error_of(sphere_mesh, [90], [1], 0.1)


@pytest.mark.parametrize("directions", [[[0, 0, 0]], [[np.nan, 0, 1]], [0, 0, 1], [[1, 2]], "x"])
def test_surfaces_refuse_bad_directions(directions):
    assert "direction" in error_of(phantom_surfaces, directions)


def test_surfaces_take_directions_of_any_length():
    u = np.array([[0.3, -0.4, 0.5]])
    np.testing.assert_allclose(phantom_surfaces(u * 1e-300), phantom_surfaces(u * 1e300), rtol=1e-14)
    assert phantom_surfaces(np.empty((0, 3))).shape == (0, 5)


@pytest.mark.parametrize("edge", [16.0, 8.0, 5.0])
def test_sphere_layers(edge):
    mesh = sphere_mesh(RADII, [1, 7, 3, 5], edge)
    layer = np.array([-1, 0, -1, 2, -1, 3, -1, 1])
    assert volumes(mesh.nodes_mm, mesh.tets).min() > 0
    assert mean_edge(mesh.nodes_mm, mesh.tets) == pytest.approx(edge, rel=0.2)
    for k, radius in enumerate(RADII):
        faces = interface(mesh, layer, k)
        assert euler_characteristic(faces) == 2
        np.testing.assert_allclose(
            np.linalg.norm(mesh.nodes_mm[np.unique(faces)], axis=1), radius, rtol=1e-12
        )


def test_solid_sphere_is_regular():
    for edge in (90.0, 30.0, 9.0):
        mesh = sphere_mesh([90], [1], edge)
        assert mean_edge(mesh.nodes_mm, mesh.tets) == pytest.approx(edge, rel=0.2)
        assert dihedral_angles(mesh.nodes_mm, mesh.tets).min() > 38


def test_sphere_volumes_converge_with_the_square_of_the_edge():
    radii = np.array([40.0, 60.0, 80.0])
    exact = np.diff(4 * np.pi / 3 * radii**3, prepend=0)
    errors, edges = [], []
    for edge in (12.7, 6.35, 3.175):  # 4, 8, 16 shells in the core
        mesh = sphere_mesh(radii, [1, 2, 3], edge)
        errors.append(np.abs(np.bincount(mesh.tags, volumes(mesh.nodes_mm, mesh.tets))[1:] - exact) / exact)
        edges.append(mean_edge(mesh.nodes_mm, mesh.tets))
    slope = np.polyfit(np.log(edges), np.log(errors), 1)[0]
    assert slope == pytest.approx([2, 2, 2], abs=0.05)
    assert np.array(edges[:-1]) / edges[1:] == pytest.approx(2, rel=0.02)


def test_sphere_order_of_radii_does_not_matter():
    up, down = sphere_mesh(RADII, [1, 2, 3, 4], 12), sphere_mesh(RADII[::-1], [4, 3, 2, 1], 12)
    assert up.nodes_mm.tobytes() == down.nodes_mm.tobytes()
    assert up.tags.tobytes() == down.tags.tobytes()


@settings(max_examples=30, deadline=None)
@given(
    steps=st.lists(st.floats(3.0, 40.0), min_size=1, max_size=5),
    edge=st.floats(8.0, 40.0),
)
def test_any_layers_are_meshed_or_refused(steps, edge):
    radii = np.cumsum(steps)
    try:
        mesh = sphere_mesh(radii, np.arange(len(radii)), edge)
    except MeshError as error:
        assert "too thin" in str(error)  # noqa: PT017
        return
    assert np.unique(mesh.tags).tolist() == list(range(len(radii)))
    assert volumes(mesh.nodes_mm, mesh.tets).min() > 0
    assert volumes(mesh.nodes_mm, mesh.tets).sum() < 4 * np.pi / 3 * radii[-1] ** 3
    shells = round((mesh.n_tets / 20) ** (1 / 3))
    _, count = faces_of(mesh.tets)
    assert count.max() <= 2
    assert (count == 1).sum() == 20 * shells**2


@pytest.mark.parametrize(
    ("radii", "tags", "says"),
    [
        ([], [], "at least one"),
        ([[90.0]], [[1]], "shape"),
        ([90, np.nan], [1, 2], "radii_mm[1]"),
        ([0, 90], [1, 2], "radii_mm[0]"),
        ([1e300], [1], "radii_mm[0]"),
        ([-5, 90], [1, 2], "radii_mm[0]"),
        ([80, 90, 85], [1, 2, 3], "ascend or descend"),
        ([80, 80], [1, 2], "ascend or descend"),
        ([80, np.inf], [1, 2], "radii_mm[1]"),
        (["a"], [1], "radii_mm"),
        ([[1], [2, 3]], [1, 2], "radii_mm"),
        ([80, 90], [1], "2 integers"),
        ([80, 90], [1, 2, 3], "2 integers"),
        ([80, 90], [1.5, 2.0], "integers"),
        ([80, 90], [[1], [2, 3]], "tags"),
        ([80, 90], [1, 2**40], "32-bit"),
        ([89.999, 90], [1, 2], "too thin"),
    ],
)
def test_sphere_refuses_bad_layers(radii, tags, says):
    assert says in error_of(sphere_mesh, radii, tags, 8.0)


@pytest.mark.parametrize("edge", [0.0, -1.0, np.nan, np.inf, 1e-3, 5e-324, "x", None, [4.0]])
def test_sphere_refuses_bad_edges(edge):
    assert "edge" in error_of(sphere_mesh, [80, 90], [1, 2], edge)


def test_ball_refuses_inverted_tetrahedra_and_absurd_sizes():
    assert "inverted" in error_of(ball.ball, 4, lambda _, shell: 5.0 - shell)
    assert "tetrahedra" in error_of(ball.ball, 10**9, lambda _, shell: 1.0 * shell)
    assert "tetrahedra" in error_of(ball.ball, 0, lambda _, shell: 1.0 * shell)


def test_smallest_dihedral_of_known_shapes():
    corner = np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1.0]])
    flat = np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0], [1, 1, 0.0]])
    cosines = quality.min_dihedral_cosines(np.stack([corner, flat, corner[[0, 2, 1, 3]]], axis=2))
    assert cosines == pytest.approx([1 / np.sqrt(3), 2, 2])
