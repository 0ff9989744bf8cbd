# SPDX-License-Identifier: BSD-3-Clause
"""Which revision this tree is of; needs nothing but the standard library."""

from __future__ import annotations

import subprocess
from pathlib import Path

HERE = Path(__file__).resolve().parent


def commit(folder: Path = HERE) -> str:
    """The revision measured, with ``+changes`` where the tree differs from it; "unknown" without git."""

    def git(*words: str) -> str:
        try:
            done = subprocess.run(["git", *words], cwd=folder, capture_output=True, text=True, check=False)
        except OSError:  # no git: a copy of the tree
            return ""
        return done.stdout.strip()

    changes = "+changes" if git("status", "--porcelain", "-uno") else ""
    return (git("rev-parse", "HEAD") or "unknown") + changes
