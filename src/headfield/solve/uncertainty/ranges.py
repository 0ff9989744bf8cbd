# SPDX-License-Identifier: BSD-3-Clause
"""Between what limits the conductivity of each tissue of a head lies, S/m."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ...core.arguments import is_whole, positive
from ...errors import ConductivityError
from ...heads.conductivity import mean_conductivity
from ...heads.mesh import TetMesh
from ...heads.tissue_words import by_tag

__all__ = ["PUBLISHED", "Ranges", "checked_ranges"]

Floats = NDArray[np.float64]

#: Limits by tag, S/m: Saturnino 2019 (doi 10.1016/j.neuroimage.2018.12.053).
PUBLISHED: dict[int, tuple[float, float]] = {
    1: (0.1, 0.4),
    2: (0.1, 0.6),
    3: (1.2, 1.8),
    4: (0.003, 0.012),
    5: (0.2, 0.5),
    7: (0.003, 0.012),
    8: (0.003, 0.012),
}
_WIDEST = 1e4  # high over low: beyond that the nominal head is a poor preconditioner


class Ranges(NamedTuple):
    """The box that conductivities lie in.

    Attributes
    ----------
    tags : ndarray (T,) int
        Tags of the tissues, ascending.
    nominal, low, high : ndarray (T,) float64, S/m
        `nominal` is what the head was built with: the mean over a tissue's volume, of tensors that of the
        mean of their eigenvalues.
    """

    tags: NDArray[np.int64]
    nominal: Floats
    low: Floats
    high: Floats

    @property
    def middle(self) -> Floats:
        """The geometric middle (T,), S/m."""
        return np.asarray(np.sqrt(self.low * self.high))

    def part(self, mesh: TetMesh) -> NDArray[np.int32]:
        """Return for each tetrahedron (m,) which of the tissues it is of; those of no range come last."""
        place = np.searchsorted(self.tags, mesh.tags)
        known = place < len(self.tags)
        known[known] = self.tags[place[known]] == mesh.tags[known]
        return np.where(known, place, len(self.tags)).astype(np.int32)


def checked_ranges(ranges: Mapping[int, Any] | None, mesh: TetMesh, conductivity: Floats) -> Ranges:
    """Return the ranges of a head's tissues.

    Parameters
    ----------
    ranges : dict of int to (float, float), or None
        Limits of the conductivity by tag, S/m; or what has them as `low` and `high`, such as a distribution.
        None takes the published ones of all tags that the head has.
    mesh : TetMesh
    conductivity : ndarray (m,) or (m, 3, 3), S/m
        What the head was built with.

    Raises
    ------
    ConductivityError
        Which names the tag: one that the head lacks, limits that are not two numbers above zero, or an empty
        range. Or there is no tag.

    Examples
    --------
    >>> mesh = TetMesh([[0, 0, 0], [9, 0, 0], [0, 9, 0], [0, 0, 9]], [[0, 1, 2, 3]], tags=[2])
    >>> checked_ranges({2: (0.1, 0.4)}, mesh, np.array([0.275])).middle
    array([0.2])
    >>> checked_ranges({2: (0.0, 0.4)}, mesh, np.array([0.275]))
    Traceback (most recent call last):
    ...
    headfield.errors.ConductivityError: the low end of the range of tag 2 must be more than 0
    """
    present = np.unique(mesh.tags).tolist()
    if ranges is None:
        ranges = {tag: PUBLISHED[tag] for tag in present if tag in PUBLISHED}
    if not isinstance(ranges, Mapping):
        raise ConductivityError(f"ranges must be a dict of limits by tag, not {type(ranges).__name__}")
    if not ranges:
        raise ConductivityError("there is no range of a conductivity: give {tag: (low, high)}, S/m")
    ranges = by_tag(mesh, ranges, "ranges")
    for tag in ranges:
        if not is_whole(tag) or tag not in present:
            listed = ", ".join(map(str, present))
            raise ConductivityError(
                f"a range is given for tag {tag!r}, which the head lacks: it has {listed}"
            )
    tags = np.array(sorted(ranges), np.int64)
    limits = np.array([_limits(int(tag), ranges[int(tag)]) for tag in tags])
    return Ranges(tags, _nominal(mesh, conductivity, tags), limits[:, 0], limits[:, 1])


def _limits(tag: int, given: Any) -> tuple[float, float]:
    if hasattr(given, "low") and hasattr(given, "high"):
        given = given.low, given.high
    try:
        low, high = given
    except (TypeError, ValueError):
        raise ConductivityError(f"the range of tag {tag} must be (low, high), not {given!r}") from None
    low = positive(low, f"the low end of the range of tag {tag}", ConductivityError)
    high = positive(high, f"the high end of the range of tag {tag}", ConductivityError)
    if not low < high <= _WIDEST * low:
        said = "is empty" if not low < high else f"spans more than a factor of {_WIDEST:g}"
        raise ConductivityError(f"the range of tag {tag}, {low:g} to {high:g} S/m, {said}")
    return low, high


def _nominal(mesh: TetMesh, conductivity: Floats, tags: NDArray[np.int64]) -> Floats:
    volumes, sigma = mesh.volumes_mm3(), mean_conductivity(conductivity)
    return np.array([np.average(sigma[mesh.tags == t], weights=volumes[mesh.tags == t]) for t in tags])
