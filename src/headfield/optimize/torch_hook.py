# SPDX-License-Identifier: BSD-3-Clause
"""Objectives for PyTorch."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from ..errors import MissingPackageError
from .twists import OfMotions

__all__ = ["torch_function"]


def torch_function(objective: Callable[..., Any], poses: ArrayLike) -> Callable[[Any], Any]:
    """Make a function of PyTorch of an objective: motions (k, 6) → values (k,), with their gradient.

    A motion is mm along the coil's own x, y and z, then a rotation vector, rad, about them through the coil's
    origin, from where the coil is in `poses`. Zeros are the poses themselves. `function.poses(motions)` says
    where motions lead to. Six numbers are free of each other, unlike the sixteen of a pose, so that any
    optimiser will do.

    Parameters
    ----------
    objective : Objective or callable
        Takes poses (k, 4, 4) and returns values (k,) and gradients (k, 6).
    poses : array_like (4, 4) or (k, 4, 4)
        Coil to head, mm. One serves any number of motions.

    Returns
    -------
    callable
        Takes a tensor (k, 6) of any device and floating dtype, and returns (k,) there, in that dtype. Motions
        and gradients, a few numbers, go through the host's memory; fields stay where the model is.

    Raises
    ------
    MissingPackageError
        PyTorch is not installed.
    ArgumentError, PoseError

    Notes
    -----
    A value and its gradient come from one batch; the gradient can't be differentiated again.

    Examples
    --------
    >>> import headfield as hf
    >>> def height(poses):
    ...     return poses[:, 2, 3], poses[:, 2, [0, 1, 2, 0, 1, 2]] * [1, 1, 1, 0, 0, 0]
    >>> function = hf.optimize.torch_function(height, np.eye(4))  # doctest: +SKIP
    >>> motion = torch.zeros((1, 6), dtype=torch.float64, requires_grad=True)  # doctest: +SKIP
    >>> function(motion).sum().backward()  # doctest: +SKIP
    >>> motion.grad  # doctest: +SKIP
    tensor([[0., 0., 1., 0., 0., 0.]], dtype=torch.float64)
    """
    try:
        import torch
    except ImportError as error:
        raise MissingPackageError("torch_function needs PyTorch: pip install 'headfield[torch]'") from error
    of_motions = OfMotions(objective, poses)

    def host(tensor: Any) -> Any:
        # By DLPack: PyTorch and NumPy may be of versions that don't know each other's arrays.
        return np.from_dlpack(tensor.detach().to("cpu", torch.float64).contiguous())

    def like(array: Any, tensor: Any) -> Any:
        return torch.from_dlpack(np.ascontiguousarray(array)).to(tensor.device, tensor.dtype)

    class OfPoses(torch.autograd.Function):
        """Values forward, and their gradients, found with them, backward."""

        @staticmethod
        def forward(ctx: Any, motions: Any) -> Any:
            values, gradients = of_motions(host(motions))
            ctx.save_for_backward(like(gradients, motions))
            return like(values, motions)

        @staticmethod
        @torch.autograd.function.once_differentiable
        def backward(ctx: Any, *grads: Any) -> Any:
            (gradients,) = ctx.saved_tensors
            return gradients * grads[0][:, None]

    def function(motions: Any) -> Any:
        return OfPoses.apply(motions)

    function.poses = lambda motions: of_motions.ends(host(motions))  # type: ignore[attr-defined]
    return function
