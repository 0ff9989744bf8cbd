# SPDX-License-Identifier: BSD-3-Clause
"""The JSON of a .tcd file: objects that know where they are, and numbers as lists or compressed bytes."""

from __future__ import annotations

import base64
import json
import os
import re
import zlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from itertools import chain
from typing import Any, ParamSpec, TypeVar

import numpy as np
from numpy.typing import NDArray

from ...errors import CoilError
from ...io.regular import check_regular

__all__ = ["PICKLE", "Node", "Source", "packed", "read_json"]

PICKLE = (
    "a pickle, which can run any program when it is opened: it is not. "
    "Save the coil with these numbers as nested lists (JSON text), or as .nii.gz"
)
_P = ParamSpec("_P")
_T = TypeVar("_T")

_LEAST_BUDGET = 1 << 24  # bytes
_MOST = 1e30  # no coil has larger numbers, and their squares are finite
_MOST_INFLATED = 100  # bytes of numbers per byte of file; coils reach 5


@dataclass
class Source:
    """A file that is being read."""

    path: str
    budget: int  # bytes that its compressed numbers may still take
    unknown: dict[str, None] = field(default_factory=dict)  # keys, in order
    notes: list[str] = field(default_factory=list)

    def error(self, where: str, problem: object) -> CoilError:
        """Return an error that says what is wrong, in which file and where in it."""
        return CoilError(f"{self.path}: {where}: {problem}" if where else f"{self.path}: {problem}")


class Node:
    """A JSON object of a file, its place, and the keys that it may have."""

    def __init__(self, source: Source, value: Any, where: str, known: Iterable[str]) -> None:
        if not isinstance(value, dict):
            raise source.error(where, f"must be an object, not {_shown(value)}")
        self.source, self.where, self._values = source, where, value
        for key in [key for key in value if key not in known]:
            source.unknown[re.sub(r"\[\d+\]", "[]", self.place(_shown(key)))] = None

    def __contains__(self, key: str) -> bool:
        return key in self._values

    def place(self, key: str) -> str:
        """Return where the value of a key is, as messages have it."""
        return f"{self.where}.{key}" if self.where else key

    def error(self, key: str, problem: object) -> CoilError:
        """Return an error about the value of a key, or about the object if the key is empty."""
        return self.source.error(self.place(key) if key else self.where, problem)

    def value(self, key: str) -> Any:
        """Return the value of a key that must be there."""
        if key not in self._values:
            raise self.error(key, "is missing")
        return self._values[key]

    def made(self, kind: Callable[_P, _T], *args: _P.args, **named: _P.kwargs) -> _T:
        """Call `kind` with values of this object; its errors get the place in the file."""
        try:
            return kind(*args, **named)
        except CoilError as problem:
            raise self.error("", problem) from None

    def text(self, key: str, default: str = "") -> str:
        """Return the text of a key."""
        value = self._values.get(key, default)
        if not isinstance(value, str):
            raise self.error(key, f"must be text, not {_shown(value)}")
        return value

    def number(self, key: str) -> float:
        """Return the number of a key."""
        value = self.value(key)
        if type(value) not in (int, float) or not abs(value) <= _MOST:
            raise self.error(key, f"must be a number up to {_MOST:g}, not {_shown(value)}")
        return float(value)

    def index(self, key: str, count: int) -> int:
        """Return the value of a key that counts one of `count` things, from 0."""
        return self._index(key, self.value(key), count)

    def indices(self, key: str, count: int) -> tuple[int, ...]:
        """Return a list of such indices; an empty one if the key is missing."""
        values = self._list(key)
        return tuple(self._index(f"{key}[{i}]", value, count) for i, value in enumerate(values))

    def nodes(self, key: str, known: Iterable[str], *, needed: bool = False) -> list[Node]:
        """Return a list of objects; an empty one if the key is missing."""
        values = self._list(key)
        if needed and not values:
            raise self.error(key, "is empty" if key in self else "is missing")
        where = self.place(key)
        return [Node(self.source, value, f"{where}[{i}]", known) for i, value in enumerate(values)]

    def numbers(self, key: str, rank: int, kind: str = "<f8") -> NDArray[Any]:
        """Read numbers from nested lists, or at rank 1 and 2 (rows of three) from base64 of zlib of bytes."""
        value = self.value(key)
        if isinstance(value, str) and rank <= 2:
            raw = self._inflated(key, value)
            row = np.dtype(kind).itemsize * (3 if rank == 2 else 1)
            if len(raw) % row:
                raise self.error(key, f"{len(raw)} bytes, not a whole number of rows of {row}")
            array = np.frombuffer(raw, kind).astype(kind[1:])
            array = array.reshape(-1, 3) if rank == 2 else array
        else:
            array = self._nested(key, value, rank)
        bad = np.argwhere(~(np.abs(array) <= _MOST))
        if len(bad):
            place = key + "".join(f"[{i}]" for i in bad[0])
            raise self.error(place, f"{array[tuple(bad[0])]:g} is not a finite number up to {_MOST:g}")
        return array

    def _list(self, key: str) -> list[Any]:
        value = self._values.get(key, [])
        if not isinstance(value, list):
            raise self.error(key, f"must be a list, not {_shown(value)}")
        return value

    def _index(self, key: str, value: Any, count: int) -> int:
        if type(value) not in (int, float) or value not in range(count):
            known = f"0 to {count - 1}" if count else "none, as there are none"
            raise self.error(key, f"is {_shown(value)}, which is not one of {known}")
        return int(value)

    def _nested(self, key: str, value: Any, rank: int) -> NDArray[np.float64]:
        level = [value]
        for depth in range(rank):
            if set(map(type, level)) - {list}:
                raise self.error(key, f"must be numbers in lists {rank} deep, is not at depth {depth + 1}")
            level = list(chain.from_iterable(level))
        odd = [item for item in level if type(item) not in (int, float)]
        if odd:
            raise self.error(key, f"holds {_shown(odd[0])}, which is not a number")
        try:
            return np.array(value, np.float64)
        except OverflowError:
            raise self.error(key, "holds a number beyond 1e308") from None
        except ValueError:
            raise self.error(key, "has lists of different lengths") from None

    def _inflated(self, key: str, text: str) -> bytes:
        try:
            packed = base64.b64decode("".join(text.split()), validate=True)
            stream = zlib.decompressobj()
            raw = stream.decompress(packed, self.source.budget + 1)
        except (ValueError, zlib.error) as problem:
            raise self.error(key, f"is neither numbers nor base64 of compressed numbers: {problem}") from None
        self.source.budget -= len(raw)
        if self.source.budget < 0:
            raise self.error(key, "inflates to more than a file of this size can be meant to hold")
        if not stream.eof or stream.unused_data:
            raise self.error(key, "its compressed bytes are cut off, or others follow")
        # A coil's numbers may begin with the byte 0x80, but they never end in a full stop too (1e-91 would).
        if raw[:1] == b"\x80" and raw[1:2] in (b"\2", b"\3", b"\4", b"\5") and raw[-1:] == b".":
            raise self.error(key, f"is {PICKLE}")
        return raw


def packed(array: NDArray[Any], kind: str = "<f8") -> str:
    """Return numbers as base64 of zlib of their bytes.

    Examples
    --------
    >>> text = packed(np.array([[0.0, 0.0, -5.0]]))
    >>> node = Node(Source("a.tcd", 1000), {"points": text}, "", ["points"])
    >>> node.numbers("points", 2)
    array([[ 0.,  0., -5.]])
    """
    return base64.b64encode(zlib.compress(np.ascontiguousarray(array, kind).tobytes())).decode("ascii")


def read_json(path: str | os.PathLike[str]) -> tuple[Source, Any]:
    """Read strict JSON: no NaN or Infinity, no key twice.

    Raises
    ------
    CoilError
        Not such JSON, not UTF-8, or nested too deeply.
    FileFormatError
        Not a regular file.
    OSError
        The file cannot be read.
    """
    check_regular(path, CoilError)
    name = os.fspath(path)
    with open(name, "rb") as file:
        raw = file.read()
    source = Source(name, max(_LEAST_BUDGET, _MOST_INFLATED * len(raw)))
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as problem:
        raise source.error("", f"not a text file, byte {problem.start} is not UTF-8") from None
    try:
        return source, json.loads(text, object_pairs_hook=_unique, parse_constant=_no_number)
    except ValueError as problem:
        raise source.error("", f"not JSON: {problem}") from None
    except RecursionError:
        raise source.error("", "nested too deeply") from None


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for key, value in pairs:
        if key in values:
            raise ValueError(f"the key {_shown(key)} is there twice in one object")
        values[key] = value
    return values


def _no_number(text: str) -> None:
    raise ValueError(f"{text} is not a number in JSON")


def _shown(value: Any) -> str:
    """Return a value as text, cut to fit a message."""
    if isinstance(value, (list, dict)):
        return "a list" if isinstance(value, list) else "an object"
    if isinstance(value, int) and abs(value) > 1 << 60:
        return "a huge number"
    text = repr(value)
    return text if len(text) <= 40 else text[:37] + "..."
