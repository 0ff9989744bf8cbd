# SPDX-License-Identifier: BSD-3-Clause
"""
The best angle
==============

At which angle of the handle is the mean of \\|E\\| in a target largest? One head, one position, rings of
angles that become finer.
"""

import matplotlib.pyplot as plt
import numpy as np

import headfield as hf

DIDT = 50e6  # A/s

head = hf.phantom_head(edge_mm=8)
coil = hf.figure_of_eight(spacing_mm=6)
model = hf.HeadModel(head)
scalp = hf.phantom_landmarks()["left_motor"]
start = model.place(coil, centre_mm=scalp, handle_mm=scalp + [0, 50, 0])

# %%
# The target is gray matter within 10 mm of a point 20 mm below the coil. Only its tetrahedra are asked for.
below = (start @ [0, 0, 20, 1])[:3]
target = hf.regions.sphere(head, below, radius_mm=10, tags=2)


def mean_in_target(angles_deg):
    """Mean |E| in the target, V/m, for each angle."""
    field = model.solve(coil, hf.ring(start, angles_deg), DIDT, roi=target)
    return hf.metrics.mean(field.magnitude, target.weights)


# %%
# \|E\| in one place is √(a + b cos 2α + c sin 2α): half a turn changes nothing for a symmetric figure-8,
# and there is one largest value. Three rounds narrow it down.
angle, step = 90.0, 30.0
ring = angle + step * np.arange(-2, 4)
looked_at = []
for _ in range(3):
    score = mean_in_target(ring)
    looked_at.append((ring, score))
    angle = ring[score.argmax()]
    print(f"step {step:5.2f}°: best {angle % 180:6.2f}° with {score.max():.2f} V/m")
    step /= 4
    ring = angle + step * np.arange(-3, 4)

# %%
# All angles for comparison. The curve is flat at the top: ten degrees cost little.
every = np.arange(0.0, 181.0, 10.0)
curve = mean_in_target(every)
near = mean_in_target([angle - 10, angle + 10]).min()
print(f"10° beside it: {100 * (1 - near / score.max()):.1f} % less")
print(f"at the worst angle: {100 * (1 - curve.min() / score.max()):.0f} % less")

picture, axes = plt.subplots(figsize=(7, 4), layout="constrained")
axes.plot(every, curve, color="#3b4252", label="every 10°")
for number, (angles, values) in enumerate(looked_at):
    axes.plot(angles % 180, values, "o", color=f"C{number}", label=f"round {number + 1}")
axes.axvline(angle % 180, color="#5c6470", linestyle=":")
axes.set(
    xlabel="angle of the handle (degrees)", ylabel="mean |E| in the target (V/m)", ylim=(0, 1.1 * curve.max())
)
axes.legend(loc="lower right", frameon=False)
