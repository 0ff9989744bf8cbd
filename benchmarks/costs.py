# SPDX-License-Identifier: BSD-3-Clause
"""Bytes that have to move and operations that have to be done, kernel by kernel, counted from sizes.

Every array that a kernel reads or writes is counted once and whole, as if the cache held nothing between
two kernels and everything within one; what a cache line brings along unasked, and what is read only to be
written over, is not counted. A multiply-add is two operations. Numbers are those of the CPU: float32 in the
V-cycle and in the iteration, float64 around it. `profile_kernels.py` holds the calls against those of a run.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

PERIOD = 6  # iterations between residuals in float64, as in cpp/pcg.cpp
POINTS = 64  # of a lattice in a tricubic interpolation

Level = tuple[int, int, int, int]  # rows, nonzeros of A, of P, of A P


@dataclass(frozen=True)
class Cost:
    """Of all calls of one kernel in a solve of one batch."""

    stage: str
    calls: int = 0
    bytes: float = 0.0
    flops: float = 0.0

    def and_also(self, size: float, flops: float, calls: int = 1) -> Cost:
        """With so many more calls of that size."""
        return Cost(self.stage, self.calls + calls, self.bytes + calls * size, self.flops + calls * flops)


def matrix(nonzeros: int, rows: int, value: int = 4) -> float:
    """Bytes of a sparse matrix: columns, values, starts of the rows."""
    return (4.0 + value) * nonzeros + 4.0 * (rows + 1)


def held_bytes(levels: Sequence[Level], tets: int) -> float:
    """What a model keeps of a head: mesh, source operator, hierarchy, without work space."""
    rows, nonzeros, _, _ = levels[0]
    mesh = 24.0 * rows + 4.0 * rows + 16.0 * tets  # nodes, their order, tetrahedra
    source = matrix(nonzeros, rows, 12)
    fine = 8.0 * nonzeros + 3 * 8.0 * rows  # the matrix in float64; scale, its inverse, weight
    cycle = 0.0
    for (n, a, p, ap), coarse in zip(levels, [*levels[1:], None], strict=True):
        cycle += matrix(a, n)
        if coarse is not None:
            cycle += matrix(p, n) + matrix(ap, n) + matrix(p, coarse[0])
    return mesh + source + fine + cycle + 4.0 * levels[-1][0] ** 2


def work_bytes(levels: Sequence[Level]) -> float:
    """Block vectors per pose of a batch: ∂A/∂t, b, φ, and the solver's own."""
    n = levels[0][0]
    cycle = 4.0 * (2 * n + 3 * sum(level[0] for level in levels[1:]))
    return (12.0 + 8.0 + 8.0) * n + 4.0 * 3 * n + cycle


def solve(levels: Sequence[Level], width: int, iterations: int) -> dict[str, Cost]:
    """Of each verb in a solve from a zero guess, for `width` columns that all take so many iterations."""
    costs = {name: Cost("solve") for name in ("smooth_from_zero", "residual", "apply", "correct", "smooth")}
    for (n, a, p, ap), coarse in itertools.pairwise(levels):
        v, v_coarse = 4.0 * width * n, 4.0 * width * coarse[0]
        finest = n == levels[0][0]
        each = {
            "smooth_from_zero": (matrix(a, n) + 2 * v, (2.0 * a + 3 * n) * width),
            "residual": (matrix(a, n) + 3 * v, (2.0 * a + n) * width),
            "apply": (matrix(p, coarse[0]) + v + v_coarse, 2.0 * p * width),
            "correct": (matrix(ap, n) + v_coarse + 2 * v, (2.0 * ap + n) * width),
            "smooth": (
                matrix(a, n) + matrix(p, n) + v_coarse + (4 if finest else 3) * v,
                (2.0 * (a + p) + (6 if finest else 4) * n) * width,
            ),
        }
        for name, (size, flops) in each.items():
            costs[name] = costs[name].and_also(size, flops, iterations)
    last = levels[-1][0]
    dense = (4.0 * last**2 + 8.0 * width * last, 2.0 * last**2 * width)
    costs["apply_dense"] = Cost("solve").and_also(*dense, iterations)
    n, a, _, _ = levels[0]
    v, v64 = 4.0 * width * n, 8.0 * width * n
    checks = (iterations - 1) // PERIOD + 1
    rest = {
        "step_direction": (5 * v, 5.0 * n * width, iterations),
        "apply_dot": (matrix(a, n) + 2 * v, (2.0 * a + 2 * n) * width, iterations),
        "step_residual": (3 * v + 8.0 * n, 5.0 * n * width, iterations),
        "flush": (3 * v + 2 * v64, 4.0 * n * width, checks),
        "true_residual": (matrix(a, n, 8) + 2 * v64 + v + 8.0 * n, (2.0 * a + 4 * n) * width, checks),
        "rounded": (v64 + v, 1.0 * n * width, 1),
        "scale_rows": (2 * v64 + 8.0 * n, 1.0 * n * width, 2),
        "norm": (v64 + 8.0 * n, 3.0 * n * width, 2),
        "clear": (v, 0.0, 3),
    }
    return costs | {name: Cost("solve").and_also(*cost) for name, cost in rest.items()}


def around(levels: Sequence[Level], tets: int, chosen: int, touched: int, width: int) -> dict[str, Cost]:
    """Of what comes before and after the solve; `touched` nodes are corners of the `chosen` tetrahedra."""
    n, a, _, _ = levels[0]
    v = 4.0 * width * n
    lattice_flops = 2.0 * (POINTS * 4 + 12) + 60.0  # sums of four numbers a point; cell, weights, rotation
    field_flops = (3 + 2 * 9 + 9 + 2 * 3 + 3) * width
    return {
        "primary": Cost("primary", 1, 24.0 * n + 3 * v, lattice_flops * n * width),
        "right_hand_side": Cost("right_hand_side", 1, matrix(a, n, 12) + 3 * v + 2 * v, 6.0 * a * width),
        "electric_field": Cost(
            "field",
            1,
            20.0 * chosen + (24.0 + 20.0 * width) * touched + 12.0 * width * chosen,
            field_flops * chosen + 90.0 * chosen,
        ),
        "assemble": Cost("set-up", 1, 24.0 * n + 24.0 * tets + 24.0 * a, 4 * 100.0 * tets),
    }


def per_iteration(levels: Sequence[Level], width: int) -> tuple[float, float]:
    """Bytes and operations of one iteration of a batch, checks in float64 left out."""
    verbs = ("smooth_from_zero", "residual", "apply", "correct", "smooth", "apply_dense")
    verbs += ("step_direction", "apply_dot", "step_residual")
    costs = solve(levels, width, 1)
    return sum(costs[name].bytes for name in verbs), sum(costs[name].flops for name in verbs)
