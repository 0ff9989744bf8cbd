# SPDX-License-Identifier: BSD-3-Clause
"""Numbers to try instructions on, and their bits; for the tests of the translator."""

import math
import random
import struct

import numpy as np

SPECIAL = [0.0, -0.0, 1.0, -1.5, 3.25, 1e-40, -1e-40, 65504.0, -7e4, 1e30, -1e30]
SPECIAL += [math.inf, -math.inf, math.nan]


def bits(kind):
    return 32 if kind in ("pred", "f16x2") else int(kind[1:])


def number(value, kind):
    """The bits of an operand as an integer of its type."""
    value &= (1 << bits(kind)) - 1
    return value - (1 << bits(kind)) if kind[0] == "s" and value >> (bits(kind) - 1) else value


def integers(kind):
    """Numbers at the ends of their range and between."""
    source, n = random.Random(kind), bits(kind)
    edges = [0, 1, 2, 3, 1 << (n - 1), (1 << (n - 1)) - 1, (1 << n) - 1, (1 << n) - 2]
    return edges + [source.getrandbits(source.randint(1, n)) for _ in range(12)]


FORMATS = {"f16": ("e", "H"), "f32": ("f", "I"), "f64": ("d", "Q")}


def to_bits(value, kind):
    """Of a float that the type holds, or of the nearest."""
    with np.errstate(over="ignore"):
        rounded = float({"f16": np.float16, "f32": np.float32, "f64": np.float64}[kind](value))
    form, whole = FORMATS[kind]
    return struct.unpack(whole, struct.pack(form, rounded))[0]


def to_float(value, kind):
    form, whole = FORMATS[kind]
    return struct.unpack(form, struct.pack(whole, value & ((1 << bits(kind)) - 1)))[0]


def floats(kind):
    """Special numbers and others, as the type holds them."""
    source = random.Random(kind)
    values = SPECIAL + [source.gauss(0, 1) * 2.0 ** source.randint(-8, 8) for _ in range(12)]
    return [to_float(to_bits(value, kind), kind) for value in values]


def same(found, wanted, kind):
    """The same bits, any NaN being one."""
    found, wanted = to_float(found, kind), to_float(to_bits(wanted, kind), kind)
    if math.isnan(wanted):
        return math.isnan(found)
    return found == wanted and math.copysign(1, found) == math.copysign(1, wanted)


def flush(x):
    return math.copysign(0.0, x) if abs(x) < 2.0**-126 else x
