# SPDX-License-Identifier: BSD-3-Clause
"""How measures of E change with the pose of a coil, its current and its parts, and with conductivities."""
