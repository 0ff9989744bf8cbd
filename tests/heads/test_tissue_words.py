# SPDX-License-Identifier: BSD-3-Clause
"""Names of tissues in place of tags: the same thing is meant, and a name that there is not is refused."""

import numpy as np
import pytest

import headfield as hf
from headfield.heads.tissue_words import tags_of
from headfield.heads.tissues import TISSUES


def head(tags, names=None):
    """A tetrahedron for each tag, in a row face to face (Boerdijk-Coxeter)."""
    i = np.arange(len(tags) + 3)
    angle = i * np.arccos(-2 / 3)
    nodes = 20 * np.stack([0.5196 * np.cos(angle), 0.5196 * np.sin(angle), i / np.sqrt(10)], axis=1)
    tets = np.arange(4) + np.arange(len(tags))[:, None]
    return hf.TetMesh(nodes, tets, tags=tags, tag_names=names or {})


@pytest.mark.parametrize("tag", TISSUES)
def test_each_tissue_of_the_table_is_known_by_its_name(tag):
    mesh = head(sorted(TISSUES))
    expected = [4, 7, 8] if tag == 4 else [tag]  # bone, where two kinds of it are told apart
    for name in (TISSUES[tag].name, TISSUES[tag].name.upper().replace(" ", "_")):
        assert tags_of(mesh, name) == expected


@pytest.mark.parametrize(
    ("name", "present", "tags"),
    [
        ("white", [1, 2], [1]),
        ("wm", [1, 2], [1]),
        ("white-matter", [1, 2], [1]),
        ("grey", [1, 2], [2]),
        ("gm", [1, 2], [2]),
        ("brain", [1, 2, 3], [1, 2]),
        ("skull", [4, 5], [4]),
        ("skull", [5, 7, 8], [7, 8]),
        ("compact", [4, 7, 8], [7]),
        ("compact bone", [4, 5], [7]),  # bone that is of one piece is not asked for by that
        ("skin", [5], [5]),
        ("eyes", [5, 6], [6]),
        ("air", [-1, 5], [-1]),
        ("electrodes", [5, 101, 102, 501], [101, 102]),
        (["gm", 1], [1, 2], [1, 2]),
        (("gm", "gm"), [1, 2], [2]),
    ],
)
def test_aliases(name, present, tags):
    assert tags_of(head(present), name) == tags


def test_the_names_of_the_file_come_first():
    mesh = head([1, 2, 3], {1: "lobe A", 2: "skull", 3: "Skull"})
    assert tags_of(mesh, "lobe_a") == [1]
    assert tags_of(mesh, "skull") == [2, 3]
    assert tags_of(mesh, "fat") == [12]  # which only the table has


@pytest.mark.parametrize(
    ("name", "names"),
    [
        ("gray", {1: "GM", 2: "WM"}),
        ("white matter", {1: "gm"}),
        ("cortex", {2: "wm"}),
        ("gray matter", {2: "GM left", 3: "GM right"}),
    ],
)
def test_a_name_that_is_another_tissue_in_the_file_is_refused(name, names):
    """The file has its own words for white and gray matter, at other tags than the table."""
    mesh = head([1, 2, 3], names)
    with pytest.raises(hf.RegionError, match=f"tags: '{name}' may be another tissue in the file of the head"):
        tags_of(mesh, name)
    with pytest.raises(hf.ConductivityError, match="may be another tissue in the file of the head"):
        hf.HeadModel(mesh, {name: 0.3})


def test_two_tissues_that_change_places_are_the_brain_all_the_same():
    assert tags_of(head([1, 2], {1: "GM", 2: "WM"}), "brain") == [1, 2]


def test_a_name_of_nothing_but_marks_is_none():
    with pytest.raises(hf.RegionError, match="there is no tissue ''"):
        tags_of(head([1], {1: "_"}), "")


@pytest.mark.parametrize("side", ["left gray", "gm2", "lh", "1gray"])
def test_a_part_of_a_tissue_is_not_taken_for_all_of_it(side):
    with pytest.raises(hf.RegionError, match="there is no tissue"):
        tags_of(head([1, 2]), side)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("gray mater", "tags: there is no tissue 'gray mater', did you mean 'gray matter'?"),
        ("scapl", "did you mean 'scalp'?"),
        ("spongy bnoe", "did you mean 'spongy bone'?"),
        ("xyz", "there is no tissue 'xyz'; there: 'white matter', 'gray matter'"),
        (["gray", 1.5], "tags: 1.5 is neither a tag"),
        ("", "there is no tissue ''"),
    ],
)
def test_names_that_there_are_not(name, words):
    for use in (tags_of, hf.regions.tissue, lambda mesh, tags: mesh.crop(tags=tags)):
        with pytest.raises(hf.HeadfieldError) as refused:
            use(head([1, 2]), name)
        assert words in str(refused.value)


def test_a_tissue_that_the_head_lacks_is_refused_by_its_tag():
    with pytest.raises(hf.RegionError, match=r"tags \[9\]; the mesh has 1 white matter, 2 gray matter"):
        hf.regions.tissue(head([1, 2]), "blood")


def test_a_region_a_part_a_surface_and_a_place_are_the_same_by_name():
    mesh = hf.phantom_head(edge_mm=8)
    assert np.array_equal(hf.regions.tissue(mesh, "gm").elements, hf.regions.tissue(mesh, 2).elements)
    at = [-40, -8, 50]
    by_name, by_tag = (hf.regions.sphere(mesh, at, 15, tags) for tags in ("brain", [1, 2]))
    assert np.array_equal(by_name.elements, by_tag.elements)
    assert np.array_equal(mesh.surface("brain"), mesh.surface([1, 2]))
    assert np.array_equal(mesh.crop(without_tags="scalp").tags, mesh.crop(without_tags=5).tags)
    assert mesh.crop(tags=["white", "gray"]).n_tets == np.isin(mesh.tags, (1, 2)).sum()


def test_conductivity_by_name():
    mesh = head([2, 5, 7, 8])
    model = hf.heads.standard.conductivity_of
    expected = model(mesh, {2: 0.3, 7: 0.01, 8: 0.01})
    assert np.array_equal(model(mesh, {"gray matter": 0.3, "skull": 0.01}), expected)
    with pytest.raises(hf.ConductivityError, match="tag 7 is given twice, as 'skull' and 'compact bone'"):
        model(mesh, {"skull": 0.01, "compact bone": 0.02})
    with pytest.raises(hf.ConductivityError, match="no tissue 'gray mater', did you mean 'gray matter'"):
        model(mesh, {"gray mater": 0.3})
    with pytest.warns(UserWarning, match=r"given for tags \[9\]"):
        model(mesh, {"blood": 0.6})


def test_a_model_and_its_basis_by_name():
    mesh = hf.sphere_mesh([80, 90], [2, 5], edge_mm=20)
    by_name = hf.HeadModel(mesh, {"gm": 0.3}).conductivity
    assert np.array_equal(by_name, hf.HeadModel(mesh, {2: 0.3}).conductivity)
    from headfield.solve.uncertainty.ranges import checked_ranges

    assert checked_ranges({"gm": (0.1, 0.4)}, mesh, by_name).tags.tolist() == [2]
