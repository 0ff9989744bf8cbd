# SPDX-License-Identifier: BSD-3-Clause
"""Compute components of E: along a direction, along and across the normals of a surface."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from ..core.device import beside
from ..core.docs import fill_doc
from .arguments import unit_vectors, vector_field

__all__ = ["NormalTangential", "component", "normal_tangential"]


class NormalTangential(NamedTuple):
    """E along and across normals; (m,) or (k, m), V/m."""

    normal: np.ndarray  #: E·n, positive along the normal
    tangential: np.ndarray  #: |E − (E·n)n|, 0 or more


@fill_doc
def component(E: ArrayLike, direction: ArrayLike) -> np.ndarray:
    """Compute E·d/‖d‖, the component of E along a direction, with its sign.

    Parameters
    ----------
    %(E)s
    direction : array_like (3,) or (m, 3)
        One direction, or one for each element; of any length except zero.

    Returns
    -------
    ndarray (m,) or (k, m) float64
        V/m.

    Raises
    ------
    ArgumentError
        Shapes that do not fit, values that are not finite, or a direction that is zero.

    Examples
    --------
    >>> component([[3.0, 4.0, 0.0], [0.0, 1.0, 1.0]], [0, 2, 0])
    array([4., 1.])
    """
    field = vector_field(E)
    return _along(field, beside(field, unit_vectors(direction, "direction", field.shape[-2])))


@fill_doc
def normal_tangential(E: ArrayLike, normals: ArrayLike) -> NormalTangential:
    """Split E into its component along the normals of a surface and the length of the rest in the surface.

    With n of length one: E·n with its sign, and |E − (E·n)n|; |E|² is the sum of their squares. With outward
    normals of the cortex, E·n is positive where the field leaves the cortex. Which of the two a response
    follows is an open question: Weise et al., NeuroImage 209:116486, 2020.

    Parameters
    ----------
    %(E)s
    normals : array_like (m, 3) or (3,)
        One for each element, or one for all; of any length except zero.

    Returns
    -------
    NormalTangential
        `normal` and `tangential`, each (m,) or (k, m) float64, V/m.

    Raises
    ------
    ArgumentError
        Shapes that do not fit, values that are not finite, or a normal that is zero.

    Examples
    --------
    >>> normal, tangential = normal_tangential([[3.0, 4.0, -2.0]], [[0, 0, 1]])
    >>> print(normal, tangential)
    [-2.] [5.]
    """
    field = vector_field(E)
    n = beside(field, unit_vectors(normals, "normals", field.shape[-2]))
    normal = _along(field, n)
    rest = field - normal[..., None] * n
    x, y, z = (rest[..., d] for d in range(3))
    return NormalTangential(normal, np.sqrt((x * x + y * y) + z * z))


def _along(field: Any, unit: Any) -> Any:
    """Return the scalar products of vectors (…, m, 3) and (3,) or (m, 3), summed in a fixed order."""
    x, y, z = (field[..., d] * unit[..., d] for d in range(3))
    return (x + y) + z
