# SPDX-License-Identifier: BSD-3-Clause
"""Images of labels are read from files and arrays, and what is none is refused by name."""

import numpy as np
import pytest

import headfield as hf
from headfield.heads.segmentation.from_labels import tissue_image
from headfield.heads.segmentation.image import given, label_counts, labels_of, maps_of
from headfield.heads.segmentation.numberings import NUMBERINGS, tags_of_labels
from headfield.heads.segmentation.tissue_image import inside_out
from headfield.heads.tissues import TISSUES

nibabel = pytest.importorskip("nibabel")

AFFINE = np.array([[-2.0, 0, 0, 30], [0, 2, 0, -20], [0, 0, 1.5, 5], [0, 0, 0, 1]])
SHAPE = (6, 7, 8)


def some_labels():
    return np.random.default_rng(1).integers(0, 6, SHAPE)


def read_labels(image):
    read = given(image)
    return read.affine, labels_of(read)


@pytest.mark.parametrize("ending", [".nii", ".nii.gz", ".mgz", ".mgh"])
@pytest.mark.parametrize("dtype", [np.uint8, np.int16, np.float32])
def test_files_give_the_labels_they_were_written_with(tmp_path, ending, dtype):
    path, labels = tmp_path / f"labels{ending}", some_labels().astype(dtype)
    kind = nibabel.MGHImage if ending.startswith(".mg") else nibabel.Nifti1Image
    nibabel.save(kind(labels, AFFINE), path)
    affine, read = read_labels(path)
    np.testing.assert_allclose(affine, AFFINE, atol=1e-6)
    assert np.array_equal(read, labels)


def test_arrays_are_taken_with_a_last_axis_of_one_and_as_whole_floats():
    for labels in [some_labels(), some_labels()[..., None], some_labels().astype(np.float64)]:
        affine, read = read_labels((AFFINE, labels))
        assert np.array_equal(read, some_labels())
        assert np.array_equal(affine, AFFINE)


def changed(value, dtype=float):
    labels = some_labels().astype(dtype)
    labels[1, 2, 3] = value
    return AFFINE, labels


@pytest.mark.parametrize(
    ("image", "words"),
    [
        (some_labels(), "missing affine"),
        ((None, some_labels()), "missing affine"),
        ((AFFINE[:3], some_labels()), "affine must be"),
        ((np.diag([1.0, 1, 0, 1]), some_labels()), "can be inverted"),
        ((AFFINE * np.nan, some_labels()), "affine"),
        ((AFFINE * 1e-3, some_labels()), "another unit than mm"),
        ((np.diag([1000.0, 1000, 1000, 1]), some_labels()), "1e\\+03 × 1e\\+03 × 1e\\+03 mm"),
        ((AFFINE + np.eye(4)[[0, 1, 3, 2]], some_labels()), "last row"),
        ((AFFINE, some_labels()[0]), "shape is \\(7, 8\\)"),
        ((AFFINE, some_labels()[:1]), "not slices"),
        ((AFFINE, np.stack([some_labels()] * 3, axis=3)), "list of their 3 tags"),
        ((AFFINE, np.zeros((6, 7, 8, 2, 2))), "label image is \\(nx, ny, nz\\)"),
        ((AFFINE, np.zeros((0, 7, 8))), "shape is \\(0, 7, 8\\)"),
        (changed(np.nan), "1 voxel is NaN or infinite, first nan at \\(28, -16, 9.5\\) mm"),
        (changed(2.5), "1 voxel is not a whole number, first 2.5 at \\(28, -16, 9.5\\) mm"),
        (changed(-3), "1 voxel is negative"),
        (changed(1e9), "segment the image first"),
        ((AFFINE, some_labels().astype(complex)), "complex"),
        ((AFFINE, some_labels().astype(str)), "not numbers"),
    ],
)
def test_what_is_no_label_image_is_refused(image, words):
    with pytest.raises(hf.MeshError, match=words):
        hf.head_from_labels(image, shells=True)


def test_intensities_and_empty_images_are_refused():
    intensities = np.random.default_rng(0).integers(0, 4000, (12, 12, 12))
    with pytest.raises(hf.MeshError, match=r"different labels, up to \d,\d+; .* segment the image first"):
        hf.head_from_labels((AFFINE, intensities))
    with pytest.raises(hf.MeshError, match="no tissue: all of its 336 voxels are 0"):
        hf.head_from_labels((AFFINE, np.zeros(SHAPE)))
    with pytest.raises(hf.MeshError, match="outside of the head"):
        hf.head_from_labels((AFFINE, np.ones(SHAPE)), {1: 0})


def test_a_file_that_is_no_image_is_refused(tmp_path):
    path = tmp_path / "labels.nii.gz"
    path.write_bytes(b"no image")
    with pytest.raises(hf.FileFormatError, match="not a NIfTI image"):
        hf.head_from_labels(path)
    with pytest.raises(FileNotFoundError):
        hf.head_from_labels(tmp_path / "none.nii")


def test_counts_are_those_of_numpy():
    labels = some_labels().astype(np.int32)
    assert label_counts(labels, "") == dict(
        zip(*(a.tolist() for a in np.unique(labels, return_counts=True)), strict=True)
    )


def test_labels_0_to_12_are_taken_as_simnibs_numbers_them():
    assert tags_of_labels(dict.fromkeys(range(13), 1), None, "") == {i: i for i in range(13)}


@pytest.mark.parametrize("numbering", ["aseg", "synthseg"])
def test_freesurfer_labels_are_tissues(numbering):
    # From FreeSurfer's table of colours: structures of the left and of the right side, and single ones.
    tissues = {
        1: [2, 41, 7, 46, 16, 77, 85, 251, 255, 3001, 4035],
        2: [3, 42, 8, 47, 10, 49, 11, 50, 12, 51, 13, 52, 17, 53, 18, 54, 26, 58, 28, 60, 1001, 2035, 12101],
        3: [4, 43, 5, 44, 14, 15, 24, 31, 63, 72],
        4: [165],
        5: [258],
        0: [0],
    }
    for tag, labels in tissues.items():
        assert set(tags_of_labels(dict.fromkeys([2, *labels], 1), numbering, "").values()) == {1, tag}
    assert set(NUMBERINGS[numbering].values()) <= {*TISSUES, 0}


def test_unlisted_labels_are_named_with_their_voxels():
    with pytest.raises(
        hf.MeshError, match=r"mapping says no tissue for the labels 7 \(12 voxels\), 9 \(1,300 voxels\)"
    ):
        tags_of_labels({0: 5, 1: 5, 7: 12, 9: 1300}, {1: 5}, "")
    with pytest.raises(
        hf.MeshError, match=r"numbering 'simnibs' says no tissue for the labels 13 \(4 voxels\)"
    ):
        tags_of_labels({1: 5, 13: 4}, "simnibs", "")


@pytest.mark.parametrize(
    ("labels", "tissues", "words"),
    [
        ([0, 2, 41, 17], None, "look like FreeSurfer's .* tissues='aseg'"),
        ([0, 1, 2, 300], None, "300 are electrodes and gel"),
        ([0, 1, 2, 101], "simnibs", "101: 0}"),
        ([0, 1, 600, 999], None, "pass tissues={label: tissue"),
        ([0, 1], "spm", "one of \\['aseg', 'simnibs', 'synthseg'\\], not 'spm'"),
        ([0, 1], 3, "must be a mapping"),
        ([0, 1], {1: "porridge"}, "label 1 is 'porridge', not a tissue's name: 'white matter'"),
        ([0, 1], {1: 101}, "electrodes"),
        ([0, 1], {1: -1}, "tag is a whole number from 1"),
        ([0, 1], {1: 2.0}, "label 1 is 2.0"),
        ([0, 1], {1: True}, "label 1 is True"),
        ([0, 1], {"1": 2}, "'1' is no label"),
    ],
)
def test_numberings_that_do_not_fit_are_refused(labels, tissues, words):
    with pytest.raises(hf.MeshError, match=words):
        tags_of_labels(dict.fromkeys(labels, 1), tissues, "image")


def test_mappings_take_tags_names_and_outside():
    counts = dict.fromkeys(range(7), 1)
    chosen = tags_of_labels(counts, {1: 5, 2: "GM", 3: None, 4: "air", 5: 20, 6: np.int16(7)}, "")
    assert chosen == {0: 0, 1: 5, 2: 2, 3: 0, 4: 0, 5: 20, 6: 7}
    assert tags_of_labels({0: 1, 1: 1}, {0: "CSF", 1: 0}, "") == {0: 3, 1: 0}


def test_tissues_are_ordered_from_inside_to_outside():
    labels = some_labels()
    image = tissue_image(given((AFFINE, labels)), {1: 5, 2: 5, 3: 1, 4: 8, 5: 77})
    assert image.tags == (77, 1, 8, 5)
    for label, place in {0: 0, 1: 4, 2: 4, 3: 2, 4: 3, 5: 1}.items():
        assert (image.voxels[labels == label] == place).all()
    assert inside_out(range(1, 13)) == (1, 2, 3, 9, 8, 7, 4, 6, 10, 11, 12, 5)


def maps(k=3, shape=SHAPE):
    shares = np.random.default_rng(2).random((*shape, k + 1))
    return (shares / shares.sum(axis=3, keepdims=True))[..., :k]


def test_maps_are_summed_by_tissue_and_outside_is_the_rest():
    image = tissue_image(given((AFFINE, maps(4))), ["scalp", 1, "white", 0])
    shares = np.stack([maps(4)[..., 1] + maps(4)[..., 2], maps(4)[..., 0]])
    assert image.tags == (1, 5)
    np.testing.assert_allclose(image.maps, shares, atol=1e-6)
    assert np.array_equal(image.voxels, np.argmax([1 - shares.sum(axis=0), *shares], axis=0))


@pytest.mark.parametrize(
    ("data", "tissues", "words"),
    [
        (maps() * 255, [1, 2, 3], "divide them by their maximum"),
        (maps() * 2, [1, 2, 3], "not between 0 and 1|add up to"),
        (maps() - 0.5, [1, 2, 3], "not between 0 and 1"),
        (maps() * np.nan, [1, 2, 3], "NaN"),
        (maps() * 0, [1, 2, 3], "all of its numbers are 0"),
        (maps(), [1, 2], "3 maps, but tissues says what 2"),
        (maps(), [0, 0, None], "all of its maps are taken as outside"),
        (maps() / 100, [1, 2, 3], "largest share of any voxel"),
        (maps()[..., 0], [1], "shape \\(6, 7, 8\\)"),
        (maps(), [1, 2, "porridge"], "map 2 is 'porridge'"),
    ],
)
def test_what_are_no_maps_are_refused(data, tissues, words):
    with pytest.raises(hf.MeshError, match=words):
        tissue_image(given((AFFINE, data)), tissues)


def test_shares_that_rounding_took_beyond_1_are_taken():
    assert maps_of(given((AFFINE, np.full((*SHAPE, 2), 0.5001)))).max() == pytest.approx(0.5001)


def test_more_tissues_than_can_be_meshed_are_refused():
    labels = np.arange(6 * 7 * 8).reshape(SHAPE) % 50
    with pytest.raises(hf.MeshError, match="49 tissues; at most 31"):
        hf.head_from_labels((AFFINE, labels), {label: 1000 + label for label in range(1, 50)})


def test_labels_are_rounded_to_what_scaled_files_mean():
    stored = some_labels() * 10 * np.float64(np.float32(0.1))  # a slope is float32: 5 becomes 5.00000007
    assert (stored != some_labels()).any()
    for labels in [stored, -1e-4 + some_labels(), some_labels().astype(np.float16)]:
        assert np.array_equal(read_labels((AFFINE, labels))[1], some_labels())


def test_a_map_that_wins_no_voxel_is_named():
    maps = np.stack([np.ones(SHAPE) * 0.6, np.ones(SHAPE) * 0.3], axis=3)
    with pytest.raises(hf.MeshError, match=r"no voxel of blood: .* give None for its map"):
        tissue_image(given((AFFINE, maps)), ["scalp", "blood"])
    assert tissue_image(given((AFFINE, maps)), ["scalp", None]).tags == (5,)
