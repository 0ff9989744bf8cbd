# SPDX-License-Identifier: BSD-3-Clause
"""The page of a field: what is in it, its size, and how it does in a browser without a network."""

import base64
import json
import re

import numpy as np
import pytest
from given.browser import BROWSER, Browser
from matplotlib.image import imread

import headfield as hf
from headfield.pictures.page import page, write_page
from headfield.pictures.quantity import DIFFERENCE
from headfield.pictures.scene import Scene
from headfield.pictures.shells import Shell


@pytest.fixture(scope="module", autouse=True)
def few_pixels():
    """Coarser still pictures, of the same size on paper: most of the time of a page goes into theirs."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("headfield.pictures.figure._PIXELS", 300)
        yield


@pytest.fixture(scope="module")
def scene():
    mesh = hf.phantom_head(edge_mm=8)
    coil = hf.figure_of_eight(spacing_mm=12)
    model = hf.HeadModel(mesh)
    pose = model.place(coil, [-46, -8, 70], [-46, 42, 70])
    return model.solve(coil, pose, 50e6).scene(coil=coil)


@pytest.fixture(scope="module")
def text(scene):
    return page(scene)


def figures_in(text):
    """Traces and layout of each figure of a page by name, arrays decoded."""
    (held,) = re.findall(r'<script type="application/json" id="figures">(.*?)</script>', text, re.DOTALL)
    return {
        name: ([{k: decoded(v) for k, v in trace.items()} for trace in one["data"]], one["layout"])
        for name, one in json.loads(held).items()
    }


def decoded(value):
    if not isinstance(value, dict) or "bdata" not in value:
        return value
    array = np.frombuffer(base64.b64decode(value["bdata"]), value["dtype"])
    return array.reshape([int(n) for n in str(value.get("shape", array.size)).split(",")])


def test_what_is_in_it(scene, text):
    found = figures_in(text)
    traces, layout = found["field"]
    cortex, scalp = (next(t for t in traces if t.get("name") == name) for name in ("cortex", "scalp"))
    np.testing.assert_allclose(cortex["intensity"], scene.cortex.values, rtol=1e-6)
    np.testing.assert_array_equal(np.stack([cortex[c] for c in "ijk"], axis=1), scene.cortex.faces)
    np.testing.assert_allclose(np.stack([cortex[c] for c in "xyz"], axis=1), scene.cortex.nodes_mm, atol=1e-4)
    assert len(scalp["x"]) == len(scene.scalp.nodes_mm)
    assert layout["coloraxis"]["cmax"] == scene.top
    for name, cut in zip(("sagittal", "coronal", "axial"), scene.slices(1.0), strict=True):
        (one,) = [t for t in found[name][0] if t["type"] == "heatmap" and "coloraxis" in t]
        np.testing.assert_array_equal(one["z"], cut.magnitude)
        assert found[name][1]["coloraxis"]["cmax"] == scene.top
    bars, *lines = found["distribution"][0]
    np.testing.assert_allclose(bars["y"], scene.distribution.amounts)
    names = [t["name"] for t in lines]
    assert names == [
        f"{p} %: {v:.3g} V/m"
        for p, v in zip(("50", "99", "99.9"), scene.distribution.percentiles, strict=True)
    ]
    eye = np.array([layout["scene"]["camera"]["eye"][c] for c in "xyz"])
    np.testing.assert_allclose(eye / np.linalg.norm(eye), -scene.matrix[:3, 2])


def test_same_scene_same_page(scene, text):
    assert page(scene) == text


def test_names_are_not_markup(scene):
    named = page(Scene(scene.mesh, scene.magnitude, name="<script>alert(1)</script>.h5"))
    assert "<title>&lt;script&gt;" in named
    assert "<script>alert(1)" not in named


def test_what_was_not_computed_is_gray(scene):
    right = scene.mesh.barycentres_mm()[:, 0] > 0
    traces, _ = figures_in(page(Scene(scene.mesh, np.where(right, scene.magnitude, np.nan))))["field"]
    gray, cortex = (next(t for t in traces if t.get("name") == name) for name in ("not computed", "cortex"))
    assert len(gray["i"]) + len(cortex["i"]) == len(scene.cortex.faces)
    assert cortex["x"][cortex["i"]].min() > -10
    assert np.isfinite(cortex["intensity"]).all()


def test_a_large_cortex_is_thinned(monkeypatch, scene):
    """A surface of half a million triangles gives a page that can be sent by mail."""
    u, v = (grid.ravel() for grid in np.meshgrid(np.arange(500.0), np.arange(500.0), indexing="ij"))
    nodes = np.stack([u * 0.3, v * 0.3, 5 * np.sin(u / 15)], axis=1)
    at = (np.arange(499)[:, None] * 500 + np.arange(499)).ravel()
    faces = np.concatenate([np.stack([at, at + 500, at + 501], 1), np.stack([at, at + 501, at + 1], 1)])
    monkeypatch.setattr(Scene, "cortex", Shell(nodes, faces, u))
    text = page(Scene(scene.mesh, scene.magnitude))
    cortex = next(t for t in figures_in(text)["field"][0] if t.get("name") == "cortex")
    assert 60_000 < len(cortex["i"]) <= 200_000
    assert len(text) < 20e6


# Until the cortex is drawn; then notes what the pointer finds.
DRAWN = """(async () => {
  const pause = () => new Promise(done => setTimeout(done, 100));
  let field;
  while (!(field = document.getElementById("field"))?._fullLayout?.scene?._scene?.glplot) await pause();
  for (let i = 0; i < 20; i++) await pause();
  window.found = [];
  field.on("plotly_hover", e => found.push([e.points[0].data.type, e.points[0].intensity ?? e.points[0].z]));
  const axial = document.getElementById("axial");
  axial.on("plotly_hover", e => found.push([e.points[0].data.type, e.points[0].z]));
  return [field, axial].map(one => one.getBoundingClientRect()).map(b => [b.left, b.top, b.width, b.height]);
})()"""


@pytest.mark.skipif(BROWSER is None, reason="no browser: apt-get install chromium")
def test_in_a_browser(scene, tmp_path):
    write_page(scene, tmp_path / "page.html")
    address = (tmp_path / "page.html").as_uri()
    with Browser(tmp_path / "profile") as browser:
        browser.call("Page.navigate", url=address)
        boxes = browser.run(DRAWN)
        # The middle of the cortex, which is under the coil and the scalp, and of the axial slice.
        for (left, top, width, height), (x, y) in zip(boxes, ((0.45, 0.5), (0.5, 0.5)), strict=True):
            for step in range(4):
                place = {"x": left + x * width + step, "y": top + y * height}
                browser.call("Input.dispatchMouseEvent", type="mouseMoved", **place)
                browser.run("new Promise(done => setTimeout(done, 250))")
        found = browser.run("found")
        label = browser.run('document.querySelector("#axial .hoverlayer").textContent')
        picture = base64.b64decode(browser.call("Page.captureScreenshot")["data"])
    (tmp_path / "page.png").write_bytes(picture)
    assert not browser.seen("Runtime.exceptionThrown", "Runtime.consoleAPICalled")
    assert not [e for e in browser.seen("Log.entryAdded") if e["entry"]["level"] == "error"]
    asked = {e["request"]["url"] for e in browser.seen("Network.requestWillBeSent")}
    assert {url for url in asked if not url.startswith(("data:", "blob:"))} == {address}
    on_cortex = [value for kind, value in found if kind == "mesh3d"]
    assert on_cortex
    assert 0.4 * scene.top < max(on_cortex) <= scene.cortex.values.max() * 1.001
    assert [value for kind, value in found if kind == "heatmap"]
    assert "V/m" in label
    # Cream to violet, as the cortex is, in the left upper part of the picture.
    colours = imread(tmp_path / "page.png")[100:550, 100:750, :3]
    assert ((colours[..., 0] - colours[..., 2]) > 0.2).sum() > 5000


def test_it_has_a_still_picture_of_each_figure(text, tmp_path):
    stills = dict(re.findall(r'<img alt="(\w+)" src="data:image/png;base64,([^"]+)"', text))
    assert list(stills) == ["field", "distribution", "sagittal", "coronal", "axial"]
    for name, still in stills.items():
        (tmp_path / f"{name}.png").write_bytes(base64.b64decode(still))
        picture = imread(tmp_path / f"{name}.png")[..., :3]
        assert (np.ptp(picture, axis=2) > 0.2).sum() > 500, name  # coloured


def test_a_difference_has_colours_both_ways(scene):
    signed = np.where(scene.mesh.barycentres_mm()[:, 0] > 0, scene.magnitude, -scene.magnitude)
    shown = Scene(scene.mesh, signed, quantity=DIFFERENCE, vmax=40.0)
    axis = figures_in(page(shown))["field"][1]["coloraxis"]
    assert (axis["cmin"], axis["cmax"]) == (-40.0, 40.0)


WITHOUT_WEBGL = """
const get = HTMLCanvasElement.prototype.getContext;
HTMLCanvasElement.prototype.getContext = function(kind, ...rest) {
  return String(kind).startsWith("webgl") ? null : get.call(this, kind, ...rest);
};
"""
LAYOUT = """(async () => {
  const pause = () => new Promise(done => setTimeout(done, 100));
  while (!document.querySelector("#axial .hoverlayer")) await pause();
  const shown = [...document.querySelectorAll("section > *")].filter(one => one.offsetWidth > 0);
  const right = Math.max(...shown.map(one => one.getBoundingClientRect().right));
  const still = [...document.querySelectorAll("section > img")].filter(one => one.offsetWidth > 0);
  // How wide the line beside the still picture is depends on the fonts of the machine.
  const figures = shown.filter(one => !one.matches(".note"));
  const least = Math.min(...figures.map(one => one.getBoundingClientRect().width));
  const width = document.documentElement.clientWidth;
  return {
    right, least, width, still: still.map(one => one.alt), scroll: document.documentElement.scrollWidth
  };
})()"""


@pytest.mark.skipif(BROWSER is None, reason="no browser: apt-get install chromium")
@pytest.mark.parametrize(("width", "least"), [(700, 200), (1920, 450)])
@pytest.mark.parametrize("webgl", [True, False])
def test_it_fits_the_window_with_and_without_webgl(text, tmp_path, width, least, webgl):
    (tmp_path / "page.html").write_text(text, encoding="utf-8")
    with Browser(tmp_path / "profile") as browser:
        size = {"width": width, "height": 1000, "deviceScaleFactor": 1, "mobile": False}
        browser.call("Emulation.setDeviceMetricsOverride", **size)
        if not webgl:
            browser.call("Page.addScriptToEvaluateOnNewDocument", source=WITHOUT_WEBGL)
        browser.call("Page.navigate", url=(tmp_path / "page.html").as_uri())
        found = browser.run(LAYOUT)
    assert not browser.seen("Runtime.exceptionThrown")
    assert found["scroll"] <= found["width"]
    assert found["right"] <= found["width"]
    assert found["least"] >= least
    assert found["still"] == ([] if webgl else ["field"])
