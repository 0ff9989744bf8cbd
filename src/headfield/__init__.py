# SPDX-License-Identifier: BSD-3-Clause
"""headfield: the electric field that a magnetic coil induces in a head."""
