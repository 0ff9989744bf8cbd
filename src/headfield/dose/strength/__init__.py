# SPDX-License-Identifier: BSD-3-Clause
"""How strong: from a field that is wanted at a place to a share of the maximum stimulator output."""
