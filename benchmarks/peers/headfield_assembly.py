# SPDX-License-Identifier: BSD-3-Clause
"""headfield's assembly of the stiffness matrix from nodes, tetrahedra and conductivity.

Set-up: ``pip install .`` in the interpreter that runs the benchmark.

It also makes the operator that turns dA/dt into right-hand sides, in the same sweep: it can't be told not to.
"""

import sys

import numpy as np

from peers import exchange

LABEL = "headfield"
INSTALL = "pip install ."
KIND = "assembly"
CONFIGS = {"native": {}}


def launcher(processes):
    """Command before the module's arguments."""
    return [sys.executable]


def missing():
    """Why headfield cannot run, or an empty string."""
    return exchange.import_failure(launcher(1), "import scipy; from headfield.core._cpu import assemble")


class Run:
    """The mesh and its matrix."""

    def __init__(self, folder, own, threads):
        from headfield.core.device import cpu

        self.cpu, self.own, self.parts = cpu, own, None
        cpu.set_threads(threads)
        nodes_mm, tets, sigma = exchange.load(folder, "nodes_mm", "tets", "sigma")
        self.arguments = (nodes_mm * 1e-3, tets, sigma)

    def assemble(self):
        self.parts = None  # the last one's memory is for this one
        self.parts = self.cpu.assemble(*self.arguments)

    def finish(self):
        import scipy.sparse as sp

        import headfield

        memory = exchange.peak_memory_mib()
        indptr, indices, data, _ = self.parts
        matrix = sp.csr_matrix((np.asarray(data), np.asarray(indices), np.asarray(indptr)))
        sp.save_npz(self.own / "matrix.npz", matrix[1:, 1:], compressed=False)
        return {"memory_mib": memory, "version": f"headfield {headfield.__version__}"}


def main():
    folder, own, _, threads = exchange.arguments(CONFIGS)
    run = Run(folder, own, threads)
    exchange.serve(own, {"assemble": run.assemble, "finish": run.finish})


if __name__ == "__main__":
    main()
