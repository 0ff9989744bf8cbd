# SPDX-License-Identifier: BSD-3-Clause
"""How uncertain is the field in the hand knob of a phantom, and by what?

python examples/how_uncertain.py [edge_mm] [picture.png]
"""

import sys

import headfield as hf

edge_mm = float(sys.argv[1]) if len(sys.argv) > 1 else 4.0
head = hf.phantom_head(edge_mm)
model = hf.HeadModel(head)
coil = hf.figure_of_eight()
pose = model.place(coil, centre_mm=[-46, -8, 70], handle_mm=[-46, 42, 70])
knob = hf.regions.sphere(head, [-40, -8, 50], radius_mm=15, tags=2)

found = model.uncertainty(
    knob,
    coil,
    pose,
    "50 A/µs",
    conductivity={1: (0.1, 0.4), 2: (0.1, 0.6), 3: (1.2, 1.8)},
    placement=hf.PoseJitter(shift_mm=[1.5, 1.5, 0], turn_deg=3),
    thickness={"scalp": 1.0, "csf": 0.5},
)
print(found)
if len(sys.argv) > 2:
    found.write_picture(sys.argv[2])

# The same conductivities as a polynomial chaos, from 125 fields of a reduced basis in place of thousands.
ranges = {tag: hf.Beta(*limits) for tag, limits in ((1, (0.1, 0.4)), (2, (0.1, 0.6)), (3, (1.2, 1.8)))}
basis = hf.conductivity_basis(model, knob, coil, pose, 50e6, ranges=ranges)
chaos = hf.statistics.PolynomialChaos.projected(basis.values, list(ranges.values()), order=4)
print(f"polynomial chaos: {chaos.mean:.4g} ± {chaos.std:.2g}")
for tag, share in zip(ranges, chaos.total, strict=True):
    print(f"  tag {tag} has a part in {100 * share:.0f} % of the variance")
