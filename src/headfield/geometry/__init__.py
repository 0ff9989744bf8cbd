# SPDX-License-Identifier: BSD-3-Clause
"""Triangulated surfaces: nearest points, crossings, rasters."""
