# SPDX-License-Identifier: BSD-3-Clause
"""An engine that needs no solve, and a client of OpenIGTLink that is not the server's own."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

import headfield as hf
from given.results import field_arrays
from headfield.errors import PoseError
from headfield.fields.field import Field
from headfield.regions.region import Region, surface_region
from headfield.serving.igtl import contents, message

MESH = hf.TetMesh([[0, 0, 0], [60, 0, 0], [0, 60, 0], [0, 0, 60]], [[0, 1, 2, 3]], tags=[2], triangles=None)
COIL = hf.circular_coil()


def loose_points(count: int) -> Region:
    """So many points in one tetrahedron."""
    shares = np.random.default_rng(1).dirichlet([1, 1, 1, 1], count)
    return Region(MESH, np.zeros(count, int), shares)


def surface(side: int) -> Region:
    """A flat square of side × side nodes, with triangles."""
    u, v = (a.ravel() / (2 * side) for a in np.meshgrid(np.arange(side), np.arange(side), indexing="ij"))
    barycentric = np.column_stack([1 - u - v, u, v, 0 * u])
    corner = np.arange(side * side).reshape(side, side)[:-1, :-1].ravel()
    faces = np.concatenate(
        [corner[:, None] + [0, side, 1], corner[:, None] + [1, side, side + 1]],
    )
    return surface_region(MESH, np.zeros(side * side, int), barycentric, barycentric @ MESH.nodes_mm, faces)


def pose_at(x_mm: float, y_mm: float = 0.0, turned_deg: float = 0.0) -> np.ndarray:
    """A pose there, turned about z."""
    pose = np.array(hf.ring(np.eye(4), [turned_deg])[0])
    pose[:3, 3] = x_mm, y_mm, 80.0
    return pose


class Stub:
    """An engine whose |E| at the i-th place is x + i / 1000 of the pose, so that each tells what it is of."""

    def __init__(self, region: Region | None = None, seconds: float = 0.0) -> None:
        self.region = surface(6) if region is None else region
        self.seconds = seconds
        self.poses: list[np.ndarray] = []
        self.keep = True
        self.before: Callable[[np.ndarray], Any] = lambda pose: None
        self._steps = np.arange(len(self.region), dtype=np.float32) / 1000

    def field(self, coil: hf.Coil, poses: Any, didt: Any = 1e6) -> Field:
        matrix = np.asarray(poses)[0]
        if self.keep:
            self.poses.append(matrix)
        if self.seconds:
            time.sleep(self.seconds)
        self.before(matrix)
        if matrix[2, 3] < 0:
            raise PoseError("pose 0: below the head")
        e = np.zeros((1, len(self.region), 3), np.float32)
        e[0, :, 0] = np.float32(matrix[0, 3]) + self._steps
        arrays = field_arrays(MESH, e, None)
        return Field.of_arrays(replace(arrays, poses=np.array(poses), region=self.region))

    def magnitude(self, x_mm: float) -> np.ndarray:
        return np.abs(np.float32(x_mm) + self._steps)


class Peer:
    """A client that reads all messages in a thread of its own, and keeps the newest of each type."""

    def __init__(self, port: int, host: str = "127.0.0.1") -> None:
        self.socket = socket.create_connection((host, port), timeout=20)
        self.newest: dict[str, message.Message] = {}
        self.all: list[str] = []
        self.ended = False
        self._changed = threading.Condition()
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def __enter__(self) -> Peer:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self.socket.shutdown(socket.SHUT_RDWR)
        self.socket.close()
        self._thread.join(20)

    def send(self, kind: str, content: bytes = b"", name: str = "coil", **more: Any) -> None:
        self.socket.sendall(message.pack(message.Message(kind, name, content, **more)))

    def send_pose(self, pose: Any, name: str = "coil", **more: Any) -> None:
        self.send("TRANSFORM", contents.transform(pose), name, **more)

    def wait(self, found: Callable[[dict[str, message.Message]], Any], seconds: float = 30.0) -> Any:
        """Return what a function of the newest messages finds, once that is something."""
        value = None
        with self._changed:

            def there() -> bool:
                nonlocal value
                value = found(self.newest)
                return value is not None and value is not False

            assert self._changed.wait_for(there, seconds), f"{self.newest.keys()}, {self.ended}"
        return value

    def status(self, code: int) -> contents.Status:
        """Wait for a STATUS of this code."""

        def found(newest: dict[str, message.Message]) -> contents.Status | None:
            said = contents.read_status(newest["STATUS"].content) if "STATUS" in newest else None
            return said if said is not None and said.code == code else None

        return self.wait(found)

    def gone(self, seconds: float = 30.0) -> bool:
        """Whether the server ends the connection in time."""
        self._thread.join(seconds)
        return self.ended

    def _read(self) -> None:
        try:
            while True:
                header = message.read_header(self._exactly(message.HEADER_BYTES))
                read = message.read_body(header, self._exactly(header.body_bytes))
                with self._changed:
                    self.newest[read.type] = read
                    self.all.append(read.type)
                    self._changed.notify_all()
        except OSError:  # NetworkError is one
            pass
        with self._changed:
            self.ended = True
            self._changed.notify_all()

    def _exactly(self, size: int) -> bytes:
        parts = []
        while size:
            part = self.socket.recv(size)
            if not part:
                raise ConnectionError("the server is gone")
            parts.append(part)
            size -= len(part)
        return b"".join(parts)


def until(condition: Callable[[], Any], seconds: float = 30.0) -> None:
    """Wait for something that becomes true."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not become true in time"
        time.sleep(0.002)
