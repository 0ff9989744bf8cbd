# SPDX-License-Identifier: BSD-3-Clause
"""Thicker and thinner layers of a head, by moving nodes: no remeshing, and the same tetrahedra."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..core.arguments import finite_number
from ..core.device import cpu, select
from ..core.messages import nearest_name
from ..core.multigrid import hierarchy_of
from ..errors import MeshError
from .curved import moved_nodes
from .mesh import TetMesh
from .tetrahedra import volumes
from .tissues import AIR, BLOOD, BONES, BRAIN, CARTILAGE, CSF, ELECTRODES, EYES, SCALP

__all__ = ["LAYERS", "Thickening", "thickened"]

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

#: Layers that can be thickened, and their tags. Vessels in the CSF are part of it, most being those under the
#: skull.
LAYERS = {"csf": (CSF, BLOOD), "skull": BONES, "scalp": (SCALP,)}

_SOFT = (EYES, 10, CARTILAGE, 12)  # between skull and scalp: they move with the skull's outside
_ORDER = (BRAIN, LAYERS["csf"], BONES, _SOFT, LAYERS["scalp"])  # from inside to outside
_TOLERANCE, _ITERATIONS = 1e-8, 500
_LEAST = 0.05  # of its volume, that a tetrahedron must keep: less, and its shape spoils the field around
_NO_GRADIENT = 1e-5  # of the median, that rounding is as large as
_HALVINGS = 20  # of the interval around the largest change that holds


def thickened(mesh: TetMesh, layer: str, delta_mm: float, *, hold_back: bool = False) -> TetMesh:
    """Make a layer of a head thicker or thinner by moving nodes.

    What lies inside of the layer stays; the layer's outer surface, and all outside of it, moves outward by
    `delta_mm`. Within the layer nodes move by a share of it that is harmonic there, 0 at the inner and 1 at
    the outer surface. Outward is the gradient of one function for all layers, harmonic between the surface of
    the brain and the skin. Where the layer is missing, so that tissues from inside and outside of it touch,
    the nodes they share stay, and the next layer outward takes up the change.

    Parameters
    ----------
    mesh : TetMesh
    layer : {"scalp", "skull", "csf"}
        Tags 5; 4, 7 and 8; 3, and 9 (blood).
    delta_mm : float
        mm; less than 0 makes it thinner. 0 gives a mesh of the same nodes.
    hold_back : bool
        Move nodes less where a tetrahedron would lose more than 0.7 of its volume, in place of refusing: a
        layer of half a millimetre can't get one millimetre thinner, and heads of people have such places.

    Returns
    -------
    TetMesh
        Of the same tetrahedra, tags, fields and ids in the same order, so that regions follow by their
        `elements`, and conductivities as they are.

    Raises
    ------
    MeshError
        Not a layer; the head has none of it, or nothing inside of it; tags of which it is not known whether
        they lie inside; a change at which a tetrahedron would keep less than 5 % of its volume: the message
        says how large a change holds.

    Examples
    --------
    >>> import headfield as hf
    >>> head = hf.sphere_mesh(radii_mm=[78, 80, 86, 92], tags=[2, 3, 4, 5], edge_mm=14)
    >>> thicker = hf.thickened(head, "skull", 1.5)
    >>> radius = np.linalg.norm(thicker.nodes_mm, axis=1)
    >>> [round(float(radius[thicker.tets[thicker.tags == tag]].max()), 2) for tag in (2, 3, 4, 5)]
    [78.0, 80.0, 87.5, 93.5]
    """
    return Thickening.of(mesh, layer).moved(delta_mm, hold_back=hold_back)


@dataclass(frozen=True, eq=False)
class Thickening:
    """How the nodes of a head move while a layer of it gets thicker; found once for any change.

    Attributes
    ----------
    mesh : TetMesh
    layer : str
    moves : ndarray (n, 3) float64
        mm of each node per mm of the layer.
    outer : ndarray (n,) bool
        Nodes of the outer surface of the layer.
    """

    mesh: TetMesh
    layer: str
    moves: Floats
    outer: Bools

    @classmethod
    def of(cls, mesh: TetMesh, layer: str) -> Thickening:
        """Find it; errors are those of `thickened`."""
        if not isinstance(mesh, TetMesh):
            raise MeshError(f"mesh must be a TetMesh (see read_mesh), not {type(mesh).__name__}")
        if layer not in LAYERS:
            near = nearest_name(layer, LAYERS)
            raise MeshError(f"layer must be one of {', '.join(map(repr, LAYERS))}, not {layer!r}{near}")
        rank, own = _ranks(mesh), _ORDER.index(LAYERS[layer])
        if not (rank == own).any():
            raise MeshError(f"the head has no {layer}: no tetrahedron has tag {_tags(LAYERS[layer])}")
        if not (rank < own).any():
            raise MeshError(
                f"there is nothing inside of the {layer} of this head, so that it has no thickness"
            )
        skin = np.zeros(mesh.n_nodes, bool)
        skin[mesh.skin()] = True
        # One harmonic function says where outward is: from what lies innermost to the skin.
        inmost = _touched(mesh, rank == rank.min())
        potential = _harmonic(mesh, rank > rank.min(), inmost, skin & ~inmost)
        inside, outside = _touched(mesh, rank < own), _touched(mesh, rank > own)
        layer_nodes = _touched(mesh, rank == own)
        one = (outside | (skin & layer_nodes)) & ~inside
        share = _harmonic(mesh, rank == own, inside, one)
        moves = share[:, None] * _directions(mesh, potential, rank > rank.min())
        return cls(mesh, layer, moves, one & layer_nodes)

    def moved(self, delta_mm: float, *, hold_back: bool = False) -> TetMesh:
        """Return the head with the layer thicker by `delta_mm`; see `thickened`."""
        delta = finite_number(delta_mm, "delta_mm", MeshError)
        moves, nodes = delta * self.moves, self.mesh.nodes_mm
        if hold_back:
            return self.mesh.with_nodes(moved_nodes(nodes, self.mesh.tets, moves))
        if not self.holds(delta):
            raise MeshError(
                f"the {self.layer} can't be {abs(delta):g} mm {'thicker' if delta > 0 else 'thinner'} by "
                f"moving nodes: a tetrahedron would keep less than {100 * _LEAST:g} % of its volume. "
                f"{abs(self.largest(delta)):.3g} mm holds; hold_back=True moves less where it has to"
            )
        return self.mesh.with_nodes(nodes + moves)

    def reached(self, moved: TetMesh, delta_mm: float) -> float:
        """Return how much of a change, 0 to 1, a head that was moved by it has, on average over its nodes."""
        way = np.linalg.norm((moved.nodes_mm - self.mesh.nodes_mm)[self.outer], axis=1).mean()
        return float(way / abs(delta_mm)) if delta_mm else 1.0

    def holds(self, delta_mm: float) -> bool:
        """Whether all tetrahedra keep enough of their volume."""
        tets = self.mesh.tets[self._changing]
        moved = volumes(self.mesh.nodes_mm + delta_mm * self.moves, tets)
        return bool((moved >= _LEAST * volumes(self.mesh.nodes_mm, tets)).all())

    def largest(self, delta_mm: float) -> float:
        """Return the largest change, mm, that holds, from 0 to `delta_mm` and to a millionth of it."""
        low, high = 0.0, delta_mm
        for _ in range(_HALVINGS):
            middle = 0.5 * (low + high)
            low, high = (middle, high) if self.holds(middle) else (low, middle)
        return low

    @property
    def _changing(self) -> Bools:
        moving: Bools = np.asarray(self.moves.any(axis=1))
        return np.asarray(moving[self.mesh.tets].any(axis=1))


def _ranks(mesh: TetMesh) -> NDArray[np.int64]:
    """Return the place of each tetrahedron from inside to outside, (m,); MeshError if it is not known."""
    tags = np.unique(mesh.tags).tolist()
    known = {tag: place for place, some in enumerate(_ORDER) for tag in some}
    around = {tag: len(_ORDER) for tag in tags if tag in ELECTRODES or tag <= AIR}
    unknown = [tag for tag in tags if tag not in known and tag not in around]
    if unknown:
        raise MeshError(f"tag {_tags(unknown)}: whether it lies inside or outside of a layer is not known")
    places: NDArray[np.int64] = np.array([(known | around)[tag] for tag in tags])
    return np.asarray(places[np.searchsorted(tags, mesh.tags)])


def _tags(tags: object) -> str:
    return " or ".join(map(str, tags))  # type: ignore[call-overload]


def _touched(mesh: TetMesh, tets: Bools) -> Bools:
    """Return which nodes (n,) some tetrahedra (m,) have."""
    result = np.zeros(mesh.n_nodes, bool)
    result[mesh.tets[tets]] = True
    return result


def _harmonic(mesh: TetMesh, where: Bools, zero: Bools, one: Bools) -> Floats:
    """Return the function (n,) that is harmonic in tetrahedra `where`, and 0 and 1 at some nodes.

    Nodes of no such tetrahedron have 1 if that is asked for, else 0.
    """
    nodes, corners = np.unique(mesh.tets[where], return_inverse=True)
    fixed = (zero | one)[nodes]
    result = one.astype(np.float64)
    if fixed.all() or not one[nodes].any():
        return result
    tets = corners.reshape(-1, 4).astype(np.int32)
    matrix = cpu.assemble(mesh.nodes_mm[nodes] * 1e-3, tets, np.ones(len(tets)))[:3]
    hierarchy = hierarchy_of(select("cpu"), matrix, fixed)
    b = np.zeros((len(nodes), 1))
    cpu.subtract_product(*matrix, result[nodes][:, None], b)
    b[fixed] = 0.0
    found = np.zeros(len(nodes))
    report = cpu.solve_in_float64(hierarchy, np.ascontiguousarray(b[:, 0]), found, _TOLERANCE, _ITERATIONS)
    if not report.converged:
        raise MeshError(
            f"how the layers lie was not found: residual {report.residual:.3g} ({report.stopped})"
        )
    # Obtuse tetrahedra can push a share a little beyond its ends.
    result[nodes] = np.where(fixed, result[nodes], np.clip(found, 0.0, 1.0))
    return result


def _directions(mesh: TetMesh, potential: Floats, where: Bools) -> Floats:
    """Return unit vectors (n, 3) along the gradient of a function at nodes, a mean over tetrahedra `where`.

    Where it has none, as in a corner of the scalp all of whose nodes lie on the skin, the mean of neighbours.
    """
    tets = mesh.tets[where]
    x, p = mesh.nodes_mm[tets], potential[tets]
    a, b, c = (x[:, i] - x[:, 0] for i in (1, 2, 3))
    # Six times the volume times the gradient: a mean by volume.
    gradient = (p[:, 1] - p[:, 0])[:, None] * np.cross(b, c)
    gradient += (p[:, 2] - p[:, 0])[:, None] * np.cross(c, a)
    gradient += (p[:, 3] - p[:, 0])[:, None] * np.cross(a, b)
    total = _sums_at_nodes(tets, gradient, mesh.n_nodes)
    length = np.linalg.norm(total, axis=1, keepdims=True)
    least = _NO_GRADIENT * np.median(length[np.unique(tets)])
    unit = np.divide(total, length, out=np.zeros_like(total), where=length > least)
    near = _sums_at_nodes(tets, unit[tets].sum(axis=1), mesh.n_nodes)
    near /= np.maximum(np.linalg.norm(near, axis=1, keepdims=True), np.finfo(float).tiny)
    return np.where(length > least, unit, near)


def _sums_at_nodes(tets: NDArray[np.int32], values: Floats, n_nodes: int) -> Floats:
    """Return the sums (n, 3) over the tetrahedra around each node of their values (m, 3)."""
    corners = tets.ravel()
    columns = [np.bincount(corners, np.repeat(column, 4), minlength=n_nodes) for column in values.T]
    return np.stack(columns, axis=1)
