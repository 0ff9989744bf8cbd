# SPDX-License-Identifier: BSD-3-Clause
"""Where `headfield solve --roi` wants the field, and how good it is to be there, as words."""

from __future__ import annotations

import argparse

from ..errors import ArgumentError
from ..regions import words
from ..regions.words import Roi

__all__ = ["roi", "share"]


def roi(text: str) -> Roi:
    """Parse the words of `--roi`; argparse.ArgumentTypeError says what they may be."""
    try:
        return words.roi(text)
    except ArgumentError as problem:
        raise argparse.ArgumentTypeError(str(problem)) from None


def share(text: str) -> float:
    """Parse an error relative to the field, as a number or in per cent.

    Examples
    --------
    >>> share("0.02"), share("2%"), share("1.5 %")
    (0.02, 0.02, 0.015)
    """
    number = text.strip().removesuffix("%")
    try:
        return float(number) if number == text.strip() else float(number) / 100
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a share such as 0.02 or 2%") from None
