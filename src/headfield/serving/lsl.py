# SPDX-License-Identifier: BSD-3-Clause
"""An outlet of the Lab Streaming Layer: a few numbers of each frame, on the clock that laboratories share."""

from __future__ import annotations

import math
import threading
import time
from typing import Any

from ..errors import ArgumentError, MissingPackageError
from .figures import error_of, strength
from .frame import Frame
from .hub import Hub

__all__ = ["CHANNELS", "LslOutlet"]

#: Label and unit of each channel.
CHANNELS = (("frame", "count"), ("largest |E|", "V/m"), ("mean |E|", "V/m"), ("error of E", "1"))


class LslOutlet:
    """Pushes a sample for each frame of a hub, in a thread of its own, until it is closed.

    A sample has the number of the frame, the largest |E| in the region and the mean (by volume or area), V/m,
    and the estimated relative error of E; nan where there is none. A frame that failed has nan in all but its
    number. Its time is that at which its pose came in, on the clock of LSL.

    Parameters
    ----------
    hub : Hub
    name : str
        Of the stream.
    sender_stamps : bool
        Take the sender's times, of poses that have some: only right if the sender's clock is that of LSL.

    Attributes
    ----------
    pushed : int
        Samples so far.

    Raises
    ------
    MissingPackageError
        The package pylsl, or the library liblsl that it needs, is missing.
    ArgumentError
        An empty name.
    """

    def __init__(self, hub: Hub, name: str = "headfield", *, sender_stamps: bool = False) -> None:
        self._lsl = _pylsl()
        if not isinstance(name, str) or not name.strip():
            raise ArgumentError("the name of an LSL stream must be a text that is not empty")
        self._weights, self._sender_stamps = hub.engine.region.weights, sender_stamps
        self._outlet = self._made(name)
        self.pushed = 0
        self._listener = hub.listen()
        self._thread = threading.Thread(target=self._push, name="headfield lsl", daemon=True)
        self._thread.start()

    def __enter__(self) -> LslOutlet:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End the stream."""
        self._listener.close()
        self._thread.join()
        self._outlet = None  # which takes it off the network

    def _made(self, name: str) -> Any:
        """Make the outlet, with labels and units of its channels."""
        lsl = self._lsl
        rate = getattr(lsl, "IRREGULAR_RATE", 0.0)
        info = lsl.StreamInfo(name, "EField", len(CHANNELS), rate, "double64", f"headfield {name}")
        channels = info.desc().append_child("channels")
        for label, unit in CHANNELS:
            channels.append_child("channel").append_child_value("label", label).append_child_value(
                "unit", unit
            )
        return lsl.StreamOutlet(info)

    def _push(self) -> None:
        while not self._listener.closed:
            frame = self._listener.get(0.5)
            if frame is None:
                continue
            self._outlet.push_sample(self._sample(frame), self._time(frame))
            self.pushed += 1

    def _sample(self, frame: Frame) -> list[float]:
        if frame.field is None or frame.problem:
            return [float(frame.number), math.nan, math.nan, math.nan]
        error = error_of(frame.field)
        largest, mean = strength(frame.field, self._weights)
        return [float(frame.number), largest, mean, math.nan if error is None else error]

    def _time(self, frame: Frame) -> float:
        """Return when the pose came in, by the clock of LSL."""
        if self._sender_stamps and frame.stamp is not None:
            return float(frame.stamp)
        return float(self._lsl.local_clock()) - (time.monotonic() - frame.received_s)


def _pylsl() -> Any:
    """Return the module pylsl."""
    try:
        import pylsl  # type: ignore[import-not-found,import-untyped,unused-ignore]  # an optional package
    except ImportError as error:
        raise MissingPackageError("streams of LSL need pylsl: pip install 'headfield[lsl]'") from error
    except (OSError, RuntimeError) as error:  # the package is there, but not the library that it loads
        raise MissingPackageError(f"pylsl does not find its library liblsl: {error}") from error
    return pylsl
