# SPDX-License-Identifier: BSD-3-Clause
"""A head that is assembled once and solved for many sources."""
