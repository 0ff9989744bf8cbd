# SPDX-License-Identifier: BSD-3-Clause
"""Folders of SimNIBS 3 and 4: where head, tensors and surfaces lie, and the points that a subject names."""

import shutil

import numpy as np
import pytest

import headfield as hf
from headfield.commands import main as cli
from headfield.errors import ArgumentError, FileFormatError
from headfield.heads.layout import SIMNIBS_3, SIMNIBS_4

CAP = "Electrode,-46,-8,70,C3\nElectrode,-46,42,70,F3\nFiducial,0,94,-28,Nz\n"


@pytest.fixture(scope="module")
def msh(tmp_path_factory):
    path = tmp_path_factory.mktemp("head") / "x.msh"
    hf.write_mesh(path, hf.sphere_mesh(radii_mm=[70, 80, 92], tags=[2, 3, 5], edge_mm=18))
    return path


@pytest.fixture
def above(tmp_path):
    """The folder that holds m2m_anna, with a cap and no head."""
    (tmp_path / "m2m_anna" / "eeg_positions").mkdir(parents=True)
    (tmp_path / "m2m_anna" / "eeg_positions" / "EEG10-10_UI_Jurak_2007.csv").write_text(CAP)
    return tmp_path


def put(path):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()
    return path


def test_simnibs_3_has_the_head_beside_the_folder(above, msh, capsys, monkeypatch):
    shutil.copy(msh, above / "anna.msh")
    subject = hf.Subject(above / "m2m_anna")
    assert (subject.mesh_path, subject.layout) == (above / "anna.msh", SIMNIBS_3)
    assert subject.mesh().n_tets > 1000
    assert subject.eeg_positions()["C3"].tolist() == [-46, -8, 70]
    monkeypatch.chdir(above)
    for name in ("m2m_anna", "."):
        assert cli.main(["info", name]) == 0
        out = capsys.readouterr().out
        assert "layout        SimNIBS 3: head mesh beside the folder" in out
        assert f"head          {above / 'anna.msh'}" in out


def test_a_head_in_the_folder_comes_first_and_one_of_another_name_last(above):
    folder = above / "m2m_anna"
    other = put(folder / "other.msh")
    assert (hf.Subject(folder).mesh_path, hf.Subject(folder).layout) == (other, SIMNIBS_4)
    beside = put(above / "anna.msh")
    assert (hf.Subject(folder).mesh_path, hf.Subject(folder).layout) == (beside, SIMNIBS_3)
    inside = put(folder / "anna.msh")
    assert (hf.Subject(folder).mesh_path, hf.Subject(folder).layout) == (inside, SIMNIBS_4)


def test_tensors_in_either_place(above):
    folder = above / "m2m_anna"
    assert hf.Subject(folder).tensor_path is None
    for path in (
        above / "d2c_anna" / "DTI_coregT1_tensor.nii.gz",
        folder / "d2c_anna" / "dti_results_T1space" / "DTI_conf_tensor.nii",
        above / "d2c_anna" / "dti_results_T1space" / "DTI_conf_tensor.nii.gz",
        folder / "DTI_coregT1_tensor.nii.gz",
    ):  # each comes before those that are there already
        put(path)
        assert hf.Subject(folder).tensor_path == path
    put(above / "d2c_bert" / "dti_results_T1space" / "DTI_conf_tensor.nii.gz")
    for path in above.rglob("*anna*/**/DTI*"):
        path.unlink()
    assert hf.Subject(folder).tensor_path is None  # of another subject


def test_tensors_beside_the_folder_are_used(above, msh):
    nibabel = pytest.importorskip("nibabel")
    shutil.copy(msh, above / "anna.msh")
    path = above / "d2c_anna" / "dti_results_T1space" / "DTI_conf_tensor.nii.gz"
    path.parent.mkdir(parents=True)
    affine = np.diag([10.0, 10, 10, 1])
    affine[:3, 3] = -100
    tensor = np.broadcast_to(np.float32([1.6e-3, 0, 0, 4e-4, 0, 4e-4]), (21, 21, 21, 6))
    nibabel.save(nibabel.Nifti1Image(tensor, affine), path)
    subject = hf.Subject(above)
    sigma = subject.conductivity("vn", tissues=[2])
    gray = subject.mesh().tags == 2
    np.testing.assert_allclose(sigma[gray, 0, 0] / sigma[gray, 1, 1], 4, rtol=1e-5)


def test_surfaces_by_one_name_in_all_layouts(above):
    folder = above / "m2m_anna"
    files = {
        "lh.central": "surfaces/lh.central.gii",
        "rh.sphere.reg": "surfaces/rh.sphere.reg.gii",
        "lh.central.10000": "surfaces/lh.central.10000.gii",
        "rh.central.5000": "surfaces/5000/rh.central.gii",
        "rh.pial": "segment/cat/surf/rh.pial.T1fs_conform.gii",
    }
    paths = {name: put(folder / file) for name, file in files.items()}
    put(folder / "surfaces" / "lh.thickness")
    put(folder / "segment" / "cat" / "surf" / "lh.central.T1fs_conform.gii")  # surfaces/ comes first
    assert hf.Subject(folder).surface_paths == paths


def test_points_by_name_by_numbers_and_from_mni(above):
    subject = hf.Subject(above)
    assert subject.point("C3").tolist() == subject.point(" C3 ").tolist() == [-46, -8, 70]
    assert subject.point("-1.5, 2,3e1").tolist() == [-1.5, 2, 30]
    for text, message in (
        ("C33", r"no position named 'C33', did you mean 'C3"),
        ("1,2", r"'1,2' is not x,y,z in mm, mni:x,y,z, or the name"),
        ("1,2,nan", "is not x,y,z"),
        ("mni:C3", "is not x,y,z"),
    ):
        with pytest.raises(ArgumentError, match=message):
            subject.point(text)
    with pytest.raises(FileFormatError, match="no cap 'mine'"):
        subject.point("C3", cap="mine")
    with pytest.raises(FileFormatError, match="no deformation to subject space"):
        subject.point("mni:-37,-21,58")


def save_warp(folder, shift):
    """MNI coordinates are those of the head, shifted."""
    nibabel = pytest.importorskip("nibabel")
    affine = np.diag([20.0, 20, 20, 1])
    affine[:3, 3] = -120
    head = np.moveaxis(np.indices((13, 13, 13)), 0, -1) * 20.0 - 120
    (folder / "toMNI").mkdir()
    nibabel.save(nibabel.Nifti1Image(np.zeros((13, 13, 13), np.float32), affine), folder / "T1.nii.gz")
    for name, way, move in (("Conform2MNI", shift, 0), ("MNI2Conform", [-s for s in shift], 1)):
        moved = affine.copy()
        moved[:3, 3] += move  # another grid than that of the T1 image
        image = nibabel.Nifti1Image((head + move + way).astype(np.float32), moved)
        nibabel.save(image, folder / "toMNI" / f"{name}_nonl.nii.gz")


def test_coils_are_placed_through_names_and_mni(above, msh):
    shutil.copy(msh, above / "anna.msh")
    save_warp(above / "m2m_anna", [3.0, -2.0, 5.0])
    subject, coil = hf.Subject(above), hf.figure_of_eight(spacing_mm=8)
    np.testing.assert_allclose(subject.point("mni:-43,-10,75"), [-46, -8, 70], atol=1e-4)
    plain = hf.place(subject.mesh(), [-46, -8, 70], [-46, 42, 70], 5, casing=coil)
    np.testing.assert_array_equal(hf.place(subject, "C3", "F3", 5, casing=coil), plain)
    np.testing.assert_array_equal(hf.place(subject, "C3", [-46, 42, 70], 5, casing=coil), plain)
    np.testing.assert_allclose(hf.place(subject, "mni:-43,-10,75", "F3", 5, casing=coil), plain, atol=1e-5)
    grid = hf.scalp_grid(subject, "C3", "F3", 0, angles_deg=[0], distance_mm=5)
    np.testing.assert_allclose(grid.poses[0], plain, atol=1e-12)
    with pytest.raises(hf.PoseError, match="handle_mm = 'F3' is a name: it needs a Subject"):
        hf.place(subject.mesh(), [-46, -8, 70], "F3")
    with pytest.raises(ArgumentError, match="no position named 'Q3'"):
        hf.place(subject, "Q3", "F3")


def test_the_image_of_simnibs_3_tells_which_way_the_maps_go(above, recwarn):
    folder = above / "m2m_anna"
    save_warp(folder, [3.0, -2.0, 5.0])
    (folder / "T1.nii.gz").rename(above / "anna_T1fs_conform.nii.gz")
    np.testing.assert_allclose(hf.Subject(folder).subject_to_mni([0, 0, 0]), [3, -2, 5], atol=1e-4)
    assert not recwarn.list
