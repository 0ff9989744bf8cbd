# SPDX-License-Identifier: BSD-3-Clause
"""The hub: the newest pose wins, listeners hold up nobody, and what goes wrong is said."""

import gc
import sys
import threading
import time
import warnings

import numpy as np
import pytest
from given.serving import COIL, Stub, loose_points, pose_at, until

import headfield as hf
from headfield.core.messages import doubt, heard, warn
from headfield.serving.hub import Hub


@pytest.fixture
def gate():
    """An engine that waits at each pose until it is let through."""
    stub = Stub()
    stub.inside, stub.go = threading.Semaphore(0), threading.Semaphore(0)

    def wait(_):
        stub.inside.release()
        assert stub.go.acquire(timeout=30)

    stub.before = wait
    yield stub
    stub.go.release(1000)


def test_a_frame_is_the_field_at_its_pose():
    stub = Stub()
    with Hub(stub, COIL, "2 A/µs") as hub, hub.listen() as listener:
        before = time.monotonic()
        hub.put(pose_at(3.0), stamp=12.5, source="tracker")
        frame = listener.get(30)
        assert frame.number == 1
        assert np.array_equal(frame.field.magnitude[0], stub.magnitude(3.0))
        assert np.array_equal(frame.pose, pose_at(3.0))
        assert frame.didt.tolist() == [2e6]
        assert (frame.stamp, frame.source, frame.problem, frame.notes) == (12.5, "tracker", "", ())
        assert before <= frame.received_s <= frame.done_s <= time.monotonic()
        assert listener.get(0) is None


def test_newest_pose_wins(gate):
    with Hub(gate, COIL) as hub, hub.listen() as listener:
        hub.put(pose_at(0))
        assert gate.inside.acquire(timeout=30)
        for x in range(1, 101):
            hub.put(pose_at(x))
        gate.go.release(2)
        until(lambda: hub.counts.computed == 2)
        assert [pose[0, 3] for pose in gate.poses] == [0, 100]
        assert hub.counts.received == 101
        assert hub.counts.replaced == 99
        until(lambda: (frame := listener.get(0)) is not None and frame.number == 2)


def test_a_slow_listener_gets_the_newest_frame_and_holds_up_nobody():
    with Hub(Stub(), COIL) as hub, hub.listen() as slow, hub.listen() as fast:
        for x in range(20):
            hub.put(pose_at(x))
            assert fast.get(30).number == x + 1
        assert slow.get(30).number == 20
        assert slow.get(0) is None


def test_errors_become_frames_and_the_hub_lives_on():
    stub = Stub()

    def strike(pose):
        if pose[0, 3] == 13:
            raise RuntimeError("out of luck")

    stub.before = strike
    sheared = pose_at(1)
    sheared[0, 1] = 0.2
    below, lost = pose_at(1), np.full((4, 4), np.nan)
    below[2, 3] = -5
    said = []
    with Hub(stub, COIL) as hub, hub.listen() as listener:
        for pose in (sheared, below, pose_at(13), lost, pose_at(2)):
            hub.put(pose)
            frame = listener.get(30)
            said.append(frame.problem)
            assert (frame.field is None) == bool(frame.problem)
        assert hub.counts.failed == 4
        assert hub.counts.computed == 1
    assert "not orthonormal" in said[0]
    assert said[1] == "pose 0: below the head"
    assert said[2] == "RuntimeError: out of luck"
    assert "not finite" in said[3]
    assert said[4] == ""
    assert len(stub.poses) == 3  # neither the sheared nor the lost one reached the engine


@pytest.mark.parametrize("pose", [np.eye(3), np.zeros((2, 4, 4)), "pose", None, [[1, 2], [3]]])
def test_what_is_no_matrix_is_refused_at_once(pose):
    with Hub(Stub(), COIL) as hub:
        with pytest.raises(hf.PoseError, match="pose"):
            hub.put(pose)
        assert hub.counts.received == 0


def test_bad_coils_and_rates_are_refused_at_once():
    with pytest.raises(hf.CoilError):
        Hub(Stub(), "coil")
    with pytest.raises(hf.ArgumentError, match="didt"):
        Hub(Stub(), COIL, np.nan)
    with Hub(Stub(), COIL) as hub:
        with pytest.raises(hf.ArgumentError, match="didt"):
            hub.put(np.eye(4), didt=[1e6, 2e6])
        with pytest.raises(hf.ArgumentError, match="didt"):
            hub.set_didt("fast")
        with pytest.raises(hf.CoilError):
            hub.set_coil(None)
        with hub.listen() as listener, pytest.raises(hf.ArgumentError, match="timeout_s"):
            listener.get(-1)
        assert hub.didt.tolist() == [1e6]


def test_rates_and_coils_change_with_the_next_pose():
    two = hf.Coil(
        elements=[hf.CoilElement(COIL.elements[0].source, stimulator=s) for s in (0, 1)],
        stimulators=[hf.Stimulator()] * 2,
    )
    with Hub(Stub(), COIL) as hub, hub.listen() as listener:
        hub.put(pose_at(1), didt=5e6)
        assert listener.get(30).didt.tolist() == [5e6]
        hub.put(pose_at(1))
        assert listener.get(30).didt.tolist() == [1e6]
        hub.set_didt(7e6)
        hub.put(pose_at(1))
        assert listener.get(30).didt.tolist() == [7e6]
        with pytest.raises(hf.ArgumentError, match="didt"):
            hub.set_coil(two)
        assert hub.coil is COIL
        hub.set_coil(two, [1e6, 2e6])
        hub.put(pose_at(1))
        assert listener.get(30).didt.tolist() == [1e6, 2e6]


def test_jumps_are_said():
    with Hub(Stub(), COIL) as hub, hub.listen() as listener:

        def notes(pose):
            hub.put(pose)
            return listener.get(30).notes

        assert notes(pose_at(0)) == ()
        assert notes(pose_at(49)) == ()
        (said,) = notes(pose_at(-2))
        assert said.startswith("the pose jumped by 51 mm and 0 degrees")
        (said,) = notes(pose_at(-2, turned_deg=46))
        assert said.startswith("the pose jumped by 0 mm and 46 degrees")
        assert notes(pose_at(-2, turned_deg=2)) == ()
        time.sleep(0.15)
        assert notes(pose_at(90)) == ()


def test_a_jump_is_not_lost_with_the_pose_that_was_overtaken(gate):
    with Hub(gate, COIL) as hub, hub.listen() as listener:
        hub.put(pose_at(0))
        assert gate.inside.acquire(timeout=30)
        hub.put(pose_at(80))
        hub.put(pose_at(81))
        gate.go.release(2)
        until(lambda: hub.counts.computed == 2)
        until(lambda: (frame := listener.get(0)) is not None and "80 mm" in "".join(frame.notes))


def test_warnings_become_notes_of_their_frame_and_are_shown_to_nobody():
    stub = Stub()
    stub.before = lambda pose: [warn("half of the wire is inside"), doubt("so near")]
    with warnings.catch_warnings(record=True) as shown:
        warnings.simplefilter("always")
        with Hub(stub, COIL) as hub, hub.listen() as listener:
            for _ in range(2):
                hub.put(pose_at(1))
                first, second = listener.get(30).notes
                assert first == "half of the wire is inside"
                assert second.startswith("so near (silence:")
    assert shown == []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", hf.PlausibilityWarning)
        with Hub(stub, COIL) as hub, hub.listen() as listener:
            hub.put(pose_at(1))
            assert listener.get(30).notes == ("half of the wire is inside",)


def test_what_one_thread_hears_others_still_show():
    with heard() as notes:
        thread_shown = []

        def other():
            with warnings.catch_warnings(record=True) as shown:
                warnings.simplefilter("always")
                warn("elsewhere")
            thread_shown.extend(str(one.message) for one in shown)

        thread = threading.Thread(target=other)
        thread.start()
        thread.join()
        with heard() as inner:
            warn("inner")
        warn("outer")
    assert (notes, inner, thread_shown) == (["outer"], ["inner"], ["elsewhere"])
    with pytest.warns(UserWarning, match="after"):
        warn("after")


def test_woken_is_called_and_its_errors_end_nothing():
    calls = threading.Semaphore(0)

    def broken():
        raise RuntimeError("the loop is closed")

    with Hub(Stub(), COIL) as hub, hub.listen(calls.release) as told, hub.listen(broken) as other:
        for number in (1, 2):
            hub.put(pose_at(number))
            assert calls.acquire(timeout=30)
            assert told.get(0).number == number
            assert other.get(30).number == number
        assert hub.counts.listener_errors == 1


def test_closing_ends_the_thread_and_all_who_wait():
    with Hub(Stub(), COIL) as hub:
        listener = hub.listen()
        waiting = threading.Thread(target=listener.get)
        waiting.start()
    waiting.join(30)
    assert not waiting.is_alive()
    assert hub.closed
    assert listener.closed
    assert not [t for t in threading.enumerate() if t is hub._worker]
    hub.put(pose_at(0))
    assert hub.counts.received == 0
    late = hub.listen()
    assert late.closed
    assert late.get() is None
    hub.close()


def test_closing_waits_for_the_frame_at_hand(gate):
    hub = Hub(gate, COIL)
    with hub.listen() as listener:
        hub.put(pose_at(1))
        assert gate.inside.acquire(timeout=30)
        closing = threading.Thread(target=hub.close)
        closing.start()
        gate.go.release()
        closing.join(30)
        assert listener.get(0).number == 1


def test_many_threads_put_at_once():
    with Hub(Stub(), COIL) as hub, hub.listen() as listener:
        threads = [
            threading.Thread(target=lambda: [hub.put(pose_at(x)) for x in range(100)]) for _ in range(4)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        until(lambda: (c := hub.counts).computed + c.replaced == 400)
        assert hub.counts.received == 400
        until(lambda: (frame := listener.get(0)) is not None and frame.number == hub.counts.computed)


def test_thousands_of_frames_leave_nothing_behind():
    """Two minutes of 50 poses a second, as fast as they go; objects are counted along the way."""
    stub = Stub(loose_points(20))
    stub.keep, counted = False, []
    with Hub(stub, COIL) as hub, hub.listen() as slow, hub.listen() as fast:
        for number in range(1, 6_001):
            hub.put(pose_at(number % 7))
            assert fast.get(30).number == number
            if number in (1_000, 6_000):
                gc.collect()
                counted.append((len(gc.get_objects()), sys.getallocatedblocks()))
        assert slow.get(0).number == 6_000
    (objects, blocks), (later_objects, later_blocks) = counted
    assert later_objects - objects < 200  # a frame has some ten of them
    assert later_blocks - blocks < 500


def test_the_field_of_a_real_head():
    model = hf.HeadModel(hf.phantom_head(edge_mm=8))
    coil = hf.figure_of_eight()

    class Solver:
        region = hf.regions.mid_layer(model.mesh)

        def field(self, coil, poses, didt=1e6):
            return model.solve(coil, poses, didt, roi=self.region)

    pose = model.place(coil, [-46, -8, 70], [-46, 42, 70])
    inside = pose.copy()
    inside[:3, 3] += 30 * pose[:3, 2]
    with Hub(Solver(), coil, 50e6) as hub, hub.listen() as listener:
        hub.put(pose)
        frame = listener.get(120)
        again = model.solve(coil, pose, 50e6, roi=Solver.region)
        assert np.array_equal(frame.field.E, again.E)
        assert frame.notes == ()
        hub.put(inside)
        frame = listener.get(120)
        assert frame.problem or "inside" in " ".join(frame.notes)
