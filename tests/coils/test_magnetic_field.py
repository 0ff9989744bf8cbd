# SPDX-License-Identifier: BSD-3-Clause
"""B of dipoles and pieces of wire: the curl of their vector potential, and closed forms."""

import numpy as np
import pytest
from given.comparisons import close
from given.sources import sources
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import ellipe, ellipk

from headfield import figure_of_eight

pytestmark = pytest.mark.usefixtures("each_device")

# Central differences of eighth order: distances in steps, and weights.
STEPS = np.array([1, 2, 3, 4])
WEIGHTS = np.array([4 / 5, -1 / 5, 4 / 105, -1 / 280])


def curl(potential, points, step):
    """∇ × A (p, 3) by central differences."""
    gradient = np.zeros((len(points), 3, 3))  # ∂A_j / ∂x_i at [:, i, j]
    for i, axis in enumerate(np.eye(3)):
        for distance, weight in zip(STEPS * step, WEIGHTS / step, strict=True):
            ahead, behind = potential(points + distance * axis), potential(points - distance * axis)
            gradient[:, i] += weight * (ahead - behind)
    return np.stack([gradient[:, i, j] - gradient[:, j, i] for i, j in ((1, 2), (2, 0), (0, 1))], axis=1)


def loop(radius, n):
    """A circle of wire around z as n pieces: their points, and their lengths as long as its arcs."""
    angle = 2 * np.pi * np.arange(n) / n
    points = radius * np.stack([np.cos(angle), np.sin(angle), 0 * angle], axis=1)
    return points, 2 * np.pi / n * np.stack([-points[:, 1], points[:, 0], 0 * angle], axis=1)


@given(st.integers(1, 300), st.integers(0, 150), st.integers(0, 150), st.integers(0, 2**32))
@settings(max_examples=30, deadline=None)
def test_b_is_the_sum_over_dipoles_and_wire(n, d, w, seed):
    rng = np.random.default_rng(seed)
    points, positions = rng.uniform(-0.1, 0.1, (n, 3)), rng.uniform(0.15, 0.3, (d, 3))
    moments, wire, segments = rng.normal(size=(d, 3)), rng.uniform(0.15, 0.3, (w, 3)), rng.normal(size=(w, 3))
    away = points[:, None] - positions
    r = np.linalg.norm(away, axis=2)[..., None]
    exact = 1e-7 * (3 * (moments * away).sum(2, keepdims=True) * away / r**5 - moments / r**3).sum(axis=1)
    away = points[:, None] - wire
    exact += 1e-7 * (np.cross(segments, away) / np.linalg.norm(away, axis=2)[..., None] ** 3).sum(axis=1)
    coil = sources(positions, moments, wire, segments)
    b = coil.magnetic_field(points)
    assert b.dtype == np.float64
    assert close(b, exact, 1e-12)
    b = coil.magnetic_field_float32(points)
    assert b.dtype == np.float32
    assert close(b, exact, 1e-5)


@pytest.mark.parametrize("kind", ["dipoles", "wire", "both"])
def test_b_is_the_curl_of_the_vector_potential_where_a_scalp_may_be(kind):
    rng = np.random.default_rng(1)
    positions, points = rng.uniform([-0.09, -0.05, -0.012], [0.09, 0.05, -0.004], (2, 90, 3))
    vectors = rng.normal(size=(2, 90, 3))
    vectors[0 if kind == "wire" else 1] *= 0.0 if kind != "both" else 1.0
    coil = sources(positions, 1e-3 * vectors[0], points, 0.01 * vectors[1])
    there = rng.uniform([-0.08, -0.08, 0.0], [0.08, 0.08, 0.06], (200, 3))
    b = coil.magnetic_field(there)
    error = np.linalg.norm(b - curl(coil.vector_potential, there, 1e-4), axis=1)
    assert np.linalg.norm(b, axis=1).min() > 0
    assert (error <= 1e-9 * np.linalg.norm(b, axis=1).max()).all(), error.max()


def test_b_on_the_axis_of_a_loop():
    radius, z = 0.045, np.linspace(-0.2, 0.2, 41)
    wire, segments = loop(radius, 96)
    none = np.empty((0, 3))
    b = sources(none, none, wire, segments).magnetic_field(np.outer(z, [0, 0, 1.0]))
    exact = 2e-7 * np.pi * radius**2 / (radius**2 + z**2) ** 1.5  # μ0/2 a² / (a² + z²)^3/2
    np.testing.assert_allclose(b[:, 2], exact, rtol=1e-12)
    assert np.abs(b[:, :2]).max() < 1e-12 * exact.max()


def test_b_beside_a_loop():
    """By elliptic integrals (Smythe, Static and Dynamic Electricity, 3rd ed.)."""
    radius = 0.045
    rng = np.random.default_rng(2)
    angle, rho, z = rng.uniform([0, 0.005, 0.01], [6, 0.12, 0.1], (100, 3)).T
    wire, segments = loop(radius, 2000)
    none = np.empty((0, 3))
    points = np.stack([rho * np.cos(angle), rho * np.sin(angle), z], axis=1)
    b = sources(none, none, wire, segments).magnetic_field(points)
    far2, near2 = (radius + rho) ** 2 + z**2, (radius - rho) ** 2 + z**2
    k, e = ellipk(4 * radius * rho / far2), ellipe(4 * radius * rho / far2)
    along = 2e-7 / np.sqrt(far2) * (k + (radius**2 - rho**2 - z**2) / near2 * e)
    outward = 2e-7 * z / (rho * np.sqrt(far2)) * (-k + (radius**2 + rho**2 + z**2) / near2 * e)
    exact = np.stack([outward * np.cos(angle), outward * np.sin(angle), along], axis=1)
    assert close(b, exact, 1e-10)


def test_b_of_a_dipole():
    """2 m / r³ along it, −m / r³ beside it; and a small loop is a dipole from afar."""
    m = np.array([[0.3, -0.4, 1.2]])
    along, beside = m / np.linalg.norm(m), np.cross(m, [1.0, 0, 0]) / np.linalg.norm(np.cross(m, [1.0, 0, 0]))
    position = np.array([[0.01, 0.02, -0.03]])
    b = sources(position, m).magnetic_field(position + 0.1 * np.concatenate([along, -along, beside]))
    np.testing.assert_allclose(b, 1e-4 * np.concatenate([2 * m, 2 * m, -m]), rtol=1e-12, atol=1e-18)
    wire, segments = loop(1e-4, 8)
    none, points = np.empty((0, 3)), np.random.default_rng(3).normal(size=(50, 3))
    small = sources(none, none, wire, segments).magnetic_field(points)
    dipole = sources(np.zeros((1, 3)), np.pi * 1e-8 * np.array([[0, 0, 1.0]])).magnetic_field(points)
    assert close(small, dipole, 1e-5)


def test_the_flux_of_b_is_the_circulation_of_a():
    """Through a disc in front of a coil of dipoles, and of a loop of wire beside them."""
    dipoles = figure_of_eight(inner_radius_mm=10.0, outer_radius_mm=20.0, spacing_mm=5.0).sources()[0]
    wire, segments = loop(0.03, 50)
    radius, n = 0.03, 64
    coil = sources(dipoles.positions_mm * 1e-3, dipoles.moments, wire + [0.02, 0.0, -0.01], segments)
    rim, lengths = loop(radius, n)
    shift = np.array([0.02, 0.01, 0.02])
    circulation = (coil.vector_potential(rim + shift) * lengths).sum()
    node, weight = np.polynomial.legendre.leggauss(24)
    rho = 0.5 * radius * (node + 1)
    disc = (rho[:, None, None] * rim / radius).reshape(-1, 3) + shift
    b = coil.magnetic_field(disc)[:, 2].reshape(len(rho), n)
    flux = (0.5 * radius * weight * rho) @ b.sum(axis=1) * 2 * np.pi / n
    assert abs(flux) > 0.1 * np.abs(b).max() * np.pi * radius**2
    assert flux == pytest.approx(circulation, rel=1e-9)


def test_b_on_a_source_is_as_little_a_number_as_its_a():
    rng = np.random.default_rng(4)
    positions, moments, wire, segments = rng.normal(size=(4, 5, 3))
    coil = sources(positions, moments, wire, segments)
    points = np.concatenate([positions, wire, positions + 0.1])
    a, b = coil.vector_potential(points), coil.magnetic_field(points)
    np.testing.assert_array_equal(np.isfinite(b), np.isfinite(a))
    assert not np.isfinite(b[:10]).any()
    assert np.isfinite(b[10:]).all()


def test_no_sources_make_no_b_and_no_points_none():
    points, none = np.eye(3), np.zeros((0, 3))
    assert not sources(none, none).magnetic_field(points).any()
    assert sources(points, points).magnetic_field(none).shape == (0, 3)


def test_points_of_wrong_shape_or_dtype_are_refused():
    coil = sources(np.eye(3), np.eye(3))
    for bad in (np.ones(3), np.ones((3, 2)), np.ones((1, 3, 3))):
        with pytest.raises(ValueError, match="points must have shape"):
            coil.magnetic_field(bad)
    for bad in (np.ones((3, 3), np.float32), np.asfortranarray(np.ones((4, 3)))):
        with pytest.raises(TypeError):
            coil.magnetic_field(bad)
