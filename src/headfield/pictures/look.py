# SPDX-License-Identifier: BSD-3-Clause
"""Options that all pictures of fields have."""

from __future__ import annotations

from typing import TypedDict

from numpy.typing import ArrayLike

__all__ = ["Look"]


class Look(TypedDict, total=False):
    """How a field is shown, in all pictures of fields; each may be left out.

    Attributes
    ----------
    vmax : float
        The value at the end of the colours, so that pictures can be compared; by default the 99.9th
        percentile.
    view : str or array_like (3,)
        "left", "right", "front", "back", "top", "bottom", "coil" (along its axis), or the direction from the
        head to the eye; by default along the coil's axis, and over the peak where no pose is known.
    target_mm : array_like (3,)
        A place to mark with a ring, mm. It may lie behind what is seen.
    dpi : float
        Dots per inch, 20 to 1200; by default 100 in notebooks, 200 in files.
    """

    vmax: float
    view: str | ArrayLike
    target_mm: ArrayLike
    dpi: float
