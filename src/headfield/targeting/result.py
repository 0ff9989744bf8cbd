# SPDX-License-Identifier: BSD-3-Clause
"""What a search found: the pose, how sure and how flat it is, and the map that it was chosen from."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..coils.coil import Coil
from ..core.arguments import positive
from ..core.messages import plural
from ..errors import ArgumentError
from ..geometry.surface import Surface
from ..io.atomic import replacing
from ..pictures.target import TargetScene
from ..pictures.target_figure import draw_target, write_target
from ..poses.pose_list import PoseList
from ..poses.write import write_poses
from .lifting import Lifting

__all__ = ["Flatness", "SearchReport", "SearchResult"]

Floats = NDArray[np.float64]

_RATED = (".csv", ".xml", ".mat")  # formats of poses that hold dI/dt


class Flatness(NamedTuple):
    """How much of the value is lost beside the best pose, as shares of it (0.03: three percent)."""

    shift_mm: float
    turn_deg: float
    worst_shift: float  #: at the worst of eight directions along the scalp
    mean_shift: float
    worst_turn: float  #: the worse of both ways
    worst: float  #: at the worst shift and turn together


@dataclass(frozen=True)
class SearchReport:
    """How a search went.

    Attributes
    ----------
    n_positions, n_angles : int
    n_solves : int
        Systems of equations: for designs, adjoints and certified poses together.
    reciprocal_error : float
        The largest difference of values by reciprocity and of full solves of the same poses, relative to the
        best value; nan without full solves.
    map_error : float
        The largest difference of the map from full solves of four poses spread over it, likewise.
    sweep_error : float
        Of the sums that poses were ranked by, at eight of them, relative to the largest: what rings and
        lattices are off by, but not what |E| is spanned by.
    discretisation_error : float
        Of the value, where a zoom gave it; else nan. What linear elements of the head leave is not in it.
    ruled_out : float
        Share of the positions and angles.
    lift_mm : float
        By which the best coil is lifted off the scalp, so that its casing is clear of it.
    notes : tuple of str
        What to look at, such as a best pose at the edge of what was searched.
    seconds : dict of str to float
    """

    n_positions: int
    n_angles: int
    n_solves: int
    reciprocal_error: float
    map_error: float
    sweep_error: float
    discretisation_error: float
    ruled_out: float
    lift_mm: float
    notes: tuple[str, ...]
    seconds: dict[str, float]

    def __str__(self) -> str:
        seconds = ", ".join(f"{name} {s:.2f}" for name, s in self.seconds.items())
        off = "" if np.isnan(self.reciprocal_error) else f", reciprocity off by {self.reciprocal_error:.1e}"
        lines = [
            f"{self.n_positions} positions × {self.n_angles} angles, {self.n_solves} solves{off} "
            f"({seconds} s)"
        ]
        return "; ".join([*lines, *self.notes])


@dataclass(frozen=True, eq=False)
class SearchResult:
    """The best pose of a coil for a target.

    Attributes
    ----------
    coil : Coil
    pose : ndarray (4, 4)
        Coil to head, mm.
    value : float
        Of the target at `didt`, V/m, by a full solve unless none was asked for.
    didt : ndarray (s,)
        A/s, of each stimulator.
    poses, values : ndarray (r, 4, 4), (r,)
        The best pose and its rivals, best first.
    positions_mm : ndarray (p, 3)
        On the scalp.
    base_poses : ndarray (p, 4, 4)
        There, at an angle of 0: the handle points straight back.
    angles_deg : ndarray (a,)
        Clockwise as seen from outside, as in `headfield.ring`.
    map : ndarray (p, a) float32
        Values of all positions and angles, V/m; nan where they are ruled out.
    flatness : Flatness
    gradient : ndarray (6,)
        Of the value at the pose, V/m per mm along x, y and z of the coil, and per degree about them.
    report : SearchReport
    target_mm : ndarray (3,)
        The middle of the target.
    angle_deg : float
        Of the best pose, between 0 and 360: as `angles_deg`, but at the position that was refined.
    profile : ndarray (360,)
        Values there at each degree, by reciprocity, V/m; nan where they are ruled out.
    scalp : Surface
        The skin of the head, which pictures show.
    """

    coil: Coil
    pose: Floats
    value: float
    didt: Floats
    poses: Floats
    values: Floats
    positions_mm: Floats
    base_poses: Floats
    angles_deg: Floats
    map: NDArray[np.float32]
    flatness: Flatness
    gradient: Floats
    report: SearchReport
    target_mm: Floats
    angle_deg: float
    profile: Floats
    scalp: Surface
    motions: Floats  #: (t, a, 4, 4): what is done to a coil at each tilt and angle
    which_tilt: NDArray[np.int32]  #: (p, a): the best tilt
    lifting: Lifting | None

    def __repr__(self) -> str:
        x, y, z = self.pose[:3, 3]
        return (
            f"<SearchResult: {self.value:.4g} V/m at ({x:.1f}, {y:.1f}, {z:.1f}) mm, best of "
            f"{plural(self.map.size, 'pose', 'poses')}>"
        )

    @property
    def best_at(self) -> NDArray[np.float32]:
        """The best value (p,) of each position over all angles; nan where none is possible."""
        filled = np.where(np.isnan(self.map), np.float32(-np.inf), self.map).max(axis=1)
        return np.where(np.isinf(filled), np.float32(np.nan), filled)

    def poses_on_map(self, position: NDArray[np.intp], angle: NDArray[np.intp]) -> Floats:
        """Return the poses (n, 4, 4) of places (n,) and angles (n,) on the map, lifted as they have to be."""
        poses = self.base_poses[position] @ self.motions[self.which_tilt[position, angle], angle]
        return poses if self.lifting is None else self.lifting.cleared(poses)

    def didt_for(self, value: float) -> float:
        """Return dI/dt, A/s, at which the target gets a value, V/m, at the best pose; E is linear in it.

        Raises
        ------
        ArgumentError
            The coil has several stimulators, the target gets nothing, or the coil does not reach that.
        """
        wanted = positive(value, "value", ArgumentError)
        if len(self.didt) != 1:
            raise ArgumentError("the coil has several stimulators: scale didt by value / result.value")
        if not self.value > 0.0:
            raise ArgumentError(f"the target gets {self.value:g} V/m: no dI/dt makes it positive")
        didt = float(self.didt[0]) * wanted / self.value
        most = self.coil.stimulators[0].didt_max
        if most is not None and abs(didt) > most:
            raise ArgumentError(
                f"{wanted:g} V/m takes {abs(didt):.3g} A/s, {100 * abs(didt) / most:.0f} % of what "
                f"{self.coil!r} reaches"
            )
        return didt

    def scene(self) -> TargetScene:
        """What pictures of the search show."""
        flat = self.flatness
        return TargetScene(
            self.scalp.nodes_mm,
            self.scalp.faces,
            positions_mm=self.positions_mm,
            best_at=self.best_at,
            poses=self.poses,
            value=self.value,
            coil=self.coil,
            target_mm=self.target_mm,
            angle_deg=self.angle_deg,
            angles_deg=np.arange(len(self.profile)) * 360.0 / len(self.profile),
            profile=self.profile,
            turn_deg=flat.turn_deg,
            lost=flat.worst_turn,
            shift_mm=flat.shift_mm,
            lost_at_worst=flat.worst,
            didt=self.didt,
        )

    def plot(self) -> Any:
        """Draw the map on the scalp with the best coil and its rivals, the coil, and a profile of angles.

        Returns
        -------
        matplotlib.figure.Figure
            It is not registered with pyplot; a notebook shows it, `savefig` writes it. Colours are the best
            value of each position over all angles.

        Raises
        ------
        MissingPackageError
            matplotlib is missing.
        """
        return draw_target(self.scene())

    def write_picture(self, path: str | os.PathLike[str]) -> None:
        """Write the figure of `plot`.

        Parameters
        ----------
        path : path
            `.png`, `.pdf` or `.svg`; the file appears whole or not at all.

        Raises
        ------
        MissingPackageError
            matplotlib is missing.
        FileFormatError
            Another ending.
        OSError
            The file can't be written.
        """
        write_target(self.scene(), path)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the answer: .json has all numbers but the map; others hold the best pose and its rivals.

        Other endings are those of `headfield.write_poses`: .csv, .npy and the formats of navigators. .tfm
        holds the best pose alone.

        Raises
        ------
        HeadfieldError, OSError
        """
        ending = Path(path).suffix.lower()
        rated = len(self.didt) == 1 and ending in _RATED
        if ending == ".json":
            with replacing(path) as new:
                Path(new).write_text(json.dumps(self.to_dict(), indent=1) + "\n", encoding="utf-8")
        else:
            poses = self.poses[: 1 if ending == ".tfm" else None]
            names = ["best", *(f"rival {i}" for i in range(1, len(poses)))]
            write_poses(path, PoseList(poses, names, np.full(len(names), self.didt[0]) if rated else None))

    def save_map(self, path: str | os.PathLike[str]) -> None:
        """Write the map as .csv: x, y and z of each position, mm, and the value at each angle.

        Raises
        ------
        ArgumentError
            Another ending.
        StorageError, OSError
        """
        if Path(path).suffix.lower() != ".csv":
            raise ArgumentError(f"{os.fspath(path)}: maps are written to .csv")
        head = ",".join(["x_mm", "y_mm", "z_mm", *(f"{a:g}_deg" for a in self.angles_deg)])
        rows = np.column_stack([self.positions_mm, self.map])
        with replacing(path) as new:
            np.savetxt(new, rows, fmt="%.6g", delimiter=",", header=head, comments="", encoding="utf-8")

    def to_dict(self) -> dict[str, Any]:
        """Return the answer as plain numbers, without the map."""
        report = self.report
        return {
            "pose": self.pose.tolist(),
            "value_V_per_m": self.value,
            "didt_A_per_s": self.didt.tolist(),
            "coil": self.coil.name,
            "angle_deg": self.angle_deg,
            "target_mm": self.target_mm.tolist(),
            "rivals": [
                {"pose": pose.tolist(), "value_V_per_m": float(v)}
                for pose, v in zip(self.poses[1:], self.values[1:], strict=True)
            ],
            "flatness": self.flatness._asdict(),
            "gradient_V_per_m_per_mm_or_degree": self.gradient.tolist(),
            "report": {
                "positions": report.n_positions,
                "angles": report.n_angles,
                "solves": report.n_solves,
                "reciprocal_error": _or_none(report.reciprocal_error),
                "map_error": _or_none(report.map_error),
                "sweep_error": report.sweep_error,
                "discretisation_error": _or_none(report.discretisation_error),
                "ruled_out": report.ruled_out,
                "lift_mm": report.lift_mm,
                "notes": list(report.notes),
                "seconds": report.seconds,
            },
        }


def _or_none(value: float) -> float | None:
    return None if np.isnan(value) else value
