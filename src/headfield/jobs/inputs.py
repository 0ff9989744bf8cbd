# SPDX-License-Identifier: BSD-3-Clause
"""The files of a job, read and hashed; what was read last is kept, so that coils share their head."""

from __future__ import annotations

import dataclasses
import os
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..coils.coil import Coil
from ..coils.read import read_coil
from ..core.digest import digest
from ..core.quantities import rates
from ..errors import HeadfieldError
from ..fields.run import Run, run_of
from ..heads.eeg import EegPositions, read_eeg_positions
from ..heads.mesh import TetMesh
from ..heads.points import find_point
from ..heads.standard import conductivity_of
from ..heads.subject import Subject
from ..heads.wanted import HeadOptions, mesh_of
from ..placement.named import Places
from ..placement.plausible import PlausiblePoses
from ..poses.placements import Placement
from ..poses.pose_list import PoseList
from ..solve.drives.rates import checked_didt, didt_of
from .agreement import PLACEMENTS
from .job import Job
from .outputs import Kept

__all__ = ["Head", "Inputs", "Problem"]

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Problem:
    """A coil at the poses of a head, and what of it is kept.

    Attributes
    ----------
    run : Run
        What it is computed from, in hashes: it tells whether a result is of this problem.
    """

    head: Head
    coil: Coil
    poses: Floats
    didt: Floats
    names: tuple[str, ...]
    run: Run

    def __len__(self) -> int:
        return len(self.poses)


class Head:
    """A head of a job as it was read, with its conductivity and what is kept of its poses.

    Parameters
    ----------
    job : Job
    name : str
    """

    def __init__(self, job: Job, name: str) -> None:
        self.job, self.name, path = job, name, job.heads[name]
        self._subject = Subject(path) if os.path.isdir(path) else None
        self.mesh: TetMesh = mesh_of(path, HeadOptions())
        given = dict(job.conductivity) or None
        if job.tensors is not None and self._subject is not None:
            given = self._subject.conductivity(job.tensors, given, mesh=self.mesh)  # type: ignore[assignment]
        self.conductivity = conductivity_of(self.mesh, given)
        self.places = Places(self.find, self.mesh)
        self.kept: Kept = job.outputs.bind(self.mesh, self.find, job.base)
        self._plausible: PlausiblePoses | None = None

    def find(self, where: Any) -> Floats:
        """Return the point (3,), mm, that words or numbers mean in this head."""
        if not isinstance(where, str):
            return np.asarray(where, np.float64)
        subject, eeg = self._subject, self.job.poses[self.name].eeg
        cap = None if subject is None and eeg is None else self._cap
        return find_point(where, cap, None if subject is None else subject.mni_to_subject)

    def _cap(self) -> EegPositions:
        eeg = self.job.poses[self.name].eeg
        if self._subject is not None and (eeg is None or not os.path.isfile(eeg)):
            return self._subject.eeg_positions(eeg)
        return read_eeg_positions(str(eeg))

    def doubt(self, coil: Coil, poses: Floats) -> None:
        """Warn of poses that are possible but hardly meant."""
        self._plausible = self._plausible or PlausiblePoses(self.mesh)
        self._plausible.warn_of(coil, poses)


class Inputs:
    """Reads what a job names.

    Parameters
    ----------
    job : Job
    doubts : bool
        Whether to warn of implausible poses.
    """

    def __init__(self, job: Job, *, doubts: bool = False) -> None:
        self.job, self._doubts = job, doubts
        self._head: Head | None = None
        self._coils: dict[str, Coil] = {}
        self._found: dict[Any, list[Placement] | PoseList] = {}
        self._problems: dict[tuple[str, str], Problem] = {}

    def count(self, head: str) -> int:
        """Return how many poses a head has, without reading the head."""
        known = self.job.poses[head].count()
        return len(self._placements(head)) if known is None else known

    def head(self, name: str) -> Head:
        """Read a head; only the last one is kept."""
        if self._head is None or self._head.name != name:
            self._head, self._problems = None, {}  # its memory before that of the next
            self._head = Head(self.job, name)
        return self._head

    def coil(self, name: str) -> Coil:
        """Read a coil, once."""
        if name not in self._coils:
            self._coils[name] = read_coil(self.job.coils[name].file)
        return self._coils[name]

    def problem(self, head: str, coil: str) -> Problem:
        """Read and check a coil at the poses of a head; hash what it is computed from.

        Raises
        ------
        HeadfieldError, OSError
            See the readers; the message begins with head and coil where it names no file.
        """
        of_head = self.head(head)
        if (head, coil) not in self._problems:
            self._problems[head, coil] = self._made(of_head, coil)
        return self._problems[head, coil]

    def _made(self, head: Head, name: str) -> Problem:
        job, coil, use = self.job, self.coil(name), self.job.coils[name]
        poses = job.poses[head.name]
        try:
            listed = poses.on(head.places, coil, self._placements(head.name), use.didt is None)
            given = None if use.didt is None else rates(use.didt)
            didt = checked_didt(didt_of(given, listed, coil, str(poses.file)), len(listed), coil)
            if self._doubts:
                head.doubt(coil, listed.poses)
        except HeadfieldError as problem:
            raise type(problem)(f"head {head.name!r}, coil {name!r}: {problem}") from None
        settings = {
            "recovery": job.recovery,
            "primary": job.primary,
            "tol": job.tol,
            "max_iterations": job.max_iterations,
            "kept": head.kept.content,
        }
        names = tuple(listed.names)
        run = run_of(
            head.mesh,
            head.conductivity,
            coil.content(),
            listed.poses,
            didt,
            settings,
            count=len(listed),
            names=names,
        )
        run = dataclasses.replace(run, settings={**run.settings, PLACEMENTS: self._given_to_all(head.name)})
        return Problem(head, coil, listed.poses, didt, names, run)

    def _given_to_all(self, head: str) -> str:
        """Return the digest of what the coils share: poses, or places where each lands by its casing."""
        found = self._placements(head)
        if isinstance(found, PoseList):
            return digest(found.poses, found.didt, *found.names)
        return digest(found)

    def _placements(self, head: str) -> list[Placement] | PoseList:
        poses = self.job.poses[head]
        if poses not in self._found:
            self._found[poses] = poses.placements()
        return self._found[poses]
