# SPDX-License-Identifier: BSD-3-Clause
"""Tables of columns of numbers and names, a row for each thing: .csv, or .parquet with pyarrow."""

from __future__ import annotations

import csv
import math
import os
import re
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..core.messages import printable
from ..errors import ArgumentError, FileFormatError
from .atomic import replacing
from .regular import check_regular, ending_of

__all__ = ["TABLE_ENDINGS", "check_table", "read_columns", "write_columns"]

TABLE_ENDINGS = (".csv", ".parquet")

Columns = dict[str, NDArray[Any]]

_TRUTH = {"true": True, "false": False}
_RECORD = b"headfield"  # of what a .parquet says of itself


def check_table(path: str | os.PathLike[str]) -> None:
    """Raise FileFormatError if a table can't be written to a path: another ending, or pyarrow is missing."""
    ending = ending_of(path)
    if ending not in TABLE_ENDINGS:
        raise FileFormatError(
            f"{os.fspath(path)}: a table is written as .csv or .parquet, not {ending or 'this'}"
        )
    if ending == ".parquet":
        _parquet("writing")


def write_columns(
    path: str | os.PathLike[str], columns: Mapping[str, NDArray[Any]], record: str | None = None
) -> None:
    """Write columns of equal length, whole or not at all.

    Parameters
    ----------
    path : path
        `.csv`: UTF-8, commas, a first line of names; numbers with as many digits as it takes to read the same
        ones, `nan` for what is not known, `true` and `false`. `.parquet`: needs pyarrow.
    columns : mapping of str to ndarray (k,)
        Numbers, truth values or texts.
    record : str, optional
        What a .parquet is to say of itself, in its metadata `headfield`; a .csv can't.

    Raises
    ------
    FileFormatError
        Another ending, or pyarrow is missing.
    ArgumentError
        Columns of different lengths.
    OSError
        The file can't be written.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> table = {"pose": np.arange(2), "peak_V_per_m": [0.1, np.nan], "name": ["a", "b,c"]}
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_columns(folder + "/table.csv", table)
    ...     print(Path(folder, "table.csv").read_text(), end="")
    ...     read_columns(folder + "/table.csv")["peak_V_per_m"]
    pose,peak_V_per_m,name
    0,0.1,a
    1,nan,"b,c"
    array([0.1, nan])
    """
    check_table(path)
    made = {name: np.asarray(values) for name, values in columns.items()}
    if len({values.shape for values in made.values()}) != 1 or next(iter(made.values())).ndim != 1:
        shapes = ", ".join(f"{name} {values.shape}" for name, values in made.items())
        raise ArgumentError(f"columns of a table must be (k,), all of one length, not {shapes or 'none'}")
    with replacing(path) as temporary:
        if ending_of(path) == ".csv":
            _write_csv(temporary, made)
            return
        arrow, parquet = _parquet("writing")
        table = arrow.table(
            {name: arrow.array(_values(values), _kind(arrow, values)) for name, values in made.items()}
        )
        if record is not None:
            table = table.replace_schema_metadata({_RECORD: record.encode()})
        parquet.write_table(table, temporary, compression="zstd")


def _kind(arrow: Any, values: NDArray[Any]) -> Any:
    return arrow.string() if values.dtype.kind == "U" else arrow.from_numpy_dtype(values.dtype)


def _write_csv(path: os.PathLike[str], columns: Columns) -> None:
    with open(path, "w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(columns)
        texts = [map(_text, values.tolist()) for values in columns.values()]
        writer.writerows(zip(*texts, strict=True))


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return printable(value) if isinstance(value, str) else repr(value)


def _values(values: NDArray[Any]) -> list[Any]:
    """Return plain values; of texts what UTF-8 has, which is not half a character."""
    return [one.encode(errors="replace").decode() if isinstance(one, str) else one for one in values.tolist()]


def read_columns(path: str | os.PathLike[str]) -> Columns:
    """Read a table that `write_columns` wrote.

    Returns
    -------
    dict of str to ndarray (k,)
        int64, float64, bool or str; of a .csv whatever all of a column can be read as.

    Raises
    ------
    FileFormatError
        Another ending, a damaged file, or pyarrow is missing.
    OSError
        The file can't be read.
    """
    check_regular(path, FileFormatError)
    ending, name = ending_of(path), os.fspath(path)
    if ending == ".csv":
        return _read_csv(name)
    if ending != ".parquet":
        raise FileFormatError(f"{name}: a table is .csv or .parquet, not {ending or 'this'}")
    arrow, parquet = _parquet("reading")
    try:
        table = parquet.read_table(path)
        return {
            one: np.asarray(
                table.column(one).to_numpy(),
                str if arrow.types.is_string(table.schema.field(one).type) else None,
            )
            for one in table.column_names
        }
    except arrow.lib.ArrowException as problem:
        raise FileFormatError(
            f"{name}: damaged .parquet: {' '.join(str(problem).split())[:200]}"
        ) from problem


def _read_csv(name: str) -> Columns:
    try:
        with open(name, encoding="utf-8", newline="") as file:
            head, *rows = csv.reader(file)
    except (UnicodeDecodeError, csv.Error, ValueError) as problem:
        raise FileFormatError(f"{name}: not a table of columns: {problem}") from None
    for number, row in enumerate(rows, 2):
        if len(row) != len(head):
            raise FileFormatError(f"{name}: line {number} has {len(row)} columns, the first line {len(head)}")
    if len(set(head)) < len(head):
        raise FileFormatError(f"{name}: two columns have one name")
    return {one: _typed([row[i] for row in rows]) for i, one in enumerate(head)}


def _typed(texts: list[str]) -> NDArray[Any]:
    if texts and all(text in _TRUTH for text in texts):
        return np.array([_TRUTH[text] for text in texts])
    if texts and all(re.fullmatch(r"-?\d{1,18}", text) for text in texts):
        return np.array([int(text) for text in texts], np.int64)
    try:
        if any("_" in text for text in texts):  # float takes 1_0 as well
            raise ValueError
        return np.array([float(text) if text else math.nan for text in texts], np.float64)
    except ValueError:
        return np.array(texts, str)


def _parquet(doing: str) -> tuple[Any, Any]:
    """Import pyarrow, which is optional; `doing` is "reading" or "writing"."""
    try:
        import pyarrow  # type: ignore[import-untyped]
        import pyarrow.parquet  # type: ignore[import-untyped]
    except ImportError as error:
        raise FileFormatError(f"{doing} .parquet needs pyarrow: pip install 'headfield[parquet]'") from error
    return pyarrow, pyarrow.parquet
