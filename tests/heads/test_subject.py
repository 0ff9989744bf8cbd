# SPDX-License-Identifier: BSD-3-Clause
"""Subject folders: mesh, EEG positions, MNI maps and tensors of a made-up head, whole and damaged."""

import shutil

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

import headfield as hf
from headfield.errors import ConductivityError, FileFormatError, HeadfieldError, MeshError
from headfield.heads.warps import Warp, find_warps, read_warp

nibabel = pytest.importorskip("nibabel")

CAP = "EEG10-10_UI_Jurak_2007.csv"
LINEAR = Rotation.from_rotvec([0.25, -0.1, 0.15]).as_matrix() * [1.06, 0.95, 1.1]
SHIFT = np.array([3.0, -18.0, 9.0])
WAVE = 2 * np.pi / 110  # of the bend, rad per mm
BEND_MM = 2.5


def to_mni(points):
    """The head's map: affine and a bend."""
    return points @ LINEAR.T + SHIFT + BEND_MM * np.sin(WAVE * np.roll(points, 1, axis=-1))


def to_subject(points):
    """Its inverse, by iteration."""
    found = (points - SHIFT) @ np.linalg.inv(LINEAR).T
    for _ in range(60):
        found = found - (to_mni(found) - points) @ np.linalg.inv(LINEAR).T
    return found


def interpolation_error(step_mm):
    """Bound of the trilinear error: h²/8 times the second derivative of the bend, each time of one axis."""
    return np.sqrt(3) * (step_mm * WAVE) ** 2 / 8 * BEND_MM


T1_SHAPE, T1_MM = (44, 52, 48), 5.0
T1_AFFINE = np.eye(4)
T1_AFFINE[:3, :3] = Rotation.from_rotvec([0.1, 0.05, -0.08]).as_matrix() * T1_MM
T1_AFFINE[:3, 3] = -T1_AFFINE[:3, :3] @ (np.array(T1_SHAPE) / 2) + [0, 0, 4]
MNI_SHAPE, MNI_MM = (56, 66, 58), 4.5
MNI_AFFINE = np.diag([-MNI_MM, MNI_MM, MNI_MM, 1])
MNI_AFFINE[:3, 3] = [124, -158, -118]


def positions_of(shape, affine):
    return np.moveaxis(np.indices(shape), 0, -1) @ affine[:3, :3].T + affine[:3, 3]


def save(path, data, affine):
    nibabel.save(nibabel.Nifti1Image(np.asarray(data, np.float32), affine), path)


def tensor_image():
    """Fibres along y in the left half of the head, along x in the right, nothing in the outer voxels."""
    shape, affine = (34, 42, 38), np.diag([5.0, 5, 5, 1])
    affine[:3, 3] = [-82.5, -102.5, -92.5]
    data = np.zeros((*shape, 6))
    left = positions_of(shape, affine)[..., 0] < 0
    data[left] = np.array([0.4, 0, 0, 1.6, 0, 0.4]) * 1e-3
    data[~left] = np.array([1.6, 0, 0, 0.4, 0, 0.4]) * 1e-3
    data[[0, -1]] = 0
    return data, affine


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A complete subject folder m2m_anna; tests that change something copy it."""
    folder = tmp_path_factory.mktemp("subjects") / "m2m_anna"
    (folder / "eeg_positions").mkdir(parents=True)
    (folder / "toMNI").mkdir()
    hf.write_mesh(folder / "anna.msh", hf.phantom_head(edge_mm=8))
    cap = "Electrode,-46.5,-8,70,C3\nElectrode,-46.5,42,70,F3\nFiducial,0.5,94.25,-28,Nz\n"
    (folder / "eeg_positions" / CAP).write_text(cap)
    (folder / "eeg_positions" / "other.csv").write_text("Electrode,0,0,88,top\n")
    save(folder / "T1.nii.gz", np.zeros(T1_SHAPE), T1_AFFINE)
    save(folder / "toMNI/Conform2MNI_nonl.nii.gz", to_mni(positions_of(T1_SHAPE, T1_AFFINE)), T1_AFFINE)
    save(
        folder / "toMNI/MNI2Conform_nonl.nii.gz", to_subject(positions_of(MNI_SHAPE, MNI_AFFINE)), MNI_AFFINE
    )
    save(folder / "DTI_coregT1_tensor.nii.gz", *tensor_image())
    return folder


@pytest.fixture
def folder(whole, tmp_path):
    return shutil.copytree(whole, tmp_path / "m2m_anna")


# The folder


def test_a_subject_from_end_to_end(whole):
    subject = hf.Subject(whole)
    assert subject.name == "anna"
    assert subject.folder == whole
    assert subject.mesh_path == whole / "anna.msh"
    assert subject.tensor_path == whole / "DTI_coregT1_tensor.nii.gz"
    mesh = subject.mesh()
    assert mesh is subject.mesh()
    sigma = subject.conductivity("vn")
    brain = mesh.tags < 3
    sizes = np.prod(np.linalg.eigvalsh(sigma), axis=1) ** (1 / 3)
    np.testing.assert_allclose(sizes, subject.conductivity(), rtol=1e-7)
    left = brain & (mesh.barycentres_mm()[:, 0] < -5)
    np.testing.assert_allclose(sigma[left, 1, 1] / sigma[left, 0, 0], 4, rtol=1e-5)

    cap = subject.eeg_positions()
    coil = hf.figure_of_eight(spacing_mm=8)
    fields = []
    for conductivity in (subject.conductivity(), sigma):
        model = hf.HeadModel(mesh, conductivity, device="cpu", threads=1)
        pose = model.place(coil, centre_mm=cap["C3"], handle_mm=cap["F3"])
        fields.append(model.solve(coil, pose, 1e6, elements=brain).E[0])
    assert np.isfinite(fields[1]).all()
    assert 0.01 < hf.metrics.rdm(fields[1].ravel(), fields[0].ravel()) < 0.5  # another field, but not by much


@pytest.mark.parametrize("mode", ["vn", "dir", "mc"])
def test_conductivity_is_that_of_the_tensor_image(whole, mode):
    subject = hf.Subject(whole)
    data, affine = tensor_image()
    values = {1: 0.15}
    expected = hf.conductivity_tensors(
        subject.mesh(), (affine, data.astype(np.float32)), mode, values, max_ratio=3
    )
    np.testing.assert_allclose(subject.conductivity(mode, values, max_ratio=3), expected, rtol=1e-12)


def test_the_folder_above_will_do_if_it_holds_one_subject(whole, folder, monkeypatch):
    assert hf.Subject(folder.parent).folder == folder
    assert hf.Subject(str(folder) + "/").name == "anna"
    monkeypatch.chdir(folder)
    assert hf.Subject(".").name == "anna"
    (folder.parent / "m2m_bert").mkdir()
    with pytest.raises(FileFormatError, match="such folders in it: m2m_anna, m2m_bert"):
        hf.Subject(folder.parent)
    with pytest.raises(FileFormatError, match="is not a subject folder m2m_…; such folders in it: none"):
        hf.Subject(folder / "toMNI")
    with pytest.raises(FileFormatError, match=r"no folder .*m2m_bart"):
        hf.Subject(folder.parent / "m2m_bart")
    with pytest.raises(FileFormatError, match=r"no folder .*anna\.msh"):
        hf.Subject(folder / "anna.msh")


def test_which_mesh(folder):
    (folder / "anna.msh").rename(folder / "another.msh")
    assert hf.Subject(folder).mesh_path.name == "another.msh"
    (folder / "third.msh").touch()
    with pytest.raises(
        MeshError,
        match=r"no anna\.msh in .*m2m_anna, nor beside it .*; .msh files there: another\.msh, third",
    ):
        hf.Subject(folder).mesh()
    (folder / "another.msh").unlink()
    (folder / "third.msh").unlink()
    with pytest.raises(MeshError, match="files there: none"):
        hf.Subject(folder).mesh()


def test_an_empty_folder_says_what_it_lacks(tmp_path):
    (tmp_path / "m2m_x").mkdir()
    subject = hf.Subject(tmp_path)
    assert subject.eeg_caps == []
    assert subject.tensor_path is None
    for call, message in (
        (subject.mesh, r"no x\.msh in .*m2m_x"),
        (subject.eeg_positions, f"no cap '{CAP}' in .*eeg_positions; there: none"),
        (
            lambda: subject.conductivity("dir"),
            r"needs a diffusion tensor image: DTI_coregT1_tensor\.nii\.gz in .*m2m_x, or dti_results",
        ),
        (lambda: subject.mni_to_subject([0, 0, 0]), "no deformation to subject space in .*toMNI"),
        (lambda: subject.subject_to_mni([0, 0, 0]), "no deformation to MNI space in .*toMNI"),
    ):
        with pytest.raises(HeadfieldError, match=message):
            call()


def test_limits_without_tensors_and_other_modes_are_refused(whole):
    subject = hf.Subject(whole)
    with pytest.raises(ConductivityError, match="max_ratio: of no effect where mode is 'scalar'"):
        subject.conductivity(max_ratio=3)
    with pytest.raises(ConductivityError, match="mode = 'VN' is not one of"):
        subject.conductivity("VN")


def test_caps(whole, folder):
    subject = hf.Subject(folder)
    assert subject.eeg_caps == [CAP, "other.csv"]
    assert subject.eeg_positions().names == ("C3", "F3", "Nz")
    assert subject.eeg_positions("other.csv").names == subject.eeg_positions("other").names == ("top",)
    with pytest.raises(
        FileFormatError, match=rf"no cap '\.\./other' in .*eeg_positions; there: {CAP}, other\.csv"
    ):
        subject.eeg_positions("../other")
    (folder / "eeg_positions" / CAP).unlink()
    assert hf.Subject(folder).eeg_positions().names == ("top",)  # the only one
    (folder / "eeg_positions" / "more.csv").touch()
    with pytest.raises(FileFormatError, match=r"no cap .*Jurak.* there: more\.csv, other\.csv"):
        hf.Subject(folder).eeg_positions()


# MNI


def points_in_head(n=400):
    rng = np.random.default_rng(5)
    directions = rng.normal(size=(n, 3))
    return directions / np.linalg.norm(directions, axis=1)[:, None] * rng.uniform(0, 85, (n, 1))


def test_both_maps_are_the_analytic_ones_and_undo_each_other(whole):
    subject = hf.Subject(whole)
    head = points_in_head()
    mni = to_mni(head)
    one, other = subject.subject_to_mni(head), subject.mni_to_subject(mni)
    bound_mni, bound_subject = interpolation_error(T1_MM), 2 * interpolation_error(MNI_MM)
    assert bound_mni < 0.05
    assert np.linalg.norm(one - mni, axis=1).max() < bound_mni
    assert np.linalg.norm(other - head, axis=1).max() < bound_subject
    assert np.linalg.norm(subject.mni_to_subject(one) - head, axis=1).max() < 1.3 * bound_mni + bound_subject
    assert np.linalg.norm(mni - head, axis=1).min() > 1  # neither is near the identity


def test_the_error_of_a_map_falls_with_the_square_of_its_voxels():
    head = points_in_head()
    errors = []
    for step in (8.0, 4.0, 2.0):
        shape = (int(200 / step),) * 3
        affine = np.diag([step, step, step, 1])
        affine[:3, 3] = -99
        warp = Warp(affine, to_mni(positions_of(shape, affine)), "a volume")
        errors.append(np.sqrt(np.mean((warp.apply(head) - to_mni(head)) ** 2)))
    np.testing.assert_allclose(np.log2(np.divide(errors[:-1], errors[1:])), 2, atol=0.1)


def test_one_point_or_many(whole):
    subject = hf.Subject(whole)
    one = subject.mni_to_subject([-37, -21, 58])
    assert one.shape == (3,)
    np.testing.assert_array_equal(subject.mni_to_subject([[-37, -21, 58]] * 2), [one, one])
    assert subject.mni_to_subject(np.zeros((0, 3))).shape == (0, 3)
    for bad in ([1, 2], [[1, 2]], 3, np.zeros((2, 2, 3)), [np.nan, 0, 0], ["a", 0, 0]):
        with pytest.raises(HeadfieldError, match="points_mm"):
            subject.mni_to_subject(bad)


def test_points_outside_are_counted(whole):
    subject = hf.Subject(whole)
    with pytest.raises(
        HeadfieldError, match=r"2 of 3 points lie outside of .*MNI2Conform.*, first \[  0.,   0., 900"
    ):
        subject.mni_to_subject([[0, 0, 0], [0, 0, 900], [-900, 0, 0]])


def test_the_grid_tells_which_way_and_not_the_name(folder):
    head = points_in_head(50)
    right = hf.Subject(folder).subject_to_mni(head)
    one, other = folder / "toMNI/Conform2MNI_nonl.nii.gz", folder / "toMNI/MNI2Conform_nonl.nii.gz"
    one.rename(folder / "swap")
    other.rename(one)
    (folder / "swap").rename(other)
    np.testing.assert_array_equal(hf.Subject(folder).subject_to_mni(head), right)
    assert find_warps(folder) == (other, one)


def test_where_the_grids_do_not_tell_the_names_do_with_a_warning(folder):
    one, other = folder / "toMNI/Conform2MNI_nonl.nii.gz", folder / "toMNI/MNI2Conform_nonl.nii.gz"
    head = points_in_head(50)
    right = hf.Subject(folder).subject_to_mni(head)
    (folder / "T1.nii.gz").unlink()
    with pytest.warns(
        UserWarning, match=r"which way they map is taken from the names, as there is no T1\.nii\.gz"
    ):
        np.testing.assert_array_equal(hf.Subject(folder).subject_to_mni(head), right)
    shifted = T1_AFFINE.copy()
    shifted[0, 3] += 0.1
    save(folder / "T1.nii.gz", np.zeros(T1_SHAPE), shifted)
    with pytest.warns(UserWarning, match=r"none has the voxels of T1\.nii\.gz"):
        assert find_warps(folder) == (one, other)
    save(folder / "T1.nii.gz", np.zeros(T1_SHAPE), T1_AFFINE)
    shutil.copy(one, other)
    with pytest.warns(UserWarning, match=r"both have the voxels of T1\.nii\.gz"):
        assert find_warps(folder) == (one, other)


def test_one_map_alone(folder):
    one, other = folder / "toMNI/Conform2MNI_nonl.nii.gz", folder / "toMNI/MNI2Conform_nonl.nii.gz"
    content = one.read_bytes()
    one.unlink()
    assert find_warps(folder) == (None, other)
    hf.Subject(folder).mni_to_subject([0, 0, 0])
    with pytest.raises(FileFormatError, match=r"no deformation to MNI space in .*toMNI"):
        hf.Subject(folder).subject_to_mni([0, 0, 0])
    one.write_bytes(content)
    other.unlink()
    assert find_warps(folder) == (one, None)


def mni_volume():
    return to_subject(positions_of((20, 24, 22), MNI_AFFINE @ np.diag([2.5, 2.5, 2.5, 1.0])))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            lambda v, p: v - p,
            "not a map of coordinates in mm: along x, y, z its values change by .* displacements",
        ),
        (lambda v, p: v * [-1, -1, 1], "mirrored"),
        (lambda v, p: v * [-1, 1, 1], "mirrored"),
        (lambda v, p: v / 1000, "change by 0.000"),
        (lambda v, p: np.zeros_like(v), "100% of the middle of the volume is empty"),
        (lambda v, p: np.full_like(v, np.nan), "100% of the middle of the volume is empty"),
        (lambda v, p: v[..., :2], "a deformation is"),
        (lambda v, p: v[..., 0], "a deformation is"),
        (lambda v, p: v[:1], "a deformation is"),
    ],
)
def test_what_is_no_map_of_coordinates_is_refused(tmp_path, change, message):
    affine = MNI_AFFINE @ np.diag([2.5, 2.5, 2.5, 1.0])
    volume = mni_volume()
    save(tmp_path / "w.nii.gz", change(volume, positions_of(volume.shape[:3], affine)), affine)
    with pytest.raises(FileFormatError, match=message):
        read_warp(tmp_path / "w.nii.gz")


@pytest.mark.parametrize("nothing", [0, np.nan])
def test_empty_voxels_are_no_coordinates(tmp_path, nothing):
    affine = MNI_AFFINE @ np.diag([2.5, 2.5, 2.5, 1.0])
    volume = mni_volume()
    volume[:3] = nothing
    save(tmp_path / "w.nii.gz", volume[:, :, :, None], affine)  # (nx, ny, nz, 1, 3), as some write it
    warp = read_warp(tmp_path / "w.nii.gz")
    edge = affine[:3, :3] @ [3, 10, 10] + affine[:3, 3]
    np.testing.assert_allclose(warp.apply(edge), volume[3, 10, 10], rtol=1e-5)  # on the last voxel it has
    with pytest.raises(HeadfieldError, match="1 of 1 points lie outside"):
        warp.apply(edge + affine[:3, :3] @ [-0.1, 0, 0])


def test_the_identity_has_a_voxel_of_zeros(tmp_path):
    affine = np.diag([2.0, 2, 2, 1])
    affine[:3, 3] = -10
    save(tmp_path / "w.nii", positions_of((11, 11, 11), affine), affine)
    np.testing.assert_allclose(
        read_warp(tmp_path / "w.nii").apply([0.5, -0.5, 0]), [0.5, -0.5, 0], atol=1e-12
    )
