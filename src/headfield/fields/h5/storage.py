# SPDX-License-Identifier: BSD-3-Clause
"""How an .h5 stores E: as it is or in half precision, with |E| beside it or without, packed or not."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...errors import ArgumentError
from ..half import halved, restored
from ..write import magnitude

__all__ = ["COMPRESSIONS", "KEEP", "Storage", "read_fields", "stored_fields"]

KEEP, COMPRESSIONS = ("E", "magnE"), ("lossless", "float16")

Rows = dict[str, NDArray[Any]]


@dataclass(frozen=True)
class Storage:
    """What of E is stored, and how.

    Attributes
    ----------
    keep : {"E", "magnE"} or None
        Only E, from which |E| is computed when it is read, or only |E|; None for both.
    compress : {"lossless", "float16"} or None
        The same bits, packed when all poses are there; or half precision, of which |E| is that of the E that
        is read. None for float32 as it is.
    """

    keep: str | None = None
    compress: str | None = None

    def __post_init__(self) -> None:
        if self.keep not in (None, *KEEP):
            raise ArgumentError(f"keep must be one of {', '.join(KEEP)}, not {self.keep!r}")
        if self.compress not in (None, *COMPRESSIONS):
            raise ArgumentError(f"compress must be one of {', '.join(COMPRESSIONS)}, not {self.compress!r}")

    @property
    def settings(self) -> dict[str, str]:
        """What a record says of it; nothing of what was the only way once."""
        given = {"keep": self.keep, "compress": self.compress}
        return {name: value for name, value in given.items() if value is not None}

    @property
    def field_bytes(self) -> int:
        """Bytes of the field of a tetrahedron, before it is packed."""
        numbers = {None: 3 if self.compress == "float16" else 4, "E": 3, "magnE": 1}[self.keep]
        return numbers * (2 if self.compress == "float16" else 4)


def stored_fields(E: NDArray[np.float32], storage: Storage) -> Rows:
    """Return the arrays of one pose that hold its E (e, 3), by their names in the file.

    Examples
    --------
    >>> made = stored_fields(np.array([[3.0, 0.0, 4.0]], np.float32), Storage(compress="float16"))
    >>> read_fields(made)["magnE"].tolist(), sorted(made)
    ([5.0], ['E_float16_error', 'E_float16_scale', 'elements/E_float16'])
    """
    if storage.compress == "float16":
        name = storage.keep or "E"
        half = halved(E if name == "E" else magnitude(E))
        return {
            f"elements/{name}_float16": half.values,
            f"{name}_float16_scale": np.array(half.scale, np.float32),
            f"{name}_float16_error": np.array(half.error, np.float32),
        }
    made = {} if storage.keep == "magnE" else {"elements/E": E}
    return made if storage.keep == "E" else made | {"elements/magnE": magnitude(E)}


def read_fields(rows: Rows) -> Rows:
    """Return `E`, as far as it was kept, `magnE` and what else there is, of the arrays of one pose."""
    made = {}
    for name in KEEP:
        if f"elements/{name}" in rows:
            made[name] = rows[f"elements/{name}"]
        elif f"elements/{name}_float16" in rows:
            made[name] = restored(rows[f"elements/{name}_float16"], float(rows[f"{name}_float16_scale"]))
    if "magnE" not in made:
        made["magnE"] = magnitude(made["E"])
    others = {"elements/local_error": "local_error", "nodes/v": "v"}
    return made | {short: rows[name] for name, short in others.items() if name in rows}
