# SPDX-License-Identifier: BSD-3-Clause
"""DOLFINx: assembly of the stiffness matrix by a form that FFCx compiles; P1, conductivity as DG0.

Set-up: Debian 12, ``apt-get install python3-dolfinx openmpi-bin`` (version 0.5, without NumPy 2): the
module is for Debian's own interpreter. It has processes in place of threads, so it runs under ``mpirun``.

Timed: sparsity pattern, matrix, assembly, and the exchange between processes. Before that, and not timed,
are mesh, function spaces and compilation. ``mesh_s`` says what making the mesh took, with its partitioning
and renumbering.

Tuning: in one process, DOLFINx's own matrix, which took a fifth less than PETSc's; in several, PETSc's,
because there 0.5 has a few wrong entries in its own (dolfinx issue 2471; it is so with this mesh too). The
form is compiled with ``-O3 -march=native`` by ``jit_params``. On the medium head that differs from the
default ``-O2`` by less than times vary, as do ``-O2 -march=native`` and ``-Ofast``: the time is in the
sparsity pattern and in adding entries. DOLFINx takes one point of quadrature here by itself. No cells are
shared between processes (``GhostMode.none``), as forms without interior facets need none.
"""

import shutil
import time

import numpy as np

from peers import exchange

LABEL = "DOLFINx"
INSTALL = "apt-get install python3-dolfinx openmpi-bin"
KIND = "assembly"
PYTHON = "/usr/bin/python3"
CONFIGS = {"native": ["-O3", "-march=native"]}


def launcher(processes):
    """Command before the module's arguments: under mpirun."""
    return ["mpirun", "--allow-run-as-root", "--oversubscribe", "-n", str(processes), PYTHON]


def missing():
    """Why this peer cannot run, or an empty string."""
    found = exchange.import_failure([PYTHON], "import dolfinx.fem.petsc")
    return found or ("" if shutil.which("mpirun") else "no mpirun")


class Run:
    """Mesh and form; the matrix is of this process's rows."""

    def __init__(self, comm, folder, own, compiler):
        self.comm, self.own, self.matrix = comm, own, None
        started = time.perf_counter()
        self.mesh = create_mesh(comm, folder)
        self.mesh_s = time.perf_counter() - started
        jit = {"cffi_extra_compile_args": compiler, "cache_dir": str(own / "jit")}
        self.form = compiled_form(self.mesh, np.load(folder / "sigma.npy"), jit)

    def assemble(self):
        """Assemble anew; the CPU seconds of all processes."""
        self.matrix = None  # the last one's memory is for this one
        assembly = assemble_csr if self.comm.size == 1 else assemble_petsc
        self.matrix, seconds = exchange.timed(assembly, self.form)
        return {"cpu": self.comm.allreduce(seconds["cpu"])}

    def finish(self):
        import dolfinx

        memory = self.comm.allreduce(exchange.peak_memory_mib())
        rows = self.comm.gather(global_rows(self.matrix))
        nodes = self.comm.gather(input_nodes(self.mesh, self.form))
        if self.comm.rank == 0:
            save(self.own / "matrix.npz", rows, np.concatenate(nodes))
        return {"memory_mib": memory, "mesh_s": self.mesh_s, "version": f"DOLFINx {dolfinx.__version__}"}


def create_mesh(comm, folder):
    """The mesh in metres; each process gives an equal part of the arrays."""
    import ufl
    from dolfinx import mesh

    domain = ufl.Mesh(ufl.VectorElement("Lagrange", "tetrahedron", 1))
    nodes_mm, tets = (
        np.array_split(array, comm.size)[comm.rank] for array in exchange.load(folder, "nodes_mm", "tets")
    )
    return mesh.create_mesh(comm, tets.astype(np.int64), nodes_mm * 1e-3, domain, mesh.GhostMode.none)


def compiled_form(mesh, sigma, jit):
    """sigma grad(u) . grad(v), ``sigma`` (m,) in the order in which the tetrahedra were given."""
    import ufl
    from dolfinx import fem

    space = fem.FunctionSpace(mesh, ("Lagrange", 1))
    conductivity = fem.Function(fem.FunctionSpace(mesh, ("DG", 0)))
    conductivity.x.array[:] = sigma[np.asarray(mesh.topology.original_cell_index)]
    u, v = ufl.TrialFunction(space), ufl.TestFunction(space)
    form = conductivity * ufl.inner(ufl.grad(u), ufl.grad(v)) * ufl.dx
    return fem.form(form, jit_params=jit)


def assemble_petsc(form):
    """A new PETSc matrix."""
    from dolfinx.fem import petsc

    matrix = petsc.assemble_matrix(form)
    matrix.assemble()
    return matrix


def assemble_csr(form):
    """A new matrix of DOLFINx's own; in one process, local numbers are global ones."""
    from dolfinx import fem

    return fem.assemble_matrix(fem.assemble.create_matrix(form), form)


def global_rows(matrix):
    """Rows of this process as (indptr, indices, data), columns by DOLFINx's global numbers."""
    if hasattr(matrix, "getValuesCSR"):
        return matrix.getValuesCSR()
    return tuple(np.asarray(part) for part in (matrix.indptr, matrix.indices, matrix.data))


def input_nodes(mesh, form):
    """The given number of the node of each of this process's degrees of freedom."""
    dofmap = form.function_spaces[0].dofmap
    nodes = np.empty(dofmap.index_map.size_local + dofmap.index_map.num_ghosts, dtype=np.int64)
    nodes[dofmap.list().array] = np.asarray(mesh.geometry.input_global_indices)[mesh.geometry.dofmap.array]
    return nodes[: dofmap.index_map.size_local]


def save(path, rows, nodes):
    """Put the processes' rows together, in the given order of nodes and without node 0."""
    import scipy.sparse as sp

    parts = [
        sp.csr_matrix((data, indices, indptr), (len(indptr) - 1, len(nodes)))
        for indptr, indices, data in rows
    ]
    order = np.argsort(nodes)
    sp.save_npz(path, sp.vstack(parts, format="csr")[order][:, order][1:, 1:], compressed=False)


def main():
    folder, own, compiler, _ = exchange.arguments(CONFIGS)
    from mpi4py import MPI

    comm = MPI.COMM_WORLD
    run = Run(comm, folder, own, compiler)
    jobs = {"assemble": run.assemble, "finish": run.finish}
    exchange.serve(own, jobs, root=comm.rank == 0, barrier=comm.barrier)


if __name__ == "__main__":
    main()
