# SPDX-License-Identifier: BSD-3-Clause
"""What a result file holds: facts at once, the field of a pose when it is asked for."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..core.arguments import is_whole
from ..core.messages import plural
from ..errors import HeadfieldError, PoseError
from ..heads.mesh import TetMesh
from ..regions.region import Region
from .arrays import FieldArrays
from .run import Run

__all__ = ["Result", "result_of"]

Rows = dict[str, NDArray[Any]]

_WORDS = {"E": "E", "magnE": "|E|", "v": "potential", "local_error": "local error"}


@dataclass(frozen=True, eq=False, kw_only=True)
class Result:
    """What a result file holds; `read_result` makes it. Fields are read pose by pose.

    Attributes
    ----------
    path : str
    mesh : TetMesh
    n_poses : int
        Poses that are there; of a run that was stopped, those that are complete.
    poses : ndarray (k, 4, 4) float64 or None
        Coil to head, mm; None where the file has no poses, as .msh and .vtu.
    didt : ndarray (k, s) float64 or None
        A/s, for each stimulator; None where the file doesn't say.
    names : tuple of k str
        What the poses are called; empty where they have no names.
    elements : ndarray (e,) int or None
        The tetrahedra that E is given in; None for all, and where the file doesn't say.
    region : Region or None
        Of a field at points: these.
    recovery : str or None
        How E was recovered; None for E of linear elements, and where the file doesn't say.
    facts : dict of str to ndarray
        Of each pose, as far as the file has them: `converged`, `iterations`, `residual`, `tolerance`,
        `discretisation_error` (of linear elements, or of a zoom), `device`; of half precision
        `E_float16_error` or `magnE_float16_error`: what E or |E| is off by at most, relative to |E| there.
    """

    path: str
    mesh: TetMesh
    n_poses: int
    read: Callable[[int], Rows]  # what there is of a pose, as it is stored
    record: Callable[[], Run | None]  # the record of the run, read when it is asked for
    poses: NDArray[np.float64] | None = None
    didt: NDArray[np.float64] | None = None
    names: tuple[str, ...] = ()
    elements: NDArray[Any] | None = None
    region: Region | None = None
    recovery: str | None = None
    facts: Rows

    def __repr__(self) -> str:
        where = (
            "all tetrahedra"
            if self.elements is None
            else plural(len(self.elements), "tetrahedron", "tetrahedra")
        )
        if self.region is not None:
            where = plural(len(self.region), "point", "points")
        return (
            f"<Result of {plural(self.n_poses, 'pose', 'poses')} in {where}: {os.path.basename(self.path)}>"
        )

    @property
    def provenance(self) -> Run | None:
        """What the result was computed from; None where the file doesn't say.

        Raises
        ------
        FileFormatError
            The record is damaged.
        """
        return self.record()

    @property
    def not_converged(self) -> list[int]:
        """The poses that are there and have no field, as they did not converge."""
        converged = self.facts.get("converged")
        return [] if converged is None else np.flatnonzero(~converged).tolist()

    def has_field(self, pose: int) -> bool:
        """Whether the solve of a pose converged, so that it has a field."""
        converged = self.facts.get("converged")
        return converged is None or bool(converged[pose])

    def magnitude(self, pose: int = 0) -> NDArray[np.float32]:
        """Read |E| of one pose.

        Parameters
        ----------
        pose : int
            Counted from 0.

        Returns
        -------
        ndarray (m,) float32
            V/m, for each tetrahedron; NaN where the field was not asked for.

        Raises
        ------
        PoseError
            The file has no such pose.
        HeadfieldError
            The pose did not converge.
        FileFormatError
            The file is damaged.
        """
        return np.asarray(self._everywhere(self.quantity("magnE", pose)), np.float32)

    def E(self, pose: int | None = 0) -> NDArray[np.float32]:
        """Read E of one pose, or of all.

        Parameters
        ----------
        pose : int or None
            Counted from 0; None for all poses, which must fit the memory.

        Returns
        -------
        ndarray (m, 3) or (k, m, 3) float32
            V/m, for each tetrahedron; NaN where the field was not asked for, and in poses of all that did not
            converge.

        Raises
        ------
        PoseError, HeadfieldError, FileFormatError
            As `magnitude`; and the file has only |E|.
        """
        return self._one_or_all("E", pose)

    def potential(self, pose: int | None = 0) -> NDArray[np.float64]:
        """Read the potential at the nodes of one pose, (n,) float64, or of all, (k, n), V; see `E`.

        It is in results of all tetrahedra only.
        """
        return self._one_or_all("v", pose)

    def local_error(self, pose: int | None = 0) -> NDArray[np.float32]:
        """Read the estimated error of the E of linear elements, (m,) or (k, m) float32, V/m; see `E`.

        It is in results of recovered E only. It is no error of the recovered E, which is nearer to the truth.
        """
        return self._one_or_all("local_error", pose)

    def quantity(self, name: str, pose: int) -> NDArray[Any]:
        """Read `E`, `magnE`, `v` or `local_error` of one pose, in `elements`, nodes or points.

        Raises
        ------
        PoseError, HeadfieldError, FileFormatError
            See `magnitude`; also where the file has no such field.
        """
        rows = self.rows(pose)
        if name not in rows:
            raise HeadfieldError(
                f"{self.path}: no {_WORDS.get(name, name)} in it, only {', '.join(sorted(rows)) or 'nothing'}"
            )
        return rows[name]

    def rows(self, pose: int) -> Rows:
        """Read all of one pose, in `elements`, nodes or points; errors are those of `magnitude`."""
        if not is_whole(pose) or not 0 <= pose < self.n_poses:
            raise PoseError(f"{self.path}: pose {pose!r}: the result has the poses 0 to {self.n_poses - 1}")
        rows = self.read(int(pose))
        if not np.isfinite(rows["magnE"]).any():
            raise HeadfieldError(f"{self.path}: pose {pose} has no E: it did not converge")
        return rows

    def everywhere(self, pose: int) -> tuple[Rows, Rows]:
        """Read what there is of one pose in all tetrahedra, NaN outside of `elements`, and at the nodes."""
        rows = self.rows(pose)
        nodes = {"v": rows.pop("v")} if "v" in rows else {}
        return {name: self._everywhere(values) for name, values in rows.items()}, nodes

    def _one_or_all(self, name: str, pose: int | None) -> NDArray[Any]:
        if pose is not None:
            values = self.quantity(name, pose)
            return values if name == "v" else self._everywhere(values)
        good = [i for i in range(self.n_poses) if self.has_field(i)]
        if not good:
            raise HeadfieldError(f"{self.path}: none of its {self.n_poses} poses converged")
        first = self._one_or_all(name, good[0])
        made = np.full((self.n_poses, *first.shape), np.nan, first.dtype)
        for i in good:
            made[i] = self._one_or_all(name, i)
        return made

    def _everywhere(self, values: NDArray[Any]) -> NDArray[Any]:
        if self.elements is None or self.region is not None:
            return values
        made = np.full((self.mesh.n_tets, *values.shape[1:]), np.nan, values.dtype)
        made[self.elements] = values
        return made

    def chosen(self, pose: int | None) -> Iterator[int]:
        """The numbers of the poses that are meant by a number, or by None for all."""
        return iter(range(self.n_poses) if pose is None else [pose])

    def name_of(self, pose: int) -> str:
        """What a pose is called, "pose 3" if it has no name."""
        return self.names[pose] if self.names else f"pose {pose}"


def result_of(arrays: FieldArrays, path: str) -> Result:
    """Make a result of a field that is in memory; `path` is what messages call it."""
    region = arrays.region if arrays.at_points else None

    def read(pose: int) -> Rows:
        part = slice(pose, pose + 1)
        rows = arrays.rows(part)
        return {name: values[0] for name, values in rows.items()}

    return Result(
        path=path,
        mesh=arrays.mesh,
        n_poses=len(arrays),
        read=read,
        record=lambda: arrays.run,
        poses=arrays.poses,
        didt=None if arrays.didt is None else arrays.didt.reshape(len(arrays), -1),
        names=arrays.names,
        elements=None if region is not None else arrays.elements,
        region=region,
        recovery=arrays.recovery,
        facts={"converged": arrays.report.converged},
    )
