# SPDX-License-Identifier: BSD-3-Clause
"""The command `headfield view`: a picture or a page of one pose of a result."""

from __future__ import annotations

import argparse
import os
import re
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..coils.coil import Coil
from ..coils.read import read_coil
from ..core.digest import digest
from ..core.messages import plural, printable, warn
from ..errors import ArgumentError, FileFormatError, PoseError
from ..fields.plots import difference_scene, layer_scene, plot_montage, scene_of
from ..fields.read import read_result
from ..fields.result import Result
from ..heads.mesh import TetMesh
from ..heads.read import read_mesh
from ..heads.subject import Subject
from ..io.atomic import check_folder
from ..io.regular import ending_of
from ..pictures.colours import colormap
from ..pictures.distribution import PERCENTS
from ..pictures.figure import PICTURE_ENDINGS, checked_dpi, save, write_picture
from ..pictures.layer import LayerScene, draw_layer
from ..pictures.page import PAGE_ENDINGS, require_plotly, write_page
from ..pictures.scene import Scene
from ..poses.read import read_pose_list
from .heads import find_tissues

__all__ = ["view"]


def view(args: argparse.Namespace) -> None:
    """Run `headfield view` with parsed arguments."""
    out = args.output or os.path.splitext(args.result)[0] + ".png"
    _check_output(args, out)
    result = read_result(args.result)
    args.tissues = args.tissues or [1, 2]
    find_tissues(args, result.mesh)
    if args.montage is not None:
        print(f"{_montage(args, result, out)}\nwritten: {out}")
        return
    pose, matrix, didt, n_poses = _pose(args, result)
    there = pose if result.n_poses > 1 else 0
    shown: dict[str, Any] = {
        "matrix": matrix,
        "coil": _coil(args, result),
        "head": _head(args),
        **_look(args),
    }
    name = _name(args.result, result, pose)
    if args.layer is not None:
        if n_poses > 1 and not result.names:
            name = f"{name}, pose {pose} of {n_poses} (from 0)"
        layer = layer_scene(result, there, args.layer, name=name, **shown)
        save(draw_layer(layer, args.dpi), out, args.dpi)
        print(f"{_said(layer)}\nwritten: {out}")
        return
    if args.compare is not None:
        other = read_result(args.compare)
        pair = {"relative": args.relative, "tags": tuple(args.tissues)}
        scene = difference_scene(result, other, there, _other_pose(args, other, there), **pair, **shown)
    else:
        told: dict[str, Any] = {"didt": didt, "pose": pose, "n_poses": n_poses, "name": name}
        scene = scene_of(result, there, None, tuple(args.tissues), **told, **shown)
    if ending_of(out) in PAGE_ENDINGS:
        write_page(scene, out)
    else:
        write_picture(scene, out, args.dpi)
    print(f"{_said(scene)}\nwritten: {out}")


def _look(args: argparse.Namespace) -> dict[str, Any]:
    given = {"vmax": args.vmax, "view": args.view, "target_mm": args.target}
    return {name: value for name, value in given.items() if value is not None}


def _coil(args: argparse.Namespace, result: Result) -> Coil | None:
    """Read the coil; warn if it is not the one that the result says it is of."""
    if args.coil is None:
        return None
    coil, run = read_coil(args.coil), result.provenance
    if run is not None and run.coil != digest(coil.content()):
        warn(f"{args.coil} differs from the coil that {args.result} was solved with, if only in last digits")
    return coil


def _head(args: argparse.Namespace) -> TetMesh | None:
    if args.head is None:
        return None
    return Subject(args.head).mesh() if os.path.isdir(args.head) else read_mesh(args.head)


def _said(scene: Scene | LayerScene) -> str:
    found, quantity = scene.distribution, scene.quantity
    shares = ", ".join(f"{p:g} %: {v:.3g}" for p, v in zip(PERCENTS, found.percentiles, strict=True))
    of = " of its size" if quantity.signed else ""
    return f"{scene.title()[1]}\npercentiles{of} by {found.measure}, {quantity.unit}: {shares}"


def _other_pose(args: argparse.Namespace, other: Result, pose: int) -> int:
    """Return which pose of the other result is compared: that of a result of one pose is its only one."""
    if args.other_pose is not None:
        return int(args.other_pose)
    return pose if other.n_poses > 1 else 0


def _montage(args: argparse.Namespace, result: Result, out: str) -> str:
    """Draw several poses, and say what was drawn."""
    for pose in args.montage:
        result.rows(pose)  # one that is not there is told before the work
    options = {"coil": _coil(args, result), "tags": tuple(args.tissues), **_look(args)}
    figure = plot_montage(result, args.montage, **options, **({"dpi": args.dpi} if args.dpi else {}))
    save(figure, out, args.dpi)
    return f"{plural(len(args.montage), 'pose', 'poses')} of {args.result} on one scale"


def _name(path: str, result: Result, pose: int) -> str:
    """Return the name of the file, and that of the pose if the result has one."""
    file = os.path.basename(path)
    if not result.names:
        return file
    return f"{file}, {printable(result.names[pose if result.n_poses > 1 else 0])}"


def _check_output(args: argparse.Namespace, out: str) -> None:
    """Raise errors of writing and of missing packages before a large result is read."""
    if ending_of(out) not in (*PAGE_ENDINGS, *PICTURE_ENDINGS):
        kinds = f"pictures {', '.join(PICTURE_ENDINGS)} or a page .html"
        raise FileFormatError(f"{out}: `view` makes {kinds}, not {ending_of(out) or 'this'}")
    check_folder(out)
    checked_dpi(args.dpi)
    if args.compare is None and (args.relative or args.other_pose is not None):
        raise ArgumentError("--relative and --other-pose need a result to --compare")
    kind = "--layer" if args.layer else "--montage" if args.montage else ""
    if args.layer and args.tissues is not None:
        raise ArgumentError("--layer shows a surface in gray matter; --tissues is not for it")
    if kind and ending_of(out) in PAGE_ENDINGS:
        raise ArgumentError(f"{kind} makes a picture, not a page: {out}")
    if args.montage is not None and (args.pose is not None or args.poses or args.head):
        raise ArgumentError("--montage names the poses of RESULT; --pose, --poses and --head are not for it")
    if ending_of(out) in PAGE_ENDINGS:
        require_plotly()
    colormap()


def _pose(
    args: argparse.Namespace, result: Result
) -> tuple[int, NDArray[np.float64] | None, NDArray[np.float64] | None, int]:
    """Return the pose's number, its matrix (4, 4) and dI/dt (s,) if known, and the number of poses."""
    poses, didt, count = result.poses, result.didt, result.n_poses
    if args.poses is not None and poses is not None:
        raise ArgumentError(f"--poses: {args.result} says itself where the coil is")
    if args.poses is not None:
        listed = read_pose_list(args.poses)
        if count not in (1, len(listed)):
            raise PoseError(f"{args.poses} has {len(listed)} poses, {args.result} has {count}")
        poses, count = listed.poses, len(listed)
        if didt is None and listed.didt is not None:
            didt = listed.didt[:, None]
    pose = args.pose
    if pose is None:
        pose = 0 if result.n_poses == count else _number(args.result, count)
    if not 0 <= pose < count:
        raise PoseError(f"--pose {pose}: there are the poses 0 to {count - 1}")
    if args.coil is not None and poses is None:
        raise ArgumentError(f"--coil: {args.result} does not say where the coil is; give --poses POSES")
    which = pose if didt is not None and len(didt) == count else 0
    return (
        pose,
        None if poses is None else poses[pose],
        None if didt is None else didt[which],
        count,
    )


def _number(path: str, count: int) -> int:
    """Return which pose a result of one pose is by its name: NAME_0003.msh, as `solve` writes them."""
    found = re.search(r"_([0-9]{4,9})$", os.path.splitext(path)[0])
    if found is None:
        raise PoseError(f"{path} is of one pose, and POSES has {count}: say by --pose which it is")
    return int(found[1])
