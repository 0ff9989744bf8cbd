# SPDX-License-Identifier: BSD-3-Clause
"""Targets: what of E in a region is to be as large as possible."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..core.arguments import finite_array, finite_number, within
from ..errors import MeasureError, RegionError
from ..metrics.sums import total
from ..regions.region import Region, check_is_region
from .magnitude import directions, fields_in, named, sizes

__all__ = ["Target", "Targets"]

Floats = NDArray[np.float64]

_MOST_EXPONENT = 64.0  # beyond, the largest |E| decides alone, and that of one tetrahedron is noise


@dataclass(frozen=True, eq=False)
class Target:
    """What a coil is to reach in a region of the brain.

    By default the mean of |E| over the region. Targets are added and multiplied by numbers: `a + b` is both
    together, `a - 0.5 * b` the one against the other.

    Parameters
    ----------
    region : Region
        Tetrahedra, or points such as those of the mid-layer of the cortex.
    direction : array_like (3,) or (p, 3), optional
        The mean of this component of E, with its sign, in place of |E|: one direction, or one for each
        tetrahedron or point of the region, such as `-region.normals` (into the cortex). Made unit vectors.
    weights : array_like (p,), optional
        How much each tetrahedron or point counts beside its volume or area: the values of a map of a network.
        They may be negative, where E is to be small. The value is divided by the sum of their sizes.
    exponent : float
        Of the mean of |E|, (Σ w |E|^q / Σ w)^(1/q): 1 is the mean, more comes closer to the largest |E|; 8 is
        about the 95th percentile of a region that the coil covers in part.
    of_mean : bool
        |the mean of E| in place of the mean of |E|: cheaper to find, and never larger.

    Raises
    ------
    RegionError
        Not a region, an empty one or one without volume; directions or weights of another shape, not finite
        or all zero; a combination of options that means nothing.

    Examples
    --------
    >>> import headfield as hf
    >>> head = hf.phantom_head(edge_mm=8)
    >>> knob = hf.regions.sphere(head, [-40, -8, 50], 15, 2)
    >>> hf.Target(knob)
    <Target: mean |E| in 122 tetrahedra>
    >>> hf.Target(knob, [0, 1, 0])
    <Target: mean E · d in 122 tetrahedra>
    >>> E = np.zeros((1, 122, 3)); E[..., 1] = -2.0
    >>> hf.Target(knob).value(E), hf.Target(knob, [0, 1, 0]).value(E)
    (array([2.]), array([-2.]))
    """

    region: Region
    direction: ArrayLike | None = None
    weights: ArrayLike | None = None
    exponent: float = 1.0
    of_mean: bool = False

    def __post_init__(self) -> None:
        check_is_region(self.region)
        n = len(self.region)
        if not n or not self.region.weights.sum() > 0.0:
            raise RegionError("the region of a target holds nothing, or nothing with a volume or an area")
        if self.direction is not None:
            object.__setattr__(self, "direction", _directions(self.direction, n))
        if self.weights is not None:
            weights = finite_array(self.weights, "weights", RegionError)
            if weights.shape != (n,) or not np.abs(weights * self.region.weights).sum() > 0.0:
                raise RegionError(
                    f"weights must be ({n},) numbers that are not all zero, not {weights.shape}"
                )
            object.__setattr__(self, "weights", weights)
        exponent = within(self.exponent, "exponent", RegionError, 1.0, _MOST_EXPONENT)
        if exponent != 1.0 and (self.direction is not None or self.of_mean or (self.shares < 0).any()):
            raise RegionError("an exponent is of |E| with weights of 0 or more: no direction, no of_mean")
        if self.of_mean and self.direction is not None:
            raise RegionError("give either a direction, or of_mean")

    @property
    def shares(self) -> Floats:
        """What each tetrahedron or point counts (p,); the sum of their sizes is 1."""
        w = self.region.weights if self.weights is None else self.region.weights * np.asarray(self.weights)
        return np.asarray(w / np.abs(w).sum())

    @property
    def is_of_magnitude(self) -> bool:
        """Whether the value follows from |E| alone: see `of_magnitude`."""
        return self.direction is None and not self.of_mean

    @property
    def is_linear(self) -> bool:
        """Whether the value is a component of E, which a reciprocal field gives at once."""
        return self.direction is not None

    def functionals(self) -> Floats | None:
        """Return the weights (k, p, 3) of the sums of E that the value is made of; None if that is not known.

        One for a component, three for `of_mean`. The mean of |E| is no function of a few sums that is known
        before E is.
        """
        if self.direction is not None:
            return np.asarray(self.shares[None, :, None] * np.asarray(self.direction))
        if self.of_mean:
            return np.asarray(np.eye(3)[:, None, :] * self.shares[None, :, None])
        return None

    def of_sums(self, sums: Any) -> Any:
        """Return the values (…) of sums (…, k) that `functionals` describes."""
        return sums[..., 0] if self.direction is not None else np.sqrt((sums * sums).sum(axis=-1))

    def value(self, E: ArrayLike) -> Floats:
        """Return the value (k,) of fields E (k, p, 3) in the region, V/m."""
        field = np.asarray(E, np.float64)
        if field.ndim != 3 or field.shape[1:] != (len(self.region), 3):
            raise RegionError(f"E must have the shape (k, {len(self.region)}, 3), not {field.shape}")
        weights = self.functionals()
        if weights is not None:
            sums = np.stack([total((field * w).reshape(len(field), -1)) for w in weights], axis=-1)
            return np.asarray(self.of_sums(sums))
        return self.of_magnitude(np.sqrt((field * field).sum(axis=-1)))

    @property
    def regions(self) -> tuple[Region, ...]:
        """The one region, as each measure has it."""
        return (self.region,)

    def values(self, E: ArrayLike) -> Floats:
        """Return what `value` does, for E that is finite, as each measure has it."""
        return self.value(fields_in(E, len(self.region)))

    def derivatives(self, E: ArrayLike) -> Floats:
        """Return the derivatives (k, p, 3) of the values with respect to E (k, p, 3).

        Raises
        ------
        RegionError
            A field of another shape.
        MeasureError
            |E|, or the mean of E, is 0 where that has no derivative; E is not finite.

        Examples
        --------
        >>> import headfield as hf
        >>> knob = hf.regions.sphere(hf.phantom_head(edge_mm=8), [-40, -8, 50], 15, 2)
        >>> E = np.zeros((1, 122, 3)); E[..., 1] = -2.0
        >>> hf.Target(knob).derivatives(E).sum(axis=1).round(12) + 0.0
        array([[ 0., -1.,  0.]])
        """
        field = fields_in(E, len(self.region))
        weights = self.functionals()
        if weights is None:
            along = directions(field, self._counts(field), named(self.region))
            return np.asarray(self._slopes(sizes(field))[..., None] * along)
        if self.is_linear:
            return np.asarray(np.broadcast_to(weights, field.shape))
        mean = np.stack([total((field * w).reshape(len(field), -1)) for w in weights], axis=-1)
        zero = ~mean.any(axis=-1)
        if zero.any():
            raise MeasureError(
                f"the mean of E is 0 at pose {zero.argmax()}: its size has no derivative there"
            )
        return np.asarray(self.shares[:, None] * directions(mean[:, None], np.ones(1, bool), str))

    def of_magnitude(self, magnitude: Any, shares: Any = None) -> Any:
        """Return the value (…) of |E| (…, p); `shares` of some elements that stand for all."""
        w = self.shares if shares is None else shares
        if self.exponent == 1.0:
            return total(magnitude * w)
        most = np.maximum(
            magnitude.max(axis=-1, keepdims=True), np.finfo(np.float64).tiny
        )  # no power overflows
        return most[..., 0] * total((magnitude / most) ** self.exponent * w) ** (1.0 / self.exponent)

    def _counts(self, field: Floats) -> NDArray[np.bool_]:
        """Tell (k, p) in which elements the derivative of |E| is needed: |E|^q has one, 0, where |E| is 0."""
        counts = np.broadcast_to(self.shares != 0.0, field.shape[:2])
        return counts if self.exponent == 1.0 else np.asarray(counts & field.any(axis=-1))

    def _slopes(self, size: Floats) -> Floats:
        """Return the derivatives (k, p) of the value with respect to |E| (k, p)."""
        if self.exponent == 1.0:
            return np.broadcast_to(self.shares, size.shape)
        counts = self.shares != 0.0
        value = self.of_magnitude(size * counts)
        if not value.all():
            k = np.flatnonzero(value == 0.0)[0]
            raise MeasureError(f"|E| is 0 in all of the region at pose {k}: no derivative there")
        relative = np.where(counts, size / value[:, None], 0.0)  # (1/w)^(1/q) at most: no power overflows
        return np.asarray(self.shares * relative ** (self.exponent - 1.0))

    def __repr__(self) -> str:
        what = "mean E · d" if self.is_linear else "|mean E|" if self.of_mean else "mean |E|"
        if self.exponent != 1.0:
            what = f"mean of |E|^{self.exponent:g}"
        what += "" if self.weights is None else " with weights"
        return f"<Target: {what} in {repr(self.region).split('of ')[1].split(', ')[0].rstrip('>')}>"

    def __mul__(self, factor: float) -> Targets:
        return Targets([(factor, self)])

    __rmul__ = __mul__

    def __neg__(self) -> Targets:
        return -1.0 * self

    def __add__(self, other: Target | Targets) -> Targets:
        return 1.0 * self + other if isinstance(other, (Target, Targets, Region)) else NotImplemented

    def __sub__(self, other: Target | Targets) -> Targets:
        return 1.0 * self - other if isinstance(other, (Target, Targets, Region)) else NotImplemented


class Targets:
    """A sum of targets, each times a number; made by adding targets, or of (number, target) pairs.

    Examples
    --------
    >>> import headfield as hf
    >>> head = hf.phantom_head(edge_mm=8)
    >>> left, right = (hf.regions.sphere(head, [x, -8, 50], 15, 2) for x in (-40, 40))
    >>> hf.Target(left) - 0.5 * hf.Target(right)
    <Targets: 1 mean |E| in 122 tetrahedra - 0.5 mean |E| in 126 tetrahedra>
    """

    def __init__(self, parts: Sequence[tuple[float, Target]]) -> None:
        self.parts: list[tuple[float, Target]] = []
        try:
            pairs = [(factor, target) for factor, target in parts]
        except TypeError:
            raise RegionError(f"targets must be pairs of a number and a Target, not {parts!r}") from None
        for factor, target in pairs:
            if not isinstance(target, Target):
                raise RegionError(f"a target must be a Target, not {type(target).__name__}")
            self.parts.append((finite_number(factor, "the factor of a target", RegionError), target))
        if not any(factor for factor, _ in self.parts):
            raise RegionError("there is no target, or all its factors are 0")

    @staticmethod
    def of(target: Any) -> Targets:
        """Return one target, or a region (the mean of |E| there), as a sum of one."""
        if isinstance(target, Targets):
            return target
        return Targets([(1.0, Target(target) if isinstance(target, Region) else target)])

    @property
    def regions(self) -> tuple[Region, ...]:
        """The region of each target, in order."""
        return tuple(target.region for _, target in self.parts)

    @property
    def is_linear(self) -> bool:
        """Whether all of them are components of E."""
        return all(target.is_linear for _, target in self.parts)

    def values(self, E: ArrayLike) -> Floats:
        """Return the values (k,) from E (k, p, 3) in all their regions, one after the other."""
        field = np.asarray(E)
        result, start = np.zeros(len(field)), 0
        for factor, target in self.parts:
            stop = start + len(target.region)
            result += factor * target.value(field[:, start:stop])
            start = stop
        return result

    def derivatives(self, E: ArrayLike) -> Floats:
        """Return the derivatives (k, p, 3) with respect to E in all their regions, one after the other.

        Raises
        ------
        RegionError, MeasureError
            See `Target.derivatives`.
        """
        field = fields_in(E, sum(map(len, self.regions)))
        ends = np.cumsum([len(region) for region in self.regions])[:-1]
        fields = np.split(field, ends, axis=1)
        slopes = [factor * t.derivatives(e) for (factor, t), e in zip(self.parts, fields, strict=True)]
        return np.concatenate(slopes, axis=1)

    def __mul__(self, factor: float) -> Targets:
        return Targets([(factor * f, t) for f, t in self.parts])

    __rmul__ = __mul__

    def __neg__(self) -> Targets:
        return -1.0 * self

    def __add__(self, other: Target | Targets) -> Targets:
        if not isinstance(other, (Target, Targets, Region)):
            return NotImplemented
        return Targets([*self.parts, *Targets.of(other).parts])

    def __sub__(self, other: Target | Targets) -> Targets:
        if not isinstance(other, (Target, Targets, Region)):
            return NotImplemented
        return self + -1.0 * Targets.of(other)

    def __repr__(self) -> str:
        text = ""
        for i, (factor, target) in enumerate(self.parts):
            sign = "-" if factor < 0 else "+" if i else ""
            what = repr(target).removeprefix("<Target: ").removesuffix(">")
            text += f"{' ' if i else ''}{sign}{' ' if i and sign else ''}{abs(factor):g} {what}"
        return f"<Targets: {text}>"


def _directions(direction: ArrayLike, n: int) -> Floats:
    """Return unit vectors (3,) or (n, 3)."""
    given = finite_array(direction, "direction", RegionError)
    if given.shape not in ((3,), (n, 3)):
        raise RegionError(f"direction must have the shape (3,) or ({n}, 3), not {given.shape}")
    length = np.linalg.norm(given, axis=-1, keepdims=True)
    if not (length > 0.0).all():
        raise RegionError("a direction has no length")
    return np.asarray(given / length)
