# SPDX-License-Identifier: BSD-3-Clause
"""Benchmarks of headfield in the format of airspeed velocity (asv); `../run_suite.py` does without it."""
