# SPDX-License-Identifier: BSD-3-Clause
"""Optimise poses by gradients: with `refine`, or with SciPy, PyTorch, JAX by way of an `Objective`."""

from .clearance import Clearance
from .jax_hook import jax_function
from .landed import Landed
from .objective import Objective
from .refine import refine
from .refinement import Refinement
from .torch_hook import torch_function
from .twists import OfMotions

__all__ = [
    "Clearance",
    "Landed",
    "Objective",
    "OfMotions",
    "Refinement",
    "jax_function",
    "refine",
    "torch_function",
]
