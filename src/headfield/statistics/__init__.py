# SPDX-License-Identifier: BSD-3-Clause
"""Uncertain numbers: distributions, samples of them, whose share of a spread is whose, polynomial chaos.

Nothing here knows of heads: an input is a distribution, a model any function of inputs (n, d).

>>> import numpy as np
>>> from headfield import statistics
>>> inputs = [statistics.Uniform(0.1, 0.4), statistics.Beta(0.1, 0.6)]
>>> design = statistics.saltelli_design(inputs, 1024)
>>> shares = statistics.sobol_indices(1 / design.x[:, 0] + design.x[:, 1], design)
>>> shares.first.round(2).tolist()
[1.0, 0.0]
"""

from .chaos import PolynomialChaos
from .distributions import Beta, Distribution, Normal, Uniform
from .salib import inputs_of, salib_problem
from .sobol import SaltelliDesign, SobolIndices, saltelli_design, samples, sobol_indices, sobol_points

__all__ = [
    "Beta",
    "Distribution",
    "Normal",
    "PolynomialChaos",
    "SaltelliDesign",
    "SobolIndices",
    "Uniform",
    "inputs_of",
    "salib_problem",
    "saltelli_design",
    "samples",
    "sobol_indices",
    "sobol_points",
]
