# SPDX-License-Identifier: BSD-3-Clause
"""
A first field
=============

A head, a coil, a place, a field: the template head under a figure-8 over C3, its handle 45° back and to the
side, as is usual for the left motor cortex.
"""

import numpy as np

import headfield as hf

head = hf.template_head(edge_mm=8)  # 3 mm is the default; 8 mm takes a second
coil = hf.figure_of_eight()
electrodes = hf.template_positions()

# %%
# A ``HeadModel`` is assembled once and solved for as many poses as one likes. ``place`` puts the coil on
# the scalp, tangential, 4 mm off, and points its handle. A single pose of a new coil is fastest with
# ``primary_error="summed"``, which makes no table of it.
model = hf.HeadModel(head)
straight = model.place(coil, electrodes["C3"], electrodes["C3"] - [0, 50, 0])
pose = hf.ring(straight, [45])[0]
field = model.solve(coil, pose, didt="50 A/µs", primary_error="summed")

# %%
# ``field.E`` is (poses, tetrahedra, 3), V/m. The largest value of a mesh hangs on a single tetrahedron, so
# it is told by the 99.9th percentile, by volume, of gray matter.
gray = hf.regions.tissue(head, 2)
magnitude = field.magnitude[0, gray.elements]
peak = hf.metrics.percentiles(magnitude, gray.weights, 99.9)
hottest = gray.centres_mm[magnitude.argmax()]
depth = (hottest - pose[:3, 3]) @ pose[:3, 2]
beside = np.linalg.norm(hottest - pose[:3, 3] - depth * pose[:3, 2])
print(f"{head!r}: residual {field.report.residual[0]:.0e} after {field.report.iterations[0]} iterations")
print(f"peak of |E| in gray matter: {peak:.0f} V/m, at {hottest.round()} mm in MNI space,")
print(f"{depth:.0f} mm below the coil's centre and {beside:.0f} mm beside its axis")

picture = field.plot(coil=coil)
