# SPDX-License-Identifier: BSD-3-Clause
"""
Currents through electrodes
===========================

The same head, without a coil: 2 mA flow in through one patch of the scalp and out through another, as in
transcranial direct current stimulation. headfield has no model of electrodes, pads or gel. What it has are
currents into nodes, which is enough for the brain below small pads.
"""

import numpy as np

import headfield as hf

head = hf.template_head(edge_mm=8)
model = hf.HeadModel(head)
electrodes = hf.template_positions()


def through(name, ampere, radius_mm=20):
    """Currents into the nodes of the scalp around an electrode, (n,), A, by how much skin each has."""
    skin = head.skin()
    corners = head.nodes_mm[skin]
    areas = np.linalg.norm(np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]), axis=1) / 2
    share = np.bincount(skin.ravel(), np.repeat(areas / 3, 3), head.n_nodes)
    share[np.linalg.norm(head.nodes_mm - electrodes[name], axis=1) > radius_mm] = 0
    return ampere * share / share.sum()


# %%
# Nothing leaves a head but through electrodes, so the currents sum to zero. Any montage is a sum of such
# patches, and ``solve_sources`` takes many at a time, as (k, n).
currents = through("C3", 2e-3) + through("Fp2", -2e-3)
field = model.solve_sources(currents)

# %%
# E is linear in the current, and points from the anode to the cathode.
gray = hf.regions.tissue(head, 2)
strong = hf.metrics.percentiles(field.magnitude[0, gray.elements], gray.weights, 99)
towards = electrodes["Fp2"] - electrodes["C3"]
along = hf.metrics.component(field.E[0, gray.elements], towards)
mean_along = np.average(along, weights=gray.weights)
print(f"99 % of gray matter is below {strong:.2f} V/m at 2 mA")
print(f"E from C3 towards Fp2, on average over gray matter: {mean_along:.3f} V/m")
print(f"residual {field.report.residual.max():.0e} after {field.report.iterations.max()} iterations")

picture = field.plot()
