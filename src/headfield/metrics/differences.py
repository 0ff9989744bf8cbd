# SPDX-License-Identifier: BSD-3-Clause
"""Measure how much two fields differ: in topography, in magnitude, as a whole."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from ..core.arguments import finite_array
from ..errors import ArgumentError

__all__ = ["ln_mag", "rdm", "relative_l2"]


def rdm(a: ArrayLike, b: ArrayLike) -> float:
    """Compute the relative difference measure ‖a/‖a‖ − b/‖b‖‖: 0 (same topography) to 2 (opposite).

    The norms are over all elements and components (Meijs et al., IEEE Trans. Biomed. Eng. 36:1038, 1989).

    Parameters
    ----------
    a, b : array_like, same shape
        Fields; neither is zero everywhere.

    Returns
    -------
    float

    Raises
    ------
    ArgumentError
        Shapes differ, there are no values, a value is not finite, or a field is zero everywhere.

    Examples
    --------
    >>> rdm([[1.0, 0.0]], [[3.0, 0.0]]), rdm([[1.0, 0.0]], [[-1.0, 0.0]])
    (0.0, 2.0)
    """
    x, y, norm_x, norm_y = _pair(a, b)
    return float(np.linalg.norm(x / norm_x - y / norm_y))


def ln_mag(a: ArrayLike, b: ArrayLike) -> float:
    """Compute the logarithm of the ratio of magnitudes, ln(‖a‖/‖b‖); parameters and errors as for `rdm`.

    Examples
    --------
    >>> round(ln_mag([[3.0, 4.0]], [[0.0, 1.0]]), 6)
    1.609438
    """
    _, _, norm_a, norm_b = _pair(a, b)
    return float(np.log(norm_a / norm_b))


def relative_l2(a: ArrayLike, reference: ArrayLike) -> float:
    """Compute ‖a − reference‖/‖reference‖; parameters and errors as for `rdm`, except that `a` may be zero.

    Examples
    --------
    >>> relative_l2([1.0, 1.0], [1.0, 0.0])
    1.0
    """
    x, y = _same_shape(a, reference)
    norm = np.linalg.norm(y)
    if norm == 0:
        raise ArgumentError("the reference is zero everywhere")
    return float(np.linalg.norm(x - y) / norm)


def _pair(a: ArrayLike, b: ArrayLike) -> tuple[np.ndarray, np.ndarray, float, float]:
    x, y = _same_shape(a, b)
    norms = float(np.linalg.norm(x)), float(np.linalg.norm(y))
    for norm, name in zip(norms, ("first", "second"), strict=True):
        if norm == 0:
            raise ArgumentError(f"the {name} field is zero everywhere")
    return x, y, *norms


def _same_shape(a: ArrayLike, b: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
    x, y = finite_array(a, "first field", ArgumentError), finite_array(b, "second field", ArgumentError)
    if x.shape != y.shape or not x.size:
        raise ArgumentError(f"fields must have the same shape and some values, not {x.shape} and {y.shape}")
    return x.ravel(), y.ravel()
