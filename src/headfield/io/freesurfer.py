# SPDX-License-Identifier: BSD-3-Clause
"""FreeSurfer's files of labels: volumes (.mgz, .mgh), and annotations of the nodes of a surface (.annot).

Both say how much they hold, and both are read here: nibabel takes memory for what a damaged file announces.
"""

from __future__ import annotations

import gzip
import math
import os
import struct
import zlib
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import FileFormatError
from .regular import check_regular

__all__ = ["Annotation", "read_annotation", "read_mgh"]

_GZIP = b"\x1f\x8b"
_LARGEST = 1 << 30  # bytes that a compressed volume may take: labels shrink a hundredfold
_HEADER = struct.Struct(">7ih15f")
_DATA = 284  # where the data begin; between the header and here nothing is used
_TYPES = {0: "u1", 1: ">i4", 3: ">f4", 4: ">i2", 10: ">u2"}
_LARGEST_ANNOTATION = 1 << 28  # bytes


@dataclass(frozen=True)
class Annotation:
    """Labels of the nodes of a surface.

    Attributes
    ----------
    labels : ndarray (p,) int32
        Index in `names` of each node; -1 for none.
    names : tuple of str
    """

    labels: NDArray[np.int32]
    names: tuple[str, ...]


def read_mgh(path: str | os.PathLike[str]) -> tuple[NDArray[np.float64], NDArray[Any]]:
    """Read a FreeSurfer volume.

    Parameters
    ----------
    path : path
        .mgz (compressed, told by its content) or .mgh.

    Returns
    -------
    affine : ndarray (4, 4) float64
        From voxel indices to mm, scanner RAS: that of a head made of the same T1.
    data : ndarray (nx, ny, nz, frames)

    Raises
    ------
    FileFormatError
        It is something else or damaged, would take more than 1 GiB, or does not say where its voxels lie.
    OSError
        The file can't be read.

    Examples
    --------
    >>> import tempfile, nibabel
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     image = nibabel.MGHImage(np.full((2, 3, 4), 17, np.int32), np.diag([1.0, 1, 2, 1]))
    ...     nibabel.save(image, folder + "/aseg.mgz")
    ...     affine, data = read_mgh(folder + "/aseg.mgz")
    >>> affine.diagonal().tolist(), data.shape, int(data.max())
    ([1.0, 1.0, 2.0, 1.0], (2, 3, 4, 1), 17)
    """
    name = os.fspath(path)
    check_regular(name, FileFormatError)
    with open(name, "rb") as plain:
        packed = plain.read(2) == _GZIP
        plain.seek(0)
        stream: Any = gzip.GzipFile(fileobj=plain) if packed else plain
        most = _LARGEST if packed else os.path.getsize(name)
        try:
            head = stream.read(_DATA)
            affine, shape, dtype = _mgh_header(head, name)
            size = math.prod(shape) * dtype.itemsize
            if size > most:
                raise FileFormatError(f"{name}: a volume of {shape} {dtype} takes {size:,} bytes: too many")
            raw = stream.read(size)
        except (EOFError, zlib.error, gzip.BadGzipFile) as problem:
            raise FileFormatError(f"{name}: damaged gzip file: {problem}") from None
    if len(raw) < size:
        raise FileFormatError(f"{name}: the file ends after {len(raw):,} of {size:,} bytes of data")
    return affine, np.frombuffer(raw, dtype).reshape(shape, order="F").astype(dtype.newbyteorder("="))


def _mgh_header(
    head: bytes, name: str
) -> tuple[NDArray[np.float64], tuple[int, int, int, int], np.dtype[Any]]:
    if len(head) < _DATA:
        raise FileFormatError(f"{name}: not a FreeSurfer volume")
    version, nx, ny, nz, frames, kind, _, placed, *numbers = _HEADER.unpack(head[: _HEADER.size])
    if version != 1 or kind not in _TYPES or min(nx, ny, nz, frames) < 1:
        raise FileFormatError(f"{name}: not a FreeSurfer volume, or a damaged one")
    values = np.array(numbers, np.float64)
    axes = values[3:12].reshape(3, 3).T * values[:3]
    if not placed or not np.isfinite(values).all() or not 1e-9 < abs(np.linalg.det(axes)) < 1e9:
        raise FileFormatError(f"{name}: it does not say where its voxels lie")
    affine = np.eye(4)
    affine[:3, :3] = axes
    affine[:3, 3] = values[12:15] - axes @ (np.array([nx, ny, nz]) / 2)
    return affine, (nx, ny, nz, frames), np.dtype(_TYPES[kind])


class _Ints:
    """The bytes of an annotation, read from the front."""

    def __init__(self, raw: bytes, name: str) -> None:
        self._raw, self._at, self._name = raw, 0, name

    def take(self, count: int) -> list[int]:
        return self.array(count).tolist()

    def array(self, count: int) -> NDArray[np.int32]:
        return np.frombuffer(self._bytes(4 * count), ">i4").astype(np.int32)

    def text(self) -> str:
        return self._bytes(self.take(1)[0]).rstrip(b"\0").decode("utf-8", "replace")

    def _bytes(self, count: int) -> bytes:
        if not 0 <= count <= len(self._raw) - self._at:
            raise FileFormatError(f"{self._name}: not an annotation, or a damaged one")
        self._at += count
        return self._raw[self._at - count : self._at]


def read_annotation(path: str | os.PathLike[str]) -> Annotation:
    """Read the labels of the nodes of a surface, such as lh.aparc.annot.

    Parameters
    ----------
    path : path

    Returns
    -------
    Annotation

    Raises
    ------
    FileFormatError
        It is something else or damaged, or has no names of its labels.
    OSError
        The file can't be read.

    Examples
    --------
    >>> import tempfile
    >>> from nibabel.freesurfer import write_annot
    >>> colours = np.array([[9, 0, 0, 0, 9], [0, 9, 0, 0, 2304]])
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_annot(folder + "/lh.a.annot", np.array([1, 0, 1]), colours, [b"precentral", b"insula"])
    ...     found = read_annotation(folder + "/lh.a.annot")
    >>> [found.names[label] for label in found.labels]
    ['insula', 'precentral', 'insula']
    """
    name = os.fspath(path)
    check_regular(name, FileFormatError)
    with open(name, "rb") as file:
        raw = file.read(_LARGEST_ANNOTATION)
    ints = _Ints(raw, name)
    (count,) = ints.take(1)
    pairs = ints.array(2 * count).reshape(-1, 2)
    if not len(pairs) or (np.sort(pairs[:, 0]) != np.arange(len(pairs))).any():
        raise FileFormatError(f"{name}: not an annotation: it does not label each node once")
    if ints.take(1) != [1]:
        raise FileFormatError(f"{name}: no names of the labels in it")
    colours, names = _table(ints)
    values = np.empty(len(pairs), np.int32)
    values[pairs[:, 0]] = pairs[:, 1]
    order = np.argsort(colours, kind="stable")
    place = np.minimum(np.searchsorted(colours[order], values), len(colours) - 1)
    labels = np.where(colours[order][place] == values, order[place], -1).astype(np.int32)
    return Annotation(labels, names)


def _table(ints: _Ints) -> tuple[NDArray[np.int32], tuple[str, ...]]:
    """Read the value that stands for each label, which is its colour, and its name."""
    (version,) = ints.take(1)
    entries = version
    if version < 0:
        ints.take(1)  # the largest index
    ints.text()  # the file that the table was made from
    if version < 0:
        (entries,) = ints.take(1)
    colours, names = [], []
    for _ in range(entries):  # an entry takes bytes, so no more are tried than the file has
        if version < 0:
            ints.take(1)  # its index
        names.append(ints.text())
        red, green, blue, _ = ints.take(4)
        colours.append((red & 255) | (green & 255) << 8 | (blue & 255) << 16)
    if not names:
        ints.take(-1)
    return np.array(colours, np.int32), tuple(names)
