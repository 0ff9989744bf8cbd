# SPDX-License-Identifier: BSD-3-Clause
"""Derivatives of measures of E, against differences of solves and a solver of its own in float64."""

import functools

import numpy as np
import pytest
import scipy.sparse.linalg as spla
from given import p1
from given.gradients import DIDT, head, knob, model, scattered
from given.motions import difference, moved, slopes
from given.targets import coil, two_stimulators, wire

import headfield as hf

EXACT = {"tol": 1e-12, "primary_error": 0.0}
LEVER_MM = np.repeat([1.0, 1 / 50.0], 3)  # a rad counts as 50 mm


def strongest():
    return hf.Target(knob(), exponent=8.0)


def ratio():
    other = hf.regions.sphere(head(), [0.0, -30.0, 50.0], 20, 2)
    return hf.Ratio(hf.Target(knob()), hf.Target(knob()) + hf.Target(other))


def power():
    share = knob().weights / knob().weights.sum()
    return hf.MeasureFunction(
        knob(),
        lambda E: (share * (E**2).sum(axis=2)).sum(axis=1),
        lambda E: 2.0 * share[:, None] * E,
    )


MEASURES = {
    "mean |E|": lambda: knob(),
    "component": lambda: hf.Target(knob(), [0.3, 1.0, -0.2]),
    "|mean E|": lambda: hf.Target(knob(), of_mean=True),
    "strongest": strongest,
    "percentile": lambda: hf.Percentile(knob(), 90.0),
    "ratio": ratio,
    "function": power,
    "points": lambda: hf.Target(hf.regions.points(head(), knob().centres_mm[::3], 2)),
}


def values(measure, E):
    return measure.values(np.asarray(E, np.float64))


class Exact:
    """A solver of its own in float64: the matrix of a head, factorised once."""

    def __init__(self, sigma):
        self.sigma, self.nodes = sigma, 1e-3 * head().nodes_mm
        self.solve = spla.factorized(p1.stiffness(self.nodes, head().tets, sigma)[1:, 1:].tocsc())

    def field(self, adot, elements):
        """E (p, 3) in some elements."""
        phi = np.zeros(len(self.nodes))
        phi[1:] = self.solve(p1.load(self.nodes, head().tets, self.sigma, adot)[1:])
        return p1.field(self.nodes, head().tets[elements], phi, adot)


def places_of(measure):
    return np.concatenate([region.elements for region in measure.regions])


@functools.cache
def exact_solver():
    return Exact(np.array(model().conductivity))


@functools.cache
def exact_field(pose):
    """E (m, 3) in the whole head of the coil at a pose, given as its bytes: all measures look at the same."""
    adot = DIDT * coil().vector_potential(head().nodes_mm, np.frombuffer(pose).reshape(4, 4))
    return exact_solver().field(adot, slice(None))


def exact_values_of_coil(measure, poses):
    """What `exact_values` gives of the coil that all tests have, without solving for a pose again."""
    places = places_of(measure)
    return measure.values(np.stack([exact_field(pose.tobytes())[places] for pose in poses]))


def exact_values(measure, poses, a_coil, didt=DIDT):
    """Values (k,) of a measure, without headfield's solver."""
    rates = np.atleast_1d(didt)
    potentials = [
        sum(
            rate * a_coil.vector_potential(head().nodes_mm, pose, stimulator=s)
            for s, rate in enumerate(rates)
        )
        for pose in poses
    ]
    places = places_of(measure)
    return measure.values(np.stack([exact_solver().field(adot, places) for adot in potentials]))


@functools.cache
def measured(name):
    found = MEASURES[name]()
    return hf.Target(found) if isinstance(found, hf.Region) else found


@functools.cache
def mean():
    return hf.Target(knob())


def off(found, exact):
    """The largest error of derivatives (k, 6) by poses, relative to their length at that pose."""
    length = np.linalg.norm(exact * LEVER_MM, axis=1)
    return (np.linalg.norm((found - exact) * LEVER_MM, axis=1) / length).max()


@pytest.mark.parametrize("name", MEASURES)
def test_pose_derivatives_are_those_of_a_float64_solver(name):
    measure, poses = measured(name), scattered(2)
    function = functools.partial(exact_values_of_coil, measure)
    exact = slopes(function, poses)
    found = model().gradient(measure, coil(), poses, DIDT, ["pose", "didt"], **EXACT)
    assert off(found.pose, exact) < 1e-6
    np.testing.assert_allclose(found.values, function(poses), rtol=1e-6)
    power_of_didt = {"ratio": 0.0, "function": 2.0}.get(name, 1.0)
    np.testing.assert_allclose(
        found.didt * DIDT, power_of_didt * found.values, rtol=1e-6, atol=1e-6 * np.abs(found.values).max()
    )
    default = model().gradient(measure, coil(), poses, DIDT)
    assert off(default.pose, exact) < 1e-3


@pytest.mark.filterwarnings("ignore:the samples of")
def test_wire_sums_by_a_tree_samples_and_means_of_edges():
    poses, by_edges = scattered(2), hf.HeadModel(head(), primary="edges", device="cpu")
    few = hf.Coil([[20, 0, -5.0], [-20, 0, -5.0]], [[0, 0, 0.02], [0, 0, -0.02]])
    of_wire = slopes(functools.partial(exact_values, mean(), a_coil=wire()), poses)
    of_dipoles = slopes(functools.partial(exact_values_of_coil, mean()), poses)
    for a_coil, exact, error, most in (
        (wire(), of_wire, 0.0, 1e-6),
        (wire(), of_wire, 1e-3, 1e-3),
        (coil(), of_dipoles, "summed", 1e-4),
    ):
        found = model().gradient(knob(), a_coil, poses, DIDT, primary_error=error, tol=1e-10)
        assert off(found.pose, exact) < most
    for a_model, a_coil in ((model(), few.sampled(6.0, [[-250, 250]] * 3)), (by_edges, few)):

        def solved(places, a_model=a_model, a_coil=a_coil):
            field = a_model.solve(a_coil, places, DIDT, elements=knob().elements, **EXACT)
            return mean().values(field.E)

        found = a_model.gradient(knob(), a_coil, poses, DIDT, **EXACT)
        assert off(found.pose, slopes(solved, poses, step_mm=1.0, step_rad=0.02)) < 1e-3


def test_the_remainder_of_taylors_series_is_of_second_order():
    pose = scattered(1, seed=3)
    found = model().gradient(knob(), coil(), pose, DIDT, **EXACT)
    direction = np.array([0.6, -0.3, 0.5, 0.004, 0.006, -0.008])
    steps = 2.0 ** -np.arange(2, 8)
    there = exact_values(mean(), [moved(pose[0], t * direction) for t in steps], coil())
    here = exact_values(mean(), pose, coil())
    remainders = np.abs(there - here - steps * (found.pose[0] @ direction))
    assert 1.95 < np.polyfit(np.log(steps), np.log(remainders), 1)[0] < 2.05


def test_two_stimulators_have_derivatives_by_each_current():
    poses, didt = scattered(1), np.array([40e6, -30e6])
    found = model().gradient(knob(), two_stimulators(), poses, didt[None], ["pose", "didt"], **EXACT)
    function = functools.partial(exact_values, mean(), a_coil=two_stimulators(), didt=didt)
    assert off(found.pose, slopes(function, poses)) < 1e-6
    for column, rate in enumerate(np.eye(2) * 1e6):

        def driven(t, rate=rate):
            return exact_values(mean(), poses, two_stimulators(), didt + t * rate)[0]

        assert found.didt[0, column] * 1e6 == pytest.approx(difference(driven, 1.0), rel=1e-6)


def nudged(a_coil, **arrays):
    """A coil of dipoles or wire with other numbers."""
    source = a_coil.elements[0].source
    fields = {
        name: arrays.get(name, getattr(source, name)) for name in vars(source) if not name.startswith("_")
    }
    return hf.Coil(elements=[hf.CoilElement(type(source)(**fields))])


@pytest.mark.parametrize("kind", ["dipoles", "wire"])
@pytest.mark.parametrize("error", [0.0, 1e-3])
def test_derivatives_by_sources(kind, error):
    a_coil = coil() if kind == "dipoles" else wire()
    names = {
        "dipoles": {"positions_mm": "dipole_positions", "moments": "dipole_moments"},
        "wire": {"points_mm": "wire_points", "lengths_mm": "wire_lengths"},
    }[kind]
    pose, options = scattered(1), {"tol": 1e-12, "primary_error": error}
    found = model().gradient(knob(), a_coil, pose, DIDT, kind, **options)
    rng, source = np.random.default_rng(4), a_coil.elements[0].source
    for argument, name in names.items():
        old = getattr(source, argument)
        direction = rng.normal(size=old.shape) * np.abs(old).max() / 200

        def elsewhere(t, argument=argument, old=old, direction=direction):
            return exact_values(mean(), pose, nudged(a_coil, **{argument: old + t * direction}))

        exact = difference(elsewhere, 0.5)
        assert getattr(found, name).shape == (1, *old.shape)
        size = np.linalg.norm(getattr(found, name) * direction)
        assert (
            abs((getattr(found, name)[0] * direction).sum() - exact[0])
            < (2e-6 if error == 0 else 1e-3) * size
        )


def bent(samples=False):
    """A coil with a wing on a hinge that slides, beside a part that stays."""
    left, right = (
        hf.Dipoles([[x, 0, -6.0], [x, 15, -6.0]], [[0, 0, s * 0.02]] * 2) for x, s in ((-30, 1), (30, -1))
    )
    moving = hf.Coil(elements=[hf.CoilElement(right)]).sampled(4.0).elements[0].source if samples else right
    return hf.Coil(
        elements=[hf.CoilElement(left), hf.CoilElement(moving, deformations=(0, 1))],
        deformations=[hf.Deformation("rot2p", 0, [5, 0, 0], [5, 1, 0.1]), hf.Deformation("x", 1)],
        deformation_ranges=[hf.DeformationRange(8.0, -30, 30), hf.DeformationRange(2.0, -10, 10)],
    )


@pytest.mark.parametrize("samples", [False, True])
@pytest.mark.filterwarnings("ignore:the samples of")
def test_derivatives_by_deformations(samples):
    a_coil, pose = bent(samples), scattered(1)
    found = model().gradient(knob(), a_coil, pose, DIDT, "deformation", **EXACT)
    exact = []
    for shift in np.eye(2):

        def elsewhere(t, shift=shift):
            return exact_values(mean(), pose, a_coil.deformed(*(t * shift + [8.0, 2.0])))

        exact.append(difference(elsewhere, 0.1))
    np.testing.assert_allclose(found.deformation[0], np.ravel(exact), rtol=1e-3 if samples else 2e-6)


def float64_value(sigma, adot):
    """The mean of |E| in the knob."""
    return mean().values(Exact(sigma).field(adot, knob().elements)[None])[0]


def anisotropic(mesh):
    rng = np.random.default_rng(0)
    sigma = hf.HeadModel(mesh, device="cpu").conductivity
    factor = rng.normal(size=(mesh.n_tets, 3, 3)) * 0.2
    return sigma[:, None, None] * (np.eye(3) + factor @ np.swapaxes(factor, 1, 2))


@pytest.mark.parametrize("tensors", [False, True])
def test_conductivity_derivatives_against_a_float64_solver(tensors):
    mesh, pose = head(), scattered(1)
    a_model = hf.HeadModel(mesh, anisotropic(mesh) if tensors else None, device="cpu")
    sigma = np.array(a_model.conductivity)
    found = a_model.gradient(knob(), coil(), pose, DIDT, ["conductivity", "elements"], **EXACT)
    adot = DIDT * coil().vector_potential(mesh.nodes_mm, pose[0])
    volumes = mesh.volumes_mm3()
    assert found.tags.tolist() == np.unique(mesh.tags).tolist()
    for tag, slope in zip(found.tags, found.conductivity[0], strict=True):
        own = mesh.tags == tag

        def scaled(t, own=own):
            changed = sigma.copy()
            changed[own] *= 1.0 + t
            return float64_value(changed, adot)

        scalar = np.trace(sigma, axis1=1, axis2=2) / 3 if tensors else sigma
        mean = np.average(scalar[own], weights=volumes[own])
        assert slope == pytest.approx(difference(scaled, 0.05) / mean, rel=2e-6)
        by_element = (found.element_conductivity[0][own].astype(np.float64) * sigma[own]).sum()
        assert by_element == pytest.approx(slope * mean, rel=1e-5)
    if tensors:  # one entry off the diagonal, and its mirror image
        element = int(np.abs(found.element_conductivity[0][:, 0, 1]).argmax())

        def entry(t):
            changed = sigma.copy()
            changed[element, 0, 1] += t
            changed[element, 1, 0] += t
            return float64_value(changed, adot)

        pair = found.element_conductivity[0][element]
        assert pair[0, 1] + pair[1, 0] == pytest.approx(
            difference(entry, 0.02 * sigma[element, 0, 0]), rel=1e-5
        )


@pytest.mark.parametrize("factor", [1e-60, 1e60])
def test_measures_of_any_size_have_derivatives_by_conductivities(factor):
    pose = scattered(1)
    found, base = (
        model().gradient(f * mean(), coil(), pose, DIDT, ["pose", "conductivity"]) for f in (factor, 1.0)
    )
    np.testing.assert_allclose(found.pose / factor, base.pose, rtol=1e-5)
    np.testing.assert_allclose(found.conductivity / factor, base.conductivity, rtol=1e-4)


def test_nothing_in_a_sphere_depends_on_conductivities():
    mesh = hf.sphere_mesh(radii_mm=[78, 85, 92], tags=[2, 4, 5], edge_mm=7)
    a_model = hf.HeadModel(mesh, device="cpu")
    pose = a_model.place(coil(), [0, 0, 95], [0, 50, 95])
    ball = hf.regions.sphere(mesh, [0, 0, 65], 10, 2)
    found = a_model.gradient(ball, coil(), pose, DIDT, "conductivity")
    relative = found.conductivity[0] * [0.275, 0.01, 0.465] / found.values[0]
    assert np.abs(relative).max() < 3e-3  # by discretisation alone


def test_a_linear_measure_needs_one_adjoint_and_no_solve():
    measure, poses = hf.Target(knob(), [0.0, 1.0, 0.0]), scattered(5)
    found = model().gradient(measure, coil(), poses, DIDT, ["pose", "conductivity"], tol=1e-10, batch=4)
    alone = model().gradient(measure, coil(), poses, DIDT, ["pose"], tol=1e-10)
    assert len(found.report.iterations) == 5  # conductivities need the potential of each pose
    assert len(found.adjoint.iterations) == len(alone.adjoint.iterations) == len(alone.report.iterations) == 1
    np.testing.assert_array_equal(found.pose, alone.pose)
    as_if_not = hf.MeasureFunction(measure.region, measure.values, measure.derivatives)
    general = model().gradient(as_if_not, coil(), poses, DIDT, ["pose", "conductivity"], tol=1e-10)
    assert len(general.adjoint.iterations) == 5
    np.testing.assert_allclose(found.pose, general.pose, rtol=1e-5, atol=1e-6 * np.abs(general.pose).max())
    np.testing.assert_allclose(found.values, general.values, rtol=1e-6)
    np.testing.assert_allclose(found.conductivity, general.conductivity, rtol=1e-4, atol=1e-6)


def test_a_linear_measure_may_be_other_than_zero_where_e_is():
    measure, poses = hf.Target(knob(), [0.0, 1.0, 0.0]), scattered(2)
    off = hf.MeasureFunction(knob(), lambda E: measure.values(E) - 3.0, measure.derivatives, is_linear=True)
    found, given = (model().gradient(one, coil(), poses, DIDT) for one in (off, measure))
    np.testing.assert_allclose(found.values, given.values - 3.0, rtol=1e-12)
    np.testing.assert_array_equal(found.pose, given.pose)


def test_a_pose_has_the_same_bits_beside_any_others():
    poses, wrt = scattered(6), ["pose", "didt", "conductivity", "elements"]
    together = model().gradient(knob(), coil(), poses, DIDT, wrt)
    by_twos = model().gradient(knob(), coil(), poses[::-1], DIDT, wrt, batch=1)
    for name in ("values", "pose", "didt", "conductivity", "element_conductivity"):
        np.testing.assert_array_equal(getattr(together, name), getattr(by_twos, name)[::-1])


def test_regions_that_overlap_count_twice():
    whole, poses = knob(), scattered(2)
    part = hf.Region(head(), whole.elements[::2])
    both = model().gradient(hf.Target(whole) + hf.Target(part), coil(), poses, DIDT, tol=1e-9)
    one, other = (model().gradient(r, coil(), poses, DIDT, tol=1e-9) for r in (whole, part))
    np.testing.assert_allclose(both.values, one.values + other.values, rtol=1e-7)
    np.testing.assert_allclose(
        both.pose, one.pose + other.pose, rtol=1e-5, atol=1e-6 * np.abs(one.pose).max()
    )
