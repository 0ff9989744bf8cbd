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
from headfield.pictures.scene import Scene, Shell


@pytest.fixture(scope="module")
def scene():
    mesh = hf.phantom_head(edge_mm=8)
    coil = hf.figure_of_eight(spacing_mm=12)
    model = hf.HeadModel(mesh)
    pose = model.place(coil, [-46, -8, 70], [-46, 42, 70])
    return model.solve(coil, pose, 50e6).scene(coil=coil)


def figure(text):
    """The traces and the layout of a page, arrays decoded."""
    start = text.index("[", re.search(r'Plotly\.newPlot\(\s*"field",\s*', text).end())
    traces, end = json.JSONDecoder().raw_decode(text[start:])
    layout, _ = json.JSONDecoder().raw_decode(text[text.index("{", start + end) :])
    return [{key: decoded(value) for key, value in trace.items()} for trace in traces], layout


def decoded(value):
    if not isinstance(value, dict) or "bdata" not in value:
        return value
    array = np.frombuffer(base64.b64decode(value["bdata"]), value["dtype"])
    return array.reshape([int(n) for n in str(value.get("shape", array.size)).split(",")])


def test_what_is_in_it(scene):
    traces, layout = figure(page(scene))
    cortex, scalp = (next(t for t in traces if t.get("name") == name) for name in ("cortex", "scalp"))
    np.testing.assert_allclose(cortex["intensity"], scene.cortex.values, rtol=1e-6)
    np.testing.assert_array_equal(np.stack([cortex[c] for c in "ijk"], axis=1), scene.cortex.faces)
    np.testing.assert_allclose(np.stack([cortex[c] for c in "xyz"], axis=1), scene.cortex.nodes_mm, atol=1e-4)
    assert len(scalp["x"]) == len(scene.scalp.nodes_mm)
    assert layout["coloraxis"]["cmax"] == scene.top
    maps = [t for t in traces if t["type"] == "heatmap" and "coloraxis" in t]
    for one, cut in zip(maps, scene.slices(1.0), strict=True):
        np.testing.assert_array_equal(one["z"], cut.magnitude)
    bars = next(t for t in traces if t["type"] == "bar")
    np.testing.assert_allclose(bars["y"], scene.distribution.volume_cm3)
    names = [t["name"] for t in traces if t.get("legend") == "legend2"]
    assert names == [
        f"{p} %: {v:.3g} V/m"
        for p, v in zip(("50", "99", "99.9"), scene.distribution.percentiles, strict=True)
    ]
    eye = np.array([layout["scene"]["camera"]["eye"][c] for c in "xyz"])
    np.testing.assert_allclose(eye / np.linalg.norm(eye), -scene.matrix[:3, 2])


def test_same_scene_same_page(scene):
    assert page(scene) == page(scene)


def test_names_are_not_markup(scene):
    named = Scene(scene.mesh, scene.magnitude, name="<script>alert(1)</script>.h5")
    assert "<title>&lt;script&gt;" in page(named)
    assert "<script>alert(1)" not in page(named)


def test_what_was_not_computed_is_gray(scene):
    right = scene.mesh.barycentres_mm()[:, 0] > 0
    traces, _ = figure(page(Scene(scene.mesh, np.where(right, scene.magnitude, np.nan))))
    gray, cortex = (next(t for t in traces if t.get("name") == name) for name in ("not computed", "cortex"))
    assert len(gray["i"]) + len(cortex["i"]) == len(scene.cortex.faces)
    assert cortex["x"][cortex["i"]].min() > -10
    assert np.isfinite(cortex["intensity"]).all()


def test_a_large_cortex_is_thinned(monkeypatch, scene):
    """A surface of two million triangles gives a page that can be sent by mail."""
    u, v = (grid.ravel() for grid in np.meshgrid(np.arange(1000.0), np.arange(1000.0), indexing="ij"))
    nodes = np.stack([u * 0.15, v * 0.15, 5 * np.sin(u / 30)], axis=1)
    at = (np.arange(999)[:, None] * 1000 + np.arange(999)).ravel()
    faces = np.concatenate([np.stack([at, at + 1000, at + 1001], 1), np.stack([at, at + 1001, at + 1], 1)])
    monkeypatch.setattr(Scene, "cortex", Shell(nodes, faces, u))
    text = page(Scene(scene.mesh, scene.magnitude))
    cortex = next(t for t in figure(text)[0] if t.get("name") == "cortex")
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
  const box = field.getBoundingClientRect();
  return [box.left, box.top, box.width, box.height];
})()"""


@pytest.mark.skipif(BROWSER is None, reason="no browser: apt-get install chromium")
def test_in_a_browser(scene, tmp_path):
    write_page(scene, tmp_path / "page.html")
    address = (tmp_path / "page.html").as_uri()
    with Browser(tmp_path / "profile") as browser:
        browser.call("Page.navigate", url=address)
        left, top, width, height = browser.run(DRAWN)
        # The middle of the cortex, which is under the coil and the scalp, and of the axial slice.
        for x, y in ((0.29, 0.33), (0.845, 0.8)):
            for step in range(4):
                place = {"x": left + x * width + step, "y": top + y * height}
                browser.call("Input.dispatchMouseEvent", type="mouseMoved", **place)
                browser.run("new Promise(done => setTimeout(done, 250))")
        found = browser.run("found")
        label = browser.run('document.querySelector(".hoverlayer").textContent')
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
