# SPDX-License-Identifier: BSD-3-Clause
"""Functions of PTX to functions of C++: names, operands and addresses; `instructions` has the statements."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import NamedTuple

from ptx.instructions import SPECIAL, emit
from ptx.reader import (
    SIZES,
    Brace,
    Function,
    Instruction,
    Label,
    Module,
    PtxError,
    Registers,
    Variable,
    plain,
)

INTEGER = re.compile(r"-?(?:0[xX][0-9a-fA-F]+|\d+)U?$")
ADDRESS = re.compile(r"\[\s*([^\s+\]]+)\s*(?:\+\s*(-?(?:0[xX])?[0-9a-fA-F]+)\s*)?\]$")


class Register(NamedTuple):
    name: str
    type: str


class Place(NamedTuple):
    """Bytes that lie at a C++ pointer."""

    pointer: str
    size: int


class Shared(NamedTuple):
    """Bytes of shared memory, at an offset in C++."""

    offset: str


class Body:
    """One function while it is translated."""

    def __init__(self, module: Module, function: Function) -> None:
        self.module = module
        self.function = function
        self.scopes: list[dict[str, Register | Place | Shared]] = [{}]
        self.declared: list[str] = []
        self.lines: list[str] = []
        self.returned = [one.name for one in function.returned]
        self.static_bytes = self._lay_out_shared()
        self._name_parameters()
        for one in module.variables:
            if one.space in ("global", "const"):
                self.scopes[0][one.name] = Place(f"G_{plain(one.name)}", one.size)

    def error(self, what: str) -> PtxError:
        return PtxError(f"{what}, in {self.function.name}")

    def find(self, name: str) -> Register | Place | Shared | None:
        return next((scope[name] for scope in reversed(self.scopes) if name in scope), None)

    def add(self, name: str, thing: Register | Place | Shared) -> None:
        self.scopes[-1][name] = thing

    # ---- what a name stands for ----

    def _lay_out_shared(self) -> int:
        """What all functions share comes first, then what the kernel alone has."""
        common = [one for one in self.module.variables if one.space == "shared"]
        for other in self.module.functions:
            common += [] if other.is_entry else other.variables("shared")
        calls = any(isinstance(one, Instruction) and one.name == "call" for one in self.function.statements)
        seen = " ".join(one.text for one in self.function.statements if isinstance(one, Instruction))
        used = calls or not self.function.is_entry or any(one.name in seen for one in common if one.size)
        at = 0
        own = self.function.variables("shared") if self.function.is_entry else []
        for one in [*(common if used else []), *own]:
            at = -(-at // one.align) * one.align
            self.scopes[0][one.name] = Shared(str(at) if one.size else "c.static_bytes")
            at += one.size
        for one in common:
            if not one.size:  # of a size that the launch says
                self.scopes[0][one.name] = Shared("c.static_bytes")
        return at

    def _name_parameters(self) -> None:
        if self.function.is_entry:
            given = self.function.parameters
            for (offset, _), one in zip(offsets(given), given, strict=True):
                self.add(one.name, Place(f"c.parameters + {offset}", one.size))
            return
        for number, one in enumerate([*self.function.returned, *self.function.parameters]):
            self.add(one.name, Place(f"A{number}", one.size))

    # ---- operands ----

    def register(self, text: str) -> Register:
        found = self.find(text)
        if not isinstance(found, Register):
            raise self.error(f"operand {text} is no register")
        return found

    def predicate(self, text: str) -> str:
        name = self.register(text.removeprefix("!").strip()).name
        return f"!{name}" if text.startswith("!") else name

    def value(self, text: str, kind: str) -> str:
        """An operand as a C++ expression of a PTX type."""
        if kind == "pred":
            return f"bool({int(text, 0)})" if INTEGER.match(text) else self.predicate(text)
        number = number_type(kind)
        if re.match(r"0[fF][0-9a-fA-F]{8}$", text):
            return f"as<{number}>(u32(0x{text[2:]}u))"
        if re.match(r"0[dD][0-9a-fA-F]{16}$", text):
            return f"as<{number}>(u64(0x{text[2:]}ull))"
        if INTEGER.match(text) and kind not in ("f16", "f32", "f64"):
            return f"{number}({int(text.rstrip('U'), 0) & (2**64 - 1):#x}ull)"
        if text in SPECIAL:
            return f"{number}({SPECIAL[text]})"
        found = self.find(text)
        if isinstance(found, Register):
            return f"as<{number}>({found.name})"
        if isinstance(found, Shared):
            return f"{number}({found.offset})"
        if isinstance(found, Place):
            return f"{number}(reinterpret_cast<u64>({found.pointer}))"
        raise self.error(f"operand {text}")

    def address(self, text: str, space: str, size: int) -> str:
        """``[name+offset]`` as a checked pointer in C++."""
        m = ADDRESS.match(text)
        if not m:
            raise self.error(f"address {text}")
        base, offset = m[1], int(m[2] or "0", 0)
        found = self.find(base)
        if isinstance(found, Place):
            if not 0 <= offset <= found.size - size:
                raise self.error(f"{text} lies outside of its {found.size} bytes")
            return f"({found.pointer} + {offset})"
        if space == "shared":
            return f"at_shared(c, u64({self.value(base, 'u32')}) + s64({offset}), {size})"
        where = f"{self.value(base, 'u64')} + s64({offset})"
        if space == "param":
            return f"at_parameter(c, {where}, {size}, {parameter_bytes(self.function)})"
        return f"at_global(c, {where}, {size})"

    # ---- statements ----

    def emit(self, line: str) -> None:
        self.lines.append(line)

    def assign(self, target: str, kind: str, expression: str) -> None:
        """Write an expression to a register, as a number of a PTX type."""
        if target == "_":
            return
        register = self.register(target)
        if (kind == "pred") != (register.type == "bool"):
            raise self.error(f"{target} is no register for .{kind}")
        if kind == "pred":
            self.emit(f"{register.name} = {expression};")
        else:
            self.emit(f"put({register.name}, {number_type(kind)}({expression}));")

    def declare(self, registers: Registers) -> None:
        if registers.type != "pred" and registers.type not in SIZES:
            raise self.error(f"registers of type .{registers.type}")
        kind = "bool" if registers.type == "pred" else f"u{8 * SIZES[registers.type]}"
        for name in registers.names:
            found = Register(f"R{len(self.declared)}_{plain(name)}", kind)
            self.declared.append(f"{kind} {found.name} = 0;")
            self.add(name, found)

    def reserve(self, variable: Variable) -> None:
        """Bytes of a thread: local memory, or what a call passes."""
        if variable.space == "shared":
            return
        name = f"V{len(self.declared)}_{plain(variable.name)}"
        self.declared.append(f"alignas({max(16, variable.align)}) unsigned char {name}[{variable.size}];")
        self.add(variable.name, Place(name, variable.size))

    def run(self) -> None:
        for one in self.function.statements:
            if isinstance(one, Brace):
                self.scopes += [{}] if one.mark == "{" else []
                if one.mark == "}":
                    self.scopes.pop()
            elif isinstance(one, Label):
                self.emit(f"L_{plain(one.name)}:;")
            elif isinstance(one, Registers):
                self.declare(one)
            elif isinstance(one, Variable):
                self.reserve(one)
            else:
                emit(self, one)


def number_type(kind: str) -> str:
    """C++ type of numbers of a PTX type."""
    return "u32" if kind == "f16x2" else "u" + kind[1:] if kind.startswith("b") else kind


def offsets(parameters: Iterable[Variable]) -> list[tuple[int, int]]:
    """Where each parameter lies among those of a kernel, and its size."""
    at, found = 0, []
    for one in parameters:
        at = -(-at // one.align) * one.align
        found.append((at, one.size))
        at += one.size
    return found


def parameter_bytes(function: Function) -> int:
    return sum(max(offsets(function.parameters), default=(0, 0)))


def signature(function: Function) -> str:
    """An entry finds its parameters in the context."""
    number = 0 if function.is_entry else len(function.returned) + len(function.parameters)
    passed = [f"unsigned char* A{i}" for i in range(number)]
    return f"static void f_{plain(function.name)}({', '.join(['const Context& c', *passed])})"


def translate(module: Module, unit: str, names: dict[str, str]) -> str:
    """C++ of a module, with a table ``<unit>_entries``; `names` are those of its kernels in plain C++."""
    parts = ['#include "runtime.hpp"', "namespace ptx {"]
    parts += [constant(one) for one in module.variables if one.space in ("global", "const")]
    parts += [signature(one) + ";" for one in module.functions]
    rows = []
    for number, function in enumerate(module.functions):
        body = Body(module, function)
        body.run()
        inner = "\n  ".join([*body.declared, *body.lines])
        parts.append(f"{signature(function)} {{\n  {inner}\n}}")
        if function.is_entry:
            pairs = ", ".join(f"{{{at}, {size}}}" for at, size in offsets(function.parameters))
            parts.append(f"static const Parameter P{number}[] = {{{pairs or '{0, 0}'}}};")
            numbers = [len(function.parameters), parameter_bytes(function), body.static_bytes]
            numbers += [function.bounds.get(bound, 0) for bound in ("maxntid", "reqntid")]
            run = f"f_{plain(function.name)}, P{number}"
            rows.append(f'{{"{names[function.name]}", {run}, {", ".join(map(str, numbers))}}}')
    parts.append(f"extern const Entry {unit}_entries[] = {{\n  " + ",\n  ".join(rows) + "\n};")
    return "\n".join([*parts, f"extern const unsigned {unit}_count = {len(rows)};", "}  // namespace ptx\n"])


def constant(variable: Variable) -> str:
    """A variable of the module, with the bytes that it begins with."""
    kind = number_type(variable.element)
    values = []
    for text in variable.values:
        if re.match(r"0[fFdD]", text):
            values.append(f"as<{kind}>(u{4 * len(text[2:])}(0x{text[2:]}ull))")
        elif INTEGER.match(text):
            values.append(f"{kind}({int(text, 0) & (2**64 - 1):#x}ull)")
        else:
            raise PtxError(f"value {text} of variable {variable.name}")
    name = plain(variable.name)
    array = f"alignas({max(16, variable.align)}) static {kind} N_{name}[{variable.count}]"
    pointer = f"static unsigned char* const G_{name} = reinterpret_cast<unsigned char*>(N_{name});"
    return f"{array} = {{{', '.join(values)}}};\n{pointer}"
