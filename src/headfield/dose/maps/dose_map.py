# SPDX-License-Identifier: BSD-3-Clause
"""What pulses add up to in a region: sums, peaks, volumes above thresholds, and their files."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from ...core.arguments import finite_number, whole
from ...core.messages import nearest_name, plural, printable
from ...errors import ArgumentError, FileFormatError
from ...fields.write import write_point_results, write_results
from ...heads.tissues import GRAY_MATTER, WHITE_MATTER
from ...io.atomic import check_folder, replacing
from ...io.regular import ending_of
from ...pictures.figure import write_picture
from ...pictures.scene import Scene
from ...regions.region import Region

__all__ = ["SUM_ENDINGS", "DoseMap", "Refused"]

Floats = NDArray[np.float64]

#: Endings of the files that sums are written to.
SUM_ENDINGS = (".vtu", ".msh", ".npz")
_MOST_PULSES = 2**53


@dataclass(frozen=True)
class Refused:
    """A pulse that has no field.

    Attributes
    ----------
    number : int
        Its place in the file or the list, from 0.
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
class DoseMap:
    """What many pulses add up to in each of p tetrahedra or points; `headfield.dose.dose_map` makes it.

    It counts and adds fields, and does not say what they do to the brain: no threshold is known to be that of
    a lasting effect, and no sum to be its size.

    Attributes
    ----------
    region : Region
    thresholds : ndarray (t,) float64
        V/m.
    above : ndarray (t, p) int64
        How many pulses had |E| above each threshold.
    total : ndarray (p,) float64
        Σ|E| over all pulses, V/m.
    peak : ndarray (p,) float64
        The largest |E| of all pulses, V/m.
    n_pulses : int
        Pulses that are in the sums.
    n_poses : int
        Different poses that were computed, or refused by what computes.
    paper, unit, validated_on, does_not_say : str
    refused : tuple of Refused
        Pulses, or poses with all their pulses, that have no field and are in none of the sums.
    """

    region: Region
    thresholds: Floats
    above: NDArray[np.int64]
    total: Floats
    peak: Floats
    n_pulses: int
    n_poses: int
    refused: tuple[Refused, ...] = ()

    paper: ClassVar[str] = "none: a definition"
    unit: ClassVar[str] = "V/m, pulses"
    validated_on: ClassVar[str] = "nothing but sums of fields: no effect was compared with them"
    does_not_say: ClassVar[str] = "what pulses do to the brain, or how many of them make an effect last"

    def __repr__(self) -> str:
        kinds = ("tetrahedron", "tetrahedra") if self.region.is_volume else ("point", "points")
        bad = f", {len(self.refused):,} refused," if self.refused else ""
        where, poses = plural(len(self.region), *kinds), plural(self.n_poses, "pose", "poses")
        return f"<DoseMap of {plural(self.n_pulses, 'pulse', 'pulses')}{bad} at {poses} in {where}>"

    @property
    def mean(self) -> Floats:
        """The mean of |E| over the pulses (p,), V/m; not a number where there were none."""
        return self.total / self.n_pulses if self.n_pulses else np.full_like(self.total, np.nan)

    def exceedance(self, threshold: float, pulses: int = 1) -> float:
        """Return how much of the region had |E| above a threshold in at least so many pulses.

        Parameters
        ----------
        threshold : float
            V/m, one of `thresholds`.
        pulses : int
            1 or more.

        Returns
        -------
        float
            In the unit of the region: mm³ of tetrahedra, mm² of a surface, else a number of points.

        Raises
        ------
        ArgumentError
            The threshold is none of those that pulses were counted for.
        """
        level = finite_number(threshold, "threshold", ArgumentError)
        (row,) = np.nonzero(self.thresholds == level)
        if not len(row):
            known = ", ".join(f"{one:g}" for one in self.thresholds)
            raise ArgumentError(f"pulses were counted above {known} V/m, not above {level:g}: see thresholds")
        least = whole(pulses, "pulses", ArgumentError, _MOST_PULSES)
        return float(self.region.weights[self.above[row[0]] >= least].sum())

    def sums(self) -> dict[str, NDArray[Any]]:
        """Return what is known of each tetrahedron or point (p,), by the names in files: see `save`."""
        names = ["pulses_above"]
        if len(self.thresholds) > 1:
            names = [f"pulses_above_{level:g}" for level in self.thresholds]
        counted = dict(zip(names, self.above, strict=True))
        return {**counted, "sum_magnE": self.total, "max_magnE": self.peak}

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the sums over all pulses: `pulses_above`, `sum_magnE` and `max_magnE` (V/m).

        Of several thresholds there are `pulses_above_50` and so on.

        Parameters
        ----------
        path : path
            `.vtu` (ParaView): on the mesh, nan outside of the region, or at the points; `.msh` (Gmsh,
            SimNIBS), of whole tetrahedra only; `.npz` (NumPy): the numbers in the order of the region, with
            its `elements`, its `centres_mm` and the `thresholds`. The file appears whole or not at all.

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
            arrays: dict[str, Any] = {"thresholds": self.thresholds, "elements": region.elements}
            arrays |= {"centres_mm": region.centres_mm, **self.sums()}
            with replacing(path) as temporary, open(temporary, "wb") as file:
                np.savez_compressed(file, **arrays)
        elif region.is_volume:
            data = {name: self._everywhere(values)[None] for name, values in self.sums().items()}
            write_results(path, region.mesh, data)
        else:
            write_point_results(path, region, {name: values[None] for name, values in self.sums().items()})

    def write_picture(self, path: str | os.PathLike[str], quantity: str = "max_magnE") -> None:
        """Draw the largest |E| of all pulses, or their mean: the cortex, its distribution, slices.

        Parameters
        ----------
        path : path
            `.png`, `.pdf` or `.svg`; the file appears whole or not at all.
        quantity : {"max_magnE", "mean_magnE"}

        Raises
        ------
        MissingPackageError
            matplotlib is missing.
        ArgumentError
            The region is one of points, or the head has nothing of it to draw; another quantity.
        FileFormatError
            Another ending.
        OSError
            The file can't be written.
        """
        drawn = {"max_magnE": ("largest |E|", self.peak), "mean_magnE": ("mean of |E|", self.mean)}
        if quantity not in drawn:
            raise ArgumentError(
                f"quantity must be one of {', '.join(drawn)}, not {quantity!r}{nearest_name(quantity, drawn)}"
            )
        if not self.region.is_volume:
            raise ArgumentError("sums at points have no tetrahedra to draw: save them as .vtu")
        there = np.unique(self.region.mesh.tags[self.region.elements]).tolist()
        brain = (WHITE_MATTER, GRAY_MATTER)
        tags = brain if set(brain) & set(there) else tuple(there)
        what, values = drawn[quantity]
        name = f"The {what} of {plural(self.n_pulses, 'pulse', 'pulses')}"
        write_picture(Scene(self.region.mesh, self._everywhere(values), tags, name=name), path)

    def to_dict(self) -> dict[str, Any]:
        """Return what all pulses amount to as plain numbers, no arrays."""
        return {
            "pulses": self.n_pulses,
            "refused": [{"number": r.number, "name": r.name, "reason": r.reason} for r in self.refused],
            "different_poses": self.n_poses,
            "largest_V_per_m": float(self.peak.max(initial=0.0)),
            "largest_sum_V_per_m": float(self.total.max(initial=0.0)),
            "thresholds_V_per_m": self.thresholds.tolist(),
            "most_pulses_above": self.above.max(axis=1, initial=0).tolist(),
            "above_in_one_pulse_or_more": [self.exceedance(level) for level in self.thresholds.tolist()],
            "unit": self.region.unit,
        }

    def _everywhere(self, values: NDArray[Any]) -> Floats:
        """Return one number for each tetrahedron of the mesh, nan outside of the region."""
        made = np.full(self.region.mesh.n_tets, np.nan)
        made[self.region.elements] = values
        return made
