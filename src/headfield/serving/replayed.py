# SPDX-License-Identifier: BSD-3-Clause
"""A session that was replayed: the dose of each pulse, sums over all of them, and their files."""

from __future__ import annotations

import csv
import os
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..core.messages import plural, printable
from ..errors import ArgumentError, FileFormatError
from ..fields.write import write_point_results, write_results
from ..heads.tissues import GRAY_MATTER
from ..io.atomic import check_folder, replacing
from ..io.regular import ending_of
from ..measures.target import Target
from ..pictures.figure import write_picture
from ..pictures.scene import Scene
from ..regions.region import Region

__all__ = ["SUM_ENDINGS", "Refused", "Replay"]

Floats = NDArray[np.float64]

#: Endings of the files that sums are written to.
SUM_ENDINGS = (".vtu", ".msh", ".npz")


@dataclass(frozen=True)
class Refused:
    """A pulse that has no field.

    Attributes
    ----------
    number : int
        Its place in the file, from 0.
    name : str
    reason : str
        Such as "not set", where the tracker did not see the coil, or what is wrong with its pose.

    Examples
    --------
    >>> print(Refused(3, "M1", "not set"))
    pulse 3 (M1): not set
    """

    number: int
    name: str
    reason: str

    def __str__(self) -> str:
        """Return all of it in one line."""
        return f"pulse {self.number} ({printable(self.name[:40])}): {self.reason}"


@dataclass(frozen=True, eq=False, kw_only=True)
class Replay:
    """The dose of each of k pulses, and of all together in each of p tetrahedra or points.

    `headfield.replay` makes it. What a pulse has no field for is nan, and is in none of the sums.

    Attributes
    ----------
    region : Region
        Where E was computed.
    numbers : ndarray (k,) int64
        Place of each pulse in the file, from 0.
    names : tuple of k str
    poses : ndarray (k, 4, 4) float64
        Coil to head, mm; nan where it was lost.
    didt : ndarray (k, s) float64
        A/s, for each stimulator.
    seconds : ndarray (k,) float64 or None
        When each was recorded, see `PoseList`.
    refused : tuple of Refused
        The pulses without a field.
    largest, mean, percentile_99 : ndarray (k,) float64
        V/m, of |E| over the region: the largest, the mean, and the 99th percentile, by volume, area or
        points.
    target : Target or None
    at_target : ndarray (k,) float64 or None
        V/m, the value of the target.
    basis_error : ndarray (k,) float64
        Estimated relative L2 error of E over the region that the engine reports, nan where it reports none.
    threshold : float
        V/m.
    pulses : ndarray (p,) int64
        How many pulses had |E| above the threshold there.
    total : ndarray (p,) float64
        Σ|E| over all pulses, V/m.
    peak : ndarray (p,) float64
        The largest |E| of all pulses, V/m.
    n_poses : int
        Different poses that were computed, or refused by the engine.
    """

    region: Region
    numbers: NDArray[np.int64]
    names: tuple[str, ...]
    poses: Floats
    didt: Floats
    seconds: Floats | None
    refused: tuple[Refused, ...]
    largest: Floats
    mean: Floats
    percentile_99: Floats
    target: Target | None
    at_target: Floats | None
    basis_error: Floats
    threshold: float
    pulses: NDArray[np.int64]
    total: Floats
    peak: Floats
    n_poses: int

    def __len__(self) -> int:
        """Number of pulses."""
        return len(self.numbers)

    def __repr__(self) -> str:
        kinds = ("tetrahedron", "tetrahedra") if self.region.is_volume else ("point", "points")
        bad = f", {len(self.refused):,} of them refused," if self.refused else ""
        where, poses = plural(len(self.region), *kinds), plural(self.n_poses, "pose", "poses")
        return f"<Replay of {plural(len(self), 'pulse', 'pulses')}{bad} at {poses} in {where}>"

    def sums(self) -> dict[str, NDArray[Any]]:
        """Return the three sums (p,) under the names that files have them: see `save`."""
        return {"pulses_above": self.pulses, "sum_magnE": self.total, "max_magnE": self.peak}

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

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the sums over all pulses: `pulses_above`, `sum_magnE` and `max_magnE` (V/m).

        Parameters
        ----------
        path : path
            `.vtu` (ParaView): on the mesh, nan outside of the region, or at the points; `.msh` (Gmsh,
            SimNIBS), of whole tetrahedra only; `.npz` (NumPy): the numbers in the order of the region, with
            its `elements`, its `centres_mm` and the `threshold`. The file appears whole or not at all.

        Raises
        ------
        FileFormatError
            Another ending, .msh of a region of points, or meshio is missing.
        OSError
            The file can't be written.
        """
        ending, region = ending_of(path), self.region
        if ending not in SUM_ENDINGS:
            known = ", ".join(SUM_ENDINGS)
            raise FileFormatError(f"{os.fspath(path)}: sums over pulses are written as {known}")
        if ending == ".msh" and not region.is_volume:
            raise FileFormatError(f"{os.fspath(path)}: sums at points are written as .vtu or .npz")
        check_folder(path)
        if ending == ".npz":
            arrays: dict[str, Any] = {"threshold": self.threshold, "elements": region.elements}
            arrays |= {"centres_mm": region.centres_mm, **self.sums()}
            with replacing(path) as temporary, open(temporary, "wb") as file:
                np.savez_compressed(file, **arrays)
        elif region.is_volume:
            data = {name: self._everywhere(values)[None] for name, values in self.sums().items()}
            write_results(path, region.mesh, data)
        else:
            write_point_results(path, region, {name: values[None] for name, values in self.sums().items()})

    def write_picture(self, path: str | os.PathLike[str]) -> None:
        """Draw the largest |E| of all pulses: the cortex, its distribution, slices; see `Field.plot`.

        Parameters
        ----------
        path : path
            `.png`, `.pdf` or `.svg`; the file appears whole or not at all.

        Raises
        ------
        MissingPackageError
            matplotlib is missing.
        ArgumentError
            The region is one of points, or the head has nothing of it to draw.
        FileFormatError
            Another ending.
        OSError
            The file can't be written.
        """
        if not self.region.is_volume:
            raise ArgumentError("sums at points have no tetrahedra to draw: save them as .vtu")
        there = np.unique(self.region.mesh.tags[self.region.elements]).tolist()
        tags = (1, GRAY_MATTER) if {1, GRAY_MATTER} & set(there) else tuple(there)
        name = f"The largest |E| of {plural(len(self) - len(self.refused), 'pulse', 'pulses')}"
        write_picture(Scene(self.region.mesh, self._everywhere(self.peak), tags, name=name), path)

    def to_dict(self) -> dict[str, Any]:
        """Return what the session amounts to as plain numbers: no table, no arrays."""
        good = np.isfinite(self.largest)
        known = self.basis_error[np.isfinite(self.basis_error)]
        facts: dict[str, Any] = {
            "pulses": len(self),
            "refused": [{"number": r.number, "name": r.name, "reason": r.reason} for r in self.refused],
            "different_poses": self.n_poses,
            "largest_V_per_m": float(self.largest[good].max()) if good.any() else None,
            "mean_of_largest_V_per_m": float(self.largest[good].mean()) if good.any() else None,
            "threshold_V_per_m": self.threshold,
            "most_pulses_above": int(self.pulses.max()),
            "largest_sum_V_per_m": float(self.total.max()),
            "largest_basis_error": float(known.max()) if len(known) else None,
            "unknown_basis_errors": int(good.sum()) - len(known) if len(known) else 0,
        }
        if self.at_target is not None and good.any():
            values = self.at_target[good]
            facts["target_V_per_m"] = {"mean": float(values.mean()), "largest": float(values.max())}
        return facts

    def _everywhere(self, values: NDArray[Any]) -> Floats:
        """Return one number for each tetrahedron of the mesh, nan outside of the region."""
        made = np.full(self.region.mesh.n_tets, np.nan)
        made[self.region.elements] = values
        return made
