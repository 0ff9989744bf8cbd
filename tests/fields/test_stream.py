# SPDX-License-Identifier: BSD-3-Clause
"""Files that results are added to while they are solved: what an error leaves of them."""

import os

import h5py
import numpy as np
import pytest

import headfield as hf
from headfield.fields.stream import open_results

MESH = hf.TetMesh([[0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1]], [[0, 1, 2, 3]], tags=[5])


def open_files():
    """Files that this process has open, by HDF5's own count and the system's."""
    return h5py.h5f.get_obj_count(h5py.h5f.OBJ_ALL, h5py.h5f.OBJ_FILE), len(os.listdir("/proc/self/fd"))


@pytest.mark.parametrize("failing", ["mesh/nodes_mm", "elements/magnE", "converged"])
@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), KeyboardInterrupt()], ids=repr)
def test_a_file_that_can_not_be_created_is_closed_and_gone(tmp_path, monkeypatch, failing, error):
    create = h5py.Group.create_dataset

    def full(group, name, *args, **options):
        if name == failing:
            raise error
        return create(group, name, *args, **options)

    before = open_files()
    with monkeypatch.context() as patch:
        patch.setattr(h5py.Group, "create_dataset", full)
        with pytest.raises(type(error)) as caught:
            open_results(tmp_path / "f.h5", MESH, 3)
    assert caught.value is error  # it holds the frames, and what is open in them, while files are counted
    assert open_files() == before
    assert os.listdir(tmp_path) == []
    with pytest.raises(hf.HeadfieldError, match="0 of 3 poses"), open_results(tmp_path / "f.h5", MESH, 3):
        pass


def test_a_file_of_chosen_tetrahedra_is_closed_when_no_pose_comes(tmp_path):
    before = open_files()
    with pytest.raises(ZeroDivisionError), open_results(tmp_path / "f.h5", MESH, 3, np.array([0], np.int32)):
        raise ZeroDivisionError
    assert open_files() == before
    assert os.listdir(tmp_path) == []
