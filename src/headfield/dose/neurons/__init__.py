# SPDX-License-Identifier: BSD-3-Clause
"""Where a field is likely to activate neurons: thresholds, subject factors, columns of the cortex, fibres."""
