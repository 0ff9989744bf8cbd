# SPDX-License-Identifier: BSD-3-Clause
"""What many pulses add up to in each tetrahedron or point of a region, in the memory of one of them."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ...core.arguments import finite_array
from ...errors import ArgumentError, RegionError
from ...heads.selection import same_mesh
from ...regions.region import Region

__all__ = ["Sums", "rows_in"]

Floats = NDArray[np.float64]

_MOST_THRESHOLDS = 100


class Sums:
    """Sums over pulses, and the largest of them.

    Parameters
    ----------
    count : int
        Of tetrahedra or points, p.
    thresholds : float or array_like (t,)
        V/m, each above or equal to 0, of |E| for a pulse to be counted.

    Attributes
    ----------
    thresholds : ndarray (t,) float64
        V/m, as they were given.
    above : ndarray (t, p) int64
        How many pulses had |E| above each threshold.
    total, peak : ndarray (p,) float64
        Σ|E| and the largest |E|, V/m.
    pulses : int
        How many there were.

    Raises
    ------
    ArgumentError
        Thresholds that are negative or not finite, none, or more than a hundred.

    Examples
    --------
    >>> sums = Sums(2, [50.0, 100.0])
    >>> sums.add(np.array([30.0, 60.0]), np.array([1.0, -2.0]))
    >>> sums.above.tolist(), sums.total.tolist(), sums.peak.tolist()
    ([[1, 2], [0, 1]], [90.0, 180.0], [60.0, 120.0])
    """

    def __init__(self, count: int, thresholds: ArrayLike) -> None:
        levels = np.atleast_1d(finite_array(thresholds, "thresholds", ArgumentError))
        if levels.ndim != 1 or not 0 < len(levels) <= _MOST_THRESHOLDS or not (levels >= 0.0).all():
            raise ArgumentError(
                f"thresholds must be up to {_MOST_THRESHOLDS} numbers of V/m, 0 or more, not {thresholds!r}"
            )
        if len({f"{level:g}" for level in levels}) < len(levels):
            raise ArgumentError(f"thresholds: two of {levels.tolist()} V/m are the same to six digits")
        self.thresholds = levels
        self.above = np.zeros((len(levels), count), np.int64)
        self.total, self.peak = np.zeros(count), np.zeros(count)
        self.pulses = 0

    def add(self, magnitude: Floats, scales: Floats, counts: NDArray[np.int64] | None = None) -> None:
        """Add pulses at one pose whose |E| is that much times `magnitude` (p,), V/m.

        Parameters
        ----------
        magnitude : ndarray (p,)
        scales : ndarray (n,)
        counts : ndarray (n,) int64, optional
            How many pulses there are of each scale; by default one.
        """
        sizes, which = np.unique(np.abs(scales), return_inverse=True)
        many = np.bincount(which.reshape(-1), weights=counts, minlength=len(sizes)).astype(np.int64)
        for size, times in zip(sizes[many > 0], many[many > 0], strict=True):
            scaled = size * magnitude
            for above, level in zip(self.above, self.thresholds, strict=True):
                above += times * (scaled > level)
            np.maximum(self.peak, scaled, out=self.peak)
        self.total += (sizes * many).sum() * magnitude
        self.pulses += int(many.sum())


def rows_in(region: Region, part: Region) -> NDArray[np.intp]:
    """Return where in a region the tetrahedra or points of a part of it are, (q,).

    Raises
    ------
    RegionError
        Of another mesh or kind, or some of it is not in the region.

    Examples
    --------
    >>> import headfield as hf
    >>> ball = hf.sphere_mesh([70, 80], tags=[2, 5], edge_mm=20)
    >>> gray = hf.regions.tissue(ball, 2)
    >>> rows_in(gray, gray.part(gray.centres_mm[:, 2] > 50.0)).shape == ((gray.centres_mm[:, 2] > 50).sum(),)
    True
    """
    if not same_mesh(region.mesh, part.mesh) or region.is_volume != part.is_volume:
        raise RegionError(f"the target {part!r} must be a part of {region!r}, of the same mesh and kind")
    whole, some = (_keys(one) for one in (region, part))
    order = np.lexsort(whole.T[::-1])
    _, number = np.unique(np.concatenate([whole[order], some]), axis=0, return_inverse=True)
    number = number.reshape(-1)
    at = np.full(int(number.max(initial=-1)) + 1, -1, np.intp)
    at[number[: len(whole)]] = order
    rows = at[number[len(whole) :]]
    if (rows < 0).any():
        raise RegionError(
            f"{(rows < 0).sum():,} of the {len(part):,} tetrahedra or points of the target are not in "
            f"{region!r}, where E is given"
        )
    return rows


def _keys(region: Region) -> Floats:
    if region.barycentric is None:
        return region.elements[:, None].astype(np.float64)
    return np.column_stack([region.elements, region.barycentric])
