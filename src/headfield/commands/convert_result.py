# SPDX-License-Identifier: BSD-3-Clause
"""Convert a result, and say what was written and what the format does not hold."""

from __future__ import annotations

import os
from typing import Any

from ..errors import ArgumentError
from ..fields.read import read_result
from ..fields.save import MESHES, NOT_MESHES, format_of, write_result
from ..fields.stream import H5_ENDINGS
from ..io.regular import ending_of

__all__ = ["convert_result", "is_for_results"]


def is_for_results(kind: str, source: str | os.PathLike[str], target: str | os.PathLike[str]) -> bool:
    """Whether a file of a kind is converted as a result, or else as a mesh with fields.

    So is a mesh with fields of another program to what meshes are not written as; and a .msh or .vtu of
    headfield is a mesh where it is to become another file of meshes.

    Examples
    --------
    >>> is_for_results("mesh", "a.msh", "a.nii.gz"), is_for_results("mesh", "a.msh", "a.vtu")
    (True, False)
    >>> is_for_results("result", "a.msh", "a.vtu"), is_for_results("result", "a.msh", "a.vtk")
    (True, False)
    """
    only = os.fspath(target).lower().endswith(NOT_MESHES)
    if kind == "mesh":
        return only
    whole = ending_of(source) in H5_ENDINGS or ending_of(target) in (*MESHES, *H5_ENDINGS)
    return kind == "result" and (only or whole)


def convert_result(source: str | os.PathLike[str], target: str | os.PathLike[str], **options: Any) -> str:
    """Read a result, and write it in the format that the ending of `target` says.

    Parameters
    ----------
    source : path
        What `headfield.read_result` reads.
    target : path
    **options
        Those of `headfield.write_result`.

    Returns
    -------
    str
        What was written, in words.

    Raises
    ------
    FileFormatError
        A format that results are not converted to.
    HeadfieldError, OSError
        See `headfield.read_result` and `headfield.write_result`.
    """
    format_of(target)  # another ending is told before the work
    result = read_result(source)
    said, files = write_result(target, result, **options)
    others = files[1:] if files[:1] == [os.fspath(target)] else files
    if not files:
        raise ArgumentError(f"{result.path}: none of its poses converged: nothing was written")
    if len(others) > 2:
        return f"{said}: {others[0]} to {others[-1]}"
    return f"{said}: {', '.join(others)}" if others else said
