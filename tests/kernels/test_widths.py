# SPDX-License-Identifier: BSD-3-Clause
"""Each loop at each width that it is compiled for: what a column gets doesn't depend on the width."""

import functools

import numpy as np
import pytest
from devices import native
from given.comparisons import same_bits
from given.heads import coil
from given.systems import System, run

import headfield as hf

pytestmark = pytest.mark.usefixtures("each_device")

WIDTHS = (4, 8, 16, 32, 64)


def sphere(edge_mm):
    return hf.sphere_mesh([60, 66, 72, 80], [1, 3, 4, 5], edge_mm=edge_mm)


@functools.cache
def system(edge_mm):
    mesh = sphere(edge_mm)
    return System(mesh.nodes_mm * 1e-3, mesh.tets, 0.2 * mesh.tags)


@functools.cache
def right_hand_sides(edge_mm):
    k = system(edge_mm).k
    return k @ np.random.default_rng(1).normal(size=(k.shape[0], max(WIDTHS)))


@functools.cache
def alone(edge_mm, max_iterations, place):
    """A right-hand side solved by itself."""
    b = right_hand_sides(edge_mm)
    solver = native.Solver(system(edge_mm).hierarchy, 1)
    return run(solver, np.ascontiguousarray(b[:, [place]]), 1e-9, max_iterations)


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize(("edge_mm", "levels", "max_iterations"), [(30, 1, 50), (8, 3, 1)])
def test_a_column_of_any_width_is_solved_alike(edge_mm, levels, max_iterations, width):
    """By the dense inverse of one level to 1e-9, which takes a second start; through three levels, once."""
    if width not in native.widths:
        pytest.skip(f"no block of this device has {width} columns")
    head = system(edge_mm)
    assert len(head.hierarchy.levels) == levels
    b = np.ascontiguousarray(right_hand_sides(edge_mm)[:, :width])
    phi, reports = run(native.Solver(head.hierarchy, width), b, 1e-9, max_iterations)
    assert all(report.converged for report in reports) == (levels == 1)
    for place in {0, 1, width - 1}:
        single, (report,) = alone(edge_mm, max_iterations, place)
        same_bits(phi[:, place], single[:, 0])
        assert reports[place].residual == report.residual


def test_what_the_potential_holds_without_a_guess_does_not_matter():
    head, b = system(30), np.ascontiguousarray(right_hand_sides(30)[:, :4])
    solver = native.Solver(head.hierarchy, 4)
    expected, _ = run(solver, b, 1e-9, 50)
    phi = np.full_like(b, np.nan)
    reports = solver.solve(b.copy(), phi, [1e-9] * 4, 50, guessed=False)
    same_bits(phi, expected)
    assert all(report.converged for report in reports)


@functools.cache
def model():
    """Of one level: that solves of more don't depend on the width is tried above."""
    return hf.HeadModel(sphere(30), threads=1)


@functools.cache
def one_pose(place):
    return fields(1, poses()[[place]])


def poses():
    return hf.ring(model().place(coil(), [10, 20, 95], [10, 70, 95]), angles_deg=np.arange(64) * 5.6)


def fields(width, some):
    """E in elements and in points, recovered and not, and what a solution as the first guess leaves."""
    inner = np.flatnonzero(model().mesh.tags < 4)
    points = hf.regions.points(model().mesh, model().mesh.nodes_mm[model().mesh.tets[inner[:40]]].mean(1))
    options = {"batch": width, "tol": 1e-3}
    plain = model().solve(coil(), some, elements=inner, **options)
    recovered = model().solve(coil(), some, elements=inner, recovery="interface", **options)
    there = model().solve(coil(), some, roi=points, recovery="interface", **options)
    whole = model().solve(coil(), some, **options)
    again = model().solve(coil(), some, initial=whole.potential, **options)
    assert (again.report.iterations == 0).all()
    size = recovered.report.discretisation_error
    return [plain.E, recovered.E, there.E, whole.potential, again.potential, size]


@pytest.mark.parametrize("width", WIDTHS)
def test_a_pose_of_any_width_is_evaluated_alike(width):
    found = fields(width, poses()[:width])
    for place in {0, width - 1}:
        for block, single in zip(found, one_pose(place), strict=True):
            np.testing.assert_array_equal(np.asarray(block)[place], np.asarray(single)[0])
