# SPDX-License-Identifier: BSD-3-Clause
"""Coils of several parts: wire, samples, stimulators, flexible parts; and their fields in a head."""

import functools

import numpy as np
import pytest
from given import p1
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

import headfield as hf
from headfield import CoilElement, Deformation, DeformationRange, Dipoles, SampledPotential, Segments
from headfield.coils.sampling import sampling_error

POSE = np.diag([1.0, -1.0, -1.0, 1.0])
POSE[2, 3] = 96.0  # above a sphere of 90 mm, z into it


@functools.cache
def model(device="auto"):
    mesh = hf.sphere_mesh(radii_mm=[70, 80, 90], tags=[3, 4, 5], edge_mm=20)
    return hf.HeadModel(mesh, device=device)


def dipoles(seed=0, n=30, shift=0.0):
    rng = np.random.default_rng(seed)
    positions = rng.uniform([-40, -40, -12], [40, 40, -3], (n, 3)) + [shift, 0, 0]
    return Dipoles(positions, rng.normal(size=(n, 3)) * 1e-3)


def loop(radius=35.0, n=200, z=-6.0):
    """A closed loop of wire, positive from +x to +y, by midpoints."""
    angle = 2 * np.pi * np.arange(n + 1) / n
    corners = radius * np.stack([np.cos(angle), np.sin(angle), 0 * angle], axis=1) + [0, 0, z]
    return Segments(0.5 * (corners[1:] + corners[:-1]), np.diff(corners, axis=0))


def rigid(seed):
    rng = np.random.default_rng(seed)
    matrix = np.eye(4)
    matrix[:3, :3] = Rotation.random(rng=rng).as_matrix()
    matrix[:3, 3] = rng.uniform(-20, 20, 3)
    return matrix


def sampled(source, spacing_mm=3.0, reach_mm=150.0, low_mm=-3.0):
    """A of a coil on a grid in front of it, z from low_mm."""
    axes = [np.arange(-reach_mm, reach_mm + 1, spacing_mm)] * 2 + [np.arange(low_mm, 220, spacing_mm)]
    points = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1)
    affine = np.diag([spacing_mm] * 3 + [1.0])
    affine[:3, 3] = [axis[0] for axis in axes]
    a = hf.Coil(elements=[CoilElement(source)]).vector_potential(points.reshape(-1, 3))
    return SampledPotential(a.reshape(points.shape), affine)


# Vector potentials


def test_wire_is_summed_piece_by_piece():
    wire, points = loop(), np.random.default_rng(1).uniform(10, 80, (50, 3))
    distance = np.linalg.norm(points[:, None] - wire.points_mm, axis=2)
    exact = 1e-7 * (wire.lengths_mm / distance[..., None]).sum(axis=1)
    coil = hf.Coil(elements=[CoilElement(wire)])
    np.testing.assert_allclose(coil.vector_potential(points), exact, rtol=1e-11, atol=1e-22)


@pytest.mark.filterwarnings("ignore::headfield.PlausibilityWarning")
def test_a_small_loop_is_a_dipole():
    small = hf.Coil(elements=[CoilElement(loop(radius=0.5, z=0.0, n=2000))])
    dipole = hf.Coil([[0, 0, 0]], [[0, 0, np.pi * 0.5e-3**2]])
    points = np.array([[100.0, 20, 30], [-40, 10, 90]])
    assert p1.relative(small.vector_potential(points), dipole.vector_potential(points)) < 1e-4


@given(st.integers(0, 2**32))
@settings(max_examples=20, deadline=None)
def test_moved_sources_give_the_moved_potential(seed):
    matrix = rigid(seed)
    points = np.random.default_rng(seed).uniform([-60, -60, 5], [60, 60, 90], (40, 3))
    moved = points @ matrix[:3, :3].T + matrix[:3, 3]
    for source, bound in ((dipoles(seed), 1e-9), (loop(), 1e-9)):
        a = hf.Coil(elements=[CoilElement(source)]).vector_potential(points)
        b = hf.Coil(elements=[CoilElement(source.moved(matrix))]).vector_potential(moved)
        assert p1.relative(b, a @ matrix[:3, :3].T) < bound


@pytest.mark.filterwarnings("ignore::headfield.PlausibilityWarning")
@given(st.integers(0, 2**32), st.tuples(*[st.sampled_from([-1, 1])] * 3), st.permutations([0, 1, 2]))
@settings(max_examples=30, deadline=None)
def test_samples_on_any_grid_give_a_smooth_field(seed, signs, order):
    """Quadratic in space is exact, in the outermost cells too, whichever way the axes of the grid run."""
    rng = np.random.default_rng(seed)
    affine = rigid(seed)
    affine[:3, :3] = (affine[:3, :3] * signs * rng.uniform(1.5, 4.0, 3))[:, order]
    shape = tuple(rng.integers(3, 9, 3))
    c0, c1, c2 = rng.normal(size=3), rng.normal(size=(3, 3)) * 1e-2, rng.normal(size=(3, 3)) * 1e-4

    def field(x):
        return c0 + x @ c1 + (x * x) @ c2

    index = np.stack(np.meshgrid(*map(np.arange, shape), indexing="ij"), axis=-1)
    grid = SampledPotential(field(index @ affine[:3, :3].T + affine[:3, 3]), affine)
    inside = rng.uniform(0, np.array(shape) - 1.001, (30, 3))
    points = inside @ affine[:3, :3].T + affine[:3, 3]
    a = hf.Coil(elements=[CoilElement(grid)]).vector_potential(points)
    np.testing.assert_allclose(a, field(points), rtol=2e-5, atol=2e-5 * np.abs(field(points)).max())


@pytest.mark.filterwarnings("ignore::headfield.PlausibilityWarning")
def test_two_points_along_an_axis_are_linear():
    values = np.zeros((2, 4, 4, 3))
    values[1, ..., 2] = 1.0
    coil = hf.Coil(elements=[CoilElement(SampledPotential(values, np.diag([10.0, 5, 5, 1])))])
    np.testing.assert_allclose(coil.vector_potential([[2.5, 7, 7]]), [[0, 0, 0.25]], atol=1e-7)


@pytest.mark.filterwarnings("ignore::headfield.PlausibilityWarning")
def test_faces_and_corners_of_the_samples_lie_inside():
    shape = np.array([3, 4, 2])
    affine = rigid(5) @ np.diag([2.5, -3.0, 4.0, 1.0])
    values = np.random.default_rng(0).normal(size=(*shape, 3))
    corners = np.stack(np.meshgrid(*((0, n - 1) for n in shape), indexing="ij"), axis=-1).reshape(-1, 3)
    a = hf.Coil(elements=[CoilElement(SampledPotential(values, affine))]).vector_potential(
        corners @ affine[:3, :3].T + affine[:3, 3]
    )
    np.testing.assert_allclose(a, values[tuple(corners.T)], atol=1e-5)


@pytest.mark.filterwarnings("ignore::headfield.PlausibilityWarning")
def test_outside_the_samples_is_zero_and_said():
    grid = SampledPotential(np.ones((4, 4, 4, 3)), np.diag([3.0, 3, 3, 1]))
    coil = hf.Coil(elements=[CoilElement(grid)])
    with pytest.warns(UserWarning, match="2 of 3 points lie outside the sampled A"):
        a = coil.vector_potential([[4, 4, 4], [-0.001, 4, 4], [4, 4, 9.001]])
    np.testing.assert_allclose(a, [[1, 1, 1], [0, 0, 0], [0, 0, 0]], atol=1e-6)


def test_cubic_samples_beat_what_linear_ones_are_known_for():
    source = hf.figure_of_eight().elements[0].source
    coil, grid = (hf.Coil(elements=[CoilElement(s)]) for s in (source, sampled(source, reach_mm=75.0)))
    rng = np.random.default_rng(0)
    for low, high, bound in ((2, 10, 5e-3), (10, 20, 8e-4), (20, 80, 7e-5)):
        points = rng.uniform([-60, -60, low], [60, 60, high], (3000, 3))
        assert p1.relative(grid.vector_potential(points), coil.vector_potential(points)) < bound


BAD_GRIDS = [
    (np.ones((4, 4, 4)), np.eye(4), r"shape \(nx, ny, nz, 3\), not \(4, 4, 4\)"),
    (np.ones((4, 4, 4, 2)), np.eye(4), "shape"),
    (np.ones((1, 4, 4, 3)), np.eye(4), "shape"),
    (np.full((4, 4, 4, 3), 1j), np.eye(4), "real numbers"),
    (np.full((4, 4, 4, 3), np.nan), np.eye(4), r"192 values that are not finite, first \[0, 0, 0, 0\]"),
    (np.full((4, 4, 4, 3), 1e60), np.eye(4), "not finite"),
    (np.ones((4, 4, 4, 3)), np.eye(3), "affine"),
    (np.ones((4, 4, 4, 3)), np.diag([1.0, 1, 1, 2]), "last row"),
    (np.ones((4, 4, 4, 3)), np.diag([0.0, 1, 1, 1]), "are these mm"),
    (np.ones((4, 4, 4, 3)), np.diag([np.inf, 1, 1, 1]), "finite"),
    (np.ones((4, 4, 4, 3)), np.array([[1, 0.1, 0, 0], [0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]]), "sheared"),
]


@pytest.mark.parametrize(("values", "affine", "message"), BAD_GRIDS)
def test_grids_that_make_no_field_are_refused(values, affine, message):
    with pytest.raises(hf.CoilError, match=message):
        SampledPotential(values, affine)


# Parts


def test_what_a_coil_says_of_itself():
    parts = [CoilElement(dipoles()), CoilElement(loop(), stimulator=1)]
    stimulators = [hf.Stimulator("one", didt_max=1e8), hf.Stimulator("two", didt_max=2e8)]
    coil = hf.Coil(elements=parts, stimulators=stimulators, name="both")
    assert (coil.n_dipoles, coil.n_segments, coil.n_stimulators) == (30, 200, 2)
    assert coil.stimulator == "one, two"
    for part in ("'both'", "30 dipoles, 200 wire segments", "100.0 and 200.0 A/µs"):
        assert part in repr(coil)
    with pytest.raises(hf.CoilError, match="2 stimulators"):
        _ = coil.didt_max
    with pytest.raises(hf.CoilError, match="not made of dipoles alone"):
        _ = coil.dipole_positions_mm
    points = np.array([[0.0, 0, 30]])
    each = [coil.vector_potential(points, stimulator=i) for i in range(2)]
    np.testing.assert_allclose(coil.vector_potential(points), each[0] + each[1], rtol=1e-12)
    with pytest.raises(hf.CoilError, match="stimulator 2 is not one of the 2"):
        coil.vector_potential(points, stimulator=2)


WIRE = [CoilElement(loop())]
BAD_COILS = [
    ({}, "dipole_positions_mm and dipole_moments, or elements"),
    ({"elements": WIRE, "dipole_positions_mm": [[0, 0, 0]], "dipole_moments": [[0, 0, 1]]}, "or"),
    ({"dipole_positions_mm": [[0, 0, 0]]}, "takes dipole_positions_mm"),
    ({"elements": [CoilElement(loop(), stimulator=1)]}, "entry 0 names stimulator 1, the coil has 1"),
    ({"elements": [CoilElement(loop(), deformations=(0,))]}, "names deformation 0, the coil has 0"),
    ({"elements": WIRE, "deformations": [Deformation("x", 3)]}, "deformation range 3"),
    ({"elements": WIRE, "stimulators": [hf.Stimulator()] * 2}, "stimulator 1 drives no element"),
    ({"elements": WIRE, "stimulators": [hf.Stimulator()], "didt_max": 1.0}, "only stimulator"),
    ({"elements": WIRE, "limits_mm": [[0, 1], [0, 1], [1, 0]]}, "limits_mm"),
    ({"elements": WIRE, "resolution_mm": [1, 1, 0]}, "resolution_mm"),
]


@pytest.mark.parametrize(("arguments", "message"), BAD_COILS)
def test_coils_that_do_not_fit_together_are_refused(arguments, message):
    with pytest.raises(hf.CoilError, match=message):
        hf.Coil(**arguments)


@pytest.mark.parametrize(
    ("source", "message"),
    [
        (Segments(np.empty((0, 3)), np.empty((0, 3))), "at least one piece of wire"),
        (Segments([[0, 0, 0]], [[0, 0, 0]]), "all 1 pieces of wire are zero"),
        ("wire", "Dipoles, Segments or a SampledPotential"),
    ],
)
def test_parts_that_make_no_field_are_refused(source, message):
    with pytest.raises(hf.CoilError, match=message):
        CoilElement(source)


# Flexible coils


def hinged():
    """Two wings that turn about the y axis, each by a parameter, and slide along z together."""
    parts = [
        CoilElement(dipoles(0, shift=60), deformations=(0, 2)),
        CoilElement(dipoles(1, shift=-60), deformations=(1, 2)),
        CoilElement(dipoles(2)),
    ]
    moves = [
        Deformation("rot2p", 0, [0, 0, 0], [0, 1, 0]),
        Deformation("rot2p", 1, [0, 0, 0], [0, -1, 0]),
        Deformation("z", 2),
    ]
    ranges = [DeformationRange(0, -30, 30), DeformationRange(5, -30, 30), DeformationRange(0, 0, 10)]
    return hf.Coil(elements=parts, deformations=moves, deformation_ranges=ranges)


def test_deformed_parts_move_in_the_order_of_their_list():
    coil = hinged()
    assert coil.deformation_values == (0.0, 5.0, 0.0)
    bent = coil.deformed(20.0, -10.0, 4.0)
    turn = [Rotation.from_euler("y", a, degrees=True).as_matrix() for a in (20.0, 10.0)]
    expected = [dipoles(0, shift=60).positions_mm @ turn[0].T + [0, 0, 4]]
    expected.append(dipoles(1, shift=-60).positions_mm @ turn[1].T + [0, 0, 4])
    expected.append(dipoles(2).positions_mm)
    np.testing.assert_allclose(bent.dipole_positions_mm, np.concatenate(expected), atol=1e-12)
    assert coil.deformation_values == (0.0, 5.0, 0.0), "the coil itself stays"
    np.testing.assert_array_equal(bent.deformed(0, 5, 0).dipole_positions_mm, coil.dipole_positions_mm)


def test_a_chain_of_joints_begins_at_the_part():
    """The second joint's axis is where it is at rest, so the first has moved the part, not that axis."""
    part = CoilElement(Dipoles([[0, 0, -5.0]], [[0, 0, 1e-3]]), deformations=(0, 1))
    moves = [Deformation("rot2p", 0, [10, 0, 0], [10, 1, 0]), Deformation("rot2p", 1, [30, 0, 0], [30, 1, 0])]
    coil = hf.Coil(elements=[part], deformations=moves, deformation_ranges=[DeformationRange(0, -90, 90)] * 2)
    about = Rotation.from_euler("y", 90, degrees=True).as_matrix()
    first = about @ ([0, 0, -5] - np.array([10, 0, 0])) + [10, 0, 0]
    second = about @ (first - [30, 0, 0]) + [30, 0, 0]
    np.testing.assert_allclose(coil.deformed(90, 90).dipole_positions_mm, [second], atol=1e-12)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ((1.0, 2.0), "2 values, the coil has 3"),
        ((31.0, 0, 0), "parameter 0 of the coil is 31, outside its range from -30 to 30"),
        ((0, 0, np.nan), "parameter 2"),
        ((0, "x", 0), "parameter 1"),
    ],
)
def test_deformations_out_of_range_are_refused(values, message):
    with pytest.raises(hf.CoilError, match=message):
        hinged().deformed(*values)


def test_casings_move_with_their_part():
    face = hf.Casing([[0, 0, 0], [10, 0, 0], [0, 10, 0]], [[0, 1, 2]])
    part = CoilElement(dipoles(), casing=face, deformations=(0,))
    coil = hf.Coil(
        elements=[part],
        casing=face,
        deformations=[Deformation("x", 0)],
        deformation_ranges=[DeformationRange(0, 0, 9)],
    )
    assert hf.Coil(elements=[CoilElement(dipoles())]).casing is None
    casing = coil.deformed(7.0).casing
    assert casing.faces.tolist() == [[0, 1, 2], [3, 4, 5]]
    np.testing.assert_array_equal(casing.points_mm[3:], face.points_mm + [7, 0, 0])
    np.testing.assert_array_equal(casing.points_mm[:3], face.points_mm)


# In a head


def two_stimulators():
    parts = [CoilElement(dipoles(0, n=5)), CoilElement(loop(radius=12.0, n=40), stimulator=1)]
    return hf.Coil(elements=parts, stimulators=[hf.Stimulator(didt_max=1e8), hf.Stimulator(didt_max=1e8)])


@pytest.mark.filterwarnings("ignore::headfield.PlausibilityWarning")
@pytest.mark.usefixtures("each_device")
@pytest.mark.parametrize("primary_error", [0.0, 1e-2])
def test_the_field_is_the_sum_over_stimulators(primary_error):
    coil, head = two_stimulators(), model()
    poses = np.array([POSE, POSE @ rigid_turn(30)])
    didt = np.array([[3e7, -1e7], [0.0, 2e7]])
    numbers = {"tol": 1e-9, "primary_error": primary_error}
    together = head.solve(coil, poses, didt, **numbers)
    assert together.didt.shape == (2, 2)
    alone = [hf.Coil(elements=[CoilElement(e.source)]) for e in coil.elements]
    each = [head.solve(part, poses, didt[:, i], **numbers).E for i, part in enumerate(alone)]
    assert p1.relative(together.E, each[0] + each[1]) < 1e-6


def rigid_turn(degrees):
    turn = np.eye(4)
    turn[:3, :3] = Rotation.from_euler("z", degrees, degrees=True).as_matrix()
    return turn


@pytest.mark.filterwarnings("ignore::headfield.PlausibilityWarning")
@pytest.mark.usefixtures("each_device")
def test_the_field_is_linear_in_all_rates_to_the_bit():
    coil = two_stimulators()
    one = model().solve(coil, POSE, [[4e6, -1e6]])
    two = model().solve(coil, POSE, [[8e6, -2e6]])
    np.testing.assert_array_equal(two.E, 2 * one.E)
    none = model().solve(coil, POSE, [[0.0, 0.0]])
    assert not none.E.any()


@pytest.mark.parametrize("didt", [1e6, [1e6, 1e6], [[1e6], [1e6]], [[1e6, 1e6, 1e6]], [[1e6, np.nan]]])
def test_each_stimulator_needs_a_rate(didt):
    with pytest.raises(hf.HeadfieldError, match="didt"):
        model("cpu").solve(two_stimulators(), POSE, didt)


def test_a_rate_above_a_stimulator_is_said():
    with pytest.warns(UserWarning, match="2e.08 A/s is more than the 1e.08"):
        model("cpu").solve(two_stimulators(), POSE, [[1e6, 2e8]])


@pytest.mark.usefixtures("each_device")
def test_wire_samples_and_dipoles_of_one_coil_give_one_field():
    wire = hf.Coil(elements=[CoilElement(loop())])
    samples = hf.Coil(elements=[CoilElement(sampled(loop(), spacing_mm=4.0, reach_mm=100.0))])
    disc = hf.circular_coil(
        inner_radius_mm=35, outer_radius_mm=35, turns=1, wire_height_mm=0, layers=1, casing_mm=6
    )
    exact = model().solve(wire, POSE, 1e6, primary_error=0.0, tol=1e-9).E
    for coil, bound in ((wire, 5e-4), (samples, 3e-3), (disc, 5e-4)):
        field = model().solve(coil, POSE, 1e6, tol=1e-9)
        assert p1.relative(field.E, exact) < bound
    assert 1e-4 < model().solve(samples, POSE, 1e6).report.primary_error < 1e-2


@pytest.mark.usefixtures("each_device")
def test_nodes_beyond_the_samples_are_counted():
    near = sampled(loop(), reach_mm=60.0)
    mesh = model().mesh
    in_coil = (mesh.nodes_mm - POSE[:3, 3]) @ POSE[:3, :3]
    low, high = near.affine[:3, 3], near.affine[:3, 3] + 3 * (np.array(near.shape) - 1)
    outside = (~((in_coil >= low) & (in_coil <= high)).all(axis=1)).sum()
    assert 0 < outside < mesh.n_nodes
    with pytest.warns(
        UserWarning, match=f"^{outside} of {mesh.n_nodes} nodes a pose lie outside the samples"
    ):
        model().solve(hf.Coil(elements=[CoilElement(near)]), POSE)


@pytest.mark.usefixtures("each_device")
def test_samples_that_are_too_coarse_are_said():
    coarse = hf.Coil(elements=[CoilElement(sampled(loop(), spacing_mm=12.0, low_mm=0.0))])
    with pytest.warns(UserWarning, match=r"are coarse: A is off by about \S+ % of its largest"):
        field = model().solve(coarse, POSE)
    assert field.report.primary_error > 1e-2


@pytest.mark.parametrize(("n", "least"), [(2, np.inf), (6, 0.02)])
def test_few_samples_are_known_to_be_coarse(n, least):
    step = 150.0 / (n - 1)
    axes = [np.arange(n) * step - 75, np.arange(n) * step - 75, np.arange(n) * step + 4]
    points = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1)
    a = hf.Coil(elements=[CoilElement(loop())]).vector_potential(points.reshape(-1, 3))
    affine = np.diag([step, step, step, 1.0])
    affine[:3, 3] = -75, -75, 4
    assert sampling_error(SampledPotential(a.reshape(points.shape), affine)) >= least
