# SPDX-License-Identifier: BSD-3-Clause
"""
A job that is stopped and goes on
=================================

Coils at poses on a head, as a record: what a cluster computes overnight, in small. The first half is done as
one task of an array would do it; then the same job goes on, and finds what is there.
"""

import tempfile
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

import headfield as hf

# %%
# Files first: a job names files, so that any process on any machine can do any part of it.
folder = Path(tempfile.mkdtemp())
head = hf.phantom_head(edge_mm=8)
hf.write_mesh(folder / "head.msh", head)
hf.write_coil(folder / "small.tcd", hf.figure_of_eight(inner_radius_mm=18, outer_radius_mm=38, spacing_mm=6))
hf.write_coil(folder / "usual.tcd", hf.figure_of_eight(spacing_mm=6))
angles = np.arange(0, 180, 15)
job = hf.jobs.Job(
    heads="head.msh",
    coils=["small.tcd", "usual.tcd"],
    poses={"centre": "-46,-8,70", "handle": "-46,42,70", "angles": angles.tolist()},
    didt="60 A/us",
    outputs=hf.jobs.Outputs(keep=["metrics"], target="-40,-8,50"),
    chunk=4,
    base=folder,
)

# %%
# One of two shares of the chunks. The report says what is done and how to go on.
first = hf.jobs.run(job, folder / "out", slice="1/2")
print(first)

# %%
# The whole job: what is there is compared with the files by content, and taken as done.
whole = hf.jobs.run(job, folder / "out", resume=True)
print(whole)

# %%
# Reading the folder is merging it. A table has a row for each coil and pose, and units in its columns.
table = hf.read_results(folder / "out").table
name = "target_mean_magnE_V_per_m"
values = {coil: table[name][table["coil"] == coil] for coil in ("small", "usual")}
for coil, of_coil in values.items():
    print(f"{coil}: {of_coil.max():.1f} V/m in the target at {angles[of_coil.argmax()]}°")

picture, axes = plt.subplots(figsize=(6.5, 3.8), layout="constrained")
for coil, of_coil in values.items():
    axes.plot(angles, of_coil, "o-", label=coil)
axes.set(xlabel="angle of the handle (degrees)", ylabel="mean |E| in the target (V/m)", ylim=(0, None))
axes.legend(frameon=False)
