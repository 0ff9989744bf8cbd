# SPDX-License-Identifier: BSD-3-Clause
"""The head that a command is given: a mesh file or a subject folder, and what the command line says of it."""

from __future__ import annotations

import argparse
import os
from typing import Any

import numpy as np

from ..errors import ArgumentError, RegionError
from ..heads.mesh import TetMesh
from ..heads.read import read_mesh
from ..heads.subject import Subject

__all__ = ["read_head"]


def read_head(args: argparse.Namespace) -> tuple[TetMesh, Any]:
    """Read the mesh, and its conductivity as the arguments say."""
    given = dict(args.conductivity) or None
    if not os.path.isdir(args.head):
        if args.tensors is not None:
            raise ArgumentError(f"--tensors needs a subject folder, and {args.head} is a file")
        return _without(read_mesh(args.head, tags=args.tags), args.without_tags), given
    subject = Subject(args.head)
    if args.tensors is None:
        mesh = subject.mesh() if args.tags is None else read_mesh(subject.mesh_path, tags=args.tags)
        return _without(mesh, args.without_tags), given
    if args.tags is not None:
        raise ArgumentError("--tags can't be had with --tensors, which know the tags of SimNIBS only")
    if args.without_tags:
        raise ArgumentError("--without-tags can't be had with --tensors, which are given per tetrahedron")
    return subject.mesh(), subject.conductivity(args.tensors, given)


def _without(mesh: TetMesh, tags: list[int]) -> TetMesh:
    """Return the mesh without these tissues."""
    if not tags:
        return mesh
    present = np.unique(mesh.tags).tolist()
    missing = sorted(set(tags) - set(present))
    if missing:
        raise RegionError(f"--without-tags: the head has no tag {missing[0]}; it has {present}")
    return mesh.crop(tags=sorted(set(present) - set(tags)))
