# SPDX-License-Identifier: BSD-3-Clause
"""The options of a solve, checked: bad input is named before any work begins."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from numpy.typing import ArrayLike

from ..core.arguments import plain_array, whole, within
from ..core.device import on_host
from ..core.messages import nearest_name
from ..errors import ArgumentError, MeshError, RegionError
from ..regions.region import Region, check_is_region
from .recovery import check_kind

__all__ = ["PRIMARIES", "SolveOptions", "check_primary"]

#: How ∂A/∂t at nodes may become that of a tetrahedron: see `HeadModel`.
PRIMARIES = ("nodes", "edges")

_MOST = 1_000_000  # iterations, or poses at a time


@dataclass(frozen=True, kw_only=True, eq=False)
class SolveOptions:
    """How a solve is done, whatever drives the head.

    It can be pickled, and holds nothing of a device. Without a `roi`, which belongs to its mesh, it serves
    any head. `HeadModel.solve` says what each option means.

    Raises
    ------
    ArgumentError, MeshError, RegionError

    Examples
    --------
    >>> SolveOptions(tol=1e-3).max_iterations
    200
    >>> SolveOptions(tol=2.0)
    Traceback (most recent call last):
    ...
    headfield.errors.ArgumentError: tol must lie between 1e-13 and 0.1, not 2
    """

    elements: ArrayLike | None = None
    roi: Region | None = None
    recovery: str | None = None
    tol: float | str = 1e-5
    max_iterations: int = 200
    batch: int | str = "auto"
    strict: bool = True
    keep_potential: bool = False

    def __post_init__(self) -> None:
        if self.roi is not None:
            check_is_region(self.roi)
        if self.elements is not None and self.roi is not None:
            raise RegionError("give either roi or elements, not both")
        check_kind(self.recovery)
        self._set("max_iterations", whole(self.max_iterations, "max_iterations", ArgumentError, _MOST))
        if not self.tolerance_follows:
            self._set("tol", within(self.tol, "tol", ArgumentError, 1e-13, 0.1))
        if not (isinstance(self.batch, str) and self.batch == "auto"):
            self._set("batch", whole(self.batch, "batch", ArgumentError, _MOST))
        if not isinstance(self.strict, bool):
            raise ArgumentError(f"strict must be True or False, not {self.strict!r}")
        if self.elements is not None:
            self._set("elements", _copy(self.elements))

    @property
    def tolerance_follows(self) -> bool:
        """Whether the tolerance of each pose follows from its discretisation error."""
        return isinstance(self.tol, str) and self.tol == "auto"

    def _set(self, name: str, value: Any) -> None:
        object.__setattr__(self, name, value)


def check_primary(primary: Any) -> str:
    """Return "nodes" or "edges"; raise ArgumentError for what is neither.

    Examples
    --------
    >>> check_primary("edges")
    'edges'
    """
    if isinstance(primary, str) and primary in PRIMARIES:
        return primary
    near = nearest_name(primary, PRIMARIES)
    raise ArgumentError(f"primary must be {' or '.join(map(repr, PRIMARIES))}, not {primary!r}{near}")


def _copy(elements: ArrayLike) -> ArrayLike:
    """Return a read-only copy, so that a field keeps its elements even if the caller changes the array."""
    values = plain_array(on_host(elements), "elements", MeshError).copy()
    values.flags.writeable = False
    return values
