# SPDX-License-Identifier: BSD-3-Clause
"""The benchmark's own assembly (problem.py): what a few lines of NumPy and SciPy cost.

Set-up: ``pip install scipy`` in the interpreter that runs the benchmark.
"""

import sys

from peers import exchange

LABEL = "NumPy + SciPy"
INSTALL = "pip install scipy"
KIND = "assembly"
CONFIGS = {"coo": {}}


def launcher(processes):
    """Command before the module's arguments."""
    return [sys.executable]


def missing():
    """Why it cannot run, or an empty string."""
    return exchange.import_failure(launcher(1), "import scipy.sparse")


class Run:
    """The mesh and its matrix."""

    def __init__(self, folder, own):
        self.own, self.matrix = own, None
        nodes_mm, self.tets, self.sigma = exchange.load(folder, "nodes_mm", "tets", "sigma")
        self.nodes_m = nodes_mm * 1e-3

    def assemble(self):
        import problem

        gradient, volume = problem.element_gradients(self.nodes_m, self.tets)
        self.matrix = problem.stiffness(gradient, volume * self.sigma, self.tets, len(self.nodes_m))

    def finish(self):
        import scipy
        import scipy.sparse as sp

        memory = exchange.peak_memory_mib()
        sp.save_npz(self.own / "matrix.npz", self.matrix[1:, 1:], compressed=False)
        return {"memory_mib": memory, "version": f"SciPy {scipy.__version__}"}


def main():
    folder, own, _, _ = exchange.arguments(CONFIGS)
    run = Run(folder, own)
    exchange.serve(own, {"assemble": run.assemble, "finish": run.finish})


if __name__ == "__main__":
    main()
