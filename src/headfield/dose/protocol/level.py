# SPDX-License-Identifier: BSD-3-Clause
"""One level of a protocol: so many of something, one after another."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from ...core.arguments import whole, within
from ...core.messages import nearest_name
from ...errors import DoseError
from .exact import as_fraction

__all__ = ["LEVELS", "Level"]

#: What levels are called, from the inside out.
LEVELS = ("pulse", "burst", "train", "block", "session", "day", "week")

_MOST = 10**7
_SHORTEST_S, _LONGEST_S = 1e-6, 1e9  # an interval
_PART = 0.05  # of an interval: as much as a duration may be off whole ones, for 18 Hz is written as 0.0556 s


@dataclass(frozen=True)
class Level:
    """So many of something, one beginning a fixed time after the other.

    Parameters
    ----------
    name : {"pulse", "burst", "train", "block", "session", "day", "week"}
        What is repeated.
    count : int
        How many there are.
    repetition_interval_s : float
        From the onset of one to the onset of the next.

    Raises
    ------
    DoseError
        An unknown name, a count that is none, an interval below a microsecond or above 1e9 s.

    Examples
    --------
    >>> Level("pulse", 3, 0.02).duration_s
    0.06
    """

    name: str
    count: int
    repetition_interval_s: float

    def __post_init__(self) -> None:
        if self.name not in LEVELS:
            near = nearest_name(self.name, LEVELS) or f"; there are {', '.join(LEVELS)}"
            raise DoseError(f"there is no level {self.name!r} of a protocol{near}")
        object.__setattr__(self, "count", whole(self.count, f"{self.name}: count", DoseError, _MOST))
        where = f"{self.name}: repetition interval"
        interval = within(self.repetition_interval_s, where, DoseError, _SHORTEST_S, _LONGEST_S)
        object.__setattr__(self, "repetition_interval_s", interval)

    @classmethod
    def lasting(cls, name: str, duration_s: float, repetition_interval_s: float) -> Level:
        """Make the level whose repetitions, each with its whole interval, last so long.

        Raises
        ------
        DoseError
            The duration is not a whole number of intervals; the message has both.

        Examples
        --------
        >>> Level.lasting("train", 200, 10).count
        20
        """
        where = f"{name}: repetition interval"
        interval = within(repetition_interval_s, where, DoseError, _SHORTEST_S, _LONGEST_S)
        duration = within(duration_s, f"{name}: duration", DoseError, _SHORTEST_S, _MOST * _LONGEST_S)
        share = float(as_fraction(duration) / as_fraction(interval))
        count = round(share)
        if count < 1 or abs(share - count) > _PART:
            raise DoseError(
                f"{name}: a duration of {duration:.10g} s is not a whole number of repetition intervals of "
                f"{interval:.10g} s, but {share:.10g}: {max(count, 1)} last {duration:.10g} s with one of "
                f"{duration / max(count, 1):.10g} s"
            )
        return cls(name, count, interval)

    @property
    def duration_s(self) -> float:
        """What all of them take, the last interval included."""
        return float(self.exact_duration_s)

    @property
    def exact_duration_s(self) -> Fraction:
        """The same without rounding."""
        return self.count * as_fraction(self.repetition_interval_s)

    @property
    def frequency_hz(self) -> float:
        """How many begin in a second."""
        return float(1 / as_fraction(self.repetition_interval_s))
