# SPDX-License-Identifier: BSD-3-Clause
"""What each instruction computes that is a function of its operands, by its whole name (``fma.rn.f32``).

A name that isn't in the table is unknown: so no modifier is ever passed over. Types are those of PTX with
``pred`` among them; an expression is C++ with ``{0}``, ``{1}``, … for the operands, and may call what
runtime.hpp has.
"""

from __future__ import annotations

from typing import NamedTuple

SIGNED, UNSIGNED = ("s16", "s32", "s64"), ("u16", "u32", "u64")
BITS = ("b16", "b32", "b64")
FLOATS = ("f32", "f64")
WIDER = {"s16": "s32", "u16": "u32", "s32": "s64", "u32": "u64"}
ROUNDINGS = {"rni": "rint", "rzi": "trunc", "rmi": "floor", "rpi": "ceil"}


class Form(NamedTuple):
    """Type of the result, types of the operands, and the result in C++."""

    result: str
    operands: tuple[str, ...]
    expression: str


def unsigned(kind: str) -> str:
    return "u" + kind[1:]


def integers() -> dict[str, Form]:
    """Sums and products wrap, so they are made of unsigned numbers."""
    found: dict[str, Form] = {}
    for t in SIGNED + UNSIGNED:
        u = unsigned(t)
        found[f"add.{t}"] = Form(u, (u, u), "u64({0}) + {1}")
        found[f"sub.{t}"] = Form(u, (u, u), "u64({0}) - {1}")
        found[f"mul.lo.{t}"] = Form(u, (u, u), "u64({0}) * {1}")
        found[f"mad.lo.{t}"] = Form(u, (u, u, u), "u64({0}) * {1} + {2}")
        found[f"mul.hi.{t}"] = Form(t, (t, t), "multiply_high({0}, {1})")
        found[f"mad.hi.{t}"] = Form(u, (t, t, u), "u64(multiply_high({0}, {1})) + {2}")
        found[f"div.{t}"] = Form(t, (t, t), "divide({0}, {1})")
        found[f"rem.{t}"] = Form(t, (t, t), "remainder_of({0}, {1})")
        found[f"min.{t}"] = Form(t, (t, t), "{1} < {0} ? {1} : {0}")
        found[f"max.{t}"] = Form(t, (t, t), "{0} < {1} ? {1} : {0}")
    for t, w in WIDER.items():
        u = unsigned(w)
        found[f"mul.wide.{t}"] = Form(w, (t, t), f"{w}({{0}}) * {w}({{1}})")
        found[f"mad.wide.{t}"] = Form(u, (t, t, u), f"{u}({w}({{0}}) * {w}({{1}})) + {{2}}")
    for t in SIGNED:
        u = unsigned(t)
        found[f"neg.{t}"] = Form(u, (u,), "0 - u64({0})")
        found[f"abs.{t}"] = Form(u, (t,), "{0} < 0 ? 0 - u64({0}) : u64({0})")
    return found


def bits() -> dict[str, Form]:
    """Logic, shifts and fields of bits."""
    found: dict[str, Form] = {}
    for name, sign in (("and", "&"), ("or", "|"), ("xor", "^")):
        for t in BITS:
            found[f"{name}.{t}"] = Form(t, (t, t), f"{{0}} {sign} {{1}}")
    found["and.pred"] = Form("pred", ("pred", "pred"), "{0} && {1}")
    found["or.pred"] = Form("pred", ("pred", "pred"), "{0} || {1}")
    found["xor.pred"] = Form("pred", ("pred", "pred"), "{0} != {1}")
    found["not.pred"] = Form("pred", ("pred",), "!{0}")
    for t in BITS:
        found[f"not.{t}"] = Form(t, (t,), "~{0}")
        found[f"cnot.{t}"] = Form(t, (t,), "{0} == 0 ? 1 : 0")
        found[f"shl.{t}"] = Form(t, (t, "u32"), "shift_left({0}, {1})")
    for t in BITS + SIGNED + UNSIGNED:
        found[f"shr.{t}"] = Form(t, (t, "u32"), "shift_right({0}, {1})")
    for t in ("b32", "b64"):
        found[f"popc.{t}"] = Form("u32", (t,), "__builtin_popcountll({0})")
        found[f"clz.{t}"] = Form("u32", (t,), "leading_zeros({0})")
        found[f"brev.{t}"] = Form(t, (t,), "reversed({0})")
        found[f"bfi.{t}"] = Form(t, (t, t, "u32", "u32"), "insert_field({0}, {1}, {2}, {3})")
    for t in ("s32", "u32", "s64", "u64"):
        found[f"bfe.{t}"] = Form(t, (t, "u32", "u32"), "extract_field({0}, {1}, {2})")
        found[f"bfind.{t}"] = Form("u32", (t,), "highest_bit({0})")
        found[f"bfind.shiftamt.{t}"] = Form("u32", (t,), "shift_to_highest({0})")
    found["prmt.b32"] = Form("b32", ("b32", "b32", "b32"), "permute({0}, {1}, {2})")
    found["lop3.b32"] = Form("b32", ("b32", "b32", "b32", "u32"), "logic_3({0}, {1}, {2}, {3})")
    for side, name in (("l", "left"), ("r", "right")):
        for mode, limit in (("wrap", "{2} & 31u"), ("clamp", "{2} > 32u ? 32u : {2}")):
            operands = ("b32", "b32", "u32")
            found[f"shf.{side}.{mode}.b32"] = Form("b32", operands, f"funnel_{name}({{0}}, {{1}}, {limit})")
    return found


def floats() -> dict[str, Form]:
    """Without .rn ptxas may contract a product and a sum: such names are left out on purpose."""
    found: dict[str, Form] = {}
    for t in FLOATS:
        for name, sign in (("add", "+"), ("sub", "-"), ("mul", "*"), ("div", "/")):
            found[f"{name}.rn.{t}"] = Form(t, (t, t), f"{{0}} {sign} {{1}}")
        found[f"fma.rn.{t}"] = Form(t, (t, t, t), "std::fma({0}, {1}, {2})")
        found[f"rcp.rn.{t}"] = Form(t, (t,), f"{t}(1) / {{0}}")
        found[f"sqrt.rn.{t}"] = Form(t, (t,), "std::sqrt({0})")
        found[f"rsqrt.approx.{t}"] = Form(t, (t,), f"{t}(1) / std::sqrt({{0}})")
        found[f"copysign.{t}"] = Form(t, (t, t), "std::copysign({1}, {0})")
        found |= _signs_and_bounds(t, "")
    found["rcp.approx.ftz.f64"] = Form("f64", ("f64",), "flushed(1.0 / flushed({0}))")
    found["rsqrt.approx.ftz.f64"] = Form("f64", ("f64",), "flushed(1.0 / std::sqrt(flushed({0})))")
    functions = {"rcp": "1.f / {0}", "sqrt": "std::sqrt({0})", "sin": "std::sin({0})", "cos": "std::cos({0})"}
    functions |= {"lg2": "std::log2({0})", "ex2": "std::exp2({0})", "tanh": "std::tanh({0})"}
    found |= {f"{name}.approx.f32": Form("f32", ("f32",), text) for name, text in functions.items()}
    found |= {f"div.{how}.f32": Form("f32", ("f32", "f32"), "{0} / {1}") for how in ("approx", "full")}
    return found | _flushing(found) | _halves()


def _signs_and_bounds(t: str, suffix: str) -> dict[str, Form]:
    found = {f"neg.{t}": Form(t, (t,), "-{0}"), f"abs.{t}": Form(t, (t,), "std::fabs({0})")}
    for name in ("min", "max"):
        found[f"{name}.{t}"] = Form(t, (t, t), f"{name}imum({{0}}, {{1}})")
        found[f"{name}.NaN.{t}"] = Form(t, (t, t), f"{name}imum_or_nan({{0}}, {{1}})")
    return found


def _flushing(forms: dict[str, Form]) -> dict[str, Form]:
    """The same on f32 with .ftz: subnormal operands and results are zeros."""
    found: dict[str, Form] = {}
    for name, form in forms.items():
        if name.endswith(".f32") and not name.startswith("copysign"):
            operands = [f"flushed({{{i}}})" for i in range(len(form.operands))]
            expression = f"flushed({form.expression.format(*operands)})"
            found[name.removesuffix("f32") + "ftz.f32"] = form._replace(expression=expression)
    return found


def _halves() -> dict[str, Form]:
    """Computed in f32, fma in f64, and rounded; with .rn or without, as nvcc's intrinsics have them."""
    found: dict[str, Form] = {}
    for rounding in ("", "rn."):
        for name in ("add", "sub", "mul"):
            found[f"{name}.{rounding}f16"] = Form("f16", ("f16",) * 2, f"{name}_half({{0}}, {{1}})")
            found[f"{name}.{rounding}f16x2"] = Form(
                "b32", ("b32",) * 2, f"pairwise({name}_half, {{0}}, {{1}})"
            )
    found["fma.rn.f16"] = Form("f16", ("f16",) * 3, "fma_half({0}, {1}, {2})")
    found["fma.rn.f16x2"] = Form("b32", ("b32",) * 3, "pairwise(fma_half, {0}, {1}, {2})")
    for name, text in (("min", "minimum<f16>"), ("max", "maximum<f16>")):
        found[f"{name}.f16"] = Form("f16", ("f16",) * 2, f"{text}({{0}}, {{1}})")
        found[f"{name}.f16x2"] = Form("b32", ("b32",) * 2, f"pairwise({text}, {{0}}, {{1}})")
    for name, sign in (("neg", "^ 0x8000u"), ("abs", "& 0x7FFFu")):
        found[f"{name}.f16"] = Form("b16", ("b16",), f"{{0}} {sign}")
        both = sign[0] + " 0x" + 2 * sign[4:-1] + "u"
        found[f"{name}.f16x2"] = Form("b32", ("b32",), f"{{0}} {both}")
    return found


ORDERED = {"eq": "==", "lt": "<", "le": "<=", "gt": ">", "ge": ">="}


def comparisons() -> dict[str, Form]:
    """setp, also with a third predicate, and selp."""
    found = _of_integers() | _of_floats()
    for opcode, form in list(found.items()):
        _, name, rest = opcode.split(".", 2)
        for logic, sign in (("and", "&&"), ("or", "||"), ("xor", "!=")):
            operands, text = (*form.operands, "pred"), f"bool({form.expression}) {sign} {{2}}"
            found[f"setp.{name}.{logic}.{rest}"] = Form("pred", operands, text)
    for t in SIGNED + UNSIGNED + BITS + FLOATS:
        found[f"selp.{t}"] = Form(t, (t, t, "pred"), "{2} ? {0} : {1}")
    return found


def _of_integers() -> dict[str, Form]:
    found: dict[str, Form] = {}
    equal = {"eq": "==", "ne": "!="}
    names = {"s": ORDERED | equal, "b": equal}
    names["u"] = ORDERED | equal | {"lo": "<", "ls": "<=", "hi": ">", "hs": ">="}
    for t in SIGNED + UNSIGNED + BITS:
        for name, sign in names[t[0]].items():
            found[f"setp.{name}.{t}"] = Form("pred", (t, t), f"{{0}} {sign} {{1}}")
    return found


def _of_floats() -> dict[str, Form]:
    """Those that end in u are true where one of two is no number, the others are not."""
    texts = {name: f"{{0}} {sign} {{1}}" for name, sign in ORDERED.items()}
    texts |= {"ne": "({0} < {1} || {0} > {1})", "neu": "!({0} == {1})", "equ": "!({0} < {1} || {0} > {1})"}
    texts |= {"ltu": "!({0} >= {1})", "leu": "!({0} > {1})", "gtu": "!({0} <= {1})", "geu": "!({0} < {1})"}
    texts |= {"num": "({0} == {0} && {1} == {1})", "nan": "!({0} == {0} && {1} == {1})"}
    found: dict[str, Form] = {}
    for name, text in texts.items():
        found |= {f"setp.{name}.{t}": Form("pred", (t, t), text) for t in ("f16", *FLOATS)}
        flushed = text.format("flushed({0})", "flushed({1})")
        found[f"setp.{name}.ftz.f32"] = Form("pred", ("f32", "f32"), flushed)
    return found


def conversions() -> dict[str, Form]:
    """cvt; a register may be wider than the type that is read from it or written to it."""
    found: dict[str, Form] = {}
    whole = [sign + width for sign in "su" for width in ("8", "16", "32", "64")]
    for to in whole:
        found |= {f"cvt.{to}.{of}": Form(to, (of,), "{0}") for of in whole}
        for of in ("f16", *FLOATS):
            found[f"cvt.rn.{of}.{to}"] = Form(of, (to,), "{0}" if of != "f16" else "f16(f64({0}))")
            value = "f32({0})" if of == "f16" else "{0}"
            for name, function in ROUNDINGS.items():
                text = f"whole<{to}>(std::{function}({value}))"
                found[f"cvt.{name}.{to}.{of}"] = Form(to, (of,), text)
                if of == "f32":
                    flushed = text.format("flushed({0})")
                    found[f"cvt.{name}.ftz.{to}.{of}"] = Form(to, (of,), flushed)
    for t in FLOATS:
        for name, function in ROUNDINGS.items():
            found[f"cvt.{name}.{t}.{t}"] = Form(t, (t,), f"std::{function}({{0}})")
        found[f"cvt.{t}.f16"] = Form(t, ("f16",), "{0}")
        found[f"cvt.rn.f16.{t}"] = Form("f16", (t,), "{0}")
        found[f"cvt.sat.{t}.{t}"] = Form(t, (t,), "saturated({0})")
    found["cvt.f64.f32"] = Form("f64", ("f32",), "{0}")
    found["cvt.rn.f32.f64"] = Form("f32", ("f64",), "{0}")
    found["cvt.rn.f16x2.f32"] = Form("b32", ("f32", "f32"), "pair({1}, {0})")
    return found


FORMS = integers() | bits() | floats() | comparisons() | conversions()
