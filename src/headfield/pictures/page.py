# SPDX-License-Identifier: BSD-3-Clause
"""Make a page to look at a field: one .html that loads nothing from the network.

It is made of still pictures, which any browser shows. Where scripts run, plotly draws over them what can be
pointed at, and where there is WebGL, a cortex that can be turned.
"""

from __future__ import annotations

import base64
import html
import os
from collections.abc import Sequence
from typing import Any

from ..errors import FileFormatError, MissingPackageError
from ..io.atomic import check_folder, replacing
from ..io.regular import ending_of
from . import figure as figures
from .colours import INK
from .page_figures import figures_of
from .scene import Scene
from .slices import Slice, boxes

__all__ = ["PAGE_ENDINGS", "page", "require_plotly", "write_page"]

PAGE_ENDINGS = (".html", ".htm")

_SLICES = ("sagittal", "coronal", "axial")
_PIXEL_MM = 1.0  # width of a pixel of a slice

# Surfaces without a value (scalp, coil) let the pointer through to the cortex: they are not drawn into the
# image in which plotly looks up what the pointer hits.
_DRAW = """
// Buttons would hide the titles of small figures.
const webgl = (() => {
  try {
    const canvas = document.createElement("canvas");
    return Boolean(canvas.getContext("webgl2") || canvas.getContext("webgl"));
  } catch { return false; }
})();
const letThrough = field => {
  for (const trace of Object.values(field._fullLayout?.scene?._scene?.traces ?? {}))
    if (trace.data?.hoverinfo === "skip")
      for (const part of Object.values(trace))
        if (typeof part?.drawPick === "function" && !Object.hasOwn(part, "drawPick")) {
          part.drawPick = () => {};
          part.dirty = true;
        }
};
const config = {displaylogo: false, responsive: true, scrollZoom: true};
const figures = JSON.parse(document.getElementById("figures").textContent);
if (!webgl) {
  document.getElementById("field").parentElement.classList.add("flat");
  delete figures.field;
}
for (const [name, figure] of Object.entries(figures)) {
  const place = document.getElementById(name);
  place.parentElement.classList.add("live");
  const buttons = {displayModeBar: name === "field"};
  const plotted = Plotly.newPlot(place, figure.data, figure.layout, {...config, ...buttons});
  if (name === "field")
    plotted.then(() => {
      place.on("plotly_afterplot", () => letThrough(place));
      letThrough(place);
    });
}
"""
# Its policy forbids the page to load anything: scripts and styles are in it.
_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; img-src data: blob:; \
style-src 'unsafe-inline'; script-src 'unsafe-inline' 'unsafe-eval'">
<meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="icon" href="data:,">
<title>{title}</title>
<style>
* {{ box-sizing: border-box }}
html {{ height: 100%; font-family: "Open Sans", Helvetica, Arial, sans-serif; color: {ink} }}
body {{ margin: 0; min-height: 100%; display: flex; flex-direction: column }}
header {{ padding: 0.7rem 1.2rem 0.4rem }}
h1 {{ font-size: 1.05rem; margin: 0 0 0.2rem; overflow-wrap: anywhere }}
p {{ font-size: 0.85rem; margin: 0 }}
main {{ flex: 1; display: grid; gap: 0.4rem; padding: 0 0.8rem 0.8rem; min-width: 0;
  grid-template: "space space amounts" minmax(24rem, 1.8fr) "sagittal coronal axial" minmax(15rem, 1fr)
    / minmax(0, 1fr) minmax(0, 1fr) minmax(0, 1fr) }}
section {{ position: relative; min-width: 0; min-height: 0; overflow: hidden }}
section > div {{ position: absolute; inset: 0 }}
section > img {{ position: absolute; width: 100%; height: 100%; object-fit: contain }}
section.live > img, section > .note {{ display: none }}
section.flat > .note {{ display: block; position: absolute; left: 0.4rem; bottom: 0.2rem; color: #5c6470 }}
@media (max-width: 900px) {{
  main {{ grid-template: "space space space" minmax(22rem, 60vh) "amounts amounts amounts" 20rem
    "sagittal coronal axial" 16rem / minmax(0, 1fr) minmax(0, 1fr) minmax(0, 1fr) }}
}}
@media (max-width: 560px) {{
  main {{ grid-template: "space" 24rem "amounts" 20rem "sagittal" 20rem "coronal" 20rem "axial" 20rem
    / minmax(0, 1fr) }}
}}
</style>
</head>
<body>
<header><h1>{title}</h1><p>{strength}</p></header>
<main>
{sections}
</main>
<script type="application/json" id="figures">{figures}</script>
<script>{plotly}</script>
<script>{draw}</script>
</body>
</html>
"""
_NOTE = '<p class="note">a still picture: this browser has no WebGL, which a cortex to turn needs</p>'


def write_page(scene: Scene, path: str | os.PathLike[str]) -> None:
    """Write the page of a scene.

    Parameters
    ----------
    scene : Scene
    path : path
        `.html`; the file appears whole or not at all.

    Raises
    ------
    MissingPackageError
        plotly is missing, or matplotlib, whose colours the page has.
    FileFormatError
        Another ending.
    OSError
        The file can't be written.
    """
    if ending_of(path) not in PAGE_ENDINGS:
        raise FileFormatError(f"{os.fspath(path)}: pages are written as .html")
    check_folder(path)
    text = page(scene)
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def page(scene: Scene) -> str:
    """Make the page of a scene: cortex, coil and scalp to be turned, slices, and the distribution of |E|.

    Pointing at a place shows |E| there. Everything that the legend names can be switched off. A cortex of
    more than 200,000 triangles is thinned to that; the numbers in the page are those of the whole field.
    Without WebGL the cortex is a still picture, and without scripts all is.

    Parameters
    ----------
    scene : Scene

    Returns
    -------
    str
        HTML. The same scene gives the same text.

    Raises
    ------
    MissingPackageError
        plotly or matplotlib is missing.

    Examples
    --------
    >>> import numpy as np
    >>> from headfield.heads.phantom import sphere_mesh
    >>> ball = sphere_mesh([50, 60], tags=[2, 5], edge_mm=20)
    >>> text = page(Scene(ball, np.ones(ball.n_tets)))
    >>> text.startswith("<!doctype html>"), "default-src 'none'" in text
    (True, True)
    """
    objects = require_plotly()
    from plotly.offline import get_plotlyjs  # type: ignore[import-untyped]  # optional: only pages need it

    slices = scene.slices(_PIXEL_MM)
    made = figures_of(scene, slices)
    drawn = {name: objects.Figure(traces, layout).to_json() for name, (traces, layout) in made.items()}
    json = ", ".join(f'"{name}": {text}' for name, text in drawn.items())
    stills = _stills(scene, slices)
    areas = dict(zip(made, ("space", "amounts", "sagittal", "coronal", "axial"), strict=True))
    sections = "\n".join(
        f'<section style="grid-area: {areas[name]}"><img alt="{name}" src="data:image/png;base64,'
        f'{stills[name]}"><div id="{name}"></div>{_NOTE if name == "field" else ""}</section>'
        for name in made
    )
    title, strength = (html.escape(text) for text in scene.title())
    return _PAGE.format(
        title=title,
        strength=strength,
        sections=sections,
        figures=f"{{{json}}}".replace("<", "\\u003c"),
        plotly=get_plotlyjs(),
        draw=_DRAW,
        ink=INK,
    )


def _stills(scene: Scene, slices: Sequence[Slice]) -> dict[str, str]:
    """Return each figure of the page as a .png in base64."""
    made: dict[str, Any] = {}
    for name, inches in (("field", (7.2, 5.6)), ("distribution", (4.4, 4.4))):
        made[name] = figures.new_figure(inches)
    axes = made["field"].add_subplot()
    figures.draw_surface(axes, scene.surface, scene.setting, scene.outward, scene.scale)
    figures.draw_bar(made["field"], axes, scene.scale)
    figures.draw_histogram(made["distribution"].add_subplot(), scene.distribution, scene.scale)
    for name, one, box in zip(_SLICES, slices, boxes([one.extent for one in slices]), strict=True):
        made[name] = figures.new_figure((3.6, 3.6))
        axes = made[name].add_subplot()
        figures.draw_slice(axes, one, scene)
        figures.draw_ends(axes, one.axis, box)
    return {name: base64.b64encode(figures.png_of(figure)).decode() for name, figure in made.items()}


def require_plotly() -> Any:
    """Return the module `plotly.graph_objects`, or raise an error that says how to install it."""
    try:
        from plotly import graph_objects  # type: ignore[import-untyped]  # optional: only pages need it
    except ImportError as error:
        raise MissingPackageError("pages need plotly: pip install 'headfield[view]'") from error
    return graph_objects
