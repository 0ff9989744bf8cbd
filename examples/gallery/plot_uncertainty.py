# SPDX-License-Identifier: BSD-3-Clause
"""
How uncertain a field is, and by what
=====================================

Conductivities, the place of the coil and the layers of the head are not known exactly. How far does the
field in the hand knob spread for that, and which of them matters?
"""

import headfield as hf

head = hf.phantom_head(edge_mm=8)
model = hf.HeadModel(head)
coil = hf.figure_of_eight(spacing_mm=6)
pose = model.place(coil, centre_mm=[-46, -8, 70], handle_mm=[-46, 42, 70])
knob = hf.regions.sphere(head, [-40, -8, 50], radius_mm=15, tags=2)

# %%
# Ranges of conductivities by tissue (1 white matter, 2 gray matter, 3 CSF), S/m; standard deviations of the
# place, mm and degrees; and of the layers, mm.
found = model.uncertainty(
    knob,
    coil,
    pose,
    "50 A/µs",
    conductivity={1: (0.1, 0.4), 2: (0.1, 0.6), 3: (1.2, 1.8)},
    placement=hf.PoseJitter(shift_mm=[1.5, 1.5, 0], turn_deg=3),
    thickness={"scalp": 1.0, "csf": 0.5},
    samples=32,
)
print(found)

# %%
# The same conductivities as a polynomial chaos, from 125 fields of a reduced basis in place of thousands: a
# second way to the same number.
ranges = {tag: hf.Beta(*limits) for tag, limits in ((1, (0.1, 0.4)), (2, (0.1, 0.6)), (3, (1.2, 1.8)))}
basis = hf.conductivity_basis(model, knob, coil, pose, 50e6, ranges=ranges)
chaos = hf.statistics.PolynomialChaos.projected(basis.values, list(ranges.values()), order=4)
print(f"polynomial chaos: {chaos.mean:.4g} ± {chaos.std:.2g}")
for tag, share in zip(ranges, chaos.total, strict=True):
    print(f"  tag {tag} has a part in {100 * share:.0f} % of the variance")

picture = found.plot()
