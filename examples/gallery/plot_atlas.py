# SPDX-License-Identifier: BSD-3-Clause
"""
Regions of an atlas, and how focal a field is
=============================================

What does each region of an atlas get, and does the coil hit the one it is meant for? The atlas here is made
up of boxes; a real one is a file: ``hf.regions.labels(head, "aparc.nii.gz", 24, tags=2)``.
"""

import matplotlib.pyplot as plt
import numpy as np

import headfield as hf

head = hf.phantom_head(edge_mm=8)
model, coil = hf.HeadModel(head), hf.figure_of_eight()
pose = model.place(coil, [-46, -8, 70], [-46, 42, 70])
gray = hf.regions.tissue(head, 2)
field = model.solve(coil, pose, "60 A/µs", roi=gray, primary_error="summed")
magnitude = field.magnitude[0]

# %%
# Labels on voxels of 2 mm: six boxes, from front to back, on both sides, and an affine from voxels to mm.
names = {
    1: "front, left",
    2: "front, right",
    3: "middle, left",
    4: "middle, right",
    5: "back, left",
    6: "back, right",
}
affine = np.diag([2.0, 2.0, 2.0, 1.0])
affine[:3, 3] = -99
x, y, _ = np.indices((100, 100, 100)) * 2 - 99
atlas = np.select([y > 20, y > -35], [1, 3], 5) + (x > 0)
regions = {name: hf.regions.labels(head, (affine, atlas), label, tags=2) for label, name in names.items()}

# %%
# Mean and 99th percentile of each, by volume, and how much of the hot region (half the peak or more) lies
# in it.
hot_cm3 = hf.metrics.focality(magnitude, gray.weights) / 1000
rows = {}
for name, region in regions.items():
    inside = np.isin(gray.elements, region.elements)
    mean = hf.metrics.mean(magnitude[inside], region.weights)
    strong = hf.metrics.percentiles(magnitude[inside], region.weights, 99)
    share = hf.metrics.overlap(magnitude, gray.weights, inside).hot_in_target
    rows[name] = float(mean), float(strong), float(share)
    print(
        f"{name:13}: mean {mean:5.1f} V/m, 99 % below {strong:5.1f} V/m, {100 * share:5.1f} % of what is hot"
    )
aimed = max(rows, key=lambda name: rows[name][2])
print(f"half the peak or more: {hot_cm3:.1f} cm³, most of it {aimed}")

picture, axes = plt.subplots(figsize=(7.5, 4), layout="constrained")
means, strongest, shares = np.array(list(rows.values())).T
place = np.arange(len(rows))
axes.bar(place - 0.2, means, 0.4, color="#9cc7d6", label="mean")
axes.bar(place + 0.2, strongest, 0.4, color="#1f6f8b", label="99th percentile")
for at, top, share in zip(place, strongest, shares, strict=True):
    axes.text(at, top + 2, f"{100 * share:.0f} %", ha="center", color="#3b4252")
axes.set_xticks(place, [name.replace(", ", "\n") for name in rows])
axes.set(ylabel="|E| in gray matter (V/m)", title="above the bars: share of the hot region")
axes.set_ylim(0, 1.12 * strongest.max())
axes.legend(frameon=False)
