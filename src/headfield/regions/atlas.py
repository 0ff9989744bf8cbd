# SPDX-License-Identifier: BSD-3-Clause
"""Regions by the labels of an atlas: a NIfTI or FreeSurfer image of whole numbers, a table of their names."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..core.arguments import finite_array, whole_numbers
from ..core.docs import fill_doc
from ..core.messages import warn
from ..errors import FileFormatError, RegionError
from ..heads.mesh import TetMesh
from ..heads.selection import barycentres, tets_of
from ..heads.tissue_words import Tissues, tags_of
from ..io.nifti import nearest
from ..io.regular import check_regular
from ..io.volume import Volume, read_volume
from .region import Region

__all__ = ["labels", "read_label_names"]

Floats: TypeAlias = NDArray[np.float64]

_LONGEST_NUMBER = 10  # digits
_LARGEST_TABLE = 1 << 24  # bytes


@fill_doc
def labels(
    mesh: TetMesh,
    image: Volume,
    values: int | ArrayLike,
    tags: Tissues | None = None,
    to_image: Callable[[Floats], ArrayLike] | None = None,
) -> Region:
    """Make the region of the tetrahedra that have some labels of an atlas.

    A tetrahedron has the label of the voxel around its barycentre; outside of the image it has no label.

    Parameters
    ----------
    mesh : TetMesh
    image : path, or (affine, data)
        NIfTI (nx, ny, nz) of whole numbers, FreeSurfer's .mgz or .mgh, or the affine (4, 4), voxels to mm,
        and the numbers.
    values : int or array_like of int
        The labels; see `read_label_names`.
    %(only_tags)s
    to_image : callable, optional
        Maps points (p, 3) of the mesh to points (p, 3) of the image, mm: `Subject.subject_to_mni` for an
        atlas in MNI space. By default mesh and image are in the same space.

    Returns
    -------
    Region

    Raises
    ------
    RegionError
        An image of another shape or with numbers that are not whole; labels that no voxel has; no tetrahedron
        with these labels; tags that no tetrahedron has; a map that does not return (p, 3) finite numbers.
    FileFormatError, OSError
        The file is damaged or can't be read.

    Examples
    --------
    >>> from headfield import phantom_head, regions
    >>> head = phantom_head(edge_mm=8)
    >>> atlas = np.zeros((2, 1, 1), int)
    >>> atlas[0], atlas[1] = 7, 8  # left and right
    >>> affine = np.array([[100.0, 0, 0, -50], [0, 200, 0, 0], [0, 0, 200, 0], [0, 0, 0, 1]])
    >>> left = regions.labels(head, (affine, atlas), 7, tags=2)
    >>> left, bool(left.centres_mm[:, 0].max() < 0)
    (<Region of 4,683 tetrahedra, 124,963 mm³>, True)

    An atlas in MNI space:
    `regions.labels(subject.mesh(), "atlas.nii.gz", 7, to_image=subject.subject_to_mni)`.
    """
    wanted = whole_numbers(values, "values", RegionError)
    chosen = tets_of(mesh, tags)
    affine, data, name = read_volume(image, "label image", RegionError)
    found, inside = nearest(affine, data, _mapped(barycentres(mesh, chosen), to_image))
    fractions = found[found != np.rint(found)]
    if len(fractions):
        raise RegionError(
            f"{name}: {len(fractions):,} of its numbers are not whole, such as {fractions[0]:g}"
        )
    absent = [v for v in np.setdiff1d(wanted, found).tolist() if not (data == v).any()]
    if absent:
        raise RegionError(f"{name}: no voxel has the labels {absent}")
    hit = inside.copy()
    hit[inside] = np.isin(found, wanted)
    if not hit.any():
        where = "" if tags is None else f" of the tissues {tags_of(mesh, tags)}"
        raise RegionError(
            f"{name}: none of the {len(chosen):,} tetrahedra{where} has the labels {wanted.tolist()}; "
            f"{inside.sum():,} of them are inside of the image"
        )
    return Region(mesh, chosen[hit])


def read_label_names(path: str | os.PathLike[str]) -> dict[int, str]:
    """Read what the labels of an atlas mean from a table such as FreeSurferColorLUT.txt.

    Parameters
    ----------
    path : path
        Text, one label per line: its number, its name, and optionally its colour as three or four numbers,
        which are left out. Lines that begin with # are comments.

    Returns
    -------
    dict of int to str
        In the order of the file.

    Raises
    ------
    FileFormatError
        Not a text file, a line that is not a label (the message has the line), or no labels.
    OSError
        The file can't be read.

    Warns
    -----
    UserWarning
        A number comes again with another name: the first name stays.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = folder + "/lut.txt"
    ...     with open(path, "w") as file:
    ...         _ = file.write("#No. Name R G B A\\n17 Left-Hippocampus 220 216 20 0\\n53 Right Hippocampus")
    ...     names = read_label_names(path)
    >>> names
    {17: 'Left-Hippocampus', 53: 'Right Hippocampus'}
    >>> [number for number, name in names.items() if name.startswith("Left")]  # values for `labels`
    [17]
    """
    name = os.fspath(path)
    check_regular(name, FileFormatError)
    with open(name, "rb") as file:
        content = file.read(_LARGEST_TABLE + 1)
    if len(content) > _LARGEST_TABLE or b"\0" in content:
        raise FileFormatError(f"{name}: not a table of labels, but binary or beyond {_LARGEST_TABLE:,} bytes")
    try:
        lines = content.decode("utf-8-sig").splitlines()
    except UnicodeDecodeError as problem:
        raise FileFormatError(f"{name}: not UTF-8 text: {problem}") from None
    entries: list[tuple[int, int, list[str]]] = []
    for i, line in enumerate(lines, 1):
        number, *words = line.split() or ["#"]
        if number.startswith("#"):
            continue
        if not words or not number.isdecimal() or len(number) > _LONGEST_NUMBER:
            raise FileFormatError(f"{name}: line {i} is not a number and a name: {line[:60]!r}")
        entries.append((i, int(number), words))
    colours = _colours([words for _, _, words in entries])
    names: dict[int, str] = {}
    for i, value, words in entries:
        label = " ".join(words[: len(words) - (colours if _numbers(words) >= 3 else 0)])
        if names.setdefault(value, label) != label:
            warn(f"{name}: line {i} names {value} again, {label!r}: it stays {names[value]!r}")
    if not names:
        raise FileFormatError(f"{name}: no labels")
    return names


def _numbers(words: list[str]) -> int:
    """Count the numbers, four at most, at the end of a line's words; the first word is part of the name."""
    found = 0
    while found < min(4, len(words) - 1) and words[-1 - found].replace(".", "", 1).isdecimal():
        found += 1
    return found


def _colours(table: list[list[str]]) -> int:
    """Return how many numbers a colour has in this table, 4 (with an alpha) or 3.

    A name may end in a number ("Area 4"), so 4 numbers are a colour only if every line that has a colour ends
    in 4, and if the names do not become alike without them.
    """
    coloured = [words for words in table if _numbers(words) >= 3]
    if any(_numbers(words) == 3 for words in coloured):
        return 3
    apart = [len({tuple(words[:-n]) for words in coloured}) for n in (3, 4)]
    return 3 if apart[1] < apart[0] else 4


def _mapped(points_mm: Floats, to_image: Callable[[Floats], ArrayLike] | None) -> Floats:
    if to_image is None:
        return points_mm
    mapped = finite_array(to_image(points_mm), "what to_image returns", RegionError)
    if mapped.shape != points_mm.shape:
        raise RegionError(f"to_image must map (p, 3) to (p, 3), not {points_mm.shape} to {mapped.shape}")
    return mapped
