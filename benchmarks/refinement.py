# SPDX-License-Identifier: BSD-3-Clause
"""Linear, recovered and quadratic elements: errors on a head against its own refinement, and in spheres.

    pip install scikit-fem pyamg
    python benchmarks/refinement.py [--edges 8 5.6] [--quick]

The head is ``head_small`` from beside the checkout, with a figure-of-eight at two poses. Each tetrahedron is
divided into eight, once and twice. Measured on the head as it is and refined once are the E of linear
elements, what is recovered from it, and the E of quadratic elements by scikit-fem, with dA/dt summed over the
dipoles at all points of quadrature and conjugate gradients to 1e-8. There are two truths, since neither is
exact: the field recovered on the head refined twice (interface), and that of quadratic elements on the head
refined once, which has about as many unknowns.

Spheres are those of recovery.py, with the exact field. For each there is one of half the edges, without
quadratic elements: it has about as many nodes as those have unknowns, as has the next refinement of the head.
Errors are relative L2 norms over a tissue, all poses together, at four points in each of a random sample of
tetrahedra: the same points for all fields in a sphere, and for all in the head, whatever its refinement.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any, NamedTuple

import measure
import numpy as np
import pyamg
import scipy.sparse.linalg as sla
import skfem
from recovery import MOMENTS, POINTS, POSITIONS_MM, RADII_MM, TAGS
from skfem.helpers import dot, grad
from suite import heads

import headfield as hf

HERE = Path(__file__).resolve().parent
HEAD, COIL, N_POSES = "head_small", "fig8_70mm.ccd", 2
KINDS = ("elements", "patch", "interface")
PARTS = {"white": 1, "gray": 2, "CSF": 3}
MOST_TETS = 500_000  # in which errors are taken
PIECE = 100_000  # tetrahedra
QUADRATIC_TOL = 1e-8
DIDT = heads.DIDT
# Corners and middles of edges, 4 to 9 by EDGES: the children of a tetrahedron (Bey, Computing 55:355, 1995).
EDGES = np.array([[0, 1], [0, 2], [0, 3], [1, 2], [1, 3], [2, 3]])
CHILDREN = [0, 4, 5, 6, 4, 1, 7, 8, 5, 7, 2, 9, 6, 8, 9, 3, 4, 5, 6, 8, 4, 5, 7, 8, 5, 6, 8, 9, 5, 7, 8, 9]


class Case(NamedTuple):
    """A head, what is induced in it, and where: four points in each of m tetrahedra, or in parts of them."""

    model: hf.HeadModel
    coil: hf.Coil
    poses: np.ndarray  # (k, 4, 4) mm
    points_mm: np.ndarray  # (m, 4, 3)
    tets: np.ndarray  # (m,), around the points


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--edges", type=float, nargs="+", default=[8.0, 5.6])
    parser.add_argument("--quick", action="store_true", help="one sphere; the head refined once, not twice")
    parser.add_argument("--out", type=Path, default=HERE / "results" / "refinement.json")
    args = parser.parse_args()
    if args.quick:
        args.edges = args.edges[:1]
    spheres = []
    for edge in args.edges:
        spheres += [told(sphere(edge, quadratic=True)), told(sphere(edge / 2, quadratic=False))]
    try:
        meshes = refined_head(1 if args.quick else 2)
    except NotImplementedError as missing:
        print(f"{HEAD}: {missing}")
        meshes = []
    report = {"spheres": spheres, "head": HEAD, "meshes": meshes, "poses": N_POSES, "device": "cpu"}
    measure.write_report(args.out, vars(args), report)
    print(f"wrote {args.out}")
    return 0


def told(row: dict[str, Any]) -> dict[str, Any]:
    """The row, printed."""
    where = f"edge {row['edge_mm']:g} mm" if "edge_mm" in row else f"refined {row['refined']} times"
    print(f"{where}, {row['linear']['unknowns']:,} nodes, quadratic {row['quadratic']}", flush=True)
    for truth, parts in row["against"].items():
        for part, found in parts.items():
            each = "  ".join(f"{kind} {100 * error:.2f}" for kind, error in found["errors"].items())
            ratios = " ".join(f"{ratio:.3f}" for ratio in found["effectivity"].values())
            print(f"    {part}, against {truth}: {each} % (estimates over truth: {ratios})", flush=True)
    return row


def sphere(edge_mm: float, quadratic: bool) -> dict[str, Any]:
    """Errors in white and gray matter against the exact field, on one mesh."""
    mesh = hf.sphere_mesh(RADII_MM, TAGS, edge_mm)
    coil = hf.Coil(POSITIONS_MM, MOMENTS)
    tets = sample(mesh, (1, 2))
    case = Case(hf.HeadModel(mesh), coil, np.eye(4)[None], inside(mesh, tets), tets)
    fields, sizes = solved(case, quadratic)
    dipoles = (coil.dipole_positions_mm, coil.dipole_moments)
    exact = hf.analytic.sphere_tms_field(case.points_mm.reshape(-1, 3), *dipoles, DIDT).reshape(1, -1, 4, 3)
    return {"edge_mm": edge_mm} | sizes | {"against": {"exact": compared(fields, exact, mesh, tets)}}


def refined_head(times: int) -> list[dict[str, Any]]:
    """Errors on all but the finest mesh of a head, against the finest fields of both kinds."""
    levels = [heads.mesh(HEAD)]
    coil = hf.read_coil(heads.DATA / "coils" / COIL)
    poses = measure.spread(heads.DATA / "poses.npy", N_POSES)
    arrays: tuple[np.ndarray, ...] = (levels[0].nodes_mm, levels[0].tets, levels[0].tags)
    for _ in range(times):
        arrays = refine(*arrays)
        levels.append(hf.TetMesh(arrays[0], oriented(*arrays[:2]), arrays[2]))
    finest = levels[-1]
    tets = sample(finest, tuple(PARTS.values()))
    points = inside(finest, tets)
    truths = {
        "recovered": linear(Case(hf.HeadModel(finest), coil, poses, points, tets), KINDS[2:])["interface"]
    }
    found = []
    for level, mesh in enumerate(levels[:-1]):
        case = Case(hf.HeadModel(mesh), coil, poses, points, tets // 8 ** (times - level))
        found.append(solved(case, quadratic=True))
        print(f"refined {level} times: solved", flush=True)
    truths["quadratic"] = found[-1][0]["quadratic"]
    rows = []
    for level, (fields, sizes) in enumerate(found):
        against = {name: compared(fields, truth, finest, tets) for name, truth in truths.items()}
        rows.append(told({"refined": level} | sizes | {"against": against}))
    return rows


def refine(nodes: np.ndarray, tets: np.ndarray, tags: np.ndarray) -> tuple[np.ndarray, ...]:
    """Nodes, tetrahedra and tags of the mesh where each has eight children, one after the other."""
    pairs = np.sort(tets[:, EDGES], axis=2).astype(np.int64)
    keys, which = np.unique(pairs[..., 0] * len(nodes) + pairs[..., 1], return_inverse=True)
    middles = (nodes[keys // len(nodes)] + nodes[keys % len(nodes)]) / 2
    ten = np.concatenate([tets, len(nodes) + which.reshape(-1, 6)], axis=1).astype(np.int32)
    return np.concatenate([nodes, middles]), ten[:, CHILDREN].reshape(-1, 4), np.repeat(tags, 8)


def oriented(nodes: np.ndarray, tets: np.ndarray) -> np.ndarray:
    """The tetrahedra with corners in the order of a positive volume."""
    corners = nodes[tets]
    turned = np.linalg.det(corners[:, 1:] - corners[:, :1]) < 0
    tets = tets.copy()
    tets[turned] = tets[turned][:, [0, 1, 3, 2]]
    return tets


def sample(mesh: hf.TetMesh, tags: tuple[int, ...]) -> np.ndarray:
    """At most MOST_TETS of the tetrahedra of some tissues, ascending."""
    found = np.flatnonzero(np.isin(mesh.tags, tags))
    return np.sort(np.random.default_rng(0).permutation(found)[:MOST_TETS]).astype(np.int32)


def inside(mesh: hf.TetMesh, tets: np.ndarray) -> np.ndarray:
    """Four points in each tetrahedron, (m, 4, 3) mm."""
    return np.einsum("qi,mid->mqd", POINTS, mesh.nodes_mm[mesh.tets[tets]])


def barycentric(case: Case) -> np.ndarray:
    """The points' weights of the corners of their tetrahedra, (m, 4, 4)."""
    corners = case.model.mesh.nodes_mm[case.model.mesh.tets[case.tets]]
    edges = (corners[:, 1:] - corners[:, :1]).transpose(0, 2, 1)
    away = (case.points_mm - corners[:, :1]).transpose(0, 2, 1)
    rest = np.linalg.solve(edges, away).transpose(0, 2, 1)
    weights = np.concatenate([1 - rest.sum(axis=2, keepdims=True), rest], axis=2)
    assert weights.min() > 0, "a point lies outside of its tetrahedron"
    return weights


def linear(case: Case, kinds: tuple[str, ...]) -> dict[str, np.ndarray]:
    """E of linear elements and what is recovered from it, at the points: (k, m, 4, 3) V/m by kind."""
    roi = hf.Region(case.model.mesh, np.repeat(case.tets, 4), barycentric(case).reshape(-1, 4))
    numbers: dict[str, Any] = {"didt": DIDT, "tol": 1e-7, "primary_error": 0.0, "roi": roi}
    found = {}
    for kind in kinds:
        recovery = None if kind == "elements" else kind
        e = case.model.solve(case.coil, case.poses, recovery=recovery, **numbers).E
        found[kind] = e.reshape(len(case.poses), -1, 4, 3)
    return found


def quadratic_elements(case: Case) -> tuple[np.ndarray, dict[str, int]]:
    """E of quadratic elements at the points, (k, m, 4, 3) V/m; unknowns, nonzeros and iterations."""
    head = case.model.mesh
    mesh = skfem.MeshTet(np.ascontiguousarray(head.nodes_mm.T) * 1e-3, np.ascontiguousarray(head.tets.T))
    dofs = skfem.Dofs(mesh, skfem.ElementTetP2())
    matrix, loads = assembled(case, mesh, dofs)
    size = {"unknowns": matrix.shape[0], "nonzeros": matrix.nnz}
    matrix = matrix[1:, 1:].tocsr()  # the potential of the first node is zero
    hierarchy = pyamg.smoothed_aggregation_solver(matrix)
    solved = [conjugate_gradients(matrix, load[1:], hierarchy) for load in loads]
    weights, shape = barycentric(case), case.points_mm.shape
    fields = np.empty((len(case.poses), *shape), np.float32)
    for field, pose, (free, _) in zip(fields, case.poses, solved, strict=True):
        potential = np.concatenate([[0.0], free])
        field[:] = -DIDT * case.coil.vector_potential(case.points_mm.reshape(-1, 3), pose).reshape(shape)
        for some in pieces(len(case.tets)):
            # The gradient is linear in an element: at the corners it is enough.
            at = {"quadrature": (np.eye(4)[1:], np.ones(4)), "elements": case.tets[some], "dofs": dofs}
            basis = skfem.Basis(mesh, skfem.ElementTetP2(), disable_doflocs=True, **at)
            slope = np.asarray(basis.interpolate(potential).grad)
            field[some] -= np.einsum("mqi,dmi->mqd", weights[some], slope)
    return fields, size | {"iterations": max(took for _, took in solved)}


def assembled(case: Case, mesh: Any, dofs: Any) -> tuple[Any, np.ndarray]:
    """Stiffness matrix of quadratic elements, and the right-hand side of each pose."""
    stiffness = skfem.BilinearForm(lambda u, v, w: w.sigma * dot(grad(u), grad(v)))
    load = skfem.LinearForm(lambda v, w: -w.sigma * dot(w.rate, grad(v)))
    matrix, loads = 0, np.zeros((len(case.poses), dofs.N))
    for some in pieces(mesh.nelements):
        within = {"elements": np.arange(some.start, some.stop), "dofs": dofs, "disable_doflocs": True}
        basis = skfem.Basis(mesh, skfem.ElementTetP2(), intorder=4, **within)
        sigma = np.broadcast_to(case.model.conductivity[some, None], basis.dx.shape)
        matrix = matrix + stiffness.assemble(basis, sigma=sigma)
        places_mm = 1e3 * np.asarray(basis.global_coordinates()).reshape(3, -1).T
        for pose, total in zip(case.poses, loads, strict=True):
            rate = DIDT * case.coil.vector_potential(places_mm, pose)
            total += load.assemble(basis, sigma=sigma, rate=rate.T.reshape(3, *basis.dx.shape))
    return matrix, loads


def pieces(count: int) -> list[slice]:
    """What is worked on at a time, to bound the memory."""
    return [slice(start, min(start + PIECE, count)) for start in range(0, count, PIECE)]


def conjugate_gradients(matrix: Any, right: np.ndarray, hierarchy: Any) -> tuple[np.ndarray, int]:
    """The solution to QUADRATIC_TOL, checked, and the iterations that it took."""
    steps: list[int] = []
    found, failed = sla.cg(
        matrix,
        right,
        rtol=QUADRATIC_TOL,
        maxiter=1000,
        M=hierarchy.aspreconditioner(),
        callback=lambda _: steps.append(1),
    )
    residual = np.linalg.norm(right - matrix @ found) / np.linalg.norm(right)
    if failed or residual > 2 * QUADRATIC_TOL:
        raise RuntimeError(f"quadratic elements: residual {residual:.1e} after {len(steps)} iterations")
    return found, len(steps)


def solved(case: Case, quadratic: bool) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """E at the points by kind, (k, m, 4, 3) V/m; and the sizes of what was solved."""
    fields, sizes = linear(case, KINDS), {"linear": linear_size(case.model.mesh), "quadratic": None}
    if quadratic:
        fields["quadratic"], sizes["quadratic"] = quadratic_elements(case)
    return fields, sizes


def compared(
    fields: dict[str, np.ndarray], truth: np.ndarray, mesh: hf.TetMesh, tets: np.ndarray
) -> dict[str, Any]:
    """By part, errors of all but the truth, and estimates over it; tets of the mesh hold the points."""
    volumes, tags = mesh.volumes_mm3()[tets], mesh.tags[tets]
    found: dict[str, Any] = {}
    for name, tag in PARTS.items():
        part = tags == tag
        if not part.any():
            continue

        def norm(values: np.ndarray, part: np.ndarray = part) -> float:
            squares = (values[:, part].astype(np.float64) ** 2).sum(axis=3).mean(axis=2)
            return float(np.sqrt((squares @ volumes[part]).sum()))

        errors = {kind: norm(e - truth) / norm(truth) for kind, e in fields.items() if e is not truth}
        off = norm(fields["elements"] - truth)
        ratios = {kind: norm(fields[kind] - fields["elements"]) / off for kind in KINDS[1:]}
        found[name] = {"errors": errors, "effectivity": ratios}
    return found


def linear_size(mesh: hf.TetMesh) -> dict[str, int]:
    """Unknowns and nonzeros of the matrix of linear elements: a row has its node and those at its edges."""
    pairs = np.sort(mesh.tets[:, EDGES], axis=2).astype(np.int64)
    n_edges = len(np.unique(pairs[..., 0] * mesh.n_nodes + pairs[..., 1]))
    return {"unknowns": mesh.n_nodes, "nonzeros": mesh.n_nodes + 2 * n_edges}


if __name__ == "__main__":
    sys.exit(main())
