# SPDX-License-Identifier: BSD-3-Clause
"""Atlas labels at the tetrahedra: turned images, maps to other spaces, tables of names, what is damaged."""

import functools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

import headfield as hf
from headfield import regions
from headfield.errors import FileFormatError
from headfield.regions.region import RegionError

SHAPE = (9, 11, 10)


@functools.cache
def head():
    return hf.sphere_mesh(radii_mm=[40, 60, 70], tags=[1, 2, 5], edge_mm=16)


def grid(turn, voxel_mm=(12.0, 14.0, -11.0), shift=(0.0, 0.0, 0.0), shape=SHAPE):
    """Affine of a volume around the middle of the head, smaller than the head along x."""
    affine = np.eye(4)
    affine[:3, :3] = turn * np.array(voxel_mm)
    affine[:3, 3] = shift - affine[:3, :3] @ ((np.array(shape) - 1) / 2)
    return affine


def atlas(seed=0, shape=SHAPE, most=6):
    return np.random.default_rng(seed).integers(0, most, shape)


def expected(affine, data, points, values):
    """Voxel by voxel: which points are nearest to a centre of a voxel with one of the values."""
    voxels = np.argwhere(np.ones(data.shape))
    centres = voxels @ affine[:3, :3].T + affine[:3, 3]
    stretch = np.linalg.inv(affine[:3, :3])
    found = np.zeros(len(points), bool)
    for i, point in enumerate(points):
        away = np.abs((centres - point) @ stretch.T).max(axis=1)
        nearest = away.argmin()
        found[i] = away[nearest] < 0.5 and data[tuple(voxels[nearest])] in values
    return found


@given(st.tuples(*[st.floats(-3, 3)] * 3), st.integers(0, 99), st.sampled_from([[1], [2, 5], [0, 3]]))
@settings(max_examples=20, deadline=None)
def test_the_label_is_that_of_the_nearest_voxel_of_a_turned_image(vector, seed, values):
    affine = grid(Rotation.from_rotvec(vector).as_matrix(), shift=(3.0, -8.0, 1.0))
    data = atlas(seed)
    region = regions.labels(head(), (affine, data), values)
    some = np.arange(0, head().n_tets, 7)
    inside = expected(affine, data, head().barycentres_mm()[some], values)
    np.testing.assert_array_equal(np.isin(some, region.elements), inside)
    gray = regions.labels(head(), (affine, data), np.array(values), tags=2)
    np.testing.assert_array_equal(gray.elements, (region & regions.tissue(head(), 2)).elements)


def test_an_octant_by_hand():
    data = np.zeros((2, 2, 2), int)
    data[1, 0, 1] = 4
    region = regions.labels(head(), (grid(np.eye(3), (200, 200, 200), shape=(2, 2, 2)), data), 4)
    x, y, z = head().barycentres_mm().T
    clear = np.abs(head().barycentres_mm()).min(axis=1) > 1e-9
    wanted = (x > 0) & (y < 0) & (z > 0)
    np.testing.assert_array_equal(np.isin(np.arange(head().n_tets), region.elements)[clear], wanted[clear])


def test_nothing_outside_of_the_image_has_a_label_not_even_0():
    affine = grid(np.eye(3), (5, 5, 5), shape=(4, 4, 4))
    region = regions.labels(head(), (affine, np.zeros((4, 4, 4))), 0)
    inside = (np.abs(head().barycentres_mm()) < 10).all(axis=1)
    np.testing.assert_array_equal(region.elements, np.flatnonzero(inside))


def test_a_map_to_the_space_of_the_atlas():
    turn = Rotation.from_rotvec([0.2, -0.3, 0.1]).as_matrix() * [1.1, 0.9, 1.05]
    asked = []

    def to_mni(points):
        asked.append(len(points))
        return points @ turn.T + [1.0, -17, 5]

    affine, data = grid(np.eye(3), shift=(1.0, -17, 5)), atlas(3)
    region = regions.labels(head(), (affine, data), [2, 3], tags=[1, 2], to_image=to_mni)
    inside = expected(affine, data, to_mni(head().barycentres_mm()), [2, 3]) & (head().tags < 5)
    np.testing.assert_array_equal(region.elements, np.flatnonzero(inside))
    assert asked[0] == (head().tags < 5).sum()  # a map need not know the rest of the head


@pytest.mark.parametrize("dtype", [np.uint8, np.int16, np.float32])
def test_files_are_as_arrays(tmp_path, dtype):
    nibabel = pytest.importorskip("nibabel")
    affine, data = grid(Rotation.from_rotvec([0.3, 0.1, -0.2]).as_matrix()), atlas(1)
    affine = affine.astype(np.float32).astype(float)  # as the file has it
    path = tmp_path / "atlas.nii.gz"
    image = nibabel.Nifti1Image(data[..., None].astype(dtype), affine)  # some write a fourth dimension of 1
    nibabel.save(image, path)
    of_file = regions.labels(head(), path, [1, 4], tags=2)
    np.testing.assert_array_equal(
        of_file.elements, regions.labels(head(), (affine, data), [1, 4], tags=2).elements
    )


AFFINE = grid(np.eye(3))


@pytest.mark.parametrize(
    ("image", "values", "message"),
    [
        ((AFFINE, atlas()), 77, r"the label image: no voxel has the labels \[77\]"),
        ((AFFINE, atlas()), [1, 77, 78], r"no voxel has the labels \[77, 78\]"),
        (
            (AFFINE, atlas() + 0.25),
            1,
            r"the label image: [\d,]+ of its numbers are not whole, such as \d\.25",
        ),
        ((AFFINE, np.full(SHAPE, np.nan)), 1, "are not whole, such as nan"),
        ((AFFINE, atlas()), 1.0, "values must be one or some whole numbers, not float64"),
        ((AFFINE, atlas()), [], "values must be one or some whole numbers"),
        ((AFFINE, atlas()), "Left-Hippocampus", "values must be one or some whole numbers"),
        ((AFFINE, atlas()[0]), 1, r"its shape is \(11, 10\), a label image is \(nx, ny, nz\)"),
        ((AFFINE, np.zeros((0, 2, 2))), 1, r"its shape is \(0, 2, 2\)"),
        ((AFFINE, np.zeros((2, 2, 2, 3))), 1, r"its shape is \(2, 2, 2, 3\)"),
        ((AFFINE, atlas().astype(str)), 1, "values, not whole numbers"),
        ((AFFINE, [[1], [1, 2]]), 1, "the label image: "),
        ((np.zeros((4, 4)), atlas()), 1, r"affine must be a \(4, 4\) matrix"),
        ((np.eye(3), atlas()), 1, r"affine must be a \(4, 4\) matrix"),
        ((np.eye(4) * np.nan, atlas()), 1, "affine: 16 values are not finite"),
        (atlas(), 1, r"must be a path or \(affine, data\)"),
    ],
)
def test_what_is_no_label_image_is_refused(image, values, message):
    with pytest.raises(RegionError, match=message):
        regions.labels(head(), image, values)


def test_a_label_where_there_is_no_tetrahedron_says_how_many_were_looked_at():
    data = np.zeros((3, 3, 3), int)
    data[0, 0, 0] = 1  # in a corner, outside of the ball
    affine = grid(np.eye(3), (100, 100, 100), shape=(3, 3, 3))
    n = head().n_tets
    with pytest.raises(
        RegionError, match=rf"none of the {n:,} tetrahedra has the labels \[1\]; {n:,} of them are in"
    ):
        regions.labels(head(), (affine, data), 1)
    affine[0, 3] = 1000
    message = r"none of the [\d,]+ tetrahedra of the tissues \[2\] has the labels \[0\]; 0 of them are inside"
    with pytest.raises(RegionError, match=message):
        regions.labels(head(), (affine, data), 0, tags=2)


def test_a_map_that_is_none_is_refused():
    for to_image, message in (
        (
            lambda points: points[:, :2],
            r"to_image must map \(p, 3\) to \(p, 3\), not \(\d+, 3\) to \(\d+, 2\)",
        ),
        (lambda points: points * np.nan, "what to_image returns: .* values are not finite"),
    ):
        with pytest.raises(RegionError, match=message):
            regions.labels(head(), (AFFINE, atlas()), 1, to_image=to_image)


def test_a_damaged_file_is_refused(tmp_path):
    pytest.importorskip("nibabel")
    path = tmp_path / "atlas.nii.gz"
    path.write_bytes(b"\x1f\x8b no image")
    with pytest.raises(FileFormatError, match=r"atlas\.nii\.gz"):
        regions.labels(head(), path, 1)


# Names


def table(tmp_path, text):
    path = tmp_path / "names.txt"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


@pytest.mark.parametrize(
    ("line", "number", "name"),
    [
        ("1024    ctx-lh-precentral                   60  20  220 0", 1024, "ctx-lh-precentral"),
        ("  17\tLeft-Hippocampus\t220\t216\t20\t0  ", 17, "Left-Hippocampus"),
        ("3 Precentral Gyrus 1 2 3", 3, "Precentral Gyrus"),
        ("3 Precentral Gyrus 0.1 0.25 1.0 1", 3, "Precentral Gyrus"),
        ("3 Precentral Gyrus", 3, "Precentral Gyrus"),
        ("4 Area 17 200 10 10 255", 4, "Area 17"),
        ("4 Area 17", 4, "Area 17"),
        ("4 Area 17 2", 4, "Area 17 2"),
        ("5 1 2 3 4", 5, "1"),
        ("5 6", 5, "6"),
        ("501 right_CA2/3 17 85 136 0", 501, "right_CA2/3"),
        ("0 Unknown 0 0 0 0", 0, "Unknown"),
    ],
)
def test_lines_of_a_table(tmp_path, line, number, name):
    assert regions.read_label_names(table(tmp_path, line)) == {number: name}


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("4 Area 4 220 20 60\n6 Area 6 220 20 61\n", {4: "Area 4", 6: "Area 6"}),
        ("4 Area 4 220 20 60\n6 Insula 220 20 61\n9 none\n", {4: "Area 4", 6: "Insula", 9: "none"}),
        ("4 Area 4 220 20 60 0\n6 Area 6 220 20 61 0\n", {4: "Area 4", 6: "Area 6"}),
        ("4 Area_4 220 20 60 0\n6 Area_6 220 20 61 255\n", {4: "Area_4", 6: "Area_6"}),
    ],
)
def test_names_that_end_in_a_number_keep_it(tmp_path, text, names):
    assert regions.read_label_names(table(tmp_path, text)) == names


def test_comments_and_order(tmp_path):
    text = (
        "\ufeff#No. Name R G B\r\n\r\n53  Right-Hippocampus 220 216 20 0\r\n  # more\r\n17 Left 1 2 3 0\r\n"
    )
    names = regions.read_label_names(table(tmp_path, text))
    assert list(names.items()) == [(53, "Right-Hippocampus"), (17, "Left")]


def test_a_number_with_two_names_keeps_the_first(tmp_path):
    path = table(tmp_path, "1 one\n2 two\n1 one\n2 zwei\n")
    with pytest.warns(UserWarning, match="line 4 names 2 again, 'zwei': it stays 'two'"):
        assert regions.read_label_names(path) == {1: "one", 2: "two"}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "no labels"),
        ("# only a comment\n", "no labels"),
        ("1 one\ntwo 2\n", "line 2 is not a number and a name: 'two 2'"),
        ("1 one\n2\n", "line 2 is not a number and a name: '2'"),
        ("-1 minus\n", "line 1 is not a number"),
        ("1.5 half\n", "line 1 is not a number"),
        ("12345678901 beyond\n", "line 1 is not a number"),
        (b"1 one\n\xff\xfe two\n", "not UTF-8 text"),
        (b"1 one\n\0\0\0\n", "not a table of labels"),
        (b"1 one\n" * 3_000_000, "not a table of labels, but binary or beyond 16,777,216 bytes"),
    ],
)
def test_what_is_no_table_is_refused(tmp_path, content, message):
    with pytest.raises(FileFormatError, match=f"names.txt: {message}"):
        regions.read_label_names(table(tmp_path, content))
    with pytest.raises(FileFormatError, match="not a regular file"):
        regions.read_label_names(tmp_path)
