# SPDX-License-Identifier: BSD-3-Clause
"""The command `headfield demo`: a head, a figure-8 over the left motor area, twelve angles."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..coils.coil import Coil
from ..coils.layouts import figure_of_eight
from ..errors import HeadfieldError
from ..fields.field import Field
from ..heads.tissues import GRAY_MATTER
from ..measures.target import Target
from ..metrics import focality, percentiles, roi_mean
from ..pictures.figure import write_picture
from ..poses.pose import ring
from ..regions.makers import sphere
from ..regions.region import Region
from ..solve.model import HeadModel
from ..targeting.search import search
from .demo_heads import HEADS
from .progress import Progress
from .target_text import rows_of

__all__ = ["DIDT", "Angle", "run_demo"]

#: A/s. About a third of what stimulators give at most, and near the motor threshold of many people.
DIDT = 50e6
_ANGLES_DEG = np.arange(0.0, 180.0, 15.0)
_TARGET_RADIUS_MM = 8.0
_SEARCH: dict[str, Any] = {"radius_mm": 40.0, "spacing_mm": 5.0, "rivals": 3}


class Angle(NamedTuple):
    """The field at one angle of the coil, in numbers."""

    angle_deg: float
    iterations: int
    residual: float
    peak: float  #: 99.9th percentile of |E| in gray matter, V/m
    target: float  #: mean |E| in the gray matter of the target, V/m
    focality_cm3: float  #: gray matter with at least half the peak


def run_demo(
    folder: str | os.PathLike[str],
    edge_mm: float | None = None,
    *,
    head: str = "template",
    device: str = "auto",
    threads: int | None = None,
    quiet: bool = False,
) -> list[Angle]:
    """Solve the demo, print its table, and write its files.

    Parameters
    ----------
    folder : path
        It is made if it isn't there. Gets head.msh, coil.ccd and poses.npy (input for `headfield solve`), of
        the template also eeg.csv (for `headfield place`), and for the angle with the largest mean |E| in the
        target best.msh, best.vtu and, with matplotlib, best.png; of the search for the best pose target.csv,
        target.json and target.png.
    edge_mm : float, optional
        As for the functions that make the heads; by default 5 mm of the template and 3 mm of the phantom.
    head : {"template", "phantom"}
    device : {"auto", "cpu", "cuda"}
    threads : int, optional
    quiet : bool
        Print no progress on stderr.

    Returns
    -------
    list of Angle

    Raises
    ------
    HeadfieldError, OSError
    """
    to = Path(folder)
    to.mkdir(parents=True, exist_ok=True)
    progress = Progress(len(_ANGLES_DEG), quiet)
    where, coil = HEADS[head](), figure_of_eight(name="demo figure of eight")
    mesh = where.make(where.edge_mm if edge_mm is None else edge_mm)
    progress.say(f"{mesh!r}, {coil!r}")
    model = HeadModel(mesh, device=device, threads=threads)
    progress.say(f"set-up took {sum(model.seconds.values()):.1f} s")
    poses = demo_poses(model, coil, where.centre_mm)
    gray = np.flatnonzero(mesh.tags == GRAY_MATTER)
    field = model.solve(coil, poses, DIDT, elements=gray, progress=lambda done, _: progress.done(done))
    rows = _score(field, gray, where.target_mm)
    seconds = sum(field.report.seconds.values()) / len(poses)
    best = max(range(len(rows)), key=lambda i: rows[i].target)
    print(_table(rows, best, seconds, where.target))
    print(f"\nwritten to {to}: {_write(to, model, coil, poses, best, where.positions)}")
    target = sphere(mesh, where.target_mm, _TARGET_RADIUS_MM, GRAY_MATTER)
    print(f"\nThe best pose for the mean |E| there, of all within {_SEARCH['radius_mm']:g} mm on the scalp:")
    print(_search(to, model, coil, target, progress))
    return rows


def _search(to: Path, model: HeadModel, coil: Coil, target: Region, progress: Progress) -> str:
    """Search for the best pose, write what was found, and return lines that say it."""
    found = search(model, coil, Target(target), DIDT, **_SEARCH, progress=progress.say)
    for name in ("target.csv", "target.json"):
        found.save(to / name)
    text = [f"{name:12} {words}" for name, words in rows_of(found.to_dict())]
    picture = _picture(found.write_picture, to / "target.png")
    seconds = sum(found.report.seconds.values())
    return "\n".join([*text, f"{seconds:.1f} s", "", f"written to {to}: target.csv, target.json{picture}"])


def _write(
    to: Path,
    model: HeadModel,
    coil: Coil,
    poses: NDArray[np.float64],
    best: int,
    positions: Path | None,
) -> str:
    """Write the files of the demo; return what they are called."""
    model.mesh.write(to / "head.msh")
    coil.write(to / "coil.ccd")
    np.save(to / "poses.npy", poses)
    if positions is not None:
        (to / "eeg.csv").write_bytes(positions.read_bytes())
    one = model.solve(coil, poses[best], DIDT)
    for name in ("best.msh", "best.vtu"):
        one.save(to / name)
    named = "" if positions is None else ", eeg.csv"
    picture = _picture(lambda path: write_picture(one.scene(coil=coil), path), to / "best.png")
    return f"head.msh, coil.ccd, poses.npy{named}; of the best angle best.msh, best.vtu{picture}"


def demo_poses(model: HeadModel, coil: Coil, centre_mm: NDArray[np.float64]) -> NDArray[np.float64]:
    """Place the coil over a point, (12, 4, 4), mm: handle straight back, then turned by 15° each.

    At 45° the handle points back and to the side, as is usual for the motor area.
    """
    return ring(model.place(coil, centre_mm=centre_mm, handle_mm=centre_mm + [0, 50, 0]), _ANGLES_DEG)


def _score(field: Field, gray: NDArray[np.intp], target_mm: NDArray[np.float64]) -> list[Angle]:
    """Describe each pose of a field in gray matter by a row of numbers."""
    volumes, centres = field.mesh.volumes_mm3()[gray], field.mesh.barycentres_mm()[gray]
    rows = []
    for k, angle in enumerate(_ANGLES_DEG[: len(field)]):
        magnitude = field.magnitude[k]
        rows.append(
            Angle(
                float(angle),
                int(field.report.iterations[k]),
                float(field.report.residual[k]),
                float(percentiles(magnitude, volumes, 99.9)),
                float(roi_mean(magnitude, volumes, centres, target_mm, _TARGET_RADIUS_MM)),
                float(focality(magnitude, volumes)) / 1000,
            )
        )
    return rows


def _table(rows: list[Angle], best: int, seconds: float, target: str) -> str:
    text = [
        f"|E| in gray matter, V/m, at dI/dt {DIDT * 1e-6:g} A/µs. Peak: 99.9th percentile. Target: mean",
        f"within {_TARGET_RADIUS_MM:g} mm of {target}. Focality: volume above half the peak.",
        "Angle: 0° with the handle straight back, then clockwise as seen from outside.",
        "",
        " angle  iterations  residual    peak  target  focality",
    ]
    for i, row in enumerate(rows):
        text.append(
            f"{row.angle_deg:5.0f}°  {row.iterations:10d}  {row.residual:8.1e}  {row.peak:6.1f}"
            f"  {row.target:6.1f}  {row.focality_cm3:4.1f} cm³{'  <- best' if i == best else ''}"
        )
    return "\n".join([*text, f"{seconds:.3f} s per pose"])


def _picture(write: Callable[[Path], None], path: Path) -> str:
    """Write a picture; return what to say of it at the end of a list of files."""
    try:
        write(path)
    except HeadfieldError as error:
        return f"\nno picture: {error}"
    return f", {path.name}"
