# SPDX-License-Identifier: BSD-3-Clause
"""What `headfield solve` says at the end: numbers for each pose, as text or JSON."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..core.device import on_host
from ..core.messages import first_of, plural, warn
from ..fields.field import Field
from ..fields.write import magnitude
from ..heads.mesh import TetMesh
from ..heads.names import called
from ..heads.tissues import GRAY_MATTER
from ..metrics import percentiles
from ..regions.region import Region
from .keeping import text_of_best

__all__ = ["ERROR_OF_ELEMENTS", "NOT_CONVERGED", "Summary", "exit_code"]

#: Exit code of a run that is whole but for poses that did not converge.
NOT_CONVERGED = 3

#: What the estimated error is called where E is recovered, of which it is no error.
ERROR_OF_ELEMENTS = "discretisation_error_of_elements"

_LISTED = 20  # poses that did not converge, by number


def exit_code(bad: list[int], poses: int) -> int:
    """Warn of the poses that did not converge, of so many in a result; return the exit code."""
    if not bad:
        return 0
    listed = first_of(bad, _LISTED)
    those, have = plural(poses, "pose", "poses"), "has" if len(bad) == 1 else "have"
    warn(
        f"{len(bad):,} of {those} did not converge and {have} no field (not a number in .h5, no file in .msh "
        f"and .vtu): {listed}"
    )
    return NOT_CONVERGED


class Summary:
    """Numbers for each pose; the peak is the 99.9th percentile of |E|, in gray matter if there is any.

    Of a region there is the mean of |E|, too.

    Parameters
    ----------
    mesh : TetMesh
    elements : ndarray (e,) int or None
        Tetrahedra that E is given in; None for all.
    first : int
        Number of the pose that is added first.
    earlier : sequence of int
        Numbers of the poses that did not converge in the run that goes on here.
    region : Region, optional
        What `elements` are those of, where E may be given at points.

    Attributes
    ----------
    rows : list of dict
        One for each pose.
    """

    def __init__(
        self,
        mesh: TetMesh,
        elements: NDArray[np.int32] | None,
        first: int = 0,
        earlier: Sequence[int] = (),
        *,
        region: Region | None = None,
    ) -> None:
        tags = mesh.tags if elements is None else mesh.tags[elements]
        self._gray = bool((tags == GRAY_MATTER).any())
        self._chosen = np.flatnonzero(tags == GRAY_MATTER) if self._gray else np.arange(len(tags))
        volumes = mesh.volumes_mm3() if region is None else region.weights
        if region is None and elements is not None:
            volumes = volumes[elements]
        self._volumes = volumes[self._chosen]
        everywhere = "all tetrahedra" if region is None else "the region"
        self._where = called(GRAY_MATTER, mesh.tag_names) if self._gray else everywhere
        self._of_region = region is not None
        self._didt: list[float] = []
        self._first, self._earlier = first, list(earlier)
        self.rows: list[dict[str, Any]] = []

    @classmethod
    def of_numbers(
        cls, mesh: TetMesh, first: int, earlier: Sequence[int], *, where: str, of_region: bool
    ) -> Summary:
        """Make one of numbers that are computed elsewhere, `where` says of what; `of_region`: with means."""
        made = cls(mesh, None, first, earlier)
        made._where, made._of_region = where, of_region
        return made

    def add(self, field: Field, numbers: Mapping[str, NDArray[Any]] | None = None) -> None:
        """Add the poses of a batch, with the numbers of its table if there is one."""
        report = field.report
        self._didt += [] if field.didt is None else np.asarray(on_host(field.didt)).ravel().tolist()
        for i in range(len(field)):
            good = bool(report.converged[i])
            peak, mean = self._strength(field, i, numbers) if good else (None, None)
            row = {
                "pose": self._first + len(self.rows),
                **({"name": field.names[i]} if field.names else {}),
                "converged": good,
                "iterations": int(report.iterations[i]),
                "residual": float(report.residual[i]) if np.isfinite(report.residual[i]) else None,
                "peak_V_per_m": peak,
            }
            if self._of_region:
                row["mean_V_per_m"] = mean
            if report.discretisation_error is not None:
                error = float(report.discretisation_error[i])
                name = "discretisation_error" if report.recovery is None else ERROR_OF_ELEMENTS
                row[name] = error if good and np.isfinite(error) else None
            self.rows.append(row)

    def _strength(
        self, field: Field, i: int, numbers: Mapping[str, NDArray[Any]] | None
    ) -> tuple[float, float | None]:
        """Return the peak of a pose, and the mean of a region."""
        if numbers is not None:
            return float(numbers["peak_magnE_V_per_m"][i]), float(numbers["mean_magnE_V_per_m"][i])
        strength = magnitude(field.E[i][self._chosen])
        peak = float(percentiles(strength, self._volumes, 99.9))
        return peak, float(np.average(strength, weights=self._volumes)) if self._of_region else None

    @property
    def not_converged(self) -> list[int]:
        """Numbers of the poses that did not converge."""
        return self._earlier + [row["pose"] for row in self.rows if not row["converged"]]

    def text(self, facts: dict[str, Any]) -> str:
        """The summary in words; `facts` is what the command knows besides."""
        lines = (
            [f"{plural(facts['already_there'], 'pose was', 'poses were')} there already"]
            if facts["already_there"]
            else []
        )
        if self.rows:
            poses = plural(len(self.rows), "pose", "poses")
            lines.append(
                f"{poses} in {facts['seconds']:.1f} s on {facts['device']}: "
                f"{self._span('iterations', 'd')} iterations, residual {self._span('residual', '.1e')}"
            )
            peaks = f"{self._span('peak_V_per_m', '.3g')} V/m{self._at_didt()}"
            lines.append(f"99.9th percentile of |E| in {self._where}: {peaks}")
            if self._of_region:
                lines.append(f"mean of |E| there: {self._span('mean_V_per_m', '.3g')} V/m")
            lines += self._by_name()
            if "discretisation_error" in self.rows[0]:
                lines.append(self._error(facts))
            if ERROR_OF_ELEMENTS in self.rows[0]:
                span = self._span(ERROR_OF_ELEMENTS, ".2%")
                lines.append(f"E is recovered; that of linear elements would be off by {span}")
        if "best" in facts:
            missing = 0 if facts["best"]["compared"] > len(self.rows) else facts["already_there"]
            lines.append(text_of_best(facts["best"], missing))
        files = facts["files"]
        if files:
            lines.append(f"written: {files[0]}" + (f" to {files[-1]}" if len(files) > 1 else ""))
        if "picture" in facts:
            lines.append(f"picture: {facts['picture']}")
        return "\n".join(lines)

    def _error(self, facts: dict[str, Any]) -> str:
        said = f"discretisation error of E: {self._span('discretisation_error', '.2%')}"
        if "error_asked" not in facts:
            return said
        reached = "" if facts["error_reached"] else ", NOT reached"
        return f"{said}; {facts['error_asked']:.2%} was asked for{reached}"

    def _by_name(self) -> list[str]:
        """A line for each pose that has a name, where there are few."""
        named = [row for row in self.rows if "name" in row]
        if len(named) > _LISTED:
            return []
        peaks = (
            "no field" if row["peak_V_per_m"] is None else f"{row['peak_V_per_m']:.3g} V/m" for row in named
        )
        return [
            f"  {row['pose']:4d}  {peak:>10}  {row['name']}" for row, peak in zip(named, peaks, strict=True)
        ]

    def _span(self, key: str, form: str) -> str:
        return _span([row[key] for row in self.rows if row[key] is not None], form)

    def _at_didt(self) -> str:
        return f" at dI/dt {_span([1e-6 * rate for rate in self._didt], 'g')} A/µs" if self._didt else ""


def _span(values: Sequence[float], form: str) -> str:
    if not values:
        return "unknown"
    low, high = format(min(values), form), format(max(values), form)
    return low if low == high else f"{low} to {high}"
