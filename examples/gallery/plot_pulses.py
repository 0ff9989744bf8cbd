# SPDX-License-Identifier: BSD-3-Clause
"""
Equal pulses of two stimulators
===============================

A threshold was found with one coil and stimulator: which output of another one does the same? The two
differ in the field of their coils and in how long their pulses take, and so in what a membrane makes of
them.
"""

import matplotlib.pyplot as plt
import numpy as np

import headfield as hf

threshold = 45.0  # %MSO, with the first

# %%
# \|E\| per A/s where both coils aim, by two solves: the second coil is smaller.
head = hf.phantom_head(edge_mm=8)
model = hf.HeadModel(head)
knob = hf.regions.sphere(head, [-40, -8, 50], radius_mm=15, tags=2)
coils = [hf.figure_of_eight(), hf.figure_of_eight(inner_radius_mm=18, outer_radius_mm=38)]
fields = []
for coil in coils:
    pose = model.place(coil, centre_mm=[-46, -8, 70], handle_mm=[-46, 42, 70])
    field = model.solve(coil, pose, didt=1e6, roi=knob, primary_error="summed")
    fields.append(1e-6 * float(hf.metrics.mean(field.magnitude[0], knob.weights)))

# %%
# Their stimulators' pulses at 100 %, from the table of published ones.
pulses = [hf.dose.Pulse.published(name) for name in ("magpro_x100_mcf_b65", "magstim_rapid_d70")]
print(*pulses, sep="\n")

# %%
# The time constant τ of a membrane is not known well: what that does to the answer.
outputs = [
    hf.dose.equivalent_mso(threshold, *pulses, field=fields[0], other_field=fields[1], tau_s=tau_s)
    for tau_s in (150e-6, 200e-6, 300e-6)
]
low, middle, high = outputs
print(f"{threshold:.0f} %MSO of the first is {middle:.1f} %MSO of the second,")
print(f"{low:.1f} to {high:.1f} for τ of 150 to 300 µs")

# %%
# dI/dt at that output, and iTBS (600 pulses in 192 s): resistances and masses are guesses.
didt = hf.dose.didt_of_mso(middle, pulses[1])
print(f"its largest dI/dt is {1e-6 * didt:.1f} A/µs")
heat = hf.dose.heating(
    pulses[1], 600 / 192, mso=middle, duration_s=192, mass_kg=1.0, coil_share=0.3, resistance_ohm=40e-3
)
print(
    f"600 pulses lose {heat.energy_j:.0f} J; without cooling a winding of 1 kg is {heat.rise_k:.1f} K warmer"
)

# %%
# E of both at those outputs, and a membrane of 200 µs that it drives: unlike pulses, the same
# depolarisation.
picture, (above, below) = plt.subplots(2, 1, figsize=(8, 6), layout="constrained", sharex=True)
time = np.linspace(0, 600e-6, 601)
colours, reached = ("#b5462f", "#1f6f8b"), []
for pulse, field, mso, colour in zip(pulses, fields, (threshold, middle), colours, strict=True):
    E = field * pulse.didt(time) * mso / 100
    membrane = field * pulse.didt_peak * mso / 100 * pulse.membrane(time, 200e-6)
    reached.append(np.abs(membrane).max())
    above.plot(1e6 * time, E, color=colour, label=f"{pulse.name}, {mso:.1f} %MSO")
    below.plot(1e6 * time, membrane, color=colour)
above.set(ylabel="mean |E| in the target,\nwith the sign of dI/dt (V/m)")
below.set(xlabel="time (µs)", ylabel="membrane of τ = 200 µs (V/m)")
above.legend(frameon=False)
