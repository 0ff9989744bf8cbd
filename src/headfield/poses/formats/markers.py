# SPDX-License-Identifier: BSD-3-Clause
"""The markers of a navigation file as a reader meets them: those with a pose, and those to be left out."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence

import numpy as np

from ..pose_list import LeftOut
from .raw import NoPoses, RawPoses, didt_of_all

__all__ = ["NOT_SET", "NO_AXES", "Markers", "said_of"]

NOT_SET, NO_AXES = "not set", "no axes"
_NOT_FINITE, _ZEROS, _IDENTITY = "not finite", "zeros only", "the identity matrix"
_ORDER = (NOT_SET, _IDENTITY, _ZEROS, _NOT_FINITE)  # in messages; others come after these


class Markers:
    """Poses, and markers without one, in the order of the file.

    A matrix that isn't finite, holds zeros only or is the identity is no pose: navigation systems write these
    where the camera did not see the coil.

    Parameters
    ----------
    what : str
        What the file calls its markers, many of them, for messages.

    Examples
    --------
    >>> markers = Markers("targets")
    >>> pose = np.diag([-1.0, 1, -1, 1])
    >>> markers.add("M1", pose), markers.add("lost", pose * np.nan), markers.leave_out("point", NO_AXES)
    (True, False, False)
    >>> [(one.index, one.name, one.reason) for one in markers.left_out]
    [(1, 'lost', 'not finite'), (2, 'point', 'no axes')]
    """

    def __init__(self, what: str) -> None:
        self.what = what
        self.names: list[str] = []
        self.indices: list[int] = []
        self.left_out: list[LeftOut] = []
        self.didt: list[float | None] = []
        self.seconds: list[float] = []
        self.printed: list[int] = []
        self._matrices: list[np.ndarray] = []

    def __len__(self) -> int:
        """Number of markers, with those that were left out."""
        return len(self.names) + len(self.left_out)

    def add(
        self,
        name: str,
        matrix: np.ndarray,
        didt: float | None = None,
        *,
        printed: int = 17,
        identity: bool = False,
        seconds: float = math.nan,
    ) -> bool:
        """Add a marker with its matrix (4, 4), in the file's own axes; returns whether it holds a pose.

        `printed` is the number of decimals of its axes, for `settle_rounding`; `identity` tells whether the
        identity counts as a pose, as it does where a program writes nothing for a marker that is not set;
        `seconds` says when it was recorded.
        """
        reason = _no_pose(matrix)
        if reason and not (identity and reason == _IDENTITY):
            return self.leave_out(name, reason)
        self.indices.append(len(self))
        self.names.append(name)
        self.didt.append(didt)
        self.seconds.append(seconds)
        self.printed.append(printed)
        self._matrices.append(matrix)
        return True

    def leave_out(self, name: str, reason: str) -> bool:
        """Add a marker without a pose; returns False."""
        self.left_out.append(LeftOut(len(self), name, reason))
        return False

    def poses(self) -> np.ndarray:
        """Return the matrices (k, 4, 4).

        Raises
        ------
        NoPoses
            There are none; it says why not.
        """
        if not self.names:
            why = said_of(self.left_out) or "are there"
            raise NoPoses(f"no poses in this file: {len(self.left_out)} {self.what} {why}")
        return np.array(self._matrices, dtype=np.float64)

    def raw(self, poses: np.ndarray, kind: str, notes: Sequence[str] = ()) -> RawPoses:
        """Return what a reader returns, with the poses in headfield's axes."""
        notes = list(notes)
        didt = didt_of_all(self.didt, notes)
        times = np.array(self.seconds, dtype=np.float64)
        return RawPoses(
            poses,
            self.names,
            didt,
            kind,
            notes,
            self.what,
            self.left_out,
            self.indices,
            seconds=None if np.isnan(times).all() else times,
        )


def _no_pose(matrix: np.ndarray) -> str:
    """Return why a matrix is no pose, or nothing."""
    if not np.isfinite(matrix).all():
        return _NOT_FINITE
    if not matrix[:3].any():
        return _ZEROS
    if not matrix[:3, :3].any():
        return NO_AXES
    return _IDENTITY if np.array_equal(matrix, np.eye(4)) else ""


def said_of(left_out: Sequence[LeftOut]) -> str:
    """Return words for why markers were left out, and how many for each reason if there are several.

    Examples
    --------
    >>> said_of([LeftOut(0, "", NO_AXES), LeftOut(1, "", NOT_SET), LeftOut(2, "", NO_AXES)])
    'are not set (1) or have no axes (2)'
    """
    counts = Counter(one.reason for one in left_out)
    ordered = [reason for reason in _ORDER if reason in counts]
    ordered += [reason for reason in counts if reason not in _ORDER]
    said = [f"are {reason}" if reason.startswith("not ") else f"have {reason}" for reason in ordered]
    if len(said) > 1:
        said = [f"{words} ({counts[reason]})" for words, reason in zip(said, ordered, strict=True)]
    return " or ".join(said)
