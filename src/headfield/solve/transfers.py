# SPDX-License-Identifier: BSD-3-Clause
"""Results on their way from a device to whoever asked for them."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..core.device import Device
from ..core.memory import Reserve, free_memory

__all__ = ["Results"]

_PINNED_SHARE = 0.25  # of the free memory of the host: more must not be locked into it


class _Copies:
    """Copies to the host in progress. Memory at either end stays out of its pool until its copy is done."""

    def __init__(self) -> None:
        self._events: list[tuple[Any, Any]] = []

    def __bool__(self) -> bool:
        return bool(self._events)

    def add(self, event: Any, ends: Any) -> None:
        """Add a copy, which is done when the event is; wait for the oldest if there are more than two."""
        self._events.append((event, ends))
        if len(self._events) > 2:
            oldest, _ = self._events.pop(0)
            oldest.synchronize()

    def wait(self) -> None:
        """Wait until all are done."""
        for event, _ in self._events:
            event.synchronize()
        self._events.clear()

    def __del__(self) -> None:
        self.wait()


class Results:
    """Arrays (k, …) of all poses by name, filled batch by batch: NumPy's or CuPy's, as the caller wants them.

    Where the caller wants NumPy arrays of what a GPU computes, each batch gets arrays there, which are
    copied to the host while the next batch is solved: into memory that the GPU reaches itself, if there is
    enough.
    """

    def __init__(
        self,
        device: Device,
        reserves: dict[str, Reserve],
        made: dict[str, tuple[tuple[int, ...], Any]],
        on_device: bool,
    ) -> None:
        self._device = device
        # None where nothing is copied: an interrupt that comes while a finalizer runs is lost.
        self._under_way = None if on_device or device.xp is np else _Copies()
        if self._under_way is not None:
            with device.current():
                self._stream = device.xp.cuda.Stream(non_blocking=True)
        self.values = {name: self._room(reserves[name], *one) for name, one in made.items()}

    def _room(self, reserve: Reserve, shape: tuple[int, ...], dtype: Any) -> Any:
        if self._device.xp is np:
            return reserve.empty(shape, dtype)
        if self._under_way is not None:
            return _pinned(shape, dtype)
        with self._device.current():
            return self._device.xp.empty(shape, dtype)

    def room(self, part: slice) -> dict[str, Any]:
        """Return arrays on the device for the results of a batch."""
        targets = {name: values[part] for name, values in self.values.items()}
        if self._under_way is None:
            return targets
        with self._device.current():
            return {name: self._device.xp.empty(t.shape, t.dtype) for name, t in targets.items()}

    def filled(self, part: slice, room: dict[str, Any]) -> None:
        """Copy the results of a batch to the host once the device has done the work that it was given."""
        if self._under_way is None:
            return
        with self._device.current():
            self._stream.wait_event(self._device.xp.cuda.get_current_stream().record())
            for name, values in room.items():
                values.get(stream=self._stream, out=self.values[name][part], blocking=False)
            self._under_way.add(self._stream.record(), (room, self.values))

    @property
    def under_way(self) -> bool:
        """Whether values are being copied to the host."""
        return bool(self._under_way)

    def finished(self) -> dict[str, Any]:
        """Wait for the values of all batches, and return them."""
        if self._under_way is not None:
            self._under_way.wait()
        return self.values


def _pinned(shape: tuple[int, ...], dtype: type) -> NDArray[Any]:
    """Return a NumPy array in memory that a GPU can reach, or in any if there is too little of that."""
    size = int(np.prod(shape, dtype=np.int64)) * np.dtype(dtype).itemsize
    if 1 << size.bit_length() <= _PINNED_SHARE * free_memory():  # CuPy takes powers of two
        import cupyx

        try:
            return cupyx.empty_pinned(shape, dtype)
        except Exception:  # the driver's own kind of error; what is left is slower, not worse
            pass
    return np.empty(shape, dtype)
