# SPDX-License-Identifier: BSD-3-Clause
"""MKL PARDISO, a sparse direct solver, through pypardiso: factor once, solve 1, 16 and 64 right-hand sides.

Set-up: ``python -m venv .venv-peers && .venv-peers/bin/pip install pypardiso`` in the repository's root. It
has its own environment because MKL needs half a gigabyte; without that folder the running interpreter is
tried.

Tuning: matrix type 2 (real symmetric positive definite, Cholesky) on the upper triangle, which pypardiso
passes on as it is given. Its ``factorize`` and ``solve`` are stepped over for the call below them, so that
no copy and no comparison of the matrix is timed. "default" leaves pypardiso's parameters alone, and MKL
then spends two thirds of every solve on two steps of iterative refinement; "tuned" has MKL's documented
defaults written out, which does none, and is still exact to 1e-13. The parallel METIS ordering, the
two-level factorisation and the other ways of solving in parallel (iparm 2, 24, 25) gained nothing.
"""

import os
import sys
from functools import partial
from pathlib import Path

import numpy as np

from peers import exchange

LABEL = "MKL PARDISO"
INSTALL = "python -m venv .venv-peers && .venv-peers/bin/pip install pypardiso"
KIND = "solve"
WIDTHS = (1, 16, 64)
# iparm (1-based) -> value. All zero is what pypardiso leaves: MKL then refines every solution twice.
NO_REFINEMENT = {1: 1, 2: 2, 8: 0, 10: 13, 11: 0, 13: 0, 18: -1, 19: -1, 21: 1}
CONFIGS: dict[str, dict[int, int]] = {"default": {}, "tuned": NO_REFINEMENT}


def launcher(processes):
    """Command before the module's arguments."""
    own = Path(__file__).resolve().parents[2] / ".venv-peers" / "bin" / "python"
    return [str(own) if own.exists() else sys.executable]


def missing():
    """Why this peer cannot run, or an empty string."""
    return exchange.import_failure(launcher(1), "import pypardiso")


class Run:
    """The factor of the upper triangle, and what it found."""

    def __init__(self, folder, own, settings):
        import pypardiso
        import scipy.sparse as sp

        self.pypardiso, self.own, self.settings = pypardiso, own, settings
        data, indices, indptr = exchange.load(folder, "data", "indices", "indptr")
        self.upper = sp.triu(sp.csr_matrix((data, indices, indptr)), format="csr")
        self.upper.sort_indices()
        # Left in the file, which lies as PARDISO wants it: (n, k) by columns. It only reads them.
        self.loads = np.asarray(np.load(folder / "rhs.npy", mmap_mode="r")).T
        self.solver = self.x = None

    def set_up(self):
        """Analysis and numerical factorisation."""
        if self.solver:
            self.solver.free_memory(everything=True)
        self.solver = self.pypardiso.PyPardisoSolver(mtype=2)
        for index, value in self.settings.items():
            self.solver.iparm[index - 1] = value
        self.solver.set_phase(12)
        self.solver._call_pardiso(self.upper, np.zeros((self.upper.shape[0], 1), order="F"))
        self.solver.set_phase(33)

    def solve(self, width):
        self.x = None  # the last one's memory is for this one
        self.x = self.solver._call_pardiso(self.upper, self.loads[:, :width])

    def finish(self):
        np.save(self.own / "x.npy", self.x.T)
        version = f"pypardiso {self.pypardiso.__version__}"
        return {"iterations": 0, "memory_mib": exchange.peak_memory_mib(), "version": version}


def main():
    folder, own, settings, threads = exchange.arguments(CONFIGS)
    os.environ["MKL_NUM_THREADS"] = os.environ["OMP_NUM_THREADS"] = str(threads)
    run = Run(folder, own, settings)
    solves = {f"solve {width}": partial(run.solve, width) for width in WIDTHS}
    exchange.serve(own, {"setup": run.set_up, **solves, "finish": run.finish})


if __name__ == "__main__":
    main()
