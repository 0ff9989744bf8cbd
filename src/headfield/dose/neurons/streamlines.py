# SPDX-License-Identifier: BSD-3-Clause
"""Streamlines of tractography: their points one after the other, and where these lie in a head."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ...core.arguments import plain_array, vectors
from ...core.messages import plural
from ...errors import DoseError
from ...heads.location import locate
from ...heads.mesh import TetMesh
from ...regions.region import Region

__all__ = ["PlacedStreamlines", "Streamlines", "apart"]

Floats = NDArray[np.float64]

_SAME_MM = 1e-3  # nearer to each other, points are one: no tractography has such steps, and slopes explode
_ON_MESH_MM = 1e-9  # a point that is off by less counts as on the mesh


class Streamlines:
    """Polylines in the coordinates of a mesh, one after the other. Arrays are read-only.

    `read_streamlines` reads them from .trk and .tck files.

    Parameters
    ----------
    points_mm : array_like (n, 3)
        All points, mm.
    starts : array_like (s,) int
        The index of the first point of each streamline, ascending from 0.
    numbers : array_like (s,) int, optional
        What each streamline is called in its file; by default counted from 0.

    Attributes
    ----------
    points_mm : ndarray (n, 3) float64
    starts : ndarray (s,) intp
    numbers : ndarray (s,) intp
    left_out : int
        Streamlines of the file that are not there, for they have no length.

    Raises
    ------
    DoseError
        Points that are not finite, a streamline of one point, or a point that repeats the one before, being
        less than 0.001 mm away; the message has the number of the streamline.

    Examples
    --------
    >>> lines = Streamlines.of([[[0, 0, 0], [0, 0, 1], [0, 0, 2]], [[5, 0, 0], [6, 0, 0]]])
    >>> lines, len(lines), lines.starts.tolist()
    (<Streamlines: 2 streamlines of 5 points>, 2, [0, 3])
    """

    def __init__(
        self, points_mm: ArrayLike, starts: ArrayLike, numbers: ArrayLike | None = None, *, left_out: int = 0
    ) -> None:
        self.points_mm: Floats = vectors(points_mm, "points_mm of streamlines", DoseError)
        self.starts = _whole_numbers(starts, "starts")
        n, s = len(self.points_mm), len(self.starts)
        if not s or self.starts[0] != 0 or (np.diff(self.starts) <= 0).any() or self.starts[-1] >= n:
            raise DoseError(f"starts must ascend from 0 and be below the number of points, {n:,}")
        self.numbers = np.arange(s) if numbers is None else _whole_numbers(numbers, "numbers")
        if len(self.numbers) != s:
            raise DoseError(f"{len(self.numbers):,} numbers for {s:,} streamlines")
        self.left_out = left_out
        self._check_lengths()
        for array in (self.points_mm, self.starts, self.numbers):
            array.flags.writeable = False

    @classmethod
    def of(cls, lines: Sequence[ArrayLike]) -> Streamlines:
        """Make them of a list of polylines, each (·, 3), mm.

        Raises
        ------
        DoseError
            There are none, or one is not (·, 3) finite numbers.
        """
        if not isinstance(lines, Iterable):
            raise DoseError(f"streamlines must be a list of polylines, not {type(lines).__name__}")
        arrays = [vectors(line, f"streamline {i}", DoseError) for i, line in enumerate(lines)]
        if not arrays:
            raise DoseError("there are no streamlines")
        empty = [i for i, line in enumerate(arrays) if not len(line)]
        if empty:
            raise DoseError(f"streamline {empty[0]} has no points")
        return cls(np.concatenate(arrays), np.cumsum([0, *map(len, arrays[:-1])]))

    def __len__(self) -> int:
        return len(self.starts)

    def __repr__(self) -> str:
        points = plural(len(self.points_mm), "point", "points")
        return f"<Streamlines: {plural(len(self), 'streamline', 'streamlines')} of {points}>"

    @property
    def ends(self) -> NDArray[np.intp]:
        """The index of the last point of each streamline, (s,)."""
        return np.append(self.starts[1:], len(self.points_mm)) - 1

    def within(self, mesh: TetMesh, tags: int | ArrayLike | None = None) -> PlacedStreamlines:
        """Find the tetrahedra that the points lie in.

        Parameters
        ----------
        mesh : TetMesh
        tags : int or array_like of int, optional
            Only tetrahedra of these tissues, such as 1, white matter; points elsewhere count as outside.

        Returns
        -------
        PlacedStreamlines

        Raises
        ------
        RegionError
            A tag that no tetrahedron has.
        DoseError
            No point lies in the head: are they in other coordinates than the mesh?

        Examples
        --------
        >>> import headfield as hf
        >>> ball = hf.sphere_mesh([80, 90], [1, 5], edge_mm=20)
        >>> lines = Streamlines.of([[[0, 0, z] for z in range(40, 120, 10)]])
        >>> placed = lines.within(ball, tags=1)
        >>> placed.n_outside, placed.region
        (4, <Region of 4 points>)
        """
        at = locate(mesh, self.points_mm, tags)
        inside = at.distance_mm <= _ON_MESH_MM
        if not inside.any():
            raise DoseError(
                f"none of {plural(len(inside), 'point', 'points')} of the streamlines lies in the "
                f"{'head' if tags is None else 'tissues'}; the nearest is {at.distance_mm.min():.4g} mm "
                "away: are they in the coordinates of the mesh?"
            )
        return PlacedStreamlines(self, Region(mesh, at.element[inside], at.barycentric[inside]), inside)

    def _check_lengths(self) -> None:
        single = np.flatnonzero(self.ends == self.starts)
        if len(single):
            raise DoseError(f"streamline {self.numbers[single[0]]} has one point: it has no direction")
        same = np.flatnonzero(_is_same(np.diff(self.points_mm, axis=0)) & ~self._ends_here()[:-1])
        if len(same):
            line = int(np.searchsorted(self.starts, same[0], side="right")) - 1
            raise DoseError(
                f"point {same[0] - self.starts[line] + 1} of streamline {self.numbers[line]} repeats the one "
                f"before; {plural(len(same), 'point does', 'points do')} in all"
            )

    def _ends_here(self) -> NDArray[np.bool_]:
        """Which points are the last ones of their streamlines, (n,)."""
        last = np.zeros(len(self.points_mm), bool)
        last[self.ends] = True
        return last


class PlacedStreamlines:
    """Streamlines with the tetrahedra of a head that their points lie in; `Streamlines.within` makes them.

    Attributes
    ----------
    streamlines : Streamlines
    region : Region
        The points that lie in the head, in their order: what `HeadModel.solve` takes as `roi`.
    inside : ndarray (n,) bool
        Which points these are.
    """

    def __init__(self, streamlines: Streamlines, region: Region, inside: NDArray[np.bool_]) -> None:
        self.streamlines, self.region, self.inside = streamlines, region, inside
        inside.flags.writeable = False

    def __repr__(self) -> str:
        return (
            f"<PlacedStreamlines: {self.streamlines!r}, {plural(self.n_outside, 'point', 'points')} outside>"
        )

    @property
    def n_outside(self) -> int:
        """How many points lie outside of the head, or of the tissues."""
        return len(self.inside) - len(self.region)


def apart(line: Floats) -> Floats:
    """Return a polyline (n, 3) without the points that are less than 0.001 mm from the one before, mm.

    Examples
    --------
    >>> apart(np.array([[0, 0, 0], [0, 0, 6e-4], [0, 0, 1.2e-3], [0, 0, 1]])).tolist()
    [[0.0, 0.0, 0.0], [0.0, 0.0, 0.0012], [0.0, 0.0, 1.0]]
    """
    if not _is_same(np.diff(line, axis=0)).any():
        return line
    kept = [0]
    for i in range(1, len(line)):
        if not _is_same(line[i] - line[kept[-1]]):
            kept.append(i)
    return line[kept]


def _is_same(steps_mm: Floats) -> NDArray[np.bool_]:
    return np.asarray(np.linalg.norm(steps_mm, axis=-1) < _SAME_MM)


def _whole_numbers(values: ArrayLike, name: str) -> NDArray[np.intp]:
    array: NDArray[Any] = plain_array(values, name, DoseError)
    if array.ndim != 1 or array.dtype.kind not in "iu":
        raise DoseError(f"{name} must be whole numbers of shape (s,), not {array.dtype} of {array.shape}")
    return array.astype(np.intp)
