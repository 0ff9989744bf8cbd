# SPDX-License-Identifier: BSD-3-Clause
"""The head that a command is given: a mesh file or a subject folder, and what the command line says of it."""

from __future__ import annotations

import argparse
import os
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from ..errors import ArgumentError, FileFormatError, RegionError
from ..heads.choose_tags import TagChoice
from ..heads.mesh import TetMesh
from ..heads.read import read_mesh
from ..heads.subject import Subject

__all__ = ["HeadOptions", "check_no_options", "mesh_of", "read_head"]


class HeadOptions(NamedTuple):
    """What the command line says of a head; each is an option of that name."""

    without_tags: Sequence[int] = ()
    tags: TagChoice | None = None
    repair: bool = False

    @classmethod
    def of(cls, args: argparse.Namespace) -> HeadOptions:
        """Take them from parsed arguments."""
        return cls(**{name: getattr(args, name) for name in cls._fields})

    def given(self) -> list[str]:
        """Return the names of the options that were given."""
        return [name for name in self._fields if getattr(self, name)]


def check_no_options(path: str | os.PathLike[str], kind: str, options: HeadOptions) -> None:
    """Raise FileFormatError if options of heads were given for a file of another kind."""
    for name in options.given():
        option = name.replace("_", "-")
        raise FileFormatError(f"{os.fspath(path)}: --{option} is not an option for the kind {kind}")


def mesh_of(path: str | os.PathLike[str], options: HeadOptions, *, check: bool = True) -> TetMesh:
    """Read the mesh of a file, or of a subject folder, as the options say; warn of what makes no sense."""
    subject = Subject(path) if os.path.isdir(path) else None
    file = path if subject is None else subject.mesh_path
    mesh = read_mesh(file, tags=options.tags, repair=options.repair, check=check)
    if not options.without_tags:
        return mesh
    present = np.unique(mesh.tags).tolist()
    missing = sorted(set(options.without_tags) - set(present))
    if missing:
        raise RegionError(f"--without-tags: the head has no tag {missing[0]}; it has {present}")
    return mesh.crop(without_tags=options.without_tags)


def read_head(args: argparse.Namespace) -> tuple[TetMesh, Any]:
    """Read the mesh, and its conductivity as the arguments say."""
    given = dict(args.conductivity) or None
    if args.tensors is not None and not os.path.isdir(args.head):
        raise ArgumentError(f"--tensors needs a subject folder, and {args.head} is a file")
    mesh = mesh_of(args.head, HeadOptions.of(args))
    if args.tensors is None:
        return mesh, given
    return mesh, Subject(args.head).conductivity(args.tensors, given, mesh=mesh)
