# SPDX-License-Identifier: BSD-3-Clause
"""What a zoom can't be made or used for: typed errors that say why, and results that are not claimed."""

import copy
import functools
import pickle
import time

import numpy as np
import pytest
from given.zooms import COIL, ball, gray, head, model, poses, solved, zoomed

import headfield as hf


@functools.cache
def zoom():
    return zoomed(gray(), error=0.1)


def weightless():
    region = copy.copy(gray())
    object.__setattr__(region, "weights", np.zeros(len(region)))
    return region


def none_of_it():
    region = copy.copy(gray())
    for name in ("elements", "weights"):
        object.__setattr__(region, name, getattr(region, name)[:0])
    return region


def potential():
    return np.zeros((3, head().n_nodes))


def not_finite():
    values = potential()
    values[1, 2] = np.nan
    return values


BAD = {
    "another mesh": ({"region": lambda: ball(mesh=other())}, hf.RegionError, "region of another mesh"),
    "indices": ({"region": lambda: np.arange(5)}, hf.RegionError, "must be a Region .*not ndarray"),
    "None": ({"region": lambda: None}, hf.RegionError, "must be a Region"),
    "nothing": ({"region": none_of_it}, hf.RegionError, "holds nothing"),
    "no volume": ({"region": weightless}, hf.RegionError, "no volume or area"),
    **{
        f"an error of {value!r}": ({"error": lambda value=value: value}, hf.ArgumentError, "error")
        for value in (0.0, -0.02, 0.0009, 0.51, 2, np.nan, np.inf, "2 %", None, [0.02])
    },
    **{
        f"a margin of {value!r}": ({"margin_mm": lambda value=value: value}, hf.ArgumentError, "margin_mm")
        for value in (0.0, -10.0, 1.9, 201.0, np.nan, np.inf, "10 mm", [10.0])
    },
    **{
        f"{value!r} unknowns": ({"max_unknowns": lambda value=value: value}, hf.ArgumentError, "max_unknowns")
        for value in (0, -1, 1.5, 10**9, np.nan, "many", None)
    },
    "few unknowns": (
        {"max_unknowns": lambda: 100},
        hf.RegionError,
        "unknowns before it is refined, more than",
    ),
    "a potential of another shape": (
        {"potential": lambda: potential()[:2]},
        hf.ArgumentError,
        r"potential has shape \(2, \d+\); it must be \(3, \d+\)",
    ),
    "a potential that is flat": ({"potential": lambda: potential()[0]}, hf.ArgumentError, "potential"),
    "a potential not finite": ({"potential": not_finite}, hf.ArgumentError, "potential"),
    "a potential in words": ({"potential": lambda: "known"}, hf.ArgumentError, "potential"),
}


@functools.cache
def other():
    return hf.sphere_mesh([60, 80], [2, 5], 20)


@pytest.mark.parametrize("name", BAD)
def test_zooms_that_can_not_be_made_are_refused_at_once(name):
    changes, error, said = BAD[name]
    options = {key: value() for key, value in changes.items()}
    region = options.pop("region", None) if "region" in options else gray()
    model(), poses()
    start = time.monotonic()
    with pytest.raises(error, match=said):
        zoomed(region, **options)
    assert time.monotonic() - start < 5.0


@pytest.mark.parametrize(
    ("changes", "error", "said"),
    [
        ({"tol": "auto"}, hf.ArgumentError, "tol must .*number"),
        ({"tol": 0.0}, hf.ArgumentError, "tol"),
        ({"max_iterations": 0}, hf.ArgumentError, "max_iterations"),
        ({"batch": 0}, hf.ArgumentError, "batch"),
        ({"potential": np.zeros((2, 5))}, hf.ArgumentError, "must have shape|has shape"),
        ({"didt": [1e6, 2e6]}, hf.ArgumentError, "didt has shape"),
    ],
)
def test_arguments_of_a_solve_are_refused(changes, error, said):
    with pytest.raises(error, match=said) as refused:
        solved(zoom(), **changes)
    assert "initial" not in str(refused.value), "which a zoom doesn't have"


@pytest.mark.parametrize("coil", [None, "coil.ccd", np.zeros((3, 3))])
def test_what_is_no_coil_is_refused(coil):
    with pytest.raises(hf.CoilError):
        zoom().solve(coil, poses())
    with pytest.raises(hf.CoilError):
        model().zoom(gray(), coil, poses())


def test_poses_inside_of_the_head_are_doubted():
    inside = poses().copy()
    inside[1, :3, 3] = [0, 0, 60]
    with pytest.warns(UserWarning, match="inside the head"):
        zoom().solve(COIL, inside, primary_error=0.0)


def test_a_zoom_is_not_pickled():
    with pytest.raises(TypeError, match="pickle the model and the region"):
        pickle.dumps(zoom())


def test_too_few_unknowns_end_the_refinement_and_are_said():
    with pytest.warns(UserWarning, match=r"did not reach what was asked for: .*not the 3 % .*unknowns"):
        made = zoomed(gray(), error=0.03, max_unknowns=1000)
    assert not made.report.reached
    assert made.report.stopped == "unknowns"
    assert made.n_unknowns <= 1000
    assert made.report.discretisation_error > 0.03
    assert np.isfinite(solved(made).E).all()


def test_where_the_first_level_is_the_last_no_error_is_claimed():
    """There is no second level to compare it with: the error is not known."""
    size = zoom().report.levels[0].unknowns
    with pytest.warns(UserWarning, match="did not reach what was asked for"):
        made = zoomed(gray(), error=0.1, max_unknowns=int(size * 1.05))
    assert len(made.report.levels) == 1
    assert not made.report.reached
    assert "error of E not known" in str(made.report)
    with pytest.warns(hf.PlausibilityWarning, match="dI/dt is 0"):
        said = solved(made, didt=[1e6, 0.0, 1e6]).report.discretisation_error
    np.testing.assert_array_equal(said, [np.inf, 0.0, np.inf])


def test_a_solve_that_does_not_converge_says_so():
    with pytest.raises(hf.ConvergenceError) as failed:
        solved(zoom(), tol=1e-8, max_iterations=1)
    assert "iterations" in str(failed.value)


@pytest.mark.filterwarnings("ignore:.*put the coil more than")
def test_a_coil_that_is_far_away_has_a_small_field_of_a_known_error():
    pose = poses()[0].copy()
    pose[2, 3] = 2e3
    field = zoom().solve(COIL, pose, primary_error=0.0)
    assert 0.0 < np.abs(field.E).max() < 1e-3
    assert (field.report.discretisation_error < 0.2).all()


@pytest.mark.filterwarnings("ignore::headfield.PlausibilityWarning")
def test_a_coil_that_is_switched_off_has_no_field():
    field = solved(zoom(), didt=[1e6, 0.0, 2e6])
    assert not field.E[1].any()
    assert field.E[0].any()
    assert np.isfinite(field.report.discretisation_error).all()


@pytest.mark.filterwarnings("ignore::headfield.PlausibilityWarning")
def test_a_mesh_is_refined_for_the_poses_at_which_there_is_a_field():
    found = model().zoom(gray(), COIL, poses(), [1e6, 0.0, 2e6], error=0.1, primary_error=0.0)
    assert found.report.reached
    assert found.report.discretisation_error <= 0.1
