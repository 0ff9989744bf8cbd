# SPDX-License-Identifier: BSD-3-Clause
"""Meshes mended: coincident nodes joined, tiny and flat tetrahedra taken out."""
