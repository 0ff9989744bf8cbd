# SPDX-License-Identifier: BSD-3-Clause
"""Zooms on each device: the field of the CPU, batches of any width, CuPy in and out."""

import functools

import numpy as np
import pytest
from conftest import WHY_NO_GPU
from given import p1
from given.comparisons import same_bits
from given.zooms import COIL, gray, head, points_in, poses, solved, zoomed

import headfield as hf

pytestmark = pytest.mark.usefixtures("each_device")
gpu = pytest.mark.skipif(bool(WHY_NO_GPU), reason=WHY_NO_GPU)


@functools.cache
def model(device="auto"):
    return hf.HeadModel(head(), device=device)


@functools.cache
def zoom(kind="elements"):
    return zoomed(gray() if kind == "elements" else points_in(gray(), 1), model(), error=0.1)


def on_the_cpu(kind):
    region = gray() if kind == "elements" else points_in(gray(), 1)
    return zoomed(region, model("cpu"), error=0.1)


@pytest.mark.parametrize("kind", ["elements", "points"])
def test_the_field_is_that_of_the_cpu(each_device, kind):
    here, there = zoom(kind), on_the_cpu(kind)
    np.testing.assert_array_equal(here.mesh.tets, there.mesh.tets)
    field, expected = (solved(z, tol=1e-7) for z in (here, there))
    assert field.report.device == each_device
    assert p1.relative(field.E, expected.E) < 2e-6
    said = [f.report.discretisation_error for f in (field, expected)]
    np.testing.assert_allclose(said[0], said[1], rtol=1e-3)
    assert here.report.discretisation_error == pytest.approx(there.report.discretisation_error, rel=1e-2)


def test_a_pose_has_the_same_bits_in_any_batch():
    expected = solved(zoom())
    for batch in (1, 4):
        same_bits(solved(zoom(), batch=batch).E, expected.E)
    same_bits(solved(zoom(), poses()[2]).E[0], expected.E[2])


def test_potentials_that_are_known_give_the_same():
    known = model().solve(COIL, poses(), primary_error=0.0, tol=1e-7).potential
    field = solved(zoom(), tol=1e-7, potential=known)
    assert p1.relative(field.E, solved(zoom(), tol=1e-7).E) < 2e-6


@gpu
def test_cupy_in_cupy_out_with_the_same_bits(each_device):
    if each_device == "cpu":
        pytest.skip("arrays of CuPy need a GPU")
    import cupy

    here = solved(zoom())
    there = zoom().solve(COIL, cupy.asarray(poses()), cupy.full(3, 1e6), primary_error=0.0)
    assert isinstance(here.E, np.ndarray)
    assert isinstance(there.E, cupy.ndarray)
    same_bits(there.E.get(), here.E)
    potential = model().solve(COIL, cupy.asarray(poses()), primary_error=0.0).potential
    assert isinstance(potential, cupy.ndarray)
    known = zoom().solve(COIL, cupy.asarray(poses()), primary_error=0.0, potential=potential)
    assert p1.relative(known.E.get(), here.E) < 1e-4
    made = model().zoom(
        gray(), COIL, cupy.asarray(poses()), error=0.1, potential=potential, primary_error=0.0
    )
    assert made.n_unknowns == zoom().n_unknowns
    for part in zoom().iter_solve(COIL, cupy.asarray(poses()), batch=1, primary_error=0.0):
        assert isinstance(part.E, cupy.ndarray)
