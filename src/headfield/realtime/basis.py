# SPDX-License-Identifier: BSD-3-Clause
"""What a real-time basis consists of."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..core.digest import digest
from ..core.messages import plural
from ..heads.mesh import TetMesh
from ..regions.region import Region
from .modes import Modes
from .potentials import Potentials
from .probes import ProbeTables

__all__ = ["Basis", "HeldOut", "head_digest", "region_digest"]

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class HeldOut:
    """Relative L2 errors over the region, against full solves, of a coil at poses that were kept for that."""

    errors: Floats  #: (k,)
    estimates: Floats  #: (k,) as frames report them

    def __str__(self) -> str:
        return f"{100 * self.errors.mean():.2g} % on average and {100 * self.errors.max():.2g} % at worst"


@dataclass(frozen=True, eq=False)
class Basis:
    """Fields of a head for sources outside of it, and how they are weighted for a coil.

    Attributes
    ----------
    inner_mm : ndarray (m, 3)
        Where ∂B/∂t of coils is compared with that of the sources, in the head.
    project : ndarray (3 m, n) float32
        From ∂B/∂t there to the weights of the modes, s.
    modes : Modes
        E of each mode, (n, 3 p), in the region, V/m: fewer than sources, see `leading`.
    gram : ndarray (n, n)
        Products of the modes, means over the region, V²/m².
    probe_rows : ndarray (q, n) float32
        Random sums of the modes, see `Probes`.
    probe_tables : ProbeTables
    held_out : HeldOut
    seconds_per_pose : float
        That a full solve took.
    n_sources : int
        Solutions it was made from.
    potentials : Potentials, optional
        What first guesses of solves take, if they were asked for.
    head, conductivity, region : str
        Hashes of what it was made for.
    """

    inner_mm: Floats
    project: NDArray[np.float32]
    modes: Modes
    gram: Floats
    probe_rows: NDArray[np.float32]
    probe_tables: ProbeTables
    held_out: HeldOut
    seconds_per_pose: float
    n_sources: int
    head: str
    conductivity: str
    region: str
    potentials: Potentials | None = None

    def __repr__(self) -> str:
        return f"<Basis of {self.n_sources} sources, {plural(self.modes.columns // 3, 'place', 'places')}>"


def head_digest(mesh: TetMesh) -> str:
    """Hash what a basis depends on: the same head from files of different kinds has the same."""
    return digest(mesh.nodes_mm, mesh.tets, mesh.tags)


def region_digest(region: Region) -> str:
    """Hash where a region is."""
    return digest(region.elements, region.barycentric)
