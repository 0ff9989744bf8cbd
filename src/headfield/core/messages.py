# SPDX-License-Identifier: BSD-3-Clause
"""Words of messages, and warnings that point at the caller's own line."""

from __future__ import annotations

import contextlib
import dataclasses
import difflib
import functools
import os
import sys
import threading
import warnings
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import ArgumentError, PlausibilityWarning

__all__ = [
    "check_names",
    "doubt",
    "first_of",
    "heard",
    "in_one_line",
    "in_short",
    "nearest_name",
    "plural",
    "point",
    "printable",
    "quoted",
    "warn",
]

# Frames of these files stand between a caller and what it is warned of: the package, and decorators it uses.
_INSIDE = (
    str(Path(__file__).resolve().parents[1]) + os.sep,
    functools.__file__,
    contextlib.__file__,
)
_here = threading.local()


def plural(count: int, singular: str, many: str) -> str:
    """Return the count with the word that fits it.

    Examples
    --------
    >>> plural(1, "node is", "nodes are"), plural(1200, "node is", "nodes are")
    ('1 node is', '1,200 nodes are')
    """
    return f"{count:,} {singular if count == 1 else many}"


def point(xyz: NDArray[np.float64]) -> str:
    """Return a point as it is written in messages.

    Examples
    --------
    >>> point(np.array([1.0, -2.5, 1 / 3]))
    '(1, -2.5, 0.333333) mm'
    """
    return "({:.6g}, {:.6g}, {:.6g}) mm".format(*xyz)


def first_of(things: Sequence[Any], most: int) -> str:
    """Return so many things of a list, with commas between, and a mark if there are more.

    Examples
    --------
    >>> first_of([1, 2, 3], 2), first_of(["a"], 2)
    ('1, 2, …', 'a')
    """
    return ", ".join(map(str, things[:most])) + (", …" if len(things) > most else "")


def quoted(text: str) -> str:
    """Return text of a file in quotes, cut after 40 characters.

    Examples
    --------
    >>> quoted("1 2 x"), len(quoted("1 2 x " * 20))
    ("'1 2 x'", 42)
    """
    return repr(text if len(text) <= 40 else text[:37] + "...")


def nearest_name(name: object, names: Iterable[str], likeness: float = 0.6) -> str:
    """Return ", did you mean 'x'?" for a name that there is not, or nothing if none is as much like it, of 1.

    Examples
    --------
    >>> nearest_name("Itsb", ["itbs", "ctbs"]), nearest_name("x", ["itbs"])
    (", did you mean 'itbs'?", '')
    """
    by_lower = {one.lower(): one for one in names}
    near = difflib.get_close_matches(str(name).lower(), list(by_lower), n=1, cutoff=likeness)
    return f", did you mean {by_lower[near[0]]!r}?" if near else ""


def check_names(given: Iterable[object], known: Sequence[str], there: str) -> None:
    """Raise ArgumentError for the first name that is not one of those known; `there` begins the message.

    Examples
    --------
    >>> check_names(["head"], ["heads", "coils"], "a job has no")
    Traceback (most recent call last):
    ...
    headfield.errors.ArgumentError: a job has no 'head', did you mean 'heads'?
    """
    for name in given:
        if name not in known:
            near = nearest_name(name, known) or f"; there are {', '.join(known)}"
            raise ArgumentError(f"{there} {quoted(str(name))}{near}")


def in_short(record: Any) -> str:
    """Return a record in one line: arrays by their shapes, records by their type, nothing that is empty.

    Examples
    --------
    >>> from headfield import Dipoles
    >>> print(in_short(Dipoles([[0, 0, -5.0]], [[0, 0, 1e-3]])))
    <Dipoles: positions_mm (1, 3), moments (1, 3)>
    """
    parts = []
    for one in dataclasses.fields(record):
        value = getattr(record, one.name)
        if isinstance(value, np.ndarray):
            parts.append(f"{one.name} {value.shape}")
        elif dataclasses.is_dataclass(value):
            parts.append(f"{one.name} {type(value).__name__}")
        elif value is not None and value != "" and value != ():
            parts.append(f"{one.name}={value!r}")
    return f"<{type(record).__name__}: {', '.join(parts)}>"


def printable(text: str) -> str:
    """Return a text of a file with a question mark for each sign that can't be printed.

    Examples
    --------
    >>> printable("M1\\x1b[2J")
    'M1?[2J'
    """
    return "".join(sign if sign.isprintable() else "?" for sign in text)


def in_one_line(problem: BaseException) -> str:
    """Return the words of an error, or its name if it has none."""
    return " ".join(str(problem).split()) or type(problem).__name__


def warn(message: str, category: type[Warning] = UserWarning) -> None:
    """Warn as if from the line, outside this package, that called into it.

    `warnings.warn` counts frames instead: wrong as soon as a function is called from two depths.
    """
    collected: list[str] | None = getattr(_here, "collected", None)
    if collected is not None:
        if not _is_ignored(message, category):
            collected.append(message)
        return
    frame, level = sys._getframe(1), 2
    while frame.f_back is not None and frame.f_code.co_filename.startswith(_INSIDE):
        frame, level = frame.f_back, level + 1
    warnings.warn(message, category, stacklevel=level)


def doubt(message: str) -> None:
    """Warn of a value that is possible but hardly meant; the message names it, and says how to silence it.

    Python shows the same message from the same line once, so loops are not flooded.

    Examples
    --------
    >>> with warnings.catch_warnings(record=True) as said:
    ...     warnings.simplefilter("always")
    ...     doubt("dI/dt of 50 A/s")
    >>> print(said[0].message)
    dI/dt of 50 A/s (silence: --no-plausibility, or ignore headfield.PlausibilityWarning)
    """
    warn(
        f"{message} (silence: --no-plausibility, or ignore headfield.PlausibilityWarning)",
        PlausibilityWarning,
    )


@contextmanager
def heard() -> Iterator[list[str]]:
    """Collect what headfield warns of in this thread meanwhile, in place of showing it.

    `warnings.catch_warnings` does that for all threads at once, and leaves them in a mess when two of them
    do. Each message is collected each time, however often it was shown; those of ignored categories are not.

    Yields
    ------
    list of str

    Examples
    --------
    >>> with heard() as notes:
    ...     warn("no pose moved")
    >>> notes
    ['no pose moved']
    """
    before: list[str] | None = getattr(_here, "collected", None)
    collected: list[str] = []
    _here.collected = collected
    try:
        yield collected
    finally:
        _here.collected = before


def _is_ignored(message: str, category: type[Warning]) -> bool:
    """Whether the filters of warnings ignore this; those for the lines of some module are passed over."""
    for action, text, kind, module, line in warnings.filters:
        if module is None and not line and issubclass(category, kind):
            matches = text is None or (text.match(message) if hasattr(text, "match") else text == message)
            if matches:
                return action == "ignore"
    return False
