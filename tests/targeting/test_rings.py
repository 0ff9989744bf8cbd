# SPDX-License-Identifier: BSD-3-Clause
"""Coils on rings: exact for polynomials, turned by a roll, and as good as they say for reciprocal fields."""

import functools

import numpy as np
import pytest
from given.targets import CENTRE_MM, coil, knob, model, scattered, two_stimulators, wire

import headfield as hf
from headfield.placement.positions import scalp_positions
from headfield.placement.scalp import Scalp
from headfield.placement.sites import tangential_poses
from headfield.poses.pose import tilts, turns
from headfield.targeting.aim import Aim
from headfield.targeting.rings import Rings, lagrange, trigonometric
from headfield.targeting.sources import CoilSources, exact_sums, kinds_of
from headfield.targeting.sweep import FromNodes, OnRings, TurnedSources, lifted, scheme_for

RATES = np.array([50e6])
BOTH = np.array([30e6, -20e6])
ACROSS, ALONG, ANGLES = 6, 4, 16


def rings(across=ACROSS, along=ALONG):
    return Rings.around(60.0, (-25.0, -3.0), across, along, ANGLES)


def sources(n=30, seed=0):
    rng = np.random.default_rng(seed)
    radius, angle = rng.uniform(0.0, 60.0, n), rng.uniform(0.0, 2 * np.pi, n)
    places = np.stack([radius * np.cos(angle), radius * np.sin(angle), rng.uniform(-25.0, -3.0, n)], axis=1)
    return CoilSources(places, rng.normal(size=(n, 3)))


def test_lagrange_polynomials_reproduce_polynomials():
    nodes, at = np.array([-3.0, -1.0, 0.5, 4.0]), np.linspace(-4.0, 5.0, 19)
    for power in range(4):
        np.testing.assert_allclose(lagrange(nodes, at) @ nodes**power, at**power, atol=1e-10)
    assert np.abs(lagrange(nodes, at) @ nodes**4 - at**4).max() > 1.0
    np.testing.assert_array_equal(lagrange(nodes, nodes), np.eye(4))


@pytest.mark.parametrize("n", [2, 12, 16])
def test_trigonometric_functions_reproduce_waves_below_half_their_number(n):
    nodes = 2.0 * np.pi * np.arange(n) / n
    at = np.concatenate([np.linspace(-4.0, 9.0, 31), nodes])
    for wave in range((n - 1) // 2 + 1):
        for f in (np.cos, np.sin):
            np.testing.assert_allclose(trigonometric(n, at) @ f(wave * nodes), f(wave * at), atol=1e-11)
    np.testing.assert_allclose(trigonometric(n, nodes), np.eye(n), atol=1e-12)


@pytest.mark.parametrize("powers", [(0, 0, 0), (1, 0, 0), (0, 3, 0), (2, 1, 3), (5, 0, 1), (1, 4, 2)])
def test_polynomials_are_felt_exactly(powers):
    """Of a degree below the number of rings across, in x and y, and along, in z."""
    on, spread_from = rings(), sources()

    def felt(points):
        return np.prod((points / 30.0) ** np.array(powers), axis=1)

    weights = on.spread(spread_from).reshape(-1, 3)
    exact = felt(spread_from.points_mm) @ spread_from.vectors
    np.testing.assert_allclose(felt(on.points_mm) @ weights, exact, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("powers", [(6, 0, 0), (0, 0, 4)])
def test_polynomials_of_higher_degrees_are_not(powers):
    on, spread_from = rings(), sources()
    felt = [np.prod((p / 30.0) ** np.array(powers), axis=1) for p in (on.points_mm, spread_from.points_mm)]
    gap = felt[0] @ on.spread(spread_from).reshape(-1, 3) - felt[1] @ spread_from.vectors
    assert np.abs(gap).max() > 1e-3


def test_many_sources_are_spread_as_few_are():
    many = sources(4500)
    whole = rings().spread(many)
    parts = [rings().spread(CoilSources(many.points_mm[s], many.vectors[s])) for s in (np.s_[:7], np.s_[7:])]
    np.testing.assert_allclose(whole, sum(parts), atol=1e-9)


def test_a_turn_is_a_roll():
    on, one = rings(), sources()
    rows = on.turned(on.spread(one))
    assert rows.shape == (ANGLES, 3 * len(on.points_mm))
    for j, turn in enumerate(turns(360.0 * np.arange(ANGLES) / ANGLES)):
        np.testing.assert_allclose(rows[j], on.spread(one.moved(turn)), atol=1e-10)


def test_points_of_rings_lie_where_coils_are():
    on = Rings.around(60.0, (-25.0, -3.0), 6, 1, 4)
    assert on.heights_mm.tolist() == [-14.0]
    assert len(on.points_mm) == 24
    radius = np.hypot(*on.points_mm[:, :2].T)
    assert 0.0 < radius.min() < 5.0 < 55.0 < radius.max() < 60.0


# Schemes of a search


def aim(coil, rates):
    return Aim.of(model(), coil, knob(), rates if len(rates) == 1 else rates[None])


@functools.cache
def field():
    return hf.ReciprocalField(model(), knob(), hf.Target(knob(), of_mean=True).functionals())


@functools.cache
def poses(distance_mm=4.0):
    sites = scalp_positions(Scalp(model().scalp, 10.0), CENTRE_MM, 30.0, 6.0)
    return tangential_poses(sites, distance_mm)


def off(scheme, what, rates, *, tilt=None, lifts=None, distance_mm=4.0):
    """The largest error of a scheme's sums at all its angles, relative to the largest sum."""
    some, n = poses(distance_mm)[::14], scheme.n_angles
    turned = some[:, None] @ turns(360.0 * np.arange(n) / n)
    if tilt is not None:
        turned = turned @ tilt
    if lifts is not None:  # along the z of the coil, tilted as it is
        lifts = lifts[: len(some), :n]
        turned = turned @ np.array([[lifted(lift) for lift in row] for row in lifts])
    exact = exact_sums(field(), kinds_of(what, rates), turned.reshape(-1, 4, 4)).reshape(len(some), n, -1)
    found = scheme.sums(some, lifts is not None)
    assert found.shape == (len(some), n, 1 if lifts is None else len(scheme.heights_mm), len(field()))
    if lifts is None:
        found = found[:, :, 0]
    else:
        share = lagrange(scheme.heights_mm, lifts.ravel()).reshape(*lifts.shape, -1)
        found = np.einsum("pahk,pah->pak", found, share)
    return np.abs(found - exact).max() / np.abs(exact).max()


COILS = {"dipoles": (coil, RATES), "wire": (wire, RATES), "both": (two_stimulators, BOTH)}


@pytest.mark.parametrize("name", COILS)
def test_a_flat_coil_goes_on_rings_to_the_error_that_is_stated(name):
    make, rates = COILS[name]
    scheme = scheme_for(aim(make(), rates), field(), poses())
    assert isinstance(scheme, OnRings)
    assert scheme.error <= 1e-3
    assert scheme.n_points > 1000
    assert off(scheme, make(), rates) < 3.0 * scheme.error + 1e-5


def test_a_coil_around_the_head_stays_as_it_is():
    bent = hf.bent_figure_of_eight(angle_deg=160.0, spacing_mm=10.0)
    assert bent.bounds_mm[1, 2] > 0.0
    scheme = scheme_for(aim(bent, RATES), field(), poses())
    assert isinstance(scheme, TurnedSources)
    assert off(scheme, bent, RATES) < 3.0 * scheme.error + 1e-5
    assert scheme.error < 2e-3


@pytest.mark.parametrize("tilt_deg", [(8.0, 0.0), (0.0, -10.0), (5.0, 7.0)])
def test_tilted_coils(tilt_deg):
    tilt, away = tilts(np.array([tilt_deg]))[0], {"distance_mm": 18.0}
    scheme = scheme_for(aim(coil(), RATES), field(), poses(**away), tilt=tilt)
    assert off(scheme, coil(), RATES, tilt=tilt, **away) < 3.0 * scheme.error + 1e-5
    upright = scheme_for(aim(coil(), RATES), field(), poses(**away))
    assert off(upright, coil(), RATES, tilt=tilt, **away) > 0.01, "the tilt matters"


@pytest.mark.parametrize("make", [coil, lambda: hf.bent_figure_of_eight(angle_deg=160.0, spacing_mm=12.0)])
def test_lifted_coils(make):
    scheme = scheme_for(aim(make(), RATES), field(), poses(), most_lift_mm=14.0)
    lifts = np.random.default_rng(0).uniform(0.0, 14.0, (len(poses()), scheme.n_angles))
    assert off(scheme, make(), RATES, lifts=lifts) < 3.0 * scheme.error + 6e-4
    ends = np.where(lifts > 7.0, 14.0, 0.0)
    assert off(scheme, make(), RATES, lifts=ends) < 3.0 * scheme.error + 6e-4
    assert off(scheme, make(), RATES, lifts=0.0 * lifts) < 3.0 * scheme.error + 6e-4


@pytest.mark.parametrize("tilt_deg", [(8.0, 0.0), (5.0, 7.0)])
def test_tilted_coils_are_lifted_along_their_own_axis(tilt_deg):
    tilt, away = tilts(np.array([tilt_deg]))[0], {"distance_mm": 18.0}
    scheme = scheme_for(aim(coil(), RATES), field(), poses(**away), tilt=tilt, most_lift_mm=9.0)
    lifts = np.random.default_rng(0).uniform(0.0, 9.0, (len(poses(**away)), scheme.n_angles))
    assert off(scheme, coil(), RATES, tilt=tilt, lifts=lifts, **away) < 3.0 * scheme.error + 6e-4


@pytest.mark.filterwarnings("ignore:the samples of")
def test_a_coil_whose_sources_are_unknown_goes_by_the_nodes():
    sampled = coil().sampled([3.0] * 3, [[-150.0, 150.0], [-130.0, 130.0], [-20.0, 200.0]])
    scheme = scheme_for(aim(sampled, RATES), field(), poses()[:2], most_lift_mm=5.0)
    assert isinstance(scheme, FromNodes)
    found = scheme.sums(poses()[:2], True)[:, :, -1]
    exact = scheme_for(aim(coil(), RATES), field(), poses()[:2], most_lift_mm=5.0)
    assert found.shape == (2, scheme.n_angles, 3)
    angles = 2.0 * np.pi * np.arange(scheme.n_angles) / scheme.n_angles
    highest = exact.sums(poses()[:2], True)[:, :, -1]
    other = np.einsum("an,pnk->pak", trigonometric(exact.n_angles, angles), highest)
    np.testing.assert_allclose(found, other, atol=1e-2 * np.abs(other).max())


def test_positions_beyond_those_a_scheme_is_made_for():
    scheme = scheme_for(aim(coil(), RATES), field(), poses()[:4])
    far = scattered(3, 5)
    n = scheme.n_angles
    exact = exact_sums(
        field(), kinds_of(coil(), RATES), (far[:, None] @ turns(360.0 * np.arange(n) / n)).reshape(-1, 4, 4)
    )
    found = scheme.sums(far).reshape(exact.shape)
    np.testing.assert_allclose(found, exact, atol=1e-3 * np.abs(exact).max())
