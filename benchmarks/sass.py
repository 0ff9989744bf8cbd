# SPDX-License-Identifier: BSD-3-Clause
"""How a disassembled kernel hides the latency of memory: its loops, its loads, and who waits for them."""

from __future__ import annotations

import re
from dataclasses import dataclass

SECTION = re.compile(r"^\.text\.(\S+):$")
LABEL = re.compile(r"^(\.L_\w+):")
LINE = re.compile(r"^\s*/\*[0-9a-f]+\*/\s+(?:@!?(U?P\w+)\s+)?([A-Z][\w.]*)\s*([^;]*);")
TARGET = re.compile(r"`?\(?(\.L_\w+)\)?")
REGISTER = re.compile(r"\b(U?R\d+)\b")
WORDS = {"64": 2, "WIDE": 2, "128": 4}


@dataclass(frozen=True)
class Instruction:
    """An instruction with what it writes and what it reads."""

    opcode: str
    writes: tuple[str, ...]
    reads: tuple[str, ...]

    @property
    def is_global_load(self) -> bool:
        return self.opcode.startswith("LDG.") or self.opcode == "LDG"


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
    return Instruction(opcode, written, tuple(REGISTER.findall(rest)))


def most_in_flight(body: list[Instruction], of_gathers: bool) -> int:
    """The most global loads of a loop that are issued before an instruction needs the result of one of them.

    Who waits for one load has waited for those issued before as well: the count begins anew there. Gathers
    are loads whose address comes from another load of the same turn of the loop.
    """
    loaded: set[str] = set()  # what depends on a load of this turn
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
