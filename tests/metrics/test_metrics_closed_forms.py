# SPDX-License-Identifier: BSD-3-Clause
"""Metrics of fields whose half-value volume, depth and spread, centre and overlap are known exactly."""

import functools

import numpy as np
import pytest

import headfield as hf
from headfield.metrics import centre_of_gravity, half_value, mean, normal_tangential, off_target, overlap

RADIUS_MM = 80.0


@pytest.mark.parametrize("count", [40, 400, 4000])
def test_a_field_that_falls_linearly_with_depth(count):
    """|E| = 1 − d/D in a slab of depth D = 60 mm and area A: d1/2 → D/2, V1/2 → AD/2, S1/2 → A.

    With layers of thickness h the peak is 1 − h/2D, so depths up to D/2 + h/4 count: for an even number of
    layers the last one is at D/2 − h/2, and the volume is exact.
    """
    slab_mm, area_mm2 = 60.0, 1234.0
    h = slab_mm / count
    depth = (np.arange(count) + 0.5) * h
    found = half_value(1 - depth / slab_mm, np.full(count, area_mm2 * h), depth)
    assert found.volume == pytest.approx(area_mm2 * slab_mm / 2)
    assert found.depth_mm == pytest.approx(slab_mm / 2 - h / 2)
    assert found.spread == pytest.approx(area_mm2 / (1 - h / slab_mm))


@pytest.mark.parametrize("power", [1, 2, 4])
def test_a_field_that_grows_with_a_power_of_the_radius(power):
    """|E| ~ rⁿ in a sphere: d1/2 = R(1 − 2^(−1/n)), and V1/2 is the shell outside; in any unit of E."""
    count = 20_000
    edges = np.linspace(0, RADIUS_MM, count + 1)
    r, volumes = (edges[1:] + edges[:-1]) / 2, 4 / 3 * np.pi * np.diff(edges**3)
    found = half_value(np.stack([r**power, 7 * r**power]), volumes, RADIUS_MM - r)
    inner = RADIUS_MM * 2 ** (-1 / power)
    depth, volume = RADIUS_MM - inner, 4 / 3 * np.pi * (RADIUS_MM**3 - inner**3)
    np.testing.assert_allclose(found.depth_mm, depth, atol=RADIUS_MM / count)
    np.testing.assert_allclose(found.volume, volume, rtol=10 / count)
    np.testing.assert_allclose(found.spread, volume / depth, rtol=20 / count)


@functools.cache
def ball(edge_mm=5.0):
    """Barycentres, volumes and depths in a sphere, and the field of a uniform dB/dt along z, ½ dB/dt × r."""
    mesh = hf.sphere_mesh(radii_mm=[RADIUS_MM], tags=[2], edge_mm=edge_mm)
    centres = mesh.barycentres_mm()
    field = np.cross([0.0, 0.0, 0.5], centres)
    return centres, mesh.volumes_mm3(), RADIUS_MM - np.linalg.norm(centres, axis=1), field


def test_a_uniform_change_of_the_magnetic_field_in_a_sphere():
    """|E| ~ ρ, the distance from the axis. ρ ≥ R/2 is the sphere less a bore, 4π/3 (R² − R²/4)^(3/2)."""
    centres, volumes, depth, field = ball()
    found = half_value(np.linalg.norm(field, axis=1), volumes, depth)
    volume = 4 / 3 * np.pi * (0.75 * RADIUS_MM**2) ** 1.5
    assert found.volume == pytest.approx(volume, rel=0.02)
    assert found.depth_mm == pytest.approx(RADIUS_MM / 2, abs=2.5)
    assert found.spread == pytest.approx(volume / (RADIUS_MM / 2), rel=0.06)
    # The mean of ρ in a sphere is 3πR/16, and E has no radial component anywhere.
    magnitude = np.linalg.norm(field, axis=1)
    assert mean(magnitude, volumes) == pytest.approx(0.5 * 3 * np.pi / 16 * RADIUS_MM, rel=0.01)
    normal, tangential = normal_tangential(field, centres)
    assert np.abs(normal).max() < 1e-12 * RADIUS_MM
    np.testing.assert_allclose(tangential, magnitude, rtol=1e-12)


def test_centres_of_gravity_of_a_ball():
    """Of ρ: the middle. Of |E| ~ z + R: ∫z(z + R) / ∫(z + R) = ⟨z²⟩/R = R/5 up."""
    centres, volumes, _, field = ball()
    z = np.maximum(centres[:, 2] + RADIUS_MM, 0)
    middle, up = centre_of_gravity(np.stack([np.linalg.norm(field, axis=1), z]), volumes, centres)
    np.testing.assert_allclose(middle, 0, atol=0.1)
    np.testing.assert_allclose(up, [0, 0, RADIUS_MM / 5], atol=0.3)
    top = centre_of_gravity(z, volumes, centres, fraction=0.95)
    assert top[2] > 0.85 * RADIUS_MM


def test_overlap_and_exposure_of_halves_and_a_ball():
    """|E| ~ r: r ≥ R/2 is 7/8 of the ball. Against its upper half: 2·7/16 / (7/8 + 1/2), 7/8 and 1/2."""
    centres, volumes, depth, _ = ball()
    upper = centres[:, 2] > 0
    found = overlap(RADIUS_MM - depth, volumes, upper, percent=100)
    assert found.dice == pytest.approx(7 / 11, rel=0.02)
    assert found.target_hot == pytest.approx(7 / 8, rel=0.02)
    assert found.hot_in_target == pytest.approx(1 / 2, rel=0.02)
    # The mean of r is 3R/4 in each half, so the share of the other above it is 1 − 27/64.
    exposed, ratio = off_target(RADIUS_MM - depth, volumes, upper)
    assert ratio == pytest.approx(1, rel=0.01)
    assert exposed == pytest.approx((1 - 27 / 64) * volumes.sum() / 2, rel=0.05)
    # Twice as strong in the target: nothing outside reaches 3R/2, and half of it is the same as before.
    double = np.where(upper, 2.0, 1.0) * (RADIUS_MM - depth)
    assert off_target(double, volumes, upper).exposed == 0
    assert off_target(double, volumes, upper).ratio == pytest.approx(ratio / 2, rel=1e-12)
    assert off_target(double, volumes, upper, 0.5).exposed == pytest.approx(float(exposed), rel=1e-12)
