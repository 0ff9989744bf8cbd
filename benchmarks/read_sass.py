# SPDX-License-Identifier: BSD-3-Clause
"""Instructions and waits for memory in the loops of GPU kernels, from their machine code: for gpu_kernels.py.

    nvcc -std=c++17 -O3 -fmad=false -DHEADFIELD_CUDA -DHEADFIELD_ISA=gpu -arch=sm_90 -cubin cuda/verbs.cu
    cuobjdump -sass verbs.cubin | c++filt | python benchmarks/read_sass.py 'Width<32>, .*Residual'

For each innermost loop of each kernel whose name has the pattern: instructions of a turn, how many of them
load from global memory, operations and conversions of float64, and rounds. A round is a wait for memory:
the loop is walked through in order, a load's result is there one unit of time later, nothing else takes
any, and whoever reads a register waits for it. A turn of a loop that the compiler has unrolled is several
steps: it loads as much more.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

TURNS = 8  # that are walked through, so that a load may be waited for in the next

Code = list[tuple[int, str]]  # addresses and instructions


class Loop(NamedTuple):
    """What one turn of an innermost loop does."""

    instructions: int
    loads: int
    float64: int
    conversions: int
    rounds: float


def kernels(lines: Iterable[str]) -> dict[str, Code]:
    """Instructions of each kernel, as cuobjdump prints them."""
    found: dict[str, Code] = {}
    name = ""
    for line in lines:
        if head := re.search(r"Function : (.+)", line):
            name = head[1].strip()
            found[name] = []
        elif (body := re.match(r"\s+/\*([0-9a-f]{4,})\*/\s+(.*?)\s*;", line)) and name:
            found[name].append((int(body[1], 16), body[2]))
    return found


def innermost(code: Code) -> Iterator[list[str]]:
    """Bodies of the loops that hold no other: between a branch back and where it goes."""
    spans = []
    for address, instruction in code:
        back = re.search(r"\bBRA\b.*?0x([0-9a-f]+)", instruction)
        if back and int(back[1], 16) < address:
            spans.append((int(back[1], 16), address))
    for first, last in sorted(spans):
        if not any((a, b) != (first, last) and first <= a and b <= last for a, b in spans):
            yield [instruction for address, instruction in code if first <= address <= last]


def read(body: Sequence[str]) -> Loop:
    """Counts of one turn."""
    names = [operation(instruction) for instruction in body]
    return Loop(
        len(body),
        sum(name.startswith("LDG") for name in names),
        sum(name.startswith(("DFMA", "DMUL", "DADD", "DSETP")) for name in names),
        sum(name.startswith("F2F") and "64" in name for name in names),
        rounds(body),
    )


def operation(instruction: str) -> str:
    return re.sub(r"^@!?U?P\w+ ", "", instruction).partition(" ")[0]


def rounds(body: Sequence[str]) -> float:
    """Waits of one turn, the mean over several."""
    ready: dict[int, float] = {}
    now = 0.0
    for instruction in list(body) * TURNS:
        name, _, rest = re.sub(r"^@!?U?P\w+ ", "", instruction).partition(" ")
        target, _, sources = rest.partition(",")
        if name.startswith(("ST", "BRA", "RED")):  # they write no register
            target, sources = "", rest
        load = name.startswith("LDG")
        pairs = load or name.startswith("D") or ".WIDE" in name or ".F64" in name
        wanted = [r + k for r in registers(sources) for k in range(1 + pairs)]
        now = max([now, *(ready.get(r, 0.0) for r in (*wanted, *registers(target)))])
        words = 4 if ".128" in name else 2 if re.search(r"\.64\b", name) else 1
        for r in registers(target)[:1]:
            ready |= dict.fromkeys(range(r, r + (words if load else 1)), now + load)
    return now / TURNS


def registers(text: str) -> list[int]:
    return [int(number) for number in re.findall(r"(?<!\w)R(\d+)", text)]


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("pattern", nargs="?", default="", help="regular expression in a kernel's name")
    args = parser.parse_args()
    for name, code in kernels(sys.stdin).items():
        if re.search(args.pattern, name):
            print(name)
            for body in innermost(code):
                loop = read(body)
                print("   ", ", ".join(f"{key} {value:g}" for key, value in loop._asdict().items()))
    return 0


if __name__ == "__main__":
    sys.exit(main())
