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
RIGHT_HAND_SIDES = 5  # the first warms up and is not timed
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

    folder, options, _ = exchange.arguments(CONFIGS)
    petsc4py.init(["petsc", *f"{COMMON} {options}".split()])
    from petsc4py import PETSc

    matrix, first, last = operator(PETSc, folder)
    ksp = PETSc.KSP().create(PETSc.COMM_WORLD)
    ksp.setOperators(matrix)
    ksp.setFromOptions()
    _, setup = exchange.timed(ksp.setUp)
    x, b = matrix.createVecs()
    loads = np.load(folder / "rhs.npy", mmap_mode="r")[:RIGHT_HAND_SIDES]
    seconds, iterations, solution = [], [], []
    for load in loads:
        b.getArray()[:] = load[first:last]
        x.set(0.0)
        PETSc.COMM_WORLD.barrier()
        seconds.append(exchange.timed(ksp.solve, b, x)[1])
        iterations.append(ksp.getIterationNumber())
        solution.append(gathered(PETSc, x))
    entry = exchange.solve_entry(seconds[1:])
    entry["cpu_s"] = total(PETSc, entry["cpu_s"])
    memory = total(PETSc, exchange.peak_memory_mib())
    if PETSc.COMM_WORLD.rank == 0:
        exchange.finish(
            folder,
            solution,
            setup_s=setup["wall"],
            solve={"1": entry},
            iterations=max(iterations),
            memory_mib=memory,
            version="PETSc " + ".".join(map(str, PETSc.Sys.getVersion())),
        )


def total(petsc, value):
    """Sum of ``value`` over the processes."""
    vector = petsc.Vec().createMPI((1, petsc.COMM_WORLD.size), comm=petsc.COMM_WORLD)
    vector.getArray()[:] = value
    return float(vector.sum())


if __name__ == "__main__":
    main()
