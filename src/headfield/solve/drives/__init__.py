# SPDX-License-Identifier: BSD-3-Clause
"""What a head is driven by: right-hand sides."""
