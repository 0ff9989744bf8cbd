# SPDX-License-Identifier: BSD-3-Clause
"""Heads from label images, as a whole: volumes, tissues, reports, and images that make none."""

import pickle
import warnings

import numpy as np
import pytest
from given.label_heads import ball_labels, shell_volumes_mm3

import headfield as hf
from headfield.heads.segmentation.fidelity import interface_distances, interfaces_of
from headfield.heads.segmentation.level_sets import LevelSets

RADII_MM, LABELS = (60.0, 70.0, 78.0, 86.0, 94.0), (1, 2, 3, 4, 5)


def radii(mesh, faces):
    return np.linalg.norm(mesh.nodes_mm[np.unique(faces)], axis=1)


@pytest.fixture(scope="module")
def head():
    """Five tissues, without a word of doubt."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        return hf.head_from_labels(ball_labels(RADII_MM, LABELS, (3.0, 3.0, 3.0)), edge_mm=6)


def test_volumes_are_those_of_the_shells(head):
    expected = shell_volumes_mm3(RADII_MM)
    volumes = np.bincount(head.tags, weights=head.volumes_mm3())[1:]
    np.testing.assert_allclose(volumes, expected, rtol=0.04)
    for tag, one in head.from_image.volumes.items():
        assert one.mesh_mm3 == pytest.approx(volumes[tag - 1])
        assert one.image_mm3 == pytest.approx(expected[tag - 1], rel=0.04)
        assert one.ratio == one.mesh_mm3 / one.image_mm3


def test_the_report_says_how_near_the_image_the_mesh_is(head):
    report = head.summary()["image"]
    assert report["voxel_mm"] == [3, 3, 3]
    assert (report["removed"], report["grown"]) == ("", [])
    assert report["smallest_dihedral_deg"] > 8
    interfaces = report["interfaces"]
    assert interfaces["within_half_a_voxel"] >= 0.99
    assert interfaces["median"] <= interfaces["p95"] <= interfaces["p99"] <= interfaces["largest"] < 2
    count = sum(
        len(head.surface(range(1, i + 1))) for i in range(1, 6)
    )  # spheres: each interface is one of these
    assert interfaces["faces"] == count


def test_tissues_are_named_and_the_head_is_whole(head):
    assert dict(head.tag_names) == {1: "white matter", 2: "gray matter", 3: "CSF", 4: "bone", 5: "scalp"}
    r = radii(head, head.skin())
    assert np.abs(r - RADII_MM[-1]).max() < 3
    assert list(head.check()) == []


def test_the_report_stays_with_the_mesh_but_not_with_parts_of_it(head):
    assert pickle.loads(pickle.dumps(head)).from_image == head.from_image
    assert head.crop(tags=[1, 2]).from_image is None
    assert hf.sphere_mesh([80], tags=[5], edge_mm=40).summary()["image"] is None


def test_distances_are_those_of_moved_surfaces(head):
    """Levels of balls that are larger by half a voxel: all faces lie half a voxel inside."""
    half = 34
    r = np.linalg.norm(np.indices((2 * half + 1,) * 3) - half, axis=0) * 3
    values = np.stack([np.clip((radius - r) / 12, -1, 1) for radius in RADII_MM]).astype(np.float32)
    affine = np.diag([3.0, 3, 3, 1])
    affine[:3, 3] = -3 * half
    for moved, expected in [(0.0, 0.05), (1.5, 0.5), (3.6, 1.2), (9.0, 2.0)]:
        levels = LevelSets(values + np.float32(moved / 12), (1, 2, 3, 4, 5), affine)
        distance = np.median(interface_distances(head, levels))
        assert distance == pytest.approx(expected, abs=0.08)


def test_interfaces_are_surfaces_of_the_tissues_within(head):
    faces, level = interfaces_of(head, (1, 2, 3, 4, 5))
    for i in range(5):
        surface = np.sort(head.surface(range(1, i + 2)), axis=1)
        assert {tuple(face) for face in np.sort(faces[level == i], axis=1)} == {
            tuple(face) for face in surface
        }


def test_numberings_give_the_same_mesh(head):
    affine, labels = ball_labels(RADII_MM, (41, 3, 24, 165, 258), (3.0, 3.0, 3.0))
    other = hf.head_from_labels((affine, labels), "aseg", 6)
    assert np.array_equal(other.nodes_mm, head.nodes_mm)
    assert np.array_equal(other.tags, head.tags)
    tissues = {41: "white matter", 3: "GM", 24: 3, 165: "skull", 258: "skin"}
    assert np.array_equal(hf.head_from_labels((affine, labels), tissues, 6).tets, head.tets)


def test_files_give_the_same_mesh(head, tmp_path):
    nibabel = pytest.importorskip("nibabel")
    affine, labels = ball_labels(RADII_MM, LABELS, (3.0, 3.0, 3.0))
    path = tmp_path / "labels.nii.gz"
    nibabel.save(nibabel.Nifti1Image(labels.astype(np.uint8), affine), path)
    other = hf.head_from_labels(path, edge_mm=6)
    assert np.array_equal(other.nodes_mm, head.nodes_mm)
    assert other.from_image.name == str(path)


def test_oblique_images_of_long_voxels_give_the_same_volumes():
    turn = np.linalg.qr(np.random.default_rng(1).normal(size=(3, 3)))[0]
    image = ball_labels(RADII_MM, LABELS, (2.0, 3.0, 4.0), turn=turn)
    mesh = hf.head_from_labels(image, edge_mm=7)
    np.testing.assert_allclose(
        np.bincount(mesh.tags, weights=mesh.volumes_mm3())[1:], shell_volumes_mm3(RADII_MM), rtol=0.06
    )


def test_islands_and_loose_parts_are_said():
    affine, labels = ball_labels(RADII_MM, LABELS, (3.0, 3.0, 3.0), margin=5)
    middle = np.array(labels.shape) // 2
    labels[tuple(middle)] = 3
    labels[1:3, 1:3, 1:4] = 5
    with pytest.warns(
        hf.PlausibilityWarning, match="1 island of CSF .27 mm³. .*, 324 mm³ apart from the head left out"
    ):
        mesh = hf.head_from_labels((affine, labels), edge_mm=6)
    assert mesh.from_image.removed.startswith("1 island of CSF (27 mm³) given to what surrounds them")


def test_shells_are_grown_around_a_brain():
    image = ball_labels((55.0, 65.0), (1, 2), (4.0, 4.0, 4.0))
    with pytest.raises(
        hf.MeshError, match=r"no skull and no scalp .* \(white matter, gray matter\): shells=True"
    ):
        hf.head_from_labels(image, edge_mm=8)
    with pytest.warns(UserWarning, match="CSF, skull, scalp grown around the brain by geometry"):
        mesh = hf.head_from_labels(image, edge_mm=8, shells=True)
    assert np.unique(mesh.tags).tolist() == [1, 2, 3, 4, 5]
    assert mesh.from_image.grown == ("CSF", "skull", "scalp")
    assert radii(mesh, mesh.skin()).min() > 75


def test_shells_leave_blood_and_muscle_where_they_are():
    affine, labels = ball_labels((45.0, 52.0, 60.0), (1, 2, 3), (4.0, 4.0, 4.0), margin=12)
    r = np.linalg.norm(np.indices(labels.shape) - labels.shape[0] // 2, axis=0) * 4
    left = np.arange(labels.shape[0])[:, None, None] < labels.shape[0] // 3
    labels[left & (r > 52) & (r < 60)] = 9
    labels[left & (r > 70) & (r < 80)] = 10
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        mesh = hf.head_from_labels((affine, labels), edge_mm=6, shells=True)
    report = mesh.summary()["image"]
    assert report["grown"] == ["CSF", "skull", "scalp"]
    assert list(report["volumes"]) == [1, 2, 3, 4, 5, 9, 10]
    for tag, one in report["volumes"].items():
        assert one["ratio"] == pytest.approx(1, abs=0.1), tag
    for tag in (1, 2, 9, 10):
        voxels = np.count_nonzero(labels == tag) * 64
        assert report["volumes"][tag]["mesh_mm3"] == pytest.approx(voxels, rel=0.25), tag


def test_fluid_is_kept():
    image = ball_labels((70.0, 71.0, 80.0, 90.0), (2, 3, 4, 5), (3.0, 3.0, 3.0))
    mesh = hf.head_from_labels(image, edge_mm=6, keep_csf_mm=5)
    assert radii(mesh, mesh.surface(2)).max() < 68
    with pytest.raises(hf.MeshError, match="keep_csf_mm needs"):
        hf.head_from_labels((image[0], np.where(image[1] == 3, 2, image[1])), edge_mm=6, keep_csf_mm=5)


def test_maps_give_the_volumes_too():
    affine, labels = ball_labels(RADII_MM, LABELS, (3.0, 3.0, 3.0))
    ndimage = pytest.importorskip("scipy.ndimage")
    maps = np.stack([ndimage.gaussian_filter((labels == i).astype(np.float32), 0.8) for i in LABELS], axis=3)
    mesh = hf.head_from_labels((affine, maps), [1, 2, 3, 4, 5], 6)
    np.testing.assert_allclose(
        np.bincount(mesh.tags, weights=mesh.volumes_mm3())[1:], shell_volumes_mm3(RADII_MM), rtol=0.04
    )


def test_steps_are_told():
    told = []
    image = ball_labels((30.0, 50.0, 60.0), (2, 4, 5), (5.0, 5.0, 5.0))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", hf.PlausibilityWarning)
        hf.head_from_labels(image, edge_mm=12, progress=told.append)
    assert told[0] == "reading the image"
    assert told[-1] == "comparing with the image"


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"edge_mm": 0.1}, "edge_mm must lie between 0.5 and 20"),
        ({"edge_mm": "2"}, "edge_mm"),
        ({"edge_mm": np.nan}, "edge_mm"),
        ({"min_island_mm3": -1}, "min_island_mm3"),
        ({"keep_csf_mm": -1}, "keep_csf_mm"),
        ({"keep_csf_mm": np.inf}, "keep_csf_mm"),
        ({"keep_csf_mm": 11.0}, "keep_csf_mm must lie between 0 and 10"),
    ],
)
def test_options_out_of_range_are_refused(options, words):
    with pytest.raises(hf.MeshError, match=words):
        hf.head_from_labels(ball_labels((30.0, 50.0, 60.0), (2, 4, 5)), **options)


def test_a_head_that_the_image_cuts_is_refused():
    affine, labels = ball_labels(RADII_MM, LABELS, (3.0, 3.0, 3.0))
    with pytest.raises(hf.MeshError, match="cut by the superior border"):
        hf.head_from_labels((affine, labels[..., :-10]), edge_mm=6)


def test_what_is_far_from_the_brain_gets_no_shells():
    affine, labels = ball_labels((55.0, 65.0), (1, 2), (4.0, 4.0, 4.0), margin=12)
    labels[labels.shape[0] // 2 - 1 : labels.shape[0] // 2 + 2] = 0  # two hemispheres, which don't touch
    labels[:4, :4, :4] = 2
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        mesh = hf.head_from_labels((affine, labels), edge_mm=8, shells=True)
    assert any("4096 mm³ apart from the head left out" in str(one.message) for one in said)
    assert np.ptp(mesh.nodes_mm, axis=0).max() < 2 * (65 + 25)
    assert all(mesh.volumes_mm3()[mesh.barycentres_mm()[:, 0] * side > 8].sum() > 5e5 for side in (-1, 1))


def test_shells_around_no_brain_are_refused():
    with pytest.raises(hf.MeshError, match="shells grow around a brain, and the image has none, only scalp"):
        hf.head_from_labels(ball_labels((50.0,), (5,)), edge_mm=8, shells=True)


@pytest.mark.parametrize(
    ("labels", "words"),
    [((3, 3, 4, 5), "no brain in the mesh"), ((1, 2, 4, 5), "no CSF in the mesh: the skull lies")],
)
def test_heads_without_brain_or_fluid_are_doubted(labels, words):
    with pytest.warns(hf.PlausibilityWarning, match=words):
        hf.head_from_labels(ball_labels((60.0, 75.0, 83.0, 91.0), labels), edge_mm=8)


def test_tissues_of_which_the_mesh_has_much_less_are_said():
    image = ball_labels((40.0, 52.0, 54.0, 60.0, 70.0), LABELS, (2.0, 2.0, 2.0))
    with pytest.warns(hf.PlausibilityWarning, match=r"the mesh has 3\d% of its CSF: what is thin needs"):
        mesh = hf.head_from_labels(image, edge_mm=10)
    shares = np.bincount(mesh.tags, weights=mesh.volumes_mm3())[1:] / np.bincount(image[1].ravel())[1:] / 8
    assert shares[2] < 0.4
    assert min(shares[[0, 1, 3, 4]]) > 0.9


def test_another_numbering_is_asked_for_by_tissues():
    affine, labels = ball_labels(RADII_MM, (2, 1, 3, 4, 5), (3.0, 3.0, 3.0))  # as SPM numbers them
    with pytest.warns(
        hf.PlausibilityWarning, match=r"SPM .*: tissues={1: 2, 2: 1, 3: 3, 4: 4, 5: 5} or --ti"
    ):
        hf.head_from_labels((affine, labels), edge_mm=8)
