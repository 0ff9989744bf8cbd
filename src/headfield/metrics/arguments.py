# SPDX-License-Identifier: BSD-3-Clause
"""Check what the metrics are given; arrays are returned as float64, on the device where the field lies."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..core.arguments import finite_array, plain_array, positive, within
from ..core.device import beside, is_on_gpu, on_host
from ..core.messages import plural
from ..errors import ArgumentError

__all__ = [
    "centres",
    "depths",
    "fraction_of",
    "magnitudes",
    "percents_of",
    "refuse",
    "strengths",
    "target_mask",
    "unit_vectors",
    "vector_field",
    "weighted",
]


def magnitudes(magnitude: Any) -> Any:
    """Check one number per element, (m,) or (k, m), V/m."""
    values = _finite(magnitude, "magnitude")
    if values.ndim not in (1, 2) or not values.size:
        raise ArgumentError(f"magnitude must have the shape (m,) or (k, m), not {values.shape}")
    return values


def vector_field(E: Any) -> Any:
    """Check one vector per element, (m, 3) or (k, m, 3), V/m."""
    values = _finite(E, "E")
    if values.ndim not in (2, 3) or values.shape[-1] != 3 or not values.size:
        raise ArgumentError(f"E must have the shape (m, 3) or (k, m, 3), not {values.shape}")
    return values


def weighted(magnitude: Any, weights: Any) -> tuple[Any, Any]:
    """Check magnitudes as `magnitudes` does, and their weights (m,), which are put on the same device."""
    values, w = magnitudes(magnitude), finite_array(on_host(weights), "weights", ArgumentError)
    if w.shape != values.shape[-1:]:
        raise ArgumentError(f"weights must have the shape {values.shape[-1:]}, not {w.shape}")
    if (w < 0).any() or not w.any():
        raise ArgumentError("weights must be 0 or more, and some of them more than 0")
    return values, beside(values, w)


def strengths(magnitude: Any, weights: Any) -> tuple[Any, Any]:
    """Check magnitudes and weights as `weighted` does, and that no magnitude is negative."""
    values, w = weighted(magnitude, weights)
    negative = int((values < 0).sum())
    if negative:
        least = float(values.min())
        raise ArgumentError(
            f"magnitude: {negative} of {values.size} values are negative, the least {least:.4g}"
        )
    return values, w


def centres(centres_mm: Any, m: int) -> NDArray[np.float64]:
    """Check the places of m elements, (m, 3), mm; on the host."""
    places = finite_array(on_host(centres_mm), "centres_mm", ArgumentError)
    if places.shape != (m, 3):
        raise ArgumentError(f"centres_mm must have the shape ({m}, 3), not {places.shape}")
    return places


def depths(depth_mm: Any, m: int) -> NDArray[np.float64]:
    """Check the depths of m elements, (m,), mm; on the host."""
    depth = finite_array(on_host(depth_mm), "depth_mm", ArgumentError)
    if depth.shape != (m,):
        raise ArgumentError(f"depth_mm must have the shape ({m},), not {depth.shape}")
    if (depth < 0).any():
        raise ArgumentError(
            f"depth_mm: {(depth < 0).sum()} of {m} values are negative, the least {depth.min():.4g} mm"
        )
    return depth


def unit_vectors(vectors: Any, name: str, m: int) -> NDArray[np.float64]:
    """Scale directions (3,) or (m, 3) to length 1; on the host."""
    v = finite_array(on_host(vectors), name, ArgumentError)
    if v.shape not in ((3,), (m, 3)):
        raise ArgumentError(f"{name} must have the shape (3,) or ({m}, 3), not {v.shape}")
    largest = np.abs(v).max(axis=-1, keepdims=True)
    zero = np.flatnonzero(largest == 0)
    if len(zero):
        raise ArgumentError(f"{name}: {len(zero)} of {largest.size} vectors are zero, the first [{zero[0]}]")
    v = v / largest  # the squares of very large or small components would overflow or vanish
    return v / np.linalg.norm(v, axis=-1, keepdims=True)


def target_mask(target: Any, values: Any, w: Any) -> Any:
    """Check a mask (m,) of elements that have some weight; put it on the device of the values."""
    mask = plain_array(on_host(target), "target", ArgumentError)
    if mask.dtype != bool or mask.shape != w.shape:
        raise ArgumentError(
            f"target must be a mask of bool in the shape {w.shape}, not {mask.dtype} in {mask.shape}"
        )
    inside = beside(values, mask)
    if not bool((w * inside).any()):
        raise ArgumentError(
            f"target is empty: {plural(int(mask.sum()), 'element', 'elements')} of weight 0 in all"
        )
    return inside


def fraction_of(fraction: Any) -> float:
    """Check a share of a peak: above 0, at most 1."""
    return within(positive(fraction, "fraction", ArgumentError), "fraction", ArgumentError, 0.0, 1.0)


def percents_of(percents: Any) -> NDArray[np.float64]:
    """Check numbers from 0 to 100, () or (q,)."""
    q = finite_array(percents, "percents", ArgumentError)
    if q.ndim > 1 or q.min(initial=0) < 0 or q.max(initial=0) > 100:
        raise ArgumentError(f"percents must be numbers from 0 to 100, not {percents!r}")
    return q


def refuse(bad: Any, what: str) -> None:
    """Raise an error if some poses are `bad` () or (k,); it says how many."""
    poses = np.ravel(on_host(bad))
    if poses.any():
        raise ArgumentError(f"{what}, in {poses.sum()} of {len(poses)} poses, the first [{poses.argmax()}]")


def _finite(values: Any, name: str) -> Any:
    """Check that values are finite; return them as float64 in C order, on their device."""
    if not is_on_gpu(values):
        return finite_array(values, name, ArgumentError)
    there = values.astype(np.float64, order="C")
    if not bool(np.isfinite(there).all()):
        raise ArgumentError(f"{name}: some values are not finite")
    return there
