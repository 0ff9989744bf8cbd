# SPDX-License-Identifier: BSD-3-Clause
"""The target that a command is given: gray matter around a point, or a region, and what of E counts there."""

from __future__ import annotations

import argparse
from typing import Any

from ..errors import ArgumentError, RegionError
from ..heads.mesh import TetMesh
from ..heads.tissues import GRAY_MATTER
from ..measures.target import Target
from ..regions.region import Region
from ..regions.words import Roi
from .given_head import GivenHead

__all__ = ["aimed_at"]

_GRAY = [GRAY_MATTER]


def aimed_at(args: argparse.Namespace, head: GivenHead, mesh: TetMesh, words: str | None, at: Any) -> Target:
    """Make the target that the options of `add_what` ask for.

    Parameters
    ----------
    args : Namespace
    head : GivenHead
    mesh : TetMesh
    words : str or None
        What `--at` says, or another option that says where; None where `--region` does.
    at : ndarray (3,) or None
        The point that these words mean, mm.

    Raises
    ------
    ArgumentError, RegionError
    """
    wanted = args.region
    if words is not None:
        kind = "mid-layer" if args.direction == "normal" else "sphere"
        wanted = Roi(words, kind, words, args.radius)
    tags = args.tissues or None
    if args.tissues is False and wanted.kind in ("sphere", "labels"):
        tags = _GRAY
    if words is not None:
        at = head.in_brain(words, at, mesh, _GRAY if tags is None else tags)
    region = _region(wanted, mesh, head.find if words is None else (lambda _: at), tags, words)
    direction = args.direction
    if direction == "normal":
        if region.normals is None:
            raise ArgumentError(
                f"--direction normal: --region {wanted.text} has no normals; --at POINT has, and so does "
                "--region mid-layer:X,Y,Z,R"
            )
        direction = -region.normals
    return Target(region, direction, exponent=args.exponent, of_mean=args.of_mean)


def _region(wanted: Roi, mesh: TetMesh, find: Any, tags: list[int] | None, at: str | None) -> Region:
    try:
        return wanted.region(mesh, find, tags)
    except RegionError as problem:
        if at is None:
            raise
        text = str(problem).removeprefix(f"{at}: ")
        raise RegionError(f"--at {at}: {text}; see --radius and --tissues") from None
