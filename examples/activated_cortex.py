# SPDX-License-Identifier: BSD-3-Clause
"""How much of the cortex of a phantom is likely activated at 120 % of a motor threshold, by which model?

python examples/activated_cortex.py [edge_mm] [picture.png]
"""

import sys

import numpy as np

import headfield as hf

edge_mm = float(sys.argv[1]) if len(sys.argv) > 1 else 4.0
head = hf.phantom_head(edge_mm)
model = hf.HeadModel(head)
coil = hf.figure_of_eight()
pose = model.place(coil, centre_mm=[-46, -8, 70], handle_mm=[-46, 42, 70])
resting_motor_threshold = 60e6  # A/s, of this made-up person with this coil and a biphasic pulse

# Points in layer 5 within 40 mm of the hand knob, and what corresponds to them in other layers.
knob_mm = [-40, -8, 50]
depths = hf.dose.layer_depths()
cortex = hf.regions.Cortex(head)
start = cortex.layer(depths["L5"]) & hf.regions.sphere(head, knob_mm, 40)
names = ["L6", "L5", "L2/3", "L1"]
columns = cortex.columns([depths[name] for name in names], start=start)
field = model.solve(coil, pose, resting_motor_threshold, roi=columns.region, recovery="interface")
at_threshold = columns.split(field.E)

# One factor for the person: at the motor threshold, the largest E/T of the hand knob is 1.
knob = np.linalg.norm(start.centres_mm - knob_mm, axis=1) < 12
models = {
    "L5 pyramidal cells": ("L5", {"threshold": hf.dose.threshold_form("L5_PC", "biphasic")}),
    "L2/3 pyramidal cells": ("L2/3", {"threshold": hf.dose.threshold_form("L23_PC", "biphasic")}),
    "|E| in layer 5": ("L5", {"threshold": 200.0, "rule": "magnitude"}),
    "|E·n| in layer 5, which neurons do not follow": ("L5", {"threshold": 200.0, "rule": "cosine"}),
}
found = {}
for name, (where, options) in models.items():
    E, layer = at_threshold[:, names.index(where)], columns.layer(names.index(where))
    m1 = {"normals": layer.normals[knob], "weights": layer.weights[knob]}
    factor = hf.dose.factor_from_motor_threshold(E[:, knob], measure="largest", **m1, **options)
    found[name] = hf.dose.activation(1.2 * E, region=layer, factor=factor, width=5.0, **options)
    area, expected = found[name].recruited[0], found[name].expected[0]
    print(f"{name}: thresholds / {factor:.2f}; {area:,.0f} mm² activated, {expected:,.0f} mm² expected")
if len(sys.argv) > 2:
    found["L5 pyramidal cells"].plot().savefig(sys.argv[2], dpi=150)

change = hf.dose.relative_change(field, columns)[0, ~columns.missed]
low, middle, high = np.percentile(change, [5, 50, 95])
print(f"|E| changes by {middle:.0f} % ({low:.0f} to {high:.0f}) from layer 1 to layer 6")

# A fibre that leaves layer 5 below the coil, bends, and goes down: where is its membrane driven most?
t = np.linspace(0, np.pi / 2, 30)[:, None]
bend = [-40, -8, 40] + 15 * (np.sin(t) * [0.6, 0, -0.8] + (1 - np.cos(t)) * [0.6, 0.4, -0.6])
fibre = hf.dose.Streamlines.of([bend])
placed = fibre.within(head)
along = hf.dose.activating_function(
    model.solve(coil, pose, 1.2 * resting_motor_threshold, roi=placed.region, recovery="interface"), placed
)
strongest, ends = -along.strongest[0, 0], along.ends[0, 0].round(1)
print(f"fibre: −d(E·t)/ds up to {strongest:,.0f} V/m², E·t at its ends {ends} V/m")
