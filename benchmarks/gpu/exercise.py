# SPDX-License-Identifier: BSD-3-Clause
"""Run every kernel of a GPU on a small sphere: for compute-sanitizer."""

from __future__ import annotations

import argparse

import numpy as np

import headfield as hf

GRAY = 2  # tag


def main() -> None:
    """Set up, solve at several widths, evaluate E in all and in chosen tetrahedra, recover it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--widths", type=int, nargs="+", default=[1, 8, 32])
    parser.add_argument("--edge-mm", type=float, default=9.0)
    parser.add_argument("--device", default="cuda")
    args = parser.parse_args()
    mesh = hf.sphere_mesh(radii_mm=[72, 78, 84, 92], tags=[2, 3, 4, 5], edge_mm=args.edge_mm)
    coil = hf.figure_of_eight(spacing_mm=8.0)
    model = hf.HeadModel(mesh, device=args.device)
    pose = model.place(coil, [10, 20, 95], [10, 70, 95])
    gray = np.flatnonzero(mesh.tags == GRAY).astype(np.int32)
    for width in args.widths:
        few = hf.ring(pose, angles_deg=np.arange(width) * 3.0)
        field = model.solve(coil, few, elements=gray, batch=width, tol=1e-6)
        whole = model.solve(coil, few, batch=width, initial=None)
        again = model.solve(coil, few, batch=width, initial=whole.potential, primary_error=0.0)
        better = model.solve(coil, few[:2], elements=gray, recovery="interface", tol="auto")
        peaks = [float(one.magnitude.max()) for one in (field, whole, better)]
        print(width, *peaks, again.report)
    print(f"done on {model.device}")


if __name__ == "__main__":
    main()
