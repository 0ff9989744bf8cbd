# SPDX-License-Identifier: BSD-3-Clause
"""What the picture of a protocol shows: a panel for each level, from the whole to a burst."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from ...pictures.protocol_figure import ProtocolScene, TimePanel
from .exact import multiples
from .level import Level
from .words import lasting

__all__ = ["scene_of"]

_MANY = 60  # of one thing: the first few get a panel of their own
_FEW = 10
_MOST = 2000  # that are drawn


def scene_of(title: str, levels: Sequence[Level], lengths_s: Mapping[str, float]) -> ProtocolScene:
    """Return the panels of a protocol.

    Parameters
    ----------
    title : str
    levels : sequence of Level
    lengths_s : mapping of str to float
        How long one of each level lasts, and the whole as "all".

    Examples
    --------
    >>> levels = [Level("pulse", 3, 0.02), Level("burst", 200, 0.2)]
    >>> scene = scene_of("cTBS", levels, {"pulse": 0.0, "burst": 0.06, "all": 40.0})
    >>> [panel.title for panel in scene.panels]  # doctest: +NORMALIZE_WHITESPACE
    ['the whole: 200 bursts every 200 ms, 40 s', 'the first 10 bursts of it',
     'one burst: 3 pulses every 20 ms, 60 ms']
    """
    ends = [*(lengths_s[level.name] for level in levels[1:]), lengths_s["all"]]
    owners = [*(f"one {level.name}" for level in levels[1:]), "the whole"]
    panels: list[TimePanel] = []
    for level, end, owner in reversed(list(zip(levels, ends, owners, strict=True))):
        panels += _panels(level, end, owner, lengths_s[level.name])
    return ProtocolScene(title, panels)


def _panels(level: Level, end_s: float, owner: str, length_s: float) -> list[TimePanel]:
    """Return the panel of one level, and one of the first few where there are many."""
    several = f"{level.count:,} {level.name}s every {lasting(level.repetition_interval_s)}"
    what = several if level.count > 1 else f"1 {level.name}"
    starts = multiples([level.repetition_interval_s], [np.arange(min(level.count, _MOST))])
    step = level.repetition_interval_s
    shown = length_s or end_s
    first = TimePanel(f"{owner}: {what}, {lasting(end_s)}", starts, length_s, end_s, shown)
    if level.count <= _MANY:
        return [first]
    few = TimePanel(f"the first {_FEW} {level.name}s of it", starts[:_FEW], length_s, _FEW * step, shown)
    return [first._replace(shown_s=_FEW * step), few]
