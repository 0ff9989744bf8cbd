# SPDX-License-Identifier: BSD-3-Clause
"""What published tables of trains say of a protocol: each row that speaks of it, and all together."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from ...io.published import FROM_MEMORY

__all__ = ["INSIDE", "NOT_COVERED", "OUTSIDE", "LimitCheck", "LimitsReport"]

INSIDE, OUTSIDE, NOT_COVERED = "inside", "outside", "not covered"


@dataclass(frozen=True)
class LimitCheck:
    """What one row of a published table says.

    Attributes
    ----------
    row : str
        Its name in the tables.
    verdict : {"inside", "outside", "not covered"}
    quantity : {"train", "train, cut", "pause"}
        What is compared; a pause is that between trains.
    value_s, limit_s : float
        Of the protocol, and of the row: at most that for a train, at least that for a pause.
    longest_tested : bool
        Whether the row has the longest that was tested, which says nothing of what is longer.
    words, source : str
    from_memory : bool
    """

    row: str
    verdict: str
    quantity: str
    value_s: float
    limit_s: float
    longest_tested: bool
    words: str
    source: str
    from_memory: bool

    def __str__(self) -> str:
        mark = f"; {FROM_MEMORY}" if self.from_memory else ""
        return f"{self.verdict}: {self.words} ({self.row}: {self.source}{mark})"


@dataclass(frozen=True)
class LimitsReport:
    """What published tables of single trains say of a protocol. It blocks nothing.

    Attributes
    ----------
    verdict : {"inside", "outside", "not covered"}
        By rows of exactly this frequency and intensity, and pauses that are known as unsafe.
    cut_verdict : {"inside", "outside", "not covered"}
        The same once the longest trains are cut by a quarter, as Chen 1997 advises.
    protocol : str
    frequency_hz : float
        Of pulses within a train.
    train_duration_s : float
    percent_rmt : float or None
    checks : tuple of LimitCheck
        Rows that speak of it, each with both numbers.
    why : str
        Why no row does, and which cell would be the next stricter one.
    from_memory : bool
        Whether a row that was used was written down from memory, or any row where none was used.
    paper, unit, validated_on, does_not_say : str
        Of the class: where the tables are from, and what they are of.
    """

    paper = "Rossi 2009, Clin Neurophysiol 120:2008, table 4; Chen 1997, doi 10.1016/s0924-980x(97)00036-2"
    unit = "seconds of one train, by Hz and % of resting motor threshold"
    validated_on = "single trains over the motor cortex of healthy people"
    does_not_say = (
        "published guidance, and no limit of this software: it says nothing of bursts, of pulses in a "
        "session, of sessions a day, of patients, medication, or other places than M1; rows are not "
        "interpolated"
    )

    verdict: str
    cut_verdict: str
    protocol: str
    frequency_hz: float
    train_duration_s: float
    percent_rmt: float | None
    checks: tuple[LimitCheck, ...]
    why: str
    from_memory: bool

    def to_dict(self) -> dict[str, Any]:
        """Return all of it for JSON."""
        return asdict(self) | {"paper": self.paper, "unit": self.unit, "does_not_say": self.does_not_say}

    def __str__(self) -> str:
        percent = "intensity not given" if self.percent_rmt is None else f"{self.percent_rmt:g} % rMT"
        cut = (
            "" if self.cut_verdict == self.verdict else f" ({self.cut_verdict} once cut as Chen 1997 advises)"
        )
        train = f"trains of {self.train_duration_s:g} s at {self.frequency_hz:.6g} Hz, {percent}"
        head = f"{self.verdict}{cut}: {train}"
        said = [head, self.why, *map(str, self.checks)]
        said += [self.does_not_say, f"the table is {FROM_MEMORY}" if self.from_memory else ""]
        return "\n  ".join(line for line in said if line)
