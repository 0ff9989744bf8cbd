# SPDX-License-Identifier: BSD-3-Clause
"""Numbers, devices, memory and messages: what every room needs."""
