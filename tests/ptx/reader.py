# SPDX-License-Identifier: BSD-3-Clause
"""PTX as text to functions, variables and statements; nothing is interpreted yet."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

SIZES = {"b8": 1, "s8": 1, "u8": 1, "b16": 2, "s16": 2, "u16": 2, "f16": 2, "b32": 4, "s32": 4, "u32": 4}
SIZES |= {"f32": 4, "f16x2": 4, "b64": 8, "s64": 8, "u64": 8, "f64": 8}

COMMENT = re.compile(r"//[^\n]*|/\*.*?\*/", re.DOTALL)
HEADER = re.compile(r"\.(?:version|target|address_size|file)\b[^\n]*(?:\n|$)")
LINKAGE = r"((?:\.(?:visible|weak|extern|common)\s+)*)"
FUNCTION = re.compile(
    LINKAGE + r"\.(entry|func)\s*(?:\(([^()]*)\)\s*)?([\w$]+)\s*(?:\(([^()]*)\))?\s*([^{;]*)([{;])"
)
PARAMETER = re.compile(
    r"\.param\s+(?:\.align\s+(\d+)\s+)?\.(\w+)\s+(?:\.ptr\s+(?:\.\w+\s+)*?(?:\.align\s+\d+\s+)?)?([\w$]+)(?:\[(\d+)\])?$"
)
VARIABLE = re.compile(
    LINKAGE + r"\.(global|const|shared|local|param)\s+(?:\.align\s+(\d+)\s+)?\.(\w+)\s+([\w$]+)\s*"
    r"(?:\[(\d*)\])?\s*(?:=\s*(\{[^}]*\}|[^;{]+))?;"
)
REGISTERS = re.compile(r"\.reg\s+\.(\w+)\s+([^;]+);")
LABEL = re.compile(r"([\w$%]+)\s*:")
TARGETS = re.compile(r"([\w$%]+)\s*:\s*\.branchtargets\s+([^;]+);")
IGNORED = re.compile(r"\.(?:loc|file)\b[^\n]*|\.pragma\b[^;]*;")
GUARD = re.compile(r"@(!?)\s*([\w$%]+)\s+")
# Of an entry: how many threads a block may have, at least or at most, and how many blocks are to fit.
DIRECTIVE = re.compile(r"\.(maxntid|reqntid|minnctapersm|maxnreg|noreturn)\b\s*((?:\d+\s*,?\s*)*)")


class PtxError(Exception):
    """Something in PTX that the translator doesn't know."""


@dataclass(frozen=True)
class Variable:
    """Bytes with a name: ``count`` elements of a type; 0 elements for what a launch gives the size of."""

    space: str
    name: str
    align: int
    element: str
    count: int
    values: tuple[str, ...] = ()

    @property
    def size(self) -> int:
        return SIZES[self.element] * self.count


@dataclass(frozen=True)
class Registers:
    """Registers declared together, all of one type."""

    type: str
    names: tuple[str, ...]


@dataclass(frozen=True)
class Label:
    name: str


@dataclass(frozen=True)
class Brace:
    """Where a scope begins (``{``) or ends (``}``)."""

    mark: str


@dataclass(frozen=True)
class Instruction:
    """``@!%p1 name.modifiers operands``; ``text`` is how it was written."""

    guard: str
    opcode: str
    operands: tuple[str, ...]
    text: str

    @property
    def name(self) -> str:
        return self.opcode.partition(".")[0]

    @property
    def modifiers(self) -> tuple[str, ...]:
        return tuple(self.opcode.split(".")[1:])


Statement = Variable | Registers | Label | Brace | Instruction


@dataclass
class Function:
    """An entry, which is a kernel, or a function that others call."""

    name: str
    is_entry: bool
    is_internal: bool
    parameters: list[Variable]
    returned: list[Variable]
    bounds: dict[str, int]
    statements: list[Statement]
    targets: dict[str, list[str]] = field(default_factory=dict)

    def variables(self, space: str) -> list[Variable]:
        return [one for one in self.statements if isinstance(one, Variable) and one.space == space]


@dataclass
class Module:
    """All of a file."""

    functions: list[Function]
    variables: list[Variable]


def plain(name: str) -> str:
    """A name that C++ takes."""
    return re.sub(r"\W", "_", name)


def read(text: str) -> Module:
    """The functions and variables of a PTX file."""
    text = COMMENT.sub(" ", text)
    module, at = Module([], []), _skip(text, 0)
    while at < len(text):
        if m := HEADER.match(text, at):
            at = m.end()
        elif m := VARIABLE.match(text, at):
            module.variables.append(_variable(m))
            at = m.end()
        elif m := FUNCTION.match(text, at):
            at = m.end()
            if m[7] == "{":
                end = _closing(text, at)
                module.functions.append(_function(m, text[at:end]))
                at = end + 1
        else:
            raise PtxError(f"neither a function nor a variable: {text[at : at + 80].splitlines()[0]}")
        at = _skip(text, at)
    return module


def _skip(text: str, at: int) -> int:
    while at < len(text) and text[at].isspace():
        at += 1
    return at


def _closing(text: str, at: int) -> int:
    """Place of the brace that closes what was opened before `at`."""
    depth = 1
    for m in re.compile(r"[{}]").finditer(text, at):
        depth += 1 if m[0] == "{" else -1
        if depth == 0:
            return m.start()
    raise PtxError("the file ends within a function")


def _size(element: str, where: str) -> int:
    if element not in SIZES:
        raise PtxError(f"type .{element} of {where}")
    return SIZES[element]


def _variable(m: re.Match[str]) -> Variable:
    _, space, align, element, name, count, values = m.groups()
    size = _size(element, name)
    given = tuple(one.strip() for one in values.strip("{} \n\t").split(",")) if values else ()
    number = 1 if count is None else int(count or 0)
    if number == 0 and not (space == "shared" and "extern" in m[1]):
        raise PtxError(f"variable {name} has no size")
    return Variable(space, name, int(align or size), element, number, given)


def _function(m: re.Match[str], body: str) -> Function:
    linkage, kind, returned, name, parameters, directives, _ = m.groups()
    bounds = {}
    for d in DIRECTIVE.finditer(directives):
        numbers = [int(one) for one in re.findall(r"\d+", d[2])]
        bounds[d[1]] = 1
        for number in numbers:
            bounds[d[1]] *= number
    if rest := DIRECTIVE.sub("", directives).strip():
        raise PtxError(f"directive {rest} of {name}")
    lists = [[_parameter(one, name) for one in _split(some or "")] for some in (parameters, returned)]
    function = Function(name, kind == "entry", not linkage.strip(), lists[0], lists[1], bounds, [])
    function.statements = list(_statements(body, function))
    return function


def _parameter(text: str, function: str) -> Variable:
    m = PARAMETER.match(" ".join(text.split()))
    if not m:
        raise PtxError(f"parameter {text} of {function}")
    align, element, name, count = m.groups()
    size = _size(element, name)
    return Variable("param", name, int(align or size), element, int(count or 1))


def _statements(body: str, function: Function) -> Iterator[Statement]:
    at = _skip(body, 0)
    while at < len(body):
        if body[at] in "{}":
            yield Brace(body[at])
            end = at + 1
        elif m := IGNORED.match(body, at):
            end = m.end()
        elif m := TARGETS.match(body, at):
            function.targets[m[1]] = [one.strip() for one in m[2].split(",")]
            end = m.end()
        elif m := LABEL.match(body, at):
            yield Label(m[1])
            end = m.end()
        elif m := VARIABLE.match(body, at):
            yield _variable(m)
            end = m.end()
        elif m := REGISTERS.match(body, at):
            yield Registers(m[1], tuple(_register_names(m[2])))
            end = m.end()
        else:
            end = body.find(";", at) + 1
            if end == 0:
                raise PtxError(f"no end of {body[at : at + 80]} in {function.name}")
            yield instruction(body[at : end - 1])
        at = _skip(body, end)


def _register_names(text: str) -> Iterator[str]:
    """``%r<3>`` is %r0, %r1, %r2; other names stand for themselves."""
    for one in text.split(","):
        m = re.match(r"\s*([\w$%]+)\s*(?:<(\d+)>)?\s*$", one)
        if not m:
            raise PtxError(f"registers {text}")
        yield from [m[1]] if m[2] is None else [f"{m[1]}{i}" for i in range(int(m[2]))]


def instruction(text: str) -> Instruction:
    """One instruction, without the semicolon."""
    text, guard = " ".join(text.split()), ""
    rest = text
    if m := GUARD.match(text):
        guard, rest = m[1] + m[2], text[m.end() :]
    opcode, _, operands = rest.partition(" ")
    return Instruction(guard, opcode, tuple(_split(operands)), text)


def _split(text: str) -> list[str]:
    """At commas outside of brackets."""
    parts, depth = [""], 0
    for character in text:
        depth += (character in "([{") - (character in ")]}")
        if character == "," and depth == 0:
            parts.append("")
        else:
            parts[-1] += character
    return [one.strip() for one in parts if one.strip()]
