# SPDX-License-Identifier: BSD-3-Clause
"""Children forked while another thread solves: each has to solve too, with the same bits, and to end."""

from __future__ import annotations

import os
import threading
import time

import numpy as np
from given.children import ended
from given.heads import coil, poses

import headfield as hf

__all__ = ["children_that_solve"]

_SECONDS = 60.0  # after which a child hangs


def children_that_solve(count: int) -> int:
    """How many of `count` forked children end with the right field."""
    model = hf.HeadModel(hf.sphere_mesh(radii_mm=[80, 86, 92], tags=[3, 4, 5], edge_mm=12), threads=2)
    some = poses(8)
    expected = model.solve(coil(), some).E
    over = threading.Event()

    def busy() -> None:
        while not over.is_set():
            model.solve(coil(), some)

    thread = threading.Thread(target=busy)
    thread.start()
    try:
        good = 0
        for number in range(count):
            time.sleep(0.003 * (number % 11))  # in another stage of a solve each time
            child = os.fork()
            if child == 0:
                try:
                    good = np.array_equal(model.solve(coil(), some).E, expected)
                except BaseException:  # which would go on as a second run of the tests
                    good = False
                os._exit(0 if good else 1)
            good += ended(child, _SECONDS) == 0
        return good
    finally:
        over.set()
        thread.join()
