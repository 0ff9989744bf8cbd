# SPDX-License-Identifier: BSD-3-Clause
"""The sphere solution: it is tangential, obeys Faraday's law, and is exact for radial dipoles."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from headfield.analytic import sphere_tms_field
from headfield.errors import CoilError

SEEDS = st.integers(0, 2**32 - 1)
DIDT = 1e6


def problem(seed, p=20, d=4):
    """Points within 85 mm of the origin, dipoles 95 to 300 mm from it."""
    rng = np.random.default_rng(seed)
    points, positions = rng.normal(size=(p, 3)), rng.normal(size=(d, 3))
    points *= (85 * rng.random(p) ** (1 / 3) / np.linalg.norm(points, axis=1))[:, None]
    positions *= (rng.uniform(95, 300, d) / np.linalg.norm(positions, axis=1))[:, None]
    return points, positions, rng.normal(size=(d, 3))


def dipole_a_and_b(points_mm, positions_mm, moments):
    """A and B of dipoles (Jackson, 3rd ed., eqs. 5.55 and 5.56)."""
    d = (points_mm[:, None] - positions_mm) * 1e-3
    r = np.linalg.norm(d, axis=2)[..., None]
    a = 1e-7 * (np.cross(moments, d) / r**3).sum(axis=1)
    b = 1e-7 * (3 * d * (d * moments).sum(axis=2, keepdims=True) / r**5 - moments / r**3).sum(axis=1)
    return a, b


@settings(max_examples=40, deadline=None)
@given(SEEDS)
def test_no_radial_part(seed):
    points, positions, moments = problem(seed)
    e = sphere_tms_field(points, positions, moments, DIDT)
    radial = (e * points).sum(axis=1) / np.linalg.norm(points, axis=1)
    assert np.abs(radial).max() <= 1e-12 * np.abs(e).max()


@settings(max_examples=40, deadline=None)
@given(SEEDS)
def test_radial_dipoles_give_the_primary_field(seed):
    points, positions, moments = problem(seed)
    moments = positions * moments[:, :1]
    e = sphere_tms_field(points, positions, moments, DIDT)
    a, _ = dipole_a_and_b(points, positions, moments)
    np.testing.assert_allclose(e, -DIDT * a, rtol=0, atol=1e-11 * np.abs(e).max())


@settings(max_examples=20, deadline=None)
@given(SEEDS)
def test_faradays_law(seed):
    points, positions, moments = problem(seed)
    h = 0.1  # mm; the difference quotient is of fourth order
    gradient = np.empty((len(points), 3, 3))
    for axis in range(3):
        step = h * np.eye(3)[axis]
        near, far = (
            sphere_tms_field(points + k * step, positions, moments, DIDT)
            - sphere_tms_field(points - k * step, positions, moments, DIDT)
            for k in (1, 2)
        )
        gradient[:, axis] = (8 * near - far) / (12 * h * 1e-3)
    curl = np.stack([gradient[:, i, j] - gradient[:, j, i] for i, j in ((1, 2), (2, 0), (0, 1))], axis=1)
    _, b = dipole_a_and_b(points, positions, moments)
    np.testing.assert_allclose(curl, -DIDT * b, rtol=0, atol=1e-6 * np.abs(gradient).max())


@settings(max_examples=20, deadline=None)
@given(SEEDS, st.floats(-3, 3))
def test_linear_and_rotation_invariant(seed, factor):
    points, positions, moments = problem(seed)
    e = sphere_tms_field(points, positions, moments, DIDT)
    atol = 1e-11 * np.abs(e).max()
    parts = [sphere_tms_field(points, positions[k : k + 1], moments[k : k + 1], DIDT) for k in range(4)]
    np.testing.assert_allclose(sum(parts), e, rtol=0, atol=atol)
    np.testing.assert_allclose(
        sphere_tms_field(points, positions, factor * moments, 2 * DIDT),
        2 * factor * e,
        rtol=0,
        atol=10 * atol,
    )
    turn = Rotation.random(random_state=seed).as_matrix()
    turned = sphere_tms_field(points @ turn.T, positions @ turn.T, moments @ turn.T, DIDT)
    np.testing.assert_allclose(turned, e @ turn.T, rtol=0, atol=atol)


def test_the_formula_as_printed():
    """Heller and van Hulsteyn's expression, one pair at a time, term by term."""
    points, positions, moments = problem(0, p=6)
    expected = np.zeros_like(points)
    for i, r in enumerate(points * 1e-3):
        for r0, m in zip(positions * 1e-3, moments, strict=True):
            a_vector = r0 - r
            a, big_r = np.linalg.norm(a_vector), np.linalg.norm(r0)
            f = a * (big_r * a + r0 @ a_vector)
            grad_f = (a**2 / big_r + 2 * a + 2 * big_r + r0 @ a_vector / a) * r0
            grad_f -= (a + 2 * big_r + r0 @ a_vector / a) * r
            expected[i] += -1e-7 * DIDT / f**2 * (f * np.cross(r, m) - (m @ grad_f) * np.cross(r, r0))
    np.testing.assert_allclose(sphere_tms_field(points, positions, moments, DIDT), expected, rtol=1e-12)


def test_chunks_do_not_change_a_point():
    points, positions, moments = problem(2, p=1500, d=100)  # two chunks
    e = sphere_tms_field(points, positions, moments, DIDT)
    alone = np.concatenate(
        [sphere_tms_field(points[i : i + 1], positions, moments, DIDT) for i in (0, 999, 1499)]
    )
    np.testing.assert_allclose(e[[0, 999, 1499]], alone, rtol=0, atol=1e-13 * np.abs(e).max())


def test_the_centre_and_no_points():
    _, positions, moments = problem(1)
    np.testing.assert_array_equal(sphere_tms_field([[0, 0, 0]], positions, moments, DIDT), [[0, 0, 0]])
    assert sphere_tms_field(np.empty((0, 3)), positions, moments, DIDT).shape == (0, 3)


@pytest.mark.parametrize(
    ("points", "positions", "moments", "didt", "message"),
    [
        ([[0, 0, 80]], [[0, 0, 70]], [[1, 0, 0]], 1, "dipole 0 is 70 mm from the origin, point 0 80 mm"),
        ([[1, 0, 0], [0, 0, 80]], [[0, 0, 99], [80, 0, 0]], [[1, 0, 0]] * 2, 1, "1 of 2 dipoles .* dipole 1"),
        ([[0, 0, 80]], [[0, 0, 80]], [[1, 0, 0]], 1, "1 of 1 dipoles"),
        ([[0, 0, 0]], [[0, 0, 0]], [[1, 0, 0]], 1, "1 of 1 dipoles"),
        ([[0, 0, 80]], [[0, 0, 99]], [[1, 0, 0]] * 2, 1, "1 dipole positions but 2 dipole moments"),
        ([[0, 0]], [[0, 0, 99]], [[1, 0, 0]], 1, "points_mm must have the shape"),
        ([[0, 0, np.nan]], [[0, 0, 99]], [[1, 0, 0]], 1, "points_mm: 1 value is not finite"),
        ([[0, 0, 0]], [[0, 0, np.inf]], [[1, 0, 0]], 1, "dipole_positions_mm: 1 value is not finite"),
        ([[0, 0, 0]], [[0, 0, 99]], [["x", 0, 0]], 1, "dipole_moments: not real numbers"),
        ([[0, 0, 0]], [[0, 0, 99]], [[1, 0, 0]], np.nan, "didt = nan"),
        ([[0, 0, 0]], [[0, 0, 99]], [[1, 0, 0]], [1, 2], "didt"),
        ([[0, 0, 0]], [[0, 0, 99]], [[1, 0, 0]], "fast", "didt"),
        ([[0, 0, 0]], [[0, 0, 99]], [[1, 0, 0]], None, "didt"),
    ],
)
def test_what_has_no_solution_is_refused(points, positions, moments, didt, message):
    with pytest.raises(CoilError, match=message):
        sphere_tms_field(points, positions, moments, didt)
