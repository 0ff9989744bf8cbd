# SPDX-License-Identifier: BSD-3-Clause
"""Instructions that are more than a function of their operands: memory, jumps, calls, warps."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from ptx.forms import FORMS
from ptx.reader import SIZES, Instruction, plain

if TYPE_CHECKING:
    from ptx.translator import Body

SPECIAL = {
    f"%{name}.{axis}": f"c.{place}.{axis}"
    for name, place in (("tid", "thread"), ("ctaid", "block"), ("ntid", "threads"), ("nctaid", "blocks"))
    for axis in "xyz"
}
SPECIAL |= {"%laneid": "lane(c)", "%warpid": "thread_in_block(c) / 32", "WARP_SZ": "32"}
SPECIAL |= {"%lanemask_eq": "1u << lane(c)", "%lanemask_lt": "(1u << lane(c)) - 1"}
SPECIAL |= {"%lanemask_le": "(2ull << lane(c)) - 1", "%lanemask_gt": "~((2ull << lane(c)) - 1)"}
SPECIAL |= {"%lanemask_ge": "~((1ull << lane(c)) - 1)"}
SPECIAL |= {"%dynamic_smem_size": "c.shared_bytes - c.static_bytes", "%total_smem_size": "c.shared_bytes"}
SPACES = ("global", "shared", "local", "param", "const")
# Where memory is one and one thread runs at a time, these change nothing.
CACHING = {"nc", "ca", "cg", "cs", "lu", "cv", "wb", "wt", "weak", "volatile", "relaxed", "acquire"}
CACHING |= {"release", "acq_rel", "cta", "cluster", "gpu", "sys", "mmio", "sc"}
HINTS = {"evict_normal", "evict_unchanged", "evict_first", "evict_last", "no_allocate", "64B", "128B", "256B"}
# No statement at all: order and caches of memory, and what overlaps kernels on a stream.
NOTHING = {"membar.gl", "membar.cta", "membar.sys", "nanosleep.u32"}
NOTHING |= {"griddepcontrol.wait", "griddepcontrol.launch_dependents", "prefetchu.L1"}
SCOPES = ("cta", "cluster", "gpu", "sys")
NOTHING |= {f"fence.{order}.{scope}" for order in ("sc", "acq_rel") for scope in SCOPES}
LEVELS = ("L1", "L2", "L2::evict_last", "L2::evict_normal")
NOTHING |= {f"prefetch{space}.{level}" for space in ("", ".global", ".local") for level in LEVELS}
ATOMIC = {"add": "old + {0}", "min": "{0} < old ? {0} : old", "max": "{0} > old ? {0} : old", "exch": "{0}"}
ATOMIC |= {"and": "old & {0}", "or": "old | {0}", "xor": "old ^ {0}", "cas": "old == {0} ? {1} : old"}
ATOMIC |= {"inc": "old >= {0} ? 0 : old + 1", "dec": "old == 0 || old > {0} ? {0} : old - 1"}
REDUCED = {"add": "a + b", "min": "b < a ? b : a", "max": "b > a ? b : a"}
REDUCED |= {"and": "a & b", "or": "a | b", "xor": "a ^ b"}


def emit(body: Body, code: Instruction) -> None:
    """Append the C++ of an instruction to the body, or say that it is unknown."""
    if code.guard:
        body.emit(f"if ({body.predicate(code.guard)}) {{")
    if code.opcode in FORMS:
        apply_form(body, code)
    elif code.name in HANDLERS:
        try:
            HANDLERS[code.name](body, code)
        except (ValueError, IndexError, KeyError):
            raise unknown(body, code) from None
    elif code.opcode not in NOTHING:
        raise unknown(body, code)
    if code.guard:
        body.emit("}")


def unknown(body: Body, code: Instruction) -> Exception:
    return body.error(f"unknown instruction `{code.text}`")


def apply_form(body: Body, code: Instruction) -> None:
    form = FORMS[code.opcode]
    if len(code.operands) != 1 + len(form.operands):
        raise unknown(body, code)
    values = [body.value(text, kind) for text, kind in zip(code.operands[1:], form.operands, strict=True)]
    # What a form names twice is computed once.
    names = [f"x{i}" for i in range(len(values))]
    given = " ".join(f"const auto {name} = {value};" for name, value in zip(names, values, strict=True))
    body.emit(f"{{ {given}")
    body.assign(code.operands[0], form.result, form.expression.format(*names))
    body.emit("}")


# ---- memory ----


class Access:
    """What the modifiers of a load, a store or an atomic say: ``.space``, ``.v4``, ``.f32`` and so on."""

    def __init__(self, modifiers: tuple[str, ...]) -> None:
        *rest, self.type = modifiers
        self.space, self.count, self.operation = "generic", 1, ""
        for one in rest:
            base, _, hint = one.partition("::")
            if base in SPACES and hint in ("", "cta", "entry", "func", "kernel"):
                self.space = base
            elif one in ("v2", "v4", "v8"):
                self.count = int(one[1:])
            elif one in ATOMIC and not self.operation:
                self.operation = one
            elif not (one in CACHING or (base in ("L1", "L2") and hint in HINTS)):
                raise ValueError(one)
        self.size = SIZES.get(self.type, 0)
        if not self.size:
            raise ValueError(self.type)
        # What is moved are bits; only a signed integer may have to be extended by its sign.
        self.moved = self.type if self.type[0] == "s" else f"u{8 * self.size}"


def vector(text: str, count: int) -> list[str]:
    found = [one.strip() for one in text.strip("{} ").split(",")]
    if len(found) != count:
        raise ValueError(text)
    return found


def load(body: Body, code: Instruction) -> None:
    access, (target, address) = Access(code.modifiers), code.operands
    if access.operation:
        raise ValueError(code.opcode)
    pointer = body.address(address, access.space, access.size * access.count)
    body.emit(f"{{ const unsigned char* const p = {pointer};")
    # The address is taken before a register of the vector changes, one of which may hold it.
    for i, register in enumerate(vector(target, access.count)):
        body.assign(register, access.moved, f"load<{access.moved}>(p + {i * access.size})")
    body.emit("}")


def store(body: Body, code: Instruction) -> None:
    access, (address, source) = Access(code.modifiers), code.operands
    if access.operation or access.space == "const":
        raise ValueError(code.opcode)
    pointer = body.address(address, access.space, access.size * access.count)
    body.emit(f"{{ unsigned char* const p = const_cast<unsigned char*>({pointer});")
    for i, text in enumerate(vector(source, access.count)):
        body.emit(f"store<{access.moved}>(p + {i * access.size}, {body.value(text, access.moved)});")
    body.emit("}")


def atomic(body: Body, code: Instruction) -> None:
    """atom, which returns what was there, and red, which doesn't."""
    access, operands = Access(code.modifiers), list(code.operands)
    target = operands.pop(0) if code.name == "atom" else "_"
    kind = access.type if access.type[0] != "b" else "u" + access.type[1:]
    wanted = 3 if access.operation == "cas" else 2
    if access.type.startswith("f16") or not access.operation or access.count != 1 or len(operands) != wanted:
        raise ValueError(code.opcode)
    values = [body.value(text, kind) for text in operands[1:]]
    text = ATOMIC[access.operation].format(*values)
    pointer = body.address(operands[0], access.space, access.size)
    function = f"[&]({kind} old) {{ return {kind}({text}); }}"
    body.emit(f"{{ const auto old = exchange<{kind}>({pointer}, {function});")
    body.assign(target, kind, "old")
    body.emit("}")


def convert_address(body: Body, code: Instruction) -> None:
    """cvta: an address in shared memory counts from its beginning, all others are pointers."""
    space = code.modifiers[-2]
    target, source = code.operands
    if space not in SPACES or code.modifiers[-1] != "u64" or code.modifiers[:-2] not in ((), ("to",)):
        raise ValueError(code.opcode)
    base = "reinterpret_cast<u64>(c.shared)" if space == "shared" else "u64(0)"
    sign = "-" if code.modifiers[0] == "to" else "+"
    body.assign(target, "u64", f"{body.value(source, 'u64')} {sign} {base}")


def move(body: Body, code: Instruction) -> None:
    """mov, also between a register and the parts of it."""
    (kind,), (target, source) = code.modifiers, code.operands
    if kind == "pred":
        return body.assign(target, kind, body.value(source, kind))
    bits = 8 * SIZES[kind]
    whole = f"u{bits}"
    if source.startswith("{"):
        parts = [one.strip() for one in source.strip("{} ").split(",")]
        part = bits // len(parts)
        terms = [f"u64({body.value(one, f'u{part}')}) << {i * part}" for i, one in enumerate(parts)]
        return body.assign(target, whole, " | ".join(terms))
    if target.startswith("{"):
        parts = [one.strip() for one in target.strip("{} ").split(",")]
        part = bits // len(parts)
        body.emit(f"{{ const u64 x = {body.value(source, whole)};")
        for i, one in enumerate(parts):
            body.assign(one, f"u{part}", f"x >> {i * part}")
        return body.emit("}")
    return body.assign(target, whole, body.value(source, whole))


# ---- the way through a function ----


def jump(body: Body, code: Instruction) -> None:
    if code.modifiers not in ((), ("uni",)):
        raise ValueError(code.opcode)
    (target,) = code.operands
    body.emit(f"goto {label(target)};")


def jump_by_index(body: Body, code: Instruction) -> None:
    index, name = code.operands
    targets = body.function.targets.get(name)
    if targets is None or code.modifiers not in (("idx",), ("idx", "uni")):
        raise ValueError(code.opcode)
    cases = " ".join(f"case {i}: goto {label(one)};" for i, one in enumerate(targets))
    otherwise = 'default: fail(c, "jump outside of its table", 0, 0);'
    body.emit(f"switch ({body.value(index, 'u32')}) {{ {cases} {otherwise} }}")


def label(name: str) -> str:
    return f"L_{plain(name)}"


def leave(body: Body, code: Instruction) -> None:
    inner = code.name == "exit" and not body.function.is_entry  # would end the thread, not the function
    if code.modifiers not in ((), ("uni",)) or code.operands or inner:
        raise ValueError(code.opcode)
    body.emit("return;")


def trap(body: Body, code: Instruction) -> None:
    body.emit('fail(c, "trap", 0, 0);')


def call(body: Body, code: Instruction) -> None:
    """A function of the same module; what it takes and returns lies in bytes that the caller reserved."""
    operands = list(code.operands)
    lists = [operands.pop(0) if operands[0].startswith("(") else "()"]
    name = operands.pop(0)
    lists += [operands.pop(0) if operands else "()"]
    passed = [one.strip() for text in lists for one in text.strip("()").split(",") if one.strip()]
    functions = {one.name: one for one in body.module.functions if not one.is_entry}
    if operands or name not in functions or code.modifiers not in ((), ("uni",)):
        raise ValueError(code.opcode)
    function = functions[name]
    places = [body.find(one) for one in passed]
    sizes = [one.size for one in (*function.returned, *function.parameters)]
    if [getattr(place, "size", None) for place in places] != sizes:
        raise ValueError(code.opcode)
    pointers = [f"const_cast<unsigned char*>({place.pointer})" for place in places]  # type: ignore[union-attr]
    body.emit(f"f_{plain(name)}({', '.join(['c', *pointers])});")


# ---- blocks and warps ----


def barrier(body: Body, code: Instruction) -> None:
    """All threads of the block at barrier 0, or the lanes of a mask."""
    modifiers = tuple(one for one in code.modifiers if one not in ("cta", "aligned"))
    if modifiers == ("warp", "sync"):
        (mask,) = code.operands
        body.emit(f"c.meet(false, {body.value(mask, 'u32')}, 0, lane(c));")
    elif modifiers == ("sync",) and code.operands == ("0",):
        body.emit("c.barrier();")
    else:
        raise ValueError(code.opcode)


def shuffle(body: Body, code: Instruction) -> None:
    sync, mode, kind = code.modifiers
    if (sync, kind) != ("sync", "b32") or mode not in ("up", "down", "bfly", "idx"):
        raise ValueError(code.opcode)
    targets, source, by, bounds, mask = code.operands
    target, _, inside = (one.strip() for one in targets.partition("|"))
    values = ", ".join(body.value(one, "u32") for one in (source, by, bounds, mask))
    body.emit(f"{{ bool inside = false; const u32 found = shuffle(c, Reach::{mode}, {values}, inside);")
    body.assign(target, "u32", "found")
    if inside:
        body.assign(inside, "pred", "inside")
    body.emit("}")


def vote(body: Body, code: Instruction) -> None:
    sync, mode, kind = code.modifiers
    target, source, mask = code.operands
    texts = {"ballot": "votes", "all": "votes == mask", "any": "votes != 0"}
    texts["uni"] = "votes == 0 || votes == mask"
    if sync != "sync" or kind != ("b32" if mode == "ballot" else "pred") or mode not in texts:
        raise ValueError(code.opcode)
    body.emit(f"{{ const u32 mask = {body.value(mask, 'u32')};")
    body.emit(f"const u32 votes = ballot(c, mask, {body.value(source, 'pred')});")
    body.assign(target, "pred" if kind == "pred" else "u32", texts[mode])
    body.emit("}")


def reduction(body: Body, code: Instruction) -> None:
    """redux.sync over the lanes of a mask."""
    sync, operation, kind = code.modifiers
    target, source, mask = code.operands
    if sync != "sync" or kind not in ("s32", "u32", "b32"):
        raise ValueError(code.opcode)
    text, number = REDUCED.get(operation), kind.replace("b", "u")
    if text is None:
        raise ValueError(code.opcode)
    values = f"{body.value(mask, 'u32')}, {body.value(source, number)}"
    body.assign(target, number, f"reduce(c, {values}, []({number} a, {number} b) {{ return {text}; }})")


def active(body: Body, code: Instruction) -> None:
    """activemask: nothing says that lanes run together, and here each runs alone."""
    body.assign(code.operands[0], "u32", "1u << lane(c)")


HANDLERS: dict[str, Callable[[Body, Instruction], None]] = {
    "ld": load,
    "st": store,
    "atom": atomic,
    "red": atomic,
    "cvta": convert_address,
    "mov": move,
    "bra": jump,
    "brx": jump_by_index,
    "ret": leave,
    "exit": leave,
    "trap": trap,
    "call": call,
    "bar": barrier,
    "barrier": barrier,
    "shfl": shuffle,
    "vote": vote,
    "redux": reduction,
    "activemask": active,
}
