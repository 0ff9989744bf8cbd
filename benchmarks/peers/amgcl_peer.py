# SPDX-License-Identifier: BSD-3-Clause
"""AMGCL: conjugate gradients with algebraic multigrid in float64, OpenMP threads, through pyamgcl.

Set-up: ``apt-get install libboost-dev``, ``pip install pybind11 setuptools wheel``, then ``pip install
--no-build-isolation pyamgcl`` in the interpreter that runs the benchmark. The last release on PyPI,
1.0.0.post4, is a source package, and its build needs pybind11 without saying so. Its runtime interface
offers the coarsenings and smoothers of that release in double precision, one right-hand side at a time.

Tuning, on the medium sample head (213 k nodes). "default" is what AMGCL does unasked, smoothed aggregation
with SPAI-0 and every connection strong. CPU seconds per solve with one thread, median of four, machine
busy:

- default: 63 iterations, 2.0;
- Ruge-Stueben, strength 0.25 (its default), with damped Jacobi: 14 iterations, 0.6; this is "tuned";
- the same with SPAI-0: 14 iterations, 0.7; with Gauss-Seidel: 12, 0.7.

With two threads Gauss-Seidel's sweep is serial (AMGCL's choice below four threads), Jacobi's is not. Also
tried, with two threads on a machine so busy that only the iterations can be trusted: smoothed aggregation
of strength 0.02 with SPAI-0 30, ILU(0) 20, Gauss-Seidel 26, damped Jacobi 31 (0.04 and 0.08 take more),
Chebyshev of degree 2 over 100; Ruge-Stueben with ILU(0) 11, SPAI-1 12 after a set-up of 43 s, Chebyshev 66,
two sweeps of SPAI-0 12; strength 0.1 with SPAI-0 15, with Gauss-Seidel 14; coarsest levels below 2000
unknowns, Gauss-Seidel 15. Building pyamgcl with -march=native made no difference that could be told from
noise.
"""

import sys
from importlib.metadata import version

import numpy as np

from peers import exchange

LABEL = "AMGCL CG"
INSTALL = (
    "pip install pybind11 setuptools wheel && pip install --no-build-isolation pyamgcl (Boost's headers)"
)
KIND = "solve"
WIDTHS = (1,)
CONFIGS = {
    "default": {},
    "tuned": {"coarsening.type": "ruge_stuben", "relax.type": "damped_jacobi"},
}


def launcher(processes):
    """Command before the module's arguments."""
    return [sys.executable]


def missing():
    """Why this peer cannot run, or an empty string."""
    return exchange.import_failure(launcher(1), "import pyamgcl")


class Run:
    """The solver, and what it found."""

    def __init__(self, folder, own, settings):
        import pyamgcl
        import scipy.sparse as sp

        self.pyamgcl, self.own, self.settings = pyamgcl, own, settings
        self.matrix = sp.csr_matrix(exchange.load(folder, "data", "indices", "indptr"))
        self.load = np.array(np.load(folder / "rhs.npy", mmap_mode="r")[0])
        self.solver, self.x = None, None

    def set_up(self):
        self.solver = None  # the last one's memory is for this one
        preconditioner = self.pyamgcl.amg(self.matrix, self.settings)
        options = {"type": "cg", "tol": 1e-6, "maxiter": 500}
        self.solver = self.pyamgcl.solver(preconditioner, options)

    def solve(self):
        self.x = self.solver(self.load)

    def finish(self):
        np.save(self.own / "x.npy", self.x[None])
        numbers = {"iterations": self.solver.iters, "memory_mib": exchange.peak_memory_mib()}
        return numbers | {"version": f"pyamgcl {version('pyamgcl')}"}


def main():
    folder, own, settings, _ = exchange.arguments(CONFIGS)
    run = Run(folder, own, settings)
    exchange.serve(own, {"setup": run.set_up, "solve 1": run.solve, "finish": run.finish})


if __name__ == "__main__":
    main()
