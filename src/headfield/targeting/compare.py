# SPDX-License-Identifier: BSD-3-Clause
"""Which of some coils reaches a target best."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..coils.coil import Coil
from ..core.arguments import positive
from ..errors import ArgumentError
from ..measures.target import Target, Targets
from ..solve.drives.coil import check_coil
from ..solve.model import HeadModel
from .aim import Aim
from .options import SearchOptions
from .result import SearchResult
from .run import Run

__all__ = ["CoilComparison", "compare_coils"]

_RATE = 1e6  # A/s, of all stimulators of a coil alike


@dataclass(frozen=True, eq=False)
class CoilComparison:
    """What some coils can do for a target, the one that needs the smallest part of its range first.

    Attributes
    ----------
    results : tuple of SearchResult
        At 1e6 A/s.
    value : float
        What the target is to get, V/m.
    didt : ndarray (c,)
        dI/dt, A/s, that each coil needs for it at its best pose; infinite if it does not reach the target.
    mso_percent : ndarray (c,)
        The same as a percentage of the most that the coil reaches; nan where that is not known.
    """

    results: tuple[SearchResult, ...]
    value: float
    didt: np.ndarray
    mso_percent: np.ndarray

    @property
    def reached(self) -> np.ndarray:
        """Whether each coil reaches the value, (c,) bool; True where its limit is not known."""
        return ~(self.mso_percent > 100.0) & np.isfinite(self.didt)

    def __str__(self) -> str:
        lines = [f"{'coil':40s}  A/µs  %MSO  V/m per A/µs"]
        for result, didt, mso in zip(self.results, self.didt, self.mso_percent, strict=True):
            percent = "   –" if np.isnan(mso) else f"{mso:4.0f}"
            lines.append(f"{result.coil.name[:40]:40s}  {didt * 1e-6:4.0f}  {percent}  {result.value:.3g}")
        return "\n".join(lines)


def compare_coils(
    model: HeadModel, coils: Sequence[Coil], target: Target | Targets, value: float = 100.0, **options: Any
) -> CoilComparison:
    """Find the best pose of each of some coils for a target, and what each needs to reach a value there.

    The adjoints of components, and of `of_mean`, are solved once for all coils; what |E| is spanned by is not
    the same for every coil, and found for each. Flexible coils are compared with each other by
    `[coil.deformed(angle) for angle in …]`.

    Parameters
    ----------
    model : HeadModel
    coils : sequence of Coil
    target : Target, Targets or Region
    value : float
        What the target is to get, V/m.
    **options
        Of `search`, but for `didt` and `progress`.

    Returns
    -------
    CoilComparison

    Raises
    ------
    ArgumentError
        No coils, a value that is not positive, or an option that `search` does not have.
    RegionError, CoilError, PoseError, MeshError, ConvergenceError, DeviceError

    Examples
    --------
    >>> import headfield as hf
    >>> head = hf.phantom_head(edge_mm=8)
    >>> coils = [hf.circular_coil(didt_max=150e6), hf.figure_of_eight(didt_max=150e6)]
    >>> knob = hf.regions.sphere(head, [-40, -8, 50], 15, 2)
    >>> along_y = hf.Target(knob, [0, 1, 0])
    >>> few = {"radius_mm": 15, "spacing_mm": 10, "rivals": 1}
    >>> best = hf.compare_coils(hf.HeadModel(head), coils, along_y, 60.0, **few)
    >>> len(best.results), bool(best.mso_percent[0] <= best.mso_percent[1])
    (2, True)
    """
    if isinstance(coils, Coil) or not isinstance(coils, Sequence) or not len(coils):
        raise ArgumentError("coils must be a sequence of one Coil or more")
    wanted = positive(value, "value", ArgumentError)
    try:
        checked = SearchOptions(**options)
    except TypeError as problem:
        raise ArgumentError(f"options of search: {problem}") from None
    shared = all(one.functionals() is not None for _, one in Targets.of(target).parts)
    results, prepared = [], None
    for coil in map(check_coil, coils):
        rates = np.full((1, coil.n_stimulators), _RATE) if coil.n_stimulators > 1 else _RATE
        run = Run(Aim.of(model, coil, target, rates), checked, None, prepared)
        results.append(run.result())
        prepared = run.prepared if shared else None
    gets = np.array([result.value for result in results])
    didt = np.divide(_RATE * wanted, gets, out=np.full(len(gets), np.inf), where=gets > 0.0)
    most = np.array([_most(coil) for coil in coils])
    mso = 100.0 * didt / most
    order = np.lexsort((didt, mso))  # those whose limit is not known come last
    return CoilComparison(tuple(results[i] for i in order), wanted, didt[order], mso[order])


def _most(coil: Coil) -> float:
    """Return the largest dI/dt of a coil; of several stimulators the smallest limit; nan if not known."""
    limits = [stimulator.didt_max for stimulator in coil.stimulators]
    return float(min(limit for limit in limits if limit is not None)) if None not in limits else float("nan")
