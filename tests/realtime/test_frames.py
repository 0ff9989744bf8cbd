# SPDX-License-Identifier: BSD-3-Clause
"""Frames of a real-time basis are the fields of full solves, and say how far they are off."""

import pickle
import warnings
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from given import bases, targets

import headfield as hf
from headfield.realtime import make
from headfield.realtime.incident import Incident

COILS = {
    "figure-8": lambda: hf.figure_of_eight(),
    "small figure-8": targets.coil,
    "circular": lambda: hf.circular_coil(),
    "bent": lambda: hf.double_cone(),
    "wire": targets.wire,
    "two stimulators": targets.two_stimulators,
}
SMALL = ("small figure-8", "wire", "two stimulators")
RATES = {"two stimulators": [[30e6, -20e6]]}


def solved(coil, poses, didt):
    return bases.model().solve(coil, poses, didt, roi=bases.knob(), primary_error=0.0, tol=1e-8).E


@pytest.mark.parametrize("name", COILS)
def test_frames_are_solves(name):
    coil, didt = COILS[name](), RATES.get(name, 50e6)
    poses = bases.poses(coil)
    assert len(poses) >= 3
    frames = bases.basis().field(coil, poses, didt)
    errors = bases.relative(frames.E, solved(coil, poses, didt))
    assert errors.max() < (0.15 if name in SMALL else 0.04)  # of a small coil more is lost
    assert (frames.report.basis_error >= errors).all()
    assert (frames.report.basis_error <= 4.0 * errors + 1e-3).all()


@pytest.mark.parametrize("name", ["figure-8", "circular"])
@pytest.mark.parametrize("angle", [60.0, 90.0, 120.0, 180.0])
def test_a_head_beside_and_behind_a_coil(name, angle):
    """Few sources that stand for a flat coil in front of it are far from its B elsewhere."""
    coil, (c, s) = COILS[name](), (np.cos(np.radians(angle)), np.sin(np.radians(angle)))
    pose = bases.model().place(coil, [-46.0, -8.0, 70.0], [-46.0, 42.0, 70.0])
    pose[:3, 3] -= (20.0 + 80.0 * s) * pose[:3, 2]
    pose[:3, :3] = pose[:3, :3] @ [[1, 0, 0], [0, c, -s], [0, s, c]]
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*back of the coil")
        frame, exact = bases.basis().field(coil, pose, 50e6), solved(coil, pose, 50e6)
    error = bases.relative(frame.E, exact)
    assert error[0] < 0.05
    assert frame.report.basis_error[0] >= error[0]


def test_more_sources_are_nearer():
    coil = hf.figure_of_eight()
    poses = bases.poses(coil)
    exact = solved(coil, poses, 1e6)
    few = bases.made(size=60)
    errors = [bases.relative(rt.field(coil, poses).E, exact).mean() for rt in (few, bases.basis())]
    assert errors[1] < 0.6 * errors[0]


def test_a_pose_has_the_same_bits_beside_any_others():
    coil = hf.figure_of_eight()
    poses, rt = bases.poses(coil), bases.basis()
    together = rt.field(coil, poses)
    for i, pose in enumerate(poses):
        alone = rt.field(coil, pose)
        np.testing.assert_array_equal(alone.E[0], together.E[i])
        assert alone.report.basis_error[0] == together.report.basis_error[i]


def test_e_is_linear_in_didt():
    coil = hf.figure_of_eight()
    poses, rt = bases.poses(coil), bases.basis()
    rates = 2.0 ** np.arange(len(poses)) * 1e6
    np.testing.assert_array_equal(
        rt.field(coil, poses, rates).E,
        rt.field(coil, poses, 1e6).E * (rates / 1e6)[:, None, None].astype("f4"),
    )


def test_without_current_there_is_no_field_and_no_error():
    coil = hf.figure_of_eight()
    with pytest.warns(hf.PlausibilityWarning, match="dI/dt is 0"):
        frame = bases.basis().field(coil, bases.poses(coil)[0], 0.0)
    assert not frame.E.any()
    assert frame.report.basis_error[0] == 0.0


def test_each_stimulator_has_its_own_sources():
    """Those of the others make nothing in it, and would be summed once for each stimulator."""
    coil = targets.two_stimulators()
    found = [tuple(len(kind.points_mm) for kind in kinds) for kinds in Incident(coil).kinds]
    assert found == [tuple(len(kind) for kind in coil.sources(s)[:2]) for s in range(2)]
    assert np.sum(found) == len(Incident(coil).points_mm)


def test_points_of_a_region():
    rt, coil = bases.basis_of_points(), hf.figure_of_eight()
    points, poses = rt.region, bases.poses(coil)
    frames = rt.field(coil, poses)
    assert frames.at_points
    exact = bases.model().solve(coil, poses, roi=points, primary_error=0.0).E
    assert bases.relative(frames.E, exact, points).max() < 0.04


def test_a_frame_is_a_field():
    coil = hf.figure_of_eight()
    frame = bases.basis().field(coil, bases.poses(coil)[:2], 50e6)
    assert frame.magnitude.shape == (2, len(bases.knob()))
    assert "real-time basis" in str(frame.report)
    assert set(frame.report.stopped) == {"basis"}


def test_auto_adds_sources_until_the_error_is_reached(monkeypatch):
    monkeypatch.setattr(make, "_SPACING_MM", 45.0)
    said = []
    few = bases.made(error=0.1)
    more = bases.made(error=0.7 * few.basis.held_out.errors.max(), progress=said.append)
    assert more.basis.n_sources > few.basis.n_sources
    assert more.basis.held_out.errors.max() <= 0.7 * few.basis.held_out.errors.max()
    for rt in (few, more):
        assert (rt.basis.held_out.estimates >= rt.basis.held_out.errors).all()
    assert sum("sources solved" in line for line in said) >= 2


def test_a_source_that_is_too_close_is_refused():
    coil = hf.figure_of_eight()
    pose = bases.poses(coil)[0].copy()
    pose[:3, 3] += 30.0 * pose[:3, 2]
    with pytest.raises(
        hf.PoseError, match=r"pose 0: a source of the coil is (inside the head|.* mm from the scalp)"
    ):
        bases.basis().field(coil, pose)


def test_a_coil_that_is_a_grid_is_refused():
    grid = hf.Coil(
        elements=[
            hf.CoilElement(hf.SampledPotential(np.full((4, 4, 4, 3), 1e-6), np.diag([50, 50, 50, 1.0])))
        ]
    )
    with pytest.raises(hf.CoilError, match="because it is A on a grid"):
        bases.basis().field(grid, bases.poses(hf.figure_of_eight())[0])


def test_a_coil_far_from_the_head_has_a_frame_without_an_estimate():
    coil = hf.figure_of_eight()
    pose = bases.poses(coil)[0].copy()
    pose[:3, 3] -= 300.0 * pose[:3, 2]  # the tables of the probes end 250 mm off the scalp
    frame = bases.basis().field(coil, pose)
    assert np.isnan(frame.report.basis_error[0])
    assert bases.relative(frame.E, solved(coil, pose, 1e6)).max() < 0.04


@pytest.mark.parametrize(
    ("given", "error", "match"),
    [
        ({"size": "large"}, hf.ArgumentError, "size must be"),
        ({"size": 3}, hf.ArgumentError, "size"),
        ({"error": 0.5}, hf.ArgumentError, "error must lie"),
        ({"tol": 2.0}, hf.ArgumentError, "tol"),
    ],
)
def test_options_are_checked(given, error, match):
    with pytest.raises(error, match=match):
        hf.realtime_basis(bases.model(), bases.knob(), **given)


def test_a_model_whose_source_depends_on_the_gauge_is_refused():
    with pytest.raises(hf.ArgumentError, match='primary="edges"'):
        hf.realtime_basis(targets.model(), targets.knob())


def test_regions_are_checked():
    with pytest.raises(hf.RegionError, match="another mesh"):
        hf.realtime_basis(
            bases.model(), hf.regions.tissue(hf.sphere_mesh(radii_mm=[80], tags=[2], edge_mm=20), 2)
        )
    skin = hf.regions.tissue(bases.model().mesh, 5)
    near = skin.centres_mm[-bases.model().scalp.signed_distance(skin.centres_mm) < 4.0]
    with pytest.raises(hf.RegionError, match="within 5 mm of the scalp"):
        hf.realtime_basis(bases.model(), hf.regions.sphere(bases.model().mesh, near[0], 0.1, 5))


def test_a_pickled_basis_has_the_same_frames():
    coil = hf.figure_of_eight()
    copy = pickle.loads(pickle.dumps(bases.basis()))
    first, again = (rt.field(coil, bases.poses(coil)) for rt in (bases.basis(), copy))
    np.testing.assert_array_equal(again.E, first.E)


def test_several_threads_at_once():
    coils = [COILS[name]() for name in ("figure-8", "circular", "wire")]
    alone = [bases.basis().field(coil, bases.poses(coil)).E for coil in coils]
    with ThreadPoolExecutor(6) as pool:
        found = list(
            pool.map(lambda i: bases.basis().field(coils[i % 3], bases.poses(coils[i % 3])).E, range(24))
        )
    for i, one in enumerate(found):
        np.testing.assert_array_equal(one, alone[i % 3])


def test_a_basis_that_does_not_fit_is_refused(monkeypatch):
    monkeypatch.setattr(make, "free_memory", lambda: 1)
    monkeypatch.setattr(make, "_SMALL", 1)
    with pytest.raises(hf.DeviceError, match=r"a basis of \d+ sources for 122 places takes .* GiB"):
        hf.realtime_basis(bases.model(), bases.knob(), size=30)


@pytest.mark.filterwarnings("ignore:.*back of the coil")
def test_sources_everywhere_around_the_head_have_an_estimate():
    """The tables of the probes reach from 3 to 250 mm off the scalp, without holes."""
    rng = np.random.default_rng(0)
    surface = bases.model().scalp
    low, high = surface.nodes_mm.min(axis=0), surface.nodes_mm.max(axis=0)
    points = np.concatenate([rng.uniform(low - beyond, high + beyond, (4000, 3)) for beyond in (90, 240)])
    distance = surface.signed_distance(points)
    bands = [(3.5, 6.0), (20.0, 80.0), (80.0, 110.0), (110.0, 249.0)]
    there = np.concatenate([points[(distance > a) & (distance < b)][:300] for a, b in bands])
    poses = np.tile(np.eye(4), (len(there), 1, 1))
    poses[:, :3, 3] = there
    frames = bases.basis().field(hf.Coil([[0, 0, 0.0]], [[0, 0, 1e-3]]), poses)
    assert np.isfinite(frames.report.basis_error).all()


def test_frames_are_recorded(tmp_path):
    coil = hf.figure_of_eight()
    frames = bases.basis().field(coil, bases.poses(coil))
    assert frames.provenance.settings["basis"]["sources"] == bases.basis().basis.n_sources
    assert frames.provenance.settings["primary"] == "edges"


def test_a_head_away_from_the_origin_is_as_good():
    mesh = bases.model().mesh
    moved = hf.TetMesh(mesh.nodes_mm + [900.0, -2000.0, 300.0], mesh.tets, mesh.tags)
    model = hf.HeadModel(moved, device="cpu", primary="edges")
    with bases.coarse_tables():
        rt = hf.realtime_basis(model, hf.Region(moved, bases.knob().elements), size=60)
    assert rt.basis.held_out.errors.max() < 0.2


def test_regions_without_weight_are_refused():
    knob = bases.knob()
    points = hf.Region(knob.mesh, knob.elements, np.full((len(knob), 4), 0.25), weights=np.zeros(len(knob)))
    with pytest.raises(hf.RegionError, match="weights of the region are all 0"):
        hf.realtime_basis(bases.model(), points)
