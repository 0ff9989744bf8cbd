# SPDX-License-Identifier: BSD-3-Clause
"""Abuse: kills, interrupts, full disks, forks and files made to do harm."""
