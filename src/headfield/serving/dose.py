# SPDX-License-Identifier: BSD-3-Clause
"""What many pulses add up to in each tetrahedron or point of a region, in the memory of one of them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..errors import RegionError
from ..heads.selection import same_mesh
from ..regions.region import Region

__all__ = ["Dose", "rows_in"]

Floats = NDArray[np.float64]


class Dose:
    """Sums over pulses, and the largest of them.

    Parameters
    ----------
    count : int
        Of tetrahedra or points, p.
    threshold : float
        V/m, of |E| for a pulse to be counted.

    Attributes
    ----------
    pulses : ndarray (p,) int64
        How many had |E| above the threshold.
    total, peak : ndarray (p,) float64
        Σ|E| and the largest |E|, V/m.

    Examples
    --------
    >>> dose = Dose(2, threshold=50.0)
    >>> dose.add(np.array([30.0, 60.0]), np.array([1.0, -2.0]))
    >>> dose.pulses.tolist(), dose.total.tolist(), dose.peak.tolist()
    ([1, 2], [90.0, 180.0], [60.0, 120.0])
    """

    def __init__(self, count: int, threshold: float) -> None:
        self.threshold = threshold
        self.pulses = np.zeros(count, np.int64)
        self.total, self.peak = np.zeros(count), np.zeros(count)

    def add(self, magnitude: Floats, scales: Floats) -> None:
        """Add pulses at one pose whose |E| is that much times `magnitude` (p,), V/m."""
        sizes, times = np.unique(np.abs(scales), return_counts=True)
        for size, many in zip(sizes, times, strict=True):
            self.pulses += many * (size * magnitude > self.threshold)
        self.total += np.abs(scales).sum() * magnitude
        np.maximum(self.peak, sizes[-1] * magnitude, out=self.peak)


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
