# SPDX-License-Identifier: BSD-3-Clause
"""Dipole coils in .ccd files: text, positions in metres, moments in A·m² per A.

::

    # free text;dIdtmax=114.73;x=-300,300;y=-200,200;z=0,200;resolution=3;stimulator=Rapid;coilname=D70
    964
    # centers and weighted directions of the elements (magnetic dipoles)
    -9.95e-02 -2.06e-02 -6.75e-03 0 0 9.24e-07
    ...

The first line is the header if it is a comment; any other comment or blank line is skipped. Metres become
millimetres by moving the decimal point in the text, not by a rounded product: what is written is read back
bit for bit. Limits and resolution (mm, three or one for all axes) say where a coil is to be sampled; they are
left out where they are incomplete or make no sense, as they do not change the field.
"""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ...core.docs import fill_doc
from ...core.messages import quoted, warn
from ...errors import CoilError
from ...io.atomic import replacing
from ...io.regular import check_regular
from ...io.text import read_text
from ..parts import CoilContent, CoilElement, Stimulator
from ..sources import Dipoles, SampledPotential
from .tcd_write import only_in_tcd

__all__ = ["header_fields", "read_ccd", "read_fields", "write_ccd"]

_NUMBER = re.compile(r"([+-]?(?:\d+\.?\d*|\.\d+))(?:[eE]([+-]?\d{1,4}))?", re.ASCII)
_COUNT = re.compile(r"\d{1,18}", re.ASCII)
_M_TO_MM = 3
_A_PER_US_TO_A_PER_S = 6
_AXES = ("x", "y", "z")
_METADATA = ("name", "didt_max", "stimulator", "brand", "limits_mm", "resolution_mm")
_TEXT_KEYS = {"stimulator": "stimulator", "brand": "brand", "coilname": "name"}


@fill_doc
def read_ccd(path: str | os.PathLike[str]) -> CoilContent:
    """Read a .ccd file.

    Parameters
    ----------
    %(coil_file)s

    Returns
    -------
    CoilContent
        One element of dipoles, named after the file where the header has no ``coilname``. Where the header
        has them, also `didt_max` A/s, `stimulator`, `brand`, `limits_mm` (3, 2), `resolution_mm` (3,).

    Raises
    ------
    CoilError
        Not UTF-8 outside of the comments, no count, a count that differs from the number of rows, a row that
        is not six finite numbers (the message has the line number), or moments that are all zero.
    FileFormatError
        Not a regular file.
    OSError
        The file cannot be read.

    Warns
    -----
    UserWarning
        ``dIdtmax`` is not a positive number; it is left out.

    Examples
    --------
    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "one.ccd"
    >>> _ = path.write_text("# number of elements;dIdtmax=100\\n1\\n# dipoles\\n0 0 -5e-3 0 0 1e-4\\n")
    >>> content = read_ccd(path)
    >>> content.only_dipoles.positions_mm, content.didt_max, content.name
    (array([[ 0.,  0., -5.]]), 100000000.0, 'one')
    """
    check_regular(path, CoilError)
    path = Path(path)
    lines = _decode(path).split("\n")
    data = [
        (number, text) for number, line in enumerate(lines, 1) if (text := line.partition("#")[0].strip())
    ]
    if not data:
        raise CoilError(f"{path}: no count of dipoles, the file holds only comments or nothing")
    number, text = data[0]
    if not _COUNT.fullmatch(text):
        raise CoilError(f"{path}, line {number}: {quoted(text)} is not a count of dipoles")
    rows = data[1:]
    if int(text) != len(rows):
        raise CoilError(f"{path}: line {number} announces {text} dipoles, the file holds {len(rows)} rows")
    if not rows:
        raise CoilError(f"{path}: 0 dipoles")
    values = np.array([_row(path, number, text) for number, text in rows])
    header = read_fields(path, lines[0]) if lines[0].startswith("#") else {}
    try:
        element = CoilElement(Dipoles(values[:, :3], values[:, 3:]))
        stimulator = Stimulator(header.pop("stimulator", ""), "", header.pop("didt_max", None))
    except CoilError as problem:
        raise CoilError(f"{path}: {problem}") from None
    return CoilContent(elements=(element,), stimulators=(stimulator,), **({"name": path.stem} | header))


def write_ccd(path: str | os.PathLike[str], coil: CoilContent) -> None:
    """Write a .ccd file that `read_ccd` reads back bit for bit.

    Parameters
    ----------
    path : path
        Overwritten if it exists.
    coil : Coil or CoilContent
        Of dipoles and one stimulator.

    Raises
    ------
    CoilError
        Other sources, several stimulators, or a text that the header can't hold: one with a semicolon, a line
        break, space at an end, or invalid Unicode.

    Warns
    -----
    UserWarning
        The coil has what the format can't hold, see `only_in_tcd`.

    Examples
    --------
    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "one.ccd"
    >>> element = CoilElement(Dipoles([[0.0, 0.0, -5.0]], [[0.0, 0.0, 1e-4]]))
    >>> stimulators = (Stimulator(didt_max=1e8),)
    >>> write_ccd(path, CoilContent(elements=(element,), stimulators=stimulators, name="one"))
    >>> print(path.read_text(), end="")
    # number of elements;dIdtmax=100000000.0e-6;coilname=one
    1
    # centers and weighted directions of the elements (magnetic dipoles)
    0.0e-3 0.0e-3 -5.0e-3 0.0 0.0 0.0001
    """
    if coil.n_segments or any(isinstance(e.source, SampledPotential) for e in coil.elements):
        raise CoilError(
            f"{os.fspath(path)}: a .ccd file holds dipoles only. Wire of a flat coil can be turned into "
            "them, coil.reduced(n) or convert --dipoles N; all else can't: write .tcd or .nii.gz"
        )
    dipoles = coil.only_dipoles
    lost = only_in_tcd(coil)
    if lost:
        warn(f"{os.fspath(path)}: a .ccd file does not hold {', '.join(lost)}")
    header = header_fields({key: getattr(coil, key) for key in _METADATA})
    lines = [";".join(["# number of elements", *header]), str(len(dipoles))]
    lines.append("# centers and weighted directions of the elements (magnetic dipoles)")
    for position, moment in zip(dipoles.positions_mm.tolist(), dipoles.moments.tolist(), strict=True):
        shifted = [_shifted(repr(x), -_M_TO_MM) for x in position]
        lines.append(" ".join([*shifted, *map(repr, moment)]))
    with replacing(path) as temporary:
        temporary.write_text("\n".join(lines) + "\n", encoding="utf-8", newline="\n")


def _decode(path: Path) -> str:
    try:
        return read_text(path, CoilError, latin_1="comments")  # those of older programs have A/µs in Latin-1
    except CoilError as error:
        raise CoilError(f"{path}: {error}") from None


def _is_utf8(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _shifted(text: str, digits: int) -> str:
    """Multiply `text` by 10**digits, as text: only the exponent changes, so no bit is lost."""
    mantissa, _, exponent = text.partition("e")
    return f"{mantissa}e{int(exponent or 0) + digits}"


def _number(text: str, digits: int) -> float | None:
    """Return the decimal `text` times 10**digits, rounded once; None unless it is a finite plain decimal."""
    match = _NUMBER.fullmatch(text)
    if match is None:
        return None
    value = float(f"{match[1]}e{int(match[2] or 0) + digits}")
    return value if np.isfinite(value) else None


def _row(path: Path, number: int, text: str) -> Sequence[float]:
    columns = text.split()
    if len(columns) != 6:
        raise CoilError(f"{path}, line {number}: {len(columns)} columns, a dipole has 6: {quoted(text)}")
    values = []
    for i, column in enumerate(columns):
        value = _number(column, _M_TO_MM if i < 3 else 0)
        if value is None:
            raise CoilError(f"{path}, line {number}, column {i + 1}: {quoted(column)} is not a finite number")
        values.append(value)
    return values


def header_fields(metadata: dict[str, Any]) -> list[str]:
    """Return the ``key=value`` texts of a header.

    Parameters
    ----------
    metadata : dict
        Any of `didt_max` (A/s), `limits_mm`, `resolution_mm`, `stimulator`, `brand`, `name`; None and "" are
        left out.

    Raises
    ------
    CoilError
        A text that a header can't hold, see `write_ccd`.

    Examples
    --------
    >>> header_fields({"name": "one", "didt_max": 1e8, "limits_mm": [[-9, 9], [-9, 9], [0, 9.5]]})
    ['dIdtmax=100000000.0e-6', 'x=-9,9', 'y=-9,9', 'z=0,9.5', 'coilname=one']
    """
    fields = []
    if metadata.get("didt_max") is not None:
        fields.append(f"dIdtmax={_shifted(repr(float(metadata['didt_max'])), -_A_PER_US_TO_A_PER_S)}")
    if metadata.get("limits_mm") is not None:
        fields += [f"{axis}={_list(row)}" for axis, row in zip(_AXES, metadata["limits_mm"], strict=True)]
    if metadata.get("resolution_mm") is not None:
        steps = list(metadata["resolution_mm"])
        fields.append(f"resolution={_list(steps[:1] if len(set(steps)) == 1 else steps)}")
    for key, attribute in _TEXT_KEYS.items():
        text = str(metadata.get(attribute) or "")
        if ";" in text or len(text.splitlines()) > 1 or text != text.strip() or not _is_utf8(text):
            raise CoilError(f"{attribute} {text!r} can't be written to the header of a .ccd file")
        if text:
            fields.append(f"{key}={text}")
    return fields


def read_fields(path: str | os.PathLike[str], line: str) -> dict[str, Any]:
    """Return the known ``key=value`` pairs of a header by the names that `Coil` has for them.

    Warns
    -----
    UserWarning
        ``dIdtmax`` is not a positive number; it is left out.

    Examples
    --------
    >>> read_fields("a.ccd", "# free text;dIdtmax=100;resolution=3;coilname=one")
    {'didt_max': 100000000.0, 'resolution_mm': [3.0, 3.0, 3.0], 'name': 'one'}
    """
    found: dict[str, Any] = {}
    limits: dict[str, list[float]] = {}
    for field in line.split(";")[1:]:
        key, _, value = (part.strip() for part in field.partition("="))
        if not value or value == "None":
            continue
        if key in _TEXT_KEYS:
            found[_TEXT_KEYS[key]] = value
        elif key in _AXES:
            limits[key] = _values(value)
        elif key == "resolution":
            steps = _values(value)
            steps = steps * 3 if len(steps) == 1 else steps
            if len(steps) == 3 and min(steps) > 0:
                found["resolution_mm"] = steps
        elif key == "dIdtmax":
            didt_max = _number(value, _A_PER_US_TO_A_PER_S)
            if didt_max is not None and didt_max > 0:
                found["didt_max"] = didt_max
            else:
                warn(f"{path}: dIdtmax={quoted(value)} is not a positive number, left out")
    box = [limits.get(axis, []) for axis in _AXES]
    if all(len(pair) == 2 and pair[0] < pair[1] for pair in box):
        found["limits_mm"] = box
    return found


def _values(text: str) -> list[float]:
    """Read numbers with commas between them; an empty list if one of them is not a finite number."""
    values = [_number(part.strip(), 0) for part in text.split(",")]
    return [] if None in values else [value for value in values if value is not None]


def _list(values: Any) -> str:
    return ",".join(repr(float(value)).removesuffix(".0") for value in values)
