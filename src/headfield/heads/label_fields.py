# SPDX-License-Identifier: BSD-3-Clause
"""Fields on tetrahedra that could be their tissues: whole numbers, few of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..core.messages import first_of

__all__ = ["offered", "possible_tissues"]

MOST_TISSUES = 256  # MIDA has 116 labels, FreeSurfer's atlases fewer than 200
_LISTED = 8


def possible_tissues(fields: Mapping[str, NDArray[Any]]) -> dict[str, list[int]]:
    """Return the fields that could be tissues, and their values: whole numbers, not all 0, not too many.

    Examples
    --------
    >>> possible_tissues({"labels": np.array([2.0, 3, 3]), "magnE": np.array([0.5, 1, 2])})
    {'labels': [2, 3]}
    """
    found = {}
    for name, values in fields.items():
        column = values.reshape(len(values), -1)
        if column.shape[1] != 1 or not len(column) or values.dtype.kind not in "iuf":
            continue
        some = column[:: max(1, len(column) // 1000), 0]  # most fields are told by a few values
        if not _whole(some) or not _whole(column[:, 0]):
            continue
        different = np.unique(column[:, 0])
        if len(different) <= MOST_TISSUES and different.any():
            found[name] = different.astype(np.int64).tolist()
    return found


def _whole(values: NDArray[Any]) -> bool:
    return bool((np.abs(values) < 2**31).all() and (values == np.rint(values)).all())


def offered(fields: Mapping[str, NDArray[Any]]) -> str:
    """Return what a message says of the fields that could be tissues; "" if there are none.

    Examples
    --------
    >>> print(offered({"labels": np.array([2, 3, 5])}))
    the cell data 'labels' (2, 3, 5) may be them: read_mesh(path, tags='labels') or --tags labels
    """
    found = possible_tissues(fields)
    if not found:
        return ""
    named = []
    for name, tags in list(found.items())[:_LISTED]:
        listed = first_of(tags, _LISTED)
        named.append(f"{name!r} ({listed})")
    first = next(iter(found))
    word = first if first.isidentifier() else f"'{first}'"
    return f"the cell data {', '.join(named)} may be them: read_mesh(path, tags={first!r}) or --tags {word}"
