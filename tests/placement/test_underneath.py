# SPDX-License-Identifier: BSD-3-Clause
"""What lies under a coil, against spheres, slabs and points that are located one by one."""

import numpy as np
import pytest
from given.surfaces import over

import headfield as hf
from headfield.errors import MeshError, PoseError, RegionError
from headfield.heads.location import locate
from headfield.heads.rays import crossed

TAGS = [2, 3, 7, 5]
RADII = [70, 74, 80, 92]


@pytest.fixture(scope="module")
def ball():
    return hf.sphere_mesh(radii_mm=RADII, tags=TAGS, edge_mm=6)


@pytest.fixture(scope="module")
def slab():
    """Layers of cubes of 10 mm: scalp on top of bone, of gray matter, of white matter."""
    x = 10.0 * np.arange(7)
    nodes = np.stack(np.meshgrid(x, x, x[:5], indexing="ij"), axis=-1).reshape(-1, 3) - [30, 30, 40]
    i, j, k = (a.ravel() for a in np.meshgrid(range(6), range(6), range(4), indexing="ij"))
    corner = [((i + a) * 7 + j + b) * 5 + k + c for a, b, c in np.ndindex(2, 2, 2)]
    ways = ((1, 3), (1, 5), (2, 3), (2, 6), (4, 5), (4, 6))  # from corner 0 to corner 7 along two edges
    tets = np.concatenate([np.stack([corner[0], corner[a], corner[b], corner[7]], axis=1) for a, b in ways])
    return hf.TetMesh(nodes, tets, np.tile(np.array([1, 2, 7, 5])[k], 6))


def around(k, distance_mm, seed=0):
    """Poses that look at the middle of a ball of 92 mm."""
    rng = np.random.default_rng(seed)
    unit = rng.normal(size=(k, 3))
    unit /= np.linalg.norm(unit, axis=1, keepdims=True)
    poses = np.tile(np.eye(4), (k, 1, 1))
    for pose, n in zip(poses, unit, strict=True):
        y = np.cross(n, [0.3, 0.5, 0.8])
        pose[:3, 1] = y / np.linalg.norm(y)
        pose[:3, 2] = -n
        pose[:3, 0] = np.cross(pose[:3, 1], pose[:3, 2])
        pose[:3, 3] = (92 + distance_mm) * n
    return poses


def test_concentric_spheres(ball):
    under = hf.scalp_geometry(ball, around(60, 5.0))
    inside = 6.0**2 / (6 * 70)  # how far flat triangles lie inside of their sphere, mm
    for value, exact in (
        (under.coil_to_scalp_mm, 5),
        (under.coil_to_nearest_scalp_mm, 5),
        (under.scalp_to_cortex_mm, 22),
        (under.scalp_to_nearest_cortex_mm, 22),
    ):
        np.testing.assert_allclose(value, exact, atol=2 * inside)
    assert under.tags.tolist() == [2, 3, 5, 7]
    np.testing.assert_allclose(under.thickness_mm, np.tile([0, 4, 12, 6], (60, 1)), atol=2 * inside)
    np.testing.assert_allclose(under.thickness_mm.sum(axis=1), under.scalp_to_cortex_mm, atol=1e-8)
    assert (under.scalp_to_nearest_cortex_mm <= under.scalp_to_cortex_mm + 1e-9).all()
    assert (under.coil_to_nearest_scalp_mm <= under.coil_to_scalp_mm + 1e-9).all()


@pytest.mark.parametrize("at", [(0, 0), (10, 10), (-20, 10), (3, -7), (5, 5), (5, 0)])
def test_slabs_exactly_also_along_edges_and_faces(slab, at):
    under = hf.scalp_geometry(slab, over(4.5, *at))
    np.testing.assert_allclose(under.scalp_mm, [[*at, 0]], atol=1e-9)
    np.testing.assert_allclose(under.coil_to_scalp_mm, 4.5, atol=1e-9)
    np.testing.assert_allclose(under.scalp_to_cortex_mm, 20, atol=1e-9)
    np.testing.assert_allclose(under.thickness_mm, [[0, 0, 10, 10]], atol=1e-9)
    assert under.tags.tolist() == [1, 2, 5, 7]
    white = hf.scalp_geometry(slab, over(4.5, *at), cortex=1)
    np.testing.assert_allclose(white.thickness_mm, [[0, 10, 10, 10]], atol=1e-9)
    np.testing.assert_allclose(white.scalp_to_cortex_mm, 30, atol=1e-9)


def test_an_oblique_coil_looks_along_its_axis(slab):
    slope = np.radians(30)
    pose = over(5.0)
    pose[:3, :3] = pose[:3, :3] @ [
        [np.cos(slope), 0, np.sin(slope)],
        [0, 1, 0],
        [-np.sin(slope), 0, np.cos(slope)],
    ]
    under = hf.scalp_geometry(slab, pose)
    np.testing.assert_allclose(under.coil_to_scalp_mm, 5 / np.cos(slope))
    np.testing.assert_allclose(under.coil_to_nearest_scalp_mm, 5)
    np.testing.assert_allclose(under.scalp_to_cortex_mm, 20 / np.cos(slope))
    np.testing.assert_allclose(under.scalp_to_nearest_cortex_mm, 20)


def test_a_coil_inside_and_one_that_looks_away(slab):
    inside, away = over(-3.0), np.eye(4)
    away[2, 3] = 5.0
    under = hf.scalp_geometry(slab, [inside, away])
    np.testing.assert_allclose(under.coil_to_scalp_mm, [-3, np.nan])
    np.testing.assert_allclose(under.coil_to_nearest_scalp_mm, [-3, 5])
    np.testing.assert_allclose(under.scalp_to_cortex_mm, [20, np.nan])
    np.testing.assert_allclose(under.scalp_to_nearest_cortex_mm, [20, np.nan])
    np.testing.assert_allclose(under.thickness_mm, [[0, 0, 10, 10], [np.nan] * 4])


def test_a_cavity_is_in_no_tissue_and_electrodes_are_no_scalp(slab):
    hollow = slab.crop(tags=[1, 2, 5, 7], keep_largest=True)
    kept = ~((slab.tags == 7) & (np.abs(slab.barycentres_mm()[:, :2]).max(axis=1) < 20))
    hollow = hf.TetMesh(slab.nodes_mm, slab.tets[kept], slab.tags[kept])
    under = hf.scalp_geometry(hollow, over(4.0, 3, 2))
    np.testing.assert_allclose(under.thickness_mm, [[0, 0, 10, 0]], atol=1e-9)
    np.testing.assert_allclose(under.scalp_to_cortex_mm, 20)
    covered = hf.TetMesh(slab.nodes_mm, slab.tets, np.where(slab.tags == 5, 101, slab.tags))
    under = hf.scalp_geometry(covered, over(4.0, 3, 2))
    np.testing.assert_allclose(under.coil_to_scalp_mm, 14)
    assert under.tags.tolist() == [1, 2, 7]


def test_pieces_of_lines_are_where_points_are_located():
    head = hf.phantom_head(edge_mm=8)
    rng = np.random.default_rng(1)
    origin, direction = rng.uniform(-60, 60, (40, 3)), rng.normal(size=(40, 3))
    direction /= np.linalg.norm(direction, axis=1, keepdims=True)
    pieces = crossed(head, origin, direction, (-70.0, 90.0))
    at = rng.uniform(size=len(pieces.line))
    along = pieces.begin_mm + at * (pieces.end_mm - pieces.begin_mm)
    points = origin[pieces.line] + along[:, None] * direction[pieces.line]
    found = locate(head, points)
    assert (found.element == pieces.tet).mean() > 0.999  # but for points on faces
    length = np.bincount(pieces.line, pieces.end_mm - pieces.begin_mm, 40)
    steps = np.linspace(-70, 90, 1601)
    inside = hf.skin(head).inside((origin[:, None] + steps[:, None] * direction[:, None]).reshape(-1, 3))
    np.testing.assert_allclose(inside.reshape(40, -1).sum(axis=1) * 0.1, length, atol=0.21)


def test_what_is_no_question_is_refused(ball):
    bone = hf.TetMesh(ball.nodes_mm, ball.tets, np.where(ball.tags == 2, 4, ball.tags))
    with pytest.raises(RegionError, match=r"no tissue \[1, 2\] to take for the cortex; it has \[3, 4, 5"):
        hf.scalp_geometry(bone, over(95))
    with pytest.raises(RegionError, match=r"no tissue \[9\] to take"):
        hf.scalp_geometry(ball, over(95), cortex=9)
    with pytest.raises((RegionError, MeshError), match="mesh must be a TetMesh"):
        hf.scalp_geometry(hf.skin(ball), over(95))
    with pytest.raises(PoseError):
        hf.scalp_geometry(ball, np.eye(4) * 2)


def test_the_folder_of_a_subject_stands_for_its_head(ball, tmp_path):
    (tmp_path / "m2m_anna").mkdir()
    ball.write(tmp_path / "m2m_anna" / "anna.msh")
    poses = around(3, 4.0)
    of_folder, of_mesh = (hf.scalp_geometry(h, poses) for h in (hf.Subject(tmp_path / "m2m_anna"), ball))
    np.testing.assert_allclose(of_folder.thickness_mm, of_mesh.thickness_mm, atol=1e-4)
