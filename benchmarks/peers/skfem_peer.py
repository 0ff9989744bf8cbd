# SPDX-License-Identifier: BSD-3-Clause
"""scikit-fem: assembly of the stiffness matrix, P1 tetrahedra, in NumPy and SciPy.

Set-up: ``pip install scikit-fem`` in the interpreter that runs the benchmark.

Timed: from arrays of nodes, tetrahedra and conductivity to a CSR matrix, so ``MeshTet``, ``Basis`` (which
evaluates the basis functions at the points of quadrature) and the form. "default" has scikit-fem's own
quadrature, of four points. "tuned" has the one point that constant gradients need (``intorder``) and no
coordinates of degrees of freedom (``disable_doflocs``), as its documentation offers for large meshes. The
conductivity is an array by element and point, because interpolating it by ``ElementTetP0`` took 1.3 CPU s
of 6 on the medium head. ``nthreads`` gained nothing: the form is a tenth of ``assemble``, the rest is
SciPy's conversion from COO to CSR.
"""

import sys

import numpy as np

from peers import exchange

LABEL = "scikit-fem"
INSTALL = "pip install scikit-fem"
KIND = "assembly"
CONFIGS = {
    "default": {},
    "tuned": {"intorder": 1, "disable_doflocs": True},
}


def launcher(processes):
    """Command before the module's arguments."""
    return [sys.executable]


def missing():
    """Why this peer cannot run, or an empty string."""
    return exchange.import_failure(launcher(1), "import skfem")


class Run:
    """The mesh and its matrix."""

    def __init__(self, folder, own, settings):
        import skfem
        from skfem.helpers import dot, grad

        self.skfem, self.own, self.settings, self.matrix = skfem, own, settings, None
        self.form = skfem.BilinearForm(lambda u, v, w: w.sigma * dot(grad(u), grad(v)))
        nodes_mm, tets, self.sigma = exchange.load(folder, "nodes_mm", "tets", "sigma")
        self.nodes_m, self.tets = np.ascontiguousarray(nodes_mm.T * 1e-3), np.ascontiguousarray(tets.T)

    def assemble(self):
        self.matrix = None  # the last one's memory is for this one
        mesh = self.skfem.MeshTet(self.nodes_m, self.tets)
        basis = self.skfem.Basis(mesh, self.skfem.ElementTetP1(), **self.settings)
        sigma = np.broadcast_to(self.sigma[:, None], basis.dx.shape)
        self.matrix = self.form.assemble(basis, sigma=sigma)

    def finish(self):
        import scipy.sparse as sp

        memory = exchange.peak_memory_mib()
        sp.save_npz(self.own / "matrix.npz", self.matrix[1:, 1:], compressed=False)
        return {"memory_mib": memory, "version": f"scikit-fem {self.skfem.__version__}"}


def main():
    folder, own, settings, _ = exchange.arguments(CONFIGS)
    run = Run(folder, own, settings)
    exchange.serve(own, {"assemble": run.assemble, "finish": run.finish})


if __name__ == "__main__":
    main()
