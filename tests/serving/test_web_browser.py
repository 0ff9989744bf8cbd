# SPDX-License-Identifier: BSD-3-Clause
"""The page that shows the field as the coil moves, in a browser."""

import base64

import numpy as np
import pytest
from given.browser import BROWSER, Browser
from given.engines import Solver
from given.serving import until
from matplotlib.image import imread

import headfield as hf
from headfield.pictures.colours import STOPS, colormap
from headfield.regions.cortex import mid_layer
from headfield.serving.hub import Hub
from headfield.serving.web.page import live_page

pytest.importorskip("websockets", reason="no websockets: pip install 'headfield[serve]'")

from headfield.serving.web.server import WebServer


def shows(browser, state):
    """Wait until the page says so, and has drawn it."""
    until(lambda: browser.run('document.getElementById("state").textContent') == state, 60)
    browser.run("new Promise(done => setTimeout(done, 600))")


def colours(browser, path):
    """Pixels of the middle of the picture, (h, w, 3), 0 to 1."""
    path.write_bytes(base64.b64decode(browser.call("Page.captureScreenshot")["data"]))
    return imread(path)[120:800, 50:1000, :3]


def coloured(pixels):
    """How many pixels have the colours of |E|, cream to violet."""
    return int((pixels.max(axis=2) - pixels.min(axis=2) > 0.2).sum())


def press(browser, key):
    browser.call("Input.dispatchKeyEvent", type="keyDown", key=key, text=key)
    browser.call("Input.dispatchKeyEvent", type="keyUp", key=key)


ALL_IN_VIEW = """(() => {
  const points = mover.scalp.points, bar = document.getElementById("bar").getBoundingClientRect().left;
  const each = Array.from({ length: points.length / 3 }, (_, i) => [...points.slice(3 * i, 3 * i + 3)]);
  const { clientWidth, clientHeight } = drawing.canvas, stage = document.getElementById("stage");
  return clientWidth === stage.clientWidth && drawing.onPage(each).every(
    ([x, y]) => x > 0 && x < bar && y > 0 && y < clientHeight);
})()"""


def test_colours_are_those_of_pictures():
    found = ["#" + "".join(f"{round(255 * x):02x}" for x in c[:3]) for c in colormap()(np.linspace(0, 1, 33))]
    assert list(STOPS) == found
    assert STOPS[0] in live_page()


@pytest.mark.skipif(BROWSER is None, reason="no browser: apt-get install chromium")
def test_in_a_browser(tmp_path):
    model, coil = hf.HeadModel(hf.phantom_head(edge_mm=8)), hf.figure_of_eight(spacing_mm=12)
    pose = model.place(coil, [-46, -8, 70], [-46, 42, 70])
    engine = Solver(model, mid_layer(model.mesh))
    with (
        Hub(engine, coil, 50e6) as hub,
        WebServer(hub, port=0, scalp=hf.skin(model.mesh)) as server,
        Browser(tmp_path / "profile") as browser,
    ):
        listener = hub.listen()
        browser.call("Page.navigate", url=server.url)
        until(lambda: browser.run('document.getElementById("state")?.textContent') == "waiting for a pose")
        for width in (
            700,
            1920,
        ):  # nothing of the head is cut off, or below the colours, before a coil is there
            size = {"width": width, "height": 1000, "deviceScaleFactor": 1, "mobile": False}
            browser.call("Emulation.setDeviceMetricsOverride", **size)
            assert browser.run(ALL_IN_VIEW)
        browser.call("Emulation.clearDeviceMetricsOverride")
        hub.put(pose, source="tracker")
        shows(browser, "live")
        frame = listener.get(0)
        before = colours(browser, tmp_path / "live.png")
        assert coloured(before) > 20_000
        said = browser.run('document.getElementById("figures").innerText')
        assert f"{frame.field.magnitude.max():.3g} V/m" in said.replace("\n", " ")
        assert "not estimated" in said
        # A key moves the coil along the scalp, and turns it; the page shows the field there.
        for key in "ee":
            press(browser, key)
        until(lambda: hub.counts.computed >= 2)
        shows(browser, "live")
        newest = listener.get(0)
        assert newest.source == "page"
        angle = np.degrees(np.arccos((np.trace(pose[:3, :3].T @ newest.pose[:3, :3]) - 1) / 2))
        assert angle == pytest.approx(10, abs=0.1)
        np.testing.assert_allclose(newest.pose[:3, 3], pose[:3, 3], atol=1e-6)
        browser.run('document.getElementById("move-x").value = 30; mover.changed()')
        until(lambda: (found := listener.get(10)) and np.linalg.norm(found.pose[:3, 3] - pose[:3, 3]) > 20)
        shows(browser, "live")
        moved = np.array(browser.run("page.frame.pose"))
        gaps = [-hf.skin(model.mesh).signed_distance(p[None, :3, 3])[0] for p in (pose, moved)]
        assert abs(gaps[0] - gaps[1]) < 2
        # A pose that is none: a text in plain sight, and nothing that looks like a field.
        hub.put(np.diag([2.0, 1, 1, 1]), source="tracker")
        shows(browser, "no field")
        browser.run("drawing.pose = null; redraw()")  # the coil is red
        after = colours(browser, tmp_path / "failed.png")
        assert coloured(after) < coloured(before) / 20
        assert "orthonormal" in browser.run('document.getElementById("problem").innerText')
        assert "V/m" not in browser.run('document.getElementById("figures").innerText')
        hub.put(pose, source="tracker")
        shows(browser, "live")
        assert coloured(colours(browser, tmp_path / "again.png")) > 20_000
        assert browser.run('document.getElementById("move-x").value') == "0"  # the coil is elsewhere now
        server.close()
        shows(browser, "no connection")
        browser.run("drawing.pose = null; redraw()")
        assert coloured(colours(browser, tmp_path / "gone.png")) < coloured(before) / 20
    assert not browser.seen("Runtime.exceptionThrown", "Runtime.consoleAPICalled")
    asked = {e["request"]["url"] for e in browser.seen("Network.requestWillBeSent")}
    assert {url for url in asked if not url.startswith("data:")} == {server.url}
