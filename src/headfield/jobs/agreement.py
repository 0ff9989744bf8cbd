# SPDX-License-Identifier: BSD-3-Clause
"""Chunks of one folder belong together: they are of the same heads, coils, poses and options."""

from __future__ import annotations

import dataclasses

from ..errors import ArgumentError, FileFormatError
from ..fields.run import Run
from .layout import Chunk

__all__ = ["PLACEMENTS", "Agreement"]

#: Among the settings of a run: the digest of what all coils of a head are given as their poses.
PLACEMENTS = "placements"


class Agreement:
    """Holds what chunks were computed from against each other.

    Slices of a job may run on several machines: if the files of the job are not the same there, or change
    between them, chunks of one head or of one coil are of different ones.
    """

    def __init__(self) -> None:
        self._of_heads: dict[str, Run] = {}
        self._of_coils: dict[str, Run] = {}
        self._of_parts: dict[tuple[str, str], Run] = {}

    def lacks(self, chunk: Chunk) -> list[str]:
        """Return for which of "head", "coil" and "part" of a chunk nothing is known yet."""
        known = {
            "head": chunk.head in self._of_heads,
            "coil": chunk.coil in self._of_coils,
            "part": (chunk.head, chunk.coil) in self._of_parts,
        }
        return [name for name, is_known in known.items() if not is_known]

    def check(self, chunk: Chunk, run: Run, path: str) -> None:
        """Hold a chunk, or a coil in a head, against those before.

        Raises
        ------
        ArgumentError
            Its head with conductivity and options, its coil or its poses are not those of others; the
            message begins with the path.
        """
        of_head = self._of_heads.setdefault(chunk.head, run)
        of_coil = self._of_coils.setdefault(chunk.coil, run)
        of_part = self._of_parts.setdefault((chunk.head, chunk.coil), run)
        of_part.check_same(run, path)
        of_head.check_same(
            dataclasses.replace(run, coil=of_head.coil, poses=of_head.poses, total=of_head.total), path
        )
        of_coil.check_same(dataclasses.replace(of_coil, coil=run.coil), path)
        if of_head.settings.get(PLACEMENTS) != run.settings.get(PLACEMENTS):
            raise ArgumentError(f"{path} is of another run: its coil has other poses than the other coils")
        if of_head.settings != run.settings:
            raise FileFormatError(f"{path}: its options are not those of other chunks")
