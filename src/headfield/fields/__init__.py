# SPDX-License-Identifier: BSD-3-Clause
"""The result of a solve, and the files it is written to."""
