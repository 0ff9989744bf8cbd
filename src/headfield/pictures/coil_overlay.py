# SPDX-License-Identifier: BSD-3-Clause
"""Draw a coil over a rendered surface, without hiding where the field is strong.

A coil lies between the eye and the field under it. Its casing is a veil with an outline, its dipoles are
faint discs, its wire is thin; all of them fade where the surface behind them is coloured as strong, and are
left out where they lie behind the surface.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..geometry.raster import rasterise
from ..geometry.triangles import area_vectors
from .coil_shape import CoilShape
from .colours import CLOCKWISE, COUNTER, INK
from .rendering import Rendered, View, pixels_hit
from .setting import Setting

__all__ = ["draw_coil", "draw_discs", "draw_handle", "draw_target"]

Floats = NDArray[np.float64]

_STRONG = (0.35, 0.6)  # of the end of the colours: between these, the coil fades
_LEFT = 0.05  # of the coil's own colour where the field is strong
_STEP_MM = 1.0  # of lines, along which they fade
_VEIL, _DISC, _LINE, _EDGE = 0.22, 0.30, 0.85, 0.75  # how opaque casing, dipoles, wire and outlines are
_SHARP = 0.6  # cosine of the angle between faces that an edge of a casing is drawn at
_MARK = "#00b4d8"  # of a target
_BOX = {"boxstyle": "round,pad=0.15", "facecolor": "white", "edgecolor": "none", "alpha": 0.8}


def draw_coil(axes: Any, setting: Setting, drawn: Rendered, top: float) -> None:
    """Draw a coil and its handle.

    Parameters
    ----------
    axes : matplotlib.axes.Axes
        Which the picture was drawn into.
    setting : Setting
    drawn : Rendered
    top : float
        The value at the end of the colours.
    """
    shape = setting.shape
    if shape is not None:
        _draw_casing(axes, shape, drawn, top)
        draw_discs(axes, shape, drawn.view, _fading(shape.centres_mm, drawn, top))
        _draw_lines(axes, shape.wire, drawn, top, 1.1, _LINE)
    if setting.handle is not None:
        draw_handle(axes, setting.handle, drawn, top)


def draw_handle(axes: Any, handle: Floats, drawn: Rendered, top: float) -> None:
    """Draw a line along the handle (2, 3), mm, from the centre of the coil, and name its end."""
    _draw_lines(axes, [handle], drawn, top, 1.4, 1.0, halo=True)
    end = handle[1] @ drawn.view.axes[:2].T
    if float(_fading(handle[1:], drawn, top)[0]) < 0.5:  # it would hide what is strong, or lies behind
        return
    axes.text(*end, "handle", color=INK, fontsize=8, ha="center", va="center", bbox=_BOX)


def draw_target(axes: Any, target_mm: Floats, view: View) -> None:
    """Draw a ring with a cross around where a target is, which may lie behind what is seen."""
    x, y = target_mm @ view.axes[:2].T
    for colour, width in (("white", 3.6), (_MARK, 1.8)):
        ring = {"markersize": 13, "markerfacecolor": "none", "markeredgewidth": width, "linestyle": "none"}
        axes.plot(x, y, "o", markeredgecolor=colour, gid="target", **ring)


def _fading(points_mm: Floats, drawn: Rendered, top: float) -> Floats:
    """Return how much (p,) of what lies at points is left: less where it is strong behind, 0 where hidden."""
    row, column = drawn.at(points_mm)
    value = np.nan_to_num(np.abs(drawn.values[row, column])) / top
    low, high = _STRONG
    share = np.clip((value - low) / (high - low), 0.0, 1.0)
    seen = points_mm @ drawn.view.axes[2] >= drawn.depth_mm[row, column] - 1.0
    return np.asarray(seen * (1.0 - (1.0 - _LEFT) * share * share * (3 - 2 * share)))


def _draw_lines(
    axes: Any,
    lines: list[Floats],
    drawn: Rendered,
    top: float,
    width: float,
    opaque: float,
    *,
    halo: bool = False,
) -> None:
    """Draw paths (p, 3), mm, as short pieces, each as opaque as the field behind it lets it be."""
    from matplotlib.collections import LineCollection  # an optional package, which only pictures need

    if not lines:
        return
    pieces = np.concatenate([_pieces(line) for line in lines])
    left = _fading(pieces.mean(axis=1), drawn, top)
    pieces, left = pieces[left > 0], left[left > 0]
    if not len(pieces):
        return
    ends = pieces @ drawn.view.axes[:2].T
    for colour, wide, share in ([("white", width + 2.6, 0.8)] if halo else []) + [(INK, width, 1.0)]:
        drawing = LineCollection(
            list(ends),
            colors=colour,
            linewidths=wide,
            alpha=opaque * share * left,
            capstyle="butt",
            gid="coil",
        )
        axes.add_collection(drawing, autolim=False)


def _pieces(line: Floats) -> Floats:
    """Return a path (p, 3) as pieces (q, 2, 3) that are not much longer than a step."""
    length = np.linalg.norm(np.diff(line, axis=0), axis=1)
    counts = np.maximum(np.ceil(length / _STEP_MM).astype(int), 1)
    which = np.repeat(np.arange(len(length)), counts)
    number = np.arange(len(which)) - np.repeat(np.cumsum(counts) - counts, counts)
    share = np.stack([number, number + 1], axis=1) / counts[which, None]
    start, way = line[:-1][which], np.diff(line, axis=0)[which]
    return np.asarray(start[:, None] + share[..., None] * way[:, None])


def draw_discs(axes: Any, shape: CoilShape, view: View, left: Floats | float = 1.0) -> None:
    """Draw the loops of dipoles as discs, coloured by how their current runs, seen from outside the head.

    Of how opaque they are, that much is left (d,).
    """
    from matplotlib.collections import PolyCollection  # an optional package, which only pictures need

    left = left * np.abs(shape.strength)
    order = np.argsort(shape.centres_mm @ view.axes[2])
    order = order[left[order] > 0]
    if not len(order):
        return
    flat = shape.loops[order] @ view.axes[:2].T
    colour = np.where(shape.strength[order] > 0, CLOCKWISE, COUNTER)
    opaque = np.clip(_DISC * left[order], 0, 1)
    discs = PolyCollection(list(flat), facecolors=list(colour), alpha=opaque, linewidths=0, gid="coil")
    axes.add_collection(discs, autolim=False)


def _draw_casing(axes: Any, shape: CoilShape, drawn: Rendered, top: float) -> None:
    """Draw a casing as a veil, with its rim as this eye sees it, and its sharp edges."""
    if shape.casing is None:
        return
    view, shell = drawn.view, shape.casing
    height, width = drawn.values.shape
    left, right, _, _ = view.extent
    corners = view.corners(shell.nodes_mm, shell.faces, width / (right - left))
    face, weights = rasterise(corners, width, height)
    hit, nodes, w = pixels_hit(shell.faces, face, weights)
    points = np.einsum("pc,pcd->pd", w, shell.nodes_mm.take(nodes, axis=0))
    unit = area_vectors(shell.nodes_mm[shell.faces])
    unit /= np.maximum(np.linalg.norm(unit, axis=1, keepdims=True), 1e-300)
    rim = 1.0 - np.abs(unit @ view.axes[2])[face.take(hit)]
    veil = np.zeros((height * width, 4))
    veil[hit, :3] = 0.25
    veil[hit, 3] = _VEIL * (0.6 + 0.8 * rim) * _fading(points, drawn, top)
    veil = np.clip(veil, 0, 1).reshape(height, width, 4)
    axes.imshow(veil, extent=view.extent, interpolation="antialiased", gid="casing")
    _draw_lines(axes, _edges(shell.nodes_mm, shell.faces, unit, view), drawn, top, 0.9, _EDGE)


def _edges(nodes_mm: Floats, faces: NDArray[np.intp], unit: Floats, view: View) -> list[Floats]:
    """Return the edges (2, 3) of a surface that show its shape: its rim to an eye, and sharp ones."""
    toward = unit @ view.axes[2] > 0
    _, number = np.unique(nodes_mm.round(3), axis=0, return_inverse=True)  # an .stl has each corner often
    ends = np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]])
    owner = np.tile(np.arange(len(faces)), 3)
    key = np.sort(number.reshape(-1)[ends], axis=1)
    order = np.lexsort(key.T)
    same = (key[order][1:] == key[order][:-1]).all(axis=1)
    a, b = owner[order][:-1][same], owner[order][1:][same]
    sharp = (np.einsum("ed,ed->e", unit[a], unit[b]) < _SHARP) & (toward[a] | toward[b])
    shown = (toward[a] != toward[b]) | sharp
    alone = ~np.concatenate([[False], same]) & ~np.concatenate([same, [False]])
    chosen = np.concatenate([order[:-1][same][shown], order[alone]])
    return list(nodes_mm[ends[chosen]])
