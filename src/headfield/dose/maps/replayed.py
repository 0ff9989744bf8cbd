# SPDX-License-Identifier: BSD-3-Clause
"""A session that was replayed: the dose of each pulse, sums over all of them, and their files."""

from __future__ import annotations

import csv
import os
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...core.messages import plural, printable
from ...errors import FileFormatError
from ...io.atomic import check_folder, replacing
from ...io.regular import ending_of
from ...measures.target import Target
from ...regions.region import Region
from .dose_map import DoseMap, Refused

__all__ = ["Replay"]

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False, kw_only=True)
class Replay:
    """The dose of each of k pulses, and of all together in each of p tetrahedra or points.

    `headfield.replay` makes it. What a pulse has no field for is nan, and is in none of the sums.

    Attributes
    ----------
    dose : DoseMap
        What all pulses add up to in the region where E was computed, and the pulses that have no field.
    numbers : ndarray (k,) int64
        Place of each pulse in the file, from 0.
    names : tuple of k str
    poses : ndarray (k, 4, 4) float64
        Coil to head, mm; nan where it was lost.
    didt : ndarray (k, s) float64
        A/s, for each stimulator.
    seconds : ndarray (k,) float64 or None
        When each was recorded, see `PoseList`.
    largest, mean, percentile_99 : ndarray (k,) float64
        V/m, of |E| over the region: the largest, the mean, and the 99th percentile, by volume, area or
        points.
    target : Target or None
    at_target : ndarray (k,) float64 or None
        V/m, the value of the target.
    basis_error : ndarray (k,) float64
        Estimated relative L2 error of E over the region that the engine reports, nan where it reports none.
    """

    dose: DoseMap
    numbers: NDArray[np.int64]
    names: tuple[str, ...]
    poses: Floats
    didt: Floats
    seconds: Floats | None
    largest: Floats
    mean: Floats
    percentile_99: Floats
    target: Target | None
    at_target: Floats | None
    basis_error: Floats

    def __len__(self) -> int:
        """Number of pulses."""
        return len(self.numbers)

    def __repr__(self) -> str:
        kinds = ("tetrahedron", "tetrahedra") if self.region.is_volume else ("point", "points")
        bad = f", {len(self.refused):,} of them refused," if self.refused else ""
        where, poses = plural(len(self.region), *kinds), plural(self.dose.n_poses, "pose", "poses")
        return f"<Replay of {plural(len(self), 'pulse', 'pulses')}{bad} at {poses} in {where}>"

    @property
    def region(self) -> Region:
        """Where E was computed."""
        return self.dose.region

    @property
    def refused(self) -> tuple[Refused, ...]:
        """The pulses without a field."""
        return self.dose.refused

    def write_table(self, path: str | os.PathLike[str]) -> None:
        """Write a table (.csv) with a row for each pulse.

        The columns are `number`, `name`, `time_s` where times are known, `didt_A_per_s` (of several
        stimulators `didt_1_A_per_s` and so on), `max_magnE`, `mean_magnE`, `p99_magnE` and, with a target,
        `target`, all V/m; `basis_error`; and `refused`, why there are no numbers.

        Parameters
        ----------
        path : path
            The file appears whole or not at all.

        Raises
        ------
        FileFormatError
            Another ending.
        OSError
            The file can't be written.
        """
        if ending_of(path) != ".csv":
            raise FileFormatError(f"{os.fspath(path)}: the table of pulses is written as .csv")
        check_folder(path)
        reasons = {one.number: one.reason for one in self.refused}
        columns = self._columns()
        with replacing(path) as temporary, open(temporary, "w", encoding="utf-8", newline="") as file:
            rows = csv.writer(file, lineterminator="\n")
            rows.writerow(["number", "name", *columns, "refused"])
            numbers = np.stack(list(columns.values()), axis=1)
            for number, name, values in zip(self.numbers.tolist(), self.names, numbers, strict=True):
                words = [f"{value:.9g}" for value in values.tolist()]
                rows.writerow([number, printable(name), *words, printable(reasons.get(number, ""))])

    def _columns(self) -> dict[str, Floats]:
        times = {} if self.seconds is None else {"time_s": self.seconds}
        rates = self.didt.T
        named = ["didt"] if len(rates) == 1 else [f"didt_{i}" for i in range(1, len(rates) + 1)]
        target = {} if self.at_target is None else {"target": self.at_target}
        return {
            **times,
            **{f"{name}_A_per_s": rate for name, rate in zip(named, rates, strict=True)},
            "max_magnE": self.largest,
            "mean_magnE": self.mean,
            "p99_magnE": self.percentile_99,
            **target,
            "basis_error": self.basis_error,
        }

    def to_dict(self) -> dict[str, Any]:
        """Return what the session amounts to as plain numbers: no table, no arrays."""
        good = np.isfinite(self.largest)
        known = self.basis_error[np.isfinite(self.basis_error)]
        facts: dict[str, Any] = {
            "pulses": len(self),
            "refused": [{"number": r.number, "name": r.name, "reason": r.reason} for r in self.refused],
            "different_poses": self.dose.n_poses,
            "largest_V_per_m": float(self.largest[good].max()) if good.any() else None,
            "mean_of_largest_V_per_m": float(self.largest[good].mean()) if good.any() else None,
            "threshold_V_per_m": float(self.dose.thresholds[0]),
            "most_pulses_above": int(self.dose.above.max()),
            "largest_sum_V_per_m": float(self.dose.total.max()),
            "largest_basis_error": float(known.max()) if len(known) else None,
            "unknown_basis_errors": int(good.sum()) - len(known) if len(known) else 0,
        }
        if self.at_target is not None and good.any():
            values = self.at_target[good]
            facts["target_V_per_m"] = {"mean": float(values.mean()), "largest": float(values.max())}
        return facts
