# SPDX-License-Identifier: BSD-3-Clause
"""Coils as grids, and as few dipoles: values, memory, and error bounds that hold at other points."""

import warnings

import numpy as np
import pytest
from given.comparisons import largest_error
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from headfield.coils import sampling as conversion
from headfield.coils.coil import Coil
from headfield.coils.deformation import Deformation, DeformationRange
from headfield.coils.layouts import circular_coil, double_cone, figure_of_eight
from headfield.coils.parts import CoilElement, Stimulator
from headfield.coils.read import read_coil
from headfield.coils.reduction import _centres
from headfield.coils.sources import Dipoles, SampledPotential, Segments
from headfield.coils.wire import spiral_path, wire_coil
from headfield.errors import CoilError

SMALL = [[-60, 60], [-50, 50], [-20, 60]]


def grid_points(coil):
    source = coil.elements[0].source
    index = np.stack(np.meshgrid(*map(np.arange, source.shape), indexing="ij"), axis=-1).reshape(-1, 3)
    return index @ source.affine[:3, :3].T + source.affine[:3, 3]


def wire_figure_of_eight(height_mm=-6.0):
    right = spiral_path(26, 44, 9, centre_mm=[44.5, 0, height_mm], start_deg=180)
    return wire_coil(np.concatenate([right, (right * [-1, -1, 1])[::-1]]), closed=True, name="wire")


def helmet():
    """Wire that is not flat: three rings on a sphere, and one that stands on edge."""
    angle = np.linspace(0, 2 * np.pi, 181)
    rings = []
    for tilt in (0.3, 0.7, 1.1):
        r, z = 90 * np.sin(tilt), 90 * (1 - np.cos(tilt)) - 10
        rings.append(np.stack([r * np.cos(angle), r * np.sin(angle), 0 * angle + z], axis=1))
    edge = np.stack([0 * angle - 100, 20 * np.cos(angle), 30 + 20 * np.sin(angle)], axis=1)
    return wire_coil([*rings, edge], turns=[2, -1, 1, 3])


def flexible():
    part = CoilElement(Dipoles([[50, 0, -5.0]], [[0, 0, 1e-3]]), deformations=(0,))
    rigid = CoilElement(Dipoles([[-50, 0, -5.0]], [[0, 0, -1e-3]]))
    return Coil(
        elements=[part, rigid],
        deformations=[Deformation("z", 0)],
        deformation_ranges=[DeformationRange(0, -30, 0)],
    )


# Grids


def test_a_sampled_coil_has_the_sum_at_its_points():
    coil = figure_of_eight(didt_max=1e8, name="eight")
    grid = coil.sampled(4.0, SMALL)
    source = grid.elements[0].source
    assert source.shape == (31, 26, 21)
    np.testing.assert_array_equal(source.spacing_mm, 4)
    points = grid_points(grid)
    np.testing.assert_array_equal(points[[0, -1]], [[-60, -50, -20], [60, 50, 60]])
    expected = coil.vector_potential(points).astype(np.float32)
    np.testing.assert_array_equal(source.values.reshape(-1, 3), expected)
    assert (grid.name, grid.didt_max) == ("eight", 1e8)
    np.testing.assert_array_equal(grid.limits_mm, SMALL)
    np.testing.assert_array_equal(grid.casing.points_mm, coil.casing.points_mm)


def test_sampling_converges_in_fourth_order():
    coil = figure_of_eight()
    random = np.random.default_rng(0)
    points = np.stack(
        [random.uniform(-40, 40, 200), random.uniform(-30, 30, 200), random.uniform(15, 40, 200)], axis=1
    )
    expected = coil.vector_potential(points)
    error = [largest_error(coil.sampled(h, SMALL).vector_potential(points), expected) for h in (8.0, 4.0)]
    assert error[0] < 0.02
    assert error[1] < error[0] / 8


def test_wire_is_sampled_too():
    coil = wire_figure_of_eight()
    grid = coil.sampled([6, 5, 4], SMALL)
    expected = coil.vector_potential(grid_points(grid)).astype(np.float32)
    np.testing.assert_array_equal(grid.elements[0].source.values.reshape(-1, 3), expected)


def test_each_stimulator_has_a_grid_of_its_own():
    one, two = (Dipoles([[x, 0, -7.3]], [[0, m, 1e-3]]) for x, m in ((-20, 0.0), (20, 2e-3)))
    stimulators = [Stimulator("a", didt_max=1e8), Stimulator("b", didt_max=2e8)]
    coil = Coil(elements=[CoilElement(one), CoilElement(two, 1)], stimulators=stimulators)
    grid = coil.sampled(5, SMALL)
    assert [e.stimulator for e in grid.elements] == [0, 1]
    assert [s.didt_max for s in grid.stimulators] == [1e8, 2e8]
    points = grid_points(grid)
    for i in range(2):
        expected = coil.vector_potential(points, stimulator=i)
        np.testing.assert_allclose(
            grid.vector_potential(points, stimulator=i), expected, rtol=1e-5, atol=1e-15
        )


def test_parts_are_sampled_as_they_lie():
    bent = flexible().deformed(-20.0)
    grid = bent.sampled(7, SMALL)
    assert not grid.deformation_ranges
    points = grid_points(grid)
    expected = bent.vector_potential(points).astype(np.float32)
    np.testing.assert_array_equal(grid.elements[0].source.values.reshape(-1, 3), expected)


def test_a_point_on_a_source_gets_the_mean_of_its_neighbours():
    coil = Coil([[0, 0, -10], [5, 0, -10], [0, 0, -10.0]], [[0, 0, 1], [0, 0, 2], [1, 0, 0]])
    grid = coil.sampled(5, SMALL)
    values = grid.elements[0].source.values
    assert np.isfinite(values).all()
    around = values[11:14, 9:12, 1:4].reshape(-1, 3)
    both = [13, 22]  # (0, 0, -10) in the middle of these 27, and (5, 0, -10)
    np.testing.assert_allclose(values[12, 10, 2], np.delete(around, both, axis=0).mean(axis=0), rtol=1e-5)


def test_default_limits_and_those_of_the_coil():
    coil = Coil([[0, 0, -5.0]], [[0, 0, 1e-3]], limits_mm=SMALL, resolution_mm=[20, 25, 40])
    assert coil.sampled().elements[0].source.shape == (7, 5, 3)
    assert coil.sampled(40).elements[0].source.shape == (4, 3, 3)
    assert coil.sampled(limits_mm=[[0, 40], [0, 50], [0, 80]]).elements[0].source.shape == (3, 3, 3)
    default = Coil([[0, 0, -5.0]], [[0, 0, 1e-3]]).sampled(50)
    np.testing.assert_array_equal(default.limits_mm, [[-300, 300], [-200, 200], [-200, 200]])
    long = Coil([[0, 0, -5.0], [0, 340, 0]], [[0, 0, 1e-3]] * 2).sampled(50)
    np.testing.assert_array_equal(long.limits_mm[1], [-200, 352])


def test_samples_are_sampled_again():
    grid = figure_of_eight().sampled(5, SMALL)
    again = grid.sampled(5, SMALL)
    a, b = (c.elements[0].source.values for c in (again, grid))
    np.testing.assert_allclose(a, b, atol=1e-6 * np.abs(b).max())
    with pytest.warns(UserWarning, match=r"\d+ of \d+ points lie outside the sampled A") as record:
        larger = grid.sampled(5, [[-60, 60], [-50, 50], [-20, 80]])
    assert record[0].filename == __file__
    assert not larger.elements[0].source.values[:, :, -1].any()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"spacing_mm": 0}, "spacing_mm must be a number above 0"),
        ({"spacing_mm": np.nan}, "not finite"),
        ({"spacing_mm": [1, 2]}, "spacing_mm"),
        ({"spacing_mm": "fine"}, "not real numbers"),
        ({"limits_mm": [[0, 1]]}, "limits_mm must be three pairs"),
        ({"limits_mm": [[1, 0], [0, 9], [0, 9]]}, "limits_mm must be three pairs"),
        ({"limits_mm": [[0, 1], [0, 9], [0, 9]]}, "a grid of 1 x 4 x 4 points"),
        ({"spacing_mm": 0.1}, "6001 x 4001 x 4001 points are more than"),
        ({"spacing_mm": 1e-300}, "points are more than"),
    ],
)
def test_grids_that_are_none_are_refused(arguments, message):
    with pytest.raises(CoilError, match=message):
        circular_coil().sampled(**arguments)


def test_a_grid_that_does_not_fit_the_memory_is_refused(monkeypatch):
    monkeypatch.setattr(conversion, "free_memory", lambda: 2.0**20)
    with pytest.raises(CoilError, match=r"31 x 26 x 21 points take 0.00101 GiB"):
        circular_coil().sampled(4, SMALL)


# Few dipoles


def check_bound(coil, reduction, points):
    """Measure the error at other points."""
    a = coil.vector_potential(points)
    off = np.linalg.norm(reduction.coil.vector_potential(points) - a, axis=1)
    assert off.max() <= reduction.error * np.linalg.norm(a, axis=1).max()
    return off.max() / np.linalg.norm(a, axis=1).max()


def plane(z_mm, half, n, seed=5):
    points = np.random.default_rng(seed).uniform(-1, 1, (n, 3)) * half
    points[:, 2] = z_mm
    return points


@pytest.mark.parametrize(
    ("make", "n", "bound"),
    [
        (figure_of_eight, 30, 0.045),
        (figure_of_eight, 100, 0.009),
        (circular_coil, 60, 0.02),
        (wire_figure_of_eight, 60, 0.03),
    ],
)
def test_the_bound_of_a_flat_coil_holds(make, n, bound):
    coil = make()
    reduction = coil.reduced(n)
    few = reduction.coil
    assert few.n_dipoles <= n
    assert few.n_segments == 0
    assert reduction.error < bound
    front = coil.bounds_mm[1, 2] + reduction.distance_mm
    assert front == pytest.approx(4.0)
    seen = check_bound(coil, reduction, plane(front, [130, 90, 0], 60_000))
    assert seen > reduction.error / 2  # it is no guess
    far = check_bound(
        coil, reduction, np.concatenate([plane(z, [200, 200, 0], 3000) for z in (4, 8, 20, 60)])
    )
    assert far <= seen * 1.01


@pytest.mark.parametrize(("make", "n", "distance"), [(double_cone, 150, 12.0), (helmet, 150, 8.0)])
def test_the_bound_of_other_coils_holds_all_around(make, n, distance):
    coil = make()
    reduction = coil.reduced(n, distance)
    few = reduction.coil
    assert (few.n_dipoles, few.n_segments) == ((0, n) if make is helmet else (n, 0))
    assert reduction.error < 0.05
    dipoles, segments, _ = coil.sources()
    where = np.concatenate([dipoles.positions_mm, segments.points_mm])
    random = np.random.default_rng(3)
    start = where[random.integers(len(where), size=60_000)]
    step = random.normal(size=start.shape)
    step *= distance * random.uniform(1, 1.6, (len(step), 1)) / np.linalg.norm(step, axis=1)[:, None]
    points = start + step
    nearest = np.array([np.linalg.norm(where - p, axis=1).min() for p in points[:8000]])
    check_bound(coil, reduction, points[:8000][nearest >= distance])


def test_more_dipoles_or_distance_give_less_error():
    coil = figure_of_eight()
    errors = [coil.reduced(n).error for n in (40, 80, 160)]
    assert errors[0] > 2 * errors[1] > 4 * errors[2]
    assert coil.reduced(40, 20.0).error < errors[0] / 2


def test_a_coil_of_few_sources_is_returned_as_it_is():
    bent = flexible().deformed(-20.0)
    few, error, _ = bent.reduced(2)
    assert error == 0
    np.testing.assert_array_equal(few.dipole_positions_mm, [[50, 0, -25], [-50, 0, -5]])
    segments = Segments([[0, 0, 5.0]], [[0, 9.0, 0]])
    few, error, _ = Coil(elements=[CoilElement(segments)]).reduced(5)
    assert (error, few.n_segments) == (0, 1)


def test_each_stimulator_is_reduced():
    turned = np.array([[0, -1, 0, 0], [1, 0, 0, 0], [0, 0, 1, -4], [0, 0, 0, 1.0]])
    source = figure_of_eight().elements[0].source
    stimulators = [Stimulator("a", didt_max=1e8), Stimulator("b", didt_max=2e8)]
    elements = [CoilElement(source), CoilElement(source.moved(turned), 1)]
    coil = Coil(elements=elements, stimulators=stimulators, name="two")
    few, error, distance = coil.reduced(80)
    assert [e.stimulator for e in few.elements] == [0, 1]
    assert [len(e.source) for e in few.elements] == [80, 80]
    assert (few.name, [s.didt_max for s in few.stimulators]) == ("two", [1e8, 2e8])
    points = plane(4.0, [130, 130, 0], 20_000)
    for i in range(2):
        a = coil.vector_potential(points, stimulator=i)
        off = np.linalg.norm(few.vector_potential(points, stimulator=i) - a, axis=1).max()
        assert off <= error * np.linalg.norm(a, axis=1).max()
    assert distance == pytest.approx(4 - coil.bounds_mm[1, 2])


def test_what_is_kept_and_written(tmp_path):
    coil = figure_of_eight(name="eight", didt_max=1e8)
    few = coil.reduced(60).coil
    np.testing.assert_array_equal(few.casing.points_mm, coil.casing.points_mm)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of what the format leaves out
        few.write(tmp_path / "few.ccd")
    back = read_coil(tmp_path / "few.ccd")
    np.testing.assert_array_equal(back.dipole_positions_mm, few.dipole_positions_mm)
    assert (back.name, back.didt_max) == ("eight", 1e8)


def test_a_poor_reduction_is_warned_of():
    with pytest.warns(
        UserWarning, match=r"with n = 4, A is off by up to .* value, 8.48 mm from the sources"
    ) as record:
        error = figure_of_eight().reduced(4).error
    assert error > 0.05
    assert record[0].filename == __file__
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        figure_of_eight().reduced(60)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"n": 0}, "n = 0"),
        ({"n": 2001}, "n = 2001"),
        ({"n": 1.5}, "n = 1.5"),
        ({"n": 50, "distance_mm": 0}, "distance_mm must be more than 0"),
        ({"n": 50, "distance_mm": np.nan}, "distance_mm = nan"),
        ({"n": 50, "distance_mm": 0.3}, "distance_mm = 0.3 is too short"),
    ],
)
def test_reductions_that_are_none_are_refused(arguments, message):
    with pytest.raises(CoilError, match=message):
        figure_of_eight().reduced(**arguments)
    with pytest.raises(CoilError, match=message):
        double_cone().reduced(**arguments)


def test_a_straight_wire_is_not_reduced_to_dipoles():
    straight = wire_coil([[-40, 0, -9], [40, 0, -9]], closed=False)
    with pytest.raises(CoilError, match="the wire is open, its ends 80 mm apart"):
        straight.reduced(10)
    there_and_back = wire_coil([[-40, 0, -9], [40, 0, -9]], closed=True)
    with pytest.raises(CoilError, match="encloses no area"):
        there_and_back.reduced(10)
    raised = wire_coil([[-40, 0, 9], [40, 0, 9]], closed=False)
    assert raised.reduced(20).coil.n_segments == 20  # pieces do


def test_open_wire_is_refused():
    half = wire_coil(spiral_path(30, 30, 0.5, centre_mm=[0, 0, -6]), closed=False)
    with pytest.raises(CoilError, match="the wire is open, its ends 60 mm apart"):
        half.reduced(100)


@pytest.mark.parametrize("z", np.linspace(-12, -2, 23))
def test_flat_wire_is_reduced_at_any_depth(z):
    loop = wire_coil(spiral_path(30, 30, 1.0, centre_mm=[0, 0, z]), closed=True, max_segment_mm=8)
    assert loop.reduced(60, 25.0).error < 0.05


@pytest.mark.parametrize(("spacing_mm", "n", "distance_mm"), [(3.5, 400, None), (3.0, 300, 20.0)])
def test_the_bound_holds_on_a_dense_scan(spacing_mm, n, distance_mm):
    coil = circular_coil(spacing_mm=spacing_mm)
    few, error, distance = coil.reduced(n, distance_mm)
    x = np.arange(-72.0, 72.0, 0.8)
    z = coil.bounds_mm[1, 2] + distance
    points = np.stack([*np.meshgrid(x, x), np.full((len(x), len(x)), z)], axis=-1).reshape(-1, 3)
    exact = coil.vector_potential(points)
    off = np.linalg.norm(few.vector_potential(points) - exact, axis=1).max()
    assert off / np.linalg.norm(exact, axis=1).max() < error


def test_samples_are_not_reduced():
    grid = SampledPotential(np.full((3, 3, 3, 3), 1e-7), np.diag([9, 9, 9, 1.0]))
    with pytest.raises(CoilError, match="a coil of samples can't be reduced"):
        Coil(elements=[CoilElement(grid)]).reduced(10)


@settings(max_examples=50, deadline=None)
@given(
    arrays(float, st.tuples(st.integers(1, 40), st.just(3)), elements=st.floats(-90, 90)),
    st.integers(1, 50),
    st.integers(0, 2**32 - 1),
)
def test_clusters_are_few_and_lie_among_the_sources(where, n, seed):
    weight = np.random.default_rng(seed).uniform(0, 1, len(where))
    weight[0] = 1.0
    centres = _centres(where, weight, n)
    assert len(centres) == min(n, np.count_nonzero(weight))
    assert (centres >= where.min(axis=0) - 1e-9).all()
    assert (centres <= where.max(axis=0) + 1e-9).all()
    on_sources = _centres(where, weight, n, 0.0)
    assert (np.abs(on_sources[:, None] - where).max(axis=2).min(axis=1) < 1e-9).all()


# Sample coils


def test_a_measured_coil_needs_fewer_dipoles(shared_data):
    coil = read_coil(shared_data / "coils" / "MagStim_D70.ccd")
    assert coil.reduced(100).error < 0.035
    assert coil.reduced(100, 17.0).error < 1.5e-3  # the brain, 10 mm below
