# SPDX-License-Identifier: BSD-3-Clause
"""Results of a job as arrays of other packages: xarray, HDF5, Zarr. Here `results` is a `Results`."""

from __future__ import annotations

import importlib
import os
import shutil
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import ArgumentError, MissingPackageError
from ..io.atomic import replacing

__all__ = ["to_hdf5", "to_xarray", "to_zarr"]


def _package(name: str, extra: str) -> Any:
    try:
        return importlib.import_module(name)
    except ImportError as problem:
        raise MissingPackageError(f"{name} is missing (pip install {extra})") from problem


def _spread(results: Any, name: str) -> NDArray[Any]:
    """Return a column (heads, coils, poses), nan, or false, where there is nothing."""
    table, shape = (
        results.table,
        (len(results.heads), len(results.coils), max(results.layout.counts.values())),
    )
    values = table[name]
    of_truth = values.dtype == bool
    made = np.zeros(shape, bool) if of_truth else np.full(shape, np.nan)
    rows = [results.heads.index(str(one)) for one in table["head"]]
    columns = [results.coils.index(str(one)) for one in table["coil"]]
    made[rows, columns, table["pose"]] = values
    return made


def to_xarray(results: Any, fields: bool) -> Any:
    """See `Results.to_xarray`."""
    xarray = _package("xarray", "xarray")
    axes = ("head", "coil", "pose")
    held: dict[str, Any] = {name: (axes, _spread(results, name)) for name in results.columns}
    if fields:
        held |= _fields(results, axes)
    poses = np.arange(max(results.layout.counts.values()))
    return xarray.Dataset(held, {"head": list(results.heads), "coil": list(results.coils), "pose": poses})


def _fields(results: Any, axes: tuple[str, ...]) -> dict[str, Any]:
    array = _package("dask.array", "dask")
    if len(results.heads) > 1:
        raise ArgumentError("fields of several heads have different places: read them head by head with E")
    if not results.done:
        raise ArgumentError("no pose is done")
    made = {}
    for name, first in results.fields(results.done[0]).items():
        of_coils = []
        for part in results.layout.parts:
            pieces = []
            for chunk in results.layout.of_part(part):
                shape = (chunk.count, *first.shape[1:])
                if chunk in results.done:
                    lazy = _delayed(results, chunk, name)
                    pieces.append(array.from_delayed(lazy, shape, np.float32))
                else:
                    pieces.append(array.full(shape, np.nan, dtype=np.float32))
            of_coils.append(array.concatenate(pieces))
        made[name] = ((*axes, "place", "xyz")[: 2 + first.ndim], array.stack(of_coils)[None])
    return made


def _delayed(results: Any, chunk: Any, name: str) -> Any:
    dask = _package("dask", "dask")
    return dask.delayed(lambda: results.fields(chunk)[name], pure=False)()


def to_hdf5(results: Any, path: str | os.PathLike[str]) -> None:
    """See `Results.to_hdf5`."""
    h5py = _package("h5py", "headfield[hdf5]")
    with replacing(path) as temporary, h5py.File(temporary, "w") as file:
        text = h5py.string_dtype()

        def create(group: str, name: str, shape: tuple[int, ...], dtype: Any) -> Any:
            kind = text if dtype is str else dtype
            return file.require_group(group).create_dataset(name, shape, kind, **_filled(dtype, "fillvalue"))

        _write(results, create)


def to_zarr(results: Any, path: str | os.PathLike[str]) -> None:
    """See `Results.to_zarr`."""
    zarr = _package("zarr", "'zarr>=3'")
    target = Path(path)
    if target.exists():
        raise ArgumentError(f"{target} is there already")
    temporary = target.with_name(f".{target.name}.{os.getpid()}.part")
    try:
        root = zarr.open_group(str(temporary), mode="w")

        def create(group: str, name: str, shape: tuple[int, ...], dtype: Any) -> Any:
            whole = root.require_group(group)
            chunks = (min(shape[0], results.layout.size), *shape[1:])
            return whole.create_array(
                name, shape=shape, dtype=dtype, chunks=chunks, **_filled(dtype, "fill_value")
            )

        _write(results, create)
        os.replace(temporary, target)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _filled(dtype: Any, word: str) -> dict[str, Any]:
    return {word: np.nan} if dtype is not str and np.dtype(dtype).kind == "f" else {}


def _write(results: Any, create: Any) -> None:
    """Write the numbers and fields of each coil in each head; what is not done is nan."""
    table = results.table
    for part in results.layout.parts:
        group = f"{part.head}/{part.coil}"
        rows = (table["head"] == part.head) & (table["coil"] == part.coil)
        poses = table["pose"][rows]
        done = np.zeros(part.poses, bool)
        done[poses] = True
        create(group, "done", done.shape, bool)[:] = done
        names = np.full(part.poses, "", object)
        names[poses] = table["name"][rows]
        create(group, "name", names.shape, str)[:] = names
        for name in results.columns:
            whole = np.zeros(part.poses, bool) if table[name].dtype == bool else np.full(part.poses, np.nan)
            whole[poses] = table[name][rows]
            create(group, name, whole.shape, whole.dtype)[:] = whole
        held: dict[str, Any] = {}
        for chunk in results.layout.of_part(part):
            if chunk not in results.done:
                continue
            for name, values in results.fields(chunk).items():
                if name not in held:
                    held[name] = create(group, name, (part.poses, *values.shape[1:]), np.float32)
                held[name][chunk.first : chunk.first + chunk.count] = values
