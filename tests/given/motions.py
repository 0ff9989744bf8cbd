# SPDX-License-Identifier: BSD-3-Clause
"""Motions of coils, and differences of functions of them."""

import numpy as np
from scipy.linalg import expm

SIXTH_ORDER = {-3: -1 / 60, -2: 3 / 20, -1: -3 / 4, 1: 3 / 4, 2: -3 / 20, 3: 1 / 60}  # central differences


def moved(poses, amounts):
    """Poses (k, 4, 4) after a motion by six amounts: mm along the axes of the coil, and rad about them."""
    x, y, z = amounts[3:]
    rate = np.array([[0.0, -z, y, 0.0], [z, 0.0, -x, 0.0], [-y, x, 0.0, 0.0], [0.0] * 4])
    rate[:3, 3] = amounts[:3]
    return np.asarray(poses) @ expm(rate)


def difference(function, step):
    """The derivative of a function of one number at 0, of sixth order in the step."""
    return sum(weight * function(i * step) for i, weight in SIXTH_ORDER.items()) / step


def slopes(function, poses, step_mm=0.02, step_rad=0.0004):
    """The derivatives (k, 6) of a function of poses, which is called once, by central differences."""
    steps, k = [step_mm] * 3 + [step_rad] * 3, len(poses)
    directions = np.eye(6) * np.array(steps)
    every = [moved(poses, i * direction) for direction in directions for i in SIXTH_ORDER]
    values = function(np.concatenate(every)).reshape(6, len(SIXTH_ORDER), k)
    return np.einsum("aik,i->ka", values, list(SIXTH_ORDER.values())) / steps
