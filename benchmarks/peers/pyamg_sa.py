# SPDX-License-Identifier: BSD-3-Clause
"""PyAMG: conjugate gradients with smoothed aggregation, one thread (PyAMG has no more).

Set-up: ``pip install pyamg`` in the interpreter that runs the benchmark.
"""

import sys
from functools import partial

import numpy as np

from peers import exchange

LABEL = "PyAMG SA + CG"
INSTALL = "pip install pyamg"
RIGHT_HAND_SIDES = 4  # the first warms up and is not timed
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


def main():
    folder, settings, _ = exchange.arguments(CONFIGS)
    import pyamg
    import scipy.sparse as sp

    data, indices, indptr = exchange.load(folder, "data", "indices", "indptr")
    matrix = sp.csr_matrix((data, indices, indptr))
    loads = np.load(folder / "rhs.npy", mmap_mode="r")[:RIGHT_HAND_SIDES]
    multilevel, setup = exchange.timed(lambda: pyamg.smoothed_aggregation_solver(matrix, **settings))
    seconds, iterations, solution = [], [], []
    for load in loads:
        history = []
        options = {"tol": 1e-6, "accel": "cg", "maxiter": 300, "residuals": history}
        x, elapsed = exchange.timed(partial(multilevel.solve, **options), np.array(load))
        seconds.append(elapsed)
        iterations.append(len(history) - 1)
        solution.append(x)
    exchange.finish(
        folder,
        solution,
        setup_s=setup["wall"],
        solve={"1": exchange.solve_entry(seconds[1:])},
        iterations=max(iterations),
        memory_mib=exchange.peak_memory_mib(),
        version=f"PyAMG {pyamg.__version__}",
    )


if __name__ == "__main__":
    main()
