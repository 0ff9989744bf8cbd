# SPDX-License-Identifier: BSD-3-Clause
"""Numbers that are made of fields: differences between two of them, and what users report of one.

Pure functions of arrays. `magnitude` is |E| per tetrahedron, V/m, of one pose (m,) or of k poses (k, m); the
results then have the shape () or (k,). A `magnitude` on a GPU, CuPy's, is reduced there, and the result is
CuPy's too.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from headfield._backend import beside, is_on_gpu, on_host
from headfield._real import finite_array
from headfield.errors import HeadfieldError

__all__ = ["Peak", "focality", "ln_mag", "peak", "percentiles", "rdm", "relative_l2", "roi_mean"]


class Peak(NamedTuple):
    """The largest value, its element and the place of that element (mm)."""

    value: np.ndarray
    element: np.ndarray
    place_mm: np.ndarray


def rdm(a: ArrayLike, b: ArrayLike) -> float:
    """Relative difference measure ‖a/‖a‖ − b/‖b‖‖: 0 (same topography) to 2 (opposite).

    All elements and components stacked (Meijs et al., IEEE Trans. Biomed. Eng. 36:1038, 1989).

    Parameters
    ----------
    a, b : array_like, same shape
        Fields; none of them zero everywhere.

    Returns
    -------
    float

    Raises
    ------
    HeadfieldError
        Shapes differ, no values, a value not finite, or a field that is zero.

    Examples
    --------
    >>> rdm([[1.0, 0.0]], [[3.0, 0.0]]), rdm([[1.0, 0.0]], [[-1.0, 0.0]])
    (0.0, 2.0)
    """
    x, y, norm_x, norm_y = _pair(a, b)
    return float(np.linalg.norm(x / norm_x - y / norm_y))


def ln_mag(a: ArrayLike, b: ArrayLike) -> float:
    """Logarithm of the magnitudes' ratio, ln(‖a‖/‖b‖); parameters and errors as for `rdm`.

    Examples
    --------
    >>> round(ln_mag([[3.0, 4.0]], [[0.0, 1.0]]), 6)
    1.609438
    """
    _, _, norm_a, norm_b = _pair(a, b)
    return float(np.log(norm_a / norm_b))


def relative_l2(a: ArrayLike, reference: ArrayLike) -> float:
    """‖a − reference‖/‖reference‖; parameters and errors as for `rdm`, except that `a` may be zero.

    Examples
    --------
    >>> relative_l2([1.0, 1.0], [1.0, 0.0])
    1.0
    """
    x, y = _same_shape(a, reference)
    norm = np.linalg.norm(y)
    if norm == 0:
        raise HeadfieldError("the reference is zero everywhere")
    return float(np.linalg.norm(x - y) / norm)


def percentiles(magnitude: ArrayLike, weights: ArrayLike, percents: ArrayLike) -> np.ndarray:
    """Weighted percentiles: the smallest value that at least this share of the weight does not exceed.

    Parameters
    ----------
    magnitude : array_like (m,) or (k, m)
        |E|, V/m.
    weights : array_like (m,)
        Volumes or areas of the elements, any unit, not negative, not all zero.
    percents : array_like () or (q,)
        0 to 100.

    Returns
    -------
    ndarray, shape of `percents` followed by () or (k,)
        V/m.

    Raises
    ------
    HeadfieldError
        Shapes that do not fit, values not finite, weights negative or all zero, percents out of range.

    Examples
    --------
    >>> percentiles([1.0, 2.0, 10.0], [1.0, 1.0, 98.0], [1, 50])
    array([ 1., 10.])
    """
    values, w = _weighted(magnitude, weights)
    q = finite_array(percents, "percents", HeadfieldError)
    if q.ndim > 1 or q.min(initial=0) < 0 or q.max(initial=0) > 100:
        raise HeadfieldError(f"percents must be numbers from 0 to 100, not {percents!r}")
    values, w = values[..., w > 0], w[w > 0]
    if is_on_gpu(values):  # CuPy's percentiles have no weights
        return _percentiles_by_sorting(values, w, q)
    return np.percentile(values, q, weights=w, method="inverted_cdf", axis=-1)


def peak(magnitude: ArrayLike, centres_mm: ArrayLike) -> Peak:
    """The largest |E| and its place; the first element wins a tie.

    Parameters
    ----------
    magnitude : array_like (m,) or (k, m)
        |E|, V/m.
    centres_mm : array_like (m, 3)
        Barycentres of the elements, mm.

    Returns
    -------
    Peak
        `value` () or (k,) V/m, `element` () or (k,), `place_mm` (3,) or (k, 3).

    Raises
    ------
    HeadfieldError
        Shapes that do not fit or values not finite.

    Examples
    --------
    >>> value, element, place_mm = peak([1.0, 5.0], [[0, 0, 0], [1, 2, 3]])
    >>> float(value), int(element), place_mm
    (5.0, 1, array([1., 2., 3.]))
    """
    values = _magnitude(magnitude)
    centres = beside(values, _centres(centres_mm, values.shape[-1]))
    element = values.argmax(axis=-1)
    value = np.take_along_axis(values, element[..., None], axis=-1)[..., 0]
    return Peak(value, element, centres[element])


def roi_mean(
    magnitude: ArrayLike, weights: ArrayLike, centres_mm: ArrayLike, centre_mm: ArrayLike, radius_mm: float
) -> np.ndarray:
    """Weighted mean of |E| over the elements whose barycentre lies in a sphere.

    Parameters
    ----------
    magnitude : array_like (m,) or (k, m)
        |E|, V/m.
    weights : array_like (m,)
        Volumes or areas of the elements; 0 leaves an element out, such as one of another tissue.
    centres_mm : array_like (m, 3)
        Barycentres of the elements, mm.
    centre_mm : array_like (3,)
        Centre of the sphere, mm.
    radius_mm : float
        Radius of the sphere, mm.

    Returns
    -------
    ndarray () or (k,)
        V/m.

    Raises
    ------
    HeadfieldError
        Shapes that do not fit, values not finite, negative weights, or no weight in the sphere.

    Examples
    --------
    >>> float(roi_mean([1.0, 4.0, 9.0], [1.0, 2.0, 1.0], [[0, 0, 0], [1, 0, 0], [9, 0, 0]], [0, 0, 0], 5.0))
    3.0
    """
    values, w = _weighted(magnitude, weights)
    centre, radius = (
        finite_array(centre_mm, "centre_mm", HeadfieldError),
        finite_array(radius_mm, "radius_mm", HeadfieldError),
    )
    if centre.shape != (3,) or radius.shape != () or radius < 0:
        raise HeadfieldError("centre_mm must have the shape (3,) and radius_mm be a number, 0 or more")
    distance = np.linalg.norm(_centres(centres_mm, len(w)) - centre, axis=1)
    w = on_host(w)
    inside = np.flatnonzero((distance <= radius) & (w > 0))
    if not len(inside):
        raise HeadfieldError(
            f"no element in the sphere: the nearest is {distance[w > 0].min():.4g} mm from its centre"
        )
    chosen, weight = values[..., beside(values, inside)], beside(values, w[inside])
    return _array(chosen @ weight / weight.sum())


def focality(
    magnitude: ArrayLike, weights: ArrayLike, fraction: float = 0.5, percent: float = 99.9
) -> np.ndarray:
    """Weight of the elements at or above a fraction of a percentile: the stimulated volume or area.

    Parameters
    ----------
    magnitude : array_like (m,) or (k, m)
        |E|, V/m.
    weights : array_like (m,)
        Volumes (or areas) of the elements; the result has their unit.
    fraction : float
        Above 0, at most 1.
    percent : float
        The percentile that stands for the peak.

    Returns
    -------
    ndarray () or (k,)

    Raises
    ------
    HeadfieldError
        As for `percentiles`, or a fraction out of range.

    Examples
    --------
    >>> float(focality([1.0, 6.0, 10.0], [5.0, 2.0, 1.0]))
    3.0
    """
    if not 0 < fraction <= 1:
        raise HeadfieldError(f"fraction = {fraction!r} must be above 0 and at most 1")
    values, w = _weighted(magnitude, weights)
    threshold = fraction * percentiles(values, w, percent)
    return _array((values >= threshold[..., None]) @ w)


def _pair(a: ArrayLike, b: ArrayLike) -> tuple[np.ndarray, np.ndarray, float, float]:
    x, y = _same_shape(a, b)
    norms = float(np.linalg.norm(x)), float(np.linalg.norm(y))
    for norm, name in zip(norms, ("first", "second"), strict=True):
        if norm == 0:
            raise HeadfieldError(f"the {name} field is zero everywhere")
    return x, y, *norms


def _same_shape(a: ArrayLike, b: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
    x, y = finite_array(a, "first field", HeadfieldError), finite_array(b, "second field", HeadfieldError)
    if x.shape != y.shape or not x.size:
        raise HeadfieldError(f"fields must have the same shape and some values, not {x.shape} and {y.shape}")
    return x.ravel(), y.ravel()


def _weighted(magnitude: ArrayLike, weights: ArrayLike) -> tuple[Any, Any]:
    values, w = _magnitude(magnitude), finite_array(on_host(weights), "weights", HeadfieldError)
    if w.shape != values.shape[-1:]:
        raise HeadfieldError(f"weights must have the shape {values.shape[-1:]}, not {w.shape}")
    if (w < 0).any() or not w.any():
        raise HeadfieldError("weights must be 0 or more, and some of them more")
    return values, beside(values, w)


def _array(values: Any) -> Any:
    """A number as an array of no dimension; a CuPy array is one already."""
    return values if is_on_gpu(values) else np.asarray(values)


def _percentiles_by_sorting(values: Any, w: Any, q: NDArray[np.float64]) -> Any:
    """Weighted percentiles (q…, k) of values (k, m) on a GPU."""
    order = values.argsort(axis=-1)
    below = w[order].cumsum(axis=-1)  # weight up to each value, itself included
    found = [(below < share * below[..., -1:]).sum(axis=-1) for share in q.ravel() / 100]
    picked = [np.take_along_axis(order, i[..., None], axis=-1) for i in found]
    chosen = np.stack([np.take_along_axis(values, i, axis=-1)[..., 0] for i in picked])
    return chosen.reshape(q.shape + values.shape[:-1])


def _magnitude(magnitude: Any) -> Any:
    if is_on_gpu(magnitude):
        values = magnitude.astype(np.float64)
        if not bool(np.isfinite(values).all()):
            raise HeadfieldError("magnitude: some values are not finite")
    else:
        values = finite_array(magnitude, "magnitude", HeadfieldError)
    if values.ndim not in (1, 2) or not values.size:
        raise HeadfieldError(f"magnitude must have the shape (m,) or (k, m), not {values.shape}")
    return values


def _centres(centres_mm: ArrayLike, m: int) -> np.ndarray:
    centres = finite_array(centres_mm, "centres_mm", HeadfieldError)
    if centres.shape != (m, 3):
        raise HeadfieldError(f"centres_mm must have the shape ({m}, 3), not {centres.shape}")
    return centres
