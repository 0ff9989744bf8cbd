# SPDX-License-Identifier: BSD-3-Clause
"""Ten thousand damaged messages: the server lives on, and no field is computed of what is damaged."""

import contextlib
import json
import socket

import numpy as np
import pytest
from given.serving import COIL, Peer, Stub, loose_points, pose_at, until

from headfield.serving.hub import Hub
from headfield.serving.igtl import contents, message
from headfield.serving.igtl.ndarray import read_ndarray
from headfield.serving.igtl.server import IgtlServer

HEADER = message.HEADER_BYTES
MESSAGES = 10_000
IN_ONE_CONNECTION = 40


def whole(x_mm: float, version: int) -> bytes:
    metadata = {"tool": "coil"} if version == 2 else {}
    pose = pose_at(x_mm, turned_deg=x_mm % 90)
    pose[2, 3] = 80.1  # its last byte is not 0, which the next message would bring after one that was cut
    content = contents.transform(pose)
    sent = message.Message("TRANSFORM", "coil", content, 1.7e9, version, 3 * (version - 1), metadata)
    return message.pack(sent)


def flipped(raw: bytes, rng: np.random.Generator) -> bytes:
    """Bits of what the CRC covers are flipped."""
    body = bytearray(raw)
    for _ in range(rng.integers(1, 9)):
        body[rng.integers(HEADER, len(raw))] ^= 1 << rng.integers(8)
    return bytes(body) if bytes(body) != raw else flipped(raw, rng)


def header_flipped(raw: bytes, rng: np.random.Generator) -> bytes:
    """A bit of the sizes or the CRC is flipped."""
    head = bytearray(raw)
    head[rng.integers(42, HEADER)] ^= 1 << rng.integers(8)
    return bytes(head)


def cut(raw: bytes, rng: np.random.Generator) -> bytes:
    return raw[: rng.integers(1, len(raw))]


def longer(raw: bytes, rng: np.random.Generator) -> bytes:
    at = int(rng.integers(HEADER, len(raw)))
    return raw[:at] + bytes([raw[at] ^ 255]) + rng.bytes(rng.integers(0, 100)) + raw[at:]


def sealed(raw: bytes, rng: np.random.Generator) -> bytes:
    """A body of another length, with the size and the CRC that fit it: only the layout is wrong."""
    size = int(rng.integers(0, 200))
    body = raw[HEADER : HEADER + size] + rng.bytes(max(0, size - len(raw) + HEADER))
    if len(body) == len(raw) - HEADER:
        body += b"\0"
    front = raw[:42] + len(body).to_bytes(8, "big") + message.crc64(body).to_bytes(8, "big")
    return front + body


def garbage(raw: bytes, rng: np.random.Generator) -> bytes:
    return rng.bytes(rng.integers(1, 200))


def huge(raw: bytes, rng: np.random.Generator) -> bytes:
    return raw[:42] + int(rng.integers(2**24 + 1, 2**63)).to_bytes(8, "big") + raw[50:]


DAMAGES = [flipped, header_flipped, cut, longer, sealed, garbage, huge]
# After these the next message can be found, so they must not cost the connection.
HARMLESS = [flipped]


@pytest.fixture
def served():
    stub = Stub(loose_points(10))
    with Hub(stub, COIL) as hub, IgtlServer(hub, port=0, send=("NDARRAY", "STRING")) as server:
        yield stub, hub, server
        assert server.counts.errors == 0


def send(port: int, raw: bytes) -> None:
    """Send as much as the server takes before it ends the connection, and wait for that."""
    with socket.create_connection(("127.0.0.1", port), timeout=20) as there, contextlib.suppress(OSError):
        there.sendall(raw)
        there.shutdown(socket.SHUT_WR)
        while there.recv(65_536):
            pass


def x_of(said: message.Message) -> float:
    return json.loads(contents.read_string(said.content))["pose"][0][3]


def test_ten_thousand_damaged_messages(served):
    stub, hub, server = served
    rng = np.random.default_rng(21)
    with Peer(server.port) as witness:
        sent = 0
        while sent < MESSAGES:
            damage = DAMAGES[rng.integers(len(DAMAGES))]
            many = IN_ONE_CONNECTION if damage in HARMLESS else 4
            # Whole ones are at x of whole mm, those to be damaged at -1000.5 mm, where no field may be.
            raw = b"".join(damage(whole(-1000.5, int(rng.integers(1, 3))), rng) for _ in range(many))
            send(server.port, whole(float(rng.integers(80)), 1) + raw)
            sent += many
        until(lambda: server.counts.clients == 1)
        until(lambda: (c := hub.counts).computed + c.replaced + c.failed == c.received)
        counts = server.counts
        assert {pose[0, 3] for pose in stub.poses} <= set(range(80))
        assert hub.counts.failed == 0
        assert counts.poses == hub.counts.received
        assert counts.damaged > MESSAGES / 3
        assert counts.dropped > 100
        # and all goes on as before
        witness.send_pose(pose_at(7.25))
        witness.wait(lambda newest: "STRING" in newest and x_of(newest["STRING"]) == 7.25)
        np.testing.assert_array_equal(
            read_ndarray(witness.newest["NDARRAY"].content), stub.magnitude(7.25)
        )  # which comes before the STRING of a frame


def test_flipped_bits_cost_the_message_but_not_the_connection(served):
    stub, hub, server = served
    rng = np.random.default_rng(3)
    with Peer(server.port) as peer:
        for number in range(1, 201):
            peer.socket.sendall(flipped(whole(-1000.5, 1 + number % 2), rng))
            peer.send_pose(pose_at(number))
        until(lambda: server.counts.poses == 200)
        assert server.counts.damaged == 200
        assert "wrong CRC" in peer.status(9).text
        assert (server.counts.dropped, server.counts.clients) == (0, 1)
        until(lambda: (c := hub.counts).computed + c.replaced == 200)
    assert -1000.5 not in {pose[0, 3] for pose in stub.poses}
