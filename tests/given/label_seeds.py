# SPDX-License-Identifier: BSD-3-Clause
"""Small files of labels and of surfaces, for `fuzz.py` to damage."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
from nibabel import gifti
from nibabel.freesurfer import write_annot

from headfield.io.freesurfer import read_annotation, read_mgh
from headfield.io.gifti import read_surface

Seeds = tuple[str, Callable[[Path], Any], list[bytes]]
Written = Callable[[str, Callable[[Path], None]], bytes]


def label_seeds(written: Written) -> dict[str, Seeds]:
    """Each format with the ending of its files, its reader, and files; `written` is that of `fuzz.py`."""
    colours = np.array([[9, 0, 0, 0, 9], [0, 9, 0, 0, 2304]])
    numbers = np.array([1, 0, 1, 1, 0])
    annotation = written(
        ".annot", lambda path: write_annot(path, numbers, colours, [b"precentral", b"insula"])
    )
    volume = nibabel.MGHImage(np.arange(24, dtype=np.int32).reshape(2, 3, 4), np.diag([1.0, 1, 2, 1]))
    return {
        "annot": (".annot", read_annotation, [annotation]),
        "mgz": (".mgz", read_mgh, [written(".mgz", lambda path: nibabel.save(volume, path))]),
        "gii": (".gii", read_surface, [written(".gii", lambda path: nibabel.save(surface(), path))]),
    }


def surface() -> Any:
    """A square of two triangles."""
    nodes = np.array([[0, 0, 0], [1, 0, 0], [1, 1, 0], [0, 1, 0]], np.float32)
    faces = np.array([[0, 1, 2], [0, 2, 3]], np.int32)
    arrays = [(nodes, "NIFTI_INTENT_POINTSET"), (faces, "NIFTI_INTENT_TRIANGLE")]
    return gifti.GiftiImage(darrays=[gifti.GiftiDataArray(values, intent) for values, intent in arrays])
