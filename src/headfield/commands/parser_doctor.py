# SPDX-License-Identifier: BSD-3-Clause
"""The words of the command line that look at the installation: `headfield doctor`."""

from __future__ import annotations

import argparse
from typing import Any

__all__ = ["add_doctor"]


def add_doctor(commands: Any) -> argparse.ArgumentParser:
    """Add the command `doctor`."""
    parser: argparse.ArgumentParser = commands.add_parser(
        "doctor",
        help="what is installed, what is missing, and whether its answers are right",
        description="Tell versions, how the native code was built, threads, memory, the GPU or why there is "
        "none, and which extras are missing. Solves a small sphere whose field is known, on the CPU and on "
        "the GPU. Exit code 1 if an answer is wrong, a GPU fails, or a package is too old.",
        epilog="Example: headfield doctor --json",
    )
    parser.add_argument("--json", action="store_true", help="print it as JSON")
    return parser
