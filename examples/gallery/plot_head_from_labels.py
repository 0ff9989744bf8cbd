# SPDX-License-Identifier: BSD-3-Clause
"""
A head from a label image
=========================

A segmented MRI is an image of tissue numbers. ``hf.head_from_labels`` makes a mesh of it whose interfaces
lie where the labels change. The image here is made up; yours is a file:
``hf.head_from_labels("labels.nii.gz", "synthseg")``.
"""

import numpy as np

import headfield as hf

# %%
# Ellipsoids on voxels of 2 mm, numbered as SimNIBS does: 1 white matter, 2 gray matter, 3 CSF, 7 compact
# bone, 5 scalp. The brain has furrows.
affine = np.diag([2.0, 2.0, 2.0, 1.0])
affine[:3, 3] = [-95, -115, -95]
points = np.moveaxis(np.indices((96, 116, 96)), 0, -1) * 2.0 + affine[:3, 3]
r = np.linalg.norm(points / [0.86, 1.0, 0.86], axis=-1)
azimuth = np.arctan2(points[..., 1], points[..., 0])
polar = np.arccos(points[..., 2] / np.maximum(np.linalg.norm(points, axis=-1), 1))
furrows = 3.5 * np.cos(9 * azimuth) * np.cos(8 * polar)
labels = np.select([r < 62 + furrows, r < 74 + furrows, r < 84, r < 91, r < 98], [1, 2, 3, 7, 5], 0)

# %%
# ``edge_mm=2.5`` is the default; 6 takes seconds.
head = hf.head_from_labels((affine, labels), "simnibs", edge_mm=6)
report = head.summary()["image"]
print(head)
for tag, one in report["volumes"].items():
    name, meshed, labelled = head.tag_names[int(tag)], one["mesh_mm3"] / 1000, one["image_mm3"] / 1000
    print(f"{name:14} {meshed:6.1f} cm³, {labelled:6.1f} in the image")

# %%
# It is a head like any other.
model, coil = hf.HeadModel(head), hf.figure_of_eight()
pose = model.place(coil, [-50, 0, 80], [-50, 50, 80])
field = model.solve(coil, pose, "60 A/µs", primary_error="summed")
gray = hf.regions.tissue(head, 2)
peak = hf.metrics.percentiles(field.magnitude[0, gray.elements], gray.weights, 99.9)
print(f"peak of |E| in gray matter: {peak:.0f} V/m")

picture = hf.plot_head(head, (affine, labels), "simnibs")
