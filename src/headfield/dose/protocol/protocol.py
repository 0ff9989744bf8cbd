# SPDX-License-Identifier: BSD-3-Clause
"""A protocol: when each of its pulses comes, by nested onset intervals, and what follows from that."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import KW_ONLY, dataclass, fields
from fractions import Fraction
from itertools import pairwise
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...core.arguments import positive, whole
from ...core.messages import nearest_name, quoted
from ...errors import ArgumentError, DoseError
from ...io.published import FROM_MEMORY
from ...pictures.protocol_figure import ProtocolScene, draw_protocol, write_protocol_figure
from .exact import as_fraction, multiples
from .level import LEVELS, Level
from .timeline import scene_of
from .words import lasting

__all__ = ["Protocol"]

_MOST_AT_ONCE = 10**8  # onsets


@dataclass(frozen=True, repr=False)
class Protocol:
    """Pulses in nested repetitions: each level is some of what the levels before it make.

    Timing is by onset intervals alone; counts, frequencies, durations and pauses follow from them.

    Parameters
    ----------
    name : str
    levels : sequence of Level, or of (name, count, repetition_interval_s)
        From the inside out, the first of pulses: three pulses every 20 ms make a burst, ten bursts every
        200 ms a train, twenty trains every 10 s a session. Names in their order, each once, are "pulse",
        "burst", "train", "block", "session", "day", "week"; any but the first may be left out.
    intensity : str
        As its source words it.
    percent_rmt : float, optional
        The same in per cent of resting motor threshold, where it is that.
    pulse_duration_s : float, optional
        Of one pulse.
    source, about : str
    from_memory : bool
        Whether it was written down from memory and never compared with its source.

    Raises
    ------
    DoseError
        Levels that are none, not in their order, or overlap themselves: what is repeated lasts longer than
        its repetition interval. The message names the level with both numbers. Texts that have half of a
        character (a lone surrogate).

    Examples
    --------
    >>> import headfield as hf
    >>> mine = hf.dose.Protocol("mine", [("pulse", 40, 0.1), ("train", 75, 30)], "120 % rMT", 120)
    >>> mine.n_pulses, mine.duration_s, mine.inter_train_interval_s
    (3000, 2224.0, 26.0)
    >>> mine.frequencies_hz["pulse"], mine.onsets_s(39, 42).tolist()
    (10.0, [3.9, 30.0, 30.1])
    >>> hf.dose.Protocol("wrong", [("pulse", 40, 0.1), ("train", 75, 3)])
    Traceback (most recent call last):
    ...
    headfield.errors.DoseError: protocol 'wrong' overlaps itself: a train lasts 4 s, but one begins every 3 s
    """

    name: str
    levels: tuple[Level, ...]
    intensity: str = ""
    percent_rmt: float | None = None
    _: KW_ONLY
    pulse_duration_s: float | None = None
    source: str = ""
    about: str = ""
    from_memory: bool = False

    def __post_init__(self) -> None:
        for field in ("name", "intensity", "source", "about"):
            if not isinstance(getattr(self, field), str):
                raise DoseError(f"{field} of a protocol must be text, not {getattr(self, field)!r}")
            try:
                getattr(self, field).encode()
            except UnicodeEncodeError:
                raise DoseError(
                    f"{field} of a protocol is no text that a file can hold: {quoted(getattr(self, field))}"
                ) from None
        if not isinstance(self.from_memory, bool):
            raise DoseError(f"from_memory of a protocol must be True or False, not {self.from_memory!r}")
        for field in ("percent_rmt", "pulse_duration_s"):
            if getattr(self, field) is not None:
                object.__setattr__(self, field, positive(getattr(self, field), field, DoseError))
        object.__setattr__(self, "levels", _checked_levels(self.name, self.levels))
        _check_overlap(self)

    @property
    def n_pulses(self) -> int:
        """How many pulses there are."""
        return self.per("pulse")

    def per(self, name: str) -> int:
        """Return how many of a level there are in all: of one that is not in the protocol, one.

        Examples
        --------
        >>> from headfield.dose import protocols
        >>> [protocols["saint"].per(name) for name in ("pulse", "burst", "train", "session")]
        [90000, 30000, 3000, 50]
        """
        if name not in LEVELS:
            near = nearest_name(name, LEVELS) or f"; there are {', '.join(LEVELS)}"
            raise ArgumentError(f"there is no level {name!r} of a protocol{near}")
        first = LEVELS.index(name)
        count = 1
        for level in self.levels:
            if LEVELS.index(level.name) >= first:
                count *= level.count
        return count

    def level(self, name: str) -> Level | None:
        """Return the level of this name, or None if there is none."""
        return next((level for level in self.levels if level.name == name), None)

    @property
    def has_bursts(self) -> bool:
        """Whether pulses come in bursts within a train, as in theta bursts."""
        bursts = self.level("burst")
        return bursts is not None and bursts.count > 1

    @property
    def frequencies_hz(self) -> Mapping[str, float]:
        """Of each level of which there is more than one: one over its onset interval."""
        return MappingProxyType({one.name: one.frequency_hz for one in self.levels if one.count > 1})

    @property
    def lengths_s(self) -> Mapping[str, float]:
        """How long one of what each level repeats lasts.

        A burst and a train with all intervals of what they are made of; all above to the end of the last
        train, as clocks of sessions have it: their last pause does not count.
        """
        return MappingProxyType({name: float(length) for name, length in _lengths(self.levels).items()})

    @property
    def duration_s(self) -> float:
        """From the first onset to the end of the last train."""
        return float(_lengths(self.levels)["all"])

    @property
    def train_duration_s(self) -> float:
        """How long one train lasts: pulses or bursts without a longer pause, all their intervals included.

        Trains that follow each other without any pause are one.
        """
        below = [level for level in self.levels if level.name in ("pulse", "burst")]
        length = below[-1].exact_duration_s
        for level in self.levels[len(below) :]:
            if level.count > 1:
                if as_fraction(level.repetition_interval_s) > length:
                    break
                length = level.exact_duration_s
        return float(length)

    @property
    def pauses_s(self) -> Mapping[str, float]:
        """From the end of one to the start of the next, of each level above pulses that there are more of."""
        lengths = _lengths(self.levels)
        return MappingProxyType(
            {
                one.name: float(as_fraction(one.repetition_interval_s) - lengths[one.name])
                for one in self.levels[1:]
                if one.count > 1
            }
        )

    @property
    def inter_train_interval_s(self) -> float | None:
        """From the end of a train to the start of the next; None of a single train."""
        return self.pauses_s.get("train")

    def onsets_s(self, start: int = 0, stop: int | None = None) -> NDArray[np.float64]:
        """Return when pulses begin, from the first on: all, or those from number `start` to before `stop`.

        Parameters
        ----------
        start, stop : int
            As of a slice, 0 or more; for protocols that are too long to be held at once.

        Returns
        -------
        ndarray (n,)
            Each the float nearest to the sum of whole multiples of the intervals: nothing accumulates.

        Raises
        ------
        ArgumentError
            No such pulses, or more than 100 million at once.

        Examples
        --------
        >>> from headfield.dose import protocols
        >>> protocols["itbs"].onsets_s()[[0, 1, 2, 3, 29, 30, 599]].tolist()
        [0.0, 0.02, 0.04, 0.2, 1.84, 10.0, 191.84]
        """
        first = whole(start, "start", ArgumentError, self.n_pulses, 0)
        last = self.n_pulses if stop is None else whole(stop, "stop", ArgumentError, self.n_pulses, first)
        if last - first > _MOST_AT_ONCE:
            raise ArgumentError(
                f"{last - first:,} onsets at once: take at most {_MOST_AT_ONCE:,} by start, stop"
            )
        rest = np.arange(first, last, dtype=np.int64)
        counts = []
        for level in self.levels:
            rest, digit = np.divmod(rest, level.count)
            counts.append(digit)
        return multiples([level.repetition_interval_s for level in self.levels], counts)

    def to_dict(self) -> dict[str, Any]:
        """Return the protocol with the names of nibs-bids for its timing, in seconds; see `read_protocol`.

        Examples
        --------
        >>> from headfield.dose import protocols
        >>> list(protocols["ctbs"].to_dict().items())[1:5]  # doctest: +NORMALIZE_WHITESPACE
        [('pulse_repetition_interval', 0.02), ('pulse_train_duration', 0.06),
         ('pulse_train_repeat_interval', 0.2), ('pulse_train_repeat_duration', 40.0)]
        """
        from_levels: dict[str, Any] = {}
        for (interval, duration), level in zip(timing_names(len(self.levels)), self.levels, strict=True):
            from_levels |= {interval: level.repetition_interval_s, duration: level.duration_s}
        from_levels["level_names"] = [level.name for level in self.levels]
        told = {one.name: getattr(self, one.name) for one in fields(self)}
        pulse = {"pulse_duration": told.pop("pulse_duration_s")}
        found = {"name": told.pop("name"), **pulse, **from_levels} | {
            k: v for k, v in told.items() if k != "levels"
        }
        return {key: value for key, value in found.items() if value not in (None, "", False)}

    def plot(self) -> Any:
        """Draw the timeline: a panel for each level, each the first of what the panel above it repeats.

        Returns
        -------
        matplotlib.figure.Figure
            It is not registered with pyplot.

        Raises
        ------
        MissingPackageError
            matplotlib is missing.
        """
        return draw_protocol(self._scene())

    def write_picture(self, path: str | os.PathLike[str]) -> None:
        """Write the figure of `plot` as .png, .pdf or .svg; FileFormatError for other endings."""
        write_protocol_figure(self._scene(), path)

    def _scene(self) -> ProtocolScene:
        title = f"{self.name}: {self.n_pulses:,} pulses in {lasting(self.duration_s)}"
        return scene_of(
            f"{title}, {self.intensity}" if self.intensity else title, self.levels, self.lengths_s
        )

    def __repr__(self) -> str:
        return f"<Protocol {self.name!r}: {self.n_pulses:,} pulses in {lasting(self.duration_s)}>"

    def __str__(self) -> str:
        head = f"{self.name}: {self.n_pulses:,} pulses in {lasting(self.duration_s)}"
        parts = [head, self.about, *self.structure()]
        if self.intensity:
            parts.append(f"intensity {self.intensity}")
        if self.source:
            parts.append(f"source {self.source}" + (f" ({FROM_MEMORY})" if self.from_memory else ""))
        return "\n  ".join(part for part in parts if part)

    def structure(self) -> list[str]:
        """Say in words what each level repeats, from the inside out.

        Examples
        --------
        >>> from headfield.dose import protocols
        >>> protocols["itbs"].structure()  # doctest: +NORMALIZE_WHITESPACE
        ['3 pulses every 20 ms (50 Hz), 60 ms in all',
         '10 bursts every 200 ms (5 Hz), 2 s in all',
         '20 trains every 10 s with pauses of 8 s, 3 min 12 s in all']
        """
        ends = [*list(self.lengths_s.values())[1:]]
        said = []
        for level, end in zip(self.levels, ends, strict=True):
            if level.count == 1:
                said.append(f"1 {level.name}, {lasting(end)} in all")
                continue
            pause = self.pauses_s.get(level.name) if level.name not in ("pulse", "burst") else None
            words = "" if pause is None else f" with pauses of {lasting(pause)}"
            rate = f" ({level.frequency_hz:.4g} Hz)" if level.name in ("pulse", "burst") else ""
            every = lasting(level.repetition_interval_s)
            said.append(f"{level.count:,} {level.name}s every {every}{rate}{words}, {lasting(end)} in all")
        return said


def timing_names(count: int) -> list[tuple[str, str]]:
    """Return what nibs-bids calls interval and duration of this many levels, from the inside out.

    Examples
    --------
    >>> timing_names(3)[1:]  # doctest: +NORMALIZE_WHITESPACE
    [('pulse_train_repeat_interval', 'pulse_train_repeat_duration'),
     ('repeat2_interval', 'repeat2_duration')]
    """
    first = [
        ("pulse_repetition_interval", "pulse_train_duration"),
        ("pulse_train_repeat_interval", "pulse_train_repeat_duration"),
    ]
    return [*first, *((f"repeat{n}_interval", f"repeat{n}_duration") for n in range(2, count))][:count]


def _checked_levels(name: str, given: Sequence[Any]) -> tuple[Level, ...]:
    """Return levels that are named and in their order, or raise."""
    try:
        levels = tuple(one if isinstance(one, Level) else Level(*one) for one in given)
    except TypeError:
        raise DoseError(
            f"levels of protocol {name!r} must be (name, count, repetition_interval_s), not {given!r}"
        ) from None
    if not levels or levels[0].name != "pulse":
        raise DoseError(f"protocol {name!r}: the first level must be of pulses")
    order = [LEVELS.index(level.name) for level in levels]
    for before, after in pairwise(order):
        if after <= before:
            raise DoseError(
                f"protocol {name!r}: a {LEVELS[after]} can't be made of {LEVELS[before]}s; from the inside "
                f"out, levels are {', '.join(LEVELS)}"
            )
    return levels


def _lengths(levels: Sequence[Level]) -> dict[str, Fraction]:
    """Return how long one of each level lasts, and the whole as "all"; of a pulse, nothing."""
    length = Fraction(0)
    found = {}
    for level in levels:
        found[level.name] = length
        if level.name in ("pulse", "burst"):
            length = level.exact_duration_s
        else:
            length += (level.count - 1) * as_fraction(level.repetition_interval_s)
    return found | {"all": length}


def _check_overlap(protocol: Protocol) -> None:
    """Raise DoseError if something of the protocol lasts longer than until the next of it begins."""
    lengths = _lengths(protocol.levels)
    if protocol.pulse_duration_s is not None:
        lengths["pulse"] = as_fraction(protocol.pulse_duration_s)
    for level in protocol.levels:
        interval = as_fraction(level.repetition_interval_s)
        if level.count > 1 and lengths[level.name] > interval:
            raise DoseError(
                f"protocol {protocol.name!r} overlaps itself: a {level.name} lasts "
                f"{float(lengths[level.name]):g} s, but one begins every {float(interval):g} s"
            )
