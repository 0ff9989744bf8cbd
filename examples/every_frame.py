# SPDX-License-Identifier: BSD-3-Clause
"""E under a coil that moves, frame by frame, and how far each frame is off.

python examples/every_frame.py [EDGE_MM]
"""

import sys
import time

import numpy as np

import headfield as hf

DIDT = 50e6  # A/s

edge_mm = float(sys.argv[1]) if len(sys.argv) > 1 else 4.0
head = hf.phantom_head(edge_mm=edge_mm)
model, coil = hf.HeadModel(head, primary="edges"), hf.figure_of_eight()
cortex = hf.regions.mid_layer(head) & hf.regions.sphere(head, [-40, -8, 50], 30)

# Once for the head and the region, for any coil: a minute or two for a large head.
rt = hf.realtime_basis(model, cortex, size=150, progress=print)

# The coil circles over the hand area; each frame takes some milliseconds.
start = model.place(coil, [-46, -8, 70], [-46, 42, 70], distance_mm=6, clear_mm=4)
way = np.linspace(0, 2 * np.pi, 24, endpoint=False)
poses = np.tile(start, (len(way), 1, 1))
poses[:, :3, 3] += 5 * (np.cos(way)[:, None] * start[:3, 0] + np.sin(way)[:, None] * start[:3, 1])
for number, pose in enumerate(poses):
    began = time.perf_counter()
    frame = rt.field(coil, pose, DIDT)
    took = 1e3 * (time.perf_counter() - began)
    off = 100 * frame.report.basis_error[0]
    print(f"frame {number:2}: {frame.magnitude.max():5.1f} V/m at most, off by {off:.1f} %, {took:.0f} ms")

# What full solves of the same poses say.
solved = model.solve(coil, poses, DIDT, roi=cortex)
frames = rt.field(coil, poses, DIDT)
true = np.sqrt(rt.norms(frames.E - solved.E) / rt.norms(solved.E))
print(f"off by {100 * true.max():.1f} % at most, estimated as {100 * frames.report.basis_error.max():.1f} %")
