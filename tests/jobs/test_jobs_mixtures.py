# SPDX-License-Identifier: BSD-3-Clause
"""A folder of results is of one job: what was solved from other files, or has another place, is not shown."""

import shutil

import numpy as np
import pytest
from given import jobs as given

import headfield as hf


@pytest.fixture
def files(tmp_path):
    return given.files(tmp_path)


def _other_head(files):
    hf.write_mesh(files / "head.msh", hf.sphere_mesh(radii_mm=[78, 86, 92], tags=[2, 4, 5], edge_mm=20))


def _other_coil(files):
    coil = hf.figure_of_eight(inner_radius_mm=8.0, outer_radius_mm=17.0, separation_mm=36.0, spacing_mm=8.0)
    hf.write_coil(files / "coil.tcd", coil)


def _joined(files, change, **axes):
    """Results of two slices, made where the files of the job are not the same; the folder."""
    job = given.job(files, **axes)
    hf.jobs.run(job, files / "out", slice="1/2")
    change(files)
    hf.jobs.run(job, files / "elsewhere", slice="2/2")
    shutil.copytree(files / "elsewhere", files / "out", dirs_exist_ok=True)
    return job, hf.read_results(files / "out")


COILS = {"coils": {"a": "coil.tcd", "b": "coil.tcd"}}
HEADS = {"heads": {"a": "head.msh", "b": "copy.msh"}}


def test_coils_of_two_heads_of_one_name_are_no_table(files):
    _, results = _joined(files, _other_head, **COILS)
    with pytest.raises(hf.ArgumentError, match=r"0000000.npz is of another run: the head"):
        _ = results.table


@pytest.mark.parametrize("read", [lambda r: r.E("head", "b", 3), lambda r: r.magnE("head", "b", 0)])
def test_fields_of_two_heads_of_one_name_are_not_read(files, read):
    _, results = _joined(files, _other_head, **COILS)
    with pytest.raises(hf.ArgumentError, match="is of another run: the head"):
        read(results)


def test_fields_of_two_heads_in_one_coil_are_not_read(files):
    _, results = _joined(files, _other_head)
    assert results.E("head", "coil", 0).shape[1] == 3
    with pytest.raises(hf.ArgumentError, match="is of another run: the head"):
        results.E("head", "coil", 9)


def _other_poses(files):
    np.save(files / "poses.npy", np.load(files / "poses.npy")[::-1])


def test_coils_at_other_poses_than_those_before_are_no_table(files):
    _, results = _joined(files, _other_poses, **COILS)
    with pytest.raises(hf.ArgumentError, match="its coil has other poses than the other coils"):
        _ = results.table


def test_a_slice_is_not_begun_beside_one_of_other_poses(files):
    job = given.job(files, **COILS)
    hf.jobs.run(job, files / "out", slice="1/2")
    _other_poses(files)
    with pytest.raises(hf.ArgumentError, match="its coil has other poses than the other coils"):
        hf.jobs.run(job, files / "out", slice="2/2")


def test_heads_of_two_coils_of_one_name_are_no_table(files):
    shutil.copy(files / "head.msh", files / "copy.msh")
    _, results = _joined(files, _other_coil, **HEADS)
    with pytest.raises(hf.ArgumentError, match="the coil is not the same"):
        _ = results.table


@pytest.mark.parametrize("axes", [COILS, {}])
def test_a_slice_is_not_begun_beside_one_of_another_head(files, axes):
    job = given.job(files, **axes)
    hf.jobs.run(job, files / "out", slice="1/2")
    before = given.contents(files / "out")
    _other_head(files)
    with pytest.raises(hf.ArgumentError, match="is of another run: the head"):
        hf.jobs.run(job, files / "out", slice="2/2")
    assert given.contents(files / "out") == before


def test_chunks_of_other_files_are_named(files):
    """So that they can be removed, and the job goes on."""
    job, _ = _joined(files, _other_head)
    given.files(files)  # the head is as it was
    with pytest.raises(hf.ArgumentError, match=r"0000004.npz is of .* the head .*6.npz, .*8.npz: remove"):
        hf.jobs.run(job, files / "out", resume=True)
    for pose in (4, 6, 8):
        (files / "out" / "head" / "coil" / f"000000{pose}.npz").unlink()
    assert hf.jobs.run(job, files / "out", resume=True).complete


def test_a_chunk_in_the_place_of_another_is_not_shown(files):
    hf.jobs.run(given.job(files), files / "out")
    folder = files / "out/head/coil"
    for one, other in (("0000000", "x"), ("0000004", "0000000"), ("x", "0000004")):
        (folder / f"{one}.npz").rename(folder / f"{other}.npz")
    with pytest.raises(hf.ArgumentError, match=r"0000000.npz is of the slice 4:6"):
        _ = hf.read_results(files / "out").table
    with pytest.raises(hf.ArgumentError, match=r"0000000.npz is of the slice 4:6"):
        hf.read_results(files / "out").E("head", "coil", 0)


def test_the_error_of_half_precision_is_told(files, tmp_path):
    outputs = hf.jobs.Outputs(keep=["metrics", "E"], storage="float16")
    hf.jobs.run(given.job(files), files / "exact")
    hf.jobs.run(given.job(files, outputs=outputs), files / "out")
    results, exact = hf.read_results(files / "out"), hf.read_results(files / "exact")
    assert "E_error" in results.columns
    for pose in (0, 7):
        whole = exact.E("head", "coil", pose).astype(float)
        away = np.linalg.norm(results.E("head", "coil", pose) - whole, axis=1) / np.linalg.norm(whole, axis=1)
        assert 0 < away.max() <= results.table["E_error"][pose] * (1 + 1e-6)
    results.to_table(tmp_path / "t.csv")
    assert "E_error" in (tmp_path / "t.csv").read_text().splitlines()[0]
