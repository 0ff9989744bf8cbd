# SPDX-License-Identifier: BSD-3-Clause
"""How far two arrays are apart."""

import numpy as np


def same_bits(a, b):
    """Fail unless two arrays hold the same bits; zeros of either sign differ."""
    a, b = np.asarray(a), np.asarray(b)
    assert a.dtype == b.dtype
    np.testing.assert_array_equal(a.view(f"u{a.itemsize}"), b.view(f"u{b.itemsize}"))


def largest_error(a, b):
    return np.abs(a - b).max() / np.abs(b).max()


def close(a, b, relative):
    return np.abs(a - b).max(initial=0.0) <= relative * np.abs(b).max(initial=0.0)
