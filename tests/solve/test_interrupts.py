# SPDX-License-Identifier: BSD-3-Clause
"""Signals that come while native code solves: handlers run then, and what they raise ends the solve."""

import os
import signal
import threading

import pytest
from given.comparisons import same_bits
from given.heads import coil, model, poses

import headfield as hf
from headfield.solve.options import SolveOptions

pytestmark = [
    pytest.mark.usefixtures("each_device", "nothing_kept"),
    pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="needs timers of POSIX"),
]


class TooLong(Exception):
    """What the handlers of these tests raise."""


def raise_too_long(*_):
    raise TooLong


@pytest.fixture
def alarm():
    """Function that has a handler called in some tenths of a second."""

    def start(handler, seconds=0.2, interval=0.0):
        signal.signal(signal.SIGALRM, handler)
        signal.setitimer(signal.ITIMER_REAL, seconds, interval)

    before = signal.getsignal(signal.SIGALRM)
    yield start
    signal.setitimer(signal.ITIMER_REAL, 0.0)
    signal.signal(signal.SIGALRM, before)


@pytest.fixture
def endless(monkeypatch):
    """Function that makes solves from now on take hundreds of iterations; returns so many poses."""

    def options(**given):
        made = SolveOptions(**given)
        object.__setattr__(made, "tol", 0.0)
        object.__setattr__(made, "max_iterations", 2**31 - 1)
        return made

    def start():
        many = poses(64)
        monkeypatch.setattr("headfield.solve.model.SolveOptions", options)
        return many  # which take seconds, and alarms come after tenths of one

    return start


def test_what_a_handler_raises_ends_a_solve_and_the_next_has_the_same_bits(alarm, endless, monkeypatch):
    expected = model().solve(coil(), poses(4))
    many = endless()
    for _ in range(2):
        alarm(raise_too_long)
        with pytest.raises(TooLong):
            model().solve(coil(), many)
    monkeypatch.undo()
    again = model().solve(coil(), poses(4))
    same_bits(again.potential, expected.potential)
    same_bits(again.E, expected.E)


def test_ctrl_c_is_a_keyboard_interrupt(endless):
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    timer = threading.Timer(0.2, os.kill, (os.getpid(), signal.SIGINT))
    many = endless()
    try:
        timer.start()
        with pytest.raises(KeyboardInterrupt):
            model().solve(coil(), many)
    finally:
        timer.join()
        signal.signal(signal.SIGINT, before)


def test_handlers_that_raise_nothing_do_not_end_a_solve(alarm, endless):
    calls = []

    def count(*_):
        calls.append(None)
        if len(calls) == 3:
            raise TooLong

    many = endless()
    alarm(count, 0.1, 0.1)
    with pytest.raises(TooLong):
        model().solve(coil(), many)
    assert len(calls) == 3, "the first two let it go on"


def test_a_handler_that_wants_the_same_head_is_told_so(alarm, endless):
    many = endless()
    alarm(lambda *_: model().solve(coil(), many))
    with pytest.raises(hf.HeadfieldError, match="a head solves"):
        model().solve(coil(), many)


def test_solves_in_other_threads_are_not_disturbed(alarm):
    expected, solved, calls = model().solve(coil(), poses(6), tol=1e-9), [], []
    alarm(lambda *_: calls.append(None), 0.01, 0.01)

    def solve():
        while len(calls) < 20:
            solved.append(model().solve(coil(), poses(6), tol=1e-9).potential)

    thread = threading.Thread(target=solve)
    thread.start()
    thread.join()
    assert solved
    for potential in solved:
        same_bits(potential, expected.potential)


def test_fields_before_an_interrupt_are_handed_out(alarm, monkeypatch):
    head = model()._head
    iterate, count = type(head)._iterate, iter(range(9))

    def endless_third(self, batch, *arguments):
        if next(count) < 2:
            return iterate(self, batch, *arguments)
        object.__setattr__(batch.options, "tol", 0.0)
        object.__setattr__(batch.options, "max_iterations", 2**31 - 1)
        alarm(raise_too_long)
        while True:  # one may stand still, and end, before the alarm
            iterate(self, batch, *arguments)

    expected = model().solve(coil(), poses(12)[:8])
    monkeypatch.setattr(type(head), "_iterate", endless_third)
    done = []
    with pytest.raises(TooLong):
        done.extend(model().iter_solve(coil(), poses(12), batch=4))
    assert [len(field) for field in done] == [4, 4]
    for at, field in enumerate(done):
        same_bits(field.potential, expected.potential[4 * at : 4 * at + 4])
