# SPDX-License-Identifier: BSD-3-Clause
"""Jobs on other people's executors, workers that die, memory that processes share, and GPUs."""

import multiprocessing
import os
import shutil
import subprocess
import sys
from concurrent.futures import ProcessPoolExecutor

import pytest
from abuse import jobs as trials
from given import jobs as given

import headfield as hf
from headfield.jobs import compute, gpus, pools


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    return given.files(tmp_path_factory.mktemp("files"))


@pytest.fixture(scope="module")
def exact(files):
    hf.jobs.run(given.job(files), files / "exact")
    return given.contents(files / "exact")


def test_kills_lose_nothing(tmp_path):
    verdict = trials.repeat(3, tmp_path, seed=5)
    assert verdict.stopped >= 3
    assert verdict.faults == []


def test_a_pool_of_spawned_processes(files, exact):
    with ProcessPoolExecutor(2, multiprocessing.get_context("spawn")) as executor:
        hf.jobs.run(given.job(files), files / "spawned", executor=executor)
    assert given.contents(files / "spawned") == exact


@pytest.mark.filterwarnings("ignore")
def test_dask(files, exact):
    distributed = pytest.importorskip("distributed")
    with (
        trials.dask_workers(2) as address,
        distributed.Client(address) as client,
        client.get_executor(pure=False) as executor,
    ):
        assert pools.in_flight(executor) == 2
        report = hf.jobs.run(given.job(files), files / "dask", executor=executor)
    assert report.code == 0
    assert given.contents(files / "dask") == exact


def test_mpi(files, exact):
    pytest.importorskip("mpi4py")
    mpiexec = shutil.which("mpiexec", path=os.path.dirname(sys.executable) + os.pathsep + os.environ["PATH"])
    if mpiexec is None:
        pytest.skip("needs mpiexec")
    given.job(files).write(files / "mpi.json")
    words = ["jobs", "run", str(files / "mpi.json"), "-o", str(files / "mpi"), "--executor", "mpi"]
    words = [mpiexec, "-n", "3", sys.executable, "-m", "mpi4py.futures", "-m", "headfield", *words]
    subprocess.run(words, check=True, timeout=300, capture_output=True)
    assert given.contents(files / "mpi") == exact


def test_a_worker_that_dies_costs_its_chunk_a_try(files, exact, monkeypatch):
    mark = files / "died"
    chunk = compute.Solver.chunk

    def dying(self, problem, one):
        if one.number == 2 and not mark.exists():
            mark.touch()
            os._exit(9)
        return chunk(self, problem, one)

    monkeypatch.setattr(compute.Solver, "chunk", dying)
    with pytest.warns(UserWarning, match="a worker died"):
        report = hf.jobs.run(given.job(files), files / "died_once", workers=2)
    assert report.code == 0
    assert given.contents(files / "died_once") == exact


def test_a_chunk_that_kills_its_workers_takes_no_other_with_it(files, monkeypatch):
    chunk = compute.Solver.chunk

    def dying(self, problem, one):
        return os._exit(9) if one.number == 2 else chunk(self, problem, one)

    monkeypatch.setattr(compute.Solver, "chunk", dying)
    with pytest.warns(UserWarning, match="a worker died"):
        report = hf.jobs.run(given.job(files), files / "poison", workers=2, retries=1)
    assert [name for name, _ in report.failed] == ["head/coil poses 4 to 5"]
    assert "died" in report.failed[0][1]
    assert report.done == given.POSES - 2


def test_cores_are_those_of_slurm(monkeypatch):
    here = pools.cores()
    monkeypatch.setenv("SLURM_CPUS_PER_TASK", "1")
    assert pools.cores() == 1
    monkeypatch.setenv("SLURM_CPUS_PER_TASK", "1000")
    assert pools.cores() == here


def test_gpus_are_dealt_out_by_what_they_are(monkeypatch, tmp_path):
    """Not by their number in a list, which is another one in another process."""
    uuids = ["GPU-aaaa", "GPU-bbbb"]
    monkeypatch.setattr(gpus, "_uuids", lambda: uuids)
    monkeypatch.setattr(gpus, "_locks", lambda: tmp_path)
    monkeypatch.delenv("HEADFIELD_DEVICE", raising=False)
    monkeypatch.delenv("CUDA_DEVICE_ORDER", raising=False)
    monkeypatch.setattr(sys, "modules", {k: m for k, m in sys.modules.items() if k != "cupy"})
    held = []
    for visible, entry in (("1,0", "1"), ("1", None), ("GPU-aaaa", "GPU-aaaa"), ("0", None)):
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
        monkeypatch.setattr(gpus, "_taken", None)
        if entry is None:
            assert gpus.device_of("auto") == "cpu"
            with pytest.raises(hf.DeviceError, match="are taken by other processes"):
                gpus.device_of("cuda")
            continue
        assert gpus.device_of("cuda") == "cuda"
        assert os.environ["CUDA_VISIBLE_DEVICES"] == entry
        held.append(gpus._taken)
    for lock in held:
        lock.close()


def test_processes_are_not_forked_where_there_is_a_gpu(files, monkeypatch):
    monkeypatch.delenv("HEADFIELD_DEVICE", raising=False)
    monkeypatch.setattr(pools, "gpus_here", lambda: {"0": "GPU-a"})
    assert not pools.forks(given.job(files, device="auto"), 2, 1)
    assert pools.forks(given.job(files, device="cpu"), 2, 1)
    assert not pools.forks(given.job(files, device="cpu"), 2, 2)


def test_results_as_arrays_of_others(files, exact, tmp_path):
    xarray, h5py = pytest.importorskip("xarray"), pytest.importorskip("h5py")
    results = hf.read_results(files / "exact")
    made = results.to_xarray()
    assert isinstance(made, xarray.Dataset)
    name = "max_magnE_V_per_m"
    assert made[name].sel(head="head", coil="coil").values.tolist() == results.table[name].tolist()
    results.to_hdf5(tmp_path / "r.h5")
    with h5py.File(tmp_path / "r.h5") as file:
        assert (file["head/coil/E"][3] == results.E("head", "coil", 3)).all()
        assert file["head/coil/done"][:].all()


def test_fields_are_read_when_they_are_computed_with(files, exact):
    pytest.importorskip("xarray")
    pytest.importorskip("dask.array")
    results = hf.read_results(files / "exact")
    made = results.to_xarray(fields=True)
    assert (made["E"][0, 0, 5].values == results.E("head", "coil", 5)).all()


@pytest.mark.filterwarnings("ignore")
def test_zarr(files, exact, tmp_path):
    zarr = pytest.importorskip("zarr", minversion="3")
    results = hf.read_results(files / "exact")
    results.to_zarr(tmp_path / "r.zarr")
    assert (zarr.open(str(tmp_path / "r.zarr"))["head/coil/E"][3] == results.E("head", "coil", 3)).all()
