# SPDX-License-Identifier: BSD-3-Clause
"""Hold the numbers that noise can't move against those that were committed.

    python benchmarks/gate.py             # exit code 1 where one of them has moved
    python benchmarks/gate.py --update    # the numbers of this tree become the committed ones

Iterations, complexity of the hierarchy, bytes and operations counted from its sizes, and errors against the
exact field in a sphere. A number that has become worse is a regression; one that has become better is to be
committed with the change that made it so, or the gain can be lost again unseen. The numbers don't depend on
the machine but for the last digits, which instruction sets and versions of SciPy move: hence the tolerances.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

import costs
import numpy as np
from measure import table
from suite import heads, steps

import headfield as hf
from headfield import analytic

COMMITTED = Path(__file__).resolve().parent / "gate.json"
WIDTH = 16
HEADS = ("sphere", "phantom_29k", "phantom_69k")
TOLERANCE = 1e-6
# How far a number may lie from the committed one, relative to that; the rest is to be exact.
SLACK = {
    "iterations of 16 poses": 0.02,
    "operator complexity": 1e-3,
    "bytes held per node": 1e-3,
    "bytes per node and pose": 1e-3,
    "bytes per node, pose and iteration": 1e-3,
    "flops per node, pose and iteration": 1e-3,
    "relative L2 error of E": 1e-3,
    "RDM of E": 1e-3,
    "lnMAG of E": 2e-2,
    "bound of the primary field's error": 0.05,
    # Which edges are halved follows from fields in float32.
    "tetrahedra of a zoom": 5e-3,
    "unknowns of a zoom": 5e-3,
    "nonzeros of a zoom": 5e-3,
    "error that a zoom reports": 1e-2,
    "relative L2 error of a zoom's E": 1e-2,
    "value of a search, V/m": 1e-3,
    "relative error of a search's value": 2e-2,
    "lattice points of a reciprocal field": 1e-3,
}
ZOOM_MM, ZOOM_RADIUS_MM, ZOOM_ERROR = (-33.0, -6.0, 57.0), 15.0, 0.02


def numbers() -> dict[str, dict[str, float]]:
    """Of each head: name of the number and its value."""
    found = {name: of_head(name) for name in HEADS}
    found["sphere"] |= of_zoom() | of_search()
    return found


def of_search() -> dict[str, float]:
    """The numbers of a search in the sphere; its value against the exact field at the pose that it found."""
    mesh, said = heads.mesh("sphere"), list[str]()
    target = hf.Target(hf.regions.sphere(mesh, ZOOM_MM, ZOOM_RADIUS_MM, heads.GRAY))
    where = {"radius_mm": 16.0, "spacing_mm": 6.0, "angle_step_deg": 30.0, "rivals": 2, "tol": TOLERANCE}
    found = hf.search(
        hf.HeadModel(mesh, device="cpu"), heads.coil(), target, heads.DIDT, progress=said.append, **where
    )
    exact = target.value(exact_field(target.region.centres_mm, found.pose[None]))[0]
    (points,) = (line for line in said if "reciprocal field at" in line)
    return {
        "positions of a search": found.report.n_positions,
        "solves of a search": found.report.n_solves,
        "value of a search, V/m": found.value,
        "relative error of a search's value": float(abs(found.value / exact - 1.0)),
        "lattice points of a reciprocal field": int(points.split(" at ")[1].split()[0].replace(",", "")),
    }


def of_zoom() -> dict[str, float]:
    """The numbers of a zoom in the sphere, for four poses in turn."""
    mesh, poses = heads.mesh("sphere"), heads.poses("sphere")[:4]
    target = hf.regions.sphere(mesh, ZOOM_MM, ZOOM_RADIUS_MM) & hf.regions.tissue(mesh, heads.GRAY)
    corners = hf.Region(mesh, np.repeat(target.elements, 4), np.tile(np.eye(4), (len(target), 1)))
    model = hf.HeadModel(mesh, device="cpu")
    zoom = model.zoom(corners, heads.coil(), poses, heads.DIDT, error=ZOOM_ERROR)
    field = zoom.solve(heads.coil(), poses, heads.DIDT, tol=TOLERANCE)
    exact = exact_field(corners.centres_mm, poses)
    last = zoom.report.levels[-1]
    return {
        "tetrahedra of a zoom": last.tetrahedra,
        "unknowns of a zoom": last.unknowns,
        "nonzeros of a zoom": last.nonzeros,
        "levels of a zoom": len(zoom.report.levels),
        "iterations of a zoom": int(field.report.iterations.sum()),
        "error that a zoom reports": zoom.report.discretisation_error,
        "relative L2 error of a zoom's E": float(np.linalg.norm(field.E - exact) / np.linalg.norm(exact)),
    }


def of_head(name: str) -> dict[str, float]:
    """The numbers of one head; with errors where the exact field is known."""
    mesh, poses = heads.mesh(name), heads.poses(name)[:WIDTH]
    hierarchy = steps.head(name, "cpu").hierarchy
    levels = hierarchy.levels
    nodes, nonzeros, _, _ = levels[0]
    size, flops = costs.per_iteration(levels, WIDTH)
    gray = mesh.tags == heads.GRAY
    field = hf.HeadModel(mesh, device="cpu").solve(
        heads.coil(), poses, didt=heads.DIDT, tol=TOLERANCE, batch=WIDTH, elements=gray
    )
    found = {
        "nodes": nodes,
        "tetrahedra": mesh.n_tets,
        "nonzeros": nonzeros,
        "levels": len(levels),
        "operator complexity": hierarchy.operator_complexity,
        "bytes held per node": costs.held_bytes(levels, mesh.n_tets) / nodes,
        "bytes per node and pose": costs.work_bytes(levels) / nodes,
        "bytes per node, pose and iteration": size / (nodes * WIDTH),
        "flops per node, pose and iteration": flops / (nodes * WIDTH),
        "iterations of 16 poses": int(field.report.iterations.sum()),
        "bound of the primary field's error": field.report.primary_error,
    }
    return found | (errors(field, mesh, poses) if name == "sphere" else {})


def errors(field: hf.Field, mesh: hf.TetMesh, poses: np.ndarray) -> dict[str, float]:
    """Of E in the brain of a sphere against the exact field, over all poses."""
    exact = exact_field(mesh.nodes_mm[mesh.tets[mesh.tags == heads.GRAY]].mean(axis=1), poses)
    computed, size = np.asarray(field.E, float), np.linalg.norm
    ratio = size(computed) / size(exact)
    return {
        "relative L2 error of E": size(computed - exact) / size(exact),
        "RDM of E": size(computed / ratio - exact) / size(exact),
        "lnMAG of E": np.log(ratio),
    }


def exact_field(points_mm: np.ndarray, poses: np.ndarray) -> np.ndarray:
    """E of the coil at points in a sphere, (k, p, 3) V/m."""
    dipoles, _, _ = heads.coil().sources(0)
    return np.array(
        [
            analytic.sphere_tms_field(points_mm, moved.positions_mm, moved.moments, heads.DIDT)
            for moved in (dipoles.moved(pose) for pose in poses)
        ]
    )


def moved(found: float, committed: float, name: str) -> bool:
    """Whether a number lies outside its slack."""
    return not abs(found - committed) <= SLACK.get(name, 0.0) * abs(committed)


def compare(found: dict[str, dict[str, float]], committed: dict[str, dict[str, float]]) -> list[str]:
    """What has moved, a line each."""
    lines = []
    for head in sorted({*found, *committed}):
        here, there = found.get(head, {}), committed.get(head, {})
        for name in [*here, *(set(there) - set(here))]:
            if name not in here or name not in there:
                lines.append(f"{head}: {name} is {'not measured' if name not in here else 'not committed'}")
            elif moved(here[name], there[name], name):
                change = 100.0 * (here[name] / there[name] - 1.0) if there[name] else np.inf
                lines.append(f"{head}: {name} {there[name]:.6g} -> {here[name]:.6g} ({change:+.2f} %)")
    return lines


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--update", action="store_true", help="commit to the numbers of this tree")
    parser.add_argument("--committed", type=Path, default=COMMITTED, help="JSON file; default gate.json")
    args = parser.parse_args()
    found = numbers()
    names = list(dict.fromkeys(name for values in found.values() for name in values))
    cells = [
        (name, *(f"{values[name]:.6g}" if name in values else "-" for values in found.values()))
        for name in names
    ]
    print(table([("number", *found), *cells]))
    if args.update:
        args.committed.write_text(json.dumps(found, indent=1) + "\n")
        return 0
    committed = json.loads(args.committed.read_text()) if args.committed.exists() else {}
    lines = compare(found, committed)
    for line in lines:
        print(f"moved: {line}", file=sys.stderr)
    if lines:
        print("worse is a regression; better: gate.py --update, and commit the file", file=sys.stderr)
    return 1 if lines else 0


if __name__ == "__main__":
    sys.exit(main())
