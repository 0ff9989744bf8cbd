# SPDX-License-Identifier: BSD-3-Clause
"""PETSc: conjugate gradients with hypre's BoomerAMG or with PETSc's own smoothed aggregation (GAMG).

Set-up: Debian 12, ``apt-get install python3-petsc4py openmpi-bin libopenblas0-serial``. The module is for
Debian's own interpreter and lies under /usr/lib/petscdir, so this file runs in ``/usr/bin/python3`` under
``mpirun``; the rows are dealt to the processes in equal consecutive parts, which are compact because nodes
are in Morton order.

Tuning: see CONFIGS and README.md beside compare_cpu.py. All stop on the unpreconditioned norm, |r| <= 1e-6
|b|.
"""

import glob
import shutil
import sys

import numpy as np

from peers import exchange

LABEL = "PETSc CG"
INSTALL = "apt-get install python3-petsc4py openmpi-bin libopenblas0-serial"
PYTHON = "/usr/bin/python3"
MODULES = "/usr/lib/petscdir/petsc*/*/lib/python3/dist-packages"
KIND = "solve"
WIDTHS = (1,)
COMMON = "-ksp_type cg -ksp_norm_type unpreconditioned -ksp_rtol 1e-6 -ksp_max_it 500"
HYPRE = "-pc_type hypre -pc_hypre_type boomeramg -pc_hypre_boomeramg_coarsen_type HMIS"
INTERPOLATION = "-pc_hypre_boomeramg_interp_type ext+i -pc_hypre_boomeramg_P_max 4"
SMOOTHER = "-mg_levels_ksp_type richardson -mg_levels_pc_type sor -mg_levels_ksp_max_it 1"
GAMG = "-pc_type gamg -pc_gamg_agg_nsmooths 1"
CONFIGS = {
    "boomeramg-hmis": HYPRE,
    "boomeramg-tuned": f"{HYPRE} {INTERPOLATION} -pc_hypre_boomeramg_strong_threshold 0.05",
    "gamg-0.02": f"{GAMG} -pc_gamg_threshold 0.02",
    "gamg-tuned": f"{GAMG} -pc_gamg_threshold 0.03 -pc_gamg_threshold_scale 0.5 {SMOOTHER}",
}


def launcher(processes):
    """Command before the module's arguments: under mpirun."""
    return ["mpirun", "--allow-run-as-root", "--oversubscribe", "-n", str(processes), PYTHON]


def missing():
    """Why this peer cannot run, or an empty string."""
    path = f"import glob, sys; sys.path[:0] = sorted(glob.glob({MODULES!r})); import petsc4py.PETSc"
    return exchange.import_failure([PYTHON], path) or ("" if shutil.which("mpirun") else "no mpirun")


def operator(petsc, folder):
    """This process's rows of the matrix, as an AIJ matrix that knows it is symmetric positive definite."""
    indptr, indices, data = exchange.load(folder, "indptr", "indices", "data")
    size, count = petsc.COMM_WORLD.size, len(indptr) - 1
    first, last = (count * (petsc.COMM_WORLD.rank + i) // size for i in (0, 1))
    part = slice(indptr[first], indptr[last])
    matrix = petsc.Mat().createAIJ(
        size=((last - first, count), (last - first, count)),
        csr=(indptr[first : last + 1] - indptr[first], indices[part], data[part]),
        comm=petsc.COMM_WORLD,
    )
    matrix.setOption(petsc.Mat.Option.SPD, True)
    return matrix, first, last


def gathered(petsc, vector):
    """The whole vector on process 0 (empty elsewhere)."""
    scatter, whole = petsc.Scatter.toZero(vector)
    scatter.scatter(vector, whole, addv=False, mode=petsc.Scatter.Mode.FORWARD)
    return whole.getArray().copy()


def main():
    sys.path[:0] = sorted(glob.glob(MODULES))
    import petsc4py

    folder, own, options, _ = exchange.arguments(CONFIGS)
    petsc4py.init(["petsc", *f"{COMMON} {options}".split()])
    from petsc4py import PETSc

    run = Run(PETSc, folder, own)
    jobs = {"setup": run.set_up, "solve 1": run.solve, "finish": run.finish}
    exchange.serve(own, jobs, root=PETSc.COMM_WORLD.rank == 0, barrier=PETSc.COMM_WORLD.barrier)


class Run:
    """The solver, and what it found."""

    def __init__(self, petsc, folder, own):
        self.petsc, self.own, self.ksp, self.iterations = petsc, own, None, 0
        self.matrix, first, last = operator(petsc, folder)
        self.x, self.b = self.matrix.createVecs()
        self.b.getArray()[:] = np.load(folder / "rhs.npy", mmap_mode="r")[0, first:last]

    def counted(self, function, *args):
        """Call ``function(*args)``; the CPU seconds of all processes."""
        seconds = exchange.timed(function, *args)[1]
        return {"cpu": self.total(seconds["cpu"])}

    def set_up(self):
        if self.ksp:
            self.ksp.destroy()
        self.ksp = self.petsc.KSP().create(self.petsc.COMM_WORLD)
        self.ksp.setOperators(self.matrix)
        self.ksp.setFromOptions()
        return self.counted(self.ksp.setUp)

    def solve(self):
        self.x.set(0.0)
        numbers = self.counted(self.ksp.solve, self.b, self.x)
        self.iterations = max(self.iterations, self.ksp.getIterationNumber())
        return numbers

    def finish(self):
        memory, whole = self.total(exchange.peak_memory_mib()), gathered(self.petsc, self.x)
        if self.petsc.COMM_WORLD.rank == 0:
            np.save(self.own / "x.npy", whole[None])
        version = "PETSc " + ".".join(map(str, self.petsc.Sys.getVersion()))
        return {"iterations": self.iterations, "memory_mib": memory, "version": version}

    def total(self, value):
        """Sum of ``value`` over the processes."""
        vector = self.petsc.Vec().createMPI((1, None), comm=self.petsc.COMM_WORLD)
        vector.getArray()[:] = value
        return float(vector.sum())


if __name__ == "__main__":
    main()
