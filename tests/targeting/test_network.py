# SPDX-License-Identifier: BSD-3-Clause
"""Targets whose weights an image gives."""

import numpy as np
import pytest
from given.targets import CENTRE_MM, head, knob

import headfield as hf

LOW_MM, STEP_MM, COUNT = -110.0, 5.0, 45


def affine():
    found = np.diag([STEP_MM, STEP_MM, STEP_MM, 1.0])
    found[:3, 3] = LOW_MM
    return found


def places():
    axis = LOW_MM + STEP_MM * np.arange(COUNT)
    return np.stack(np.meshgrid(axis, axis, axis, indexing="ij"), axis=-1)


def ramp():
    """Linear, so that trilinear interpolation is exact."""
    return places() @ np.array([0.01, -0.02, 0.03]) + 0.25


def at(points):
    return points @ np.array([0.01, -0.02, 0.03]) + 0.25


def test_weights_are_the_values_at_the_middles_of_tetrahedra():
    target = hf.target_of_map(head(), (affine(), ramp()))
    assert (head().tags[target.region.elements] == 2).all()
    np.testing.assert_allclose(target.weights, at(target.region.centres_mm), atol=1e-9)
    assert target.weights.min() < 0.0 < target.weights.max()
    e = np.random.default_rng(0).normal(size=(2, len(target.region), 3))
    volumes = target.region.weights * target.weights
    expected = np.linalg.norm(e, axis=2) @ volumes / np.abs(volumes).sum()
    np.testing.assert_allclose(target.value(e), expected, rtol=1e-10)


def test_a_map_turned_over_counts_against_a_pose():
    one, other = (hf.target_of_map(head(), (affine(), sign * ramp())) for sign in (1, -1))
    e = np.random.default_rng(1).normal(size=(3, len(one.region), 3))
    np.testing.assert_allclose(one.value(e), -other.value(e), rtol=1e-12)


def test_values_below_a_threshold_have_no_part():
    every = hf.target_of_map(head(), (affine(), ramp()))
    some = hf.target_of_map(head(), (affine(), ramp()), threshold=0.8)
    kept = np.abs(every.weights) >= 0.8
    assert 0 < kept.sum() < len(kept)
    np.testing.assert_array_equal(some.region.elements, every.region.elements[kept])
    assert (np.abs(some.weights) >= 0.8).all()
    assert some.weights.min() < 0.0, "it is of sizes"


def test_only_within_a_region_and_in_other_tissues():
    some = hf.target_of_map(head(), (affine(), ramp()), within=knob())
    np.testing.assert_array_equal(some.region.elements, knob().elements)
    white = hf.target_of_map(head(), (affine(), ramp()), tags=[1, 3])
    assert set(head().tags[white.region.elements]) == {1, 3}


def test_values_that_are_no_numbers_count_as_nothing():
    spoilt = ramp()
    spoilt[places()[..., 0] > 20.0] = np.nan
    target = hf.target_of_map(head(), (affine(), spoilt))
    assert np.isfinite(target.weights).all()
    assert (target.region.centres_mm[:, 0] < 25.0).all()


def test_files_of_maps(tmp_path):
    import nibabel

    path = tmp_path / "map.nii.gz"
    nibabel.save(nibabel.Nifti1Image(ramp().astype(np.float32), affine()), path)
    read = hf.target_of_map(head(), path)
    given = hf.target_of_map(head(), (affine(), ramp()))
    np.testing.assert_array_equal(read.region.elements, given.region.elements)
    np.testing.assert_allclose(read.weights, given.weights, atol=1e-5)


def moved():
    away = affine()
    away[:3, 3] += 5000.0
    return away


BAD = {
    "a map beside the head": (lambda: hf.target_of_map(head(), (moved(), ramp())), "in one frame"),
    "an empty map": (lambda: hf.target_of_map(head(), (affine(), 0.0 * ramp())), "no tetrahedron"),
    "a high threshold": (
        lambda: hf.target_of_map(head(), (affine(), ramp()), threshold=50.0),
        "a value of at least 50",
    ),
    "a threshold below 0": (lambda: hf.target_of_map(head(), (affine(), ramp()), threshold=-1), "threshold"),
    "MNI without a subject": (
        lambda: hf.target_of_map(head(), (affine(), ramp()), mni=True),
        "needs a Subject",
    ),
    "a tissue that is not there": (lambda: hf.target_of_map(head(), (affine(), ramp()), tags=77), "77"),
    "a plane": (lambda: hf.target_of_map(head(), (affine(), np.ones((5, 5)))), "map"),
    "no affine": (lambda: hf.target_of_map(head(), (np.eye(3), ramp())), "affine"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_maps_are_named(case):
    make, message = BAD[case]
    with pytest.raises(hf.HeadfieldError, match=message):
        make()


def test_a_head_that_is_none():
    with pytest.raises(hf.RegionError, match="must be a TetMesh"):
        hf.target_of_map(CENTRE_MM, (affine(), ramp()))
