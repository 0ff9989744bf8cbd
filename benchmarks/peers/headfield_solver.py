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
KIND = "solve"
WIDTHS = (1, 8, 32)
CONFIGS = {"solver": {"theta": 0.04}}  # strength of connection, as HeadModel has it


def launcher(processes):
    """Command before the module's arguments."""
    return [sys.executable]


def missing():
    """Why headfield cannot run, or an empty string."""
    return exchange.import_failure(launcher(1), "from headfield.core._cpu import Hierarchy, Solver")


def columns(rhs, batch):
    """The first ``batch`` loads as (n, batch), node 0 given the load that makes each sum zero."""
    loads = np.empty((rhs.shape[1] + 1, batch))
    loads[1:] = rhs[:batch].T
    loads[0] = -loads[1:].sum(axis=0)
    return loads


class Run:
    """The hierarchy, a solver for each width, and what it found."""

    def __init__(self, folder, own, settings, threads):
        from headfield.core.device import cpu

        self.cpu, self.own, self.theta = cpu, own, settings["theta"]
        cpu.set_threads(threads)
        nodes_mm, self.tets, self.sigma = exchange.load(folder, "nodes_mm", "tets", "sigma")
        self.nodes_m = nodes_mm * 1e-3
        self.rhs = np.load(folder / "rhs.npy", mmap_mode="r")
        self.hierarchy, self.solvers, self.potential, self.iterations = None, {}, None, 0

    def set_up(self):
        """Assembly and hierarchy; the potential is fixed at node 0."""
        self.solvers, self.hierarchy = {}, None  # what an earlier set-up left must not take memory now
        indptr, indices, stiffness, _ = self.cpu.assemble(self.nodes_m, self.tets, self.sigma)
        ground = np.arange(len(self.nodes_m)) == 0
        self.hierarchy = self.cpu.Hierarchy(indptr, indices, stiffness, ground, self.theta)

    def solve(self, width):
        """The seconds of the solve itself; loads are laid out before, as the solver overwrites them."""
        if width not in self.solvers:
            self.solvers[width] = self.cpu.Solver(self.hierarchy, width)
        self.potential = None  # the last one's memory is for this one
        loads = columns(self.rhs, width)
        self.potential = np.empty_like(loads)
        arguments = (loads, self.potential, [1e-6] * width, 100)
        solve = partial(self.solvers[width].solve, guessed=False)
        reports, seconds = exchange.timed(solve, *arguments)
        self.iterations = max(self.iterations, *(report.iterations for report in reports))
        return seconds

    def finish(self):
        import headfield

        np.save(self.own / "x.npy", (self.potential[1:] - self.potential[0]).T)
        numbers = {"iterations": self.iterations, "memory_mib": exchange.peak_memory_mib()}
        return numbers | {"version": f"headfield {headfield.__version__}"}


def main():
    folder, own, settings, threads = exchange.arguments(CONFIGS)
    run = Run(folder, own, settings, threads)
    solves = {f"solve {width}": partial(run.solve, width) for width in WIDTHS}
    exchange.serve(own, {"setup": run.set_up, **solves, "finish": run.finish})


if __name__ == "__main__":
    main()
