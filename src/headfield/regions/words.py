# SPDX-License-Identifier: BSD-3-Clause
"""Where a field is wanted, as words: a sphere, tissues, the mid-layer, labels of an image."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..core.messages import quoted
from ..errors import ArgumentError, RegionError
from ..heads.mesh import TetMesh
from ..heads.points import coordinates
from ..heads.selection import barycentres, tets_of
from ..heads.skin import skin
from ..heads.targets import targets
from ..heads.tissue_words import words_of
from .atlas import labels
from .cortex import mid_layer
from .makers import sphere, tissue
from .region import Region

__all__ = ["Find", "Roi", "ball", "in_brain", "roi"]

_FORMS = (
    "sphere:X,Y,Z,R in mm (or sphere:mni:X,Y,Z,R, sphere:C3,R), tissue:1,2 or tissue:gray, "
    "mid-layer, mid-layer:X,Y,Z,R, or labels:ATLAS.nii.gz:7,8"
)

Find = Callable[[str], NDArray[np.float64]]


class Roi(NamedTuple):
    """Words of a region, parsed."""

    text: str
    kind: str
    point: str = ""  #: middle of a sphere, in words
    radius_mm: float = math.nan
    image: str = ""
    values: tuple[int | str, ...] = ()  #: tags or names of tissues, or labels of the image

    def region(
        self, mesh: TetMesh, find: Find, tags: Sequence[int] | None, base: str | os.PathLike[str] = ""
    ) -> Region:
        """Make the region of a head.

        Parameters
        ----------
        mesh : TetMesh
        find : callable
            Finds the point (3,), mm, that words mean.
        tags : sequence of int, optional
            Only in these tissues.
        base : path
            Folder that the name of an image is relative to; by default that where the program runs.

        Raises
        ------
        RegionError
            There is nothing of the kind in the head.
        HeadfieldError, OSError
            See `headfield.regions`, `headfield.heads.points.find_point`.

        Examples
        --------
        >>> from headfield.heads.phantom import phantom_head
        >>> roi("tissue:1,2").region(phantom_head(edge_mm=8), np.array, [2])
        <Region of 9,380 tetrahedra, 249,950 mm³>
        """
        kept = None if tags is None else list(tags)
        if self.kind == "sphere":
            return sphere(mesh, find(self.point), self.radius_mm, kept)
        if self.kind == "labels":
            return labels(mesh, os.path.join(base, self.image), list(self.values), kept)
        region = tissue(mesh, list(self.values)) if self.kind == "tissue" else self._layer(mesh, find)
        if kept is not None:
            region &= tissue(mesh, kept)
            if not len(region):
                raise RegionError(f"{self.text}: nothing of it lies in the tissues {kept}")
        return region

    def _layer(self, mesh: TetMesh, find: Find) -> Region:
        middle = find(self.point) if self.point else None  # before the layer, which takes a while
        layer = mid_layer(mesh)
        if middle is None:
            return layer
        away = np.linalg.norm(layer.centres_mm - middle, axis=1)
        if not (away <= self.radius_mm).any():
            raise RegionError(f"{self.text}: the mid-layer is {away.min():.4g} mm away at least")
        return layer.part(away <= self.radius_mm)


def roi(text: str) -> Roi:
    """Parse the words of a region; the ArgumentError for others says what they may be.

    Examples
    --------
    >>> roi("sphere:mni:-37,-21,58,10")[1:4], roi("labels:aseg.nii.gz:17").values
    (('sphere', 'mni:-37,-21,58', 10.0), (17,))
    >>> roi("ball:0,0,0,10")
    Traceback (most recent call last):
    ...
    headfield.errors.ArgumentError: 'ball:0,0,0,10' is no region: it is sphere:X,Y,Z,R in mm (or \
sphere:mni:X,Y,Z,R, sphere:C3,R), tissue:1,2 or tissue:gray, mid-layer, mid-layer:X,Y,Z,R, or \
labels:ATLAS.nii.gz:7,8
    """
    kind, colon, rest = text.strip().partition(":")
    try:
        if kind == "sphere" or (kind == "mid-layer" and colon):
            return Roi(text, kind, *ball(rest))
        if kind == "mid-layer":
            return Roi(text, kind)
        if kind == "tissue":
            return Roi(text, kind, values=words_of(rest))
        image, _, numbers = rest.rpartition(":")
        if kind == "labels" and image:
            return Roi(text, kind, image=image, values=_numbers(numbers))
    except ValueError:  # ArgumentError is one too
        pass
    raise ArgumentError(f"{quoted(text)} is no region: it is {_FORMS}")


def ball(words: str) -> tuple[str, float]:
    """Return the words of a point, and the radius behind them.

    Raises
    ------
    ValueError
        There is no point, or no radius above 0. ArgumentError is one too.

    Examples
    --------
    >>> ball("C3,15"), ball("-40,-8,70,15")
    (('C3', 15.0), ('-40,-8,70', 15.0))
    """
    point, _, radius = words.rpartition(",")
    if not point.strip():
        raise ArgumentError("there is no point")
    coordinates(point)
    if not 0.0 < float(radius) < math.inf:
        raise ArgumentError("there is no radius")
    return point.strip(), float(radius)


def _numbers(words: str) -> tuple[int, ...]:
    return tuple(int(word) for word in words.split(","))


def in_brain(
    where: str, at_mm: NDArray[np.float64], mesh: TetMesh, tags: Sequence[int] | None
) -> tuple[NDArray[np.float64], float]:
    """Return the middle of a target: the point itself, or what is nearest to one on the scalp.

    Parameters
    ----------
    where : str
        The words: electrodes, and those of `headfield.targets` that are on the scalp, mean what is below.
    at_mm : ndarray (3,)
        The point that they mean.
    mesh : TetMesh
    tags : sequence of int or None
        The tissues that what is below may be of; None for all.

    Returns
    -------
    ndarray (3,), float
        The middle, and how far that is from the point, mm.

    Raises
    ------
    RegionError
        A point lies outside of the head.

    Examples
    --------
    >>> from headfield.heads.phantom import phantom_head
    >>> in_brain("-40,-8,50", np.array([-40.0, -8, 50]), phantom_head(edge_mm=8), [2])
    (array([-40.,  -8.,  50.]), 0.0)
    """
    on_scalp = where in targets and targets[where].space != "brain"
    if on_scalp or coordinates(where) is None:
        centres = barycentres(mesh, tets_of(mesh, None if tags is None else list(tags)))
        away = np.linalg.norm(centres - at_mm, axis=1)
        return np.asarray(centres[away.argmin()]), float(away.min())
    gap = float(skin(mesh).signed_distance(at_mm[None])[0])
    if gap > 0.0:
        raise RegionError(
            f"{where}: lies outside of the head, {gap:.1f} mm from its skin; give a point in the brain, or "
            "the name of an electrode, which means the brain below it"
        )
    return at_mm, 0.0
