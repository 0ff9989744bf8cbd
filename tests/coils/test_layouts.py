# SPDX-License-Identifier: BSD-3-Clause
"""Layouts with casings and bent wings; the windings themselves are tested in test_coil.py."""

import inspect

import numpy as np
import pytest
from given.comparisons import largest_error
from given.surfaces import plate

from headfield.coils.layouts import bent_figure_of_eight, circular_coil, double_cone, figure_of_eight
from headfield.coils.read import read_coil
from headfield.coils.winding import Winding
from headfield.errors import CoilError
from headfield.geometry.surface import Surface
from headfield.placement.clearance import casing_distance

ALL = (circular_coil, figure_of_eight, bent_figure_of_eight, double_cone)


def head_points(n=100):
    random = np.random.default_rng(0)
    return np.stack(
        [random.uniform(-30, 30, n), random.uniform(-60, 60, n), random.uniform(25, 80, n)], axis=1
    )


def outward(casing):
    """Whether a casing is closed and its normals point outward; its volume in mm³."""
    corners = casing.points_mm[casing.faces]
    ways = np.concatenate([casing.faces[:, [0, 1]], casing.faces[:, [1, 2]], casing.faces[:, [2, 0]]])
    there = {tuple(w) for w in ways.tolist()}
    closed = len(there) == len(ways) and all((j, i) in there for i, j in there)
    volume = np.einsum("fi,fi->f", corners[:, 0], np.cross(corners[:, 1], corners[:, 2])).sum() / 6
    return closed, volume


def depth_inside(casing, points):
    """Least distance of points from the planes of a convex casing, positive inside."""
    a, b, c = casing.points_mm[casing.faces].swapaxes(0, 1)
    normal = np.cross(b - a, c - a)
    normal /= np.linalg.norm(normal, axis=1)[:, None]
    return np.einsum("fpi,fi->fp", a[:, None] - points, normal).min()


# Casings


def test_a_casing_changes_no_bit_of_the_field():
    positions, moments = Winding(27, 62, 14, 7, 2, 3, 3.5).dipoles()
    coil = circular_coil()
    np.testing.assert_array_equal(coil.dipole_positions_mm, positions)
    np.testing.assert_array_equal(coil.dipole_moments, moments)
    positions, moments = Winding(28, 43.5, 9, 7, 2, 3, 3.5).dipoles()
    coil = figure_of_eight()
    right = positions + [44, 0, 0]
    np.testing.assert_array_equal(coil.dipole_positions_mm, np.concatenate([right, right * [-1, 1, 1]]))
    np.testing.assert_array_equal(coil.dipole_moments, np.concatenate([moments, -moments]))


@pytest.mark.parametrize("make", [circular_coil, figure_of_eight])
@pytest.mark.parametrize("casing_mm", [0.5, 3.0])
def test_flat_casings_hold_the_winding(make, casing_mm):
    coil = make(casing_mm=casing_mm)
    closed, volume = outward(coil.casing)
    radius, half = (62, 0) if make is circular_coil else (43.5, 44)
    edge = radius + casing_mm
    assert closed
    assert volume == pytest.approx((np.pi * edge**2 + 4 * half * edge) * (7 + 2 * casing_mm), rel=2e-3)
    low, high = coil.casing.points_mm.min(axis=0), coil.casing.points_mm.max(axis=0)
    np.testing.assert_allclose([low[2], high[2]], [-7 - 2 * casing_mm, 0], atol=1e-12)
    np.testing.assert_allclose([low[0], high[0]], [-half - edge, half + edge], rtol=2e-3)
    turns = np.stack([half + radius * np.cos(a) for a in np.linspace(0, 7, 99)])
    wire = np.stack([turns, radius * np.sin(np.linspace(0, 7, 99)), turns * 0 - casing_mm], axis=1)
    assert depth_inside(coil.casing, wire) > casing_mm * (1 - 1e-9)


@pytest.mark.parametrize("separation_mm", [60.0, 88.0, 100.0])
@pytest.mark.parametrize("angle_deg", [100.0, 150.0])
def test_bent_casings_hold_their_wing_and_meet_on_the_axis(angle_deg, separation_mm):
    coil = bent_figure_of_eight(angle_deg=angle_deg, separation_mm=separation_mm)
    assert coil.body is None
    for element in coil.elements:
        closed, volume = outward(element.casing)
        assert closed
        assert volume > 0
        assert depth_inside(element.casing, element.source.positions_mm) > 3
        # The face reaches over the y axis: the origin is on it.
        assert abs(depth_inside(element.casing, np.array([[0.0, 0.0, 0.0]]))) < 1e-9
    np.testing.assert_allclose(coil.casing.points_mm.max(axis=0)[0], -coil.casing.points_mm.min(axis=0)[0])


def test_a_casing_without_thickness_is_a_plate():
    casing = circular_coil(wire_height_mm=0, layers=1, casing_mm=0).casing
    assert np.ptp(casing.points_mm[:, 2]) == 0
    a, b, c = casing.points_mm[casing.faces].swapaxes(0, 1)
    assert 0.5 * np.cross(b - a, c - a)[:, 2].sum() == pytest.approx(np.pi * 62**2, rel=2e-3)


def test_the_distance_of_a_casing_from_a_floor():
    table = plate(300)
    floor = Surface(table.points_mm, table.faces)
    down = np.tile(np.diag([1.0, -1.0, -1.0, 1.0]), (1, 1, 1))
    down[0, 2, 3] = 150
    np.testing.assert_allclose(casing_distance(floor, figure_of_eight(), down), 150, atol=1e-9)
    # Wings bent by 30 degrees reach down by (2 * 43.5 + 0.5 + 3) sin 30° more.
    bent = bent_figure_of_eight(angle_deg=120)
    np.testing.assert_allclose(casing_distance(floor, bent, down), 150 - 90.5 / 2, atol=0.1)


# Bent wings


def test_an_angle_of_180_degrees_is_flat():
    points = head_points()
    flat = figure_of_eight().vector_potential(points)
    bent = bent_figure_of_eight(angle_deg=180).vector_potential(points)
    np.testing.assert_allclose(bent, flat, atol=1e-15 * np.abs(flat).max() * 100)


@pytest.mark.parametrize(("make", "half"), [(bent_figure_of_eight, 44), (double_cone, 63)])
def test_bent_wings_are_turned_circular_coils(make, half):
    size = {name: p.default for name, p in inspect.signature(make).parameters.items()}
    names = (
        "inner_radius_mm",
        "outer_radius_mm",
        "turns",
        "wire_height_mm",
        "layers",
        "casing_mm",
        "spacing_mm",
    )
    wing = circular_coil(**{name: size[name] for name in names})
    lift = np.radians((180 - size["angle_deg"]) / 2)
    points = head_points()
    a = np.zeros_like(points)
    for side in (1, -1):
        x = np.array([np.cos(lift), 0, side * np.sin(lift)])  # the wing at +x goes up towards +x
        z = np.array([-side * np.sin(lift), 0, np.cos(lift)])
        pose = np.eye(4)
        pose[:3, :3] = np.stack([x, [0, 1, 0], z], axis=1)
        pose[:3, 3] = side * half * x
        a += side * wing.vector_potential(points, pose)
    coil = make()
    assert largest_error(coil.vector_potential(points), a) < 1e-12
    assert [len(e.source) for e in coil.elements] == [wing.n_dipoles] * 2
    # E = −∂A/∂t is along +y under the middle, as of a flat figure of eight.
    assert coil.vector_potential([[0, 0, 20]])[0, 1] < 0


def test_the_double_cone_is_like_the_measured_one(shared_data):
    points = np.array(
        [[x, y, z] for x in (-40, -20, 0, 20, 40) for y in (-40, 0, 40) for z in (30, 50, 70)], float
    )
    sample = read_coil(shared_data / "coils" / "MagStim_DCC.ccd")
    a, expected = (
        double_cone().vector_potential(points),
        -sample.vector_potential(points),
    )  # wound the other way
    assert np.linalg.norm(a - expected) < 0.085 * np.linalg.norm(expected)
    moments = [np.linalg.norm(e.source.moments.sum(axis=0)) for e in double_cone().elements]
    assert moments == pytest.approx([0.067] * 2, rel=0.01)


def test_wings_may_overlap():
    points = head_points()
    for make in (figure_of_eight, bent_figure_of_eight):
        a = make(separation_mm=60, turns=3).vector_potential(points)
        assert np.isfinite(a).all()
    flat = figure_of_eight(separation_mm=60, turns=3)
    one = circular_coil(
        inner_radius_mm=28, outer_radius_mm=43.5, turns=3, name="one", spacing_mm=3.5
    ).vector_potential
    assert (
        largest_error(flat.vector_potential(points), one(points - [30, 0, 0]) - one(points + [30, 0, 0]))
        < 1e-12
    )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"angle_deg": 181}, "angle_deg must lie between 40 and 180, not 181"),
        ({"angle_deg": 30}, "angle_deg must lie between 40 and 180, not 30"),
        ({"angle_deg": np.nan}, "angle_deg = nan"),
        ({"angle_deg": "90"}, "angle_deg = '90'"),
        ({"separation_mm": 0}, "separation_mm must be more than 0"),
        ({"turns": 0}, "turns = 0"),
        ({"casing_mm": -1}, "casing_mm = -1"),
        ({"inner_radius_mm": 50, "outer_radius_mm": 40}, "outer_radius_mm = 40.* is less"),
        ({"didt_max": -1.0}, "didt_max"),
    ],
)
def test_bent_windings_that_make_no_coil_are_refused(arguments, message):
    for make in (bent_figure_of_eight, double_cone):
        with pytest.raises(CoilError, match=message):
            make(**arguments)


def test_names_and_limits_are_kept():
    for make in ALL:
        coil = make(name="mine", didt_max=1e8)
        assert (coil.name, coil.didt_max, coil.n_stimulators) == ("mine", 1e8, 1)
