# SPDX-License-Identifier: BSD-3-Clause
"""From an image whose voxels are labelled by tissue to a tetrahedral head."""
