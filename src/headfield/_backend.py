# SPDX-License-Identifier: BSD-3-Clause
"""The only importer of the native modules."""

from headfield import _cpu as cpu

__all__ = ["cpu"]
