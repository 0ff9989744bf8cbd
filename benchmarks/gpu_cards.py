# SPDX-License-Identifier: BSD-3-Clause
"""GPUs as data sheets describe them, and what has to be assumed where those say nothing.

Every number is marked with its origin in `ORIGIN`: "data sheet" is what NVIDIA has published of the card or
its architecture (white papers, CUDA C++ programming guide), "assumed" is an estimate, to be replaced by a
measurement where one can be made. None was measured by this project, and no data sheet was at hand when they
were written down: multiprocessors, units and clocks were checked against published peak rates.
"""

from __future__ import annotations

from dataclasses import dataclass

ORIGIN = {
    "dram_gb_s": "data sheet",
    "l2_mb": "data sheet",
    "l1_kb": "data sheet",
    "sms": "data sheet",
    "clock_ghz": "data sheet",
    "warps": "data sheet",
    "fp64_lanes": "data sheet",
    "convert_lanes": "assumed",
    "l2_gb_s": "assumed",
    "l2_ns": "assumed",
    "dram_ns": "assumed",
    "launch_us": "assumed",
    "replay_us": "assumed",
    "turn_us": "assumed",
}


@dataclass(frozen=True)
class Card:
    """One GPU."""

    name: str
    names: tuple[str, ...]  # how the driver may call it: each of these words is in its name
    dram_gb_s: float
    l2_mb: float
    l1_kb: float  # of a multiprocessor, shared memory included
    sms: int
    clock_ghz: float  # boost
    warps: int  # most that a multiprocessor holds
    fp64_lanes: int  # multiply-adds in float64 of a multiprocessor in a cycle
    convert_lanes: int  # conversions to or from float64 of a multiprocessor in a cycle
    l2_gb_s: float
    l2_ns: float
    dram_ns: float
    launch_us: float = 4.0  # from a launch to the next on a stream
    replay_us: float = 2.0  # from a kernel of a graph to the next, which waits for it
    turn_us: float = 15.0  # the host pushes, replays a graph, waits and pulls once

    def seconds(self, cycles: float) -> float:
        return cycles / (1e9 * self.clock_ghz)


CARDS = (
    Card("H100 SXM", ("H100",), 3352, 50, 256, 132, 1.98, 64, 64, 16, 5600, 140, 480),
    Card("H200", ("H200",), 4800, 50, 256, 132, 1.98, 64, 64, 16, 5600, 140, 480),
    Card("A100 SXM 80 GB", ("A100",), 2039, 40, 192, 108, 1.41, 64, 32, 16, 4500, 150, 400),
    Card("RTX 4090", ("4090",), 1008, 72, 128, 128, 2.52, 48, 2, 2, 5000, 110, 250),
    Card("L40S", ("L40S",), 864, 96, 128, 142, 2.52, 48, 2, 2, 5000, 120, 270),
)

# Of what a card could do, what loops like these get; assumed.
DRAM_SHARE = 0.9
L2_SHARE = 0.8
ISSUE_SHARE = 0.8  # of four warp instructions a cycle and multiprocessor
KEPT_SHARE = (
    0.6  # of the L2: lines of other arrays come between, and two halves of an H100's hold some lines twice
)
L1_BYTES = 128  # that a multiprocessor's L1 hands out in a cycle; assumed


def find(device: str) -> Card | None:
    """The card that a driver's name means."""
    return next((card for card in CARDS if all(word in device for word in card.names)), None)
