# SPDX-License-Identifier: BSD-3-Clause
"""How costs grow with the nodes of a head: the exponent p of seconds ~ nodes^p over four phantoms."""

from __future__ import annotations

import functools
import time

import numpy as np

import headfield as hf

from . import heads

REPEATS = 2


class Exponent:
    """1 where twice the nodes take twice the time. Least squares of logarithms; the least of two times."""

    params = (heads.devices(),)
    param_names = ("device",)
    slow = True

    def track_set_up(self, device: str) -> float:
        return self._exponent("set-up", device)

    def track_solve(self, device: str) -> float:
        """The linear solve of a batch of 32."""
        return self._exponent("solve", device)

    def track_end_to_end(self, device: str) -> float:
        """From 32 poses to E in gray matter."""
        return self._exponent("end to end", device)

    def _exponent(self, stage: str, device: str) -> float:
        costs = [_costs(head, device) for head in heads.PHANTOMS]
        nodes, seconds = zip(*((cost["nodes"], cost[stage]) for cost in costs), strict=True)
        return float(np.polyfit(np.log(nodes), np.log(seconds), 1)[0])


Exponent.track_set_up.unit = Exponent.track_solve.unit = Exponent.track_end_to_end.unit = "exponent"


@functools.cache
def _costs(head: str, device: str) -> dict[str, float]:
    """Nodes of a head, and the least seconds of its stages."""
    mesh, rows = heads.mesh(head), []
    for _ in range(REPEATS):
        start = time.perf_counter()
        model = hf.HeadModel(mesh, device=device)
        rows.append({"set-up": time.perf_counter() - start})
    arguments = {"elements": heads.gray(head), "batch": heads.BATCH}
    for row in [{}, *rows]:  # the first warms up: tables of the coil, work space
        start = time.perf_counter()
        field = model.solve(heads.coil(), heads.poses(head), heads.DIDT, **arguments)
        _ = field.E
        row |= {"end to end": time.perf_counter() - start, "solve": field.report.seconds["solve"]}
    return {"nodes": mesh.n_nodes} | {stage: min(row[stage] for row in rows) for stage in rows[0]}
