# SPDX-License-Identifier: BSD-3-Clause
"""What is kept of each pose, on one head: numbers and fields of a batch, as they are stored."""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from ...core.device import beside, is_on_gpu, on_host
from ...errors import ArgumentError
from ...fields.field import Field
from ...fields.run import digest
from ...fields.write import magnitudes
from ...regions.region import Region
from .columns import REPORTED, column_names, numbers_of
from .encoding import encoded
from .places import Places

__all__ = ["Kept"]

_VERSION = 1  # of what columns mean: another one makes other digests
# Poses: their |E| in float64 and its order lie in memory beside the batch, in each process.
_AT_A_TIME = {False: 2, True: 8}  # on the host, on a GPU


class Asked(Protocol):
    """What is asked for; `Outputs` is one."""

    @property
    def keep(self) -> Any: ...
    @property
    def percentiles(self) -> Any: ...
    @property
    def storage(self) -> str: ...


class Kept:
    """What is kept of each pose of a head; `Outputs.bind` makes it. It can be pickled.

    Attributes
    ----------
    elements : ndarray (e,) int32, or None
        What E is to be solved in, as `HeadModel.iter_solve` takes it: the tetrahedra of region and target.
    roi : Region, or None
        The same where the region is one of points; one of the two is None.
    region : Region
        Where the numbers are from, and what `E` and `magnE` are given in.
    target : Region, or None
    content : str
        Digest of what is kept: of elements, points and weights, not of words.
    columns : tuple of str
        Names of the numbers of a pose, with their units: see docs/outputs.md.
    bytes_per_pose : int
        Bytes of a pose, at most; "lossless" takes less.
    """

    def __init__(self, asked: Asked, places: Places) -> None:
        self.region, self.target = places.region, places.target
        self._nearest, self._keep, self._storage = places.nearest, tuple(asked.keep), asked.storage
        self._percentiles = tuple(asked.percentiles)
        self.columns = column_names(self.region, self.target, self._nearest, self._percentiles)
        self.roi = None if self.region.is_volume else self.region
        self.elements: NDArray[np.int32] | None = None
        if self.roi is None:
            others = [] if self.target is None else [self.target.elements]
            self.elements = np.unique(np.concatenate([self.region.elements, *others]))
        self.content = digest(
            _VERSION,
            self._keep,
            self._storage,
            self._percentiles,
            *_content(self.region),
            *_content(self.target),
            self._nearest,
        )

    def __repr__(self) -> str:
        of = repr(self.region)[len("<Region of ") : -1]
        target = "" if self.target is None else f"; target of {repr(self.target)[len('<Region of ') : -1]}"
        return f"<Kept: {', '.join(self._keep)} in {of}{target}>"

    @property
    def bytes_per_pose(self) -> int:
        size = sum(REPORTED[name].itemsize if name in REPORTED else 8 for name in self.columns)
        each = (2 if self._storage == "float16" else 4) * len(self.region)
        if "E" in self._keep:
            return size + 3 * each + 8
        return size + (each + 8 if "magnE" in self._keep else 0)

    def of(self, field: Field) -> dict[str, NDArray[Any]]:
        """Return what is kept of the poses of a batch, as it is stored.

        Parameters
        ----------
        field : Field
            Solved in `elements` or `roi`, or in more tetrahedra. Where E is a CuPy array, the numbers are
            computed on its GPU, and nothing else is brought over unless fields are kept.

        Returns
        -------
        dict of str to ndarray
            The `columns` (k,), and the arrays of |E| or E that `decoded` reads. Poses that did not converge
            are NaN.

        Raises
        ------
        ArgumentError
            The field is not given where region and target are.

        Examples
        --------
        >>> import headfield as hf
        >>> from headfield.jobs import Outputs, decoded
        >>> model = hf.HeadModel(hf.sphere_mesh(radii_mm=[80, 86, 92], tags=[2, 4, 5], edge_mm=14))
        >>> kept = Outputs(keep=["metrics", "magnE"]).bind(model.mesh)
        >>> coil = hf.figure_of_eight()
        >>> field = model.solve(coil, model.place(coil, [0, 0, 92], [0, 50, 92]), elements=kept.elements)
        >>> made = decoded(kept.of(field))
        >>> bool(made["max_magnE_V_per_m"][0] == made["magnE"][0].max())
        True
        """
        region, target = self._rows(field)
        good = np.flatnonzero(field.report.converged)
        made = _reported(field) | {
            name: np.full(len(field), np.nan) for name in self.columns if name not in REPORTED
        }
        step = _AT_A_TIME[is_on_gpu(field.E)]
        for begin in range(0, len(good), step):
            poses = good[begin : begin + step]
            E = field.E.take(beside(field.E, poses), axis=0)
            for name, values in self._numbers(E, region, target).items():
                made[name][poses] = on_host(values)
        return made | self._fields(field, region)

    def _numbers(self, E: Any, region: Any, target: Any) -> dict[str, Any]:
        of_target = None if self.target is None else (self.target, _taken(E, target), self._nearest)
        return numbers_of(self.region, magnitudes(_taken(E, region)), self._percentiles, of_target)

    def _fields(self, field: Field, region: NDArray[np.intp] | None) -> dict[str, NDArray[Any]]:
        name = "E" if "E" in self._keep else "magnE"
        if name not in self._keep:
            return {}
        E = _taken(field.E, region)
        values = np.array(on_host(E if name == "E" else magnitudes(E)))
        values[~field.report.converged] = np.nan
        return encoded(name, values, self._storage)

    def _rows(self, field: Field) -> tuple[NDArray[np.intp] | None, NDArray[np.intp] | None]:
        """Return where region and target are in the E of a field; None for a region that is all of it."""
        if field.at_points:
            if self.roi is None or not _same_points(field.region, self.roi):
                raise ArgumentError("the field is given at other points than what is kept of it")
            return None, None if self.target is None else _places_in(self.roi, self.target)
        region = _indices(self.region.elements, field.elements)
        whole = field.elements is not None and len(region) == len(field.elements) and self.region.is_volume
        target = None if self.target is None else _indices(self.target.elements, field.elements)
        return None if whole else region, target


def _taken(E: Any, rows: NDArray[np.intp] | None) -> Any:
    """Return E in some of its places, in C order, on which the bits of sums depend."""
    return E if rows is None else E.take(beside(E, rows), axis=1)


def _reported(field: Field) -> dict[str, NDArray[Any]]:
    """Return the columns that the report of a solve has."""
    report, made = field.report, {}
    for name, dtype in REPORTED.items():
        values = getattr(report, name)
        made[name] = np.full(len(field), np.nan) if values is None else np.array(values, dtype)
    return made


def _content(region: Region | None) -> tuple[Any, ...]:
    if region is None:
        return (None,)
    return region.elements, region.barycentric, region.weights, region.normals


def _same_points(one: Region | None, other: Region) -> bool:
    return (
        one is not None
        and np.array_equal(one.elements, other.elements)
        and np.array_equal(np.asarray(one.barycentric), np.asarray(other.barycentric))
    )


def _places_in(region: Region, part: Region) -> NDArray[np.intp]:
    """Return which points of a region those of its part are."""
    rows = [np.column_stack([one.elements, np.asarray(one.barycentric)]).tolist() for one in (region, part)]
    number = {tuple(row): i for i, row in enumerate(rows[0])}
    return np.array([number[tuple(row)] for row in rows[1]], np.intp)


def _indices(wanted: NDArray[np.int32], there: NDArray[np.int32] | None) -> NDArray[np.intp]:
    """Return where tetrahedra are among those that a field is given in, ascending or not; None for all."""
    if there is None:
        return wanted.astype(np.intp)
    order = np.argsort(there, kind="stable")
    found = np.searchsorted(there, wanted, sorter=order).clip(max=len(there) - 1)
    rows = order[found]
    missing = int((there[rows] != wanted).sum())
    if missing:
        raise ArgumentError(
            f"{missing:,} of {len(wanted):,} tetrahedra that numbers are wanted from have no E in the field"
        )
    return rows
