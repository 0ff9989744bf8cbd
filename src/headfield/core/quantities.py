# SPDX-License-Identifier: BSD-3-Clause
"""Numbers with units as people write them: `50A/µs`, `60%MSO`, `126mS/m`."""

from __future__ import annotations

import re
from typing import NamedTuple

from ..errors import ArgumentError

__all__ = ["Rate", "conductivity", "rates"]

_WRITTEN = re.compile(r"\s*([+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d{1,3})?)\s*(\S.*)?", re.ASCII | re.DOTALL)
_MICRO = {ord("µ"): "u", ord("μ"): "u", ord(" "): None}  # the sign U+00B5, and the Greek letter U+03BC
_PER_S = {
    f"{prefix}A/{time}": factor * times
    for prefix, factor in (("", 1.0), ("k", 1e3), ("M", 1e6), ("G", 1e9))
    for time, times in (("s", 1.0), ("ms", 1e3), ("us", 1e6), ("ns", 1e9))
}
_SHARES = dict.fromkeys(("%", "%MSO", "%mso"), 0.01)
_PER_M = {"S/m": 1.0, "mS/m": 1e-3, "uS/m": 1e-6, "S/cm": 100.0, "mS/cm": 0.1}


class Rate(NamedTuple):
    """dI/dt as it was written: in A/s, or as a share of the most that a coil reaches with its stimulator."""

    value: float
    of_maximum: bool


def rates(text: str) -> list[Rate]:
    """Read dI/dt of each stimulator of a coil, with commas between them.

    Parameters
    ----------
    text : str
        Numbers of A/s, or with a unit: A/s, A/ms, A/µs (or A/us) and A/ns, also with k, M or G before the A;
        or a percentage of the maximum stimulator output, `60%MSO` or `60%`.

    Returns
    -------
    list of Rate

    Raises
    ------
    ArgumentError

    Examples
    --------
    >>> rates("50A/µs,60 %MSO")
    [Rate(value=50000000.0, of_maximum=False), Rate(value=0.6, of_maximum=True)]
    >>> [rate.value for rate in rates("5e7,0.05 kA/us")]
    [50000000.0, 50000000.0]
    """
    found = []
    for word in text.split(","):
        value, unit = _split(word)
        if value is None or (unit and unit not in _PER_S and unit not in _SHARES):
            raise ArgumentError(
                f"{text!r} is neither a number of A/s, such as 50e6, 50A/us or 60%MSO, nor several such as "
                "1e6,2e6"
            )
        share = unit in _SHARES
        found.append(Rate(_times(value, _SHARES[unit] if share else _PER_S[unit or "A/s"]), share))
    return found


def conductivity(text: str) -> float:
    """Read a conductivity, S/m, or with a unit: S/m, mS/m, µS/m, S/cm, mS/cm.

    Raises
    ------
    ArgumentError

    Examples
    --------
    >>> conductivity("0.126"), conductivity("126 mS/m"), conductivity("1.26mS/cm")
    (0.126, 0.126, 0.126)
    """
    value, unit = _split(text)
    if value is None or (unit and unit not in _PER_M):
        raise ArgumentError(f"{text!r} is not a number of S/m, such as 0.126 or 126mS/m")
    return _times(value, _PER_M[unit or "S/m"])


def _split(text: str) -> tuple[float | None, str]:
    """Return the number and the unit of a text; None for the number if it is not one number and one word."""
    match = _WRITTEN.fullmatch(text)
    if match is None:
        return None, ""
    return float(match[1]), (match[2] or "").translate(_MICRO)


def _times(value: float, factor: float) -> float:
    """Multiply, or divide by a whole number: 126 times 1e-3 is not the number nearest to 0.126."""
    return value * factor if factor >= 1.0 else value / round(1.0 / factor)
