# SPDX-License-Identifier: BSD-3-Clause
"""Processes forked while other threads hold locks and are in the midst of a solve."""

import os
import threading
import time

import pytest
from given.children import ended
from given.comparisons import same_bits
from given.heads import coil, poses

import headfield as hf
from headfield.core.locks import Lock, cached_property

pytestmark = [
    pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork, which this system lacks"),
    pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning"),
]


def ends_well(work, seconds=60.0):
    """Whether `work` raises nothing in a forked child, and ends; one that hangs is killed."""
    child = os.fork()
    if child == 0:
        code = 1
        try:
            work()
            code = 0
        finally:
            os._exit(code)
    return ended(child, seconds) == 0


@pytest.fixture
def busy():
    """Function that runs another in a thread, over and over until the test is over."""
    over, threads = threading.Event(), []

    def start(work):
        def loop():
            while not over.is_set():
                work()

        threads.append(threading.Thread(target=loop))
        threads[-1].start()

    yield start
    over.set()
    for thread in threads:
        thread.join()


def test_a_child_forked_while_others_solve_gets_the_same_bits(busy):
    mesh = hf.sphere_mesh(radii_mm=[80, 86, 92], tags=[3, 4, 5], edge_mm=12)
    model = hf.HeadModel(mesh, device="cpu", threads=2)
    some = poses(8)
    expected = model.solve(coil(), some, recovery="interface")
    waiting = model.solve(coil(), some)  # its E has not been asked for
    linear = model.solve(coil(), some).E

    def in_child():
        solved = model.solve(coil(), some, recovery="interface")
        same_bits(solved.potential, expected.potential)
        same_bits(solved.E, expected.E)
        same_bits(waiting.E, linear)

    busy(lambda: model.solve(coil(), some, recovery="interface").E)
    for number in range(5):
        time.sleep(0.02 * number)  # in another stage of a solve each time
        assert ends_well(in_child)


def test_a_lock_that_another_thread_held_is_open_in_a_child_which_is_told():
    lock, held, over = Lock("a test holds it"), threading.Event(), threading.Event()

    def hold():
        with lock.held():
            held.set()
            over.wait()

    def in_child():
        with lock.held() as left_behind:
            assert left_behind
        with lock.held() as left_behind:
            assert not left_behind

    thread = threading.Thread(target=hold)
    thread.start()
    held.wait()
    try:
        assert ends_well(in_child, seconds=20.0)
    finally:
        over.set()
        thread.join()
    with lock.held() as left_behind:
        assert not left_behind, "nothing was left behind in the parent"


def test_a_lock_held_by_the_thread_that_forks_stays_its_own():
    lock = Lock("a test holds it")

    def in_child():
        with pytest.raises(hf.HeadfieldError, match="a test holds it"), lock.held():
            pass

    with lock.held():
        assert ends_well(in_child)
    with lock.held():
        pass


def test_a_value_that_another_thread_was_computing_is_computed_in_a_child():
    begun, over = threading.Event(), threading.Event()

    class Slow:
        @cached_property
        def value(self):
            if threading.current_thread() is not threading.main_thread():
                begun.set()
                over.wait()
            return 1

    def in_child():
        assert Slow().value == 1

    thread = threading.Thread(target=lambda: Slow().value)
    thread.start()
    begun.wait()
    try:
        assert ends_well(in_child, seconds=20.0)
    finally:
        over.set()
        thread.join()
