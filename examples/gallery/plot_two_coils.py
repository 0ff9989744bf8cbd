# SPDX-License-Identifier: BSD-3-Clause
"""
Two coils on one scale
======================

A figure-8 and a circular coil, each driven so that the target gets the same: then what the rest of the
brain gets can be compared. At one dI/dt it can't, because the larger coil is simply stronger everywhere.
"""

import numpy as np

import headfield as hf

WANTED = 80.0  # V/m, on average over the target
head = hf.phantom_head(edge_mm=8)
model = hf.HeadModel(head)
gray = hf.regions.tissue(head, 2)
target = hf.regions.sphere(head, [-40, -8, 50], radius_mm=10, tags=2)
in_target = np.isin(gray.elements, target.elements)

# %%
# Under the figure-8 the focus is below its middle; the circular coil induces most below its windings, so
# its middle is put 45 mm beside.
coils = {"figure of eight": hf.figure_of_eight(), "circular": hf.circular_coil()}
places = {"figure of eight": (0, 0), "circular": (45, 0)}
didt, poses, beyond = {}, {}, {}
for name, coil in coils.items():
    poses[name] = model.place(coil, [-46, -8, 70], [-46, 42, 70], offset_mm=places[name], clear_mm=2)
    at_one = model.solve(coil, poses[name], "1 A/µs", primary_error="summed")  # E is linear in dI/dt
    magnitude = at_one.magnitude[0, gray.elements]
    didt[name] = WANTED / hf.metrics.mean(magnitude[in_target], target.weights)
    beyond[name] = hf.metrics.off_target(magnitude, gray.weights, in_target).exposed / 1000
    print(f"{name}: {didt[name]:.0f} A/µs for {WANTED:g} V/m in the target;")
    print(f"  {beyond[name]:.1f} cm³ of gray matter outside of it get as much")

# %%
# Both on one scale, from the same side, with the target: colours of two pictures mean the same only if their
# scales do. ``plot_montage`` sees to that.
fields = [
    model.solve(coil, poses[name], didt[name] * 1e6, primary_error="summed") for name, coil in coils.items()
]
titles = [f"{name}: {didt[name]:.0f} A/µs, {beyond[name]:.1f} cm³ beside" for name in coils]
picture = hf.plot_montage(
    fields, coil=list(coils.values()), titles=titles, view=[-1, 0, 1.2], target_mm=[-40, -8, 50]
)
