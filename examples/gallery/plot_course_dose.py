# SPDX-License-Identifier: BSD-3-Clause
"""
The dose of a course
====================

Ten sessions of theta bursts, the coil put on anew each day, some millimetres and degrees off. What do the
6,000 pulses add up to, and how much of the cortex got a strong field in nearly all of them, or in some?
"""

import matplotlib.pyplot as plt
import numpy as np

import headfield as hf

SESSIONS, STRONG = 10, 50.0  # V/m; no threshold is known to be that of a lasting effect
head = hf.phantom_head(edge_mm=8)
model, coil = hf.HeadModel(head), hf.figure_of_eight(spacing_mm=6)
planned = model.place(coil, [-46, -8, 70], [-46, 42, 70])

# %%
# Each day the coil is off by 4 mm along the scalp and by 6° in each of the two directions and the angle,
# one standard deviation.
rng = np.random.default_rng(3)
days = np.array(
    [
        model.place(
            coil, [-46, -8, 70], [-46, 42, 70], offset_mm=rng.normal(0, 4, 2), rotation_deg=rng.normal(0, 6)
        )
        for _ in range(SESSIONS)
    ]
)
off = np.linalg.norm(days[:, :3, 3] - planned[:3, 3], axis=1)
print(f"the coil is {off.mean():.1f} mm off on average, {off.max():.1f} mm on the worst day")

# %%
# Equal poses are solved once, so ten solves stand for 6,000 pulses. All pulses of a protocol are given at
# each pose.
layer = hf.regions.mid_layer(head) & hf.regions.sphere(head, [-40, -8, 50], 40)
itbs = hf.dose.protocols["itbs"]
course = hf.dose.dose_map(model, coil, days, "60 A/µs", region=layer, pulses=itbs, thresholds=STRONG)
at_plan = hf.dose.dose_map(
    model, coil, planned, "60 A/µs", region=layer, pulses=SESSIONS * itbs.n_pulses, thresholds=STRONG
)
print(course)
nearly_all, any_day = course.exceedance(STRONG, int(0.9 * course.n_pulses)), course.exceedance(STRONG, 1)
print(f"more than {STRONG:g} V/m in 90 % of the pulses: {nearly_all:.0f} mm²; in any: {any_day:.0f} mm²;")
print(f"with the coil always as planned: {at_plan.exceedance(STRONG, 1):.0f} mm²")

# %%
# The share of the pulses that were strong, as the coil sees the layer. The line is what the plan promised.
across = (layer.centres_mm - planned[:3, 3]) @ planned[:3, :3]
deep_first = layer.faces[np.argsort(-across[layer.faces, 2].mean(axis=1))]
share = 100 * course.above[0] / course.n_pulses
picture, axes = plt.subplots(figsize=(6.6, 5.2), layout="constrained")
drawn = axes.tripcolor(
    across[:, 0], across[:, 1], deep_first, share, shading="gouraud", cmap="viridis", vmin=0, vmax=100
)
axes.plot(*((days[:, :3, 3] - planned[:3, 3]) @ planned[:3, :2]).T, "x", color="white")
picture.colorbar(drawn, ax=axes, label=f"pulses with more than {STRONG:g} V/m (%)")
axes.set(
    title="crosses: the coil's centre on each day",
    xlabel="x of the planned coil (mm)",
    ylabel="y of the planned coil (mm)",
)
axes.set_aspect("equal")
axes.invert_xaxis()  # as it is seen from outside
