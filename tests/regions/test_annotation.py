# SPDX-License-Identifier: BSD-3-Clause
"""Surfaces combined with regions and atlases; FreeSurfer's volumes and annotations, against nibabel."""

import functools
import gzip

import nibabel
import numpy as np
import pytest
from nibabel.freesurfer import read_annot, write_annot

import headfield as hf
from headfield import regions
from headfield.errors import FileFormatError, RegionError
from headfield.io.freesurfer import read_annotation, read_mgh


@functools.cache
def head():
    return hf.sphere_mesh(radii_mm=[60, 70, 80], tags=[1, 2, 5], edge_mm=18)


@functools.cache
def layer():
    return regions.mid_layer(head())


def box():
    """An atlas: 1 where x < 0, 2 where x > 0 and y < 0, else 3."""
    x, y, _ = np.meshgrid(*[np.arange(-95.0, 100, 10)] * 3, indexing="ij")
    affine = np.diag([10.0, 10, 10, 1])
    affine[:3, 3] = -95
    return affine, np.where(x < 0, 1, np.where(y < 0, 2, 3)).astype(np.int32)


def test_a_surface_is_restricted_to_an_atlas_label():
    here = regions.labels(head(), box(), 2, tags=2)
    part = layer() & here
    inside = np.isin(layer().elements, here.elements)
    assert 0 < inside.sum() < len(layer())
    np.testing.assert_array_equal(part.centres_mm, layer().centres_mm[inside])
    np.testing.assert_array_equal(part.weights, layer().weights[inside])
    np.testing.assert_array_equal(part.normals, layer().normals[inside])
    kept = layer().faces[inside[layer().faces].all(axis=1)]
    np.testing.assert_array_equal(part.centres_mm[part.faces], layer().centres_mm[kept])
    assert part.unit == "mm²"
    assert len(here & layer()) == len(part)
    assert len(layer() - here) == len(layer()) - len(part)
    np.testing.assert_array_equal((layer() - part).elements, (layer() - here).elements)
    assert len(part & (layer() - here)) == 0


def test_an_mgz_is_the_image_that_nibabel_reads(tmp_path):
    affine, data = box()
    turned = affine.copy()
    turned[:3, :3] = affine[:3, [0, 2, 1]] * [-1, 1, 1]
    turned[:3, 3] = [95, -95, -95]
    for dtype in (np.int32, np.uint8, np.float32, np.int16):
        nibabel.save(nibabel.MGHImage(data.astype(dtype), turned), tmp_path / "a.mgz")
        (tmp_path / "a.mgh").write_bytes(gzip.decompress((tmp_path / "a.mgz").read_bytes()))
        other = nibabel.load(tmp_path / "a.mgz")
        for ending in (".mgz", ".mgh"):
            found, values = read_mgh(tmp_path / f"a{ending}")
            np.testing.assert_allclose(found, other.affine, atol=1e-4)
            np.testing.assert_array_equal(values[..., 0], np.asarray(other.dataobj))
    region = regions.labels(head(), tmp_path / "a.mgz", 1)
    expected = regions.labels(head(), (turned, data), 1)
    np.testing.assert_array_equal(region.elements, expected.elements)


def test_damaged_volumes_are_refused(tmp_path):
    path = tmp_path / "a.mgz"
    nibabel.save(nibabel.MGHImage(box()[1], box()[0]), path)
    whole = gzip.decompress(path.read_bytes())
    huge = whole[:4] + b"\0\1\0\0" * 3 + whole[16:]
    unplaced = whole[:28] + b"\0\0" + whole[30:]
    for content, said in (
        (gzip.compress(whole[:200]), "not a FreeSurfer volume"),
        (gzip.compress(whole[:2000]), "the file ends after"),
        (path.read_bytes()[:400], "damaged gzip"),
        (gzip.compress(huge), "too many"),
        (gzip.compress(unplaced), "does not say where"),
        (b"text", "not a FreeSurfer volume"),
    ):
        path.write_bytes(content)
        with pytest.raises(FileFormatError, match=said):
            regions.labels(head(), path, 1)


def annotation(folder, labels):
    colours = np.array([[25, 5, 25, 0, 0], [60, 20, 220, 0, 0], [1, 2, 3, 0, 0]])
    names = [b"unknown", b"precentral", b"Postcentral 2"]
    write_annot(folder / "lh.aparc.annot", labels, colours, names, fill_ctab=True)
    return folder / "lh.aparc.annot"


def test_labels_of_an_annotation_are_those_that_nibabel_reads(tmp_path):
    labels = np.random.default_rng(0).integers(-1, 3, 500)
    path = annotation(tmp_path, labels)
    found = read_annotation(path)
    expected, _, names = read_annot(path)
    np.testing.assert_array_equal(found.labels, expected)
    assert found.names == tuple(name.decode() for name in names)
    content = path.read_bytes()
    for size in (0, 3, 900, 4010, len(content) - 3):
        path.write_bytes(content[:size])
        with pytest.raises(FileFormatError, match=r"annotation|names"):
            read_annotation(path)
    path.write_bytes(b"\x7f\xff\xff\xff" + content[4:])
    with pytest.raises(FileFormatError, match="not an annotation"):
        read_annotation(path)


def test_an_annotated_surface_and_what_lies_near_it(tmp_path):
    nodes, faces = layer().centres_mm, layer().faces
    labels = np.where(nodes[:, 2] > 20, 1, 0)
    path = annotation(tmp_path, labels)
    given = regions.surface(head(), nodes, faces, tags=2)
    part = regions.annotated(given, path, "precentral")
    np.testing.assert_array_equal(part.elements, given.elements[labels == 1])
    volume = regions.annotated(
        regions.tissue(head(), 2), path, ["precentral"], surface=(nodes, faces), reach_mm=4
    )
    points = regions.tissue(head(), 2).centres_mm
    away = np.linalg.norm(points[:, None] - nodes, axis=2)
    near = labels[away.argmin(axis=1)] == 1
    assert volume.is_volume
    agree = np.isin(regions.tissue(head(), 2).elements, volume.elements) == near
    far = hf.Surface(nodes, faces).closest(points).distance_mm > 4
    assert agree[~far].mean() > 0.97  # the node nearest to a point is not always one of the nearest triangle
    assert not np.isin(regions.tissue(head(), 2).elements[far], volume.elements).any()
    with pytest.raises(RegionError, match=r"no label is called .*'m1'.*; there are unknown, precentral"):
        regions.annotated(given, path, "m1")
    with pytest.raises(RegionError, match="say by surface= which surface"):
        regions.annotated(regions.tissue(head(), 2), path, "precentral")
    with pytest.raises(RegionError, match=r"nothing of .* has the labels"):
        regions.annotated(given, path, "Postcentral 2")
    with pytest.raises(RegionError, match="the surface has 4"):
        regions.annotated(given, path, "precentral", surface=(nodes[:4], faces[:1]))
