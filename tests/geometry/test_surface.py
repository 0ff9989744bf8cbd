# SPDX-License-Identifier: BSD-3-Clause
"""Triangle surfaces: closest points, normals, signed distances, inside and outside."""

import copy
import pickle

import numpy as np
import pytest
from given.surfaces import ball_mesh, box, directions, hull, rigid
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from headfield import phantom_head
from headfield.core.device import cpu
from headfield.errors import MeshError, PoseError
from headfield.geometry.surface import Surface, points_inside
from headfield.geometry.triangles import point_distances, subdivided
from headfield.heads.skin import skin

SEEDS = st.integers(0, 2**32 - 1)
COORDINATE = st.floats(-100, 100).map(lambda x: round(x, 3))


@pytest.fixture(scope="module")
def head():
    return skin(phantom_head(8))


def soup(seed, n=60):
    """Triangles without any order, some of no area."""
    rng = np.random.default_rng(seed)
    triangles = rng.uniform(-50, 50, (n, 1, 3)) + rng.uniform(-9, 9, (n, 3, 3))
    triangles[: n // 10, 2] = triangles[: n // 10, 1]
    return Surface(triangles.reshape(-1, 3), np.arange(3 * n).reshape(-1, 3))


# Closest points


@given(arrays(float, (4, 3), elements=COORDINATE))
@settings(max_examples=200, deadline=None)
def test_the_closest_point_of_a_triangle_satisfies_the_variational_inequality(points):
    triangle, point = points[:3], points[3]
    (distance,), (weights,) = point_distances(triangle[None], point[None])
    closest = weights @ triangle / weights.sum()
    assert weights.sum() == pytest.approx(1)
    assert weights.min() >= -1e-12
    # p is closest in a convex set if and only if (x − p)·(v − p) ≤ 0 for all corners v. Needles lose some
    # digits.
    size = np.abs(points).max() + np.abs(triangle - point).max() + 1e-300
    slack = ((triangle - closest) @ (point - closest)).max()
    area = np.linalg.norm(np.cross(triangle[1] - triangle[0], triangle[2] - triangle[0]))
    if area > 1e-6 * size**2 or area == 0:
        assert slack <= 1e-8 * size**2
        assert distance == pytest.approx(np.linalg.norm(point - closest), abs=1e-7 * size)


def one_by_one(surface, points):
    """Distances (p, f) of all triangles, each asked for alone: what a search among them must find."""
    alone = [cpu.Triangles(np.ascontiguousarray(t[None])) for t in surface.triangles]
    return np.stack([triangle.closest(points)[2] for triangle in alone], axis=1)


@given(SEEDS, st.sampled_from([1, 5, 60, 300]))
@settings(max_examples=40, deadline=None)
def test_the_closest_of_all_triangles_is_found(seed, n):
    surface = soup(seed, n)
    points = np.random.default_rng(seed).uniform(-120, 120, (25, 3))
    points[:5] = surface.triangles[0].mean(axis=0)
    found, every = surface.closest(points), one_by_one(surface, points)
    np.testing.assert_array_equal(found.face, every.argmin(axis=1))  # the first one of several too
    np.testing.assert_array_equal(found.distance_mm, every.min(axis=1))
    again = [point_distances(surface.triangles, np.repeat(p[None], n, axis=0))[0].min() for p in points]
    np.testing.assert_allclose(found.distance_mm, again, rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(np.linalg.norm(points - found.point_mm, axis=1), found.distance_mm, atol=1e-9)
    np.testing.assert_allclose(found.weights.sum(axis=1), 1, rtol=1e-14)
    assert found.weights.min() >= 0


def test_points_that_are_as_near_to_many_triangles():
    surface = hull(90 * directions(600))
    points = np.concatenate([surface.nodes_mm[:50], np.zeros((3, 3)), [[0, 0, 1e-9]]])
    found = surface.closest(points)
    assert found.face.tolist() == one_by_one(surface, points).argmin(axis=1).tolist()
    assert found.distance_mm[:50].max() == 0


@given(SEEDS, st.floats(-14, -1))
@settings(max_examples=60, deadline=None)
def test_needles_are_as_near_as_their_points(seed, power):
    """The closest point is one of the triangle, and no nearer one is among many others."""
    rng = np.random.default_rng(seed)
    start, along, aside = rng.normal(size=(3, 3))
    needle = np.stack([start, start + 9 * along, start + 4 * along + 10.0**power * aside])
    points = start + rng.normal(size=(20, 3)) * [[9.0]]
    found = Surface(needle, [[0, 1, 2]]).closest(points)
    np.testing.assert_allclose(
        np.linalg.norm(points - found.point_mm, axis=1), found.distance_mm, rtol=1e-6, atol=1e-6
    )
    others = rng.dirichlet([0.5, 0.5, 0.5], 400) @ needle
    nearest = np.linalg.norm(points[:, None] - others, axis=2).min(axis=1)
    assert (found.distance_mm <= nearest + 1e-6).all()


def test_the_bits_of_an_answer_depend_on_the_point_alone():
    surface = hull(90 * directions(600))
    points = 95 * directions(3000)
    points = np.concatenate([points, 0.5 * points, 0.999 * points])
    whole = surface.closest(points)
    shuffled = np.random.default_rng(0).permutation(len(points))
    for one, other in zip(whole, surface.closest(points[shuffled]), strict=True):
        np.testing.assert_array_equal(one[shuffled], other)
    threads = cpu.max_threads()
    try:
        cpu.set_threads(3)
        for one, other in zip(whole, surface.closest(points), strict=True):
            np.testing.assert_array_equal(one, other)
    finally:
        cpu.set_threads(threads)
    many = np.tile(points, (8, 1))  # more than are put in order together
    np.testing.assert_array_equal(surface.closest(many).face, np.tile(whole.face, 8))


def test_a_surface_that_was_asked_can_be_copied():
    surface = hull(90 * directions(100))
    points = 95 * directions(50)
    found = surface.closest(points)
    for other in (copy.deepcopy(surface), pickle.loads(pickle.dumps(surface))):
        np.testing.assert_array_equal(other.closest(points).face, found.face)


def test_a_single_triangle_and_no_points():
    surface = Surface([[0, 0, 0], [9, 0, 0], [0, 9, 0], [5, 5, 5]], [[0, 1, 2]])
    assert surface.nodes_mm.shape == (3, 3)
    assert surface.closest([[1, 1, 4]]).distance_mm.tolist() == [4]
    assert surface.closest(np.zeros((0, 3))).face.shape == (0,)
    assert surface.signed_distance(np.zeros((0, 3))).shape == (0,)


# Normals


def test_normals_of_a_ball_point_outward_and_turn_smoothly():
    surface = hull(90 * directions(600))
    angle = np.radians(np.linspace(0, 90, 901))
    arc = 95 * np.stack([np.sin(angle), 0.1 + 0 * angle, np.cos(angle)], axis=1)
    found = surface.closest(arc)
    normals = surface.normals(found.face, found.weights)
    outward = arc / np.linalg.norm(arc, axis=1, keepdims=True)
    np.testing.assert_allclose(normals, outward, atol=0.06)
    assert np.linalg.norm(np.diff(normals, axis=0), axis=1).max() < 0.02  # 0.1° a step; facets are 6° apart


def test_a_sheet_folded_onto_itself_has_no_normal():
    fold = Surface([[0, 0, 0], [9, 0, 0], [0, 9, 0]], [[0, 1, 2], [0, 2, 1]])
    with pytest.raises(PoseError, match="no normal at triangle 0"):
        fold.normals(np.array([0]), np.full((1, 3), 1 / 3))


# Signed distance, inside


def box_distance(points, low, high):
    """Signed distance from a box, closed form."""
    q = np.abs(points - (low + high) / 2) - (high - low) / 2
    return np.linalg.norm(np.maximum(q, 0), axis=1) + np.minimum(q.max(axis=1), 0)


@given(SEEDS)
@settings(max_examples=30, deadline=None)
def test_signed_distance_from_a_box(seed):
    rng = np.random.default_rng(seed)
    low, high = np.sort(rng.uniform(-40, 40, (2, 3)), axis=0) + [[-1.0], [1.0]]
    surface = box(low, high)
    points = rng.uniform(-60, 60, (200, 3))
    points[:100] = np.clip(points[:100], low - 1, high + 1)  # near edges and corners
    expected = box_distance(points, low, high)
    np.testing.assert_allclose(surface.signed_distance(points), expected, atol=1e-9)
    off = np.abs(expected) > 1e-9
    np.testing.assert_array_equal(surface.inside(points)[off], expected[off] < 0)


def solid_angles(surface, points):
    """Winding number of the surface about each point (van Oosterom & Strackee 1983; Jacobson et al. 2013)."""
    a, b, c = (surface.triangles[None, :, i] - points[:, None] for i in range(3))
    la, lb, lc = (np.linalg.norm(x, axis=2) for x in (a, b, c))
    dot = [np.einsum("pfj,pfj->pf", *pair) for pair in ((a, b), (b, c), (c, a))]
    top = np.einsum("pfj,pfj->pf", a, np.cross(b, c))
    below = la * lb * lc + dot[0] * lc + dot[1] * la + dot[2] * lb
    return np.arctan2(top, below).sum(axis=1) / (2 * np.pi)


def test_inside_by_parity_by_pseudonormals_and_by_winding_number(head):
    rng = np.random.default_rng(0)
    near = head.triangles.mean(axis=1)[::40] + rng.normal(0, 3, (len(head.faces[::40]), 3))
    points = np.concatenate([near, rng.uniform(-100, 100, (100, 3)), head.nodes_mm[:20] * 0.999])
    winding = solid_angles(head, points)
    np.testing.assert_allclose(winding, winding.round(), atol=1e-9)
    assert set(winding.round()) == {0, 1}
    np.testing.assert_array_equal(head.inside(points), winding > 0.5)
    np.testing.assert_array_equal(head.signed_distance(points) < 0, winding > 0.5)


def test_rays_through_edges_corners_and_along_faces():
    cube = box([0, 0, 0], [4, 4, 4])
    grid = np.stack(np.meshgrid(*[np.arange(-1, 5.5, 0.5)] * 3), axis=-1).reshape(-1, 3)
    on_it = (box_distance(grid, np.zeros(3), np.full(3, 4.0))) == 0
    expected = ((grid > 0) & (grid < 4)).all(axis=1)
    np.testing.assert_array_equal(cube.inside(grid)[~on_it], expected[~on_it])
    for seed in range(3):  # rays through no corner in particular
        turn = rigid(seed)[0, :3, :3].T
        turned = Surface(cube.nodes_mm @ turn, cube.faces[:, ::-1])  # of either winding
        np.testing.assert_array_equal(turned.inside(grid[~on_it] @ turn), expected[~on_it])


def test_a_hole_in_a_ball_is_outside():
    outer, inner = hull(90 * directions(300)), hull(50 * directions(300))
    both = Surface(
        np.concatenate([outer.nodes_mm, inner.nodes_mm]),
        np.concatenate([outer.faces, inner.faces[:, ::-1] + len(outer.nodes_mm)]),
    )
    points = np.outer(np.linspace(0, 100, 41), [0.6, 0.48, 0.64])
    radius = np.linalg.norm(points, axis=1)
    expected = (radius > 50) & (radius < 90)
    clear = np.abs(radius - 50) > 2
    clear &= np.abs(radius - 90) > 2
    np.testing.assert_array_equal(points_inside(both.nodes_mm, both.faces, points)[clear], expected[clear])


def test_many_points_are_taken_in_parts(monkeypatch, head):
    points = np.random.default_rng(2).uniform(-90, 90, (500, 3))
    whole = head.inside(points)
    monkeypatch.setattr("headfield.geometry.crossings._RAY_PAIRS", 100)
    np.testing.assert_array_equal(head.inside(points), whole)


def test_nothing_is_inside_an_open_surface():
    cube = box([0, 0, 0], [4, 4, 4])
    with pytest.raises(MeshError, match="not closed"):
        points_inside(cube.nodes_mm, cube.faces[2:], [[1, 2, 3.0]])


# The outer surface


def test_a_cavity_is_not_the_skin():
    mesh = ball_mesh([60.0, 90.0], hollow=True)
    faces = mesh.skin()
    assert len(faces) == 2 * 600 - 4  # one closed surface of 600 nodes (Euler)
    np.testing.assert_allclose(np.linalg.norm(mesh.nodes_mm[faces], axis=2), 90)
    surface = skin(mesh)
    assert len(surface.nodes_mm) == 600
    assert surface.signed_distance([[0, 0, 95]]) > 4  # wound outward
    assert surface.inside([[0, 0, 0]]).all()


# Subdividing


@given(SEEDS, st.floats(2, 30))
@settings(max_examples=20, deadline=None)
def test_subdivided_triangles_are_the_same_surface(seed, longest):
    triangles = soup(seed, 20).triangles
    parts = subdivided(triangles, longest)

    def areas(t):
        return np.linalg.norm(np.cross(t[:, 1] - t[:, 0], t[:, 2] - t[:, 0]), axis=1).sum()

    assert np.linalg.norm(parts - parts[:, [1, 2, 0]], axis=2).max() <= longest
    assert areas(parts) == pytest.approx(areas(triangles))
    surface = Surface(triangles.reshape(-1, 3), np.arange(60).reshape(-1, 3))
    assert surface.closest(parts.reshape(-1, 3)).distance_mm.max() < 1e-9


# What is refused


@pytest.mark.parametrize(
    ("nodes", "faces", "message"),
    [
        (np.zeros((3, 2)), [[0, 1, 2]], r"surface nodes must have the shape \(n, 3\)"),
        ([[0, 0, np.nan]], [[0, 0, 0]], "surface nodes: 1 value is not finite"),
        (np.zeros((3, 3)), [[0, 1]], r"surface faces must have the shape \(f, 3\), not \(1, 2\)"),
        (np.zeros((3, 3)), np.zeros((0, 3), int), "surface faces must have the shape"),
        (np.zeros((3, 3)), [[0, 1, 2.0]], "surface faces must be integers"),
        (np.zeros((3, 3)), [[0, 1, 3]], "surface faces must be indices of its 3 nodes"),
        (np.zeros((3, 3)), [[0, 1, -1]], "surface faces must be indices of its 3 nodes"),
    ],
)
def test_arrays_that_are_no_surface_are_refused(nodes, faces, message):
    with pytest.raises(MeshError, match=message):
        Surface(nodes, faces)


@pytest.mark.parametrize("points", [[1, 2, 3], [[1, 2]], [[np.nan, 0, 0]], "abc"])
def test_points_that_are_no_points_are_refused(points, head):
    for question in (head.closest, head.signed_distance, head.inside):
        with pytest.raises(PoseError, match="points_mm"):
            question(points)


def test_the_native_search_refuses_what_is_no_number():
    corners = np.array([[[0, 0, 0], [9, 0, 0], [0, 9, 0.0]]])
    with pytest.raises(ValueError, match="corners holds no triangles"):
        cpu.Triangles(corners[:0])
    with pytest.raises(ValueError, match="corners holds numbers that are not finite"):
        cpu.Triangles(corners + np.inf)
    triangles = cpu.Triangles(corners)
    with pytest.raises(ValueError, match="points holds numbers that are not finite"):
        triangles.closest(np.array([[0, np.nan, 0]]))
    with pytest.raises(ValueError, match="points must have shape"):
        triangles.closest(np.zeros((2, 2)))
    with pytest.raises(TypeError):
        triangles.closest(np.zeros((2, 3), np.float32))
