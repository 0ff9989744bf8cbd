# SPDX-License-Identifier: BSD-3-Clause
"""Files of a sphere, a coil and 64 poses for a rehearsal: small.py H.npz C.ccd P.npy.

An emulated kernel takes hundreds of times as long, so nothing larger would be done in minutes.
"""

import argparse
from pathlib import Path

import numpy as np

import headfield as hf


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    for name in ("head", "coil", "poses"):
        parser.add_argument(name, type=Path)
    parser.add_argument("--edge-mm", type=float, default=16.0)
    parser.add_argument("--count", type=int, default=64, help="of poses")
    args = parser.parse_args()
    mesh = hf.sphere_mesh(radii_mm=[72, 78, 84, 92], tags=[2, 3, 4, 5], edge_mm=args.edge_mm)
    np.savez(args.head, nodes=mesh.nodes_mm, tets=mesh.tets, tags=mesh.tags)
    hf.figure_of_eight(spacing_mm=8.0).write(args.coil)
    pose = hf.place(mesh, [10, 20, 95], [10, 70, 95])
    np.save(args.poses, hf.ring(pose, angles_deg=np.arange(args.count) * 5.6))


if __name__ == "__main__":
    main()
