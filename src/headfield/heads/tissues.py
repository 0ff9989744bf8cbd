# SPDX-License-Identifier: BSD-3-Clause
"""Tags of tissues: their names, their published conductivities, and which of them are of the head."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "AIR",
    "BLOOD",
    "BONES",
    "BRAIN",
    "CARTILAGE",
    "CSF",
    "ELECTRODES",
    "EYES",
    "GRAY_MATTER",
    "SCALP",
    "SURFACE_TAG",
    "TISSUES",
    "WHITE_MATTER",
    "Tissue",
    "brain_tags",
    "head_tags",
    "tissue",
    "usual_range",
]


class Tissue(NamedTuple):
    """Name and conductivity (S/m) of a tissue."""

    name: str
    conductivity: float


# Wagner 2004 (doi 10.1109/TBME.2004.827925), Opitz 2015 (doi 10.1016/j.neuroimage.2015.01.033), Gabriel 2009
# for the muscle. Tags as most head segmentations number them.
TISSUES: dict[int, Tissue] = {
    1: Tissue("white matter", 0.126),
    2: Tissue("gray matter", 0.275),
    3: Tissue("CSF", 1.654),
    4: Tissue("bone", 0.010),
    5: Tissue("scalp", 0.465),
    6: Tissue("eye balls", 0.5),
    7: Tissue("compact bone", 0.008),
    8: Tissue("spongy bone", 0.025),
    9: Tissue("blood", 0.6),
    10: Tissue("muscle", 0.16),
    11: Tissue("cartilage", 0.88),
    12: Tissue("fat", 0.078),
}
# How many times less or more than in the table a tissue of the head may conduct without a doubt. Reported
# values differ by as much: white matter from 0.06 (Gabriel 1996) to 1.2 along its fibres (Geddes 1967), those
# of the skull by more (McCann 2019, doi 10.1007/s10548-019-00710-2). Wrong units are off by 1000.
_SPREAD = 10.0
_BONE = (0.0005, 2.0)  # S/m
_RANGES = (
    (range(100, 500), Tissue("electrode rubber", 29.4)),
    (range(500, 900), Tissue("saline or gel", 1.0)),
)
ELECTRODES = range(_RANGES[0][0].start, _RANGES[-1][0].stop)  # tags of rubber and of gel

WHITE_MATTER, GRAY_MATTER, CSF, SCALP, EYES, BLOOD, CARTILAGE = 1, 2, 3, 5, 6, 9, 11
BRAIN = (WHITE_MATTER, GRAY_MATTER)
BONES = (4, 7, 8)
AIR = -1  # as SimNIBS numbers the air around a head where it is meshed

# A surface triangle has this plus the tag of the tissue inside it, as SimNIBS numbers its surfaces.
SURFACE_TAG = 1000


def tissue(tag: int) -> Tissue | None:
    """Return the name and the standard conductivity of a tag, or None if the tag has none.

    Examples
    --------
    >>> tissue(3)
    Tissue(name='CSF', conductivity=1.654)
    >>> tissue(101).name, tissue(13)
    ('electrode rubber', None)
    """
    for tags, value in _RANGES:
        if tag in tags:
            return value
    return TISSUES.get(tag)


def usual_range(tag: int) -> tuple[float, float]:
    """Return the lowest and highest conductivity, S/m, that a tissue of the table may have without a doubt.

    Examples
    --------
    >>> usual_range(3), usual_range(4)
    ((0.1654, 16.54), (0.0005, 2.0))
    """
    value = TISSUES[tag].conductivity
    return _BONE if tag in BONES else (value / _SPREAD, value * _SPREAD)


def brain_tags(tags: NDArray[np.integer[Any]]) -> list[int]:
    """Return the tags of the brain that there are, ascending; where there are none, all.

    Examples
    --------
    >>> brain_tags(np.array([5, 2, 2])), brain_tags(np.array([5, 3]))
    ([2], [3, 5])
    """
    there = np.unique(tags).tolist()
    return [tag for tag in BRAIN if tag in there] or there


def head_tags(tags: NDArray[np.integer[Any]]) -> list[int]:
    """Return the tags of the head itself, ascending: not of electrodes and gel, nor of air (negative).

    Examples
    --------
    >>> head_tags(np.array([-1, 1, 5, 101, 5]))
    [1, 5]
    """
    return [tag for tag in np.unique(tags).tolist() if tag >= 0 and tag not in ELECTRODES]
