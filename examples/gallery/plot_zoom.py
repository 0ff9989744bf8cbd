# SPDX-License-Identifier: BSD-3-Clause
"""
How far the mesh is off, and a zoom that mends it
=================================================

The linear solve is certified, so what E is off by is the mesh. A zoom refines the head around a region
until E there, by quadratic elements, is as good as was asked for; the rest of the head stays as it is.
"""

import matplotlib.pyplot as plt
import numpy as np

import headfield as hf

head = hf.phantom_head(edge_mm=8)
model, coil = hf.HeadModel(head), hf.figure_of_eight()
target = hf.regions.sphere(head, [-40, -8, 50], radius_mm=12, tags=2)
poses = hf.ring(model.place(coil, [-46, -8, 70], [-46, 42, 70]), [0, 45, 90, 135])
plain = model.solve(coil, poses, "60 A/µs", roi=target)

# %%
# Two goals: 8 % and 1.5 % of E in the region, relative L2. The zoom is refined for one pose and serves all
# that are like it; each field says what it is off by itself.
zooms = {goal: model.zoom(target, coil, poses[0], "60 A/µs", error=goal) for goal in (0.08, 0.015)}
fields = {goal: zoom.solve(coil, poses, "60 A/µs") for goal, zoom in zooms.items()}
best = fields[0.015]
for goal, field in fields.items():
    off = [hf.metrics.relative_l2(E, finest) for E, finest in zip(field.E, best.E, strict=True)]
    told = field.report.discretisation_error
    print(f"zoom to {100 * goal:g} %: {zooms[goal].mesh.n_tets:,} tetrahedra")
    print(f"  off by an estimated {100 * told.max():.1f} %, from the finer one by {100 * max(off):.1f} %")
off_plain = np.array([hf.metrics.relative_l2(E, finest) for E, finest in zip(plain.E, best.E, strict=True)])
print(f"linear elements of the mesh as it is: {100 * off_plain.min():.0f} to {100 * off_plain.max():.0f} %")

# %%
# \|E\| in each tetrahedron of the region, by the mesh as it is and by the finer zoom.
picture, axes = plt.subplots(figsize=(5.6, 5.2), layout="constrained")
for E, name, colour in (
    (plain.magnitude, "linear elements, 8 mm", "#b5462f"),
    (fields[0.08].magnitude, "zoom to 8 %", "#1f6f8b"),
):
    axes.plot(best.magnitude.ravel(), E.ravel(), ".", color=colour, label=name, markersize=5, alpha=0.7)
top = 1.05 * float(best.magnitude.max())
axes.plot([0, top], [0, top], color="#3b4252", linewidth=1)
axes.set(
    xlabel="|E| by the zoom to 1.5 % (V/m)", ylabel="|E| (V/m)", aspect="equal", xlim=(0, top), ylim=(0, top)
)
axes.legend(frameon=False, loc="upper left")
