# SPDX-License-Identifier: BSD-3-Clause
"""Head meshes: files, checks, tissues, conductivities, SimNIBS folders."""
