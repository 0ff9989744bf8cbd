# SPDX-License-Identifier: BSD-3-Clause
"""Thicker and thinner layers by moving nodes: on spheres, where what must come out is known, and on heads."""

import numpy as np
import pytest

import headfield as hf
from headfield.errors import MeshError
from headfield.heads.quality import smallest_dihedrals_deg
from headfield.heads.thickness import LAYERS, Thickening

RADII, TAGS = [70, 76, 84, 92], [2, 3, 4, 5]
PLACE = {"csf": 1, "skull": 2, "scalp": 3}


@pytest.fixture(scope="module")
def shells():
    return hf.sphere_mesh(RADII, TAGS, edge_mm=8)


def surface_radii(mesh, tags):
    return np.linalg.norm(mesh.nodes_mm[np.unique(mesh.surface(tags))], axis=1)


@pytest.mark.parametrize("layer", list(LAYERS))
@pytest.mark.parametrize("delta", [-2.5, 1.0, 3.0])
def test_a_sphere_becomes_that_with_a_thicker_layer(shells, layer, delta):
    moved = hf.thickened(shells, layer, delta)
    for i in range(4):
        expected = RADII[i] + (delta if i >= PLACE[layer] else 0.0)
        radii = surface_radii(moved, TAGS[: i + 1])
        # Moved along directions that are off the radius by 0.02 rad at most, mostly far less.
        np.testing.assert_allclose(radii, expected, atol=abs(delta) * 2e-4)
    assert (moved.tets == shells.tets).all()
    assert (moved.tags == shells.tags).all()
    assert moved.volumes_mm3().min() > 0
    assert smallest_dihedrals_deg(moved.nodes_mm, moved.tets).min() > 8
    fresh = hf.sphere_mesh(np.array(RADII) + delta * (np.arange(4) >= PLACE[layer]), TAGS, edge_mm=8)
    volumes = [np.bincount(one.tags, one.volumes_mm3()) for one in (moved, fresh)]
    np.testing.assert_allclose(volumes[0], volumes[1], rtol=5e-3)


def test_nodes_within_a_layer_follow_the_harmonic_function_of_a_shell():
    shells = hf.sphere_mesh([50, 60, 84, 92], TAGS, edge_mm=8)
    moves = Thickening.of(shells, "skull").moves
    radius = np.linalg.norm(shells.nodes_mm, axis=1)
    within = (radius > 60.1) & (radius < 83.9)
    assert within.sum() > 500
    expected = (1 / 60 - 1 / radius[within]) / (1 / 60 - 1 / 84)
    np.testing.assert_allclose(np.linalg.norm(moves[within], axis=1), expected, atol=0.01)
    outward = shells.nodes_mm / np.maximum(radius, 1)[:, None]
    assert (np.einsum("nd,nd->n", moves, outward)[radius > 83.9] > 1 - 2e-4).all()
    assert not moves[radius < 60.1].any()


def test_back_and_forth_is_nothing(shells):
    there = hf.thickened(shells, "scalp", 2.0)
    back = hf.thickened(there, "scalp", -2.0)
    assert np.abs(back.nodes_mm - shells.nodes_mm).max() < 0.02
    assert (hf.thickened(shells, "scalp", 0).nodes_mm == shells.nodes_mm).all()


def test_the_phantom_keeps_what_lies_inside_and_grows_by_as_much():
    head = hf.phantom_head(edge_mm=8)
    moved = hf.thickened(head, "csf", 0.8)
    brain = np.isin(head.tags, (1, 2))
    inside = np.unique(head.tets[brain])
    assert (moved.nodes_mm[inside] == head.nodes_mm[inside]).all()
    skin = np.unique(head.skin())
    grown = np.linalg.norm(moved.nodes_mm[skin] - head.nodes_mm[skin], axis=1)
    np.testing.assert_allclose(grown, 0.8, rtol=1e-12)
    for one, tags in ((moved, [1, 2, 3, 4]), (head, [1, 2, 3, 4])):
        assert one.surface(tags).shape == head.surface(tags).shape
    assert Thickening.of(head, "csf").reached(moved, 0.8) == pytest.approx(1.0)


def test_what_does_not_hold_is_refused_with_how_much_does():
    head = hf.phantom_head(edge_mm=8)
    with pytest.raises(MeshError, match="csf can't be 6 mm thinner") as raised:
        hf.thickened(head, "csf", -6.0)
    holds = float(str(raised.value).split("volume. ")[1].split(" mm")[0])
    assert 0.5 < holds < 6
    assert hf.thickened(head, "csf", -0.99 * holds).volumes_mm3().min() > 0
    with pytest.raises(MeshError):
        hf.thickened(head, "csf", -1.01 * holds)


def test_nodes_are_held_back_where_they_have_to_be():
    head = hf.phantom_head(edge_mm=8)
    way = Thickening.of(head, "csf")
    moved = way.moved(-6.0, hold_back=True)
    ratio = moved.volumes_mm3() / head.volumes_mm3()
    assert ratio.min() >= 0.3
    assert 0.1 < way.reached(moved, -6.0) < 0.5
    free = way.moved(0.5, hold_back=True)
    np.testing.assert_allclose(free.nodes_mm, way.moved(0.5).nodes_mm, rtol=0, atol=1e-12)


def test_where_the_layer_is_missing_shared_nodes_stay():
    shells = hf.sphere_mesh(RADII, TAGS, edge_mm=14)
    tags = shells.tags.copy()
    lower = (tags == 3) & (shells.barycentres_mm()[:, 2] < 0)
    tags[lower] = 2  # brain that touches the skull
    head = hf.TetMesh(shells.nodes_mm, shells.tets, tags)
    moves = Thickening.of(head, "csf").moves
    touching = np.intersect1d(head.tets[tags == 4], head.tets[tags == 2])
    assert len(touching) > 50
    assert not moves[touching].any()


def test_fields_and_ids_stay(shells):
    mesh = hf.TetMesh(
        shells.nodes_mm,
        shells.tets,
        shells.tags,
        shells.surface([2]),
        node_ids=np.arange(shells.n_nodes) + 7,
        element_data={"sigma": shells.tags / 10},
        tag_names={2: "brain"},
    )
    moved = hf.thickened(mesh, "skull", 1.0)
    assert (moved.element_data["sigma"] == mesh.element_data["sigma"]).all()
    assert (moved.node_ids == mesh.node_ids).all()
    assert (moved.triangles == mesh.triangles).all()
    assert dict(moved.tag_names) == {2: "brain"}


@pytest.mark.parametrize(
    ("made", "said"),
    [
        (
            lambda: hf.thickened(hf.sphere_mesh([80, 90], [2, 5], 20), "skull", 1.0),
            "has no skull: .* 4 or 7 or 8",
        ),
        (lambda: hf.thickened(hf.sphere_mesh([80, 90], [3, 5], 20), "csf", 1.0), "nothing inside of the csf"),
        (lambda: hf.thickened(hf.sphere_mesh([80, 90], [2, 5], 20), "dura", 1.0), "'csf', 'skull', 'scalp'"),
        (lambda: hf.thickened(hf.sphere_mesh([80, 90], [2, 5], 20), "scalp", np.nan), "delta_mm"),
        (lambda: hf.thickened(hf.sphere_mesh([80, 85, 90], [2, 42, 5], 20), "scalp", 1.0), "tag 42"),
        (lambda: hf.thickened("head", "scalp", 1.0), "TetMesh"),
        (lambda: hf.sphere_mesh([80], [2], 30).with_nodes(np.ones((3, 3))), "must have the shape"),
        (lambda: _turned(hf.sphere_mesh([80], [2], 30)), "turned inside out"),
    ],
)
def test_what_is_refused(made, said):
    with pytest.raises(MeshError, match=said):
        made()


def _turned(mesh):
    return mesh.with_nodes(mesh.nodes_mm * [1, 1, -1])
