# SPDX-License-Identifier: BSD-3-Clause
"""How long OpenIGTLink adds to a field: from a TRANSFORM's last byte sent to the frame's last byte received.

`python benchmarks/igtl_latency.py [--points 20000] [--frames 500] [--hz 50] [--clients 1] [--field-ms 0]`: a
surface of so many points, an engine that takes so long for a field, and clients in the same process.
"""

from __future__ import annotations

import argparse
import json
import socket
import sys
import time
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

from given.serving import COIL, Stub, pose_at, surface

from headfield.serving.hub import Hub
from headfield.serving.igtl import contents, message
from headfield.serving.igtl.server import IgtlServer


def exactly(connection: socket.socket, size: int) -> memoryview:
    buffer = memoryview(bytearray(size))
    at = 0
    while at < size:
        got = connection.recv_into(buffer[at:])
        if not got:
            raise ConnectionError("the server is gone")
        at += got
    return buffer


def until_string(connection: socket.socket) -> tuple[dict, int]:
    """Read up to the STRING that ends a frame; returns what it says, and the bytes of the frame."""
    total = 0
    while True:
        header = message.read_header(bytes(exactly(connection, message.HEADER_BYTES)))
        body = exactly(connection, header.body_bytes)
        total += message.HEADER_BYTES + header.body_bytes
        if header.type == "STRING":
            return json.loads(contents.read_string(bytes(body))), total


def measure(server: IgtlServer, frames: int, hz: float, clients: int) -> tuple[np.ndarray, np.ndarray, int]:
    """Milliseconds of each frame, those of the hub in it, and the bytes of one."""
    connections = [socket.create_connection(("127.0.0.1", server.port)) for _ in range(clients)]
    whole, inside, size = [], [], 0
    for number in range(frames):
        packed = message.pack(message.Message("TRANSFORM", "coil", contents.transform(pose_at(number % 40))))
        began = time.perf_counter()
        connections[0].sendall(packed)
        for connection in connections:
            said, size = until_string(connection)
        whole.append(time.perf_counter() - began)
        inside.append(said["seconds"])
        time.sleep(max(0.0, 1 / hz - whole[-1]))
    for connection in connections:
        connection.close()
    return 1e3 * np.array(whole), 1e3 * np.array(inside), size


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--points", type=int, default=20_000)
    parser.add_argument("--frames", type=int, default=500)
    parser.add_argument("--hz", type=float, default=50.0)
    parser.add_argument("--clients", type=int, default=1)
    parser.add_argument("--field-ms", type=float, default=0.0)
    asked = parser.parse_args()
    stub = Stub(surface(round(asked.points**0.5)), asked.field_ms / 1e3)
    for send in (("NDARRAY", "STRING"), ("NDARRAY", "POLYDATA", "STRING")):
        with Hub(stub, COIL) as hub, IgtlServer(hub, port=0, send=send) as server:
            whole, inside, size = measure(server, asked.frames, asked.hz, asked.clients)
            beyond = whole - asked.field_ms
            median, most = np.median(beyond), np.quantile(beyond, 0.99)
            print(
                f"{' + '.join(send)}, {size / 1e3:.0f} kB, {asked.clients} clients: {median:.2f} ms beyond "
                f"the field (99 %: {most:.2f}, worst {beyond.max():.2f}); {np.median(inside):.2f} ms from "
                f"pose to field; {hub.counts.replaced} poses overtaken, {server.counts.missed} frames missed"
            )


if __name__ == "__main__":
    main()
