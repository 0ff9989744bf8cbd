# SPDX-License-Identifier: BSD-3-Clause
"""The command `headfield solve`: every pose of a file, in bounded memory; what is solved is kept."""

from __future__ import annotations

import argparse
import json
import os
import time
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..coils.coil import Coil
from ..coils.read import read_coil
from ..errors import ArgumentError, ConvergenceError, RegionError
from ..fields.field import Field
from ..fields.stream import open_results, result_files
from ..fields.write import magnitude
from ..heads.mesh import TetMesh
from ..heads.read import read_mesh
from ..heads.subject import Subject
from ..heads.tissues import GRAY_MATTER
from ..metrics import percentiles
from ..poses.pose_list import PoseList
from ..poses.read import read_pose_list
from ..solve.model import HeadModel
from .progress import Progress

__all__ = ["solve"]


def solve(args: argparse.Namespace) -> None:
    """Run `headfield solve` with parsed arguments."""
    start = time.perf_counter()
    mesh, conductivity = _head(args)
    coil, listed = read_coil(args.coil), read_pose_list(args.poses)
    poses, didt = listed.poses, _didt(args, listed, coil)
    _check_not_input(args, len(poses))
    elements = _elements(mesh, args.tissues)
    progress = Progress(len(poses), args.quiet)
    with open_results(args.output, mesh, len(poses), elements) as results:
        progress.say(f"{mesh!r}, {coil!r}")
        model = HeadModel(mesh, conductivity, device=args.device, threads=args.threads)
        progress.say(f"set-up took {sum(model.seconds.values()):.1f} s")
        summary = _Summary(mesh, elements)
        try:
            for field in _fields(args, model, coil, poses, didt, elements):
                results.write(field.arrays())
                summary.add(field)
                progress.done(len(summary.rows))
                del field  # and its E, before the next batch is solved
        except BaseException as error:  # also an interrupt: what is solved is kept, and the user told
            if isinstance(error, ConvergenceError):
                results.write(error.partial.arrays())
            progress.say(f"{len(summary.rows)} of {len(poses)} poses are done and kept")
            raise
    facts = {
        "head": args.head,
        "coil": args.coil,
        "poses": len(poses),
        "didt": np.asarray(didt).tolist(),
        "tol": args.tol,
        "recovery": args.recovery,
        "device": model.device,
        "files": results.files,
        "seconds": round(time.perf_counter() - start, 3),
        "results": summary.rows,
    }
    print(json.dumps(facts, indent=1) if args.json else summary.text(facts))


def _fields(
    args: argparse.Namespace,
    model: HeadModel,
    coil: Coil,
    poses: NDArray[np.float64],
    didt: Any,
    elements: NDArray[np.int32] | None,
) -> Iterator[Field]:
    """Solve batch by batch as the arguments say."""
    return model.iter_solve(
        coil,
        poses,
        didt,
        elements=elements,
        recovery=args.recovery,
        tol=args.tol,
        max_iterations=args.max_iterations,
        batch="auto" if args.batch is None else args.batch,
    )


def _head(args: argparse.Namespace) -> tuple[TetMesh, Any]:
    """Read the mesh, and its conductivity as the arguments say."""
    given = dict(args.conductivity) or None
    if not os.path.isdir(args.head):
        if args.tensors is not None:
            raise ArgumentError(f"--tensors needs a subject folder, and {args.head} is a file")
        return read_mesh(args.head), given
    subject = Subject(args.head)
    if args.tensors is None:
        return subject.mesh(), given
    return subject.mesh(), subject.conductivity(args.tensors, given)


def _didt(args: argparse.Namespace, listed: PoseList, coil: Coil) -> Any:
    """Return dI/dt of each pose: from the command line, else from the file of poses, else 1 A/µs."""
    if args.didt is not None:
        return args.didt[0] if len(args.didt) == 1 else [args.didt]
    if listed.didt is not None:
        return listed.didt
    return 1e6 if coil.n_stimulators == 1 else [[1e6] * coil.n_stimulators]


def _check_not_input(args: argparse.Namespace, k: int) -> None:
    paths = [args.head, args.coil, args.poses]
    if os.path.isdir(args.head):
        subject = Subject(args.head)
        paths += [subject.mesh_path, *filter(None, [subject.tensor_path])]
    inputs = [os.stat(path) for path in paths]
    for path in (args.output, *result_files(args.output, k)):
        try:
            there = os.stat(path)
        except OSError:  # nothing there, or nothing that can be reached: open_results says so
            continue
        if any(os.path.samestat(there, file) for file in inputs):
            raise ArgumentError(f"{path} is an input; it would be overwritten")


def _elements(mesh: TetMesh, tags: list[int] | None) -> NDArray[np.int32] | None:
    if tags is None:
        return None
    present = np.unique(mesh.tags).tolist()
    missing = sorted(set(tags) - set(present))
    if missing:
        raise RegionError(f"--tissues: the head has no tag {missing[0]}; it has {present}")
    return np.flatnonzero(np.isin(mesh.tags, tags)).astype(np.int32)


class _Summary:
    """Numbers for each pose; the peak is the 99.9th percentile of |E|, in gray matter if there is any."""

    def __init__(self, mesh: TetMesh, elements: NDArray[np.int32] | None) -> None:
        tags = mesh.tags if elements is None else mesh.tags[elements]
        self.gray = bool((tags == GRAY_MATTER).any())
        self._chosen = np.flatnonzero(tags == GRAY_MATTER) if self.gray else np.arange(len(tags))
        self._volumes = mesh.volumes_mm3()[self._chosen if elements is None else elements[self._chosen]]
        self.rows: list[dict[str, Any]] = []

    def add(self, field: Field) -> None:
        report = field.report
        for i, e in enumerate(field.E):
            row = {
                "pose": len(self.rows),
                "iterations": int(report.iterations[i]),
                "residual": float(report.residual[i]),
                "peak_V_per_m": float(percentiles(magnitude(e[self._chosen]), self._volumes, 99.9)),
            }
            if report.discretisation_error is not None:
                row["discretisation_error"] = float(report.discretisation_error[i])
            self.rows.append(row)

    def text(self, facts: dict[str, Any]) -> str:
        def span(key: str, form: str) -> str:
            values = [row[key] for row in self.rows]
            low, high = format(min(values), form), format(max(values), form)
            return low if low == high else f"{low} to {high}"

        files, error = facts["files"], ""
        if "discretisation_error" in self.rows[0]:
            error = f"discretisation error of E: {span('discretisation_error', '.2%')}\n"
        return (
            f"{facts['poses']} poses in {facts['seconds']:.1f} s on {facts['device']}: "
            f"{span('iterations', 'd')} iterations, residual {span('residual', '.1e')}\n"
            f"99.9th percentile of |E| in {'gray matter' if self.gray else 'all tetrahedra'}: "
            f"{span('peak_V_per_m', '.3g')} V/m\n{error}"
            f"written: {files[0]}" + (f" to {files[-1]}" if len(files) > 1 else "")
        )
