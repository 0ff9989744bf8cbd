# SPDX-License-Identifier: BSD-3-Clause
"""A threshold was found with one coil and stimulator: which output of another one does the same?

python examples/equal_pulses.py [edge_mm] [picture.png]
"""

import sys

import numpy as np

import headfield as hf

edge_mm = float(sys.argv[1]) if len(sys.argv) > 1 else 4.0
threshold = 45.0  # %MSO, with the first

# |E| per A/s where both coils aim, by two solves: the second coil is smaller.
head = hf.phantom_head(edge_mm)
model = hf.HeadModel(head)
knob = hf.regions.sphere(head, [-40, -8, 50], radius_mm=15, tags=2)
coils = [hf.figure_of_eight(), hf.figure_of_eight(inner_radius_mm=18, outer_radius_mm=38)]
fields = []
for coil in coils:
    pose = model.place(coil, centre_mm=[-46, -8, 70], handle_mm=[-46, 42, 70])
    E = model.solve(coil, pose, didt=1e6, roi=knob).E[0]
    fields.append(1e-6 * np.average(np.linalg.norm(E, axis=1), weights=knob.weights))

# Their stimulators' pulses at 100 %, from the table; the second is longer.
pulses = [hf.dose.Pulse.published(name) for name in ("magpro_x100_mcf_b65", "magstim_rapid_d70")]
print(*pulses, sep="\n")

# τ is not known well: what that does to the answer.
outputs = [
    hf.dose.equivalent_mso(threshold, *pulses, field=fields[0], other_field=fields[1], tau_s=tau_s)
    for tau_s in (150e-6, 200e-6, 300e-6)
]
low, middle, high = outputs
print(f"{threshold:.0f} %MSO of the first is {middle:.1f} %MSO of the second,")
print(f"{low:.1f} to {high:.1f} for τ of 150 to 300 µs")

# dI/dt at that output, and iTBS (600 pulses in 192 s): resistances and masses are guesses.
didt = hf.dose.didt_of_mso(middle, pulses[1])
print(f"its largest dI/dt is {1e-6 * didt:.1f} A/µs")
heat = hf.dose.heating(
    pulses[1], 600 / 192, mso=middle, duration_s=192, mass_kg=1.0, coil_share=0.3, resistance_ohm=40e-3
)
print(
    f"600 pulses lose {heat.energy_j:.0f} J; without cooling a winding of 1 kg is {heat.rise_k:.1f} K warmer"
)
if len(sys.argv) > 2:
    pulses[1].write_picture(sys.argv[2])
