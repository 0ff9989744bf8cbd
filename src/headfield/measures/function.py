# SPDX-License-Identifier: BSD-3-Clause
"""Measures that a user writes as functions."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..core.device import is_on_gpu
from ..core.messages import plural
from ..errors import MeasureError
from ..regions.region import Region, check_is_region
from .magnitude import fields_in, finite_results
from .measure import length_of
from .sums import Combinable

__all__ = ["MeasureFunction"]

Floats = NDArray[np.float64]


class MeasureFunction(Combinable):
    """Any function of E that can be differentiated.

    What the functions return is checked each time: numbers of the right shape, all finite.

    Parameters
    ----------
    region : Region or sequence of Region
        Where E is needed; the elements of several regions follow each other in E.
    values : callable
        Takes E (k, p, 3) float64, V/m, and returns k numbers: one for each pose, of its E alone.
    derivatives : callable
        Takes the same and returns (k, p, 3): the derivative of each value with respect to its E, in other
        words the vector-Jacobian product with 1, as `torch.autograd.grad(values(E).sum(), E)` has it.
    is_linear : bool
        Whether values are a constant and a sum of E times derivatives that are the same for each E, which
        saves adjoint solves. `HeadModel.gradient` checks it.
    on_gpu : bool
        Whether the functions take E as a CuPy array where the model is on a GPU, and may return such arrays:
        `torch.from_dlpack(E)` and `jax.dlpack.from_dlpack(E)` take it without a copy. Otherwise they get
        NumPy arrays.

    Raises
    ------
    RegionError
        Not a region, or one that holds nothing.
    MeasureError
        Not functions.

    Examples
    --------
    The mean of |E|², by volume:

    >>> import headfield as hf
    >>> knob = hf.regions.sphere(hf.phantom_head(edge_mm=8), [-40, -8, 50], 15, 2)
    >>> share = knob.weights / knob.weights.sum()
    >>> power = hf.MeasureFunction(
    ...     knob,
    ...     lambda E: (share * (E**2).sum(axis=2)).sum(axis=1),
    ...     lambda E: 2 * share[:, None] * E,
    ... )
    >>> power.values(np.ones((2, 122, 3))).round(12)
    array([3., 3.])
    """

    def __init__(
        self,
        region: Region | Sequence[Region],
        values: Callable[[Floats], Any],
        derivatives: Callable[[Floats], Any],
        *,
        is_linear: bool = False,
        on_gpu: bool = False,
    ) -> None:
        self.regions = tuple(region) if isinstance(region, (list, tuple)) else (region,)
        for one in self.regions:
            check_is_region(one)
        check_is_region(self.regions[0] if self.regions else None)
        for name, function in (("values", values), ("derivatives", derivatives)):
            if not callable(function):
                raise MeasureError(f"{name} must be a function of E, not {type(function).__name__}")
        self.is_linear, self.on_gpu = bool(is_linear), bool(on_gpu)
        self._values, self._derivatives = values, derivatives

    def values(self, E: ArrayLike) -> Floats:
        """Return what the function says of fields E (k, p, 3): (k,).

        Raises
        ------
        MeasureError
            Not k finite numbers; the message names the pose. Or E is not finite.
        """
        field = self._taken(E)
        return finite_results(self._values(field), (len(field),), "values of a measure")

    def derivatives(self, E: ArrayLike) -> Floats:
        """Return the derivatives (k, p, 3) that the function says.

        Raises
        ------
        MeasureError
            Not finite numbers of that shape; the message names the pose. Or E is not finite.
        """
        field = self._taken(E)
        return finite_results(self._derivatives(field), field.shape, "derivatives of a measure")

    def _taken(self, E: Any) -> Any:
        """Return E as the functions take it: a copy, which they may write to."""
        if self.on_gpu and is_on_gpu(E):
            return E.copy()
        return fields_in(E, length_of(self.regions)).copy()

    def __repr__(self) -> str:
        name = getattr(self._values, "__name__", type(self._values).__name__)
        return f"<MeasureFunction: {name} of {plural(length_of(self.regions), 'element', 'elements')}>"
