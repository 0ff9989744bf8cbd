# SPDX-License-Identifier: BSD-3-Clause
"""Draw a search for the best pose with matplotlib: its map on the scalp, the coil, a profile of angles."""

from __future__ import annotations

import os
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from . import figure as figures
from .coil_overlay import draw_discs
from .colours import INK, colormap, matplotlib_parts
from .rendering import View, render_shell
from .target import TargetScene

__all__ = ["draw_target", "write_target"]

Floats = NDArray[np.float64]

_BEST, _BAND, _TARGET = "#1f6f8b", "#cfe5ec", "#17a2b8"
_ARC = 0.62  # of how far the coil reaches: where the angle of the handle is drawn
_HALO = {"boxstyle": "round,pad=0.15", "facecolor": "white", "edgecolor": "none", "alpha": 0.8}
_LABEL: dict[str, Any] = {"ha": "center", "va": "center", "bbox": _HALO}


def write_target(scene: TargetScene, path: str | os.PathLike[str]) -> None:
    """Write the figure of `draw_target`; `path` and errors are those of `headfield.pictures.figure`."""
    figures.draw_into(path, partial(draw_target, scene))


def draw_target(scene: TargetScene) -> Any:
    """Draw a search: the map on the scalp, the best coil from along its axis, a profile over the angle.

    Parameters
    ----------
    scene : TargetScene

    Returns
    -------
    matplotlib.figure.Figure
        It is not registered with pyplot.

    Raises
    ------
    MissingPackageError
        matplotlib is missing.
    """
    figure = figures.new_figure((12.0, 7.4))
    figure.suptitle(scene.title(), fontsize=11, color=INK, parse_math=False)
    left, right = figure.subfigures(1, 2, width_ratios=[1.3, 1.0])
    _draw_map(left, left.add_subplot(), scene)
    above, below = right.subplots(2, 1, height_ratios=[1.6, 1.0])
    _draw_close_up(above, scene)
    _draw_profile(below, scene)
    return figures.for_notebooks(figure)


def _draw_map(figure: Any, axes: Any, scene: TargetScene) -> None:
    """Draw the whole head with the map on its scalp, the best coil and its rivals."""
    from matplotlib.cm import ScalarMappable  # an optional package, which only pictures need

    seen = [scene.nodes_mm, scene.shape.points_mm, scene.handle, scene.arrow]
    view = View.along(scene.side, np.concatenate(seen))
    _show(axes, scene, view)
    _draw_rivals(axes, scene, view)
    _draw_target(axes, scene, view)
    _draw_coil(axes, scene, view)
    figures.draw_compass(axes, view)
    _draw_bar(axes, view, 50.0)
    axes.set_title("best value over all angles, on the scalp", fontsize=10, color=INK)
    mappable = ScalarMappable(_norm(scene), colormap())
    label = "value of the target (V/m); gray: not searched, or ruled out"
    figure.colorbar(mappable, ax=axes, label=label, orientation="horizontal", shrink=0.8, pad=0.02)
    axes.legend(loc="upper left", fontsize=9, frameon=False)


def _draw_close_up(axes: Any, scene: TargetScene) -> None:
    """Draw the scalp under the best coil as it is seen along the coil's axis, and the handle's angle."""
    seen = [scene.shape.points_mm, scene.handle, scene.arrow, scene.turned_handle(scene.size_mm)]
    view = View.along(scene.outward, np.concatenate(seen))
    _show(axes, scene, view)
    _draw_target(axes, scene, view)
    _draw_coil(axes, scene, view)
    u, v = view.axes[:2] @ scene.poses[0, :3, 3]
    arc = scene.turned_handle(_ARC * scene.size_mm) @ view.axes[:2].T
    back = scene.turned_handle(scene.size_mm)[0] @ view.axes[:2].T
    axes.plot(*np.array([(u, v), back]).T, color=INK, linewidth=1.2, linestyle=(0, (4, 3)))
    axes.plot(*arc.T, color=_BEST, linewidth=2.2)
    middle = arc[len(arc) // 2] - (u, v)
    place = (u, v) + 1.3 * middle
    axes.text(
        *place, _degrees(scene.angle_deg), color=_BEST, fontsize=11, ha="center", va="center", bbox=_HALO
    )
    axes.text(*back, "straight back", color=INK, fontsize=8, ha="center", va="center", bbox=_HALO)
    _draw_bar(axes, view, 20.0)
    axes.set_title("the best coil, seen along its axis", fontsize=10, color=INK)


def _draw_profile(axes: Any, scene: TargetScene) -> None:
    """Draw the value over the angle at the best position."""
    angles = np.append(scene.angles_deg, 360.0)
    profile = np.append(scene.profile, scene.profile[:1])
    for low, high in scene.ruled_out():
        axes.axvspan(low, high, facecolor="#f2f2f2", edgecolor="#b5b9c0", hatch="///", linewidth=0.0)
    for turn in (-360.0, 0.0, 360.0):
        at = scene.angle_deg + turn
        axes.axvspan(at - scene.turn_deg, at + scene.turn_deg, color=_BAND, linewidth=0.0)
    axes.plot(angles, profile, color=INK, linewidth=1.6)
    best = scene.angle_deg % 360.0
    axes.plot(best, scene.value, "o", color=_BEST, markersize=7, markeredgecolor="white", zorder=5)
    known = profile[np.isfinite(profile)]
    low, high = min(0.0, known.min(initial=0.0)), max(known.max(initial=scene.value), scene.value)
    span = max(high - low, 1e-12)
    axes.set(xlim=(0, 360), ylim=(low - 0.02 * span, high + 0.08 * span), xticks=np.arange(0, 361, 45))
    axes.set_xlabel("angle of the handle (°), clockwise from straight back", fontsize=9)
    axes.set_ylabel("value (V/m)", fontsize=9)
    out = "; hatched: ruled out" if scene.ruled_out() else ""
    beside = f"{100 * scene.lost:.2g} % less at most ±{scene.turn_deg:g}° away"
    title = f"over the angle, at the best position{out}\n{scene.value:.3g} V/m at {_degrees(best)}, {beside}"
    axes.set_title(title, fontsize=10, color=INK)
    axes.spines[["top", "right"]].set_visible(False)


def _show(axes: Any, scene: TargetScene, view: View) -> None:
    """Draw the scalp with its map."""
    colours, norm = colormap(), _norm(scene)
    picture = render_shell(scene.scalp, view, lambda v: colours(norm(v))[..., :3], figures.pixels())
    axes.imshow(picture, extent=view.extent, interpolation="antialiased")
    axes.set_axis_off()
    axes.set(xlim=view.extent[:2], ylim=view.extent[2:])


def _norm(scene: TargetScene) -> Any:
    colours, _ = matplotlib_parts()
    return colours.Normalize(*scene.limits)


def _draw_coil(axes: Any, scene: TargetScene, view: View) -> None:
    """Draw the best coil, its handle and its +y, dark with a light halo; dipoles as faint discs."""
    draw_discs(axes, scene.shape, view)
    lines = [line @ view.axes[:2].T for line in (*scene.coil_lines, scene.handle)]
    for colour, linewidth, alpha in (("white", 4.0, 0.8), (INK, 1.4, 1.0)):
        for line in lines:
            axes.plot(*line.T, color=colour, linewidth=linewidth, alpha=alpha, solid_capstyle="round")
    centre, end = lines[-1]
    tip = scene.arrow[1] @ view.axes[:2].T
    style = {"arrowstyle": "-|>", "color": INK, "shrinkA": 0, "shrinkB": 0, "linewidth": 1.4}
    axes.annotate("", tip, centre, arrowprops=style)
    axes.text(
        *(tip + 0.25 * (tip - centre)), "y", color=INK, fontsize=9, ha="center", va="center", bbox=_HALO
    )
    axes.plot(*centre, "o", color=INK, markersize=5, markeredgecolor="white", label="best pose")
    axes.text(*end, "handle", color=INK, fontsize=8, **_LABEL)


def _draw_target(axes: Any, scene: TargetScene, view: View) -> None:
    """Draw a ring around where the middle of the target is, behind the scalp."""
    target = scene.target_mm @ view.axes[:2].T
    for colour, width, name in (("white", 4.0, None), (_TARGET, 2.0, "target, below the scalp")):
        ring = {"markersize": 15, "markerfacecolor": "none", "markeredgewidth": width, "linestyle": "none"}
        axes.plot(*target, "o", markeredgecolor=colour, label=name, **ring)


def _draw_rivals(axes: Any, scene: TargetScene, view: View) -> None:
    """Draw the rivals on this side of the head: a mark, and a short line along the handle."""
    seen = -scene.poses[1:, :3, 2] @ view.axes[2] > 0.1
    marks = scene.rival_marks[seen] @ view.axes[:2].T
    for colour, width in (("white", 3.0), (INK, 1.2)):
        for mark in marks:
            axes.plot(*mark.T, color=colour, linewidth=width, solid_capstyle="round")
    if len(marks):
        style = {"markersize": 5, "markerfacecolor": "white", "markeredgecolor": INK, "linestyle": "none"}
        axes.plot(*marks[:, 0].T, "s", label="rivals, with their handles", **style)


def _draw_bar(axes: Any, view: View, long_mm: float) -> None:
    """Draw a bar of some length in the lower right corner."""
    _, right, bottom, top = view.extent
    rim = 0.04 * (top - bottom)
    x, y = np.array([right - rim - long_mm, right - rim]), bottom + rim
    axes.plot(x, [y, y], color=INK, linewidth=2.5, solid_capstyle="butt")
    axes.text(x.mean(), y + 0.3 * rim, f"{long_mm:g} mm", fontsize=8, color=INK, ha="center", va="bottom")


def _degrees(angle: float) -> str:
    return f"{angle % 360.0:.0f}°"
