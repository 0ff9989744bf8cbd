# SPDX-License-Identifier: BSD-3-Clause
"""The host/device headers compile under nvcc with warnings as errors; no GPU is needed for that."""

import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]


def test_device_headers_compile(tmp_path: Path) -> None:
    nvcc = shutil.which("nvcc")
    if nvcc is None:
        pytest.skip("needs nvcc, which is not installed")
    command = [nvcc, "-std=c++17", "-arch=sm_90", "-Werror=all-warnings", "-I", str(ROOT / "cpp")]
    command += ["-c", str(ROOT / "tests" / "device_headers.cu"), "-o", str(tmp_path / "headers.o")]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
