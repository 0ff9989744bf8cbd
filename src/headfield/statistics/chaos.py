# SPDX-License-Identifier: BSD-3-Clause
"""Polynomial chaos: a model as a sum of polynomials, orthonormal under the distributions of its inputs.

f(x) ≈ Σ c_k Ψ_k(x), Ψ_k a product of one polynomial per input: Legendre's for uniform, Jacobi's for beta,
Hermite's for normal (Xiu and Karniadakis, SIAM J. Sci. Comput. 24:619, 2002). The mean is c_0, the variance
Σ_{k>0} c_k², and Sobol' indices are sums of c_k² (Sudret, Reliab. Eng. Syst. Saf. 93:964, 2008).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import combinations_with_replacement
from math import comb

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..core.arguments import finite_array, is_whole, whole
from ..errors import ArgumentError
from .distributions import Distribution, check_inputs

__all__ = ["PolynomialChaos", "gauss_grid"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

_MOST_ORDER, _MOST_TERMS, _MOST_POINTS = 100, 20_000, 2_000_000
_WORST = 1e8  # condition of a regression, beyond which its coefficients are noise


@dataclass(frozen=True, eq=False)
class PolynomialChaos:
    """A model as orthonormal polynomials of its inputs; made by `fitted` or by `projected`.

    Attributes
    ----------
    inputs : list of Distribution
        d of them, independent.
    orders : ndarray (t, d) int
        Of the polynomial in each input, of each term; the first term is the constant.
    coefficients : ndarray (t,) or (t, o) float64

    Examples
    --------
    The inverse of a uniform conductivity:

    >>> import numpy as np
    >>> from headfield.statistics import PolynomialChaos, Uniform
    >>> chaos = PolynomialChaos.projected(lambda x: 1 / x[:, 0], [Uniform(0.1, 0.4)], order=3, points=30)
    >>> round(float(chaos.mean), 6), round(float(chaos.std), 6)
    (4.620981, 1.908121)
    """

    inputs: list[Distribution]
    orders: Ints
    coefficients: Floats

    @classmethod
    def fitted(
        cls, x: ArrayLike, values: ArrayLike, inputs: Sequence[Distribution], order: int
    ) -> PolynomialChaos:
        """Fit the terms up to a total order to values of the model by least squares.

        Parameters
        ----------
        x : array_like (n, d)
            Samples of the inputs, of these distributions; twice as many as there are terms, or more.
        values : array_like (n,) or (n, o)
        inputs : sequence of Distribution
        order : int
            (order + d)! / order! / d! terms.

        Raises
        ------
        ArgumentError
            Shapes that don't fit, values that are not finite, fewer samples than terms, or such that don't
            tell terms apart.
        """
        checked = check_inputs(inputs)
        points = finite_array(x, "x", ArgumentError)
        f = finite_array(values, "values", ArgumentError)
        orders = total_orders(len(checked), order)
        if points.ndim != 2 or points.shape[1] != len(checked):
            raise ArgumentError(f"x must have the shape (n, {len(checked)}), not {points.shape}")
        if f.ndim not in (1, 2) or len(f) != len(points):
            raise ArgumentError(f"values must be {len(points)}, one for each sample, not {f.shape}")
        if len(points) < len(orders):
            raise ArgumentError(f"{len(orders)} terms need as many samples or more, not {len(points)}")
        terms = _terms(points, checked, orders)
        found, _, _, singular = np.linalg.lstsq(terms, f, rcond=None)
        if not singular[-1] * _WORST > singular[0]:
            raise ArgumentError(f"these {len(points)} samples don't tell the {len(orders)} terms apart")
        return cls(checked, orders, found)

    @classmethod
    def projected(
        cls,
        function: Callable[[Floats], ArrayLike],
        inputs: Sequence[Distribution],
        order: int,
        *,
        points: int | None = None,
    ) -> PolynomialChaos:
        """Find the terms up to a total order by Gauss's quadrature: for few inputs.

        Parameters
        ----------
        function : callable
            Inputs (n, d) to values (n,) or (n, o), called once.
        inputs : sequence of Distribution
        order : int
        points : int, optional
            Along each input, `order` + 1 by default; points^d in all.

        Raises
        ------
        ArgumentError
            More than 2 million points, values of another number or that are not finite.
        """
        checked = check_inputs(inputs)
        orders = total_orders(len(checked), order)
        x, weights = gauss_grid(checked, order + 1 if points is None else points)
        f = finite_array(function(x), "values of the function", ArgumentError)
        if f.ndim not in (1, 2) or len(f) != len(x):
            raise ArgumentError(f"the function must return {len(x)} values for as many inputs, not {f.shape}")
        return cls(
            checked, orders, _terms(x, checked, orders).T @ (weights.reshape(-1, *[1] * (f.ndim - 1)) * f)
        )

    @property
    def mean(self) -> Floats:
        """Of the model, () or (o,)."""
        return np.asarray(self.coefficients[0])

    @property
    def variance(self) -> Floats:
        """Of the model, () or (o,)."""
        return np.asarray((self.coefficients[1:] ** 2).sum(axis=0))

    @property
    def std(self) -> Floats:
        """Standard deviation of the model, () or (o,)."""
        return np.sqrt(self.variance)

    @property
    def first(self) -> Floats:
        """Share of the variance that each input has by itself, (d,) or (o, d); 0 if there is none."""
        return self._each(lambda i: self._exactly([i]))

    @property
    def total(self) -> Floats:
        """Share of the variance that each input has a part in, (d,) or (o, d); 0 if there is none."""
        return self._each(lambda i: self.orders[:, i] > 0)

    def together(self, which: Iterable[int]) -> Floats:
        """Return the share of the variance that some inputs have just together, () or (o,)."""
        chosen = sorted(set(which))
        d = len(self.inputs)
        if not chosen or not all(is_whole(i) and 0 <= i < d for i in chosen):
            raise ArgumentError(f"inputs must be numbers from 0 to {d - 1}, not {chosen}")
        return self._share(self._exactly(chosen))

    def evaluate(self, x: ArrayLike) -> Floats:
        """Return the sum of the polynomials at inputs (n, d): (n,) or (n, o)."""
        points = finite_array(x, "x", ArgumentError)
        if points.ndim != 2 or points.shape[1] != len(self.inputs):
            raise ArgumentError(f"x must have the shape (n, {len(self.inputs)}), not {points.shape}")
        return np.asarray(_terms(points, self.inputs, self.orders) @ self.coefficients)

    def _exactly(self, which: list[int]) -> NDArray[np.bool_]:
        """Return which terms (t,) depend on these inputs and no others."""
        wanted = np.zeros(len(self.inputs), bool)
        wanted[which] = True
        return np.asarray(((self.orders > 0) == wanted).all(axis=1))

    def _each(self, chosen: Callable[[int], NDArray[np.bool_]]) -> Floats:
        return np.stack([self._share(chosen(i)) for i in range(len(self.inputs))], axis=-1)

    def _share(self, chosen: NDArray[np.bool_]) -> Floats:
        part, whole_of = (self.coefficients[chosen] ** 2).sum(axis=0), self.variance
        return np.asarray(np.divide(part, whole_of, out=np.zeros_like(whole_of), where=whole_of > 0.0))


def gauss_grid(inputs: Sequence[Distribution], n: int) -> tuple[Floats, Floats]:
    """Return the tensor grid (n^d, d) of Gauss's quadrature under some distributions, and its weights (n^d,).

    Exact for polynomials up to the order 2 n − 1 in each input. Nodes are eigenvalues of the matrix of the
    recurrence (Golub and Welsch, Math. Comput. 23:221, 1969).

    Examples
    --------
    >>> from headfield.statistics.distributions import Normal
    >>> x, w = gauss_grid([Normal(1.0, 2.0)], 2)
    >>> x.round(6).ravel().tolist(), w.round(6).tolist()
    ([-1.0, 3.0], [0.5, 0.5])
    """
    checked = check_inputs(inputs)
    count, d = whole(n, "points", ArgumentError, _MOST_ORDER + 1), len(checked)
    if d * np.log(count) > np.log(_MOST_POINTS):
        raise ArgumentError(
            f"{count} points along each of {d} inputs are more than {_MOST_POINTS:,}: fit samples instead"
        )
    nodes, weights = [], []
    for one in checked:
        a, b = one.recurrence(count)
        off = np.sqrt(b[1:])
        values, vectors = np.linalg.eigh(np.diag(a) + np.diag(off, 1) + np.diag(off, -1))
        nodes.append(one.middle + one.scale * values)
        weights.append(vectors[0] ** 2)
    grid = np.stack([x.ravel() for x in np.meshgrid(*nodes, indexing="ij")], axis=1)
    product = np.ones(1)
    for w in weights:
        product = np.multiply.outer(product, w).ravel()
    return grid, product


def total_orders(d: int, order: int) -> Ints:
    """Return the orders (t, d) of all terms up to a total order, by total order.

    Examples
    --------
    >>> total_orders(2, 2).tolist()
    [[0, 0], [1, 0], [0, 1], [2, 0], [1, 1], [0, 2]]
    """
    most = whole(order, "order", ArgumentError, _MOST_ORDER, 0)
    if comb(d + most, d) > _MOST_TERMS:
        raise ArgumentError(f"order {most} in {d} inputs makes more than {_MOST_TERMS:,} terms")
    rows = [
        np.bincount(np.array(chosen, np.int64), minlength=d)
        for level in range(most + 1)
        for chosen in combinations_with_replacement(range(d), level)
    ]
    return np.array(rows, np.int64).reshape(-1, d)


def _terms(x: Floats, inputs: Sequence[Distribution], orders: Ints) -> Floats:
    """Return the orthonormal polynomials (n, t) at inputs (n, d)."""
    result = np.ones((len(x), len(orders)))
    for i, one in enumerate(inputs):
        result *= _orthonormal((x[:, i] - one.middle) / one.scale, one, int(orders[:, i].max()))[
            :, orders[:, i]
        ]
    return result


def _orthonormal(t: Floats, one: Distribution, order: int) -> Floats:
    """Return the polynomials (n, order + 1) of a distribution at t (n,), of mean square 1 under it."""
    a, b = one.recurrence(order + 1)
    result = np.ones((len(t), order + 1))
    before = np.zeros(len(t))
    for k in range(order):
        lower = np.sqrt(b[k]) * before if k else 0.0
        before = result[:, k]
        result[:, k + 1] = ((t - a[k]) * before - lower) / np.sqrt(b[k + 1])
    return result
