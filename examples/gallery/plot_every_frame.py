# SPDX-License-Identifier: BSD-3-Clause
"""
A frame for every message of a tracker
======================================

E under a coil that moves, frame by frame, and how far each frame is off. The loop below is what runs behind
``headfield serve``: a pose comes in, a field goes out.
"""

import time

import matplotlib.pyplot as plt
import numpy as np

import headfield as hf

DIDT = 50e6  # A/s

head = hf.phantom_head(edge_mm=8)
model, coil = hf.HeadModel(head, primary="edges"), hf.figure_of_eight(spacing_mm=6)
cortex = hf.regions.mid_layer(head) & hf.regions.sphere(head, [-40, -8, 50], 30)

# %%
# Once for the head and the region, for any coil: a minute or two for a large head.
rt = hf.realtime_basis(model, cortex, size=150, progress=print)

# %%
# The coil circles over the hand area.
start = model.place(coil, [-46, -8, 70], [-46, 42, 70], distance_mm=6, clear_mm=4)
way = np.linspace(0, 2 * np.pi, 24, endpoint=False)
poses = np.tile(start, (len(way), 1, 1))
poses[:, :3, 3] += 5 * (np.cos(way)[:, None] * start[:3, 0] + np.sin(way)[:, None] * start[:3, 1])
largest, took = [], []
for number, pose in enumerate(poses):
    began = time.perf_counter()
    frame = rt.field(coil, pose, DIDT)
    took.append(1e3 * (time.perf_counter() - began))
    largest.append(float(frame.magnitude.max()))
    off = 100 * frame.report.basis_error[0]
    print(f"frame {number:2}: {largest[-1]:5.1f} V/m at most, off by {off:.1f} %, {took[-1]:.0f} ms")

# %%
# What full solves of the same poses say.
solved = model.solve(coil, poses, DIDT, roi=cortex)
frames = rt.field(coil, poses, DIDT)
true = np.sqrt(rt.norms(frames.E - solved.E) / rt.norms(solved.E))
print(f"off by {100 * true.max():.1f} % at most, estimated as {100 * frames.report.basis_error.max():.1f} %")

picture, (above, below) = plt.subplots(2, 1, figsize=(7.5, 5.5), layout="constrained", sharex=True)
above.plot(solved.magnitude.max(axis=1), color="#3b4252", label="solved in full")
above.plot(largest, "o", color="#b5462f", label="frames")
above.set(ylabel="largest |E| in the region (V/m)")
below.plot(100 * frames.report.basis_error, color="#b5462f", label="estimated with the frame")
below.plot(100 * true, color="#3b4252", label="true")
below.set(xlabel="frame", ylabel="error of E, relative L2 (%)", ylim=(0, None))
for axes in (above, below):
    axes.legend(frameon=False, loc="center right")
