# SPDX-License-Identifier: BSD-3-Clause
"""A frame, which is the field at one pose, and the counts of a hub."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..fields.field import Field

__all__ = ["Counts", "Frame"]


@dataclass(frozen=True)
class Counts:
    """What a hub has done so far.

    Attributes
    ----------
    received, replaced, computed, failed : int
        Poses that came in, that a newer one overtook, whose field was computed, and that were refused.
    seconds, longest_s : float
        In the engine: of all frames together, and of the longest.
    listener_errors : int
        Times that a function of a listener, to be told of new frames, raised an error; it is not told again.
    """

    received: int = 0
    replaced: int = 0
    computed: int = 0
    failed: int = 0
    seconds: float = 0.0
    longest_s: float = 0.0
    listener_errors: int = 0


@dataclass(frozen=True, eq=False)
class Frame:
    """The field at one pose, or why there is none.

    Attributes
    ----------
    number : int
        Of the frame, from 1; poses that were overtaken have none.
    pose : ndarray (4, 4) float64
        Coil to head, mm; read-only.
    didt : ndarray (s,) float64
        A/s, for each stimulator of the coil.
    field : Field or None
        In memory of the host, E computed; None if it could not be.
    problem : str
        Why there is no field; empty if there is one.
    notes : tuple of str
        What there is to doubt, such as a pose that jumped.
    stamp : float or None
        The sender's time of the pose, s.
    source : str
        What the sender is called.
    received_s, done_s : float
        When the pose came in and when the frame was done, s of `time.monotonic()`.
    """

    number: int
    pose: NDArray[np.float64]
    didt: NDArray[np.float64]
    field: Field | None
    problem: str
    notes: tuple[str, ...]
    stamp: float | None
    source: str
    received_s: float
    done_s: float
