# SPDX-License-Identifier: BSD-3-Clause
"""Targets, and the poses of coils that reach them best."""
