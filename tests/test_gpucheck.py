# SPDX-License-Identifier: BSD-3-Clause
"""benchmarks/gpu_check.sh on a machine without anything: what it leaves, what it says, when it ends."""

import json
import os
import shutil
import subprocess
import sys
import tarfile
import time
import zipfile
from pathlib import Path

import pytest
from conftest import EMULATED

import headfield

ROOT = Path(__file__).resolve().parents[1]
BENCHMARKS = ROOT / "benchmarks"


@pytest.fixture(autouse=True)
def benchmarks(monkeypatch):
    monkeypatch.syspath_prepend(str(BENCHMARKS))


@pytest.fixture
def run(tmp_path):
    """What steps are run with; nothing is carried."""
    from gpu.running import Run

    return Run(tmp_path / "work", tmp_path / "carried", until=time.monotonic() + 120.0)


def check(out, *options):
    """The whole program, in an interpreter that has nothing but the standard library."""
    command = [
        sys.executable,
        "-I",
        "-S",
        BENCHMARKS / "gpu_check.py",
        out,
        "--carried",
        out / "none",
        *options,
    ]
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True, check=False, timeout=120)
    found = json.loads((out / "gpu_check.json").read_text()) if out.exists() else {}
    return done, found


def test_it_begins_where_there_is_neither_headfield_nor_numpy(tmp_path):
    done, report = check(tmp_path / "out", "--steps", "environment", "kernels")
    assert "Traceback" not in done.stderr
    assert done.returncode == 1
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        "gpu_check.json",
        "gpu_check_logs.tar.gz",
    ]
    steps = report["steps"]
    assert list(steps) == ["environment", "kernels"]
    assert "there is no module for GPUs" in steps["environment"]["said"]
    assert not steps["kernels"]["ok"]
    assert report["machine"]["cores"] >= 1  # said by the interpreter as it is without these options
    for name, facts in steps.items():
        assert f"== {name}: FAILED, {facts['seconds']:g} s" in done.stdout
    with tarfile.open(tmp_path / "out" / "gpu_check_logs.tar.gz") as tar:
        assert "logs/environment.log" in tar.getnames()


def test_when_the_minutes_are_over_the_rest_is_skipped_and_named(tmp_path):
    done, report = check(tmp_path / "out", "--minutes", "0.01")
    assert done.returncode == 1
    assert len(report["steps"]) == 11
    for name, facts in report["steps"].items():
        assert facts["skipped"]
        assert f"== {name}: skipped" in done.stdout


def test_a_command_ends_with_its_step_and_takes_its_children_along(run, tmp_path):
    code = "import subprocess; child = subprocess.Popen(['sleep', '300']); print(child.pid, flush=True);"
    run.until = time.monotonic() + 1.5
    done = run.python("hangs", "-c", code + "child.wait()")
    assert done.code is None
    assert done.said().startswith("given up after ")
    child = Path(f"/proc/{int(done.text)}/stat")
    assert not child.exists() or child.read_text().split()[2] == "Z"
    assert (run.logs / "hangs.log").read_text().splitlines()[-1] == done.text.strip()


def test_a_program_that_is_not_there_is_said(run):
    done = run.command("absent", ["no-such-program"])
    assert not done.ok
    assert "no-such-program" in done.said()


def test_only_what_is_missing_is_installed(tmp_path):
    from gpu.install import all_there

    for name, there in (("json", True), ("nowhere_to_be_found", False)):
        wheel = tmp_path / f"{name}-1-py3-none-any.whl"
        with zipfile.ZipFile(wheel, "w") as content:
            content.writestr(f"{name}/__init__.py", "")
            content.writestr(f"{name}-1.dist-info/METADATA", "")
        assert all_there(wheel) is there


def test_tests_whose_packages_are_missing_are_named(run, tmp_path, monkeypatch):
    from gpu import steps

    monkeypatch.setattr(steps, "TESTS", tmp_path)
    (tmp_path / "test_a.py").write_text("import json\nimport beside\nfrom nowhere_one.sub import x\n")
    (tmp_path / "beside.py").write_text("import test_a, nowhere_two\n")
    assert steps.missing_imports(tmp_path / "test_a.py", run) == ["nowhere_one", "nowhere_two"]
    (run.site / "nowhere_one").mkdir(parents=True)
    assert steps.missing_imports(tmp_path / "test_a.py", run) == ["nowhere_two"]


def test_the_tests_that_are_chosen_are_there():
    from gpu.steps import CHOSEN

    assert [name for name in CHOSEN if not (ROOT / "tests" / f"{name}.py").exists()] == []


COUNTED = """==PROF== Connected
"ID","Kernel Name","Metric Name","Metric Unit","Metric Value"
"0",{kernel},"gpu__time_duration.sum","ns","1,000"
"0",{kernel},"dram__bytes_read.sum","Kbyte","3"
"0",{kernel},"{occupancy}","%","50"
"1",{kernel},"gpu__time_duration.sum","us","3"
"1",{kernel},"dram__bytes_write.sum","byte","1000"
"1",{kernel},"{occupancy}","%","70"
"1",{kernel},"lts__t_bytes.sum","byte","n/a"
"2","void cupy_fill(int)","gpu__time_duration.sum","ns","99"
"3","void cub::Scan<headfield::gpu::Width<(int)32>>(int)","gpu__time_duration.sum","ns","99"
"""


def test_what_ncu_counts_is_summed_by_kernel():
    from gpu import counters

    part = "headfield::gpu::Part<headfield::gpu::Width<(int)32>, (int)8, (int)4>"
    kernel = f'"void headfield::gpu::every_row<{part}, headfield::gpu::Smooth<{part}>>(long, long, T3)"'
    occupancy = "sm__warps_active.avg.pct_of_peak_sustained_active"
    text = COUNTED.replace("{occupancy}", occupancy).replace("{kernel}", kernel)
    (row,) = counters.read(text).values()
    assert list(counters.read(text)) == ["every_row Smooth 8/4 32"]
    assert row["launches"] == 2
    assert row["microseconds"] == 4.0
    assert row["megabytes"] == 0.0  # 4 kB
    assert row["gb_per_s"] == 1.0
    assert row["occupancy_percent"] == 65.0  # by time: a quarter of 50, three quarters of 70
    assert "issue_percent" not in row
    assert counters.read("==ERROR== no permission") == {}


def test_turns_are_settled_by_their_medians_and_ratios_by_the_rounds():
    from gpu.builds import settled

    def turns(*seconds):
        return [{"poses": 10, "iterations": 9, "stages_s": {"solve": s / 2}, "whole_s": s} for s in seconds]

    taken = {"carried": turns(1.0, 2.0, 4.0), "before": turns(1.5, 3.0, 6.0)}
    found = settled(taken, "before")
    assert found["ratio"] == 1.5
    assert found["ms_per_pose"] == {"solve": 150.0, "whole": 300.0}
    assert found["turns_ms"] == [150.0, 300.0, 600.0]
    assert "ratio" not in settled(taken, "carried")
    assert settled({"carried": [{"failure": "none left"}]}, "carried") == {"failure": "none left"}


@pytest.fixture
def site(run):
    """headfield with the emulated module, as a rehearsal installs it; and once more as a variant."""
    if not EMULATED:
        pytest.skip("needs the emulated module")
    for folder in (run.site, run.work / "variant-again"):
        kept = shutil.ignore_patterns("_cuda*.so", "__pycache__")
        shutil.copytree(Path(headfield.__file__).parent, folder / "headfield", ignore=kept)
        suffix = next((folder / "headfield").glob("_cpu*.so")).name.removeprefix("_cpu")
        shutil.copy(os.environ["HEADFIELD_EMULATED_CUDA"], folder / "headfield" / f"_cuda{suffix}")
    run.rehearse, run.variants = True, ["again"]
    return run


def test_builds_are_timed_turn_by_turn(site, tmp_path, monkeypatch):
    from gpu import builds

    files = [tmp_path / name for name in ("head.npz", "coil.ccd", "poses.npy")]
    options = ("--edge-mm", 30, "--count", 8)
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


def test_first_contact_says_what_fails(site, monkeypatch):
    from gpu import steps

    small = site.python(
        "smoke", BENCHMARKS / "gpu" / "smoke.py", site.work / "a.json", "--edge-mm", 32, "--widths", 1, 8
    )
    checks = {each["what"]: each for each in json.loads((site.work / "a.json").read_text())["checks"]}
    assert small.ok, small.text
    assert all(each["ok"] for each in checks.values())
    assert len(checks) == 10
    next((site.site / "headfield").glob("_cuda*.so")).unlink()
    found = steps.smoke(site)
    assert not found["ok"]
    failed = [each["what"] for each in found["checks"] if not each["ok"]]
    assert "find_gpu" in failed
    assert "64 poses at a time" in failed
    assert "model on cpu" not in failed
    assert found["said"] == f"failed: {', '.join(failed)}"


def test_a_pack_for_another_python_or_too_large_is_refused(tmp_path, monkeypatch):
    import gpu_pack

    monkeypatch.setattr(gpu_pack, "PYTHON", (3, 1))
    monkeypatch.setattr(sys, "argv", ["gpu_pack.py", "--out", str(tmp_path / "out")])
    with pytest.raises(SystemExit, match=r"run this by Python 3\.1, whose wheels are wanted"):
        gpu_pack.main()
    assert not (tmp_path / "out").exists()
    (tmp_path / "large").write_bytes(bytes(2**20))
    assert gpu_pack.fits(tmp_path)
    monkeypatch.setattr(gpu_pack, "LIMIT_MIB", 0.9)
    assert not gpu_pack.fits(tmp_path)
