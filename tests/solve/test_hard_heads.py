# SPDX-License-Identifier: BSD-3-Clause
"""Flat tetrahedra and insulators solve, or the message says how the iteration ended and names the cause."""

import re
import warnings

import numpy as np
import pytest
from given import p1
from given.comparisons import same_bits
from given.hard_heads import in_air, shells, shrinking
from given.heads import coil

import headfield as hf

POSE = np.diag([1.0, -1.0, -1.0, 1.0])
POSE[2, 3] = 97.0
SIGMA = {2: 0.275, 3: 1.654, 5: 0.465}


def solved(mesh, conductivity=None, device="cpu", **options):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the contrast
        model = hf.HeadModel(mesh, conductivity, device=device)
    return model.solve(coil(), POSE, didt=1e6, **options)


def directly(mesh, sigma_of):
    """E (m, 3) by a sparse factorisation in float64, grounded in the tissue that conducts best."""
    nodes = mesh.nodes_mm * 1e-3
    sigma = np.array([sigma_of[tag] for tag in mesh.tags.tolist()])
    positions = (coil().dipole_positions_mm @ POSE[:3, :3].T + POSE[:3, 3]) * 1e-3
    adot = p1.dipole_rate(nodes, positions, coil().dipole_moments @ POSE[:3, :3].T, 1e6)
    k, b = p1.stiffness(nodes, mesh.tets, sigma), p1.load(nodes, mesh.tets, sigma, adot)
    first = mesh.tets[sigma.argmax(), 0]
    order = np.concatenate([[first], np.delete(np.arange(len(nodes)), first)])
    phi = np.empty(len(nodes))
    phi[order] = p1.grounded(k[order][:, order], b[order])
    return p1.field(nodes, mesh.tets, phi, adot)


def test_tetrahedra_that_shrink_to_a_face_solve_as_a_direct_solver_does():
    mesh = shrinking(shells(), 6)
    volumes = mesh.volumes_mm3()
    assert volumes.min() < 1e-6
    field = solved(mesh, tol=1e-8)
    assert field.report.iterations[0] < 100
    exact = directly(mesh, SIGMA)
    well = volumes > 1e3 * volumes.min()  # of the others the direct solver loses digits itself
    assert p1.relative(field.E[0][well], exact[well]) < 2e-5
    gray = mesh.tags == 2
    assert p1.relative(field.E[0][gray], exact[gray]) < 5e-5


@pytest.mark.usefixtures("each_device")
def test_few_shrinking_tetrahedra_solve_on_each_device():
    mesh = shrinking(shells(), 4)
    gray = mesh.tags == 2
    field = solved(mesh, device="auto")
    assert p1.relative(field.E[0][gray], solved(mesh, tol=1e-8).E[0][gray]) < 1e-4


@pytest.mark.parametrize("air", [1e-4, 1e-6, 1e-10])
def test_a_head_in_air_solves_as_quickly_as_without(air):
    mesh = in_air()
    inside = mesh.tags != -1
    head = mesh.crop(tags=[2, 3, 5])
    alone, within = solved(head), solved(mesh, {-1: air})
    assert within.report.iterations[0] <= alone.report.iterations[0] + 1
    exact = directly(mesh, SIGMA | {-1: air})
    assert p1.relative(within.E[0][inside], exact[inside]) < 5e-5
    assert p1.relative(within.E[0][inside], alone.E[0]) < 10 * air + 5e-5


def test_an_insulating_shell_keeps_conductors_apart_and_solves():
    mesh = shells(edge_mm=16)
    exact = directly(mesh, SIGMA | {3: 1e-7})
    field = solved(mesh, {3: 1e-7}, tol=1e-8)
    conducting = mesh.tags != 3
    assert p1.relative(field.E[0][conducting], exact[conducting]) < 1e-4
    assert field.report.stopped.tolist() == ["converged"]


@pytest.mark.usefixtures("each_device")
def test_a_pose_has_the_same_bits_beside_others_that_are_taken_up_again():
    mesh = shrinking(shells(), 4)
    poses = hf.ring(POSE, [0, 50, 100, 150])
    model = hf.HeadModel(mesh)
    together = model.solve(coil(), poses, didt=1e6).E
    for i in (0, 3):
        same_bits(together[i], model.solve(coil(), poses[i], didt=1e6).E[0])


@pytest.mark.usefixtures("each_device")
def test_flat_tetrahedra_are_named_where_they_keep_a_solve_from_converging():
    mesh = shrinking(shells(), 6)
    with pytest.raises(hf.ConvergenceError) as caught:
        solved(mesh, device="auto", max_iterations=12)
    said = str(caught.value)
    assert re.search(r"(no more than|stood still after|broke down after) \d+ iterations", said)
    flattest = mesh.volumes_mm3().argmin()
    assert f"nearly flat; the first is tetrahedron {flattest} (tag 3) of" in said
    assert said.endswith("mesh.repaired() removes them.")


def test_an_insulator_that_leaves_conductors_floating_is_named():
    with pytest.raises(hf.ConvergenceError) as caught:
        solved(shells(), {3: 1e-12}, tol=1e-9)
    assert "range from 1e-12 S/m (tag 3) to 0.465 S/m (tag 5)" in str(caught.value)
    assert caught.value.report.stopped[0] in ("stagnation", "breakdown", "iterations")


def test_a_guess_that_holds_at_another_node_is_taken_to_the_ground():
    mesh = in_air()
    model = hf.HeadModel(mesh, {-1: 1e-8}, device="cpu")
    field = model.solve(coil(), POSE, tol=1e-7)
    again = model.solve(coil(), POSE, tol=2e-7, initial=field.potential + 5.0)
    assert again.report.iterations.tolist() == [0]
