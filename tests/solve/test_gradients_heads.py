# SPDX-License-Identifier: BSD-3-Clause
"""Derivatives of measures of E on a phantom and on a head, against differences of solves."""

import functools

import numpy as np
import pytest
from given.motions import slopes
from given.targets import DIDT, coil

import headfield as hf

LEVER_MM = np.repeat([1.0, 1 / 50.0], 3)  # a rad counts as 50 mm


def check(mesh, centre_mm, pose):
    """Hold derivatives by a pose against differences of solves of the same kind."""
    model, knob = hf.HeadModel(mesh, device="cpu"), hf.regions.sphere(mesh, centre_mm, 15, 2)
    measures = hf.Target(knob), hf.Target(knob, [0.3, 1.0, -0.2]), hf.Target(knob, exponent=4.0)
    for options, most in (({"tol": 1e-12, "primary_error": 0.0}, 2e-5), ({}, 1e-3)):

        @functools.cache
        def solved(poses, options=options):
            """E at poses, given as bytes: the same for all measures."""
            places = np.frombuffer(poses).reshape(-1, 4, 4)
            return model.solve(coil(), places, DIDT, roi=knob, **options).E.astype(np.float64)

        for measure in measures:

            def value(poses, measure=measure, solved=solved):
                return measure.values(solved(poses.tobytes()))

            # Long beside the rounding of E, short beside the valleys of |E| in single tetrahedra.
            exact = slopes(value, pose, step_mm=0.25, step_rad=0.005) * LEVER_MM
            found = model.gradient(measure, coil(), pose, DIDT, **options).pose * LEVER_MM
            assert np.linalg.norm(found - exact) < most * np.linalg.norm(exact)


def test_derivatives_on_a_phantom():
    mesh = hf.phantom_head(edge_mm=8)
    pose = hf.place(mesh, [-40, -8, 70], [-40, 42, 70], distance_mm=6.0)
    check(mesh, [-40.0, -8.0, 50.0], pose[None])


def test_derivatives_on_a_head(shared_data):
    mesh = hf.read_mesh(shared_data / "head_small.npz")
    pose = hf.place(mesh, [-40, -8, 70], [-40, 42, 70], distance_mm=6.0)
    check(mesh, [-40.0, -8.0, 50.0], pose[None])


@pytest.fixture(scope="module")
def by_conductivities(shared_data):
    """A head, a place in it, a pose over it, the conductivities, and the derivatives by them."""
    mesh = hf.read_mesh(shared_data / "head_small.npz")
    knob = hf.regions.sphere(mesh, [-40.0, -8.0, 50.0], 15, 2)
    pose = hf.place(mesh, [-40, -8, 70], [-40, 42, 70], distance_mm=6.0)
    model = hf.HeadModel(mesh, device="cpu")
    found = model.gradient(knob, coil(), pose, DIDT, "conductivity", tol=1e-9)
    return mesh, knob, pose, model.conductivity, found


@pytest.mark.parametrize("tag", [1, 2, 3])
def test_conductivity_derivatives_on_a_head(by_conductivities, tag):
    mesh, knob, pose, conductivity, found = by_conductivities
    at = found.tags.tolist().index(tag)
    sigma = conductivity[mesh.tags == tag][0]

    def value(factor):
        changed = hf.HeadModel(mesh, {tag: factor * sigma}, device="cpu")
        E = changed.solve(coil(), pose, DIDT, roi=knob, tol=1e-9).E
        return hf.Target(knob).values(E.astype(np.float64))[0]

    exact = (8 * (value(1.05) - value(0.95)) - (value(1.1) - value(0.9))) / (12 * 0.05 * sigma)
    assert found.conductivity[0, at] == pytest.approx(exact, rel=1e-3)
