# SPDX-License-Identifier: BSD-3-Clause
"""Make regions of a head: tissues, spheres, atlas labels, points, surfaces, and layers of the cortex.

Regions of whole tetrahedra can be combined with `&`, `|`, `-` and `~`, surfaces with them by `&` and `-`, see
`headfield.Region`.

>>> import headfield as hf
>>> from headfield import regions
>>> head = hf.phantom_head(edge_mm=8)
>>> gray = regions.tissue(head, 2)
>>> far = gray - regions.sphere(head, [-40, -8, 50], radius_mm=40)
>>> len(gray), len(far)
(9380, 8479)
"""

from .annotation import annotated
from .atlas import labels, read_label_names
from .columns import Columns
from .cortex import Cortex, cortical_layer, mid_layer
from .makers import mask, nodes, points, sphere, surface, tissue

__all__ = [
    "Columns",
    "Cortex",
    "annotated",
    "cortical_layer",
    "labels",
    "mask",
    "mid_layer",
    "nodes",
    "points",
    "read_label_names",
    "sphere",
    "surface",
    "tissue",
]
