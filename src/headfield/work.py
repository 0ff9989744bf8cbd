# SPDX-License-Identifier: BSD-3-Clause
"""What a solve needs while it runs: block vectors, room for results on their way out, and a clock."""

from __future__ import annotations

import time
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ._backend import Device, free_memory
from .reserve import Reserve

__all__ = ["Clock", "Results", "WorkSpace"]

_PINNED_SHARE = 0.25  # of the free memory of the host: more must not be locked into it


class WorkSpace:
    """Block vectors of a batch. Touching fresh memory costs as much as an iteration, so they are kept."""

    def __init__(self, device: Device, hierarchy: Any, n: int, width: int) -> None:
        self.solver = device.native.Solver(hierarchy, width)
        self.adot = device.xp.empty((n, 3, width), np.float32)
        self.b = device.xp.empty((n, width))
        self.phi = device.xp.empty((n, width))


class Results:
    """Values (k, …) of all poses, filled batch by batch: where the caller wants them, NumPy's or CuPy's.

    Where the caller wants NumPy arrays of what a GPU computes, each batch gets an array there, which is
    copied to the host while the next batch is solved: into memory that the GPU reaches itself, if there is
    enough.
    """

    def __init__(
        self, device: Device, reserve: Reserve, shape: tuple[int, ...], dtype: type, on_device: bool
    ) -> None:
        self._device = device
        self._copies = not on_device and device.xp is not np
        self._under_way: list[tuple[Any, Any]] = []
        if device.xp is np:
            self.values = reserve.empty(shape, dtype)
            return
        if not self._copies:
            with device.current():
                self.values = device.xp.empty(shape, dtype)
            return
        self.values = _pinned(shape, dtype)
        with device.current():
            self._stream = device.xp.cuda.Stream(non_blocking=True)

    def room(self, part: slice) -> Any:
        """An array on the device for the results of a batch."""
        target = self.values[part]
        if not self._copies:
            return target
        with self._device.current():
            return self._device.xp.empty(target.shape, target.dtype)

    def filled(self, part: slice, room: Any) -> None:
        """The work that fills the room of a batch has been given to the device."""
        if not self._copies:
            return
        with self._device.current():
            self._stream.wait_event(self._device.xp.cuda.get_current_stream().record())
            room.get(stream=self._stream, out=self.values[part], blocking=False)
            self._under_way.append((self._stream.record(), room))  # its memory is not given back before
        if len(self._under_way) > 2:
            event, oldest = self._under_way.pop(0)
            event.synchronize()
            del oldest

    @property
    def under_way(self) -> bool:
        """Whether values are being copied to the host."""
        return bool(self._under_way)

    def finished(self) -> NDArray[Any] | Any:
        """The values of all batches, when they are there."""
        for event, _ in self._under_way:
            event.synchronize()
        self._under_way.clear()
        return self.values

    def __del__(self) -> None:
        # Neither end of a copy that is under way may go back to its pool.
        for event, _ in getattr(self, "_under_way", ()):
            event.synchronize()


def _pinned(shape: tuple[int, ...], dtype: type) -> NDArray[Any]:
    """A NumPy array in memory that a GPU reaches itself, or in any if there is too little of that."""
    size = int(np.prod(shape, dtype=np.int64)) * np.dtype(dtype).itemsize
    if 1 << size.bit_length() <= _PINNED_SHARE * free_memory():  # CuPy takes powers of two
        import cupyx

        try:
            return cupyx.empty_pinned(shape, dtype)
        except Exception:  # the driver's own kind of error; what is left is slower, not worse
            pass
    return np.empty(shape, dtype)


class Clock:
    """Seconds from one lap to the next, by name; a lap waits for the device."""

    def __init__(self, device: Device) -> None:
        self.seconds: dict[str, float] = {}
        self._device = device
        device.wait()
        self._last = time.perf_counter()

    def lap(self, name: str) -> None:
        self._device.wait()
        now = time.perf_counter()
        self.seconds[name] = now - self._last
        self._last = now
