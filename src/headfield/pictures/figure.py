# SPDX-License-Identifier: BSD-3-Clause
"""Draw |E| with matplotlib: on the cortex under the coil, in slices, its distribution. Needs no screen."""

from __future__ import annotations

import io
import os
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import FileFormatError
from ..io.atomic import check_folder, replacing
from ..io.regular import ending_of
from .colours import INK, TISSUE, colormap, matplotlib_parts
from .rendering import View, render
from .scene import PERCENTS, Scene
from .slices import ENDS, MARGIN_MM, Extent, Slice, boxes

__all__ = [
    "PICTURE_ENDINGS",
    "check_target",
    "draw_coil",
    "draw_compass",
    "draw_ends",
    "draw_scene",
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
_PIXEL_MM = 0.4  # width of a pixel of a slice
_DPI = 200
_FAINT = "#5c6470"
_DASHES = (":", "--", "-")


def write_cortex(scene: Scene, path: str | os.PathLike[str]) -> None:
    """Write the cortex of a scene as seen from the coil; parameters as for `write_picture`."""
    check_target(path)
    figure = new_figure((7.2, 6.4))
    axes = figure.add_subplot()
    _draw_cortex(figure, axes, scene)
    axes.set_title("\n".join(scene.title()).replace(": peak", "\npeak"), fontsize=10)
    save(figure, path)


def write_picture(scene: Scene, path: str | os.PathLike[str]) -> None:
    """Write the figure of `draw_scene`.

    Parameters
    ----------
    scene : Scene
    path : path
        `.png`, `.pdf` or `.svg`; the file appears whole or not at all.

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
    check_target(path)
    save(draw_scene(scene), path)


def draw_scene(scene: Scene) -> Any:
    """Draw a scene: cortex with the coil over it, the distribution, three slices through the peak.

    Parameters
    ----------
    scene : Scene

    Returns
    -------
    matplotlib.figure.Figure
        It is not registered with pyplot.

    Raises
    ------
    MissingPackageError
        matplotlib is missing.
    """
    figure = new_figure((10.0, 8.8))
    figure.suptitle("\n".join(scene.title()), fontsize=11, color=INK, parse_math=False)
    above, below = figure.subfigures(2, 1, height_ratios=[1.2, 1.0])
    cortex, histogram = above.subplots(1, 2, width_ratios=[1.75, 1.0])
    _draw_cortex(above, cortex, scene)
    _draw_histogram(histogram, scene)
    slices = scene.slices(_PIXEL_MM)
    shown = boxes([one.extent for one in slices])
    panels = below.subplots(1, 3, width_ratios=[right - left for left, right, _, _ in shown])
    for axes, one, box in zip(panels, slices, shown, strict=True):
        _draw_slice(axes, one, scene)
        draw_ends(axes, one.axis, box)
    return for_notebooks(figure)


def check_target(path: str | os.PathLike[str]) -> None:
    """Raise FileFormatError or OSError if no picture can be written to a path."""
    if ending_of(path) not in PICTURE_ENDINGS:
        raise FileFormatError(f"{os.fspath(path)}: pictures are written as {', '.join(PICTURE_ENDINGS)}")
    check_folder(path)


def pixels() -> int:
    """Return how many pixels the longer side of a rendered head has."""
    return _PIXELS


def save(figure: Any, path: str | os.PathLike[str]) -> None:
    """Write a figure; the file appears whole or not at all."""
    with replacing(path) as temporary:
        figure.savefig(temporary, dpi=_DPI, facecolor="white")


def for_notebooks(figure: Any) -> Any:
    """Return the figure with what a notebook calls to show it, whether pyplot is used or not."""
    figure._repr_png_ = partial(png_of, figure)
    return figure


def png_of(figure: Any) -> bytes:
    """Return a figure as the bytes of a .png."""
    with io.BytesIO() as file:
        figure.savefig(file, format="png", dpi=100, facecolor="white")
        return file.getvalue()


def new_figure(inches: tuple[float, float]) -> Any:
    """Make an empty figure that needs neither a screen nor pyplot; MissingPackageError without matplotlib."""
    _, figure_class = matplotlib_parts()
    figure = figure_class(figsize=inches, layout="constrained")
    figure.get_layout_engine().set(w_pad=0.08, h_pad=0.08)
    return figure


def _draw_cortex(figure: Any, axes: Any, scene: Scene) -> None:
    from matplotlib.cm import ScalarMappable  # an optional package, which only pictures need

    colours, norm = colormap(), _norm(scene)
    image, view = render(scene, lambda values: colours(norm(values))[..., :3], _PIXELS)
    axes.imshow(image, extent=view.extent, interpolation="antialiased")
    axes.set_axis_off()
    draw_coil(axes, scene, view)
    draw_compass(axes, view)
    mappable = ScalarMappable(norm, colours)
    figure.colorbar(mappable, ax=axes, label="|E| (V/m)", shrink=0.72, extend="max", pad=0.02)
    axes.set(xlim=view.extent[:2], ylim=view.extent[2:])


def _norm(scene: Scene) -> Any:
    colours, _ = matplotlib_parts()
    return colours.Normalize(0.0, scene.top)


def draw_coil(axes: Any, scene: Scene, view: View) -> None:
    """Draw the coil's lines and its handle, dark with a light halo."""
    if scene.handle is None:
        return
    lines = [line @ view.axes[:2].T for line in (*scene.coil_lines, scene.handle)]
    for colour, linewidth, alpha in (("white", 4.0, 0.8), (INK, 1.4, 1.0)):
        for line in lines:
            axes.plot(*line.T, color=colour, linewidth=linewidth, alpha=alpha, solid_capstyle="round")
    centre, end = lines[-1]
    axes.plot(*centre, "o", color=INK, markersize=5, markeredgecolor="white")
    box = {"boxstyle": "round,pad=0.15", "facecolor": "white", "edgecolor": "none", "alpha": 0.8}
    axes.text(*end, "handle", color=INK, fontsize=8, ha="center", va="center", bbox=box)


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


def _draw_histogram(axes: Any, scene: Scene) -> None:
    found = scene.distribution
    width = float(found.edges[1])
    centres = found.edges[:-1] + width / 2
    fill = colormap()(_norm(scene)(centres))
    axes.bar(centres, found.volume_cm3, width, color=fill, edgecolor="#9a9a9a", linewidth=0.4)
    for percent, value, dash in zip(PERCENTS, found.percentiles, _DASHES, strict=True):
        axes.axvline(
            value,
            0.0,
            0.76,
            color=INK,
            linestyle=dash,
            linewidth=1.2,
            label=f"{percent:g} %: {value:.3g} V/m",
        )
    axes.set_yscale("log")
    some = found.volume_cm3[found.volume_cm3 > 0]
    axes.set(xlim=(0, found.edges[-1]), ylim=(some.min() / 2, some.max() * 30))
    axes.set_xlabel("|E| (V/m)")
    axes.set_ylabel(f"{found.tissue} (cm³ per {width:.2g} V/m)")
    axes.legend(title="share of volume below", fontsize=9, title_fontsize=9, frameon=False, loc="upper right")
    axes.spines[["top", "right"]].set_visible(False)


def _draw_slice(axes: Any, one: Slice, scene: Scene) -> None:
    from matplotlib.collections import LineCollection  # an optional package, which only pictures need

    colours, _ = matplotlib_parts()
    flat = np.where(one.inside, 1.0, np.nan)
    axes.imshow(flat, cmap=colours.ListedColormap([TISSUE]), extent=one.extent, origin="lower")
    axes.imshow(
        one.magnitude,
        cmap=colormap(),
        norm=_norm(scene),
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
