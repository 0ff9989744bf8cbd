# SPDX-License-Identifier: BSD-3-Clause
"""The figures of a page, for plotly: the cortex in space, slices, the distribution."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .coil_shape import CoilShape
from .colours import CLOCKWISE, COUNTER, INK, TISSUE
from .distribution import PERCENTS
from .quantity import Scale
from .rendering import upward
from .scene import Scene
from .shells import Shell, thinned
from .slices import ENDS, Slice, boxes

__all__ = ["figures_of"]

Floats = NDArray[np.float64]
Parts = tuple[list[dict[str, Any]], dict[str, Any]]

# Most triangles in the page: browsers still turn these smoothly, and the page stays below 20 MB.
_MOST_CORTEX, _MOST_SCALP, _MOST_CASING = 200_000, 20_000, 10_000
_FAINT = "#7a828e"
_MARK = "#00b4d8"
_DASHES = ("dot", "dash", "solid")
_LIGHT = {"ambient": 0.55, "diffuse": 0.6, "specular": 0.05, "roughness": 0.9, "fresnel": 0.05}
_NAMES = ("sagittal", "coronal", "axial")
_PLAIN = {"type": "scatter", "hoverinfo": "skip", "showlegend": False}


def figures_of(scene: Scene, slices: Sequence[Slice]) -> dict[str, Parts]:
    """Return traces and layout of each figure of a page: field, distribution, sagittal, coronal, axial.

    Examples
    --------
    >>> from headfield.heads.phantom import sphere_mesh
    >>> ball = sphere_mesh([50, 60], tags=[2, 5], edge_mm=20)
    >>> scene = Scene(ball, np.ones(ball.n_tets))
    >>> list(figures_of(scene, scene.slices(2.0)))
    ['field', 'distribution', 'sagittal', 'coronal', 'axial']
    """
    found = {"field": _space(scene), "distribution": _histogram(scene)}
    for one, box in zip(slices, boxes([one.extent for one in slices]), strict=True):
        traces = [*_slice(one, scene), *_ends(one.axis, box)]
        found[_NAMES[one.axis]] = traces, _panel(one, box, scene)
    return found


def _css(colour: Sequence[float]) -> str:
    return "rgb({}, {}, {})".format(*(round(255 * part) for part in colour[:3]))


def _coloraxis(scale: Scale, bar: bool) -> dict[str, Any]:
    """Return the colours, and the bar that explains them."""
    colours = scale.colours()
    stops = [(float(stop), _css(colours(stop))) for stop in np.linspace(0.0, 1.0, 33)]
    low, high = scale.limits
    axis: dict[str, Any] = {"cmin": low, "cmax": high, "colorscale": stops, "showscale": bar}
    title = {"text": scale.quantity.label, "side": "right"}
    return axis | ({"colorbar": {"title": title, "len": 0.8, "thickness": 16}} if bar else {})


def _hover(scale: Scale, value: str, place: str) -> str:
    symbol, unit = scale.quantity[:2]
    return f"<b>{symbol} %{{{value}:.3g}} {unit}</b><br>({place}) mm<extra></extra>"


def _layout(**more: Any) -> dict[str, Any]:
    font = {"color": INK, "size": 12, "family": '"Open Sans", Helvetica, Arial, sans-serif'}
    margin = {"l": 8, "r": 8, "t": 8, "b": 8}
    return {"template": "plotly_white", "font": font, "margin": margin, "autosize": True, **more}


def _space(scene: Scene) -> Parts:
    """Return the cortex in space, with the eye where it is asked for, around it scalp, coil and target."""
    traces = [*_surfaces(scene), *_coil(scene), *_target(scene), *_sides(scene)]
    eye, up = 1.5 * scene.outward, upward(scene.outward)
    camera = {
        "eye": dict(zip("xyz", eye.tolist(), strict=True)),
        "up": dict(zip("xyz", up.tolist(), strict=True)),
    }
    axes: dict[str, Any] = {f"{axis}axis": {"visible": False, "showspikes": False} for axis in "xyz"}
    legend = {"x": 0.0, "y": 1.0, "bgcolor": "rgba(255,255,255,0.7)"}
    space = {"aspectmode": "data", "camera": camera, **axes}
    return traces, _layout(scene=space, coloraxis=_coloraxis(scene.scale, True), legend=legend)


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
        hovertemplate=_hover(scene.scale, "intensity", "%{x:.0f}, %{y:.0f}, %{z:.0f}"),
    )
    if not known.all():
        gray = {"color": "#b8b8b8", "lighting": _LIGHT, "hoverinfo": "skip"}
        yield _mesh(cortex, cortex.faces[~known], name="not computed", **gray)
    scalp = thinned(scene.scalp, _MOST_SCALP)
    yield _mesh(scalp, scalp.faces, name="scalp", color="#c9b8a8", opacity=0.1, hoverinfo="skip")


def _coil(scene: Scene) -> Iterable[dict[str, Any]]:
    """Draw casing and dipoles as veils, wire and handle as lines; the legend switches all of it."""
    setting, shape = scene.setting, scene.setting.shape
    if setting.handle is None:
        return
    gap = np.full((1, 3), np.nan)
    lines = [*(shape.wire if shape is not None else []), setting.handle]
    path = np.concatenate([part for line in lines for part in (line, gap)])
    yield {
        "type": "scatter3d",
        "mode": "lines",
        "name": "coil",
        "legendgroup": "coil",
        "line": {"color": INK, "width": 4},
        "hoverinfo": "skip",
        **dict(zip("xyz", path.T, strict=True)),
    }
    look = {"name": "coil", "legendgroup": "coil", "hoverinfo": "skip"}
    if shape is not None:
        if shape.casing is not None:
            casing = thinned(shape.casing, _MOST_CASING)
            veil = {"color": INK, "opacity": 0.07, **look}
            yield _mesh(casing, casing.faces, **veil) | {"showlegend": False}
        yield from ({**disc, **look, "showlegend": False} for disc in _discs(shape))


def _discs(shape: CoilShape) -> Iterable[dict[str, Any]]:
    """Draw the loops of dipoles as discs of two colours, by the way that the current runs."""
    corners = shape.loops.shape[1] - 1
    fan = np.array([(0, i, i + 1) for i in range(1, corners - 1)])
    for chosen, colour in ((shape.strength > 0, CLOCKWISE), (shape.strength < 0, COUNTER)):
        nodes = shape.loops[chosen, :-1].reshape(-1, 3)
        faces = (corners * np.arange(chosen.sum())[:, None, None] + fan).reshape(-1, 3)
        if len(faces):
            yield _mesh(Shell(nodes, faces, np.empty(0)), faces, color=colour, opacity=0.25)


def _target(scene: Scene) -> Iterable[dict[str, Any]]:
    if scene.setting.target is not None:
        mark = {"color": _MARK, "size": 7, "symbol": "diamond"}
        place = {axis: [float(x)] for axis, x in zip("xyz", scene.setting.target, strict=True)}
        yield {"type": "scatter3d", "mode": "markers", "name": "target", "marker": mark, **place}


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


def _histogram(scene: Scene) -> Parts:
    found, scale = scene.distribution, scene.scale
    colours, norm, unit = scale.colours(), scale.norm(), scale.quantity.unit
    bars = {
        "type": "bar",
        "x": found.centres,
        "y": found.amounts,
        "width": found.width,
        "marker": {
            "color": [_css(colour) for colour in colours(norm(found.centres))],
            "line": {"color": "#9a9a9a", "width": 0.5},
        },
        "hovertemplate": f"%{{y:.3g}} {found.unit} around %{{x:.3g}} {unit}<extra></extra>",
        "showlegend": False,
    }
    some = found.amounts[found.amounts > 0]
    lines = [
        {
            "type": "scatter",
            "mode": "lines",
            "x": [value, value],
            "y": [some.min() / 2, some.max() * 2],
            "line": {"color": INK, "dash": dash, "width": 1.5},
            "name": f"{percent:g} %: {value:.3g} {unit}",
            "hoverinfo": "skip",
        }
        for percent, value, dash in zip(PERCENTS, found.percentiles, _DASHES, strict=True)
    ]
    across = {"title": {"text": scale.quantity.label}, "rangemode": "tozero", "automargin": True}
    upward_axis = {
        "type": "log",
        "range": [float(np.log10(some.min() / 2)), float(np.log10(some.max() * 30))],
        "dtick": 1,
        "exponentformat": "power",
        "automargin": True,
        "title": {"text": f"{found.tissue} ({found.unit} per {found.width:.2g} {unit})"},
    }
    legend = {"x": 1.0, "xanchor": "right", "y": 1.0, "bgcolor": "rgba(255,255,255,0.7)"}
    return [bars, *lines], _layout(xaxis=across, yaxis=upward_axis, legend=legend)


def _slice(one: Slice, scene: Scene) -> Iterable[dict[str, Any]]:
    """Draw the head in gray, |E| over it, the borders of tissues, and lines at the other two slices."""
    left, right, bottom, top = one.extent
    height, width = one.inside.shape
    x = (left + (np.arange(width) + 0.5) * (right - left) / width).astype(np.float32)
    y = (bottom + (np.arange(height) + 0.5) * (top - bottom) / height).astype(np.float32)
    flat = {"showscale": False, "hoverinfo": "skip", "colorscale": [(0, TISSUE), (1, TISSUE)]}
    gray = np.where(one.inside, np.float32(1), np.float32(np.nan))
    yield {"type": "heatmap", "x": x, "y": y, "z": gray, "zmin": 0, "zmax": 1, **flat}
    yield {
        "type": "heatmap",
        "x": x,
        "y": y,
        "z": one.magnitude,
        "coloraxis": "coloraxis",
        "hoverongaps": False,
        "hovertemplate": _hover(scene.scale, "z", "%{x:.0f}, %{y:.0f}"),
    }
    gaps = np.full((len(one.borders), 1, 2), np.nan)
    lines = np.concatenate([one.borders, gaps], axis=1).reshape(-1, 2).astype(np.float32)
    u, v = scene.peak[1][[d for d in range(3) if d != one.axis]]
    cross = np.array([[left, v], [right, v], [np.nan, np.nan], [u, bottom], [u, top]])
    for path, line in (
        (lines, {"color": INK, "width": 0.6}),
        (cross, {"color": _FAINT, "width": 1, "dash": "dash"}),
    ):
        yield {"mode": "lines", "line": line, "x": path[:, 0], "y": path[:, 1], **_PLAIN}


def _ends(axis: int, box: tuple[float, float, float, float]) -> Iterable[dict[str, Any]]:
    """Name the sides of a slice; add a bar of 50 mm to the last one."""
    left, right, bottom, top = box
    x, y = (left + right) / 2, (bottom + top) / 2
    on = {"textfont": {"color": _FAINT}, **_PLAIN}
    inward = ["middle right", "middle left", "top center", "bottom center"]
    places = {"x": [left, right, x, x], "y": [y, y, bottom, top], "textposition": inward}
    yield {"mode": "text", "text": list(ENDS[axis]), **places, **on}
    if axis == 2:
        bar = {"x": [right - 50, right - 25, right], "y": [bottom + 1] * 3, "text": ["", "50 mm", ""]}
        line = {"color": INK, "width": 2.5}
        yield {"mode": "lines+text", "textposition": "top center", "line": line, **bar, **on}


def _panel(one: Slice, box: tuple[float, float, float, float], scene: Scene) -> dict[str, Any]:
    """Return the axes of a slice, and its name above."""
    plain = {"showgrid": False, "zeroline": False, "showticklabels": False, "constrain": "domain"}
    title = {"text": one.title, "x": 0.5, "y": 0.98, "yanchor": "top", "font": {"size": 13}}
    return _layout(
        xaxis={**plain, "range": box[:2]},
        yaxis={**plain, "range": box[2:], "scaleanchor": "x"},
        coloraxis=_coloraxis(scene.scale, False),
        title=title,
    ) | {"margin": {"l": 4, "r": 4, "t": 26, "b": 4}}
