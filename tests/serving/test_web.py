# SPDX-License-Identifier: BSD-3-Clause
"""The WebSocket server: what a page gets, which messages are refused, and who may connect."""

import contextlib
import json
import socket
import sys
import threading
import urllib.error
import urllib.request

import numpy as np
import pytest
from given.engines import Solver
from given.serving import until

import headfield as hf
from headfield.regions.cortex import mid_layer
from headfield.serving.hub import Hub

pytest.importorskip("websockets", reason="no websockets: pip install 'headfield[serve]'")

from given.pages import Page, unpacked
from websockets.exceptions import ConnectionClosed, InvalidStatus

from headfield.serving.web.server import WebServer


@pytest.fixture(scope="module")
def model():
    return hf.HeadModel(hf.phantom_head(edge_mm=8))


@pytest.fixture(scope="module")
def coil():
    return hf.figure_of_eight(spacing_mm=12)


@pytest.fixture(scope="module")
def pose(model, coil):
    return model.place(coil, [-46, -8, 70], [-46, 42, 70])


@pytest.fixture(scope="module")
def layer(model):
    whole = mid_layer(model.mesh)
    return whole.part(np.linalg.norm(whole.centres_mm - [-40, -8, 50], axis=1) < 40)


@pytest.fixture
def engine(model, layer):
    return Solver(model, layer)


@pytest.fixture
def served(engine, coil):
    """A hub and its server."""
    with Hub(engine, coil, 50e6) as hub, WebServer(hub, port=0, scalp=hf.skin(engine.model.mesh)) as server:
        yield hub, server
        engine.may.set()


def moved(pose, mm):
    out = pose.copy()
    out[:3, 3] -= mm * out[:3, 2]
    return out


def test_a_page_gets_surface_coil_and_frames(served, engine, coil, pose, layer):
    _, server = served
    with Page(server) as page:
        header, arrays = page.next("surface")
        assert header["unit"] == "V/m"
        assert header["vmax"] is None
        np.testing.assert_allclose(arrays["points"], layer.centres_mm, atol=1e-4)
        np.testing.assert_array_equal(arrays["faces"], layer.faces)
        np.testing.assert_allclose(arrays["normals"], layer.normals, atol=1e-6)
        assert len(arrays["scalp_faces"]) > 500
        lines = page.next("coil")[0]["lines"]
        assert 10 < len(lines) <= 401  # loops of dipoles, at most 400, and the outline of the casing
        assert all(line[0] == line[-1] for line in lines)
        page.say("pose", pose=pose.tolist())
        header, arrays = page.frame()
        direct = engine.model.solve(coil, pose, 50e6, roi=layer)
        np.testing.assert_array_equal(arrays["values"], direct.magnitude[0])
        assert header["problem"] == ""
        assert header["pose"] == pose.tolist()
        assert header["didt"] == [50e6]
        assert header["source"] == "page"
        assert header["max"] == pytest.approx(float(direct.magnitude.max()))
        mean = direct.magnitude[0] @ layer.weights / layer.weights.sum()
        assert header["mean"] == pytest.approx(mean)
        assert header["error"] is None
        assert header["residual"] == direct.report.residual[0]
    with Page(server) as late:  # who comes late gets the newest frame at once
        assert late.frame()[0]["number"] == header["number"]


def test_the_newest_wins(served, engine, pose):
    """While a page is busy frames are skipped, and while the engine is, poses: nothing waits in a queue."""
    hub, server = served
    with Page(server) as page:
        hub.put(pose)
        first = page.next("frame")[0]["number"]  # and it does not say that it is done with it
        for mm in range(1, 6):
            hub.put(moved(pose, mm))
            until(lambda mm=mm: hub.counts.computed == 1 + mm)
        with pytest.raises(TimeoutError):
            page.next("frame", timeout=0.5)
        until(lambda: server.counts.sent == 1)
        page.say("seen", number=first)
        header, _ = page.frame()
        assert header["pose"] == moved(pose, 5).tolist()
        engine.may.clear()
        for mm in range(10, 30):
            hub.put(moved(pose, mm))
        engine.may.set()
        last = page.frame()[0]
        while last["pose"] != moved(pose, 29).tolist():
            last = page.frame()[0]
        assert last["received"] == 26
        assert last["replaced"] >= 18


def test_a_pose_that_is_none_gives_a_problem_and_no_field(served, pose):
    hub, server = served
    with Page(server) as page:
        page.say("pose", pose=pose.tolist())
        assert page.frame()[0]["problem"] == ""
        for bad, word in (
            (np.diag([2.0, 1, 1, 1]), "orthonormal"),
            (np.diag([1.0, 1, -1, 1]), "left-handed"),
        ):
            page.say("pose", pose=bad.tolist())
            header, arrays = page.frame()
            assert word in header["problem"] or "mirror" in header["problem"]
            assert len(arrays["values"]) == 0
            assert "max" not in header
        assert hub.counts.failed == 2
        page.say("pose", pose=pose.tolist())
        header, arrays = page.frame()
        assert header["problem"] == ""
        assert len(arrays["values"]) == len(hub.engine.region)


DAMAGED = {
    "no JSON": "{",
    "nothing": "",
    "a number": "1",
    "nan": '{"kind": "pose", "pose": NaN}',
    "deep": "[" * 8000,
    "unknown": '{"kind": "shoot"}',
    "no pose": '{"kind": "pose"}',
    "a row short": json.dumps({"kind": "pose", "pose": np.eye(4)[:3].tolist()}),
    "words": json.dumps({"kind": "pose", "pose": [["a"] * 4] * 4}),
    "ragged": '{"kind": "pose", "pose": [[1, 2], [3]]}',
    "huge": '{"kind": "pose", "pose": [' + "9" * 5000 + "]}",
    "binary": b"\0\1\2",
    "number of what": '{"kind": "seen", "number": "x"}',
}


@pytest.mark.parametrize("message", DAMAGED.values(), ids=DAMAGED.keys())
def test_damaged_messages_are_told_and_counted(served, pose, message):
    hub, server = served
    with Page(server) as page:
        page.socket.send(message)
        assert page.next("refused")[0]["problem"]
        assert server.counts.damaged == 1
        assert hub.counts.computed == 0
        page.say("pose", pose=pose.tolist())  # and the connection lives on
        assert page.frame()[0]["number"] == 1


def test_thousands_of_damaged_messages(served, pose):
    """Each is told what is wrong, or is a pose after all; the server lives on, and no field is wrong."""
    hub, server = served
    random = np.random.default_rng(5)
    good = json.dumps({"kind": "pose", "pose": pose.tolist()})
    with Page(server) as page:
        answers = 0
        for _ in range(2000):
            letters = list(good)
            for at in random.integers(0, len(good), 5):
                letters[at] = chr(random.integers(32, 127))
            page.socket.send("".join(letters))
        while answers < server.counts.damaged or server.counts.damaged + hub.counts.received < 2000:
            with contextlib.suppress(TimeoutError):
                answers += page.next("refused", timeout=0.2) is not None
        assert answers == server.counts.damaged > 1000
        page.say("pose", pose=pose.tolist())
        until(lambda: hub.counts.received == 2001 - answers)
        page.say("seen", number=0)
        header, arrays = page.frame()
        while header["pose"] != pose.tolist():
            header, arrays = page.frame()
        direct = hub.engine.model.solve(hub.coil, pose, 50e6, roi=hub.engine.region)
        np.testing.assert_array_equal(arrays["values"], direct.magnitude[0])


def test_a_message_that_is_too_long_ends_the_connection(served, pose):
    _, server = served
    with Page(server) as page, Page(server) as other:
        page.socket.send("x" * 100_000)
        with pytest.raises(ConnectionClosed) as closed:
            page.next("refused")
        assert closed.value.rcvd.code == 1009
        until(lambda: server.counts.damaged == 1)
        other.say("pose", pose=pose.tolist())
        assert other.frame()[0]["problem"] == ""


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "http://evil.example"},
        {"origin": "null"},
        {"origin": "https://127.0.0.1"},
        {"origin": None, "additional_headers": {"Host": "evil.example"}},
    ],
    ids=["other site", "no site", "other scheme", "rebound name"],
)
def test_other_sites_are_refused(served, headers):
    _, server = served
    with pytest.raises(InvalidStatus) as refused:
        Page(server, **headers)
    assert refused.value.response.status_code == 403
    assert server.counts.refused == 1


def test_programs_and_allowed_sites_are_not(engine, coil):
    with Hub(engine, coil) as hub, WebServer(hub, port=0, origins=["https://lab.example"]) as server:
        for origin in (None, "https://lab.example", f"http://127.0.0.1:{server.port}"):
            with Page(server, origin=origin) as page:
                assert page.next("surface")[0]["kind"] == "surface"
        assert server.counts.refused == 0


def test_a_client_that_stalls_or_dies_harms_no_other(served, pose):
    _, server = served
    stalled = [Page(server) for _ in range(3)]  # they never fetch nor say a thing
    dead = Page(server)
    dead.socket.socket.shutdown(socket.SHUT_RDWR)
    with Page(server) as page:
        for mm in range(20):
            page.say("pose", pose=moved(pose, mm).tolist())
            assert page.frame()[0]["pose"] == moved(pose, mm).tolist()
        until(lambda: server.counts.clients == 4)
    for one in stalled:
        one.socket.socket.shutdown(socket.SHUT_RDWR)
    until(lambda: server.counts.clients == 0)


def test_bytes_that_are_no_request(served, capfd):
    _, server = served
    for garbage in (
        b"\0" * 5000,
        b"\x16\x03\x01 hello",
        b"GET\r\n\r\n",
        b"POST / HTTP/1.1\r\n\r\n",
        b"G" * 70_000,
    ):
        with (
            socket.create_connection(("127.0.0.1", server.port), timeout=20) as raw,
            contextlib.suppress(OSError),
        ):
            raw.sendall(garbage)
            raw.shutdown(socket.SHUT_WR)
            assert b" 200 " not in raw.recv(4096)
    with Page(server) as page:
        assert page.next("surface")
    assert capfd.readouterr().err == ""


def test_there_are_16_clients_at_most(served):
    _, server = served
    pages = [Page(server) for _ in range(16)]
    with pytest.raises(InvalidStatus) as refused:
        Page(server)
    assert refused.value.response.status_code == 503
    for page in pages:
        page.close()
    until(lambda: server.counts.clients == 0)
    Page(server).close()


def test_the_page_itself(served):
    _, server = served
    with urllib.request.urlopen(server.url) as answer:
        text, headers = answer.read().decode(), answer.headers
    assert text.startswith("<!doctype html>")
    assert "{{" not in text
    assert "default-src 'none'" in headers["Content-Security-Policy"]
    assert f"connect-src ws://127.0.0.1:{server.port} " in headers["Content-Security-Policy"]
    for path in ("etc/passwd", "../server.py", "frames/x"):
        with pytest.raises(urllib.error.HTTPError) as missing:
            urllib.request.urlopen(server.url + path)
        with missing.value as answer:
            assert answer.code == 404
    strange = urllib.request.Request(server.url, headers={"Host": "evil.example"})
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(strange)
    with refused.value as answer:
        assert answer.code == 403


def test_another_coil_is_drawn(served, pose):
    hub, server = served
    with Page(server) as page:
        page.next("coil")
        hub.set_coil(
            hf.circular_coil().with_casing(hf.Casing([[0, 0, 0], [9, 0, 0], [0, 9, 0]], [[0, 1, 2]]))
        )
        hub.put(pose)
        header, arrays = page.next("coil")
        assert header["lines"]
        assert arrays["casing_faces"].tolist() == [[0, 1, 2]]


def test_when_the_hub_ends_pages_are_told(engine, coil, pose):
    hub = Hub(engine, coil)
    with WebServer(hub, port=0) as server, Page(server) as page:
        hub.put(pose)
        page.frame()
        hub.close()
        page.next("ended")


def test_closing_ends_connections_and_frees_the_port(engine, coil):
    with Hub(engine, coil) as hub:
        with WebServer(hub, port=0, vmax=120.0) as server:
            page = Page(server)
            assert page.next("surface")[0]["vmax"] == 120.0
        with pytest.raises(ConnectionClosed):
            page.next("frame")
        again = WebServer(hub, port=server.port)
        with pytest.raises(hf.NetworkError, match=f"port {server.port} of 127.0.0.1 can't be listened on"):
            WebServer(hub, port=server.port)
        again.close()
    assert not [t for t in threading.enumerate() if t.name.startswith("headfield web")]


@pytest.mark.parametrize("bad", [{"port": -1}, {"port": 70000}, {"port": "x"}, {"vmax": 0.0}, {"vmax": "x"}])
def test_bad_options(engine, coil, bad):
    with Hub(engine, coil) as hub, pytest.raises(hf.ArgumentError):
        WebServer(hub, **({"port": 0} | bad))


def test_without_websockets(engine, coil, monkeypatch):
    monkeypatch.setitem(sys.modules, "websockets.asyncio.server", None)
    with Hub(engine, coil) as hub, pytest.raises(hf.MissingPackageError, match=r"headfield\[serve\]"):
        WebServer(hub, port=0)


def test_fields_of_another_region_or_without_numbers_are_problems(engine, coil, pose, model):
    """An engine that says one region and computes another must not colour a surface."""

    class Other(Solver):
        def field(self, coil, poses, didt=1e6):
            return self.model.solve(coil, poses, didt, roi=hf.regions.tissue(self.model.mesh, 2))

    with (
        Hub(Other(model, engine.region), coil) as hub,
        WebServer(hub, port=0) as server,
        Page(server) as page,
    ):
        hub.put(pose)
        header, arrays = page.frame()
        assert "must have the shape" in header["problem"]
        assert len(arrays["values"]) == 0


def test_messages_are_whole():
    from headfield.serving.web.messages import packed

    given = {"a": np.arange(6, dtype="<f4").reshape(2, 3), "b": np.array([[1, 2, 3]], "<u4")}
    header, arrays = unpacked(packed({"kind": "é"}, **given))
    assert header["kind"] == "é"
    for name, array in given.items():
        np.testing.assert_array_equal(arrays[name], array)
