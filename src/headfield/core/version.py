# SPDX-License-Identifier: BSD-3-Clause
"""The version of headfield, as it was installed; pyproject.toml is where it is set."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version

__all__ = ["VERSION"]

try:
    VERSION = version("headfield")
except PackageNotFoundError:  # run from a source tree that is not installed
    VERSION = "unknown"
