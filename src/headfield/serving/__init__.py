# SPDX-License-Identifier: BSD-3-Clause
"""Fields of a coil where it is now, for programs that navigate."""
