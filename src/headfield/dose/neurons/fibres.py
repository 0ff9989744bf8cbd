# SPDX-License-Identifier: BSD-3-Clause
"""What E does along fibres: the activating function d(E·t)/ds, and E·t at both ends."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ...core.arguments import plain_array
from ...core.device import on_host
from ...core.messages import plural
from ...errors import ArgumentError, DoseError
from ...fields.field import Field
from .about import FIBRES, ThresholdModel
from .given import given_field
from .streamlines import PlacedStreamlines, Streamlines

__all__ = ["FibreActivation", "activating_function"]

Floats = NDArray[np.float64]
Singles = NDArray[np.float32]

_MM = 1e-3  # m
_TURN = 1e-6  # a tangent that is shorter, where 1 is a straight line's, has no direction


class FibreActivation:
    """E along n points of s streamlines in k poses, as `activating_function` makes it. Research use.

    Attributes
    ----------
    streamlines : Streamlines
    along : ndarray (k, n) float32
        E·t, V/m; t is the unit tangent from the first to the last point of a streamline.
    activating : ndarray (k, n) float32
        d(E·t)/ds, V/m² (1 V/m per mm is 1000 V/m²). The membrane is driven by −d(E·t)/ds: it depolarises
        where this is negative.
    n_outside : int
        Points where E·t is not known: those outside of the head, and those where a line turns back on itself
        and has no tangent. They are NaN, as is a slope that takes one.
    about : ThresholdModel
        Its papers, its units, what it was validated on, what it does not say.
    """

    about: ThresholdModel = FIBRES

    def __init__(self, streamlines: Streamlines, along: Singles, activating: Singles, n_outside: int) -> None:
        self.streamlines, self.along, self.activating = streamlines, along, activating
        self.n_outside = n_outside
        for array in (along, activating):
            array.flags.writeable = False

    def __len__(self) -> int:
        return len(self.along)

    def __repr__(self) -> str:
        poses, outside = plural(len(self), "pose", "poses"), plural(self.n_outside, "point", "points")
        return f"<FibreActivation of {self.streamlines!r} in {poses}, {outside} outside>"

    @property
    def ends(self) -> Singles:
        """E·t at the first and last point of each streamline, t pointing out of it, (k, s, 2) float32, V/m.

        A fibre that ends there, such as an axon at its terminal, is polarised by λ E·t, λ being its length
        constant: depolarised where it is positive. One that goes on beyond its streamline is not.
        """
        lines = self.streamlines
        return np.stack([-self.along[:, lines.starts], self.along[:, lines.ends]], axis=2)

    @property
    def strongest(self) -> Singles:
        """The most negative d(E·t)/ds of each streamline, (k, s) float32, V/m²; NaN where none is known."""
        known = np.where(np.isnan(self.activating), np.float32(np.inf), self.activating)
        least = np.minimum.reduceat(known, self.streamlines.starts, axis=1)
        return np.where(np.isinf(least), np.float32(np.nan), least)


def activating_function(
    field: Field | ArrayLike, streamlines: Streamlines | PlacedStreamlines
) -> FibreActivation:
    """Compute E·t and d(E·t)/ds along streamlines: what drives the membrane of a fibre, and of its ends.

    Tangents and slopes are those of the parabola through a point and its two neighbours over the length of
    the polyline: exact for an E that is linear along a straight line, however its points are spaced, and
    otherwise off by their spacing squared. At the ends it is the parabola through the first, or last, three.

    E should be recovered (`recovery="interface"`, or a zoom): that of linear elements jumps from one
    tetrahedron to the next, and its slope along a line is mostly these jumps.

    Parameters
    ----------
    field : Field, or array_like (n, 3) or (k, n, 3)
        E, V/m: solved at the points of placed streamlines (`roi=placed.region`); of a whole head, where E is
        that of the tetrahedron around each point; or as an array, at all points of the streamlines, NaN where
        it is not known.
    streamlines : Streamlines or PlacedStreamlines
        Placed ones (`Streamlines.within`) for a Field.

    Returns
    -------
    FibreActivation

    Raises
    ------
    DoseError
        E of another shape, or infinite.
    ArgumentError, RegionError
        Something else than streamlines; a field that was solved in another region.

    Examples
    --------
    E = G x along a straight line has the slope tᵀGt; G in V/m per mm, the slope in V/m²:

    >>> G = np.diag([1.0, -2.0, 1.0])
    >>> lines = Streamlines.of([[[0, 0, 0], [0, 1, 0], [0, 3, 0], [0, 4, 0]]])
    >>> found = activating_function(lines.points_mm @ G.T, lines)
    >>> found.activating.tolist(), found.ends.tolist()
    ([[-2000.0, -2000.0, -2000.0, -2000.0]], [[[-0.0, -8.0]]])
    """
    placed = streamlines if isinstance(streamlines, PlacedStreamlines) else None
    lines: Any = streamlines if placed is None else placed.streamlines
    if not isinstance(lines, Streamlines):
        raise ArgumentError(
            f"streamlines must be Streamlines, see read_streamlines, not {type(lines).__name__}"
        )
    E, inside = _at_points(field, lines, placed)
    stencil = _Stencil(lines)
    tangent = stencil.slope(lines.points_mm)
    length = np.linalg.norm(tangent, axis=1, keepdims=True)
    tangent /= np.where(length > _TURN, length, np.nan)
    n = len(lines.points_mm)
    along, activating = (np.empty((len(E), n), np.float32) for _ in range(2))
    for pose in range(len(E)):
        field_there = np.full((n, 3), np.nan)
        field_there[inside] = E[pose]
        component = np.einsum("nj,nj->n", field_there, tangent)
        along[pose], activating[pose] = component, stencil.slope(component) / _MM
    unknown = int(np.isnan(along).any(axis=0).sum())
    return FibreActivation(lines, along, activating, unknown)


def _at_points(
    field: Field | ArrayLike, lines: Streamlines, placed: PlacedStreamlines | None
) -> tuple[NDArray[Any], NDArray[np.bool_]]:
    """Return E (k, i, 3) at the points that are inside, and which of all these are (n,)."""
    if isinstance(field, Field):
        if placed is None:
            raise ArgumentError("a field needs placed streamlines: streamlines.within(mesh)")
        solved_there = field.region is not None
        E, region = given_field(field, None if solved_there else placed.region)
        assert region is not None
        if len(region) != len(placed.region) or not np.array_equal(region.elements, placed.region.elements):
            raise ArgumentError(f"the field was solved in {region!r}, not at the points of the streamlines")
        return E, placed.inside
    E = plain_array(on_host(field), "E", DoseError)
    E = E[None] if E.ndim == 2 else E
    n = len(lines.points_mm)
    inside = np.ones(n, bool)
    if placed is not None and E.ndim == 3 and E.shape[1] == len(placed.region) != n:
        inside = placed.inside
    if E.ndim != 3 or E.shape[1:] != (int(inside.sum()), 3) or E.dtype.kind not in "fiu":
        raise DoseError(
            f"E must have the shape ({n}, 3) or (k, {n}, 3), of real numbers, not {E.dtype} of {E.shape}"
        )
    if np.isinf(E).any():
        raise DoseError(f"E is infinite in {int(np.isinf(E).any(axis=2).sum()):,} places")
    return E, inside


class _Stencil:
    """Derivatives by the length of polylines, at each point from three of them."""

    def __init__(self, lines: Streamlines) -> None:
        points, starts, ends = lines.points_mm, lines.starts, lines.ends
        step = np.zeros(len(points))
        step[1:] = np.linalg.norm(np.diff(points, axis=0), axis=1)
        count = ends - starts + 1
        line = np.repeat(np.arange(len(starts)), count)
        at = np.arange(len(points))
        length = np.cumsum(step)
        # The three points: neighbours of inner ones, the first or last three of the line at its ends.
        middle = np.clip(at, starts[line] + 1, np.maximum(ends[line] - 1, starts[line] + 1))
        self._points = np.stack([middle - 1, middle, np.minimum(middle + 1, ends[line])])
        a, b, c = length[self._points] - length[at]
        two = (count == 2)[line]
        with np.errstate(divide="ignore", invalid="ignore"):
            weights = np.stack(
                [
                    -(b + c) / ((a - b) * (a - c)),
                    -(a + c) / ((b - a) * (b - c)),
                    -(a + b) / ((c - a) * (c - b)),
                ]
            )
            between = 1.0 / (b - a)
        self._weights = np.where(two, np.stack([-between, between, np.zeros_like(between)]), weights)

    def slope(self, values: Floats) -> Floats:
        """Return the derivative of values (n,) or (n, 3) at each point."""
        shape = (-1, *[1] * (values.ndim - 1))
        return np.asarray(
            sum(w.reshape(shape) * values[at] for w, at in zip(self._weights, self._points, strict=True))
        )
