# SPDX-License-Identifier: BSD-3-Clause
"""Coils: validation, windings against closed forms and wires, vector potential against NumPy."""

import numpy as np
import pytest
from given.comparisons import largest_error
from given.windings import loop_potential, winding_potential
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.spatial.transform import Rotation

from headfield import (
    Coil,
    CoilElement,
    Dipoles,
    SampledPotential,
    Segments,
    Stimulator,
    circular_coil,
    figure_of_eight,
    read_coil,
)
from headfield.errors import CoilError, FileFormatError, PoseError

FINITE = st.floats(-1e3, 1e3)


def dipole_sum(points_m, positions_m, moments):
    """A(r) = 1e-7 Σ m × (r − r_k) / |r − r_k|³ in NumPy, in chunks: the reference of the native sum."""
    a = np.empty((len(points_m), 3))
    chunk = max(1, 500_000 // len(positions_m))
    for start in range(0, len(points_m), chunk):
        d = points_m[start : start + chunk, None] - positions_m
        cubed = np.linalg.norm(d, axis=2) ** 3
        a[start : start + chunk] = 1e-7 * (np.cross(moments, d) / cubed[..., None]).sum(axis=1)
    return a


def wire_sum(points_m, centres_m, dl_m):
    """A(r) = 1e-7 Σ dl / |r − r_k|."""
    distance = np.linalg.norm(points_m[:, None] - centres_m, axis=2)
    return 1e-7 * (1.0 / distance) @ dl_m


def plane(z_mm, n=15):
    x, y = np.meshgrid(np.linspace(-95, 95, 2 * n) + 0.1, np.linspace(-60, 60, n) + 0.1)
    return np.stack([x.ravel(), y.ravel(), np.full(x.size, float(z_mm))], axis=1)


# The vector potential


@pytest.mark.filterwarnings("ignore::headfield.PlausibilityWarning")
@settings(max_examples=40, deadline=None)
@given(
    st.integers(1, 40).flatmap(lambda d: arrays(float, (d, 6), elements=FINITE)),
    arrays(float, (5, 3), elements=FINITE),
    st.integers(0, 2**32 - 1),
)
def test_vector_potential_is_the_dipole_sum(dipoles, points, seed):
    dipoles[:, 2] -= 2e3  # no point on a dipole
    dipoles[0, 3] += 2e3  # not all moments zero
    rotation = Rotation.random(random_state=seed).as_matrix()
    pose = np.eye(4)
    pose[:3, :3], pose[:3, 3] = rotation, [10.0, -20.0, 30.0]
    coil = Coil(dipoles[:, :3], dipoles[:, 3:])
    a = coil.vector_potential(points)
    expected = dipole_sum(points * 1e-3, dipoles[:, :3] * 1e-3, dipoles[:, 3:])
    scale = 1e-7 * np.linalg.norm(dipoles[:, 3:], axis=1).sum() / 1.0  # no dipole is nearer than 1 m
    np.testing.assert_allclose(a, expected, rtol=1e-11, atol=1e-13 * scale)
    moved = coil.vector_potential(points @ rotation.T + pose[:3, 3], pose)
    np.testing.assert_allclose(moved, a @ rotation.T, rtol=1e-10, atol=1e-12 * scale)


def test_magnetic_field_is_the_curl_of_the_vector_potential():
    pose = np.eye(4)
    pose[:3, :3], pose[:3, 3] = (
        Rotation.from_euler("xyz", [20, -30, 50], degrees=True).as_matrix(),
        [5, -9, 7],
    )
    wire = Segments([[0, 0, -8.0], [5, 3, -9.0]], [[0, 4.0, 0], [1.0, 2.0, 3.0]])
    parts = [CoilElement(Dipoles([[9, 0, -5.0]], [[1e-5, 0, 3e-5]])), CoilElement(wire, stimulator=1)]
    coil = Coil(elements=parts, stimulators=[Stimulator("a"), Stimulator("b")])
    points, step = plane(30.0, 4), 0.1
    b = coil.magnetic_field(points, pose)
    slopes = np.zeros((3, len(points), 3))  # ∂A/∂x_i, per m
    for i, axis in enumerate(step * np.eye(3)):
        for far, weight in ((1, 45 / 60), (2, -9 / 60), (3, 1 / 60)):
            there = [coil.vector_potential(points + side * far * axis, pose) for side in (1, -1)]
            slopes[i] += weight * (there[0] - there[1]) / (step * 1e-3)
    curl = [slopes[i][:, j] - slopes[j][:, i] for i, j in ((1, 2), (2, 0), (0, 1))]
    assert largest_error(b, np.stack(curl, axis=1)) < 1e-8
    each = [coil.magnetic_field(points, pose, stimulator=i) for i in (0, 1)]
    assert all(np.abs(part).max() > 0 for part in each)
    assert largest_error(sum(each), b) < 1e-14
    with pytest.raises(CoilError, match="stimulator 2 is not one of the 2"):
        coil.magnetic_field(points, stimulator=2)


def test_magnetic_field_on_a_source_or_of_samples_is_refused():
    coil = figure_of_eight()
    with pytest.raises(CoilError, match=r"B is not finite at 1 point, first point 1 at .* on a source"):
        coil.magnetic_field(np.concatenate([plane(10)[:1], coil.dipole_positions_mm[7:8]]))
    samples = CoilElement(SampledPotential(np.full((4, 4, 4, 3), 1e-7), np.diag([3, 3, 3, 1.0])))
    with pytest.raises(CoilError, match="1 of the sources is A on a grid: its B is not known"):
        Coil(elements=[samples]).magnetic_field([[1.0, 2.0, 3.0]])


def test_vector_potential_of_no_points_is_empty():
    assert circular_coil().vector_potential(np.empty((0, 3))).shape == (0, 3)


def test_a_point_on_a_dipole_is_refused():
    coil = figure_of_eight()
    points = np.concatenate([plane(10), coil.dipole_positions_mm[7:8]])
    with pytest.raises(CoilError, match=f"1 point, first point {len(points) - 1} at .* on a source"):
        coil.vector_potential(points)


@pytest.mark.parametrize(
    "points", [[1, 2, 3], [[1, 2]], [[0, 0, np.nan]], [["a", 0, 0]], None, [[[0, 0, 0]]]]
)
def test_points_that_are_no_points_are_refused(points):
    with pytest.raises(CoilError, match="points_mm"):
        circular_coil().vector_potential(points)


def test_a_coil_is_not_placed_by_a_bad_pose():
    with pytest.raises(PoseError, match=r"off by 0\.21"):
        circular_coil().vector_potential([[0, 0, 20]], np.diag([1.1, 1, 1, 1]))
    with pytest.raises(PoseError, match="one pose is needed, not 2"):
        circular_coil().placed(np.tile(np.eye(4), (2, 1, 1)))
    for pose in (None, [[1], [1, 2]], "pose", np.eye(3)):
        with pytest.raises(PoseError, match="poses"):
            circular_coil().placed(pose)


# Windings


def test_one_turn_is_a_current_loop():
    coil = circular_coil(
        inner_radius_mm=40, outer_radius_mm=40, turns=1, wire_height_mm=0, layers=1, casing_mm=5
    )
    points = plane(10)
    expected = loop_potential((points + [0, 0, 5]) * 1e-3, 0.04)
    assert largest_error(coil.vector_potential(points), expected) < 1e-6


def test_the_error_of_a_winding_falls_exponentially():
    points = plane(4)
    shape = {"inner_radius_mm": 20, "outer_radius_mm": 40, "turns": 5, "wire_height_mm": 0, "layers": 1}
    expected = winding_potential(points * 1e-3, 20, 40, 5, 0, 3)
    error = [
        largest_error(circular_coil(**shape, spacing_mm=s).vector_potential(points), expected)
        for s in (8.0, 4.0, 2.0)
    ]
    assert error[0] < 0.1
    assert error[1] < error[0] / 10
    assert error[2] < error[1] / 100  # an algebraic order below 6 would not do


def test_default_coils_are_as_good_as_their_documentation_says():
    for z, bound in ((5, 3e-5), (10, 1.5e-5)):
        points = plane(z)
        expected = winding_potential(points * 1e-3, 27, 62, 14, 7, 3)
        assert largest_error(circular_coil().vector_potential(points), expected) < bound
        right, left = ((points + [shift, 0, 0]) * 1e-3 for shift in (-44, 44))
        expected = winding_potential(right, 28, 43.5, 9, 7, 3) - winding_potential(left, 28, 43.5, 9, 7, 3)
        assert largest_error(figure_of_eight().vector_potential(points), expected) < bound


def test_the_moment_is_the_area_of_the_turns():
    coil = circular_coil(inner_radius_mm=10, outer_radius_mm=30, turns=4, layers=3)
    radii = np.array([12.5, 17.5, 22.5, 27.5]) * 1e-3
    np.testing.assert_allclose(coil.dipole_moments.sum(axis=0), [0, 0, np.pi * (radii**2).sum()], rtol=1e-12)
    assert (coil.dipole_moments[:, 2] > 0).all()


def test_the_default_figure_of_eight_is_like_those_of_70_mm():
    coil = figure_of_eight()
    assert 2000 <= coil.n_dipoles <= 4000
    assert coil.dipole_positions_mm[:, 2].max() < -3
    assert coil.dipole_positions_mm[:, 2].min() > -10
    e = -1e6 * coil.vector_potential([[0, 0, 20]])
    np.testing.assert_allclose(e, [[0, 2.02, 0]], atol=0.005)  # +y, and as strong as a measured coil


def test_the_figure_of_eight_is_mirror_symmetric():
    coil = figure_of_eight(turns=3, spacing_mm=10)
    points = plane(15, n=4)
    a = coil.vector_potential(points)
    scale = np.abs(a).max()
    # A mirror in x swaps the wings, whose currents are opposite: A, a polar vector, is mirrored. In y it is
    # reversed.
    np.testing.assert_allclose(coil.vector_potential(points * [-1, 1, 1]), a * [-1, 1, 1], atol=1e-13 * scale)
    np.testing.assert_allclose(coil.vector_potential(points * [1, -1, 1]), a * [-1, 1, 1], atol=1e-13 * scale)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"inner_radius_mm": 0}, "inner_radius_mm must be more than 0"),
        ({"inner_radius_mm": 50, "outer_radius_mm": 40}, "outer_radius_mm = 40.* is less"),
        ({"outer_radius_mm": float("nan")}, "outer_radius_mm = nan"),
        ({"outer_radius_mm": float("inf")}, "outer_radius_mm = inf"),
        ({"outer_radius_mm": 1e300, "spacing_mm": 1e299}, r"a winding of 1e\+300 mm is too large"),
        ({"turns": 0}, "turns = 0"),
        ({"turns": 2.5}, "turns = 2.5"),
        ({"turns": 10**9}, "turns = 1000000000"),
        ({"layers": 10**9}, "layers = 1000000000"),
        ({"wire_height_mm": -1}, "wire_height_mm = -1"),
        ({"casing_mm": -1}, "casing_mm = -1"),
        ({"spacing_mm": 0}, "spacing_mm"),
        ({"spacing_mm": 1e-9}, "spacing_mm = 1e-09"),
        ({"spacing_mm": "3"}, "spacing_mm = '3'"),
        ({"didt_max": -1.0}, "didt_max"),
    ],
)
def test_windings_that_make_no_coil_are_refused(arguments, message):
    for make in (circular_coil, figure_of_eight):
        with pytest.raises(CoilError, match=message):
            make(**arguments)
    with pytest.raises(CoilError, match="separation_mm"):
        figure_of_eight(separation_mm=0)


# Against the sample coils


def test_figure_of_eight_against_wires_and_dipoles_of_a_sample(shared_data):
    sample = np.load(shared_data / "coils" / "fig8_70mm.npz")
    points = plane(10)
    # The sample's wires are open spirals in two planes. A spiral and its mirror image, half each, are closed
    # and have no first-order shift against concentric turns.
    centres, dl = sample["wire_centre"], sample["wire_dl"]
    centres, dl = np.concatenate([centres, centres * [1, -1, 1]]), np.concatenate([dl, dl * [-1, 1, 1]]) / 2
    wires = wire_sum(points * 1e-3, centres, dl)
    planes = [figure_of_eight(wire_height_mm=0, layers=1, casing_mm=z) for z in (1.75, 5.25)]
    a = sum(0.5 * coil.vector_potential(points) for coil in planes)
    assert np.linalg.norm(a - wires) < 5e-4 * np.linalg.norm(wires)
    dipoles = dipole_sum(points * 1e-3, sample["dipole_pos"], sample["dipole_moment"])
    assert np.linalg.norm(a - dipoles) < 2e-3 * np.linalg.norm(dipoles)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("MagStim_D70", 1.80),
        ("Magstim_70mm_Fig8", 2.02),
        ("MagVenture_MCF-B65", 1.23),
        ("MagVenture_Cool-B65", 1.35),
        ("MagStim_DCC", 2.50),
    ],
)
def test_reference_values_of_known_coils(shared_data, name, value):
    a = read_coil(shared_data / "coils" / f"{name}.ccd").vector_potential([[0, 0, 20]])
    assert round(float(np.linalg.norm(a)) * 1e6, 2) == pytest.approx(value, abs=0.0051)


# Construction


def test_arrays_are_copied_and_read_only():
    positions, moments = np.zeros((2, 3)), np.ones((2, 3))
    coil = Coil(positions, moments)
    positions[0, 0] = 5
    assert coil.dipole_positions_mm[0, 0] == 0
    for array in (coil.dipole_positions_mm, coil.dipole_moments):
        assert array.dtype == np.float64
        assert array.flags.c_contiguous
        with pytest.raises(ValueError, match="read-only"):
            array[0, 0] = 1


@pytest.mark.parametrize(
    ("positions", "moments", "message"),
    [
        ([[0, 0]], [[0, 0, 1]], r"dipole_positions_mm must have the shape \(n, 3\), not \(1, 2\)"),
        ([0, 0, 0], [[0, 0, 1]], "dipole_positions_mm must have the shape"),
        ([[0, 0, 0]], [[0, 0, 1], [0, 0, 1]], "1 dipole positions but 2 dipole moments"),
        ([[0, 0, 0], [1, np.nan, np.inf]], [[0, 0, 1]] * 2, r"2 values are not finite, first \[1, 1\] = nan"),
        ([[0, 0, 0]], [[0, 0, -np.inf]], r"dipole_moments: 1 value is not finite, first \[0, 2\] = -inf"),
        (np.empty((0, 3)), np.empty((0, 3)), "at least one dipole"),
        ([[0, 0, 0]] * 3, [[0, 0, 0]] * 3, "all 3 dipole moments are zero"),
        ([["x", 0, 0]], [[0, 0, 1]], "dipole_positions_mm: not real numbers"),
        ([[1], [1, 2]], [[0, 0, 1]], "dipole_positions_mm: not an array"),
        ([[1j, 0, 0]], [[0, 0, 1]], "dipole_positions_mm: not real numbers"),
    ],
)
def test_dipoles_that_make_no_coil_are_refused(positions, moments, message):
    with pytest.raises(CoilError, match=message):
        Coil(positions, moments)


@pytest.mark.parametrize("didt_max", [0, -1.0, np.nan, np.inf, "1e8"])
def test_a_limit_that_is_no_limit_is_refused(didt_max):
    with pytest.raises(CoilError, match="didt_max"):
        Coil([[0, 0, 0]], [[0, 0, 1]], didt_max=didt_max)


@pytest.mark.parametrize("key", ["name", "stimulator", "brand"])
@pytest.mark.parametrize("value", [5, None, b"coil"])
def test_free_text_is_text(key, value):
    with pytest.raises(CoilError, match=f"{key} must be text, not {type(value).__name__}"):
        Coil([[0, 0, 0]], [[0, 0, 1]], **{key: value})


@pytest.mark.parametrize("name", ["coil.stl", "coil", "coil.text", "coil.nii.bz2"])
def test_other_formats_are_refused_by_name(tmp_path, name):
    with pytest.raises(FileFormatError, match=r"coils are read as \.ccd"):
        read_coil(tmp_path / name)
    with pytest.raises(FileFormatError, match=r"coils are written as \.ccd"):
        circular_coil().write(tmp_path / name)


SOME = Dipoles([[0, 0, -5]], [[0, 0, 1]])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"elements": [SOME]}, "elements must hold CoilElement, not Dipoles"),
        ({"elements": CoilElement(SOME)}, "elements must be a sequence of CoilElement"),
        (
            {"elements": [CoilElement(SOME)], "stimulators": ["a"]},
            "stimulators must hold Stimulator, not str",
        ),
        ({"elements": [CoilElement(SOME)], "casing": ([], [])}, "casing must hold Casing, not tuple"),
        ({"elements": [CoilElement(SOME)], "deformations": [1]}, "deformations must hold Deformation"),
    ],
)
def test_things_of_another_kind_are_refused(arguments, message):
    with pytest.raises(CoilError, match=message):
        Coil(**arguments)


@pytest.mark.parametrize("indices", [{"deformations": 0}, {"deformations": (0.0,)}, {"stimulator": "0"}])
def test_indices_are_whole_numbers(indices):
    with pytest.raises(CoilError, match="are indices"):
        CoilElement(SOME, **indices)
