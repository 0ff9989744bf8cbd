# SPDX-License-Identifier: BSD-3-Clause
"""The pictures of RESULTS.md: bars, curves, a roofline, each drawn from plain data.

White ground, so that they read the same on light and dark pages; colours after Okabe and Ito, which the
colour-blind tell apart, dark enough for text; text as text and nothing of the day in the file, so that they
stay small and equal data give equal bytes.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, LogLocator, MaxNLocator, NullFormatter, NullLocator

BLUE, GREY, INK = "#0072B2", "#B4B4B4", "#222222"
COLOURS = (BLUE, "#C04F00", "#00805D", "#AA4E85", "#A87000", "#2E8BC0", INK)
MARKERS = "osD^vP*"
WIDTH_IN = 7.4
DIGITS = 6  # far more than a picture shows, far fewer than fits and sums have in common on all machines
STYLE: Any = {
    "font.size": 9,
    "svg.fonttype": "none",
    "svg.hashsalt": "headfield",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": INK,
    "axes.titlesize": 9,
    "axes.titlelocation": "left",
}


class Picture(NamedTuple):
    """A file, what draws it, of what, and what it shows in words."""

    name: str
    draw: Callable[[Any], Figure]
    data: Any
    shows: str

    def fingerprint(self) -> str:
        """Of the data and of this file: it is in the picture, and tells whether that is up to date."""
        what = json.dumps([self.name, self.draw.__name__, rounded(self.data)], sort_keys=True)
        return hashlib.sha256(what.encode() + Path(__file__).read_bytes()).hexdigest()

    def save(self, folder: Path) -> None:
        about = {"Date": None, "Creator": None, "Identifier": self.fingerprint(), "Title": self.shows}
        with mpl.rc_context(STYLE):
            self.draw(rounded(self.data)).savefig(folder / self.name, metadata=about)


def rounded(data: Any) -> Any:
    """``data`` with its numbers to ``DIGITS`` significant digits.

    What is fitted or summed differs in its last bits between instruction sets, and between versions of Python
    and NumPy; a fingerprint of those bits would call a picture out of date that is not.
    """
    if isinstance(data, dict):
        return {key: rounded(value) for key, value in data.items()}
    if isinstance(data, (list, tuple)):
        return [rounded(value) for value in data]
    return float(f"{data:.{DIGITS}g}") if isinstance(data, float) else data


def bars(panels: Sequence[dict[str, Any]]) -> Figure:
    """A panel for each head with the same rows: logarithmic bars, each with its value and its ratio.

    A panel has ``title``, ``axis`` and ``rows`` {label: [value, ratio or None, whether it is ours]}.
    """
    labels = list(dict.fromkeys(label for panel in panels for label in panel["rows"]))
    figure, axes = canvas(len(panels), 0.95 + 0.2 * len(labels), sharey=True)
    for ax, panel in zip(axes, panels, strict=True):
        values = [row[0] for row in panel["rows"].values()]
        left = 10 ** math.floor(math.log10(0.7 * min(values)))
        for label, (value, ratio, ours) in panel["rows"].items():
            at = labels.index(label)
            ax.barh(at, value - left, left=left, height=0.72, color=BLUE if ours else GREY)
            text = plain(value) + ("" if ratio is None else f" · {plain(ratio, 2)}×")
            beside(ax, text, value, at, INK)
        # Room for the text at the end of the longest bar.
        ax.set(xscale="log", xlim=(left, max(values) * (max(values) / left) ** (0.25 + 0.2 * len(panels))))
        ax.set_title(panel["title"])
        decades(ax.xaxis)
    figure.supxlabel(panels[0]["axis"], fontsize=9)
    axes[0].set_yticks(range(len(labels)), labels)
    axes[0].set_ylim(len(labels) - 0.4, -0.6)
    for ax in axes:
        ax.tick_params(axis="y", length=0)
    return figure


def curves(panels: Sequence[dict[str, Any]]) -> Figure:
    """Logarithmic panels of series, each named at its end.

    A panel has ``x``, ``y`` (axes) and ``series``: ``label``, ``points`` [[x, y]], and where there are any
    ``apart`` (hollow points, no part of the line), ``fit`` [[x, y], [x, y]] (the line, if it does not join
    the points) and ``names`` of the points; and where they are wanted, ``ticks`` of x.
    """
    figure, axes = canvas(len(panels), 3.6)
    for ax, panel in zip(axes, panels, strict=True):
        for series, colour, marker in zip(panel["series"], COLOURS, MARKERS, strict=False):
            points, hollow = series["points"], series.get("apart", [])
            ax.plot(*columns(series.get("fit", points)), color=colour, lw=1.2)
            ax.plot(*columns(points), marker, color=colour, ms=5)
            ax.plot(*columns(hollow), marker, color=colour, ms=5, mfc="white")
            for (x, y), name in zip(points, series.get("names", ()), strict=False):
                beside(ax, name, x, y, colour)
        ax.set(xscale="log", yscale="log", xlabel=panel["x"], ylabel=panel["y"])
        name_ends(ax, panel["series"])
        for axis in (ax.xaxis, ax.yaxis):
            decades(axis)
        if "ticks" in panel:
            ax.xaxis.set(major_locator=FixedLocator(panel["ticks"]), minor_locator=NullLocator())
        ax.grid(which="major", color="#E4E4E4", lw=0.6)
    return figure


def roofline(data: dict[str, Any]) -> Figure:
    """Kernels by flops per byte and GFLOP/s under what memory and cores allow; areas are shares of the time.

    ``data`` has ``copy_gb_s``, ``peak_gflop_s`` and ``kernels`` [[name, flops per byte, GFLOP/s, share]].
    """
    figure, (ax,) = canvas(1, 4.2)
    kernels, copy, peak = data["kernels"], data["copy_gb_s"], data["peak_gflop_s"]
    ridge = peak / copy
    low, high = min(ridge, *(k[1] for k in kernels)) / 3, max(4 * ridge, *(2 * k[1] for k in kernels))
    ax.plot([low, ridge, high], [low * copy, peak, peak], color=INK, lw=1.2)
    ax.text(low * 1.1, peak, f"peak, {plain(peak)} GFLOP/s", va="bottom", color=INK)
    ax.plot([low, ridge], [peak, peak], color=INK, lw=0.6, ls=":")
    for _, x, y, share in kernels:
        ax.scatter(x, y, s=12 + 500 * share, color=BLUE, alpha=0.6, lw=0)
    ax.set(xscale="log", yscale="log", xlim=(low, high))
    ax.set(ylim=(min(k[2] for k in kernels) / 2, 2 * peak))
    ax.set(xlabel="operations per byte, counted", ylabel="GFLOP/s")
    figure.draw_without_rendering()  # so that it is known where points are
    roof = [(x, x * copy) for x in np.geomspace(low, ridge, 200)]
    name_points(ax, [(k[0], (k[1], k[2])) for k in sorted(kernels, key=lambda k: -k[3])], roof)
    (x0, y0), (x1, y1) = ax.transData.transform([(low, low * copy), (ridge, peak)])
    ax.text(
        ridge / 4.5,
        1.08 * ridge / 4.5 * copy,
        f"copies, {plain(copy)} GB/s",
        rotation=math.degrees(math.atan2(y1 - y0, x1 - x0)),
        rotation_mode="anchor",
        va="bottom",
        color=INK,
    )
    for axis in (ax.xaxis, ax.yaxis):
        decades(axis)
    return figure


def canvas(count: int, height_in: float, sharey: bool = False) -> tuple[Figure, list[Axes]]:
    """A figure with ``count`` panels side by side."""
    figure = Figure(figsize=(WIDTH_IN, height_in), layout="constrained", facecolor="white")
    return figure, list(figure.subplots(1, count, squeeze=False, sharey=sharey)[0])


def columns(points: Sequence[Sequence[float]]) -> tuple[list[float], list[float]]:
    return [x for x, _ in points], [y for _, y in points]


def beside(ax: Axes, text: str, x: float, y: float, colour: str) -> None:
    """``text`` right of a point, beyond the axes if need be."""
    where: dict[str, Any] = {"xytext": (4, 0), "textcoords": "offset points", "annotation_clip": False}
    ax.annotate(text, (x, y), **where, va="center", color=colour, fontsize=8)


def name_ends(ax: Axes, series: Sequence[dict[str, Any]]) -> None:
    """The labels of the series at the right, moved apart where they would overlap."""
    ends = [max(one["points"] + one.get("apart", [])) for one in series]
    levels = apart([y for _, y in ends], 0.05, *ax.get_ylim())
    for one, (x, _), level, colour in zip(series, ends, levels, COLOURS, strict=False):
        beside(ax, one["label"], x * 1.05, level, colour)


def apart(values: Sequence[float], gap: float, low: float, high: float) -> list[float]:
    """``values`` moved up until neighbours are ``gap`` of the logarithmic range apart."""
    step, moved, last = (high / low) ** gap, list(values), 0.0
    for index in sorted(range(len(values)), key=lambda i: values[i]):
        moved[index] = last = max(values[index], last * step)
    return moved


def name_points(
    ax: Axes, named: Sequence[tuple[str, tuple[float, float]]], line: Sequence[tuple[float, float]]
) -> None:
    """Names as near their points as they cover no point, line or other name; the first chooses first."""
    scale = ax.figure.dpi / 72
    points = [tuple(ax.transData.transform(at)) for _, at in named]
    lined = ax.transData.transform(line)
    taken = [(x - r, y - r, x + r, y + r) for r, among in ((4, points), (1, lined)) for x, y in among]
    tries = [(r, angle) for r in (9, 18, 30, 45, 60, 80) for angle in (0, -35, 35, -70, 70, 180, -110, 110)]
    for (name, at), (x, y) in zip(named, points, strict=True):
        wide, high = 4.8 * scale * len(name), 9.0 * scale
        for radius, angle in tries:
            dx, dy = radius * math.cos(math.radians(angle)), radius * math.sin(math.radians(angle))
            left, middle = x + dx * scale - (wide if dx < 0 else 0), y + dy * scale
            box = (left, middle - high / 2, left + wide, middle + high / 2)
            if not any(overlap(box, other) for other in taken):
                break
        taken.append(box)
        line = {"arrowstyle": "-", "color": GREY, "lw": 0.6, "shrinkA": 0} if radius > 9 else None
        ax.annotate(
            name,
            at,
            (dx, dy),
            textcoords="offset points",
            ha="right" if dx < 0 else "left",
            va="center",
            fontsize=8,
            color=INK,
            arrowprops=line,
        )


def overlap(one: Sequence[float], other: Sequence[float]) -> bool:
    """Whether two boxes (left, bottom, right, top) have anything in common."""
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]


def decades(axis: Any) -> None:
    """Plain numbers at powers of ten; between them too on short axes, evenly on very short ones."""
    low, high = axis.get_view_interval()
    if high / low < 4:
        axis.set(major_locator=MaxNLocator(4), minor_locator=NullLocator())
    else:
        steps = (1, 2, 5) if high / low < 12 else (1, 3) if high / low < 300 else (1,)
        axis.set_major_locator(LogLocator(10, subs=steps))
    axis.set_major_formatter(FuncFormatter(lambda value, _: plain(value)))
    axis.set_minor_formatter(NullFormatter())


def plain(value: float, digits: int = 3) -> str:
    """A number as on an axis: no zeros at its end, thousands as k and millions as M."""
    for unit, letter in ((1e6, "M"), (1e3, "k")):
        if value >= max(unit, 1e4):
            return plain(value / unit, digits) + letter
    return f"{value:,.0f}" if value >= 10**digits - 0.5 else f"{value:.{digits}g}"
