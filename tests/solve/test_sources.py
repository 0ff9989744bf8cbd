# SPDX-License-Identifier: BSD-3-Clause
"""Sources that are not coils: closed forms, reciprocity with coils, and what every solve promises."""

import functools
import pickle

import numpy as np
import pytest
from given.comparisons import same_bits
from given.heads import coil, model, poses

import headfield as hf
from headfield import regions
from headfield.solve.drives.currents import NodalCurrents

pytestmark = pytest.mark.usefixtures("each_device")

UNIFORM = np.array([[1.0, 0.0, 0.0], [0.0, -2.0, 0.5]])  # V/m


@functools.cache
def currents(k=6):
    """k pairs of electrodes, 1 mA from one node of the scalp to another."""
    mesh = model().mesh
    scalp = np.unique(mesh.boundary())
    pairs = np.random.default_rng(k).choice(len(scalp), (k, 2), replace=False)
    b = np.zeros((k, mesh.n_nodes))
    for row, (one, other) in zip(b, scalp[pairs], strict=True):
        row[one], row[other] = 1e-3, -1e-3
    return b


@pytest.fixture(scope="module")
def uniform_ball(each_device):
    mesh = hf.sphere_mesh([40, 60], [1, 2], 14)
    return hf.HeadModel(mesh, 0.3)


def through_the_surface(mesh, sigma, field):
    """Currents (n,) that a uniform field drives through the outer faces, whose normals point outward."""
    faces = mesh.boundary()
    a, b, c = (mesh.nodes_mm[faces[:, i]] * 1e-3 for i in range(3))
    flux = -sigma * (0.5 * np.cross(b - a, c - a)) @ field
    return np.bincount(faces.ravel(), np.repeat(flux / 3.0, 3), mesh.n_nodes)


@pytest.mark.parametrize("recovery", [None, "interface", "patch"])
def test_a_uniform_current_has_a_uniform_field(uniform_ball, recovery):
    """Linear elements hold it exactly."""
    mesh = uniform_ball.mesh
    b = np.array([through_the_surface(mesh, 0.3, field) for field in UNIFORM])
    field = uniform_ball.solve_sources(b, tol=1e-10, recovery=recovery)
    assert field.report.converged.all()
    assert np.abs(field.E - UNIFORM[:, None]).max() < 2e-6 * np.abs(UNIFORM).max()
    assert field.poses is None
    assert field.didt is None
    assert len(field) == 2


def test_reciprocity_with_a_coil():
    """What a coil's field does to a current between two nodes is what the current's field does to ∂A/∂t."""
    mesh, sigma = model().mesh, model().conductivity
    pose = poses(1)[0]
    induced = model().solve(coil(), pose, 1e6, tol=1e-10, primary_error=0.0).potential[0]
    b = currents()
    field = model().solve_sources(b, tol=1e-10)
    placed = np.linalg.inv(pose)
    nodes = mesh.nodes_mm @ placed[:3, :3].T + placed[:3, 3]
    a, _ = coil().sources().vector_potential(nodes)
    adot = 1e6 * (a @ pose[:3, :3].T)[mesh.tets].mean(axis=1)
    volumes = mesh.volumes_mm3() * 1e-9
    received = np.einsum("m,md,kmd->k", volumes * sigma, adot, field.E.astype(np.float64))
    assert np.abs(b @ induced - received).max() < 1e-5 * np.abs(received).max()


def test_a_source_gets_the_same_bits_in_any_batch():
    one = [model().solve_sources(b) for b in currents()]
    for batch in (1, 4, "auto"):
        together = model().solve_sources(currents(), batch=batch)
        for i, alone in enumerate(one):
            same_bits(together.E[i], alone.E[0])
            same_bits(together.potential[i], alone.potential[0])
    assert one[0].report.primary_error == 0.0


def test_options_mean_what_they_mean_for_coils():
    mesh = model().mesh
    everywhere = model().solve_sources(currents())
    some = np.arange(0, mesh.n_tets, 5)
    same_bits(model().solve_sources(currents(), elements=some).E, np.ascontiguousarray(everywhere.E[:, some]))
    points = regions.points(mesh, [[0, 0, 70], [10, 20, 60]])
    recovered = model().solve_sources(currents(), roi=points, recovery="interface")
    assert recovered.E.shape == (6, 2, 3)
    assert (recovered.report.discretisation_error > 0).all()
    again = model().solve_sources(currents(), initial=everywhere.potential, tol=1e-7)
    cold = model().solve_sources(currents(), tol=1e-7)
    assert (again.report.iterations < cold.report.iterations).all()
    follows = model().solve_sources(currents(), tol="auto")
    assert (follows.report.residual <= follows.report.tolerance).all()
    assert follows.report.discretisation_error is not None


def test_a_drive_of_ones_own_fills_right_hand_sides():
    class Halved(NodalCurrents):
        def load(self, head, part, adot, b):
            super().load(head, part, adot, b)
            b *= 0.5

    drive = Halved(2.0 * currents(), model().mesh.n_nodes, model().device)
    same_bits(model().solve_sources(drive).E, model().solve_sources(currents()).E)


def test_coils_and_other_sources_take_turns():
    before = model().solve(coil(), poses(2)).E
    currents_between = model().solve_sources(currents(2)).E
    same_bits(model().solve(coil(), poses(2)).E, before)
    same_bits(model().solve_sources(currents(2)).E, currents_between)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda b: b[:, :-1], r"shape \(k, \d+\), not \(6, \d+\)"),
        (lambda b: b[None], r"shape"),
        (lambda b: b[:0], r"shape"),
        (lambda b: b * np.nan, r"not finite"),
        (lambda b: np.abs(b), r"6 of 6 sources do not sum to zero; the first is source 0 with 0\.002 A"),
        (lambda b: "one", r"not real numbers"),
    ],
    ids=["a node less", "a dimension more", "none", "nan", "not balanced", "text"],
)
def test_bad_currents_are_refused(change, words):
    with pytest.raises(hf.ArgumentError, match=words):
        model().solve_sources(change(currents()))


def test_a_source_of_nothing_has_no_field():
    b = currents(2).copy()
    b[1] = 0.0
    field = model().solve_sources(b)
    assert field.report.converged.all()
    assert not field.E[1].any()
    same_bits(field.E[0], model().solve_sources(b[0]).E[0])


def test_a_model_is_pickled_as_what_it_was_made_of():
    content = pickle.dumps(model())
    assert len(content) < 3 * (model().mesh.nodes_mm.nbytes + model().mesh.tets.nbytes)
    again = pickle.loads(content)
    assert again.device == model().device
    same_bits(again.conductivity, model().conductivity)
    same_bits(again.solve(coil(), poses(1)).E, model().solve(coil(), poses(1)).E)
    assert again.mesh is not model().mesh


@pytest.mark.parametrize("ending", ["h5", "msh", "vtu"])
def test_fields_of_sources_are_written_and_read(tmp_path, ending):
    field = model().solve_sources(currents(2))
    field.save(tmp_path / f"field.{ending}")
    back = hf.read_result(tmp_path / f"field.{ending}")
    assert back.n_poses == 2
    assert back.poses is None
    assert back.didt is None
    same_bits(np.ascontiguousarray(back.magnitude(1)), np.ascontiguousarray(field.on_host().magnitude[1]))
    copied = pickle.loads(pickle.dumps(field))
    assert copied.poses is None
    same_bits(copied.E, field.on_host().E)


def test_a_field_of_sources_is_drawn_without_a_coil():
    mesh = model().mesh
    scene = model().solve_sources(currents(1)).scene(tags=int(mesh.tags[0]))
    assert scene.matrix is None
    with pytest.raises(hf.ArgumentError, match="pose is not known"):
        model().solve_sources(currents(1)).scene(coil=coil(), tags=int(mesh.tags[0]))


class Unbalanced(NodalCurrents):
    """A drive whose currents don't sum to zero, as one of somebody else's might."""

    def load(self, head, part, adot, b):
        super().load(head, part, adot, b)
        b[0] += 1.0


def test_what_a_drive_loads_has_to_sum_to_zero():
    drive = Unbalanced(currents(2), model().mesh.n_nodes, model().device)
    with pytest.raises(hf.ArgumentError, match="2 sources of a batch do not sum to zero"):
        model().solve_sources(drive)


def test_a_drive_has_a_scale_for_each_source():
    drive = NodalCurrents(currents(2), model().mesh.n_nodes, model().device)
    drive.scale = np.ones(3)
    with pytest.raises(hf.ArgumentError, match=r"a scale for each: it has 2, and \(3,\)"):
        model().solve_sources(drive)


@pytest.mark.parametrize("size", [1e-170, 1e-30, 1e5])
def test_fields_are_proportional_to_currents(size):
    one = model().solve_sources(currents(2))
    scaled = model().solve_sources(size * currents(2))
    assert scaled.report.converged.all()
    wanted = one.potential * size
    assert np.abs(scaled.potential - wanted).max() <= 1e-12 * np.abs(wanted).max()


def test_conductivities_of_a_model_cannot_be_written_to():
    with pytest.raises(ValueError, match="read-only"):
        model().conductivity[0] = 1.0


def test_a_region_that_travelled_by_itself_is_of_the_model_s_mesh():
    mesh = model().mesh
    some = pickle.loads(pickle.dumps(regions.sphere(mesh, [0, 0, 60], 20)))
    assert not some.mesh.nodes_mm.flags.writeable
    there = model().solve(coil(), poses(1), roi=some).E
    same_bits(there, model().solve(coil(), poses(1), roi=regions.sphere(mesh, [0, 0, 60], 20)).E)
