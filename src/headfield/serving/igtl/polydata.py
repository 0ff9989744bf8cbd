# SPDX-License-Identifier: BSD-3-Clause
"""Contents of POLYDATA messages of OpenIGTLink: points, cells, and numbers at either."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ...errors import ArgumentError, NetworkError

__all__ = ["Attribute", "PolyData", "Template", "polydata", "read_polydata"]

_FRONT = struct.Struct(">10I")
_ATTRIBUTE = struct.Struct(">BBI")
_COMPONENTS = {"vector": 3, "normal": 3, "tensor": 9, "rgba": 4}
_KINDS = ("scalar", "vector", "normal", "tensor", "rgba")
_OF_CELLS = 0x10


class Attribute(NamedTuple):
    """Numbers at points or cells.

    Attributes
    ----------
    name : str
    data : ndarray (count,) or (count, components) float32
    kind : {"scalar", "vector", "normal", "tensor", "rgba"}
    of_cells : bool
    """

    name: str
    data: NDArray[np.float32]
    kind: str = "scalar"
    of_cells: bool = False


@dataclass(frozen=True, eq=False)
class PolyData:
    """What a POLYDATA holds.

    Attributes
    ----------
    points : ndarray (n, 3) float32
    vertices, lines, polygons, strips : sequence of sequence of int
        The points of each cell; an array (f, k) where all have k.
    attributes : sequence of Attribute
    """

    points: ArrayLike
    vertices: Sequence[Any] | NDArray[Any] = ()
    lines: Sequence[Any] | NDArray[Any] = ()
    polygons: Sequence[Any] | NDArray[Any] = ()
    strips: Sequence[Any] | NDArray[Any] = ()
    attributes: Sequence[Attribute] = ()


class Template:
    """A surface whose numbers change: what is the same in each message is packed once.

    Parameters
    ----------
    shape : PolyData
        Its attributes say names and kinds; their data are left out.
    """

    def __init__(self, shape: PolyData) -> None:
        points = np.asarray(shape.points, ">f4")
        if points.ndim != 2 or points.shape[1] != 3:
            raise ArgumentError(f"points must have the shape (n, 3), not {points.shape}")
        kinds = (shape.vertices, shape.lines, shape.polygons, shape.strips)
        cells = [_packed_cells(some, len(points)) for some in kinds]
        sizes = [n for count, data in cells for n in (count, len(data))]
        counts = len(points), sum(count for count, _ in cells)
        heads = [_packed_head(one, counts[one.of_cells]) for one in shape.attributes]
        names = b"".join(one.name.encode() + b"\0" for one in shape.attributes)
        names += b"\0" * (len(names) % 2)
        front = _FRONT.pack(len(points), *sizes, len(heads))
        self._start = b"".join([front, points.tobytes(), *(data for _, data in cells), *heads, names])
        self._counts = [
            head[1] * counts[one.of_cells] for head, one in zip(heads, shape.attributes, strict=True)
        ]

    def filled(self, *data: NDArray[Any]) -> bytes:
        """Return the content with the data of each attribute.

        Raises
        ------
        ArgumentError
            Data of another size.
        """
        if [values.size for values in data] != self._counts:
            raise ArgumentError(f"{[values.size for values in data]} numbers where {self._counts} are needed")
        return b"".join([self._start, *(np.asarray(values, ">f4").tobytes() for values in data)])


def polydata(shape: PolyData) -> bytes:
    """Return the content of a POLYDATA.

    Raises
    ------
    ArgumentError
        Cells of points that there are not, or attributes of another size or of an unknown kind.

    Examples
    --------
    >>> points = np.eye(3, dtype=np.float32)
    >>> shape = PolyData(points, polygons=[[0, 1, 2]], attributes=[Attribute("E", np.arange(3, dtype="f4"))])
    >>> content = polydata(shape)
    >>> len(content), read_polydata(content).attributes[0].data
    (112, array([0., 1., 2.], dtype=float32))
    """
    return Template(shape).filled(*(one.data for one in shape.attributes))


def read_polydata(content: bytes) -> PolyData:
    """Return what a POLYDATA holds.

    Raises
    ------
    NetworkError
        Sizes that don't fit each other or the message, or cells of points that there are not.
    """
    if len(content) < _FRONT.size:
        raise NetworkError(f"a POLYDATA of {len(content)} bytes, at least {_FRONT.size} are needed")
    n_points, *sizes, n_attributes = _FRONT.unpack_from(content)
    rest = _Rest(content, _FRONT.size)
    points = rest.floats(3 * n_points).reshape(n_points, 3)
    cells, n_cells = [], 0
    for count, size in zip(sizes[::2], sizes[1::2], strict=True):
        cells.append(_read_cells(rest.take(size), count, n_points))
        n_cells += count
    heads = list(_ATTRIBUTE.iter_unpack(rest.take(n_attributes * _ATTRIBUTE.size)))
    names = _read_names(rest, n_attributes)
    counts = n_points, n_cells
    attributes = [_read_attribute(rest, name, head, counts) for name, head in zip(names, heads, strict=True)]
    if rest.left:
        raise NetworkError(f"{rest.left} bytes after the POLYDATA")
    return PolyData(points, cells[0], cells[1], cells[2], cells[3], tuple(attributes))


class _Rest:
    """The part of a content that was not read yet."""

    def __init__(self, content: bytes, at: int) -> None:
        self._content, self._at = content, at

    @property
    def left(self) -> int:
        return len(self._content) - self._at

    def take(self, size: int) -> bytes:
        if size > self.left:
            raise NetworkError(f"a POLYDATA that ends {size - self.left} bytes too early")
        self._at += size
        return self._content[self._at - size : self._at]

    def until_nul(self) -> bytes:
        end = self._content.find(b"\0", self._at)
        if end < 0:
            raise NetworkError("a POLYDATA with a name that does not end")
        return self.take(end + 1 - self._at)[:-1]

    def floats(self, count: int) -> NDArray[np.float32]:
        return np.frombuffer(self.take(4 * count), ">f4").astype(np.float32)


def _packed_cells(cells: Sequence[Any] | NDArray[Any], n_points: int) -> tuple[int, bytes]:
    """Return how many there are, and the counts and points of each."""
    if not len(cells):
        return 0, b""
    if isinstance(cells, np.ndarray) and cells.ndim == 2:
        table = np.column_stack([np.full(len(cells), cells.shape[1]), cells]).astype(np.int64).ravel()
        points = cells
    else:
        table = np.concatenate([[len(cell), *cell] for cell in cells]).astype(np.int64)
        points = np.concatenate([np.asarray(cell, np.int64) for cell in cells])
    if points.size and not 0 <= points.min() <= points.max() < n_points:
        raise ArgumentError(
            f"cells have points from {points.min()} to {points.max()}, of {n_points:,} there are"
        )
    return len(cells), table.astype(">u4").tobytes()


def _read_cells(data: bytes, count: int, n_points: int) -> Any:
    if len(data) % 4 or (count > len(data) // 4):
        raise NetworkError(f"{count} cells of {len(data)} bytes")
    table = np.frombuffer(data, ">u4").astype(np.uint32)
    if count == 0:
        if len(table):
            raise NetworkError(f"no cells, but {len(data)} bytes of them")
        return []
    width = int(table[0]) + 1
    if len(table) == count * width and (table[::width] == width - 1).all():
        cells: Any = table.reshape(count, width)[:, 1:]
        points = cells
    else:
        cells, at = [], 0
        for _ in range(count):
            end = at + 1 + int(table[at]) if at < len(table) else at
            if end > len(table) or end == at:
                raise NetworkError("cells that are longer than what holds them")
            cells.append(table[at + 1 : end])
            at = end
        if at != len(table):
            raise NetworkError(f"{4 * (len(table) - at)} bytes after the cells")
        points = np.concatenate(cells)
    if points.size and points.max() >= n_points:
        raise NetworkError(f"a cell with point {points.max()} of {n_points}")
    return cells


def _packed_head(one: Attribute, count: int) -> bytes:
    if one.kind not in _KINDS or not one.name or "\0" in one.name:
        raise ArgumentError(f"an attribute {one.name!r} of kind {one.kind!r} can't be sent")
    components = _COMPONENTS.get(one.kind) or (one.data.shape[1] if one.data.ndim > 1 else 1)
    if not 1 <= components <= 255:
        raise ArgumentError(f"attribute {one.name!r} has {components} components")
    return _ATTRIBUTE.pack(_KINDS.index(one.kind) + _OF_CELLS * one.of_cells, components, count)


def _read_names(rest: _Rest, count: int) -> list[str]:
    names, size = [], 0
    for _ in range(count):
        raw = rest.until_nul()
        size += len(raw) + 1
        names.append(raw.decode("utf-8", "replace"))
    rest.take(size % 2)
    return names


def _read_attribute(rest: _Rest, name: str, head: tuple[int, int, int], counts: tuple[int, int]) -> Attribute:
    code, components, count = head
    of_cells, kind = divmod(code, _OF_CELLS)
    if of_cells > 1 or kind >= len(_KINDS):
        raise NetworkError(f"an attribute {name!r} of type {code}")
    wanted = _COMPONENTS.get(_KINDS[kind], components)
    if count != counts[of_cells] or components != wanted or not components:
        raise NetworkError(f"an attribute {name!r} of {count} × {components} numbers")
    data = rest.floats(count * components)
    return Attribute(name, data if components == 1 else data.reshape(count, -1), _KINDS[kind], bool(of_cells))
