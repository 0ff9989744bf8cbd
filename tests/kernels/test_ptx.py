# SPDX-License-Identifier: BSD-3-Clause
"""Every instruction that the translator of PTX has as a form, against integers and floats of Python."""

import math
import operator
import random
import shutil
from fractions import Fraction

import pytest
from ptx.forms import FORMS
from ptx.harness import Kernels, of_form
from ptx.samples import FORMATS, bits, floats, flush, integers, number, same, to_bits, to_float

pytestmark = pytest.mark.skipif(shutil.which("g++") is None, reason="needs g++, which is not installed")
ORDERED = {"eq": operator.eq, "lt": operator.lt, "le": operator.le, "gt": operator.gt, "ge": operator.ge}
ORDERED |= {"lo": operator.lt, "ls": operator.le, "hi": operator.gt, "hs": operator.ge, "ne": operator.ne}
LOGIC = {"and": operator.and_, "or": operator.or_, "xor": operator.xor}
BIG = 2**64 - 1


@pytest.fixture(scope="module")
def kernels(tmp_path_factory):
    return Kernels([of_form(opcode) for opcode in FORMS], tmp_path_factory.mktemp("forms"))


def opcodes(test):
    return sorted(opcode for opcode in FORMS if test(opcode.split(".")))


def rows_of_integers(operands):
    source = random.Random(str(operands))
    several = [integers(kind) for kind in operands]
    return [tuple(source.choice(values) for values in several) for _ in range(700)]


def product(a, b):
    return a * b


def high(t):
    return lambda a, b: a * b >> bits(t)


def quotient(a, b):
    return (abs(a) // abs(b)) * (1 if (a < 0) == (b < 0) else -1)


ARITHMETIC = {
    "add": lambda t: operator.add,
    "sub": lambda t: operator.sub,
    "mul.lo": lambda t: product,
    "mul.wide": lambda t: product,
    "mul.hi": high,
    "mad.lo": lambda t: lambda a, b, c: a * b + c,
    "mad.wide": lambda t: lambda a, b, c: a * b + c,
    "mad.hi": lambda t: lambda a, b, c: (a * b >> bits(t)) + c,
    "min": lambda t: min,
    "max": lambda t: max,
    "neg": lambda t: operator.neg,
    "abs": lambda t: abs,
    "and": lambda t: operator.and_,
    "or": lambda t: operator.or_,
    "xor": lambda t: operator.xor,
    "not": lambda t: operator.invert,
    "cnot": lambda t: lambda a: int(a == 0),
    "shl": lambda t: lambda a, by: a << min(by, 64),
    "shr": lambda t: lambda a, by: a >> min(by, 64),
    "popc": lambda t: lambda a: a.bit_count(),
    "clz": lambda t: lambda a: bits(t) - a.bit_length(),
    "brev": lambda t: lambda a: int(f"{a:0{bits(t)}b}"[::-1], 2),
    "div": lambda t: lambda a, b: quotient(a, b) if b else -1,
    "rem": lambda t: lambda a, b: a - b * quotient(a, b) if b else a,
}


def is_integer(parts):
    return not ARITHMETIC.keys().isdisjoint({parts[0], ".".join(parts[:2])}) and parts[-1][0] in "sub"


@pytest.mark.parametrize("opcode", opcodes(is_integer))
def test_integer_arithmetic(kernels, opcode):
    form, parts = FORMS[opcode], opcode.split(".")
    t = parts[-1]
    function = ARITHMETIC.get(".".join(parts[:2])) or ARITHMETIC[parts[0]]
    rows = rows_of_integers(form.operands)
    # The instruction's type says what its operands are; a form may hold them unsigned, since sums wrap.
    shift = parts[0] in ("shl", "shr")
    kinds = [t, *(t if bits(kind) == bits(t) and not shift else kind for kind in form.operands[1:])]
    mask = (1 << bits(form.result)) - 1
    wanted = [function(t)(*(number(x, k) for x, k in zip(row, kinds, strict=True))) & mask for row in rows]
    assert kernels.apply(opcode, rows) == wanted


def fields(rows):
    """First bits and lengths that matter, of rows that end in both."""
    source = random.Random(1)
    return [(*row[:-2], source.choice([0, 1, 5, 31, 32, 63, 64, 200]), source.randint(0, 70)) for row in rows]


@pytest.mark.parametrize("kind", ["s32", "u32", "s64", "u64"])
def test_fields_of_bits(kernels, kind):
    n = bits(kind)
    rows = fields(rows_of_integers((kind, "u32", "u32")))

    def extracted(a, first, length):
        value = number(a, kind)  # beyond the last bit are copies of the sign, or zeros
        field = (value >> first) & ((1 << length) - 1)
        sign = kind[0] == "s" and length and value >> min(first + length - 1, n - 1) & 1
        return (field | (-1 << length if sign else 0)) & ((1 << n) - 1)

    assert kernels.apply(f"bfe.{kind}", rows) == [extracted(*row) for row in rows]

    def inserted(field, into, first, length):
        mask = ((1 << length) - 1) << first
        return (into & ~mask | field << first & mask) & ((1 << n) - 1)

    rows = fields(rows_of_integers((kind, kind, "u32", "u32")))
    assert kernels.apply(f"bfi.b{n}", rows) == [inserted(*row) for row in rows]

    def highest(a):
        value = number(a, kind)
        return ((~value if value < 0 else value).bit_length() - 1) & (2**32 - 1)

    singles = [(a,) for a in integers(kind)]
    assert kernels.apply(f"bfind.{kind}", singles) == [highest(*row) for row in singles]
    shifts = [n - 1 - highest(*row) if highest(*row) < n else 2**32 - 1 for row in singles]
    assert kernels.apply(f"bfind.shiftamt.{kind}", singles) == shifts


def test_bytes_logic_and_funnels(kernels):
    rows = rows_of_integers(("b32", "b32", "b32"))

    def permuted(a, b, selector):
        source = (a | b << 32).to_bytes(8, "little")
        picks = [selector >> 4 * i & 15 for i in range(4)]
        chosen = [source[p & 7] if p < 8 else 255 * (source[p & 7] >> 7) for p in picks]
        return int.from_bytes(chosen, "little")

    assert kernels.apply("prmt.b32", rows) == [permuted(*row) for row in rows]
    for table, function in ((0x80, lambda a, b, c: a & b & c), (0x96, lambda a, b, c: a ^ b ^ c)):
        assert kernels.apply("lop3.b32", [(*row, table) for row in rows]) == [function(*row) for row in rows]
    mixed = [(a & b) | (~a & c) & (2**32 - 1) for a, b, c in rows]
    assert kernels.apply("lop3.b32", [(*row, 0xCA) for row in rows]) == mixed
    shifted = [(a, b, by % 70) for a, b, by in rows]
    for mode, limit in (("wrap", lambda by: by % 32), ("clamp", lambda by: min(by, 32))):
        left = [((b << 32 | a) << limit(by) >> 32) % 2**32 for a, b, by in shifted]
        right = [((b << 32 | a) >> limit(by)) % 2**32 for a, b, by in shifted]
        assert kernels.apply(f"shf.l.{mode}.b32", shifted) == left
        assert kernels.apply(f"shf.r.{mode}.b32", shifted) == right


# ---- floats ----


def minimum(a, b):
    return b if math.isnan(a) else a if math.isnan(b) else min(a, b, key=lambda x: (x, math.copysign(1, x)))


def maximum(a, b):
    return -minimum(-a, -b)


def fused(a, b, c):
    """Rounded once, which Fraction does; the rest is not finite anyhow, or a zero whose sign the sum has."""
    if not all(map(math.isfinite, (a, b, c))):
        return a * b + c
    exact = Fraction(a) * Fraction(b) + Fraction(c)
    return float(exact) if exact else a * b + c


FLOATING = {"add": operator.add, "sub": operator.sub, "mul": operator.mul, "neg": operator.neg, "abs": abs}
FLOATING |= {"min": minimum, "max": maximum, "copysign": lambda a, b: math.copysign(b, a), "fma": fused}


def is_floating(parts):
    return parts[0] in FLOATING and parts[-1] in FORMATS and "NaN" not in parts


@pytest.mark.parametrize("opcode", opcodes(is_floating))
def test_float_arithmetic(kernels, opcode):
    """Sums and products in f64 are rounded twice for f32 and f16, which for those is the same as once."""
    name, *modifiers, kind = opcode.split(".")
    source, several = random.Random(opcode), [floats(kind) for _ in FORMS[opcode].operands]
    rows = [tuple(source.choice(values) for values in several) for _ in range(400)]
    if name == "fma" and kind != "f64":  # the two roundings are one where the sum is exact in f64
        rows = [row for row in rows if not all(map(math.isfinite, row)) or is_exact(row)]
        assert len(rows) > 100
    found = kernels.apply(opcode, [tuple(to_bits(x, kind) for x in row) for row in rows])
    for row, value in zip(rows, found, strict=True):
        given = tuple(map(flush, row)) if "ftz" in modifiers else row
        wanted = FLOATING[name](*given)
        if "ftz" in modifiers:
            wanted = flush(to_float(to_bits(wanted, kind), kind))
        assert same(value, wanted, kind), (row, to_float(value, kind), wanted)


def is_exact(row):
    a, b, c = map(Fraction, row)
    return Fraction(float(a * b + c)) == a * b + c


def test_a_multiply_add_is_rounded_once(kernels):
    """(1 + e)² - (1 + 2 e) is e², which a product by itself has lost."""
    for kind, e in (("f32", 2.0**-12), ("f64", 2.0**-27), ("f16", 2.0**-6)):
        row = tuple(to_bits(x, kind) for x in (1 + e, 1 + e, -1 - 2 * e))
        (found,) = kernels.apply(f"fma.rn.{kind}", [row])
        assert to_float(found, kind) == e * e
        (rounded,) = kernels.apply(f"mul.rn.{kind}" if kind != "f16" else "mul.f16", [row[:2]])
        assert to_float(rounded, kind) == 1 + 2 * e


ONE = {"rcp": lambda x: 1 / x, "sqrt": math.sqrt, "rsqrt": lambda x: 1 / math.sqrt(x), "sin": math.sin}
ONE |= {"cos": math.cos, "lg2": math.log2, "ex2": lambda x: 2.0**x, "tanh": math.tanh}


@pytest.mark.parametrize("opcode", opcodes(lambda p: p[0] in ONE))
def test_functions(kernels, opcode):
    kind = opcode.split(".")[-1]
    values = [to_float(to_bits(x, kind), kind) for x in (0.25, 0.7, 1.0, 2.0, 3.1, 10.0)]
    found = kernels.apply(opcode, [(to_bits(x, kind),) for x in values])
    wanted = [ONE[opcode.split(".")[0]](x) for x in values]
    near = {"rel": 1e-15 if kind == "f64" else 3e-7}
    assert [to_float(x, kind) for x in found] == pytest.approx(wanted, **near)


@pytest.mark.parametrize("opcode", opcodes(lambda p: p[0] == "div" and p[-1][0] == "f"))
def test_quotients(kernels, opcode):
    kind = opcode.split(".")[-1]
    rows = [(a, b) for a in floats(kind) for b in floats(kind) if abs(b) > 1e-30 and abs(b) < 1e29]
    found = kernels.apply(opcode, [tuple(to_bits(x, kind) for x in row) for row in rows])
    clear = flush if "ftz" in opcode else float
    for (a, b), value in zip(rows, found, strict=True):
        wanted = to_float(to_bits(clear(a) / clear(b), kind), kind)
        assert same(value, clear(wanted), kind), (a, b)


def test_bounds_that_keep_what_is_no_number(kernels):
    for kind in ("f32", "f64"):
        row = (to_bits(1.0, kind), to_bits(math.nan, kind))
        for name in ("min", "max"):
            assert to_float(kernels.apply(f"{name}.{kind}", [row])[0], kind) == 1.0
            for opcode in {f"{name}.NaN.{kind}", f"{name}.NaN.ftz.f32"} & FORMS.keys():
                both = tuple(to_bits(x, opcode[-3:]) for x in (1.0, math.nan))
                assert math.isnan(to_float(kernels.apply(opcode, [both])[0], opcode[-3:]))
                numbers = [(to_bits(a, opcode[-3:]), to_bits(-2.0, opcode[-3:])) for a in (1.0, -3.0)]
                wanted = [{"min": min, "max": max}[name](a, -2.0) for a in (1.0, -3.0)]
                assert [to_float(x, opcode[-3:]) for x in kernels.apply(opcode, numbers)] == wanted
    (zero,) = kernels.apply("min.f32", [(to_bits(0.0, "f32"), to_bits(-0.0, "f32"))])
    assert zero == 0x80000000


PAIRS = ["add", "sub", "mul", "add.rn", "sub.rn", "mul.rn", "fma.rn", "min", "max", "neg", "abs"]


@pytest.mark.parametrize("name", PAIRS)
def test_pairs_of_halves_are_halves_by_themselves(kernels, name):
    count = len(FORMS[f"{name}.f16"].operands)
    values = floats("f16")
    source = random.Random(name)
    low, high = ([tuple(source.choices(values, k=count)) for _ in range(200)] for _ in range(2))
    as_bits = [[tuple(to_bits(x, "f16") for x in row) for row in rows] for rows in (low, high)]
    pairs = [tuple(a | b << 16 for a, b in zip(*rows, strict=True)) for rows in zip(*as_bits, strict=True)]
    halves = [kernels.apply(f"{name}.f16", rows) for rows in as_bits]
    wanted = [a | b << 16 for a, b in zip(*halves, strict=True)]
    assert kernels.apply(f"{name}.f16x2", pairs) == wanted


# ---- comparisons and conversions ----


def meaning(name, floating):
    """What a comparison of two numbers says; those in u are true where one of them is none."""
    if name in ("num", "nan"):
        return lambda a, b: (not math.isnan(a) and not math.isnan(b)) == (name == "num")
    if floating and name == "ne":
        return lambda a, b: a < b or a > b
    if name in ORDERED:
        return ORDERED[name]
    return lambda a, b: math.isnan(a) or math.isnan(b) or ORDERED[name[:-1]](a, b)


@pytest.mark.parametrize("kind", sorted({name.split(".")[-1] for name in FORMS if name.startswith("setp")}))
def test_comparisons(kernels, kind):
    floating = kind in FORMATS
    values = [to_bits(x, kind) for x in floats(kind)] if floating else integers(kind)
    rows = [(a, b, c) for a in values[:14] for b in values[:14] for c in (0, 1)]
    read = to_float if floating else number
    for opcode in opcodes(lambda p: p[0] == "setp" and p[-1] == kind):
        _, name, *rest, _ = opcode.split(".")
        logic = next((LOGIC[one] for one in rest if one in LOGIC), lambda found, third: found)
        clear = flush if "ftz" in rest else lambda x: x
        compare = meaning(name, floating)
        numbers = [(clear(read(a, kind)), clear(read(b, kind)), bool(c)) for a, b, c in rows]
        wanted = [int(logic(bool(compare(a, b)), c)) for a, b, c in numbers]
        given = rows if any(one in LOGIC for one in rest) else [row[:2] for row in rows]
        assert kernels.apply(opcode, given) == wanted, opcode


def test_selections_and_predicates(kernels):
    for opcode in opcodes(lambda p: p[0] == "selp"):
        mask = (1 << bits(opcode.split(".")[-1])) - 1
        assert kernels.apply(opcode, [(BIG, 5, 1), (BIG, 5, 0)]) == [mask, 5]
    pairs = [(a, b) for a in (0, 1) for b in (0, 1)]
    for name, function in LOGIC.items():
        assert kernels.apply(f"{name}.pred", pairs) == [function(*row) for row in pairs]
    assert kernels.apply("not.pred", [(0,), (1,)]) == [1, 0]


@pytest.mark.parametrize("opcode", opcodes(lambda p: p[0] == "cvt" and len(p) == 3 and p[1][0] != "f"))
def test_integers_to_integers(kernels, opcode):
    """The result fills its register of at least 16 bits by its sign."""
    _, to, of = opcode.split(".")
    rows = [(a,) for a in integers(of)]
    mask = (1 << max(16, bits(to))) - 1
    assert kernels.apply(opcode, rows) == [number(number(a, of), to) & mask for (a,) in rows]


ROUND = {"rni": round, "rzi": math.trunc, "rmi": math.floor, "rpi": math.ceil}


@pytest.mark.parametrize("opcode", opcodes(lambda p: p[0] == "cvt" and p[1] in ROUND))
def test_rounding_to_integers(kernels, opcode):
    name, *_, to, of = opcode.split(".")[1:]
    values = [x for x in floats(of) if to[0] == "f" or not math.isnan(x)] + [0.5, 1.5, -0.5, -2.5, 300.0]
    found = kernels.apply(opcode, [(to_bits(x, of),) for x in values])
    for x, value in zip(values, found, strict=True):
        x = flush(x) if "ftz" in opcode else x
        if to[0] == "f":
            wanted = math.copysign(float(ROUND[name](x)), x) if math.isfinite(x) else x
            assert same(value, wanted, to), x
            continue
        most = (1 << bits(to) - (to[0] == "s")) - 1
        least = -most - 1 if to[0] == "s" else 0
        whole = ROUND[name](x) if math.isfinite(x) else (most if x > 0 else least)
        assert number(value, to) == min(max(whole, least), most), x


@pytest.mark.parametrize("opcode", opcodes(lambda p: p[:2] == ["cvt", "rn"] and p[-1][0] in "su"))
def test_integers_to_floats(kernels, opcode):
    to, of = opcode.split(".")[2:]
    values = integers(of)
    found = kernels.apply(opcode, [(a,) for a in values])
    for a, value in zip(values, found, strict=True):
        if to == "f64" or abs(number(a, of)) < 2**53:
            assert same(value, float(number(a, of)), to), a
        else:
            nearest = to_float(to_bits(float(number(a, of)), to), to)  # but for a rounding to f64 before
            assert to_float(value, to) == pytest.approx(nearest, rel=2.0**-23)


def test_floats_to_floats(kernels):
    for to in FORMATS:
        for of in FORMATS:
            opcode = f"cvt.{'' if bits(to) > bits(of) else 'rn.'}{to}.{of}"
            if to != of:
                values = floats(of)
                found = kernels.apply(opcode, [(to_bits(x, of),) for x in values])
                assert all(same(value, x, to) for value, x in zip(found, values, strict=True)), opcode
    (found,) = kernels.apply("cvt.rn.f16x2.f32", [(to_bits(1.5, "f32"), to_bits(-2.0, "f32"))])
    assert found == to_bits(1.5, "f16") << 16 | to_bits(-2.0, "f16")  # the first operand is the upper half
    for kind in ("f32", "f64"):
        given = [-1.0, 0.25, 7.0, math.nan]
        found = kernels.apply(f"cvt.sat.{kind}.{kind}", [(to_bits(x, kind),) for x in given])
        assert [to_float(x, kind) for x in found] == [0.0, 0.25, 1.0, 0.0]
