# SPDX-License-Identifier: BSD-3-Clause
"""The head that a command is about: a file, a subject, or one that comes with headfield."""

from __future__ import annotations

import argparse
import os
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import FileFormatError, RegionError
from ..heads.eeg import EegPositions, read_eeg_positions
from ..heads.mesh import TetMesh
from ..heads.points import coordinates, find_point
from ..heads.subject import Subject
from ..heads.wanted import HeadOptions
from ..regions.words import in_brain
from .demo_heads import HEADS
from .heads import check_no_options, find_tissues, given_conductivity, read_head

__all__ = ["GivenHead", "add_head"]

Floats = NDArray[np.float64]


def add_head(parser: argparse.ArgumentParser) -> None:
    """Add the argument HEAD of the commands that take a `GivenHead`."""
    parser.add_argument(
        "head",
        metavar="HEAD",
        help="mesh (.msh, .npz, or what meshio reads), folder m2m_x, or template or phantom: heads that come "
        "with headfield",
    )


class GivenHead:
    """What HEAD means. Points that have no need of the mesh are found before it is read.

    Parameters
    ----------
    args : Namespace

    Attributes
    ----------
    notes : list of str
        What was made of names of points.
    """

    def __init__(self, args: argparse.Namespace) -> None:
        self._args, self.notes = args, list[str]()
        self._own = args.head if args.head in HEADS and not os.path.exists(args.head) else None
        self._subject = Subject(args.head) if os.path.isdir(args.head) else None

    def read(self) -> tuple[TetMesh, Any]:
        """Read or make the mesh, and its conductivity as the arguments say."""
        args = self._args
        if self._own is None:
            return read_head(args)
        check_no_options(args.head, args.head, HeadOptions.of(args))
        if args.tensors is not None:
            raise FileFormatError(f"--tensors needs a subject folder, and {args.head} is none")
        own = HEADS[self._own]()
        mesh = own.make(own.edge_mm)
        find_tissues(args, mesh)
        return mesh, given_conductivity(args)

    def find(self, where: str | Sequence[float]) -> Floats:
        """Return the point (3,), mm, that words or numbers mean; see `headfield.heads.points.find_point`."""
        if not isinstance(where, str):
            return np.asarray(where, np.float64)
        written = coordinates(where)
        if self._own is not None and written is not None and written[0]:
            self.notes.append(f"{where}: the coordinates of the {self._own} are taken as those of MNI")
            return written[1]
        has_names = self._subject is not None or self._args.eeg is not None or self._own == "template"
        to_head = None if self._subject is None else self._subject.mni_to_subject
        return find_point(where, self._cap if has_names else None, to_head)

    def _cap(self) -> EegPositions:
        cap = self._args.eeg
        if self._subject is not None and (cap is None or not os.path.isfile(cap)):
            return self._subject.eeg_positions(cap)
        own = None if self._own is None else HEADS[self._own]().positions
        return read_eeg_positions(own if cap is None and own is not None else cap)

    def in_brain(self, where: str, at_mm: Floats, mesh: TetMesh, tags: list[int] | None) -> Floats:
        """Return the middle (3,) of a target: the point itself, or what is nearest to one on the scalp.

        Raises
        ------
        RegionError
            The point lies outside of the head.
        """
        try:
            middle, moved_mm = in_brain(where, at_mm, mesh, tags)
        except RegionError as problem:
            raise RegionError(f"--at {problem}") from None
        if moved_mm:
            self.notes.append(f"{where}: the target is what is nearest to it, {moved_mm:.1f} mm away")
        return middle
