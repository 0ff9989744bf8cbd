# SPDX-License-Identifier: BSD-3-Clause
"""What of E is of interest: one number for each pose, and its derivative with respect to E."""
