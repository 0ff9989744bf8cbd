# SPDX-License-Identifier: BSD-3-Clause
"""Small tables of thresholds and files of streamlines, for `fuzz.py` to damage."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import nibabel
import numpy as np

from headfield.dose import read_streamlines, read_threshold_table

Seeds = tuple[str, Callable[[Path], Any], list[bytes]]
Written = Callable[[str, Callable[[Path], None]], bytes]

TABLE = b"change,theta,threshold\n-100,0,200\n-100,180,210\n100,0,180.5\n100,180,1.9e2\n"


def activation_seeds(written: Written) -> dict[str, Seeds]:
    """Each format with the ending of its files, its reader, and files; `written` is that of `fuzz.py`."""
    lines = [np.array([[0, 0, z], [1, 0, z], [1, 2, z]], np.float32) for z in range(3)]
    tractogram = nibabel.streamlines.Tractogram(lines, affine_to_rasmm=np.eye(4))
    found: dict[str, Seeds] = {"thresholds": (".csv", read_threshold_table, [TABLE])}
    for ending in (".trk", ".tck"):
        content = written(ending, lambda path: nibabel.streamlines.save(tractogram, str(path)))
        found[f"streamlines {ending[1:]}"] = (ending, read_streamlines, [content])
    return found
