# SPDX-License-Identifier: BSD-3-Clause
"""Draw a part of a head that was refined: a slice of its mesh, and what its levels were off by."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..heads.mesh import TetMesh
from ..heads.names import called
from ..heads.tetrahedra import FACES
from .colours import INK, tissue_colour
from .figure import draw_into, for_notebooks, new_figure
from .slices import ENDS, Extent, cut_faces, cut_tets, title_of

__all__ = ["LevelErrors", "RefinedScene", "draw_refined", "write_refined"]

Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]

_REGION, _QUADRATIC, _RIM, _LINEAR = "#b3123c", "#1f5fbf", "#20242c", "#8a8f98"
_SPARE = 0.03  # room around the slice, relative to its size
_BAR_MM = 10.0
_FAINT = "#5c6470"


class LevelErrors(NamedTuple):
    """What a level of refinement is off by, relative."""

    unknowns: int
    quadratic: float | None  #: of E with quadratic elements at the region; None where it is not known
    linear: float  #: of E with linear elements on the same mesh


@dataclass(frozen=True, eq=False)
class RefinedScene:
    """What a picture of a refined part of a head shows.

    Attributes
    ----------
    mesh : TetMesh
        The part, refined.
    region, quadratic : ndarray (m,) bool
        Its tetrahedra of the region, and those with quadratic elements.
    rim : ndarray (n,) bool
        Its nodes at which the potential is that of the head.
    levels : sequence of LevelErrors
    asked, error : float
        Relative error that was asked for, and that of the last level where it is largest; infinite where
        there was no second level to tell it by.
    """

    mesh: TetMesh
    region: Mask
    quadratic: Mask
    rim: Mask
    levels: Sequence[LevelErrors]
    asked: float
    error: float

    def plane(self) -> tuple[int, float]:
        """Choose the axis, and where on it, mm, of the plane through the middle that cuts most of the region.

        Examples
        --------
        >>> mesh = TetMesh([[0, 0, 0], [9, 0, 0], [0, 9, 0], [0, 0, 1]], [[0, 1, 2, 3]], tags=[5])
        >>> yes, no = np.ones(1, bool), np.zeros(4, bool)
        >>> RefinedScene(mesh, yes, yes, no, [], 0.02, 0.01).plane()
        (2, 0.25)
        """
        tets, nodes = self.mesh.tets[self.region], self.mesh.nodes_mm
        middle = np.average(
            nodes[tets].mean(axis=1), axis=0, weights=self.mesh.volumes_mm3()[self.region]
        ).tolist()
        areas = [_area(cut_tets(nodes, tets, axis, middle[axis])[0]) for axis in range(3)]
        axis = int(np.argmax(areas))
        return axis, middle[axis]


def write_refined(scene: RefinedScene, path: str | os.PathLike[str]) -> None:
    """Write the figure of `draw_refined`; `path` and errors are those of `headfield.pictures.figure`."""
    draw_into(path, partial(draw_refined, scene))


def draw_refined(scene: RefinedScene) -> Any:
    """Draw a slice through the region, and errors against unknowns.

    Parameters
    ----------
    scene : RefinedScene

    Returns
    -------
    matplotlib.figure.Figure
        It is not registered with pyplot. The slice is the one across an axis, through the middle of the
        region, that cuts most of it.

    Raises
    ------
    MissingPackageError
        matplotlib is missing.
    """
    figure = new_figure((13.0, 6.6))
    count = scene.levels[-1].unknowns if scene.levels else 0
    reached = "" if scene.error <= scene.asked else f" (NOT the {_percent(scene.asked)} asked for)"
    figure.suptitle(
        f"estimated error of E in the region: {_percent(scene.error)}{reached}; "
        f"{scene.mesh.n_tets:,} tetrahedra, {count:,} unknowns",
        fontsize=12,
        color=INK,
    )
    left, right = figure.subfigures(1, 2, width_ratios=[1.25, 1.0])
    _draw_slice(left, scene)
    _draw_levels(right.add_subplot(), scene)
    return for_notebooks(figure)


def _draw_slice(figure: Any, scene: RefinedScene) -> None:
    from matplotlib.collections import LineCollection, PolyCollection  # optional, which only pictures need

    axes = figure.add_subplot()
    axis, at_mm = scene.plane()
    nodes, tets = scene.mesh.nodes_mm, scene.mesh.tets
    triangles, owner = cut_tets(nodes, tets, axis, at_mm)
    tags = scene.mesh.tags[owner]
    for tag in np.unique(tags).tolist():
        colour = tissue_colour(tag)
        some = list(triangles[tags == tag])
        axes.add_collection(PolyCollection(some, facecolors=colour, edgecolors=colour, linewidths=0.3))
    for chosen, colour, width in ((~scene.quadratic, _LINEAR, 0.25), (scene.quadratic, _QUADRATIC, 0.3)):
        lines = cut_faces(nodes, _faces(tets[chosen], at_least=1), axis, at_mm)
        axes.add_collection(LineCollection(list(lines), colors=colour, linewidths=width))
    of_rim = _faces(tets, at_least=1, at_most=1)
    of_rim = of_rim[scene.rim[of_rim].all(axis=1)]
    outlines = (
        (of_rim, _RIM, 1.6),
        (_faces(tets[scene.region], at_least=1, at_most=1), _REGION, 1.8),
    )
    for faces, colour, width in outlines:
        lines = cut_faces(nodes, faces, axis, at_mm)
        axes.add_collection(LineCollection(list(lines), colors=colour, linewidths=width, capstyle="round"))
    axes.set_title(f"the refined mesh, {title_of(axis, at_mm)}", fontsize=10, color=INK, pad=18)
    _frame(axes, axis, _extent(triangles))
    _add_key(figure, scene, tags)


def _frame(axes: Any, axis: int, box: Extent) -> None:
    """Set the limits of the slice; name its sides and draw a bar of 10 mm."""
    left, right, bottom, top = box
    axes.set(xlim=(left, right), ylim=(bottom, top), xticks=[], yticks=[], aspect="equal")
    axes.spines[:].set_visible(False)
    places = ((-0.02, 0.5), (1.02, 0.5), (0.5, -0.02), (0.5, 1.02))
    aligned = (("right", "center"), ("left", "center"), ("center", "top"), ("center", "bottom"))
    for name, place, (ha, va) in zip(ENDS[axis], places, aligned, strict=True):
        axes.text(*place, name, transform=axes.transAxes, fontsize=9, color=_FAINT, ha=ha, va=va)
    axes.plot([right - _BAR_MM, right], [bottom, bottom], color=INK, linewidth=2.5, clip_on=False)
    axes.text(right - _BAR_MM / 2, bottom, f"{_BAR_MM:g} mm\n", fontsize=9, color=INK, ha="center")


def _add_key(figure: Any, scene: RefinedScene, tags: NDArray[Any]) -> None:
    from matplotlib.lines import Line2D  # an optional package, which only pictures need
    from matplotlib.patches import Patch

    lines = (
        (_REGION, 1.8, "the region"),
        (_QUADRATIC, 1.0, "quadratic elements"),
        (_LINEAR, 1.0, "linear elements"),
        (_RIM, 1.6, "rim: held at the head's potential"),
    )
    keys: list[Any] = [Line2D([], [], color=c, linewidth=w, label=name) for c, w, name in lines]
    for tag in np.unique(tags).tolist():
        name = called(tag, scene.mesh.tag_names)
        keys.append(Patch(facecolor=tissue_colour(tag), edgecolor=INK, linewidth=0.6, label=name))
    figure.legend(handles=keys, loc="outside lower center", ncols=4, fontsize=9, frameon=False)


def _draw_levels(axes: Any, scene: RefinedScene) -> None:
    unknowns = [level.unknowns for level in scene.levels]
    linear = [100 * level.linear for level in scene.levels]
    known = [(level.unknowns, 100 * level.quadratic) for level in scene.levels if level.quadratic is not None]
    axes.plot(unknowns, linear, "s--", color=_LINEAR, markersize=5, label="linear elements would be off by")
    counts, quadratic = np.array(known).reshape(-1, 2).T.tolist()
    axes.plot(counts, quadratic, "o-", color=_QUADRATIC, label="quadratic elements, mean of poses")
    axes.axhline(100 * scene.asked, color=_REGION, linewidth=1.4, label=f"asked for: {_percent(scene.asked)}")
    last = (unknowns[-1], 100 * scene.error)
    label = f"last level, the pose that is off most: {_percent(scene.error)}"
    axes.plot(*last, "*", color=_REGION, markersize=16, markeredgecolor="white", zorder=5, label=label)
    how = {"textcoords": "offset points", "fontsize": 9, "color": _FAINT}
    for x, y in (*zip(unknowns, linear, strict=True), *known[:-1]):
        axes.annotate(f"{y:.2g} %", (x, y), (6, 7), **how)
    for x, y in known[-1:]:
        axes.annotate(f"{y:.2g} %", (x, y), (6, -14), **how)
    axes.set(xscale="log", yscale="log")
    errors = [*linear, *quadratic, 100 * scene.asked, last[1]]
    errors = [error for error in errors if np.isfinite(error)]
    axes.set(ylim=(0.75 * min(errors), 1.3 * max(errors)), xlim=(0.8 * min(unknowns), 1.4 * max(unknowns)))
    _label_axes(axes)
    axes.set_xlabel("unknowns around the region")
    axes.set_ylabel("estimated error of E in the region (%, relative L2)")
    axes.set_title("error against unknowns, level by level", fontsize=10, color=INK)
    axes.grid(which="both", color="#e4e6ea", linewidth=0.6)
    axes.legend(fontsize=9, frameon=True, facecolor="white", edgecolor="none")
    axes.spines[["top", "right"]].set_visible(False)


def _label_axes(axes: Any) -> None:
    """Write numbers such as 2 and 20,000 at the axes, not powers of ten."""
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter  # optional, only for pictures

    ticks = (
        (axes.yaxis, (1.0, 2.0, 3.0, 5.0), lambda value, _: f"{value:g}"),
        (axes.xaxis, (1.0, 2.0, 5.0), lambda value, _: _short(value)),
    )
    for one, digits, form in ticks:
        one.set_major_locator(LogLocator(10, subs=digits))
        one.set_minor_locator(LogLocator(10, subs=tuple(range(1, 10))))
        one.set_major_formatter(FuncFormatter(form))
        one.set_minor_formatter(NullFormatter())


def _short(count: float) -> str:
    for size, letter in ((1e6, "M"), (1e3, "k")):
        if count >= size:
            return f"{count / size:g}{letter}"
    return f"{count:g}"


def _faces(tets: NDArray[np.int32], *, at_least: int, at_most: int = 2) -> NDArray[np.int32]:
    """Return faces (f, 3) that so many of some tetrahedra have, each once."""
    faces = np.sort(tets[:, FACES].reshape(-1, 3), axis=1)
    found, count = np.unique(faces, axis=0, return_counts=True)
    return found[(count >= at_least) & (count <= at_most)]


def _extent(triangles: Floats) -> Extent:
    low, high = triangles.min(axis=(0, 1)), triangles.max(axis=(0, 1))
    spare = _SPARE * (high - low)
    (left, bottom), (right, top) = (low - spare).tolist(), (high + spare).tolist()
    return left, right, bottom, top


def _area(triangles: Floats) -> float:
    a, b = (triangles[:, i] - triangles[:, 0] for i in (1, 2))
    return float(np.abs(a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0]).sum() / 2)


def _percent(share: float) -> str:
    return f"{100 * share:.2g} %" if np.isfinite(share) else "unknown"
