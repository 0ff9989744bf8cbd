# SPDX-License-Identifier: BSD-3-Clause
"""Records that do not change: their arrays are read-only, here and in every copy."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

from numpy.typing import NDArray

from ..core.messages import in_short

__all__ = ["Record", "keep"]


class Record:
    """Base of frozen dataclasses whose fields are the arguments of their constructor.

    Such a record is copied and pickled as its fields, and made again by its constructor. That makes arrays
    read-only again, which NumPy forgets when it unpickles one, and leaves behind what was computed from the
    fields and kept.
    """

    def __repr__(self) -> str:
        return in_short(self)

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), tuple(getattr(self, f.name) for f in fields(self))  # type: ignore[arg-type]


def keep(record: Any, **arrays: NDArray[Any]) -> None:
    """Set fields of a frozen record to arrays that it owns, and make these read-only."""
    for name, array in arrays.items():
        array.flags.writeable = False
        object.__setattr__(record, name, array)
