# SPDX-License-Identifier: BSD-3-Clause
"""Parts of a mesh: the skin, and what is cropped."""

import warnings

import numpy as np
import pytest
from scipy import ndimage

from headfield.errors import ConductivityError, MeshError
from headfield.heads.mesh import TetMesh
from headfield.heads.parts import outermost
from headfield.heads.phantom import phantom_head, sphere_mesh
from headfield.heads.read import read_mesh
from headfield.solve.model import HeadModel

INF = np.inf
# The six tetrahedra of a cube with corners 0…7 (bit 0 is x, bit 1 y, bit 2 z) that share the diagonal 0 7.
CUBE = np.array([[0, 1, 3, 7], [0, 1, 5, 7], [0, 2, 3, 7], [0, 2, 6, 7], [0, 4, 5, 7], [0, 4, 6, 7]])


def voxels(filled: np.ndarray, tags: np.ndarray | None = None, **kwargs) -> TetMesh:
    """Mesh of the cubes of 10 mm where `filled` (nx, ny, nz) is not 0; element fields of where they are."""
    size = np.array(filled.shape) + 1
    nodes = 10.0 * np.stack(np.meshgrid(*map(np.arange, size), indexing="ij"), -1).reshape(-1, 3)
    number = np.arange(len(nodes)).reshape(size)
    corner = np.array([[i & 1, i >> 1 & 1, i >> 2] for i in range(8)])
    at = np.argwhere(filled)
    tets = number[tuple((at[:, None, None] + corner[CUBE]).transpose(3, 0, 1, 2))].reshape(-1, 4)
    return TetMesh(nodes, tets, np.repeat(filled[filled != 0], 6), **kwargs)


def volume_mm3(mesh: TetMesh, faces: np.ndarray) -> float:
    """Volume that a surface encloses, by the divergence theorem: right only if it is wound outward."""
    a, b, c = mesh.nodes_mm[faces].swapaxes(0, 1)
    return float(np.einsum("fi,fi->", a, np.cross(b, c)) / 6)


def check_closed(faces: np.ndarray) -> None:
    """Every edge has two faces, which run along it in opposite senses."""
    edges = np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]])
    _, times = np.unique(np.sort(edges, axis=1), axis=0, return_counts=True)
    assert (times == 2).all()
    assert len(np.unique(edges, axis=0)) == len(edges)


class TestSkin:
    def test_phantom(self):
        head = phantom_head(edge_mm=8)
        skin = head.skin()
        check_closed(skin)
        np.testing.assert_array_equal(skin, head.boundary())
        np.testing.assert_allclose(volume_mm3(head, skin), head.volumes_mm3().sum(), rtol=1e-12)
        assert skin.dtype == np.int32
        assert head.skin() is skin
        with pytest.raises(ValueError, match="read-only"):
            skin[0] = 0

    def test_cavities_are_left_out(self):
        ball = sphere_mesh([30, 60, 80], [1, 3, 5], edge_mm=15)
        outside = TetMesh(ball.nodes_mm, ball.tets[ball.tags == 5], ball.tags[ball.tags == 5])
        for mesh in (outside, ball.crop(tags=[3, 5])):
            check_closed(mesh.skin())
            assert len(mesh.skin()) < len(mesh.boundary())
            np.testing.assert_allclose(volume_mm3(mesh, mesh.skin()), ball.volumes_mm3().sum(), rtol=1e-12)

    @pytest.mark.parametrize("electrode", [100, 499, 500, 899])
    def test_it_lies_under_electrodes(self, electrode):
        ball = sphere_mesh([70, 80, 90], [2, 5, electrode], edge_mm=15)
        patch = (ball.tags == electrode) & (ball.barycentres_mm()[:, 2] > 40)
        mesh = TetMesh(
            ball.nodes_mm, ball.tets[(ball.tags < 100) | patch], ball.tags[(ball.tags < 100) | patch]
        )
        assert np.linalg.norm(mesh.nodes_mm, axis=1).max() > 89
        check_closed(mesh.skin())
        np.testing.assert_allclose(np.linalg.norm(mesh.nodes_mm[np.unique(mesh.skin())], axis=1), 80)
        summary = mesh.summary()
        assert summary["skin_mm2"] == pytest.approx(4 * np.pi * 80**2, rel=0.02)
        assert summary["surface_mm2"] > summary["skin_mm2"]

    def test_other_high_tags_are_head(self):
        for tag in (0, 99, 900, 1005):
            mesh = sphere_mesh([70, 80], [2, tag], edge_mm=25)
            np.testing.assert_allclose(np.linalg.norm(mesh.nodes_mm[mesh.skin()], axis=-1), 80)

    def test_only_electrodes(self):
        mesh = sphere_mesh([70, 80], [101, 501], edge_mm=25)
        with pytest.raises(MeshError, match=r"no skin: its tags \[101, 501\]"):
            mesh.skin()
        assert mesh.summary()["skin_mm2"] is None

    def test_a_scrap_above_the_head_is_not_the_skin(self):
        """Scalp that an electrode cuts off from the head, and that lies higher."""
        filled = np.full((3, 3, 5), 5)
        filled[:, :, 3] = 100
        mesh = voxels(filled)
        assert mesh.nodes_mm[mesh.skin()][..., 2].max() == 30
        assert volume_mm3(mesh, mesh.skin()) == pytest.approx(27e3)

    @pytest.mark.parametrize("shared", ["node", "edge"])
    def test_a_cavity_that_touches_the_surface(self, shared):
        """In a node or along an edge: the four faces there are joined by the space that they bound."""
        filled = np.ones((5, 5, 5), int)
        filled[2, 2, 2] = 0
        filled[1, 1, 1] = 0  # touches the first cavity in a node
        filled[0, 1 if shared == "edge" else 0, 0] = 0  # a notch of the outside
        mesh = voxels(filled)
        assert volume_mm3(mesh, mesh.boundary()) == pytest.approx(122e3)
        assert volume_mm3(mesh, mesh.skin()) == pytest.approx(124e3)
        edges = np.sort(np.concatenate([mesh.skin()[:, [i, i - 1]] for i in range(3)]), axis=1)
        assert (np.unique(edges, axis=0, return_counts=True)[1] == 2).all()

    def test_a_part_that_hangs_on_by_an_edge_is_skin(self):
        filled = np.zeros((2, 3, 3), int)
        filled[:, :2, :2] = 1
        filled[:, 2, 2] = 1
        mesh = voxels(filled)
        assert volume_mm3(mesh, mesh.skin()) == pytest.approx(10e3)

    @pytest.mark.parametrize("seed", range(20))
    def test_random_voxels_against_a_flood_from_outside(self, seed):
        """The outside flows through faces of voxels, and what it doesn't reach hangs together by edges."""
        filled = (np.random.default_rng(seed).random((5, 4, 4)) < 0.7).astype(int)
        labels = ndimage.label(filled, np.ones((3, 3, 3)))[0]
        filled[labels != np.bincount(labels[labels > 0]).argmax()] = 0
        outside = ndimage.label(np.pad(1 - filled, 1, constant_values=1))[0]
        inside = (outside != outside[0, 0, 0])[1:-1, 1:-1, 1:-1]
        solids = ndimage.label(inside, ndimage.generate_binary_structure(3, 2))[0]
        mesh = voxels(filled)
        largest = np.bincount(solids[solids > 0]).max()
        assert volume_mm3(mesh, mesh.skin()) == pytest.approx(1e3 * largest)

    def test_real_head(self, shared_data):
        head = read_mesh(shared_data / "head_small.npz")
        check_closed(head.skin())
        np.testing.assert_array_equal(head.skin(), head.boundary())
        gray = outermost(head.nodes_mm, head.surface([1, 2]))
        assert len(gray) < len(head.surface([1, 2]))
        brain = head.volumes_mm3()[np.isin(head.tags, [1, 2])].sum()
        assert 0.98 * brain < volume_mm3(head, gray) < 1.05 * brain

    def test_outermost_keeps_the_order_of_the_faces(self):
        mesh = sphere_mesh([40, 60, 80], [1, 3, 5], edge_mm=20)
        shell = mesh.surface([3, 5])
        kept = outermost(mesh.nodes_mm, shell)
        rows = {tuple(row): i for i, row in enumerate(shell.tolist())}
        assert (np.diff([rows[tuple(row)] for row in kept.tolist()]) > 0).all()


class TestCrop:
    head = phantom_head(edge_mm=8)

    def check_part(self, part: TetMesh, whole: TetMesh, chosen: np.ndarray) -> None:
        index = np.flatnonzero(chosen)
        np.testing.assert_array_equal(part.element_ids, index)
        np.testing.assert_array_equal(part.tags, whole.tags[index])
        np.testing.assert_array_equal(part.nodes_mm[part.tets], whole.nodes_mm[whole.tets[index]])
        np.testing.assert_array_equal(part.nodes_mm, whole.nodes_mm[part.node_ids])
        assert (part.n_dropped_nodes, part.n_flipped) == (0, 0)

    def test_by_tags(self):
        for tags in (1, [1, 2], [2, 1, 77]):
            self.check_part(self.head.crop(tags=tags), self.head, np.isin(self.head.tags, tags))

    def test_by_box_and_sphere(self):
        centres = self.head.barycentres_mm()
        low, high = np.array([-INF, -30, -20]), np.array([INF, 30, INF])
        boxed = ((centres >= low) & (centres <= high)).all(axis=1)
        self.check_part(self.head.crop(box_mm=(low, high)), self.head, boxed)
        near = np.linalg.norm(centres - [-46, -8, 60], axis=1) <= 60
        self.check_part(self.head.crop(centre_mm=[-46, -8, 60], radius_mm=60), self.head, near)
        with warnings.catch_warnings(record=True):
            warnings.simplefilter("always")
            part = self.head.crop(tags=[1, 2, 3], box_mm=[low, high], centre_mm=[-46, -8, 60], radius_mm=60)
        chosen = near & boxed & (self.head.tags <= 3)
        assert np.isin(part.element_ids, np.flatnonzero(chosen)).all()
        assert 0.9 * chosen.sum() < part.n_tets <= chosen.sum()

    def test_all_of_it(self):
        self.check_part(self.head.crop(), self.head, np.ones(self.head.n_tets, bool))

    def test_what_belongs_to_nodes_and_elements_comes_along(self):
        filled = np.ones((4, 3, 2), int)
        filled[2:] = 2
        plain = voxels(filled)
        surface = np.concatenate([plain.surface(1), plain.surface(2)])
        mesh = TetMesh(
            plain.nodes_mm,
            plain.tets,
            plain.tags,
            surface,
            np.repeat([1001, 1002], [len(plain.surface(1)), len(plain.surface(2))]),
            node_ids=np.arange(plain.n_nodes) + 500,
            element_ids=np.arange(plain.n_tets) * 3,
            element_data={"centre": plain.barycentres_mm(), "tag": plain.tags},
            node_data={"x": plain.nodes_mm[:, 0], "place": plain.nodes_mm},
            triangle_data={"middle": plain.nodes_mm[surface].mean(axis=1)},
        )
        part = mesh.crop(tags=2)
        np.testing.assert_array_equal(part.element_ids, mesh.element_ids[mesh.tags == 2])
        np.testing.assert_array_equal(part.nodes_mm, mesh.nodes_mm[part.node_ids - 500])
        np.testing.assert_array_equal(part.element_data["centre"], part.barycentres_mm())
        np.testing.assert_array_equal(part.element_data["tag"], part.tags)
        np.testing.assert_array_equal(part.node_data["place"], part.nodes_mm)
        np.testing.assert_array_equal(part.node_data["x"], part.nodes_mm[:, 0])
        # Of the surface of tissue 1 the interface is left.
        assert np.bincount(part.triangle_tags)[[1001, 1002]].tolist() == [12, len(plain.surface(2))]
        np.testing.assert_array_equal(
            part.triangle_data["middle"], part.nodes_mm[part.triangles].mean(axis=1)
        )
        # All of the boundary: faces of the cut between the tissues are there twice.
        assert len(np.unique(np.sort(part.triangles, axis=1), axis=0)) == len(part.boundary())

    def test_triangles_that_bridge_a_notch_are_left_out(self):
        """All their nodes stay, but both tetrahedra beside them go."""
        filled = np.ones((3, 1, 2), int)
        filled[1, 0, 1] = 2
        plain = voxels(filled)
        mesh = TetMesh(plain.nodes_mm, plain.tets, plain.tags, plain.surface(2), None)
        part = mesh.crop(tags=1)
        assert len(plain.surface(2)) == 12
        assert len(part.triangles) == 6  # two each on the bottom and the two sides of the notch
        assert set(map(tuple, np.sort(part.triangles, axis=1))) <= set(
            map(tuple, np.sort(part.boundary(), axis=1))
        )

    def test_the_largest_part_is_kept_with_a_warning(self):
        filled = np.ones((7, 2, 2), int)
        filled[2] = filled[6] = 2
        mesh = voxels(filled)
        match = r"crop: 48 tetrahedra \(8e\+03 of 2e\+04 mm³\) left out, in 1 part that hangs apart"
        with pytest.warns(UserWarning, match=match) as caught:
            part = mesh.crop(tags=1)
        assert caught[0].filename == __file__
        assert part.n_tets == 72
        assert part.nodes_mm[:, 0].min() == 30
        with pytest.raises(MeshError, match="2 disconnected parts; the largest has 72 tet"):
            mesh.crop(tags=1, keep_largest=False)
        assert mesh.crop(tags=2, box_mm=[[20, 0, 0], [30, 20, 20]], keep_largest=False).n_tets == 24

    def test_the_largest_is_by_volume_not_by_count(self):
        large = sphere_mesh([30], [1], edge_mm=20)
        small = sphere_mesh([20], [1], edge_mm=6)
        n = large.n_nodes
        far = [int(large.nodes_mm[:, 0].argmax()), n + int(small.nodes_mm[:, 0].argmin())]
        nodes = np.concatenate([large.nodes_mm, small.nodes_mm + [100, 0, 0], [[55, 9, 0], [55, 0, 9]]])
        bridge = [[*far, len(nodes) - 2, len(nodes) - 1]]
        mesh = TetMesh(
            nodes,
            np.concatenate([large.tets, small.tets + n, bridge]),
            [1] * (large.n_tets + small.n_tets) + [2],
        )
        assert small.n_tets > large.n_tets
        with pytest.warns(UserWarning, match=f"{small.n_tets:,} tetrahedra"):
            assert mesh.crop(tags=1).n_tets == large.n_tets

    @pytest.mark.parametrize(
        ("match", "arguments"),
        [
            ("no tetrahedron of the mesh is chosen", {"tags": 77}),
            ("no tetrahedron of the mesh is chosen", {"tags": []}),
            ("no tetrahedron of the mesh is chosen", {"centre_mm": [900, 0, 0], "radius_mm": 1}),
            ("no tetrahedron of the mesh is chosen", {"centre_mm": [0, 0, 0], "radius_mm": -1}),
            ("tags must be integers", {"tags": [1.5]}),
            ("centre_mm and radius_mm are only of use together", {"radius_mm": 5}),
            ("centre_mm and radius_mm are only of use together", {"centre_mm": [0, 0, 0]}),
            (r"centre_mm must have shape \(3,\), not \(2,\)", {"centre_mm": [0, 0], "radius_mm": 5}),
            ("radius_mm is nan, which is not finite", {"centre_mm": [0, 0, 0], "radius_mm": np.nan}),
            ("centre_mm is .*not finite", {"centre_mm": [0, 0, INF], "radius_mm": 5}),
            ("radius_mm: not real numbers: text", {"centre_mm": [0, 0, 0], "radius_mm": "far"}),
            (r"radius_mm must have shape \(\)", {"centre_mm": [0, 0, 0], "radius_mm": [5]}),
            (r"box_mm must have shape \(2, 3\)", {"box_mm": [0, 0, 0]}),
            ("box_mm is .*nan.* which is not finite", {"box_mm": [[0, 0, np.nan], [1, 1, 1]]}),
            ("box_mm must be two corners, low and high", {"box_mm": [[0, 0, 1], [1, 1, 0]]}),
            ("box_mm: not an array", {"box_mm": [[0, 0], [1, 1, 0]]}),
        ],
    )
    def test_wrong_arguments(self, match, arguments):
        with pytest.raises(MeshError, match=match):
            self.head.crop(**arguments)

    def test_a_part_can_be_solved_and_written(self, tmp_path):
        part = self.head.crop(box_mm=[[-INF, -INF, 0], [INF, INF, INF]])
        assert HeadModel(part).mesh is part
        part.write(tmp_path / "part.msh")
        np.testing.assert_array_equal(read_mesh(tmp_path / "part.msh").tets, part.tets)


def test_summary_lists_the_fields():
    filled = np.ones((1, 1, 2), int)
    filled[0, 0, 1] = 7
    mesh = voxels(
        filled, element_data={"E": np.zeros((12, 3)), "magnE": np.zeros(12)}, node_data={"v": np.zeros(12)}
    )
    summary = mesh.summary()
    assert summary["fields"] == {"elements": {"E": 3, "magnE": 1}, "nodes": {"v": 1}, "triangles": {}}
    # A tetrahedron of the cube has three edges along it, two diagonals of a side, and the long diagonal.
    edge = pytest.approx(10 * (3 + 2 * 2**0.5 + 3**0.5) / 6)
    assert summary["tissues"][7] == {"tetrahedra": 6, "volume_mm3": pytest.approx(1e3), "mean_edge_mm": edge}
    assert summary["surface_mm2"] == pytest.approx(1000)


def test_air_is_read_and_has_no_conductivity_of_its_own(tmp_path):
    mesh = sphere_mesh([60, 80], [-1, 5], edge_mm=25)
    mesh.write(tmp_path / "air.msh")
    read = read_mesh(tmp_path / "air.msh")
    np.testing.assert_array_equal(read.tags, mesh.tags)
    with pytest.raises(ConductivityError, match="no conductivity for tag -1"):
        HeadModel(read)
    assert HeadModel(read, {-1: 1e-6}).mesh is read


def test_a_head_without_the_air_around_it_is_whole():
    """So its skin is that of the head, and places for coils on it are not warned of."""
    mesh = sphere_mesh([60, 70, 80, 90], [2, 5, 101, -1], edge_mm=25)
    head = mesh.crop(without_tags=[-1, 101, 77])
    assert np.unique(head.tags).tolist() == [2, 5]
    np.testing.assert_array_equal(head.nodes_mm[head.skin()], mesh.nodes_mm[mesh.skin()])
    assert not head.is_part
    assert not mesh.crop(tags=[2, 5]).is_part
    assert mesh.crop(without_tags=2).is_part
    assert head.crop(without_tags=5).crop(without_tags=-1).is_part
    with pytest.raises(MeshError, match="no tetrahedron of the mesh is chosen"):
        mesh.crop(without_tags=[2, 5, 101, -1])
    with pytest.raises(MeshError, match="tags must be integers"):
        mesh.crop(without_tags=1.5)
