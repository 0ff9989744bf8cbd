# SPDX-License-Identifier: BSD-3-Clause
"""Native operators of recovered fields."""

import numpy as np
from devices import native

NAMES = ("indptr", "indices", "weights", "node", "tissue", "rate", "corner")


def built(nodes, tets, tags, sigma, elements=None, coupled=True):
    chosen = np.arange(len(tets), dtype=np.int32) if elements is None else elements
    arrays = native.recovery(nodes, tets, np.asarray(tags, np.int32), sigma, chosen, coupled)
    return dict(zip(NAMES, arrays, strict=True))
