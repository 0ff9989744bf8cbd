# SPDX-License-Identifier: BSD-3-Clause
"""GIFTI surfaces (.gii): nodes and triangles. This needs nibabel, of the extra `nifti`."""

from __future__ import annotations

import base64
import binascii
import os
import re
import zlib
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import FileFormatError, MissingPackageError
from .growth import most_unpacked
from .regular import check_regular
from .xml import check_entities

__all__ = ["needed_gifti", "read_surface"]

_PACKED = re.compile(rb"<Data\b[^<>]*>([^<]*)(</Data)?")


def needed_gifti(path: str | os.PathLike[str]) -> Any:
    """Import nibabel's GIFTI; MissingPackageError without it."""
    try:
        from nibabel import gifti
    except ImportError:
        raise MissingPackageError(
            f"{os.fspath(path)}: GIFTI files need nibabel: pip install 'headfield[nifti]'"
        ) from None
    return gifti


def read_surface(path: str | os.PathLike[str]) -> tuple[NDArray[np.float64], NDArray[np.int32]]:
    """Read the nodes and the triangles of a GIFTI surface, as they are, without its transforms.

    Parameters
    ----------
    path : path

    Returns
    -------
    nodes_mm : ndarray (p, 3) float64
    faces : ndarray (f, 3) int32

    Raises
    ------
    MissingPackageError
        nibabel is missing.
    FileFormatError
        It is something else, damaged, or unpacks to more than any surface does.
    OSError
        The file can't be read.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     with open(folder + "/a.gii", "w") as file:
    ...         _ = file.write("<GIFTI Version='1.0' NumberOfDataArrays='0'></GIFTI>")
    ...     try:
    ...         read_surface(folder + "/a.gii")
    ...     except FileFormatError as problem:
    ...         print(str(problem).rpartition("/")[2])
    a.gii: no surface: nodes (p, 3) and triangles (f, 3) are needed
    """
    gifti, name = needed_gifti(path), os.fspath(path)
    check_regular(name, FileFormatError)
    check_entities(name, FileFormatError)
    _check_content(name)
    try:
        image = gifti.GiftiImage.from_filename(name)
        points = image.get_arrays_from_intent("NIFTI_INTENT_POINTSET")
        triangles = image.get_arrays_from_intent("NIFTI_INTENT_TRIANGLE")
        nodes = np.asarray(points[0].data, np.float64) if points else np.zeros(0)
        faces = np.asarray(triangles[0].data) if triangles else np.zeros(0)
    except Exception as problem:  # whatever nibabel comes to in a damaged file, AssertionError too
        raise FileFormatError(f"{name}: damaged GIFTI: {' '.join(str(problem).split())[:200]}") from None
    if nodes.ndim != 2 or nodes.shape[1:] != (3,) or faces.ndim != 2 or faces.shape[1:] != (3,):
        raise FileFormatError(f"{name}: no surface: nodes (p, 3) and triangles (f, 3) are needed")
    if not np.isfinite(nodes).all() or faces.dtype.kind not in "iu":
        raise FileFormatError(f"{name}: its nodes are not finite, or its triangles not whole numbers")
    if ((faces < 0) | (faces >= len(nodes))).any():
        raise FileFormatError(f"{name}: its triangles use nodes that it doesn't have")
    return nodes, faces.astype(np.int32)


def _check_content(name: str) -> None:
    """Raise FileFormatError for arrays in other files, and for such as unpack to far more than the file."""
    with open(name, "rb") as file:
        raw = file.read()
    if b"ExternalFileBinary" in raw:
        raise FileFormatError(f"{name}: its arrays lie in another file, which is not read")
    left = most_unpacked(len(raw))
    for data, end in _PACKED.findall(raw) if b"GZipBase64Binary" in raw else ():
        if not end:
            raise FileFormatError(f"{name}: damaged GIFTI: its data are cut short, or have markup in them")
        try:
            left -= len(zlib.decompressobj().decompress(base64.b64decode(data), left + 1))
        except (zlib.error, binascii.Error) as problem:
            raise FileFormatError(f"{name}: damaged GIFTI: {problem}") from None
        if left < 0:
            raise FileFormatError(f"{name}: its {len(raw):,} bytes unpack to more than any surface takes")
