# SPDX-License-Identifier: BSD-3-Clause
"""The command `headfield jobs`, from a file of a job to its results."""

import json
import signal
import subprocess
import sys
import time

import pytest
from given import jobs as given
from given.commands import fails

import headfield as hf
from headfield.commands import main as cli
from headfield.jobs import compute


@pytest.fixture
def files(tmp_path):
    given.files(tmp_path)
    lines = ['heads = "head.msh"', 'coils = "coil.tcd"', 'poses = "poses.npy"', 'didt = "50 A/us"']
    lines += ["chunk = 2", 'device = "cpu"', 'folder = "out"', "[outputs]", 'keep = ["metrics", "E"]']
    (tmp_path / "night.toml").write_text("\n".join(lines))
    return tmp_path


def test_run_show_and_check(files, capsys, monkeypatch, tmp_path_factory):
    monkeypatch.chdir(tmp_path_factory.mktemp("elsewhere"))  # paths are relative to the file of the job
    job = str(files / "night.toml")
    assert cli.main(["jobs", "run", job, "--slice", "1/2", "-q"]) == 0
    capsys.readouterr()
    assert cli.main(["jobs", "show", str(files / "out")]) == 0
    said = capsys.readouterr().out
    assert "4 of 10 poses are done" in said
    assert "missing: head/coil poses 4 to 5" in said
    assert "--resume" in said
    assert cli.main(["jobs", "check", job, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["poses"], found["to_do"]) == (10, 6)
    assert found["hours"] > 0
    assert found["bytes"] > 0
    assert cli.main(["jobs", "run", job, "--resume", "--workers", "2"]) == 0
    assert "10 of 10 poses are done, 4 of them before" in capsys.readouterr().out
    assert cli.main(["jobs", "show", str(files / "out"), "--json", "-o", str(files / "t.csv")]) == 0
    assert (files / "t.csv").read_text().count("\nhead,coil") == given.POSES
    assert json.loads(capsys.readouterr().out)["missing"] == []
    assert len(hf.read_results(files / "out")) == given.POSES


def test_poses_that_do_not_converge_give_exit_code_3(files, capsys):
    path = files / "night.toml"
    path.write_text("tol = 1e-12\nmax_iterations = 7\n" + path.read_text())
    assert cli.main(["jobs", "run", str(path), "-q"]) == 3
    assert "did not converge, numbers are nan: head/coil pose" in capsys.readouterr().out
    assert cli.main(["jobs", "show", str(files / "out")]) == 3


def test_a_chunk_that_fails_gives_exit_code_1(files, capsys, monkeypatch):
    chunk = compute.Solver.chunk

    def failing(self, problem, one):
        if one.number == 2:
            raise OSError("the network is away")
        return chunk(self, problem, one)

    monkeypatch.setattr(compute.Solver, "chunk", failing)
    assert cli.main(["jobs", "run", str(files / "night.toml"), "-q", "--retries", "0"]) == 1
    said = capsys.readouterr().out
    assert "failed: head/coil poses 4 to 5: the network is away" in said
    assert f"headfield jobs run {files / 'night.toml'} -o {files / 'out'} --resume" in said


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("heads =", "head =", ("a job has no 'head'", "did you mean 'heads'?")),
        ("keep =", "kep =", ("did you mean 'keep'?",)),
        ('"head.msh"', '["head.msh", "sub/head.msh"]', ("two are called 'head'",)),
        ('"poses.npy"', '{centre = "C3"}', ("both centre and handle",)),
        ("chunk = 2", "chunk = 0", ("chunk = 0",)),
        ("chunk = 2", "chunk = ", ("night.toml",)),
        ('"50 A/us"', '"50 V"', ("night.toml", "50 V")),
    ],
)
def test_what_is_wrong_in_a_job_is_named(files, capsys, old, new, said):
    path = files / "night.toml"
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))
    fails(capsys, ["jobs", "run", str(path)], *said, code=2)


def test_a_file_of_a_job_that_is_not_there_is_named(files, capsys):
    path = files / "night.toml"
    path.write_text(path.read_text().replace('"head.msh"', '"no.msh"'))
    fails(capsys, ["jobs", "run", str(path)], "no.msh")


def test_what_it_takes_is_said_with_the_rates(files, capsys):
    assert cli.main(["jobs", "check", str(files / "night.toml")]) == 0
    assert "dI/dt         coil: 50 A/µs" in capsys.readouterr().out
    path = files / "night.toml"
    path.write_text("\n".join(line for line in path.read_text().splitlines() if "didt" not in line))
    assert cli.main(["jobs", "check", str(path)]) == 0
    assert "dI/dt         coil: 1 A/µs" in capsys.readouterr().out


def test_info_says_what_shows_the_results(files, capsys):
    assert cli.main(["jobs", "run", str(files / "night.toml"), "-q"]) == 0
    capsys.readouterr()
    fails(capsys, ["info", str(files / "out")], "headfield jobs show")


def test_threads_of_all_workers_are_no_more_than_the_cores(files, capsys):
    words = ["jobs", "run", str(files / "night.toml"), "--workers", "64", "--threads", "2"]
    fails(capsys, words, "64 workers of 2 threads are more than the")


def test_executors_that_there_are_not(files, capsys):
    fails(capsys, ["jobs", "run", str(files / "night.toml"), "--executor", "slurm"], "dask:ADDRESS")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGUSR1])
@pytest.mark.parametrize("workers", ["1", "2"])
def test_a_signal_ends_it_and_it_says_how_to_go_on(files, number, workers):
    words = ["jobs", "run", str(files / "night.toml"), "--workers", workers, "-q"]
    words = [sys.executable, "-m", "headfield", *words]
    process = subprocess.Popen(words, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True)
    until = time.monotonic() + 100
    while not given.contents(files / "out") and time.monotonic() < until:
        time.sleep(0.005)
    process.send_signal(number)
    said = process.communicate(timeout=100)[1]
    done = len(given.contents(files / "out"))
    if process.returncode == 0:  # it was done before the signal came
        assert done == 5
        return
    assert process.returncode == 128 + number
    assert f"{2 * done} of 10 poses are done" in said
    assert f"headfield jobs run {files / 'night.toml'} -o {files / 'out'} --resume" in said
    assert given.leftovers(files / "out") == []
    assert hf.jobs.run(hf.jobs.read_job(files / "night.toml"), resume=True).already == 2 * done
