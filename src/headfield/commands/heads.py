# SPDX-License-Identifier: BSD-3-Clause
"""The head that a command is given: a mesh file or a subject folder, and what the command line says of it."""

from __future__ import annotations

import argparse
import os
from typing import Any

from ..errors import ArgumentError, FileFormatError
from ..heads.mesh import TetMesh
from ..heads.subject import Subject
from ..heads.tissue_words import tags_of
from ..heads.wanted import HeadOptions, mesh_of
from .demo_heads import HEADS

__all__ = ["check_is_file", "check_no_options", "find_tissues", "given_conductivity", "read_head"]


def check_no_options(path: str | os.PathLike[str], kind: str, options: HeadOptions) -> None:
    """Raise FileFormatError if options of heads were given for a file of another kind."""
    for name in options.given():
        option = name.replace("_", "-")
        raise FileFormatError(f"{os.fspath(path)}: --{option} is not an option for the kind {kind}")


def check_is_file(path: str) -> None:
    """Raise FileFormatError if this is the name of a head of headfield's own, where a file is wanted."""
    if path in HEADS and not os.path.exists(path):
        raise FileFormatError(
            f"{path}: no such file, and this command takes no head by name; `headfield demo --head {path}` "
            "writes it to demo/head.msh"
        )


def find_tissues(args: argparse.Namespace, mesh: TetMesh) -> None:
    """Put tags in the place of the names that `--tissues` gives, if there is such an option."""
    if getattr(args, "tissues", None):
        args.tissues = tags_of(mesh, args.tissues, "--tissues")


def given_conductivity(args: argparse.Namespace) -> dict[Any, float] | None:
    """Return what `--conductivity` gives by tags and names, each once; None if there is nothing."""
    given: dict[Any, float] = {}
    for tissue, value in args.conductivity:
        if given.setdefault(tissue, value) != value:
            raise ArgumentError(
                f"--conductivity: {tissue} is given twice, as {given[tissue]:g} and {value:g}"
            )
    return given or None


def read_head(args: argparse.Namespace) -> tuple[TetMesh, Any]:
    """Read the mesh, and its conductivity as the arguments say."""
    check_is_file(args.head)
    given = given_conductivity(args)
    if args.tensors is not None and not os.path.isdir(args.head):
        raise ArgumentError(f"--tensors needs a subject folder, and {args.head} is a file")
    mesh = mesh_of(args.head, HeadOptions.of(args))
    find_tissues(args, mesh)
    if args.tensors is None:
        return mesh, given
    return mesh, Subject(args.head).conductivity(args.tensors, given, mesh=mesh)
