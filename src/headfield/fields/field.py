# SPDX-License-Identifier: BSD-3-Clause
"""The result of a solve: the electric field of each pose, and a report of how it was reached."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ..core.device import is_on_gpu, on_host
from ..errors import HeadfieldError
from ..heads.mesh import TetMesh
from ..regions.region import Region
from .stream import open_results
from .write import magnitude, write_point_results, write_results

if TYPE_CHECKING:
    from ..coils.coil import Coil

__all__ = ["Field", "SolveReport"]


@dataclass(frozen=True)
class SolveReport:
    """How a solve went.

    Attributes
    ----------
    iterations : ndarray (k,) int
        Iterations of conjugate gradients, per pose.
    residual : ndarray (k,) float64
        ‖b − Kφ‖ / ‖b‖ evaluated in float64 from the returned potential, per pose.
    converged : ndarray (k,) bool
        Whether the residual is within the tolerance, per pose.
    tolerance : ndarray (k,) float64
        The residual that was asked for, or that followed from the discretisation error, per pose.
    discretisation_error : ndarray (k,) float64, or None
        Estimated error of the E of linear elements, per pose: √(∫|E* − E|² / ∫|E*|²) over the tetrahedra of
        the region, with the recovered field E* (Zienkiewicz and Zhu 1987). A field that was solved with
        `recovery` is better than that. None where neither `recovery` nor `tol="auto"` was asked for.
    primary_error : float
        Bound of the error of ∂A/∂t by interpolation, as measured on this coil (see `Primary`); 0 for the
        direct sum.
    seconds : dict of str to float
        Wall time per stage: `primary`, `right_hand_side`, `solve`, `recovery` (where there is one), `field`.
    device : str
    threads : int
    batch : int
        Poses solved at a time.
    batch_asked : int
        What that was to be; `batch` is less where the memory did not hold more.
    recording_problem : str
        Why the launches of an iteration could not be recorded for a GPU and were made one by one, which costs
        time where a batch is small; empty where nothing hindered it, as on the CPU.
    """

    iterations: NDArray[np.int32]
    residual: NDArray[np.float64]
    converged: NDArray[np.bool_]
    tolerance: NDArray[np.float64]
    discretisation_error: NDArray[np.float64] | None
    primary_error: float
    device: str
    threads: int
    batch: int
    batch_asked: int
    recording_problem: str = ""
    seconds: dict[str, float] = field(default_factory=dict)

    @classmethod
    def joined(cls, reports: list[SolveReport]) -> SolveReport:
        """One report of several batches."""
        first = reports[0]
        errors = [r.discretisation_error for r in reports if r.discretisation_error is not None]
        return cls(
            iterations=np.concatenate([r.iterations for r in reports]),
            residual=np.concatenate([r.residual for r in reports]),
            converged=np.concatenate([r.converged for r in reports]),
            tolerance=np.concatenate([r.tolerance for r in reports]),
            discretisation_error=np.concatenate(errors) if errors else None,
            primary_error=first.primary_error,
            device=first.device,
            threads=first.threads,
            batch=min(r.batch for r in reports),
            batch_asked=first.batch_asked,
            recording_problem=next((r.recording_problem for r in reports if r.recording_problem), ""),
            seconds={name: sum(r.seconds[name] for r in reports) for name in first.seconds},
        )

    def __str__(self) -> str:
        stages = ", ".join(f"{name} {seconds:.3f} s" for name, seconds in self.seconds.items())
        short = f" ({self.batch_asked} did not fit the memory)" if self.batch < self.batch_asked else ""
        error = ""
        if self.discretisation_error is not None:
            error = f", discretisation error of E up to {100 * self.discretisation_error.max():.2g} %"
        slow = f"; launched one by one ({self.recording_problem})" if self.recording_problem else ""
        return (
            f"{len(self.iterations)} poses on {self.device}, {self.threads} threads, "
            f"{self.batch} at a time{short}: "
            f"{self.iterations.min()}–{self.iterations.max()} iterations, "
            f"residual ≤ {self.residual.max():.1e}{error}; {stages}{slow}"
        )


class Field:
    """The electric field of k coil poses in a head.

    Made by `HeadModel.solve` and `HeadModel.iter_solve`. E is computed from the potential when it is first
    asked for, and kept. E, magnitude and potential are CuPy arrays if the poses were one.

    Attributes
    ----------
    mesh : TetMesh
    poses : ndarray (k, 4, 4) float64
        Coil to head, mm.
    didt : ndarray (k,) float64, (k, s) of a coil with s > 1 stimulators
        A/s.
    elements : ndarray (e,) int32 or None
        Tetrahedra that E is given in; None for all m.
    region : Region or None
        The `roi` that was asked for; with points, E is given there, and `elements` hold them.
    recovery : str or None
    report : SolveReport
    """

    def __init__(
        self,
        mesh: TetMesh,
        poses: NDArray[np.float64] | None,
        didt: NDArray[np.float64] | None,
        report: SolveReport,
        *,
        potential: NDArray[np.float64] | None = None,
        elements: NDArray[np.int32] | None = None,
        region: Region | None = None,
        recovery: str | None = None,
        evaluate: Callable[[], dict[str, NDArray[np.float32]]],
    ) -> None:
        for array in (poses, didt, potential):
            if isinstance(array, np.ndarray):  # E is computed from these later; CuPy's can't be closed
                array.flags.writeable = False
        self.mesh = mesh
        self.poses = poses
        self.didt = didt
        self.report = report
        self.elements = elements
        self.region, self.recovery = region, recovery
        self._potential = potential
        self._evaluate = evaluate

    def __len__(self) -> int:
        return len(self.report.iterations)

    def __repr__(self) -> str:
        count = self.mesh.n_tets if self.elements is None else len(self.elements)
        places = "points" if self.at_points else "tetrahedra"
        return f"<Field of {len(self)} poses in {count} {places}; {self.report}>"

    @property
    def at_points(self) -> bool:
        """Whether E is given at the points of `region`, not in tetrahedra."""
        return self.region is not None and not self.region.is_volume

    @cached_property
    def _evaluated(self) -> dict[str, NDArray[np.float32]]:
        return self._evaluate()

    @property
    def E(self) -> NDArray[np.float32]:
        """Electric field, (k, m, 3) or (k, e, 3) float32, V/m, one vector a tetrahedron or point."""
        return self._evaluated["E"]

    @property
    def local_error(self) -> NDArray[np.float32]:
        """Estimated error of the E of linear elements in each tetrahedron, (k, m) or (k, e) float32, V/m.

        The root mean square over the tetrahedron of what recovery changed (Zienkiewicz and Zhu 1987).

        Raises
        ------
        HeadfieldError
            The field was solved without `recovery`, or at points.
        """
        error = self._evaluated.get("error")
        if error is None:
            raise HeadfieldError(
                "the local error is known where E was recovered in whole tetrahedra: recovery='interface'"
            )
        return error

    @cached_property
    def magnitude(self) -> NDArray[np.float32]:
        """|E|, (k, m) or (k, e) float32, V/m."""
        if is_on_gpu(self.E):  # CuPy's einsum is a matrix product for every element
            x, y, z = (self.E[..., d] for d in range(3))
            return np.sqrt((x * x + y * y) + z * z)
        return np.sqrt(np.einsum("kmd,kmd->km", self.E, self.E))

    @property
    def potential(self) -> NDArray[np.float64]:
        """Electric potential φ at the nodes, (k, n) float64, V; zero at one node.

        Raises
        ------
        HeadfieldError
            The field was solved for chosen `elements`, which leaves the potential behind.
        """
        if self._potential is None:
            raise HeadfieldError("the potential is not kept when `elements` or `roi` is given; solve without")
        return self._potential

    def on_host(self) -> Field:
        """The same field as NumPy arrays; itself if it is that already."""
        if not is_on_gpu(self.E if self._potential is None else self._potential):  # E may not be there yet
            return self
        return Field(
            self.mesh,
            self.poses,
            self.didt,
            self.report,
            potential=on_host(self._potential),
            elements=self.elements,
            region=self.region,
            recovery=self.recovery,
            evaluate=lambda: {name: on_host(values) for name, values in self._evaluated.items()},
        )

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write E, magnE, the local error if E was recovered, and the potential, whole or not at all.

        Parameters
        ----------
        path : path
            `.msh` (Gmsh, SimNIBS; pose k is time step k), `.vtu` (ParaView; an array per pose) or `.h5`
            (needs h5py). The tetrahedra outside chosen `elements` are nan in a `.vtu`, absent in the others.
            E at points, or on a surface, is written as `.vtu`. A pose that did not converge is nan.

        Raises
        ------
        FileFormatError
            Another ending, or h5py is missing.
        OSError
            The file can't be written.
        """
        if os.fspath(path).lower().endswith((".h5", ".hdf5")) and not self.at_points:
            with open_results(path, self.mesh, len(self), self.elements) as results:
                results.write(self)
            return
        here, poses = self.on_host(), slice(0, len(self))
        if self.region is not None and self.at_points:
            write_point_results(path, self.region, here.written(poses))
        else:
            write_results(path, self.mesh, here.written(poses), here.written_at_nodes(poses))

    def written(self, poses: slice) -> dict[str, NDArray[Any]]:
        """E, magnE and the local error of some poses, as a file has them; of a field `on_host`.

        On all tetrahedra, nan on others than `elements`; at the points where it is a field at points. A pose
        that did not converge is nan.
        """
        made: dict[str, NDArray[Any]] = {"E": self.E[poses]}
        made["magnE"] = np.stack([magnitude(e) for e in made["E"]])  # `self.magnitude` would be kept
        if self.recovery is not None and not self.at_points:
            made["local_error"] = self.local_error[poses]
        return {name: self._everywhere(self._converged(values, poses)) for name, values in made.items()}

    def written_at_nodes(self, poses: slice) -> dict[str, NDArray[Any]]:
        """The potential v of some poses likewise, if it was kept."""
        return {} if self._potential is None else {"v": self._converged(self._potential[poses], poses)}

    def plot(self, pose: int = 0, coil: Coil | None = None, tags: Sequence[int] = (1, 2)) -> Any:
        """Draw one pose, |E| on the cortex, in slices, and its distribution: see
        `headfield.pictures.figure.plot`."""
        from ..pictures.figure import plot  # which draws fields, and so imports this module

        return plot(self, pose, coil, tags)

    def _converged(self, values: NDArray[Any], poses: slice) -> NDArray[Any]:
        good = self.report.converged[poses]
        return values if good.all() else np.where(good.reshape(-1, *[1] * (values.ndim - 1)), values, np.nan)

    def _everywhere(self, values: NDArray[Any]) -> NDArray[Any]:
        if self.elements is None or self.at_points:
            return values
        everywhere = np.full((len(values), self.mesh.n_tets, *values.shape[2:]), np.nan, values.dtype)
        everywhere[:, self.elements] = values
        return everywhere
