# SPDX-License-Identifier: BSD-3-Clause
"""Short names of headfield's kernels, from those that c++filt and ncu print."""

from __future__ import annotations

import re

# What the two write differently (casts before numbers, the unnamed namespace), and what all names have.
NOISE = re.compile(r"^void |\((?:int|bool|long|unsigned int|unsigned long)\)(?=-?\d)")
SPACES = re.compile(r"headfield::|gpu::|\(anonymous namespace\)::|<unnamed>::|\(unnamed namespace\)::")


def is_ours(plain: str) -> bool:
    """Whether a kernel is headfield's: not CuPy's, nor a library's that was given a type of headfield's."""
    return re.match(r"(?:void )?headfield::", plain) is not None


def name_and_width(plain: str) -> tuple[str, int | None]:
    """``every_row Apply 8/4`` and 32 of a kernel's name in C++: loop, body, types, numbers of the loop."""
    short = SPACES.sub("", NOISE.sub("", plain))
    name = re.match(r"\w+", short)
    assert name
    width = re.search(r"Width<(\d+)>", short)
    words, numbers = [name[0]], []
    for one in template_arguments(short[name.end() :]):
        kind = re.match(r"\w+", one)
        if kind and kind[0] not in ("Width", "Block", "Part"):
            words.append(kind[0])
            inner = template_arguments(one[kind.end() :])
            words += [word for word in inner if re.fullmatch(r"[A-Z]\w+", word)]
        numbers += re.findall(r"(?<=, )\d+", one) if kind and kind[0] == "Part" else []
    words += ["/".join(numbers)] if numbers else []
    return " ".join(words), int(width[1]) if width else None


def template_arguments(text: str) -> list[str]:
    """What stands between the commas of ``<…>`` at the beginning, without what they enclose taken apart."""
    found, depth = [""], 0
    for character in text if text.startswith("<") else "":
        depth += (character == "<") - (character == ">")
        if depth == 0:
            break
        if character == "," and depth == 1:
            found.append("")
        elif depth > 1 or character != "<":
            found[-1] += character
    return [one.strip() for one in found if one.strip()]
