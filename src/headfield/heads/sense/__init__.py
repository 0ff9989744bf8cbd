# SPDX-License-Identifier: BSD-3-Clause
"""Whether a mesh makes sense as a head: what is looked for, and the report of what was found."""
