# SPDX-License-Identifier: BSD-3-Clause
"""cuDSS, NVIDIA's sparse direct solver: factor once, then solve 1, 16 and 64 right-hand sides in float64.

Set-up: ``pip install nvidia-cudss-cu13`` (0.7 or newer) in the interpreter that runs the benchmark; CuPy is
there already, cuBLAS and NVRTC come along. The library is called through ctypes: ten functions.

Tuning: symmetric positive definite (Cholesky) on the upper triangle, defaults otherwise; reordering on the
host gets the threading layer of the package and all of its threads. Analysis and factorisation are done anew
for every number of right-hand sides, which room for the solve may be planned for. Right-hand sides and
solutions are on the device.
"""

import ctypes
import sys
from ctypes import byref, c_int, c_int64, c_size_t, c_void_p
from functools import partial
from pathlib import Path

import numpy as np

from peers import exchange, gpu

LABEL = "cuDSS"
INSTALL = "pip install nvidia-cudss-cu13"
WIDTHS = (1, 16, 64)
QUICK = (1, 64)
CONFIGS = {"cholesky": {"type": 3, "view": 2}}  # CUDSS_MTYPE_SPD, CUDSS_MVIEW_UPPER
FIND = "from peers import cudss_peer; cudss_peer.load()"
INT32, FLOAT64 = 10, 1  # CUDA_R_32I, CUDA_R_64F
ANALYSIS, FACTORIZATION, SOLVE = 3, 4, 1008  # CUDSS_PHASE_*
COLUMN_MAJOR = ZERO_BASED = 0
OLDEST = (0, 7)  # phases have these numbers since
STATUS = ("", "not initialized", "allocation failed", "invalid value", "not supported")
STATUS += ("execution failed", "internal error", "refinement failed")
SUPPORT = ("libcublasLt", "libcublas", "libnvrtc")  # what libcudss needs, from NVIDIA's packages


def launcher(processes):
    """Command before the module's arguments."""
    return [sys.executable]


def missing():
    """Why this peer cannot run, or an empty string."""
    path = f"import sys; sys.path.insert(0, {str(Path(__file__).resolve().parents[1])!r}); "
    return exchange.import_failure(launcher(1), path + FIND)


def library(name):
    """Path of a shared library among NVIDIA's packages on ``sys.path``, or an empty string."""
    for folder in sys.path:
        for found in sorted(Path(folder or ".").glob(f"nvidia/*/lib/{name}.so.*")):
            return str(found)
    return ""


def load():
    """The library, and its version as (major, minor)."""
    for name in SUPPORT:
        if path := library(name):
            ctypes.CDLL(path, mode=ctypes.RTLD_GLOBAL)
    path = library("libcudss") or "libcudss.so.1"
    cudss = ctypes.CDLL(path)
    numbers = []
    for part in (0, 1):  # MAJOR_VERSION, MINOR_VERSION
        value = c_int()
        cudss.cudssGetProperty(c_int(part), byref(value))
        numbers.append(value.value)
    version = tuple(numbers)
    if version < OLDEST:
        raise ImportError(f"cuDSS {version} is older than {OLDEST}")
    return cudss, version


def address(array):
    """Where a CuPy array lies."""
    return c_void_p(array.data.ptr)


class Solver:
    """One factorisation. Every call is checked, and every argument typed: ctypes would pass 32 bits."""

    def __init__(self, matrix, settings):
        self.cudss, self.version = load()
        self.handle, self.config, self.data = c_void_p(), c_void_p(), c_void_p()
        self.call("Create", byref(self.handle))
        layer = library("libcudss_mtlayer_gomp")
        if layer:
            self.call("SetThreadingLayer", self.handle, ctypes.c_char_p(layer.encode()))
        self.call("ConfigCreate", byref(self.config))
        self.call("DataCreate", self.handle, byref(self.data))
        self.matrix, self.arrays = c_void_p(), matrix  # arrays are only borrowed: keep them
        rows, nonzeros = c_int64(matrix.shape[0]), c_int64(matrix.nnz)
        indices = [c_int(INT32)] * (1 if self.version < (0, 8) else 2)  # of offsets and columns, later
        kind = [c_int(settings["type"]), c_int(settings["view"]), c_int(ZERO_BASED)]
        where = [address(matrix.indptr), c_void_p(), address(matrix.indices), address(matrix.data)]
        arguments = [rows, rows, nonzeros, *where, *indices, c_int(FLOAT64), *kind]
        self.call("MatrixCreateCsr", byref(self.matrix), *arguments)

    def call(self, name, *arguments):
        """``cudss<name>``, or the error it reports."""
        status = getattr(self.cudss, f"cudss{name}")(*arguments)
        if status:
            said = STATUS[status] if status < len(STATUS) else f"status {status}"
            raise RuntimeError(f"cudss{name}: {said}")

    def dense(self, array):
        """A description of (width, n) row-major, which is (n, width) column-major."""
        described = c_void_p()
        width, rows = array.shape
        shape = [c_int64(rows), c_int64(width), c_int64(rows)]
        kind = [address(array), c_int(FLOAT64), c_int(COLUMN_MAJOR)]
        self.call("MatrixCreateDn", byref(described), *shape, *kind)
        return described

    def execute(self, phase, x, b):
        """One phase for descriptions ``x`` and ``b``."""
        self.call("Execute", self.handle, c_int(phase), self.config, self.data, self.matrix, x, b)

    def written(self):
        """Nonzeros of the factor."""
        value, size = c_int64(), c_size_t()
        self.call("DataGet", self.handle, self.data, c_int(1), byref(value), c_size_t(8), byref(size))
        return value.value

    def free(self):
        """Let go of the factor and the rest."""
        self.call("DataDestroy", self.handle, self.data)
        self.call("ConfigDestroy", self.config)
        self.call("MatrixDestroy", self.matrix)
        self.call("Destroy", self.handle)


def measure(device, matrix, rhs, settings, repeats, folder, width):
    """Analysis, factorisation and solves of ``width`` right-hand sides, all of them real ones."""
    device.release()
    b = device.array(rhs[:width])
    x = device.cupy.zeros_like(b)
    solver = Solver(matrix, settings)
    described = solver.dense(x), solver.dense(b)
    _, analysis = device.timed(solver.execute, ANALYSIS, *described)
    _, factorisation = device.timed(solver.execute, FACTORIZATION, *described)
    _, entry = device.median(repeats, solver.execute, SOLVE, *described)
    entry = {name: seconds / width for name, seconds in entry.items()}
    entry |= {"solve_s": entry["median_s"], "analysis_s": analysis, "factorisation_s": factorisation}
    entry |= {"setup_s": analysis + factorisation, "factor_nonzeros": solver.written()} | device.memory()
    np.save(folder / "x.npy", device.host(x))
    for each in described:
        solver.call("MatrixDestroy", each)
    solver.free()
    return entry


def main():
    folder, settings, _ = exchange.arguments(CONFIGS)
    import cupyx.scipy.sparse as gpu_sparse
    import scipy.sparse as sp

    asked = gpu.case(folder)
    data, indices, indptr = exchange.load(folder, "data", "indices", "indptr")
    rhs = np.load(folder / "rhs.npy", mmap_mode="r")
    upper = sp.triu(sp.csr_matrix((data, indices, indptr)), format="csr")
    upper.sort_indices()
    device = gpu.Device()
    matrix = gpu_sparse.csr_matrix(upper)
    run = partial(measure, device, matrix, rhs, settings, asked["repeats"], folder)
    entries = gpu.each(QUICK if asked["quick"] else WIDTHS, run)
    done = [entry for entry in entries.values() if "failure" not in entry]
    if not done:
        raise RuntimeError(next(iter(entries.values()))["failure"])
    version = ".".join(map(str, load()[1]))
    exchange.finish(
        folder, None, setup_s=done[-1]["setup_s"], solve=entries, iterations=0, version=f"cuDSS {version}"
    )


if __name__ == "__main__":
    main()
