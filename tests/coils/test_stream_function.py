# SPDX-License-Identifier: BSD-3-Clause
"""Stream functions: discs, a sphere and a tube in closed form; contours against the smooth current."""

import numpy as np
import pytest
from given.comparisons import largest_error
from given.surfaces import directions, hull
from given.windings import loop_potential
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial import Delaunay

from headfield.coils.stream_function import stream_function_coil, stream_function_wires
from headfield.coils.wire import wire_coil
from headfield.errors import CoilError


def disc(radius_mm, edge_mm):
    """Points (p, 3) and faces (f, 3) of a disc in rings, anticlockwise seen from +z."""
    n = round(radius_mm / edge_mm)
    rings = [np.zeros((1, 2))]
    for k in range(1, n + 1):
        angle = 2 * np.pi * (np.arange(6 * k) + 0.5 * (k % 2)) / (6 * k)
        rings.append(radius_mm * k / n * np.stack([np.cos(angle), np.sin(angle)], axis=1))
    flat = np.concatenate(rings)
    faces = Delaunay(flat).simplices
    (ax, ay), (bx, by) = ((flat[faces[:, i]] - flat[faces[:, 0]]).T for i in (1, 2))
    area = ax * by - ay * bx
    faces[area < 0] = faces[area < 0][:, ::-1]
    return np.pad(flat, ((0, 0), (0, 1))), faces[np.abs(area) > 1e-6]


def tube(radius_mm, length_mm, rings, around):
    """A tube about z, its normals outward: faces run anticlockwise seen from outside."""
    angle = 2 * np.pi * np.arange(around) / around
    z = np.linspace(-0.5, 0.5, rings) * length_mm
    points = np.stack(
        [
            np.tile(radius_mm * np.cos(angle), rings),
            np.tile(radius_mm * np.sin(angle), rings),
            np.repeat(z, around),
        ],
        axis=1,
    )
    i, k = (v.ravel() for v in np.meshgrid(np.arange(around), np.arange(rings - 1) * around))
    a, b = k + i, k + (i + 1) % around
    return points, np.concatenate(
        [np.stack([a, b, b + around], axis=1), np.stack([a, b + around, a + around], axis=1)]
    )


def points_at(z_mm, n=200):
    points = np.random.default_rng(0).uniform(-60, 60, (n, 3))
    points[:, 2] = z_mm
    return points


def loops(points_mm, radii_mm, heights_mm, currents):
    return sum(
        i * loop_potential((points_mm - [0, 0, z]) * 1e-3, r * 1e-3)
        for r, z, i in zip(radii_mm, heights_mm, currents, strict=True)
    )


def paraboloid(edge_mm):
    points, faces = disc(40.0, edge_mm)
    return points, faces, 1 - (points[:, 0] ** 2 + points[:, 1] ** 2) / 40.0**2


def paraboloid_potential(points_mm):
    """J = 2r/R² along φ: loops of all radii up to R = 40 mm."""
    x, w = np.polynomial.legendre.leggauss(40)
    r = 20 * (x + 1)
    return loops(points_mm, r, 0 * r, 20 * w * 2 * r / 40**2)


def sphere(n):
    surface = hull(directions(n))
    return 50.0 * surface.nodes_mm, surface.faces, surface.nodes_mm[:, 2].copy()


def ball_potential(points_mm):
    """A sphere of R = 50 mm with ψ = cos θ: uniform inside, a dipole of 4πR²/3 A·m² outside."""
    r = np.linalg.norm(points_mm, axis=1) * 1e-3
    around = np.cross([0, 0, 1], points_mm * 1e-3)
    inside, outside = 1 / (3 * 0.05), 0.05**2 / (3 * r**3)
    return 4e-7 * np.pi * np.where(r < 0.05, inside, outside)[:, None] * around


def test_a_disc_converges_to_its_closed_form_in_second_order():
    points = points_at(7.0)
    expected = paraboloid_potential(points)
    error = [
        largest_error(stream_function_coil(*paraboloid(h)).vector_potential(points), expected)
        for h in (8.0, 4.0, 2.0)
    ]
    np.testing.assert_allclose(np.array(error[:-1]) / error[1:], 4, rtol=0.05)
    np.testing.assert_allclose(error, [0.0208, 0.0052, 0.0013], rtol=0.05)  # as the documentation says


def test_a_step_is_a_loop():
    points, faces = disc(41.0, 0.5)
    radius = np.hypot(*points[:, :2].T)
    psi = np.clip((40.5 - radius) / 0.5, 0, 1)  # from 1 to 0 between 40 and 40.5 mm
    at = points_at(7.0)
    a = stream_function_coil(points, faces, 9 * psi).vector_potential(at)
    assert largest_error(a, 9 * loop_potential(at * 1e-3, 0.04025)) < 1e-3


@pytest.mark.parametrize("points_per_face", [1, 3, 7])
def test_the_integral_converges_with_its_points(points_per_face):
    at = points_at(7.0)
    surface = paraboloid(8.0)
    exact = stream_function_coil(*surface, max_edge_mm=1.0, points_per_face=7).vector_potential(at)
    error = [
        largest_error(
            stream_function_coil(*surface, max_edge_mm=h, points_per_face=points_per_face).vector_potential(
                at
            ),
            exact,
        )
        for h in (8.0, 4.0)
    ]
    assert error[1] < error[0] / {1: 3, 3: 10, 7: 30}[points_per_face]
    assert error[1] < {1: 2e-3, 3: 2e-5, 7: 1e-6}[points_per_face]


@pytest.mark.parametrize("shift", [0.0, -3.5])
def test_cos_theta_on_a_sphere_is_uniform_inside(shift):
    random = np.random.default_rng(1)
    at = 50 * random.uniform(0.2, 0.8, (100, 1)) * directions(100)
    at = np.concatenate([at, 50 * random.uniform(1.2, 3, (100, 1)) * directions(100)])
    expected = ball_potential(at)
    error = []
    for n in (500, 2000):
        points, faces, psi = sphere(n)
        coil = stream_function_coil(points, faces, psi + shift)
        assert coil.n_segments == 0
        error.append(largest_error(coil.vector_potential(at), expected))
    assert error[0] < 0.02
    assert error[1] == pytest.approx(error[0] / 4, rel=0.2)


def test_a_tube_of_current_is_a_solenoid():
    points, faces = tube(40.0, 60.0, 31, 120)
    at = np.concatenate([points_at(z)[:60] * [0.5, 0.5, 1] for z in (0.0, 20.0, 45.0)])
    z, w = np.polynomial.legendre.leggauss(40)
    # Normals outward, ψ rising along z: J = ẑ × r̂ = φ̂, here 12 A over the length.
    expected = loops(at, [40.0] * 40, 30 * z, 6 * w)
    coil = stream_function_coil(points, faces, points[:, 2] * 12 / 60)
    assert coil.n_dipoles == 0  # its rims differ in ψ: no sheet of dipoles
    assert largest_error(coil.vector_potential(at), expected) < 1e-3


def test_a_tube_of_equal_rims_is_a_sheet_of_dipoles():
    points, faces = tube(40.0, 60.0, 31, 120)
    at = np.concatenate([points_at(z)[:60] * [0.5, 0.5, 1] for z in (0.0, 20.0, 45.0)])
    z, w = np.polynomial.legendre.leggauss(40)
    expected = loops(at, [40.0] * 40, 30 * z, w * -0.5 * np.pi * np.sin(0.5 * np.pi * z))
    coil = stream_function_coil(points, faces, 7 + np.cos(np.pi * points[:, 2] / 60))
    assert coil.n_segments == 0
    assert largest_error(coil.vector_potential(at), expected) < 2e-3


def test_parts_of_a_surface_have_levels_of_their_own():
    points, faces, psi = paraboloid(4.0)
    two = np.concatenate([points, points + [100, 0, 0]])
    both = np.concatenate([faces, faces + len(points)])
    at = points_at(7.0)
    coil = stream_function_coil(two, both, np.concatenate([psi + 5, psi - 2]))
    assert coil.n_segments == 0
    one = stream_function_coil(points, faces, psi)
    expected = one.vector_potential(at) + one.vector_potential(at - [100, 0, 0])
    assert largest_error(coil.vector_potential(at), expected) < 1e-12


# Contours


def test_contours_converge_to_the_smooth_current():
    points, faces, psi = paraboloid(1.0)
    at = points_at(10.0)
    expected = paraboloid_potential(at)
    error = []
    for n in (5, 10, 20):
        wires = stream_function_wires(points, faces, psi, n)
        assert len(wires) == n
        error.append(largest_error(wire_coil(wires, turns=1 / n).vector_potential(at), expected))
    assert error[0] < 0.02
    np.testing.assert_allclose(np.array(error[:-1]) / error[1:], 4, rtol=0.25)  # a midpoint rule over ψ


def test_contours_on_a_sphere_give_the_uniform_field():
    points, faces, psi = sphere(4000)
    at = 50 * np.random.default_rng(1).uniform(0.2, 0.7, (100, 1)) * directions(100)
    expected = ball_potential(at)
    error = []
    for n in (6, 24):
        wires = stream_function_wires(points, faces, psi, n)
        assert len(wires) == n
        for wire in wires:  # circles about z, from +x to +y
            x, y, _ = wire.T
            assert (x[:-1] * y[1:] - y[:-1] * x[1:]).sum() > 0
            assert np.ptp(wire[:, 2]) < 0.5
        error.append(largest_error(wire_coil(wires, turns=np.ptp(psi) / n).vector_potential(at), expected))
    assert error[0] < 0.05
    assert error[1] < error[0] / 8


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 9))
def test_contours_are_closed_and_enclose_what_lies_above(seed, n):
    points, faces = disc(40.0, 8.0)
    psi = np.random.default_rng(seed).integers(-3, 4, len(points)).astype(float)  # many points on a level
    psi[np.hypot(*points[:, :2].T) > 39] = 0
    psi[0] = 7.0
    wires = stream_function_wires(points, faces, psi, n)
    area = 0.0
    for wire in wires:
        np.testing.assert_array_equal(wire[0], wire[-1])
        x, y, _ = wire.T
        area += 0.5 * (x[:-1] * y[1:] - y[:-1] * x[1:]).sum()
    # The same by cutting each triangle: the area above levels over the rim's, less that below the others.
    low, high = psi.min(), psi.max()
    expected = 0.0
    for level in low + (np.arange(n) + 0.5) / n * (high - low):
        above = sum(_area_above(points[f, :2], psi[f], level) for f in faces)
        total = _area(points[faces][..., :2])
        expected += above - (total if level <= 0 else 0.0)
    assert area == pytest.approx(expected, abs=1e-6)


def _area(triangles):
    a, b = triangles[:, 1] - triangles[:, 0], triangles[:, 2] - triangles[:, 0]
    return 0.5 * np.abs(a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0]).sum()


def _area_above(corners, values, level):
    """Area of a triangle where a linear function is at least the level."""
    whole = _area(corners[None])
    order = np.argsort(values)
    a, b, c = values[order]
    if a >= level:
        return whole
    if c < level:
        return 0.0
    if b < level:
        return whole * (c - level) ** 2 / ((c - a) * (c - b))
    return whole * (1 - (level - a) ** 2 / ((b - a) * (c - a)))


# Refused

SQUARE = [[0, 0, 0], [10, 0, 0], [10, 10, 0], [0, 10, 0], [5, 5, 0]]
FACES = [[0, 1, 4], [1, 2, 4], [2, 3, 4], [3, 0, 4]]
PSI = [0, 0, 0, 0, 1]


@pytest.mark.parametrize(
    ("points", "faces", "psi", "message"),
    [
        (SQUARE, FACES, [0, 0, 0, 0.5, 1], r"psi goes from 0 to 0.5 along an edge .* \(points 0 and 3\)"),
        (SQUARE, FACES, [2, 2, 2, 2, 2], "psi is constant"),
        (SQUARE, FACES, [0, 0, 0, 1], "one value for each of the 5 points"),
        (SQUARE, FACES, [0, 0, 0, 0, np.nan], "psi: 1 value is not finite"),
        (SQUARE, [[0, 1, 4], [2, 1, 4]], PSI, "2 faces run from point 1 to point 4: turn them"),
        (SQUARE, [*FACES, [4, 0, 2]], PSI, "2 faces run from point 2 to point 4"),
        (SQUARE, [*FACES, [0, 0, 4]], PSI, "face 4 has one point twice"),
        (SQUARE, [[0, 1, 5]], PSI, "faces must be indices of its 5 points"),
        (SQUARE, [[0, 1, -1]], PSI, "faces must be indices"),
        (SQUARE, [[0, 1, 1.5]], PSI, "faces must be indices"),
        (SQUARE, [0, 1, 4], PSI, r"faces must have the shape \(f, 3\)"),
        (SQUARE, np.empty((0, 3)), PSI, "faces must have the shape"),
        ([[0, 0]], FACES, PSI, "points_mm must have the shape"),
    ],
)
def test_surfaces_that_are_none_are_refused(points, faces, psi, message):
    with pytest.raises(CoilError, match=message):
        stream_function_coil(points, faces, psi)
    with pytest.raises(CoilError, match=message):
        stream_function_wires(points, faces, psi, 3)


def test_other_arguments_are_checked():
    for points_per_face in (2, 0, "3", None):
        with pytest.raises(CoilError, match="points_per_face"):
            stream_function_coil(SQUARE, FACES, PSI, points_per_face=points_per_face)
    with pytest.raises(CoilError, match="max_edge_mm"):
        stream_function_coil(SQUARE, FACES, PSI, max_edge_mm=0)
    with pytest.raises(CoilError, match="points on the surface, more than"):
        stream_function_coil(SQUARE, FACES, PSI, max_edge_mm=1e-4)
    for contours in (0, 1.5, 10**6):
        with pytest.raises(CoilError, match="contours"):
            stream_function_wires(SQUARE, FACES, PSI, contours)


def test_a_turned_surface_carries_the_opposite_current():
    one = stream_function_coil(SQUARE, FACES, PSI).vector_potential([[3, 2, 9]])
    other = stream_function_coil(SQUARE, np.array(FACES)[:, ::-1], PSI).vector_potential([[3, 2, 9]])
    np.testing.assert_allclose(one, -other, rtol=1e-12)
