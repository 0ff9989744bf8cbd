# SPDX-License-Identifier: BSD-3-Clause
"""headfield and the stand-in for CuPy, held against CuPy itself, without a GPU: see cupycheck/driver.py.

CuPy lies in build/cupy, where `make test` puts it, not in the environment of the tests: they would find it
in place of the stand-in. As both have one name, each is asked in a process of its own.
"""

import json
import os
import pickle
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import EMULATED

TESTS = Path(__file__).resolve().parents[1]
ROOT, CHECKS = TESTS.parent, TESTS / "cupycheck"
sys.path.insert(0, str(CHECKS))
import chains  # noqa: E402

CUPY = ROOT / "build" / "cupy"
pytestmark = pytest.mark.skipif(
    not EMULATED, reason="needs the emulated kernels, which a machine with a GPU hasn't"
)

# Where the stand-in refuses what CuPy takes or notices in a kernel only: arrays of no dimension as axes
# and sizes, arrays of the host as indices, and what some functions hand on to NumPy.
STRICTER = {
    ".__setitem__",
    ".argsort",
    ".cumsum",
    ".reshape",
    ".take",
    ".wait_event",
    "cupy.copy",
    "cupy.sum",
    "cupy.take",
    "cupy.where",
    "cupy.zeros",
    "cupy.zeros_like",
    "numpy.stack",
    "numpy.take_along_axis",
}


def run(script: str, *arguments: str | Path, paths: list[Path]) -> str:
    inherited = os.environ.get("PYTHONPATH", "").split(os.pathsep)
    path = os.pathsep.join([*map(str, paths), *(p for p in inherited if p)])
    named = script if script == "-c" else str(CHECKS / script)
    command = [sys.executable, "-W", "error", named, *map(str, arguments)]
    done = subprocess.run(
        command, env={**os.environ, "PYTHONPATH": path}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def cupy_itself() -> Path:
    if not (CUPY / "cupy").is_dir():
        pytest.skip("needs CuPy itself in build/cupy (make test puts it there, where it can be had)")
    return CUPY


@pytest.fixture(scope="module")
def calls(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What headfield asks of the stand-in in whatever it does with a GPU."""
    path = tmp_path_factory.mktemp("cupy") / "calls"
    run("scenario.py", path, paths=[TESTS])
    return path


@pytest.fixture(scope="module")
def verdicts(calls: Path, cupy_itself: Path) -> tuple[dict[str, str], dict[str, str]]:
    """What the stand-in and CuPy say to each call: "accepted", or why not."""
    stand_in = run("verdicts.py", "stand-in", calls, paths=[TESTS / "emulated"])
    return json.loads(stand_in), json.loads(run("verdicts.py", "real", calls, paths=[cupy_itself]))


def test_what_the_sources_name_is_found() -> None:
    source = "a = self._device.xp.empty(3)\nfree, _ = xp.cuda.Device(0).mem_info\nb = numpy.empty(3).size"
    assert chains.of_python(source) == {"cupy.empty", "cupy.cuda.Device", ".mem_info"}
    source = 'import("cupy").attr("cuda").attr("alloc")(n).attr("ptr"); import("headfield.errors").attr("E")'
    assert chains.of_native(source) == {"cupy.cuda.alloc", ".ptr"}


def test_no_call_of_cupy_goes_unchecked(calls: Path) -> None:
    """The scenario makes every call that the sources name; what is only named is checked beside them."""
    named = chains.of_folders(ROOT / "src" / "headfield", ROOT / "cuda")
    assert {"cupy.asarray", "cupy.cuda.alloc", ".free_bytes", "cupyx.empty_pinned"} <= named
    made = {call.name for call in pickle.loads(calls.read_bytes())}
    assert named - made == {"cupy.cuda.runtime.CUDARuntimeError"}


def test_cupy_takes_every_call_that_headfield_makes(
    calls: Path, verdicts: tuple[dict[str, str], dict[str, str]]
) -> None:
    made = {f"{call.signature()} | " for call in pickle.loads(calls.read_bytes())}
    assert len(made) > 100
    for verdict in verdicts:
        assert {call: verdict[call] for call in made if verdict[call] != "accepted"} == {}


def test_the_stand_in_refuses_what_cupy_refuses(verdicts: tuple[dict[str, str], dict[str, str]]) -> None:
    """Of calls as they are made, and with NumPy arrays, lists and numbers for arrays, arrays for numbers."""
    stand_in, cupy = verdicts
    refused = {call for call, verdict in cupy.items() if verdict != "accepted"}
    assert len(refused) > 100
    assert {call: cupy[call] for call in refused if stand_in[call] == "accepted"} == {}
    stricter = {call for call in stand_in if call not in refused and stand_in[call] != "accepted"}
    assert {call.split(" ")[0] for call in stricter} == STRICTER


def test_headfield_solves_with_cupy_itself(cupy_itself: Path) -> None:
    """Fields are the CPU's, with NumPy and with CuPy arrays; only CuPy's own kernels are not there to run."""
    assert run("package.py", paths=[cupy_itself, TESTS]).startswith("solved with CuPy ")


@pytest.mark.parametrize("part", ["refusals", "streams"])
def test_what_the_stand_in_promises_holds_for_cupy_itself(cupy_itself: Path, part: str) -> None:
    code = f"import driver; driver.install(); import check_cupy; check_cupy.check_{part}(); print('checked')"
    assert run("-c", code, paths=[CHECKS, cupy_itself, TESTS / "emulated"]) == "checked\n"
