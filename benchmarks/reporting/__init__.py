# SPDX-License-Identifier: BSD-3-Clause
"""What RESULTS.md and the figures of docs/speed.md consist of; `../report.py` puts it together."""
