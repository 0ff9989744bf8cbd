# SPDX-License-Identifier: BSD-3-Clause
"""A picture of |E| on the cortex with the coil over it; needs matplotlib, but no screen."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ._backend import on_host
from ._raster import rasterise
from .coil import Coil
from .errors import FileFormatError, HeadfieldError, PoseError
from .field import Field
from .io.atomic import replacing
from .io.regular import ending_of
from .mesh import TetMesh
from .metrics import percentiles

__all__ = ["plot_cortex"]

Floats = NDArray[np.float64]

_ENDINGS = (".png", ".pdf", ".svg")
_PIXELS = 1200  # of the longer side, before two by two are averaged
# From bone white, for no field, through yellow and red to dark violet: ever darker, so it prints in gray.
_COLOURS = ("#e4e0da", "#f9dc8c", "#f5a13d", "#dd4a2c", "#9b1b4b", "#471650")
_INK = "#20242c"
_SUMMARY_PERCENT = 99.9


def plot_cortex(
    field: Field,
    path: str | os.PathLike[str],
    pose: int = 0,
    tags: Sequence[int] = (1, 2),
    coil: Coil | None = None,
) -> None:
    """Draw |E| on the surface of some tissues, as seen from the coil.

    The colour is |E| of the tetrahedra under the surface, averaged to its nodes by area; the scale ends at
    the 99.9th percentile, by area, of the whole surface.

    Parameters
    ----------
    field : Field
    path : path
        .png, .pdf or .svg; appears whole or not at all.
    pose : int
        Which of the field's poses.
    tags : sequence of int
        The surface of these tissues together: white and gray matter give the cortex. Parts that
        `field.elements` leaves out are gray.
    coil : Coil, optional
        Draws its wings (where the dipoles point the same way), its centre, and the side of its handle.

    Raises
    ------
    HeadfieldError
        matplotlib is missing, or the head has none of the tissues.
    PoseError
        The field has no such pose.
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
    target = os.fspath(path)
    if ending_of(target) not in _ENDINGS:
        raise FileFormatError(f"{target}: pictures are written as {', '.join(_ENDINGS)}")
    if not isinstance(pose, (int, np.integer)) or not 0 <= pose < len(field):
        raise PoseError(f"pose {pose!r}: the field has the poses 0 to {len(field) - 1}")
    figure_class, colours = _matplotlib()
    mesh = field.mesh
    faces = mesh.surface(tags)
    if not len(faces):
        raise HeadfieldError(f"the head has no tissue {tuple(tags)}; it has {np.unique(mesh.tags).tolist()}")
    values, top = _surface_values(field, pose, faces, mesh.surface_tets(tags))
    colormap = colours.LinearSegmentedColormap.from_list("cortex", _COLOURS)
    norm = colours.Normalize(0.0, top)
    strokes = [] if coil is None else _coil_strokes(coil, field.poses[pose])
    view = _View.of(mesh, field.poses[pose], strokes)
    image = _draw(mesh, faces, values, view, lambda v: colormap(norm(v))[..., :3])

    figure = figure_class(figsize=(7.2, 0.7 + 6.0 * image.shape[0] / image.shape[1]), layout="constrained")
    figure.get_layout_engine().set(w_pad=0.1, h_pad=0.1)
    axes = figure.add_subplot()
    axes.imshow(image, extent=view.extent, interpolation="antialiased")
    axes.set_axis_off()
    if strokes:
        _draw_coil(axes, [stroke @ view.axes[:2].T for stroke in strokes])
    _draw_compass(axes, view)
    mappable = _mappable(colormap, norm)
    figure.colorbar(mappable, ax=axes, label="|E| (V/m)", shrink=0.72, extend="max", pad=0.02)
    axes.set_title(_title(field, pose, top), fontsize=10)
    axes.set(xlim=view.extent[:2], ylim=view.extent[2:])
    with replacing(path) as temporary:
        figure.savefig(temporary, dpi=160, facecolor="white")


def _matplotlib() -> tuple[Any, Any]:
    """Figure, which draws without a screen and without pyplot's global state, and the module of colours."""
    try:
        from matplotlib import colors
        from matplotlib.figure import Figure
    except ImportError as error:
        raise HeadfieldError("pictures need matplotlib: pip install 'headfield[plot]'") from error
    return Figure, colors


def _mappable(colormap: Any, norm: Any) -> Any:
    from matplotlib.cm import ScalarMappable

    return ScalarMappable(norm, colormap)


def _title(field: Field, pose: int, top: float) -> str:
    which = f"pose {pose} of {len(field)}, " if len(field) > 1 else ""
    return (
        f"|E| on the cortex, {which}dI/dt {field.didt[pose] * 1e-6:g} A/µs\n"
        f"{_SUMMARY_PERCENT:g} % of the surface is below {top:.3g} V/m"
    )


class _View(NamedTuple):
    """A parallel projection: rows of `axes` are right, up, and towards the eye, in head coordinates."""

    axes: Floats
    extent: tuple[float, float, float, float]  # of the picture, mm: left, right, bottom, top

    @classmethod
    def of(cls, mesh: TetMesh, pose: Floats, strokes: list[Floats]) -> _View:
        """Along the coil's axis, the top of the head upward; wide enough for the scalp and the coil."""
        outward = -pose[:3, 2]
        top, front = np.array([0.0, 0.0, 1.0]), np.array([0.0, 1.0, 0.0])
        # Over the vertex "up" is not the top of the head but its front.
        upright = top if abs(outward @ top) < 0.9 else front
        up = upright - (upright @ outward) * outward
        up /= np.linalg.norm(up)
        axes = np.array([np.cross(up, outward), up, outward])
        seen = np.concatenate([mesh.nodes_mm[np.unique(mesh.boundary())], *strokes]) @ axes[:2].T
        (left, bottom), (right, top_edge) = seen.min(axis=0) - 6.0, seen.max(axis=0) + 6.0
        return cls(axes, (float(left), float(right), float(bottom), float(top_edge)))

    def facing(self, nodes_mm: Floats, faces: NDArray[np.int32]) -> NDArray[np.int32]:
        """The faces whose outside is turned to the eye."""
        seen = nodes_mm @ self.axes[:2].T
        u, v = (seen[faces[:, i]] - seen[faces[:, 0]] for i in (1, 2))
        return faces[u[:, 0] * v[:, 1] > u[:, 1] * v[:, 0]]

    def corners(self, nodes_mm: Floats, faces: NDArray[np.int32], per_mm: float) -> Floats:
        """Corners of faces (f, 3, 3) in pixels, x to the right and y downward, and depth."""
        seen = nodes_mm @ self.axes.T
        seen[:, 0] = (seen[:, 0] - self.extent[0]) * per_mm - 0.5
        seen[:, 1] = (self.extent[3] - seen[:, 1]) * per_mm - 0.5
        return seen[faces]


def _surface_values(
    field: Field, pose: int, faces: NDArray[np.int32], owner: NDArray[np.int32]
) -> tuple[Floats, float]:
    """|E| under each face (f,), nan where it was left out, and the top of the colour scale."""
    values = np.full(field.mesh.n_tets, np.nan)
    values[slice(None) if field.elements is None else field.elements] = on_host(field.magnitude[pose])
    on_faces = values[owner]
    known = np.isfinite(on_faces)
    if not known.any():
        raise HeadfieldError("the field has no value on this surface: `elements` leaves it out")
    a, b, c = (field.mesh.nodes_mm[faces[known, i]] for i in range(3))
    areas = np.linalg.norm(np.cross(b - a, c - a), axis=1)
    top = float(percentiles(on_faces[known], areas, _SUMMARY_PERCENT))
    return on_faces, top if top > 0 else 1.0


def _draw(mesh: TetMesh, faces: NDArray[np.int32], values: Floats, view: _View, colour: Any) -> Floats:
    """The picture (h, w, 3): the lit, coloured surface in the ghost of the scalp."""
    left, right, bottom, top = view.extent
    per_mm = _PIXELS / max(right - left, top - bottom)
    width, height = 2 * round((right - left) * per_mm / 2), 2 * round((top - bottom) * per_mm / 2)
    normals, at_nodes = _node_means(mesh, faces, values)
    faces = view.facing(mesh.nodes_mm, faces)
    face, weights = rasterise(view.corners(mesh.nodes_mm, faces, per_mm), width, height)
    picture = _ghost(mesh, view, per_mm, width, height)
    hit = face >= 0
    nodes, w = faces[face[hit]], weights[hit]
    value = np.einsum("pc,pc->p", w, at_nodes[nodes])
    rgb = np.where(np.isfinite(value)[:, None], colour(np.nan_to_num(value)), 0.72)
    light = _light(np.einsum("pc,pcd->pd", w, normals[nodes]) @ view.axes.T)
    picture[hit] = np.clip(rgb * light[:, None], 0, 1)
    return picture.reshape(height // 2, 2, width // 2, 2, 3).mean(axis=(1, 3))


def _node_means(mesh: TetMesh, faces: NDArray[np.int32], values: Floats) -> tuple[Floats, Floats]:
    """Unit normals (n, 3) and values (n,) at the nodes: means by area over the faces around, without nan."""
    corners = mesh.nodes_mm[faces]
    normal = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    area = np.linalg.norm(normal, axis=1) * np.isfinite(values)
    at = faces.ravel()

    def gathered(per_face: Floats) -> Floats:
        return np.bincount(at, np.repeat(per_face, 3), minlength=mesh.n_nodes).astype(np.float64)

    normals = np.stack([gathered(normal[:, d]) for d in range(3)], axis=1)
    normals /= np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-300)
    with np.errstate(invalid="ignore"):
        return normals, gathered(area * np.nan_to_num(values)) / gathered(area)


def _light(normals: Floats) -> Floats:
    """Brightness of normals (p, 3) in view axes: a lamp over the left shoulder, darker towards the rim."""
    normals = normals / np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-300)
    lamp = np.array([-0.45, 0.55, 0.70])
    diffuse = np.clip(normals @ (lamp / np.linalg.norm(lamp)), 0, 1)
    facing = np.clip(normals[:, 2], 0, 1)
    return np.asarray(0.28 + 0.55 * diffuse + 0.27 * facing)


def _ghost(mesh: TetMesh, view: _View, per_mm: float, width: int, height: int) -> Floats:
    """White, with the scalp as a faint shell that is darkest where it is seen edge-on."""
    picture = np.ones((height, width, 3))
    faces = mesh.boundary()
    normals, _ = _node_means(mesh, faces, np.zeros(len(faces)))
    faces = view.facing(mesh.nodes_mm, faces)
    face, weights = rasterise(view.corners(mesh.nodes_mm, faces, per_mm), width, height)
    hit = face >= 0
    facing = np.einsum("pc,pcd->pd", weights[hit], normals[faces[face[hit]]]) @ view.axes[2]
    picture[hit] = (1.0 - 0.04 - 0.30 * (1.0 - np.clip(facing, 0, 1)) ** 3)[:, None]
    return picture


def _coil_strokes(coil: Coil, pose: Floats) -> list[Floats]:
    """Lines (p, 3), mm, in head coordinates: outlines of the wings, then from the centre along the handle.

    A wing is made of the dipoles that point up, or down, or of all wire; its outline is convex. Of samples
    only the handle is known.
    """
    angle = np.append(np.linspace(0.0, 2 * np.pi, 96, endpoint=False), 0.0)
    directions = np.array([np.cos(angle), np.sin(angle)])
    dipoles, wire, _ = sources = coil.sources()
    up = dipoles.moments[:, 2]
    wings = [dipoles.positions_mm[up > 0], dipoles.positions_mm[up < 0], wire.points_mm]
    strokes = [w[np.argmax(w[:, :2] @ directions, axis=0)] for w in wings if len(w) > 2]
    back = float(sources.points_mm[:, 1].min(initial=0.0))
    strokes.append(np.array([[0.0, 0.0, 0.0], [0.0, 1.6 * min(back, -10.0), 0.0]]))
    return [stroke @ pose[:3, :3].T + pose[:3, 3] for stroke in strokes]


def _draw_coil(axes: Any, strokes: list[Floats]) -> None:
    """Strokes (p, 2) in the picture, dark with a light halo; the last one is the handle's."""
    for colour, linewidth, alpha in (("white", 4.0, 0.8), (_INK, 1.6, 1.0)):
        for stroke in strokes:
            axes.plot(*stroke.T, color=colour, linewidth=linewidth, alpha=alpha, solid_capstyle="round")
    centre, end = strokes[-1]
    axes.plot(*centre, "o", color=_INK, markersize=5, markeredgecolor="white")
    box = {"boxstyle": "round,pad=0.15", "facecolor": "white", "edgecolor": "none", "alpha": 0.8}
    axes.text(*end, "handle", color=_INK, fontsize=8, ha="center", va="center", bbox=box)


def _draw_compass(axes: Any, view: _View) -> None:
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
        axes.text(
            *(origin + length * arrow + 4.5 * unit), name, color=_INK, fontsize=8, ha="center", va="center"
        )
