# SPDX-License-Identifier: BSD-3-Clause
"""Objectives for JAX."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from ..errors import MissingPackageError
from ..poses.pose import check_pose
from .twists import OfMotions

__all__ = ["jax_function"]


def jax_function(objective: Callable[..., Any], pose: ArrayLike) -> Callable[[Any], Any]:
    """Make a function of JAX of an objective: motions (…, 6) → values (…), with their gradient.

    It works in `jit`, `grad`, `value_and_grad` and `vmap`; under `vmap` all motions go as one batch.

    Parameters
    ----------
    objective : Objective or callable
        Takes poses (k, 4, 4) and returns values (k,) and gradients (k, 6).
    pose : array_like (4, 4)
        Coil to head, mm: from where the motions begin, see `torch_function`.

    Returns
    -------
    callable
        Takes an array (6,), or any number of motions (…, 6), and returns values () or (…) of its dtype:
        float64 where JAX is told so (`jax.config.update("jax_enable_x64", True)`).

    Raises
    ------
    MissingPackageError
        JAX is not installed.
    ArgumentError, PoseError

    Notes
    -----
    The objective runs on the host side of `jax.pure_callback`, once for a value with its gradient, which
    can't be differentiated again. An error of it appears as one of JAX's that holds its message.

    Examples
    --------
    >>> import headfield as hf
    >>> def height(poses):
    ...     return poses[:, 2, 3], poses[:, 2, [0, 1, 2, 0, 1, 2]] * [1, 1, 1, 0, 0, 0]
    >>> function = hf.optimize.jax_function(height, np.eye(4))  # doctest: +SKIP
    >>> jax.grad(function)(jax.numpy.zeros(6))  # doctest: +SKIP
    Array([0., 0., 1., 0., 0., 0.], dtype=float32)
    """
    try:
        import jax
    except ImportError as error:
        raise MissingPackageError("jax_function needs JAX: pip install 'headfield[jax]'") from error
    of_motions = OfMotions(objective, check_pose(pose))

    def on_host(motions: Any) -> tuple[Any, Any]:
        given = np.asarray(motions)
        values, gradients = of_motions(given.reshape(-1, 6))
        shape = given.shape[:-1]
        return values.reshape(shape).astype(given.dtype), gradients.reshape(given.shape).astype(given.dtype)

    def both(motions: Any) -> Any:
        outcome = (
            jax.ShapeDtypeStruct(motions.shape[:-1], motions.dtype),
            jax.ShapeDtypeStruct(motions.shape, motions.dtype),
        )
        return jax.pure_callback(on_host, outcome, motions, vmap_method="broadcast_all")

    @jax.custom_vjp
    def function(motions: Any) -> Any:
        return both(motions)[0]

    def backward(gradients: Any, change: Any) -> tuple[Any]:
        return (gradients * change[..., None],)

    function.defvjp(both, backward)
    return function
