# SPDX-License-Identifier: BSD-3-Clause
"""
The best pose, on a map of the scalp
====================================

Where on the scalp, and at which angle, does a coil reach a target best; what is lost where it is not quite
there; and what do the thousand pulses of a session give whose coil moves about?
"""

import numpy as np

import headfield as hf

DIDT = 50e6  # A/s

head = hf.phantom_head(edge_mm=8)
model, coil = hf.HeadModel(head), hf.figure_of_eight(spacing_mm=6)

# %%
# The target: the mean of \|E\| in gray matter within 10 mm of a point. ``hf.Target(region, direction)``
# would be that of a component.
target = hf.Target(hf.regions.sphere(head, [-40, -8, 50], radius_mm=10, tags=2))

# %%
# All positions within 30 mm, all angles. It takes as long as a few dozen solves, by reciprocity; the best
# poses are then solved in full.
found = hf.search(model, coil, target, DIDT, radius_mm=30, spacing_mm=6, rivals=2)
print(found)
print(found.report)

# %%
# A session: a thousand pulses, the coil off by some 3 mm and 8° each time. No pulse takes a solve of its
# own.
rng = np.random.default_rng(1)
moved = np.tile(np.eye(4), (1000, 1, 1))
moved[:, :2, 3] = rng.normal(0, 3 / np.sqrt(2), (1000, 2))
turned = zip(found.pose @ moved, rng.normal(0, 8, 1000), strict=True)
pulses = np.array([hf.ring(pose, [angle])[0] for pose, angle in turned])
values = hf.evaluate(model, coil, pulses, target, DIDT)
print(f"of {found.value:.1f} V/m, 95 % of the pulses give {np.quantile(values, 0.05):.1f} V/m or more")

picture = found.plot()
