# SPDX-License-Identifier: BSD-3-Clause
"""headfield itself, measured like a peer: in a process of its own, on the systems that the peers get.

Set-up: ``pip install .`` in the interpreter that runs the benchmark.

Set-up seconds hold headfield's own assembly as well as its hierarchy, more than the peers are charged with.
The result is judged with the benchmark's independent matrix, so a fault in headfield's assembly would show.
"""

import sys
from functools import partial

import numpy as np

from peers import exchange

LABEL = "headfield"
INSTALL = "pip install ."
THETA = 0.04  # strength of connection, as HeadModel has it
REPEATS = 3
CONFIGS = {
    "solver": {"batches": (1, 8, 32)},  # the given systems: this is what peers are compared with
    "model": {
        "batches": (32,)
    },  # HeadModel from coil and poses to E in gray matter: seconds per stage, no peer
}


def launcher(processes):
    """Command before the module's arguments."""
    return [sys.executable]


def missing():
    """Why headfield cannot run, or an empty string."""
    return exchange.import_failure(launcher(1), "from headfield._cpu import Hierarchy, Solver")


def set_up(cpu, nodes_m, tets, sigma):
    """Assembly and hierarchy; the potential is fixed at node 0."""
    indptr, indices, stiffness, _ = cpu.assemble(nodes_m, tets, sigma)
    return cpu.Hierarchy(indptr, indices, stiffness, 0, THETA)


def columns(rhs, batch):
    """The first ``batch`` loads as (n, batch), node 0 given the load that makes each sum zero."""
    loads = np.empty((rhs.shape[1] + 1, batch))
    loads[1:] = rhs[:batch].T
    loads[0] = -loads[1:].sum(axis=0)
    return loads


def main():
    folder, settings, threads = exchange.arguments(CONFIGS)
    if settings is CONFIGS["model"]:
        measure_model(folder, settings["batches"][0], threads)
    else:
        measure_solver(folder, settings["batches"], threads)


def measure_model(folder, batch, threads):
    """The whole chain through the public face, with all of the coil's dipoles."""
    import headfield

    names = ("nodes_mm", "tets", "tags", "sigma", "dipoles", "poses")
    nodes_mm, tets, tags, sigma, dipoles, poses = exchange.load(folder, *names)
    mesh = headfield.TetMesh(nodes_mm, tets, tags)
    coil = headfield.Coil(dipole_positions_mm=dipoles[:, :3] * 1e3, dipole_moments=dipoles[:, 3:])
    model, setup = exchange.timed(partial(headfield.HeadModel, mesh, sigma, device="cpu", threads=threads))
    arguments = {"didt": 1e6, "elements": tags == 2, "tol": 1e-6, "batch": batch}
    first = exchange.timed(partial(model.solve, coil, poses[:batch], **arguments))[1]  # its field is let go
    field, again = exchange.timed(partial(model.solve, coil, poses[:batch], **arguments))
    stages = {name: seconds / batch for name, seconds in field.report.seconds.items()}
    exchange.finish(
        folder,
        None,
        setup_s=setup["wall"],
        stages_s=stages | {"all": again["wall"] / batch},
        coil_setup_s=first["wall"] - again["wall"],
        iterations=int(field.report.iterations.max()),
        memory_mib=exchange.peak_memory_mib(),
    )


def measure_solver(folder, batches, threads):
    """Assembly, hierarchy and solves on the benchmark's right-hand sides."""
    import headfield
    from headfield._backend import cpu

    nodes_mm, tets, sigma = exchange.load(folder, "nodes_mm", "tets", "sigma")
    rhs = np.load(folder / "rhs.npy", mmap_mode="r")
    cpu.set_threads(threads)
    hierarchy, setup = exchange.timed(set_up, cpu, nodes_mm * 1e-3, tets, sigma)
    entries, iterations = {}, 0
    for batch in batches:
        solver, runs = cpu.Solver(hierarchy, batch), []
        potential = np.zeros((rhs.shape[1] + 1, batch))
        for _ in range(REPEATS):
            loads = columns(rhs, batch)  # solve() overwrites them
            potential.fill(0.0)  # the first guess
            reports, seconds = exchange.timed(solver.solve, loads, potential, 1e-6, 100)
            runs.append(seconds)
        entries[str(batch)] = exchange.solve_entry(runs, batch)
        iterations = max(iterations, *(report.iterations for report in reports))
    exchange.finish(
        folder,
        (potential[1:] - potential[0]).T,
        setup_s=setup["wall"],
        solve=entries,
        iterations=iterations,
        memory_mib=exchange.peak_memory_mib(),
        version=f"headfield {getattr(headfield, '__version__', '')}".strip(),
    )


if __name__ == "__main__":
    main()
