# SPDX-License-Identifier: BSD-3-Clause
"""MKL PARDISO, a sparse direct solver, through pypardiso: factor once, then solve 1 and 16 right-hand sides.

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
from pathlib import Path

import numpy as np

from peers import exchange

LABEL = "MKL PARDISO"
INSTALL = "python -m venv .venv-peers && .venv-peers/bin/pip install pypardiso"
BATCHES = (1, 16)
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


def factorise(solver, upper):
    """Analysis and numerical factorisation of the upper triangle."""
    solver.set_phase(12)
    solver._call_pardiso(upper, np.zeros((upper.shape[0], 1), order="F"))


def main():
    folder, settings, threads = exchange.arguments(CONFIGS)
    os.environ["MKL_NUM_THREADS"] = os.environ["OMP_NUM_THREADS"] = str(threads)
    import pypardiso
    import scipy.sparse as sp

    data, indices, indptr, rhs = exchange.load(folder, "data", "indices", "indptr", "rhs")
    upper = sp.triu(sp.csr_matrix((data, indices, indptr)), format="csr")
    upper.sort_indices()
    solver = pypardiso.PyPardisoSolver(mtype=2)
    for index, value in settings.items():
        solver.iparm[index - 1] = value
    _, setup = exchange.timed(factorise, solver, upper)
    solver.set_phase(33)
    solve = {}
    for batch in BATCHES:
        load = np.asfortranarray(rhs[:batch].T)
        solver._call_pardiso(upper, load)
        runs = [exchange.timed(solver._call_pardiso, upper, load) for _ in range(3)]
        solve[str(batch)] = exchange.solve_entry([seconds for _, seconds in runs], batch)
    exchange.finish(
        folder,
        runs[-1][0].T,
        setup_s=setup["wall"],
        solve=solve,
        iterations=0,
        memory_mib=exchange.peak_memory_mib(),
        version=f"pypardiso {pypardiso.__version__}",
    )


if __name__ == "__main__":
    main()
