# SPDX-License-Identifier: BSD-3-Clause
"""
Which conductivity matters
==========================

Each tissue has a standard conductivity. What does \\|E\\| in gray matter do if one of them is half or twice
that?
"""

import matplotlib.pyplot as plt
import numpy as np

import headfield as hf

TISSUES = {1: "white matter", 2: "gray matter", 3: "CSF", 4: "bone", 5: "scalp"}
FACTORS = np.array([0.5, 0.7, 1.0, 1.4, 2.0])

head, coil = hf.phantom_head(edge_mm=8), hf.figure_of_eight(spacing_mm=6)
standard = hf.HeadModel(head)
pose = standard.place(coil, [-46, -8, 70], [-46, 42, 70])
target = hf.regions.sphere(head, [-40, -8, 50], radius_mm=15, tags=2)


def mean_in_target(conductivity=None):
    """Mean |E| in the target, V/m; ``conductivity`` replaces the standard values of some tissues, S/m."""
    model = hf.HeadModel(head, conductivity)
    field = model.solve(coil, pose, "60 A/µs", roi=target, primary_error="summed")
    return float(hf.metrics.mean(field.magnitude[0], target.weights))


# %%
# Values that were used are an array, one for each tetrahedron, of the model.
usual = {tag: float(standard.conductivity[head.tags == tag][0]) for tag in TISSUES}
as_usual = mean_in_target()
change = {
    tag: [100 * (mean_in_target({tag: usual[tag] * factor}) / as_usual - 1) for factor in FACTORS]
    for tag in TISSUES
}
for tag, name in TISSUES.items():
    half, *_, twice = change[tag]
    print(f"{name:12} {usual[tag]:6.3f} S/m: {half:+5.1f} % at half of it, {twice:+5.1f} % at twice")

# %%
# A gradient says the same for small changes, from a single adjoint solve: of 1 %, each.
gradient = standard.gradient(target, coil, pose, "60 A/µs", wrt=["conductivity"])
by_gradient = {
    int(tag): float(0.01 * usual[int(tag)] * slope / as_usual * 100)
    for tag, slope in zip(gradient.tags, gradient.conductivity[0], strict=True)
}
print("for 1 % more, in %:", ", ".join(f"{TISSUES[tag]} {value:+.3f}" for tag, value in by_gradient.items()))

picture, axes = plt.subplots(figsize=(7, 4.2), layout="constrained")
for number, (tag, name) in enumerate(TISSUES.items()):
    axes.semilogx(FACTORS, change[tag], "o-", color=f"C{number}", label=f"{name}, {usual[tag]:g} S/m")
axes.set_xticks(FACTORS, [f"{factor:g}" for factor in FACTORS])
axes.set_xticks([], minor=True)
axes.set(xlabel="conductivity over its standard value", ylabel="change of mean |E| in the target (%)")
axes.axhline(0, color="#5c6470", linewidth=0.8)
axes.legend(frameon=False)
