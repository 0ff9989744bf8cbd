# SPDX-License-Identifier: BSD-3-Clause
"""Lists of poses that are pickled and copied."""

import numpy as np
import pytest
from given.copies import WAYS, assert_same_parts

import headfield as hf


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("didt", [None, [1e6, -2e6]], ids=["without dI/dt", "with dI/dt"])
def test_a_copy_has_the_same_arrays_and_names(didt, way):
    poses = hf.PoseList(hf.ring(np.diag([1.0, -1.0, -1.0, 1.0]), [10, 20]), ("M1", ""), didt, "table")
    assert_same_parts(poses, WAYS[way](poses), ["poses", "names", "didt", "kind"])


@pytest.mark.parametrize("seconds", [[1.0], [[1.0, 2.0]], [1.0, np.inf], ["a", "b"]])
def test_seconds_that_are_not_one_number_a_pose(seconds):
    with pytest.raises(hf.PoseError, match="seconds"):
        hf.PoseList(np.stack([np.eye(4)] * 2), seconds=seconds)
    kept = hf.PoseList(np.stack([np.eye(4)] * 2), seconds=[1.0, np.nan])
    assert kept.seconds.shape == (2,)
