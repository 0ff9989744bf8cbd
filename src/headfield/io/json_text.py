# SPDX-License-Identifier: BSD-3-Clause
"""JSON files, and the numbers in them, read strictly."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import HeadfieldError, PoseError
from .text import read_text

__all__ = ["finite_or_none", "json_of", "parse_json", "plain_numbers"]


def parse_json(path: str | os.PathLike[str], error: type[HeadfieldError] = PoseError) -> Any:
    """Return what a JSON file holds; raise `error` for text that is none. The message does not name the file.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "a.json"
    >>> _ = path.write_text('{"a": [1, 2.5]}')
    >>> parse_json(path)
    {'a': [1, 2.5]}
    """
    return json_of(read_text(path, error), error)


def json_of(text: str, error: type[HeadfieldError] = PoseError, *, once: bool = False) -> Any:
    """Return what a JSON text holds; raise `error` if it is none, or with `once` if a name comes twice.

    Examples
    --------
    >>> json_of("[1, NaN]")
    [1, nan]
    """
    try:
        return json.loads(text, object_pairs_hook=_unique if once else None)
    except (ValueError, RecursionError) as problem:
        raise error(f"not JSON: {problem}") from None


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Return an object; raise ValueError where a name comes twice, of which JSON would take the last."""
    made = dict(pairs)
    if len(made) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"{twice!r} comes twice")
    return made


def plain_numbers(
    values: Iterable[Any], where: str, error: type[HeadfieldError] = PoseError
) -> NDArray[np.float64]:
    """Return numbers of a JSON file as they are: no text, not true or false. NaN is a number here.

    Parameters
    ----------
    values : iterable
    where : str
        For the message.
    error : type of HeadfieldError

    Examples
    --------
    >>> plain_numbers([1, 2.5], "position")
    array([1. , 2.5])
    """
    for value in (values := list(values)):
        if type(value) not in (int, float):
            raise error(f"{where} holds {str(value)[:40]!r}, not a number")
    try:
        return np.array(values, dtype=np.float64)
    except OverflowError:  # a whole number of more than 308 digits
        raise error(f"{where} holds a number beyond 1e308") from None


def finite_or_none(value: Any) -> Any:
    """Return plain values with None for numbers that are not finite, which JSON does not have.

    Examples
    --------
    >>> finite_or_none({"a": [1.0, float("inf")], "b": "x"})
    {'a': [1.0, None], 'b': 'x'}
    """
    if isinstance(value, dict):
        return {key: finite_or_none(one) for key, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [finite_or_none(one) for one in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
