# SPDX-License-Identifier: BSD-3-Clause
"""Poses whose centres are in metres, where mm are wanted."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..core.messages import doubt

__all__ = ["are_in_metres", "doubt_metres"]

_LARGEST_M = 0.5  # from the origin of a head's frame to a coil; in mm that is the middle of the head


def are_in_metres(poses: NDArray[np.float64]) -> bool:
    """Whether the centres of all poses (k, 4, 4) are so near the origin that they must be in metres.

    Centres exactly in the origin, as of a unit matrix, say nothing.

    Examples
    --------
    >>> pose = np.eye(4)
    >>> pose[:3, 3] = [-0.044, -0.012, 0.08]
    >>> are_in_metres(pose[None]), are_in_metres(np.eye(4)[None])
    (True, False)
    """
    return bool(0.0 < np.abs(poses[:, :3, 3]).max() < _LARGEST_M)


def doubt_metres(poses: NDArray[np.float64], where: str) -> None:
    """Warn of poses (k, 4, 4) that look like metres; the message begins with `where` they are from."""
    if are_in_metres(poses):
        most = np.abs(poses[:, :3, 3]).max()
        doubt(
            f"{where}: all centres are within {most:.2g} mm of the origin, inside the head: are they in "
            "metres?"
        )
