# SPDX-License-Identifier: BSD-3-Clause
"""A few of the trials that `make abuse` does by the hundred."""

import os

import pytest

from abuse import leaks, trials, volumes

pytestmark = pytest.mark.usefixtures("nothing_kept")


@pytest.fixture(scope="module", params=[".h5", ".msh", ".vtu"])
def writer(request):
    return trials.Writer(request.param)


@pytest.mark.parametrize(("kind", "count"), [("kill", 8), ("interrupt", 8), ("full", 4)])
def test_finished_poses_stay_and_no_others_are_shown(tmp_path, writer, kind, count):
    verdict = trials.repeat(kind, writer, count, tmp_path, seed=7)
    assert verdict.tried == count
    assert verdict.faults == []


def test_solves_leave_no_memory_behind():
    # The allocator may take a piece at any time; a leak shows every time.
    assert any(leaks.bytes_per_solve(60) < 1000 for _ in range(3))


def test_random_volumes_are_meshed():
    angle, _, faults = volumes.of_seeds([70, 111], workers=1)
    assert faults == []
    assert angle > 10


def test_a_process_that_ends_is_a_fault(monkeypatch):
    monkeypatch.setattr(volumes, "of_seed", os._exit)
    _, _, faults = volumes.of_seeds([1], workers=1)
    assert len(faults) == 1
    assert faults[0].startswith("seed 1: BrokenProcessPool")
