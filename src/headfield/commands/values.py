# SPDX-License-Identifier: BSD-3-Clause
"""What words on the command line may be: each function makes a value of one or says what is wrong."""

from __future__ import annotations

import argparse
import os
import re

from ..core import quantities
from ..errors import ArgumentError, MeshError
from ..heads.points import coordinates
from ..heads.segmentation.numberings import NUMBERINGS, tag_of
from ..heads.tissue_words import words_of

__all__ = [
    "direction",
    "file_name",
    "folder",
    "point",
    "pose_range",
    "rates",
    "some_tags",
    "tag_choice",
    "tag_value",
    "tags",
    "tissue_choice",
    "tolerance",
]


def folder(text: str) -> str:
    if not text.strip() or "\0" in text:
        raise argparse.ArgumentTypeError(f"{text!r} is not the name of a folder")
    return text


def file_name(text: str) -> str:
    if os.path.basename(folder(text)) in ("", ".", ".."):
        raise argparse.ArgumentTypeError(f"{text!r} is a folder, where the name of a file is needed")
    return text


def tolerance(text: str) -> float | str:
    try:
        return text if text == "auto" else float(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is neither 'auto' nor a number") from None


def tags(text: str) -> list[int | str] | None:
    if text == "all":
        return None
    try:
        return list(words_of(text))
    except ValueError:
        raise argparse.ArgumentTypeError(
            f"{text!r} is neither 'all' nor whole numbers such as 1,2 nor names such as gray"
        ) from None


def some_tags(text: str) -> list[int | str]:
    chosen = tags(text)
    if chosen is None:
        raise argparse.ArgumentTypeError("name the tissues, such as 1,2")
    return chosen


def tag_choice(text: str) -> str | dict[int, int] | tuple[str, dict[int, int]]:
    """Make what `read_mesh` takes as `tags`: the name of a field, pairs such as 1=5,2=3, or both."""
    words = text.split(",")
    first = next((i for i, word in enumerate(words) if re.fullmatch(r"-?\d+=-?\d+", word)), len(words))
    if not all(re.fullmatch(r"-?\d{1,9}=-?\d{1,9}", word) for word in words[first:]) or not text.strip():
        raise argparse.ArgumentTypeError(
            f"{text!r} is neither the name of a field nor OLD=NEW, such as 1=5,2=3"
        )
    field = ",".join(words[:first])
    pairs = [word.split("=") for word in words[first:]]
    mapping = {int(old): int(new) for old, new in pairs}
    if len(mapping) < len(pairs):
        raise argparse.ArgumentTypeError(f"{text!r} names a tag twice")
    return mapping if not field else (field, mapping) if mapping else field


def tag_value(text: str) -> tuple[int | str, float]:
    tag, _, value = text.partition("=")
    try:
        (tissue,) = words_of(tag)
        return tissue, quantities.conductivity(value)
    except ValueError:  # ArgumentError is one too
        raise argparse.ArgumentTypeError(
            f"{text!r} is not TISSUE=VALUE, such as 2=0.275 or gm=275mS/m"
        ) from None


def tissue_choice(text: str) -> str | dict[int, int] | list[int]:
    """Make what `head_from_labels` takes as `tissues`: a numbering, or pairs such as 1=2,3=gray matter.

    Tissues alone, such as gray matter,white matter,CSF, are those of maps.
    """
    if text in NUMBERINGS:
        return text
    words = [word.strip() for word in text.split(",")]
    try:
        if not any("=" in word for word in words):
            return [tag_of(_number(word), f"map {i}") for i, word in enumerate(words)]
        pairs = [word.partition("=") for word in words]
        found = {int(label): tag_of(_number(tissue.strip()), f"label {label}") for label, _, tissue in pairs}
    except ValueError as problem:  # MeshError is one too
        why = f"; {problem}" if isinstance(problem, MeshError) and "=" in text else ""
        known = ", ".join(NUMBERINGS)
        raise argparse.ArgumentTypeError(
            f"{text!r} is neither {known} nor LABEL=TISSUE, such as 1=2,3=gray matter,4=0{why}"
        ) from None
    if len(found) < len(pairs):
        raise argparse.ArgumentTypeError(f"{text!r} names a label twice")
    return found


def _number(word: str) -> int | str:
    return int(word) if re.fullmatch(r"\d{1,9}", word) else word


def point(text: str) -> list[float]:
    try:
        found = coordinates(text)
    except ArgumentError:
        found = None
    if found is None or found[0]:
        raise argparse.ArgumentTypeError(f"{text!r} is not x,y,z in mm")
    return [float(number) for number in found[1]]


def direction(text: str) -> str | list[float]:
    return text if text == "normal" else point(text)


def pose_range(text: str) -> tuple[int | None, int | None]:
    try:
        begin, end = (int(word) if word else None for word in text.split(":"))
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not A:B, such as 0:100") from None
    return begin, end


def rates(text: str) -> list[quantities.Rate]:
    try:
        return quantities.rates(text)
    except ArgumentError as problem:
        raise argparse.ArgumentTypeError(str(problem)) from None
