# SPDX-License-Identifier: BSD-3-Clause
"""Draw three slices of a head: its interfaces as lines over the image that it was meshed from."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..core.arguments import finite_array
from ..core.messages import plural
from ..errors import ArgumentError
from ..heads.mesh import TetMesh
from ..heads.names import called
from ..heads.tissues import GRAY_MATTER
from ..io.nifti import check_affine, given_image, nearest
from .colours import INK, matplotlib_parts, tissue_colour
from .figure import check_target, draw_ends, for_notebooks, new_figure, save
from .slices import RIM_MM, Extent, borders, boxes, tets_of_pixels, title_of

__all__ = ["draw_interfaces", "write_interfaces"]

Floats = NDArray[np.float64]
Ints = NDArray[np.integer[Any]]

_WIDTH = 12.0  # of the figure, inches
_ROUND = (0.6, 1.5)  # inches beside and above the slices: titles, legend
_PIXELS = 600  # along the longest side of a slice
_NO_TISSUE = np.iinfo(np.int64).min


class _Image(NamedTuple):
    affine: Floats
    tags: Ints  # (nx, ny, nz), 0 outside of the head


def write_interfaces(
    mesh: TetMesh,
    path: str | os.PathLike[str],
    image: tuple[ArrayLike, ArrayLike] | None = None,
    at_mm: ArrayLike | None = None,
    name: str = "",
) -> None:
    """Write the figure of `draw_interfaces`, which has the other parameters.

    Parameters
    ----------
    mesh : TetMesh
    path : path
        `.png`, `.pdf` or `.svg`; the file appears whole or not at all.
    image, at_mm, name

    Raises
    ------
    MissingPackageError, ArgumentError
        See `draw_interfaces`.
    FileFormatError
        Another ending.
    OSError
        The file can't be written.

    Examples
    --------
    >>> import tempfile
    >>> from headfield.heads.phantom import sphere_mesh
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_interfaces(sphere_mesh([50, 60], tags=[2, 5], edge_mm=20), folder + "/head.png")
    """
    check_target(path)
    save(draw_interfaces(mesh, image, at_mm, name), path)


def draw_interfaces(
    mesh: TetMesh,
    image: tuple[ArrayLike, ArrayLike] | None = None,
    at_mm: ArrayLike | None = None,
    name: str = "",
) -> Any:
    """Draw a sagittal, a coronal and an axial slice: tissues in colours, the interfaces of the mesh as lines.

    Parameters
    ----------
    mesh : TetMesh
    image : (affine, tags), optional
        An image (nx, ny, nz) whose voxels have the tags of the tissues, 0 outside, and its affine (4, 4),
        voxels to mm. Its tissues are coloured, each pixel by the voxel around it, and the legend compares
        volumes. If not given, the tissues of the mesh are coloured.
    at_mm : array_like (3,), optional
        Where the slices meet, mm; if not given, in the middle of gray matter, or of the mesh without any.
    name : str
        Of the head, for the title.

    Returns
    -------
    matplotlib.figure.Figure
        It is not registered with pyplot; a notebook shows it, `savefig` writes it.

    Raises
    ------
    MissingPackageError
        matplotlib is missing.
    ArgumentError
        `at_mm` is no point, or `image` no image of whole numbers with its affine.

    Examples
    --------
    >>> from headfield.heads.phantom import sphere_mesh
    >>> figure = draw_interfaces(sphere_mesh([50, 60], tags=[2, 5], edge_mm=20))
    >>> [axes.get_title().replace("−", "") for axes in figure.axes]
    ['sagittal, x = 0 mm', 'coronal, y = 0 mm', 'axial, z = 0 mm']
    """
    voxels = None if image is None else _checked(*image)
    point = _middle(mesh) if at_mm is None else finite_array(at_mm, "at_mm", ArgumentError)
    if point.shape != (3,):
        raise ArgumentError(f"at_mm must be a point (3,), not {point.shape}")
    low, high = _bounds(mesh, voxels)
    extents = [_extent(low, high, axis) for axis in range(3)]
    shown = boxes(extents)
    widths = [right - left for left, right, _, _ in shown]
    scale = (_WIDTH - _ROUND[0]) / sum(widths)
    figure = new_figure((_WIDTH, scale * (shown[0][3] - shown[0][2]) + _ROUND[1]))
    figure.suptitle("\n".join(_title(mesh, name)), fontsize=11, color=INK, parse_math=False)
    panels = figure.subplots(1, 3, width_ratios=widths)
    pixel_mm = max(float((high - low).max()) / _PIXELS, 1e-6)
    for axis, (axes, extent, box) in enumerate(zip(panels, extents, shown, strict=True)):
        grid = _Grid(axis, float(point[axis]), extent, pixel_mm)
        _draw(axes, grid.of_mesh(mesh) if voxels is None else grid.of_image(voxels))
        _draw_lines(axes, mesh, axis, grid.at_mm)
        axes.set_title(title_of(axis, grid.at_mm), fontsize=10, color=INK)
        draw_ends(axes, axis, box)
    _add_legend(figure, mesh, voxels)
    return for_notebooks(figure)


def _checked(affine: ArrayLike, tags: ArrayLike) -> _Image:
    matrix, values = given_image(affine, tags, "the image", "whole numbers", ArgumentError)
    check_affine(matrix, ArgumentError)
    if values.ndim != 3 or values.dtype.kind not in "iu":
        raise ArgumentError(
            f"the image must be (nx, ny, nz) whole numbers, not {values.dtype} {values.shape}"
        )
    return _Image(matrix, values)


def _middle(mesh: TetMesh) -> Floats:
    """Return the middle of gray matter, or of the mesh."""
    gray = mesh.tags == GRAY_MATTER
    chosen = gray if gray.any() else np.ones(mesh.n_tets, bool)
    return np.average(mesh.barycentres_mm()[chosen], axis=0, weights=mesh.volumes_mm3()[chosen])


def _bounds(mesh: TetMesh, image: _Image | None) -> tuple[Floats, Floats]:
    """Return the corners of the box around the mesh and what the image has of a head, mm."""
    points = [mesh.nodes_mm]
    if image is not None:
        # The first and the last voxel of each column are as far out, in any direction, as all between them.
        there = image.tags != 0
        columns = np.nonzero(there.any(axis=2))
        ends = there[columns].argmax(axis=1), image.tags.shape[2] - 1 - there[columns][:, ::-1].argmax(axis=1)
        points += [
            np.stack([*columns, end], axis=1) @ image.affine[:3, :3].T + image.affine[:3, 3] for end in ends
        ]
    together = np.concatenate(points)
    return together.min(axis=0) - RIM_MM, together.max(axis=0) + RIM_MM


def _extent(low: Floats, high: Floats, axis: int) -> Extent:
    u, v = (d for d in range(3) if d != axis)
    return float(low[u]), float(high[u]), float(low[v]), float(high[v])


class _Grid(NamedTuple):
    """The pixels of a slice, from the bottom upward."""

    axis: int
    at_mm: float
    extent: Extent
    pixel_mm: float

    def counts(self) -> NDArray[np.intp]:
        left, right, bottom, top = self.extent
        return np.ceil(np.array([right - left, top - bottom]) / self.pixel_mm).astype(np.intp)

    def of_mesh(self, mesh: TetMesh) -> _Pixels:
        low = np.array(self.extent[::2])
        tet = tets_of_pixels(mesh, self.axis, self.at_mm, low, self.pixel_mm, self.counts())
        return self._pixels(np.where(tet >= 0, mesh.tags[tet].astype(np.int64), _NO_TISSUE))

    def of_image(self, image: _Image) -> _Pixels:
        width, height = self.counts().tolist()
        points = np.full((height, width, 3), self.at_mm)
        u, v = (d for d in range(3) if d != self.axis)
        points[..., u] = self.extent[0] + (np.arange(width) + 0.5) * self.pixel_mm
        points[..., v] = (self.extent[2] + (np.arange(height) + 0.5) * self.pixel_mm)[:, None]
        found, inside = nearest(image.affine, image.tags, points.reshape(-1, 3))
        tags = np.full(height * width, _NO_TISSUE)
        tags[inside] = np.where(found == 0, _NO_TISSUE, found.astype(np.int64))
        return self._pixels(tags.reshape(height, width))

    def _pixels(self, tags: NDArray[np.int64]) -> _Pixels:
        (width, height), (left, _, bottom, _) = self.counts().tolist(), self.extent
        right, top = left + width * self.pixel_mm, bottom + height * self.pixel_mm
        return _Pixels(tags, (left, right, bottom, top))


class _Pixels(NamedTuple):
    tags: NDArray[np.int64]
    extent: Extent


def _draw(axes: Any, pixels: _Pixels) -> None:
    colours, _ = matplotlib_parts()
    found, which = np.unique(pixels.tags, return_inverse=True)
    rgb = np.array(
        [
            (1.0, 1.0, 1.0) if tag == _NO_TISSUE else colours.to_rgb(tissue_colour(tag))
            for tag in found.tolist()
        ]
    )
    image = rgb[which.reshape(pixels.tags.shape)]
    axes.imshow(image, extent=pixels.extent, origin="lower", interpolation="antialiased")


def _draw_lines(axes: Any, mesh: TetMesh, axis: int, at_mm: float) -> None:
    from matplotlib.collections import LineCollection  # an optional package, which only pictures need

    lines = LineCollection(list(borders(mesh, axis, at_mm)), colors=INK, linewidths=0.6, capstyle="round")
    axes.add_collection(lines)


def _title(mesh: TetMesh, name: str) -> Sequence[str]:
    counts = f"{plural(mesh.n_nodes, 'node', 'nodes')}, {plural(mesh.n_tets, 'tetrahedron', 'tetrahedra')}"
    return [name, counts] if name else [counts]


def _add_legend(figure: Any, mesh: TetMesh, image: _Image | None) -> None:
    """Name the tissues; where there is an image, with the volume in the mesh over that in the image."""
    from matplotlib.patches import Patch  # an optional package, which only pictures need

    present = np.unique(mesh.tags).tolist()
    counts: dict[int, int] = {}
    if image is not None:
        found, voxels = np.unique(image.tags, return_counts=True)
        counts = {tag: n for tag, n in zip(found.tolist(), voxels.tolist(), strict=True) if tag != 0}
    volumes = mesh.volumes_mm3()
    patches = []
    for tag in sorted({*present, *counts}):
        label = called(tag, mesh.tag_names)
        if tag in counts and image is not None:
            voxel = abs(np.linalg.det(image.affine[:3, :3]))
            label += f" {volumes[mesh.tags == tag].sum() / (counts[tag] * voxel):.3f}"
        patches.append(Patch(facecolor=tissue_colour(tag), edgecolor=INK, linewidth=0.6, label=label))
    title = None if image is None else "volume in the mesh over that in the image"
    figure.legend(
        handles=patches,
        title=title,
        loc="outside lower center",
        ncols=min(len(patches), 6),
        fontsize=9,
        title_fontsize=9,
        frameon=False,
    )
