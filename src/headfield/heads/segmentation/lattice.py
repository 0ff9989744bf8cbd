# SPDX-License-Identifier: BSD-3-Clause
"""Tetrahedra between level sets: a graded lattice, cut where they cross it, then improved."""

from __future__ import annotations

from collections.abc import Callable

from ..mesh import TetMesh
from .level_sets import LevelSets

__all__ = ["mesh_level_sets"]


def mesh_level_sets(
    levels: LevelSets,
    edge_mm: float,
    *,
    progress: Callable[[str], None] | None = None,
) -> TetMesh:
    """Mesh the tissues of nested level sets; see `headfield.heads.segmentation.from_labels`."""
    raise NotImplementedError
