# SPDX-License-Identifier: BSD-3-Clause
"""Pictures of |E|: on the cortex with the coil over it, in slices, its distribution. Needs no screen."""

from __future__ import annotations

import io
import os
from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..coils.coil import Coil
from ..errors import FileFormatError, MissingPackageError
from ..fields.field import Field
from ..io.atomic import check_folder, replacing
from ..io.regular import ending_of
from .rendering import View, render
from .scene import PERCENTS, Scene, field_scene
from .slices import ENDS, MARGIN_MM, Slice, boxes

__all__ = ["colormap", "draw_scene", "plot", "plot_cortex", "write_picture"]

Floats = NDArray[np.float64]

_ENDINGS = (".png", ".pdf", ".svg")
_PIXELS = 1000  # of the longer side of the cortex
_PIXEL_MM = 0.4  # of slices
_DPI = 200
# From bone white, for no field, through red to dark violet: the perceptually uniform magma of matplotlib,
# from its light end as far as colours can still be told from black. Ever darker, so it prints in gray.
_MAGMA = (1.0, 0.1)
_INK, _FAINT, _TISSUE = "#20242c", "#5c6470", "#ececec"
_DASHES = (":", "--", "-")


def plot(field: Field, pose: int = 0, coil: Coil | None = None, tags: Sequence[int] = (1, 2)) -> Any:
    """Draw one pose of a field: the cortex from the coil, three slices through the peak, the distribution.

    Parameters
    ----------
    field : Field
    pose : int
        Which of the field's poses.
    coil : Coil, optional
        Draws its wings (where the dipoles point the same way) or its wire.
    tags : sequence of int
        Tissues whose |E| is shown: white and gray matter give the cortex. What `field.elements` leaves out is
        gray.

    Returns
    -------
    matplotlib.figure.Figure
        Not one of pyplot's; a notebook shows it, `savefig` writes it. The colours end at the 99.9th
        percentile of |E| by volume in gray matter (or in `tags`, where there is none); the slices lie at its
        largest value.

    Raises
    ------
    MissingPackageError
        matplotlib is missing, the head has none of the tissues, or the field no value in them.
    PoseError
        The field has no such pose.

    Examples
    --------
    >>> import headfield as hf
    >>> model = hf.HeadModel(hf.sphere_mesh(radii_mm=[80, 86, 92], tags=[2, 4, 5], edge_mm=14))
    >>> coil = hf.figure_of_eight()
    >>> field = model.solve(coil, model.place(coil, [0, 0, 92], [0, 50, 92]))
    >>> [axes.get_title().split(" = ")[0] for axes in plot(field, coil=coil).axes[-3:]]
    ['sagittal, x', 'coronal, y', 'axial, z']
    """
    return draw_scene(field_scene(field, pose, coil, tags))


def plot_cortex(
    field: Field,
    path: str | os.PathLike[str],
    pose: int = 0,
    tags: Sequence[int] = (1, 2),
    coil: Coil | None = None,
) -> None:
    """Draw |E| on the surface of some tissues, as seen from the coil, into a file.

    The colour is |E| of the tetrahedra under the surface, averaged to its nodes by area.

    Parameters
    ----------
    field : Field
    path : path
        .png, .pdf or .svg; appears whole or not at all.
    pose, tags, coil
        As for `plot`.

    Raises
    ------
    MissingPackageError, PoseError
        As for `plot`.
    FileFormatError
        Another ending.
    OSError
        The file can't be written.

    Examples
    --------
    >>> import tempfile, headfield as hf
    >>> model = hf.HeadModel(hf.sphere_mesh(radii_mm=[80, 86, 92], tags=[2, 4, 5], edge_mm=14))
    >>> coil = hf.figure_of_eight()
    >>> field = model.solve(coil, model.place(coil, [0, 0, 92], [0, 50, 92]))
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     plot_cortex(field, folder + "/cortex.png", coil=coil)
    """
    _check_target(path)
    scene = field_scene(field, pose, coil, tags)
    figure = _figure((7.2, 6.4))
    axes = figure.add_subplot()
    _draw_cortex(figure, axes, scene)
    axes.set_title("\n".join(scene.title()).replace(": peak", "\npeak"), fontsize=10)
    _save(figure, path)


def write_picture(scene: Scene, path: str | os.PathLike[str]) -> None:
    """Write the figure of `draw_scene` to a .png, .pdf or .svg; raises as `plot_cortex` does."""
    _check_target(path)
    _save(draw_scene(scene), path)


def draw_scene(scene: Scene) -> Any:
    """The figure of `plot` for a scene; needs matplotlib, and raises a MissingPackageError without it."""
    figure = _figure((10.0, 8.8))
    figure.suptitle("\n".join(scene.title()), fontsize=11, color=_INK)
    above, below = figure.subfigures(2, 1, height_ratios=[1.2, 1.0])
    cortex, histogram = above.subplots(1, 2, width_ratios=[1.75, 1.0])
    _draw_cortex(above, cortex, scene)
    _draw_histogram(histogram, scene)
    slices = scene.slices(_PIXEL_MM)
    shown = boxes(slices)
    panels = below.subplots(1, 3, width_ratios=[right - left for left, right, _, _ in shown])
    for axes, one, box in zip(panels, slices, shown, strict=True):
        _draw_slice(axes, one, scene)
        _draw_ends(axes, one.axis, box)
    figure._repr_png_ = partial(_png, figure)  # what a notebook asks for, with or without pyplot
    return figure


def colormap() -> Any:
    """The colours of |E|, as a colormap of matplotlib."""
    colours, _ = _matplotlib()
    from matplotlib import colormaps

    return colours.ListedColormap(colormaps["magma"](np.linspace(*_MAGMA, 256)), "field")


def _check_target(path: str | os.PathLike[str]) -> None:
    if ending_of(path) not in _ENDINGS:
        raise FileFormatError(f"{os.fspath(path)}: pictures are written as {', '.join(_ENDINGS)}")
    check_folder(path)


def _save(figure: Any, path: str | os.PathLike[str]) -> None:
    with replacing(path) as temporary:
        figure.savefig(temporary, dpi=_DPI, facecolor="white")


def _png(figure: Any) -> bytes:
    with io.BytesIO() as file:
        figure.savefig(file, format="png", dpi=100, facecolor="white")
        return file.getvalue()


def _matplotlib() -> tuple[Any, Any]:
    """The module of colours, and Figure, which draws without a screen and without pyplot's global state."""
    try:
        from matplotlib import colors
        from matplotlib.figure import Figure
    except ImportError as error:
        raise MissingPackageError("pictures need matplotlib: pip install 'headfield[plot]'") from error
    return colors, Figure


def _figure(inches: tuple[float, float]) -> Any:
    _, figure_class = _matplotlib()
    figure = figure_class(figsize=inches, layout="constrained")
    figure.get_layout_engine().set(w_pad=0.08, h_pad=0.08)
    return figure


def _draw_cortex(figure: Any, axes: Any, scene: Scene) -> None:
    from matplotlib.cm import ScalarMappable

    colours, norm = colormap(), _norm(scene)
    image, view = render(scene, lambda values: colours(norm(values))[..., :3], _PIXELS)
    axes.imshow(image, extent=view.extent, interpolation="antialiased")
    axes.set_axis_off()
    _draw_coil(axes, scene, view)
    _draw_compass(axes, view)
    mappable = ScalarMappable(norm, colours)
    figure.colorbar(mappable, ax=axes, label="|E| (V/m)", shrink=0.72, extend="max", pad=0.02)
    axes.set(xlim=view.extent[:2], ylim=view.extent[2:])


def _norm(scene: Scene) -> Any:
    colours, _ = _matplotlib()
    return colours.Normalize(0.0, scene.top)


def _draw_coil(axes: Any, scene: Scene, view: View) -> None:
    """The coil's lines and its handle, dark with a light halo."""
    if scene.handle is None:
        return
    lines = [line @ view.axes[:2].T for line in (*scene.coil_lines, scene.handle)]
    for colour, linewidth, alpha in (("white", 4.0, 0.8), (_INK, 1.4, 1.0)):
        for line in lines:
            axes.plot(*line.T, color=colour, linewidth=linewidth, alpha=alpha, solid_capstyle="round")
    centre, end = lines[-1]
    axes.plot(*centre, "o", color=_INK, markersize=5, markeredgecolor="white")
    box = {"boxstyle": "round,pad=0.15", "facecolor": "white", "edgecolor": "none", "alpha": 0.8}
    axes.text(*end, "handle", color=_INK, fontsize=8, ha="center", va="center", bbox=box)


def _draw_compass(axes: Any, view: View) -> None:
    """Where right, front and top of the head are."""
    left, _, bottom, _ = view.extent
    origin, length = np.array([left + 16.0, bottom + 16.0]), 11.0
    drawn: list[Floats] = []
    longest_first = np.argsort(-np.linalg.norm(view.axes[:2], axis=0))
    for name, arrow in (("RAS"[i], view.axes[:2, i]) for i in longest_first):
        unit = arrow / max(float(np.linalg.norm(arrow)), 1e-9)
        if np.linalg.norm(arrow) < 0.3 or any(abs(unit @ other) > 0.9 for other in drawn):
            continue  # points at the eye, or would cover another one
        drawn.append(unit)
        style = {"arrowstyle": "-|>", "color": _INK, "shrinkA": 0, "shrinkB": 0}
        axes.annotate("", origin + length * arrow, origin, arrowprops=style)
        place = origin + length * arrow + 4.5 * unit
        axes.text(*place, name, color=_INK, fontsize=8, ha="center", va="center")


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
            color=_INK,
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
    from matplotlib.collections import LineCollection

    colours, _ = _matplotlib()
    flat = np.where(one.inside, 1.0, np.nan)
    axes.imshow(flat, cmap=colours.ListedColormap([_TISSUE]), extent=one.extent, origin="lower")
    axes.imshow(
        one.magnitude,
        cmap=colormap(),
        norm=_norm(scene),
        extent=one.extent,
        origin="lower",
        interpolation="nearest",
    )
    axes.add_collection(LineCollection(list(one.borders), colors=_INK, linewidths=0.35))
    u, v = scene.peak[1][[d for d in range(3) if d != one.axis]]
    left, right, bottom, top = one.extent
    for x, y in (([u, u], [bottom, top]), ([left, right], [v, v])):
        axes.plot(x, y, color=_FAINT, linewidth=0.6, linestyle=(0, (4, 4)))
    axes.set_title(one.title, fontsize=10)


def _draw_ends(axes: Any, axis: int, box: tuple[float, float, float, float]) -> None:
    """Which side is which, and 50 mm in the last of the panels."""
    left, right, bottom, top = box
    x, y, rim = (left + right) / 2, (bottom + top) / 2, MARGIN_MM / 2
    places = ((left + rim, y), (right - rim, y), (x, bottom + rim), (x, top - rim))
    for name, place in zip(ENDS[axis], places, strict=True):
        axes.text(*place, name, fontsize=8, color=_FAINT, ha="center", va="center")
    if axis == 2:
        axes.plot([right - 50.0, right], [bottom, bottom], color=_INK, linewidth=2.5, solid_capstyle="butt")
        axes.text(right - 25.0, bottom + 2.0, "50 mm", fontsize=8, color=_INK, ha="center", va="bottom")
    axes.set(xlim=(left, right), ylim=(bottom, top), xticks=[], yticks=[])
    axes.spines[:].set_visible(False)
