# SPDX-License-Identifier: BSD-3-Clause
"""A hub between programs that say where the coil is and those that want the field there, in one process.

Poses come in from any thread, as often as they like; one thread computes the field of the newest, and hands
it to all who listen. There is no queue anywhere: a pose that a newer one overtakes is dropped, and a listener
that is slow misses frames. Neither holds up the others, nor takes memory.
"""

from __future__ import annotations

import atexit
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..coils.coil import Coil
from ..core.arguments import real_array
from ..core.messages import heard, in_one_line
from ..errors import HeadfieldError, PoseError
from ..fields.engine import Engine
from ..poses.pose import check_poses
from ..solve.drives.coil import check_coil
from ..solve.drives.rates import checked_didt
from .frame import Counts, Frame
from .jumps import Jumps
from .listener import Listener

__all__ = ["Counts", "Frame", "Hub", "Listener"]

Floats = NDArray[np.float64]

_MOST_NOTES = 20


class _Waiting(NamedTuple):
    """A pose whose turn has not come."""

    pose: Floats
    didt: Floats | None
    stamp: float | None
    source: str
    received_s: float
    jump: str


class Hub:
    """Computes the field at the newest pose, in a thread of its own, for whoever listens.

    It is safe to use from several threads. Close it, or use it in a `with` statement.

    Parameters
    ----------
    engine : Engine
    coil : Coil
    didt : array_like, scalar; (s,) or (1, s) for a coil with s > 1 stimulators
        A/s, of poses that come without; or a text with units, such as "50 A/µs".

    Raises
    ------
    CoilError, ArgumentError
        Bad input.

    Examples
    --------
    >>> import headfield as hf
    >>> class Solver:
    ...     def __init__(self, model, region):
    ...         self.model, self.region = model, region
    ...
    ...     def field(self, coil, poses, didt=1e6):
    ...         return self.model.solve(coil, poses, didt, roi=self.region)
    >>> model = hf.HeadModel(hf.sphere_mesh(radii_mm=[80, 86, 92], tags=[2, 4, 5], edge_mm=20))
    >>> coil = hf.circular_coil()
    >>> with Hub(Solver(model, hf.regions.tissue(model.mesh, 2)), coil, "50 A/µs") as hub:
    ...     listener = hub.listen()
    ...     hub.put(model.place(coil, [0, 0, 92], [0, 50, 92]))
    ...     frame = listener.get(timeout_s=60)
    ...     hub.put(2 * np.eye(4))
    ...     refused = listener.get(timeout_s=60)
    >>> frame.number, frame.problem, len(frame.field)
    (1, '', 1)
    >>> refused.field is None, refused.problem
    (True, 'pose 0 of 1: last row is not 0 0 0 1, off by 1: transposed?')
    """

    def __init__(self, engine: Engine, coil: Coil, didt: ArrayLike = 1e6) -> None:
        self._engine = engine
        self._coil = check_coil(coil)
        self._didt = _rates(didt, coil)
        self._changed = threading.Condition()
        self._waiting: _Waiting | None = None
        self._jumps = Jumps()
        self._counts = Counts()
        self._listeners: set[Listener] = set()
        self._closed = False
        self._worker = threading.Thread(target=self._work, name="headfield hub", daemon=True)
        atexit.register(self.close)  # so that the interpreter does not end under native loops
        self._worker.start()

    def __enter__(self) -> Hub:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def engine(self) -> Engine:
        """What computes the fields."""
        return self._engine

    @property
    def coil(self) -> Coil:
        """The coil of the poses to come."""
        with self._changed:
            return self._coil

    @property
    def didt(self) -> Floats:
        """A/s, (s,), of poses that come without."""
        with self._changed:
            return self._didt

    @property
    def counts(self) -> Counts:
        """What has been done so far."""
        with self._changed:
            return self._counts

    @property
    def closed(self) -> bool:
        """Whether it was closed: what is put in then is ignored."""
        with self._changed:
            return self._closed

    def put(
        self, pose: ArrayLike, didt: ArrayLike | None = None, stamp: float | None = None, source: str = ""
    ) -> None:
        """Take the newest pose of the coil; one that still waits is dropped. Returns at once.

        Parameters
        ----------
        pose : array_like (4, 4)
            Coil to head, mm. If it is no rigid placement the frame says so.
        didt : array_like, optional
            See `Hub`; by default that of the hub.
        stamp : float, optional
            The sender's time, s; the frame has it.
        source : str
            What the sender is called.

        Raises
        ------
        PoseError
            Not 16 numbers (4, 4).
        ArgumentError
            A bad dI/dt.
        """
        matrix = real_array(pose, "pose", PoseError)
        if matrix.shape != (4, 4):
            raise PoseError(f"pose must have the shape (4, 4), not {matrix.shape}")
        matrix.flags.writeable = False
        with heard():  # the engine will say it again, for the frame
            rates = None if didt is None else _rates(didt, self.coil)
        with self._changed:
            if self._closed:
                return
            now = time.monotonic()
            jump, before = self._jumps.said_of(matrix, now), self._waiting
            if before is not None:
                jump = jump or before.jump
            self._waiting = _Waiting(matrix, rates, stamp, source, now, jump)
            self._count(received=1, replaced=int(before is not None))
            self._changed.notify_all()

    def set_coil(self, coil: Coil, didt: ArrayLike | None = None) -> None:
        """Change the coil of the poses to come, and their dI/dt if it is told.

        Raises
        ------
        CoilError, ArgumentError
            Bad input; the dI/dt so far is refused for a coil with another number of stimulators.
        """
        check_coil(coil)
        with self._changed:
            rates = _rates(self._didt if didt is None else didt, coil)
            self._coil, self._didt = coil, rates

    def set_didt(self, didt: ArrayLike) -> None:
        """Change dI/dt of the poses to come, see `Hub`.

        Raises
        ------
        ArgumentError
        """
        with self._changed:
            self._didt = _rates(didt, self._coil)

    def listen(self, woken: Callable[[], object] | None = None) -> Listener:
        """Return a listener to the frames from now on; close it when it is no longer needed.

        Parameters
        ----------
        woken : callable, optional
            Called in the thread of the hub when there is a new frame, and when the hub closes. It must
            return at once; for an asyncio loop `lambda: loop.call_soon_threadsafe(event.set)`.
        """
        listener = Listener(woken, self._forget)
        with self._changed:
            closed = self._closed
            if not closed:
                self._listeners.add(listener)
        if closed:
            listener.end()
        return listener

    def close(self) -> None:
        """End the thread, after the frame that it is at, and let go of all listeners."""
        atexit.unregister(self.close)
        with self._changed:
            self._closed, self._waiting = True, None
            self._changed.notify_all()
        if threading.current_thread() is not self._worker:
            self._worker.join()

    def _forget(self, listener: Listener) -> None:
        with self._changed:
            self._listeners.discard(listener)

    def _count(self, **more: float) -> None:
        """Add to the counts; the lock is held."""
        self._counts = replace(self._counts, **{n: getattr(self._counts, n) + v for n, v in more.items()})

    def _next(self) -> tuple[_Waiting, Coil, Floats] | None:
        with self._changed:
            self._changed.wait_for(lambda: self._closed or self._waiting is not None)
            waiting, self._waiting = self._waiting, None
            if waiting is None:
                return None
            return waiting, self._coil, self._didt if waiting.didt is None else waiting.didt

    def _work(self) -> None:
        number = 0
        while (task := self._next()) is not None:
            number += 1
            self._hand_out(self._frame(number, *task))
            del task  # nothing of a frame is kept while the next is waited for
        with self._changed:
            listeners, self._listeners = self._listeners, set()
        for listener in listeners:
            listener.end()

    def _frame(self, number: int, task: _Waiting, coil: Coil, didt: Floats) -> Frame:
        field, problem, began = None, "", time.monotonic()
        with heard() as warned:
            try:
                poses = check_poses(task.pose)
                rates = float(didt[0]) if len(didt) == 1 else didt[None]
                field = self._engine.field(coil, poses, rates).on_host()
                field.magnitude  # noqa: B018  # computes E, in this thread
            except HeadfieldError as error:
                field, problem = None, in_one_line(error)
            except Exception as error:  # one bad frame must not end the service; it says what it was
                field, problem = None, f"{type(error).__name__}: {in_one_line(error)}"
        done = time.monotonic()
        with self._changed:
            self._count(computed=int(field is not None), failed=int(field is None), seconds=done - began)
            self._counts = replace(self._counts, longest_s=max(self._counts.longest_s, done - began))
        said = [task.jump] * bool(task.jump) + list(dict.fromkeys(warned))
        notes = tuple(said[:_MOST_NOTES])
        about = (task.stamp, task.source, task.received_s, done)
        return Frame(number, task.pose, didt, field, problem, notes, *about)

    def _hand_out(self, frame: Frame) -> None:
        with self._changed:
            listeners = list(self._listeners)
        for listener in listeners:
            if not listener.offer(frame):
                with self._changed:
                    self._count(listener_errors=1)


def _rates(didt: Any, coil: Coil) -> Floats:
    """Return dI/dt of each stimulator, (s,)."""
    values = didt
    if coil.n_stimulators > 1 and not isinstance(didt, str):
        values = np.asarray(didt)
        if values.shape == (coil.n_stimulators,):
            values = values[None]
    rates = checked_didt(values, 1, coil).reshape(-1)
    rates.flags.writeable = False
    return rates
