# SPDX-License-Identifier: BSD-3-Clause
"""Fields on grids of voxels: signed distances, closings, smoothing, and sampling on another grid."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ...core.device import cpu

__all__ = ["closed", "filled", "sampled", "signed_distance", "smoothed"]

Field = NDArray[np.float32]
Mask = NDArray[np.bool_]

_REACH = 3.0  # standard deviations of a Gaussian that are summed


def signed_distance(mask: Mask, spacing_mm: Sequence[float]) -> Field:
    """Return the distance of each voxel's centre to the boundary of a mask, mm, negative inside.

    The boundary lies halfway between the centres of voxels, so half a voxel is taken off the distance to the
    nearest centre on its other side.

    Examples
    --------
    >>> signed_distance(np.array([0, 0, 1, 1, 0, 0], bool)[:, None, None], (2, 2, 2)).ravel().tolist()
    [3.0, 1.0, -1.0, -1.0, 1.0, 3.0]
    """
    half = np.float32(0.5 * np.mean(spacing_mm))
    spacing, there = list(spacing_mm), np.ascontiguousarray(mask)
    inside = cpu.distance((~there).view(np.uint8), spacing)
    return np.where(there, half - inside, cpu.distance(there.view(np.uint8), spacing) - half)


def closed(mask: Mask, radius_mm: float, spacing_mm: Sequence[float]) -> Field:
    """Return the signed distance, mm, to the closing of a mask by a ball: dents narrower than it are filled.

    The grid must reach farther than the radius beyond the mask.
    """
    grown = signed_distance(mask, spacing_mm) <= radius_mm
    return signed_distance(grown, spacing_mm) + np.float32(radius_mm)


def filled(mask: Mask) -> Mask:
    """Return a mask with its holes: what can't be reached from the border of the grid along its axes.

    Examples
    --------
    >>> ring = np.ones((5, 5, 5), bool)
    >>> ring[2, 2, 2] = False
    >>> bool(filled(np.pad(ring, 1))[3, 3, 3])
    True
    """
    outside = np.zeros_like(mask)
    for axis in range(3):
        faces = np.moveaxis(outside, axis, 0)
        faces[[0, -1]] = ~np.moveaxis(mask, axis, 0)[[0, -1]]
    reached = -1
    while (count := int(outside.sum())) != reached:
        reached = count
        for axis in range(3):
            for step in (1, -1):
                view = np.moveaxis(outside, axis, 0)[::step]
                _spread(view, np.moveaxis(mask, axis, 0)[::step])
    return ~outside


def _spread(outside: Mask, mask: Mask) -> None:
    """Carry `outside` along the first axis, in place, up to the next voxel of the mask."""
    index = np.arange(len(mask), dtype=np.int32)[:, None, None]
    last_outside = np.maximum.accumulate(np.where(outside, index, -1))
    last_mask = np.maximum.accumulate(np.where(mask, index, -1))
    outside |= last_outside > last_mask


def smoothed(field: Field, sigma_mm: float, spacing_mm: Sequence[float]) -> Field:
    """Return a field after a Gaussian of that standard deviation; beyond the border it is constant."""
    for axis, spacing in enumerate(spacing_mm):
        reach = int(np.ceil(_REACH * sigma_mm / spacing))
        weights = np.exp(-0.5 * (np.arange(-reach, reach + 1) * spacing / sigma_mm) ** 2)
        along = np.moveaxis(field, axis, 0)
        padded = np.pad(along, [(reach, reach), (0, 0), (0, 0)], mode="edge")
        total = np.zeros_like(along)
        for shift, weight in enumerate(weights / weights.sum()):
            total += np.float32(weight) * padded[shift : shift + len(along)]
        field = np.moveaxis(total, 0, axis)
    return np.ascontiguousarray(field)


def sampled(field: Field, positions: Sequence[NDArray[np.float64]]) -> Field:
    """Sample a field by trilinear interpolation on the grid that positions along its axes span.

    Parameters
    ----------
    field : ndarray (nx, ny, nz) float32
    positions : three ndarrays (mx), (my), (mz) float64
        In voxels of the field; those beyond its border get what it has on the border.

    Returns
    -------
    ndarray (mx, my, mz) float32

    Examples
    --------
    >>> ramp = np.arange(3, dtype=np.float32)[:, None, None] * np.ones((1, 2, 2), np.float32)
    >>> sampled(ramp, [np.array([0.5, 1.25, 9.0]), np.zeros(1), np.ones(1)]).ravel().tolist()
    [0.5, 1.25, 2.0]
    """
    for axis, position in enumerate(positions):
        n = field.shape[axis]
        at = np.clip(position, 0, n - 1)
        low = np.minimum(at.astype(np.int64), max(n - 2, 0))
        high = np.minimum(low + 1, n - 1)
        weight = (at - low).astype(np.float32).reshape([-1 if i == axis else 1 for i in range(3)])
        below, above = np.take(field, low, axis), np.take(field, high, axis)
        field = below + weight * (above - below)
    return field
