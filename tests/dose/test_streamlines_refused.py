# SPDX-License-Identifier: BSD-3-Clause
"""Streamlines that look right: files cut between two, points that almost repeat, lines that turn back."""

import warnings

import numpy as np
import pytest

from headfield import dose
from headfield.errors import DoseError, FileFormatError

nibabel = pytest.importorskip("nibabel")

LINES = [np.array([[i, 0, 40], [i, 1, 41], [i, 2, 43]], np.float32) for i in range(50)]


@pytest.fixture
def trk(tmp_path):
    path = tmp_path / "a.trk"
    nibabel.streamlines.save(nibabel.streamlines.Tractogram(LINES, affine_to_rasmm=np.eye(4)), str(path))
    return path


def test_a_trk_that_was_cut_between_streamlines(trk):
    content = trk.read_bytes()
    assert len(content) == 1000 + 50 * (4 + 36)
    trk.write_bytes(content[: 1000 + 25 * 40])
    with pytest.raises(
        FileFormatError, match=r"a\.trk: damaged: its header says 50 streamlines, and there are 25"
    ):
        dose.read_streamlines(trk)
    parts = dose.iter_streamlines(trk, most_points=30)
    assert [len(next(parts)) for _ in range(2)] == [10, 10]
    with pytest.raises(FileFormatError, match="says 50"):
        list(parts)


def test_a_trk_that_does_not_say_how_many(trk):
    content = bytearray(trk.read_bytes())
    content[988:992] = bytes(4)
    trk.write_bytes(content[: 1000 + 25 * 40])
    assert len(dose.read_streamlines(trk)) == 25


def test_points_that_almost_repeat():
    for step, words in ((1e-12, "point 1 of streamline 0 repeats the one before"), (9e-4, "repeats")):
        with pytest.raises(DoseError, match=words):
            dose.Streamlines.of([[[0, 0, 0], [0, 0, step], [0, 0, 1]]])
    G = np.diag([1.0, -2.0, 1.0])
    lines = dose.Streamlines.of([[[0, 0, 0], [0, 0, 1.1e-3], [0, 0, 1]]])
    found = dose.activating_function(lines.points_mm @ G, lines).activating
    np.testing.assert_allclose(found, 1000.0, rtol=1e-4)


def test_a_file_with_points_that_almost_repeat(tmp_path):
    """Those within a micrometre of the last one that was kept are left out: not all of a finely cut line."""
    fine = np.zeros((11, 3), np.float32)
    fine[:, 2] = 4e-4 * np.arange(11)
    path = tmp_path / "a.tck"
    tractogram = nibabel.streamlines.Tractogram([LINES[0], fine, fine[:2]], affine_to_rasmm=np.eye(4))
    nibabel.streamlines.save(tractogram, str(path))
    found = dose.read_streamlines(path)
    assert (found.numbers.tolist(), found.left_out) == ([0, 1], 1)
    np.testing.assert_allclose(found.points_mm[3:, 2], [0, 1.2e-3, 2.4e-3, 3.6e-3], rtol=1e-6)


def test_a_line_that_turns_back_on_itself():
    lines = dose.Streamlines.of([[[0, 0, 0], [0.1, 0.3, 0.7], [0, 0, 0], [0, 0, 3]], [[9, 0, 0], [9, 0, 1]]])
    E = np.tile([0.0, 0.0, 5.0], (6, 1))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = dose.activating_function(E, lines)
    assert np.isnan(found.along[0]).tolist() == [False, True, False, False, False, False]
    assert found.n_outside == 1


@pytest.mark.parametrize("given", [None, 3, [None], [[1, 2, 3]], "line", [[[1, 2, 3], [1, 2]]]])
def test_what_is_no_list_of_polylines(given):
    with pytest.raises(DoseError, match="streamline"):
        dose.Streamlines.of(given)


def test_ragged_e():
    lines = dose.Streamlines.of([LINES[0]])
    with pytest.raises(DoseError, match="E: not an array"):
        dose.activating_function([[1, 2, 3], [1, 2], [1, 2, 3]], lines)
    with pytest.raises(DoseError, match="E: not an array"):
        dose.activation([[1, 2, 3], [1, 2]], 50.0, rule="magnitude")
