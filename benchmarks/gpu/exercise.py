# SPDX-License-Identifier: BSD-3-Clause
"""Run the kernels of a GPU on small problems, for compute-sanitizer: each of them at each of four widths.

A model of a sphere covers assembly, ∂A/∂t by lattices and by the direct sum, right-hand sides, a solve from
zero and from a first guess, and E in all and in chosen tetrahedra and at points, recovered and not. Solvers
of other matrices cover the products that its hierarchy has no use for: with long rows of coarse levels, which
4 or 8 threads share (A, P and A P, the restriction, the inverse of the coarsest level); with short ones of a
chain that is too long for columns of 16 bits; and with the inverse of the only level, where a solve to 1e-9
begins anew on the way. Widths 4 and 16 run the same code in other numbers of threads: --widths takes them
too. With --quick, a rehearsal, it is one width and less of everything.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
from sphere import Sphere

import headfield as hf
from headfield.core import device as backend

WIDTHS = (32, 1, 8, 64)
DIRECT = 8  # poses that the direct sum, which takes longest, is made for
COARSE = 1e-2  # a tolerance: iterations are all alike, and so are kernels
# Edges (mm) and strength thresholds of spheres with long rows on coarse levels, as in test_shared_rows.py.
DENSE = ((15.0, 0.12), (13.0, 0.1), (15.0, 0.16), (15.0, 0.08))
ONE_LEVEL_MM = (60.0, 80.0)  # edges of spheres of so few nodes that 4 threads or one multiply a row
CHAIN = 70_000  # nodes of a chain, more than 16 bits number


def fields(edge_mm: float, device: str, widths: Iterable[int]) -> None:
    """Set up a model, solve, and evaluate E in all ways."""
    small = Sphere(edge_mm)
    mesh, coil, gray = small.mesh, small.coil, small.gray
    model = hf.HeadModel(mesh, device=device)
    points = hf.regions.points(mesh, mesh.nodes_mm[mesh.tets[gray[:40]]].mean(axis=1))
    for width in widths:
        poses = small.poses[:width]
        chosen = model.solve(coil, poses, elements=gray, batch=width, tol=COARSE)
        whole = model.solve(coil, poses, batch=width, tol=COARSE)
        guess, few = whole.potential[:DIRECT], poses[:DIRECT]
        again = model.solve(coil, few, batch=width, tol=COARSE, initial=guess, primary_error=0.0)
        better = model.solve(coil, poses, elements=gray, batch=width, recovery="interface", tol="auto")
        there = model.solve(coil, poses, roi=points, batch=width, tol=COARSE)
        smooth = model.solve(coil, poses, roi=points, batch=width, tol=COARSE, recovery="interface")
        every = (chosen, whole, again, better, there, smooth)
        print(width, [round(float(one.magnitude.max()), 3) for one in every], flush=True)


def matrices(device: backend.Device, quick: bool) -> Iterator[tuple[str, Any, float, int]]:
    """Yield name, matrix (row pointer, columns, values), strength threshold and number of iterations."""
    for edge_mm, theta in DENSE[:1] if quick else DENSE:
        mesh = hf.sphere_mesh([80, 86, 92], [3, 4, 5], edge_mm=edge_mm)
        yield f"long rows, {theta}", stiffness(device, mesh), theta, 2  # the second is played as recorded
    for edge_mm in ONE_LEVEL_MM:
        mesh = hf.sphere_mesh([80], [3], edge_mm=edge_mm)
        yield f"one level, {mesh.n_nodes} nodes", stiffness(device, mesh), 0.04, 50
    yield "chain", [device.put(part) for part in chain(CHAIN // 20 if quick else CHAIN)], 0.04, 2


def stiffness(device: backend.Device, mesh: hf.TetMesh) -> Any:
    """Assemble the matrix of a mesh that conducts alike everywhere."""
    parts = (mesh.nodes_mm * 1e-3, mesh.tets, np.ones(mesh.n_tets))
    return device.native.assemble(*map(device.put, parts))[:3]


def chain(n: int) -> tuple[Any, Any, Any]:
    """Make the matrix of resistors in a row: rows stay short on each level."""
    node = np.arange(n)[:, None]
    columns = node + [-1, 0, 1]
    inside = (columns >= 0) & (columns < n)
    degree = inside.sum(axis=1, keepdims=True) - 1
    indptr = np.concatenate([[0], np.cumsum(degree + 1)]).astype(np.int32)
    return indptr, columns[inside].astype(np.int32), np.where(columns == node, degree, -1.0)[inside]


def solve(device: backend.Device, name: str, matrix: Any, theta: float, most: int, widths: Any) -> None:
    """Begin to solve for random right-hand sides, at each width."""
    indptr, indices, values = matrix
    ground = device.put(np.arange(len(indptr) - 1) == 0)
    hierarchy = device.native.Hierarchy(indptr, indices, values, fixed=ground, theta=theta)
    random = np.random.default_rng(0)
    for width in widths:
        b = random.normal(size=(len(indptr) - 1, width))
        there, phi = device.put(b - b.mean(axis=0)), device.put(np.zeros_like(b))
        reports = device.native.Solver(hierarchy, width).solve(there, phi, [1e-9] * width, most)
        print(f"{name}, {width}: {reports[0].residual:.1e}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--device", choices=("cuda", "cpu"), default="cuda")
    parser.add_argument("--widths", type=int, nargs="+", default=WIDTHS)
    parser.add_argument("--quick", action="store_true", help="one width, little of everything")
    args = parser.parse_args()
    widths = (8,) if args.quick else args.widths
    device = backend.select(args.device)
    with device.current():
        for name, matrix, theta, most in matrices(device, args.quick):
            solve(device, name, matrix, theta, most, widths)
    fields(20.0 if args.quick else 9.0, args.device, widths)
    print(f"done on {args.device}")


if __name__ == "__main__":
    main()
