# SPDX-License-Identifier: BSD-3-Clause
"""The command `headfield mesh`: a head of an image whose voxels are labelled by tissue."""

from __future__ import annotations

import argparse
import json
import os
from typing import Any

import numpy as np

from ..core.messages import in_one_line
from ..errors import HeadfieldError, MissingPackageError
from ..heads.mesh import TetMesh
from ..heads.names import called
from ..heads.segmentation.from_labels import head_from_labels, tissue_image
from ..heads.segmentation.image import given
from ..heads.segmentation.tissue_image import TissueImage
from ..heads.write import check_mesh_target, write_mesh
from ..io.atomic import check_not_input
from ..pictures.colours import matplotlib_parts
from ..pictures.figure import check_target
from ..pictures.interfaces import write_interfaces
from .info import describe_mesh
from .mesh_text import lines
from .progress import Stages, tell

__all__ = ["LOST", "run_mesh"]

#: Exit code of a run whose head lacks most of a tissue.
LOST = 1

_LEAST = 0.5  # of a tissue's volume in the image: with less in the mesh it counts as lost


def run_mesh(args: argparse.Namespace) -> int:
    """Run `headfield mesh` with parsed arguments."""
    picture, problem = _picture(args)
    check_mesh_target(args.output)
    for path in filter(None, (args.output, picture)):
        check_not_input(path, args.image)
    with Stages(args.quiet) as stages:
        mesh = head_from_labels(
            args.image,
            args.tissues,
            args.edge_mm,
            shells=args.shells,
            min_island_mm3=args.min_island_mm3,
            keep_csf_mm=args.keep_csf_mm,
            progress=stages.begin,
        )
        stages.begin("writing")
        write_mesh(args.output, mesh)
        stages.begin("describing the head")
        image = tissue_image(given(args.image), args.tissues)
        facts = _facts(mesh, image, args)
        if picture is not None:
            stages.begin("drawing")
            problem = _draw(mesh, image, args, picture)
    facts |= {"picture": None if problem else picture, "seconds": stages.seconds}
    print(json.dumps(facts, indent=1) if args.json else "\n".join(lines(facts, problem)))
    return _exit_code(facts)


def _picture(args: argparse.Namespace) -> tuple[str | None, str]:
    """Return where the picture goes, None for nowhere, and why there can be none, before there is work."""
    if args.no_picture:
        return None, ""
    path = args.picture or os.path.splitext(args.output)[0] + ".png"
    check_target(path)
    try:
        matplotlib_parts()
    except MissingPackageError as error:
        if args.picture is not None:
            raise
        return None, in_one_line(error)
    return path, ""


def _draw(mesh: TetMesh, image: TissueImage, args: argparse.Namespace, picture: str) -> str:
    """Draw the picture; the head is written already, so that only a line says what went wrong."""
    name = f"{os.path.basename(args.output)}, from {os.path.basename(args.image)}"
    try:
        write_interfaces(picture, mesh, image, args.at, name)
    except (HeadfieldError, OSError) as error:
        return in_one_line(error)
    return ""


def _facts(mesh: TetMesh, image: TissueImage, args: argparse.Namespace) -> dict[str, Any]:
    """Describe the head as `info` does, and compare its tissues with the voxels of the image."""
    facts = {"file": args.output} | describe_mesh(mesh)
    of_image = {tag: count * image.voxel_mm3 for tag, count in image.counts().items()}
    nothing = {"tetrahedra": 0, "volume_mm3": 0.0, "mean_edge_mm": None, "name": None}
    for tag in of_image:
        facts["tissues"].setdefault(tag, {**nothing, "name": called(tag, {})})
    for tag, row in facts["tissues"].items():
        image_mm3 = of_image.get(tag)
        row["nodes"] = _count_nodes(mesh, tag)
        row["image_mm3"] = image_mm3
        row["ratio"] = row["volume_mm3"] / image_mm3 if image_mm3 else None
    rows = facts["tissues"].items()
    return facts | {"lost": [tag for tag, row in rows if row["ratio"] is not None and row["ratio"] < _LEAST]}


def _count_nodes(mesh: TetMesh, tag: int) -> int:
    used = np.zeros(mesh.n_nodes, bool)
    used[mesh.tets[mesh.tags == tag]] = True
    return int(used.sum())


def _exit_code(facts: dict[str, Any]) -> int:
    """Say which tissues are lost; return the exit code."""
    if not facts["lost"]:
        return 0
    rows = facts["tissues"]
    names = ", ".join(
        f"{called(tag, {})} ({rows[tag]['ratio']:.0%} of {rows[tag]['image_mm3'] / 1000:.3g} cm³)"
        for tag in facts["lost"]
    )
    tell(
        f"headfield: error: the mesh has lost {names}: a smaller --edge-mm or --min-island-mm3 keeps more; "
        f"{facts['file']} is written all the same, to see where"
    )
    return LOST
