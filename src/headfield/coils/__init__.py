# SPDX-License-Identifier: BSD-3-Clause
"""What a coil is made of, how one is made, and its vector potential."""
