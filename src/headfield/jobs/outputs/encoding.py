# SPDX-License-Identifier: BSD-3-Clause
"""Make fields of poses small, and large again: float16 with its error, or the same bits packed.

A field of float16 has one scale per pose, a power of two by which its largest component comes to 2¹⁴ to 2¹⁵:
then nothing overflows, and what is above 2·10⁻⁹ of the largest component keeps 11 bits. Packed are the bytes
of float32, sorted by their place in the number, by zlib: exponents, which are alike, come to lie together.
All arrays of several batches can be joined along their first axis.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...errors import FileFormatError
from ...fields.half import halved, restored
from ...fields.write import magnitudes

__all__ = ["STORAGES", "decoded", "encoded"]

STORAGES = ("float32", "float16", "lossless")

Arrays = dict[str, NDArray[Any]]

_FIELDS = {"E": (3,), "magnE": ()}
_LEVEL = 6  # of zlib; more takes longer and saves nothing


def encoded(name: str, values: NDArray[np.float32], storage: str) -> Arrays:
    """Return the arrays that hold a field of some poses.

    Parameters
    ----------
    name : {"E", "magnE"}
    values : ndarray (k, e, 3) or (k, e) float32
        NaN in poses that have no field.
    storage : {"float32", "float16", "lossless"}

    Returns
    -------
    dict of str to ndarray
        float32: `E`. float16: `E` (k, e, 3) float16, `E_scale` (k,) float32, by which it is to be multiplied,
        and `E_error` (k,) float32, the largest |error| of what is read relative to |E| of the same place.
        lossless: `E_packed`, uint8, pose after pose, and `E_bytes` (k,) int64, how many are of each.

    Examples
    --------
    >>> made = encoded("magnE", np.array([[1.0, 1 / 3]], np.float32), "float16")
    >>> made["magnE"].dtype, bool(made["magnE_error"][0] < 2**-11)
    (dtype('float16'), True)
    """
    if storage == "float16":
        half = [halved(one) for one in values]
        return {
            name: np.array([one.values for one in half]).reshape(values.shape),
            f"{name}_scale": np.array([one.scale for one in half], np.float32),
            f"{name}_error": np.array([one.error for one in half], np.float32),
        }
    if storage == "lossless":
        packed = [zlib.compress(_shuffled(one), _LEVEL) for one in values]
        return {
            f"{name}_packed": np.frombuffer(b"".join(packed), np.uint8),
            f"{name}_bytes": np.array([len(one) for one in packed], np.int64),
        }
    return {name: values}


def decoded(arrays: Mapping[str, NDArray[Any]], meta: Mapping[str, Any] | None = None) -> Arrays:
    """Undo what `Kept.of` did to be small: fields are float32 again, and |E| is there wherever E is.

    Parameters
    ----------
    arrays : mapping of str to ndarray
        Of one or more batches of one job, joined along the first axis.
    meta : mapping, optional
        Not needed: the arrays say how they are stored.

    Returns
    -------
    dict of str to ndarray
        The columns as they are, `E` (k, e, 3) and `magnE` (k, e) float32, V/m, as far as they were kept;
        NaN in poses that did not converge.

    Raises
    ------
    FileFormatError
        Packed bytes that are damaged.

    Examples
    --------
    >>> values = np.array([[[3.0, 0.0, 4.0]]], np.float32)
    >>> back = decoded({"pose": np.array([7]), **encoded("E", values, "lossless")})
    >>> back["E"].tolist(), back["magnE"].tolist(), back["pose"].tolist()
    ([[[3.0, 0.0, 4.0]]], [[5.0]], [7])
    """
    made = dict(arrays)
    for name, of_place in _FIELDS.items():
        if f"{name}_packed" in made:
            made[name] = _unpacked(made.pop(f"{name}_packed"), made.pop(f"{name}_bytes"), of_place)
        elif f"{name}_scale" in made:
            scales = made.pop(f"{name}_scale")
            halves = zip(made[name], scales, strict=True)
            made[name] = np.array([restored(*one) for one in halves], np.float32).reshape(made[name].shape)
    if "E" in made:
        made["magnE"] = magnitudes(made["E"])
    return made


def _shuffled(values: NDArray[np.float32]) -> bytes:
    return np.ascontiguousarray(values, "<f4").reshape(-1).view(np.uint8).reshape(-1, 4).T.tobytes()


def _unpacked(
    packed: NDArray[np.uint8], sizes: NDArray[np.int64], of_place: tuple[int, ...]
) -> NDArray[np.float32]:
    ends = np.cumsum(sizes).tolist()
    if (sizes < 0).any() or (ends[-1] if ends else 0) != len(packed):
        raise FileFormatError("the packed bytes of a field are not as many as its poses have")
    if not len(sizes):
        return np.zeros((0, 0, *of_place), np.float32)
    try:
        rows = [
            zlib.decompress(packed[end - size : end].tobytes())
            for end, size in zip(ends, sizes.tolist(), strict=True)
        ]
        bytes_of = np.array([np.frombuffer(row, np.uint8).reshape(4, -1).T.reshape(-1) for row in rows])
        return bytes_of.view("<f4").astype(np.float32).reshape(len(rows), -1, *of_place)
    except (zlib.error, ValueError) as problem:
        raise FileFormatError(f"the packed bytes of a field are damaged: {problem}") from problem
