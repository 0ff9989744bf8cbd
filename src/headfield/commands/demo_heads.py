# SPDX-License-Identifier: BSD-3-Clause
"""Heads that come with headfield, and where in them the demo stimulates."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..heads.mesh import TetMesh
from ..heads.phantom import phantom_head, phantom_landmarks, phantom_surfaces
from ..heads.segmentation.template import POSITIONS, template_head

__all__ = ["HEADS", "DemoHead"]

_TARGET_DEPTH_MM = 2.0
# The left primary motor cortex in MNI152 coordinates. The mean of a meta-analysis, Mayka 2006,
# doi 10.1016/j.neuroimage.2006.02.004, is (-37, -21, 58) in those of Talairach, to which it converts what is
# reported in MNI coordinates by the affine map of Brett; this is the inverse.
_MOTOR_CORTEX_MM = (-37.0, -25.0, 62.0)


class DemoHead(NamedTuple):
    """A head of the demo, and where the coil goes."""

    make: Callable[[float], TetMesh]
    edge_mm: float
    centre_mm: NDArray[np.float64]  #: of the coil; projected onto the scalp
    target_mm: NDArray[np.float64]
    target: str  #: the words of the table for it
    positions: Path | None = None  #: of electrodes


def _template() -> DemoHead:
    area = np.array(_MOTOR_CORTEX_MM)
    return DemoHead(template_head, 5.0, area, area, "the left motor cortex", POSITIONS)


def _phantom() -> DemoHead:
    """Return the phantom; the target is a gyral crown, a little below the surface of gray matter."""
    landmark = phantom_landmarks()["left_motor"]
    direction = landmark / np.linalg.norm(landmark)
    crown = direction * (phantom_surfaces([direction])[0, 1] - _TARGET_DEPTH_MM)
    return DemoHead(phantom_head, 3.0, landmark, crown, "the crown under the coil")


HEADS = {"template": _template, "phantom": _phantom}
