# SPDX-License-Identifier: BSD-3-Clause
"""Designs of other programs: SALib's problem, and inputs from the shares that it samples.

SALib knows no beta distribution, so it samples shares from 0 to 1, and quantiles make inputs of them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..core.arguments import finite_array
from ..errors import ArgumentError
from .distributions import Distribution, check_inputs

__all__ = ["inputs_of", "salib_problem"]

_EDGE = 1e-12  # designs of SALib may touch 0 and 1, where a normal has no quantile


def salib_problem(inputs: Mapping[Any, Distribution]) -> dict[str, Any]:
    """Return the `problem` of SALib for some inputs: their shares, from 0 to 1.

    Parameters
    ----------
    inputs : mapping of name to Distribution
        Such as ranges of conductivities by tag.

    Returns
    -------
    dict
        `num_vars`, `names` and `bounds`, for any sampler and analysis of SALib.

    Raises
    ------
    ArgumentError
        No inputs, or such as are no distributions.

    Examples
    --------
    With SALib the rest is `u = SALib.sample.sobol.sample(problem, 1024)`, then
    `SALib.analyze.sobol.analyze(problem, model(inputs_of(inputs, u)))`.

    >>> from headfield.statistics import Beta, Uniform
    >>> salib_problem({1: Beta(0.1, 0.4), "skull": Uniform(0.003, 0.012)})
    {'num_vars': 2, 'names': ['1', 'skull'], 'bounds': [[0.0, 1.0], [0.0, 1.0]]}
    """
    names = [str(name) for name in _mapping(inputs)]
    return {"num_vars": len(names), "names": names, "bounds": [[0.0, 1.0] for _ in names]}


def inputs_of(inputs: Mapping[Any, Distribution], shares: ArrayLike) -> NDArray[np.float64]:
    """Return inputs (n, d) from shares (n, d) between 0 and 1: their quantiles.

    Raises
    ------
    ArgumentError
        Another shape, or shares beyond 0 and 1.

    Examples
    --------
    >>> from headfield.statistics import Uniform
    >>> inputs_of({"a": Uniform(2, 4), "b": Uniform(0, 10)}, [[0.5, 0.1]]).round(6).tolist()
    [[3.0, 1.0]]
    """
    checked = check_inputs(list(_mapping(inputs).values()))
    u = finite_array(shares, "shares", ArgumentError)
    if u.ndim != 2 or u.shape[1] != len(checked):
        raise ArgumentError(f"shares must have the shape (n, {len(checked)}), not {u.shape}")
    if ((u < 0.0) | (u > 1.0)).any():
        raise ArgumentError("shares must lie between 0 and 1")
    u = np.clip(u, _EDGE, 1.0 - _EDGE)
    return np.stack([one.quantile(u[:, i]) for i, one in enumerate(checked)], axis=1)


def _mapping(inputs: Mapping[Any, Distribution]) -> Mapping[Any, Distribution]:
    if not isinstance(inputs, Mapping):
        raise ArgumentError(f"inputs must be distributions by name, not {type(inputs).__name__}")
    check_inputs(list(inputs.values()))
    return inputs
