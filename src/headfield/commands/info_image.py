# SPDX-License-Identifier: BSD-3-Clause
"""Find out what `headfield info` tells about an image of one number per voxel: its labels, how to mesh it."""

from __future__ import annotations

import os
import shlex
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..coils.sources import grid_corners_mm
from ..errors import FileFormatError, MeshError
from ..heads.names import called
from ..heads.segmentation.image import checked, label_counts, labels_of
from ..heads.segmentation.numberings import NUMBERINGS, OUTSIDE
from ..heads.segmentation.shells import lacking
from ..io.volume import read_volume

__all__ = ["describe_image", "text_of_image"]

_AXES = ("LR", "PA", "IS")  # towards which a coordinate falls and rises


def describe_image(path: str | os.PathLike[str]) -> dict[str, Any]:
    """Describe an image.

    Returns
    -------
    dict
        Ready for JSON. `labels` has voxels and volume of each label, and the tissue that it is in the first
        of `numberings`, those that know all labels. Where the numbers are no labels, as in an MRI, `problem`
        says why.
    """
    affine, data, name = read_volume(path, "label image", FileFormatError)
    corners = grid_corners_mm(data.shape, affine)
    facts: dict[str, Any] = {
        "file": os.fspath(path),
        "shape": list(data.shape),
        "spacing_mm": np.linalg.norm(affine[:3, :3], axis=0).tolist(),
        "axes": _axes(affine),
        "bounds_mm": [corners.min(axis=0).tolist(), corners.max(axis=0).tolist()],
        "problem": None,
        "numberings": [],
        "labels": {},
    }
    try:
        counts = label_counts(labels_of(checked(name, affine, data)), name)
    except MeshError as problem:
        return facts | {"problem": str(problem).removeprefix(f"{name}: ")}
    facts["numberings"] = [known for known, tags in NUMBERINGS.items() if set(counts) <= set(tags)]
    voxel_mm3 = abs(float(np.linalg.det(affine[:3, :3])))
    facts["labels"] = {
        label: {
            "tissue": _tissue(label, facts["numberings"]),
            "voxels": count,
            "volume_mm3": count * voxel_mm3,
        }
        for label, count in counts.items()
    }
    return facts


def _axes(affine: NDArray[np.float64]) -> str:
    """Return towards what the voxel indices rise, nearly: RAS, LPI, ….

    Examples
    --------
    >>> _axes(np.diag([-1.0, 2, 1, 1]))
    'LAS'
    """
    unit = affine[:3, :3] / np.linalg.norm(affine[:3, :3], axis=0)
    return "".join(_AXES[(d := int(np.abs(column).argmax()))][int(column[d] > 0)] for column in unit.T)


def _tissue(label: int, numberings: list[str]) -> str | None:
    if not numberings:
        return "outside" if label == OUTSIDE else None
    tag = NUMBERINGS[numberings[0]][label]
    return "outside" if tag == OUTSIDE else called(tag, {})


def text_of_image(facts: dict[str, Any]) -> tuple[list[tuple[str, str]], list[list[str]], list[str]]:
    """Return what is said of an image: rows, the table of its labels, and what can be done with it."""
    rows = [
        ("voxels", " x ".join(map(str, facts["shape"]))),
        ("spacing", " ".join(f"{mm:.2f}" for mm in facts["spacing_mm"]) + f" mm, axes {facts['axes']}"),
    ]
    if facts["problem"] is not None:
        return rows, [], [f"no labels of tissues: {facts['problem']}"]
    fitting = facts["numberings"]
    known = f"as {' or '.join(fitting)}: all labels are known there; do the volumes fit?"
    rows.append(("numbering", known if fitting else f"not {', '.join(NUMBERINGS)}"))
    body = [
        [str(label), row["tissue"] or "?", f"{row['voxels']:,}", f"{row['volume_mm3'] / 1000:.1f}"]
        for label, row in facts["labels"].items()
    ]
    tissues = fitting[0] if fitting else ",".join(f"{label}=TISSUE" for label in facts["labels"] if label)
    tags = [NUMBERINGS[fitting[0]][label] for label in facts["labels"]] if fitting else []
    shells = " --shells" if tags and lacking(tags) else ""
    return (
        rows,
        body,
        [f"headfield mesh {shlex.quote(facts['file'])} -o head.msh --tissues {tissues}{shells}"],
    )
