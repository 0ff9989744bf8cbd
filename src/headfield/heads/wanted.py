# SPDX-License-Identifier: BSD-3-Clause
"""A head as a file or a subject folder gives it, and what is said of it beside that."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from ..errors import RegionError
from .choose_tags import TagChoice
from .mesh import TetMesh
from .read import read_mesh
from .subject import Subject
from .tissue_words import tags_of

__all__ = ["HeadOptions", "mesh_of"]


class HeadOptions(NamedTuple):
    """What is said of a head beside its file; on the command line each is an option of that name."""

    without_tags: Sequence[int | str] = ()
    tags: TagChoice | None = None
    repair: bool = False

    @classmethod
    def of(cls, args: object) -> HeadOptions:
        """Take them from the attributes of parsed arguments."""
        return cls(**{name: getattr(args, name) for name in cls._fields})

    def given(self) -> list[str]:
        """Return the names of the options that were given."""
        return [name for name in self._fields if getattr(self, name)]


def mesh_of(path: str | os.PathLike[str], options: HeadOptions, *, check: bool = True) -> TetMesh:
    """Read the mesh of a file, or of a subject folder, as the options say; warn of what makes no sense."""
    subject = Subject(path) if os.path.isdir(path) else None
    file = path if subject is None else subject.mesh_path
    mesh = read_mesh(file, tags=options.tags, repair=options.repair, check=check)
    if not options.without_tags:
        return mesh
    present = np.unique(mesh.tags).tolist()
    without = tags_of(mesh, options.without_tags, "--without-tags")
    missing = sorted(set(without) - set(present))
    if missing:
        raise RegionError(f"--without-tags: the head has no tag {missing[0]}; it has {present}")
    return mesh.crop(without_tags=without)
