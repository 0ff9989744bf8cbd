# SPDX-License-Identifier: BSD-3-Clause
"""Draw when pulses come with matplotlib: panels, each of which shows the first part of the one above it."""

from __future__ import annotations

import os
from functools import partial
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from . import figure as figures
from .colours import INK

__all__ = ["ProtocolScene", "TimePanel", "draw_protocol", "write_protocol_figure"]

_FIRST, _OTHERS, _ZOOM = "#1f6f8b", "#9cc7d6", "#cfe5ec"
_PANEL_INCHES, _ZOOM_INCHES, _WIDTH_INCHES = 1.05, 0.3, 9.0
_MARGIN = 0.01  # of the length, on both sides
_THINNEST = 0.0015  # of the length: no box is drawn narrower, where that covers no neighbour
_UNITS = ((1.0, "ms", 1e-3), (180.0, "s", 1.0), (7200.0, "min", 60.0), (172_800.0, "h", 3600.0))


class TimePanel(NamedTuple):
    """Repetitions of one thing."""

    title: str
    starts_s: NDArray[np.float64]  #: (n,)
    length_s: float  #: of each; 0 for pulses
    end_s: float  #: of the panel
    shown_s: float  #: how much of it, from its start, the next panel shows


class ProtocolScene(NamedTuple):
    """What the picture shows."""

    title: str
    panels: list[TimePanel]  #: from the whole to a burst


def write_protocol_figure(shown: ProtocolScene, path: str | os.PathLike[str]) -> None:
    """Write the figure of `draw_protocol`; `path` and errors are those of `headfield.pictures.figure`."""
    figures.draw_into(path, partial(draw_protocol, shown))


def draw_protocol(shown: ProtocolScene) -> Any:
    """Draw each panel over a time axis of its own, the part that the next one shows dark, with its edges.

    Returns
    -------
    matplotlib.figure.Figure
        It is not registered with pyplot.

    Raises
    ------
    MissingPackageError
        matplotlib is missing.
    """
    count = len(shown.panels)
    ratios = [_PANEL_INCHES, _ZOOM_INCHES] * count
    figure = figures.new_figure((_WIDTH_INCHES, 0.5 + sum(ratios[:-1])))
    figure.suptitle(shown.title, fontsize=11, color=INK, parse_math=False)
    rows = np.atleast_1d(figure.subplots(2 * count - 1, 1, height_ratios=ratios[:-1]))
    for i, panel in enumerate(shown.panels):
        _draw_panel(rows[2 * i], panel, last=i == count - 1)
        if i < count - 1:
            _draw_zoom(rows[2 * i + 1], panel)
    return figures.for_notebooks(figure)


def _limits(panel: TimePanel) -> tuple[float, float]:
    return -_MARGIN * panel.end_s, (1.0 + _MARGIN) * panel.end_s


def _draw_panel(axes: Any, panel: TimePanel, last: bool) -> None:
    unit, seconds = next(((name, s) for most, name, s in _UNITS if panel.end_s <= most), ("days", 86400.0))
    starts = panel.starts_s / seconds
    dark = panel.starts_s < panel.shown_s
    colours = np.where(dark | last, _FIRST, _OTHERS)
    if panel.length_s > 0.0:
        apart = float(np.diff(starts).min(initial=panel.end_s / seconds))
        width = max(panel.length_s / seconds, min(_THINNEST * panel.end_s / seconds, 0.6 * apart))
        axes.bar(starts, 1.0, width, align="edge", color=colours, linewidth=0.0)
    else:
        thin = 2.2 if len(starts) <= 60 else 0.8
        axes.vlines(starts, 0.0, 1.0, colors=colours, linewidth=thin)
    low, high = _limits(panel)
    axes.set(xlim=(low / seconds, high / seconds), ylim=(0.0, 1.15), yticks=[])
    axes.set_title(panel.title, fontsize=10, color=INK, loc="left")
    axes.set_xlabel(unit, fontsize=9, color=INK, labelpad=1.0)
    axes.tick_params(axis="x", labelsize=8)
    axes.spines[["top", "right", "left"]].set_visible(False)


def _draw_zoom(axes: Any, panel: TimePanel) -> None:
    """Draw what of a panel the next one shows, as a funnel between both."""
    low, high = _limits(panel)
    left, right = -low / (high - low), (panel.shown_s - low) / (high - low)
    inner = _MARGIN / (1.0 + 2.0 * _MARGIN)
    axes.fill([left, right, 1.0 - inner, inner], [1.0, 1.0, 0.0, 0.0], color=_ZOOM, linewidth=0.0)
    axes.set(xlim=(0.0, 1.0), ylim=(0.0, 1.0))
    axes.set_axis_off()
