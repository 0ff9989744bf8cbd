# SPDX-License-Identifier: BSD-3-Clause
"""Results as .h5: laid out before the first pose, one row per pose, each complete or not there."""
