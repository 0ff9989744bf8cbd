# SPDX-License-Identifier: BSD-3-Clause
"""Where coils stand: poses, lists of them, files of navigation systems."""
