# SPDX-License-Identifier: BSD-3-Clause
"""PyAMG: conjugate gradients with smoothed aggregation, one thread (PyAMG has no more).

Set-up: ``pip install pyamg`` in the interpreter that runs the benchmark.
"""

import sys

import numpy as np

from peers import exchange

LABEL = "PyAMG SA + CG"
INSTALL = "pip install pyamg"
KIND = "solve"
WIDTHS = (1,)
CONFIGS = {
    "default": {},
    "tuned": {"strength": ("symmetric", {"theta": 0.04})},
}


def launcher(processes):
    """Command before the module's arguments."""
    return [sys.executable]


def missing():
    """Why this peer cannot run, or an empty string."""
    return exchange.import_failure(launcher(1), "import pyamg")


class Run:
    """The hierarchy, and what it found."""

    def __init__(self, folder, own, settings):
        import pyamg
        import scipy.sparse as sp

        self.pyamg, self.own, self.settings = pyamg, own, settings
        self.matrix = sp.csr_matrix(exchange.load(folder, "data", "indices", "indptr"))
        self.load = np.array(np.load(folder / "rhs.npy", mmap_mode="r")[0])
        self.multilevel, self.x, self.iterations = None, None, 0

    def set_up(self):
        self.multilevel = None  # what an earlier set-up left must not take memory now
        self.multilevel = self.pyamg.smoothed_aggregation_solver(self.matrix, **self.settings)

    def solve(self):
        history = []
        options = {"tol": 1e-6, "accel": "cg", "maxiter": 300, "residuals": history}
        self.x = self.multilevel.solve(self.load, **options)
        self.iterations = len(history) - 1

    def finish(self):
        np.save(self.own / "x.npy", self.x[None])
        numbers = {"iterations": self.iterations, "memory_mib": exchange.peak_memory_mib()}
        return numbers | {"version": f"PyAMG {self.pyamg.__version__}"}


def main():
    folder, own, settings, _ = exchange.arguments(CONFIGS)
    run = Run(folder, own, settings)
    exchange.serve(own, {"setup": run.set_up, "solve 1": run.solve, "finish": run.finish})


if __name__ == "__main__":
    main()
