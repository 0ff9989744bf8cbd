# SPDX-License-Identifier: BSD-3-Clause
"""Tables of thresholds that users have: by the angle of E and by how |E| changes between layers."""

from __future__ import annotations

import os
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ...core.arguments import finite_array
from ...core.messages import first_of, in_one_line, plural
from ...errors import DoseError
from ...io.regular import check_regular
from ...io.text import number, read_text, with_point
from .about import OWN_TABLE

__all__ = ["ThresholdTable", "read_threshold_table"]

Floats = NDArray[np.float64]

_COLUMNS = ("relative change of |E|", "θ", "threshold")
_TURN = 180.0
_RADIANS = 3.2  # tables whose angles all are below: π is 3.14


class ThresholdTable:
    """Thresholds of |E| on a grid of relative changes of |E| and of angles; linear between.

    Parameters
    ----------
    change_percent : array_like (c,)
        Relative change of |E| between layers 1 and 6, %, ascending; c ≥ 2. See `relative_change`.
    theta_deg : array_like (t,)
        Angles between E and the normal, degrees, 0 to 180, ascending; t ≥ 2.
    threshold : array_like (c, t)
        V/m, above 0.
    source : str
        Where it is from.

    Attributes
    ----------
    change_percent, theta_deg, values : ndarray (c,), (t,), (c, t) float64
    about : ThresholdModel

    Raises
    ------
    DoseError
        Shapes that don't fit, axes that don't ascend, angles outside of 0 to 180 or all in the range of
        radians, thresholds of 0 or less.

    Examples
    --------
    >>> table = ThresholdTable([-100, 0, 100], [0, 90, 180], [[3, 4, 3], [2, 3, 2], [1, 2, 1]])
    >>> table.threshold([45, 90], [-50, 100])
    array([3., 2.])
    """

    needs_normals, needs_change, of_component = True, True, False

    def __init__(
        self, change_percent: ArrayLike, theta_deg: ArrayLike, threshold: ArrayLike, *, source: str = ""
    ) -> None:
        self.change_percent = _axis(change_percent, "change_percent")
        self.theta_deg = _axis(theta_deg, "theta_deg")
        if self.theta_deg[0] < 0 or self.theta_deg[-1] > _TURN:
            raise DoseError(
                f"theta_deg must lie between 0 and 180, not {self.theta_deg[0]:g} to {self.theta_deg[-1]:g}"
            )
        if self.theta_deg[-1] <= _RADIANS:
            raise DoseError(
                f"theta_deg goes from {self.theta_deg[0]:g} to {self.theta_deg[-1]:g}, as radians do: give "
                "degrees, 0 to 180"
            )
        self.values: Floats = finite_array(threshold, "threshold", DoseError)
        shape = (len(self.change_percent), len(self.theta_deg))
        if self.values.shape != shape:
            raise DoseError(f"threshold must have the shape {shape}, not {self.values.shape}")
        if (self.values <= 0).any():
            raise DoseError(
                f"threshold: {(self.values <= 0).sum():,} of {self.values.size:,} values are not above 0 V/m"
            )
        for array in (self.change_percent, self.theta_deg, self.values):
            array.flags.writeable = False
        self.about = OWN_TABLE._replace(paper=source or OWN_TABLE.paper)

    def __repr__(self) -> str:
        c, t = self.change_percent, self.theta_deg
        return (
            f"<ThresholdTable: {len(c)} changes of |E| from {c[0]:g} to {c[-1]:g} %, {len(t)} angles from "
            f"{t[0]:g} to {t[-1]:g}°, {self.values.min():.4g} to {self.values.max():.4g} V/m>"
        )

    def threshold(self, theta_deg: ArrayLike, change_percent: ArrayLike) -> Floats:
        """Return thresholds at angles and relative changes that broadcast, V/m, linear in both.

        Raises
        ------
        DoseError
            Some lie outside of the table: how many, and the farthest of them.
        """
        theta = finite_array(theta_deg, "theta_deg", DoseError)
        change = finite_array(change_percent, "change_percent", DoseError)
        found = self._interpolated(theta, change)
        self._refuse_outside(np.isnan(found), theta, change)
        return found

    def at(self, cosine: Floats, change: Floats | None) -> Floats:
        """Return thresholds at cosines of angles and relative changes, NaN outside of the table, V/m."""
        assert change is not None
        return self._interpolated(np.degrees(np.arccos(np.clip(cosine, -1.0, 1.0))), change)

    def _interpolated(self, theta: Floats, change: Floats) -> Floats:
        i, x = _place(self.change_percent, change)
        j, y = _place(self.theta_deg, theta)
        low = (1 - y) * self.values[i, j] + y * self.values[i, j + 1]
        high = (1 - y) * self.values[i + 1, j] + y * self.values[i + 1, j + 1]
        return np.asarray((1 - x) * low + x * high)

    def _refuse_outside(self, outside: Any, theta: Floats, change: Floats) -> None:
        if not outside.any():
            return
        theta, change = (np.broadcast_to(one, outside.shape)[outside] for one in (theta, change))
        raise DoseError(
            f"{plural(len(theta), 'point lies', 'points lie')} outside of {self!r}: they span "
            f"{change.min():.4g} to {change.max():.4g} % and {theta.min():.4g} to {theta.max():.4g}°"
        )


def read_threshold_table(path: str | os.PathLike[str]) -> ThresholdTable:
    """Read a table of thresholds, V/m, by relative change of |E| between layers 1 and 6 and by θ.

    Such tables come with publications (Weise 2023, doi 10.1162/imag_a_00036); headfield ships none.

    Parameters
    ----------
    path : path
        Text with three columns: relative change (%), θ (degrees), threshold (V/m), with commas, semicolons,
        tabs or blanks between; the first line may name them, and # begins a comment. Rows are a whole grid,
        in any order.

    Returns
    -------
    ThresholdTable

    Raises
    ------
    DoseError
        A line that has not three finite numbers, an angle outside of 0 to 180, angles that are radians, a
        threshold of 0 or less, a point that comes twice, or points that are missing from the grid; the
        message has the line or the point.
    FileFormatError
        It is no regular file.
    OSError
        The file can't be read.

    Examples
    --------
    >>> import tempfile, pathlib
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "mine.csv"
    >>> grid = [(change, theta) for change in (-100, 100) for theta in (0, 90, 180)]
    >>> rows = [f"{change},{theta},{200 - change / 4 + theta / 9}" for change, theta in grid]
    >>> _ = path.write_text("\\n".join(["change,theta,threshold", *rows]))
    >>> table = read_threshold_table(path)
    >>> table.values.shape, float(table.threshold(90, 0))
    ((2, 3), 210.0)
    """
    check_regular(path, DoseError)
    try:
        rows, lines = _rows(read_text(path, DoseError, latin_1="anywhere"))
        change, theta, values = _grid(rows, lines)
        return ThresholdTable(change, theta, values, source=f"{os.fspath(path)}, the user's own")
    except DoseError as problem:
        raise DoseError(f"{os.fspath(path)}: {in_one_line(problem)}") from None


def _rows(text: str) -> tuple[Floats, NDArray[np.intp]]:
    """Return the rows (r, 3) of a table, and the lines (r,) that they stand in."""
    rows: list[list[float]] = []
    lines: list[int] = []
    named = False
    for index, line in enumerate(text.split("\n"), 1):
        words = _words(line.partition("#")[0])
        if not words:
            continue
        if not rows and not named and not any(_is_number(word) for word in words):
            named = True
            continue
        if len(words) != 3:
            raise DoseError(
                f"line {index}: {plural(len(words), 'column', 'columns')} where 3 are needed: "
                f"{', '.join(_COLUMNS)}"
            )
        row = [
            number(word, f"line {index}, {name}", DoseError)
            for word, name in zip(words, _COLUMNS, strict=True)
        ]
        _check_row(row, index)
        rows.append(row)
        lines.append(index)
    if not rows:
        raise DoseError("there are no thresholds in this file")
    return np.array(rows), np.array(lines)


def _words(line: str) -> list[str]:
    """Return the cells of a line; a comma is a decimal one where semicolons or tabs stand between them."""
    for between in (";", "\t"):
        if between in line:
            return [with_point(cell).strip() for cell in line.split(between)]
    return [cell.strip() for cell in line.split(",")] if "," in line else line.split()


def _is_number(word: str) -> bool:
    try:
        number(word, "", DoseError)
    except DoseError:
        return False
    return True


def _check_row(row: list[float], line: int) -> None:
    if not np.isfinite(row).all():
        name, value = next((n, v) for n, v in zip(_COLUMNS, row, strict=True) if not np.isfinite(v))
        raise DoseError(f"line {line}: {name} is {value}")
    if not 0 <= row[1] <= _TURN:
        raise DoseError(
            f"line {line}: θ = {row[1]:g}° is not between 0 and 180 (columns: {', '.join(_COLUMNS)})"
        )
    if row[2] <= 0:
        raise DoseError(f"line {line}: a threshold of {row[2]:g} V/m is not above 0")


def _grid(rows: Floats, lines: NDArray[np.intp]) -> tuple[Floats, Floats, Floats]:
    """Return axes (c,) and (t,) of a table and its values (c, t); raise unless each point is there once."""
    change, i = np.unique(rows[:, 0], return_inverse=True)
    theta, j = np.unique(rows[:, 1], return_inverse=True)
    place = i.reshape(-1) * len(theta) + j.reshape(-1)
    order = np.argsort(place, kind="stable")
    again = np.flatnonzero(np.diff(place[order]) == 0)
    if len(again):
        first, second = lines[order[again[0]]], lines[order[again[0] + 1]]
        change_there, theta_there, _ = rows[order[again[0]]]
        raise DoseError(f"lines {first} and {second} are both of {change_there:g} % and {theta_there:g}°")
    missing = np.setdiff1d(np.arange(len(change) * len(theta)), place)
    if len(missing):
        points = [f"{change[m // len(theta)]:g} % at {theta[m % len(theta)]:g}°" for m in missing[:3]]
        if len(missing) > 3:
            points.append("…")
        raise DoseError(
            f"{len(missing):,} of the {len(change)} × {len(theta)} points of the grid are missing: "
            f"{first_of(points, 4)}; the last line is {lines[-1]}"
        )
    values = np.empty(len(place))
    values[place] = rows[:, 2]
    return change, theta, values.reshape(len(change), len(theta))


def _axis(values: ArrayLike, name: str) -> Floats:
    axis: Floats = finite_array(values, name, DoseError)
    if axis.ndim != 1 or len(axis) < 2 or (np.diff(axis) <= 0).any():
        raise DoseError(f"{name} must be two or more numbers, ascending")
    return axis


def _place(axis: Floats, values: Floats) -> tuple[NDArray[np.intp], Floats]:
    """Return the interval of an axis that values lie in, and how far along it, NaN outside of the axis."""
    i = np.clip(np.searchsorted(axis, values, side="right") - 1, 0, len(axis) - 2)
    x = (values - axis[i]) / (axis[i + 1] - axis[i])
    return i, np.where((values >= axis[0]) & (values <= axis[-1]), x, np.nan)
