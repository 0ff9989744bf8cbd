# SPDX-License-Identifier: BSD-3-Clause
"""Make the text that `headfield mesh` prints: how well a head shows the image that it was made of."""

from __future__ import annotations

from typing import Any

from ..heads.names import called
from ..heads.segmentation.fidelity import FARTHEST
from .info_text import table

__all__ = ["lines"]

_WORTH_S = 0.05  # a stage that took less is not listed


def lines(facts: dict[str, Any], problem: str) -> list[str]:
    """Return lines of text that say what was meshed, and why there is no picture, if there is a `problem`."""
    counts = f"{facts['nodes']:,} nodes, {facts['tetrahedra']:,} tetrahedra"
    angle, seconds = facts["smallest_dihedral_deg"], facts["seconds"]
    report = facts["image"]
    faces = report["interfaces"]
    rows = [
        ("head", f"{counts}, mean edge {facts['mean_edge_mm']:.2f} mm"),
        ("dihedral", f"smallest {angle['minimum']:.1f}°, 1 % below {angle['percent_1']:.1f}°"),
        (
            "interfaces",
            f"{100 * faces['within_half_a_voxel']:.2f} % within half a voxel of the image's, 99 % within "
            f"{faces['p99']:.2f} voxels, the farthest {_farthest(faces['largest'])}",
        ),
    ]
    if report["removed"]:
        rows.append(("removed", report["removed"]))
    if report["grown"]:
        rows.append(("grown", ", ".join(report["grown"]) + ": by geometry, no anatomy"))
    rows.append(("took", f"{sum(seconds.values()):.1f} s"))
    rows += [("", f"{one:5.1f} s {stage}") for stage, one in seconds.items() if one >= _WORTH_S]
    return [
        *(f"{name:13} {value}" for name, value in rows),
        "",
        *_tissues(facts),
        "",
        *(f"{one['severity']}: {one['message']}" for one in facts["findings"]),
        "written: " + ", ".join(filter(None, (facts["file"], facts["picture"]))),
        *([f"no picture: {problem}"] if problem else []),
    ]


def _farthest(voxels: float) -> str:
    """Return the largest distance of an interface in words, as the report has no distance beyond `FARTHEST`.

    Examples
    --------
    >>> _farthest(0.724), _farthest(2.0)
    ('0.72', '2 or more')
    """
    return f"{voxels:.2f}" if voxels < FARTHEST else f"{FARTHEST:g} or more"


def _tissues(facts: dict[str, Any]) -> list[str]:
    body = []
    for tag, row in sorted(facts["tissues"].items()):
        edge, ratio = row["mean_edge_mm"], row["ratio"]
        body.append(
            [
                str(tag),
                called(tag, {}),
                f"{row['nodes']:,}",
                f"{row['tetrahedra']:,}",
                "" if edge is None else f"{edge:.2f}",
                f"{row['volume_mm3'] / 1000:.1f}",
                "grown" if ratio is None else f"{row['image_mm3'] / 1000:.1f}",
                "" if ratio is None else f"{ratio:.3f}",
            ]
        )
    head = ["tag", "tissue", "nodes", "tetrahedra", "edge mm", "cm³", "in the image", "ratio"]
    return table(head, body, left=(1,))
