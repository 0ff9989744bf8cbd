# SPDX-License-Identifier: BSD-3-Clause
"""The few sums of E that targets are made of."""

import functools

import numpy as np
import pytest
from given.targets import CENTRE_MM, DIDT, coil, head, knob, model, scattered

import headfield as hf
from headfield.placement.positions import scalp_positions
from headfield.placement.scalp import Scalp
from headfield.placement.sites import tangential_poses
from headfield.targeting.aim import Aim
from headfield.targeting.design import DESIGN_POSES, design_poses, outputs_for
from headfield.targeting.outputs import Outputs, Span, region_of


@functools.cache
def other():
    return hf.regions.sphere(head(), [40, -8, 50], 15, 2)


def test_regions_of_several_targets_follow_each_other():
    targets = hf.Target(knob()) - hf.Target(other())
    region = region_of(head(), targets)
    np.testing.assert_array_equal(region.elements, np.concatenate([knob().elements, other().elements]))
    assert region_of(head(), hf.Targets.of(knob())) is knob()


@functools.cache
def around():
    """Poses at an angle of 0 around the target, as a search has them."""
    sites = scalp_positions(Scalp(model().scalp, 10.0), CENTRE_MM, 40.0, 6.0)
    return tangential_poses(sites, 4.0)


@functools.cache
def spanned(target):
    poses = design_poses(around(), np.asarray(CENTRE_MM))
    return outputs_for(Aim.of(model(), coil(), target, DIDT), poses)


@functools.cache
def unseen(region):
    """E at poses that no basis was made of."""
    return model().solve(coil(), scattered(24), DIDT, roi=region, tol=1e-6).E.astype(np.float64)


def test_design_poses_lie_apart_and_near_the_target():
    poses = design_poses(around(), np.asarray(CENTRE_MM))
    assert len(poses) == DESIGN_POSES
    places = np.unique(poses[:, :3, 3].round(6), axis=0)
    assert len(places) == DESIGN_POSES // 2
    gaps = np.linalg.norm(places[:, None] - places, axis=2) + 1e9 * np.eye(len(places))
    assert gaps.min() > 12.0  # twice the distance of positions
    hf.check_poses(poses)


def test_a_few_poses_span_the_fields_of_others():
    region, e = knob(), unseen(knob())
    poses = design_poses(around(), np.asarray(CENTRE_MM))
    design = model().solve(coil(), poses, DIDT, roi=region, tol=1e-6).E.astype(np.float64)
    span, few = Span.of(design, region.weights), Span.of(design[:6], region.weights)
    assert len(span.basis) <= DESIGN_POSES
    gram = np.einsum("rpd,spd->rs", span.dual, span.basis)
    np.testing.assert_allclose(gram, np.eye(len(gram)), atol=1e-9)

    def rest(of):
        """What is left of E in the region, and of the mean of its size, relative."""
        found = np.einsum("kr,rpd->kpd", np.einsum("rpd,kpd->kr", of.dual, e), of.basis)
        left, whole = (np.sqrt((f**2).sum(axis=2) @ region.weights) for f in (found - e, e))
        sizes, exact = (np.linalg.norm(f, axis=2) @ region.weights for f in (found, e))
        return (left / whole).max(), np.abs(sizes / exact - 1.0).max()

    # A coil as small as this one has more ways to stimulate than a usual one, which is within 1e-3.
    assert rest(span)[0] < 6e-2
    assert rest(span)[1] < 1.5e-2
    assert rest(few)[1] > 2e-2, "it is the number of poses that does it"


def test_elements_without_weight_are_no_part_of_a_span():
    weights = np.where(np.arange(10) < 5, 1.0, 0.0)
    span = Span.of(np.random.default_rng(0).normal(size=(3, 10, 3)), weights)
    assert not span.basis[:, 5:].any()
    assert np.isfinite(span.dual).all()


def targets():
    return {
        "mean |E|": hf.Target(knob()),
        "exponent": hf.Target(knob(), exponent=6.0),
        "weights": hf.Target(knob(), weights=np.linspace(-0.5, 1.0, len(knob()))),
        "contrast": hf.Target(knob()) - 0.3 * hf.Target(other(), [0, 1, 0]),
    }


@pytest.mark.parametrize("name", targets())
def test_values_of_unseen_poses_follow_from_their_sums(name):
    wanted = targets()[name]
    outputs, n_solved = spanned(wanted)
    e = unseen(outputs.region)
    sums = np.einsum("kpd,npd->nk", outputs.weights, e)
    exact = hf.Targets.of(wanted).values(e)
    assert n_solved == DESIGN_POSES
    off = np.abs(outputs.values(sums) - exact).max() / np.abs(exact).max()
    assert off < (3e-2 if name == "exponent" else 1e-2)  # which few tetrahedra decide
    assert np.ptp(exact) > 0.1 * np.abs(exact).max(), "the poses differ"


def test_a_component_needs_no_solves():
    aim = Aim.of(model(), coil(), hf.Target(knob(), [1, 0, 0]), DIDT)
    outputs, n_solved = outputs_for(aim, around())
    assert (n_solved, len(outputs.weights)) == (0, 1)


def test_some_tetrahedra_stand_for_all_of_a_large_region():
    region = hf.regions.sphere(head(), CENTRE_MM, 40, 2)
    assert len(region) > 600
    outputs, _ = spanned(hf.Target(region))
    sums = np.einsum("kpd,npd->nk", outputs.weights, unseen(region))
    exact, some = outputs.values(sums), outputs.values(sums, exact=False)
    np.testing.assert_allclose(some, exact, rtol=5e-2)
    assert abs(np.mean(some / exact) - 1.0) < 1e-2
    assert (some != exact).all()
    small, _ = spanned(hf.Target(knob()))
    few = np.einsum("kpd,npd->nk", small.weights, unseen(knob()))
    np.testing.assert_array_equal(small.values(few, exact=False), small.values(few))


def test_sums_of_parts_do_not_mix():
    a, b = hf.Target(knob(), [1, 0, 0]), hf.Target(other(), of_mean=True)
    targets = 2.0 * a - b
    outputs = Outputs(targets, region_of(head(), targets), [None, None])
    assert outputs.weights.shape == (4, len(knob()) + len(other()), 3)
    assert not outputs.weights[0, len(knob()) :].any()
    assert not outputs.weights[1:, : len(knob())].any()
    np.testing.assert_allclose(outputs.values(np.array([[1.0, 2.0, 3.0, 6.0]])), [2.0 - 7.0])
