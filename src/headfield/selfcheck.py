# SPDX-License-Identifier: BSD-3-Clause
"""A GPU is trusted once it has given the CPU's answer: a fault of driver or compiler must not go unseen."""

from __future__ import annotations

import functools
import warnings

import numpy as np

from . import _backend
from .coil import Coil
from .conductivity import resolve
from .errors import DeviceError
from .phantom import sphere_mesh
from .request import Request
from .resident import ResidentHead

__all__ = ["difference_from_cpu", "trusted"]

_ALLOWED = 1e-5  # of the relative L2 difference in E; two correct devices differ by less than 1e-6


@functools.cache
def difference_from_cpu() -> float:
    """Relative L2 difference between E of GPU and CPU in a sphere of three layers; once a process."""
    mesh = sphere_mesh(radii_mm=[70, 80, 90], tags=[3, 4, 5], edge_mm=22)
    coil = Coil(np.array([[20, 0, -5], [-20, 0, -5]]), np.array([[0, 0, 1], [0, 0.1, -1]]))
    poses = np.array([np.diag([1.0, -1.0, -1.0, 1.0])] * 2)
    poses[:, :3, 3] = [[5, -3, 96], [-8, 2, 100]]
    fields = []
    for device in (_backend.select("cpu"), _backend.select("cuda")):
        head = ResidentHead(mesh, resolve(None, mesh.tags), device, threads=1)
        everywhere = np.arange(mesh.n_tets)
        request = Request(device, mesh, coil, poses, 1e6, everywhere, None, None, 1e-7, 200, 4, None, 1e-3)
        with device.current():
            room = device.xp.empty((len(poses), mesh.n_tets, 3), np.float32)
            head.solve(request, slice(0, len(poses)), {"E": room})
            fields.append(device.get(room).astype(np.float64))
    return float(np.linalg.norm(fields[1] - fields[0]) / np.linalg.norm(fields[0]))


def trusted(name: str) -> _backend.Device:
    """The device of that name, "auto", "cpu" or "cuda"; a GPU only if its field is the CPU's."""
    device = _backend.select(name)
    if device.name == "cpu":
        return device
    try:
        difference = difference_from_cpu()
    except MemoryError as problem:
        raise DeviceError(f"device={name!r}: no memory is left on the GPU: {problem}") from None
    if difference <= _ALLOWED:
        return device
    message = f"the GPU's field in a test sphere differs from the CPU's by {difference:.1e} (relative L2)"
    if name != "auto":
        raise DeviceError(f"device={name!r}: {message}: driver, compiler and memory are suspect")
    warnings.warn(f"{message}; the CPU is taken", stacklevel=3)
    return _backend.select("cpu")
