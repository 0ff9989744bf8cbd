# SPDX-License-Identifier: BSD-3-Clause
"""How uncertain numbers are distributed: uniform, beta, normal.

Each knows the recurrence of the polynomials that are orthogonal under it, which makes Gauss's quadrature and
polynomial chaos the same few lines for all: in t = (x − middle)/scale, with monic polynomials,
π_{k+1} = (t − a_k) π_k − b_k π_{k−1} (Gautschi, Orthogonal Polynomials, 2004, table 1.1).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..core.arguments import finite_array, finite_number, positive
from ..errors import ArgumentError, MissingPackageError

__all__ = ["Beta", "Distribution", "Normal", "Uniform", "check_inputs", "need_scipy"]

Floats = NDArray[np.float64]

_TAIL = 5.0  # standard deviations that `low` and `high` of a normal are off its mean: 6e-7 lies beyond


class Distribution(Protocol):
    """How an uncertain number is distributed."""

    @property
    def mean(self) -> float:
        """Its mean."""

    @property
    def std(self) -> float:
        """Its standard deviation."""

    @property
    def low(self) -> float:
        """The least it is taken to be."""

    @property
    def high(self) -> float:
        """The most it is taken to be."""

    @property
    def middle(self) -> float:
        """Where its polynomials' variable t is 0."""

    @property
    def scale(self) -> float:
        """What t is counted in."""

    def quantile(self, u: ArrayLike) -> Floats:
        """Return where a share u of it lies below."""

    def recurrence(self, n: int) -> tuple[Floats, Floats]:
        """Return a (n,) and b (n,) of its orthogonal polynomials; b[0] is not used, and 1."""


@dataclass(frozen=True)
class Uniform:
    """Evenly between two numbers.

    Raises
    ------
    ArgumentError
        Not finite numbers, or not in this order.

    Examples
    --------
    >>> import headfield as hf
    >>> sigma = hf.Uniform(0.1, 0.4)
    >>> sigma.mean, round(sigma.std, 6), sigma.quantile([0.0, 0.5]).tolist()
    (0.25, 0.086603, [0.1, 0.25])
    """

    low: float
    high: float

    def __post_init__(self) -> None:
        _check_ends(self)

    @property
    def mean(self) -> float:
        return 0.5 * (self.low + self.high)

    @property
    def std(self) -> float:
        return (self.high - self.low) / 12.0**0.5

    @property
    def middle(self) -> float:
        return self.mean

    @property
    def scale(self) -> float:
        return 0.5 * (self.high - self.low)

    def quantile(self, u: ArrayLike) -> Floats:
        return self.low + (self.high - self.low) * _shares(u)

    def recurrence(self, n: int) -> tuple[Floats, Floats]:
        return _jacobi(n, 0.0, 0.0)


@dataclass(frozen=True)
class Beta:
    """Between two numbers, by default more often in the middle: density ∝ (x − low)^(p−1) (high − x)^(q−1).

    The default p = q = 3 is what the field takes for conductivities of tissues.

    Raises
    ------
    ArgumentError
        Not finite numbers, ends that are not in this order, p or q of 0 or less.
    MissingPackageError
        `quantile` needs SciPy.

    Examples
    --------
    >>> import headfield as hf
    >>> sigma = hf.Beta(0.1, 0.4)
    >>> sigma.mean, round(sigma.std, 7), sigma.quantile([0.5]).round(6).tolist()
    (0.25, 0.0566947, [0.25])
    """

    low: float
    high: float
    p: float = 3.0
    q: float = 3.0

    def __post_init__(self) -> None:
        _check_ends(self)
        for name in ("p", "q"):
            object.__setattr__(self, name, positive(getattr(self, name), f"Beta: {name}", ArgumentError))

    @property
    def mean(self) -> float:
        return self.low + (self.high - self.low) * self.p / (self.p + self.q)

    @property
    def std(self) -> float:
        total = self.p + self.q
        return (self.high - self.low) * float(np.sqrt(self.p * self.q / (total + 1.0))) / total

    @property
    def middle(self) -> float:
        return 0.5 * (self.low + self.high)

    @property
    def scale(self) -> float:
        return 0.5 * (self.high - self.low)

    def quantile(self, u: ArrayLike) -> Floats:
        special = need_scipy("quantiles of a Beta")
        return np.asarray(self.low + (self.high - self.low) * special.betaincinv(self.p, self.q, _shares(u)))

    def recurrence(self, n: int) -> tuple[Floats, Floats]:
        return _jacobi(n, self.q - 1.0, self.p - 1.0)


@dataclass(frozen=True)
class Normal:
    """Around a mean, without ends; `low` and `high` are five standard deviations off, beyond which 6e-7 lies.

    Raises
    ------
    ArgumentError
        Not finite numbers, or a standard deviation of 0 or less.
    MissingPackageError
        `quantile` needs SciPy.

    Examples
    --------
    >>> import headfield as hf
    >>> thickness = hf.Normal(5.0, 1.5)
    >>> thickness.low, thickness.high, thickness.quantile([0.5]).tolist()
    (-2.5, 12.5, [5.0])
    """

    mean: float
    std: float

    def __post_init__(self) -> None:
        object.__setattr__(self, "mean", finite_number(self.mean, "Normal: mean", ArgumentError))
        object.__setattr__(self, "std", positive(self.std, "Normal: std", ArgumentError))

    @property
    def low(self) -> float:
        return self.mean - _TAIL * self.std

    @property
    def high(self) -> float:
        return self.mean + _TAIL * self.std

    @property
    def middle(self) -> float:
        return self.mean

    @property
    def scale(self) -> float:
        return self.std

    def quantile(self, u: ArrayLike) -> Floats:
        special = need_scipy("quantiles of a Normal")
        return np.asarray(self.mean + self.std * special.ndtri(_shares(u)))

    def recurrence(self, n: int) -> tuple[Floats, Floats]:
        b = np.arange(n, dtype=np.float64)
        b[:1] = 1.0
        return np.zeros(n), b


def check_inputs(distributions: Sequence[Distribution]) -> list[Distribution]:
    """Return the distributions of a model's inputs; raise ArgumentError if there are none, or others.

    Examples
    --------
    >>> check_inputs([Uniform(0, 1), 3.0])
    Traceback (most recent call last):
    ...
    headfield.errors.ArgumentError: input 1 must be a distribution (Uniform, Beta, Normal), not 3.0
    """
    if isinstance(distributions, (Uniform, Beta, Normal)):
        distributions = [distributions]
    try:
        inputs = list(distributions)
    except TypeError:
        raise ArgumentError(f"inputs must be a list of distributions, not {distributions!r}") from None
    if not inputs:
        raise ArgumentError("there are no inputs")
    for i, one in enumerate(inputs):
        if not all(hasattr(one, name) for name in ("quantile", "recurrence", "mean", "std")):
            raise ArgumentError(f"input {i} must be a distribution (Uniform, Beta, Normal), not {one!r}")
    return inputs


def need_scipy(what: str) -> Any:
    """Return `scipy.special`; raise MissingPackageError, which says what for, where there is no SciPy."""
    try:
        import scipy.special  # type: ignore[import-untyped]  # optional: only uncertainty needs it
    except ImportError as error:
        raise MissingPackageError(f"{what} need SciPy: pip install 'headfield[uq]'") from error
    return scipy.special


def _check_ends(one: Uniform | Beta) -> None:
    kind = type(one).__name__
    for name in ("low", "high"):
        object.__setattr__(one, name, finite_number(getattr(one, name), f"{kind}: {name}", ArgumentError))
    if not one.low < one.high:
        raise ArgumentError(f"{kind}: low = {one.low:g} must be less than high = {one.high:g}")


def _shares(u: ArrayLike) -> Floats:
    shares = finite_array(u, "u", ArgumentError)
    if ((shares < 0.0) | (shares > 1.0)).any():
        raise ArgumentError("u: shares must lie between 0 and 1")
    return shares


def _jacobi(n: int, alpha: float, beta: float) -> tuple[Floats, Floats]:
    """Return the recurrence for the weight (1 − t)^α (1 + t)^β on [−1, 1]."""
    k, s = np.arange(n, dtype=np.float64), alpha + beta
    a, b = np.zeros(n), np.ones(n)
    if n:
        a[0] = (beta - alpha) / (s + 2.0)
    if n > 1:
        b[1] = 4.0 * (1.0 + alpha) * (1.0 + beta) / ((2.0 + s) ** 2 * (3.0 + s))
        k = k[1:]
        a[1:] = (beta**2 - alpha**2) / ((2.0 * k + s) * (2.0 * k + s + 2.0))
        k = k[1:]
        b[2:] = 4.0 * k * (k + alpha) * (k + beta) * (k + s)
        b[2:] /= (2.0 * k + s) ** 2 * (2.0 * k + s + 1.0) * (2.0 * k + s - 1.0)
    return a, b
