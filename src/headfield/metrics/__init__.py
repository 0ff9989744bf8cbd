# SPDX-License-Identifier: BSD-3-Clause
"""Numbers that are made of fields: differences between two of them, and what users report of one in a region.

Pure functions of arrays. `magnitude` is |E| per element, V/m, of one pose (m,) or of k poses (k, m); the
results then have the shape () or (k,). The elements are those of the region that is asked about: gray matter,
say, or the nodes of a surface. `weights` (m,) says how much of it each stands for, volumes in mm³ or areas in
mm²; 0 leaves an element out. A `magnitude` on a GPU, CuPy's, is reduced there, and the result is CuPy's too.
A pose gets the same bits alone and in a batch.
"""

from .components import NormalTangential, component, normal_tangential
from .differences import ln_mag, rdm, relative_l2
from .spread import HalfValue, centre_of_gravity, focality, half_value
from .strength import Peak, mean, peak, percentiles, roi_mean
from .targeting import OffTarget, Overlap, off_target, overlap

__all__ = [
    "HalfValue",
    "NormalTangential",
    "OffTarget",
    "Overlap",
    "Peak",
    "centre_of_gravity",
    "component",
    "focality",
    "half_value",
    "ln_mag",
    "mean",
    "normal_tangential",
    "off_target",
    "overlap",
    "peak",
    "percentiles",
    "rdm",
    "relative_l2",
    "roi_mean",
]
