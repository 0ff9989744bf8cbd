# SPDX-License-Identifier: BSD-3-Clause
"""What a job is to keep of each pose, as it is written down: it becomes a `Kept` on a head."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ...core.arguments import is_whole, positive
from ...core.messages import check_names, nearest_name
from ...errors import ArgumentError
from ...heads.mesh import TetMesh
from ...heads.points import coordinates, find_point
from ...metrics.arguments import percents_of
from ...regions.words import Find, roi
from .encoding import STORAGES
from .kept import Kept
from .places import is_region, places_of

__all__ = ["Outputs"]

_KEPT = ("metrics", "magnE", "E")
_MOST_PERCENTILES = 100


@dataclass(frozen=True, kw_only=True)
class Outputs:
    """What is kept of each pose.

    Attributes
    ----------
    keep : tuple of {"metrics", "magnE", "E"}
        A row of numbers; |E|, and E, in every tetrahedron or point of the region. |E| is not stored beside E:
        it is computed from E when that is read.
    roi : str, optional
        The region, in the words of `headfield solve --roi`. By default all of `tissues`.
    tissues : tuple of int or str, optional
        Only in these tissues, by tag or by the name that they have in each head. By default all of `roi`;
        without that gray matter, tag 2.
    target : str, optional
        A point, in words: x,y,z in mm, mni:x,y,z, the name of an electrode or of one of
        `headfield.targets`; it stands for the tetrahedra of gray matter (of `tissues` where they are given)
        within `target_radius_mm`, or the points of the region if that is one of points. Or a region in the
        words of `roi`, such as labels:ATLAS.nii.gz:7 or mid-layer:X,Y,Z,R.
    target_radius_mm : float
    percentiles : tuple of float
        Of |E|, by volume, 0 to 100.
    storage : {"float32", "float16", "lossless"}
        How |E| and E are stored: see `headfield.jobs.outputs.encoding`.

    Raises
    ------
    ArgumentError
        What is not one of these, or words that are no region or point.

    Examples
    --------
    >>> outputs = Outputs(target="-40,-8,50", percentiles=(50, 99))
    >>> Outputs.from_dict(outputs.to_dict()) == outputs
    True
    >>> Outputs(keep=["metrics", "magne"])
    Traceback (most recent call last):
    ...
    headfield.errors.ArgumentError: keep: 'magne' is none of metrics, magnE, E, did you mean 'magnE'?
    """

    keep: Sequence[str] = ("metrics",)
    roi: str | None = None
    tissues: Sequence[int | str] | None = None
    target: str | None = None
    target_radius_mm: float = 10.0
    percentiles: Sequence[float] = (50.0, 95.0, 99.0, 99.9)
    storage: str = "float32"

    def __post_init__(self) -> None:
        self._set("keep", tuple(name for name in _KEPT if name in _checked_names(self.keep)))
        _check_text(self.roi, "roi")
        _check_text(self.target, "target")
        if self.roi is not None:
            roi(self.roi)
        if self.target is not None:
            (roi if is_region(self.target) else coordinates)(self.target)
        self._set("tissues", _tissues(self.tissues))
        self._set("target_radius_mm", positive(self.target_radius_mm, "target_radius_mm", ArgumentError))
        self._set("percentiles", _percentiles(self.percentiles))
        if self.storage not in STORAGES:
            raise ArgumentError(f"storage must be one of {', '.join(STORAGES)}, not {self.storage!r}")

    def _set(self, name: str, value: Any) -> None:
        object.__setattr__(self, name, value)

    def to_dict(self) -> dict[str, Any]:
        """Return what JSON and TOML can hold."""
        plain = {name: list(v) if isinstance(v, tuple) else v for name, v in vars(self).items()}
        return {name: value for name, value in plain.items() if value is not None}

    @classmethod
    def from_dict(cls, given: Mapping[str, Any]) -> Outputs:
        """Make it of what `to_dict` returned; ArgumentError for names that it doesn't have."""
        if not isinstance(given, Mapping):
            raise ArgumentError(f"outputs must be a table of names and values, not {type(given).__name__}")
        check_names(given, [one.name for one in dataclasses.fields(cls)], "outputs have no")
        return cls(**given)

    def bind(self, mesh: TetMesh, find: Find = find_point, base: str | os.PathLike[str] = "") -> Kept:
        """Find region and target in a head.

        Parameters
        ----------
        mesh : TetMesh
        find : callable, optional
            Returns the point (3,), mm, that words mean in this head, such as `Subject.point`. By default only
            words that are coordinates of the head mean one.
        base : path
            Folder that names of files in `roi` and `target` are relative to.

        Returns
        -------
        Kept

        Raises
        ------
        RegionError
            There is nothing of region or target in the head.
        HeadfieldError, OSError
            See `headfield.regions` and `find`.

        Examples
        --------
        >>> from headfield import phantom_head
        >>> Outputs(target="-40,-8,50").bind(phantom_head(edge_mm=8))
        <Kept: metrics in 9,380 tetrahedra, 249,950 mm³; target of 49 tetrahedra, 1,242 mm³>
        """
        return Kept(self, places_of(self, mesh, find, base))


def _check_text(value: Any, name: str) -> None:
    if value is not None and not isinstance(value, str):
        raise ArgumentError(f'{name} must be words, such as "-40,-8,50" in quotes, not {value!r}')


def _checked_names(keep: Any) -> Sequence[str]:
    names = [keep] if isinstance(keep, str) else keep
    if not isinstance(names, Sequence) or not names:
        raise ArgumentError(f"keep must be some of {', '.join(_KEPT)}, not {keep!r}")
    for name in names:
        if name not in _KEPT:
            raise ArgumentError(f"keep: {name!r} is none of {', '.join(_KEPT)}{nearest_name(name, _KEPT)}")
    return names


def _tissues(tissues: Any) -> tuple[int | str, ...] | None:
    if tissues is None:
        return None
    several = [tissues] if isinstance(tissues, str) else tissues
    if not isinstance(several, Sequence) or not all(isinstance(t, str) or is_whole(t) for t in several):
        raise ArgumentError(f"tissues must be tags or names such as 1, 'gray matter', not {tissues!r}")
    if not several:
        raise ArgumentError("tissues: there are none; leave it out for gray matter")
    tags = {int(one) for one in several if not isinstance(one, str)}
    return (*sorted(tags), *sorted({one.strip() for one in several if isinstance(one, str)}))


def _percentiles(given: Any) -> tuple[float, ...]:
    named = [float(f"{percent:.10g}") for percent in percents_of(given)]  # the digits that columns have
    percents = np.unique(named)
    if len(percents) > _MOST_PERCENTILES:
        raise ArgumentError(f"percentiles: {len(percents)} are more than {_MOST_PERCENTILES}")
    return tuple(percents.tolist())
