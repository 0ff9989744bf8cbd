# SPDX-License-Identifier: BSD-3-Clause
"""Draw with matplotlib how far a field is above thresholds on a surface, and how much of it is how far."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from . import figure as figures
from .colours import INK, matplotlib_parts
from .rendering import View, render_shell
from .shells import Shell

__all__ = ["ActivationScene", "draw_activation"]

Floats = NDArray[np.float64]

# Below the threshold from light to mid gray-blue, above it from orange to dark red: the edge is at it.
_BELOW, _ABOVE = ("#f4f5f7", "#9db4c8"), ("#f6a04d", "#8c1c13")
_STEPS, _BINS = 128, 60
_TOP = 99.9  # percentile of the ratio, by weight, that colours and bars end at
_NEAR = 0.7  # of the largest ratio: the picture is seen from where these points look


class ActivationScene(NamedTuple):
    """What the picture shows."""

    nodes_mm: Floats  #: (p, 3)
    faces: NDArray[np.intp]  #: (f, 3), normals outward
    ratio: Floats  #: (p,) E/T; NaN where it is not known
    weights: Floats  #: (p,) what each node stands for
    unit: str  #: of the weights
    title: str


def draw_activation(shown: ActivationScene) -> Any:
    """Draw the ratio on the surface, and the weights over the ratio.

    Returns
    -------
    matplotlib.figure.Figure
        It is not registered with pyplot.

    Raises
    ------
    MissingPackageError
        matplotlib is missing.
    """
    figure = figures.new_figure((11.0, 5.4))
    figure.suptitle(shown.title, fontsize=10, color=INK, parse_math=False)
    surface, bars = figure.subplots(1, 2, width_ratios=[1.35, 1.0])
    known = np.isfinite(shown.ratio)
    ratio, weights = shown.ratio[known], shown.weights[known]
    top = _top(ratio, weights)
    _draw_surface(figure, surface, shown, top)
    _draw_bars(bars, shown, top)
    return figures.for_notebooks(figure)


def _top(ratio: Floats, weights: Floats) -> float:
    """Return the ratio that colours end at: well above the threshold, wherever the field is."""
    if not len(ratio):
        return 1.5
    order = np.argsort(ratio)
    below = np.cumsum(weights[order])
    place = np.searchsorted(below, _TOP / 100 * below[-1])
    return max(1.5, float(ratio[order[min(place, len(order) - 1)]]))


def _draw_surface(figure: Any, axes: Any, shown: ActivationScene, top: float) -> None:
    from matplotlib.cm import ScalarMappable  # an optional package, which only pictures need

    colours, _ = matplotlib_parts()
    norm = colours.Normalize(0.0, top)
    palette = _palette(top)
    shell = Shell(shown.nodes_mm, shown.faces, shown.ratio)
    view = View.along(_outward(shown), shown.nodes_mm)
    picture = render_shell(shell, view, lambda v: palette(norm(v))[..., :3], figures.pixels())
    axes.imshow(picture, extent=view.extent, interpolation="antialiased")
    axes.set_axis_off()
    figures.draw_compass(axes, view)
    axes.set(xlim=view.extent[:2], ylim=view.extent[2:])
    axes.set_title("E over threshold; orange and red: activated", fontsize=10, color=INK)
    figure.colorbar(ScalarMappable(norm, palette), ax=axes, label="E/T", shrink=0.8, extend="max")


def _palette(top: float) -> Any:
    """Return the colours of ratios from 0 to `top`, with an edge at 1."""
    colours, _ = matplotlib_parts()
    above = colours.LinearSegmentedColormap.from_list("above", _ABOVE)
    below = colours.LinearSegmentedColormap.from_list("below", _BELOW)
    ratio = (np.arange(4 * _STEPS) + 0.5) / (4 * _STEPS) * top
    low, high = below(np.clip(ratio, 0, 1)), above(np.clip((ratio - 1) / (top - 1), 0, 1))
    return colours.ListedColormap(np.where((ratio < 1)[:, None], low, high), "activation")


def _outward(shown: ActivationScene) -> Floats:
    """Return the direction (3,) that the surface faces where the ratio is large."""
    a, b, c = (shown.nodes_mm[shown.faces[:, i]] for i in range(3))
    areas = np.cross(b - a, c - a)
    ratio = np.nan_to_num(shown.ratio)[shown.faces].max(axis=1)
    strong = ratio >= _NEAR * ratio.max()
    total = areas[strong].sum(axis=0)
    length = float(np.linalg.norm(total))
    return total / length if length > 0 else np.array([0.0, 0.0, 1.0])


def _draw_bars(axes: Any, shown: ActivationScene, top: float) -> None:
    edges = np.linspace(0.0, top, _BINS + 1)
    known = np.isfinite(shown.ratio)
    ratio, weights = shown.ratio[known], shown.weights[known]
    height, _ = np.histogram(np.minimum(ratio, top), edges, weights=weights)
    centres = (edges[:-1] + edges[1:]) / 2
    axes.bar(
        centres, height, edges[1], color=_palette(top)(centres / top), edgecolor="#9a9a9a", linewidth=0.4
    )
    axes.axvline(1.0, color=INK, linewidth=1.2, linestyle="--")
    if height.any():
        axes.set_yscale("log")
    axes.set(xlim=(0.0, top))
    axes.set_xlabel("E/T; the last bar has all above", fontsize=9)
    axes.set_ylabel(f"{shown.unit} per {edges[1]:.2g}", fontsize=9)
    hit, total = weights[ratio >= 1].sum(), shown.weights.sum()
    share = f"{_amount(hit)} {shown.unit} of {_amount(total)} {shown.unit}"
    axes.set_title(f"{share} at threshold or above", fontsize=10, color=INK)
    axes.spines[["top", "right"]].set_visible(False)


def _amount(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"
