# SPDX-License-Identifier: BSD-3-Clause
"""Draw how uncertain a value is with matplotlib: where |E| varies, by what, and how the value is spread."""

from __future__ import annotations

import os
from functools import partial
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from . import figure as figures
from .colours import INK
from .quantity import Quantity, Scale
from .scene import Scene

__all__ = ["SpreadScene", "draw_spread", "write_spread"]

Floats = NDArray[np.float64]

_SAMPLED, _LINEAR, _BAND = "#1f6f8b", "#9cc7d6", "#cfe5ec"
_SPREAD = Quantity("standard deviation of |E|", "% of |E|")
_TOP = 97.0  # percentile of the map at the end of the colours
_BINS = 60


class SpreadScene(NamedTuple):
    """What the picture shows."""

    scene: Scene  #: its magnitude is the coefficient of variation of |E|, %
    sources: list[tuple[str, float, float]]  #: name, standard deviation by sampling, and by gradient
    value: float
    samples: Floats  #: (n,) of the value
    interval: tuple[float, float]  #: that holds 95 % of them
    title: str


def write_spread(shown: SpreadScene, path: str | os.PathLike[str]) -> None:
    """Write the figure of `draw_spread`; `path` and errors are those of `headfield.pictures.figure`."""
    figures.draw_into(path, partial(draw_spread, shown))


def draw_spread(shown: SpreadScene) -> Any:
    """Draw the map on the cortex under the coil, what each source does, and the distribution of the value.

    Returns
    -------
    matplotlib.figure.Figure
        It is not registered with pyplot.

    Raises
    ------
    MissingPackageError
        matplotlib is missing.
    """
    figure = figures.new_figure((11.0, 6.0))
    low, high = shown.interval
    title = f"{shown.title}; 95 % of samples from {low:.3g} to {high:.3g}".replace("-", "−")
    figure.suptitle(title, fontsize=11, color=INK, parse_math=False)
    left, right = figure.subfigures(1, 2, width_ratios=[1.25, 1.0])
    _draw_map(left, left.add_subplot(), shown.scene)
    above, below = right.subplots(2, 1)
    _draw_sources(above, shown)
    _draw_distribution(below, shown)
    return figures.for_notebooks(figure)


def _draw_map(figure: Any, axes: Any, scene: Scene) -> None:
    known = scene.magnitude[np.isfinite(scene.magnitude)]
    scale = Scale(_SPREAD, float(np.percentile(known, _TOP)) or 1.0)
    figures.draw_surface(axes, scene.cortex, scene.setting, scene.outward, scale)
    axes.set_title("how much |E| varies; gray: not looked at", fontsize=10, color=INK)
    figures.draw_bar(figure, axes, scale, orientation="horizontal", shrink=0.8, pad=0.05)


def _draw_sources(axes: Any, shown: SpreadScene) -> None:
    """Draw a pair of bars for each source, the largest above."""
    names = [name for name, _, _ in shown.sources]
    at = np.arange(len(names), dtype=float)
    for values, shift, colour, label in (
        ([std for _, std, _ in shown.sources], -0.19, _SAMPLED, "by sampling"),
        ([std for _, _, std in shown.sources], 0.19, _LINEAR, "by gradient"),
    ):
        bars = axes.barh(at + shift, values, 0.36, color=colour, label=label)
        axes.bar_label(bars, [f"{value:.2g}" for value in values], padding=3, fontsize=8, color=INK)
    axes.set_yticks(at, names)
    axes.invert_yaxis()
    axes.margins(x=0.15)
    axes.set_xlabel("standard deviation of the value", fontsize=9)
    axes.set_title("what it is uncertain by", fontsize=10, color=INK)
    axes.legend(fontsize=9, frameon=False, loc="lower right")
    axes.spines[["top", "right"]].set_visible(False)


def _draw_distribution(axes: Any, shown: SpreadScene) -> None:
    """Draw the samples of the value, all sources together; the band holds 95 % of them."""
    axes.axvspan(*shown.interval, color=_BAND, linewidth=0.0, label="95 %")
    heights, _, _ = axes.hist(shown.samples, _BINS, color=_SAMPLED)
    axes.axvline(shown.value, color=INK, linewidth=1.4, label="as everything is given")
    axes.set(yticks=[], ylim=(0.0, 1.4 * float(heights.max())))
    axes.set_xlabel("value, all sources together", fontsize=9)
    axes.set_title("how it is spread", fontsize=10, color=INK)
    axes.legend(fontsize=9, edgecolor="none", framealpha=1.0, loc="upper right")
    axes.spines[["top", "right", "left"]].set_visible(False)
