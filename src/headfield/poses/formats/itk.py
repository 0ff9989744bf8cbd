# SPDX-License-Identifier: BSD-3-Clause
"""ITK transforms in text files (.tfm), as 3D Slicer saves a linear transform: one pose.

::

    #Insight Transform File V1.0
    #Transform 0
    Transform: AffineTransform_double_3_3
    Parameters: 0 0 1 0 1 0 -1 0 0 -30 -5 80
    FixedParameters: 0 0 0

The parameters are a matrix A, row by row, and a translation t; the fixed ones a centre c. The transform M
takes the point x to A (x - c) + c + t, in LPS. As ITK has them, transforms lead from the fixed image to the
moving one, the inverse of what Slicer shows: "linear transforms are inverted as needed" (Slicer's developer
guide, Transforms). The pose is the transform that Slicer shows of a coil model in headfield's coil frame, to
the scan in RAS: diag(-1, -1, 1) inv(M) diag(-1, -1, 1). Slicer knows nothing of the axes of a coil, so the
model under the transform must be in the frame of docs/units.md.

A line `# Name: M1`, which ITK skips, keeps the name of the pose.
"""

from __future__ import annotations

import os
import re

import numpy as np

from ...errors import FileFormatError, PoseError
from ...io.atomic import replacing
from ...io.text import number, read_text
from ..pose_list import PoseList
from .raw import LPS_TO_RAS, RawPoses

__all__ = ["read_itk", "write_itk"]

_FIRST = "#Insight Transform File V1.0"
_MATRICES = re.compile(r"(?:AffineTransform|MatrixOffsetTransformBase|Rigid3DTransform)_(?:double|float)_3_3")
_NAME = "# Name: "


def read_itk(path: str | os.PathLike[str]) -> RawPoses:
    """Read the pose of an ITK .tfm file; see the module.

    Raises
    ------
    PoseError
        Not one transform, one that is no matrix, a wrong count of numbers, or a matrix without an inverse.
    FileFormatError
        A file of another kind.

    Examples
    --------
    >>> import tempfile
    >>> path = tempfile.mkdtemp() + "/coil.tfm"
    >>> write_itk(path, PoseList([[1, 0, 0, 5], [0, -1, 0, 6], [0, 0, -1, 90], [0, 0, 0, 1]], ["M1"]))
    >>> raw = read_itk(path)
    >>> raw.names, raw.poses[0, :3, 3]
    (['M1'], array([ 5.,  6., 90.]))
    """
    lines = [line.strip() for line in read_text(path).split("\n")]
    if not lines[0].startswith(_FIRST.rpartition(" ")[0]):
        raise FileFormatError("no ITK transform: it does not begin with #Insight Transform File")
    stated = [line.partition(":") for line in lines if line and not line.startswith("#")]
    kinds = [text.strip() for key, _, text in stated if key == "Transform"]
    if len(kinds) != 1:
        raise PoseError(f"{len(kinds)} transforms, where one is a pose")
    if not _MATRICES.fullmatch(kinds[0]):
        raise PoseError(f"a transform of the type {kinds[0][:60]!r}; save a linear one")
    matrix, centre = _numbers(stated, "Parameters", 12), _numbers(stated, "FixedParameters", 3)
    transform = np.eye(4)
    transform[:3, :3] = matrix[:9].reshape(3, 3)
    with np.errstate(over="ignore", invalid="ignore"):
        transform[:3, 3] = matrix[9:] + centre - transform[:3, :3] @ centre
        try:
            pose = LPS_TO_RAS @ np.linalg.inv(transform) @ LPS_TO_RAS
        except np.linalg.LinAlgError:
            raise PoseError("the transform has no inverse") from None
    names = [line.removeprefix(_NAME) for line in lines if line.startswith(_NAME)]
    return RawPoses(pose[None], names[:1], None, "ITK transform, LPS")


def _numbers(stated: list[tuple[str, str, str]], key: str, count: int) -> np.ndarray:
    texts = [text for name, _, text in stated if name == key]
    words = texts[0].split() if len(texts) == 1 else []
    if len(words) != count:
        raise PoseError(f"{len(words)} {key}, where {count} are needed")
    return np.array([number(word, key) for word in words])


def write_itk(path: str | os.PathLike[str], poses: PoseList) -> None:
    """Write one pose to an ITK .tfm file, as Slicer would; read back to 13 digits.

    Raises
    ------
    PoseError
        More than one pose.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "coil.tfm"
    >>> write_itk(path, PoseList([[0, 0, 1, -80], [0, 1, 0, -5], [-1, 0, 0, 30], [0, 0, 0, 1]], ["M1"]))
    >>> print(path.read_text().split("\\n")[4])
    Parameters: 0.0 0.0 1.0 0.0 1.0 0.0 -1.0 0.0 0.0 -30.0 -5.0 80.0
    """
    if len(poses) != 1:
        raise PoseError(f"a .tfm file holds one pose, not {len(poses)}; .mrk.json holds many")
    transform = LPS_TO_RAS @ np.linalg.inv(poses.poses[0]) @ LPS_TO_RAS + 0.0
    values = [*transform[:3, :3].ravel(), *transform[:3, 3]]
    lines = [
        _FIRST,
        "#Transform 0",
        f"{_NAME}{poses.names[0]}",
        "Transform: AffineTransform_double_3_3",
        "Parameters: " + " ".join(repr(float(value)) for value in values),
        "FixedParameters: 0 0 0",
    ]
    with replacing(path) as temporary:
        temporary.write_text("\n".join(lines) + "\n", encoding="utf-8", newline="\n")
