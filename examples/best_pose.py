# SPDX-License-Identifier: BSD-3-Clause
"""Find the best pose of a coil for a target, and what the target gets if the coil moves about it.

python examples/best_pose.py [EDGE_MM]
"""

import sys

import numpy as np

import headfield as hf

DIDT = 50e6  # A/s

edge_mm = float(sys.argv[1]) if len(sys.argv) > 1 else 4.0
head = hf.phantom_head(edge_mm=edge_mm)
model, coil = hf.HeadModel(head), hf.figure_of_eight()

# The target: E into the cortex, on average over its mid-layer within 10 mm of a point.
layer = hf.regions.mid_layer(head)
patch = layer.part(np.linalg.norm(layer.centres_mm - [-40, -8, 50], axis=1) < 10)
target = hf.Target(patch, -patch.normals)

found = hf.search(model, coil, target, DIDT, radius_mm=40, spacing_mm=5, rivals=3)
print(found)
print(found.report)

# A session: a thousand pulses, the coil off by some 3 mm and 8° each time. No pulse takes a solve of its own.
rng = np.random.default_rng(1)
moved = np.tile(np.eye(4), (1000, 1, 1))
moved[:, :2, 3] = rng.normal(0, 3 / np.sqrt(2), (1000, 2))
pulses = found.pose @ moved
pulses = np.array(
    [hf.ring(pose, [angle])[0] for pose, angle in zip(pulses, rng.normal(0, 8, 1000), strict=True)]
)
values = hf.evaluate(model, coil, pulses, target, DIDT)
print(f"of {found.value:.1f} V/m, 95 % of the pulses give {np.quantile(values, 0.05):.1f} V/m or more")
