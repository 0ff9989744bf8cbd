# SPDX-License-Identifier: BSD-3-Clause
"""What a head can be driven by: the one seam between sources of any kind and the solver."""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from ..operators import Operators

__all__ = ["Drive"]


class Drive(Protocol):
    """k sources of a head, which fill the right-hand sides of a batch on the head's device.

    For one batch after the other a solve calls `primary`, if there is any, and then `load`. It calls `load`
    again for the same batch with `tol="auto"`, and `primary` again where E is computed later, from the
    potential: both depend on `part` alone.

    Block vectors have a row for each node, in the order of `head.nodes_m`, and W columns: the first belong to
    the sources of the batch, the others are to be zero. `head.to_columns` makes one of rows (k, n) in the
    order of the mesh. The right-hand side of each source has to sum to zero over the nodes, or the rest would
    flow out through the node that is held at zero.

    Attributes
    ----------
    scale : ndarray (k,) float64
        Every result is what was solved for times this.
    on_gpu : bool
        Whether results are to stay on the GPU.
    has_primary : bool
        Whether ∂A/∂t is a part of E, as it is of coils.
    first : int
        Number that messages give the first source, where the drive has a part of a longer list; else 0.
    poses : ndarray (k, 4, 4) float64, mm, or None
        Where a coil stands, for the field that is made; None for sources that are not coils.
    didt : ndarray (k,) or (k, s) float64, A/s, or None
    """

    scale: NDArray[np.float64]
    on_gpu: bool
    has_primary: bool
    first: int

    @property
    def poses(self) -> NDArray[np.float64] | None: ...
    @property
    def didt(self) -> NDArray[np.float64] | None: ...

    def __len__(self) -> int: ...

    @property
    def primary_error(self) -> float:
        """Bound of the relative error of ∂A/∂t; 0 where there is none."""
        ...

    def primary(self, head: Operators, part: slice, adot: Any) -> None:
        """Fill ∂A/∂t (n, 3, W), V/m, of a batch at the nodes."""
        ...

    def load(self, head: Operators, part: slice, adot: Any, b: Any) -> None:
        """Fill the right-hand sides b (n, W), A, of a batch; `adot` is what `primary` filled, or None."""
        ...
