# SPDX-License-Identifier: BSD-3-Clause
"""The command `headfield view`: a picture or a page of one pose of a result."""

from __future__ import annotations

import argparse
import os
import re

import numpy as np
from numpy.typing import NDArray

from ..coils.read import read_coil
from ..core.messages import printable
from ..errors import ArgumentError, FileFormatError, PoseError
from ..fields.read import read_result
from ..fields.result import Result
from ..heads.read import read_mesh
from ..heads.subject import Subject
from ..io.atomic import check_folder
from ..io.regular import ending_of
from ..pictures.colours import colormap
from ..pictures.figure import PICTURE_ENDINGS, write_picture
from ..pictures.page import PAGE_ENDINGS, require_plotly, write_page
from ..pictures.scene import PERCENTS, Scene
from ..poses.read import read_pose_list

__all__ = ["view"]


def view(args: argparse.Namespace) -> None:
    """Run `headfield view` with parsed arguments."""
    out = args.output or os.path.splitext(args.result)[0] + ".png"
    _check_output(out)
    result = read_result(args.result)
    pose, matrix, didt, n_poses = _pose(args, result)
    magnitude = result.magnitude(pose if result.n_poses > 1 else 0)
    head = None
    if args.head is not None:
        head = Subject(args.head).mesh() if os.path.isdir(args.head) else read_mesh(args.head)
    scene = Scene(
        result.mesh,
        magnitude,
        tuple(args.tissues),
        matrix=matrix,
        coil=None if args.coil is None else read_coil(args.coil),
        didt=didt,
        pose=pose,
        n_poses=n_poses,
        name=_name(args.result, result, pose),
        head=head,
    )
    (write_page if ending_of(out) in PAGE_ENDINGS else write_picture)(scene, out)
    found = scene.distribution
    shares = ", ".join(f"{p:g} %: {v:.3g}" for p, v in zip(PERCENTS, found.percentiles, strict=True))
    print(f"{scene.title()[1]}\npercentiles by volume, V/m: {shares}\nwritten: {out}")


def _name(path: str, result: Result, pose: int) -> str:
    """Return the name of the file, and that of the pose if the result has one."""
    file = os.path.basename(path)
    if not result.names:
        return file
    return f"{file}, {printable(result.names[pose if result.n_poses > 1 else 0])}"


def _check_output(out: str) -> None:
    """Raise errors of writing and of missing packages before a large result is read."""
    if ending_of(out) not in (*PAGE_ENDINGS, *PICTURE_ENDINGS):
        kinds = f"pictures {', '.join(PICTURE_ENDINGS)} or a page .html"
        raise FileFormatError(f"{out}: `view` makes {kinds}, not {ending_of(out) or 'this'}")
    check_folder(out)
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
