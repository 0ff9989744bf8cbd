# SPDX-License-Identifier: BSD-3-Clause
"""What headfield's GPU kernels are to model_gpu.py: one record; a change of kernels is a change here.

Instructions, registers and rounds are those of the SASS that nvcc 13.0 makes of cuda/*.cu for sm_90, read by
sass.py. A step is what a loop over a row does for four of its entries; a turn of the loop may take
several. A round is a wait for memory: loads that are on their way at the same time take one together.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

WIDTHS = (1, 4, 8, 16, 32, 64)
# Verbs whose threads take more columns where there are many: WideBlock of cuda/products.hpp.
WIDE = ("smooth_from_zero", "residual", "apply", "apply_dense", "correct", "smooth", "apply_dot")
CHUNK = 128  # rows that sums are taken over first, in so many …
SLOTS = 32  # … parts, as in cuda/loops.hpp
STEP = 4  # entries of a row that are loaded together

# float64 work of a verb: operations and conversions for a row and column, then for an entry (or a row of the
# loop over elements) and column; from SASS.
FLOAT64 = {
    "smooth": (1, 2, 0, 0),  # the sum on the finest level
    "apply_dot": (1, 2, 0, 0),
    "step_residual": (2, 1, 0, 0),
    "flush": (1, 1, 0, 0),
    "true_residual": (6, 3, 1, 0),
    "begin": (2, 2, 0, 0),
    "rounded": (2, 2, 0, 0),
    "scale_and_measure": (3, 0, 0, 0),
    "scale_rows": (1, 0, 0, 0),
    "norm": (2, 0, 0, 0),
    "right_hand_side": (0, 0, 3, 3.75),  # the value of an entry is converted once for four columns
    "electric_field": (18, 9, 0, 0),
    "primary": (42, 21, 0, 0),  # the coil's frame, the cell of one lattice, rates times rotations
}
# The same where only differences stay in float64, of potentials, and of a node from a coil's origin, besides
# what describes a lattice; and where all of a right-hand side that is converted is a sum of two numbers.
DIFFERENCES = {"electric_field": (3, 3, 0, 0), "primary": (3, 9, 0, 0)}
COMPENSATED = {"right_hand_side": (1, 2, 0, 0)}
COMPENSATED_SUM = 12.0  # instructions for a product and its place in such a sum, addresses included
GEOMETRY = 100.0  # float64 operations of an element, once for all columns
# Instructions of a thread for a row and column, where no loop over entries is: SASS; what turn_tile does,
# with its divisions, is two thirds of E.
ELEMENTS = {"electric_field": 170.0, "primary": 1000.0}
TURNS = {
    "electric_field": 4,
    "primary": 8,
}  # rounds: indices, corners, and out through shared memory; lattice
LATTICE_BYTES = 1024.0  # that a node and column load from L1: 64 points of 16 bytes


@dataclass(frozen=True)
class Kernels:
    """A way of writing the loops.

    Attributes
    ----------
    columns, wide_columns, wide_from : int
        Columns of a thread at most, and of verbs of WIDE from the width `wide_from` on.
    sharing : tuple of (rows, entries, threads)
        Threads that share a row of a matrix with fewer rows and at least so many entries a row; the first
        that fits. A thread then takes columns enough for all who share a row to be in one warp.
    contiguous : int
        Neighbouring rows that a block takes where there are many; 0 for as many as its threads take at once.
    most_blocks : int
        Of a loop over rows.
    rounds : mapping
        Of a turn by verb and columns of a thread: where columns of the matrix take four bytes, and two.
        "smooth p" is the prolongation in it, "smooth_dot" is it with its sum.
    together : mapping
        Steps of a turn, by columns of a thread.
    reload : bool
        Whether what a row has just stored is loaded again for its sum.
    tail_rows : int
        Levels with so few rows are one kernel, a block for each group of columns; 0 for none.
    fused_start : bool
        Whether a solve starts by scaling and its norm in one loop, and all else in another.
    float64_around, compensated : bool
        Whether E and ∂A/∂t are float64 throughout; whether right-hand sides are compensated float32 sums.
    column_sums : bool
        Whether what blocks have summed is added by a kernel of its own.
    look_every : int
        Iterations after which the host looks what has become of the columns.
    overhead, dense_overhead : mapping, float
        Instructions of a step for addresses and its loop, by columns; of one of the dense matrix.
    registers : mapping
        Of a thread by verb and columns; "" for the rest.
    """

    name: str
    columns: int = 4
    wide_columns: int = 4
    wide_from: int = 32
    sharing: tuple[tuple[int, int, int], ...] = ()
    contiguous: int = 0
    most_blocks: int = 4096
    rounds: Mapping[str, Mapping[int, tuple[float, float]]] = field(default_factory=dict)
    together: Mapping[int, int] = field(default_factory=dict)
    reload: bool = True
    tail_rows: int = 0
    fused_start: bool = False
    float64_around: bool = True
    compensated: bool = False
    column_sums: bool = True
    look_every: int = 1
    overhead: Mapping[int, float] = field(default_factory=dict)
    dense_overhead: float = 18.0
    registers: Mapping[str, Mapping[int, int]] = field(default_factory=dict)

    def shared_by(self, rows: int, nonzeros: int) -> int:
        """Threads that share a row of such a matrix."""
        found = (count for most, each, count in self.sharing if rows < most and nonzeros >= each * rows)
        return next(found, 1)

    def columns_at(self, width: int, verb: str, sharers: int = 1) -> int:
        most = self.wide_columns if verb in WIDE and width >= self.wide_from else self.columns
        return min(width, max(most, width * sharers // 32 if sharers > 1 else 0))

    def block_rows(self, lanes: int, rows: int, sums: bool) -> int:
        """Neighbouring rows, of `lanes` threads each, that share what a block's L1 holds."""
        if sums:
            return CHUNK * max(1, 8 // lanes)
        many = self.contiguous and rows >= self.contiguous * self.most_blocks // 4
        return max(256 // lanes, self.contiguous if many else 1)

    def float64(self, verb: str) -> tuple[float, ...]:
        if not self.float64_around and verb in DIFFERENCES:
            return DIFFERENCES[verb]
        if self.compensated and verb in COMPENSATED:
            return COMPENSATED[verb]
        return FLOAT64.get(verb, (0, 0, 0, 0))


BEFORE = Kernels(
    "before",
    rounds={
        "smooth_from_zero": {1: (7, 5), 4: (3, 5)},
        "residual": {1: (6, 5), 4: (2, 4)},
        "apply": {1: (7, 5), 4: (2, 3)},
        "apply_dense": {1: (8, 8), 4: (2, 2)},
        "correct": {1: (8, 5), 4: (2, 2)},
        "smooth": {1: (9, 9), 4: (2, 2)},
        "smooth p": {1: (9.5, 7), 4: (2, 3)},
        "apply_dot": {1: (9, 9), 4: (2, 2)},
        "true_residual": {1: (10, 10), 4: (6.5, 6.5)},
        "right_hand_side": {1: (5, 5), 4: (13, 13)},
    },
    together={1: 4},
    overhead={1: 22, 4: 22},
    registers={
        "": {4: 32},
        "correct": {4: 42},
        "smooth": {4: 48},
        "apply_dot": {4: 52},
        "step_direction": {4: 44},
        "step_residual": {4: 64},
        "flush": {4: 44},
        "true_residual": {4: 80},
        "rounded": {4: 40},
        "norm": {4: 40},
        "right_hand_side": {4: 40},
        "electric_field": {4: 112},
        "primary": {4: 121},
    },
)
# What cuda/ is, and so what measurements stand beside.
TODAY = Kernels(
    "today",
    wide_columns=8,
    sharing=((1 << 14, 64, 8), (1 << 17, 32, 4)),
    contiguous=128,
    most_blocks=2048,
    rounds={
        "smooth_from_zero": {1: (2, 2), 4: (2, 2), 8: (1, 1), 16: (1, 1)},
        "residual": {1: (2, 2), 4: (2, 2), 8: (1, 1), 16: (1, 1)},
        "apply": {1: (2, 2), 4: (2, 2), 8: (1, 1), 16: (1, 1)},
        "smooth": {1: (2, 2), 4: (2, 2), 8: (1, 1), 16: (1, 1)},
        "smooth_dot": {1: (2, 2), 4: (2, 2), 8: (1, 1)},
        "correct": {1: (2, 2), 4: (3, 3), 8: (1, 1), 16: (1, 1)},
        "smooth p": {1: (2, 2), 4: (3, 3), 8: (1, 1), 16: (1, 1)},
        "smooth_dot p": {1: (2, 2), 4: (2, 2), 8: (2, 2)},
        "apply_dot": {1: (2, 2), 4: (2, 2), 8: (2, 2)},
        "apply_dense": {1: (1, 1), 4: (1, 1), 8: (1, 1), 16: (1, 1)},
        "true_residual": {1: (2, 2), 4: (3, 3)},
        "right_hand_side": {1: (4, 4), 4: (8, 8)},
    },
    together={1: 4, 4: 2},
    reload=False,
    fused_start=True,
    float64_around=False,
    compensated=True,
    overhead={1: 10, 4: 22, 8: 31},
    dense_overhead=39.0,
    registers={
        "": {1: 48, 4: 56},
        "smooth_from_zero": {1: 48, 4: 53, 8: 56, 16: 80},
        "residual": {1: 56, 4: 56, 8: 64, 16: 96},
        "apply": {1: 48, 4: 53, 8: 56, 16: 80},
        "apply_dense": {1: 64, 4: 48, 8: 54, 16: 80},
        "correct": {1: 56, 4: 64, 8: 80, 16: 128},
        "smooth": {1: 56, 4: 64, 8: 80, 16: 128},
        "smooth_dot": {1: 56, 4: 70, 8: 80},
        "apply_dot": {1: 64, 4: 72, 8: 80},
        "step_direction": {1: 32, 4: 61},
        "step_residual": {1: 48, 4: 64},
        "flush": {1: 40, 4: 62},
        "true_residual": {1: 94, 4: 128},
        "scale_and_measure": {1: 56, 4: 80},
        "scale_rows": {1: 32, 4: 40},
        "begin": {1: 36, 4: 56},
        "right_hand_side": {1: 39, 4: 51},
        "electric_field": {1: 40, 4: 64},
        "primary": {4: 98},
    },
)
SETTINGS = (BEFORE, TODAY)
# What could still be done, each by itself a change of what is. Some would lose, and are here so that nobody
# tries them unwarned: a kernel for several levels has a multiprocessor for each group of columns, too few.
IDEAS: dict[str, Mapping[str, Any]] = {
    "the last block of a loop adds its sums": {"column_sums": False},
    "the host looks after every third iteration": {"look_every": 3},
    "eight threads share a row where four do": {"sharing": ((1 << 17, 32, 8),)},
    "right-hand sides in float64, for cards with units enough": {"compensated": False},
    "levels below 5,000 rows in one kernel": {"tail_rows": 5000},
}


def changed(fields: Mapping[str, Any]) -> Kernels:
    """What is, with these fields."""
    return replace(TODAY, name="changed", **fields)
