# SPDX-License-Identifier: BSD-3-Clause
"""A basis as the first guess of a solve, and frames that are corrected by one."""

import functools

import numpy as np
import pytest
from given import bases, targets

import headfield as hf


@functools.cache
def basis():
    return bases.made(size=150, potentials=True)


@pytest.mark.parametrize("coil", [hf.figure_of_eight, targets.wire, targets.two_stimulators])
def test_few_iterations_are_left_and_the_field_is_the_same(coil):
    coil = coil()
    poses, model = bases.poses(coil), bases.model()
    didt = [[30e6, -20e6]] if coil.n_stimulators > 1 else 2.0 ** np.arange(len(poses)) * 1e6
    plain = model.solve(coil, poses, didt, primary_error=0.0, tol=1e-6)
    guessed = model.solve(coil, poses, didt, primary_error=0.0, tol=1e-6, basis=basis())
    assert guessed.report.iterations.mean() <= 0.8 * plain.report.iterations.mean()
    assert (guessed.report.residual <= 1e-6).all()
    assert np.abs(guessed.E - plain.E).max() < 1e-4 * np.abs(plain.E).max()
    assert guessed.report.first_guess == "basis"
    assert "first guess by a basis" in str(guessed.report)


def test_batches_of_iter_solve_start_from_it():
    coil, model = hf.figure_of_eight(), bases.model()
    poses = bases.poses(coil)
    whole = model.solve(coil, poses, roi=bases.knob(), basis=basis(), batch=1)
    parts = list(model.iter_solve(coil, poses, roi=bases.knob(), basis=basis(), batch=4))
    np.testing.assert_array_equal(np.concatenate([part.E for part in parts]), whole.E)
    assert all(part.report.first_guess == "basis" for part in parts)


def test_frames_that_are_not_good_enough_are_solved():
    coil = hf.figure_of_eight()
    poses = bases.poses(coil)
    frames = basis().field(coil, poses)
    limit = float(np.median(frames.report.basis_error))
    mixed = basis().field(coil, poses, error=limit)
    bad = frames.report.basis_error > limit
    assert 0 < bad.sum() < len(poses)
    np.testing.assert_array_equal(mixed.E[~bad], frames.E[~bad])
    exact = bases.model().solve(coil, poses, roi=bases.knob(), primary_error=0.0, tol=1e-7).E
    assert bases.relative(mixed.E, exact)[bad].max() < 0.3 * limit
    assert (mixed.report.tolerance[bad] == 0.1 * limit).all()
    assert "solved in full" in str(mixed.report)
    assert (mixed.report.iterations > 0).tolist() == bad.tolist()
    assert not mixed.report.basis_error[bad].any()


def test_a_deadline_leaves_frames_as_they_are():
    coil = hf.figure_of_eight()
    frames = basis().field(coil, bases.poses(coil), error=1e-6, deadline_ms=1e-3)
    assert not frames.report.iterations.any()
    assert (frames.report.basis_error > 1e-6).all()
    for given in ({"error": 1e-6, "deadline_ms": 1e6}, {"deadline_ms": 1e6}):
        assert basis().field(coil, bases.poses(coil), **given).report.iterations.all()


def test_one_slow_solve_does_not_end_all_that_follow(monkeypatch):
    coil, rt = hf.figure_of_eight(), basis()
    pose = bases.poses(coil)[:1]
    rt._seconds[coil] = 30.0
    assert not rt.field(coil, pose, deadline_ms=1e4).report.iterations.any()
    calls = next(i for i in range(60) if rt.field(coil, pose, deadline_ms=1e4).report.iterations.any())
    assert calls > 5
    assert rt._seconds[coil] < 2.5


def test_a_region_and_its_potential_are_kept_together():
    coil, model = hf.figure_of_eight(), bases.model()
    poses = bases.poses(coil)
    both = model.solve(coil, poses, roi=bases.knob(), keep_potential=True)
    np.testing.assert_array_equal(both.E, model.solve(coil, poses, roi=bases.knob()).E)
    np.testing.assert_array_equal(both.potential, model.solve(coil, poses).potential)
    again = model.solve(coil, poses, roi=bases.knob(), initial=both.potential)
    assert (again.report.iterations <= 1).all()


@pytest.mark.parametrize(
    ("given", "match"),
    [
        ({"basis": 3}, "basis must be a RealTime"),
        ({"initial": np.zeros((1, 5))}, "either initial or basis"),
    ],
)
def test_what_is_no_guess_is_refused(given, match):
    coil = hf.figure_of_eight()
    with pytest.raises(hf.ArgumentError, match=match):
        bases.model().solve(coil, bases.poses(coil)[0], **{"basis": basis(), **given})


def test_bases_of_others_are_refused():
    coil = hf.figure_of_eight()
    other = hf.HeadModel(bases.model().mesh, device="cpu", primary="edges")
    with pytest.raises(hf.ArgumentError, match="another model"):
        other.solve(coil, bases.poses(coil)[0], basis=basis())
    with pytest.raises(hf.ArgumentError, match="potentials=True"):
        bases.model().solve(coil, bases.poses(coil)[0], basis=bases.basis())


@pytest.mark.parametrize("option", ["error", "deadline_ms"])
def test_limits_are_positive(option):
    coil = hf.figure_of_eight()
    with pytest.raises(hf.ArgumentError, match=option):
        basis().field(coil, bases.poses(coil)[0], **{option: 0.0})
