# SPDX-License-Identifier: BSD-3-Clause
"""
Into the cortex, or along it
============================

\\|E\\| does not say whether current enters a gyrus or runs along it. On the mid-layer of the cortex E has a
normal component, with a sign: positive out of the cortex, negative into it. Turning the coil by 180°
changes that sign, and nothing about \\|E\\|.
"""

import numpy as np

import headfield as hf

head = hf.phantom_head(edge_mm=8)
model, coil = hf.HeadModel(head), hf.figure_of_eight()
pose = model.place(coil, [-46, -8, 70], [-46, 42, 70])

# %%
# The layer half-way between white matter and the outer surface, within 35 mm of the hand area: points with
# normals, areas and triangles.
layer = hf.regions.mid_layer(head) & hf.regions.sphere(head, [-40, -8, 50], 35)
poses = hf.ring(pose, [0, 180])
field = model.solve(coil, poses, "60 A/µs", roi=layer, recovery="interface", primary_error="summed")
normal, tangential = hf.metrics.normal_tangential(field.E, layer.normals)

# %%
# How E is split, by area, and what half a turn does.
share = np.average(normal[0] ** 2, weights=layer.weights) / np.average(
    field.magnitude[0] ** 2, weights=layer.weights
)
inward = layer.weights[normal[0] < 0].sum() / layer.weights.sum()
reversed_by = np.abs(normal[0] + normal[1]).max() / np.abs(normal).max()
print(f"{100 * share:.0f} % of the mean square of E is normal to the layer")
print(f"E points into the cortex on {100 * inward:.0f} % of the area")
print(f"after half a turn it is −E within {100 * reversed_by:.1g} % of the largest value")

# %%
# On the whole mid-layer, as the coil sees it. Colours go both ways from white at 0.
everywhere = model.solve(coil, pose, "60 A/µs", primary_error="summed")
picture = hf.plot_layer(everywhere, quantity="normal", coil=coil)
