# SPDX-License-Identifier: BSD-3-Clause
"""Draw three slices of a head: its interfaces as lines over the image that it was meshed from."""

from __future__ import annotations

import os
from functools import partial
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..core.arguments import finite_array
from ..core.messages import plural
from ..errors import ArgumentError
from ..heads.mesh import TetMesh
from ..heads.names import called
from ..heads.segmentation.from_labels import tissue_image
from ..heads.segmentation.image import given
from ..heads.segmentation.numberings import TissueChoice
from ..heads.segmentation.tissue_image import TissueImage
from ..heads.tissues import GRAY_MATTER
from ..io.nifti import nearest
from ..io.volume import Volume
from .colours import INK, matplotlib_parts, tissue_colour
from .figure import draw_ends, draw_into, for_notebooks, new_figure
from .slices import RIM_MM, Extent, borders, boxes, tets_of_pixels, title_of

__all__ = ["plot_head", "write_interfaces"]

Floats = NDArray[np.float64]

_WIDTH = 12.0  # of the figure, inches
_ROUND = (0.6, 1.5)  # inches beside and above the slices: titles, legend
_PIXELS = 600  # along the longest side of a slice
_NO_TISSUE = np.iinfo(np.int64).min
_EXPLAINED = (
    "colours: voxels of the image; lines: interfaces of the mesh; "
    "numbers: volume in the mesh over that in the image"
)


def write_interfaces(
    path: str | os.PathLike[str],
    mesh: TetMesh,
    image: TissueImage | None = None,
    at_mm: ArrayLike | None = None,
    name: str = "",
) -> None:
    """Write the figure of `plot_head`.

    Parameters
    ----------
    path : path
        `.png`, `.pdf` or `.svg`; the file appears whole or not at all.
    mesh, image, at_mm, name
        See `plot_head`.

    Raises
    ------
    MissingPackageError, ArgumentError
        See `plot_head`.
    FileFormatError
        Another ending.
    OSError
        The file can't be written.

    Examples
    --------
    >>> import tempfile
    >>> from headfield.heads.phantom import sphere_mesh
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_interfaces(folder + "/head.png", sphere_mesh([50, 60], tags=[2, 5], edge_mm=20))
    """
    draw_into(path, partial(_drawn, mesh, image, at_mm, name))


def plot_head(
    mesh: TetMesh,
    image: Volume | None = None,
    tissues: TissueChoice | None = None,
    *,
    at_mm: ArrayLike | None = None,
    name: str = "",
) -> Any:
    """Draw a sagittal, a coronal and an axial slice: tissues in colours, the interfaces of the mesh as lines.

    Parameters
    ----------
    mesh : TetMesh
    image : path, or (affine, data), optional
        The segmentation that the mesh was made of, as for `headfield.head_from_labels`. Its tissues are
        coloured, each pixel by the voxel around it, and the legend compares volumes. If not given, the
        tissues of the mesh are coloured.
    tissues : {"simnibs", "synthseg", "aseg"}, mapping, or list, optional
        What its labels or maps are, as for `headfield.head_from_labels`.
    at_mm : array_like (3,), optional
        Where the slices meet, mm. If not given, the coronal and the axial one lie in the middle of gray
        matter, the sagittal one in that of its left half; in the mesh, if it has no gray matter.
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
        `at_mm` is no point.
    MeshError, FileFormatError, OSError
        The image is no segmentation, or can't be read: see `headfield.head_from_labels`.

    Examples
    --------
    >>> from headfield.heads.phantom import sphere_mesh
    >>> figure = plot_head(sphere_mesh([50, 60], tags=[2, 5], edge_mm=20))
    >>> [axes.get_title() for axes in figure.axes]
    ['sagittal, x = −19 mm', 'coronal, y = 0 mm', 'axial, z = 0 mm']
    """
    return _drawn(mesh, None if image is None else tissue_image(given(image), tissues), at_mm, name)


def _drawn(mesh: TetMesh, image: TissueImage | None, at_mm: ArrayLike | None, name: str) -> Any:
    point = _middle(mesh) if at_mm is None else finite_array(at_mm, "at_mm", ArgumentError)
    if point.shape != (3,):
        raise ArgumentError(f"at_mm must be a point (3,), not {point.shape}")
    low, high = _bounds(mesh, image)
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
        _draw(axes, grid.of_mesh(mesh) if image is None else grid.of_image(image))
        _draw_lines(axes, mesh, axis, grid.at_mm)
        axes.set_title(title_of(axis, grid.at_mm), fontsize=10, color=INK)
        draw_ends(axes, axis, box)
    _add_legend(figure, mesh, image)
    return for_notebooks(figure)


def _middle(mesh: TetMesh) -> Floats:
    """Return the middle of gray matter, or of the mesh; x is the middle of the left half.

    A sagittal slice through the middle would lie between the hemispheres, along the cortex of both.
    """
    gray = mesh.tags == GRAY_MATTER
    chosen = gray if gray.any() else np.ones(mesh.n_tets, bool)
    centres, volumes = mesh.barycentres_mm()[chosen], mesh.volumes_mm3()[chosen]
    middle = np.average(centres, axis=0, weights=volumes)
    left = centres[:, 0] <= middle[0]
    middle[0] = np.average(centres[left, 0], weights=volumes[left])
    return np.asarray(middle)


def _bounds(mesh: TetMesh, image: TissueImage | None) -> tuple[Floats, Floats]:
    """Return the corners of the box around the mesh and what the image has of a head, mm."""
    points = [mesh.nodes_mm]
    if image is not None:
        # The first and the last voxel of each column are as far out, in any direction, as all between them.
        there = image.voxels > 0
        columns = np.nonzero(there.any(axis=2))
        ends = there[columns].argmax(axis=1), there.shape[2] - 1 - there[columns][:, ::-1].argmax(axis=1)
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

    def of_image(self, image: TissueImage) -> _Pixels:
        width, height = self.counts().tolist()
        points = np.full((height, width, 3), self.at_mm)
        u, v = (d for d in range(3) if d != self.axis)
        points[..., u] = self.extent[0] + (np.arange(width) + 0.5) * self.pixel_mm
        points[..., v] = (self.extent[2] + (np.arange(height) + 0.5) * self.pixel_mm)[:, None]
        found, inside = nearest(image.affine, image.voxels, points.reshape(-1, 3))
        tags = np.full(height * width, _NO_TISSUE)
        tags[inside] = np.array([_NO_TISSUE, *image.tags])[found]
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


def _title(mesh: TetMesh, name: str) -> list[str]:
    counts = f"{plural(mesh.n_nodes, 'node', 'nodes')}, {plural(mesh.n_tets, 'tetrahedron', 'tetrahedra')}"
    report = mesh.from_image
    if report is None:
        return [name, counts] if name else [counts]
    angle = f"smallest dihedral angle {report.smallest_dihedral_deg:.1f}°"
    share = 100 * report.interfaces.within_half_a_voxel
    near = f"{share:.2f} % of interfaces within half a voxel of the image's"
    return [name or os.path.basename(report.name), f"{counts}, {angle}, {near}"]


def _add_legend(figure: Any, mesh: TetMesh, image: TissueImage | None) -> None:
    """Name the tissues; where there is an image, with the volume in the mesh over that in the image."""
    from matplotlib.patches import Patch  # an optional package, which only pictures need

    counts = {} if image is None else image.counts()
    volumes = mesh.volumes_mm3()
    patches = []
    for tag in sorted({*np.unique(mesh.tags).tolist(), *counts}):
        label = called(tag, mesh.tag_names)
        if image is not None and counts.get(tag):
            label += f" {volumes[mesh.tags == tag].sum() / (counts[tag] * image.voxel_mm3):.3f}"
        patches.append(Patch(facecolor=tissue_colour(tag), edgecolor=INK, linewidth=0.6, label=label))
    figure.legend(
        handles=patches,
        title=None if image is None else _EXPLAINED,
        loc="outside lower center",
        ncols=min(len(patches), 6),
        fontsize=9,
        title_fontsize=9,
        frameon=False,
    )
