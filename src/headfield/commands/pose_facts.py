# SPDX-License-Identifier: BSD-3-Clause
"""Find out what `headfield info` tells about a file of poses, also one that other commands refuse."""

from __future__ import annotations

import os
from dataclasses import asdict
from typing import Any

from ..core.messages import warn
from ..errors import PoseError
from ..io.regular import ending_of
from ..poses.formats.raw import NoPoses
from ..poses.placements import read_placements
from ..poses.pose_list import PoseList
from ..poses.read import read_pose_list

__all__ = ["pose_facts"]


def pose_facts(path: str | os.PathLike[str], *, skip_bad: bool, **options: Any) -> dict[str, Any]:
    """Read what can be read of a file of poses, and describe it.

    Parameters
    ----------
    path : path
    skip_bad : bool
        Without it, a warning says that other commands refuse the file, if they do.
    **options
        Of `headfield.read_pose_list`.

    Raises
    ------
    PoseError, FileFormatError, OSError
        See `headfield.read_pose_list`: if no pose is left, or none to be placed.

    Examples
    --------
    >>> import tempfile, scipy.io
    >>> path = tempfile.mkdtemp() + "/session.mat"
    >>> scipy.io.savemat(path, {"pos": {"centre": "C3", "pos_ydir": "CP3"}})
    >>> pose_facts(path, skip_bad=False)["placements"][0]["handle"]
    'CP3'
    """
    try:
        return _of_poses(read_pose_list(path, skip_bad=skip_bad, **options))
    except PoseError as problem:
        refused = problem
    if not skip_bad:
        try:
            facts = _of_poses(read_pose_list(path, skip_bad=True, **options))
        except PoseError:
            pass
        else:
            warn(f"other commands refuse this file: {refused}")
            return facts
    if ending_of(path) != ".mat" or not isinstance(refused, NoPoses):
        raise refused
    try:
        places = read_placements(path, which=options.get("which", "all"))
    except NoPoses:
        raise refused from None
    return {
        "format": "SimNIBS session, to be placed on a head",
        "placements": [asdict(one) for one in places],
    }


def _of_poses(poses: PoseList) -> dict[str, Any]:
    centres = poses.poses[:, :3, 3]
    return {
        "format": poses.kind,
        "poses": len(poses),
        "bounds_mm": [centres.min(axis=0).tolist(), centres.max(axis=0).tolist()],
        "mean_centre_mm": centres.mean(axis=0).tolist(),
        "names": list(poses.names),
        "didt": None if poses.didt is None else poses.didt.tolist(),
        "coils": list(dict.fromkeys(poses.coils)),
        "left_out": [asdict(one) for one in poses.left_out],
    }
