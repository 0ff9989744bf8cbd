# SPDX-License-Identifier: BSD-3-Clause
"""Figures, scenes and pages."""
