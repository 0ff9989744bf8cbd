# SPDX-License-Identifier: BSD-3-Clause
"""How a disassembled kernel hides the latency of memory: its loops, its loads, and who waits for them.

    nvcc -std=c++17 -fmad=false -DHEADFIELD_CUDA -DHEADFIELD_ISA=gpu -arch=sm_90 -cubin cuda/cycle_verbs.cu
    python benchmarks/sass.py cycle_verbs.cubin 'Width<32>, .*Residual'

For each innermost loop of each kernel whose name has the pattern it prints instructions of a turn, how many
of them load from global memory, operations and conversions of float64, and rounds. A round is a wait for
memory: the loop is walked through in order, a load's result is there one unit of time later, nothing else
takes any, and whoever reads a register waits for it. A turn of a loop that the compiler has unrolled is
several steps: it loads as much more. It needs nvdisasm.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

SECTION = re.compile(r"^\.text\.(\S+):$")
LABEL = re.compile(r"^(\.L_\w+):")
LINE = re.compile(r"^\s*/\*[0-9a-f]+\*/\s+(?:@!?(U?P\w+)\s+)?([A-Z][\w.]*)\s*([^;]*);")
TARGET = re.compile(r"`?\(?(\.L_\w+)\)?")
REGISTER = re.compile(r"\b(U?R\d+)\b")
WORDS = {"64": 2, "WIDE": 2, "128": 4}
TURNS = 8  # that are walked through, so that a load may be waited for in the next


@dataclass(frozen=True)
class Instruction:
    """An instruction with what it writes and what it reads: the first registers of `pairs`, and others."""

    opcode: str
    writes: tuple[str, ...]
    reads: tuple[str, ...]
    pairs: tuple[str, ...] = ()

    @property
    def is_global_load(self) -> bool:
        return self.opcode.startswith("LDG.") or self.opcode == "LDG"

    @property
    def needs(self) -> tuple[str, ...]:
        """All that it reads, where it reads pairs also the second of each."""
        found = (re.fullmatch(r"(U?R)(\d+)", name) for name in self.pairs)
        return (*self.reads, *(f"{m[1]}{int(m[2]) + 1}" for m in found if m))


@dataclass
class Kernel:
    """Instructions of a kernel, and its jumps backward as places of (target, jump)."""

    instructions: list[Instruction]
    loops: list[tuple[int, int]]

    def innermost(self) -> list[list[Instruction]]:
        """Bodies of the loops that hold no other."""
        last: dict[int, int] = {}
        for first, jump in self.loops:
            last[first] = max(jump, last.get(first, 0))
        kept = [
            (first, jump)
            for first, jump in last.items()
            if not any(first <= f and j <= jump and (f, j) != (first, jump) for f, j in last.items())
        ]
        return [self.instructions[first : jump + 1] for first, jump in sorted(kept)]


class Loop(NamedTuple):
    """What one turn of an innermost loop does."""

    instructions: int
    loads: int
    float64: int
    conversions: int
    rounds: float


def read(text: str) -> dict[str, Kernel]:
    """The kernels in what ``nvdisasm -c`` prints, by name."""
    found: dict[str, Kernel] = {}
    kernel, labels = Kernel([], []), dict[str, int]()
    for line in text.splitlines():
        if m := SECTION.match(line):
            kernel, labels = Kernel([], []), {}
            found[m[1]] = kernel
        elif line.startswith("\t.section"):
            kernel, labels = Kernel([], []), {}
        elif m := LABEL.match(line):
            labels[m[1]] = len(kernel.instructions)
        elif m := LINE.match(line):
            _, opcode, operands = m.groups()
            target = TARGET.search(operands) if opcode.startswith(("BRA", "BRX", "JMP")) else None
            here = len(kernel.instructions)
            if target and labels.get(target[1], here) < here:
                kernel.loops.append((labels[target[1]], here))
            kernel.instructions.append(instruction(opcode, operands))
    return found


def instruction(opcode: str, operands: str) -> Instruction:
    """The first operand is what is written, where it is a register and the instruction is no store."""
    first, _, rest = operands.partition(",")
    target = re.fullmatch(r"(U?R)(\d+)", first.strip())
    if target is None or opcode.startswith(("ST", "RED", "BRX")):
        return Instruction(opcode, (), tuple(REGISTER.findall(operands)))
    words = max((WORDS.get(part, 1) for part in opcode.split(".")[1:]), default=1)
    if re.match(r"D(ADD|MUL|FMA|MNMX)|F2F\.F64|I2F\.F64", opcode):
        words = 2
    written = tuple(f"{target[1]}{int(target[2]) + i}" for i in range(words))
    reads, pairs = tuple(REGISTER.findall(rest)), tuple[str, ...]()
    if ".WIDE" in opcode:  # two factors of 32 bits, and what their product is added to
        pairs = tuple(REGISTER.findall(rest.rpartition(",")[2]))
    elif opcode.startswith(("LDG", "D")) or ".F64" in opcode:
        pairs = reads
    return Instruction(opcode, written, reads, pairs)


def most_in_flight(body: list[Instruction], of_gathers: bool) -> int:
    """The most global loads of a loop that are issued before an instruction needs the result of one of them.

    Who waits for one load has waited for those issued before as well: the count begins anew there. Gathers
    are loads whose address comes from another load, of the same turn of the loop or of the one before.
    """
    loaded: set[str] = set()  # what depends on a load
    most = 0
    for _ in range(2):  # the first turn says what the second finds loaded
        waiting: set[str] = set()
        count = most = 0
        for one in body:
            if waiting & set(one.reads):
                waiting, count = set(), 0
            depends = bool(loaded & set(one.reads))
            loaded -= set(one.writes)
            waiting -= set(one.writes)
            if one.is_global_load and (depends or not of_gathers):
                count += 1
                waiting |= set(one.writes)
            if one.is_global_load or depends:
                loaded |= set(one.writes)
            most = max(most, count)
    return most


def in_flight(kernel: Kernel, of_gathers: bool) -> int | None:
    """Of the innermost loop that has the fewest in flight, among those that load at all; None without any."""
    counts = [most_in_flight(body, of_gathers) for body in kernel.innermost()]
    return min((count for count in counts if count), default=None)


def loop(body: Sequence[Instruction]) -> Loop:
    """Counts of one turn."""
    names = [one.opcode for one in body]
    return Loop(
        len(body),
        sum(one.is_global_load for one in body),
        sum(name.startswith(("DFMA", "DMUL", "DADD", "DSETP")) for name in names),
        sum(name.startswith("F2F") and "64" in name for name in names),
        rounds(body),
    )


def rounds(body: Sequence[Instruction]) -> float:
    """Waits of one turn, the mean over several."""
    ready: dict[str, float] = {}
    now = 0.0
    for one in [*body] * TURNS:
        now = max([now, *(ready.get(name, 0.0) for name in (*one.needs, *one.writes))])
        ready |= dict.fromkeys(one.writes, now + one.is_global_load)
    return now / TURNS


def disassembler() -> str | None:
    """Path of nvdisasm: on the path, beside nvcc, or from its wheel."""
    compiler = shutil.which(os.environ.get("CUDACXX") or "nvcc") or "/usr/local/cuda/bin/nvcc"
    folders = os.pathsep.join([os.environ.get("PATH", ""), str(Path(compiler).resolve().parent)])
    found = shutil.which("nvdisasm", path=folders)
    if found is None:
        try:
            files = importlib.metadata.files("nvidia-cuda-nvdisasm") or []
        except importlib.metadata.PackageNotFoundError:
            return None
        found = next((str(one.locate()) for one in files if one.name == "nvdisasm"), None)
    return found


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("cubin", type=Path)
    parser.add_argument("pattern", nargs="?", default="", help="regular expression in a kernel's name")
    args = parser.parse_args()
    program = disassembler()
    if program is None:
        raise SystemExit("nvdisasm is missing (pip install nvidia-cuda-nvdisasm)")
    said = subprocess.run([program, "-c", str(args.cubin)], capture_output=True, text=True, check=True)
    found = read(said.stdout)
    names = subprocess.run(["c++filt"], input="\n".join(found), capture_output=True, text=True, check=True)
    for name, kernel in zip(names.stdout.splitlines(), found.values(), strict=True):
        if re.search(args.pattern, name):
            print(name)
            for body in kernel.innermost():
                print("   ", ", ".join(f"{key} {value:g}" for key, value in loop(body)._asdict().items()))
    return 0


if __name__ == "__main__":
    sys.exit(main())
