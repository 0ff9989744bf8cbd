# SPDX-License-Identifier: BSD-3-Clause
"""What a zoom is asked for, checked before any work begins."""

from __future__ import annotations

from dataclasses import dataclass

from ...core.arguments import whole, within
from ...errors import ArgumentError

__all__ = ["ZoomOptions"]

# From which error on a margin will do: what the potential at the rim costs is small beside that.
_MARGINS_MM = ((0.015, 10.0), (0.008, 15.0), (0.0, 25.0))
_LEAST_ERROR = 0.003  # below which facets, conductivities and the rim matter more
_LEAST_MARGIN_MM, _MOST_MARGIN_MM = 2.0, 200.0
_MOST_UNKNOWNS = 50_000_000


@dataclass(frozen=True, kw_only=True)
class ZoomOptions:
    """What a zoom is asked for: see `HeadModel.zoom`.

    Raises
    ------
    ArgumentError

    Examples
    --------
    >>> ZoomOptions(error=0.01).reach_mm
    15.0
    >>> ZoomOptions(error=2)
    Traceback (most recent call last):
    ...
    headfield.errors.ArgumentError: error must lie between 0.003 and 0.5, not 2
    """

    error: float = 0.02
    margin_mm: float | None = None
    max_unknowns: int = 2_000_000
    smooth: bool = False

    def __post_init__(self) -> None:
        object.__setattr__(self, "error", within(self.error, "error", ArgumentError, _LEAST_ERROR, 0.5))
        if self.margin_mm is not None:
            limits = _LEAST_MARGIN_MM, _MOST_MARGIN_MM
            margin = within(self.margin_mm, "margin_mm", ArgumentError, *limits)
            object.__setattr__(self, "margin_mm", margin)
        most = whole(self.max_unknowns, "max_unknowns", ArgumentError, _MOST_UNKNOWNS)
        object.__setattr__(self, "max_unknowns", most)
        if not isinstance(self.smooth, bool):
            raise ArgumentError(f"smooth must be True or False, not {self.smooth!r}")

    @property
    def reach_mm(self) -> float:
        """How far the part reaches beyond the region: the margin, or one that will do for the error."""
        if self.margin_mm is not None:
            return self.margin_mm
        return next(mm for least, mm in _MARGINS_MM if self.error >= least)
