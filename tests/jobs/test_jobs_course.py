# SPDX-License-Identifier: BSD-3-Clause
"""What a run does when workers lie, die or don't start, when signals come, and what it says then."""

import os
import signal
import sys
from concurrent.futures import Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor

import pytest
from given import jobs as given

import headfield as hf
from headfield.core import device as backend
from headfield.core.stopping import Stopped
from headfield.heads.tissues import tissue
from headfield.jobs import compute, course, gpus, pools
from headfield.jobs.inputs import Inputs


@pytest.fixture
def files(tmp_path):
    return given.files(tmp_path, 4)


class Elsewhere(Executor):
    """Workers that have another disk under the path of the folder."""

    def submit(self, call, task):
        future = Future()
        future.set_result(call(task._replace(folder=task.folder + "-elsewhere")))
        return future


def test_what_workers_write_elsewhere_is_not_called_done(files, monkeypatch):
    monkeypatch.setattr(course, "SHOWN_S", 0.0)
    with pytest.raises(
        hf.StorageError, match=r"worker .* wrote it, and it is not here: is the folder shared"
    ):
        hf.jobs.run(given.job(files), files / "out", executor=Elsewhere(), workers=1, retries=0)


def test_threads_of_workers_elsewhere_are_not_held_against_the_cores_here(files):
    with ThreadPoolExecutor(1) as executor:
        job = given.job(files, threads=2)
        report = hf.jobs.run(job, files / "out", executor=executor, workers=pools.cores() + 1)
    assert report.code == 0


def test_workers_that_do_not_start_end_the_run(files, monkeypatch):
    tried = []

    def submit(self, *_):
        tried.append(self)
        assert len(tried) < 50, "it tries for ever"
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(ProcessPoolExecutor, "submit", submit)
    with (
        pytest.warns(UserWarning, match="a worker died"),
        pytest.raises(hf.HeadfieldError, match="workers take no work: can't start new thread"),
    ):
        hf.jobs.run(given.job(files), files / "out", workers=2)


def test_no_chunk_is_begun_after_a_signal(files, monkeypatch):
    warm = compute.Solver.warm

    def interrupted(self, *given):
        warm(self, *given)
        os.kill(os.getpid(), signal.SIGTERM)

    monkeypatch.setattr(compute.Solver, "warm", interrupted)
    with pytest.raises(Stopped) as stop:
        hf.jobs.run(given.job(files), files / "out", workers=2)
    assert stop.value.report.done == 0


def test_a_head_that_is_read_anew_is_built_anew(files):
    solver = compute.Solver(Inputs(given.job(files)), 1, None)
    one = solver.model("head")
    assert solver.model("head") is one
    solver.inputs._head = None  # as when another head was read in between
    assert solver.model("head") is not one


def test_how_to_go_on_names_the_slice_and_the_workers(files):
    report = hf.jobs.run(given.job(files), files / "out", slice=(1, 2), workers=1)
    assert report.how == " --slice 1/2 --workers 1"
    said = str(hf.jobs.JobReport(folder="a b", poses=2, done=1, how=report.how))
    assert said.endswith("headfield jobs run JOB -o 'a b' --resume --slice 1/2 --workers 1")


@pytest.mark.parametrize("name", ["file", "scan", "which", "centre"])
def test_heads_may_be_called_as_words_of_poses_are(files, name):
    job = given.job(files, heads={name: "head.msh"})
    assert hf.jobs.Job.from_dict(job.to_dict()) == job
    hf.jobs.run(job, files / "out")
    assert len(hf.read_results(files / "out")) == 4


def test_no_head_has_the_name_of_the_record(files):
    with pytest.raises(hf.ArgumentError, match="is the name of a file in the folder"):
        given.job(files, heads={"job.json": "head.msh"})


def test_gpus_that_can_not_be_opened_are_those_of_others(monkeypatch, tmp_path):
    for number in (0, 1):
        (tmp_path / f"bus{number}").mkdir()
        told = f"GPU UUID: \t GPU-{number}{number}\nDevice Minor: \t {number}\n"
        (tmp_path / f"bus{number}" / "information").write_text(told)
    monkeypatch.setattr(gpus, "_FOLDER", str(tmp_path))
    monkeypatch.setattr(gpus, "_DEVICES", str(tmp_path / "nvidia"))
    (tmp_path / "nvidiactl").touch()
    (tmp_path / "nvidia1").touch()
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0")
    assert gpus.gpus_here() == {"0": "GPU-11"}


def test_processes_are_not_forked_where_a_gpu_works_that_no_list_has(files, monkeypatch):
    monkeypatch.delenv("HEADFIELD_DEVICE", raising=False)
    monkeypatch.setattr(pools, "gpus_here", dict)
    monkeypatch.setattr(pools, "find_gpu", lambda: (object(), object()))
    assert not pools.forks(given.job(files, device="auto"), 2, 1)
    monkeypatch.setattr(pools, "find_gpu", lambda: "there is no GPU")
    assert pools.forks(given.job(files, device="auto"), 2, 1)


def test_a_cpu_in_place_of_a_gpu_that_others_have_is_told(files, monkeypatch):
    monkeypatch.delenv("HEADFIELD_DEVICE", raising=False)
    monkeypatch.setattr(compute, "device_of", lambda _: "cpu")
    report = hf.jobs.run(given.job(files, device="auto"), files / "out")
    assert "solved on cpu (other processes had all GPUs): 4" in str(report)
    assert backend.select("cpu").name == "cpu"


def test_tissues_are_named_in_each_head(files):
    outputs = hf.jobs.Outputs(tissues=["gray matter", 5])
    job = given.job(files, conductivity={"gm": 0.3, "5": 0.4}, outputs=outputs)
    assert hf.jobs.Job.from_dict(job.to_dict()) == job
    head = Inputs(job).head("head")
    tags = head.mesh.tags
    assert (head.conductivity[tags == 2] == 0.3).all()
    assert (head.conductivity[tags == 5] == 0.4).all()
    assert (head.conductivity[tags == 4] == tissue(4).conductivity).all()
    by_tag = given.job(files, outputs=hf.jobs.Outputs(tissues=[2, 5]))
    assert head.kept.content == Inputs(by_tag).head("head").kept.content


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"conductivity": {"gry matter": 0.3}}, "did you mean 'gray matter'"),
        ({"conductivity": {"gm": 0.3, 2: 0.4}}, "tag 2 is given twice"),
        ({"outputs": hf.jobs.Outputs(tissues=["gry matter"])}, "did you mean 'gray matter'"),
    ],
)
def test_tissues_that_there_are_not(files, changed, said):
    with pytest.raises(hf.HeadfieldError, match=said):
        Inputs(given.job(files, **changed)).head("head")


def test_hours_grow_with_the_heads(files, monkeypatch):
    fine = hf.sphere_mesh(radii_mm=[80, 86, 92], tags=[2, 4, 5], edge_mm=14)
    hf.write_mesh(files / "fine.msh", fine)
    monkeypatch.setattr(sys.modules["headfield.jobs.estimate"], "_trial", lambda *_: (3600.0, 36.0))
    one = hf.jobs.estimate(given.job(files))
    two = hf.jobs.estimate(given.job(files, heads={"a": "head.msh", "b": "fine.msh"}))
    ratio = len(fine.tets) / len(hf.read_mesh(files / "head.msh").tets)
    assert one.hours == pytest.approx(1.0 + 4 * 0.01)
    assert two.hours == pytest.approx((1 + ratio) * one.hours)
