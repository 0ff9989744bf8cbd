# SPDX-License-Identifier: BSD-3-Clause
"""Distances of casings from the scalp at very many poses, from a lattice of signed distances."""

from __future__ import annotations

from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..core.arguments import finite_number, vectors
from ..core.device import cpu
from ..errors import CoilError, PoseError
from ..geometry.surface import Surface
from ..poses.pose import check_poses
from .touching import TouchingPoints

__all__ = ["ScalpField", "scalp_field"]

Floats = NDArray[np.float64]

_COARSE = 4  # steps of the lattice that is asked first
_DEEP_MM, _FAR_MM = 10.0, 30.0  # inside and outside: so far the distances of the fine lattice are exact
_MOST_VALUES = 40_000_000
_FARTHEST_MM = 40.0  # of a lift
_MOST_CLEAR_MM = 10.0
_LIFT_TOLERANCE = 1e-3  # of the spacing, as the native search has it
_ROUNDING_MM = 1e-3  # values are kept as float32


class ScalpField:
    """The signed distance from the scalp on a lattice, interpolated trilinearly, for millions of poses.

    The interpolate lies within the half diagonal of a cell of the distance, √3/2 of the spacing, because a
    distance changes by no more than the way; on smooth parts of a scalp it is much closer. That holds from
    10 mm inside the scalp to 30 mm outside, within `reach_mm` of the box around the head. Deeper and farther
    a lattice four times as coarse is taken, so
    that a distance there is only known to be so deep or so far. Beyond the lattice the distance is that of
    its nearest point, which is never more than the distance itself.

    Parameters
    ----------
    surface : Surface
        The scalp: closed, normals outward.
    spacing_mm : float
        Of the lattice, 0.5 to 10 mm.
    reach_mm : float
        How far the lattice goes beyond the box around the head, mm, 0 to 100.

    Attributes
    ----------
    error_mm : float
        The bound of the error of a distance between −10 mm and the smaller of 30 mm and `reach_mm`.
    low_mm : ndarray (3,)
        The first point of the lattice.
    spacing_mm : float
    values_mm : ndarray (nx, ny, nz) float32

    Raises
    ------
    PoseError
        Numbers out of range, or too many points for the memory of a small machine: is the scalp in mm?

    Examples
    --------
    >>> import headfield as hf
    >>> scalp = hf.skin(hf.sphere_mesh(radii_mm=[80, 90], tags=[2, 5], edge_mm=10))
    >>> field = ScalpField(scalp)
    >>> over = np.diag([1.0, -1.0, -1.0, 1.0])  # z down
    >>> over[2, 3] = 95
    >>> plate = hf.Casing([[-9, -9, -1], [9, -9, -1], [0, 9, -1]], [[0, 1, 2]])
    >>> field.clearance(plate.points_mm, over).round(), field.lifts(plate, over, 8.0).round()
    (array([7.]), array([2.]))
    """

    def __init__(self, surface: Surface, spacing_mm: float = 3.0, reach_mm: float = 15.0) -> None:
        spacing = finite_number(spacing_mm, "spacing_mm", PoseError)
        reach = finite_number(reach_mm, "reach_mm", PoseError)
        if not 0.5 <= spacing <= 10.0:
            raise PoseError(f"spacing_mm = {spacing_mm!r} must be between 0.5 and 10")
        if not 0.0 <= reach <= 100.0:
            raise PoseError(f"reach_mm = {reach_mm!r} must be between 0 and 100")
        low = surface.nodes_mm.min(axis=0) - reach
        # A whole number of coarse cells, so that no fine point lies beyond the coarse ones.
        cells = np.ceil((np.ptp(surface.nodes_mm, axis=0) + 2 * reach) / (_COARSE * spacing)) + 1e-6
        shape = np.maximum(cells, 1).astype(np.float64).round() * _COARSE + 1
        if shape.prod() > _MOST_VALUES:
            raise PoseError(
                f"a lattice of {spacing:g} mm around the scalp has {shape.prod():.3g} points, more than "
                f"{_MOST_VALUES:,}: is the surface in mm?"
            )
        self.low_mm, self.spacing_mm = low, spacing
        self.error_mm = 0.5 * 3**0.5 * spacing + _ROUNDING_MM
        self.values_mm = _distances(surface, low, spacing, shape.astype(np.intp))
        self._lattice = cpu.DistanceLattice(self.values_mm, low, spacing)

    def distance(self, points_mm: ArrayLike) -> Floats:
        """Interpolate the signed distance (p,) at points (p, 3), mm."""
        points = vectors(points_mm, "points_mm", PoseError)
        places = np.tile(np.eye(4), (len(points), 1, 1))
        places[:, :3, 3] = points
        return self._lattice.least(np.zeros((1, 3)), places)

    def clearance(self, points_mm: ArrayLike, poses: ArrayLike) -> Floats:
        """Return the least interpolated distance (k,) of a coil's points at each pose, negative inside.

        Parameters
        ----------
        points_mm : array_like (c, 3)
            In the coil frame, mm.
        poses : array_like (4, 4) or (k, 4, 4)
            Coil to head, mm.

        Returns
        -------
        ndarray (k,) float64, mm
            Where it is between −10 and 30 mm it is that of the points to `error_mm`.

        Raises
        ------
        CoilError
            Not (c, 3) finite numbers, or no points.
        PoseError
            Not rigid placements.
        """
        points = np.ascontiguousarray(vectors(points_mm, "points_mm", CoilError))
        if not len(points):
            raise CoilError("points_mm holds no points")
        return self._lattice.least(points, np.ascontiguousarray(check_poses(poses)))

    def lifts(self, casing: object, poses: ArrayLike, clear_mm: float) -> Floats:
        """Return how far each coil has to move along its −z until its casing is off the scalp.

        Parameters
        ----------
        casing : Casing, Coil or TouchingPoints
            Of a casing its `TouchingPoints` are taken.
        poses : array_like (4, 4) or (k, 4, 4)
            Coil to head, mm.
        clear_mm : float
            How far off, mm, 0 to 10.

        Returns
        -------
        ndarray (k,) float64, mm
            0 where the casing is as far off already, not a number where it is not within 40 mm. After it
            `casing_distance` is `clear_mm` to `error_mm` of the field and `cover_mm` of the points.

        Raises
        ------
        CoilError
            See `casing_distance`.
        PoseError
            Not rigid placements, or `clear_mm` out of range.
        """
        clear = finite_number(clear_mm, "clear_mm", PoseError)
        if not 0 <= clear <= _MOST_CLEAR_MM:
            raise PoseError(f"clear_mm = {clear_mm!r} must be between 0 and {_MOST_CLEAR_MM:g}")
        touching = casing if isinstance(casing, TouchingPoints) else TouchingPoints.of(casing)
        placements = np.ascontiguousarray(check_poses(poses))
        return self._lattice.lifts(touching.points_mm, placements, clear, _FARTHEST_MM)


_KEPT: WeakKeyDictionary[Surface, ScalpField] = WeakKeyDictionary()


def scalp_field(surface: Surface) -> ScalpField:
    """Return the `ScalpField` of a scalp at its default spacing, kept: a second's work on a large head."""
    field = _KEPT.get(surface)
    if field is None:
        field = _KEPT[surface] = ScalpField(surface)
    return field


def _distances(surface: Surface, low: Floats, step: float, shape: NDArray[np.intp]) -> NDArray[np.float32]:
    """Return signed distances on a lattice, where they are far from 0 interpolated from a coarse one."""
    coarse = surface.signed_distance(_points(low, _COARSE * step, (shape - 1) // _COARSE + 1))
    values = _refined(coarse.reshape((shape - 1) // _COARSE + 1))
    doubt = 0.5 * 3**0.5 * _COARSE * step
    near = np.flatnonzero((values > -_DEEP_MM - doubt) & (values < _FAR_MM + doubt))
    index = np.stack(np.unravel_index(near, values.shape), axis=1)
    values.ravel()[near] = surface.signed_distance(low + step * index)
    return values.astype(np.float32)


def _points(low: Floats, step: float, shape: NDArray[np.intp]) -> Floats:
    axes = [low[d] + step * np.arange(shape[d]) for d in range(3)]
    return np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, 3)


def _refined(coarse: Floats) -> Floats:
    """Interpolate values on a lattice linearly along each axis onto one with steps a quarter as long."""
    for axis in range(3):
        first = np.moveaxis(coarse, axis, 0)
        share = (np.arange(_COARSE) / _COARSE)[:, None, None]
        between = first[:-1, None] * (1.0 - share) + first[1:, None] * share
        whole = np.concatenate([between.reshape(-1, *first.shape[1:]), first[-1:]])
        coarse = np.moveaxis(whole, 0, axis)
    return np.ascontiguousarray(coarse)
