# SPDX-License-Identifier: BSD-3-Clause
"""Files that results are added to while they are solved: what an error or a full disk leaves of them."""

import dataclasses
import errno
import os
import re

import h5py
import numpy as np
import pytest
from given.results import field_arrays, run

import headfield as hf
from headfield.core.version import VERSION
from headfield.fields.stream import open_results

MESH = hf.TetMesh([[0, 0, 0], [100, 0, 0], [0, 100, 0], [0, 0, 100]], [[0, 1, 2, 3]], tags=[5])


def batch(*numbers, converged=True):
    """A field whose E in pose i is (i + 1, 0, 0)."""
    e = np.zeros((len(numbers), 1, 3), np.float32)
    e[:, 0, 0] = np.array(numbers) + 1
    return field_arrays(MESH, e, np.ones((len(numbers), 4)), converged)


def opened(path, count=5, resume=False, **different):
    return open_results(path, MESH, None, run(count, **different), resume=resume)


def open_files():
    """Files that this process has open, by HDF5's own count and the system's."""
    return h5py.h5f.get_obj_count(h5py.h5f.OBJ_ALL, h5py.h5f.OBJ_FILE), len(os.listdir("/proc/self/fd"))


def magnitudes(path):
    result = hf.read_result(path)
    return [result.magnitude(i).tolist() for i in range(result.n_poses)]


def stopped_after(path, *numbers, **different):
    """A run of five poses that is stopped when some are written."""
    with pytest.raises(ZeroDivisionError), opened(path, **different) as results:  # noqa: PT012
        for number in numbers:
            results.write(batch(number))
        raise ZeroDivisionError
    return results


class Disk:
    """`os.pwrite` of a disk that is full, or is interrupted, after so many writes; then of a good one."""

    def __init__(self, monkeypatch, good, error):
        self.calls = 0
        original = os.pwrite

        def pwrite(descriptor, data, offset):
            self.calls += 1
            if self.calls == good + 1:
                original(descriptor, bytes(data[: len(data) // 2]), offset)  # half of it gets there
                raise error
            return original(descriptor, data, offset)

        monkeypatch.setattr(os, "pwrite", pwrite)


FULL = OSError(errno.ENOSPC, "No space left on device")


def writes():
    """How many writes two batches of two poses take."""
    with pytest.MonkeyPatch.context() as patch:
        import tempfile

        with tempfile.TemporaryDirectory() as folder:
            disk = Disk(patch, 10**9, FULL)
            with opened(folder + "/f.h5", 4) as results:
                results.write(batch(0, 1))
                results.write(batch(2, 3))
            return disk.calls


@pytest.mark.parametrize("error", [FULL, KeyboardInterrupt()], ids=["full", "interrupt"])
def test_whatever_write_fails_the_rows_before_it_are_whole_and_no_other_is_shown(tmp_path, error):
    before = open_files()
    for good in range(writes()):
        path = tmp_path / "f.h5"
        with pytest.MonkeyPatch.context() as patch:
            Disk(patch, good, error)
            with (  # noqa: PT012
                pytest.raises((hf.StorageError, KeyboardInterrupt), match=r"f\.part\.h5: No space|^$"),
                opened(path, 4) as results,
            ):
                results.write(batch(0, 1))
                results.write(batch(2, 3))
        assert open_files() == before
        part = tmp_path / "f.part.h5"
        there = magnitudes(part) if part.exists() else []
        assert there == [[1.0], [2.0], [3.0], [4.0]][: len(there)]
        with opened(path, 4, resume=True) as results:  # a file without a complete pose does not block it
            assert results.done == len(there)
            for number in range(len(there), 4):
                results.write(batch(number))
        assert magnitudes(path) == [[1.0], [2.0], [3.0], [4.0]]
        assert sorted(os.listdir(tmp_path)) == ["f.h5"]
        path.unlink()


@pytest.mark.parametrize("error", [OSError(errno.EIO, "I/O error"), KeyboardInterrupt()])
@pytest.mark.parametrize("whole", [True, False])
def test_an_end_that_is_interrupted_itself_removes_nothing(tmp_path, monkeypatch, error, whole):
    def pread(*_):
        raise error

    with pytest.raises(type(error)), opened(tmp_path / "f.h5", 2) as results:  # noqa: PT012
        results.write(batch(0, 1) if whole else batch(0))
        monkeypatch.setattr(os, "pread", pread)
        if not whole:
            raise KeyboardInterrupt
    assert magnitudes(tmp_path / "f.part.h5") == [[1.0], [2.0]][: 2 if whole else 1]


def test_a_disk_that_fills_up_is_named_with_what_is_kept(tmp_path, monkeypatch):
    said = r"f\.part\.h5: No space left on device; 2 of 5 poses are in it"
    with pytest.raises(hf.StorageError, match=said), opened(tmp_path / "f.h5") as results:  # noqa: PT012
        results.write(batch(0, 1))
        Disk(monkeypatch, 3, FULL)
        results.write(batch(2))


def test_too_little_room_is_said_before_the_start_and_before_a_batch(tmp_path, monkeypatch):
    class Usage:
        free = 100

    with opened(tmp_path / "f.h5") as results:
        for number in range(4):
            results.write(batch(number))
        with monkeypatch.context() as patch:
            patch.setattr("shutil.disk_usage", lambda _: Usage)
            with pytest.raises(
                hf.StorageError, match="more are needed, and 100 bytes are free; 4 of 5 poses"
            ):
                results.write(batch(4))
        results.write(batch(4))
    monkeypatch.setattr("shutil.disk_usage", lambda _: Usage)
    with pytest.raises(hf.StorageError, match=r"g\.part\.h5: 240 bytes more are needed, .* 0 of 5 poses"):
        opened(tmp_path / "g.h5")
    assert os.listdir(tmp_path) == ["f.h5"]


def test_a_field_that_can_not_be_saved_leaves_what_was_there(tmp_path, monkeypatch):
    field = hf.Field.of_arrays(batch(0, 1))
    field.save(tmp_path / "f.h5")
    Disk(monkeypatch, 5, FULL)
    with pytest.raises(hf.StorageError, match=r"f\.h5: No space left on device; nothing was changed"):
        hf.Field.of_arrays(batch(4)).save(tmp_path / "f.h5")
    assert magnitudes(tmp_path / "f.h5") == [[1.0], [2.0]]
    assert os.listdir(tmp_path) == ["f.h5"]


@pytest.mark.parametrize("ending", [".h5", ".msh"])
def test_a_run_goes_on_after_what_is_there(tmp_path, ending):
    path = tmp_path / f"f{ending}"
    stopped_after(path, 0, 1, 2)
    with pytest.raises(FileExistsError, match="3 poses"):
        opened(path)
    with opened(path, resume=True) as results:
        assert results.done == 3
        results.write(batch(3, 4))
    if ending == ".h5":
        assert magnitudes(path) == [[1.0], [2.0], [3.0], [4.0], [5.0]]
    else:
        beside = [f"{file}.opt" for file in results.files if ending == ".msh"]
        assert sorted([*results.files, *beside]) == sorted(str(one) for one in tmp_path.iterdir())
        assert len(results.files) == 5
        assert [magnitudes(file) for file in results.files] == [[[1.0]], [[2.0]], [[3.0]], [[4.0]], [[5.0]]]


@pytest.mark.parametrize("ending", [".h5", ".vtu"])
@pytest.mark.parametrize(
    ("different", "said"),
    [
        ({"head": "other"}, "the head is not the same"),
        ({"conductivity": "other"}, "the conductivity is not the same"),
        ({"coil": "other", "options": "other"}, "the coil and the options are not the same"),
        ({"poses": "other"}, "the poses, their names or their dI/dt are not the same"),
        ({"version": "0"}, rf"the version of headfield \({re.escape(VERSION)}, here 0\) is not the same"),
        ({"total": 9}, "the poses, their names or their dI/dt are not the same"),
        ({"first": 1, "count": 4, "total": 5}, "is of the slice 0:5"),
    ],
)
def test_another_run_does_not_go_on_there(tmp_path, ending, different, said):
    path = tmp_path / f"f{ending}"
    stopped_after(path, 0, 1)
    there = sorted(os.listdir(tmp_path))
    with pytest.raises(hf.ArgumentError, match=said):
        opened(path, resume=True, **({"count": 5} | different))
    assert sorted(os.listdir(tmp_path)) == there


@pytest.mark.parametrize("ending", [".h5", ".msh"])
def test_one_run_at_a_time_writes_to_a_file(tmp_path, ending):
    path = tmp_path / f"f{ending}"
    with pytest.raises(ZeroDivisionError), opened(path) as results:  # noqa: PT012
        results.write(batch(0))
        with pytest.raises(hf.StorageError, match="another run is writing it"):
            opened(path, resume=True)
        raise ZeroDivisionError
    with opened(path, resume=True) as results:
        assert results.done == 1
        results.write(batch(1, 2, 3, 4))


@pytest.mark.parametrize("ending", [".h5", ".msh"])
def test_nothing_is_written_through_a_planted_link(tmp_path, ending):
    victim = tmp_path / "victim"
    victim.write_text("mine")
    (tmp_path / {".h5": "f.part.h5", ".msh": "f.msh.run"}[ending]).symlink_to(victim)
    with pytest.raises(hf.FileFormatError, match="is a link"):
        opened(tmp_path / f"f{ending}")
    assert victim.read_text() == "mine"


@pytest.mark.parametrize("ending", [".h5", ".vtu"])
def test_names_for_which_there_is_no_room_are_told_at_once(tmp_path, ending):
    stem = "x" * (255 - len(ending))  # itself short enough
    with pytest.raises(OSError, match="the file system allows 255"):
        opened(tmp_path / f"{stem}{ending}")


def test_a_pose_that_did_not_converge_is_not_a_number(tmp_path):
    with opened(tmp_path / "f.h5", 2) as results:
        results.write(batch(0))
        results.write(batch(1, converged=False))
    with h5py.File(tmp_path / "f.h5") as file:
        assert file["converged"][:].tolist() == [True, False]
        assert np.isnan(file["elements/E"][1]).all()
        assert np.isnan(file["nodes/v"][1]).all()
        assert file["elements/E"][0].tolist() == [[1, 0, 0]]


def test_rows_that_never_came_don_t_look_like_good_ones_to_other_programs(tmp_path):
    stopped_after(tmp_path / "f.h5", 0, 1)
    with h5py.File(tmp_path / "f.part.h5") as file:
        assert file["converged"][:].tolist() == [True, True, False, False, False]
        assert np.isnan(file["residual"][2:]).all()
        assert (file["complete"][2:] == 0).all()


def test_files_are_closed_and_gone_where_no_pose_comes(tmp_path):
    before = open_files()
    for name in ("f.h5", "f.msh"):
        with pytest.raises(ZeroDivisionError), opened(tmp_path / name):
            raise ZeroDivisionError
        with pytest.raises(hf.HeadfieldError, match="0 of 5 poses"), opened(tmp_path / name):
            pass
    assert open_files() == before
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("ending", [".h5", ".msh"])
def test_a_run_that_goes_on_knows_which_poses_did_not_converge(tmp_path, ending):
    path = tmp_path / f"f{ending}"
    different = {"count": 4, "first": 3, "total": 9}
    with pytest.raises(ZeroDivisionError), opened(path, **different) as results:  # noqa: PT012
        results.write(batch(0))
        results.write(batch(1, converged=False))
        raise ZeroDivisionError
    with opened(path, resume=True, **different) as results:
        assert (results.done, results.not_converged) == (2, [4])
        results.write(batch(2, 3))


def test_a_file_of_an_earlier_run_does_not_stand_for_a_pose_without_a_field(tmp_path):
    with opened(tmp_path / "f.vtu", 3) as results:
        results.write(batch(0, 1, 2))
    with opened(tmp_path / "f.vtu", 3, coil="other") as results:
        results.write(batch(0))
        results.write(batch(1, 2, converged=False))
    assert sorted(os.listdir(tmp_path)) == ["f_0000.vtu"]


def test_a_whole_file_is_not_solved_again_but_by_a_run_that_does_not_go_on(tmp_path):
    path = tmp_path / "f.h5"
    with opened(path, 2) as results:
        results.write(batch(0))
        results.write(batch(1, converged=False))
    before = path.read_bytes()
    with opened(path, 2, resume=True) as results:
        assert (results.done, results.not_converged) == (2, [1])
    assert results.files == [str(path)]
    assert path.read_bytes() == before
    with pytest.raises(hf.ArgumentError, match=r"f\.h5 is of another run: the coil is not the same"):
        opened(path, 2, resume=True, coil="other")
    with opened(path, 2, coil="other") as results:
        assert (results.done, results.not_converged) == (0, [])
        results.write(batch(2, 3))
    assert magnitudes(path) == [[3.0], [4.0]]
    assert os.listdir(tmp_path) == ["f.h5"]


def test_the_name_of_a_part_is_not_taken_for_that_of_the_whole(tmp_path):
    stopped_after(tmp_path / "f.h5", 0, 1)
    with pytest.raises(hf.ArgumentError, match=r"f\.part\.h5 is not whole, it holds 2 of 5 poses"):
        opened(tmp_path / "f.part.h5", resume=True)
    assert os.listdir(tmp_path) == ["f.part.h5"]


@pytest.mark.parametrize("torn", ["3", "3 did not con", "\u00b2\n"])
def test_a_torn_line_in_a_record_is_not_gone_on_in(tmp_path, torn):
    stopped_after(tmp_path / "f.msh", 0, 1)
    with open(tmp_path / "f.msh.run", "a", encoding="utf-8") as file:
        file.write(torn)
    with pytest.raises(ZeroDivisionError), opened(tmp_path / "f.msh", resume=True) as results:  # noqa: PT012
        assert results.done == 2
        results.write(batch(2))
        raise ZeroDivisionError
    with opened(tmp_path / "f.msh", resume=True) as results:
        assert results.done == 3
        results.write(batch(3, 4))
    assert len(list(tmp_path.glob("*.msh"))) == 5
    assert len(os.listdir(tmp_path)) == 10  # with options for Gmsh beside each


@pytest.mark.parametrize("ending", [".msh", ".vtu"])
@pytest.mark.parametrize("some", [False, True])
def test_a_run_whose_files_fit_is_not_refused_and_little_more_room_is_missed(
    tmp_path, monkeypatch, ending, some
):
    from abuse.trials import Writer

    writer = Writer(ending)
    field, n_elements = writer.batch(0), None
    if some:
        chosen = np.arange(500, dtype=np.int32)
        field = dataclasses.replace(field, elements=chosen, E=field.E[:, chosen], potential=None)
        n_elements = len(chosen)
    hf.Field.of_arrays(field).save(tmp_path / f"one{ending}")
    size = (tmp_path / f"one{ending}").stat().st_size

    class Usage:
        free = size

    monkeypatch.setattr("shutil.disk_usage", lambda _: Usage)
    with open_results(tmp_path / f"f{ending}", writer.mesh, n_elements, run(1)) as results:
        results.write(field)
    Usage.free = int(0.98 * size)
    with pytest.raises(hf.StorageError, match="more are needed"):
        open_results(tmp_path / f"g{ending}", writer.mesh, n_elements, run(1))
