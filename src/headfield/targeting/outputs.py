# SPDX-License-Identifier: BSD-3-Clause
"""What a target's value is made of: a few sums of E, found before the poses are, and the value from them.

The value of a component follows from one sum. |E| in a region has no such sums, but the fields of a coil
near a small region differ in few ways: what a dozen poses make there spans, to a thousandth, what all of them
make. A basis of it turns E in the region into as many sums, and |E| follows tetrahedron by tetrahedron.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..core.device import cpu
from ..heads.mesh import TetMesh
from ..measures.target import Target, Targets
from ..regions.region import Region
from ..solve.places import check_region

__all__ = ["Outputs", "Span", "region_of"]

Floats = NDArray[np.float64]

_MOST_TETS = 800  # of a region that are looked at while many poses are ranked
_LEAST_SINGULAR = 2e-5  # of the largest one
_PIECE = 4_000_000  # numbers of E at a time


class Span(NamedTuple):
    """Fields E in a region as sums over a basis: E = Σ_i basis_i J_i, J_i = Σ dual_i · E."""

    basis: Floats  #: (r, p, 3)
    dual: Floats  #: (r, p, 3)
    sums: Floats  #: (k, r): J of the fields that it was made of

    @staticmethod
    def of(fields: Floats, weights: Floats) -> Span:
        """Return the span of fields (k, p, 3), orthogonal by weights (p,) of 0 or more, the largest first."""
        k = len(fields)
        root = np.sqrt(weights / weights.sum())[None, :, None]
        u, s, _ = np.linalg.svd((fields * root).reshape(k, -1).T, full_matrices=False)
        kept = u[:, s > _LEAST_SINGULAR * s[0]].T.reshape(-1, fields.shape[1], 3)
        inverse = np.divide(1.0, root, out=np.zeros_like(root), where=root > 0.0)
        dual = (kept * root).reshape(len(kept), -1)
        return Span(kept * inverse, dual.reshape(kept.shape), fields.reshape(k, -1) @ dual.T)

    def some(self, target: Target) -> tuple[Floats, Floats]:
        """Return basis and shares of some tetrahedra that stand for all, evenly drawn by their shares.

        The shares are such that the values of the fields that it was made of are right on average.
        """
        shares = target.shares
        if len(shares) <= _MOST_TETS:
            return self.basis, shares
        order = cpu.morton_order(target.region.centres_mm)
        size = np.abs(shares[order])
        reached = np.cumsum(size) / size.sum()
        at = order[np.searchsorted(reached, (np.arange(_MOST_TETS) + 0.5) / _MOST_TETS)]
        drawn = np.sign(shares[at]) / _MOST_TETS
        values = [
            np.abs(target.of_magnitude(magnitudes(self.sums, basis), w)).sum()
            for basis, w in ((self.basis, shares), (self.basis[:, at], drawn))
        ]
        same_sign = bool((shares >= 0.0).all() or (shares <= 0.0).all())  # else they may cancel
        scale = (values[0] / values[1]) ** target.exponent if same_sign else 1.0
        return np.ascontiguousarray(self.basis[:, at]), drawn * scale


class Outputs:
    """The sums (k,) that a sum of targets is made of, over the tetrahedra or points of one region.

    Attributes
    ----------
    region : Region
        All regions of the targets together, one after the other.
    weights : ndarray (k, p, 3)
        Of the sums.
    """

    def __init__(self, targets: Targets, region: Region, spans: list[Span | None]) -> None:
        self.region = region
        self._parts: list[_Part] = []
        rows = []
        start = k = 0
        for (factor, target), span in zip(targets.parts, spans, strict=True):
            stop = start + len(target.region)
            own = target.functionals() if span is None else span.dual
            assert own is not None
            part = np.zeros((len(own), len(region), 3))
            part[:, start:stop] = own
            rows.append(part)
            some = None if span is None else span.some(target)
            self._parts.append(_Part(factor, target, slice(k, k + len(own)), span, some))
            start, k = stop, k + len(own)
        self.weights = np.concatenate(rows)

    @classmethod
    def spanned(cls, targets: Targets, region: Region, fields: NDArray[np.float32] | None) -> Outputs:
        """Return the sums of targets, those of |E| spanned by fields (d, p, 3) in their regions."""
        spans: list[Span | None] = []
        start = 0
        for _, target in targets.parts:
            stop = start + len(target.region)
            if target.functionals() is None:
                assert fields is not None
                spans.append(Span.of(fields[:, start:stop].astype(np.float64), np.abs(target.shares)))
            else:
                spans.append(None)
            start = stop
        return cls(targets, region, spans)

    def values(self, sums: Any, *, exact: bool = True) -> Floats:
        """Return values (n,) of sums (n, k); without `exact`, from some tetrahedra that stand for all."""
        result = np.zeros(len(sums))
        for part in self._parts:
            own = np.asarray(sums[:, part.sums], np.float64)
            if part.span is None:
                result += part.factor * part.target.of_sums(own)
            else:
                result += part.factor * part.values(own, exact)
        return result


class _Part(NamedTuple):
    factor: float
    target: Target
    sums: slice
    span: Span | None
    some: tuple[Floats, Floats] | None

    def values(self, sums: Floats, exact: bool) -> Floats:
        """Return the values (n,) of |E| from sums (n, r)."""
        assert self.span is not None
        assert self.some is not None
        basis, shares = (self.span.basis, None) if exact else self.some
        result = np.empty(len(sums))
        step = max(1, _PIECE // (3 * basis.shape[1]))
        for start in range(0, len(sums), step):
            magnitude = magnitudes(sums[start : start + step], basis)
            result[start : start + step] = self.target.of_magnitude(magnitude, shares)
        return result


def magnitudes(sums: Floats, basis: Floats) -> Floats:
    """Return |E| (n, p) for sums (n, r) over a basis (r, p, 3)."""
    r, p, _ = basis.shape
    columns = np.ascontiguousarray(basis.reshape(r, -1), np.float32)
    field = cpu.product(np.ascontiguousarray(sums, np.float32), columns).reshape(-1, p, 3)
    np.square(field, out=field)
    return np.sqrt(field[..., 0] + field[..., 1] + field[..., 2]).astype(np.float64)


def region_of(mesh: TetMesh, targets: Targets) -> Region:
    """Return the regions of some targets as one, their tetrahedra or points one after the other.

    Raises
    ------
    RegionError
        A region of another mesh.
    """
    for _, target in targets.parts:
        check_region(mesh, target.region)
    regions = [target.region for _, target in targets.parts]
    if len(regions) == 1:
        return regions[0]
    elements = np.concatenate([region.elements for region in regions])
    middle = [np.full((len(r), 4), 0.25) if r.barycentric is None else r.barycentric for r in regions]
    return Region(mesh, elements, np.concatenate(middle))
