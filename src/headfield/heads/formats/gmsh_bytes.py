# SPDX-License-Identifier: BSD-3-Clause
"""The bytes of a Gmsh file as a source of numbers: the same calls whether they are text or binary."""

from __future__ import annotations

import mmap
import os
import re
from typing import Any, NoReturn, Protocol

import numpy as np
from numpy.typing import NDArray

from ...errors import MeshError

# Nodes per element of every Gmsh element type that occurs in practice.
NODES_PER_ELEMENT = {
    **dict(enumerate((2, 3, 4, 4, 8, 6, 5, 3, 6, 9, 10, 27, 18, 14, 1, 8, 20, 15, 13, 9, 10, 12, 15, 15), 1)),
    **dict(enumerate((21, 4, 5, 6, 20, 35, 56), 25)),
    92: 64,
    93: 125,
}

_LONGEST_LINE = 4096
_NOT_SPACE = re.compile(rb"\S")
_PIECE = 1 << 22  # bytes of text that are looked at in one piece


class GmshFile:
    """A Gmsh file in memory, a position in it, and notes of what was left out of it."""

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.pos = 0
        self.notes: list[str] = []
        with open(path, "rb") as file:
            self.size = os.fstat(file.fileno()).st_size
            if self.size == 0:
                raise MeshError("the file is empty")
            self.data = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)

    def fail(self, message: str) -> NoReturn:
        """Raise a MeshError that names the position; whoever opened the file adds its name."""
        raise MeshError(f"{message} (near byte {self.pos:,} of {self.size:,})")

    def at_end(self) -> bool:
        """Skip white space; tell whether anything is left."""
        found = _NOT_SPACE.search(self.data, self.pos)
        self.pos = found.start() if found else self.size
        return found is None

    def line(self, what: str) -> str:
        """Return the rest of the line, without white space around it."""
        raw = self._line(what)
        if not raw.isascii():
            self.fail(f"expected {what}, found binary data")
        return raw.decode("ascii").strip()

    def label(self, what: str) -> str:
        """Return the text on the next line without its quotes; bytes that are not UTF-8 are replaced."""
        return self._line(what).decode("utf-8", errors="replace").strip().removeprefix('"').removesuffix('"')

    def _line(self, what: str) -> bytes:
        end = self.data.find(b"\n", self.pos, self.pos + _LONGEST_LINE)
        if end < 0 and self.size - self.pos > _LONGEST_LINE:
            self.fail(f"expected {what}, found no line end")
        raw = self.data[self.pos : self.size if end < 0 else end]
        self.pos += len(raw) + 1
        return raw

    def numbers(self, what: str, count: int) -> list[int]:
        """Return the integers on the next line, `count` of them."""
        words = self.line(what).split()
        try:
            values = [int(word) for word in words]
        except ValueError:
            self.fail(f"expected {what}, found {' '.join(words)[:60]!r}")
        if len(values) != count:
            self.fail(f"expected {what}, found {len(values)} numbers instead of {count}")
        return values

    def array(self, dtype: Any, count: int, what: str) -> NDArray[Any]:
        """Return the next `count` items of `dtype`, not copied and perhaps not aligned."""
        dtype = np.dtype(dtype)
        if count < 0 or count * dtype.itemsize > self.size - self.pos:
            self.fail(f"{what}: {count:,} rows of {dtype.itemsize} bytes do not fit the rest of the file")
        result: NDArray[Any] = np.frombuffer(self.data, dtype, count, self.pos)
        self.pos += count * dtype.itemsize
        return result

    def find_end(self, section: str) -> int:
        """Return where the end mark of this section begins."""
        end = self.data.find(f"$End{section}".encode(), self.pos)
        if end < 0:
            self.fail(f"the file ends within section ${section}")
        return int(end)

    def close(self, section: str) -> None:
        """Step over the end mark of this section, which need not begin a line."""
        mark = f"$End{section}".encode()
        if self.at_end() or self.data[self.pos : self.pos + len(mark)] != mark:
            self.fail(f"section ${section} does not end where its counts say")
        self.pos += len(mark)

    def words(self, section: str) -> NDArray[np.float64]:
        """Return the numbers of a text section up to its end mark, float64."""
        end = self.find_end(section)
        text = self.data[self.pos : end]
        try:
            values = np.fromstring(text, np.float64, sep=" ")
        except (ValueError, DeprecationWarning):
            values = None
        if values is None or not _are_all(values, text):
            self.fail(f"section ${section} holds something else than numbers")
        self.pos = end
        return values


def _are_all(values: NDArray[np.float64], text: bytes) -> bool:
    """Tell whether NumPy has read a text to its end: it stops where something is not a number.

    It warns of that, but a program may ignore warnings, and a filter that is set here would be set for all
    threads. So words are counted, and the last one, which may have been read in part, is looked at.
    """
    if _count_words(text) != len(values):
        return False
    last = text.rsplit(maxsplit=1)[-1] if len(values) else b"0"
    try:
        float(last)
    except ValueError:
        return False
    return b"_" not in last  # which Python takes, NumPy does not


def _count_words(text: bytes) -> int:
    count, before = 0, False
    for start in range(0, len(text), _PIECE):
        codes = np.frombuffer(text, np.uint8, min(_PIECE, len(text) - start), start)
        inside = (codes != ord(" ")) & ((codes < ord("\t")) | (codes > ord("\r")))
        count += int(np.count_nonzero(inside[1:] & ~inside[:-1])) + bool(inside[0] and not before)
        before = bool(inside[-1])
    return count


class Stream(Protocol):
    """Where the 4.1 parser gets its numbers from: text or binary."""

    def take(self, kind: str, count: int, what: str) -> NDArray[Any]:
        """Return the next numbers: kind "i" is int32, "z" a 64-bit size or id, "d" float64."""
        ...


_BINARY_TYPES = {"i": "i4", "z": "i8", "d": "f8"}


class BinaryStream:
    """Numbers in binary, at the position of the file."""

    def __init__(self, file: GmshFile, order: str) -> None:
        self.file = file
        self.order = order

    def take(self, kind: str, count: int, what: str) -> NDArray[Any]:
        """Return the next numbers of the file."""
        return self.file.array(self.order + _BINARY_TYPES[kind], count, what)


class TextStream:
    """Numbers of a text section, read as float64: exact for integers up to 2^53."""

    def __init__(self, file: GmshFile, section: str) -> None:
        self.file = file
        self.values = file.words(section)
        self.next = 0

    def take(self, kind: str, count: int, what: str) -> NDArray[Any]:
        """Return the next numbers of the section."""
        if count < 0 or count > len(self.values) - self.next:
            self.file.fail(f"{what}: {count:,} numbers do not fit the rest of the section")
        piece = self.values[self.next : self.next + count]
        self.next += count
        return piece if kind == "d" else whole(piece, self.file, what)


def whole(values: NDArray[np.float64], file: GmshFile, what: str) -> NDArray[np.int64]:
    """Return float64 values as int64; fail for fractions, NaN and what float64 can't hold exactly."""
    if not (np.abs(values) < 2.0**53).all():
        file.fail(f"{what}: not an integer")
    result = values.astype(np.int64)
    if (result != values).any():
        file.fail(f"{what}: not an integer")
    return result
