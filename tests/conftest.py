# SPDX-License-Identifier: BSD-3-Clause
"""What all tests share: where the real heads, coils and poses lie, if they are there."""

from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Folder of sample data beside the checkout; tests that need it are skipped, and said, without it."""
    path = Path(__file__).resolve().parents[2] / "shared" / "data"
    if not path.is_dir():
        pytest.skip(f"needs the sample data in {path}")
    return path
