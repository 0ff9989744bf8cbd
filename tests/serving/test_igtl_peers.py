# SPDX-License-Identifier: BSD-3-Clause
"""Another program's side of OpenIGTLink: pyigtl, which shares no code with the server."""

import json
import time

import numpy as np
import pytest
from given.serving import COIL, Stub, pose_at, until

from headfield.serving.hub import Hub
from headfield.serving.igtl import message, polydata
from headfield.serving.igtl.server import IgtlServer

pyigtl = pytest.importorskip("pyigtl", reason="needs pyigtl: pip install pyigtl")


def newest(client, name, seconds=30.0):
    found = client.wait_for_message(name, timeout=seconds)
    assert found is not None, f"no message of {name}"
    return found


@pytest.fixture
def served():
    stub = Stub()
    with Hub(stub, COIL) as hub, IgtlServer(hub, port=0, device="coil") as server:
        client = pyigtl.OpenIGTLinkClient("127.0.0.1", server.port)
        until(lambda: server.counts.clients == 1)
        yield hub, server, client
        client.stop()


def test_poses_that_pyigtl_sends_are_taken_and_texts_for_it_are_read(served):
    hub, server, client = served
    for number in range(1, 6):
        sent = pose_at(number, turned_deg=10 * number)
        client.send_message(pyigtl.TransformMessage(sent, device_name="coil", timestamp=time.time()))
        said = json.loads(newest(client, "headfield_frame").string)
        assert said["number"] == number
        assert np.allclose(said["pose"], sent, atol=1e-5)
        assert said["magnE_max"] == pytest.approx(number + 0.035)
    assert hub.counts.computed == 5
    assert server.counts.damaged == 0


def test_poses_for_pyigtl_are_read_as_they_are(served):
    _, _, client = served
    sent = pose_at(5, 6, 70)
    client.send_message(pyigtl.TransformMessage(sent, device_name="coil"))
    newest(client, "headfield_frame")
    client.send_message(pyigtl.StringMessage("ignored", device_name="coil"))
    client.send_message(pyigtl.TransformMessage(np.diag([2.0, 1, 1, 1]), device_name="coil"))
    said = json.loads(newest(client, "headfield_frame").string)
    assert "not orthonormal" in said["problem"]


def test_points_that_pyigtl_packs_are_those_that_are_read():
    if not hasattr(pyigtl, "PolyDataMessage"):
        pytest.skip("this pyigtl has no POLYDATA")
    points = np.random.default_rng(0).random((4, 3)).astype(np.float32)
    cells = np.array([3, 0, 1, 2, 3, 0, 2, 3])
    sent = pyigtl.PolyDataMessage(points=points, polygons=cells, device_name="x", timestamp=1.0)
    packed = sent.pack()
    read = message.read_body(message.read_header(packed[:58]), packed[58:])
    shape = polydata.read_polydata(read.content)
    assert np.array_equal(shape.points, points)
    assert np.array_equal(shape.polygons, [[0, 1, 2], [0, 2, 3]])
