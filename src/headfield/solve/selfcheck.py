# SPDX-License-Identifier: BSD-3-Clause
"""Trust a GPU only after it has given the CPU's answer, so that faults of driver or compiler are noticed."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from ..coils.coil import Coil
from ..core import device as backend
from ..core.device import Device
from ..core.locks import Lock
from ..core.messages import in_one_line, warn
from ..errors import DeviceError, HeadfieldError
from ..heads.conductivity import resolve
from ..heads.mesh import TetMesh
from ..heads.phantom import sphere_mesh
from .batch import Batch
from .drives.coil import CoilDrive, CoilTables
from .head import DeviceHead
from .operators import Operators
from .options import SolveOptions
from .places import Places

__all__ = ["ALLOWED", "difference_from_cpu", "on_device"]

T = TypeVar("T")

ALLOWED = 1e-5  # of the relative L2 difference in E; two correct devices differ by less than 1e-6
_NO_KERNELS = "no kernel image"  # as CUDA and CuPy say that nothing was compiled for this kind of GPU

_lock = Lock("a GPU is checked")
_lasting: dict[int | None, str] = {}  # what is wrong with a GPU for good, by its id; "" if nothing is
_said: set[tuple[int | None, str]] = set()  # (GPU, failure) pairs that users have been warned of


def difference_from_cpu(gpu: Device) -> float:
    """Return the relative L2 difference between E of a GPU and of the CPU in a sphere of three layers."""
    mesh = sphere_mesh(radii_mm=[70, 80, 90], tags=[3, 4, 5], edge_mm=22)
    coil = Coil(np.array([[20, 0, -5], [-20, 0, -5]]), np.array([[0, 0, 1], [0, 0.1, -1]]))
    poses = np.array([np.diag([1.0, -1.0, -1.0, 1.0])] * 2)
    poses[:, :3, 3] = [[5, -3, 96], [-8, 2, 100]]

    def field(head: DeviceHead, tables: CoilTables, width: int) -> NDArray[np.float64]:
        """Return E of the poses that are the first and the last of a batch."""
        many = poses[np.arange(width) * len(poses) // width]
        everywhere = Places(np.arange(mesh.n_tets, dtype=np.int32), None, mesh.n_tets)
        drive, options = CoilDrive(tables, coil, many, 1e6), SolveOptions(tol=1e-7)
        device = tables.device
        with device.current():
            room = device.xp.empty((width, mesh.n_tets, 3), np.float32)
            head.solve(Batch(drive, options, everywhere, slice(0, width), width, width), None, {"E": room})
            return device.get(room)[:: width - 1].astype(np.float64)

    cpu, sigma = backend.select("cpu"), resolve(None, mesh.tags)
    right = field(DeviceHead(mesh, sigma, cpu, threads=1), CoilTables(mesh.nodes_mm, cpu), 4)
    head, tables = DeviceHead(mesh, sigma, gpu, threads=1), CoilTables(mesh.nodes_mm, gpu)
    # Kernels of narrow and of wide batches are compiled apart.
    widths = 4, max(gpu.native.widths)
    away = [np.linalg.norm(field(head, tables, width) - right) / np.linalg.norm(right) for width in widths]
    right = _by_edges(mesh, sigma, cpu, 4)
    away += [np.linalg.norm(_by_edges(mesh, sigma, gpu, w) - right) / np.linalg.norm(right) for w in widths]
    return float(max(away))


def _by_edges(mesh: TetMesh, sigma: NDArray[np.float64], device: Device, width: int) -> NDArray[np.float64]:
    """Return what kernels for ∂A/∂t by edges make of random numbers in the first and the last of columns."""
    rng = np.random.default_rng(0)
    with device.current():
        head = Operators(mesh, sigma, device, edges=True)
        put, xp, copies = device.put, device.xp, width // 4
        phi = put(np.tile(rng.normal(size=(mesh.n_nodes, 4)), copies))
        adot = put(np.tile(rng.normal(size=(mesh.n_nodes, 3, 4)).astype(np.float32), copies))
        b, e = xp.empty(phi.shape, phi.dtype), xp.empty((width, mesh.n_tets, 3), np.float32)
        head.right_hand_side(adot, b)
        head.electric_field(phi, adot, put(np.ones(width)), None, e)
        ends = [0, width - 1]
        b, e = device.get(b)[:, ends].T, device.get(e)[ends].reshape(2, -1)
    # Of sums that cancel little, so that both count.
    return np.concatenate([x / np.abs(x).max() for x in (b, e.astype(np.float64))], axis=1)


def on_device(device: str, what: str, make: Callable[[Device], T]) -> tuple[Device, T]:
    """Return a device, and what `make` makes there; a GPU only if its field is the CPU's.

    Whatever goes wrong on the GPU, in its check or in `make`, is a DeviceError if a GPU was asked for. For
    "auto" it is a warning, one for each GPU and failure, and the CPU is taken.

    Parameters
    ----------
    what : str
        What is made, for the message if it does not fit the memory.
    """
    name, asked = backend.wanted(device)
    if name != "cpu":
        gpu, failed, cause = None, "", None
        try:
            gpu = backend.gpu()
            _check(gpu)
            return gpu, _made(gpu, what, make)
        except Exception as problem:
            if isinstance(problem, HeadfieldError) and not isinstance(problem, DeviceError):
                raise
            failed = in_one_line(problem)
            absent, cause = isinstance(problem, backend.NoGpu), problem.__cause__
        if name == "cuda":
            raise DeviceError(f"{asked}: {failed}") from cause
        del cause  # with its traceback go the arrays on the GPU, and so their memory can be given back
        if gpu is not None:
            with contextlib.suppress(Exception):  # it has failed already
                gpu.release()
        if not absent:
            _warn(None if gpu is None else gpu.id, failed)
    cpu = backend.select("cpu")
    return cpu, _made(cpu, what, make)


def _made(device: Device, what: str, make: Callable[[Device], T]) -> T:
    try:
        return make(device)
    except MemoryError as problem:
        raise DeviceError(f"{what} does not fit the memory of the {device.name}: {problem}") from None


def _check(gpu: Device) -> None:
    """Raise DeviceError unless the GPU gives the CPU's field.

    A GPU that has given it, or another one, or for which nothing was compiled, is not asked again; what else
    goes wrong may pass.
    """
    with _lock.held():
        wrong = _lasting.get(gpu.id)
        if wrong is None:
            wrong = _lasting[gpu.id] = _wrong_for_good(gpu)
    if wrong:
        raise DeviceError(wrong)


def _wrong_for_good(gpu: Device) -> str:
    try:
        difference = difference_from_cpu(gpu)
    except MemoryError as problem:
        raise DeviceError(f"no memory is left on the GPU: {in_one_line(problem)}") from None
    except Exception as problem:  # of native code, CuPy and driver
        failed = f"the GPU fails in a test sphere: {in_one_line(problem)}"
        if _NO_KERNELS not in failed:
            raise DeviceError(failed) from problem
        return f"{failed}; build headfield for it, see CUDAARCHS"
    if difference <= ALLOWED:
        return ""
    return (
        f"the GPU's field in a test sphere differs from the CPU's by {difference:.1e} (relative L2): driver, "
        "compiler and memory are suspect"
    )


def _warn(gpu: int | None, failed: str) -> None:
    """Warn the caller of HeadModel once per failure; failures that differ only in numbers count as one."""
    failure = gpu, re.sub(r"[\d.,]+", "#", failed)
    with _lock.held():
        if failure in _said:
            return
        _said.add(failure)
    warn(f"the GPU is not used: {failed}; the CPU is taken")
