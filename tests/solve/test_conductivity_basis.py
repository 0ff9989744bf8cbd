# SPDX-License-Identifier: BSD-3-Clause
"""Bases in the conductivities of tissues, against heads that are built anew with them."""

import functools

import numpy as np
import pytest
from given.comparisons import same_bits
from given.heads import coil as small_coil

import headfield as hf
from headfield.errors import ArgumentError, ConductivityError, PoseError, RegionError
from headfield.solve.uncertainty.ranges import PUBLISHED

RANGES = {tag: PUBLISHED[tag] for tag in (1, 2, 4)}
COIL = hf.figure_of_eight()
SUMMED = {"primary_error": "summed"}  # no table of ∂A/∂t for each head that is built


@functools.cache
def phantom():
    head = hf.phantom_head(edge_mm=8)
    return head, hf.regions.sphere(head, [-40, -8, 50], 15, 2)


@functools.cache
def model():
    return hf.HeadModel(phantom()[0])


@functools.cache
def pose():
    return model().place(COIL, [-46, -8, 70], [-46, 42, 70])


def asked():
    return model(), phantom()[1], COIL, pose()


@functools.cache
def basis(**options):
    return hf.conductivity_basis(*asked(), 50e6, ranges=RANGES, at_once=4, **SUMMED, **options)


def drawn(of, count, seed=3):
    return np.random.default_rng(seed).uniform(of.low, of.high, (count, len(of.tags)))


def anew(sigma, tags, conductivity=None):
    """E (s, P, 3) of heads that are built with each of these conductivities."""
    head, region = phantom()
    fields = []
    for row in sigma:
        given = dict(zip(tags.tolist(), row, strict=True))
        if conductivity is not None:
            given = conductivity * np.array([given.get(t, 1.0) for t in head.tags])[:, None, None]
        fields.append(
            hf.HeadModel(head, given).solve(COIL, pose(), 50e6, roi=region, tol=1e-10, **SUMMED).E[0]
        )
    return np.array(fields)


def relative(E, true):
    weights = phantom()[1].weights
    squares = [((a.astype(float) ** 2).sum(axis=2) @ weights) for a in (E - true, true)]
    return np.sqrt(squares[0] / squares[1])


def test_agrees_with_heads_that_are_built_anew_within_its_bounds():
    sigma = drawn(basis(), 8)
    errors = relative(basis().fields(sigma), anew(sigma, basis().tags))
    assert errors.max() < 1e-3
    assert (errors <= basis().bounds(sigma)).all()
    assert errors.max() > 1e-7, "the basis is no solve"
    assert basis().report.reached
    assert basis().report.solves <= 40


def test_on_each_device(each_device):
    """A ball whose halves conduct differently."""
    ball = hf.sphere_mesh(radii_mm=[80], tags=[1], edge_mm=16)
    halves = np.where(ball.nodes_mm[ball.tets].mean(axis=1)[:, 0] > 0.0, 1, 2)
    mesh = hf.TetMesh(ball.nodes_mm, ball.tets, halves)
    region = hf.regions.sphere(mesh, [0, 0, 40], 30)
    built = hf.HeadModel(mesh, {1: 0.3, 2: 0.2})
    assert built.device == each_device
    above = built.place(small_coil(), [0, 0, 82], [0, 50, 82])
    made = hf.conductivity_basis(
        built, region, small_coil(), above, ranges={1: (0.1, 0.4), 2: (0.1, 0.6)}, at_once=4
    )
    other = hf.HeadModel(mesh, {1: 0.15, 2: 0.5}).solve(small_coil(), above, roi=region, tol=1e-10).E[0]
    error = (made.fields([0.15, 0.5])[0] - other)[:, :] * np.sqrt(region.weights)[:, None]
    size = np.linalg.norm(other * np.sqrt(region.weights)[:, None])
    assert np.linalg.norm(error) < 1e-3 * size
    assert np.linalg.norm(error) < made.bounds([0.15, 0.5])[0] * size


def test_bounds_hold_where_the_basis_is_poor():
    """Of few solves, so that errors are far above what solves leave; outside of the ranges too."""
    with pytest.warns(UserWarning, match="does not reach an error of 0.001"):
        poor = basis(max_solves=4)
    sigma = np.concatenate([drawn(poor, 3), drawn(poor, 1) * 2.0, [poor.low * 0.5]])
    errors = relative(poor.fields(sigma), anew(sigma, poor.tags))
    bounds = poor.bounds(sigma)
    assert errors.max() > 1e-3
    assert (errors <= bounds).all()
    assert (bounds[:3] < 1000 * errors[:3]).all()


def test_full_solves_of_what_is_beyond_are_those_of_the_head():
    with pytest.warns(UserWarning, match="does not reach"):
        poor = basis(max_solves=2, held_out=2)
    sigma = drawn(poor, 3)
    E, values = poor.fields(sigma, full=True), poor.values(sigma, full=True)
    np.testing.assert_array_equal(E, poor.solved(sigma))
    assert poor.solved_in_full == 6
    assert relative(E, anew(sigma, poor.tags)).max() < 1e-6
    weights = phantom()[1].weights
    np.testing.assert_allclose(values, np.linalg.norm(E, axis=2) @ weights / weights.sum(), rtol=1e-6)
    np.testing.assert_array_less(1e-4, abs(poor.values(sigma) / values - 1))


def test_tensors_are_scaled_by_tissue():
    head, region = phantom()
    rng = np.random.default_rng(2)
    along = hf.HeadModel(head).conductivity * rng.uniform(0.8, 1.2, head.n_tets)
    tensors = along[:, None, None] * (np.eye(3) + 0.3 * np.ones((3, 3)))
    tensors[head.tags == 1, 0, 0] *= 3.0
    made = hf.conductivity_basis(
        hf.HeadModel(head, tensors),
        region,
        COIL,
        pose(),
        50e6,
        ranges={1: (0.1, 0.4), 2: (0.1, 0.6)},
        **SUMMED,
    )
    sigma = drawn(made, 2)
    true = anew(sigma / made.nominal, made.tags, tensors)
    errors = relative(made.fields(sigma), true)
    assert errors.max() < 1e-3
    assert (errors <= made.bounds(sigma)).all()


def test_nothing_spreads_in_concentric_spheres():
    """E in a sphere does not depend on the conductivities of its layers."""
    mesh = hf.sphere_mesh(radii_mm=[70, 80, 90], tags=[2, 4, 5], edge_mm=9)
    region = hf.regions.sphere(mesh, [0, 0, 50], 20, 2)
    edges = hf.HeadModel(mesh, primary="edges")
    on_top = edges.place(COIL, [0, 0, 95], [0, 50, 95])
    made = hf.conductivity_basis(edges, region, COIL, on_top, error=0.01, **SUMMED)
    values = made.values(drawn(made, 1000))
    # What is left is the discretisation: facets of layers are no spheres.
    assert values.std() / values.mean() < 4e-3
    assert abs(made.sensitivities(made.nominal) * made.nominal / values.mean()).max() < 0.02


def test_a_common_factor_of_all_conductivities_changes_nothing():
    with pytest.warns(UserWarning, match="does not reach"):
        made = hf.conductivity_basis(*asked(), max_solves=8, held_out=2, **SUMMED)
    sigma = drawn(made, 3)
    assert len(made.tags) == len(np.unique(phantom()[0].tags))
    np.testing.assert_allclose(made.values(3.7 * sigma), made.values(sigma), rtol=1e-6)


def test_sensitivities_are_the_derivatives():
    made, sigma, step = basis(), drawn(basis(), 2), 0.02
    slopes = made.sensitivities(sigma)
    for t in range(len(made.tags)):
        ways = np.zeros(len(made.tags))
        ways[t] = step * sigma[0, t]
        ahead, behind = (made.values(sigma + sign * ways) for sign in (1, -1))
        np.testing.assert_allclose(slopes[:, t], (ahead - behind) / (2 * ways[t]), rtol=5e-3, atol=1e-3)


def test_extremes_are_those_of_a_dense_grid():
    made = basis()
    axes = [np.linspace(low, high, 9) for low, high in zip(made.low, made.high, strict=True)]
    values = made.values(np.stack(np.meshgrid(*axes), axis=-1).reshape(-1, 3))
    found = made.extremes()
    assert found.least.value <= values.min() * (1 + 1e-6)
    assert found.most.value >= values.max() * (1 - 1e-6)
    for one in found:  # solved in full
        E = made.solved(one.sigma).astype(np.float64)
        assert one.value == pytest.approx(made.measure.values(E)[0], rel=1e-9)
    assert (found.least.sigma >= made.low).all()
    assert (found.least.sigma <= made.high).all()


def own_measure(function):
    """A measure of one's own, with derivatives that no one asks for."""
    return hf.MeasureFunction(phantom()[1], function, lambda E: np.full(E.shape, np.nan))


def test_any_measure_of_the_regions():
    sigma, E = drawn(basis(), 3), basis().fields(drawn(basis(), 3))
    own = own_measure(lambda E: E[:, :, 0].max(axis=1))
    np.testing.assert_allclose(basis().values(sigma, own), E[:, :, 0].max(axis=1), rtol=1e-6)
    spoilt = own_measure(lambda E: np.where(np.arange(len(E)) == 2, np.nan, 1.0))
    with pytest.raises(hf.MeasureError, match=r"of samples from 0 on.* pose 2"):
        basis().values(sigma, spoilt)
    with pytest.raises(hf.MeasureError, match="shape"):
        basis().values(sigma, own_measure(lambda E: 1.0))
    with pytest.raises(hf.MeasureError, match="not finite"):
        basis().sensitivities(sigma, own)
    other = hf.regions.sphere(phantom()[0], [-40, -8, 50], 25, 2)
    with pytest.raises(ArgumentError, match="other regions"):
        basis().values(sigma, other)


def test_a_sample_has_the_same_bits_alone():
    sigma = drawn(basis(), 5)
    same_bits(basis().bounds(sigma[:1]), basis().bounds(sigma[:1]))
    np.testing.assert_allclose(basis().values(sigma[3]), basis().values(sigma)[3:4], rtol=1e-6)


@pytest.mark.parametrize(
    ("ranges", "said"),
    [
        ({2: (0.0, 0.4)}, "low end of the range of tag 2 must be more than 0"),
        ({2: (-0.1, 0.4)}, "low end of the range of tag 2"),
        ({2: (0.1, np.nan)}, "high end of the range of tag 2"),
        ({2: (0.4, 0.4)}, "range of tag 2, 0.4 to 0.4 S/m, is empty"),
        ({2: (0.4, 0.1)}, "range of tag 2, 0.4 to 0.1 S/m, is empty"),
        ({2: (1e-6, 1.0)}, "range of tag 2, .* spans more than a factor of 10000"),
        ({2: 0.3}, "range of tag 2 must be"),
        ({77: (0.1, 0.4)}, "tag 77, which the head lacks: it has 1, 2, 3"),
        ({"goo": (0.1, 0.4)}, "there is no tissue 'goo'"),
        ({}, "no range"),
        ([(0.1, 0.4)], "must be a dict of limits by tag, not list"),
    ],
)
def test_ranges_that_mean_nothing_are_refused(ranges, said):
    with pytest.raises(ConductivityError, match=said):
        hf.conductivity_basis(model(), phantom()[1], COIL, pose(), ranges=ranges, **SUMMED)


def test_other_bad_input_is_refused():
    head, region = phantom()
    args = model(), region, COIL
    with pytest.raises(PoseError, match="of one pose, not of 2"):
        hf.conductivity_basis(*args, np.stack([pose(), pose()]))
    with pytest.raises(ArgumentError, match="is dI/dt zero"), pytest.warns(hf.PlausibilityWarning):
        hf.conductivity_basis(*args, pose(), 0.0, **SUMMED)
    for option in ({"at_once": 1}, {"seed": -1}, {"seed": None}):
        with pytest.raises(ArgumentError, match=next(iter(option))):
            hf.conductivity_basis(*asked(), 50e6, **option)
    with pytest.raises(ArgumentError, match="error must lie between"):
        hf.conductivity_basis(*args, pose(), error=2.0)
    with pytest.raises(RegionError, match="a measure must be a Region"):
        hf.conductivity_basis(model(), head, COIL, pose())
    elsewhere = hf.regions.tissue(hf.sphere_mesh(radii_mm=[70, 80], tags=[2, 5], edge_mm=20), 2)
    with pytest.raises(RegionError, match="another mesh"):
        hf.conductivity_basis(model(), elsewhere, COIL, pose())
    with pytest.raises(ConductivityError, match=r"sigma of tag 2 must be more than 0, not -1 \(sample 0"):
        basis().values([0.2, -1.0, 0.01])
    with pytest.raises(ConductivityError, match="a conductivity for each of tags 1, 2, 4"):
        basis().values([0.2, 0.3])
    with pytest.raises(ConductivityError, match="no samples"):
        basis().values(np.empty((0, 3)))
