# SPDX-License-Identifier: BSD-3-Clause
"""What is looked at in an HDF5 file before a library reads it: where its data lie, and how many there are.

An HDF5 file can name other files as the place of its data, by external links, external storage and virtual
datasets: who reads it reads those, whatever they are. And it can announce any number of values without
holding one.
"""

from __future__ import annotations

import math
import os
from typing import Any

from ..errors import HeadfieldError
from .growth import most_unpacked

__all__ = ["bytes_read", "check_hdf5"]

_MOST_OBJECTS = 100_000


def check_hdf5(path: str | os.PathLike[str], error: type[HeadfieldError]) -> None:
    """Raise `error` if data of an HDF5 file lie elsewhere, or would take far more memory than the file.

    A file that is not HDF5 passes, as does any where h5py is not installed: there nothing can read it. The
    message does not name the file.

    Raises
    ------
    OSError, RuntimeError, ValueError, KeyError
        What h5py makes of a damaged file.
    """
    try:
        import h5py  # type: ignore[import-untyped]  # here, because only some mesh files need it
    except ImportError:
        return
    if not h5py.is_hdf5(path):
        return
    most = most_unpacked(os.path.getsize(path))
    with h5py.File(path, "r") as file:
        left, seen, taken = [file["/"]], set(), 0
        while left:
            here = left.pop()
            address = h5py.h5o.get_info(here.id).addr
            if address in seen:
                continue
            seen.add(address)
            if len(seen) > _MOST_OBJECTS:
                raise error(f"its HDF5 groups hold more than {_MOST_OBJECTS:,} objects")
            if isinstance(here, h5py.Group):
                left += _members(here, h5py, error)
            elif isinstance(here, h5py.Dataset):
                taken += _size(here, error)
            if taken > most:
                raise error(
                    f"its HDF5 dataset {here.name!r} and those before it would take {taken:,} bytes, far "
                    "more than a file of its size holds"
                )


def _members(group: Any, h5py: Any, error: type[HeadfieldError]) -> list[Any]:
    """Return what a group holds. A link to another place in this file is left out: it is found there."""
    found = []
    for name in group:
        link = group.get(name, getlink=True)
        if isinstance(link, h5py.ExternalLink):
            raise error(
                f"its HDF5 object {group.name.rstrip('/')}/{name} is a link to another file, "
                f"{link.filename[:200]!r}: such links are not followed"
            )
        if isinstance(link, h5py.HardLink):
            found.append(group[name])
    return found


def _size(dataset: Any, error: type[HeadfieldError]) -> int:
    """Return the bytes that reading a dataset takes; raise `error` if its data lie in another file."""
    if dataset.is_virtual:
        raise error(f"its HDF5 dataset {dataset.name!r} is a view of other datasets, which is not followed")
    if dataset.external:
        raise error(
            f"the data of its HDF5 dataset {dataset.name!r} lie in another file, "
            f"{dataset.external[0][0][:200]!r}: it is not opened"
        )
    return bytes_read(dataset)


def bytes_read(dataset: Any) -> int:
    """Return the bytes that reading a dataset takes, of which a chunk is read as a whole."""
    shapes = [dataset.shape or (), dataset.chunks or ()]
    return max(math.prod(shape) for shape in shapes) * int(dataset.dtype.itemsize)
