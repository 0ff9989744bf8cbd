# SPDX-License-Identifier: BSD-3-Clause
"""Values by reciprocity are those of full solves, and of closed forms in spheres."""

import functools

import numpy as np
import pytest
from given.targets import CENTRE_MM, DIDT, coil, head, knob, model, scattered, two_stimulators, wire
from scipy.spatial.transform import Rotation

import headfield as hf
from headfield.placement.retreat import casing_of
from headfield.targeting.aim import Aim
from headfield.targeting.sources import exact_sums, kinds_of

TIGHT = {"primary_error": 0.0, "tol": 1e-8}
DIRECTION = np.array([0.6, 0.64, -0.48])
MANY = 900  # poses, so that sources are many enough to go by a lattice


def fields(of, what, poses, didt, region):
    """E by full solves, ∂A/∂t summed over the sources."""
    return of.solve(what, poses, didt, roi=region, **TIGHT).E.astype(np.float64)


def bent():
    """A hinged coil: the wing at +x bent towards the head by 15°."""
    halves = np.array([[-40.0, 0.0, -6.0], [-20.0, 15.0, -6.0], [30.0, -8.0, -6.0], [50.0, 10.0, -6.0]])
    moments = 1e-2 * np.array([[0.0, 0.0, 1.0], [0.2, 0.0, 1.0], [0.0, 0.1, -1.0], [0.0, 0.0, -1.0]])
    parts = [
        hf.CoilElement(hf.Dipoles(halves[:2], moments[:2])),
        hf.CoilElement(hf.Dipoles(halves[2:], moments[2:]), deformations=(0,)),
    ]
    hinge = hf.Deformation("rot2p", 0, [0, 0, 0], [0, 1, 0])
    coil = hf.Coil(elements=parts, deformations=[hinge], deformation_ranges=[hf.DeformationRange(0, -30, 30)])
    return coil.deformed(-8.0)


COILS = {
    "dipoles": (coil, np.array([DIDT])),
    "wire": (wire, np.array([-DIDT])),
    "two stimulators": (two_stimulators, np.array([0.7 * DIDT, -0.4 * DIDT])),
    "bent": (bent, np.array([DIDT])),
}


def gray_of(mesh):
    return hf.regions.sphere(mesh, CENTRE_MM, 12, 2)


@functools.cache
def small_head(path):
    return hf.HeadModel(hf.read_mesh(path), device="cpu")


def compare(of, region, poses, what, didt, target):
    rates = didt if len(didt) == 1 else didt[None]
    solved = target.value(fields(of, what, poses, rates, region))
    found = hf.evaluate(of, what, poses, target, rates, tol=1e-8)
    assert np.ptp(solved) > 0.1 * np.abs(solved).max(), "the poses differ"
    np.testing.assert_allclose(found, solved, atol=1e-5 * np.abs(solved).max())


@pytest.mark.parametrize("name", COILS)
def test_components_are_those_of_full_solves(name):
    make, didt = COILS[name]
    compare(model(), knob(), scattered(8), make(), didt, hf.Target(knob(), DIRECTION))


@pytest.mark.parametrize("name", ["dipoles", "wire", "two stimulators"])
def test_components_in_a_real_head(shared_data, name):
    of = small_head(shared_data / "head_small.npz")
    make, didt = COILS[name]
    poses = np.load(shared_data / "poses.npy")
    near = np.argsort(np.linalg.norm(poses[:, :3, 3] - CENTRE_MM, axis=1))[:40:5]
    region = gray_of(of.mesh)
    compare(of, region, hf.ring(poses[near[0]], [0.0, 80.0]), make(), didt, hf.Target(region, DIRECTION))
    compare(of, region, poses[near], make(), didt, hf.Target(region, DIRECTION))


@pytest.mark.parametrize("sample", ["MagVenture_Cool-B65.ccd", "MagVenture_MST-Twin.tcd"])
def test_components_of_sample_coils(shared_data, sample):
    of, what = small_head(shared_data / "head_small.npz"), hf.read_coil(shared_data / "coils" / sample)
    region, poses = gray_of(of.mesh), np.load(shared_data / "poses.npy")[425:426]
    didt = np.full(what.n_stimulators, DIDT)
    turned = hf.retreat(of.mesh, casing_of(what), hf.ring(poses[0], [0.0, 70.0, 140.0]), 5.0)
    compare(of, region, turned, what, didt, hf.Target(region, DIRECTION))


@pytest.mark.parametrize(
    "options", [{"of_mean": True}, {"direction": "normals"}, {"direction": [0, 1, 0], "weights": "signs"}]
)
def test_other_targets_of_few_sums(options):
    region = knob()
    if options.get("direction") == "normals":
        region = hf.regions.mid_layer(head())
        options = {"direction": -region.normals}
    if "weights" in options:
        options = options | {"weights": np.cos(np.arange(len(region)))}
    compare(model(), region, scattered(8), coil(), np.array([DIDT]), hf.Target(region, **options))


def test_a_contrast_of_components():
    a, b = (hf.regions.sphere(head(), [x, -8, 50], 15, 2) for x in (-40, 40))
    targets = hf.Target(a, [0, 1, 0]) - 0.5 * hf.Target(b, of_mean=True)
    poses = scattered(8)
    each = [fields(model(), coil(), poses, DIDT, region) for region in (a, b)]
    solved = hf.Target(a, [0, 1, 0]).value(each[0]) - 0.5 * hf.Target(b, of_mean=True).value(each[1])
    found = hf.evaluate(model(), coil(), poses, targets, DIDT, tol=1e-8)
    np.testing.assert_allclose(found, solved, atol=1e-5 * np.abs(solved).max())


def test_rates_of_each_pose():
    poses, target = scattered(6), hf.Target(knob(), DIRECTION)
    rates = DIDT * np.linspace(0.2, 1.0, 6)
    one = hf.evaluate(model(), coil(), poses, target, DIDT)
    np.testing.assert_allclose(hf.evaluate(model(), coil(), poses, target, rates), one * rates / DIDT)
    both = np.stack([rates, -rates[::-1]], axis=1)
    found = hf.evaluate(model(), two_stimulators(), poses, target, both)
    solved = target.value(fields(model(), two_stimulators(), poses, both, knob()))
    np.testing.assert_allclose(found, solved, atol=1e-5 * np.abs(solved).max())


def test_a_lattice_of_the_field_serves_many_poses():
    """Beyond a number of sources values go by a table of the field: it has to say what the sum says."""
    poses, target = scattered(MANY), hf.Target(knob(), DIRECTION)
    assert MANY * coil().n_dipoles > 200_000
    found = hf.evaluate(model(), coil(), poses, target, DIDT)
    some = slice(None, None, 80)
    solved = target.value(fields(model(), coil(), poses[some], DIDT, knob()))
    np.testing.assert_allclose(found[some], solved, atol=1e-4 * np.abs(found).max())


def test_sizes_at_many_poses_are_those_of_full_solves():
    poses, target = scattered(80), hf.Target(knob())
    found = hf.evaluate(model(), coil(), poses, target, DIDT)
    solved = Aim.of(model(), coil(), target, DIDT).solved(poses)
    np.testing.assert_allclose(found, solved, atol=2e-3 * solved.max())
    few = hf.evaluate(model(), coil(), poses[:5], target, DIDT)
    np.testing.assert_allclose(few, solved[:5], rtol=1e-4)  # which are solved as they are


# A coil that is only known as samples of A


def test_sums_over_nodes_are_those_over_sources():
    field = hf.ReciprocalField(model(), knob(), hf.Target(knob(), of_mean=True).functionals())
    poses = scattered(4)
    by_nodes = model().primary_sums(field.currents, wire(), poses, DIDT, primary_error=0.0)
    by_sources = exact_sums(field, kinds_of(wire(), np.array([DIDT])), poses)
    np.testing.assert_allclose(by_nodes, by_sources, atol=1e-5 * np.abs(by_sources).max())


@pytest.mark.filterwarnings("ignore:the samples of")
def test_a_sampled_coil_is_its_source_coil_but_for_its_table():
    limits = [[-150.0, 150.0], [-130.0, 130.0], [-20.0, 200.0]]
    sampled = coil().sampled([3.0] * 3, limits)
    poses, target = scattered(6), hf.Target(knob(), DIRECTION)
    here = hf.evaluate(model(), sampled, poses, target, DIDT)
    np.testing.assert_allclose(
        here, target.value(fields(model(), sampled, poses, DIDT, knob())), atol=1e-4 * np.abs(here).max()
    )
    source = hf.evaluate(model(), coil(), poses, target, DIDT)
    np.testing.assert_allclose(here, source, atol=1e-2 * np.abs(source).max())
    with pytest.raises(hf.CoilError, match="A on a grid"):
        kinds_of(sampled, np.array([1.0]))


# Conductivities that have directions


@functools.cache
def stretched():
    """The phantom with a conductivity of its own along a direction of its own in each tetrahedron."""
    rng = np.random.default_rng(1)
    turn = Rotation.random(head().n_tets, rng=rng).as_matrix()
    sizes = model().conductivity[:, None] * 10.0 ** rng.uniform(-0.4, 0.4, (head().n_tets, 3))
    sigma = np.einsum("mij,mj,mkj->mik", turn, sizes, turn)
    return hf.HeadModel(head(), 0.5 * (sigma + sigma.transpose(0, 2, 1)), device="cpu")


@pytest.mark.filterwarnings("ignore::headfield.PlausibilityWarning")
def test_conductivity_tensors():
    poses, target = scattered(6), hf.Target(knob(), DIRECTION)
    compare(stretched(), knob(), poses, coil(), np.array([DIDT]), target)
    straight, other = (hf.evaluate(of, coil(), poses, target, DIDT) for of in (model(), stretched()))
    assert np.abs(other - straight).max() > 0.01 * np.abs(straight).max(), "these tensors matter"


# The closed form of a sphere

RADII_MM, TAGS = (80.0, 86.0, 92.0), (2, 4, 5)
OUTSIDE_MM = np.array([[10.0, 20.0, 105.0], [-30.0, 40.0, 95.0], [60.0, -20.0, 90.0], [0.0, -70.0, 80.0]])


def mean_error_in_a_sphere(edge_mm):
    """Of the field of a target's reciprocal current, relative, at dipoles in all directions outside."""
    mesh = hf.sphere_mesh(RADII_MM, TAGS, edge_mm)
    ball = hf.regions.sphere(mesh, [5.0, 10.0, 55.0], 18.0, 2)
    target = hf.Target(ball, [0.3, 0.9, -0.2])
    field = hf.ReciprocalField(hf.HeadModel(mesh, device="cpu"), ball, target.functionals())
    found = field.magnetic_field(OUTSIDE_MM)[0]
    exact = np.empty((len(OUTSIDE_MM), 3))
    for i, place in enumerate(OUTSIDE_MM):
        for axis in range(3):
            e = hf.analytic.sphere_tms_field(ball.centres_mm, [place], [np.eye(3)[axis]], 1.0)
            exact[i, axis] = target.value(e[None])[0]
    return np.linalg.norm(found - exact) / np.linalg.norm(exact)


def test_the_field_of_a_sphere_comes_closer_to_the_closed_form():
    """Of currents in a sphere, B outside is that of Sarvas: by reciprocity, E of a dipole (Heller)."""
    errors = [mean_error_in_a_sphere(edge) for edge in (16.0, 11.0, 7.5)]
    assert errors[0] > errors[1] > errors[2]
    order = np.log(errors[0] / errors[2]) / np.log(16.0 / 7.5)
    assert order > 1.0, errors
    assert errors[2] < 0.03, errors


def test_the_curl_of_a_is_b():
    field = hf.ReciprocalField(model(), knob(), hf.Target(knob(), of_mean=True).functionals())
    at, step_mm = np.array([[-60.0, -10.0, 95.0], [-95.0, 20.0, 70.0]]), 3.0
    slopes = np.empty((3, 3, 2, 3))  # functional, along, place, component
    for axis in range(3):
        ahead, behind = (field.vector_potential(at + s * step_mm * np.eye(3)[axis]) for s in (1, -1))
        slopes[:, axis] = (ahead.astype(float) - behind) / (2e-3 * step_mm)
    curl = np.stack([slopes[:, i, :, j] - slopes[:, j, :, i] for i, j in ((1, 2), (2, 0), (0, 1))], axis=-1)
    b = field.magnetic_field(at)
    assert len(field) == 3
    np.testing.assert_allclose(curl, b, atol=1e-2 * np.abs(b).max())
