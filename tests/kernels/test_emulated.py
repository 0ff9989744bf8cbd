# SPDX-License-Identifier: BSD-3-Clause
"""The emulation of CUDA and of cupy, with which code for the device is tested on machines without one."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

EMULATED = Path(__file__).resolve().parents[1] / "emulated"
WARNINGS = ["-Wall", "-Wextra", "-Wshadow", "-Werror"]


@pytest.fixture(scope="module")
def selftest(tmp_path_factory: pytest.TempPathFactory) -> Path:
    compiler = shutil.which("g++")
    if compiler is None:
        pytest.skip("needs g++, which is not installed")
    program = tmp_path_factory.mktemp("emulated") / "selftest"
    command = [compiler, "-x", "c++", "-std=c++17", "-O1", *WARNINGS, "-I", str(EMULATED)]
    command += [str(EMULATED / "selftest.cu"), "-o", str(program), "-ldl"]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    return program


def run(program: Path, *arguments: str, order: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "HEADFIELD_EMULATED_ORDER": order}
    return subprocess.run(
        [program, *arguments], capture_output=True, text=True, check=False, env=environment, timeout=60
    )


@pytest.mark.parametrize("order", ["forward", "reverse"])
def test_barriers_shuffles_graphs_and_errors(selftest: Path, order: str) -> None:
    result = run(selftest, order=order)
    assert result.stdout == ""
    assert result.returncode == 0, result.stderr


def test_a_race_shows_in_the_order(selftest: Path) -> None:
    forward, reverse = (run(selftest, "race", order=order).stdout.split() for order in ("forward", "reverse"))
    assert len(forward) == len(reverse) == 64
    assert forward[1:] != reverse[1:]


@pytest.mark.parametrize(
    ("what", "message"),
    [
        ("deadlock", "deadlock: of 32 threads, 0 ended, 1 wait at __syncthreads, 31 in their warp"),
        ("mask", "the mask of a warp operation lacks the lane"),
        ("masks", "lanes of a warp meet with different masks"),
        ("misaligned", "misaligned address"),
    ],
)
def test_what_hangs_or_traps_on_a_device_aborts(selftest: Path, what: str, message: str) -> None:
    result = run(selftest, what, order="forward")
    assert result.returncode < 0
    assert message in result.stderr


def test_an_unknown_order_is_refused(selftest: Path) -> None:
    result = run(selftest, order="sideways")
    assert result.returncode < 0
    assert "HEADFIELD_EMULATED_ORDER" in result.stderr


def test_an_unknown_failure_is_refused(selftest: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEADFIELD_EMULATED_FAILURE", "719")
    result = run(selftest, order="forward")
    assert result.returncode < 0
    assert "HEADFIELD_EMULATED_FAILURE must be launch:CODE" in result.stderr


@pytest.mark.parametrize("part", ["refusals", "arrays", "memory", "streams", "device"])
def test_cupy(part: str) -> None:
    code = f"import check_cupy; check_cupy.check_{part}(); print('checked')"
    environment = {**os.environ, "PYTHONPATH": str(EMULATED), "PYTHONDONTWRITEBYTECODE": "1"}
    command = [sys.executable, "-W", "error", "-c", code]
    result = subprocess.run(command, capture_output=True, text=True, check=False, env=environment, timeout=60)
    assert result.stdout == "checked\n", result.stderr
