# SPDX-License-Identifier: BSD-3-Clause
"""Optimise a pose with SciPy's L-BFGS-B: the coil is landed at each pose, its casing 2 mm off the scalp.

python examples/lbfgs_pose.py [EDGE_MM]
"""

import sys

import numpy as np
from scipy.optimize import minimize

import headfield as hf

DIDT = 50e6  # A/s
SCALES = np.array([10, 10, 10, 0.3, 0.3, 0.3])  # mm and rad that count alike

edge_mm = float(sys.argv[1]) if len(sys.argv) > 1 else 4.0
head = hf.phantom_head(edge_mm=edge_mm)
model, coil = hf.HeadModel(head), hf.figure_of_eight()
knob = hf.regions.sphere(head, [-40, -8, 50], 10) & hf.regions.tissue(head, 2)
objective = hf.optimize.Objective(model, knob, coil, DIDT, clear_mm=2)
start = model.place(coil, [-30, 2, 70], [0, 40, 70], clear_mm=2)


of_motions = hf.optimize.OfMotions(hf.optimize.Landed(objective), start)


def loss(scaled):
    values, gradients = of_motions([scaled * SCALES])
    return -values[0], -gradients[0] * SCALES


options = {"maxiter": 8}
found = minimize(loss, np.zeros(6), jac=True, method="L-BFGS-B", bounds=[(-2, 2)] * 6, options=options)
pose = objective.clearance.landed(of_motions.ends([found.x * SCALES]))[0]
before, after = objective(start)[0][0], objective(pose)[0][0]
print(f"{before:.2f} V/m at the start, {after:.2f} after {found.nfev} solves with their gradients")
print(f"casing {hf.casing_distance(model.scalp, coil, pose)[0]:.3f} mm off the scalp")
