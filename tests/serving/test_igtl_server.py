# SPDX-License-Identifier: BSD-3-Clause
"""The OpenIGTLink server: what clients get for the poses that they send, and who harms whom."""

import gc
import json
import socket
import sys
import threading
import time

import numpy as np
import pytest
from given.serving import COIL, Peer, Stub, loose_points, pose_at, surface, until

import headfield as hf
from headfield.serving.hub import Hub
from headfield.serving.igtl import contents, message
from headfield.serving.igtl.axes import COIL_AXES
from headfield.serving.igtl.ndarray import read_ndarray
from headfield.serving.igtl.polydata import read_polydata
from headfield.serving.igtl.server import IgtlServer


class Served:
    """A hub with a server, and peers that are closed with them."""

    def __init__(self, stub=None, **options):
        self.stub = Stub() if stub is None else stub
        self.hub = Hub(self.stub, COIL)
        self.server = IgtlServer(self.hub, port=0, **options)
        self.peers = []

    def peer(self):
        self.peers.append(Peer(self.server.port))
        return self.peers[-1]

    def close(self):
        for peer in self.peers:
            peer.close()
        self.server.close()
        self.hub.close()


@pytest.fixture
def serve():
    made = []

    def start(stub=None, **options):
        made.append(Served(stub, **options))
        return made[-1]

    yield start
    for one in made:
        one.close()
        assert one.server.counts.errors == 0


def facts(newest):
    return json.loads(contents.read_string(newest["STRING"].content)) if "STRING" in newest else None


def frame_of(number):
    """Finds the frame of a number, once all of its messages are there."""

    def found(newest):
        said = facts(newest)
        return said if said is not None and said["number"] == number else None

    return found


def test_a_pose_comes_back_as_its_field(serve):
    served = serve()
    peer = served.peer()
    assert peer.status(1).text == "headfield is ready"
    peer.send_pose(pose_at(3.5), stamp=1.7e9)
    said = peer.wait(frame_of(1))
    expected = served.stub.magnitude(3.5)
    assert said["pose"] == pose_at(3.5).tolist()
    assert said["magnE_max"] == pytest.approx(expected.max())
    assert (said["points"], said["shape"], said["unit"]) == (36, [36], "V/m")
    assert (said["problem"], said["notes"], said["error"], said["stamp"]) == ("", [], None, 1.7e9)
    assert said["didt"] == [1e6]
    assert said["source"].startswith("coil of 127.0.0.1:")
    array, shape = peer.newest["NDARRAY"], peer.newest["POLYDATA"]
    assert (array.name, shape.name) == ("headfield_magnE", "headfield_surface")
    assert array.stamp == shape.stamp == 1.7e9
    assert np.array_equal(read_ndarray(array.content), expected)
    read = read_polydata(shape.content)
    assert np.array_equal(read.points, served.stub.region.centres_mm.astype(np.float32))
    assert np.array_equal(read.polygons, served.stub.region.faces)
    (attribute,) = read.attributes
    assert attribute.name == "magnE"
    assert np.array_equal(attribute.data, expected)
    assert peer.all == ["STATUS", "NDARRAY", "POLYDATA", "STRING"]
    assert served.server.counts.poses == 1


def test_version_2_is_answered_in_version_2(serve):
    served = serve(vectors=True)
    peer = served.peer()
    peer.send_pose(pose_at(3.5), version=2, metadata={"tool": "coil"})
    peer.wait(frame_of(1))
    shape = peer.newest["POLYDATA"]
    assert (shape.version, shape.message_id) == (2, 1)
    assert shape.metadata == {"frame": "1", "unit": "V/m"}
    magnitude, vectors = read_polydata(shape.content).attributes
    assert (magnitude.name, vectors.name, vectors.kind) == ("magnE", "E", "vector")
    assert np.array_equal(vectors.data[:, 0], magnitude.data)
    peer.send_pose(pose_at(3.5))
    peer.wait(frame_of(2))
    assert peer.newest["NDARRAY"].version == 1


def test_a_region_without_triangles_goes_out_as_points(serve):
    stub = Stub(loose_points(70_000))
    peer = serve(stub).peer()
    peer.send_pose(pose_at(2))
    said = peer.wait(frame_of(1))
    table = read_ndarray(peer.newest["NDARRAY"].content)
    assert said["shape"] == list(table.shape) == [2, 35_000]
    assert np.array_equal(table.ravel(), stub.magnitude(2))
    read = read_polydata(peer.newest["POLYDATA"].content)
    assert len(read.points) == len(read.vertices) == 70_000
    assert len(read.polygons) == 0


@pytest.mark.parametrize("coil_axes", COIL_AXES)
@pytest.mark.parametrize("axes", ["RAS", "LPS"])
def test_axes_of_other_programs(serve, axes, coil_axes):
    served = serve(axes=axes, coil_axes=coil_axes, vectors=True)
    space = np.diag([-1, -1, 1, 1]) if axes == "LPS" else np.eye(4)
    theirs = space @ pose_at(10, 20, 30)
    theirs[:3, :3] = theirs[:3, :3] @ np.linalg.inv(COIL_AXES[coil_axes])
    peer = served.peer()
    peer.send_pose(theirs)
    said = peer.wait(frame_of(1))
    assert np.allclose(said["pose"], pose_at(10, 20, 30), atol=1e-5)
    read = read_polydata(peer.newest["POLYDATA"].content)
    assert np.allclose(read.points, served.stub.region.centres_mm @ space[:3, :3], atol=1e-5)
    assert np.allclose(read.attributes[1].data[:, 0], space[0, 0] * read.attributes[0].data)
    peer.send("GET_TRANS")
    pose = peer.wait(lambda newest: newest.get("TRANSFORM"))
    assert np.allclose(contents.read_transform(pose.content), theirs, atol=1e-5)


def test_only_the_device_that_was_named_is_listened_to(serve):
    served = serve(device="coil")
    peer = served.peer()
    peer.send_pose(pose_at(1), name="pointer")
    peer.send_pose(pose_at(2), name="coil")
    assert peer.wait(frame_of(1))["pose"][0][3] == 2
    assert (served.server.counts.ignored, served.server.counts.poses) == (1, 1)


def test_what_is_no_rigid_pose_gives_a_status_and_no_field(serve):
    peer = serve().peer()
    scaled = pose_at(1)
    scaled[:3, :3] *= 1.1
    peer.send_pose(scaled)
    said = peer.status(2)
    assert "not orthonormal" in said.text
    assert (said.name, said.subcode) == ("NO_FIELD", 1)
    assert "not orthonormal" in peer.wait(frame_of(1))["problem"]
    peer.send_pose(np.full((4, 4), np.nan))
    assert peer.wait(frame_of(2))["pose"][0] == [None] * 4
    assert not {"NDARRAY", "POLYDATA"} & set(peer.all)
    peer.send("GET_NDARRAY")
    answer = peer.wait(lambda newest: newest.get("RTS_NDARRAY"))
    assert not contents.read_answer(answer.content)
    peer.send_pose(pose_at(1))
    assert peer.status(1).text == "there is a field again"
    assert "NDARRAY" in peer.newest


def test_queries(serve):
    served = serve(send=("NDARRAY", "STRING"))
    peer = served.peer()
    peer.send("GET_CAPABIL")
    listed = contents.read_capability(peer.wait(lambda newest: newest.get("CAPABILITY")).content)
    assert {"TRANSFORM", "GET_STATUS", "NDARRAY", "STT_NDARRAY", "STP_STRING"} <= set(listed)
    peer.send("GET_TRANS")
    assert not contents.read_answer(peer.wait(lambda newest: newest.get("RTS_TRANS")).content)
    peer.send("STP_NDARRAY")
    assert contents.read_answer(peer.wait(lambda newest: newest.get("RTS_NDARRAY")).content)
    peer.send_pose(pose_at(1))
    peer.wait(frame_of(1))
    assert "NDARRAY" not in peer.all
    peer.send("GET_NDARRAY")
    got = peer.wait(lambda newest: newest.get("NDARRAY"))
    assert np.array_equal(read_ndarray(got.content), served.stub.magnitude(1))
    peer.send("STT_NDARRAY")
    peer.send_pose(pose_at(2))
    peer.wait(frame_of(2))
    assert np.array_equal(read_ndarray(peer.newest["NDARRAY"].content), served.stub.magnitude(2))
    peer.send("GET_POLYDATA")
    assert peer.status(12).text == "GET_POLYDATA is not known here"
    peer.send("GET_STATUS")
    said = "2 poses, 2 fields, 0 refused"
    peer.wait(lambda newest: contents.read_status(newest["STATUS"].content).text == said)
    peer.send("IMAGE", bytes(1_000_000))
    peer.send("COLORT", b"abc")
    until(lambda: served.server.counts.ignored == 2)
    peer.send_pose(pose_at(3))
    peer.wait(frame_of(3))


def test_all_clients_get_what_one_sends(serve):
    served = serve()
    peers = [served.peer() for _ in range(3)]
    until(lambda: served.server.counts.clients == 3)
    for number in range(1, 30):
        peers[number % 3].send_pose(pose_at(number))
        for peer in peers:
            assert peer.wait(frame_of(number))["pose"][0][3] == number
            assert np.array_equal(read_ndarray(peer.newest["NDARRAY"].content), served.stub.magnitude(number))


def test_a_client_that_does_not_read_is_cut_off_and_harms_no_other(serve):
    served = serve(Stub(loose_points(60_000)), stall_s=0.3)
    until(lambda: served.server.counts.clients == 0)
    deaf = socket.socket()
    deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    deaf.connect(("127.0.0.1", served.server.port))
    peer = served.peer()
    until(lambda: served.server.counts.clients == 2)
    number = 0
    while served.server.counts.stalled == 0:
        number += 1
        assert number < 5000
        peer.send_pose(pose_at(number % 50))
        peer.wait(frame_of(number))
    until(lambda: served.server.counts.clients == 1)
    deaf.close()
    assert served.server.counts.missed > 0


def test_a_client_that_dies_in_the_middle_of_a_message(serve):
    served = serve()
    peer = served.peer()
    packed = message.pack(message.Message("TRANSFORM", "coil", contents.transform(pose_at(1))))
    for size in (20, 58, 80, 105):
        dying = socket.create_connection(("127.0.0.1", served.server.port))
        dying.sendall(packed[:size])
        until(lambda: served.server.counts.clients == 2)
        dying.shutdown(socket.SHUT_WR)
        until(lambda: served.server.counts.clients == 1)
        dying.close()
    assert served.server.counts.damaged == 4
    assert served.server.counts.poses == 0
    peer.send_pose(pose_at(2))
    assert peer.wait(frame_of(1))["pose"][0][3] == 2


def test_a_client_that_resets_the_connection(serve):
    served = serve()
    peer = served.peer()
    rude = socket.create_connection(("127.0.0.1", served.server.port))
    until(lambda: served.server.counts.clients == 2)
    rude.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    rude.close()
    until(lambda: served.server.counts.clients == 1)
    peer.send_pose(pose_at(2))
    peer.wait(frame_of(1))


def test_a_message_that_is_too_large_ends_the_connection_before_it_comes(serve):
    served = serve(max_bytes=100_000)
    peer = served.peer()
    packed = bytearray(message.pack(message.Message("IMAGE", "x")))
    packed[42:50] = (100_001).to_bytes(8, "big")
    peer.socket.sendall(packed)
    assert "at most 100,000" in peer.status(8).text
    assert peer.gone()
    counts = served.server.counts
    assert (counts.dropped, counts.clients) == (1, 0)


def test_more_clients_than_there_may_be_are_turned_away(serve):
    served = serve(max_clients=2)
    peers = [served.peer() for _ in range(2)]
    until(lambda: served.server.counts.clients == 2)
    third = served.peer()
    assert third.status(6).name == "BUSY"
    assert third.gone()
    peers[0].close()
    until(lambda: served.server.counts.clients == 1)
    served.peer().status(1)
    assert served.server.counts.turned_away == 1


def test_the_latest_pose_wins(serve):
    stub = Stub()
    inside, go = threading.Event(), threading.Event()
    stub.before = lambda pose: (inside.set(), go.wait(30))
    served = serve(stub)
    peer = served.peer()
    peer.send_pose(pose_at(0))
    assert inside.wait(30)
    for x in range(1, 51):
        peer.send_pose(pose_at(x))
    until(lambda: served.server.counts.poses == 51)
    go.set()
    assert peer.wait(frame_of(2))["pose"][0][3] == 50
    assert [pose[0, 3] for pose in stub.poses] == [0, 50]


def test_a_port_in_use_and_bad_options():
    with Hub(Stub(), COIL) as hub, IgtlServer(hub, port=0) as server:
        assert server.host == "127.0.0.1"
        with pytest.raises(hf.NetworkError, match=rf"127\.0\.0\.1, port {server.port}: .*in use"):
            IgtlServer(hub, port=server.port)
        with pytest.raises(hf.NetworkError, match=r"203\.0\.113\.1"):
            IgtlServer(hub, host="203.0.113.1", port=0)
        for options, said in [
            ({"axes": "RAI"}, "axes"),
            ({"coil_axes": "neuro"}, "coil_axes"),
            ({"send": ("IMAGE",)}, "send"),
            ({"name": "n" * 13}, "name"),
            ({"max_bytes": 3}, "max_bytes"),
            ({"max_clients": 0}, "max_clients"),
            ({"stall_s": 0}, "stall_s"),
            ({"port": 65_536}, "port"),
            ({"host": ""}, "host"),
            ({"device": 5}, "device"),
        ]:
            with pytest.raises(hf.ArgumentError, match=said):
                IgtlServer(hub, **({"port": 0} | options))
    again = threading.active_count()
    with Hub(Stub(), COIL) as hub, IgtlServer(hub, port=server.port):  # the port is free again
        assert threading.active_count() == again + 2


def test_a_field_of_another_region_is_not_sent(serve):
    stub = Stub(surface(5))
    served = serve(stub)
    stub.region = surface(4)
    stub._steps = stub._steps[:16]
    peer = served.peer()
    peer.send_pose(pose_at(1))
    assert "16" in peer.status(2).text
    assert not {"NDARRAY", "POLYDATA"} & set(peer.all)


def test_frames_are_not_held_up_by_poses_that_come_too_fast(serve):
    served = serve(Stub(seconds=0.005))
    peer = served.peer()
    end = time.monotonic() + 1.0
    sent = 0
    while time.monotonic() < end:
        peer.send_pose(pose_at(sent % 10))
        sent += 1
    until(lambda: served.server.counts.poses == sent)
    until(lambda: (c := served.hub.counts).computed + c.replaced == sent)
    peer.wait(frame_of(served.hub.counts.computed))
    assert served.hub.counts.replaced > 0
    assert np.array_equal(
        read_ndarray(peer.newest["NDARRAY"].content), served.stub.magnitude((sent - 1) % 10)
    )


def test_thousands_of_frames_leave_nothing_behind(serve):
    stub = Stub(loose_points(100))
    stub.keep, counted = False, []
    served = serve(stub)
    peer = served.peer()
    asleep = socket.create_connection(("127.0.0.1", served.server.port))
    for number in range(1, 3_001):
        peer.send_pose(pose_at(number % 7), version=1 + number % 2)
        peer.wait(frame_of(number))
        peer.all.clear()
        if number in (500, 3_000):
            gc.collect()
            counted.append((len(gc.get_objects()), sys.getallocatedblocks()))
    asleep.close()
    (objects, blocks), (later_objects, later_blocks) = counted
    assert later_objects - objects < 200  # a frame has some ten of them
    assert later_blocks - blocks < 1000
