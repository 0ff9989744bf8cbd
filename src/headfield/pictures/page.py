# SPDX-License-Identifier: BSD-3-Clause
"""Make a page to look at a field with plotly: one .html that loads nothing from the network."""

from __future__ import annotations

import html
import os
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import FileFormatError, MissingPackageError
from ..io.atomic import check_folder, replacing
from ..io.regular import ending_of
from .colours import INK, TISSUE, colormap
from .rendering import upward
from .scene import PERCENTS, Scene, Shell, thinned
from .slices import ENDS, Slice, boxes

__all__ = ["PAGE_ENDINGS", "page", "require_plotly", "write_page"]

Floats = NDArray[np.float64]

PAGE_ENDINGS = (".html", ".htm")

# Most triangles in the page: browsers still turn these smoothly, and the page stays below 20 MB.
_MOST_CORTEX, _MOST_SCALP = 200_000, 20_000
_PIXEL_MM = 1.0  # width of a pixel of a slice
_FAINT = "#7a828e"
_DASHES = ("dot", "dash", "solid")
_LIGHT = {"ambient": 0.55, "diffuse": 0.6, "specular": 0.05, "roughness": 0.9, "fresnel": 0.05}
# Surfaces without a value (scalp, coil) let the pointer through to the cortex: they are not drawn into the
# image in which plotly looks up what the pointer hits.
_THROUGH = """
const field = document.getElementById("field");
const letThrough = () => {
  for (const trace of Object.values(field._fullLayout?.scene?._scene?.traces ?? {}))
    if (trace.data?.hoverinfo === "skip")
      for (const part of Object.values(trace))
        if (typeof part?.drawPick === "function" && !Object.hasOwn(part, "drawPick")) {
          part.drawPick = () => {};
          part.dirty = true;
        }
};
field.on("plotly_afterplot", letThrough);
letThrough();
"""
_SLICE_TOP = 0.34  # of the page's height
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
html, body {{ margin: 0; height: 100%; font-family: "Open Sans", Helvetica, Arial, sans-serif; color: {ink} }}
header {{ height: 4.2rem; padding: 0.7rem 1.2rem 0; box-sizing: border-box }}
h1 {{ font-size: 1.05rem; margin: 0 0 0.2rem }}
p {{ font-size: 0.85rem; margin: 0 }}
main {{ height: calc(100% - 4.2rem); min-height: 620px }}
main > div {{ height: 100% }}
</style>
</head>
<body>
<header><h1>{title}</h1><p>{strength}</p></header>
<main>
{content}
</main>
</body>
</html>
"""


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
    >>> from headfield.heads.phantom import sphere_mesh
    >>> ball = sphere_mesh([50, 60], tags=[2, 5], edge_mm=20)
    >>> text = page(Scene(ball, np.ones(ball.n_tets)))
    >>> text.startswith("<!doctype html>"), "default-src 'none'" in text
    (True, True)
    """
    objects = require_plotly()
    slices = scene.slices(_PIXEL_MM)
    traces = [*_surfaces(scene), *_coil(scene), *_sides(scene), *_histogram(scene)]
    for one, box in zip(slices, boxes([one.extent for one in slices]), strict=True):
        traces += [*_slice(one, scene), *_ends(one.axis, box)]
    figure = objects.Figure(traces, _layout(scene, slices))
    content = figure.to_html(
        full_html=False,
        include_plotlyjs=True,
        div_id="field",
        post_script=_THROUGH,
        default_height="100%",
        config={"displaylogo": False, "responsive": True, "scrollZoom": True},
    )
    title, strength = (html.escape(text) for text in scene.title())
    return _PAGE.format(title=title, strength=strength, content=content, ink=INK)


def require_plotly() -> Any:
    """Return the module `plotly.graph_objects`, or raise an error that says how to install it."""
    try:
        from plotly import graph_objects  # type: ignore[import-untyped]  # optional: only pages need it
    except ImportError as error:
        raise MissingPackageError("pages need plotly: pip install 'headfield[view]'") from error
    return graph_objects


def _colours() -> list[tuple[float, str]]:
    colours = colormap()
    stops = np.linspace(0.0, 1.0, 33)
    return [(float(stop), _css(colours(stop))) for stop in stops]


def _css(colour: Sequence[float]) -> str:
    return "rgb({}, {}, {})".format(*(round(255 * part) for part in colour[:3]))


def _mesh(shell: Shell, faces: NDArray[np.intp], **more: Any) -> dict[str, Any]:
    """Make a surface of plotly; single precision keeps the page small."""
    xyz = shell.nodes_mm.astype(np.float32).T
    trace = dict(zip("xyz", xyz, strict=True)) | dict(zip("ijk", faces.astype(np.int32).T, strict=True))
    return {"type": "mesh3d", "showlegend": True, "showscale": False, **trace, **more}


def _surfaces(scene: Scene) -> Iterable[dict[str, Any]]:
    cortex = thinned(scene.cortex, _MOST_CORTEX)
    known = np.isfinite(cortex.values)[cortex.faces].all(axis=1)
    yield _mesh(
        cortex,
        cortex.faces[known],
        name="cortex",
        intensity=np.nan_to_num(cortex.values).astype(np.float32),
        coloraxis="coloraxis",
        lighting=_LIGHT,
        hovertemplate="<b>|E| %{intensity:.3g} V/m</b><br>(%{x:.0f}, %{y:.0f}, %{z:.0f}) mm<extra></extra>",
    )
    if not known.all():
        gray = {"color": "#b8b8b8", "lighting": _LIGHT, "hoverinfo": "skip"}
        yield _mesh(cortex, cortex.faces[~known], name="not computed", **gray)
    scalp = thinned(scene.scalp, _MOST_SCALP)
    yield _mesh(scalp, scalp.faces, name="scalp", color="#c9b8a8", opacity=0.1, hoverinfo="skip")


def _coil(scene: Scene) -> Iterable[dict[str, Any]]:
    lines = [*scene.coil_lines, *([] if scene.handle is None else [scene.handle])]
    if not lines:
        return
    gap = np.full((1, 3), np.nan)
    path = np.concatenate([part for line in lines for part in (line, gap)])
    yield {
        "type": "scatter3d",
        "mode": "lines",
        "name": "coil",
        "legendgroup": "coil",
        "line": {"color": INK, "width": 5},
        "hoverinfo": "skip",
        **dict(zip("xyz", path.T, strict=True)),
    }
    for line in scene.coil_lines:
        if np.array_equal(line[0], line[-1]):  # a wing: filled by triangles around its middle
            rim = np.arange(len(line) - 1)
            faces = np.stack([rim, rim + 1, np.full_like(rim, len(line))], axis=1)
            plate = Shell(np.concatenate([line, line[:-1].mean(axis=0, keepdims=True)]), faces, np.empty(0))
            look = {"color": INK, "opacity": 0.15, "hoverinfo": "skip", "legendgroup": "coil"}
            yield _mesh(plate, faces, name="coil") | look | {"showlegend": False}


def _sides(scene: Scene) -> Iterable[dict[str, Any]]:
    """Put the letters of the six sides around the head."""
    low, high = scene.scalp.nodes_mm.min(axis=0), scene.scalp.nodes_mm.max(axis=0)
    places = np.tile((low + high) / 2, (6, 1))
    places[[0, 2, 4], [0, 1, 2]] = low - 12.0
    places[[1, 3, 5], [0, 1, 2]] = high + 12.0
    yield {
        "type": "scatter3d",
        "mode": "text",
        "text": list("LRPAIS"),
        "textfont": {"color": _FAINT, "size": 13},
        "hoverinfo": "skip",
        "showlegend": False,
        **dict(zip("xyz", places.T, strict=True)),
    }


def _histogram(scene: Scene) -> Iterable[dict[str, Any]]:
    found = scene.distribution
    width = float(found.edges[1])
    centres = found.edges[:-1] + width / 2
    fill = [_css(colour) for colour in colormap()(centres / scene.top)]
    on = {"xaxis": "x", "yaxis": "y"}
    yield {
        "type": "bar",
        "x": centres,
        "y": found.volume_cm3,
        "width": width,
        "marker": {"color": fill, "line": {"color": "#9a9a9a", "width": 0.5}},
        "hovertemplate": "%{y:.3g} cm³ around %{x:.3g} V/m<extra></extra>",
        "showlegend": False,
        **on,
    }
    some = found.volume_cm3[found.volume_cm3 > 0]
    for percent, value, dash in zip(PERCENTS, found.percentiles, _DASHES, strict=True):
        yield {
            "type": "scatter",
            "mode": "lines",
            "x": [value, value],
            "y": [some.min() / 2, some.max() * 2],
            "line": {"color": INK, "dash": dash, "width": 1.5},
            "name": f"{percent:g} %: {value:.3g} V/m",
            "legend": "legend2",
            "hoverinfo": "skip",
            **on,
        }


_PLAIN = {"type": "scatter", "hoverinfo": "skip", "showlegend": False}


def _slice(one: Slice, scene: Scene) -> Iterable[dict[str, Any]]:
    """Draw the head in gray, |E| over it, the borders of tissues, and lines at the other two slices."""
    left, right, bottom, top = one.extent
    height, width = one.inside.shape
    x = (left + (np.arange(width) + 0.5) * (right - left) / width).astype(np.float32)
    y = (bottom + (np.arange(height) + 0.5) * (top - bottom) / height).astype(np.float32)
    on = {"xaxis": f"x{one.axis + 2}", "yaxis": f"y{one.axis + 2}"}
    flat = {"showscale": False, "hoverinfo": "skip", "colorscale": [(0, TISSUE), (1, TISSUE)]}
    gray = np.where(one.inside, np.float32(1), np.float32(np.nan))
    yield {"type": "heatmap", "x": x, "y": y, "z": gray, "zmin": 0, "zmax": 1, **flat, **on}
    yield {
        "type": "heatmap",
        "x": x,
        "y": y,
        "z": one.magnitude,
        "coloraxis": "coloraxis",
        "hoverongaps": False,
        "hovertemplate": "<b>|E| %{z:.3g} V/m</b><br>(%{x:.0f}, %{y:.0f}) mm<extra></extra>",
        **on,
    }
    gaps = np.full((len(one.borders), 1, 2), np.nan)
    lines = np.concatenate([one.borders, gaps], axis=1).reshape(-1, 2).astype(np.float32)
    u, v = scene.peak[1][[d for d in range(3) if d != one.axis]]
    cross = np.array([[left, v], [right, v], [np.nan, np.nan], [u, bottom], [u, top]])
    for path, line in (
        (lines, {"color": INK, "width": 0.6}),
        (cross, {"color": _FAINT, "width": 1, "dash": "dash"}),
    ):
        yield {"mode": "lines", "line": line, "x": path[:, 0], "y": path[:, 1], **_PLAIN, **on}


def _ends(axis: int, box: tuple[float, float, float, float]) -> Iterable[dict[str, Any]]:
    """Name the sides of a slice; add a bar of 50 mm to the last one."""
    left, right, bottom, top = box
    x, y = (left + right) / 2, (bottom + top) / 2
    on = {"xaxis": f"x{axis + 2}", "yaxis": f"y{axis + 2}", "textfont": {"color": _FAINT}, **_PLAIN}
    inward = ["middle right", "middle left", "top center", "bottom center"]
    places = {"x": [left, right, x, x], "y": [y, y, bottom, top], "textposition": inward}
    yield {"mode": "text", "text": list(ENDS[axis]), **places, **on}
    if axis == 2:
        bar = {"x": [right - 50, right - 25, right], "y": [bottom + 1] * 3, "text": ["", "50 mm", ""]}
        line = {"color": INK, "width": 2.5}
        yield {"mode": "lines+text", "textposition": "top center", "line": line, **bar, **on}


def _layout(scene: Scene, slices: list[Slice]) -> dict[str, Any]:
    found, clear = scene.distribution, "rgba(255,255,255,0.7)"
    some = found.volume_cm3[found.volume_cm3 > 0]
    layout: dict[str, Any] = {
        "template": "plotly_white",
        "font": {"color": INK, "size": 12},
        "margin": {"l": 20, "r": 20, "t": 36, "b": 20},
        "scene": _space(scene),
        "coloraxis": _scale(scene),
        "legend": {"x": 0.0, "y": 1.0, "bgcolor": clear},
        "legend2": {"x": 1.0, "xanchor": "right", "y": 1.0, "bgcolor": clear},
        "xaxis": {
            "domain": [0.72, 1.0],
            "anchor": "y",
            "title": {"text": "|E| (V/m)"},
            "rangemode": "tozero",
        },
        "yaxis": {
            "domain": [_SLICE_TOP + 0.12, 1.0],
            "anchor": "x",
            "type": "log",
            "range": [float(np.log10(some.min() / 2)), float(np.log10(some.max() * 30))],
            "dtick": 1,
            "exponentformat": "power",
            "title": {"text": f"{found.tissue} (cm³ per {float(found.edges[1]):.2g} V/m)"},
        },
        "annotations": [],
    }
    for one, box in zip(slices, boxes([one.extent for one in slices]), strict=True):
        _add_panel(layout, one, box)
    return layout


def _scale(scene: Scene) -> dict[str, Any]:
    """Return the colours, and the bar between cortex and histogram that explains them."""
    return {
        "cmin": 0.0,
        "cmax": scene.top,
        "colorscale": _colours(),
        "colorbar": {
            "title": {"text": "|E| (V/m)", "side": "right"},
            "x": 0.58,
            "xanchor": "left",
            "y": (1 + _SLICE_TOP) / 2,
            "len": 0.5,
            "thickness": 16,
        },
    }


def _space(scene: Scene) -> dict[str, Any]:
    """Return the space around the cortex: without axes, and with the eye where the coil is."""
    eye, up = 1.5 * scene.outward, upward(scene.outward)
    camera = {
        "eye": dict(zip("xyz", eye.tolist(), strict=True)),
        "up": dict(zip("xyz", up.tolist(), strict=True)),
    }
    return {
        "domain": {"x": [0.0, 0.58], "y": [_SLICE_TOP + 0.04, 1.0]},
        "aspectmode": "data",
        "camera": camera,
        **{f"{axis}axis": {"visible": False, "showspikes": False} for axis in "xyz"},
    }


def _add_panel(layout: dict[str, Any], one: Slice, box: tuple[float, float, float, float]) -> None:
    """Add the axes of a slice, and its name above."""
    number, start = one.axis + 2, one.axis * 0.345
    plain = {"showgrid": False, "zeroline": False, "showticklabels": False, "constrain": "domain"}
    domain = [start, start + 0.31]
    layout[f"xaxis{number}"] = {"domain": domain, "anchor": f"y{number}", **plain, "range": box[:2]}
    layout[f"yaxis{number}"] = {
        "domain": [0.0, _SLICE_TOP - 0.03],
        "anchor": f"x{number}",
        "scaleanchor": f"x{number}",
        "range": box[2:],
        **plain,
    }
    title = {"text": one.title, "x": sum(domain) / 2, "y": _SLICE_TOP - 0.03, "yanchor": "bottom"}
    layout["annotations"].append(title | {"xref": "paper", "yref": "paper", "showarrow": False})
