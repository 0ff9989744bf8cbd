# SPDX-License-Identifier: BSD-3-Clause
"""What of a job is there and what is to be done, after all its files have been read and hashed."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from ..core.messages import first_of
from ..errors import ArgumentError
from ..fields.run import Run
from ..io.room import check_room
from .agreement import Agreement
from .inputs import Inputs
from .layout import Chunk, Layout, slice_of
from .store import Damaged, begin, chunk_path, read_chunk

__all__ = ["Plan", "looked_up", "planned"]

_BESIDE = 12_000  # bytes of a chunk beside its arrays
_LISTED = 20


@dataclass(eq=False)
class Plan:
    """The chunks of a job, or of a slice of it.

    Attributes
    ----------
    layout : Layout
        Of the whole job.
    chunks : list of Chunk
        Those of the slice.
    runs : dict of (str, str) to Run
        What each coil in each head is computed from.
    todo : list of Chunk
    sizes : dict of str to int
        Bytes of a pose, by head.
    tetrahedra : dict of str to int
        Of each head.
    didt : dict of str to (float, float)
        The least and the largest dI/dt of each coil, A/s.
    not_converged : list of (str, str, int)
        Of the chunks that are there.
    refused : dict of (str, str, int) to str
    damaged : list of str
    """

    layout: Layout
    chunks: list[Chunk]
    runs: dict[tuple[str, str], Run] = field(default_factory=dict)
    todo: list[Chunk] = field(default_factory=list)
    sizes: dict[str, int] = field(default_factory=dict)
    tetrahedra: dict[str, int] = field(default_factory=dict)
    didt: dict[str, tuple[float, float]] = field(default_factory=dict)
    not_converged: list[tuple[str, str, int]] = field(default_factory=list)
    refused: dict[tuple[str, str, int], str] = field(default_factory=dict)
    damaged: list[str] = field(default_factory=list)

    @property
    def poses(self) -> int:
        """Poses of the slice."""
        return sum(chunk.count for chunk in self.chunks)

    @property
    def bytes(self) -> int:
        """What is still to be written, at most."""
        return sum(self.sizes[chunk.head] * chunk.count + _BESIDE for chunk in self.todo)

    def check_room(self, folder: Path) -> None:
        """Raise StorageError if the disk has less room than is needed."""
        there = self.poses - sum(chunk.count for chunk in self.todo)
        check_room(folder / "chunks", self.bytes, f"{there} of {self.poses} poses are there")


def planned(inputs: Inputs, slice_: str | tuple[int, int] | None = None) -> Plan:
    """Cut a job into chunks, and read and hash the files that a slice of it needs.

    Raises
    ------
    HeadfieldError, OSError
        See `Inputs`.
    """
    job = inputs.job
    layout = Layout.of(job.chunk, {name: inputs.count(name) for name in job.heads}, list(job.coils))
    chosen = [layout[number] for number in slice_of(slice_, len(layout))]
    plan = Plan(layout, chosen, todo=list(chosen))
    for chunk in chosen:
        part = chunk.head, chunk.coil
        if part not in plan.runs:
            problem = inputs.problem(*part)
            if len(problem) != layout.counts[chunk.head]:
                raise ArgumentError(f"head {chunk.head!r}: its file of poses changed while it was read")
            plan.runs[part] = problem.run
            plan.sizes[chunk.head] = problem.head.kept.bytes_per_pose
            low, high = plan.didt.get(chunk.coil, (np.inf, -np.inf))
            plan.didt[chunk.coil] = min(low, float(problem.didt.min())), max(high, float(problem.didt.max()))
            plan.tetrahedra[chunk.head] = len(problem.head.mesh.tets)
    return plan


def looked_up(plan: Plan, inputs: Inputs, folder: Path, *, resume: bool) -> None:
    """Find the chunks that are there already, each held against its check sum and the files of the job.

    Raises
    ------
    ArgumentError
        A chunk is of another head, coil, poses or options; or there are chunks and it is not to go on.
    FileFormatError
        A chunk or the record is of another version of headfield.
    """
    begin(folder, inputs.job, plan.layout)
    _check_others(plan, folder)
    todo, foreign = [], list[str]()
    for chunk in plan.chunks:
        path = chunk_path(folder, chunk)
        if not path.exists():
            todo.append(chunk)
            continue
        if not resume:
            raise ArgumentError(f"{folder}: there are results in it; go on with resume (--resume)")
        try:
            _add(plan, chunk, path)
        except Damaged as problem:
            plan.damaged.append(str(problem))
            todo.append(chunk)
        except ArgumentError as problem:
            foreign.append(str(path) if foreign else str(problem))
    if foreign:
        raise ArgumentError(_said_of(foreign))
    plan.todo = todo


def _add(plan: Plan, chunk: Chunk, path: Path) -> None:
    """Add a chunk that is there; Damaged, or ArgumentError if it is of another run."""
    stored = read_chunk(path, "converged")
    if "converged" not in stored.arrays:
        raise Damaged(f"{path}: a column is missing")
    run = plan.runs[chunk.head, chunk.coil]
    run.check_same(stored.run, str(path))
    run.part(chunk.first, chunk.count).check_slice(stored.run, str(path))
    plan.not_converged += [(chunk.head, chunk.coil, pose) for pose in stored.not_converged()]
    plan.refused |= {(chunk.head, chunk.coil, pose): why for pose, why in stored.refused.items()}


def _said_of(foreign: list[str]) -> str:
    """Say which chunks are of another run, the first with the reason, and what to do."""
    first, *others = foreign
    more = f", and so are {first_of(others, _LISTED)}" if others else ""
    return f"{first}{more}: remove what was solved from other files to have it solved again"


def _check_others(plan: Plan, folder: Path) -> None:
    """Hold the files of the job against what other slices have done with the same heads and coils."""
    agreement = Agreement()
    for part in plan.layout.parts:
        if (run := plan.runs.get((part.head, part.coil))) is not None:
            agreement.check(plan.layout[part.first_chunk], run, f"{part.head}/{part.coil}")
    own = {chunk.number for chunk in plan.chunks}
    for part in plan.layout.parts:
        others = (chunk for chunk in plan.layout.of_part(part) if chunk.number not in own)
        there = (chunk for chunk in others if chunk_path(folder, chunk).exists())
        if (chunk := next(there, None)) is not None:
            with contextlib.suppress(Damaged):
                path = chunk_path(folder, chunk)
                agreement.check(chunk, read_chunk(path, "converged").run, str(path))
