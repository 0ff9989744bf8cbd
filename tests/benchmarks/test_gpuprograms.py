# SPDX-License-Identifier: BSD-3-Clause
"""The programs that benchmarks/gpu_check.sh runs on a device, on the emulation: smoke, kernels, exercise."""

import itertools
import json
import os
import shutil
import time
from pathlib import Path

import numpy as np
import pytest
from conftest import EMULATED
from given.systems import DENSE

import headfield

TESTS = Path(__file__).resolve().parents[1]
BENCHMARKS = TESTS.parent / "benchmarks"

# What makes emulated kernels take less time: see emulation.check_quickly; the table of a whole coil takes ten
# seconds.
QUICK = """
import functools as _functools
import emulation as _emulation
_emulation.check_quickly()
_small = {"inner_radius_mm": 8.0, "outer_radius_mm": 16.0, "separation_mm": 34.0}
figure_of_eight = _functools.partial(figure_of_eight, **_small)
"""


@pytest.fixture(autouse=True)
def benchmarks(monkeypatch):
    monkeypatch.syspath_prepend(str(BENCHMARKS / "gpu"))
    monkeypatch.syspath_prepend(str(BENCHMARKS))


@pytest.fixture
def run(tmp_path):
    """What steps are run with; nothing is carried."""
    from gpu.running import Run

    return Run(tmp_path / "work", tmp_path / "carried", until=time.monotonic() + 120.0)


@pytest.fixture
def site(run, monkeypatch):
    """headfield with the emulated module, as a rehearsal installs it; and once more as a variant."""
    if not EMULATED:
        pytest.skip("needs the emulated module")
    monkeypatch.setenv("PYTHONPATH", str(TESTS), prepend=os.pathsep)
    for folder in (run.site, run.work / "variant-again"):
        kept = shutil.ignore_patterns("_cuda*.so")
        shutil.copytree(Path(headfield.__file__).parent, folder / "headfield", ignore=kept)
        suffix = next((folder / "headfield" / "core").glob("_cpu*.so")).name.removeprefix("_cpu")
        shutil.copy(os.environ["HEADFIELD_EMULATED_CUDA"], folder / "headfield" / "core" / f"_cuda{suffix}")
        with open(folder / "headfield" / "__init__.py", "a", encoding="utf-8") as file:
            file.write(QUICK)
    run.rehearse, run.variants = True, ["again"]
    return run


def test_builds_are_timed_turn_by_turn(site, tmp_path, monkeypatch):
    from gpu import builds

    files = [tmp_path / name for name in ("head.npz", "coil.ccd", "poses.npy")]
    options = ("--edge-mm", 45, "--count", 8)
    assert site.python("small", BENCHMARKS / "gpu" / "small.py", *files, *options).ok
    named = zip(("--head", "--coil", "--poses"), map(str, files), strict=True)
    site.problem = [word for pair in named for word in pair]
    monkeypatch.setattr(builds, "REHEARSED", (8,))
    found = builds.kernels(site)
    assert found["ok"], found
    assert list(found["builds"]) == ["carried", "again"]
    for name, build in found["builds"].items():
        assert build["stages_s"].keys() >= {"assemble", "hierarchy"}
        assert list(build["widths"]) == ["8"]
        for width in build["widths"].values():
            assert width["poses"] == 8
            assert len(width["turns_ms"]) == 2
            assert {"primary", "right_hand_side", "solve", "field", "whole"} <= width["ms_per_pose"].keys()
            assert ("ratio" in width) is (name == "again")
    shutil.rmtree(site.work / "variant-again" / "headfield" / "io")
    broken = builds.Build(site, "again", "cuda")
    answers = [broken.answer(), broken.ask(8, 1)]
    broken.close()
    assert all("No module named 'headfield.io" in each["failure"] for each in answers)
    said = builds.summary(found["builds"] | {"again": answers[0] | {"widths": {}}})
    assert not said["ok"]
    assert "ms per pose at best; again: ModuleNotFoundError" in said["said"]


def test_first_contact_says_what_fails(site):
    from gpu import steps

    small = site.python(
        "smoke", BENCHMARKS / "gpu" / "smoke.py", site.work / "a.json", "--edge-mm", 45, "--widths", 1, 8
    )
    checks = {each["what"]: each for each in json.loads((site.work / "a.json").read_text())["checks"]}
    assert small.ok, small.text
    assert all(each["ok"] for each in checks.values())
    assert len(checks) == 10
    assert "batches of 1" in checks["1 poses at a time"]["said"]
    next((site.site / "headfield" / "core").glob("_cuda*.so")).unlink()
    found = steps.smoke(site)
    assert not found["ok"]
    failed = [each["what"] for each in found["checks"] if not each["ok"]]
    assert "find_gpu" in failed
    assert "64 poses at a time" in failed
    assert "model on cpu" not in failed
    assert found["said"] == f"failed: {', '.join(failed)}"


@pytest.fixture
def smoke(monkeypatch):
    import smoke

    monkeypatch.setattr(smoke, "CHECKS", [])
    return smoke


def test_what_fails_after_a_useless_gpu_is_said_to_follow(smoke, tmp_path):
    def fails(words):
        def check():
            raise RuntimeError(words)

        return check

    address = "cudaErrorIllegalAddress: an illegal memory access was encountered"
    smoke.say(tmp_path / "a.json", "first", fails("no kernel image"))
    smoke.say(tmp_path / "a.json", "second", fails(address))
    smoke.say(tmp_path / "a.json", "third", lambda: (True, "on the CPU"))
    smoke.say(tmp_path / "a.json", "fourth", fails(address))
    smoke.say(tmp_path / "a.json", "fifth", fails("'cuda'"))
    said = [check["said"] for check in json.loads((tmp_path / "a.json").read_text())["checks"]]
    own = [f"RuntimeError: {words}" for words in ("no kernel image", address, address, "'cuda'")]
    assert said == [*own[:2], "on the CPU", *(f"follows from: second; {one}" for one in own[2:])]


def test_a_batch_of_another_width_is_a_failure(smoke):
    both = smoke.Both(32.0)
    assert both.model("cpu")[0]
    both.models["cuda"] = both.models["cpu"]
    assert both.width(8)[0]
    ok, said = both.width(2)  # there is no block of two columns
    assert not ok
    assert "batches of 1" in said


def sharers(rows, nonzeros):
    """Threads of a GPU that share a row of a small matrix, as in cuda/device_hierarchy.cpp."""
    return 8 if nonzeros >= 64 * rows else 4 if nonzeros >= 32 * rows else 1


def test_matrices_of_the_exercise_are_shared_in_every_way():
    import exercise

    from headfield.core import device as backend

    assert set(exercise.DENSE) <= set(DENSE.values())
    found = {"a": set(), "ap": set(), "pt": set(), "inverse": set()}
    for _, (indptr, indices, values), theta, _ in exercise.matrices(backend.select("cpu"), quick=False):
        ground = np.arange(len(indptr) - 1) == 0
        levels = backend.cpu.Hierarchy(indptr, indices, values, fixed=ground, theta=theta).levels
        for (_, _, p, _), (n, a, _, ap) in itertools.pairwise(levels):
            found["pt"].add(sharers(n, p))
            found["a"].add(sharers(n, a) if ap else None)  # the last level has an inverse instead
            found["ap"].add(sharers(n, ap) if ap else None)
        found["inverse"].add(sharers(levels[-1][0], levels[-1][0] ** 2))
    assert {name: shared - {None} for name, shared in found.items()} == {key: {1, 4, 8} for key in found}
    assert len(levels) > 2
    assert levels[0][0] > 1 << 16


def test_the_exercise_goes_through_everything(site):
    done = site.python("exercise", BENCHMARKS / "gpu" / "exercise.py", "--quick")
    assert done.ok, done.text
    assert done.text.splitlines()[-1] == "done on cuda"
    for name in ("long rows, 0.12", "one level, 13 nodes", "chain"):
        assert f"{name}, 8: " in done.text
