# SPDX-License-Identifier: BSD-3-Clause
"""Where the poses of a job are from: a file, or a place on each head."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..coils.coil import Coil
from ..core.arguments import finite_number, not_negative, truth
from ..core.messages import check_names
from ..errors import ArgumentError
from ..placement.named import Places, positions
from ..poses.formats.raw import NoPoses
from ..poses.placements import Placement
from ..poses.pose_list import PoseList
from ..poses.read import read_pose_list

__all__ = ["PosesOf"]

_OF_FILES = ("which", "skip_bad", "scan")
_OF_PLACES = ("centre", "handle", "angles", "distance_mm")


@dataclass(frozen=True, kw_only=True)
class PosesOf:
    """The poses of a head: those of a file, or a coil that is placed on the scalp.

    Attributes
    ----------
    file : str, optional
        See `headfield.read_pose_list`, also for `which`, `skip_bad` and `scan`.
    centre, handle : str, optional
        In place of a file: points of each head, see `Subject.point`, such as "C3" or "mni:-37,-21,58".
    angles : tuple of float
        Degrees from there, a pose for each.
    distance_mm, smooth_mm, clear_mm, eeg
        As the options of `headfield place`.

    Examples
    --------
    >>> PosesOf.of({"centre": "C3", "handle": "FC3", "angles": [-45, 0, 45]}, "/data").angles
    (-45.0, 0.0, 45.0)
    """

    file: str | None = None
    which: str | int = "all"
    skip_bad: bool = False
    scan: str | None = None
    centre: str | None = None
    handle: str | None = None
    angles: tuple[float, ...] = (0.0,)
    distance_mm: float = 4.0
    smooth_mm: float = 0.0
    clear_mm: float | None = None
    eeg: str | None = None

    @classmethod
    def of(cls, given: Any, base: str) -> PosesOf:
        """Make it of a path or a table; ArgumentError for what does not go together."""
        if isinstance(given, PosesOf):
            given = {one.name: getattr(given, one.name) for one in dataclasses.fields(cls)}
            given = {name: value for name, value in given.items() if value != _DEFAULTS[name]}
        if isinstance(given, (str, os.PathLike)):
            given = {"file": os.fspath(given)}
        if not isinstance(given, Mapping):
            raise ArgumentError(f"poses must be a path or a table, not {given!r}")
        check_names(given, list(_DEFAULTS), "poses have no")
        _check_together(given)
        made = dict(given)
        for name in ("file", "scan"):
            if isinstance(made.get(name), str):
                made[name] = os.path.normpath(os.path.join(base, os.path.expanduser(made[name])))
        eeg = made.get("eeg")
        if isinstance(eeg, str) and os.path.isfile(os.path.join(base, eeg)):  # else the name of a cap
            made["eeg"] = os.path.normpath(os.path.join(base, eeg))
        return cls(**_checked(made))

    def count(self) -> int | None:
        """Return how many poses there are; None if that takes a look into the file."""
        return len(self.angles) if self.file is None else None

    def placements(self) -> list[Placement] | PoseList:
        """Return the poses of the file; or positions, which become poses on a head."""
        if self.file is None:
            return [Placement("", str(self.centre), str(self.handle), self.distance_mm, None)]
        reading: dict[str, Any] = {"which": self.which, "skip_bad": self.skip_bad, "scan": self.scan}
        try:
            return read_pose_list(self.file, **reading)
        except NoPoses as problem:
            return positions(self.file, problem, self.which)

    def on(self, places: Places, coil: Coil, found: list[Placement] | PoseList, rates: bool) -> PoseList:
        """Return the poses of a coil on a head, given `placements()`; whether dI/dt is needed of them."""
        if isinstance(found, PoseList):
            return found
        how: dict[str, Any] = {"smooth_mm": self.smooth_mm, "clear_mm": self.clear_mm}
        if self.file is not None:
            return places.of_session(found, coil, self.file, needs_rates=rates, **how)
        poses = places.poses(found[0], coil, self.angles, **how)
        return PoseList(poses, [f"{self.centre} {angle:g}" for angle in self.angles])


_DEFAULTS = {one.name: one.default for one in dataclasses.fields(PosesOf)}


def _check_together(given: Mapping[str, Any]) -> None:
    if ("file" in given) == ("centre" in given or "handle" in given):
        raise ArgumentError("poses: give either a file, or centre and handle to place the coil")
    if "file" not in given and not {"centre", "handle"} <= set(given):
        raise ArgumentError("poses: to place the coil give both centre and handle")
    wrong = _OF_PLACES if "file" in given else _OF_FILES
    for name in wrong:
        if name in given:
            raise ArgumentError(
                f"poses: {name} is of no effect {'with' if 'file' in given else 'without'} a file"
            )


def _checked(given: dict[str, Any]) -> dict[str, Any]:
    made = dict(given)
    for name in ("file", "scan", "centre", "handle", "eeg"):
        if made.get(name) is not None and (not isinstance(made[name], str) or not made[name].strip()):
            raise ArgumentError(f"poses: {name} must be text, not {made[name]!r}")
    if "skip_bad" in made:
        made["skip_bad"] = truth(made["skip_bad"], "skip_bad", ArgumentError)
    if "angles" in made:
        angles = made["angles"]
        several = angles if isinstance(angles, Sequence) and not isinstance(angles, str) else [angles]
        if not several:
            raise ArgumentError("poses: there are no angles")
        made["angles"] = tuple(finite_number(one, "angles", ArgumentError) for one in several)
    for name in ("distance_mm", "smooth_mm", "clear_mm"):
        if made.get(name) is not None:
            made[name] = not_negative(made[name], name, ArgumentError)
    return made
