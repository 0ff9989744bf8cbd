# SPDX-License-Identifier: BSD-3-Clause
"""Samples that fill a cube evenly, and whose share of a model's variance is whose.

First-order and total indices are those of Sobol' by Jansen's sums (Comput. Phys. Commun. 117:35, 1999) over
the design of Saltelli et al. (Comput. Phys. Commun. 181:259, 2010).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..core.arguments import finite_array, whole
from ..errors import ArgumentError, MissingPackageError
from .distributions import Distribution, check_inputs

__all__ = [
    "SaltelliDesign",
    "SobolIndices",
    "saltelli_design",
    "samples",
    "sobol_indices",
    "sobol_points",
]

Floats = NDArray[np.float64]

_MOST_POINTS, _MOST_INPUTS = 1 << 24, 5_000
_EDGE = 2.0**-31  # scrambled points may fall on 0, where a normal has no quantile
_NOTHING = 1e-20  # of the mean square, that a variance is rounding below
_CONFIDENT = 1.96  # standard errors, for 95 %


@dataclass(frozen=True, eq=False)
class SaltelliDesign:
    """Where a model is asked for, to find Sobol' indices.

    Attributes
    ----------
    x : ndarray (n (d + 2), d) float64
        Inputs: n of A, n of B, then n of A with input i of B, for each i.
    n, d : int
    """

    x: Floats
    n: int
    d: int


@dataclass(frozen=True, eq=False)
class SobolIndices:
    """Whose share of a variance is whose; the last axis is that of the inputs.

    Attributes
    ----------
    first, total : ndarray (..., d)
        Share of the variance that an input has by itself, and with all it has together with others. 0 where
        there is no variance.
    first_error, total_error : ndarray (..., d)
        Half of the interval that holds them with 95 %, by bootstrap.
    mean, variance : ndarray (...)
        Of the model, by the points of A and of B.
    """

    first: Floats
    total: Floats
    first_error: Floats
    total_error: Floats
    mean: Floats
    variance: Floats


def sobol_points(n: int, d: int, seed: int = 0) -> Floats:
    """Return n scrambled Sobol' points in the unit cube of d dimensions, none on its surface.

    Parameters
    ----------
    n : int
        Powers of two fill the cube most evenly.
    d : int
    seed : int
        Of the scrambling.

    Returns
    -------
    ndarray (n, d) float64

    Raises
    ------
    ArgumentError
        Not whole numbers in range.
    MissingPackageError
        SciPy is missing.

    Examples
    --------
    >>> points = sobol_points(8, 2)
    >>> sorted((points[:, 0] * 8).astype(int).tolist())  # one in each eighth
    [0, 1, 2, 3, 4, 5, 6, 7]
    """
    count = whole(n, "n", ArgumentError, _MOST_POINTS)
    dimensions = whole(d, "d", ArgumentError, _MOST_INPUTS)
    start = whole(seed, "seed", ArgumentError, 2**63 - 1, 0)
    try:
        from scipy.stats import qmc  # type: ignore[import-untyped]  # optional: only uncertainty needs it
    except ImportError as error:
        raise MissingPackageError("Sobol' points need SciPy: pip install 'headfield[uq]'") from error
    points = qmc.Sobol(dimensions, scramble=True, seed=start).random_base2((count - 1).bit_length())
    return np.asarray(np.clip(points[:count], _EDGE, 1.0 - _EDGE))


def samples(inputs: Sequence[Distribution], n: int, seed: int = 0) -> Floats:
    """Return n samples of independent inputs, quasi-random: (n, d). Errors are those of `sobol_points`.

    Examples
    --------
    >>> from headfield.statistics import Normal, Uniform
    >>> x = samples([Normal(5.0, 2.0), Uniform(0.0, 1.0)], 256)
    >>> x.mean(axis=0).round(2).tolist(), x.std(axis=0).round(1).tolist()
    ([5.0, 0.5], [2.0, 0.3])
    """
    checked = check_inputs(inputs)
    return _placed(sobol_points(n, len(checked), seed), checked)


def saltelli_design(inputs: Sequence[Distribution], n: int, seed: int = 0) -> SaltelliDesign:
    """Return where a model is asked for to find whose share of its variance is whose.

    Parameters
    ----------
    inputs : sequence of Distribution
        Of independent inputs.
    n : int
        Base samples, a power of two best; the model is asked for n (d + 2) times.
    seed : int

    Returns
    -------
    SaltelliDesign

    Raises
    ------
    ArgumentError, MissingPackageError

    Examples
    --------
    >>> from headfield.statistics import Uniform
    >>> saltelli_design([Uniform(0, 1)] * 3, 16).x.shape
    (80, 3)
    """
    checked = check_inputs(inputs)
    d = len(checked)
    points = sobol_points(n, 2 * d, seed)
    a, b = points[:, :d], points[:, d:]
    parts = [a, b]
    for i in range(d):
        mixed = a.copy()
        mixed[:, i] = b[:, i]
        parts.append(mixed)
    return SaltelliDesign(_placed(np.concatenate(parts), checked), n, d)


def sobol_indices(
    values: ArrayLike, design: SaltelliDesign, *, resamples: int = 100, seed: int = 0
) -> SobolIndices:
    """Find the Sobol' indices of a model from its values at a design.

    Parameters
    ----------
    values : array_like (n (d + 2),) or (n (d + 2), o)
        Of the model at `design.x`, one or several outputs.
    design : SaltelliDesign
    resamples : int
        Of the bootstrap that errors are from, 2 or more.
    seed : int

    Returns
    -------
    SobolIndices
        Shapes (d,), or (o, d).

    Raises
    ------
    ArgumentError
        Values that are not finite, or of another number.

    Examples
    --------
    >>> from headfield.statistics import Uniform
    >>> design = saltelli_design([Uniform(0, 1)] * 2, 1024)
    >>> found = sobol_indices(design.x @ [2.0, 1.0], design)
    >>> found.first.round(2).tolist(), found.total.round(2).tolist()
    ([0.8, 0.2], [0.8, 0.2])
    """
    n, d = design.n, design.d
    f = finite_array(values, "values", ArgumentError)
    if f.ndim not in (1, 2) or len(f) != n * (d + 2):
        raise ArgumentError(f"values must be {n * (d + 2)} for this design, not {f.shape}")
    times = whole(resamples, "resamples", ArgumentError, 100_000, 2)
    blocks = f.reshape(d + 2, n, -1)
    rng = np.random.default_rng(seed)
    found = _jansen(blocks)
    again = [_jansen(blocks[:, rng.integers(n, size=n)])[:2] for _ in range(times)]
    errors = [_CONFIDENT * np.std([one[i] for one in again], axis=0, ddof=1) for i in range(2)]
    shape = f.shape[1:]
    first, total, *errors = (one.reshape(*shape, d) for one in (*found[:2], *errors))
    return SobolIndices(first, total, *errors, *(one.reshape(shape) for one in found[2:]))


def _jansen(blocks: Floats) -> tuple[Floats, Floats, Floats, Floats]:
    """Return first and total indices (o, d), means and variances (o,) of values (d + 2, n, o)."""
    a, b, mixed = blocks[0], blocks[1], blocks[2:]
    both = blocks[:2].reshape(-1, blocks.shape[2])
    mean, variance = both.mean(axis=0), both.var(axis=0)
    some = variance > _NOTHING * (both * both).mean(axis=0)
    share = np.divide(1.0, variance, out=np.zeros_like(variance), where=some)
    first = (variance - 0.5 * ((b - mixed) ** 2).mean(axis=1)) * share
    total = 0.5 * ((a - mixed) ** 2).mean(axis=1) * share
    return first.T, total.T, mean, variance


def _placed(points: Floats, inputs: Sequence[Distribution]) -> Floats:
    return np.stack([one.quantile(points[:, i]) for i, one in enumerate(inputs)], axis=1)
