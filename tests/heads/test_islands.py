# SPDX-License-Identifier: BSD-3-Clause
"""Islands, holes and loose parts of an image, and heads that its border cuts."""

import warnings

import numpy as np
import pytest

import headfield as hf
from headfield.heads.segmentation.borders import check_borders
from headfield.heads.segmentation.islands import apart_from_largest, joined_to_head, without_islands
from headfield.heads.segmentation.tissue_image import TissueImage

TAGS = (2, 3, 5)


def image(voxels, voxel_mm=1.0, tags=TAGS):
    return TissueImage("image", np.diag([voxel_mm] * 3 + [1.0]), tags, voxels)


def nested():
    """Gray matter in fluid in scalp, in a border of air."""
    voxels = np.zeros((24, 24, 24), np.uint8)
    for i, margin in enumerate((2, 5, 8)):
        voxels[(slice(margin, -margin),) * 3] = 3 - i
    return voxels


def test_an_image_without_islands_stays():
    cleaned, removed = without_islands(image(nested()), 512.0)
    assert removed == ()
    assert np.array_equal(cleaned.voxels, nested())


def test_islands_are_given_to_what_surrounds_them_and_small_holes_filled():
    voxels = nested()
    voxels[10, 10, 10:14] = 2  # in gray matter
    voxels[6, 12, 12] = 0  # in fluid
    voxels[3, 3, 3], voxels[3, 4, 4] = 1, 1  # in scalp, touching by an edge: one part
    voxels[0, 5, 5] = 1  # in the air
    cleaned, removed = without_islands(image(voxels), 5.0)
    assert np.array_equal(cleaned.voxels, nested())
    assert [(one.tag, one.parts, one.volume_mm3) for one in removed] == [(0, 1, 1), (2, 2, 3), (3, 1, 4)]


def test_the_size_of_an_island_is_its_volume():
    voxels = nested()
    voxels[10, 10, 10:14] = 2
    for voxel_mm, smallest, stays in [
        (1.0, 4.0, True),
        (1.0, 4.1, False),
        (2.0, 32.0, True),
        (0.5, 0.51, False),
    ]:
        cleaned, _ = without_islands(image(voxels, voxel_mm), smallest)
        assert np.array_equal(cleaned.voxels, voxels if stays else nested())


def test_islands_within_islands_go_too():
    voxels = nested()
    voxels[10:13, 10:13, 10:13] = 2
    voxels[11, 11, 11] = 3
    cleaned, removed = without_islands(image(voxels), 30.0)
    assert np.array_equal(cleaned.voxels, nested())
    assert sum(one.volume_mm3 for one in removed) == 27


def test_a_large_hole_stays_air():
    voxels = nested()
    voxels[9:13, 9:13, 9:13] = 0
    assert np.array_equal(without_islands(image(voxels), 15.0)[0].voxels, voxels)


def test_a_tissue_of_islands_only_is_an_error():
    voxels = nested()
    voxels[voxels == 2] = 3
    voxels[10, 10, 10] = 2
    with pytest.raises(hf.MeshError, match="all CSF, 1 mm³, is in islands below 15 mm³"):
        without_islands(image(voxels), 15.0)


def test_the_head_of_noise_has_no_small_parts():
    ndimage = pytest.importorskip("scipy.ndimage")
    rng = np.random.default_rng(3)
    voxels = np.where(rng.random((24, 24, 24)) < 0.1, rng.integers(0, 4, (24, 24, 24)), nested()).astype(
        np.uint8
    )
    cleaned = without_islands(image(voxels), 12.0)[0].voxels
    for label in range(4):
        parts, n = ndimage.label(np.pad(cleaned == label, 1, constant_values=label == 0), np.ones((3, 3, 3)))
        assert np.bincount(parts.ravel())[1:].min() >= 12, (label, n)


def test_maps_follow_the_voxels():
    voxels = nested()
    voxels[10, 10, 10:14] = 2
    shares = np.full((4, *voxels.shape), 0.1, np.float32)
    np.put_along_axis(shares, voxels[None].astype(int), 0.7, axis=0)
    with_maps = TissueImage("image", np.eye(4), TAGS, voxels, shares[1:])
    cleaned, _ = without_islands(with_maps, 5.0)
    assert np.array_equal(cleaned.voxels, nested())
    outside = 1 - cleaned.maps.sum(axis=0)
    assert np.array_equal(np.argmax([outside, *cleaned.maps], axis=0), nested())
    np.testing.assert_allclose(outside, np.where(nested() == 0, 0.7, 0.1), atol=1e-6)


def test_loose_parts_are_left_out_and_two_heads_refused():
    voxels = nested()
    voxels[0, 0, :3] = 3
    cleaned, apart_mm3 = joined_to_head(image(voxels, 2.0))
    assert np.array_equal(cleaned.voxels, nested())
    assert apart_mm3 == 24.0
    with pytest.raises(hf.MeshError, match="2 parts that don't touch; the second has 100%"):
        joined_to_head(image(np.concatenate([nested(), nested()])))


def test_parts_that_touch_by_a_corner_are_apart():
    inside = np.zeros((4, 4, 4), bool)
    inside[:3, :3, :3] = inside[3, 3, 3] = True
    assert np.argwhere(apart_from_largest(inside, "")).tolist() == [[3, 3, 3]]


def cut(axis, end, depth, tags=TAGS):
    """A head of 60 mm of which so many voxels are cut off at one end of an axis."""
    r = np.linalg.norm(np.indices((71, 71, 71)) - 35, axis=0)
    voxels = np.select([r < 24, r < 27, r < 31], [1, 2, 3], 0).astype(np.uint8)
    keep = slice(4 + depth, None) if end == 0 else slice(None, 71 - 4 - depth)
    return image(np.take(voxels, np.arange(71)[keep], axis=axis), tags=tags)


FACES = [("left", 0, 0), ("right", 0, -1), ("posterior", 1, 0), ("anterior", 1, -1), ("superior", 2, -1)]


@pytest.mark.parametrize(("face", "axis", "end"), FACES)
def test_a_cut_through_brain_or_fluid_is_refused(face, axis, end):
    with pytest.raises(hf.MeshError, match=f"cut by the {face} border of the image: .* cm² of it lie there"):
        check_borders(cut(axis, end, 12))


@pytest.mark.parametrize(("face", "axis", "end"), FACES)
def test_scalp_that_touches_is_doubted(face, axis, end):
    with pytest.warns(
        hf.PlausibilityWarning, match=f"touches the border of the image: .* at the {face} border"
    ):
        check_borders(cut(axis, end, 2))


def test_a_neck_may_be_cut_and_a_brain_may_not():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        check_borders(cut(2, 0, 12))
        check_borders(cut(0, 0, 0))
    with pytest.raises(hf.MeshError, match=r"inferior border .* cm² of brain lie there, more than in a neck"):
        check_borders(cut(2, 0, 30))


def test_faces_are_named_by_the_affine():
    turned = cut(0, -1, 12)
    affine = np.array(
        [[0, 0, 1.0, 0], [1, 0, 0, 0], [0, -1, 0, 0], [0, 0, 0, 1]]
    )  # x of the image is anterior
    with pytest.raises(hf.MeshError, match="anterior border"):
        check_borders(TissueImage("image", affine, TAGS, turned.voxels))
    upside_down = cut(2, -1, 12)
    check_borders(TissueImage("image", np.diag([1.0, 1, -1, 1]), TAGS, upside_down.voxels))


def test_areas_are_in_mm():
    small = cut(0, 0, 2)
    large = TissueImage(
        "image", np.diag([1.0, 4, 4, 1]), TAGS, small.voxels
    )  # the same voxels, 16 times the area
    with pytest.warns(hf.PlausibilityWarning, match="touches"):
        check_borders(small)
    with pytest.raises(hf.MeshError, match="left border"):
        check_borders(large)
