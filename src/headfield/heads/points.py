# SPDX-License-Identifier: BSD-3-Clause
"""Points of a head as people write them: coordinates, MNI coordinates, names of electrodes or targets."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..core.messages import quoted
from ..errors import ArgumentError
from .eeg import EegPositions
from .targets import targets

__all__ = ["coordinates", "find_point"]

Floats = NDArray[np.float64]

_MNI = "mni:"


def coordinates(text: str) -> tuple[bool, Floats] | None:
    """Return whether `x,y,z` or `mni:x,y,z` are MNI coordinates, and the three numbers; None for a name.

    The name of one of `headfield.targets` means its MNI coordinates.

    Raises
    ------
    ArgumentError
        There are commas, but not three finite numbers.

    Examples
    --------
    >>> coordinates("mni:-37,-21,58"), coordinates("C3")
    ((True, array([-37., -21.,  58.])), None)
    >>> coordinates("m1_hand")
    (True, array([-37., -21.,  58.]))
    """
    is_mni = text.strip().lower().startswith(_MNI)
    words = text.strip()[len(_MNI) if is_mni else 0 :].split(",")
    if len(words) == 1 and not is_mni:
        return _of_target(words[0])
    try:
        numbers = [float(word) for word in words]
    except ValueError:
        numbers = []
    if len(numbers) != 3 or not all(map(math.isfinite, numbers)):
        raise ArgumentError(
            f"{quoted(text)} is not x,y,z in mm, mni:x,y,z, or the name of an electrode or a target"
        )
    return is_mni, np.array(numbers)


def _of_target(name: str) -> tuple[bool, Floats] | None:
    return (True, np.array(targets[name].mni_mm)) if name in targets else None


def find_point(
    text: str,
    cap: Callable[[], EegPositions] | None = None,
    mni_to_head: Callable[[ArrayLike], Floats] | None = None,
) -> Floats:
    """Return the point of a head that words name.

    Parameters
    ----------
    text : str
        `x,y,z` in the frame of the head, mm; `mni:x,y,z`; the name of an electrode or landmark; or that of
        one of `headfield.targets`.
    cap : callable, optional
        Gives the positions that have names.
    mni_to_head : callable, optional
        Maps points (3,) from MNI space to the head, mm.

    Returns
    -------
    ndarray (3,) float64, mm

    Raises
    ------
    ArgumentError
        The words are none of these, there is no position of that name, or the head has no names or no map.
    HeadfieldError
        See `Subject.eeg_positions` and `Subject.mni_to_subject`.

    Examples
    --------
    >>> cap = EegPositions(("C3",), np.array([[-60.0, 0, 60]]), ("Electrode",))
    >>> find_point("C3", lambda: cap).tolist(), find_point("-46,-8,70").tolist()
    ([-60.0, 0.0, 60.0], [-46.0, -8.0, 70.0])
    """
    written = coordinates(text)
    if written is None:
        if cap is None:
            raise ArgumentError(
                f"{quoted(text)} is a name, and this head has no electrode positions: give x,y,z in mm, a "
                "subject folder, or the positions (--eeg CAP.csv)"
            )
        return cap()[text.strip()]
    is_mni, point = written
    if not is_mni:
        return point
    if mni_to_head is None:
        raise ArgumentError(
            f"{quoted(text)}: MNI coordinates need a subject folder with its maps (toMNI); those of the "
            "template head are its own: x,y,z without mni:"
        )
    return mni_to_head(point)
