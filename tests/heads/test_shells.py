# SPDX-License-Identifier: BSD-3-Clause
"""Shells of fluid, skull and scalp around what an image has: thicknesses in spheres, on any grid."""

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from headfield.heads.segmentation.grids import closed, filled, sampled, signed_distance, smoothed
from headfield.heads.segmentation.level_sets import LevelSets
from headfield.heads.segmentation.shells import CSF_MM, SCALP_MM, SKULL_MM, with_shells

CENTRE = np.array([5.0, 6, 7])
PLAIN = (2.0, 2.0, 2.0), (0.0, 0.0, 0.0)


def spheres(radii, tags, spacing=PLAIN[0], angles=PLAIN[1], half_mm=74.0):
    """Level sets of concentric spheres on a turned grid of voxels of any size."""
    linear = Rotation.from_euler("xyz", angles, degrees=True).as_matrix() * spacing
    shape = np.ceil(2 * half_mm / np.array(spacing)).astype(int)
    affine = np.eye(4)
    affine[:3, :3], affine[:3, 3] = linear, CENTRE - linear @ ((shape - 1) / 2)
    empty = LevelSets(np.zeros((0, *shape), np.float32), (), affine)
    r = radius(empty)
    values = [np.clip((each - r) / 2, -1, 1) for each in radii]
    return LevelSets(np.array(values, np.float32), tags, affine)


def radius(levels):
    """Distance of each voxel from the centre of the spheres, mm."""
    index = np.stack(np.meshgrid(*map(np.arange, levels.values.shape[1:]), indexing="ij"), axis=-1)
    points = index @ levels.affine[:3, :3].T + levels.affine[:3, 3]
    return np.linalg.norm(points - CENTRE, axis=-1)


def volume_radius(levels, index):
    """Radius of the sphere that holds as much as a level set does."""
    voxel = abs(np.linalg.det(levels.affine[:3, :3]))
    return float(np.cbrt((levels.values[index] > 0).sum() * voxel * 0.75 / np.pi))


def check_nested_and_closed(levels):
    assert levels.values.dtype == np.float32
    assert (np.diff(levels.values, axis=0) >= 0).all()
    assert np.abs(levels.values).max() <= 1
    outermost = levels.values[-1].copy()
    outermost[1:-1, 1:-1, 1:-1] = -1
    assert outermost.max() < 0


@pytest.mark.parametrize(
    ("spacing", "angles"),
    [PLAIN, ((0.8, 1.5, 3.0), (20, -35, 50)), ((3.0, 3, 3), (180, 0, 90))],
)
def test_thickness_around_a_brain(spacing, angles):
    brain = spheres([45, 65], (1, 2), spacing, angles)
    head, names = with_shells(brain)
    assert names == ("CSF", "skull", "scalp")
    assert head.tags == (1, 2, 3, 4, 5)
    check_nested_and_closed(head)
    found = [volume_radius(head, k) for k in range(5)]
    assert np.allclose(np.diff(found)[1:], [CSF_MM, SKULL_MM, SCALP_MM], atol=0.35), found
    # The thickness is the same all around: on each interface the radius hardly varies.
    r = radius(head)
    for k in (2, 3, 4):
        near = np.abs(head.values[k]) < 0.5
        assert (r[near] + 4 * head.values[k][near]).std() < 0.3
    # Where voxels are in space has not changed, so nor has the brain.
    assert abs(found[1] - volume_radius(brain, 1)) < 1e-6
    assert (r[head.values[1] > 0]).max() < 65.01


def test_grows_only_what_is_missing():
    fluid, names = with_shells(spheres([45, 60, 66], (1, 2, 3)))
    assert (names, fluid.tags) == (("CSF", "skull", "scalp"), (1, 2, 3, 4, 5))
    found = [volume_radius(fluid, k) for k in range(5)]
    assert np.allclose(found, [45, 60, 66, 66 + SKULL_MM, 66 + SKULL_MM + SCALP_MM], atol=0.5), found
    check_nested_and_closed(fluid)

    skull, names = with_shells(spheres([45, 60, 62, 68], (1, 2, 3, 4)))
    assert (names, skull.tags) == (("scalp",), (1, 2, 3, 4, 5))
    assert np.allclose([volume_radius(skull, k) for k in (3, 4)], [68, 68 + SCALP_MM], atol=0.4)
    check_nested_and_closed(skull)

    between, names = with_shells(spheres([45, 55, 70], (1, 2, 5)))
    assert (names, between.tags) == (("CSF", "skull"), (1, 2, 3, 4, 5))
    assert np.allclose([volume_radius(between, k) for k in (2, 3, 4)], [57.5, 64, 70], atol=0.4)
    check_nested_and_closed(between)

    whole = spheres([45, 55, 57, 64, 70], (1, 2, 3, 4, 5))
    assert with_shells(whole) == (whole, ())


def test_scalp_that_is_there_covers_the_skull():
    tight, _ = with_shells(spheres([45, 58, 63], (1, 2, 5)))
    bone, scalp = volume_radius(tight, 3), volume_radius(tight, 4)
    assert bone < 61.5
    assert abs(scalp - 63) < 0.2


def test_ventricles_count_as_inside():
    brain = spheres([45, 65], (1, 2))
    values = brain.values.copy()
    values[:, radius(brain) < 15] = -1  # a hole that the image says nothing of
    head, _ = with_shells(LevelSets(values, (1, 2), brain.affine))
    assert (head.values[2][radius(head) < 12] > 0).all()
    # The ventricles of an atlas of the brain are fluid, but none of it lies around the brain.
    ventricle = np.concatenate([values, np.maximum(values[1:], brain.values[1:])])
    head, _ = with_shells(LevelSets(ventricle, (1, 2, 3), brain.affine))
    assert np.allclose([volume_radius(head, k) for k in (2, 3)], [67.5, 74], atol=0.4)


def test_sulci_are_bridged_and_dents_below_the_brain_filled():
    brain = spheres([65], (2,), (1.5, 1.5, 1.5))
    index = np.arange(brain.values.shape[1]) * 1.5
    offset = index - index.mean()
    values = brain.values.copy()
    values[0][np.abs(offset) < 3] = -1  # a fissure 6 mm wide down the middle
    head, _ = with_shells(LevelSets(values, (2,), brain.affine))
    r = radius(head)
    assert (head.values[1][r < 63] > 0).all()  # fluid, not bone, fills it
    assert abs(volume_radius(head, 2) - (65 + CSF_MM + SKULL_MM)) < 0.5


def test_distance_is_to_the_halfway_plane():
    mask = np.zeros((9, 5, 5), bool)
    mask[:4] = True
    distance = signed_distance(mask, (2.0, 2.0, 2.0))
    assert np.array_equal(distance[:, 2, 2], np.arange(9) * 2 - 7.0)


def test_closing_fills_dents_narrower_than_its_ball():
    x = np.indices((40, 40, 40)) - 19.5
    block = np.abs(x).max(axis=0) < 12
    narrow, wide = block & ~(np.abs(x[0]) < 3), block & ~(np.abs(x[0]) < 9)
    assert (closed(narrow, 5.0, (1, 1, 1)) <= 0)[20, 20, 20]
    assert not (closed(wide, 5.0, (1, 1, 1)) <= 0)[20, 20, 20]
    assert not (closed(block, 5.0, (1, 1, 1)) <= 0)[20, 20, 34]


def test_filled_and_sampled_against_scipy():
    from scipy import ndimage

    rng = np.random.default_rng(1)
    field = rng.standard_normal((14, 12, 10)).astype(np.float32)
    walls = field > -1
    across = ndimage.binary_fill_holes(walls)
    assert np.array_equal(filled(walls), across)
    assert across.sum() > walls.sum() + 50
    at = [np.sort(rng.uniform(-1, n, 7)) for n in field.shape]
    grid = np.stack(np.meshgrid(*at, indexing="ij"))
    expected = ndimage.map_coordinates(field, grid, order=1, mode="nearest")
    assert np.allclose(sampled(field, at), expected, atol=1e-5)
    blurred = ndimage.gaussian_filter(field, [1.5, 0.75, 0.5], mode="nearest", truncate=3.0)
    assert np.allclose(smoothed(field, 1.5, (1, 2, 3)), blurred, atol=0.01)
