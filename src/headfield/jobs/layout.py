# SPDX-License-Identifier: BSD-3-Clause
"""How a job is cut into chunks, which are numbered through: consecutive poses of one coil in one head."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from ..errors import ArgumentError, FileFormatError

__all__ = ["Chunk", "Layout", "Part", "slice_of"]


class Part(NamedTuple):
    """A coil in a head: so many poses, and the number of its first chunk."""

    head: str
    coil: str
    poses: int
    first_chunk: int


@dataclass(frozen=True)
class Chunk:
    """Consecutive poses `first` … `first + count − 1` of a coil in a head."""

    number: int
    head: str
    coil: str
    first: int
    count: int

    def __str__(self) -> str:
        return f"{self.head}/{self.coil} poses {self.first} to {self.first + self.count - 1}"


@dataclass(frozen=True)
class Layout:
    """All chunks of a job: head after head, and coil after coil in each.

    Parameters
    ----------
    size : int
        Poses of a chunk; the last one of a coil in a head has less.
    counts : dict of str to int
        Poses of each head.
    coils : sequence of str

    Examples
    --------
    >>> layout = Layout.of(32, {"anna": 40, "ben": 5}, ["fig8", "h1"])
    >>> len(layout), str(layout[1]), str(layout[5])
    (6, 'anna/fig8 poses 32 to 39', 'ben/h1 poses 0 to 4')
    >>> Layout.from_dict(layout.to_dict()) == layout
    True
    """

    size: int
    counts: Mapping[str, int]
    coils: tuple[str, ...]
    parts: tuple[Part, ...]

    @classmethod
    def of(cls, size: int, counts: Mapping[str, int], coils: Sequence[str]) -> Layout:
        """Cut it."""
        parts, first = [], 0
        for head, poses in counts.items():
            for coil in coils:
                parts.append(Part(head, coil, poses, first))
                first += -(-poses // size)
        return cls(size, dict(counts), tuple(coils), tuple(parts))

    def __len__(self) -> int:
        """Number of chunks."""
        last = self.parts[-1]
        return last.first_chunk + -(-last.poses // self.size)

    @property
    def poses(self) -> int:
        """All poses, of all coils in all heads."""
        return sum(part.poses for part in self.parts)

    def __getitem__(self, number: int) -> Chunk:
        """Return a chunk by its number."""
        if not 0 <= number < len(self):
            raise IndexError(number)
        part = next(part for part in reversed(self.parts) if part.first_chunk <= number)
        first = (number - part.first_chunk) * self.size
        return Chunk(number, part.head, part.coil, first, min(self.size, part.poses - first))

    def of_part(self, part: Part) -> list[Chunk]:
        """Return the chunks of a coil in a head."""
        return [self[part.first_chunk + i] for i in range(-(-part.poses // self.size))]

    def to_dict(self) -> dict[str, Any]:
        """Return what JSON can hold."""
        return {"chunk": self.size, "poses": dict(self.counts), "coils": list(self.coils)}

    @classmethod
    def from_dict(cls, given: Any) -> Layout:
        """Make it of what `to_dict` returned; FileFormatError for anything else."""
        try:
            size, counts, coils = given["chunk"], given["poses"], given["coils"]
            whole = all(type(n) is int and n > 0 for n in (size, *counts.values()))
            if not whole or not counts or not coils or not all(type(one) is str for one in coils):
                raise ValueError
            return cls.of(size, counts, coils)
        except (KeyError, TypeError, ValueError, AttributeError):
            raise FileFormatError("the record of the job is damaged") from None

    def differences(self, other: Layout) -> list[str]:
        """Say in words what another layout has otherwise.

        Examples
        --------
        >>> Layout.of(32, {"anna": 40}, ["fig8"]).differences(Layout.of(16, {"anna": 40, "ben": 4}, ["fig8"]))
        ['heads (anna, there anna and ben)', 'poses of a chunk (32, there 16)']
        """
        found = []
        if list(self.counts) != list(other.counts):
            found.append(f"heads ({_listed(self.counts)}, there {_listed(other.counts)})")
        if self.coils != other.coils:
            found.append(f"coils ({_listed(self.coils)}, there {_listed(other.coils)})")
        for head, count in self.counts.items():
            if other.counts.get(head, count) != count:
                found.append(f"number of poses of {head} ({count}, there {other.counts[head]})")
        if self.size != other.size:
            found.append(f"poses of a chunk ({self.size}, there {other.size})")
        return found


def _listed(names: Any) -> str:
    return " and ".join(names)


def slice_of(text: str | tuple[int, int] | None, chunks: int) -> range:
    """Return the chunks of slice i of n, 1 ≤ i ≤ n: neighbours, so that a slice needs few heads.

    Raises
    ------
    ArgumentError
        Not i/n.

    Examples
    --------
    >>> slice_of("1/3", 8), slice_of("3/3", 8), slice_of((9, 9), 8), slice_of(None, 8)
    (range(0, 2), range(5, 8), range(7, 8), range(0, 8))
    """
    if text is None:
        return range(chunks)
    given = f"{text[0]}/{text[1]}" if isinstance(text, tuple) and len(text) == 2 else text
    match = re.fullmatch(r"(\d{1,9})/(\d{1,9})", given) if isinstance(given, str) else None
    if match is None or not 1 <= int(match[1]) <= int(match[2]):
        raise ArgumentError(f"slice must be i/n with 1 ≤ i ≤ n, such as 3/40, not {text!r}")
    i, n = int(match[1]), int(match[2])
    return range((i - 1) * chunks // n, i * chunks // n)
