# SPDX-License-Identifier: BSD-3-Clause
"""Look for a pose with Optuna: ask for eight poses, solve them as one batch, tell what they gave.

python examples/ask_tell_pose.py [EDGE_MM]
"""

import sys

import numpy as np
import optuna

import headfield as hf

DIDT = 50e6  # A/s
ROUNDS, BATCH = 6, 8

edge_mm = float(sys.argv[1]) if len(sys.argv) > 1 else 4.0
head = hf.phantom_head(edge_mm=edge_mm)
model, coil = hf.HeadModel(head), hf.figure_of_eight()
knob = hf.regions.sphere(head, [-40, -8, 50], 10) & hf.regions.tissue(head, 2)
target = hf.Target(knob)


def placed(trial):
    """The coil on the scalp, moved along it and turned, its casing 2 mm clear."""
    offset = trial.suggest_float("x_mm", -25, 25), trial.suggest_float("y_mm", -25, 25)
    angle = trial.suggest_float("angle_deg", -90, 90)
    aim = [-40, -8, 70], [-40, 42, 70]
    return model.place(coil, *aim, offset_mm=offset, rotation_deg=angle, clear_mm=2)


optuna.logging.set_verbosity(optuna.logging.WARNING)
study = optuna.create_study(direction="maximize", sampler=optuna.samplers.TPESampler(seed=1))
for turn in range(ROUNDS):
    trials = [study.ask() for _ in range(BATCH)]
    poses = np.array([placed(trial) for trial in trials])
    values = target.values(model.solve(coil, poses, DIDT, roi=knob).E)
    for trial, value in zip(trials, values, strict=True):
        study.tell(trial, float(value))
    print(f"batch {turn}: {values.max():.2f} V/m, the best so far {study.best_value:.2f} V/m")
