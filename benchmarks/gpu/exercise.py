# SPDX-License-Identifier: BSD-3-Clause
"""Run the kernels of a GPU on small spheres, for compute-sanitizer: one batch of each kind at each width.

A model covers assembly, ∂A/∂t by lattices and by the direct sum, right-hand sides, a solve from zero and
from a first guess, and E in all and in chosen tetrahedra and at points, recovered and not. Its coarse levels
have short rows. Those of the hierarchies in DENSE are so long that 4 or 8 threads share one, in every product
that is compiled so: with A, with P and A P, with the restriction and with the inverse of the coarsest level.
Widths left out, 4 and 16, run the same code with other numbers of threads. With --quick, a rehearsal, it is
one width and one hierarchy.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterable

import numpy as np
from sphere import Sphere

import headfield as hf
from headfield import _backend

WIDTHS = (32, 1, 8, 64)
DIRECT = 8  # poses that the direct sum, which takes longest, is made for
COARSE = 1e-2  # a tolerance: iterations are all alike, and so are kernels
# Edges (mm) and strength thresholds of spheres with long rows on coarse levels, as in test_shared_rows.py.
DENSE = ((15.0, 0.12), (13.0, 0.1), (15.0, 0.16), (15.0, 0.08), (25.0, 0.04))
ITERATIONS = 2  # the first, and one that is played from its recording


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
        better = model.solve(coil, few, elements=gray, batch=width, recovery="interface", tol="auto")
        there = model.solve(coil, few, roi=points, batch=width, tol=COARSE)
        smooth = model.solve(coil, few, roi=points, batch=width, tol=COARSE, recovery="interface")
        every = (chosen, whole, again, better, there, smooth)
        print(width, [round(float(one.magnitude.max()), 3) for one in every], flush=True)


def long_rows(edge_mm: float, theta: float, device: _backend.Device, widths: Iterable[int]) -> None:
    """Begin to solve with a hierarchy whose coarse rows several threads share."""
    native, mesh = device.native, hf.sphere_mesh([80, 86, 92], [3, 4, 5], edge_mm=edge_mm)
    parts = (mesh.nodes_mm * 1e-3, mesh.tets, np.ones(mesh.n_tets))
    indptr, indices, values, _ = native.assemble(*map(device.put, parts))
    hierarchy = native.Hierarchy(indptr, indices, values, ground=0, theta=theta)
    random = np.random.default_rng(0)
    for width in widths:
        b = device.put(random.normal(size=(mesh.n_nodes, width)))
        phi = device.put(np.zeros((mesh.n_nodes, width)))
        reports = native.Solver(hierarchy, width).solve(b, phi, [1e-9] * width, ITERATIONS)
        print(f"theta {theta}, {width}: {reports[0].residual:.1e}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--device", choices=("cuda", "cpu"), default="cuda")
    parser.add_argument("--quick", action="store_true", help="little of everything")
    args = parser.parse_args()
    widths, edge_mm, dense = ((8,), 20.0, DENSE[:1]) if args.quick else (WIDTHS, 9.0, DENSE)
    device = _backend.select(args.device)
    with device.current():
        for edge, theta in dense:
            long_rows(edge, theta, device, widths)
    fields(edge_mm, args.device, widths)
    print(f"done on {args.device}")


if __name__ == "__main__":
    main()
