# SPDX-License-Identifier: BSD-3-Clause
"""Refined parts of a head against fields that their elements have exactly, and convergence to others."""

import numpy as np
import pytest
from given import p1
from given.random_meshes import random_tensors
from given.zooms import Known, ball, head, levels, on_level, points_in, whole_of

import headfield as hf
from headfield.core import device as backend
from headfield.solve.head import Batch
from headfield.solve.options import SolveOptions
from headfield.solve.places import Places
from headfield.solve.zoom.sampling import in_part, means

RNG = np.random.default_rng(3)
SLOPES = RNG.normal(size=(3, 3, 3))
SLOPES -= np.trace(SLOPES, axis1=1, axis2=2)[:, None, None] / 3.0 * np.eye(3)  # without a divergence
POTENTIAL = 0.01 * RNG.normal(size=(3, 3))  # gradients of φ, V/m


def linear_field(source):
    """∂A/∂t = −g − M x: with φ = g·x on the rim the field is M x, without a divergence, for constant σ."""
    return lambda x: -POTENTIAL[source] - x @ SLOPES[source].T


@pytest.fixture(scope="module")
def constant():
    return whole_of(head(), np.full(head().n_tets, 0.3))


@pytest.mark.parametrize("quadratic", [False, True])
def test_a_linear_field_is_exact_on_every_level(constant, quadratic):
    region, drive = ball((0.0, 0.0, 5.0), 12.0), Known(*map(linear_field, range(3)))
    points = points_in(region)
    at_m = points.centres_mm * 1e-3
    wanted = np.einsum("kij,pj->kpi", SLOPES, at_m)
    for level in levels(constant, region, 2.0, 1, quadratic):
        nodes = level.operators.rim.nodes
        rim = head().nodes_mm[nodes] * 1e-3 @ POTENTIAL.T
        assert len(nodes) > 50, "the part lies inside of the head"
        at = in_part(level.part, head(), points.elements, points.barycentric)
        assert p1.relative(on_level(level, drive, rim, at), wanted) < 2e-6
        centres = np.einsum("kij,pj->kpi", SLOPES, region.centres_mm * 1e-3)
        means_there = on_level(level, drive, rim, means(level.part, region.elements))
        assert p1.relative(means_there, centres) < 2e-6, "the mean of a linear field is that in the middle"


def quadratic_potential(x):
    """A potential, V, and its gradient."""
    a = SLOPES[0] + SLOPES[0].T
    return np.einsum("pi,ij,pj->p", x, a, x) + x @ POTENTIAL[0], 2.0 * x @ a + POTENTIAL[0]


@pytest.mark.parametrize("kind", ["constant", "of tissues", "tensors"])
def test_a_quadratic_potential_cancels_its_gradient(kind):
    """With ∂A/∂t = −∇q of a quadratic q there is no field, whatever conducts: φ = q everywhere."""
    mesh = hf.sphere_mesh([60, 80], [2, 5], edge_mm=40)
    sigma = {"constant": np.ones(mesh.n_tets), "of tissues": np.where(mesh.tags == 2, 0.3, 0.01)}
    sigma["tensors"] = random_tensors(np.random.default_rng(0), np.ones(mesh.n_tets))
    whole, everywhere = whole_of(mesh, sigma[kind]), hf.regions.tissue(mesh, [2, 5])
    points = points_in(everywhere)
    drive = Known(lambda x: -quadratic_potential(x)[1])
    for level in levels(whole, everywhere, 200.0, 1):
        assert not len(level.operators.rim.nodes)
        at = in_part(level.part, mesh, points.elements, points.barycentric)
        field = on_level(level, drive, np.zeros((0, 1)), at)
        size = np.linalg.norm(quadratic_potential(points.centres_mm * 1e-3)[1])
        assert np.linalg.norm(field) < 1e-5 * size
        # Linear elements lack nearly all that is curved.
    (coarse,) = levels(whole, everywhere, 200.0, 0, quadratic=False)
    at = in_part(coarse.part, mesh, points.elements, points.barycentric)
    assert np.linalg.norm(on_level(coarse, drive, np.zeros((0, 1)), at)) > 0.05 * size


@pytest.mark.parametrize(("quadratic", "rate"), [(False, 1.0), (True, 2.0)])
def test_fields_converge_with_the_order_of_their_elements(quadratic, rate):
    """Of ∂A/∂t = −∇q with a smooth q: the field that is left is the error."""
    mesh = hf.sphere_mesh([80], [2], edge_mm=50)
    everywhere = hf.regions.tissue(mesh, 2)
    whole, points = whole_of(mesh, np.full(mesh.n_tets, 0.3)), points_in(everywhere, 8)
    wave = np.array([8.0, -5.0, 7.0])  # 1/m
    drive = Known(lambda x: -np.cos(x @ wave)[:, None] * wave)  # of q = sin(wave · x)
    errors = [
        np.linalg.norm(
            on_level(
                level,
                drive,
                np.zeros((0, 1)),
                in_part(level.part, mesh, points.elements, points.barycentric),
            )
        )
        for level in levels(whole, everywhere, 200.0, 2, quadratic)
    ]
    assert rate - 0.2 < np.log2(errors[-2] / errors[-1]) < rate + 0.2
    assert errors[0] > errors[1]


def test_the_potential_of_the_head_at_the_rim_gives_the_field_of_the_head(constant):
    """Linear elements on a part that is not refined solve the same equations."""
    region, drive = ball((0.0, 0.0, 5.0), 12.0), Known(*map(linear_field, range(3)))
    (level,) = levels(constant, region, 2.0, 0, quadratic=False)
    places = Places.chosen(head(), None, region)
    batch = Batch(drive, SolveOptions(tol=1e-9, roi=region), places, slice(0, 3), 4, 4)
    with backend.select("cpu").current():
        rim, report = constant.head.potentials(batch, None, level.operators.rim.nodes)
        room = {"E": np.empty((3, len(region), 3), np.float32)}
        constant.head.solve(batch, None, room)
    assert report.converged.all()
    field = on_level(level, drive, rim[:, :3], means(level.part, region.elements))
    assert p1.relative(field, room["E"]) < 3e-6
