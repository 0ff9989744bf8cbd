# SPDX-License-Identifier: BSD-3-Clause
"""∂A/∂t of tetrahedra by their edges: gradients in it, closed forms, reciprocity, recovery, zoom, records."""

import functools
import pickle

import numpy as np
import pytest
from given import p1
from given.comparisons import same_bits
from given.heads import emulated
from given.zooms import COIL, Known, gray, points_in, poses, solved, zoomed
from given.zooms import head as four_shells

import headfield as hf
from headfield.analytic import sphere_tms_field
from headfield.errors import ArgumentError
from headfield.solve.batches import Batches
from headfield.solve.options import SolveOptions

pytestmark = pytest.mark.usefixtures("each_device")

BOTH = ("nodes", "edges")
CHARGE_M = np.array([0.06, 0.03, 0.09])  # outside of the heads here: χ is harmonic in them
TIGHT = {"tol": 1e-9, "primary_error": 0.0}


@functools.cache
def sphere(edge_mm, primary):
    return hf.HeadModel(hf.sphere_mesh([80, 86, 92], [3, 4, 5], edge_mm), primary=primary)


@functools.cache
def shells(primary):
    return hf.HeadModel(four_shells(), primary=primary)


def gradient(x, at=CHARGE_M):
    """∇χ (n, 3) of χ = −c/|x − at|, V/m: of the size and slope that ∂A/∂t of a coil has."""
    d = x - at
    return 1e-2 * d / np.linalg.norm(d, axis=1)[:, None] ** 3


def of_dipole(x):
    """∂A/∂t (n, 3) of a dipole, V/m."""
    return p1.dipole_rate(x, np.array([[0.02, 0.0, 0.105]]), np.array([[0.0, 0.3, 1.0]]), 1e6)


def turned(pose):
    """Where the dipoles of the coil are at a pose, mm, and their moments."""
    return COIL.dipole_positions_mm @ pose[:3, :3].T + pose[:3, 3], COIL.dipole_moments @ pose[:3, :3].T


def in_zoom(zoom, rate):
    """E in a zoom's region of ∂A/∂t that is given at places, m."""
    options = SolveOptions(roi=zoom.region, tol=1e-8)
    return Batches(zoom.region.mesh, zoom._head, Known(rate), options).together(None, None).E[0]


def norm(model, e, chosen=slice(None)):
    """Root mean square over volume."""
    squares = (np.asarray(e, float) ** 2).sum(axis=1)
    return float(np.sqrt(np.average(squares[chosen], weights=model.mesh.volumes_mm3()[chosen])))


def spurious(model, rate=gradient):
    """|E| of a gradient in ∂A/∂t in the innermost shell, relative to that gradient."""
    e, inside = model.solve_sources(Known(rate), tol=1e-8).E[0], model.mesh.tags == 3
    return norm(model, e, inside) / norm(model, rate(model.mesh.barycentres_mm() * 1e-3), inside)


def test_a_gradient_induces_next_to_nothing(each_device):
    """Of second order by edges, first by nodes."""
    sizes = (14.0, 8.0) if emulated(each_device) else (8.0, 5.0)
    by = {primary: [spurious(sphere(size, primary)) for size in sizes] for primary in BOTH}
    assert by["edges"][1] < 2e-3 * (sizes[1] / 5.0) ** 2, by
    assert by["edges"][1] < by["edges"][0] * 1.15 * (sizes[1] / sizes[0]) ** 2, by
    assert by["nodes"][1] > 10 * by["edges"][1], by


def test_a_gradient_of_a_quadratic_function_induces_nothing():
    matrix = np.array([[1.0, 0.3, -0.5], [0.3, -2.0, 0.1], [-0.5, 0.1, 0.4]])
    assert spurious(sphere(14.0, "edges"), lambda x: 1e3 * x @ matrix) < 1e-5
    assert spurious(sphere(14.0, "nodes"), lambda x: 1e3 * x @ matrix) > 1e-2


def test_the_gauge_of_a_does_not_matter_in_a_real_head(shared_data):
    """E of a coil with and without a gradient of the same size in its ∂A/∂t."""
    mesh = hf.read_mesh(shared_data / "head_small.npz")
    pose = np.load(shared_data / "poses.npy")[17]
    outside = (pose[:3, 3] - 25.0 * pose[:3, 2]) * 1e-3
    (places_mm, moments), away = turned(pose), {}

    def of_coil(x):
        return p1.dipole_rate(x, places_mm * 1e-3, moments, 1e6)

    inside = mesh.nodes_mm * 1e-3
    size = np.linalg.norm(of_coil(inside)) / np.linalg.norm(gradient(inside, outside))
    for primary in BOTH:
        model = hf.HeadModel(mesh, primary=primary)
        drive = Known(of_coil, lambda x: of_coil(x) + size * gradient(x, outside))
        e, other = model.solve_sources(drive, tol=1e-7).E
        brain = np.isin(mesh.tags, (1, 2))
        away[primary] = norm(model, e - other, brain) / norm(model, e, brain)
    assert away["edges"] < 0.02, away
    assert away["nodes"] > 5 * away["edges"], away


@pytest.mark.parametrize(("recovery", "most"), [(None, 1.7), ("interface", 1.05)])
def test_coils_in_a_sphere_are_nearly_as_good_by_edges(recovery, most):
    """There φ of a tangential coil is small, and so is what "nodes" gets wrong; recovered E is as good."""
    coil, errors = hf.Coil([[-30, 0, 105], [30, 0, 105]], [[0, 0, -1], [0, 0.2, 1]]), {}
    for primary in BOTH:
        model = sphere(8.0, primary)
        brain = np.flatnonzero(model.mesh.tags == 3).astype(np.int32)
        e = model.solve(coil, np.eye(4), 1e6, elements=brain, recovery=recovery, **TIGHT).E[0]
        places = model.mesh.barycentres_mm()[brain]
        exact = sphere_tms_field(places, coil.dipole_positions_mm, coil.dipole_moments, 1e6)
        errors[primary] = p1.relative(e, exact)
    assert errors["edges"] < most * errors["nodes"] < 0.09, errors


def test_reciprocal_currents_are_exact_either_way():
    for primary in BOTH:
        model, mesh = sphere(14.0, primary), sphere(14.0, primary).mesh
        roi = hf.regions.sphere(mesh, [0, 0, 60], 18, 3)
        weights = np.random.default_rng(0).normal(size=(2, len(roi), 3)) * roi.weights[:, None]
        currents = model.reciprocal_currents(roi, weights, tol=1e-10).currents.astype(float)
        e = model.solve_sources(Known(of_dipole), roi=roi, tol=1e-10).E[0]
        sums = (currents * of_dipole(mesh.nodes_mm * 1e-3)).sum(axis=(1, 2))
        values = (weights * e).sum(axis=(1, 2))
        scale = np.linalg.norm(weights, axis=(1, 2)) * np.linalg.norm(e)
        assert (np.abs(sums - values) < 1e-6 * scale).all(), (primary, sums, values)
        assert (np.abs(values) > 1e-3 * scale).all()


def test_the_tolerance_follows_and_errors_are_estimated_by_edges():
    model = shells("edges")
    field = model.solve(COIL, poses()[:1], recovery="interface", tol="auto", primary_error=0.0)
    usual = shells("nodes").solve(COIL, poses()[:1], recovery="interface", tol="auto", primary_error=0.0)
    error, other = field.report.discretisation_error, usual.report.discretisation_error
    assert (0.5 * other < error).all()
    assert (error < 2.0 * other).all()
    assert p1.relative(field.E, usual.E) < 0.05
    assert field.local_error.shape == (1, model.mesh.n_tets)


def test_a_zoom_by_edges_leaves_no_gradient_either():
    """Elements of its part are linear, quadratic or both: a quadratic χ drives none of them."""
    model = shells("edges")
    zoom = zoomed(gray(), of=model, error=0.1)
    matrix = np.array([[1.0, 0.3, -0.5], [0.3, -2.0, 0.1], [-0.5, 0.1, 0.4]])
    e = in_zoom(zoom, lambda x: 1e3 * x @ matrix)
    there = 1e3 * (model.mesh.barycentres_mm()[zoom.region.elements] * 1e-3) @ matrix
    assert np.abs(e).max() < 1e-4 * np.abs(there).max()
    other = zoomed(gray(), of=shells("nodes"), error=0.1)
    e = in_zoom(other, lambda x: 1e3 * x @ matrix)
    assert np.abs(e).max() > 1e-2 * np.abs(there).max()


def test_a_zoom_by_edges_is_as_good_as_was_asked_for():
    region, errors = points_in(gray()), {}
    exact = np.array([sphere_tms_field(region.centres_mm, *turned(pose), 1e6) for pose in poses()])
    for primary in BOTH:
        zoom = zoomed(region, of=shells(primary), error=0.05)
        assert zoom.report.reached
        errors[primary] = p1.relative(solved(zoom).E, exact)
    assert max(errors.values()) < 0.05, errors


def test_the_choice_is_kept_written_and_said():
    model = sphere(14.0, "edges")
    again = pickle.loads(pickle.dumps(model))
    assert again.primary == model.primary == "edges"
    assert "by edges" in repr(model)
    assert "edges" not in repr(sphere(14.0, "nodes"))
    coil = hf.Coil([[0, 20, 110]], [[0, 0.3, 1]])
    field, usual = (m.solve(coil, np.eye(4), **TIGHT) for m in (model, sphere(14.0, "nodes")))
    same_bits(again.solve(coil, np.eye(4), **TIGHT).E, field.E)
    assert 1e-3 < p1.relative(field.E, usual.E) < 0.3
    assert [f.provenance.settings["primary"] for f in (field, usual)] == ["edges", "nodes"]
    assert field.provenance.options != usual.provenance.options


@pytest.mark.parametrize("wrong", ["faces", "Edges", None, 1, True, ["edges"], b"edges"])
def test_another_choice_is_refused(wrong):
    with pytest.raises(ArgumentError, match="primary must be 'nodes' or 'edges', not"):
        hf.HeadModel(sphere(14.0, "nodes").mesh, primary=wrong)
