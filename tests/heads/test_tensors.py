# SPDX-License-Identifier: BSD-3-Clause
"""Conductivity tensors from diffusion tensor images: frames, modes, limits, what is missing."""

import functools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

import headfield as hf
from headfield.errors import ConductivityError, HeadfieldError
from headfield.heads.conductivity import resolve
from headfield.heads.tensors import conductivity_tensors

ROW, COLUMN = [0, 0, 0, 1, 1, 2], [0, 1, 2, 1, 2, 2]
SHAPE = (16, 17, 18)
OBLIQUE = Rotation.from_rotvec([1.0, 0.2, -0.4]).as_matrix()
RANDOM = Rotation.from_rotvec([0.3, -0.5, 0.7]).as_matrix()


@functools.cache
def head():
    """White, gray and other matter: a ball of 70 mm."""
    return hf.sphere_mesh(radii_mm=[40, 60, 70], tags=[1, 2, 5], edge_mm=12)


def brain():
    return np.flatnonzero(head().tags < 5)


def grid(turn=RANDOM, voxel_mm=(10.0, 10.5, 9.5), shape=SHAPE, mirrored=False):
    """Affine of a volume around the ball."""
    affine = np.eye(4)
    affine[:3, :3] = turn * np.array(voxel_mm)
    if mirrored:
        affine[:3, 0] *= -1
    affine[:3, 3] = -affine[:3, :3] @ ((np.array(shape) - 1) / 2)
    return affine


def to_file(tensors, affine):
    """Components as FSL has them: along the voxel axes, the first one reversed if the affine is RAS-like."""
    axes = affine[:3, :3] / np.linalg.norm(affine[:3, :3], axis=0)
    if np.linalg.det(axes) > 0:
        axes = axes * [-1, 1, 1]
    return (np.linalg.inv(axes) @ tensors @ np.linalg.inv(axes).T)[..., ROW, COLUMN]


def constant(tensor, affine, shape=SHAPE):
    return np.broadcast_to(to_file(np.asarray(tensor, float), affine), (*shape, 6)).copy()


def matrix(eigenvalues, turn=OBLIQUE):
    return turn * np.asarray(eigenvalues, float) @ turn.T


def field(seed, affine, shape=SHAPE):
    """A rough field of positive-definite tensors, as components."""
    a = np.random.default_rng(seed).normal(size=(*shape, 3, 3))
    return to_file(a @ a.swapaxes(-1, -2) + 0.2 * np.eye(3), affine)


def geometric_mean(tensors):
    return np.prod(np.linalg.eigvalsh(tensors), axis=-1) ** (1 / 3)


# Frames


@pytest.mark.parametrize("mirrored", [False, True])
@pytest.mark.parametrize("turn", [np.eye(3), RANDOM])
def test_a_constant_field_is_found_in_the_frame_of_the_head(turn, mirrored):
    affine = grid(turn, mirrored=mirrored)
    diffusion = matrix([1.7e-3, 0.4e-3, 0.3e-3])
    sigma = conductivity_tensors(head(), (affine, constant(diffusion, affine)), "vn")
    unit = diffusion / np.linalg.det(diffusion) ** (1 / 3)
    isotropic = resolve(None, head().tags)
    np.testing.assert_allclose(sigma[brain()], isotropic[brain(), None, None] * unit, rtol=1e-12, atol=1e-14)
    others = head().tags == 5
    np.testing.assert_array_equal(sigma[others], np.tile(0.465 * np.eye(3), (others.sum(), 1, 1)))


def test_components_that_differ_along_the_axes_by_hand():
    """A fibre along (1, 1, 0) of the head.

    In an image stored R to L the first voxel axis points to −x, so the fibre has (−1, 1, 0) and xy is
    negative; FSL's x is the same in an image stored L to R.
    """
    data = np.broadcast_to([1.0, -0.9, 0, 1.0, 0, 0.5], (*SHAPE, 6))
    for mirrored in (False, True):
        sigma = conductivity_tensors(head(), (grid(np.eye(3), mirrored=mirrored), data))
        vectors = np.linalg.eigh(sigma[brain()])[1][:, :, 2]
        np.testing.assert_allclose(np.abs(vectors @ [1, 1, 0]), np.sqrt(2), rtol=1e-12)


@pytest.mark.parametrize("mode", ["vn", "dir", "mc"])
def test_the_order_of_storage_does_not_matter(mode):
    """FSL keeps its vectors as they are where an image is stored the other way along x."""
    affine = grid()
    data = field(3, affine)
    reverse = np.diag([-1.0, 1, 1, 1])
    reverse[0, 3] = SHAPE[0] - 1
    one = conductivity_tensors(head(), (affine, data), mode)
    other = conductivity_tensors(head(), (affine @ reverse, data[::-1]), mode)
    np.testing.assert_allclose(one, other, rtol=1e-9, atol=1e-12)
    assert not np.allclose(one, conductivity_tensors(head(), (affine, data[::-1]), mode))


@pytest.mark.parametrize("mode", ["vn", "dir", "mc"])
@settings(max_examples=10, deadline=None)
@given(vector=st.tuples(*[st.floats(-3, 3)] * 3))
def test_a_turned_head_has_turned_tensors(mode, vector):
    turn = Rotation.from_rotvec(vector).as_matrix()
    affine = grid()
    data = field(4, affine)
    move = np.eye(4)
    move[:3, :3], move[:3, 3] = turn, [5, -30, 12]
    mesh = hf.TetMesh(head().nodes_mm @ turn.T + move[:3, 3], head().tets, head().tags)
    sigma = conductivity_tensors(head(), (affine, data), mode)
    turned = conductivity_tensors(mesh, (move @ affine, data), mode)
    np.testing.assert_allclose(turned, turn @ sigma @ turn.T, rtol=1e-7, atol=1e-10)


def test_between_voxels_components_run_linearly():
    """A field that is linear in space is met exactly at the barycentres."""
    affine = grid()
    base, slope = matrix([3.0, 2.0, 2.5]), matrix([0.004, -0.005, 0.003], RANDOM)
    voxels = np.moveaxis(np.indices(SHAPE), 0, -1)
    y = (voxels @ affine[:3, :3].T + affine[:3, 3])[..., 1]
    data = to_file(base + y[..., None, None] * slope, affine)
    sigma = conductivity_tensors(head(), (affine, data), "vn")[brain()]
    expected = base + head().barycentres_mm()[brain(), 1, None, None] * slope
    expected *= (resolve(None, head().tags)[brain()] / geometric_mean(expected))[:, None, None]
    np.testing.assert_allclose(sigma, expected, rtol=1e-9, atol=1e-12)


# Modes


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), power=st.integers(-9, 3))
def test_volume_normalised_tensors_have_the_geometric_mean_of_their_tissue(seed, power):
    affine = grid()
    values = {1: 0.15, 2: 0.3}
    sigma = conductivity_tensors(head(), (affine, 10.0**power * field(seed, affine)), "vn", values)
    np.testing.assert_allclose(geometric_mean(sigma), resolve(values, head().tags), rtol=1e-10)
    eigenvalues = np.linalg.eigvalsh(sigma)
    assert (eigenvalues[:, 2] <= 10 * (1 + 1e-9) * eigenvalues[:, 0]).all()
    np.testing.assert_array_equal(resolve(sigma, head().tags).shape, sigma.shape)


@pytest.mark.parametrize("mode", ["vn", "dir", "mc"])
def test_isotropic_diffusion_is_the_scalar_model(mode):
    affine = grid()
    image = affine, constant(7e-4 * np.eye(3), affine)
    isotropic = resolve(None, head().tags)
    if mode == "vn":
        sigma = conductivity_tensors(head(), image, mode)
        np.testing.assert_allclose(sigma, isotropic[:, None, None] * np.eye(3), rtol=1e-12, atol=1e-15)
    for tag in (1, 2):  # with one tissue, the scale meets its value
        sigma = conductivity_tensors(head(), image, mode, tissues=[tag])
        np.testing.assert_allclose(sigma, isotropic[:, None, None] * np.eye(3), rtol=1e-12, atol=1e-15)


def test_direct_tensors_have_one_scale():
    """s = Σ d σ / Σ d², d³ the mean of the determinant over the volume of a tissue, summed here anew."""
    affine = grid()
    data = field(8, affine)
    sigma = conductivity_tensors(head(), (affine, data), "dir", max_ratio=1e6, max_conductivity=1e6)
    vn = conductivity_tensors(head(), (affine, data), "vn", 1.0, max_ratio=1e6)
    ratio = sigma[brain()] / vn[brain()]  # s det(D)^⅓ in every entry
    sizes = ratio[:, 0, 0]
    np.testing.assert_allclose(ratio, np.broadcast_to(sizes[:, None, None], ratio.shape), rtol=1e-7)
    above = below = 0.0
    volumes, tags = head().volumes_mm3()[brain()], head().tags[brain()]
    for tag, value in ((1, 0.126), (2, 0.275)):
        d = np.average(sizes[tags == tag] ** 3, weights=volumes[tags == tag]) ** (1 / 3)
        above += d * value
        below += d * d
    assert above / below == pytest.approx(1, rel=1e-9)
    # s itself, from an image of one tensor
    tensor = matrix([4.0, 1.0, 2.0])
    direct = conductivity_tensors(head(), (affine, constant(tensor, affine)), "dir")
    np.testing.assert_allclose(direct[brain()], np.tile((0.126 + 0.275) / 4 * tensor, (len(brain()), 1, 1)))


def test_mean_conductivity_is_the_direct_one_made_isotropic():
    affine = grid()
    image = affine, field(9, affine)
    direct = conductivity_tensors(head(), image, "dir")
    mean = conductivity_tensors(head(), image, "mc")
    np.testing.assert_allclose(mean, geometric_mean(direct)[:, None, None] * np.eye(3), rtol=1e-9, atol=1e-15)
    assert np.ptp(mean[head().tags == 1, 0, 0]) > 0.05


# Limits


def test_small_eigenvalues_are_raised():
    affine = grid()
    image = affine, constant(matrix([8.0, 1.0, 1e-3]), affine)
    sigma = conductivity_tensors(head(), image, "dir")[brain()]
    expected = matrix([8.0, 1.0, 0.8])
    np.testing.assert_allclose(sigma / sigma[0, 0, 0], np.tile(expected / expected[0, 0], (len(sigma), 1, 1)))
    sigma = conductivity_tensors(head(), image, "vn", max_ratio=1)
    np.testing.assert_allclose(sigma, resolve(None, head().tags)[:, None, None] * np.eye(3), atol=1e-14)


def test_large_conductivities_are_lowered_as_a_whole():
    affine = grid()
    data = field(5, affine)
    data[:8] *= 30
    free = conductivity_tensors(head(), (affine, data), "dir", max_conductivity=1e3)
    capped = conductivity_tensors(head(), (affine, data), "dir", max_conductivity=0.25)
    above = (geometric_mean(free) > 0.25) & (head().tags < 5)
    assert 0.1 < above[brain()].mean() < 0.9
    np.testing.assert_allclose(geometric_mean(capped[above]), 0.25)
    np.testing.assert_allclose(np.linalg.eigh(capped[above])[1], np.linalg.eigh(free[above])[1], atol=1e-6)
    np.testing.assert_array_equal(capped[~above], free[~above])


# Missing


@pytest.mark.parametrize("nothing", [0.0, np.nan, np.inf])
def test_missing_and_negative_tensors_get_the_isotropic_value_and_are_counted(nothing):
    affine = grid(np.eye(3), (10, 10, 10))
    data = constant(matrix([3.0, 1, 1]), affine)
    x = affine[0, 0] * np.arange(SHAPE[0]) + affine[0, 3]
    data[x < -30] = nothing
    data[x > 30] = [1, 0, 0, 1, 0, -1]
    centres = head().barycentres_mm()[:, 0]
    missing = (centres < -30) & (head().tags < 5)  # half way between the voxels at −35 and −25
    good = (centres > -30) & (centres < 25) & (head().tags < 5)
    expected = conductivity_tensors(head(), (affine, constant(matrix([3.0, 1, 1]), affine)))
    message = rf"no tensor for \d+ of {len(brain())} tetrahedra \(\d+\.\d+%\), which get the isotropic .*: "
    message += (
        rf"{missing.sum()} lie where the image has none, [1-9]\d* have one that is not positive-definite"
    )
    with pytest.warns(UserWarning, match=message):
        sigma = conductivity_tensors(head(), (affine, data))
    np.testing.assert_allclose(sigma[good], expected[good], rtol=1e-12)  # voxels without take no part
    isotropic = resolve(None, head().tags)[:, None, None] * np.eye(3)
    replaced = missing | ((centres > 36) & (head().tags < 5))
    np.testing.assert_array_equal(sigma[replaced], isotropic[replaced])
    resolve(sigma, head().tags)


def test_tetrahedra_outside_of_the_image_have_no_tensor():
    affine = grid(np.eye(3), (10, 10, 10))
    affine[0, 3] = -10.0  # the image begins at x = −10 mm
    centres = head().barycentres_mm()[:, 0]
    outside = ((centres < -10) & (head().tags < 5)).sum()
    with pytest.warns(
        UserWarning, match=f"tensor for {outside} of .* {outside} lie where the image has none, 0"
    ):
        conductivity_tensors(head(), (affine, constant(matrix([3.0, 1, 1]), affine)))


def test_an_image_that_misses_the_head_is_refused():
    affine = grid()
    data = constant(matrix([3.0, 1, 1]), affine)
    elsewhere = affine.copy()
    elsewhere[0, 3] += 1e3
    for image in ((affine, 0 * data), (affine, -data), (elsewhere, data)):
        with pytest.raises(
            ConductivityError, match=r"no tensor for any of .* Are image and mesh in one frame"
        ):
            conductivity_tensors(head(), image)


# Refusals


def image_of(shape):
    return grid(), np.ones(shape)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"mode": "scalar"}, "mode = 'scalar' is not one of vn, dir, mc"),
        ({"max_ratio": 0.5}, "max_ratio = 0.5 must be 1 or more"),
        ({"max_ratio": np.nan}, "max_ratio = nan must be a finite number"),
        ({"max_conductivity": 0}, "max_conductivity = 0 must be above 0"),
        ({"tissues": [7]}, r"no tetrahedron has one of the tags \[7\]"),
        ({"tissues": [1.5]}, "whole numbers"),
        ({"conductivity": np.ones((3, 3))}, "must have the shape"),
        ({"conductivity": {2: -1.0}}, "tag 2"),
        ({"image": image_of((4, 4, 4, 3))}, "eigenvectors and eigenvalues are not read"),
        ({"image": ("V1.nii.gz", "L1.nii.gz")}, "eigenvectors and eigenvalues are not read"),
        ({"image": image_of((4, 4, 4, 1, 6))}, r"shape is \(4, 4, 4, 1, 6\), a tensor image is"),
        ({"image": image_of((4, 4, 6))}, "a tensor image is"),
        ({"image": image_of((4, 1, 4, 6))}, "a tensor image is"),
        ({"image": (np.eye(3), np.ones((4, 4, 4, 6)))}, "affine must be"),
        ({"image": (np.zeros((4, 4)), np.ones((4, 4, 4, 6)))}, "affine must be"),
        ({"image": (np.eye(4), np.full((4, 4, 4, 6), 1j))}, "not real numbers"),
        ({"image": 7}, "one path or"),
        ({"mesh": "head.msh"}, "mesh must be a TetMesh"),
    ],
)
def test_bad_arguments_are_refused(arguments, message):
    affine = grid()
    good = {"mesh": head(), "image": (affine, constant(matrix([3.0, 1, 1]), affine))}
    with pytest.raises(ConductivityError, match=message):
        conductivity_tensors(**(good | arguments))


def test_sheared_voxels_are_refused_and_rounding_is_not():
    affine = grid()
    data = constant(matrix([3.0, 1, 1]), affine)
    rounded = affine.astype(np.float32).astype(float)
    np.testing.assert_allclose(
        conductivity_tensors(head(), (rounded, data)), conductivity_tensors(head(), (affine, data)), atol=1e-6
    )
    affine[:3, 1] += 0.05 * affine[:3, 0]
    with pytest.raises(ConductivityError, match=r"2\.7° off right angles"):
        conductivity_tensors(head(), (affine, data))


def test_tags_that_no_tetrahedron_has_are_said():
    affine = grid()
    image = affine, constant(matrix([3.0, 1, 1]), affine)
    with pytest.warns(UserWarning, match=r"no tetrahedron has the tags \[9\] of tissues"):
        sigma = conductivity_tensors(head(), image, tissues=(1, 2, 9))
    np.testing.assert_array_equal(sigma, conductivity_tensors(head(), image))


def test_a_file_gives_what_its_numbers_give(tmp_path):
    nibabel = pytest.importorskip("nibabel")
    affine = grid(mirrored=True).astype(np.float32).astype(float)
    data = field(6, affine).astype(np.float32)
    nibabel.save(nibabel.Nifti1Image(data, affine), tmp_path / "DTI.nii.gz")
    np.testing.assert_allclose(
        conductivity_tensors(head(), tmp_path / "DTI.nii.gz"),
        conductivity_tensors(head(), (affine, data)),
        rtol=1e-6,
        atol=1e-9,
    )
    (tmp_path / "DTI.nii.gz").write_bytes(b"\x1f\x8b damaged")
    with pytest.raises(HeadfieldError, match=r"DTI\.nii\.gz"):
        conductivity_tensors(head(), tmp_path / "DTI.nii.gz")


def test_the_field_of_a_turned_uniaxial_ball_is_turned():
    """The solver takes the tensors in the frame of the mesh: a quarter turn of image and coil turns E."""
    quarter = np.array([[0, -1.0, 0, 0], [1, 0, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]])
    affine = grid(np.eye(3))
    data = constant(matrix([5.0, 1, 1], np.eye(3)), affine)
    mesh = head()
    turned_mesh = hf.TetMesh(mesh.nodes_mm @ quarter[:3, :3].T, mesh.tets, mesh.tags)
    coil = hf.figure_of_eight(spacing_mm=8)
    pose = np.array([[1.0, 0, 0, 20], [0, -1, 0, 10], [0, 0, -1, 80], [0, 0, 0, 1]])
    fields = []
    for each, at, where in ((mesh, affine, pose), (turned_mesh, quarter @ affine, quarter @ pose)):
        model = hf.HeadModel(each, conductivity_tensors(each, (at, data)), device="cpu", threads=1)
        fields.append(model.solve(coil, where, 1e6, tol=1e-8, primary_error=0).E[0])
    np.testing.assert_allclose(fields[1], fields[0] @ quarter[:3, :3].T, atol=1e-5 * np.abs(fields[0]).max())
