# SPDX-License-Identifier: BSD-3-Clause
"""Look for a pose with Bayesian optimisation (the package bayesian-optimization): position and angle.

python examples/bayesian_pose.py [EDGE_MM]
"""

import sys

from bayes_opt import BayesianOptimization

import headfield as hf

DIDT = 50e6  # A/s

edge_mm = float(sys.argv[1]) if len(sys.argv) > 1 else 4.0
head = hf.phantom_head(edge_mm=edge_mm)
model, coil = hf.HeadModel(head), hf.figure_of_eight()
knob = hf.regions.sphere(head, [-40, -8, 50], 10) & hf.regions.tissue(head, 2)
target = hf.Target(knob)


def placed(x_mm, y_mm, angle_deg):
    """The coil on the scalp, moved along it and turned, its casing 2 mm clear."""
    aim = [-40, -8, 70], [-40, 42, 70]
    return model.place(coil, *aim, offset_mm=(x_mm, y_mm), rotation_deg=angle_deg, clear_mm=2)


def strength(**parameters):
    return float(target.values(model.solve(coil, placed(**parameters), DIDT, roi=knob).E)[0])


bounds = {"x_mm": (-25, 25), "y_mm": (-25, 25), "angle_deg": (-90, 90)}
search = BayesianOptimization(strength, bounds, random_state=1, verbose=0)
search.maximize(init_points=8, n_iter=10)
values = [trial["target"] for trial in search.res]
print(f"{max(values[:8]):.2f} V/m in the first eight, {max(values):.2f} V/m in all {len(values)} solves")

# A gradient finishes what a surrogate of few solves leaves.
best = placed(**search.max["params"])
objective = hf.optimize.Objective(model, target, coil, DIDT, clear_mm=2)
refined = hf.optimize.refine(objective, best, max_batches=4)
print(f"{refined.value:.2f} V/m after {refined.batches} solves with gradients from there")
