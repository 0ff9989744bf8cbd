# SPDX-License-Identifier: BSD-3-Clause
"""Jobs: what is solved once stays, never stands for something else, and one bad pose costs only itself."""

import concurrent.futures
import dataclasses
import json
import pickle

import numpy as np
import pytest
from given import jobs as given

import headfield as hf
from headfield.coils.parts import CoilElement
from headfield.coils.sources import Dipoles
from headfield.jobs import compute, course, store


@pytest.fixture
def files(tmp_path):
    return given.files(tmp_path)


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    folder = given.files(tmp_path_factory.mktemp("undisturbed"))
    report = hf.jobs.run(given.job(folder), folder / "out")
    return report, hf.read_results(folder / "out"), given.contents(folder / "out")


def test_a_job_gives_what_a_solve_gives(files, undisturbed):
    report, results, _ = undisturbed
    assert (report.poses, report.done, report.code) == (given.POSES, given.POSES, 0)
    mesh = hf.read_mesh(files / "head.msh")
    poses = hf.read_poses(files / "poses.npy")
    gray = hf.regions.tissue(mesh, 2).elements
    field = hf.HeadModel(mesh, device="cpu").solve(
        hf.read_coil(files / "coil.tcd"), poses, 50e6, elements=gray
    )
    for pose in range(given.POSES):
        assert np.array_equal(results.E("head", "coil", pose), field.E[pose])
        assert np.array_equal(results.magnE("head", "coil", pose), field.magnitude[pose])
    assert results.table["iterations"].tolist() == field.report.iterations.tolist()
    assert results.table["max_magnE_V_per_m"] == pytest.approx(field.magnitude.max(axis=1))


@pytest.mark.parametrize("workers", [2, 3])
def test_processes_give_the_same_bytes(files, undisturbed, workers):
    report = hf.jobs.run(given.job(files), files / "out", workers=workers)
    assert report.code == 0
    assert given.contents(files / "out") == undisturbed[2]
    assert given.leftovers(files / "out") == []


def test_an_executor_of_the_caller_gives_the_same_bytes(files, undisturbed):
    with concurrent.futures.ThreadPoolExecutor(3) as executor:
        hf.jobs.run(given.job(files), files / "out", executor=executor)
    assert given.contents(files / "out") == undisturbed[2]


def test_slices_make_the_whole_and_an_empty_one_is_done(files, undisturbed):
    job, done = given.job(files), []
    for i in range(1, 8):  # of 5 chunks
        report = hf.jobs.run(job, files / "out", slice=f"{i}/7")
        assert report.code == 0
        done.append(report.poses)
    assert sum(done) == given.POSES
    assert 0 in done
    assert given.contents(files / "out") == undisturbed[2]
    assert "no poses" in str(hf.jobs.run(job, files / "new", slice="1/7"))


@pytest.mark.parametrize("bad", ["0/3", "4/3", "1", "a/b", (3, 2), "1/0"])
def test_slices_that_there_are_not(files, bad):
    with pytest.raises(hf.ArgumentError, match="slice must be i/n"):
        hf.jobs.run(given.job(files), files / "out", slice=bad)


def test_what_is_there_is_not_solved_again(files, undisturbed, monkeypatch):
    hf.jobs.run(given.job(files), files / "out", slice="1/2")
    before = len(given.contents(files / "out"))
    solved = []
    chunk = compute.Solver.chunk
    monkeypatch.setattr(compute.Solver, "chunk", lambda *a: solved.append(a[2].number) or chunk(*a))
    report = hf.jobs.run(given.job(files), files / "out", resume=True)
    assert (report.already, report.done) == (2 * before, given.POSES)
    assert solved == list(range(before, 5))
    assert given.contents(files / "out") == undisturbed[2]
    with pytest.raises(hf.ArgumentError, match="--resume"):
        hf.jobs.run(given.job(files), files / "out")


@pytest.mark.parametrize("spoil", ["torn", "flipped", "empty", "zeros"])
def test_a_damaged_chunk_is_solved_again_and_told(files, undisturbed, spoil):
    hf.jobs.run(given.job(files), files / "out")
    path = files / "out" / "head" / "coil" / "0000004.npz"
    data = path.read_bytes()
    flipped = data[:900] + bytes([data[900] ^ 1]) + data[901:]
    path.write_bytes(
        {"torn": data[: len(data) // 2], "flipped": flipped, "empty": b"", "zeros": bytes(len(data))}[spoil]
    )
    with pytest.warns(UserWarning, match="0000004.npz: its check sum"):
        assert len(hf.read_results(files / "out").table["pose"]) == given.POSES - 2
    report = hf.jobs.run(given.job(files), files / "out", resume=True)
    assert report.already == given.POSES - 2
    assert "0000004.npz" in report.damaged[0]
    assert "damaged, computed again" in str(report)
    assert given.contents(files / "out") == undisturbed[2]


def test_a_chunk_of_another_version_is_left_alone(files, monkeypatch):
    hf.jobs.run(given.job(files), files / "out", slice="1/5")
    before = given.contents(files / "out")
    monkeypatch.setattr(store, "FORMAT", 2)
    (files / "out" / "job.json").write_text(
        (files / "out" / "job.json").read_text().replace('"format": 1', '"format": 2')
    )
    with pytest.raises(hf.FileFormatError, match="version 1 of chunks, and this headfield writes 2"):
        hf.jobs.run(given.job(files), files / "out", resume=True)
    assert given.contents(files / "out") == before


def _other_head(files):
    mesh = hf.read_mesh(files / "head.msh")
    nodes = mesh.nodes_mm.copy()
    nodes[0] += 1e-3
    hf.write_mesh(files / "head.msh", hf.TetMesh(nodes, mesh.tets, mesh.tags))


def _other_poses(files):
    poses = hf.read_poses(files / "poses.npy")
    poses[-1, 2, 3] += 1.0
    hf.write_poses(files / "poses.npy", poses)


def _other_coil(files):
    coil = hf.figure_of_eight(inner_radius_mm=8.0, outer_radius_mm=17.0, separation_mm=36.0, spacing_mm=8.0)
    hf.write_coil(files / "coil.tcd", coil)


@pytest.mark.parametrize(
    ("change", "said"),
    [(_other_head, "the head is not"), (_other_poses, "the poses, their"), (_other_coil, "the coil is not")],
)
def test_a_complete_folder_never_answers_for_other_files(files, change, said):
    hf.jobs.run(given.job(files), files / "out")
    before = given.contents(files / "out")
    change(files)
    with pytest.raises(hf.ArgumentError, match=said):
        hf.jobs.run(given.job(files), files / "out", resume=True)
    assert given.contents(files / "out") == before


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"tol": 1e-4}, "tol is not the same"),
        ({"didt": "60e6"}, "dI/dt of coil"),
        ({"chunk": 3}, r"poses of a chunk \(3, there 2\)"),
        ({"conductivity": {2: 0.3}}, "conductivity"),
        ({"outputs": hf.jobs.Outputs()}, "outputs"),
        ({"heads": {"b": "head.msh"}}, "heads"),
        ({"coils": {"b": "coil.tcd"}}, "coils"),
    ],
)
def test_a_folder_of_another_job_is_refused(files, changed, said):
    hf.jobs.run(given.job(files), files / "out", slice="1/5")
    with pytest.raises(hf.ArgumentError, match=said):
        hf.jobs.run(given.job(files, **changed), files / "out", resume=True)


def test_the_same_words_for_another_region_are_another_job(files):
    """A file of labels that the words of a region name may change."""
    job = given.job(files, outputs=hf.jobs.Outputs(roi="sphere:0,0,70,40"))
    hf.jobs.run(job, files / "out")
    path = files / "out" / "head" / "coil" / "0000000.npz"
    stored = store.read_chunk(path)
    assert "kept" in stored.run.settings
    changed = dataclasses.replace(stored.run, options="0" * 32)
    store.write_chunk(path, dataclasses.replace(stored, run=changed))
    with pytest.raises(hf.ArgumentError, match="the options are not"):
        hf.jobs.run(job, files / "out", resume=True)


def test_poses_that_do_not_converge_are_nan_and_the_rest_goes_on(files):
    job = given.job(files, tol=1e-12, max_iterations=7, outputs=hf.jobs.Outputs(keep=["metrics", "magnE"]))
    report = hf.jobs.run(job, files / "out")
    assert report.code == 3
    assert report.done == given.POSES
    assert report.not_converged
    results = hf.read_results(files / "out")
    assert results.not_converged() == report.not_converged
    bad = [pose for _, _, pose in report.not_converged]
    assert np.isnan(results.table["max_magnE_V_per_m"][bad]).all()
    assert np.isnan(results.magnE("head", "coil", bad[0])).all()
    assert hf.jobs.run(job, files / "out", resume=True).not_converged == report.not_converged


@pytest.mark.filterwarnings("ignore:.*(inside the head|turn the back|no table)")
def test_a_pose_that_is_refused_costs_only_itself(files):
    """One that puts a dipole of the coil on a node."""
    coil = hf.Coil(elements=[CoilElement(Dipoles([[0, 0, 0.0], [30, 0, 0]], [[0, 0, 1e-3]] * 2))])
    hf.write_coil(files / "coil.tcd", coil)
    mesh, poses = hf.read_mesh(files / "head.msh"), hf.read_poses(files / "poses.npy")
    hf.jobs.run(given.job(files), files / "good")
    good = hf.read_results(files / "good")
    poses[0] = poses[3] = np.diag([1.0, -1, -1, 1])
    poses[[0, 3], :3, 3] = mesh.nodes_mm[100]
    hf.write_poses(files / "poses.npy", poses)
    report = hf.jobs.run(given.job(files), files / "out", workers=2)
    assert report.not_converged == [("head", "coil", 0), ("head", "coil", 3)]
    assert "node" in report.refused["head", "coil", 3]
    results = hf.read_results(files / "out")
    assert np.isnan(results.E("head", "coil", 3)).all()
    for pose in (1, 2, 4):
        assert np.array_equal(results.E("head", "coil", pose), good.E("head", "coil", pose))


def test_chunks_that_fail_are_tried_again_and_at_last_listed(files, monkeypatch):
    tried = []

    def failing(task):
        tried.append(task.chunk.number)
        if task.chunk.number == 1 or (task.chunk.number == 3 and tried.count(3) == 1):
            raise OSError("the network is away")
        return work(task)

    work = compute.work
    monkeypatch.setattr("headfield.jobs.pools.work", failing)
    report = hf.jobs.run(given.job(files), files / "out", retries=2)
    assert (tried.count(1), tried.count(3), tried.count(0)) == (3, 2, 1)
    assert report.code == 1
    assert report.done == given.POSES - 2
    assert report.failed == [("head/coil poses 2 to 3", "the network is away")]
    assert "--resume" in str(report)
    assert len(hf.read_results(files / "out")) == given.POSES - 2


def test_a_disk_that_is_full_ends_the_run(files, monkeypatch):
    def full(path, stored):
        raise hf.StorageError(f"{path}: No space left on device")

    monkeypatch.setattr(compute, "write_chunk", full)
    with pytest.raises(hf.StorageError, match="No space left"):
        hf.jobs.run(given.job(files), files / "out", retries=0)


def test_a_disk_that_is_too_small_is_seen_before_the_start(files, monkeypatch):
    monkeypatch.setattr("headfield.io.room.shutil.disk_usage", lambda _: type("Usage", (), {"free": 1000}))
    with pytest.raises(hf.StorageError, match="more are needed"):
        hf.jobs.run(given.job(files), files / "out")
    assert given.contents(files / "out") == {}


def test_what_a_killed_process_left_half_written_is_removed(files):
    hf.jobs.run(given.job(files), files / "out", slice="1/5")
    beside = files / "out" / "head" / "coil"
    (beside / f".0000002.{store._HOST}.999999999.0a0a.part").write_bytes(b"half")
    (beside / ".0000004.another-machine.12.0b0b.part").write_bytes(b"under way")
    hf.jobs.run(given.job(files), files / "out", resume=True)
    assert given.leftovers(files / "out") == [".0000004.another-machine.12.0b0b.part"]


def test_heads_and_coils_are_the_axes_and_coils_share_a_head(files, monkeypatch):
    hf.write_mesh(files / "b.msh", hf.sphere_mesh(radii_mm=[78, 86, 92], tags=[2, 4, 5], edge_mm=20))
    hf.write_poses(files / "few.npy", given.heads.poses(3))
    models = []
    built = hf.HeadModel.__init__
    monkeypatch.setattr(hf.HeadModel, "__init__", lambda *a, **b: models.append(a[1]) or built(*a, **b))
    job = given.job(
        files,
        heads={"a": "head.msh", "b": "b.msh"},
        coils={"x": "coil.tcd", "y": {"file": "coil.tcd", "didt": "100e6"}},
        poses={"a": "few.npy", "b": {"centre": "0,0,92", "handle": "0,50,92", "angles": [0, 90]}},
    )
    report = hf.jobs.run(job, files / "out")
    assert (report.done, len(models)) == (10, 2)
    results = hf.read_results(files / "out")
    assert results.table["head"].tolist() == ["a"] * 6 + ["b"] * 4
    assert results.table["coil"].tolist() == ["x"] * 3 + ["y"] * 3 + ["x"] * 2 + ["y"] * 2
    assert np.allclose(results.E("b", "y", 1), 2 * results.E("b", "x", 1))


def test_files_that_change_while_a_process_keeps_them_are_read_again(files):
    """As in a worker of Dask, which outlives a job."""
    compute.adopt(None)
    with concurrent.futures.ThreadPoolExecutor(1) as executor:
        hf.jobs.run(given.job(files), files / "out", executor=executor)
        _other_head(files)
        report = hf.jobs.run(given.job(files), files / "new", executor=executor)
    assert report.code == 0
    assert store.read_chunk(files / "new/head/coil/0000000.npz").run.head != (
        store.read_chunk(files / "out/head/coil/0000000.npz").run.head
    )


def test_a_worker_that_reads_other_files_fails(files, monkeypatch):
    """As on a machine with an older copy."""
    hf.jobs.run(given.job(files), files / "out", slice="1/5")
    stale = store.read_chunk(files / "out/head/coil/0000000.npz").run
    task = compute.Task(
        given.job(files),
        str(files / "out"),
        course.Chunk(1, "head", "coil", 2, 2),
        dataclasses.replace(stale, coil="0" * 32),
        1,
        None,
    )
    with pytest.raises(hf.ArgumentError, match="reads is of another run: the coil is not the same"):
        compute.work(task)
    compute.adopt(None)


def test_jobs_are_records(files):
    job = given.job(files)
    assert pickle.loads(pickle.dumps(job)) == job
    job.write(files / "j.json")
    assert hf.jobs.read_job(files / "j.json") == job
    assert hf.jobs.Job.from_dict(json.loads(json.dumps(job.to_dict()))) == job


def test_a_folder_that_is_none_of_a_job(tmp_path):
    with pytest.raises(hf.FileFormatError, match="not a folder of a job"):
        hf.read_results(tmp_path)
    (tmp_path / "job.json").write_text("{}")
    with pytest.raises(hf.FileFormatError, match="damaged"):
        hf.read_results(tmp_path)
