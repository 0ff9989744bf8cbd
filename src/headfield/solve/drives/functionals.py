# SPDX-License-Identifier: BSD-3-Clause
"""Functionals of E: weighted sums over tetrahedra, as the right-hand sides of adjoint problems."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ...core.arguments import finite_array
from ...errors import ArgumentError
from ..operators import Operators

__all__ = ["Functionals"]


class Functionals:
    """k functionals J = Σ w · E of the field of a coil, summed over some tetrahedra.

    With E = −∇φ − ∂A/∂t and K φ = b, J is a sum over the nodes that knows nothing of φ: for the solution ψ of
    K ψ = l, l being how J depends on φ, J = Σ c · ∂A/∂t, and the currents c are those that ψ and w drive
    (Gomez et al., NeuroImage 228:117696, 2021, doi 10.1016/j.neuroimage.2020.117696).

    Parameters
    ----------
    elements : ndarray (e,) int32
        Tetrahedra, ascending, each once.
    weights : array_like (k, e, 3)
        w, such as shares of a region's volume times a direction.

    Raises
    ------
    ArgumentError
        Weights of another shape, not finite, or all zero for one of the functionals.
    """

    first = 0
    poses = None
    didt = None
    has_primary = False
    primary_error = 0.0
    on_gpu = False

    def __init__(self, elements: NDArray[np.int32], weights: ArrayLike) -> None:
        rows = finite_array(weights, "weights", ArgumentError)
        if rows.ndim != 3 or rows.shape[1:] != (len(elements), 3) or not len(rows):
            raise ArgumentError(f"weights must have the shape (k, {len(elements)}, 3), not {rows.shape}")
        largest = np.abs(rows).max(axis=(1, 2), initial=0.0)
        if not largest.all():
            raise ArgumentError(f"the weights of functional {int(largest.argmin())} are all zero")
        self.elements, self.scale = elements, largest
        self.weights = (rows / largest[:, None, None]).astype(np.float32)

    def __len__(self) -> int:
        return len(self.weights)

    def primary(self, head: Operators, part: slice, adot: Any) -> None:
        """Fill nothing: no field is induced."""

    def load(self, head: Operators, part: slice, adot: Any, b: Any) -> None:
        """Fill how the functionals of a batch depend on φ."""
        weights = head.device.put(self.weights[part])
        head.element_loads(weights, self.elements, b)

    def add_currents(self, head: Operators, part: slice, currents: Any) -> None:
        """Add how they depend on ∂A/∂t itself to currents (n, 3, W)."""
        head.add_element_shares(head.device.put(self.weights[part]), self.elements, currents)
