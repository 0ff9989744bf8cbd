# SPDX-License-Identifier: BSD-3-Clause
"""What facets cost, and what is gained by new nodes on smooth interfaces: spheres, folds, sample heads.

    pip install scikit-fem pyamg
    python benchmarks/curved.py [--edges 4.5 3] [--folds 3] [--heads head_small ...] [--quick]

Spheres are those of recovery.py, the folds those of the phantom. A ball is cut out below the coil and divided
into eight per tetrahedron, once and twice: with straight facets, with new nodes where ``interface_midpoints``
has them, and with new nodes on the analytic surface. E is that of quadratic elements by scikit-fem. The
potential at the rim is the exact one in spheres; in the phantom it is that of linear elements in the whole
head, the same for all. "isoparametric" are quadratic elements that are curved themselves, not divided.

Errors are relative L2 norms in gray matter, and in its part that is nearer than a tenth of an edge to where
it ends. In spheres they are against the exact field at points of each mesh; the truth of the phantom is its
field on the finest mesh with nodes on the analytic surface, at points of the mesh before refinement. For
sample heads there is no such truth: told is how many tetrahedra would be inside out, had all edges of all
tetrahedra been divided and had their middles moved without a limit, and how many are with it.
"""

from __future__ import annotations

import argparse
import dataclasses
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import measure
import numpy as np
import pyamg
import skfem
from recovery import MOMENTS, POSITIONS_MM, RADII_MM, TAGS
from refinement import EDGES, conjugate_gradients, oriented, refine
from scipy.spatial import cKDTree
from skfem.helpers import dot, grad
from suite import heads

import headfield as hf
from headfield.heads.conductivity import resolve as conductivities
from headfield.heads.curved import interface_midpoints, moved_nodes
from headfield.heads.phantom import phantom_surfaces
from headfield.heads.tetrahedra import volumes

HERE = Path(__file__).resolve().parent
DIDT, GRAY = heads.DIDT, 2
MARGIN, REACH = 5.2, 2.2  # edges: radius of the ball that is cut out, and of that in which errors are taken
PIECE = 50_000  # tetrahedra
NEAR = 40  # centres, one of which is that of the tetrahedron around a place
Floats = np.ndarray
Surface = Callable[[Floats], Floats]  # radii of all interfaces in directions (n, 3): (n, k) mm


class Ball(NamedTuple):
    """A head or a part of it, numbered by itself, and the potential that is given at its rim."""

    nodes_mm: Floats  # (n, 3)
    tets: Floats  # (m, 4)
    tags: Floats  # (m,)
    rim: Floats  # (n,) whether the potential at a node is given
    potential: Floats  # (n,) V


class Solution:
    """The potential of linear or quadratic elements, straight or curved, and E."""

    def __init__(
        self,
        part: Ball,
        coil: hf.Coil,
        pose: Floats,
        *,
        degree: int = 2,
        curved: bool = False,
        exact: bool = False,
    ) -> None:
        self.part = part
        self.rate = lambda places_mm: DIDT * coil.vector_potential(places_mm, pose)
        self.mesh = skfem.MeshTet(
            np.ascontiguousarray(part.nodes_mm.T) * 1e-3, np.ascontiguousarray(part.tets.T)
        )
        self.element = skfem.ElementTetP2() if degree == 2 else skfem.ElementTetP1()
        self.dofs = skfem.Dofs(self.mesh, self.element)
        edges = self.mesh.edges.T
        fixed, values = self.dofs.nodal_dofs[0][part.rim], part.potential[part.rim]
        if degree == 2:
            rim = part.rim[edges].all(axis=1)
            fixed = np.concatenate([fixed, self.dofs.edge_dofs[0][rim]])
            values = np.concatenate([values, part.potential[edges[rim]].mean(axis=1)])
            if exact:
                middles = part.nodes_mm[edges[rim]].mean(axis=1)
                values = exact_potential(coil, np.concatenate([part.nodes_mm[part.rim], middles]))
        if curved:
            self.mesh = self._bent(edges)
        self.unknowns = int(self.dofs.N) - len(fixed)
        self.potential = self._solved(fixed, values)

    def _bent(self, edges: Floats) -> Any:
        """The mesh with middles of edges where `interface_midpoints` has them."""
        part, bent = self.part, skfem.MeshTet2.from_mesh(self.mesh)
        places, middles = bent.doflocs.copy(), self.dofs.edge_dofs[0]
        assert np.allclose(places[:, middles].T, self.mesh.p.T[edges].mean(axis=1)), "edges in another order"
        places[:, middles] = 1e-3 * interface_midpoints(part.nodes_mm, part.tets, part.tags, edges).T
        return dataclasses.replace(bent, doflocs=places)

    def _basis(self, tets: Floats, **rule: Any) -> Any:
        within = {"elements": tets, "dofs": self.dofs, "disable_doflocs": True}
        return skfem.Basis(self.mesh, self.element, **within, **rule)

    def _solved(self, fixed: Floats, values: Floats) -> Floats:
        stiffness = skfem.BilinearForm(lambda u, v, w: w.sigma * dot(grad(u), grad(v)))
        load = skfem.LinearForm(lambda v, w: -w.sigma * dot(w.rate, grad(v)))
        matrix: Any = 0
        right = np.zeros(self.dofs.N)
        conductivity = conductivities(None, self.part.tags)
        for start in range(0, len(self.part.tets), PIECE):
            tets = np.arange(start, min(start + PIECE, len(self.part.tets)))
            basis = self._basis(tets, intorder=5)
            sigma = np.broadcast_to(conductivity[tets, None], basis.dx.shape)
            places = 1e3 * np.asarray(basis.global_coordinates()).reshape(3, -1).T
            rate = self.rate(places).T.reshape(3, *basis.dx.shape)
            matrix = matrix + stiffness.assemble(basis, sigma=sigma)
            right += load.assemble(basis, sigma=sigma, rate=rate)
        potential = np.zeros(self.dofs.N)
        potential[fixed] = values
        free = np.setdiff1d(np.arange(self.dofs.N), fixed)
        right = (right - matrix @ potential)[free]
        matrix = matrix[free][:, free].tocsr()
        hierarchy = pyamg.smoothed_aggregation_solver(matrix)
        potential[free] = conjugate_gradients(matrix, right, hierarchy)[0]
        return potential

    def at_quadrature(self, tets: Floats) -> tuple[Floats, Floats, Floats]:
        """Places (n, 3) mm in some tetrahedra, E there (n, 3) V/m, and volumes (n,) that they stand for."""
        basis = self._basis(tets, intorder=7)
        places = 1e3 * np.asarray(basis.global_coordinates()).reshape(3, -1).T
        slope = np.asarray(basis.interpolate(self.potential).grad).reshape(3, -1).T
        return places, -slope - self.rate(places), basis.dx.ravel()

    def at_places(self, places_mm: Floats) -> Floats:
        """E (n, 3), V/m, at places (n, 3) in straight tetrahedra of gray matter, NaN in others."""
        part = self.part
        gray = np.flatnonzero(part.tags == GRAY)
        corners = part.nodes_mm[part.tets[gray]]
        inverse = np.linalg.inv((corners[:, 1:] - corners[:, :1]).transpose(0, 2, 1))
        near = cKDTree(corners.mean(axis=1)).query(places_mm, k=NEAR)[1]
        inner = np.einsum("nkij,nkj->nki", inverse[near], places_mm[:, None] - corners[near, 0])
        weights = np.concatenate([1 - inner.sum(axis=2, keepdims=True), inner], axis=2)
        best = weights.min(axis=2).argmax(axis=1)
        weights, tets = weights[np.arange(len(best)), best], near[np.arange(len(best)), best]
        # The gradient is linear in an element: at the corners it is enough.
        basis = self._basis(gray, quadrature=(np.eye(4)[1:], np.ones(4)))
        slope = np.asarray(basis.interpolate(self.potential).grad)[:, tets]
        e = -np.einsum("nq,dnq->nd", weights, slope) - self.rate(places_mm)
        e[weights.min(axis=1) < -1e-9] = np.nan
        return e


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--edges", type=float, nargs="*", default=[4.5, 3.0], help="of spheres, mm")
    parser.add_argument("--folds", type=float, nargs="*", default=[3.0], help="edges of phantoms, mm")
    parser.add_argument("--heads", nargs="*", default=["head_small", "head_medium", "head_large"])
    parser.add_argument("--quick", action="store_true", help="a coarse sphere and phantom, the smallest head")
    parser.add_argument("--out", type=Path, default=HERE / "results" / "curved.json")
    args = parser.parse_args()
    if args.quick:
        args.edges, args.folds, args.heads = [8.0], [6.0], ["head_small"]
    spheres = [told(sphere(edge)) for edge in args.edges]
    folds = [told(phantom(edge)) for edge in args.folds]
    turned = []
    for name in args.heads:
        try:
            turned.append(turned_over(name))
        except NotImplementedError as missing:
            print(f"{name}: {missing}")
            continue
        print(turned[-1], flush=True)
    report = {"spheres": spheres, "folds": folds, "heads": turned, "device": "cpu"}
    measure.write_report(args.out, vars(args), report)
    print(f"wrote {args.out}")
    return 0


def told(row: dict[str, Any]) -> dict[str, Any]:
    """The row, printed."""
    for kind, (gray, near, unknowns) in row["errors"].items():
        errors = f"{gray:.3f} % in gray matter, {near:.3f} % where it ends"
        print(f"{row['edge_mm']:g} mm, {kind}: {errors}; {unknowns:,} unknowns")
    sys.stdout.flush()
    return row


def sphere(edge_mm: float) -> dict[str, Any]:
    """Errors against the exact field, by how often the mesh is divided and where new nodes are put."""
    mesh, coil = hf.sphere_mesh(RADII_MM, TAGS, edge_mm), hf.Coil(POSITIONS_MM, MOMENTS)
    whole = Ball(mesh.nodes_mm, mesh.tets, mesh.tags, np.zeros(mesh.n_nodes, bool), np.zeros(mesh.n_nodes))
    target = 75 * POSITIONS_MM[0] / np.linalg.norm(POSITIONS_MM[0])
    dipoles = (coil.dipole_positions_mm, coil.dipole_moments, DIDT)
    errors = {}
    for kind, part in meshes(cut(whole, target, MARGIN * edge_mm), sphere_radii):
        solution = Solution(part, coil, np.eye(4), curved=kind == "isoparametric", exact=True)
        places, e, weights = solution.at_quadrature(gray_within(part, target, REACH * edge_mm))
        exact = hf.analytic.sphere_tms_field(places, *dipoles)
        near = np.abs(np.linalg.norm(places, axis=1)[:, None] - RADII_MM[:2]).min(axis=1) < 0.1 * edge_mm
        errors[kind] = (*relative(e, exact, weights, near), solution.unknowns)
    return {"edge_mm": edge_mm, "errors": errors}


def phantom(edge_mm: float) -> dict[str, Any]:
    """Errors in folds against the field on the finest mesh whose new nodes are on the analytic surface."""
    mesh, coil, marks = hf.phantom_head(edge_mm), heads.coil(), hf.phantom_landmarks()
    pose = hf.place(hf.phantom_head(8.0), marks["left_motor"], marks["forehead"], 4.0)
    one = np.arange(mesh.n_nodes) == 0
    whole = Ball(mesh.nodes_mm, mesh.tets, mesh.tags, one, np.zeros(mesh.n_nodes))
    whole = whole._replace(potential=Solution(whole, coil, pose, degree=1).potential)
    target = marks["left_motor"] * (1 - 16 / np.linalg.norm(marks["left_motor"]))
    first = cut(whole, target, MARGIN * edge_mm)
    chosen = gray_within(first, target, REACH * edge_mm)
    points, weights = skfem.quadrature.get_quadrature(skfem.refdom.RefTet, 5)
    corners = np.vstack([1 - points.sum(axis=0), points])
    places = np.einsum("iq,mid->mqd", corners, first.nodes_mm[first.tets[chosen]]).reshape(-1, 3)
    weights = (volumes(first.nodes_mm, first.tets[chosen])[:, None] * weights).ravel()
    found, unknowns = {}, {}
    for kind, part in meshes(first, phantom_surfaces):
        if kind != "isoparametric":
            solution = Solution(part, coil, pose)
            found[kind], unknowns[kind] = solution.at_places(places), solution.unknowns
    truth, radii = found["analytic, twice"], np.linalg.norm(places, axis=1)[:, None]
    near = np.abs(radii - phantom_surfaces(places)[:, :2]).min(axis=1) < 0.1 * edge_mm
    # What lies between a facet and the surface is of another tissue in one of the two, and is left out.
    both = np.all([np.isfinite(e).all(axis=1) for e in found.values()], axis=0)
    shown = {k: relative(e[both], truth[both], weights[both], near[both]) for k, e in found.items()}
    errors = {kind: (*error, unknowns[kind]) for kind, error in shown.items() if kind != "analytic, twice"}
    return {"edge_mm": edge_mm, "left_out": 1 - both.mean(), "errors": errors}


def turned_over(name: str) -> dict[str, Any]:
    """What happens to the tetrahedra of a head where the middles of all edges become nodes, and move."""
    mesh = heads.mesh(name)
    edges, _ = edges_of(mesh.tets)
    nodes, tets, _ = refine(mesh.nodes_mm, mesh.tets, mesh.tags)
    tets, moves = oriented(nodes, tets), np.zeros_like(nodes)
    moves[mesh.n_nodes :] = interface_midpoints(mesh.nodes_mm, mesh.tets, mesh.tags, edges)
    moves[mesh.n_nodes :] -= nodes[mesh.n_nodes :]
    far = np.linalg.norm(moves, axis=1)
    moved = far > 1e-9
    tets = tets[moved[tets].any(axis=1)]
    limited = moved_nodes(nodes, tets, moves)
    kept = np.linalg.norm(limited - nodes, axis=1)[moved] / far[moved]
    return {
        "head": name,
        "moved": int(moved.sum()),
        "moves_mm": [float(q) for q in np.quantile(far[moved], [0.5, 0.95, 1])],
        "tets": len(tets),
        "turned": int((volumes(nodes + moves, tets) <= 0).sum()),
        "turned_limited": int((volumes(limited, tets) <= 0).sum()),
        "shortened": float((kept < 0.99).mean()),
    }


def sphere_radii(places_mm: Floats) -> Floats:
    return np.tile(RADII_MM, (len(places_mm), 1))


def meshes(part: Ball, surface: Surface) -> Iterator[tuple[str, Ball]]:
    """The part as it is, and divided once and twice, by where new nodes are put."""
    yield "as it is", part
    yield "isoparametric", part
    for kind in ("facets", "fitted", "analytic"):
        divided = part
        for times in ("once", "twice"):
            divided = divide(divided, kind, surface)
            yield f"{kind}, {times}", divided


def divide(part: Ball, kind: str, surface: Surface) -> Ball:
    """Eight tetrahedra of each, with new nodes on facets, on the fitted or on the analytic surface."""
    n, (edges, _) = len(part.nodes_mm), edges_of(part.tets)
    nodes, tets, tags = refine(part.nodes_mm, part.tets, part.tags)
    tets, places = oriented(nodes, tets), nodes.copy()
    if kind == "fitted":
        places[n:] = interface_midpoints(part.nodes_mm, part.tets, part.tags, edges)
    elif kind == "analytic":
        places[n:] = on_surface(part.nodes_mm, edges, surface)
    rim = np.concatenate([part.rim, part.rim[edges].all(axis=1)])
    places[rim] = nodes[rim]
    potential = np.concatenate([part.potential, part.potential[edges].mean(axis=1)])
    return Ball(moved_nodes(nodes, tets, places - nodes), tets, tags, rim, potential)


def on_surface(nodes_mm: Floats, edges: Floats, surface: Surface) -> Floats:
    """Middles of edges, those between two nodes of an interface put onto it along the radius."""
    middles = nodes_mm[edges].mean(axis=1)
    off_centre = np.linalg.norm(nodes_mm, axis=1) > 1e-6
    radii = np.zeros((len(nodes_mm), len(RADII_MM)))
    radii[off_centre] = surface(nodes_mm[off_centre])
    on = np.abs(np.linalg.norm(nodes_mm, axis=1)[:, None] - radii) < 1e-6
    some, which = np.nonzero(on[edges].all(axis=1))
    lengths = np.linalg.norm(middles[some], axis=1)
    middles[some] *= (surface(middles[some])[np.arange(len(some)), which] / lengths)[:, None]
    return middles


def cut(whole: Ball, centre_mm: Floats, radius_mm: float) -> Ball:
    """The tetrahedra around a place; given is the potential of nodes that others have too."""
    inside = np.linalg.norm(whole.nodes_mm[whole.tets].mean(axis=1) - centre_mm, axis=1) < radius_mm
    used, tets = np.unique(whole.tets[inside], return_inverse=True)
    rim = np.isin(used, whole.tets[~inside])
    tets = tets.reshape(-1, 4).astype(np.int32)
    return Ball(whole.nodes_mm[used], tets, whole.tags[inside], rim, whole.potential[used])


def gray_within(part: Ball, centre_mm: Floats, radius_mm: float) -> Floats:
    centres = part.nodes_mm[part.tets].mean(axis=1)
    return np.flatnonzero((part.tags == GRAY) & (np.linalg.norm(centres - centre_mm, axis=1) < radius_mm))


def edges_of(tets: Floats) -> tuple[Floats, Floats]:
    """Edges, each once, in the order of their middles in `refine`; and those of each tetrahedron."""
    pairs = np.sort(tets[:, EDGES], axis=2).astype(np.int64)
    n = int(tets.max()) + 1
    keys, which = np.unique(pairs[..., 0] * n + pairs[..., 1], return_inverse=True)
    return np.stack([keys // n, keys % n], axis=1), which.reshape(-1, 6)


def exact_potential(coil: hf.Coil, places_mm: Floats) -> Floats:
    """The potential in a sphere, V, from its centre along the radius, where E is none."""
    points, weights = np.polynomial.legendre.leggauss(40)
    total = np.zeros(len(places_mm))
    for point, weight in zip((points + 1) / 2, weights / 2, strict=True):
        rate = DIDT * coil.vector_potential(point * places_mm, np.eye(4))
        total -= weight * np.einsum("nd,nd->n", rate, 1e-3 * places_mm)
    return total


def relative(e: Floats, truth: Floats, weights: Floats, near: Floats) -> tuple[float, float]:
    """Relative L2 errors, %, at all points and at those near an interface."""
    off, size = weights * ((e - truth) ** 2).sum(axis=1), weights * (truth**2).sum(axis=1)
    everywhere, there = (100 * np.sqrt(off[some].sum() / size[some].sum()) for some in (size >= 0, near))
    return float(everywhere), float(there)


if __name__ == "__main__":
    sys.exit(main())
