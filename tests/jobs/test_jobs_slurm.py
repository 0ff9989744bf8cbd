# SPDX-License-Identifier: BSD-3-Clause
"""The script for Slurm, run as Slurm runs it, and jobs as files."""

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from given import jobs as given

import headfield as hf
from headfield.jobs.placed import PosesOf

SCRIPT = Path(__file__).resolve().parents[2] / "examples" / "night.slurm"


@pytest.fixture
def files(tmp_path):
    given.files(tmp_path)
    given.job(tmp_path, folder="out").write(tmp_path / "night.json")
    command = tmp_path / "headfield"
    command.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m headfield "$@"\n')
    command.chmod(0o755)
    return tmp_path


def started(files, task, count):
    if shutil.which("bash") is None:
        pytest.skip("needs bash")
    environment = os.environ | {
        "PATH": f"{files}{os.pathsep}{os.environ['PATH']}",
        "SLURM_ARRAY_TASK_ID": str(task),
        "SLURM_ARRAY_TASK_COUNT": str(count),
        "SLURM_CPUS_PER_TASK": "2",
    }
    return subprocess.Popen(["bash", SCRIPT, files / "night.json"], env=environment)


def test_tasks_of_an_array_make_the_whole(files):
    tasks = [started(files, task, 3) for task in (1, 2, 3)]
    assert [task.wait(300) for task in tasks] == [0, 0, 0]
    results = hf.read_results(files / "out")
    assert (len(results), results.missing) == (given.POSES, [])
    assert given.leftovers(files / "out") == []


def test_the_signal_before_the_end_of_the_time_comes_through(files):
    task = started(files, 1, 1)
    until = time.monotonic() + 100
    while not given.contents(files / "out") and time.monotonic() < until:
        time.sleep(0.01)
    task.send_signal(signal.SIGUSR1)
    assert task.wait(300) in (0, 128 + signal.SIGUSR1)  # 0 where it was done before
    there = len(given.contents(files / "out"))
    report = hf.jobs.run(hf.jobs.read_job(files / "night.json"), resume=True)
    assert (report.already, report.done) == (2 * there, given.POSES)


@pytest.mark.parametrize(
    ("poses", "said"),
    [
        ({"file": "a.npy", "centre": "C3"}, "either a file, or centre"),
        ({"centre": "C3"}, "both centre and handle"),
        ({"file": "a.npy", "angles": [1]}, "angles is of no effect with a file"),
        ({"centre": "C3", "handle": "C1", "scan": "t1.nii"}, "scan is of no effect without"),
        ({"centre": "C3", "handle": "C1", "angles": []}, "no angles"),
        ({"centre": "C3", "handl": "C1"}, "there is no head 'centre'|no 'handl'"),
        (7, "a path or a table"),
    ],
)
def test_poses_that_do_not_go_together(poses, said):
    with pytest.raises(hf.ArgumentError, match=said):
        hf.jobs.Job(heads="a.msh", coils="c.ccd", poses=poses)


def test_poses_per_head_are_for_heads_that_there_are():
    how = {"heads": {"a": "a.msh", "b": "b.msh"}, "coils": "c.ccd"}
    with pytest.raises(hf.ArgumentError, match="no head 'aa', did you mean 'a'"):
        hf.jobs.Job(**how, poses={"aa": "p.npy", "b": "p.npy"})
    with pytest.raises(hf.ArgumentError, match="there are none for the head 'b'"):
        hf.jobs.Job(**how, poses={"a": "p.npy"})
    job = hf.jobs.Job(**how, poses={"a": "p.npy", "b": {"centre": "C3", "handle": "C1"}}, base="/d")
    assert job.poses == {"a": PosesOf(file="/d/p.npy"), "b": PosesOf(centre="C3", handle="C1")}


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"heads": ["x/m2m_a", "y/m2m_a"]}, "two are called 'a'"),
        ({"heads": {"a/b": "a.msh"}}, "no name of letters"),
        ({"heads": {"..": "a.msh"}}, "no name of letters"),
        ({"heads": []}, "there are none"),
        ({"coils": {"a": {"fil": "a.ccd"}}}, "no 'fil', did you mean 'file'"),
        ({"coils": {"a": {"file": "a.ccd", "didt": "7 V"}}}, "7 V"),
        ({"didt": True}, "didt must be"),
        ({"tol": 2.0}, "tol must lie"),
        ({"recovery": "x"}, "recovery"),
        ({"device": "tpu"}, "device must be"),
        ({"conductivity": {1.5: 0.3}}, "1.5 is neither a tag nor the name"),
        ({"conductivity": {2: -1}}, "conductivity of 2"),
        ({"tensors": "xy"}, "tensors must be"),
    ],
)
def test_options_that_can_not_be(changed, said):
    how = {"heads": "a.msh", "coils": "c.ccd", "poses": "p.npy"}
    with pytest.raises((hf.ArgumentError, hf.DeviceError), match=said):
        hf.jobs.Job(**how | changed)


def test_all_paths_are_relative_to_the_file_of_the_job(tmp_path, monkeypatch):
    """Also that of an image in the words of a region."""
    (tmp_path / "sub").mkdir()
    text = 'heads = "a.msh"\ncoils = "c.ccd"\nposes = "p.npy"\nfolder = "out"\n'
    (tmp_path / "sub" / "j.toml").write_text(text + '[outputs]\nroi = "labels:atlas.nii.gz:7"\n')
    monkeypatch.chdir(tmp_path)
    job = hf.jobs.read_job("sub/j.toml")
    here = str(tmp_path / "sub")
    assert (job.base, job.folder, job.heads) == (here, f"{here}/out", {"a": f"{here}/a.msh"})
    assert (job.coils["c"].file, job.poses["a"].file) == (f"{here}/c.ccd", f"{here}/p.npy")
    job.write(tmp_path / "moved.json")
    assert hf.jobs.read_job("moved.json") == job
    with pytest.raises(hf.FileFormatError, match=r"\.toml or a \.json"):
        hf.jobs.read_job("sub/j.yaml")
