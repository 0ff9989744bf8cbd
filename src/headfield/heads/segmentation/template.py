# SPDX-License-Identifier: BSD-3-Clause
"""A head to start with: the average brain of the ICBM 152 template in skull, scalp and face of geometry.

Where levels cross zero is stored in `template.npz`, which `tools/make_template.py` makes: distances to the
interfaces as small integers, of the half with x ≥ 0, as the template is symmetric.
"""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..eeg import EegPositions, read_eeg_positions
from ..mesh import TetMesh
from ..tissues import CSF, GRAY_MATTER, SCALP, WHITE_MATTER
from .grids import sampled
from .lattice import checked_edge, mesh_level_sets
from .level_sets import LevelSets
from .shells import BONE

__all__ = ["template_head", "template_levels", "template_positions"]

# The right half of the grid, of 1 mm, with x = 0 in its first plane; and how distances are stored.
CORNER_MM = (0.0, -134.0, -120.0)
SHAPE = (99, 247, 225)
DISTANCE_UNITS = 16  # a mm
BRAIN_MM, SHELL_MM = 2.0, 6.0  # where distances to interfaces in the brain, and around it, are cut off
SHELL_STEP_MM = 3

_FOLDER = Path(__file__).parent
POSITIONS = _FOLDER / "template_eeg.csv"
_TAGS = (WHITE_MATTER, GRAY_MATTER, CSF, BONE, SCALP)


def template_head(edge_mm: float = 3.0) -> TetMesh:
    """Mesh the template head: an average brain inside geometric fluid, skull, scalp, face and neck.

    White and gray matter are those of the ICBM 152 brain (2009a, symmetric), the average of 152 adults, so
    there are the large gyri and sulci that people share, blurred, and none that is a person's. What is around
    them was not measured: layers of constant thickness around the brain, ellipsoids for the face, a spinal
    cord of constant width. So it is a head for demonstrations, teaching, planning and comparing coils, and
    not for the dose of a person. It is about a seventh larger than the average head, as that template is.

    Its coordinates are MNI152 coordinates, mm: those of a target are a point of this head, without any map.

    Parameters
    ----------
    edge_mm : float, optional
        Scale of the edges, mm: their mean is 0.7 times that in gray matter and CSF, 1.1 to 1.3 times in the
        scalp. The head has 0.51 million nodes at 3, 0.13 million at 5. Beyond 6 mm gyri are lost.

    Returns
    -------
    TetMesh
        White matter 1, gray matter 2, cerebrospinal fluid 3, bone 4, scalp 5.

    Raises
    ------
    MeshError
        See `headfield.head_from_labels`.

    Examples
    --------
    >>> import headfield as hf
    >>> head = hf.template_head(edge_mm=6)
    >>> head.tag_names[2]
    'gray matter'
    >>> hf.place(head, [-37, -25, 62], [-37, 25, 62])[:2, 3].round(-1)  # a coil over the left motor cortex
    array([-50., -20.])
    """
    edge_mm = checked_edge(edge_mm)
    return mesh_level_sets(template_levels(), edge_mm)


def template_positions() -> EegPositions:
    """Return electrodes of the 10-10 system on the scalp of `template_head`, and four landmarks.

    Returns
    -------
    EegPositions
        mm, MNI152; "Nz" (nasion), "Iz" (inion), "LPA" and "RPA" (in front of the ears) are "Fiducial". They
        divide the arcs of this scalp as Oostenveld and Praamstra 2001 (doi 10.1016/S1388-2457(00)00527-7)
        say, and differ by several mm from those of other heads in the same coordinates.

    Examples
    --------
    >>> import headfield as hf
    >>> hf.template_positions()["C3"].round().tolist()
    [-68.0, -11.0, 64.0]
    """
    return read_eeg_positions(POSITIONS)


def template_levels() -> LevelSets:
    """Return the level sets of the template head, at 1 mm."""
    middle = SHAPE[0] - 1
    values = np.empty((len(_TAGS), 2 * middle + 1, *SHAPE[1:]), np.float32)
    half = values[:, middle:]
    half[:2] = -1  # around the part of the brain that is stored
    with np.load(_FOLDER / "template.npz") as data:
        for level, name in zip(half[:2], ("white", "brain"), strict=True):
            part = _unpacked(data[name]) / np.float32(DISTANCE_UNITS * BRAIN_MM)
            level[tuple(slice(a, a + n) for a, n in zip(data["brain_start"], part.shape, strict=True))] = part
        at = [np.arange(n) / SHELL_STEP_MM for n in SHAPE]
        for level, name in zip(half[2:], ("inner_skull", "outer_skull", "scalp"), strict=True):
            level[:] = sampled(_unpacked(data[name]) / np.float32(-DISTANCE_UNITS * SHELL_MM), at)
    np.minimum(half[0], half[1], out=half[0])
    for inner, outer in pairwise(half[1:]):
        np.maximum(inner, outer, out=outer)
    values[:, :middle] = half[:, :0:-1]
    affine = np.eye(4)
    affine[:3, 3] = [-middle, *CORNER_MM[1:]]
    return LevelSets(values, _TAGS, affine)


def _unpacked(differences: NDArray[np.int8]) -> NDArray[np.float32]:
    """Return the distances whose differences along z, modulo 256, are stored."""
    return np.cumsum(differences, axis=2, dtype=np.int8).astype(np.float32)
