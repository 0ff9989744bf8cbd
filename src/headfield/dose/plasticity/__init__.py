# SPDX-License-Identifier: BSD-3-Clause
"""Research models of what stimulation leaves behind within an hour; none over weeks has been validated."""
