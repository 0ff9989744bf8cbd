# SPDX-License-Identifier: BSD-3-Clause
"""A frame as messages of OpenIGTLink: |E| as NDARRAY and on a POLYDATA, what it is as STRING."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Iterable
from typing import Any

import numpy as np

from ...errors import ArgumentError
from ...regions.region import Region
from ..figures import error_of, strength
from ..frame import Frame
from .axes import Axes
from .contents import Status, status, string
from .message import Message, pack
from .ndarray import in_rows, ndarray
from .polydata import Attribute, PolyData, Template

__all__ = ["KINDS", "FrameMessages", "Outgoing"]

KINDS = ("NDARRAY", "POLYDATA", "STRING")
NO_FIELD, OK = 2, 1
_LONGEST_NOTE = 500
_MOST_PREFIX = 12  # signs: "_surface" fits behind it into 20


class Outgoing:
    """Makes messages of frames.

    Parameters
    ----------
    region : Region
        What the frames are of.
    axes : Axes
        Those of the points, and of vectors.
    prefix : str
        Of the names of devices.
    vectors : bool
        Whether a POLYDATA has the vector E, beside |E|.

    Raises
    ------
    ArgumentError
        A prefix of more than 12 signs, or not ASCII.

    Examples
    --------
    >>> import headfield as hf
    >>> mesh = hf.TetMesh([[0, 0, 0], [6, 0, 0], [0, 6, 0], [0, 0, 6]], [[0, 1, 2, 3]])
    >>> outgoing = Outgoing(Region(mesh, [0]), Axes())
    >>> packed = outgoing.status(Status(1, "at your service"), 1)
    >>> packed[2:8], packed[14:30]
    (b'STATUS', b'headfield_status')
    """

    def __init__(
        self, region: Region, axes: Axes, *, prefix: str = "headfield", vectors: bool = False
    ) -> None:
        if not (prefix.isascii() and prefix.isprintable() and 1 <= len(prefix) <= _MOST_PREFIX):
            raise ArgumentError(f"name = {prefix!r} must be 1 to {_MOST_PREFIX} signs of ASCII")
        self.axes, self.vectors = axes, vectors
        self._prefix = prefix
        self._weights = region.weights
        self._count = n = len(region)
        zeros = np.zeros((n, 3), np.float32)
        attributes = [Attribute("magnE", zeros[:, 0])] + [Attribute("E", zeros, "vector")] * vectors
        loose = np.arange(n)[:, None] if region.faces is None else ()
        triangles = () if region.faces is None else region.faces
        points = axes.points(region.centres_mm)
        shape = PolyData(points, vertices=loose, polygons=triangles, attributes=tuple(attributes))
        self._surface = Template(shape)

    def status(self, said: Status, version: int) -> bytes:
        """Return a STATUS."""
        return self.packed("STATUS", "status", status(said), version)

    def packed(self, kind: str, name: str, content: bytes, version: int, frame: Frame | None = None) -> bytes:
        """Return a message of this server, with the time of a frame's pose or, without, of now."""
        stamp, number, metadata = time.time(), 0, {}
        if frame is not None:
            stamp = frame.stamp if frame.stamp is not None and 0 <= frame.stamp < 2**32 else stamp
            number = frame.number % 2**32
            metadata = {"frame": str(frame.number), "unit": "V/m"} if version == 2 else {}
        about = (f"{self._prefix}_{name}", content, stamp, version, number, metadata)
        return pack(Message(kind, *about))

    def frame(self, kind: str, frame: Frame, version: int) -> bytes:
        """Return one of `KINDS` for a frame; only STRING if that has no field.

        Raises
        ------
        ArgumentError
            The field is one of another region.
        """
        if kind == "STRING":
            return self.packed(kind, "frame", string(json.dumps(self._facts(frame))), version, frame)
        assert frame.field is not None
        magnitude = frame.field.magnitude[0]
        if magnitude.shape != (self._count,):
            raise ArgumentError(f"a field at {magnitude.shape} places, of a region of {self._count:,}")
        if kind == "NDARRAY":
            return self.packed(kind, "magnE", ndarray(in_rows(magnitude)), version, frame)
        data = [magnitude] + [self.axes.points(frame.field.E[0])] * self.vectors
        return self.packed(kind, "surface", self._surface.filled(*data), version, frame)

    def _facts(self, frame: Frame) -> dict[str, Any]:
        facts: dict[str, Any] = {
            "number": frame.number,
            "pose": _plain(frame.pose.tolist()),
            "didt": frame.didt.tolist(),
            "stamp": frame.stamp,
            "source": frame.source[:_LONGEST_NOTE],
            "seconds": round(frame.done_s - frame.received_s, 6),
            "problem": frame.problem[:_LONGEST_NOTE],
            "notes": [note[:_LONGEST_NOTE] for note in frame.notes],
        }
        if frame.field is not None:
            magnitude = frame.field.magnitude[0]
            largest, mean = strength(frame.field, self._weights)
            facts |= {
                "points": self._count,
                "shape": list(in_rows(magnitude).shape),
                "unit": "V/m",
                "magnE_max": _plain(largest),
                "magnE_mean": _plain(mean),
                "error": error_of(frame.field),
            }
        return facts


class FrameMessages:
    """The messages of a frame, each packed when it is first sent, and kept for the other clients."""

    def __init__(self, frame: Frame, outgoing: Outgoing) -> None:
        self.frame = frame
        self._outgoing = outgoing
        self._packed: dict[tuple[str, int], bytes] = {}
        self.problem = frame.problem or (frame.field is None and "no field") or ""

    def packed(self, kinds: Iterable[str], version: int) -> list[bytes]:
        """Return those of some kinds that there are, and a STATUS if there is a problem."""
        found = []
        try:
            for kind in kinds:
                if kind == "STRING" or not self.problem:
                    found.append(self.one(kind, version))
        except ArgumentError as error:
            found, self.problem = [], str(error)
        if self.problem:
            said = Status(NO_FIELD, self.problem.replace("\0", " "), "NO_FIELD", self.frame.number)
            found.append(self._outgoing.status(said, version))
        return found

    def one(self, kind: str, version: int) -> bytes:
        """Return one of them; only a STRING if there is no field."""
        if (kind, version) not in self._packed:
            self._packed[kind, version] = self._outgoing.frame(kind, self.frame, version)
        return self._packed[kind, version]


def _plain(value: Any) -> Any:
    """Return numbers with None for those that JSON has not."""
    if isinstance(value, list):
        return [_plain(one) for one in value]
    return value if math.isfinite(value) else None
