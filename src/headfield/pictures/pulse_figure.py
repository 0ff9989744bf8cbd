# SPDX-License-Identifier: BSD-3-Clause
"""Draw a pulse over time with matplotlib: dI/dt, the current, and what a membrane makes of it."""

from __future__ import annotations

import os
from functools import partial
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from . import figure as figures
from .colours import INK

__all__ = ["PulseScene", "draw_pulse", "write_pulse"]

Floats = NDArray[np.float64]

_DIDT, _CURRENT, _MEMBRANE = "#1f6f8b", "#b5541c", "#6b3f8f"


class PulseScene(NamedTuple):
    """What the picture shows."""

    time_s: Floats  #: (n,)
    didt: Floats  #: (n,) A/s, or shares of the most that there is
    current: Floats  #: (n,) A
    membrane: Floats  #: (n,) of the low pass, as a share of the largest |dI/dt|
    tau_s: float
    normalised: bool  #: whether dI/dt is in shares, and the current is not known
    title: str


def write_pulse(shown: PulseScene, path: str | os.PathLike[str]) -> None:
    """Write the figure of `draw_pulse`; `path` and errors are those of `headfield.pictures.figure`."""
    figures.draw_into(path, partial(draw_pulse, shown))


def draw_pulse(shown: PulseScene) -> Any:
    """Draw dI/dt and the current above, the response of a membrane to E below, with its extremes marked.

    Returns
    -------
    matplotlib.figure.Figure
        It is not registered with pyplot.

    Raises
    ------
    MissingPackageError
        matplotlib is missing.
    """
    figure = figures.new_figure((8.0, 6.0))
    figure.suptitle(shown.title.replace("-", "−"), fontsize=11, color=INK, parse_math=False)
    above, below = figure.subplots(2, 1, sharex=True, height_ratios=[1.5, 1.0])
    time_us = 1e6 * shown.time_s
    _draw_drive(above, time_us, shown)
    _draw_membrane(below, time_us, shown)
    below.set(xlabel="time (µs)", xlim=(time_us[0], time_us[-1]))
    return figures.for_notebooks(figure)


def _draw_drive(axes: Any, time_us: Floats, shown: PulseScene) -> None:
    scale, unit = (1.0, "share of the most") if shown.normalised else (1e-6, "A/µs")
    axes.plot(time_us, scale * shown.didt, color=_DIDT, linewidth=1.6, label="dI/dt, and E")
    axes.axhline(0.0, color=INK, linewidth=0.6)
    axes.set_ylabel(f"dI/dt ({unit})", color=_DIDT)
    axes.spines[["top"]].set_visible(False)
    if shown.normalised:
        return
    other = axes.twinx()
    other.plot(time_us, 1e-3 * shown.current, color=_CURRENT, linewidth=1.6, label="current")
    other.set_ylabel("current (kA)", color=_CURRENT)
    other.spines[["top"]].set_visible(False)
    for one, values in ((axes, scale * shown.didt), (other, 1e-3 * shown.current)):
        most = 1.08 * float(np.abs(values).max())
        one.set_ylim(-most, most)  # 0 is at the same height on both sides


def _draw_membrane(axes: Any, time_us: Floats, shown: PulseScene) -> None:
    axes.plot(time_us, shown.membrane, color=_MEMBRANE, linewidth=1.6)
    axes.axhline(0.0, color=INK, linewidth=0.6)
    for at in (int(shown.membrane.argmax()), int(shown.membrane.argmin())):
        value = float(shown.membrane[at])
        axes.plot(time_us[at], value, "o", color=_MEMBRANE, markersize=5)
        label = f"{value:.3f} at {time_us[at]:.0f} µs".replace("-", "−")
        side = "bottom" if value > 0.0 else "top"
        axes.annotate(label, (time_us[at], value), (6, 0), textcoords="offset points", fontsize=9, va=side)
    axes.margins(y=0.2)
    axes.set_ylabel("share of the largest |E|")
    axes.set_title(f"membrane with τ = {1e6 * shown.tau_s:.4g} µs", fontsize=10, color=INK)
    axes.spines[["top", "right"]].set_visible(False)
