# SPDX-License-Identifier: BSD-3-Clause
"""Run every kernel of a GPU: under compute-sanitizer on a small sphere, or for a profiler on a head."""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

import headfield as hf

GRAY = 2


def main() -> None:
    """Set up, solve at several widths, evaluate E in all and in chosen tetrahedra."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--head", type=Path, help=".npz with nodes, tets, tags; a small sphere without")
    parser.add_argument("--coil", type=Path, help="a .ccd coil; a parametric figure-8 without")
    parser.add_argument("--poses", type=Path, help=".npy (k, 4, 4) mm")
    parser.add_argument("--widths", type=int, nargs="+", default=[1, 8, 32, 64])
    parser.add_argument("--device", default="cuda", help=argparse.SUPPRESS)
    parser.add_argument(
        "--profile", action="store_true", help="start the profiler after a solve that warms up"
    )
    args = parser.parse_args()
    if args.head:
        with np.load(args.head) as data:
            mesh = hf.TetMesh(*(data[name] for name in ("nodes", "tets", "tags")))
    else:
        mesh = hf.sphere_mesh(radii_mm=[72, 78, 84, 92], tags=[2, 3, 4, 5], edge_mm=9)
    coil = hf.read_coil(args.coil) if args.coil else hf.figure_of_eight(spacing_mm=8.0)
    model = hf.HeadModel(mesh, device=args.device)
    if args.poses:
        poses = np.load(args.poses)
    else:
        poses = hf.ring(model.place(coil, [10, 20, 95], [10, 70, 95]), angles_deg=np.arange(0.0, 180.0, 3.0))
    gray = np.flatnonzero(mesh.tags == GRAY).astype(np.int32)
    for width in args.widths:
        few = np.concatenate([poses] * (1 + width // len(poses)))[:width]
        model.solve(coil, few, elements=gray, batch=width, tol=1e-6)
        if args.profile:
            from cupy.cuda import runtime

            runtime.profilerStart()
        field = model.solve(coil, few, elements=gray, batch=width, tol=1e-6)
        if args.profile:
            runtime.profilerStop()
            continue
        whole = model.solve(coil, few, batch=width, initial=None)
        again = model.solve(coil, few, batch=width, initial=whole.potential, primary_error=0.0)
        print(width, float(field.magnitude.max()), float(whole.E.max()), again.report)
    print(f"done on {model.device}")


if __name__ == "__main__":
    main()
