# SPDX-License-Identifier: BSD-3-Clause
"""Measure what half a turn of angles leaves out: how far E of a coil turned by 180° is from −E.

python examples/half_turn.py EDGE_MM COIL…
"""

import sys

import numpy as np

import headfield as hf

ANGLES_DEG = np.arange(-90.0, 90.0, 30.0)

head = hf.phantom_head(edge_mm=float(sys.argv[1]))
model = hf.HeadModel(head)
gray = head.tags == 2
volumes = head.volumes_mm3()[gray]
scalp = hf.phantom_landmarks()["left_motor"]


def rms(values):
    """Root mean square over gray matter, (k,), of values (k, m) or of vectors (k, m, 3)."""
    square = (values.reshape(len(values), len(volumes), -1) ** 2).sum(axis=2)
    return np.sqrt(square @ volumes / volumes.sum())


def compare(coil):
    """Return three figures, each the largest of all angles: of E, of |E|, and of the peak of |E|."""
    every = np.append(ANGLES_DEG, ANGLES_DEG + 180)
    poses = model.scalp_grid(coil, scalp, scalp + [0, 50, 0], 0.0, angles_deg=every, clear_mm=4.0).poses
    outmost = (poses[:, :3, 3] @ -poses[0, :3, 2]).argmax()  # there it is clear of the head at all angles
    poses[:, :3, 3] = poses[outmost, :3, 3]
    didt = 1e6 if coil.n_stimulators == 1 else np.full((1, coil.n_stimulators), 1e6)
    one, other = (model.solve(coil, half, didt, elements=gray) for half in np.split(poses, 2))
    peak, peak_of_other = (hf.metrics.percentiles(f.magnitude, volumes, 99.9) for f in (one, other))
    return (
        (rms(one.E + other.E) / rms(one.E)).max(),
        (rms(one.magnitude - other.magnitude) / rms(one.magnitude)).max(),
        np.abs(peak_of_other / peak - 1).max(),
    )


print("In gray matter, a coil turned by 180° against the same coil with its current reversed:")
results = {}
for path in sys.argv[2:]:
    results[path] = compare(hf.read_coil(path))
    of_e, of_magnitude, of_peak = results[path]
    print(f"{path}: E differs by {of_e:.1%}, |E| by {of_magnitude:.1%}, its peak by {of_peak:.1%}")
