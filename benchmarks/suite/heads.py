# SPDX-License-Identifier: BSD-3-Clause
"""What is solved: heads by name, a coil, 32 poses on each head, and the devices that are there.

Everything is made anew in each process, which takes a second or two for the largest head.
"""

from __future__ import annotations

import functools
from pathlib import Path

import numpy as np

import headfield as hf

DATA = Path(__file__).resolve().parents[3] / "shared" / "data"
DIDT = 1e6  # A/s
BATCH = 32
GRAY = 2
RADII_MM, TAGS = (80, 86, 92), (2, 4, 5)  # brain, skull, scalp
# Edges [mm] of phantoms by their nodes: about 2.4 times as many from one to the next.
PHANTOMS = {"phantom_29k": 5.6, "phantom_69k": 4.2, "phantom_162k": 3.0, "phantom_404k": 2.3}
HEADS = ("sphere", *PHANTOMS, "head_large")  # the smallest first: it is what a quick run takes


def devices() -> list[str]:
    """The devices that can be measured here."""
    from headfield.core import device as backend  # elsewhere in the revisions that before_after.py measures

    return ["cpu"] if isinstance(backend.find_gpu(), str) else ["cpu", "cuda"]


def sphere(edge_mm: float) -> hf.TetMesh:
    """Three layers, so that the field in the brain is known in closed form."""
    return hf.sphere_mesh(RADII_MM, TAGS, edge_mm)


@functools.lru_cache(maxsize=1)
def mesh(head: str) -> hf.TetMesh:
    """The head of that name; NotImplementedError, asv's word for "skip this", where data are missing."""
    if head == "sphere":
        return sphere(7.0)
    if head in PHANTOMS:
        return hf.phantom_head(PHANTOMS[head])
    path = DATA / f"{head}.npz"
    if not path.exists():
        raise NotImplementedError(f"no {path.name} beside the checkout")
    return hf.read_mesh(path)


@functools.lru_cache(maxsize=1)
def poses(head: str) -> np.ndarray:
    """32 poses on the scalp, (32, 4, 4) mm: for made heads 8 angles at 4 places, else spread over a list."""
    if head == "head_large":
        every = np.load(DATA / "poses.npy")
        return every[np.linspace(0, len(every) - 1, BATCH).astype(int)]
    # The phantoms have one surface at all resolutions, and a coarse one shows it well enough.
    scalp = mesh(head) if head == "sphere" else hf.phantom_head(8.0)
    marks = hf.phantom_landmarks()
    return np.concatenate(
        [
            hf.ring(hf.place(scalp, marks[name], marks["forehead"], 4.0), np.arange(8) * 22.5)
            for name in ("left_motor", "right_motor", "vertex", "left_ear")
        ]
    )


@functools.cache
def coil() -> hf.Coil:
    """A figure-of-eight of 784 dipoles: its table is quick to make, and what follows costs the same."""
    return hf.figure_of_eight(spacing_mm=6.0)


def gray(head: str) -> np.ndarray:
    """Tetrahedra of gray matter, of the whole brain in a sphere; (e,) int32."""
    return np.flatnonzero(mesh(head).tags == GRAY).astype(np.int32)


class Size:
    """How large the heads are: what costs are drawn against."""

    params = (HEADS,)
    param_names = ("head",)

    def track_nodes(self, head: str) -> int:
        return mesh(head).n_nodes

    def track_tetrahedra(self, head: str) -> int:
        return mesh(head).n_tets


Size.track_nodes.unit = "nodes"
Size.track_tetrahedra.unit = "tetrahedra"
