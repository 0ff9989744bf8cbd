# SPDX-License-Identifier: BSD-3-Clause
"""Files of a sphere, a coil and 64 poses for a rehearsal: `python benchmarks/gpu/small.py HEAD.npz COIL.ccd POSES.npy`.

A kernel that is emulated takes hundreds of times as long, so nothing larger would be done in minutes.
"""

import sys
from pathlib import Path

import numpy as np

import headfield as hf

EDGE_MM = 16.0


def main() -> None:
    head, ccd, poses = map(Path, sys.argv[1:])
    mesh = hf.sphere_mesh(radii_mm=[72, 78, 84, 92], tags=[2, 3, 4, 5], edge_mm=EDGE_MM)
    np.savez(head, nodes=mesh.nodes_mm, tets=mesh.tets, tags=mesh.tags)
    hf.figure_of_eight(spacing_mm=8.0).write(ccd)
    pose = hf.place(mesh, [10, 20, 95], [10, 70, 95])
    np.save(poses, hf.ring(pose, angles_deg=np.arange(64) * 5.6))


if __name__ == "__main__":
    main()
