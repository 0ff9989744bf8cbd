# SPDX-License-Identifier: BSD-3-Clause
"""When pulses come: protocols of nested onset intervals, those with a name, files, published limits."""
