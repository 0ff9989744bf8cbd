# SPDX-License-Identifier: BSD-3-Clause
"""Find the angle of the coil with the largest mean |E| in a target: rings of angles, ever finer.

python examples/best_angle.py [EDGE_MM]
"""

import sys

import numpy as np

import headfield as hf
from headfield.heads.phantom import phantom_landmarks

DIDT = 50e6  # A/s

edge_mm = float(sys.argv[1]) if len(sys.argv) > 1 else 4.0
head = hf.phantom_head(edge_mm=edge_mm)
coil = hf.figure_of_eight()
model = hf.HeadModel(head)

scalp = phantom_landmarks()["left_motor"]
start = model.place(coil, centre_mm=scalp, handle_mm=scalp + [0, 50, 0])

# The target: gray matter within 10 mm of a point 20 mm below the coil. Only its tetrahedra are asked for.
centres = head.barycentres_mm()
below = (start @ [0, 0, 20, 1])[:3]
target = (head.tags == 2) & (np.linalg.norm(centres - below, axis=1) < 10)
volumes = head.volumes_mm3()[target]


def mean_in_target(angles_deg):
    """Mean |E| in the target, V/m, for each angle."""
    field = model.solve(coil, hf.ring(start, angles_deg), DIDT, elements=target)
    return field.magnitude @ volumes / volumes.sum()


# |E| in one place is √(a + b cos 2α + c sin 2α): period 180°, one largest value. Three rounds narrow it down.
angle, step = 90.0, 30.0
ring = angle + step * np.arange(-2, 4)
for _ in range(3):
    score = mean_in_target(ring)
    angle = ring[score.argmax()]
    print(f"step {step:5.2f}°: best {angle % 180:6.2f}° with {score.max():.2f} V/m")
    step /= 4
    ring = angle + step * np.arange(-3, 4)
