# SPDX-License-Identifier: BSD-3-Clause
"""Results as images, surfaces, tables and arrays, read back by nibabel and NumPy, against brute force."""

import csv
import dataclasses
import functools
import sys

import nibabel
import numpy as np
import pytest
from given.results import field_arrays, run
from scipy.spatial.transform import Rotation

import headfield as hf
from headfield import regions
from headfield.fields.note import Note
from headfield.fields.result import result_of

K = 3


@functools.cache
def head():
    return hf.sphere_mesh(radii_mm=[55, 66, 75], tags=[1, 2, 5], edge_mm=18)


@functools.cache
def arrays():
    """Three poses of random E, the second without convergence; the potential is linear in x, y and z."""
    mesh, rng = head(), np.random.default_rng(5)
    e = rng.normal(size=(K, mesh.n_tets, 3)).astype(np.float32)
    potential = np.stack([mesh.nodes_mm @ [1.0, 2.0, i] for i in range(K)])
    made = field_arrays(mesh, e, potential)
    report = dataclasses.replace(made.report, converged=np.array([True, False, True]))
    names = ("M1, left", "50 % \u00e9", "SMA")
    return dataclasses.replace(made, report=report, names=names, run=run(K))


def result(**different):
    return result_of(dataclasses.replace(arrays(), **different), "r.h5")


def field(**different):
    return hf.Field.of_arrays(dataclasses.replace(arrays(), **different))


def magnitude(pose):
    return np.sqrt((arrays().E[pose].astype(float) ** 2).sum(axis=1))


def tets_around(points):
    """The lowest of the tetrahedra around each point, -1 outside of all: every one is tried."""
    corners = head().nodes_mm[head().tets]
    inverse = np.linalg.inv((corners[:, 1:] - corners[:, :1]).transpose(0, 2, 1))
    found = np.full(len(points), -1)
    for i, point in enumerate(points):
        weights = np.einsum("mij,mj->mi", inverse, point - corners[:, 0])
        inside = (weights >= -1e-9).all(axis=1) & (weights.sum(axis=1) <= 1 + 1e-9)
        found[i] = inside.argmax() if inside.any() else -1
    return found


def sampled(image, count=250):
    """Some voxels of an image, and the tetrahedra around their centres."""
    voxels = np.argwhere(np.ones(image.shape[:3]))
    some = np.random.default_rng(1).choice(len(voxels), count, replace=False)
    centres = voxels[some] @ image.affine[:3, :3].T + image.affine[:3, 3]
    return tuple(voxels[some].T), centres, tets_around(centres)


def test_a_voxel_has_the_value_of_the_tetrahedron_around_its_centre(tmp_path):
    said, files = hf.write_result(tmp_path / "r.nii.gz", result(), spacing_mm=7.0)
    assert files == [str(tmp_path / "r.nii.gz")]
    image = nibabel.load(tmp_path / "r.nii.gz")
    assert image.shape == (23, 23, 23, K)
    assert image.get_data_dtype() == np.float32
    np.testing.assert_array_equal(
        image.affine, np.diag([7.0, 7, 7, 1]) + np.array([[0, 0, 0, -77]] * 3 + [[0] * 4])
    )
    where, _, tet = sampled(image)
    values = image.get_fdata()
    assert 40 < (tet >= 0).sum() < 200
    for pose in (0, 2):
        expected = np.where(tet >= 0, magnitude(pose)[tet], 0)
        np.testing.assert_allclose(values[(*where, pose)], expected, rtol=1e-6)
    assert np.isnan(values[..., 1]).all()
    assert f"0 outside of the {(values[..., 0] > 0).sum():,} that have a field; spacing 7 mm" in said
    assert bytes(image.header["descrip"]).rstrip(b"\0") == b"headfield field: magnE, V/m"
    (extension,) = image.header.extensions
    assert Note.parse(extension.get_content(), "r") == Note(run(K), arrays().names)


def test_an_image_on_the_grid_of_a_turned_one(tmp_path):
    affine = np.eye(4)
    affine[:3, :3] = Rotation.from_rotvec([0.3, -0.2, 1.0]).as_matrix() * [-9.0, 8.0, 10.0]
    affine[:3, 3] = affine[:3, :3] @ [-9.3, -10.1, -8.7]
    nibabel.save(nibabel.Nifti1Image(np.zeros((20, 21, 18), np.uint8), affine), tmp_path / "t1.nii.gz")
    hf.write_result(tmp_path / "e.nii", result(), pose=2, quantity="E", like=tmp_path / "t1.nii.gz")
    image = nibabel.load(tmp_path / "e.nii", mmap=False)
    assert image.shape == (20, 21, 18, 3)
    np.testing.assert_allclose(image.affine, affine, rtol=1e-6)
    where, _, tet = sampled(image)
    expected = np.where(tet[:, None] >= 0, arrays().E[2][tet], 0)
    np.testing.assert_array_equal(image.get_fdata()[where], expected)
    field().save(tmp_path / "v.nii.gz", quantity="v", pose=2, like=(affine, (20, 21, 18)))
    image = nibabel.load(tmp_path / "v.nii.gz")
    where, centres, tet = sampled(image)
    expected = np.where(tet >= 0, centres @ [1.0, 2.0, 2.0], 0)  # linear elements have it exactly
    np.testing.assert_allclose(image.get_fdata()[where], expected, atol=1e-4)


def test_an_image_of_all_components_of_all_poses_in_chosen_tetrahedra(tmp_path):
    gray = np.flatnonzero(head().tags == 2).astype(np.int32)
    some = result(E=arrays().E[:, gray], elements=gray, potential=None)
    hf.write_result(tmp_path / "e.nii.gz", some, quantity="E", spacing_mm=9)
    image = nibabel.load(tmp_path / "e.nii.gz")
    assert image.shape[3:] == (K, 3)
    where, _, tet = sampled(image)
    inside = (tet >= 0) & (head().tags[tet] == 2)
    assert inside.sum() > 5
    expected = np.where(inside[:, None], arrays().E[0][tet], 0)
    np.testing.assert_array_equal(image.get_fdata()[(*where, 0)], expected)
    again = tmp_path / "again.nii.gz"
    hf.write_result(again, some, quantity="E", spacing_mm=9)
    assert again.read_bytes() == (tmp_path / "e.nii.gz").read_bytes()


def test_grids_that_make_no_sense_are_refused(tmp_path):
    far = np.diag([2.0, 2, 2, 1])
    far[:3, 3] = 500
    out = tmp_path / "r.nii.gz"
    with pytest.raises(
        hf.ArgumentError, match="outside of the grid of the image: are they of the same subject"
    ):
        hf.write_result(out, result(), like=(far, (9, 9, 9)))
    with pytest.raises(hf.ArgumentError, match=r"a grid of .* voxels: at most 2\*\*27"):
        hf.write_result(out, result(), spacing_mm=0.1)
    with pytest.raises(hf.ArgumentError, match="either like, an image, or spacing_mm"):
        hf.write_result(out, result(), spacing_mm=1, like=(far, (9, 9, 9)))
    with pytest.warns(UserWarning, match=r"45% of the head's nodes lie outside of the grid"):
        hf.write_result(out, result(), pose=0, like=(_half(), (10, 18, 18)))


def test_an_input_is_not_overwritten(tmp_path):
    image, there = tmp_path / "t1.nii.gz", tmp_path / "f_0002.msh"
    hf.write_result(image, result(), spacing_mm=20, pose=0)
    with pytest.raises(hf.ArgumentError, match=r"t1\.nii\.gz is an input; it would be overwritten"):
        hf.write_result(image, result(), like=image, pose=0)
    field().save(there)
    with pytest.raises(hf.ArgumentError, match=r"f_0002\.msh is an input"):
        hf.write_result(tmp_path / "f.msh", hf.read_result(there))


def _half():
    affine = np.diag([9.0, 9, 9, 1])
    affine[:3, 3] = 4, -80, -80
    return affine


def test_a_table_has_a_row_for_each_tetrahedron_of_each_pose(tmp_path):
    said, _ = hf.write_result(tmp_path / "r.csv", result())
    assert said.endswith("; the potential is left out (quantity v)")
    with open(tmp_path / "r.csv", encoding="utf-8", newline="") as file:
        head_line, *rows = csv.reader(file)
    places = ["tetrahedron", "tag", "x_mm", "y_mm", "z_mm"]
    assert head_line == ["pose", "name", *places, "magnE", "Ex", "Ey", "Ez"]
    assert len(rows) == 2 * head().n_tets
    assert {(row[0], row[1]) for row in rows} == {("0", "M1, left"), ("2", "SMA")}
    last = np.array([row[2:] for row in rows[head().n_tets :]], float)
    np.testing.assert_array_equal(last[:, :2], np.column_stack([np.arange(head().n_tets), head().tags]))
    np.testing.assert_allclose(last[:, 2:5], head().barycentres_mm(), atol=1e-6)
    np.testing.assert_allclose(last[:, 5], magnitude(2), rtol=1e-6)
    np.testing.assert_array_equal(last[:, 6:].astype(np.float32), arrays().E[2])
    field().save(tmp_path / "v.csv", quantity="v", pose=2)
    table = np.genfromtxt(tmp_path / "v.csv", delimiter=",", names=True, usecols=(2, 3, 6))
    assert table.dtype.names == ("node", "x_mm", "v")
    np.testing.assert_allclose(table["v"], arrays().potential[2], rtol=1e-15)


def test_arrays_are_the_numbers_alone(tmp_path):
    said, _ = hf.write_result(tmp_path / "e.npy", result())
    where = f"in all {head().n_tets:,} tetrahedra; nothing else of the result is in it"
    assert said == f"E (3, {head().n_tets}, 3) float32, {where}"
    e = np.load(tmp_path / "e.npy")
    assert e.dtype == np.float32
    np.testing.assert_array_equal(e[[0, 2]], arrays().E[[0, 2]])
    assert np.isnan(e[1]).all()
    field().save(tmp_path / "v.npy", quantity="v", pose=2)
    np.testing.assert_array_equal(np.load(tmp_path / "v.npy"), arrays().potential[2:])
    field().save(tmp_path / "m.npy", quantity="magnE", pose=2)
    np.testing.assert_allclose(np.load(tmp_path / "m.npy")[0], magnitude(2), rtol=1e-6)


def brute_average(pose, node):
    """E at a node, by volume, of the gray tetrahedra around it."""
    around = [t for t in np.flatnonzero((head().tets == node).any(axis=1)) if head().tags[t] == 2]
    return np.average(arrays().E[pose][around], axis=0, weights=head().volumes_mm3()[around])


def test_a_surface_has_e_and_its_parts_at_its_nodes(tmp_path):
    said, files = hf.write_result(tmp_path / "r.func.gii", result())
    layer = regions.mid_layer(head())
    assert files == [str(tmp_path / "r.func.gii"), str(tmp_path / "r.mid_layer.surf.gii")]
    surface = nibabel.load(files[1])
    np.testing.assert_allclose(surface.agg_data("pointset"), layer.centres_mm, rtol=1e-6)
    np.testing.assert_array_equal(surface.agg_data("triangle"), layer.faces)
    image = nibabel.load(files[0])
    data = {one.meta["Name"]: one.data for one in image.darrays}
    assert list(data)[:4] == ["magnE M1, left", "normal M1, left", "tangential M1, left", "magnE 50 % \u00e9"]
    assert np.isnan(data["normal 50 % \u00e9"]).all()
    for i in range(0, len(layer), 97):
        nodes = head().tets[layer.elements[i]]
        e = sum(w * brute_average(2, n) for w, n in zip(layer.barycentric[i], nodes, strict=True) if w)
        normal = e @ layer.normals[i]
        found = [data[f"{part} SMA"][i] for part in ("magnE", "normal", "tangential")]
        expected = [np.linalg.norm(e), normal, np.linalg.norm(e - normal * layer.normals[i])]
        np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)
    assert Note.parse(image.meta["headfield"], "r") == Note(run(K), arrays().names)
    assert said == f"magnE, normal, tangential of 3 poses at {len(layer):,} nodes"


def written_surface(path, points, faces):
    arrays = [
        nibabel.gifti.GiftiDataArray(points.astype("f4"), intent="NIFTI_INTENT_POINTSET"),
        nibabel.gifti.GiftiDataArray(faces.astype("i4"), intent="NIFTI_INTENT_TRIANGLE"),
    ]
    nibabel.save(nibabel.gifti.GiftiImage(darrays=arrays), path)
    return path


def test_nodes_of_a_given_surface_outside_of_gray_matter_are_nan_and_counted(tmp_path):
    layer = regions.mid_layer(head())
    points = layer.centres_mm.copy()
    away = layer.centres_mm[:, 2] > 50
    points[away] *= 1.3
    central = written_surface(tmp_path / "lh.central.gii", points, layer.faces)
    uniform = np.broadcast_to(np.array([0.0, 0, 2], np.float32), arrays().E.shape)
    said, files = hf.write_result(tmp_path / "r.func.gii", result(E=uniform), pose=0, surface=central)
    assert files == [str(tmp_path / "r.func.gii")]
    assert f"; {away.sum():,} lie more than 2 mm outside of gray matter and are NaN" in said
    magnitude, normal, tangential = nibabel.load(files[0]).agg_data()
    np.testing.assert_array_equal(np.isnan(magnitude), away)
    np.testing.assert_allclose(magnitude[~away], 2.0, rtol=1e-5)
    low = points[:, 2] < 0  # far from the nodes that were moved
    np.testing.assert_allclose(normal[low], 2 * layer.normals[low, 2], atol=1e-4)
    np.testing.assert_allclose(normal[~away] ** 2 + tangential[~away] ** 2, 4.0, rtol=1e-5)
    inward = written_surface(tmp_path / "in.gii", layer.centres_mm, layer.faces[:, ::-1])
    with pytest.raises(hf.ArgumentError, match=r"in\.gii: its triangles are wound inward"):
        hf.write_result(tmp_path / "x.func.gii", result(), surface=inward)
    other = written_surface(tmp_path / "far.gii", layer.centres_mm + 500, layer.faces)
    with pytest.raises(hf.HeadfieldError, match=r"far\.gii: none of its .* nodes lies within 2 mm of gray"):
        hf.write_result(tmp_path / "x.func.gii", result(), surface=other)


def test_a_field_at_the_points_of_a_surface_is_written_as_it_is(tmp_path):
    layer = regions.mid_layer(head())
    e = np.random.default_rng(2).normal(size=(K, len(layer), 3)).astype(np.float32)
    at_points = field(E=e, region=layer, elements=layer.elements, potential=None)
    at_points.save(tmp_path / "r.func.gii", quantity="normal", pose=0)
    expected = hf.metrics.normal_tangential(e[0], layer.normals).normal
    np.testing.assert_allclose(
        nibabel.load(tmp_path / "r.func.gii").agg_data(), expected, rtol=1e-5, atol=1e-6
    )
    at_points.save(tmp_path / "r.npy")
    np.testing.assert_array_equal(np.load(tmp_path / "r.npy")[2], e[2])
    at_points.save(tmp_path / "r.csv", pose=2, quantity="E")
    table = np.genfromtxt(tmp_path / "r.csv", delimiter=",", names=True)
    np.testing.assert_allclose(table["x_mm"], layer.centres_mm[:, 0], atol=1e-6)
    np.testing.assert_allclose(table["Ez"], e[2, :, 2], rtol=1e-6)
    with pytest.raises(hf.ArgumentError, match="at points can't be written as an image"):
        at_points.save(tmp_path / "r.nii", spacing_mm=5)


@pytest.mark.parametrize("ending", ["h5", "msh", "vtu"])
def test_every_field_is_read_back(tmp_path, ending):
    good = dataclasses.replace(arrays().report, converged=np.ones(K, bool))
    error = np.random.default_rng(3).random((K, head().n_tets)).astype(np.float32)
    whole = field(report=good, local_error=error, recovery="interface")
    whole.save(tmp_path / f"f.{ending}")
    back = hf.read_result(tmp_path / f"f.{ending}")
    np.testing.assert_array_equal(back.E(1), arrays().E[1])
    np.testing.assert_array_equal(back.E(None), arrays().E)
    np.testing.assert_array_equal(back.potential(2), arrays().potential[2])
    np.testing.assert_array_equal(back.local_error(None), error)
    assert back.names == arrays().names
    assert back.provenance == run(K)
    if ending == "h5":
        assert back.recovery == "interface"
        assert back.facts["iterations"].tolist() == [7] * K
        assert back.facts["device"].tolist() == [b"cpu"] * K


def test_a_result_becomes_a_mesh_file_for_each_pose(tmp_path):
    field().save(tmp_path / "f.h5")
    for ending in ("msh", "vtu"):
        said, files = hf.write_result(tmp_path / f"g.{ending}", hf.read_result(tmp_path / "f.h5"))
        assert files == [str(tmp_path / f"g_{i:04d}.{ending}") for i in (0, 2)]
        assert said == "2 poses, all fields; 1 did not converge and got no file"
        back = hf.read_result(files[1])
        np.testing.assert_array_equal(back.E(), arrays().E[2])
        np.testing.assert_array_equal(back.potential(), arrays().potential[2])
        assert back.names == ("SMA",)
        assert back.provenance == run(K).part(2, 1)
    said, files = hf.write_result(tmp_path / "h.vtu", back, quantity="magnE", pose=0)
    assert said == "1 pose, magnE; left out: E, v"
    only = hf.read_result(files[0])
    with pytest.raises(hf.HeadfieldError, match=r"h\.vtu: no E in it, only magnE"):
        only.E()


def test_what_does_not_fit_together_is_refused(tmp_path):
    for name, options, said in (
        ("r.csv", {"spacing_mm": 2}, r"a grid \(like, spacing_mm\) is not an option for \.csv"),
        ("r.nii", {"surface": "a.gii"}, r"surface is not an option for \.nii"),
        ("r.nii", {"quantity": "B", "spacing_mm": 9}, "quantity 'B': one of magnE"),
        ("r.func.gii", {"quantity": "v"}, "a .gii holds magnE, normal, tangential, not v"),
        ("r.npy", {"quantity": "local_error"}, "no local error in it, only E, magnE, v"),
        ("r.npy", {"pose": 3}, "the result has the poses 0 to 2"),
        ("r.vtu", {"pose": 1}, "pose 1 has no E: it did not converge"),
        ("r.stl", {}, r"results are written as \.msh, \.vtu, \.npy"),
    ):
        with pytest.raises(hf.HeadfieldError, match=said):
            hf.write_result(tmp_path / name, result(), **options)
    with pytest.raises(hf.ArgumentError, match=r"pose is not an option for \.h5"):
        field().save(tmp_path / "r.h5", pose=0)
    assert list(tmp_path.iterdir()) == []


def test_without_nibabel(tmp_path, monkeypatch):
    for name in [name for name in sys.modules if name.partition(".")[0] == "nibabel"]:
        monkeypatch.setitem(sys.modules, name, None)
    for name in ("r.nii.gz", "r.func.gii"):
        with pytest.raises(hf.MissingPackageError, match=r"headfield\[nifti\]"):
            hf.write_result(tmp_path / name, result())


def test_names_are_one_text_for_each_pose():
    made = field(names=())
    assert made.names == ()
    made.label(["a", "b", "c"])
    assert made.names == ("a", "b", "c")
    assert made.provenance == run(K)
    for wrong in (["a"], "abc", [1, 2, 3]):
        with pytest.raises(hf.ArgumentError, match="names"):
            made.label(wrong)


def test_a_name_that_is_too_long_is_cut_between_letters_and_said(tmp_path):
    names = ("a" + "\u00e9" * 70, "b", "c")
    with pytest.warns(UserWarning, match="of a pose is cut to 127 bytes"):
        field(names=names).save(tmp_path / "f.h5")
    assert hf.read_result(tmp_path / "f.h5").names == ("a" + "\u00e9" * 63, "b", "c")


def test_surfaces_of_another_kind_are_refused(tmp_path):
    layer = regions.mid_layer(head())
    at_points = field(E=arrays().E[:, : len(layer)], region=layer, elements=layer.elements, potential=None)
    with pytest.raises(hf.ArgumentError, match="a field at points is written at these"):
        at_points.save(tmp_path / "r.func.gii", surface=layer)
    with pytest.raises(hf.ArgumentError, match="a surface with triangles is needed, not <Region of 1 point"):
        field().save(tmp_path / "r.func.gii", surface=regions.points(head(), [[0, 0, 60]]))
    other = regions.mid_layer(hf.sphere_mesh(radii_mm=[55, 66, 75], tags=[1, 2, 5], edge_mm=22))
    with pytest.raises(hf.RegionError, match="the surface is in another mesh"):
        field().save(tmp_path / "r.func.gii", surface=other)
    field(names=("a\x1b", "b", "c")).save(tmp_path / "r.func.gii", pose=0, quantity="magnE")
    assert nibabel.load(tmp_path / "r.func.gii").darrays[0].meta["Name"] == "magnE a?"
