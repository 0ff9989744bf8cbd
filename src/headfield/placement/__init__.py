# SPDX-License-Identifier: BSD-3-Clause
"""Coils on the scalp: poses, distances, implausible poses."""
