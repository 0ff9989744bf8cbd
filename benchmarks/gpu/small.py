# SPDX-License-Identifier: BSD-3-Clause
"""Write files of a sphere, a coil and 64 poses for a rehearsal: small.py H.npz C.ccd P.npy.

An emulated kernel takes hundreds of times as long, so nothing larger would be done in minutes.
"""

import argparse
from pathlib import Path

import numpy as np
from sphere import Sphere


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    for name in ("head", "coil", "poses"):
        parser.add_argument(name, type=Path)
    parser.add_argument("--edge-mm", type=float, default=16.0)
    parser.add_argument("--count", type=int, default=64, help="of poses")
    args = parser.parse_args()
    small = Sphere(args.edge_mm, args.count)
    np.savez(args.head, nodes=small.mesh.nodes_mm, tets=small.mesh.tets, tags=small.mesh.tags)
    small.coil.write(args.coil)
    np.save(args.poses, small.poses)


if __name__ == "__main__":
    main()
