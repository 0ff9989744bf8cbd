# SPDX-License-Identifier: BSD-3-Clause
"""Level sets of images of tissues: where they lie, what keeps fluid, and what is lost."""

import numpy as np
import pytest
from given.label_heads import ball_labels, shell_volumes_mm3

import headfield as hf
from headfield.heads.segmentation.fidelity import image_volumes
from headfield.heads.segmentation.level_sets import LevelSets
from headfield.heads.segmentation.levels_of import (
    check_all_there,
    level_sets_of,
    parts_joined,
    with_fluid,
)
from headfield.heads.segmentation.tissue_image import TissueImage

RADII_MM, TAGS = (20.0, 25.0, 30.0, 36.0), (2, 3, 4, 5)


def balls(voxel_mm=(1.0, 1.0, 1.0), radii_mm=RADII_MM, tags=TAGS, turn=None):
    affine, labels = ball_labels(radii_mm, range(1, len(radii_mm) + 1), voxel_mm, turn=turn)
    return TissueImage("balls", affine, tags, labels.astype(np.uint8))


def partition(levels):
    """The tissue of each voxel, counted from 1, 0 outside."""
    count = (levels.values > 0).sum(axis=0)
    return np.where(count, len(levels.tags) + 1 - count, 0)


def places_mm(levels):
    return (
        np.moveaxis(np.tensordot(levels.affine[:3, :3], np.indices(levels.values.shape[1:]), 1), 0, 3)
        + levels.affine[:3, 3]
    )


def check_valid(levels):
    assert levels.values.dtype == np.float32
    assert levels.values.flags.c_contiguous
    assert (np.diff(levels.values, axis=0) >= 0).all()
    assert np.abs(levels.values).max() <= 1
    last = levels.values[-1]
    for axis in range(3):
        assert (np.take(last, [0, -1], axis=axis) < 0).all()


TURN = np.linalg.qr(np.random.default_rng(4).normal(size=(3, 3)))[0]


@pytest.mark.parametrize(("voxel_mm", "turn"), [((1, 1, 1), None), ((1, 1.5, 2), None), ((1, 1, 1.2), TURN)])
def test_levels_cover_the_balls_wherever_the_image_lies(voxel_mm, turn):
    levels = level_sets_of(balls(voxel_mm, turn=turn), 3.0)
    check_valid(levels)
    r = np.linalg.norm(places_mm(levels), axis=3)
    for i, radius in enumerate(RADII_MM):
        assert (r[levels.values[i] > 0] < radius + max(voxel_mm)).all()
        assert (r[levels.values[i] <= 0] > radius - max(voxel_mm)).all()
    np.testing.assert_allclose(image_volumes(levels), shell_volumes_mm3(RADII_MM), rtol=0.02)


def test_a_sheet_of_one_voxel_stays():
    voxels = np.full((20, 20, 20), 1, np.uint8)
    voxels[10:] = 3
    voxels[10] = 2
    levels = level_sets_of(TissueImage("sheet", np.eye(4), (2, 3, 5), voxels), 3.0)
    inside = partition(levels)[8:-8, 8:-8, 8:-8]
    assert np.array_equal(inside == 2, (voxels == 2)[2:-2, 2:-2, 2:-2])


@pytest.mark.parametrize("thick_mm", [1.0, 1.5])
@pytest.mark.parametrize("voxel_mm", [(1.0, 1.0, 1.0), (0.8, 1.0, 1.3)])
def test_a_thin_layer_keeps_its_volume(thick_mm, voxel_mm):
    """A Gaussian of 0.8 voxels alone would take a quarter to a half of it."""
    radii_mm = (24.0, 24.0 + thick_mm, 30.0)
    image = balls(voxel_mm, radii_mm, (2, 3, 5))
    volumes = image_volumes(level_sets_of(image, 3.0))
    assert volumes == pytest.approx(np.bincount(image.voxels.ravel())[1:] * np.prod(voxel_mm), rel=0.02)
    assert volumes == pytest.approx(shell_volumes_mm3(radii_mm), rel=0.04)


def test_the_order_of_tissues_does_not_move_the_partition():
    rng = np.random.default_rng(5)
    voxels = rng.integers(1, 4, (8, 8, 8)).astype(np.uint8).repeat(3, 0).repeat(3, 1).repeat(3, 2)
    there = partition(level_sets_of(TissueImage("blocks", np.eye(4), (1, 2, 3), voxels), 3.0))
    order = np.array([0, 3, 1, 2], np.uint8)
    other = partition(level_sets_of(TissueImage("blocks", np.eye(4), (1, 2, 3), order[voxels]), 3.0))
    assert np.mean(order[there] != other) < 5e-3  # ties, and shifts by some thousandths


def test_fine_voxels_are_taken_together():
    fine = balls((0.5, 0.5, 0.5))
    assert [level_sets_of(fine, edge).affine[0, 0] for edge in (1.9, 4.0, 6.0)] == [0.5, 1.0, 1.5]
    levels = level_sets_of(fine, 4.0)
    check_valid(levels)
    r = np.linalg.norm(places_mm(levels), axis=3)
    assert abs(r[levels.values[0] > 0].max() - 20) < 0.6
    np.testing.assert_allclose(image_volumes(levels), shell_volumes_mm3(RADII_MM), rtol=0.02)


def test_maps_are_taken_as_they_are():
    image = balls()
    exact = np.stack([image.voxels == i for i in range(1, 5)]).astype(np.float32)
    soft = exact * np.float32(0.75)
    levels = level_sets_of(TissueImage("maps", image.affine, TAGS, image.voxels, soft), 3.0)
    check_valid(levels)
    box = image.around_head(6).voxels
    assert np.array_equal(partition(levels), box)
    assert set(np.unique(levels.values[-1]).tolist()) == {-1.0, 0.5}
    together = level_sets_of(TissueImage("maps", image.affine, TAGS, image.voxels, exact), 8.0)
    assert together.affine[0, 0] == 2.0
    np.testing.assert_allclose(image_volumes(together), shell_volumes_mm3(RADII_MM), rtol=0.05)


def test_fluid_is_kept_between_brain_and_skull():
    touching = balls(radii_mm=(24.0, 25.0, 30.0, 36.0))
    touching.voxels[: touching.voxels.shape[0] // 2][
        touching.voxels[: touching.voxels.shape[0] // 2] == 2
    ] = 1
    levels = level_sets_of(touching, 3.0)
    kept = with_fluid(levels, 3.0, "")
    check_valid(kept)
    r = np.linalg.norm(places_mm(levels), axis=3)
    assert r[levels.values[0] > 0].max() > 24  # gray matter lay on the skull
    assert abs(r[kept.values[0] > 0].max() - 22) < 0.6
    assert np.array_equal(kept.values[1:], levels.values[1:])
    far = r < 19
    assert np.array_equal(kept.values[0][far] > 0, levels.values[0][far] > 0)


def test_keeping_fluid_needs_fluid():
    levels = level_sets_of(balls(tags=(1, 2, 4, 5)), 3.0)
    with pytest.raises(hf.MeshError, match="shells=True grows it"):
        with_fluid(levels, 1.0, "image")


def test_what_smoothing_cuts_off_is_left_out():
    voxels = np.zeros((20, 12, 12), np.uint8)
    voxels[:12, 1:-1, 1:-1] = 2
    voxels[2:6, 4:8, 4:8] = 1
    voxels[12:15, 5, 5] = 2  # a bridge that smoothing breaks
    voxels[15:19, 4:7, 4:7] = 2
    levels = level_sets_of(TissueImage("parts", np.eye(4), (2, 5), voxels), 3.0)
    joined, cut_mm3 = parts_joined(levels, "parts")
    check_valid(joined)
    assert 10 < cut_mm3 < 50
    assert parts_joined(joined, "parts")[1] == 0
    assert np.count_nonzero(levels.values[-1] > 0) - np.count_nonzero(joined.values[-1] > 0) == cut_mm3


def test_a_tissue_that_smoothing_takes_away_is_an_error():
    voxels = np.full((12, 12, 12), 2, np.uint8)
    voxels[3, 3, 3] = 1
    levels = level_sets_of(TissueImage("image", np.eye(4), (2, 5), voxels), 3.0)
    with pytest.raises(hf.MeshError, match="gray matter is thinner than the voxels can show"):
        check_all_there(levels, "image")


def test_volumes_are_those_of_linear_interpolation():
    normal, places = np.array([0.3, 0.5, 0.81]), np.moveaxis(np.indices((12, 9, 7)), 0, 3)
    for offset in (0.0, 0.7, -1.3):
        values = np.clip((places - [5.5, 4, 3]) @ normal - offset, -1, 1)[None].astype(np.float32)
        volume = image_volumes(LevelSets(values, (5,), np.diag([2.0, 1, 1, 1])))
        points = np.random.default_rng(0).uniform(0, [11, 8, 6], (200_000, 3))
        share = np.mean((points - [5.5, 4, 3]) @ normal > offset)
        assert volume == pytest.approx(2 * 11 * 8 * 6 * share, rel=0.01)
