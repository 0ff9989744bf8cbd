# SPDX-License-Identifier: BSD-3-Clause
"""Meshes of level sets: against closed forms, and on volumes that are hard to mesh."""

import signal

import numpy as np
import pytest
from given.label_volumes import AFFINES, KINDS, level_sets, placed, stress_levels, turned, volume
from given.mesh_levels import nearness, partition
from given.mesh_quality import mesh_quality
from scipy.spatial.transform import Rotation

import headfield as hf
from headfield.core.device import using_threads
from headfield.heads.segmentation import lattice
from headfield.heads.segmentation.lattice import mesh_level_sets
from headfield.heads.segmentation.level_sets import LevelSets

BALL = 4 / 3 * np.pi
LEAST_ANGLE = 10.0


def of_balls(centres_mm, radii_mm, affine=None, n=48, tags=None):
    """Level sets of balls from inside to outside: level k is positive in the union of the first k + 1.

    (R² − r²) / 2R instead of R − r: between voxels of size h it is less by h² / 4R on average, which is put
    right here, so that the zero of the linear interpolation is where the sphere is.
    """
    affine = placed(np.eye(3), (n, n, n)) if affine is None else affine
    voxels = np.indices((n, n, n)).reshape(3, -1)
    at = affine[:3, :3] @ voxels + affine[:3, 3:]
    squares = (np.linalg.norm(affine[:3, :3], axis=0) ** 2).sum() / 6
    values = [
        (radius**2 + squares - ((at - np.reshape(centre, (3, 1))) ** 2).sum(axis=0)) / (2 * radius)
        for centre, radius in zip(centres_mm, radii_mm, strict=True)
    ]
    nested = np.maximum.accumulate(values, axis=0).reshape(-1, n, n, n)
    scale = np.abs(nested).max()
    return LevelSets((nested / scale).astype(np.float32), tags or tuple(range(1, len(radii_mm) + 1)), affine)


def in_middle(radii_mm, affine=None, n=48):
    affine = placed(np.eye(3), (n, n, n)) if affine is None else affine
    centre = affine[:3, :3] @ (np.full(3, n) / 2) + affine[:3, 3] + (0.21, -0.13, 0.34)
    return of_balls([centre] * len(radii_mm), radii_mm, affine, n), centre


def quality_of(mesh):
    return mesh_quality(mesh.nodes_mm, mesh.tets, mesh.tags)


def volumes_of(mesh):
    return np.bincount(mesh.tags, mesh.volumes_mm3())[1:]


def test_volume_and_surface_of_a_ball_converge_with_the_square_of_the_edge():
    levels, centre = in_middle([19.0])
    volume_off, distance = [], []
    for edge in (6.0, 3.0):
        mesh = mesh_level_sets(levels, edge)
        assert quality_of(mesh).faults(LEAST_ANGLE) == []
        faces = mesh.boundary()
        at = np.linalg.norm(mesh.nodes_mm[faces].mean(axis=1) - centre, axis=1)
        volume_off.append(abs(mesh.volumes_mm3().sum() / (BALL * 19.0**3) - 1))
        distance.append(np.abs(at - 19.0).mean())
    assert volume_off[0] < 0.08
    assert volume_off[0] / volume_off[1] > 2.5
    assert distance[0] / distance[1] > 2.5


def test_outer_nodes_lie_on_the_surface():
    levels, centre = in_middle([19.0])
    mesh = mesh_level_sets(levels, 3.0)
    away = np.linalg.norm(mesh.nodes_mm[np.unique(mesh.boundary())] - centre, axis=1) - 19.0
    # voxels: a node on an edge that was cut near its end stays away from that end
    assert np.percentile(np.abs(away), 99) < 0.1
    assert np.abs(away).max() < 0.5


def test_nested_balls_have_their_volumes_and_a_surface_each():
    radii = np.array([8.0, 12.0, 13.5, 19.0])
    levels, _ = in_middle(radii)
    mesh = mesh_level_sets(levels, 2.0)
    quality = quality_of(mesh)
    assert quality.faults(LEAST_ANGLE) == []
    assert [(facts.euler, facts.parts) for facts in (*quality.interfaces.values(), quality.outer)] == [
        (2, 1)
    ] * 4
    exact = BALL * np.diff(np.append(0, radii**3))
    np.testing.assert_allclose(volumes_of(mesh), exact, rtol=0.03)


@pytest.mark.parametrize("gap_mm", [-1.0, 0.0, 0.3, 1.0])
def test_two_balls_that_touch_in_a_third(gap_mm):
    affine = placed(np.eye(3), (48, 48, 48))
    along = Rotation.from_rotvec([0.3, 0.7, 0.2]).apply([1.0, 0, 0])
    middle_mm = affine[:3, :3] @ np.full(3, 24.0) + affine[:3, 3]
    reach = (7.0 + gap_mm / 2) * along
    levels = of_balls([middle_mm - reach, middle_mm + reach, middle_mm], [7.0, 7.0, 19.0], affine)
    mesh = mesh_level_sets(levels, 2.5)
    assert quality_of(mesh).faults(LEAST_ANGLE) == []
    shares = partition(levels.values)
    np.testing.assert_allclose(volumes_of(mesh), shares, rtol=0.05)
    if gap_mm >= 0:
        np.testing.assert_allclose(volumes_of(mesh)[:2], BALL * 7.0**3, rtol=0.05)


@pytest.mark.parametrize("name", AFFINES)
def test_an_affine_changes_where_voxels_are_but_not_the_head(name):
    affine = AFFINES[name](np.random.default_rng(5), (48, 48, 48))
    size = abs(np.linalg.det(affine[:3, :3])) ** (1 / 3)
    radii = size * np.array([7.0, 11.0, 14.0])
    levels, centre = in_middle(radii, affine)
    mesh = mesh_level_sets(levels, 2.5 * size)
    assert quality_of(mesh).faults(LEAST_ANGLE) == []
    np.testing.assert_allclose(volumes_of(mesh), BALL * np.diff(np.append(0, radii**3)), rtol=0.05)
    away = np.linalg.norm(mesh.nodes_mm[np.unique(mesh.boundary())] - centre, axis=1) - radii[-1]
    longest = np.linalg.norm(affine[:3, :3], axis=0).max()
    assert np.percentile(np.abs(away), 99) < 0.15 * longest
    assert np.abs(away).max() < 0.5 * longest


def test_turning_the_affine_turns_the_mesh():
    levels = stress_levels(2)
    turn = placed(turned(np.random.default_rng(1), (1.0, 1.0, 1.0)), levels.values.shape[1:])
    mesh, other = (
        mesh_level_sets(levels, 1.5),
        mesh_level_sets(LevelSets(levels.values, levels.tags, turn), 1.5),
    )
    assert abs(other.n_nodes / mesh.n_nodes - 1) < 0.01
    np.testing.assert_allclose(volumes_of(other), volumes_of(mesh), rtol=0.01)


def test_a_mirrored_volume_has_the_same_tissues():
    levels = stress_levels(2)
    mirror = levels.affine @ np.diag([-1.0, 1, 1, 1])
    mirror[:3, 3] = (levels.affine @ [levels.values.shape[1] - 1, 0, 0, 1])[:3]
    mirrored = LevelSets(np.ascontiguousarray(levels.values[:, ::-1]), levels.tags, mirror)
    a, b = volumes_of(mesh_level_sets(levels, 1.5)), volumes_of(mesh_level_sets(mirrored, 1.5))
    np.testing.assert_allclose(a, b, rtol=0.03, atol=10.0)  # mm³


def test_tags_are_those_of_the_level_sets_in_any_order():
    levels, _ = in_middle([8.0, 12.0, 19.0])
    mesh = mesh_level_sets(levels, 3.0)
    other = mesh_level_sets(LevelSets(levels.values, (5, 1, 3), levels.affine), 3.0)
    assert set(other.tags) == {5, 1, 3}
    of_1 = np.isin(mesh.tags, 1), np.isin(other.tags, 5)
    np.testing.assert_allclose(
        other.volumes_mm3()[of_1[1]].sum(), mesh.volumes_mm3()[of_1[0]].sum(), rtol=0.05
    )


def test_more_points_than_can_be_numbered_are_refused():
    values = np.full((1, 6, 6, 6), -1, np.float32)
    values[0, 3, 3, 3] = 1  # so small that its own tetrahedra are not too many
    with pytest.raises(hf.MeshError, match=r"edges of 0.0058 mm: .* more than 2\^31 points"):
        mesh_level_sets(LevelSets(values, (5,), np.eye(4)), 0.0058)


# One of each kind, with all affines; `make abuse` has five hundred.
SEEDS = [kind + len(KINDS) * (kind % len(AFFINES)) for kind in range(len(KINDS))]


@pytest.mark.parametrize("seed", SEEDS)
def test_hard_volumes(seed):
    levels = stress_levels(seed)
    mesh = mesh_level_sets(levels, 1.5 * abs(np.linalg.det(levels.affine[:3, :3])) ** (1 / 3))
    assert quality_of(mesh).faults(LEAST_ANGLE) == []
    assert nearness(mesh, levels).near > 0.97


def test_the_seeds_above_have_all_kinds_and_affines():
    kinds = {volume(seed)[3] for seed in SEEDS}
    assert {kind.split(", ")[0] for kind in kinds} == set(KINDS)
    assert {kind.split(", ")[1] for kind in kinds} == set(AFFINES)


@pytest.mark.parametrize("seed", [0, 12])
def test_any_number_of_threads_gives_the_same_bits(seed):
    levels = stress_levels(seed)
    made = []
    for threads in (1, 2, 3):
        with using_threads(threads):
            mesh = mesh_level_sets(levels, 1.5)
        made.append((mesh.nodes_mm.tobytes(), mesh.tets.tobytes(), mesh.tags.tobytes()))
    assert made[0] == made[1] == made[2]


def test_a_tetrahedron_that_stays_flat_is_named_by_its_place(monkeypatch):
    """No input is known that leaves one, so the limit is set where some tetrahedra are."""
    levels, centre = in_middle([19.0])
    monkeypatch.setattr(lattice, "LEAST_ANGLE_DEG", 40.0)
    with pytest.raises(
        hf.MeshError, match=r"at \((.+)\) mm is too flat: its smallest angle is \d+"
    ) as raised:
        mesh_level_sets(levels, 3.0)
    place = [float(x) for x in str(raised.value).split("(")[1].split(")")[0].split(", ")]
    assert np.linalg.norm(place - centre) < 19.5


def test_a_head_in_two_parts_is_refused_and_crumbs_are_left_out():
    far = (np.full(3, 24.0), np.full(3, 24.0))
    far[0][0], far[1][0] = 12.0, 33.0
    affine = placed(np.eye(3), (48, 48, 48))
    centres = [affine[:3, :3] @ at + affine[:3, 3] for at in far]
    apart = of_balls(centres, [8.0, 8.0], affine)
    with pytest.raises(hf.MeshError, match="falls into 2 parts"):
        mesh_level_sets(LevelSets(apart.values[1:], (5,), affine), 2.0)
    crumb = of_balls(centres, [1.2, 13.0], affine)
    mesh = mesh_level_sets(LevelSets(crumb.values[1:], (5,), affine), 1.5)
    assert np.linalg.norm(mesh.nodes_mm - centres[1], axis=1).max() < 13.5


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="needs timers of POSIX")
def test_handlers_of_signals_run_meanwhile(monkeypatch):
    levels, _ = in_middle([8.0, 12.0, 19.0])
    calls, meanwhile = [], []
    monkeypatch.setattr(lattice, "_check_angles", lambda *_: meanwhile.append(len(calls)))
    before = signal.signal(signal.SIGALRM, lambda *_: calls.append(1))
    signal.setitimer(signal.ITIMER_REAL, 0.05, 0.05)
    try:
        mesh_level_sets(levels, 0.9)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0.0)
        signal.signal(signal.SIGALRM, before)
    assert meanwhile[0] > 3  # one before the native code and one after it would be 2


def test_the_mesh_can_be_solved_on():
    labels, _, affine, _ = volume(2)
    mesh = mesh_level_sets(level_sets(labels, affine), 1.5)
    model = hf.HeadModel(mesh, conductivity=0.2, device="cpu")
    pose = np.diag([1.0, -1, -1, 1])
    pose[:3, 3] = mesh.nodes_mm.mean(axis=0) + (0, 0, 60)
    report = model.solve(hf.figure_of_eight(), pose).report
    assert report.converged.all()
    assert report.iterations.max() <= 12
