# SPDX-License-Identifier: BSD-3-Clause
"""Draw several fields beside each other, all in the same colours."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from ..core.arguments import is_whole
from ..core.messages import plural
from ..errors import ArgumentError
from . import figure as figures
from .colours import INK
from .layer import LayerScene
from .quantity import Scale
from .scene import Scene

__all__ = ["MOST_PANELS", "draw_montage"]

#: Panels that can still be told apart on a page.
MOST_PANELS = 60
_PANEL = 2.9  # inches


def draw_montage(
    scenes: Sequence[Scene | LayerScene],
    titles: Sequence[str],
    *,
    title: str = "",
    columns: int | None = None,
    vmax: float | None = None,
    dpi: float | None = None,
) -> Any:
    """Draw scenes of one quantity in panels, from left to right and downward, with one bar of colours.

    Parameters
    ----------
    scenes : sequence of Scene or LayerScene
    titles : sequence of str
        One for each.
    title : str
        Of all.
    columns : int, optional
        Panels in a row; if not given, about as many as there are rows.
    vmax : float, optional
        Where the colours end; if not given, at the largest of the ends that the scenes have by themselves.
    dpi : float, optional
        Dots per inch.

    Returns
    -------
    matplotlib.figure.Figure
        It is not registered with pyplot.

    Raises
    ------
    ArgumentError
        No scene, more than 60, several quantities, another number of titles, or `columns` is below 1.
    MissingPackageError
        matplotlib is missing.
    """
    if not 1 <= len(scenes) <= MOST_PANELS:
        raise ArgumentError(f"a montage has 1 to {MOST_PANELS} panels, not {len(scenes)}")
    if len(titles) != len(scenes):
        raise ArgumentError(
            f"{plural(len(titles), 'title', 'titles')} for {plural(len(scenes), 'panel', 'panels')}"
        )
    quantities = {scene.quantity for scene in scenes}
    if len(quantities) > 1:
        names = ", ".join(sorted(quantity.symbol for quantity in quantities))
        raise ArgumentError(f"a montage has one scale, and so one quantity, not {names}")
    if columns is not None and not (is_whole(columns) and columns >= 1):
        raise ArgumentError(f"columns must be a whole number from 1, not {columns!r}")
    across = min(columns or math.ceil(math.sqrt(len(scenes))), len(scenes))
    down = math.ceil(len(scenes) / across)
    scale = Scale(scenes[0].quantity, vmax or max(scene.top for scene in scenes))
    figure = figures.new_figure((_PANEL * across + 1.0, (_PANEL + 0.15) * down), dpi)
    if title:
        figures.draw_title(figure, [title])
    panels = figure.subplots(down, across, squeeze=False).ravel()
    for axes, scene, own in zip(panels, scenes, titles, strict=False):
        figures.draw_surface(axes, scene.surface, scene.setting, scene.outward, scale)
        axes.set_title(own, fontsize=9, color=INK, parse_math=False)
    for axes in panels[len(scenes) :]:
        axes.set_axis_off()
    figures.draw_bar(figure, list(panels), scale, shrink=min(0.9, 1.6 / down + 0.2))
    return figures.for_notebooks(figure)
