# SPDX-License-Identifier: BSD-3-Clause
"""Planes through a mesh against brute force and a sphere; surfaces with fewer triangles; lines of a coil."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial import ConvexHull

import headfield as hf
from headfield.pictures.scene import Scene
from headfield.pictures.shells import Shell, thinned
from headfield.pictures.slices import cut_faces, cut_tets, slice_heads


def areas(triangles):
    u, v = triangles[:, 1] - triangles[:, 0], triangles[:, 2] - triangles[:, 0]
    return np.abs(u[:, 0] * v[:, 1] - u[:, 1] * v[:, 0]) / 2


@pytest.fixture(scope="module")
def ball():
    return hf.sphere_mesh(radii_mm=[40, 60], tags=[2, 5], edge_mm=9)


@settings(deadline=None, max_examples=60)
@given(st.integers(0, 2**32 - 1), st.integers(0, 2))
def test_one_tetrahedron_against_its_hull(seed, axis):
    nodes = np.random.default_rng(seed).normal(size=(4, 3))
    triangles, owner = cut_tets(nodes, np.array([[0, 1, 2, 3]]), axis, 0.1)
    kept = [d for d in range(3) if d != axis]
    points = []
    for i in range(4):
        for j in range(i):
            a, b = nodes[i, axis] - 0.1, nodes[j, axis] - 0.1
            if a * b < 0:
                points.append((nodes[i] * b - nodes[j] * a)[kept] / (b - a))
    assert len(triangles) == max(len(points) - 2, 0)
    assert (owner == 0).all()
    if points:
        assert areas(triangles).sum() == pytest.approx(ConvexHull(points).volume, rel=1e-6, abs=1e-12)


@pytest.mark.parametrize("axis", [0, 1, 2])
@pytest.mark.parametrize("at", [0.0, 13.7, -50.0])
def test_the_cut_of_a_ball(ball, axis, at):
    triangles, owner = cut_tets(ball.nodes_mm, ball.tets, axis, at)
    for tag, radius in ((2, 40.0), (5, 60.0)):
        inside = areas(triangles[ball.tags[owner] <= tag]).sum()
        assert inside == pytest.approx(np.pi * max(radius**2 - at**2, 0), rel=0.05, abs=1e-9)


def test_a_plane_through_nodes_cuts_once():
    """Where it holds a whole face, that is cut from one side and not from the other."""
    nodes = [[0, 0, 0], [9, 0, 0], [0, 9, 0], [0, 0, 9], [0, 0, -9]]
    tet = hf.TetMesh(nodes, [[0, 1, 2, 3], [0, 2, 1, 4]], tags=[2, 2])
    triangles, owner = cut_tets(tet.nodes_mm, tet.tets, 2, 0.0)
    assert areas(triangles).sum() == pytest.approx(40.5)
    assert owner.tolist() == [1]
    for outside in (9.1, -9.1):
        assert len(cut_tets(tet.nodes_mm, tet.tets, 2, outside)[0]) == 0
        assert cut_faces(tet.nodes_mm, tet.boundary(), 2, outside).shape == (0, 2, 2)


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_pixels_have_the_value_of_their_tetrahedron(ball, axis):
    values = np.arange(ball.n_tets, dtype=np.float32)
    cut = slice_heads(ball, values, ball, axis, 7.3, 3.0)
    height, width = cut.magnitude.shape
    left, right, bottom, top = cut.extent
    corners = ball.nodes_mm[ball.tets]
    for row, column in np.random.default_rng(1).integers(0, (height, width), (40, 2)):
        point = [
            left + (column + 0.5) * (right - left) / width,
            bottom + (row + 0.5) * (top - bottom) / height,
        ]
        point.insert(axis, 7.3)
        weights = np.linalg.solve(
            np.swapaxes(corners[:, 1:] - corners[:, :1], 1, 2), (np.array(point) - corners[:, 0])[:, :, None]
        )[:, :, 0]
        holds = np.flatnonzero((weights.min(axis=1) >= -1e-9) & (weights.sum(axis=1) <= 1 + 1e-9))
        assert cut.inside[row, column] == bool(len(holds))
        if len(holds):
            assert cut.magnitude[row, column] in holds
        else:
            assert np.isnan(cut.magnitude[row, column])


def test_borders_are_two_circles(ball):
    borders = slice_heads(ball, np.ones(ball.n_tets), ball, 1, 5.0, 4.0).borders
    radius = np.linalg.norm(borders, axis=2)
    inner = radius.max(axis=1) < 50
    length = np.linalg.norm(borders[:, 1] - borders[:, 0], axis=1)
    for chosen, r in ((inner, 40.0), (~inner, 60.0)):
        assert length[chosen].sum() == pytest.approx(2 * np.pi * np.sqrt(r**2 - 25), rel=0.03)
        assert np.abs(radius[chosen] - np.sqrt(r**2 - 25)).max() < 3.0


def test_a_part_in_the_whole_head(ball):
    part = ball.crop(tags=2)
    cut = slice_heads(part, np.ones(part.n_tets), ball, 2, 0.0, 2.0)
    whole = slice_heads(ball, np.where(ball.tags == 2, 1.0, np.nan), ball, 2, 0.0, 2.0)
    np.testing.assert_array_equal(cut.inside, whole.inside)
    np.testing.assert_array_equal(cut.magnitude, whole.magnitude)
    np.testing.assert_array_equal(cut.borders, whole.borders)


def volume(shell):
    corners = shell.nodes_mm[shell.faces]
    return np.einsum("fi,fi->", corners[:, 0], np.cross(corners[:, 1], corners[:, 2])) / 6


class TestScene:
    def test_values_on_the_cortex(self, ball):
        """A constant field has that value at every node; a linear one nearly, as elements are small."""
        cortex = Scene(ball, np.full(ball.n_tets, 3.0)).cortex
        assert np.ptp(cortex.values) < 1e-12
        linear = Scene(ball, 100 + ball.barycentres_mm()[:, 2]).cortex
        assert np.abs(linear.values - 100 - linear.nodes_mm[:, 2]).max() < 6.0

    def test_distribution(self, ball):
        values = np.random.default_rng(2).uniform(0, 50, ball.n_tets)
        scene = Scene(ball, np.where(ball.barycentres_mm()[:, 0] > 0, values, np.nan), tags=(2, 5))
        found = scene.distribution
        gray = (ball.tags == 2) & (ball.barycentres_mm()[:, 0] > 0)
        weights = ball.volumes_mm3()[gray]
        assert found.amounts.sum() == pytest.approx(weights.sum() * 1e-3)
        share = np.cumsum(found.amounts) / found.amounts.sum()
        place = np.searchsorted(share, 0.5)
        assert found.edges[place] <= found.percentiles[0] <= found.edges[place + 1]
        assert scene.peak[0] == values[gray].max()
        assert found.tissue == f"{weights.sum() * 1e-3:.3g} cm³ of gray matter"
        assert Scene(ball, values).distribution.tissue == "gray matter"
        assert Scene(ball, values, tags=(5,)).distribution.tissue == "scalp"

    def test_the_eye(self, ball):
        values = np.zeros(ball.n_tets)
        values[np.argmax(np.where(ball.tags == 2, ball.barycentres_mm()[:, 1], -99))] = 1.0
        assert Scene(ball, values).outward[1] > 0.9
        turned = hf.ring(np.diag([1.0, -1, -1, 1]), [30])[0]
        np.testing.assert_allclose(Scene(ball, values, matrix=turned).outward, [0, 0, 1], atol=1e-12)

    def test_refused(self, ball):
        values = np.ones(ball.n_tets)
        with pytest.raises(hf.HeadfieldError, match=r"no tissue \(1, 3\); it has \[2, 5\]"):
            Scene(ball, values, tags=(1, 3))
        with pytest.raises(hf.HeadfieldError, match="no value"):
            Scene(ball, np.where(ball.tags == 5, 1.0, np.nan))
        with pytest.raises(hf.HeadfieldError, match="pose is not known"):
            Scene(ball, values, coil=hf.circular_coil())
        with pytest.raises(hf.HeadfieldError, match="negative"):
            Scene(ball, -values)

    def test_a_field_at_points(self, ball):
        points = hf.regions.nodes(ball, 2)
        pose = hf.place(ball, [0, 0, 95], [0, 50, 95])
        field = hf.HeadModel(ball).solve(hf.circular_coil(), pose, roi=points)
        with pytest.raises(hf.HeadfieldError, match=r"at points .* save it as \.vtu"):
            field.plot()


class TestThinned:
    @pytest.mark.parametrize("most", [2000, 400])
    def test_the_shape_stays(self, most):
        ball = hf.sphere_mesh(radii_mm=[60], tags=[2], edge_mm=5)
        shell = Scene(ball, 1.0 + (ball.barycentres_mm()[:, 0] > 0)).cortex
        thin = thinned(shell, most)
        assert most / 3 < len(thin.faces) <= most < len(shell.faces)
        assert volume(thin) == pytest.approx(volume(shell), rel=0.08)
        assert thin.values.min() >= shell.values.min()
        assert thin.values.max() <= shell.values.max()
        ends = thin.nodes_mm[:, 0]
        assert thin.values[ends > 20].min() > 1.9
        assert thin.values[ends < -20].max() < 1.1

    def test_small_ones_are_left(self, ball):
        shell = Scene(ball, np.ones(ball.n_tets)).cortex
        assert thinned(shell, len(shell.faces)) is shell

    def test_unknown_values_do_not_spread(self):
        nodes = np.array([[0.0, 0, 0], [0.1, 0, 0], [9, 0, 0], [0, 9, 0], [9, 9, 0]])
        faces = np.array([[0, 2, 3], [1, 2, 3], [2, 4, 3]])
        thin = thinned(Shell(nodes, faces, np.array([np.nan, 4.0, 1.0, np.nan, 2.0])), 2)
        assert len(thin.faces) == 2
        assert sorted(thin.values[np.isfinite(thin.values)].tolist()) == [1.0, 2.0, 4.0]
