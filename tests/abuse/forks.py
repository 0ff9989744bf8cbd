# SPDX-License-Identifier: BSD-3-Clause
"""Children forked while another thread solves: each has to solve too, with the same bits, and to end."""

from __future__ import annotations

import os
import signal
import threading
import time

import numpy as np
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
            good += _ends_well(child)
        return good
    finally:
        over.set()
        thread.join()


def _ends_well(child: int) -> bool:
    until = time.monotonic() + _SECONDS
    while time.monotonic() < until:
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            return status == 0
        time.sleep(0.01)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return False
