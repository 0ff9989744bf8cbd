# SPDX-License-Identifier: BSD-3-Clause
"""Solve a head and a coil from files, as SimNIBS has them, and save the field and a picture.

python examples/read_files.py HEAD.msh COIL.ccd POSES.npy OUT.msh
"""

import sys

import numpy as np

import headfield as hf

head_file, coil_file, poses_file, out_file = sys.argv[1:]

head = hf.read_mesh(head_file)  # tags 1 white matter, 2 gray matter, 3 CSF, 5 scalp, …
coil = hf.read_coil(coil_file)
poses = hf.read_poses(poses_file)  # "matsimnibs": coil to head, mm
print(head, coil, f"{len(poses)} poses", sep="\n")

model = hf.HeadModel(head, conductivity={1: 0.126, 2: 0.275})  # the other tissues keep their standard values
gray = np.flatnonzero(head.tags == 2)
volumes = head.volumes_mm3()[gray]

# Any number of poses in bounded memory: only gray matter is kept of each.
peaks = []
for field in model.iter_solve(coil, poses, didt=1e6, elements=gray):
    peaks.extend(hf.metrics.percentiles(field.magnitude, volumes, 99.9))
best = int(np.argmax(peaks))
print(f"pose {best} has the largest |E| in gray matter: {peaks[best]:.3f} V/m at 1 A/µs")

field = model.solve(coil, poses[best], didt=1e6)
field.save(out_file)
field.plot_cortex(out_file.rsplit(".", 1)[0] + ".png", coil=coil)
