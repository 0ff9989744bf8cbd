# SPDX-License-Identifier: BSD-3-Clause
"""Streamlines from .trk (TrackVis) and .tck (MRtrix) files, whole or in pieces, by way of nibabel."""

from __future__ import annotations

import errno
import itertools
import os
import warnings
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...core.arguments import whole
from ...core.messages import in_one_line
from ...errors import ArgumentError, FileFormatError, MissingPackageError
from ...io.regular import check_regular, ending_of
from .streamlines import Streamlines, apart

__all__ = ["iter_streamlines", "read_streamlines"]

Floats = NDArray[np.float64]

_ENDINGS = (".trk", ".tck")
_MOST = 2_000_000_000
# Where a header of TrackVis has the matrix to RAS mm: 4 × 4 float32; its last is 0 where there is none.
_TRK_HEADER, _TRK_MATRIX = 1000, slice(440, 504)
_TRK_COUNT = slice(988, 992)  # int32; 0 where the writer did not say how many streamlines there are


def read_streamlines(path: str | os.PathLike[str]) -> Streamlines:
    """Read all streamlines of a file.

    Parameters
    ----------
    path : path
        `.trk` or `.tck`. Points come out in RAS mm, as the mesh of the subject's scan has them: for .trk by
        the matrix of the header.

    Returns
    -------
    Streamlines
        Points that lie within a micrometre of the one before are left out, and so are streamlines without
        length: `left_out` counts these, and `numbers` are those of the file.

    Raises
    ------
    FileFormatError
        Another ending, a damaged file, one without streamlines, a .trk that has less streamlines than its
        header says, or one without a matrix to RAS mm.
    MissingPackageError
        nibabel is missing: `pip install 'headfield[nifti]'`.
    OSError
        The file can't be read.

    Examples
    --------
    >>> import tempfile, nibabel
    >>> path = tempfile.mkdtemp() + "/one.tck"
    >>> lines = [np.array([[0, 0, 40], [0, 0, 41], [0, 1, 42]], np.float32)]
    >>> nibabel.streamlines.save(nibabel.streamlines.Tractogram(lines, affine_to_rasmm=np.eye(4)), path)
    >>> read_streamlines(path).points_mm.tolist()
    [[0.0, 0.0, 40.0], [0.0, 0.0, 41.0], [0.0, 1.0, 42.0]]
    """
    (found,) = iter_streamlines(path, most_points=_MOST)
    return found


def iter_streamlines(path: str | os.PathLike[str], most_points: int = 1_000_000) -> Iterator[Streamlines]:
    """Read the streamlines of a file piece by piece, in bounded memory.

    Parameters
    ----------
    path : path
        As for `read_streamlines`, which also says what is raised, when its turn comes.
    most_points : int
        A piece is handed out before it would have more points, unless one streamline alone has.

    Yields
    ------
    Streamlines

    Examples
    --------
    >>> import tempfile, nibabel
    >>> path = tempfile.mkdtemp() + "/some.trk"
    >>> lines = [np.array([[0, 0, z], [0, 1, z], [1, 1, z]], np.float32) for z in range(5)]
    >>> nibabel.streamlines.save(nibabel.streamlines.Tractogram(lines, affine_to_rasmm=np.eye(4)), path)
    >>> [part.numbers.tolist() for part in iter_streamlines(path, most_points=6)]
    [[0, 1], [2, 3], [4]]
    """
    name, most = os.fspath(path), whole(most_points, "most_points", ArgumentError, _MOST)
    kept: list[Floats] = []
    numbers: list[int] = []
    left_out = size = 0
    some = False
    for index, line in enumerate(_lines(name)):
        if len(line) < 2:
            left_out += 1
            continue
        if kept and size + len(line) > most:
            yield _piece(kept, numbers, left_out)
            some, kept, numbers, left_out, size = True, [], [], 0, 0
        kept.append(line)
        numbers.append(index)
        size += len(line)
    if kept:
        yield _piece(kept, numbers, left_out)
    elif not some:
        raise FileFormatError(f"{name}: there are no streamlines of any length in this file")


def _piece(lines: list[Floats], numbers: list[int], left_out: int) -> Streamlines:
    starts = np.cumsum([0, *map(len, lines[:-1])])
    return Streamlines(np.concatenate(lines), starts, numbers, left_out=left_out)


def _lines(name: str) -> Iterator[Floats]:
    """Yield the streamlines of a file, without points that are at the place of the one before."""
    ending = ending_of(name)
    if ending not in _ENDINGS:
        raise FileFormatError(f"{name}: streamlines are read from {', '.join(_ENDINGS)}")
    check_regular(name, FileFormatError)
    try:
        import nibabel  # optional, and slow to import: only who reads streamlines needs it
    except ImportError:
        raise MissingPackageError(
            f"{name}: streamlines need nibabel: pip install 'headfield[nifti]'"
        ) from None
    told = _told_by_trk(name) if ending == ".trk" else 0
    lines = _of_nibabel(nibabel, name)
    for there in itertools.count():
        try:
            line = np.asarray(next(lines), np.float64)
        except StopIteration:
            if there < told:
                raise FileFormatError(
                    f"{name}: damaged: its header says {told:,} streamlines, and there are {there:,}"
                ) from None
            return
        except Exception as problem:  # nibabel raises what its own parts do: of struct, of NumPy, of text
            if isinstance(problem, OSError) and problem.errno != errno.EINVAL:  # a damaged offset of the data
                raise
            raise FileFormatError(f"{name}: damaged: {in_one_line(problem)[:200]}") from None
        if line.ndim != 2 or line.shape[1] != 3 or not np.isfinite(line).all():
            raise FileFormatError(f"{name}: a streamline has points that are not three finite numbers")
        yield apart(line)


def _of_nibabel(nibabel: Any, name: str) -> Iterator[Any]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of headers: what matters in them was looked at
        yield from nibabel.streamlines.load(name, lazy_load=True).tractogram.streamlines


def _told_by_trk(name: str) -> int:
    """Return how many streamlines a .trk says it has, or 0; raise unless it says where its points lie."""
    with open(name, "rb") as file:
        head = file.read(_TRK_HEADER)
    if len(head) < _TRK_HEADER or not head.startswith(b"TRACK"):
        raise FileFormatError(f"{name}: not a TrackVis file")
    order = "<" if head[996:1000] == (1000).to_bytes(4, "little") else ">"
    matrix = np.frombuffer(head[_TRK_MATRIX], order + "f4").reshape(4, 4)
    if (
        not np.isfinite(matrix).all()
        or matrix[3, 3] == 0
        or abs(np.linalg.det(matrix[:3, :3].astype(float))) < 1e-12
    ):
        raise FileFormatError(
            f"{name}: its header has no matrix to RAS mm, so it doesn't say where its points lie"
        )
    return int(np.frombuffer(head[_TRK_COUNT], order + "i4")[0])
