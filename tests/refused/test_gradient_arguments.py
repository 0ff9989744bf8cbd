# SPDX-License-Identifier: BSD-3-Clause
"""Derivatives that can't be had: bad arguments, places without a derivative, what does not converge."""

import numpy as np
import pytest
from given.gradients import DIDT, knob, model, scattered
from given.targets import coil, wire

import headfield as hf


def test_bad_input_is_named():
    pose, other = scattered(1), hf.sphere_mesh(radii_mm=[80], tags=[2], edge_mm=30)
    with pytest.raises(hf.ArgumentError, match="wrt names 'place'"):
        model().gradient(knob(), coil(), pose, DIDT, "place")
    with pytest.raises(hf.ArgumentError, match="wrt names nothing"):
        model().gradient(knob(), coil(), pose, DIDT, [])
    with pytest.raises(hf.ArgumentError, match=r"wrt names .*pose"):
        model().gradient(knob(), coil(), pose, DIDT, [["pose"]])
    with pytest.raises(hf.ArgumentError, match="wrt must be names"):
        model().gradient(knob(), coil(), pose, DIDT, 3)
    with pytest.raises(hf.ArgumentError, match="tol"):
        model().gradient(knob(), coil(), pose, DIDT, tol="auto")
    with pytest.raises(hf.RegionError, match="must be a Region"):
        model().gradient("knob", coil(), pose, DIDT)
    with pytest.raises(hf.RegionError, match="another mesh"):
        model().gradient(hf.regions.tissue(other, 2), coil(), pose, DIDT)
    with pytest.raises(hf.CoilError, match="no pieces of wire"):
        model().gradient(knob(), coil(), pose, DIDT, "wire")
    with pytest.raises(hf.CoilError, match="no dipoles"):
        model().gradient(knob(), wire(), pose, DIDT, "dipoles")
    with pytest.raises(hf.CoilError, match="no parameters"):
        model().gradient(knob(), coil(), pose, DIDT, "deformation")
    with pytest.raises(hf.PoseError):
        model().gradient(knob(), coil(), 2.0 * np.eye(4), DIDT)


@pytest.mark.filterwarnings("ignore:dI/dt is 0")
def test_places_without_a_derivative_are_named():
    poses = scattered(6)
    with pytest.raises(hf.MeasureError, match=r"of poses from 4 on.*pose 1"):
        model().gradient(knob(), coil(), poses, [DIDT] * 5 + [0.0], batch=4)
    nan = hf.MeasureFunction(knob(), lambda E: np.full(len(E), np.nan), lambda E: E)
    with pytest.raises(hf.MeasureError, match="not finite at pose 0"):
        model().gradient(nan, coil(), poses, DIDT)
    share = np.ones((len(knob()), 3))
    bent = hf.MeasureFunction(
        knob(), lambda E: (E**2).sum(axis=(1, 2)), lambda E: np.broadcast_to(share, E.shape), is_linear=True
    )
    with pytest.raises(hf.MeasureError, match="says it is linear, but"):
        model().gradient(bent, coil(), poses, DIDT)
    wrong = hf.MeasureFunction(knob(), lambda E: E.sum(axis=(1, 2)), lambda E: E[:, :-1])
    with pytest.raises(hf.MeasureError, match="shape"):
        model().gradient(wrong, coil(), poses, DIDT)


def test_a_solve_that_does_not_converge_is_an_error():
    with pytest.raises(hf.ConvergenceError, match="pose 0 did not reach"):
        model().gradient(knob(), coil(), scattered(1), DIDT, tol=1e-12, max_iterations=2)
