# SPDX-License-Identifier: BSD-3-Clause
"""Real-time bases in files: the same bits after reading, and nothing is read for another head."""

import numpy as np
import pytest
from given import bases

import headfield as hf


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    path = tmp_path_factory.mktemp("bases") / "knob.npz"
    hf.write_realtime(path, bases.small())
    return path


def test_frames_of_a_file_have_the_same_bits(path):
    coil = hf.figure_of_eight()
    read = hf.read_realtime(path, bases.model())
    first, again = (rt.field(coil, bases.poses(coil), 50e6) for rt in (bases.small(), read))
    np.testing.assert_array_equal(again.E, first.E)
    np.testing.assert_array_equal(again.report.basis_error, first.report.basis_error)
    assert repr(read) == repr(bases.small())


def test_points_and_potentials_are_kept(tmp_path):
    made = bases.basis_of_points()
    hf.write_realtime(tmp_path / "a.npz", made)
    read = hf.read_realtime(tmp_path / "a.npz", bases.model())
    np.testing.assert_array_equal(read.region.normals, made.region.normals)
    coil = hf.figure_of_eight()
    fields = [bases.model().solve(coil, bases.poses(coil)[0], basis=rt) for rt in (made, read)]
    np.testing.assert_array_equal(fields[0].E, fields[1].E)


def test_another_head_is_refused(path):
    mesh = bases.model().mesh
    moved = hf.TetMesh(mesh.nodes_mm + 1.0, mesh.tets, mesh.tags)
    with pytest.raises(hf.MeshError, match="another head"):
        hf.read_realtime(path, hf.HeadModel(moved, device="cpu", primary="edges"))
    with pytest.raises(hf.MeshError, match="other conductivities"):
        hf.read_realtime(path, hf.HeadModel(mesh, {2: 0.3}, device="cpu", primary="edges"))
    with pytest.raises(hf.ArgumentError, match="primary"):
        hf.read_realtime(path, hf.HeadModel(mesh, device="cpu"))


def test_damaged_files_are_refused(path, tmp_path):
    whole = path.read_bytes()
    rng = np.random.default_rng(0)
    for k in range(12):
        cut = bytearray(whole[: rng.integers(1, len(whole))] if k % 2 else whole)
        cut[rng.integers(0, len(cut))] ^= 0xFF
        (tmp_path / "cut.npz").write_bytes(cut)
        with pytest.raises((hf.FileFormatError, hf.MeshError)):
            hf.read_realtime(tmp_path / "cut.npz", bases.model())


@pytest.mark.parametrize("name", ["project", "gram", "probe_rows", "inner_mm", "values", "dipoles_0_values"])
def test_arrays_that_do_not_belong_together_are_refused(path, tmp_path, name):
    with np.load(path) as file:
        arrays = dict(file)
    for changed in (arrays[name][:-1], arrays[name].astype(np.int8), arrays[name][0]):
        np.savez(tmp_path / "odd.npz", **{**arrays, name: changed})
        with pytest.raises(hf.FileFormatError):
            hf.read_realtime(tmp_path / "odd.npz", bases.model())


def test_other_archives_are_refused(tmp_path):
    np.savez(tmp_path / "other.npz", nodes=np.eye(3))
    with pytest.raises(hf.FileFormatError, match="not a real-time basis"):
        hf.read_realtime(tmp_path / "other.npz", bases.model())


def test_writing_checks_what_it_is_given(tmp_path):
    with pytest.raises(hf.ArgumentError, match="npz"):
        hf.write_realtime(tmp_path / "a.h5", bases.small())
    with pytest.raises(hf.ArgumentError, match="RealTime"):
        hf.write_realtime(tmp_path / "a.npz", bases.model())
