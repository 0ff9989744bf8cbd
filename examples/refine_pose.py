# SPDX-License-Identifier: BSD-3-Clause
"""Refine poses by gradients, all starts as one batch a step, the casing clear of the scalp.

python examples/refine_pose.py [EDGE_MM]
"""

import sys

import numpy as np

import headfield as hf

DIDT = 50e6  # A/s

edge_mm = float(sys.argv[1]) if len(sys.argv) > 1 else 4.0
head = hf.phantom_head(edge_mm=edge_mm)
model, coil = hf.HeadModel(head), hf.figure_of_eight()
gray = hf.regions.tissue(head, 2)
knob = hf.regions.sphere(head, [-40, -8, 50], 10) & gray

# The mean of |E| in the target; then the same relative to the rest of the gray matter.
strong = hf.optimize.Objective(model, knob, coil, DIDT, clear_mm=2)
focal = hf.optimize.Objective(model, hf.Ratio(knob, gray - knob), coil, DIDT, clear_mm=2)

starts = np.array(
    [
        model.place(coil, [x, y, 70], [x + 50 * np.sin(a), y + 50 * np.cos(a), 70], clear_mm=2)
        for x, y, a in [(-30, -8, 0.0), (-46, 6, 0.6), (-52, -20, -0.6)]
    ]
)
results = {}
for name, objective in {"V/m in the target": strong, "times the rest": focal}.items():
    found = results[name] = hf.optimize.refine(objective, starts, max_batches=8)
    print(found)
    print(f"{found.history[0].max():.4g} at the best start, {found.value:.4g} {name} at the best pose")
