# SPDX-License-Identifier: BSD-3-Clause
"""Small pose files of every format, for `fuzz.py` to damage."""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import scipy.io

import headfield as hf
from headfield.poses.read import read_pose_list
from headfield.poses.write import write_poses

Seeds = tuple[str, Callable[[Path], Any], list[bytes]]
Written = Callable[[str, Callable[[Path], None]], bytes]


def pose_seeds(written: Written) -> dict[str, Seeds]:
    """Each format with the ending of its files, its reader, and files; `written` is that of `fuzz.py`."""
    poses = np.array([np.diag([1.0, -1.0, -1.0, 1.0])] * 3)
    poses[:, :3, 3] = np.arange(9).reshape(3, 3)
    found: dict[str, Seeds] = {}
    for ending in (".npy", ".csv", ".txt", ".xml", ".stmpx", ".mrk", ".mrk.json", ".mat"):
        content = written(ending, lambda path: write_poses(path, poses, names=["one", "two", "three"]))
        found[f"poses {ending[1:]}"] = (ending, read_pose_list, [content])
    one = written(".tfm", lambda path: write_poses(path, poses[0]))
    scan = written(".nii", save_scan)
    found["poses tfm"] = (".tfm", read_pose_list, [one])
    for ending, text in ((".mkss", MKSS), (".nbe", NBE)):
        found[f"poses {ending[1:]}"] = (ending, lambda path: read_by_scan(path, scan), [text.encode()])
    table = b"1,0,0,1,0,1,0,2,0,0,1,3,0,0,0,1\n" * 3
    saved = re.sub(rb"(\d)\.", rb"\1,", found["poses txt"][2][0]).replace(b"\t", b";")  # by a spreadsheet
    found["poses table"] = (".csv", read_pose_list, [table, str(poses).encode(), saved])
    found["poses xml"][2].append(GUM.encode("utf-16"))
    found["placements"] = (".mat", hf.read_placements, [written(".mat", save_session)])
    return found


def read_by_scan(path: Path, scan: bytes) -> Any:
    """Read poses that need the scan that was navigated on."""
    beside = path.with_name("scan.nii")
    if not beside.exists():
        beside.write_bytes(scan)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of what is left out, and of how exact Nexstim's coordinates are
        return read_pose_list(path, scan=beside)


def save_scan(path: Path) -> None:
    nibabel.save(nibabel.Nifti1Image(np.zeros((20, 26, 26), np.uint8), np.diag([10.0, 10, 10, 1])), path)


def save_session(path: Path) -> None:
    position = {"centre": "C3", "pos_ydir": [-46.0, 42, 70], "distance": 4.0, "name": "M1"}
    tms = {"type": "TMSLIST", "fnamecoil": "a.ccd", "pos": position}
    scipy.io.savemat(path, {"type": "SESSION", "poslist": tms})


MKSS = """##INVESALIUS3_MARKER_FILE_0
x\ty\tz\talpha\tbeta\tgamma\tlabel\tx_world\ty_world\tz_world\talpha_world\tbeta_world\tgamma_world
60.5\t41.2\t150.0\t12.0\t-35.0\t170.0\t"M1"\t60.5\t208.8\t150.0\t12.0\t-35.0\t170.0
1.0\t2.0\t3.0\tNone\tNone\tNone\t"LEI"\tNone\tNone\tNone\tNone\tNone\tNone
"""
NBE = """Coordinate system: MRI coordinate system
Landmarks (mm)
\tx\ty\tz\tLandmark Type
\t84.6\t107.3\t201.5\tMRI landmark: Nose/Nasion
\t140.9\t78.5\t94.8\tMRI landmark: Left ear
\t4.1\t90.1\t111.3\tMRI landmark: Right ear
\t\tTime\tCoil\t\t\tCoil\t\t\tCoil\t\t\tEF max.
\tID\t(ms)\tLoc.\t\t\tNormal\t\t\tDir.\t\t\tLoc.
\t\t\tx\ty\tz\tx\ty\tz\tx\ty\tz\tx
\t1.2.11.\t96286\t130.6\t192.5\t103.7\t0.7584\t0.6509\t-0.0339\t-0.1679\t0.2453\t0.9548\t115.0
\t1.2.12.\t96286\t-\t-\t-\t-\t-\t-\t-\t-\t-\t-
"""
GUM = (
    '<?xml version="1.0" encoding="UTF-16"?><GUMMarkerList coordinateSpace="LPS">'
    '<Element type="InstrumentMarker"><InstrumentMarker description="M1" set="true"><Matrix4D '
    + " ".join(f'data{i}{j}="{(1, -1, -1, 1)[i] * (i == j)}"' for i in range(4) for j in range(4))
    + "/></InstrumentMarker></Element></GUMMarkerList>"
)
