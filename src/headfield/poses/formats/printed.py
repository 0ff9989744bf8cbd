# SPDX-License-Identifier: BSD-3-Clause
"""Matrices in brackets, as NumPy and MATLAB print them and as they stand in programs.

::

    [[ 0.652  0.038 -0.758 -48.5]        array([[[1., 0., 0., 5.], ...]])        M = [1 0 0 5; 0 1 0 6; ...]
     [ 0.059 -0.998  0.    -8.23]
     ...

A matrix, several, or an array of them whose last or first axis counts them; also 16 numbers in brackets, row
by row. What NumPy abbreviates (...) is an error: the array can be saved instead.
"""

from __future__ import annotations

import re
from typing import Any

import numpy as np

from ...core.messages import quoted
from ...errors import PoseError
from ...io.text import decimals, number
from .raw import settle_rounding, stack_of

__all__ = ["in_brackets", "read_printed"]

_COMMENT = re.compile(r"[#%][^\n]*")
_AROUND = re.compile(
    r"(?<![\w.])(?:[A-Za-z_][\w.]*\s*=(?!=)|(?:[a-z]\w*\.)?(?:array|asarray|matrix|tensor)\s*\()"
    r"|dtype\s*=\s*[\w.]+"
)
_TOKEN = re.compile(r"[\[\];]|[^\s,()\[\];]+")
_MOST_DEPTH = 3


def in_brackets(text: str) -> bool:
    """Tell whether a text, without its comments, has numbers in brackets.

    Examples
    --------
    >>> in_brackets("[[1. 0.]]"), in_brackets("# [mm]\\n1 0 0 5")
    (True, False)
    """
    return "[" in _COMMENT.sub("", text)


def read_printed(text: str) -> np.ndarray:
    """Return the poses (k, 4, 4) in a text; see the module. They are not checked.

    Raises
    ------
    PoseError
        Brackets that don't match, rows of different lengths, no matrices of 4 x 4, or text that is no number.

    Examples
    --------
    >>> read_printed(str(np.eye(4)) + "\\nB = [1 0 0 5; 0 1 0 6; 0 0 1 7; 0 0 0 1];")[1, :3, 3]
    array([5., 6., 7.])
    """
    tokens = _TOKEN.findall(_AROUND.sub(" ", _COMMENT.sub("", text)))
    words: list[str] = []
    arrays = [_array(nested) for nested in _nested(tokens, words)]
    if all(array.ndim == 1 for array in arrays):  # the rows of a matrix in brackets of their own
        arrays = [_array([array.tolist() for array in arrays])]
    poses = np.concatenate([_poses(array) for array in arrays])
    return settle_rounding(poses, [decimals(words)] * len(poses))


def _nested(tokens: list[str], words: list[str]) -> list[Any]:
    """Return lists of lists of numbers, as the brackets say, and collect the words of the numbers."""
    stack: list[list[Any]] = [[]]
    for token in tokens:
        if token == "[":
            if len(stack) > _MOST_DEPTH:
                raise PoseError(f"brackets more than {_MOST_DEPTH} deep: no list of matrices")
            stack.append([])
        elif token == "]":
            if len(stack) == 1:
                raise PoseError("a bracket is closed that was not opened")
            done = _rows(stack.pop())
            stack[-1].append(done)
        elif token == ";":  # between the rows of a matrix, and after a MATLAB statement
            if len(stack) > 1:
                stack[-1].append(None)
        elif len(stack) == 1:
            raise PoseError(f"{quoted(token)} stands outside of the brackets")
        elif token in ("...", "…"):
            raise PoseError("an abbreviated print: numbers are missing where it has ...")
        else:
            stack[-1].append(number(token, "in brackets"))
            words.append(token)
    if len(stack) > 1:
        raise PoseError("a bracket is not closed")
    return stack[0]


def _rows(items: list[Any]) -> list[Any]:
    """Return the rows between semicolons, or what there is if there are none."""
    if None not in items:
        return items
    rows: list[list[Any]] = [[]]
    for item in items:
        if item is None:
            rows.append([])
        else:
            rows[-1].append(item)
    return [row for row in rows if row]


def _array(nested: list[Any]) -> np.ndarray:
    try:
        return np.array(nested, dtype=np.float64)
    except (ValueError, TypeError):
        raise PoseError("rows of different lengths in the brackets") from None


def _poses(array: np.ndarray) -> np.ndarray:
    if array.ndim <= 2 and array.shape[-1:] == (16,):
        return array.reshape(-1, 4, 4)
    if array.ndim == 2 and array.shape[1:] == (4,) and array.shape[0] % 4 == 0:  # one matrix below the other
        return array.reshape(-1, 4, 4)
    return stack_of(array, "what is in brackets")
