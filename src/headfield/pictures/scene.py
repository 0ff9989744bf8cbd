# SPDX-License-Identifier: BSD-3-Clause
"""What a picture of a field shows, as arrays: cortex, scalp, coil, slices, and how |E| is distributed.

Nothing here draws, and nothing here knows where the values are from: `figure` draws with matplotlib, `page`
with plotly; `Field.scene` and the command `headfield view` make scenes.
"""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..coils.coil import Coil
from ..core.locks import cached_property
from ..errors import ArgumentError, MeshError
from ..geometry.triangles import areas
from ..heads.mesh import TetMesh
from ..heads.names import called
from ..heads.tissues import GRAY_MATTER
from ..metrics import percentiles
from .slices import Slice, slice_heads

__all__ = ["PERCENTS", "Distribution", "Scene", "Shell", "thinned"]

Floats = NDArray[np.float64]

#: Percentiles of |E| by volume that are given; the colours end at the last one.
PERCENTS = (50.0, 99.0, 99.9)
_BINS = 60
_WEAK = 0.1  # of the largest moment: weaker dipoles are not part of a wing
_HANDLE_MM = 60.0


class Shell(NamedTuple):
    """A triangle surface in head coordinates."""

    nodes_mm: Floats  #: (n, 3)
    faces: NDArray[np.intp]  #: (f, 3), normals outward
    values: Floats  #: (n,) |E|, V/m; nan where it is not known


class Distribution(NamedTuple):
    """How much volume has which |E|."""

    tissue: str  #: name of the tissues that are measured
    edges: Floats  #: (b + 1,) of the bins, V/m
    volume_cm3: Floats  #: (b,) in each bin
    percentiles: Floats  #: (3,) at `PERCENTS`, V/m


@dataclass(frozen=True, eq=False)
class Scene:
    """One pose of a field, and what a picture shows of it; each part is computed when it is first asked for.

    Parameters
    ----------
    mesh : TetMesh
    magnitude : ndarray (m,)
        |E| of each tetrahedron, V/m; nan where it is not known.
    tags : tuple of int
        Tissues whose |E| is shown; their outer surface is the cortex.
    matrix : ndarray (4, 4), optional
        The pose: coil to head, mm.
    coil : Coil, optional
        Needs a pose.
    didt : ndarray (s,), optional
        A/s, of each stimulator.
    pose, n_poses : int
        Which pose of how many, for the title.
    name : str
        For the title.
    head : TetMesh, optional
        The whole head, if the mesh is a part of it: for the scalp and the borders of tissues.

    Raises
    ------
    ArgumentError
        The mesh has none of the tissues, the field has no value in them or negative ones, or there is a coil
        without a pose.

    Examples
    --------
    >>> from headfield.heads.phantom import sphere_mesh
    >>> ball = sphere_mesh([50, 60], tags=[2, 5], edge_mm=20)
    >>> scene = Scene(ball, np.ones(ball.n_tets))
    >>> scene.distribution.tissue, scene.distribution.percentiles.tolist()
    ('gray matter', [1.0, 1.0, 1.0])
    """

    mesh: TetMesh
    magnitude: NDArray[Any]
    tags: tuple[int, ...] = (1, 2)
    _: KW_ONLY
    matrix: Floats | None = None
    coil: Coil | None = None
    didt: Floats | None = None
    pose: int = 0
    n_poses: int = 1
    name: str = ""
    head: TetMesh | None = None

    def __post_init__(self) -> None:
        if not self._shown.any():
            there = np.unique(self.mesh.tags).tolist()
            raise ArgumentError(f"the head has no tissue {self.tags}; it has {there}")
        if not len(self._measured):
            raise ArgumentError(f"the field has no value in the tissues {self.tags}: it leaves them out")
        if (self.magnitude[self._measured] < 0).any():
            raise ArgumentError("the field has negative magnitudes: it is not |E|")
        if self.coil is not None and self.matrix is None:
            raise ArgumentError("the coil can't be drawn: the pose is not known")

    @cached_property
    def _shown(self) -> NDArray[np.bool_]:
        return np.isin(self.mesh.tags, self.tags)

    @cached_property
    def _measured(self) -> NDArray[np.intp]:
        """Tetrahedra for the distribution and the peak: gray matter if it has values, else all shown."""
        known = np.flatnonzero(self._shown & np.isfinite(self.magnitude))
        gray = known[self.mesh.tags[known] == GRAY_MATTER]
        return gray if len(gray) else known

    @cached_property
    def distribution(self) -> Distribution:
        """How much volume has which |E|, in gray matter, or in all that is shown if gray matter is not."""
        chosen = self._measured
        volumes, values = self.mesh.volumes_mm3()[chosen], self.magnitude[chosen]
        edges = np.linspace(0.0, float(values.max()) or 1.0, _BINS + 1)
        volume, _ = np.histogram(values, edges, weights=volumes * 1e-3)
        tags = np.unique(self.mesh.tags[chosen])
        name = " and ".join(called(tag, self.mesh.tag_names) for tag in tags.tolist())
        if len(chosen) < np.isin(self.mesh.tags, tags).sum():
            name = f"{volumes.sum() * 1e-3:.3g} cm³ of {name}"
        return Distribution(name, edges, volume, percentiles(values, volumes, PERCENTS))

    @property
    def top(self) -> float:
        """|E| at the end of the colours, V/m: its 99.9th percentile by volume; 1 if that is zero."""
        return float(self.distribution.percentiles[-1]) or 1.0

    @cached_property
    def peak(self) -> tuple[float, Floats]:
        """The largest |E| of the distribution, V/m, and its place (3,), mm."""
        chosen = self._measured
        element = chosen[int(np.argmax(self.magnitude[chosen]))]
        return float(self.magnitude[element]), self.mesh.nodes_mm[self.mesh.tets[element]].mean(axis=0)

    @cached_property
    def cortex(self) -> Shell:
        """The surface of the tissues; |E| of the tetrahedra under it is averaged to its nodes by area."""
        values = self.magnitude[self.mesh.surface_tets(self.tags)]
        return _shell(self.mesh.nodes_mm, self.mesh.surface(self.tags), values)

    @cached_property
    def scalp(self) -> Shell:
        """The outermost surface of the head, without values."""
        head = self.mesh if self.head is None else self.head
        try:
            faces = head.skin()
        except MeshError:  # there are only electrodes
            faces = head.boundary()
        return _shell(head.nodes_mm, faces, np.full(len(faces), np.nan))

    @cached_property
    def outward(self) -> Floats:
        """Unit vector (3,) from the head to the eye: along the coil's axis, or over the peak."""
        if self.matrix is not None:
            return -self.matrix[:3, 2]
        nodes = self.scalp.nodes_mm
        away: Floats = self.peak[1] - (nodes.min(axis=0) + nodes.max(axis=0)) / 2
        return away / np.linalg.norm(away) if away.any() else np.array([0.0, 0.0, 1.0])

    @cached_property
    def coil_lines(self) -> list[Floats]:
        """Lines (p, 3), mm: closed outlines of the coil's wings, and its wire. See `coil_lines`."""
        if self.coil is None or self.matrix is None:
            return []
        return [_placed(line, self.matrix) for line in coil_lines(self.coil)]

    @cached_property
    def handle(self) -> Floats | None:
        """From the centre of the coil along its handle (2, 3), mm; None if the pose is not known."""
        if self.matrix is None:
            return None
        length = _HANDLE_MM
        if self.coil is not None:
            length = 1.6 * max(-float(self.coil.sources().points_mm[:, 1].min(initial=0.0)), 10.0)
        return _placed(np.array([[0.0, 0, 0], [0, -length, 0]]), self.matrix)

    def slices(self, pixel_mm: float) -> list[Slice]:
        """Return the sagittal, coronal and axial slice through the peak."""
        values = np.where(self._shown, self.magnitude, np.nan)
        head = self.mesh if self.head is None else self.head
        return [
            slice_heads(self.mesh, values, head, axis, float(self.peak[1][axis]), pixel_mm)
            for axis in range(3)
        ]

    def title(self) -> tuple[str, str]:
        """Return two lines of text: what the picture shows, and how strong the field is."""
        facts = [self.name] if self.name else []
        if self.n_poses > 1:
            facts.append(f"pose {self.pose} of {self.n_poses} (from 0)")
        if self.didt is not None:
            facts.append(f"dI/dt {' and '.join(f'{rate * 1e-6:g}' for rate in self.didt)} A/µs")
        largest, place = self.peak
        at = ", ".join(f"{x:.0f}" for x in place).replace("-", "−")
        strength = (
            f"|E| in {self.distribution.tissue}: peak {self.distribution.percentiles[-1]:.3g} V/m (99.9th "
            f"percentile), largest {largest:.3g} V/m at ({at}) mm"
        )
        return ", ".join(facts) or "Electric field", strength


def coil_lines(coil: Coil) -> list[Floats]:
    """Return lines (p, 3), mm, in the coil frame, that show a coil.

    For dipoles these are the wings: the convex outline of those that point up, and of those that point down.
    Weak dipoles don't count, because models of real coils have some of either direction everywhere. For wire
    it is its path, split where a piece does not follow the one before. Samples of A show no outline.

    Examples
    --------
    >>> from headfield.coils.layouts import figure_of_eight
    >>> [line.shape for line in coil_lines(figure_of_eight())]
    [(97, 3), (97, 3)]
    """
    angle = np.append(np.linspace(0.0, 2 * np.pi, 96, endpoint=False), 0.0)
    directions = np.array([np.cos(angle), np.sin(angle)])
    lines = []
    dipoles, wire, _ = coil.sources()
    up = dipoles.moments[:, 2]
    least = _WEAK * np.abs(up).max(initial=0.0)
    for wing in (up > least, up < -least):
        points = dipoles.positions_mm[wing]
        if len(points) > 2:
            lines.append(points[np.argmax(points[:, :2] @ directions, axis=0)])
    if len(wire) > 1:
        step = np.linalg.norm(np.diff(wire.points_mm, axis=0), axis=1)
        lines += np.split(wire.points_mm, 1 + np.flatnonzero(step > 4 * np.median(step)))
    return [line for line in lines if len(line) > 1]


def thinned(shell: Shell, most: int) -> Shell:
    """Thin a surface to at most `most` triangles.

    The nodes in each cell of a grid become one, in their middle, and triangles without area are dropped
    (Rossignac and Borrel, in Modeling in Computer Graphics, 455, 1993). The cells grow until few enough
    triangles are left.

    Parameters
    ----------
    shell : Shell
    most : int

    Returns
    -------
    Shell
        The same one if it is small enough. Values are means of those that are known.

    Examples
    --------
    >>> from headfield.heads.phantom import sphere_mesh
    >>> ball = sphere_mesh([50], tags=[2], edge_mm=5)
    >>> scalp = Scene(ball, np.ones(ball.n_tets)).scalp
    >>> 100 < len(thinned(scalp, 1000).faces) <= 1000 < len(scalp.faces)
    True
    """
    area = areas(shell.nodes_mm[shell.faces]).sum()
    cell, thin = float(np.sqrt(area / most)), shell
    while len(thin.faces) > most:
        thin = _clustered(shell, cell)
        cell *= 1.1
    return thin


def _clustered(shell: Shell, cell_mm: float) -> Shell:
    at = ((shell.nodes_mm - shell.nodes_mm.min(axis=0)) / cell_mm).astype(np.int64)
    size = at.max(axis=0) + 1
    _, cluster = np.unique((at[:, 0] * size[1] + at[:, 1]) * size[2] + at[:, 2], return_inverse=True)
    nodes = np.stack([_means(cluster, x) for x in shell.nodes_mm.T], axis=1)
    faces = cluster[shell.faces]
    alike = (faces == np.roll(faces, 1, axis=1)).any(axis=1)
    faces = faces[~alike]
    _, first = np.unique(np.sort(faces, axis=1), axis=0, return_index=True)
    used, corner = np.unique(faces[np.sort(first)], return_inverse=True)
    return Shell(nodes[used], corner.reshape(-1, 3), _means(cluster, shell.values)[used])


def _means(group: NDArray[np.intp], values: Floats, weights: Floats | None = None) -> Floats:
    """Return the mean of each group of values without NaN; it is NaN for a group that has only NaN."""
    weights = np.isfinite(values) * (1.0 if weights is None else weights)
    with np.errstate(invalid="ignore"):
        sums = np.bincount(group, np.nan_to_num(values) * weights)
        return np.asarray(sums / np.bincount(group, weights))


def _shell(nodes_mm: Floats, faces: NDArray[np.int32], values: NDArray[Any]) -> Shell:
    """Make a surface of the nodes that its faces use; values at nodes are means by area of those of faces."""
    used, corner = np.unique(faces, return_inverse=True)
    nodes, corner = nodes_mm[used], corner.reshape(-1, 3)
    area = areas(nodes[corner])
    at_nodes = _means(corner.ravel(), np.repeat(values.astype(np.float64), 3), np.repeat(area, 3))
    return Shell(nodes, corner, at_nodes)


def _placed(points_mm: Floats, matrix: Floats) -> Floats:
    return np.asarray(points_mm @ matrix[:3, :3].T + matrix[:3, 3])
