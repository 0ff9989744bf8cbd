# SPDX-License-Identifier: BSD-3-Clause
"""The command `headfield place`: poses of a coil over a point of the scalp, and what lies under them."""

from __future__ import annotations

import argparse
import json
from typing import Any

import numpy as np

from ..coils.read import read_coil
from ..core.messages import plural
from ..heads.mesh import TetMesh
from ..heads.tissues import BRAIN, tissue
from ..heads.wanted import HeadOptions, mesh_of
from ..io.atomic import check_not_input
from ..placement.named import Places
from ..placement.underneath import ScalpGeometry, scalp_geometry
from ..poses.pose_list import PoseList
from ..poses.write import write_poses
from .given_head import GivenHead
from .heads import check_is_file
from .placing import placed

__all__ = ["run_place"]


def run_place(args: argparse.Namespace) -> None:
    """Run `headfield place` with parsed arguments."""
    check_not_input(args.output, args.head, args.coil, args.eeg)
    check_is_file(args.head)
    mesh = mesh_of(args.head, HeadOptions.of(args))
    coil = read_coil(args.coil)
    places = Places(GivenHead(args).find, mesh)
    listed = placed(args, places, coil)
    write_poses(args.output, listed)
    facts = _facts(mesh, listed, args, places)
    print(json.dumps(facts, indent=1, allow_nan=False) if args.json else "\n".join(_lines(facts)))


def _facts(mesh: TetMesh, listed: PoseList, args: argparse.Namespace, places: Places) -> dict[str, Any]:
    under = scalp_geometry(mesh, listed.poses) if np.isin(mesh.tags, BRAIN).any() else None
    asked = places.find(args.centre)
    on_scalp = places.scalp.closest(asked[None])
    return {
        "file": args.output,
        "centre_mm": asked.tolist(),
        "handle_mm": places.find(args.handle).tolist(),
        "scalp_point_mm": on_scalp.point_mm[0].tolist(),
        "centre_to_scalp_mm": float(on_scalp.distance_mm[0]),
        "poses": [_of_pose(listed, under, i) for i in range(len(listed))],
    }


def _of_pose(listed: PoseList, under: ScalpGeometry | None, i: int) -> dict[str, Any]:
    facts: dict[str, Any] = {"name": listed.names[i], "pose": listed.poses[i].tolist()}
    if under is not None:
        facts |= {
            "coil_to_scalp_mm": _number(under.coil_to_scalp_mm[i]),
            "coil_to_nearest_scalp_mm": _number(under.coil_to_nearest_scalp_mm[i]),
            "scalp_to_cortex_mm": _number(under.scalp_to_cortex_mm[i]),
            "scalp_to_nearest_cortex_mm": _number(under.scalp_to_nearest_cortex_mm[i]),
            "thickness_mm": {
                str(tag): round(float(mm), 6)
                for tag, mm in zip(under.tags.tolist(), under.thickness_mm[i], strict=True)
                if mm > 0
            },
        }
    return facts


def _number(value: np.floating[Any]) -> float | None:
    return float(value) if np.isfinite(value) else None


def _lines(facts: dict[str, Any]) -> list[str]:
    """Return the text that says what was placed and where."""
    rows = [
        ("centre", f"{_point(facts['centre_mm'])} mm"),
        ("scalp point", f"{_point(facts['scalp_point_mm'])} mm, {facts['centre_to_scalp_mm']:.1f} mm away"),
        ("handle to", f"{_point(facts['handle_mm'])} mm"),
    ]
    for number, one in enumerate(facts["poses"]):
        x, y, z, at = np.array(one["pose"])[:3].T
        named = "" if one["name"] == f"pose {number}" else f" ({one['name']})"
        rows.append((f"pose {number}", f"coil at {_point(at)} mm{named}"))
        rows.append(("", f"x {_axis(x)}, y {_axis(y)}, z {_axis(z)}"))
        if "coil_to_scalp_mm" in one:
            rows += _under(one)
    text = [f"{name:13} {value}" for name, value in rows]
    return [*text, f"{facts['file']}: {plural(len(facts['poses']), 'pose', 'poses')}"]


def _under(one: dict[str, Any]) -> list[tuple[str, str]]:
    scalp = (one["coil_to_scalp_mm"], one["coil_to_nearest_scalp_mm"])
    cortex = (one["scalp_to_cortex_mm"], one["scalp_to_nearest_cortex_mm"])
    names = {int(tag): tissue(int(tag)) for tag in one["thickness_mm"]}
    layers = [
        f"{known.name if (known := names[int(tag)]) else f'tissue {tag}'} {mm:.1f}"
        for tag, mm in sorted(one["thickness_mm"].items(), key=lambda item: -int(item[0]))
    ]
    rows = [("coil to scalp", _both(*scalp)), ("to cortex", _both(*cortex) + ", from the scalp")]
    return [*rows, ("through", ", ".join(layers) + " mm")] if layers else rows


def _both(along: float | None, nearest: float | None) -> str:
    words = ["not met along z" if along is None else f"{along:.1f} mm along z"]
    return ", ".join(words + ([] if nearest is None else [f"{nearest:.1f} mm at the nearest"]))


def _point(values: Any) -> str:
    return " ".join(f"{value:.1f}" for value in values)


def _axis(values: Any) -> str:
    return " ".join(f"{value:.3f}" for value in values)
