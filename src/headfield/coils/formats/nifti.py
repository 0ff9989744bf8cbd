# SPDX-License-Identifier: BSD-3-Clause
"""Coils as NIfTI images (.nii, .nii.gz): the vector potential on a grid.

The image has the shape (nx, ny, nz, 3), T·m per A of coil current; its affine leads from voxel to coil frame,
mm. Of a coil with s stimulators it has the shape (nx, ny, nz, 3, s), one set for each; (nx, ny, nz, s, 3) is
read too, as is the NIfTI standard's (nx, ny, nz, 1, 3) for vectors. With s = 3 the two can't be told apart:
the fourth axis is then taken as that of the vector, and a warning says so.

The header's free text holds ``dIdtmax=114.7;coilname=D70;stimulator=Rapid;brand=Magstim``, as in .ccd files,
as far as its 80 bytes reach.
"""

from __future__ import annotations

import gzip
import os
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...core.messages import warn
from ...errors import CoilError, FileFormatError
from ...io.atomic import replacing
from ...io.nifti import read_nifti
from ..parts import CoilContent, CoilElement, Stimulator
from ..sampling import sampled
from ..sources import SampledPotential
from .ccd import header_fields, read_fields
from .tcd_write import only_in_tcd

__all__ = ["read_coil_nifti", "write_coil_nifti"]

_MOST_TEXT = 78  # bytes; a longer one may have been cut off
_LONGEST_AXIS = 32767  # of NIfTI-1


def read_coil_nifti(path: str | os.PathLike[str]) -> CoilContent:
    """Read a coil from a NIfTI image.

    Parameters
    ----------
    path : path
        See the module.

    Returns
    -------
    CoilContent
        One SampledPotential for each stimulator. `name` is the file's stem, unless the header tells it;
        `didt_max`, `stimulator` and `brand` where the header has them.

    Raises
    ------
    FileFormatError
        Not a NIfTI image, or damaged, or with lengths in another unit than mm; nibabel is missing.
    CoilError
        Not a vector for each voxel, fewer than 2 voxels along an axis, values that are not finite, a sheared
        affine.
    OSError
        The file cannot be read.

    Warns
    -----
    UserWarning
        The shape ends in (3, 3).

    Examples
    --------
    >>> import tempfile
    >>> path = tempfile.mkdtemp() + "/grid.nii.gz"
    >>> grid = SampledPotential(np.full((4, 5, 6, 3), 1e-7), np.diag([3, 3, 3, 1.0]))
    >>> write_coil_nifti(path, CoilContent(elements=(CoilElement(grid),), brand="ours"))
    >>> coil = read_coil_nifti(path)
    >>> coil.name, coil.brand, coil.elements[0].source.shape
    ('grid', 'ours', (4, 5, 6))
    """
    name = os.fspath(path)
    affine, data = read_nifti(path, lambda shape: _check_shape(shape, name))
    sets, notes = _sets(data, name)
    stem = Path(path).name
    for ending in (".gz", ".nii"):
        stem = stem[: -len(ending)] if stem.lower().endswith(ending) else stem
    header = {"name": stem} | _header(name)
    stimulators = [Stimulator()] * len(sets)
    if len(sets) == 1:
        stimulators = [Stimulator(header.get("stimulator", ""), "", header.get("didt_max"))]
    try:
        grids = [SampledPotential(values, affine) for values in sets]
    except CoilError as problem:
        raise CoilError(f"{name}: {problem}") from None
    if notes:
        warn(f"{name}: {'; '.join(notes)}")
    return CoilContent(
        elements=tuple(CoilElement(grid, i) for i, grid in enumerate(grids)),
        stimulators=tuple(stimulators),
        name=header["name"],
        brand=header.get("brand", ""),
    )


def _check_shape(shape: tuple[int, ...], name: str) -> tuple[int, ...]:
    """Return the shape without ones at its end; raise CoilError unless it is that of a coil."""
    given = shape
    while len(shape) > 4 and shape[-1] == 1:
        shape = shape[:-1]
    if not ((len(shape) == 4 and shape[3] == 3) or (len(shape) == 5 and 3 in shape[3:])):
        raise CoilError(
            f"{name}: a coil has three components of A for each voxel, (nx, ny, nz, 3), or"
            f" (nx, ny, nz, 3, s) of s stimulators; this image has the shape {given}"
        )
    return shape


def _sets(data: NDArray[Any], name: str) -> tuple[list[NDArray[Any]], list[str]]:
    """Return arrays (nx, ny, nz, 3), one per stimulator, and notes on what is dubious about them."""
    shape = _check_shape(data.shape, name)
    data = data.reshape(shape)
    if len(shape) == 4:
        return [data], []
    notes = []
    if shape[3] != 3:
        data = data.swapaxes(3, 4)
    elif shape[4] == 3:
        notes = ["the shape ends in (3, 3): the fourth axis is taken as that of the vector"]
    return [data[..., i] for i in range(data.shape[4])], notes


def _header(name: str) -> dict[str, Any]:
    """Return what the header's free text says of the coil, without its last part if that may be cut off."""
    with open(name, "rb") as plain:
        compressed = plain.read(2) == b"\x1f\x8b"
        plain.seek(0)
        block = (gzip.GzipFile(fileobj=plain) if compressed else plain).read(320)
    at = 240 if block[:4] in (b"\x1c\2\0\0", b"\0\0\2\x1c") else 148  # NIfTI-2, NIfTI-1
    raw = block[at : at + 80].partition(b"\0")[0]
    if len(raw) > _MOST_TEXT:
        raw = raw.rpartition(b";")[0]
    return read_fields(name, ";" + raw.decode("utf-8", "replace"))


def write_coil_nifti(path: str | os.PathLike[str], coil: CoilContent) -> None:
    """Write the vector potential of a coil on a grid, as it lies now, float32.

    Parameters
    ----------
    path : path
        Compressed if it ends in .gz. Appears whole or not at all.
    coil : Coil or CoilContent
        What is sampled on one grid is written as it is, its affine rounded to float32; any other coil is
        sampled first, see `Coil.sampled`.

    Raises
    ------
    FileFormatError
        nibabel is missing.
    CoilError
        More than 32767 points along an axis.

    Warns
    -----
    UserWarning
        The coil has what the format can't hold: flexible parts, names and largest dI/dt of several
        stimulators, text that does not fit.
    """
    try:
        import nibabel  # optional, and slow to import: only who writes an image needs it
    except ImportError:
        raise FileFormatError(
            f"{os.fspath(path)}: NIfTI images need nibabel: pip install headfield[nifti]"
        ) from None
    grids = _grids(coil) or _grids(sampled(coil))
    if grids is None:
        raise CoilError("this coil was not sampled on one grid")
    text, lost = _description(coil)
    lost += only_in_tcd(coil)
    if lost:
        warn(f"{os.fspath(path)}: a NIfTI image does not hold {', '.join(lost)}")
    values, affine = grids
    if max(values.shape) > _LONGEST_AXIS:
        raise CoilError(f"a grid of {values.shape[:3]}: NIfTI images have up to {_LONGEST_AXIS} per axis")
    image = nibabel.Nifti1Image(values, affine)
    image.header.set_xyzt_units("mm")
    image.header["descrip"] = text
    compressed = os.fspath(path).lower().endswith(".gz")
    with replacing(path) as temporary, open(temporary, "wb") as plain:
        if compressed:
            with gzip.GzipFile("", "wb", 4, plain, mtime=0) as file:
                image.to_stream(file)
        else:
            image.to_stream(plain)


def _grids(coil: CoilContent) -> tuple[NDArray[np.float32], NDArray[np.float64]] | None:
    """Return A, (nx, ny, nz, 3) or (nx, ny, nz, 3, s), and its affine; None unless all is on one grid."""
    parts = [coil.sources(stimulator) for stimulator in range(coil.n_stimulators)]
    grids = [grid for _, _, potentials in parts for grid in potentials]
    if not grids or any(len(dipoles) or len(segments) for dipoles, segments, _ in parts):
        return None
    shape, affine = grids[0].shape, grids[0].affine
    if any(grid.shape != shape or not np.array_equal(grid.affine, affine) for grid in grids):
        return None
    sets = [_sum([grid.values for grid in potentials]) for _, _, potentials in parts]
    return (sets[0] if len(sets) == 1 else np.stack(sets, axis=-1)), affine


def _sum(arrays: list[NDArray[np.float32]]) -> NDArray[np.float32]:
    return arrays[0] if len(arrays) == 1 else np.sum(arrays, axis=0, dtype=np.float32)


def _description(coil: CoilContent) -> tuple[bytes, list[str]]:
    """Return the header's free text, and the names of what did not fit."""
    keys = {"name": "the coil's name", "brand": "the coil's brand"}
    if coil.n_stimulators == 1:
        keys = {"didt_max": "the largest dI/dt", "stimulator": "the stimulator's name"} | keys
    text = b""
    lost = []
    for key, what in keys.items():
        try:
            field = ";".join(header_fields({key: getattr(coil, key)})).encode()
        except CoilError:
            field = b" " * _MOST_TEXT
        joined = b";".join(part for part in (text, field) if part)
        if len(joined) <= _MOST_TEXT:
            text = joined
        else:
            lost.append(what)
    return text, lost
