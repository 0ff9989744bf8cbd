# SPDX-License-Identifier: BSD-3-Clause
"""Draw the cortex within a faint scalp as pixels, lit and in parallel projection; needs nothing but NumPy.

VTK would be faster, but without a screen its wheels need EGL or OSMesa from the system, and where there is
neither, VTK 9.7 ends the process with a segmentation fault.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..geometry.raster import rasterise
from ..geometry.triangles import area_vectors_at_nodes
from .setting import Setting
from .shells import Shell

__all__ = ["Rendered", "View", "pixels_hit", "render", "render_shell", "upward"]

Floats = NDArray[np.float64]

_UNKNOWN = 0.72  # gray of places without a value
_FAINTLY = 0.45  # of the usual light and shade


class View(NamedTuple):
    """A parallel projection: rows of `axes` are right, up, and towards the eye, in head coordinates."""

    axes: Floats
    extent: tuple[float, float, float, float]  #: of the picture, mm: left, right, bottom, top

    @classmethod
    def along(cls, outward: Floats, points_mm: Floats) -> View:
        """Look against a unit vector (3,), wide enough to see points (p, 3)."""
        up = upward(outward)
        axes = np.array([np.cross(up, outward), up, outward])
        seen = points_mm @ axes[:2].T
        (left, bottom), (right, top) = seen.min(axis=0) - 6.0, seen.max(axis=0) + 6.0
        return cls(axes, (float(left), float(right), float(bottom), float(top)))

    def raster(self, pixels: int) -> tuple[float, int, int]:
        """Return pixels per mm, and how many are drawn across and down: 2 `pixels` at most."""
        left, right, bottom, top = self.extent
        per_mm = 2 * pixels / max(right - left, top - bottom)
        return per_mm, 2 * round((right - left) * per_mm / 2), 2 * round((top - bottom) * per_mm / 2)

    def facing(self, shell: Shell) -> NDArray[np.intp]:
        """Return the faces whose outside is turned to the eye."""
        seen = shell.nodes_mm @ self.axes[:2].T
        u, v = (seen[shell.faces[:, i]] - seen[shell.faces[:, 0]] for i in (1, 2))
        return shell.faces[u[:, 0] * v[:, 1] > u[:, 1] * v[:, 0]]

    def corners(self, nodes_mm: Floats, faces: NDArray[np.intp], per_mm: float) -> Floats:
        """Return the corners of faces (f, 3, 3): x to the right and y downward in pixels, and depth in mm."""
        seen = nodes_mm @ self.axes.T
        seen[:, 0] = (seen[:, 0] - self.extent[0]) * per_mm - 0.5
        seen[:, 1] = (self.extent[3] - seen[:, 1]) * per_mm - 0.5
        return seen[faces]


def upward(outward: Floats) -> Floats:
    """Return what is up (3,) for an eye that looks against a unit vector (3,).

    That is the top of the head, or its front for an eye above the head.

    Examples
    --------
    >>> upward(np.array([0.0, 1.0, 0.0])).tolist(), upward(np.array([0.0, 0.0, 1.0])).tolist()
    ([0.0, 0.0, 1.0], [0.0, 1.0, 0.0])
    """
    top, front = np.array([0.0, 0.0, 1.0]), np.array([0.0, 1.0, 0.0])
    upright = top if abs(outward @ top) < 0.9 else front
    up = upright - (upright @ outward) * outward
    return np.asarray(up / np.linalg.norm(up))


class Rendered(NamedTuple):
    """A picture, and what is seen at each of its pixels; all rows from the top downward."""

    picture: Floats  #: (h, w, 3), each 0 to 1
    view: View
    values: Floats  #: (h, w) of the surface; nan where it has none, and beside it
    depth_mm: Floats  #: (h, w) of the surface towards the eye; −inf beside it

    def at(self, points_mm: Floats) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
        """Return the rows and columns of the pixels that points (p, 3) are seen at."""
        left, right, bottom, top = self.view.extent
        x, y = (points_mm @ self.view.axes[:2].T).T
        height, width = self.values.shape
        row = np.clip((top - y) / (top - bottom) * height, 0, height - 1)
        column = np.clip((x - left) / (right - left) * width, 0, width - 1)
        return row.astype(np.intp), column.astype(np.intp)


def render(
    surface: Shell,
    setting: Setting,
    outward: Floats,
    colour: Callable[[Floats], Floats],
    pixels: int,
    *,
    faintly: bool = False,
) -> Rendered:
    """Draw a surface within the scalp of a setting.

    Parameters
    ----------
    surface : Shell
    setting : Setting
    outward : ndarray (3,)
        Unit vector from the head to the eye.
    colour : callable
        Values (p,) to red, green and blue (p, 3), each 0 to 1.
    pixels : int
        Along the longer side. Each is the mean of two by two pixels that are drawn.
    faintly : bool
        Light it less, so that colours stay close to those of the values and white does not turn gray.

    Returns
    -------
    Rendered

    Examples
    --------
    >>> from headfield.heads.phantom import sphere_mesh
    >>> ball = sphere_mesh([60], tags=[5], edge_mm=20)
    >>> setting = Setting(ball)
    >>> surface = setting.scalp._replace(values=setting.scalp.nodes_mm[:, 2])
    >>> drawn = render(surface, setting, np.array([0.0, 0, 1]), lambda v: np.ones((len(v), 3)), 40)
    >>> drawn.picture.shape, bool(np.nanmax(drawn.values) > 55)
    ((40, 40, 3), True)
    """
    view = View.along(outward, np.concatenate([setting.points_mm(), surface.nodes_mm]))
    per_mm, width, height = view.raster(pixels)
    ghost = _ghost(setting.scalp, view, per_mm / 2, width // 2, height // 2)
    picture = ghost.repeat(2, axis=0).repeat(2, axis=1)
    values, depth = _paint(picture, surface, view, per_mm, colour, _FAINTLY if faintly else 1.0)
    return Rendered(_halved(picture), view, values[::2, ::2], depth[::2, ::2])


def render_shell(shell: Shell, view: View, colour: Callable[[Floats], Floats], pixels: int) -> Floats:
    """Draw a surface on white, coloured by its values; parameters and picture are as those of `render`.

    It is lit faintly, so that colours stay close to those of the values.
    """
    per_mm, width, height = view.raster(pixels)
    picture = np.ones((height, width, 3))
    _paint(picture, shell, view, per_mm, colour, _FAINTLY)
    return _halved(picture)


def _paint(
    picture: Floats,
    shell: Shell,
    view: View,
    per_mm: float,
    colour: Callable[[Floats], Floats],
    lit: float = 1.0,
) -> tuple[Floats, Floats]:
    """Draw a surface into a picture (h, w, 3) of a view, `lit` between not at all, 0, and as usual, 1.

    Returns the values and the depths, mm, of what is seen (h, w).
    """
    faces = view.facing(shell)
    height, width = picture.shape[:2]
    face, weights = rasterise(view.corners(shell.nodes_mm, faces, per_mm), width, height)
    hit, nodes, w = pixels_hit(faces, face, weights)
    value = np.einsum("pc,pc->p", w, shell.values[nodes])
    rgb = np.where(np.isfinite(value)[:, None], colour(np.nan_to_num(value)), _UNKNOWN)
    light = _light(np.einsum("pc,pcd->pd", w, _normals(shell).take(nodes, axis=0)) @ view.axes.T)
    picture.reshape(-1, 3)[hit] = np.clip(rgb * (1.0 + lit * (light - 1.0))[:, None], 0, 1)
    values, depth = np.full((height, width), np.nan), np.full((height, width), -np.inf)
    values.reshape(-1)[hit] = value
    depth.reshape(-1)[hit] = np.einsum("pc,pc->p", w, (shell.nodes_mm @ view.axes[2])[nodes])
    return values, depth


def pixels_hit(
    faces: NDArray[np.intp], face: NDArray[np.intp], weights: Floats
) -> tuple[NDArray[np.intp], NDArray[np.intp], Floats]:
    """Return the numbers (p,), row by row, of pixels that show a face, its nodes and their weights (p, 3).

    Faces (f, 3); `face` and `weights` are those of `rasterise`.
    """
    # `take` with numbers of pixels: there are millions, and masks and brackets need twice the time.
    hit = np.flatnonzero(face >= 0)
    return hit, faces.take(face.take(hit), axis=0), weights.reshape(-1, 3).take(hit, axis=0)


def _halved(picture: Floats) -> Floats:
    """Return means over two by two pixels."""
    quarters = picture[::2, ::2] + picture[::2, 1::2] + picture[1::2, ::2] + picture[1::2, 1::2]
    return np.asarray(0.25 * quarters)


def _normals(shell: Shell) -> Floats:
    """Unit normals (n, 3) at the nodes: means by area over the faces around."""
    normals = area_vectors_at_nodes(shell.nodes_mm, shell.faces)
    return np.asarray(normals / np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-300))


def _light(normals: Floats) -> Floats:
    """Return the brightness of normals (p, 3) in view axes: lit over the left shoulder, darker at the rim."""
    normals = normals / np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-300)
    lamp = np.array([-0.45, 0.55, 0.70])
    diffuse = np.clip(normals @ (lamp / np.linalg.norm(lamp)), 0, 1)
    facing = np.clip(normals[:, 2], 0, 1)
    return np.asarray(0.28 + 0.55 * diffuse + 0.27 * facing)


def _ghost(scalp: Shell, view: View, per_mm: float, width: int, height: int) -> Floats:
    """Draw the scalp on white as a faint shell that is darkest where it is seen edge-on."""
    picture = np.ones((height, width, 3))
    faces = view.facing(scalp)
    face, weights = rasterise(view.corners(scalp.nodes_mm, faces, per_mm), width, height)
    hit, nodes, w = pixels_hit(faces, face, weights)
    facing = np.einsum("pc,pcd->pd", w, _normals(scalp).take(nodes, axis=0)) @ view.axes[2]
    picture.reshape(-1, 3)[hit] = (1.0 - 0.04 - 0.30 * (1.0 - np.clip(facing, 0, 1)) ** 3)[:, None]
    return picture
