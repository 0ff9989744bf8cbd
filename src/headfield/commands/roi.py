# SPDX-License-Identifier: BSD-3-Clause
"""Where `headfield solve --roi` wants the field, as words: a sphere, tissues, the mid-layer, labels."""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..core.messages import quoted
from ..errors import ArgumentError, RegionError
from ..heads.mesh import TetMesh
from ..heads.points import coordinates
from ..regions.atlas import labels
from ..regions.cortex import mid_layer
from ..regions.makers import sphere, tissue
from ..regions.region import Region

__all__ = ["Roi", "ball", "roi", "share"]

_FORMS = (
    "sphere:X,Y,Z,R in mm (or sphere:mni:X,Y,Z,R, sphere:C3,R), tissue:1,2, mid-layer, mid-layer:X,Y,Z,R, "
    "or labels:ATLAS.nii.gz:7,8"
)

Find = Callable[[str], NDArray[np.float64]]


class Roi(NamedTuple):
    """Words of `--roi`, parsed."""

    text: str
    kind: str
    point: str = ""  #: middle of a sphere, in words
    radius_mm: float = math.nan
    image: str = ""
    values: tuple[int, ...] = ()  #: tags, or labels of the image

    def region(self, mesh: TetMesh, find: Find, tags: Sequence[int] | None) -> Region:
        """Make the region of a head.

        Parameters
        ----------
        mesh : TetMesh
        find : callable
            Finds the point (3,), mm, that words mean.
        tags : sequence of int, optional
            Only in these tissues.

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
            return labels(mesh, self.image, list(self.values), kept)
        region = tissue(mesh, list(self.values)) if self.kind == "tissue" else self._layer(mesh, find)
        if kept is not None:
            region &= tissue(mesh, kept)
            if not len(region):
                raise RegionError(f"--roi {self.text}: nothing of it lies in the tissues {kept}")
        return region

    def _layer(self, mesh: TetMesh, find: Find) -> Region:
        middle = find(self.point) if self.point else None  # before the layer, which takes a while
        layer = mid_layer(mesh)
        if middle is None:
            return layer
        away = np.linalg.norm(layer.centres_mm - middle, axis=1)
        if not (away <= self.radius_mm).any():
            raise RegionError(f"--roi {self.text}: the mid-layer is {away.min():.4g} mm away at least")
        return layer.part(away <= self.radius_mm)


def roi(text: str) -> Roi:
    """Parse the words of `--roi`; argparse.ArgumentTypeError says what they may be.

    Examples
    --------
    >>> roi("sphere:mni:-37,-21,58,10")[1:4], roi("labels:aseg.nii.gz:17").values
    (('sphere', 'mni:-37,-21,58', 10.0), (17,))
    >>> roi("ball:0,0,0,10")
    Traceback (most recent call last):
    ...
    argparse.ArgumentTypeError: 'ball:0,0,0,10' is no region: it is sphere:X,Y,Z,R in mm (or \
sphere:mni:X,Y,Z,R, sphere:C3,R), tissue:1,2, mid-layer, mid-layer:X,Y,Z,R, or labels:ATLAS.nii.gz:7,8
    """
    kind, colon, rest = text.strip().partition(":")
    try:
        if kind == "sphere" or (kind == "mid-layer" and colon):
            return Roi(text, kind, *ball(rest))
        if kind == "mid-layer":
            return Roi(text, kind)
        if kind == "tissue":
            return Roi(text, kind, values=_numbers(rest))
        image, _, numbers = rest.rpartition(":")
        if kind == "labels" and image:
            return Roi(text, kind, image=image, values=_numbers(numbers))
    except ValueError:  # ArgumentError is one too
        pass
    raise argparse.ArgumentTypeError(f"{quoted(text)} is no region: it is {_FORMS}")


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


def share(text: str) -> float:
    """Parse an error relative to the field, as a number or in per cent.

    Examples
    --------
    >>> share("0.02"), share("2%"), share("1.5 %")
    (0.02, 0.02, 0.015)
    """
    number = text.strip().removesuffix("%")
    try:
        return float(number) if number == text.strip() else float(number) / 100
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a share such as 0.02 or 2%") from None
