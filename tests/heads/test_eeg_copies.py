# SPDX-License-Identifier: BSD-3-Clause
"""Electrode positions that are pickled and copied."""

import numpy as np
import pytest
from given.copies import WAYS, assert_same_parts

import headfield as hf


@pytest.mark.parametrize("way", WAYS)
def test_a_copy_has_the_same_closed_array(way):
    given = np.array([[-60.0, 0, 60], [0, 95, 0]])
    cap = hf.EegPositions(("C3", "Nz"), given, ("Electrode", "Fiducial"), "cap.csv")
    assert not cap.positions_mm.flags.writeable
    assert given.flags.writeable  # the caller's own array stays open
    assert_same_parts(cap, WAYS[way](cap), ["names", "positions_mm", "kinds", "source"])
