# SPDX-License-Identifier: BSD-3-Clause
"""The checked arguments of a solve: bad input is named before any work begins."""

from __future__ import annotations

import math
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..coils.coil import Coil
from ..core.arguments import finite_array, whole, within
from ..core.device import Device, is_on_gpu, on_host
from ..core.messages import warn
from ..errors import ArgumentError, CoilError, DeviceError, MeshError
from ..heads.mesh import TetMesh
from ..heads.selection import is_mask_of_numbers
from ..poses.pose import check_poses
from ..regions.region import Region
from .recovery import check_kind

__all__ = ["Request"]

_AUTO_BATCH = {"cpu": 32, "cuda": 64}  # poses at a time where all fit; the matrices' cost is then spread thin
_MOST_DIDT = 1e12  # A/s, ten thousand times what stimulators reach
_RATE = 1e6  # A/s; every solve is for this rate and scaled, so E is exactly linear in dI/dt
_BYTES_PER_NODE_AND_COLUMN = 60  # work vectors of the solver, ∂A/∂t, b and φ
_BYTES_RECOVERED = 24  # the same of recovered E, with two tissues at a node


class Request:
    """The checked arguments of a solve.

    `on_gpu` says whether the poses came as a CuPy array, and so whether results are to stay on the device.
    `elements` are those that E is wanted in, None for all, with `barycentric` weights (p, 4) if it is wanted
    at points; `tol` is None where it is to follow from the discretisation error.
    `didt` is (k,), or (k, s) of a coil with s > 1 stimulators. A pose is solved for `rates` (k, s), A/s, and
    the result is taken times `scale` (k,).
    """

    def __init__(
        self,
        device: Device,
        mesh: TetMesh,
        coil: Coil,
        poses: ArrayLike,
        didt: ArrayLike,
        elements: ArrayLike | None,
        roi: Region | None,
        recovery: str | None,
        tol: float | str,
        max_iterations: int,
        batch: int | str,
        initial: ArrayLike | None,
        primary_error: float,
    ) -> None:
        if not isinstance(coil, Coil):
            raise CoilError(f"coil must be a Coil (see read_coil), not {type(coil).__name__}")
        self._device = device
        self.on_gpu = is_on_gpu(poses)
        if self.on_gpu and device.name != "cuda":
            raise DeviceError("the poses are a CuPy array, but the model is on the CPU; see device='cuda'")
        self.coil = coil
        self.poses = check_poses(on_host(poses))
        self.didt = _check_didt(on_host(didt), len(self.poses), coil)
        self.rates, self.scale = _solved_for(self.didt)
        self.roi = _check_roi(roi, mesh, elements)
        self.recovery = check_kind(recovery)
        self.barycentric = None if roi is None else roi.barycentric
        self.elements = None if elements is None else _check_elements(on_host(elements), mesh.n_tets)
        if roi is not None:
            self.elements = roi.elements
        self.n_elements = mesh.n_tets if self.elements is None else len(self.elements)
        self.tol = (
            None if isinstance(tol, str) and tol == "auto" else within(tol, "tol", ArgumentError, 1e-13, 0.1)
        )
        self.max_iterations = whole(max_iterations, "max_iterations", ArgumentError, 1_000_000)
        # What a pose takes: the work vectors, and E with |E| as they will be asked for, or E three times
        # where it is copied from a GPU while others are solved.
        per_element = 16 if device.name == "cpu" or self.on_gpu else 36
        per_node = _BYTES_PER_NODE_AND_COLUMN
        if self.recovery is not None or self.tol is None:
            per_element, per_node = per_element + per_element // 4, per_node + _BYTES_RECOVERED
        per_pose = mesh.n_nodes * per_node + per_element * self.n_elements
        self._n_tets = mesh.n_tets
        self._widths: tuple[int, ...] = device.native.widths
        self.batch = self._check_batch(batch, device.free_memory() / per_pose)
        self.primary_error = within(primary_error, "primary_error", ArgumentError, 0.0, 0.1)
        #: Columns before `batch` was made smaller.
        self.batch_asked = self.width
        shape = (len(self.poses), mesh.n_nodes)
        self.initial = None if initial is None else _check_initial(initial, shape, device)

    @cached_property
    def elements_there(self) -> Any:
        """The chosen elements on the device."""
        return None if self.elements is None else self._device.indices(self.elements, self._n_tets)

    def evaluated(self, k: int) -> dict[str, tuple[tuple[int, ...], Any]]:
        """Shapes and dtypes of what k fields leave in the chosen places."""
        made: dict[str, tuple[tuple[int, ...], Any]] = {"E": ((k, self.n_elements, 3), np.float32)}
        if self.recovery is not None and self.barycentric is None:
            made["error"] = ((k, self.n_elements), np.float32)
        return made

    def bytes_evaluated(self, k: int) -> int:
        """Size of that."""
        return sum(math.prod(shape) * np.dtype(dtype).itemsize for shape, dtype in self.evaluated(k).values())

    @property
    def width(self) -> int:
        """Columns of the native loops for a batch; the last, smaller one uses the same work space."""
        k = min(self.batch, len(self.poses))
        return next(w for w in self._widths if w >= k)

    def part(self, start: int) -> slice:
        """The batch of poses that begins at `start`."""
        return slice(start, min(start + self.batch, len(self.poses)))

    def use_smaller_batch(self) -> bool:
        """Take the next smaller width from now on; False if there is none."""
        smaller = [w for w in self._widths if w < self.width]
        if smaller:
            self.batch = smaller[-1]
        return bool(smaller)

    def _check_batch(self, batch: int | str, fitting: float) -> int:
        if isinstance(batch, str) and batch == "auto":
            return max(w for w in self._widths if w == 1 or w <= min(fitting, _AUTO_BATCH[self._device.name]))
        most = whole(batch, "batch", ArgumentError, 1_000_000)
        return max(w for w in self._widths if w <= most)


def _check_roi(roi: Any, mesh: TetMesh, elements: Any) -> Region | None:
    if roi is None:
        return None
    if not isinstance(roi, Region):
        raise MeshError(f"roi must be a Region (see headfield.regions), not {type(roi).__name__}")
    if elements is not None:
        raise MeshError("give either roi or elements, not both")
    if roi.mesh is not mesh:
        raise MeshError(f"roi is a region of another mesh, {roi.mesh!r}; the model's is {mesh!r}")
    if not len(roi):
        raise MeshError("roi holds nothing")
    return roi


def _check_didt(didt: ArrayLike, k: int, coil: Coil) -> NDArray[np.float64]:
    values = finite_array(didt, "didt", ArgumentError)
    largest = np.abs(values).max(initial=0.0)
    if largest > _MOST_DIDT:
        raise ArgumentError(f"didt of {largest:g} A/s is above {_MOST_DIDT:g}, no rate of a coil")
    s = coil.n_stimulators
    if s > 1:
        if values.ndim != 2 or values.shape[0] not in (1, k) or values.shape[1] != s:
            raise ArgumentError(
                f"the coil has {s} stimulators: give didt of the shape ({k}, {s}), a row per pose, or one "
                f"row for all, not {values.shape}"
            )
        values = np.broadcast_to(values, (k, s)).copy()
    else:
        if (values.ndim > 1 and values.shape not in ((k, 1), (1, 1))) or values.size not in (1, k):
            raise ArgumentError(f"didt has shape {values.shape}; it must be a scalar or ({k},), one per pose")
        values = np.broadcast_to(values.reshape(-1), (k,)).copy()
    for stimulator, column in zip(coil.stimulators, values.reshape(k, s).T, strict=True):
        _warn_above(np.abs(column).max(initial=0.0), stimulator.didt_max)
    return values


def _warn_above(didt: float, didt_max: float | None) -> None:
    if didt_max is not None and didt > 1.01 * didt_max:
        warn(f"dI/dt of {didt:g} A/s is more than the {didt_max:g} A/s this coil reaches")


def _solved_for(didt: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Rates (k, s) of which the largest in each pose is 1e6 A/s, and the factors (k,) that give `didt`."""
    each = didt.reshape(len(didt), -1)
    leading = each[np.arange(len(each)), np.abs(each).argmax(axis=1)]
    rates = np.divide(each, leading[:, None], out=np.ones_like(each), where=leading[:, None] != 0.0)
    return _RATE * rates, leading / _RATE


def _check_elements(elements: ArrayLike, m: int) -> NDArray[np.int32]:
    try:
        values = np.asarray(elements)
    except ValueError as problem:
        raise MeshError(f"elements: {problem}") from None
    if values.dtype == bool:
        if values.shape != (m,):
            raise MeshError(f"elements: the mask has shape {values.shape}, the mesh {m} tetrahedra")
        return _frozen(np.flatnonzero(values).astype(np.int32))
    if values.ndim != 1 or (values.size and not np.issubdtype(values.dtype, np.integer)):
        raise MeshError(f"elements must be a mask ({m},) or indices (e,), not {values.dtype} {values.shape}")
    if is_mask_of_numbers(values, m):
        raise MeshError("elements: a mask must be bool: these are 0 and 1, which would be indices")
    if values.size and not (values.min() >= 0 and values.max() < m):
        bad = np.flatnonzero((values < 0) | (values >= m))
        raise MeshError(f"elements: {len(bad)} indices lie outside 0…{m - 1}; the first is {values[bad[0]]}")
    return _frozen(np.array(values, np.int32))


def _frozen(elements: NDArray[np.int32]) -> NDArray[np.int32]:
    """The same, read-only: a field is of these elements, whatever becomes of the caller's array."""
    elements.flags.writeable = False
    return elements


def _check_initial(initial: Any, shape: tuple[int, int], device: Device) -> Any:
    if is_on_gpu(initial) and device.name == "cuda":
        initial = device.put(initial)
        if initial.dtype != np.float64 or not bool(device.xp.isfinite(initial).all()):
            raise ArgumentError(f"initial must be finite float64 numbers, not {initial.dtype}")
        values = initial
    else:
        values = finite_array(on_host(initial), "initial", ArgumentError)
    if values.shape != shape:
        raise ArgumentError(f"initial has shape {values.shape}; it must be {shape}, poses by nodes")
    return values
