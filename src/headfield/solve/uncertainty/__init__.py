# SPDX-License-Identifier: BSD-3-Clause
"""How far a field may be off: by conductivities, where the coil is, how thick scalp, skull and CSF are."""
