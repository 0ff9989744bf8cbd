# SPDX-License-Identifier: BSD-3-Clause
"""Words of protocols and of what is said about them."""

from __future__ import annotations

__all__ = ["lasting"]

_PARTS = ((86400, "d"), (3600, "h"), (60, "min"))
_DIGITS = 4


def lasting(seconds: float) -> str:
    """Return a time as people say it.

    Examples
    --------
    >>> [lasting(t) for t in (0.02, 0.0002, 2.5, 192, 3592, 381_680)]
    ['20 ms', '200 µs', '2.5 s', '3 min 12 s', '59 min 52 s', '4 d 10 h 1 min 20 s']
    """
    if seconds < 60:
        scale, unit = (1e6, "µs") if 0 < seconds < 1e-3 else (1e3, "ms") if 0 < seconds < 1 else (1, "s")
        return f"{seconds * scale:.{_DIGITS}g} {unit}"
    rest = round(seconds, 3)
    words = []
    for length, unit in _PARTS:
        count, rest = divmod(rest, length)
        words += [f"{count:.0f} {unit}"] if count else []
    return " ".join(words + ([f"{rest:.{_DIGITS}g} s"] if round(rest, 3) else []))
