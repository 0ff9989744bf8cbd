# SPDX-License-Identifier: BSD-3-Clause
"""
A coil of one's own, from its wire to a .tcd
============================================

Two wings of nine turns, wound of one wire, written to the open format of TMS coils and read again. The
field of the file is that of the wire.
"""

import tempfile
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

import headfield as hf

# %%
# The path of the wire in the coil's frame, mm: z points into the head, and the current runs from the first
# point to the last. The second wing is the first, turned by half a turn and walked backwards, so that the
# two turn against each other.
right = hf.spiral_path(26, 44, 9, centre_mm=[44.5, 0, -6], start_deg=180)
left = (right * [-1, -1, 1])[::-1]
coil = hf.wire_coil(np.concatenate([right, left]), closed=True, name="my figure of eight", didt_max=150e6)
print(coil)

with tempfile.TemporaryDirectory() as folder:
    file = Path(folder) / "mine.tcd"
    coil.write(file)
    again = hf.read_coil(file)
    print(f"mine.tcd: {again.n_segments:,} pieces of wire, {again.didt_max / 1e6:g} A/µs at most")

# %%
# ∂A/∂t on a line below the coil, without a head, and E in a head with one.
depths = np.linspace(5.0, 60.0, 56)
line = np.stack([0 * depths, 0 * depths, depths], axis=1)
A, A_again = (1e6 * one.vector_potential(line) for one in (coil, again))  # V/m at 1 A/µs
head = hf.phantom_head(edge_mm=8)
model = hf.HeadModel(head)
pose = model.place(coil, [-46, -8, 70], [-46, 42, 70])
gray = hf.regions.tissue(head, 2)
E, E_again = (model.solve(one, pose, 1e6, roi=gray, primary_error="summed").E for one in (coil, again))
print(f"written and read, A differs by {np.abs(A - A_again).max() / np.abs(A).max():g} of its largest value,")
print(f"E in gray matter by {hf.metrics.relative_l2(E_again, E):g}")
print(f"at 20 mm {np.linalg.norm(A[15]):.2f} V/m at 1 A/µs, at 40 mm {np.linalg.norm(A[35]):.2f}")

picture, (above, beside) = plt.subplots(1, 2, figsize=(10, 4), layout="constrained", width_ratios=[1.6, 1])
for wing, colour in ((right, "#b5462f"), (left, "#1f6f8b")):
    above.plot(*wing[:, :2].T, color=colour, linewidth=1)
    for at in (60, len(wing) // 2, len(wing) - 60):
        above.annotate("", wing[at + 30, :2], wing[at, :2], arrowprops={"arrowstyle": "-|>", "color": colour})
above.set(title="the wire, and where the current runs", xlabel="x (mm)", ylabel="y (mm)", aspect="equal")
beside.semilogy(depths, np.linalg.norm(A, axis=1), color="#3b4252", label="the wire")
beside.semilogy(depths[::5], np.linalg.norm(A_again, axis=1)[::5], "o", color="#b5462f", label="mine.tcd")
beside.set(title="below the middle", xlabel="depth (mm)", ylabel="∂A/∂t at 1 A/µs, no head (V/m)")
beside.legend(frameon=False)
