# SPDX-License-Identifier: BSD-3-Clause
"""A stand-in for cupyx: page-locked arrays of the host, which here are arrays."""

from typing import Any

import numpy as np


def empty_pinned(shape: Any, dtype: Any = float, order: Any = "C") -> np.ndarray:
    a = np.empty(shape, dtype, order)
    a.reshape(-1, order="A").view(np.uint8).fill(0xFF)  # a view: it is contiguous in one order or the other
    return a


def zeros_pinned(shape: Any, dtype: Any = float, order: Any = "C") -> np.ndarray:
    return np.zeros(shape, dtype, order)
