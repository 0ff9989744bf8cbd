# SPDX-License-Identifier: BSD-3-Clause
"""Seconds of each GPU kernel of a batch, counted: from the sizes of a head, a card, and what the kernels are.

A kernel takes the largest of five times, and what it costs to launch it:

- dram: bytes of its arrays, each once, but for those still in L2 from the kernel that touched them last;
- l2: the same with all arrays, and what is gathered once for each block of neighbouring rows that wants it;
- issue: warp instructions, or bytes that L1 hands out, of all multiprocessors;
- float64: operations and conversions, for which consumer cards have few units;
- latency: rounds of waiting for memory of a row, times rows over the warps that are there at once, and no
  less than what one warp needs for its own rows: the time of coarse levels.

All of this is prediction. Nothing here was measured on a GPU.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import costs
from gpu_cards import DRAM_SHARE, ISSUE_SHARE, KEPT_SHARE, L1_BYTES, L2_SHARE, Card
from gpu_kernels import CHUNK, COMPENSATED_SUM, ELEMENTS, GEOMETRY, LATTICE_BYTES, SLOTS, STEP, TURNS, Kernels

LIMITS = ("dram", "l2", "issue", "float64", "latency")
SECTOR = 32  # bytes that L2 hands out at once
SYNC_US = 0.3  # of a block of 1024 threads that has just written global memory; assumed
LATTICE_MISS = 0.1  # of lattice bytes that L1 does not hold; assumed
TAIL_THREADS = 1024
L1_NS = 20.0  # for a block that has its multiprocessor, and its columns in L1, to itself; assumed
LINE = 64  # bytes that come from DRAM at once
SHUFFLE = 30  # cycles that a warp waits for a shuffle and the sum of it; assumed


class Head:
    """Counts of a head: sizes, the longest rows among neighbours, what blocks of neighbours gather."""

    def __init__(self, counted: Mapping[str, Any]) -> None:
        self.counted, found = counted, counted["matrices"]

        def made(name: str) -> costs.Matrix | None:
            sizes = found.get(name)
            return sizes and costs.Matrix(
                name, *(sizes[key] for key in ("rows", "cols", "nonzeros", "stored"))
            )

        self.levels: list[costs.Matrices] = []
        while (a := made(f"a{len(self.levels)}")) is not None:
            rest = (made(f"{name}{len(self.levels)}") for name in ("p", "pt", "ap"))
            self.levels.append(costs.Matrices(a, *rest))

    def longest(self, matrix: str, rows: int) -> float:
        """Mean over groups of so many neighbouring rows of the longest, padded."""
        return float(self._of(matrix)["longest"][str(rows)])

    def unique(self, matrix: str, rows: int, together: int) -> float:
        """Groups of so many neighbouring columns that blocks of neighbouring rows gather, per row."""
        table = self._of(matrix)["unique"]
        near = min(table, key=lambda key: abs(math.log(int(key) / rows)))
        return float(table[near][str(together)])

    def _of(self, matrix: str) -> Any:
        return self.counted["matrices"]["a0" if matrix == "source" else matrix]


@dataclass(frozen=True)
class Time:
    """Of one call of a kernel: seconds by what limits them, and bytes."""

    verb: str
    level: int
    seconds: Mapping[str, float]
    launch: float
    dram_bytes: float
    l2_bytes: float

    @property
    def limit(self) -> str:
        return max(LIMITS, key=lambda name: self.seconds[name])

    @property
    def total(self) -> float:
        return self.seconds[self.limit] + self.launch


def resident(steps: Sequence[costs.Step], capacity: float, again: bool) -> list[set[str]]:
    """Arrays that each step finds in a cache of that size; `again` if the steps have run before.

    Between two uses of a number lie, on average, half of what either step touches, and the steps between.
    """
    order = [*steps, *steps] if again else list(steps)
    sizes = [{access.array: access.size for access in step.accesses} for step in order]
    last: dict[str, int] = {}
    found: list[set[str]] = []
    for k, touched in enumerate(sizes):
        here = set()
        for array in touched:
            if array in last:
                between: dict[str, float] = {}
                for other in sizes[last[array] + 1 : k]:
                    between |= other
                ends = 0.5 * (sum(sizes[last[array]].values()) + sum(touched.values()))
                if ends + sum(between.values()) <= capacity:
                    here.add(array)
        last |= dict.fromkeys(touched, k)
        found.append(here)
    return found[-len(steps) :]


class Model:
    """Times on one card, of one way of writing the kernels, for so many columns."""

    def __init__(self, head: Head, card: Card, kernels: Kernels, width: int) -> None:
        self.head, self.card, self.kernels, self.width = head, card, kernels, width
        self.counter = costs.Counter(head.levels, width, costs.GPU)
        self.capacity = KEPT_SHARE * card.l2_mb * 1e6

    # ---- how threads share the work ----

    def sharers(self, step: costs.Step) -> int:
        """Threads that share a row of a verb's first matrix, which is the dense one where it has no other."""
        if step.sums or not (step.products or step.verb == "apply_dense") or step.stage != "solve":
            return 1
        if not step.products:
            return self.kernels.shared_by(step.rows, step.rows**2)
        first = step.products[0].matrix
        return self.kernels.shared_by(first.rows, first.nonzeros)

    def columns(self, step: costs.Step) -> int:
        """Of a thread."""
        return self.kernels.columns_at(self.width, step.verb, self.sharers(step))

    def lanes(self, step: costs.Step) -> int:
        """Threads of a row, all that share it."""
        return self.width // self.columns(step) * self.sharers(step)

    def rows_of_warp(self, step: costs.Step) -> int:
        return max(1, 32 // self.lanes(step))

    def steps_of(self, one: costs.Product, step: costs.Step) -> float:
        """Steps of one thread in a row as long as the longest of those that its warp has."""
        count, longest = self.sharers(step), self.head.longest(one.matrix.name, self.rows_of_warp(step))
        return longest / STEP / count + 0.5 * (1.0 - 1.0 / count)  # rounded up

    def together(self, step: costs.Step) -> int:
        """Steps of a turn of the loop; rows of right-hand sides are not padded, and have none."""
        return 1 if step.stage != "solve" else self.kernels.together.get(self.columns(step), 1)

    def turns_of(self, steps: float, step: costs.Step) -> float:
        """Turns of a loop over so many steps; what is left comes in pieces of half a turn, a quarter, …

        Of one row each of them is there in half of all cases, and of several that a warp has, in nearly all.
        """
        together = self.together(step)
        pieces = math.log2(together) * (1.0 if self.rows_of_warp(step) > 1 else 0.5)
        return max(0.0, steps - 0.5 * (together - 1)) / together + pieces

    # ---- one kernel ----

    def time(self, step: costs.Step, kept: set[str], launch_us: float) -> Time:
        dram = sum(access.moved for access in step.accesses if access.array not in kept)
        l2 = self.l2_bytes(step)
        seconds = {
            "dram": dram / (1e9 * self.card.dram_gb_s * DRAM_SHARE),
            "l2": l2 / (1e9 * self.card.l2_gb_s * L2_SHARE),
            "issue": self.issue(step) / self.card.sms,
            "float64": self.float64(step) / self.card.sms,
            "latency": self.latency(step, kept),
        }
        return Time(step.verb, step.level, seconds, 1e-6 * launch_us, dram, l2)

    def l2_bytes(self, step: costs.Step) -> float:
        """What is streamed, once, and what blocks of rows gather, in sectors."""
        size = sum(access.moved for access in step.accesses if access.kind != "gather")
        for one in step.products:
            size += self.gathered(one, step)
        blocks = step.rows / (256 / self.lanes(step))
        if step.verb == "apply_dense":
            size += blocks * step.accesses[1].size
        if step.verb == "electric_field":
            size += (24.0 + 20.0 * self.width) * self.head.counted["corners_per_element"] * step.rows
        if step.verb == "primary":
            size += LATTICE_MISS * LATTICE_BYTES * step.rows * self.width
        return size

    def gathered(self, one: costs.Product, step: costs.Step) -> float:
        """Bytes that blocks gather: of a row of the block vector, or of the sector that holds several."""
        row = one.number * one.each * self.width
        together = 1 if row >= SECTOR else 1 << int(math.log2(SECTOR // row))
        rows = self.kernels.block_rows(self.lanes(step), step.rows, step.sums)
        name, piece = one.matrix.name, max(row, SECTOR)
        # A block's rows must fit in its share of L1 together, or they share what fewer of them gather.
        share = 1024.0 * self.card.l1_kb / max(1, self.warps(step) // 8)
        while rows > 16 and rows * self.head.unique(name, rows, together) * piece > share:
            rows //= 2
        return one.matrix.rows * self.head.unique(name, rows, together) * piece

    def issue(self, step: costs.Step) -> float:
        """Seconds of one multiprocessor that does it all: instructions, or bytes out of L1."""
        warps, columns, sharers = step.rows * self.lanes(step) / 32, self.columns(step), self.sharers(step)
        moves = sum(2 if access.kind == "update" else 1 for access in step.accesses)
        exchange = 2.0 * columns * math.log2(sharers)  # a shuffle and a sum
        each = 12.0 + moves * (2.5 + 0.7 * columns) + (25.0 + exchange) * len(step.products)
        handed = 0.0
        for one in step.products:
            each += self.steps_of(one, step) * self.instructions(one, columns)
            handed += one.matrix.stored * one.number * one.each * self.width
        if step.verb == "apply_dense":
            each += step.rows / STEP / sharers * (8 * columns + self.kernels.dense_overhead) + exchange
        if step.verb in ELEMENTS:
            warps, each = step.rows * self.width / 32, ELEMENTS[step.verb]
            handed = LATTICE_BYTES * step.rows * self.width if step.verb == "primary" else 0.0
        return self.card.seconds(max(warps * each / (4.0 * ISSUE_SHARE), handed / L1_BYTES))

    def instructions(self, one: costs.Product, columns: int) -> float:
        """Of a step of four entries: loads, conversions, multiply-adds, addresses and loop."""
        loads = 1 + math.ceil(STEP * one.value / 16) + STEP * one.each * math.ceil(columns * one.number / 16)
        converts = STEP * (columns * (one.number == 2) + (one.value == 2))
        adds: float = STEP * one.each * columns
        if one.each == 3 and self.kernels.compensated:
            adds *= COMPENSATED_SUM
        elif one.each == 3:
            converts = STEP * one.each * (columns + 1)
        known = max(count for count in self.kernels.overhead if count <= columns)
        return loads + converts + adds + self.kernels.overhead[known]

    def float64(self, step: costs.Step) -> float:
        """Seconds of one multiprocessor for operations and conversions."""
        if step.verb == "smooth" and step.level:
            return 0.0
        row, row_converts, entry, entry_converts = self.kernels.float64(step.verb)
        entries = sum(one.matrix.stored for one in step.products)
        operations = self.width * (row * step.rows + entry * entries)
        operations += GEOMETRY * step.rows if step.verb == "electric_field" else 0.0
        converts = self.width * (row_converts * step.rows + entry_converts * entries)
        return self.card.seconds(operations / self.card.fp64_lanes + converts / self.card.convert_lanes)

    def warps(self, step: costs.Step) -> int:
        """That a multiprocessor holds: what its 65536 registers are enough for."""
        by_columns = self.kernels.registers.get(self.name(step), self.kernels.registers[""])
        given = (by_columns.get(self.columns(step), by_columns[4]) + 7) // 8 * 8
        return min(self.card.warps, 8 * max(1, 65536 // (256 * given)))

    def latency(self, step: costs.Step, kept: set[str]) -> float:
        """Rows after rows on the warps that are there, and no less than what one warp has to do."""
        one_row = self.wait(step, kept)
        lanes = self.width if step.verb == "primary" else self.lanes(step)
        warps = step.rows * lanes / 32
        own = CHUNK / SLOTS if step.sums else max(1.0, step.rows * lanes / 256 / self.kernels.most_blocks)
        if step.verb in ELEMENTS:  # 32 rows to a block of 256 threads
            own = max(1.0, lanes / 8)
        return one_row * max(own, warps / (self.card.sms * self.warps(step)))

    def wait(self, step: costs.Step, kept: set[str], in_l1: bool = False) -> float:
        """Seconds that a warp waits for the memory of its row; `in_l1` if what it gathers is there."""
        near, far = 1e-9 * self.card.l2_ns, 1e-9 * self.card.dram_ns

        def of(kind: str) -> float:
            missed = any(access.array not in kept for access in step.accesses if access.kind == kind)
            return far if missed else near

        seconds = (1 + self.kernels.reload * step.sums) * near + of("read")
        steps = self.rows_of_warp(step) * self.together(step)  # of a warp in a turn
        shuffles = self.card.seconds(SHUFFLE * math.log2(self.sharers(step)))
        for one in step.products:
            gather = near
            if in_l1:
                gather = 1e-9 * L1_NS
            elif of("gather") == far:  # what nobody has gathered yet comes from far
                new = min(1.0, one.matrix.cols / one.matrix.stored)
                gather += (far - near) * (1.0 - (1.0 - new) ** (STEP * steps))
            new = min(1.0, STEP * max(one.index, one.value) / LINE)  # of lines of the matrix, likewise
            stream = near + (of("read") - near) * (1.0 - (1.0 - new) ** steps)
            turn = stream + (self.rounds(step, one) - 1.0) * gather
            seconds += self.turns_of(self.steps_of(one, step), step) * turn + shuffles
        if step.verb == "apply_dense":
            rounds = self.kernels.rounds[step.verb][self.columns(step)][0]
            turn = near + (rounds - 1.0) * (1e-9 * L1_NS if in_l1 else near)
            seconds += self.turns_of(step.rows / STEP / self.sharers(step), step) * turn + shuffles
        return seconds + TURNS.get(step.verb, 0) * near

    def name(self, step: costs.Step) -> str:
        """Of the body of a loop: the verb's, unless there is another that leaves a sum too."""
        other = f"{step.verb}_dot"
        return other if step.sums and other in self.kernels.rounds and step.verb == "smooth" else step.verb

    def rounds(self, step: costs.Step, one: costs.Product) -> float:
        """Of a turn."""
        of_p = step.verb == "smooth" and one.matrix.name.startswith("p")
        found = self.kernels.rounds[self.name(step) + (" p" if of_p else "")]
        return found[self.columns(step)][one.index == 2]

    def column_sum(self, launch_us: float) -> Time:
        """The second kernel of a sum: a block of 1024 threads for each column, ten halvings."""
        chunks = self.head.levels[0].a.rows / CHUNK
        size = 8.0 * chunks * self.width
        waits = 2 + math.ceil(chunks / 1024 / STEP)
        latency = 1e-9 * self.card.l2_ns * waits + self.card.seconds(10 * 40)
        seconds = dict.fromkeys(LIMITS, 0.0) | {"latency": latency}
        seconds["l2"] = size * SECTOR / 8 / (1e9 * self.card.l2_gb_s * L2_SHARE)
        return Time("column_sum", 0, seconds, 1e-6 * launch_us, 0.0, size)

    # ---- a sequence of kernels ----

    def times(self, steps: Sequence[costs.Step], launch_us: float, again: bool = False) -> list[Time]:
        """Of each kernel; levels that are one kernel together come as "tail"."""
        found: list[Time] = []
        tail: list[Time] = []
        for step, kept in zip(steps, resident(steps, self.capacity, again), strict=True):
            if 0 < self.head.levels[step.level].a.rows <= self.kernels.tail_rows and step.level > 0:
                tail.append(self.tail_time(step, kept))
                continue
            if tail:
                found.append(joined(tail, launch_us))
                tail = []
            found.append(self.time(step, kept, launch_us))
            if step.sums and self.kernels.column_sums:
                found.append(self.column_sum(launch_us))
        return found

    def tail_time(self, step: costs.Step, kept: set[str]) -> Time:
        """By blocks that each hold a group of columns, a multiprocessor each, a thread a row and group."""
        blocks = self.width // self.columns(step)
        used = min(self.card.sms, blocks)
        plain = self.time(step, kept, SYNC_US)
        rows = math.ceil(step.rows * self.sharers(step) / TAIL_THREADS)
        seconds = dict(plain.seconds)
        seconds["issue"] = self.issue(step) / used
        seconds["l2"] = self.card.seconds(blocks * plain.l2_bytes / 64 / used)  # bytes a cycle to each
        seconds["latency"] = rows * self.wait(step, kept, in_l1=True)
        return Time(step.verb, step.level, seconds, 1e-6 * SYNC_US, plain.dram_bytes, plain.l2_bytes)

    def iteration(self) -> list[Time]:
        return self.times(self.counter.iteration(), self.card.replay_us, again=True)

    def check(self) -> list[Time]:
        return self.times(self.counter.check(), self.card.launch_us)

    def start(self) -> list[Time]:
        steps = self.counter.start() if self.kernels.fused_start else self.earlier_start()
        return self.times(steps, self.card.launch_us)

    def earlier_start(self) -> list[costs.Step]:
        """What `start` was when each array had a loop of its own, phi's zeros one of the caller's."""
        n, step, vector = self.counter.n, self.counter.row_step, self.counter.vector
        scaled = [vector("b", n, 8, "update"), costs.Access("scale", 8.0 * n, "read")]
        rounded = [vector("b", n, 8), vector("r", n, 4, "write"), vector("b0", n, 2, "write")]
        return [
            step("clear", [vector("phi", n, 8, "write")], 0),
            step("norm", [vector("phi", n, 8)], 3, sums=True, weights=True),
            step("scale_rows", scaled, 1),
            step("norm", [vector("b", n, 8)], 3, sums=True, weights=True),
            *(step("clear", [vector(name, n, 4, "write")], 0) for name in "xpr"),
            step("rounded", rounded, 1),
        ]

    def end(self) -> list[Time]:
        return self.times(self.counter.end(), self.card.launch_us)

    def around(self) -> list[Time]:
        counted = self.head.counted
        steps = self.counter.around(counted["chosen"], counted["touched"])
        return self.times(steps, self.card.launch_us)

    def batch(self, iterations: int) -> list[tuple[Time, int]]:
        """Every kernel of one batch, with its calls."""
        checks = (iterations - 1) // costs.PERIOD + 1
        parts = [(self.around(), 1), (self.start(), 1), (self.iteration(), iterations)]
        parts += [(self.check(), checks), (self.end(), 1)]
        return [(time, calls) for times, calls in parts for time in times]

    def turns(self, iterations: int) -> int:
        """How often the host waits: for iterations and checks, and for norms at the start."""
        looks = math.ceil(iterations / self.kernels.look_every) + (iterations - 1) // costs.PERIOD + 1
        return looks + (1 if self.kernels.fused_start else 3)


def joined(parts: Iterable[Time], launch_us: float) -> Time:
    """One kernel for several; its limit is what limits most of it."""
    parts = list(parts)
    total = sum(time.total for time in parts)
    shares = dict.fromkeys(LIMITS, 0.0)
    for time in parts:
        shares[time.limit] += time.total
    limit = max(shares, key=lambda name: shares[name])
    seconds = dict.fromkeys(LIMITS, 0.0) | {limit: total}
    sizes = [sum(getattr(time, name) for time in parts) for name in ("dram_bytes", "l2_bytes")]
    return Time("tail", parts[0].level, seconds, 1e-6 * launch_us, *sizes)
