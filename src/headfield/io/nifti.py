# SPDX-License-Identifier: BSD-3-Clause
"""NIfTI images (.nii, .nii.gz): the numbers, where their voxels lie, and values between the voxels.

nibabel reads the header. The numbers are read here: only plain real numbers, and only after their size was
compared with that of the file, so that a damaged header can't ask for all the memory. This needs the extra
`nifti`.
"""

from __future__ import annotations

import gzip
import logging
import math
import os
import struct
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import IO, Any, cast

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..core.arguments import finite_array, plain_array
from ..errors import FileFormatError, HeadfieldError
from .growth import GROWTH
from .regular import check_regular

__all__ = [
    "check_affine",
    "given_image",
    "nearest",
    "read_description",
    "read_grid",
    "read_nifti",
    "trilinear",
]

_GZIP = b"\x1f\x8b"
_DEFLATE = 1100  # Deflate shrinks at most 1032 times
_PIECE = 1 << 24
_LARGEST = 1 << 30  # bytes that any image may take: labels of a head at 0.5 mm take 0.8e9 as float64
_LONGEST_EXTENSION = 1 << 24  # bytes between header and data
_TO_EDGE = 1e-4  # voxels: affines are often stored as float32
_CORNERS = np.array([[i, j, k] for i in (0, 1) for j in (0, 1) for k in (0, 1)])
_MAGIC = {348: (344, b"n+1\0"), 540: (4, b"n+2\0\r\n\x1a\n")}  # where a header has it, and what it is
_MOST_BYTES = 8  # that a number takes in memory
_PAIR = (b"ni1", b"ni2")
_SILENT = logging.Logger("headfield")  # nibabel's own logger prints
_SILENT.disabled = True


def given_image(
    affine: ArrayLike, data: ArrayLike, name: str, numbers: str, error: type[HeadfieldError]
) -> tuple[NDArray[np.float64], NDArray[Any]]:
    """Return affine and numbers of an image that is given as arrays; raise `error` for anything else."""
    matrix = finite_array(affine, "affine", error)
    values = plain_array(data, name, error)
    if values.dtype.kind not in "fiu":
        raise error(f"{name} has {values.dtype} values, not {numbers}")
    return matrix, values


def check_affine(affine: NDArray[np.float64], error: type[HeadfieldError]) -> None:
    """Raise `error` unless an affine can be inverted."""
    if affine.shape != (4, 4) or not abs(np.linalg.det(affine[:3, :3])) > 1e-12:
        raise error("affine must be a (4, 4) matrix from voxels to mm that can be inverted")


def read_nifti(
    path: str | os.PathLike[str], check_shape: Callable[[tuple[int, ...]], object] | None = None
) -> tuple[NDArray[np.float64], NDArray[Any]]:
    """Read the numbers of a NIfTI image, and where its voxels lie.

    Parameters
    ----------
    path : path
        NIfTI-1 or NIfTI-2 in one file, plain or compressed by gzip; told apart by content.
    check_shape : callable, optional
        Told the shape of the image before its numbers are read; raises an error if it is not the right one.

    Returns
    -------
    affine : ndarray (4, 4) float64
        From voxel indices to mm (RAS): the sform if the header has one, else the qform.
    data : ndarray, the shape of the image, float32 or float64
        Scaled as the header says. float32 where the file has unscaled float32, else float64. May hold NaN.

    Raises
    ------
    FileFormatError
        The file is not such an image, is damaged, or holds less data than announced; its values are complex
        numbers or colours; it has neither sform nor qform, or its affine is singular; its lengths are in
        another unit than mm; a compressed file would take more than 1 GiB and 64 times its size in memory;
        nibabel is missing.
    OSError
        The file can't be read.

    Examples
    --------
    >>> import tempfile, nibabel
    >>> image = nibabel.Nifti1Image(np.ones((2, 3, 4), np.float32), np.diag([2.0, 2, 2, 1]))
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     nibabel.save(image, folder + "/ones.nii.gz")
    ...     affine, data = read_nifti(folder + "/ones.nii.gz")
    >>> affine.diagonal().tolist(), data.shape, float(data.sum())
    ([2.0, 2.0, 2.0, 1.0], (2, 3, 4), 24.0)
    """
    name = os.fspath(path)
    with _opened(name) as (stream, most, room):
        header, affine, shape = _geometry(stream, name)
        if check_shape is not None:
            check_shape(shape)
        dtype = header.get_data_dtype()
        if dtype.kind not in "iuf" or dtype.itemsize > 8:
            raise FileFormatError(f"{name}: its values are {dtype}, not plain real numbers")
        offset = _offset(header, name)
        size = math.prod(shape) * dtype.itemsize
        if offset + size > most:
            raise FileFormatError(
                f"{name}: an image of {shape} {dtype} takes {size:,} bytes, more than the file holds"
            )
        if math.prod(shape) * _MOST_BYTES > room:
            raise FileFormatError(
                f"{name}: an image of {shape} takes {math.prod(shape) * _MOST_BYTES:,} bytes in memory, more "
                f"than a compressed file of its size may: {room:,}. If it is meant so, unpack it (gunzip)"
            )
        raw = _bytes(stream, offset - header.structarr.dtype.itemsize, size, name)
    return affine, _scaled(raw.view(dtype), header, name).reshape(shape, order="F")


def read_grid(path: str | os.PathLike[str]) -> tuple[NDArray[np.float64], tuple[int, ...]]:
    """Read where the voxels of a NIfTI image lie, without its numbers.

    Parameters
    ----------
    path : path
        As for `read_nifti`, which also says what is raised.

    Returns
    -------
    affine : ndarray (4, 4) float64
        From voxel indices to mm.
    shape : tuple of int

    Examples
    --------
    >>> import tempfile, nibabel
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     nibabel.save(nibabel.Nifti1Image(np.ones((2, 3, 4)), np.eye(4)), folder + "/ones.nii")
    ...     read_grid(folder + "/ones.nii")[1]
    (2, 3, 4)
    """
    name = os.fspath(path)
    with _opened(name) as (stream, _, _):
        return _geometry(stream, name)[1:]


def read_description(path: str | os.PathLike[str]) -> str:
    """Read the free text of a header, of at most 80 bytes; `read_grid` says what is raised."""
    name = os.fspath(path)
    with _opened(name) as (stream, _, _):
        text = bytes(np.atleast_1d(_header(stream, name)["descrip"])[0])
    return text.decode("utf-8", "replace")


def trilinear(
    affine: NDArray[np.float64], shape: tuple[int, ...], points_mm: NDArray[np.float64]
) -> tuple[tuple[NDArray[np.intp], ...], NDArray[np.float64], NDArray[np.bool_]]:
    """Find the eight voxels around each point and their weights: values there are Σ weight · data[index].

    Parameters
    ----------
    affine : ndarray (4, 4) float64
        From voxel indices to mm.
    shape : tuple of int
        Of the image; its first three are used and at least 2.
    points_mm : ndarray (p, 3) float64
        Finite.

    Returns
    -------
    index : tuple of 3 ndarray (8, p) int
    weight : ndarray (8, p) float64
        Adds up to 1 over the eight.
    inside : ndarray (p,) bool
        Whether the point lies between centres of voxels. Points outside get the values of the nearest edge.

    Examples
    --------
    >>> data = np.arange(8.0).reshape(2, 2, 2)
    >>> index, weight, inside = trilinear(np.eye(4), data.shape, np.array([[0.5, 0, 0.25], [9, 0, 0]]))
    >>> (weight * data[index]).sum(axis=0).tolist(), inside.tolist()
    ([2.25, 4.0], [True, False])
    """
    voxel = (points_mm - affine[:3, 3]) @ np.linalg.inv(affine[:3, :3]).T
    top = np.array(shape[:3]) - 1
    inside = np.all((voxel >= -_TO_EDGE) & (voxel <= top + _TO_EDGE), axis=1)
    voxel = np.clip(voxel, 0, top)
    base = np.minimum(voxel.astype(np.intp), top - 1)
    x, y, z = (voxel - base).T
    i, j, k = (base + _CORNERS[:, None]).transpose(2, 0, 1)
    sides = [np.stack([1 - f, f]) for f in (x, y, z)]
    weight = (sides[0][:, None, None] * sides[1][:, None] * sides[2]).reshape(8, -1)
    return (i, j, k), weight, inside


def nearest(
    affine: NDArray[np.float64], data: NDArray[Any], points_mm: NDArray[np.float64]
) -> tuple[NDArray[Any], NDArray[np.bool_]]:
    """Return the numbers of the voxels around points (p, 3) inside an image, and which points (p,) those are.

    Examples
    --------
    >>> data = np.arange(8).reshape(2, 2, 2)
    >>> nearest(np.diag([2.0, 2, 2, 1]), data, np.array([[0.9, 0, 2.9], [-1.1, 0, 0]]))
    (array([1]), array([ True, False]))
    """
    voxel = np.floor((points_mm - affine[:3, 3]) @ np.linalg.inv(affine[:3, :3]).T + 0.5)
    inside = np.all((voxel >= 0) & (voxel < data.shape), axis=1)
    return data[tuple(voxel[inside].astype(np.intp).T)], inside


@contextmanager
def _opened(name: str) -> Iterator[tuple[IO[bytes], int, float]]:
    """Open a file as a stream of plain bytes; give that, the most bytes that it can hold, and may take."""
    check_regular(name, FileFormatError)
    with open(name, "rb") as file:
        size = os.fstat(file.fileno()).st_size
        start = file.read(len(_GZIP))
        file.seek(0)
        if start == _GZIP:
            yield cast(IO[bytes], gzip.GzipFile(fileobj=file)), _DEFLATE * size, max(_LARGEST, GROWTH * size)
        else:
            yield file, size, math.inf


def _geometry(stream: IO[bytes], name: str) -> tuple[Any, NDArray[np.float64], tuple[int, ...]]:
    """Read header, affine and shape; the stream then stands at the end of the header."""
    header = _header(stream, name)
    try:
        unit = header.get_xyzt_units()[0]
        placed = int(header["sform_code"]) > 0 or int(header["qform_code"]) > 0
        with np.errstate(all="ignore"):
            affine = np.array(header.get_best_affine(), np.float64)
        shape = tuple(int(n) for n in header.get_data_shape())
    except _header_errors() as problem:
        raise FileFormatError(f"{name}: damaged NIfTI header: {problem}") from None
    if not placed:
        raise FileFormatError(f"{name}: neither sform nor qform, so it does not say where its voxels lie")
    if unit not in ("mm", "unknown"):
        raise FileFormatError(f"{name}: its lengths are in {unit}, mm are needed")
    volume = np.linalg.det(affine[:3, :3]) if np.isfinite(affine).all() else 0.0
    if not 1e-12 < abs(volume) < 1e12:
        raise FileFormatError(f"{name}: its affine has voxels of {volume:g} mm³")
    if not shape or min(shape) < 1:
        raise FileFormatError(f"{name}: no voxels, its shape is {shape}")
    return header, affine, shape


def _header(stream: IO[bytes], name: str) -> Any:
    nibabel = _nibabel(name)
    start = _read(stream, 4, name)
    for order in "<>":
        size = struct.unpack(order + "i", start)[0] if len(start) == 4 else 0
        if size in _MAGIC:
            break
    else:
        raise FileFormatError(f"{name}: not a NIfTI image")
    block = start + _read(stream, size - 4, name)
    at, magic = _MAGIC[size]
    if block[at : at + 3] in _PAIR:
        raise FileFormatError(f"{name}: a NIfTI header whose data are in another file; one file is needed")
    if block[at : at + len(magic)] != magic:
        raise FileFormatError(f"{name}: not a NIfTI image, or a damaged one")
    kind = nibabel.Nifti1Header if size == 348 else nibabel.Nifti2Header
    try:
        with np.errstate(all="ignore"):
            header = kind(binaryblock=block, endianness=order, check=False)
            header.check_fix(logger=_SILENT)
            if not 1 <= int(header["dim"][0]) <= 7:
                raise ValueError(f"{int(header['dim'][0])} dimensions")
            return header
    except _header_errors() as problem:
        raise FileFormatError(f"{name}: damaged NIfTI header: {problem}") from None


def _nibabel(name: str) -> Any:
    try:
        import nibabel  # here, because only images need it
    except ImportError:
        raise FileFormatError(f"{name}: NIfTI images need nibabel: pip install headfield[nifti]") from None
    return nibabel


def _header_errors() -> tuple[type[Exception], ...]:
    """Return the types of errors that nibabel raises for a damaged header."""
    # Imported here for the same reason as nibabel itself.
    from nibabel.spatialimages import HeaderDataError, HeaderTypeError

    return HeaderDataError, HeaderTypeError, ValueError, TypeError, KeyError, ArithmeticError


def _offset(header: Any, name: str) -> int:
    """Return the byte at which the data begin."""
    value = float(header["vox_offset"])
    smallest = header.structarr.dtype.itemsize + 4
    if not smallest <= value <= smallest + _LONGEST_EXTENSION:  # NaN fails too
        raise FileFormatError(f"{name}: its data are said to begin at byte {value:g}")
    return int(value)


def _bytes(stream: IO[bytes], skip: int, size: int, name: str) -> NDArray[np.uint8]:
    """Return the `size` bytes after the next `skip`."""
    while skip > 0:
        piece = _read(stream, min(skip, _PIECE), name)
        if not piece:
            raise FileFormatError(f"{name}: the file ends before its data begin")
        skip -= len(piece)
    try:
        raw = np.empty(size, np.uint8)
    except MemoryError:
        raise FileFormatError(f"{name}: its {size:,} bytes do not fit the memory") from None
    have = 0
    while have < size:
        piece = _read(stream, min(size - have, _PIECE), name)
        if not piece:
            raise FileFormatError(f"{name}: the file ends after {have:,} of {size:,} bytes of data")
        raw[have : have + len(piece)] = np.frombuffer(piece, np.uint8)
        have += len(piece)
    _read(stream, _PIECE, name)  # at the end of a gzip file its checksum is compared
    return raw


def _read(stream: IO[bytes], size: int, name: str) -> bytes:
    try:
        return stream.read(size)
    except (EOFError, zlib.error, gzip.BadGzipFile) as problem:
        raise FileFormatError(f"{name}: damaged gzip file: {problem}") from None


def _scaled(values: NDArray[Any], header: Any, name: str) -> NDArray[Any]:
    try:
        slope, inter = header.get_slope_inter()
    except _header_errors() as problem:
        raise FileFormatError(f"{name}: {problem}") from None
    slope, inter = (1.0 if slope is None else slope), (0.0 if inter is None else inter)
    exact = values.dtype.kind == "f" and values.dtype.itemsize == 4 and (slope, inter) == (1.0, 0.0)
    with np.errstate(invalid="ignore"):  # a damaged number may be a nan that signals
        array: NDArray[Any] = values.astype(np.float32 if exact else np.float64, copy=False)
    if (slope, inter) != (1.0, 0.0):
        np.multiply(array, slope, out=array)
        np.add(array, inter, out=array)
    return array
