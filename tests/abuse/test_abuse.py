# SPDX-License-Identifier: BSD-3-Clause
"""A few of the trials that `make abuse` does by the hundred."""

import pytest

from abuse import leaks, trials


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
