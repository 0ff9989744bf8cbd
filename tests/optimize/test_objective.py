# SPDX-License-Identifier: BSD-3-Clause
"""Objectives of a model, and their refinement on the phantom against a grid of poses."""

import numpy as np
import pytest
from given.targets import DIDT, coil, knob, model

import headfield as hf
from headfield.poses.motions import moved

PLACES = [(-40, -8), (-52, 0), (-34, 8), (-40, -24)]


def starts():
    return np.array([model().place(coil(), [x, y, 70], [x, y + 50, 70], clear_mm=2.0) for x, y in PLACES])


def objective(measure=None, **options):
    return hf.optimize.Objective(model(), knob() if measure is None else measure, coil(), DIDT, **options)


def test_values_and_gradients_are_those_of_the_model():
    asked = objective(tol=1e-8)
    values, gradients = asked(starts())
    expected = model().gradient(knob(), coil(), starts(), DIDT, tol=1e-8)
    np.testing.assert_array_equal(values, expected.values)
    np.testing.assert_array_equal(gradients, expected.pose)
    asked(starts()[0])
    assert (asked.batches, asked.poses) == (2, 5)
    assert repr(asked) == f"<Objective: <Target: mean |E| in 122 tetrahedra> of {coil().name!r}>"


@pytest.mark.parametrize("direction", [None, (0.0, 1.0, 0.0)])
def test_no_pose_of_a_grid_is_better(direction):
    target = hf.Target(knob(), direction)
    asked = objective(target, clear_mm=2.0)
    found = hf.optimize.refine(asked, starts())
    assert asked.batches <= 15
    assert hf.casing_distance(model().scalp, coil(), found.poses).min() >= 2.0
    axes = (-0.5, 0.0, 0.5), (-0.5, 0.0, 0.5), (0.0,), *(3 * (np.radians([-1.0, 0.0, 1.0]),))
    motions = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, 6)
    grid = asked.clearance.landed(moved(np.tile(found.pose, (len(motions), 1, 1)), motions))
    values = hf.evaluate(model(), coil(), grid, target, DIDT)
    assert values.max() < 1.001 * found.value
    assert np.ptp(values) > 1e-4 * found.value


def test_less_is_asked_for_by_a_sign():
    least = hf.optimize.refine(objective(-1 * hf.Target(knob())), starts()[:2], max_batches=3)
    assert (least.values > least.history[0]).all()


BAD = {
    "no model": (lambda: hf.optimize.Objective(3, knob(), coil()), hf.ArgumentError, "HeadModel, not int"),
    "no measure": (lambda: objective(3.0), hf.RegionError, "a measure must be"),
    "no coil": (lambda: hf.optimize.Objective(model(), knob(), 3), hf.CoilError, "coil"),
    "clear": (lambda: objective(clear_mm=-1), hf.PoseError, "clear_mm"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_arguments_are_named(case):
    make, error, message = BAD[case]
    with pytest.raises(error, match=message):
        make()
