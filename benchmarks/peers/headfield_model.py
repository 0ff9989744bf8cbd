# SPDX-License-Identifier: BSD-3-Clause
"""headfield's whole chain through its public face: ``HeadModel`` from coil and poses to E in gray matter.

Set-up: ``pip install .`` in the interpreter that runs the benchmark.

No peer does as much, and all of the coil's dipoles are taken. It says, stage by stage, how much of the whole
the solve is.
"""

import sys
from functools import partial

import numpy as np

from peers import exchange

LABEL = "headfield"
INSTALL = "pip install ."
KIND = "model"
WIDTHS = (32,)
CONFIGS = {"model": {"tol": 1e-6, "didt": 1e6}}
GRAY = 2  # tag


def launcher(processes):
    """Command before the module's arguments."""
    return [sys.executable]


def missing():
    """Why headfield cannot run, or an empty string."""
    return exchange.import_failure(launcher(1), "import headfield")


class Run:
    """The model and its last field."""

    def __init__(self, folder, settings, threads):
        import headfield

        names = ("nodes_mm", "tets", "tags", "sigma", "dipoles", "poses")
        nodes_mm, tets, self.tags, sigma, dipoles, self.poses = exchange.load(folder, *names)
        mesh = headfield.TetMesh(nodes_mm, tets, self.tags)
        moments = {"dipole_positions_mm": dipoles[:, :3] * 1e3, "dipole_moments": dipoles[:, 3:]}
        self.headfield, self.coil, self.settings = headfield, headfield.Coil(**moments), settings
        self.build = partial(headfield.HeadModel, mesh, sigma, device="cpu", threads=threads)
        self.model = self.field = None

    def set_up(self):
        self.model = self.field = None  # what an earlier set-up left must not take memory now
        self.model = self.build()

    def solve(self, width):
        """E in gray matter of ``width`` poses; the seconds of each stage."""
        self.field = None  # room for one is enough
        options = {"elements": np.flatnonzero(self.tags == GRAY), "batch": width} | self.settings
        self.field = self.model.solve(self.coil, self.poses[:width], **options)
        _ = self.field.E  # evaluated when it is asked for
        return {"stages_s": dict(self.field.report.seconds)}

    def finish(self):
        numbers = {"iterations": int(self.field.report.iterations.max())}
        numbers["memory_mib"] = exchange.peak_memory_mib()
        return numbers | {"version": f"headfield {self.headfield.__version__}"}


def main():
    folder, own, settings, threads = exchange.arguments(CONFIGS)
    run = Run(folder, settings, threads)
    solves = {f"solve {width}": partial(run.solve, width) for width in WIDTHS}
    exchange.serve(own, {"setup": run.set_up, **solves, "finish": run.finish})


if __name__ == "__main__":
    main()
