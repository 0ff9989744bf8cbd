# SPDX-License-Identifier: BSD-3-Clause
"""What headfield's GPU kernels are to model_gpu.py: one record; a change of kernels is a change here.

Instructions, registers and rounds are those of the SASS that nvcc 13.0 makes of cuda/*.cu for sm_90, read by
read_sass.py. A step is what a loop over a row does for four of its entries. A round is a wait for memory:
loads that are on their way at the same time take one together.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

WIDTHS = (1, 4, 8, 16, 32, 64)
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
    "rounded": (2, 2, 0, 0),
    "scale_norm": (3, 0, 0, 0),
    "scale_rows": (1, 0, 0, 0),
    "norm": (2, 0, 0, 0),
    "right_hand_side": (0, 0, 3, 3.75),  # the value of an entry is converted once for four columns
    "electric_field": (18, 9, 0, 0),
    "primary": (42, 21, 0, 0),  # the coil's frame, the cell of one lattice, rates times rotations
}
# The same where only differences stay in float64: of potentials, and of a node from a coil's origin.
SINGLE = {"right_hand_side": (0, 1, 0, 0), "electric_field": (3, 3, 0, 0), "primary": (3, 3, 0, 0)}
GEOMETRY = 100.0  # float64 operations of an element, once for all columns
# Instructions of a thread for a row and column, where no loop over entries is: SASS; the four divisions of
# turn_tile are two thirds of E.
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
        Columns of a thread at most, and from the width `wide_from` on.
    contiguous : int
        Neighbouring rows that a block takes; 0 for as many as 256 threads take at once.
    rounds : mapping
        Of a step by verb, "smooth p" for the prolongation in it: where columns take four bytes, and two; then
        the same where a thread has one column, whose loop is unrolled, so that loads overlap.
    split : int
        Threads that share a row where rows alone don't fill the card.
    reload : bool
        Whether what a row has just stored is loaded again for its sum.
    tail_rows : int
        Levels with so few rows are one kernel, a block for each group of columns; 0 for none.
    fused_start : bool
        Whether a solve starts by scaling and its norm in one loop, without clearing.
    float64_around : bool
        Whether right-hand side, E and ∂A/∂t are float64 throughout.
    overhead : float
        Instructions of a step for addresses and its loop.
    registers : mapping
        Of a thread by verb; "" for the rest.
    """

    name: str
    columns: int = 4
    wide_columns: int = 4
    wide_from: int = 32
    contiguous: int = 0
    rounds: Mapping[str, tuple[float, float, float, float]] = field(default_factory=dict)
    split: int = 1
    reload: bool = True
    tail_rows: int = 0
    fused_start: bool = False
    float64_around: bool = True
    overhead: float = 22.0
    registers: Mapping[str, int] = field(default_factory=dict)

    def columns_at(self, width: int) -> int:
        return min(width, self.wide_columns if width >= self.wide_from else self.columns)

    def lanes(self, width: int) -> int:
        """Threads of a row."""
        return width // self.columns_at(width)

    def block_rows(self, width: int, sums: bool) -> int:
        """Neighbouring rows that share what a block's L1 holds."""
        lanes = self.lanes(width)
        if self.contiguous:
            return self.contiguous
        return CHUNK * max(1, 8 // lanes) if sums else 256 // lanes

    def float64(self, verb: str) -> tuple[float, ...]:
        if not self.float64_around and verb in SINGLE:
            return SINGLE[verb]
        return FLOAT64.get(verb, (0, 0, 0, 0))


ROUNDS = {
    "smooth_from_zero": (3.0, 5.0, 1.75, 1.25),
    "residual": (2.0, 4.0, 1.5, 1.25),
    "apply": (2.0, 3.0, 1.75, 1.25),
    "correct": (2.0, 2.0, 2.0, 1.25),
    "smooth": (2.0, 2.0, 2.25, 2.25),
    "smooth p": (2.1, 3.0, 2.4, 1.75),
    "apply_dot": (2.0, 2.0, 2.25, 2.25),
    "true_residual": (6.5, 6.5, 2.5, 2.5),
    "right_hand_side": (13.0, 13.0, 5.0, 5.0),
}
REGISTERS = {"": 32, "correct": 42, "smooth": 48, "apply_dot": 52, "step_direction": 44, "step_residual": 64}
REGISTERS |= {"flush": 44, "true_residual": 80, "rounded": 40, "norm": 40, "scale_norm": 40}
REGISTERS |= {"right_hand_side": 40, "electric_field": 112, "primary": 121}

BEFORE = Kernels("before", rounds=ROUNDS, registers=REGISTERS)
# What is planned, each by itself a change of the first setting.
CHANGES: dict[str, Mapping[str, Any]] = {
    "all four gathers in flight": {
        "rounds": dict.fromkeys(ROUNDS, (2.0, 2.0, 1.25, 1.25)),
        "registers": {verb: max(40, count) for verb, count in REGISTERS.items()},
    },
    "eight columns a thread from width 32 on": {"wide_columns": 8},
    "blocks of 128 neighbouring rows": {"contiguous": 128},
    "no loading of what was just stored": {"reload": False},
    "levels below 5,000 rows in one kernel": {"tail_rows": 5000},
    "fused start": {"fused_start": True},
    "float32 around the solve but for differences": {"float64_around": False},
}
PLANNED = replace(
    BEFORE, name="planned", **{key: value for one in CHANGES.values() for key, value in one.items()}
)
APART = replace(PLANNED, name="planned, coarse levels apart", tail_rows=0)
SETTINGS = (BEFORE, PLANNED, APART)
TODAY = BEFORE  # what cuda/ is: the setting that measurements stand beside
# What else could be done, by itself again.
IDEAS: dict[str, Mapping[str, Any]] = {
    "up to 8 threads share a row where rows are few": {"split": 8},
    "up to 32 threads share a row where rows are few": {"split": 32},
    "the same, and levels below 5,000 rows in one kernel": {"split": 32, "tail_rows": 5000},
}


def changed(fields: Mapping[str, Any]) -> Kernels:
    """The first setting with these fields."""
    return replace(BEFORE, name="changed", **fields)
