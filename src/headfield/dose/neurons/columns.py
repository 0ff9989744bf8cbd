# SPDX-License-Identifier: BSD-3-Clause
"""How E changes across the cortex: relative change of |E| between layers, and its gradient along columns."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ...core.arguments import whole
from ...errors import ArgumentError, DoseError
from ...fields.field import Field
from ...regions.columns import Columns
from .given import given_field

__all__ = ["gradient_along_columns", "relative_change"]

Floats = NDArray[np.float64]


def relative_change(
    field: Field | ArrayLike,
    columns: Columns,
    *,
    outer: int = -1,
    inner: int = 0,
    relative_to: str = "outer",
) -> Floats:
    """Return how |E| changes from an outer to an inner layer: 100 (|E_inner| − |E_outer|) / reference.

    In %. With layers 1 and 6 as outer and inner it is what tables of thresholds are by (`ThresholdTable`).
    Which sign and which reference a table has was not seen: compare with where it is from, and change the
    sign if it has the other one. Of a field that falls with depth it is negative: −100 % where nothing is
    left.

    Parameters
    ----------
    field : Field, or array_like (d·p, 3) or (k, d·p, 3)
        E, V/m, at `columns.region`, solved there (`roi`), recovered for smooth numbers; or a field
        of the whole head, whose E is that of the tetrahedra around the points.
    columns : Columns
        Of at least two depths, see `headfield.regions.Cortex.columns`.
    outer, inner : int
        Which of the depths, as indices; by default the last and the first, which are the outermost and the
        innermost.
    relative_to : {"outer", "inner", "mean"}
        The reference: |E| of one of the layers, or the mean of both.

    Returns
    -------
    ndarray (k, p) float64
        %; NaN in columns that end before one of their depths, see `Columns.missed`.

    Raises
    ------
    DoseError
        E of another shape or not finite; the reference is 0 somewhere.
    ArgumentError
        No such depth, twice the same one, or another reference.

    Examples
    --------
    >>> import headfield as hf
    >>> head = hf.sphere_mesh(radii_mm=[70, 78, 90], tags=[1, 2, 5], edge_mm=10)
    >>> columns = hf.regions.Cortex(head).columns([0.15, 0.94])
    >>> E = 1e-3 * np.linalg.norm(columns.region.centres_mm, axis=1, keepdims=True) ** 3 * [0, 0, 1]
    >>> change = hf.dose.relative_change(E, columns)  # radii of 77.5 mm and 71.1 mm
    >>> change.shape[0], float(np.median(change).round()), round(100 * ((71.1 / 77.5) ** 3 - 1))
    (1, -23.0, -23)
    """
    E = _by_depth(field, columns)
    d = len(columns.depths)
    o, i = (_index(which, d, name) for which, name in ((outer, "outer"), (inner, "inner")))
    if o == i:
        raise ArgumentError(f"outer and inner are both depth {o}: a change needs two of the {d} depths")
    if relative_to not in ("outer", "inner", "mean"):
        raise ArgumentError(f"relative_to must be 'outer', 'inner' or 'mean', not {relative_to!r}")
    outside, inside = _magnitude(E[:, o]), _magnitude(E[:, i])
    reference = {"outer": outside, "inner": inside, "mean": 0.5 * (outside + inside)}[relative_to]
    known = ~columns.missed
    if not (reference[:, known] > 0).all():
        raise DoseError(f"|E| is 0 at {int((reference == 0).sum()):,} points: there is no relative change")
    change = np.full(reference.shape, np.nan)
    change[:, known] = 100.0 * (inside - outside)[:, known] / reference[:, known]
    return change


def gradient_along_columns(field: Field | ArrayLike, columns: Columns) -> Floats:
    """Return the slope of E·n along columns, d(E·n)/dn, between each two depths that follow, V/m per mm.

    n is the direction from the lower to the upper of the two points, and the slope the difference of E·n over
    their distance: that of a field that is linear between them, exactly. It is what a straight axis that
    stands on the cortex has as activating function; `activating_function` has that of streamlines, in V/m².

    Parameters
    ----------
    field, columns
        As for `relative_change`.

    Returns
    -------
    ndarray (k, d − 1, p) float64
        V/m per mm; NaN in columns that end before one of their depths, see `Columns.missed`.

    Raises
    ------
    DoseError
        E of another shape or not finite.
    ArgumentError
        Less than two depths.

    Examples
    --------
    The field of a linear potential's gradient, E = G x, has the slope nᵀGn:

    >>> import headfield as hf
    >>> head = hf.sphere_mesh(radii_mm=[70, 78, 90], tags=[1, 2, 5], edge_mm=10)
    >>> columns = hf.regions.Cortex(head).columns([0.15, 0.5, 0.94])
    >>> G = np.diag([1.0, 2.0, -3.0])
    >>> slope = hf.dose.gradient_along_columns(columns.region.centres_mm @ G.T, columns)
    >>> n = columns.points_mm[1] - columns.points_mm[0]
    >>> n /= np.linalg.norm(n, axis=1, keepdims=True)
    >>> bool(np.allclose(slope[0, 0], np.einsum("pi,ij,pj->p", n, G, n)))
    True
    """
    E, points = _by_depth(field, columns), columns.points_mm
    if len(points) < 2:
        raise ArgumentError("a gradient along columns needs two depths or more")
    way = np.diff(points, axis=0)
    square = np.einsum("dpj,dpj->dp", way, way)
    change = np.einsum("kdpj,dpj->kdp", np.diff(E, axis=1), way)
    known = (square > 0) & ~columns.missed
    return np.asarray(np.where(known, change / np.where(known, square, 1.0), np.nan))


def _by_depth(field: Field | ArrayLike, columns: Columns) -> Floats:
    """Return E at the points of columns, (k, d, p, 3) float64."""
    if not isinstance(columns, Columns):
        raise ArgumentError(
            f"columns must be Columns (see headfield.regions.Cortex), not {type(columns).__name__}"
        )
    mine: Any = None if isinstance(field, Field) and field.region is not None else columns.region
    E, region = given_field(field, mine)
    if region is not columns.region and (region is None or len(region) != len(columns.region)):
        raise DoseError(f"E has {E.shape[1]:,} places, the columns have {len(columns.region):,}")
    return np.asarray(columns.split(E), np.float64)


def _magnitude(E: Floats) -> Floats:
    return np.asarray(np.sqrt(np.einsum("kpj,kpj->kp", E, E)))


def _index(which: int, d: int, name: str) -> int:
    """Return the index of a depth, counted from 0; negative ones count from the end."""
    return whole(which, name, ArgumentError, d - 1, -d) % d
