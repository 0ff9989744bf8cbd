# SPDX-License-Identifier: BSD-3-Clause
"""Poses that can't be meant are said; those that can are not."""

import warnings

import numpy as np
import pytest

import headfield as hf
from headfield.placement.plausible import PlausiblePoses

MESH = hf.sphere_mesh(radii_mm=[70, 80, 90], tags=[3, 4, 5], edge_mm=12)
COIL = hf.figure_of_eight(spacing_mm=8.0)


def above(mm, turn=(1.0, -1.0, -1.0)):
    """The coil over the top of the sphere, its casing face so far from the scalp."""
    pose = np.diag([*turn, 1.0])
    pose[2, 3] = 90.0 + mm
    return pose


def said(poses, coil=COIL):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        PlausiblePoses(MESH).warn_of(coil, np.array(poses))
    return [str(w.message) for w in caught]


def test_coils_on_the_scalp_are_plausible():
    grid = hf.scalp_grid(MESH, [0, 0, 95], [0, 50, 95], radius_mm=40, spacing_mm=10, casing=COIL, clear_mm=2)
    assert not said(grid.poses)
    assert not said([above(0), above(4), above(200)])


def test_wire_inside_the_head_is_said():
    (message,) = said([above(4), above(-30), above(-50)])
    assert message == "2 of 3 poses, first pose 1, put the wire of the coil inside the head"
    wire = hf.wire_coil([[0, 0, 0], [20, 0, 0], [0, 20, 0]], closed=True)
    assert said([above(-40)], wire)


def test_a_coil_far_away_is_said():
    (message,) = said([above(4), above(310)])
    assert (
        message == "1 of 2 poses, first pose 1, put the coil more than 300 mm from the head: are they in mm?"
    )


def test_a_coil_that_looks_away_is_said():
    (message,) = said([above(30), above(30, (1, 1, 1))])
    assert message.startswith("1 of 2 poses, first pose 1, turn the back of the coil to the head")


def test_inside_is_inside_the_scalp():
    points = np.random.default_rng(0).normal(size=(4000, 3)) * 60
    inside = PlausiblePoses(MESH).inside(points)
    radius = np.linalg.norm(points, axis=1)
    assert inside[radius < 50].all()
    assert not inside[radius > 90].any()


def test_a_solve_says_so():
    model = hf.HeadModel(MESH)
    with pytest.warns(UserWarning, match="inside the head") as caught:
        model.solve(COIL, above(-40))
    assert caught[0].filename == __file__
    with pytest.warns(UserWarning, match="back of the coil"):
        next(model.iter_solve(COIL, above(30, (1, 1, 1))))
