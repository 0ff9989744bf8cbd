# SPDX-License-Identifier: BSD-3-Clause
"""benchmarks/gpu_check.sh on a machine without anything: what it leaves, what it says, when it ends."""

import json
import os
import re
import signal
import subprocess
import sys
import tarfile
import time
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
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
    """Also those that do not end when they are asked to."""
    stubborn = ["sh", "-c", "trap '' TERM; exec sleep 600"]
    code = f"import subprocess; child = subprocess.Popen({stubborn}); print(child.pid, flush=True);"
    run.until = time.monotonic() + 1.5
    done = run.python("hangs", "-c", code + "child.wait()")
    assert done.code is None
    assert done.said().startswith("given up after ")
    child = Path(f"/proc/{int(done.text)}/stat")
    for _ in range(500):  # a signal takes a moment
        if not child.exists() or child.read_text().split()[2] == "Z":
            break
        time.sleep(0.01)
    else:
        os.kill(int(done.text), signal.SIGKILL)
        pytest.fail("a child goes on")
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
    (tmp_path / "beside.py").write_text("import test_a, nowhere_two\nfrom given import helper\n")
    (tmp_path / "given").mkdir()
    (tmp_path / "given" / "helper.py").write_text("import nowhere_two\nfrom given.more import x\n")
    (tmp_path / "given" / "more.py").write_text("import nowhere_three\n")
    assert steps.missing_imports(tmp_path / "test_a.py", run) == [
        "nowhere_one",
        "nowhere_three",
        "nowhere_two",
    ]
    (run.site / "nowhere_one").mkdir(parents=True)
    assert steps.missing_imports(tmp_path / "test_a.py", run) == ["nowhere_three", "nowhere_two"]


def test_the_tests_that_are_chosen_are_there():
    from gpu.steps import CHOSEN

    assert [name for name in CHOSEN if not (ROOT / "tests" / f"{name}.py").exists()] == []
    assert len(set(CHOSEN)) == len(CHOSEN)


def test_every_file_with_tests_of_a_gpu_is_chosen():
    from gpu.steps import CHOSEN

    files = [path for path in (ROOT / "tests").glob("*/test_*.py") if path.name != Path(__file__).name]
    wanted = {
        f"{path.parent.name}/{path.stem}"
        for path in files
        if re.search("each_device|WHY_NO_GPU", path.read_text())
    }
    assert set(CHOSEN) == wanted


@pytest.mark.parametrize(
    ("variables", "reason"),
    [({"HEADFIELD_EMULATED_CUDA": "a.so"}, "HEADFIELD_EMULATED_CUDA is set"), ({"PATH": ""}, "")],
)
def test_tests_that_need_a_gpu_do_not_take_an_emulated_one(variables, reason):
    environment = {k: v for k, v in os.environ.items() if k != "HEADFIELD_EMULATED_CUDA"} | variables
    environment |= {"HEADFIELD_TESTS_ON_GPU": "1", "CUDA_VISIBLE_DEVICES": ""}
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-p",
        "no:cacheprovider",
        "tests/core/test_bare.py",
        "--collect-only",
    ]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == pytest.ExitCode.USAGE_ERROR
    assert f"ERROR: HEADFIELD_TESTS_ON_GPU=1, but {reason}" in done.stderr


def faked(monkeypatch, run, name, *answers):
    """A method of `run` that gives these answers; what it was given is kept."""
    given, left = [], list(answers)

    def answer(_, *words, **options):
        given.append((words, options))
        return left.pop(0)

    monkeypatch.setattr(type(run), name, answer)
    return given


@pytest.mark.parametrize(
    ("said", "ok"), [("a.py::b SKIPPED\na.py::c PASSED", True), ("a.py::b SKIPPED", False)]
)
@pytest.mark.parametrize("rehearse", [True, False])
def test_tests_that_are_all_skipped_are_a_failure(run, monkeypatch, said, ok, rehearse):
    from gpu import running, steps

    run.rehearse = rehearse
    given = faked(monkeypatch, run, "python", running.Done(0, said, 1.0))
    found = steps.tests(run)
    assert found["ok"] is ok
    assert found["said"].startswith("no test passed") is not ok
    ((_, options),) = given
    assert options.get("HEADFIELD_TESTS_ON_GPU") == (None if rehearse else "1")
    assert ("HEADFIELD_EMULATED_CUDA" in options) is rehearse


def test_a_second_try_of_ncu_takes_no_other_width_its_time(run, monkeypatch):
    from gpu import running, steps

    run.until = time.monotonic() + 60.0
    monkeypatch.setattr(steps, "tool", lambda name: name)
    monkeypatch.setattr(steps, "PROFILED", (32, 1))
    counts = '"Kernel Name","Metric Name","Metric Value"\n"void headfield::a()","gpu__time_duration.sum","1"'
    answers = (
        running.Done(1, "no such metric", 20.0),
        running.Done(0, counts, 1.0),
        running.Done(0, counts, 1.0),
    )
    given = faked(monkeypatch, run, "command", *answers)
    assert list(steps.profile(run)["widths"]) == ["32", "1"]
    limits = [options["limit"] for _, options in given]
    assert limits == pytest.approx([30.0, 10.0, 60.0], abs=1.0)


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


def test_files_are_found_from_any_folder(tmp_path, monkeypatch):
    """Commands run in the root of the checkout, wherever the program was called."""
    import gpu_check
    import gpu_pack

    monkeypatch.chdir(tmp_path)
    words = {"--work": "w", "--head": "h.npz", "--coil": "c.ccd", "--poses": "p.npy", "--carried": "../c"}
    given = [word for pair in words.items() for word in pair]
    monkeypatch.setattr(sys, "argv", ["gpu_check.py", "out", *given])
    found = vars(gpu_check.parse())
    assert found["out"] == tmp_path / "out"
    assert [found[name[2:]] for name in words] == [(tmp_path / path).resolve() for path in words.values()]
    monkeypatch.setattr(sys, "argv", ["gpu_pack.py", "--out", "out", "--wheel", "a.whl", "--data", "d"])
    packed = gpu_pack.parse()
    assert [packed.out, packed.wheel, packed.data] == [tmp_path / name for name in ("out", "a.whl", "d")]


def test_logs_are_whole_when_their_copy_is_cut_short(run, tmp_path, monkeypatch):
    import gpu_check

    def cut(source, target):
        Path(target).write_bytes(Path(source).read_bytes()[:20])
        raise OSError("no space left on device")

    run.logs.mkdir(parents=True)
    (run.logs / "a.log").write_text("said")
    gpu_check.leave({}, run, tmp_path)
    monkeypatch.setattr(gpu_check.shutil, "copyfile", cut)
    with pytest.raises(OSError, match="no space"):
        gpu_check.leave({}, run, tmp_path)
    with tarfile.open(tmp_path / "gpu_check_logs.tar.gz") as tar:
        assert "logs/a.log" in tar.getnames()


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
