# SPDX-License-Identifier: BSD-3-Clause
"""Draw |E| with matplotlib: on the cortex under the coil, in slices, its distribution. Needs no screen."""

from __future__ import annotations

import io
import os
import textwrap
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..core.arguments import within
from ..errors import ArgumentError, FileFormatError
from ..io.atomic import check_folder, replacing
from ..io.regular import ending_of
from .coil_overlay import draw_coil, draw_target
from .colours import INK, TISSUE, matplotlib_parts
from .distribution import PERCENTS, Distribution
from .quantity import Scale
from .rendering import View, render
from .scene import Scene
from .setting import Setting
from .shells import Shell
from .slices import ENDS, MARGIN_MM, Extent, Slice, boxes

__all__ = [
    "PICTURE_ENDINGS",
    "check_target",
    "checked_dpi",
    "draw_bar",
    "draw_compass",
    "draw_ends",
    "draw_histogram",
    "draw_into",
    "draw_scene",
    "draw_slice",
    "draw_surface",
    "draw_title",
    "for_notebooks",
    "new_figure",
    "pixels",
    "png_of",
    "save",
    "write_cortex",
    "write_picture",
]

Floats = NDArray[np.float64]

PICTURE_ENDINGS = (".png", ".pdf", ".svg")
_PIXELS = 1000  # along the longer side of the picture of the cortex
_MOST_PIXELS = 4000
_PIXEL_MM = 0.4  # width of a pixel of a slice
_DPI = 200
_TITLE_POINTS = 11.0
_LETTERS_AN_INCH = 72.0 / (0.62 * _TITLE_POINTS)  # of a title; a letter is 0.6 times as wide as its size
_FAINT = "#5c6470"
_DASHES = (":", "--", "-")


def write_cortex(scene: Scene, path: str | os.PathLike[str], dpi: float | None = None) -> None:
    """Write the cortex of a scene as seen from the coil; parameters as for `write_picture`."""
    draw_into(path, partial(_cortex_alone, scene, dpi), dpi)


def _cortex_alone(scene: Scene, dpi: float | None) -> Any:
    figure = new_figure((7.2, 6.4), dpi)
    axes = figure.add_subplot()
    _draw_cortex(figure, axes, scene)
    axes.set_title("\n".join(scene.title()).replace(": peak", "\npeak"), fontsize=10)
    return figure


def write_picture(scene: Scene, path: str | os.PathLike[str], dpi: float | None = None) -> None:
    """Write the figure of `draw_scene`.

    Parameters
    ----------
    scene : Scene
    path : path
        `.png`, `.pdf` or `.svg`; the file appears whole or not at all.
    dpi : float, optional
        Dots per inch; 200 if not given.

    Raises
    ------
    MissingPackageError
        matplotlib is missing.
    FileFormatError
        Another ending.
    OSError
        The file can't be written.

    Examples
    --------
    >>> import tempfile
    >>> from headfield.heads.phantom import sphere_mesh
    >>> ball = sphere_mesh([50, 60], tags=[2, 5], edge_mm=20)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_picture(Scene(ball, np.ones(ball.n_tets)), folder + "/field.png")
    """
    draw_into(path, partial(draw_scene, scene, dpi), dpi)


def draw_scene(scene: Scene, dpi: float | None = None) -> Any:
    """Draw a scene: cortex with the coil over it, the distribution, three slices through the peak.

    Parameters
    ----------
    scene : Scene
    dpi : float, optional
        Dots per inch.

    Returns
    -------
    matplotlib.figure.Figure
        It is not registered with pyplot.

    Raises
    ------
    MissingPackageError
        matplotlib is missing.
    """
    figure = new_figure((10.0, 8.8), dpi)
    draw_title(figure, scene.title())
    above, below = figure.subfigures(2, 1, height_ratios=[1.2, 1.0])
    cortex, histogram = above.subplots(1, 2, width_ratios=[1.75, 1.0])
    _draw_cortex(above, cortex, scene)
    draw_histogram(histogram, scene.distribution, scene.scale)
    slices = scene.slices(_PIXEL_MM)
    shown = boxes([one.extent for one in slices])
    panels = below.subplots(1, 3, width_ratios=[right - left for left, right, _, _ in shown])
    for axes, one, box in zip(panels, slices, shown, strict=True):
        draw_slice(axes, one, scene)
        draw_ends(axes, one.axis, box)
    return for_notebooks(figure)


def draw_into(path: str | os.PathLike[str], draw: Callable[[], Any], dpi: float | None = None) -> None:
    """Write the figure that `draw` makes; errors of `check_target` come before it is called."""
    check_target(path)
    save(draw(), path, dpi)


def check_target(path: str | os.PathLike[str]) -> None:
    """Raise FileFormatError or OSError if no picture can be written to a path."""
    if ending_of(path) not in PICTURE_ENDINGS:
        raise FileFormatError(f"{os.fspath(path)}: pictures are written as {', '.join(PICTURE_ENDINGS)}")
    check_folder(path)


def pixels() -> int:
    """Return how many pixels the longer side of a rendered head has."""
    return _PIXELS


def save(figure: Any, path: str | os.PathLike[str], dpi: float | None = None) -> None:
    """Write a figure, with 200 dots per inch if nothing else is said; it appears whole or not at all."""
    with replacing(path) as temporary:
        figure.savefig(temporary, dpi=dpi or _DPI, facecolor="white")


def checked_dpi(dpi: float | None) -> float | None:
    """Return dots per inch, or None; ArgumentError for what is not from 20 to 1200.

    Examples
    --------
    >>> checked_dpi(300)
    300.0
    """
    return None if dpi is None else within(dpi, "dpi", ArgumentError, 20.0, 1200.0)


def for_notebooks(figure: Any) -> Any:
    """Return the figure with what a notebook calls to show it, whether pyplot is used or not."""
    figure._repr_png_ = partial(png_of, figure)
    return figure


def png_of(figure: Any) -> bytes:
    """Return a figure as the bytes of a .png."""
    with io.BytesIO() as file:
        figure.savefig(file, format="png", dpi=100, facecolor="white")
        return file.getvalue()


def new_figure(inches: tuple[float, float], dpi: float | None = None) -> Any:
    """Make an empty figure that needs neither a screen nor pyplot; MissingPackageError without matplotlib."""
    _, figure_class = matplotlib_parts()
    figure = figure_class(figsize=inches, layout="constrained", dpi=checked_dpi(dpi))
    figure.get_layout_engine().set(w_pad=0.08, h_pad=0.08)
    return figure


def draw_title(figure: Any, lines: Sequence[str]) -> None:
    """Write lines over a figure; what is too long for it, as names of files may be, goes on below."""
    # matplotlib's own `wrap` takes signs such as $ for formulas.
    most = int(figure.get_figwidth() * _LETTERS_AN_INCH)
    text = "\n".join(part for line in lines for part in textwrap.wrap(line, most))
    figure.suptitle(text, fontsize=_TITLE_POINTS, color=INK, parse_math=False)


def draw_surface(axes: Any, surface: Shell, setting: Setting, outward: Floats, scale: Scale) -> None:
    """Draw a surface within the scalp, the coil over it and the target; from the side that `outward` says."""
    colours, norm = scale.colours(), scale.norm()
    pixels = min(round(_PIXELS * max(1.0, axes.figure.dpi / _DPI)), _MOST_PIXELS)
    drawn = render(
        surface,
        setting,
        outward,
        lambda values: colours(norm(values))[..., :3],
        pixels,
        faintly=scale.quantity.signed,
    )
    axes.imshow(drawn.picture, extent=drawn.view.extent, interpolation="antialiased")
    axes.set_axis_off()
    draw_coil(axes, setting, drawn, scale.top)
    if setting.target is not None:
        draw_target(axes, setting.target, drawn.view)
    draw_compass(axes, drawn.view)
    axes.set(xlim=drawn.view.extent[:2], ylim=drawn.view.extent[2:])


def draw_bar(figure: Any, axes: Any, scale: Scale, **more: Any) -> None:
    """Draw the bar that explains the colours of axes, with the unit."""
    from matplotlib.cm import ScalarMappable  # an optional package, which only pictures need

    mappable = ScalarMappable(scale.norm(), scale.colours())
    options = {"label": scale.quantity.label, "extend": scale.extend, "shrink": 0.72, "pad": 0.02}
    figure.colorbar(mappable, ax=axes, **options | more)


def _draw_cortex(figure: Any, axes: Any, scene: Scene) -> None:
    draw_surface(axes, scene.cortex, scene.setting, scene.outward, scene.scale)
    draw_bar(figure, axes, scene.scale)


def draw_compass(axes: Any, view: View) -> None:
    """Draw arrows to the right, the front and the top of the head."""
    left, _, bottom, _ = view.extent
    origin, length = np.array([left + 16.0, bottom + 16.0]), 11.0
    drawn: list[Floats] = []
    longest_first = np.argsort(-np.linalg.norm(view.axes[:2], axis=0))
    for name, arrow in (("RAS"[i], view.axes[:2, i]) for i in longest_first):
        unit = arrow / max(float(np.linalg.norm(arrow)), 1e-9)
        if np.linalg.norm(arrow) < 0.3 or any(abs(unit @ other) > 0.9 for other in drawn):
            continue  # points at the eye, or would cover another one
        drawn.append(unit)
        style = {"arrowstyle": "-|>", "color": INK, "shrinkA": 0, "shrinkB": 0}
        axes.annotate("", origin + length * arrow, origin, arrowprops=style)
        place = origin + length * arrow + 4.5 * unit
        axes.text(*place, name, color=INK, fontsize=8, ha="center", va="center")


def draw_histogram(axes: Any, found: Distribution, scale: Scale) -> None:
    """Draw how much has which value, in the colours of the values, and the percentiles."""
    unit = scale.quantity.unit
    fill = scale.colours()(scale.norm()(found.centres))
    axes.bar(found.centres, found.amounts, found.width, color=fill, edgecolor="#9a9a9a", linewidth=0.4)
    for percent, value, dash in zip(PERCENTS, found.percentiles, _DASHES, strict=True):
        label = f"{percent:g} %: {value:.3g} {unit}"
        axes.axvline(value, 0.0, 0.76, color=INK, linestyle=dash, linewidth=1.2, label=label)
    axes.set_yscale("log")
    some = found.amounts[found.amounts > 0]
    axes.set(xlim=(found.edges[0], found.edges[-1]), ylim=(some.min() / 2, some.max() * 30))
    axes.set_xlabel(scale.quantity.label)
    axes.set_ylabel(f"{found.tissue} ({found.unit} per {found.width:.2g} {unit})")
    title = f"share of {found.measure} {'nearer to 0 than' if scale.quantity.signed else 'below'}"
    axes.legend(title=title, fontsize=9, title_fontsize=9, frameon=False, loc="upper right")
    axes.spines[["top", "right"]].set_visible(False)


def draw_slice(axes: Any, one: Slice, scene: Scene) -> None:
    """Draw a slice: what is shown of the field, borders of tissues, lines at the other two slices."""
    from matplotlib.collections import LineCollection  # an optional package, which only pictures need

    colours, _ = matplotlib_parts()
    flat = np.where(one.inside, 1.0, np.nan)
    axes.imshow(flat, cmap=colours.ListedColormap([TISSUE]), extent=one.extent, origin="lower")
    axes.imshow(
        one.magnitude,
        cmap=scene.scale.colours(),
        norm=scene.scale.norm(),
        extent=one.extent,
        origin="lower",
        interpolation="nearest",
    )
    axes.add_collection(LineCollection(list(one.borders), colors=INK, linewidths=0.35))
    u, v = scene.peak[1][[d for d in range(3) if d != one.axis]]
    left, right, bottom, top = one.extent
    for x, y in (([u, u], [bottom, top]), ([left, right], [v, v])):
        axes.plot(x, y, color=_FAINT, linewidth=0.6, linestyle=(0, (4, 4)))
    axes.set_title(one.title, fontsize=10)


def draw_ends(axes: Any, axis: int, box: Extent) -> None:
    """Name the sides of a slice; add a bar of 50 mm, or of 10 mm for what is small, to the last panel."""
    left, right, bottom, top = box
    x, y, rim = (left + right) / 2, (bottom + top) / 2, MARGIN_MM / 2
    places = ((left + rim, y), (right - rim, y), (x, bottom + rim), (x, top - rim))
    for name, place in zip(ENDS[axis], places, strict=True):
        axes.text(*place, name, fontsize=8, color=_FAINT, ha="center", va="center")
    if axis == 2:
        long = 50.0 if right - left > 100.0 else 10.0
        axes.plot([right - long, right], [bottom, bottom], color=INK, linewidth=2.5, solid_capstyle="butt")
        above = (right - long / 2, bottom + 0.01 * (top - bottom))
        axes.text(*above, f"{long:g} mm", fontsize=8, color=INK, ha="center", va="bottom")
    axes.set(xlim=(left, right), ylim=(bottom, top), xticks=[], yticks=[])
    axes.spines[:].set_visible(False)
