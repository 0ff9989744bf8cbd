# SPDX-License-Identifier: BSD-3-Clause
"""What recovery gains and costs: errors against the exact field in spheres, its share of a solve on heads.

    python benchmarks/recovery.py [--edges 8 5.6 4 2.8 2] [--heads phantom_162k head_large] [--quick]

Spheres have the layers of a head, 70 to 92 mm, and a third of that for edges below 2 mm. Errors are relative
L2 norms of E over a layer, four points in each tetrahedron, E linear between the recovered corners. Orders
are slopes over the edges of one sphere. The cost is that of 32 poses in gray matter, beside the solve of the
same batch; the operator is built once for a region.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path
from typing import Any

import measure
import numpy as np
from suite import heads

import headfield as hf

HERE = Path(__file__).resolve().parent
RADII_MM, TAGS = np.array([70.0, 78.0, 80.0, 86.0, 92.0]), (1, 2, 3, 4, 5)
# Of the magnetic dipoles of a coil over the sphere.
POSITIONS_MM, MOMENTS = np.array([[30.0, 20, 110], [-20, 10, 112]]), np.array([[1.0, 2, 3], [-1, 0.5, -2]])
KINDS = ("elements", "patch", "interface")
PARTS = ("inside", "white", "gray")
SMALL = 1.0 / 3.0  # of the radii, for edges that a whole head would take a cluster for
# Four points of a tetrahedron that integrate quadratics exactly.
POINTS = np.full((4, 4), 0.1381966011250105) + 0.4472135954999580 * np.eye(4)
MOST_TETS = 400_000  # in which errors are taken
REPEATS = 3


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--edges", type=float, nargs="+", default=[8.0, 5.6, 4.0, 2.8, 2.0, 1.6, 1.13, 0.8])
    parser.add_argument("--heads", nargs="*", default=["phantom_162k", "head_large"])
    parser.add_argument(
        "--quick", action="store_true", help="the two coarsest edges and the smallest phantom"
    )
    parser.add_argument("--out", type=Path, default=HERE / "results" / "recovery.json")
    args = parser.parse_args()
    if args.quick:
        args.edges, args.heads = args.edges[:2], ["phantom_29k"]
    spheres = []
    for edge in args.edges:
        spheres.append(sphere(edge, 1.0 if edge >= 2.0 else SMALL))
        told = "  ".join(f"{part} {show(spheres[-1][part])}" for part in PARTS)
        print(f"edge {edge:g} mm, {spheres[-1]['nodes']:,} nodes: {told}", flush=True)
    fitted = orders(spheres)
    print("orders:", fitted)
    costs = []
    for head in args.heads:
        try:
            costs.append(cost(head))
        except NotImplementedError as missing:
            print(f"{head}: {missing}")
            continue
        print({key: value if isinstance(value, str) else round(value, 4) for key, value in costs[-1].items()})
    report = {"spheres": spheres, "orders": fitted, "costs": costs, "device": "cpu"}
    measure.write_report(args.out, vars(args), report)
    print(f"wrote {args.out}")
    return 0


def show(errors: dict[str, float]) -> str:
    return " ".join(f"{100 * errors[kind]:.3f}" for kind in KINDS) + f" % ({errors['effectivity']:.3f})"


def sphere(edge_mm: float, size: float) -> dict[str, Any]:
    """Errors of one mesh by part and kind, and what is estimated for the elements over the truth."""
    mesh = hf.sphere_mesh(size * RADII_MM, TAGS, edge_mm)
    model = hf.HeadModel(mesh)
    coil = hf.Coil(size * POSITIONS_MM, MOMENTS)
    farthest = np.linalg.norm(mesh.nodes_mm[mesh.tets], axis=2).max(axis=1)
    inner = np.flatnonzero(np.isin(mesh.tags, (1, 2)))
    chosen = np.sort(np.random.default_rng(0).permutation(inner)[:MOST_TETS]).astype(np.int32)
    places = np.einsum("qk,mkd->mqd", POINTS, mesh.nodes_mm[mesh.tets[chosen]])
    exact = hf.analytic.sphere_tms_field(
        places.reshape(-1, 3), coil.dipole_positions_mm, coil.dipole_moments, 1e6
    ).reshape(places.shape)
    numbers: dict[str, Any] = {"didt": 1e6, "tol": 1e-8, "primary_error": 0.0}
    fields = {"elements": model.solve(coil, np.eye(4), elements=chosen, **numbers).E[0][:, None]}
    corners = hf.Region(mesh, np.repeat(chosen, 4), np.tile(np.eye(4), (len(chosen), 1)))
    for kind in KINDS[1:]:
        at = model.solve(coil, np.eye(4), roi=corners, recovery=kind, **numbers).E[0].reshape(-1, 4, 3)
        fields[kind] = np.einsum("qk,mkd->mqd", POINTS, at)
    parts = {
        "inside": farthest[chosen] < 0.86 * size * RADII_MM[0],
        "white": mesh.tags[chosen] == 1,
        "gray": mesh.tags[chosen] == 2,
    }
    volume = mesh.volumes_mm3()[chosen]

    def norm(values: np.ndarray, part: np.ndarray) -> float:
        return float(np.sqrt(volume[part] @ (values[part] ** 2).sum(axis=2).mean(axis=1)))

    row: dict[str, Any] = {"edge_mm": edge_mm, "radius_mm": size * RADII_MM[-1], "nodes": mesh.n_nodes}
    for name, part in parts.items():
        row[name] = {kind: norm(e - exact, part) / norm(exact, part) for kind, e in fields.items()}
        changed = norm(fields["interface"] - fields["elements"], part)
        row[name]["effectivity"] = changed / norm(fields["elements"] - exact, part)
    return row


def orders(spheres: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Slopes of the errors over the edges, of each sphere with at least two."""
    found = []
    for radius in sorted({row["radius_mm"] for row in spheres}, reverse=True):
        rows = [row for row in spheres if row["radius_mm"] == radius]
        if len(rows) < 2:
            continue
        edges = np.log([row["edge_mm"] for row in rows])
        slopes = {
            part: {k: float(np.polyfit(edges, np.log([r[part][k] for r in rows]), 1)[0]) for k in KINDS}
            for part in PARTS
        }
        found.append({"radius_mm": radius} | slopes)
    return found


def cost(head: str) -> dict[str, Any]:
    """Seconds of a batch of 32 poses in gray matter: of the solve, and what recovery adds to it."""
    model, coil, poses = hf.HeadModel(heads.mesh(head)), heads.coil(), heads.poses(head)
    roi = hf.regions.tissue(model.mesh, heads.GRAY)
    start = time.perf_counter()
    model.solve(coil, poses[:1], roi=roi, recovery="interface", batch=1)
    first = time.perf_counter() - start
    start = time.perf_counter()
    model.solve(coil, poses[:1], roi=roi, recovery="interface", batch=1)
    again = time.perf_counter() - start
    rows = []
    for _ in range(REPEATS):
        plain = model.solve(coil, poses, roi=roi).report.seconds
        more = model.solve(coil, poses, roi=roi, recovery="interface").report.seconds
        added = more["recovery"] + more["field"] - plain["field"]
        rows.append((plain["solve"], added, added / plain["solve"]))
    solve, added, share = np.median(rows, axis=0)
    told = {"head": head, "nodes": model.mesh.n_nodes, "elements": len(roi)}
    return told | {"build_s": first - again, "solve_s": solve, "recovery_s": added, "share": share}


if __name__ == "__main__":
    sys.exit(main())
