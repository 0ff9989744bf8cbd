# SPDX-License-Identifier: BSD-3-Clause
"""Wire: polygons against the loop, straight edges against their closed form, open ends."""

import numpy as np
import pytest
from given.comparisons import largest_error
from given.windings import loop_potential, points_at, polygon, winding_potential
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

import headfield as hf
from headfield.coils.wire import spiral_path, wire_coil, wire_segments
from headfield.errors import CoilError

SQUARE = np.array([[-30, -30, 0], [30, -30, 0], [30, 30, 0], [-30, 30, 0]], float)


def edge_potential(points_mm, start, end):
    """A of a straight wire of 1 A: μ0/4π ln((r1 + r2 + L)/(r1 + r2 − L)) along it."""
    length = np.linalg.norm(end - start)
    both = np.linalg.norm(points_mm - start, axis=1) + np.linalg.norm(points_mm - end, axis=1)
    return 1e-7 * np.log((both + length) / (both - length))[:, None] * (end - start) / length


def square_potential(points_mm):
    return sum(edge_potential(points_mm, SQUARE[i], SQUARE[(i + 1) % 4]) for i in range(4))


# A


def test_a_polygon_converges_to_the_loop_in_second_order():
    points = points_at(7.0)
    expected = loop_potential(points * 1e-3, 0.04)
    error = [
        largest_error(wire_coil(polygon(n), max_segment_mm=None).vector_potential(points), expected)
        for n in (250, 1000, 4000)
    ]
    np.testing.assert_allclose(np.array(error[:-1]) / error[1:], 16, rtol=0.02)
    assert error[-1] < 1e-6


def test_gauss_points_on_straight_edges_converge_exponentially():
    points = points_at(7.0)
    expected = square_potential(points)
    error = np.array(
        [
            largest_error(
                wire_coil(SQUARE, closed=True, max_segment_mm=10, points_per_segment=n).vector_potential(
                    points
                ),
                expected,
            )
            for n in range(1, 8)
        ]
    )
    assert (error[1:] < error[:-1] / 5).all()
    assert error[-1] < 1e-7


def test_the_default_is_as_good_as_its_documentation_says():
    points = points_at(7.0)
    expected = square_potential(points)
    assert largest_error(wire_coil(SQUARE, closed=True).vector_potential(points), expected) < 4e-4
    finer = wire_coil(SQUARE, closed=True, points_per_segment=2)
    assert largest_error(finer.vector_potential(points), expected) < 4e-6
    loop = loop_potential(points * 1e-3, 0.04)
    assert largest_error(wire_coil(polygon(400)).vector_potential(points), loop) < 5e-5


def test_turns_multiply_and_paths_add():
    points = points_at(10.0)
    upper = polygon(100) + [0, 0, -5]
    one, other = (wire_coil(p).vector_potential(points) for p in (SQUARE[[0, 1, 2, 3, 0]], upper))
    both = wire_coil([SQUARE[[0, 1, 2, 3, 0]], upper], turns=[3, -2])
    np.testing.assert_allclose(both.vector_potential(points), 3 * one - 2 * other, rtol=0, atol=1e-20)
    reversed_ = wire_coil(upper[::-1]).vector_potential(points)
    np.testing.assert_allclose(reversed_, -other, rtol=0, atol=1e-20)


@settings(max_examples=50, deadline=None)
@given(
    arrays(np.int64, (5, 3), elements=st.integers(-90, 90)),
    st.integers(1, 5),
    st.one_of(st.none(), st.floats(0.9, 50)),
)
def test_pieces_keep_the_length_and_the_moment_of_the_path(corners, points, longest):
    path = corners + np.arange(5)[:, None] * [200, 0, 0]  # no two corners are the same
    pieces = wire_segments(path, closed=False, points_per_segment=points, max_segment_mm=longest)
    np.testing.assert_allclose(pieces.lengths_mm.sum(axis=0), path[-1] - path[0], atol=1e-9)
    moment = 0.5 * np.cross(path[:-1], path[1:]).sum(axis=0)
    np.testing.assert_allclose(
        0.5 * np.cross(pieces.points_mm, pieces.lengths_mm).sum(axis=0), moment, atol=1e-6
    )
    if longest is not None:
        step = np.linalg.norm(pieces.lengths_mm, axis=1).reshape(-1, points).sum(axis=1)
        assert (step <= longest * (1 + 1e-6)).all()


def test_a_spiral_is_like_its_turns():
    spiral = spiral_path(20, 40, 8, centre_mm=[0, 0, -5])
    assert np.hypot(*spiral[[0, -1], :2].T) == pytest.approx([20, 40])
    # With its mirror image, half each, it is closed and has no shift of first order against circular turns.
    mirrored = spiral * [1, -1, 1]
    coil = wire_coil([spiral, mirrored], turns=[0.5, -0.5])
    points = points_at(10.0)
    expected = winding_potential(points * 1e-3, 20, 40, 8, 0, 5)
    assert largest_error(coil.vector_potential(points), expected) < 3e-3


def moment(path):
    """Moment along z of a path that is closed by a straight segment, A·m² per A."""
    pieces = wire_segments(path, closed=True)
    return 0.5e-6 * np.cross(pieces.points_mm, pieces.lengths_mm)[:, 2].sum()


def test_the_wings_of_a_wire_figure_of_eight_turn_opposite_ways():
    """As the docstring of `spiral_path` makes it; half a turn and a way back, or a mirror, but not both."""
    right = spiral_path(26, 44, 9, centre_mm=[44.5, 0, -6], start_deg=180)
    middle = [[0.0, 0.0, 20.0]]
    expected = -1e6 * hf.figure_of_eight(inner_radius_mm=25, outer_radius_mm=45).vector_potential(middle)
    assert expected[0, 1] > 1.9
    for left in ((right * [-1, -1, 1])[::-1], right * [-1, 1, 1]):
        assert moment(right) == pytest.approx(0.0354, rel=2e-3)
        assert moment(left) == pytest.approx(-moment(right), rel=1e-12)
        e = -1e6 * wire_coil(np.concatenate([right, left]), closed=True).vector_potential(middle)
        np.testing.assert_allclose(e, expected, atol=0.06)
    both = (right * [-1, 1, 1])[::-1]  # a mirror, and back: the same way round as before
    assert moment(both) == pytest.approx(moment(right), rel=1e-12)
    e = -1e6 * wire_coil(np.concatenate([both, right]), closed=True).vector_potential(middle)
    assert abs(e[0, 1]) < 1e-9


def test_a_solenoid_climbs():
    path = spiral_path(30, 30, 10, height_mm=-20, start_deg=90)
    np.testing.assert_allclose(path[0], [0, 30, 0], atol=1e-12)
    np.testing.assert_allclose(path[-1], [0, 30, -20], atol=1e-12)
    assert (np.diff(path[:, 2]) < 0).all()


# Ends


def test_an_open_path_is_warned_of_unless_the_caller_decides():
    with pytest.warns(UserWarning, match="path 0 is open: 60 mm from its end to its start") as record:
        wire_coil(SQUARE)
    assert record[0].filename == __file__
    with pytest.warns(UserWarning, match="path 0 is open") as record:
        wire_segments(SQUARE)
    assert record[0].filename == __file__
    assert len(wire_segments(SQUARE, closed=False, max_segment_mm=None)) == 3
    closed = wire_segments(SQUARE, closed=True, max_segment_mm=None)
    np.testing.assert_array_equal(closed.lengths_mm.sum(axis=0), 0)
    again = wire_segments(SQUARE[[0, 1, 2, 3, 0]], closed=True, max_segment_mm=None)
    np.testing.assert_array_equal(closed.lengths_mm, again.lengths_mm)


def test_paths_that_go_on_in_others_are_closed():
    parts = [SQUARE[[0, 1, 2]], SQUARE[[2, 3, 0]]]
    assert len(wire_segments(parts, max_segment_mm=None)) == 4
    parted = [SQUARE[[0, 1, 2]], SQUARE[[0, 2]], SQUARE[[0, 3, 2]]]
    wire_segments(parted, turns=[2, -3, 1])  # 3 A come back through the middle
    with pytest.warns(UserWarning, match="path 0 is open"):
        wire_segments(parted, turns=[2, -2, 1])
    with pytest.warns(UserWarning, match="path 1 is open"):
        wire_segments([polygon(30), SQUARE])


def test_a_wire_in_metres_is_noticed():
    with pytest.warns(hf.PlausibilityWarning, match=r"the coil is 0\.0796 mm across, not 5 to 1000"):
        wire_coil(polygon(30) * 1e-3)
    with pytest.raises(CoilError, match=r"spans 8e\+04 mm .* are these mm"):
        wire_coil(polygon(30) * 1e3)


@pytest.mark.parametrize(
    ("paths", "options", "message"),
    [
        ([], {}, "no path"),
        (3.0, {}, "paths_mm must be points"),
        (None, {}, "paths_mm must be points"),
        ([[1, 2, 3]], {}, "paths_mm has 1 point,"),
        ([[1, 2], [3, 4]], {}, r"paths_mm must have the shape \(n, 3\)"),
        ([[0, 0, 0], [0, 0, np.nan]], {}, r"paths_mm: 1 value is not finite, first \[1, 2\]"),
        ([SQUARE, [[0, 0, 0]]], {}, r"paths_mm\[1\] has 1 point,"),
        ([SQUARE, np.ones((4, 3))], {}, r"paths_mm\[1\] has no length"),
        ([SQUARE, [[1, 2], [3]]], {}, r"paths_mm\[1\]: not an array"),
        (SQUARE, {"turns": 0}, "turns = 0"),
        (SQUARE, {"turns": [1, 2]}, "2 turns for 1 paths"),
        (SQUARE, {"turns": np.inf}, "turns = inf"),
        (SQUARE, {"turns": "9"}, "turns = '9'"),
        (SQUARE, {"turns": None}, "turns = None"),
        (SQUARE, {"points_per_segment": 0}, "points_per_segment = 0"),
        (SQUARE, {"points_per_segment": 21}, "points_per_segment = 21"),
        (SQUARE, {"max_segment_mm": 0.0}, "max_segment_mm must be more than 0"),
        (SQUARE, {"max_segment_mm": 1e-7}, "pieces of wire, more than"),
    ],
)
def test_wires_that_are_none_are_refused(paths, options, message):
    with pytest.raises(CoilError, match=message):
        wire_coil(paths, closed=False, **options)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((0, 30, 5), "inner_radius_mm"),
        ((30, 20, 5), "outer_radius_mm = 20.* is less than"),
        ((20, 30, 0), "turns"),
        ((20, 30, 1e9), "turns = 1000000000"),
        ((20, 30, np.nan), "turns = nan"),
    ],
)
def test_spirals_that_are_none_are_refused(arguments, message):
    with pytest.raises(CoilError, match=message):
        spiral_path(*arguments)
    with pytest.raises(CoilError, match="centre_mm must have the shape"):
        spiral_path(20, 30, 5, centre_mm=[1, 2])
    with pytest.raises(CoilError, match="points_per_turn"):
        spiral_path(20, 30, 5, points_per_turn=0)


def test_the_coil_has_what_it_is_given():
    casing = hf.figure_of_eight().casing
    coil = wire_coil(polygon(60), name="a", brand="b", stimulator="c", didt_max=1e8, casing=casing)
    assert (coil.name, coil.brand, coil.stimulator, coil.didt_max) == ("a", "b", "c", 1e8)
    assert coil.body is casing
