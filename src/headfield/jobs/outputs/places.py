# SPDX-License-Identifier: BSD-3-Clause
"""Where numbers of a pose are from: a region of a head, and a target in or beside it."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from ...errors import RegionError
from ...heads.mesh import TetMesh
from ...heads.tissue_words import tags_of
from ...heads.tissues import GRAY_MATTER
from ...regions.makers import sphere, tissue
from ...regions.region import Region
from ...regions.words import Find, in_brain, roi

__all__ = ["Places", "is_region", "places_of"]

_KINDS = ("sphere:", "tissue:", "labels:", "mid-layer")


class Wanted(Protocol):
    """What is asked for; `Outputs` is one."""

    @property
    def roi(self) -> str | None: ...
    @property
    def tissues(self) -> Sequence[int | str] | None: ...
    @property
    def target(self) -> str | None: ...
    @property
    def target_radius_mm(self) -> float: ...


class Places(NamedTuple):
    """Region and target in a head, and which of their places is nearest to the point of the target."""

    region: Region
    target: Region | None
    nearest: int | None  #: in `target`


def is_region(words: str) -> bool:
    """Tell whether words of a target are those of a region, and not of a point.

    Examples
    --------
    >>> is_region("mid-layer:0,0,60,10"), is_region("mni:0,0,60"), is_region("C3")
    (True, False, False)
    """
    return words.strip().startswith(_KINDS)


def places_of(wanted: Wanted, mesh: TetMesh, find: Find, base: str | os.PathLike[str]) -> Places:
    """Find region and target in a head; see `Outputs.bind`."""
    if wanted.roi is not None:
        tags = None if wanted.tissues is None else _tags(wanted, mesh)
        region = roi(wanted.roi).region(mesh, find, tags, base)
    else:
        region = tissue(mesh, _tags(wanted, mesh))
    if wanted.target is None:
        return Places(region, None, None)
    if is_region(wanted.target):
        return Places(region, _named(wanted, region, find, base), None)
    return _around(wanted, region, find)


def _tags(wanted: Wanted, mesh: TetMesh) -> list[int]:
    if wanted.tissues is not None:
        return tags_of(mesh, wanted.tissues, "tissues")
    if not (mesh.tags == GRAY_MATTER).any():
        raise RegionError(
            f"the head has no gray matter (tag {GRAY_MATTER}), which numbers of a pose are from: name other "
            f"tissues, of {np.unique(mesh.tags).tolist()}"
        )
    return [GRAY_MATTER]


def _named(wanted: Wanted, region: Region, find: Find, base: str | os.PathLike[str]) -> Region:
    """The target that words of a region mean; of a region of points, those of its points that lie there."""
    words = roi(wanted.target or "")
    tags = _tags(wanted, region.mesh) if words.kind in ("sphere", "labels") else None
    target = words.region(region.mesh, find, tags, base)
    if region.is_volume:
        return target
    inside = region & target
    if not len(inside):
        raise RegionError(f"target {wanted.target}: none of the points of the region lies there")
    return inside


def _around(wanted: Wanted, region: Region, find: Find) -> Places:
    """The target around a point."""
    words, mesh, tags = wanted.target or "", region.mesh, _tags(wanted, region.mesh)
    at_mm, _ = in_brain(words, find(words), mesh, tags)
    if region.is_volume:
        target = sphere(mesh, at_mm, wanted.target_radius_mm, tags)
        return Places(region, target, _nearest(target, at_mm))
    away: NDArray[np.float64] = np.linalg.norm(region.centres_mm - at_mm, axis=1)
    inside = away <= wanted.target_radius_mm
    if not inside.any():
        raise RegionError(f"target {words}: the region is {away.min():.4g} mm away at least")
    target = region.part(inside)
    return Places(region, target, _nearest(target, at_mm))


def _nearest(target: Region, at_mm: NDArray[np.float64]) -> int:
    return int(np.linalg.norm(target.centres_mm - at_mm, axis=1).argmin())
