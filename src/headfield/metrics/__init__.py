# SPDX-License-Identifier: BSD-3-Clause
"""Numbers computed from fields: how much two fields differ, and what users report of one field in a region.

Pure functions of arrays. `magnitude` is |E| per element, V/m, of one pose (m,) or of k poses (k, m); the
results then have the shape () or (k,). The elements are those of the region that is asked about, such as the
tetrahedra of gray matter or the nodes of a surface. `weights` (m,) says how much of the region each stands
for, as volume in mm³ or area in mm²; an element of weight 0 is left out. A `magnitude` that is a CuPy array
is reduced on its GPU, and the result is a CuPy array too. A pose gets the same bits alone and in a batch.
"""

from .components import NormalTangential, component, normal_tangential
from .differences import ln_mag, rdm, relative_l2
from .spread import HalfValue, centre_of_gravity, focality, half_value
from .strength import Peak, mean, peak, percentiles, roi_mean
from .target_overlap import OffTarget, Overlap, off_target, overlap

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
