# SPDX-License-Identifier: BSD-3-Clause
"""What all tests share: where the real heads, coils and poses lie, if they are there."""

from pathlib import Path

import pytest

from headfield.io.meshes import read_mesh
from headfield.mesh import TetMesh


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Folder of sample data beside the checkout; tests that need it are skipped, and said, without it."""
    path = Path(__file__).resolve().parents[2] / "shared" / "data"
    if not path.is_dir():
        pytest.skip(f"needs the sample data in {path}")
    return path


@pytest.fixture
def load(tmp_path):
    """Function that writes bytes to a mesh file and reads it."""

    def read(content: bytes, name="a.msh") -> TetMesh:
        path = tmp_path / name
        path.write_bytes(content)
        return read_mesh(path)

    return read
