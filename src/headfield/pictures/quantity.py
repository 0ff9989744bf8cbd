# SPDX-License-Identifier: BSD-3-Clause
"""What the colours of a picture stand for: a quantity with its unit, and where its colours end."""

from __future__ import annotations

from typing import Any, NamedTuple

from ..core.arguments import positive
from ..errors import ArgumentError
from .colours import colormap, diverging, matplotlib_parts

__all__ = ["DIFFERENCE", "MAGNITUDE", "NORMAL", "RELATIVE", "TANGENTIAL", "Quantity", "Scale", "checked_vmax"]


class Quantity(NamedTuple):
    """What is shown."""

    symbol: str = "|E|"
    unit: str = "V/m"
    signed: bool = False  #: of either sign: colours go both ways from 0
    note: str = ""  #: what its sign means

    @property
    def label(self) -> str:
        """Symbol and unit, for axes and bars of colours."""
        return f"{self.symbol} ({self.unit}){self.note}"


MAGNITUDE = Quantity()
NORMAL = Quantity("E·n", "V/m", True, ", positive out of the cortex")
TANGENTIAL = Quantity("|E − (E·n)n|", "V/m")
DIFFERENCE = Quantity("|E| of A − |E| of B", "V/m", True)
RELATIVE = Quantity("(A − B) / B of |E|", "%", True)


class Scale(NamedTuple):
    """Colours of a quantity, from 0 to `top`; from −`top` to `top` of a signed one."""

    quantity: Quantity
    top: float

    @property
    def limits(self) -> tuple[float, float]:
        """The values at the ends of the colours."""
        return (-self.top if self.quantity.signed else 0.0), self.top

    def norm(self) -> Any:
        """Return matplotlib's map from values to 0 … 1."""
        colours, _ = matplotlib_parts()
        return colours.Normalize(*self.limits)

    def colours(self) -> Any:
        """Return matplotlib's map from 0 … 1 to colours."""
        return diverging() if self.quantity.signed else colormap()

    @property
    def extend(self) -> str:
        """Where values may lie beyond the colours, as colour bars say it."""
        return "both" if self.quantity.signed else "max"


def checked_vmax(vmax: float | None) -> float | None:
    """Return where colours end, or None; ArgumentError unless it is a number above 0.

    Examples
    --------
    >>> checked_vmax(80), checked_vmax(None)
    (80.0, None)
    """
    return None if vmax is None else positive(vmax, "vmax", ArgumentError)
