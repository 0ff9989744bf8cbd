# SPDX-License-Identifier: BSD-3-Clause
"""E along streamlines: linear fields, circles, spheres and cables in closed form; files; what is refused."""

import functools
import struct

import nibabel
import numpy as np
import pytest

import headfield as hf
from headfield import dose
from headfield.analytic import sphere_tms_field
from headfield.errors import ArgumentError, DoseError, FileFormatError, MissingPackageError

G = np.array([[1.0, 2.0, 0.5], [-1.0, 0.3, 0.2], [0.0, 0.4, -1.3]])  # V/m per mm


def straight(rng, n):
    """A line with points at uneven distances, and its direction."""
    t = rng.normal(size=3)
    t /= np.linalg.norm(t)
    return rng.normal(size=3) + np.cumsum(rng.uniform(0.1, 2.0, n))[:, None] * t, t


# Closed forms


@pytest.mark.parametrize("n", [2, 3, 4, 30])
def test_a_linear_field_along_a_straight_line_has_the_slope_tgt(n):
    rng = np.random.default_rng(n)
    points, t = straight(rng, n)
    found = dose.activating_function(points @ G.T + 5, dose.Streamlines.of([points]))
    np.testing.assert_allclose(found.activating, 1e3 * (t @ G @ t), rtol=1e-5)  # per mm to per m; float32
    np.testing.assert_allclose(found.along[0], (points @ G.T + 5) @ t, rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(found.ends[0, 0], found.along[0, [0, -1]] * [-1, 1])


def test_many_lines_are_each_by_themselves_and_poses_too():
    rng = np.random.default_rng(0)
    lines = [rng.normal(size=(n, 3)).cumsum(axis=0) for n in (2, 3, 7, 2, 40)]
    together = dose.Streamlines.of(lines)
    field = rng.normal(size=(3, len(together.points_mm), 3))
    found = dose.activating_function(field, together)
    for pose in range(3):
        for line, first, last in zip(lines, together.starts, together.ends + 1, strict=True):
            alone = dose.activating_function(field[pose, first:last], dose.Streamlines.of([line]))
            np.testing.assert_allclose(found.activating[pose, first:last], alone.activating[0], rtol=1e-5)
            np.testing.assert_allclose(found.along[pose, first:last], alone.along[0], rtol=1e-6, atol=1e-6)
    for line, (first, last) in enumerate(zip(together.starts, together.ends + 1, strict=True)):
        np.testing.assert_array_equal(found.strongest[:, line], found.activating[:, first:last].min(axis=1))


def test_on_a_circle_it_has_the_closed_form_to_second_order():
    """E = G x on a circle of radius R: E·t = R tᵀGr, d(E·t)/ds = tᵀGt − rᵀGr, with r = (cos, sin, 0)."""
    radius, off = 12.0, []
    for n in (40, 80, 160):
        angle = np.linspace(0.3, 2.7, n) + 0.3 / n * np.sin(np.arange(n))  # unevenly
        r = np.column_stack([np.cos(angle), np.sin(angle), 0 * angle])
        t = np.column_stack([-np.sin(angle), np.cos(angle), 0 * angle])
        points = radius * r
        found = dose.activating_function(points @ G.T, dose.Streamlines.of([points]))
        slope = np.einsum("ni,ij,nj->n", t, G, t) - np.einsum("ni,ij,nj->n", r, G, r)
        off.append(np.abs(found.activating[0] - 1e3 * slope).max() / (1e3 * np.abs(slope).max()))
        np.testing.assert_allclose(
            found.along[0], np.einsum("nj,nj->n", points @ G.T, t), atol=60 / n**2 * radius
        )
    assert off[0] < 0.02
    assert off[2] < off[0] / 8


def test_the_sign_is_that_of_the_cable():
    """A sealed cable in steady state, by finite differences: it is depolarised where headfield says it is.

    λ² V″ − V = λ² dE_s/ds with V′ = E_s at both ends; V/λ → ±E_s at the ends, −λ dE_s/ds between.
    """
    n, step, length = 2001, 1e-5, 2e-4  # m
    s = step * np.arange(n)
    along = 10 + 300 * s + 20 * np.exp(-(((s - 0.01) / 2e-3) ** 2))
    slope = np.gradient(along, step, edge_order=2)
    laplacian = np.diag(np.full(n, -2.0)) + np.diag(np.ones(n - 1), 1) + np.diag(np.ones(n - 1), -1)
    laplacian[0, 1] = laplacian[-1, -2] = 2.0
    right = length**2 * slope
    right[0] += 2 * length**2 * along[0] / step
    right[-1] -= 2 * length**2 * along[-1] / step
    v = np.linalg.solve((length / step) ** 2 * laplacian - np.eye(n), right)
    points = np.column_stack([0 * s, 0 * s, 1e3 * s])
    found = dose.activating_function(np.column_stack([0 * s, 0 * s, along]), dose.Streamlines.of([points]))
    middle = slice(400, -400)
    expected = -(length**2) * found.activating[0, middle]
    np.testing.assert_allclose(v[middle], expected, atol=0.06 * np.abs(expected).max())
    np.testing.assert_allclose(v[[0, -1]], length * found.ends[0, 0], rtol=0.01)


# Spheres


@functools.cache
def ball():
    return hf.sphere_mesh(radii_mm=[70, 78, 90], tags=[1, 2, 5], edge_mm=7)


@functools.cache
def problem():
    """A model, a coil and a pose over it, and fibres in the ball of white matter."""
    model = hf.HeadModel(ball())
    coil = hf.figure_of_eight(inner_radius_mm=8.0, outer_radius_mm=16.0, separation_mm=34.0, spacing_mm=8.0)
    pose = model.place(coil, [0, 0, 90], [0, 50, 90])
    s = np.linspace(-28, 28, 57)
    bent = np.column_stack([s, 0.3 * s, 58 + 5 * np.cos(s / 12)])
    lines = dose.Streamlines.of([bent, bent[::-1] + [0, 5, 0], np.column_stack([0 * s + 5, s, 57 - 0.2 * s])])
    return model, coil, pose, lines


def exact(lines):
    _, coil, pose, _ = problem()
    field = sphere_tms_field(lines.points_mm, *coil.placed(pose), 50e6)
    return dose.activating_function(field, lines)


def test_recovered_fields_are_needed_for_slopes():
    model, coil, pose, lines = problem()
    placed = lines.within(ball(), tags=1)
    assert placed.n_outside == 0
    true = exact(lines).activating
    off = {}
    for recovery in (None, "interface"):
        field = model.solve(coil, pose, 50e6, roi=placed.region, recovery=recovery)
        found = dose.activating_function(field, placed)
        off[recovery] = np.sqrt(np.mean((found.activating - true) ** 2) / np.mean(true**2))
    assert off["interface"] < 0.4
    assert off[None] > 3 * off["interface"]
    assert off[None] > 1  # jumps between tetrahedra, more than the slope itself


def test_fields_of_whole_heads_and_of_points_are_the_same_along_fibres():
    model, coil, pose, lines = problem()
    placed = lines.within(ball(), tags=1)
    whole = dose.activating_function(model.solve(coil, pose, 50e6), placed)
    there = dose.activating_function(model.solve(coil, pose, 50e6, roi=placed.region), placed)
    np.testing.assert_allclose(whole.along, there.along, rtol=1e-4, atol=1e-4)
    array = dose.activating_function(model.solve(coil, pose, 50e6, roi=placed.region).E, placed)
    np.testing.assert_array_equal(array.along, there.along)


def test_points_outside_are_nan_and_counted():
    model, coil, pose, _ = problem()
    z = np.arange(50.0, 100.0, 2.0)
    upward = np.column_stack([0 * z + 3, 0 * z, z])
    lines = dose.Streamlines.of([upward, [[10, 0, 40], [10, 0, 45], [10, 0, 50]]])
    placed = lines.within(ball())
    field = model.solve(coil, pose, 50e6, roi=placed.region)
    found = dose.activating_function(field, placed)
    beyond = np.flatnonzero(np.linalg.norm(lines.points_mm, axis=1) > 90)
    assert placed.n_outside == found.n_outside == len(beyond) == 5
    assert np.flatnonzero(np.isnan(found.along[0])).tolist() == beyond.tolist()
    assert np.flatnonzero(np.isnan(found.activating[0])).tolist() == [beyond[0] - 1, *beyond]
    assert np.isnan(found.ends[0]).tolist() == [[False, True], [False, False]]
    assert np.isfinite(found.strongest).all()
    assert "5 points outside" in repr(found)
    assert found.about.unit.startswith("V/m²")


# Files


def saved(path, lines, affine, voxels_mm=(2.0, 2.0, 2.0)):
    """Write streamlines (RAS mm) by nibabel, a .trk with a matrix of its own."""
    tractogram = nibabel.streamlines.Tractogram(lines, affine_to_rasmm=np.eye(4))
    header = {
        "voxel_to_rasmm": affine,
        "voxel_sizes": voxels_mm,
        "dimensions": (100, 100, 100),
        "voxel_order": "".join(nibabel.aff2axcodes(affine)),
    }
    nibabel.streamlines.save(tractogram, str(path), **({"header": header} if path.suffix == ".trk" else {}))
    return path


def some_lines(count=5, seed=4):
    rng = np.random.default_rng(seed)
    return [rng.normal(size=(n, 3)).cumsum(axis=0).astype(np.float32) for n in rng.integers(3, 30, count)]


AFFINE = np.array([[0, -2.0, 0, 80], [2.0, 0, 0, -70], [0, 0, 2.0, -60], [0, 0, 0, 1]])


@pytest.mark.parametrize("ending", [".trk", ".tck"])
def test_points_come_out_in_ras_mm(tmp_path, ending):
    lines = some_lines()
    found = dose.read_streamlines(saved(tmp_path / f"a{ending}", lines, AFFINE))
    assert len(found) == len(lines)
    np.testing.assert_allclose(found.points_mm, np.concatenate(lines), atol=2e-5)
    assert found.starts.tolist() == np.cumsum([0, *map(len, lines[:-1])]).tolist()
    assert found.numbers.tolist() == list(range(5))


def test_a_trk_is_read_as_trackvis_defines_it(tmp_path):
    """Its points are in mm of the voxel grid, from the corner of the first voxel: by hand, not by nibabel."""
    path = saved(tmp_path / "a.trk", some_lines(1), AFFINE)
    raw = path.read_bytes()
    (count,) = struct.unpack_from("<i", raw, 1000)
    stored = np.frombuffer(raw, "<f4", 3 * count, 1004).reshape(count, 3)
    voxel = stored / 2.0 - 0.5
    expected = voxel @ AFFINE[:3, :3].T + AFFINE[:3, 3]
    np.testing.assert_allclose(dose.read_streamlines(path).points_mm, expected, atol=2e-5)


@pytest.mark.parametrize("ending", [".trk", ".tck"])
def test_pieces_are_the_whole(tmp_path, ending):
    path = saved(tmp_path / f"a{ending}", some_lines(40), AFFINE)
    whole = dose.read_streamlines(path)
    parts = list(dose.iter_streamlines(path, most_points=60))
    assert len(parts) > 5
    assert all(len(part.points_mm) <= 60 for part in parts)
    np.testing.assert_array_equal(np.concatenate([part.points_mm for part in parts]), whole.points_mm)
    np.testing.assert_array_equal(np.concatenate([part.numbers for part in parts]), whole.numbers)


def test_repeated_points_and_streamlines_without_length_are_left_out(tmp_path):
    lines = [
        np.array(xyz, np.float32) for xyz in ([[0, 0, 0]] * 3, [[0, 0, 0], [0, 0, 1], [0, 0, 1]], [[5, 5, 5]])
    ]
    found = dose.read_streamlines(saved(tmp_path / "a.tck", lines, AFFINE))
    assert found.points_mm.tolist() == [[0, 0, 0], [0, 0, 1]]
    assert (found.numbers.tolist(), found.left_out) == ([1], 2)
    with pytest.raises(FileFormatError, match=r"b\.tck: there are no streamlines of any length"):
        dose.read_streamlines(saved(tmp_path / "b.tck", lines[:1], AFFINE))


def test_files_without_streamlines(tmp_path):
    with pytest.raises(FileFormatError, match="there are no streamlines"):
        dose.read_streamlines(saved(tmp_path / "a.trk", [], AFFINE))


@pytest.mark.parametrize("ending", [".trk", ".tck"])
def test_every_truncation_is_refused_or_a_part(tmp_path, ending):
    lines = some_lines(3)
    content = saved(tmp_path / f"a{ending}", lines, AFFINE).read_bytes()
    path = tmp_path / f"cut{ending}"
    whole = np.concatenate(lines)
    for end in [*range(0, 1100, 37), *range(len(content) - 200, len(content), 3)]:
        path.write_bytes(content[:end])
        try:
            found = dose.read_streamlines(path)
        except FileFormatError:
            continue
        np.testing.assert_allclose(found.points_mm, whole[: len(found.points_mm)], atol=2e-5)


@pytest.mark.parametrize("ending", [".trk", ".tck"])
def test_damage_is_a_typed_error_or_numbers(tmp_path, ending):
    content = bytearray(saved(tmp_path / f"a{ending}", some_lines(3), AFFINE).read_bytes())
    rng = np.random.default_rng(5)
    path = tmp_path / f"bad{ending}"
    refused = 0
    for _ in range(150):
        bad = bytearray(content)
        for place in (*rng.integers(0, min(len(bad), 1200), 2), *rng.integers(len(bad) - 300, len(bad), 2)):
            bad[place] = rng.integers(0, 256)
        path.write_bytes(bad)
        try:
            assert np.isfinite(dose.read_streamlines(path).points_mm).all()
        except FileFormatError:
            refused += 1
    assert refused > 10
    path.write_bytes(bytes(2000))
    with pytest.raises(FileFormatError):
        dose.read_streamlines(path)


def test_a_trk_that_does_not_say_where_it_is(tmp_path):
    path = saved(tmp_path / "a.trk", some_lines(2), AFFINE)
    content = bytearray(path.read_bytes())
    content[440:504] = bytes(64)
    path.write_bytes(content)
    with pytest.raises(FileFormatError, match="no matrix to RAS mm"):
        dose.read_streamlines(path)


def test_other_files(tmp_path, monkeypatch):
    with pytest.raises(FileFormatError, match=r"streamlines are read from \.trk, \.tck"):
        dose.read_streamlines("a.vtk")
    with pytest.raises(FileNotFoundError):
        dose.read_streamlines(tmp_path / "none.trk")
    path = saved(tmp_path / "a.tck", some_lines(2), AFFINE)
    with pytest.raises(ArgumentError, match="most_points"):
        next(dose.iter_streamlines(path, 0))
    monkeypatch.setitem(__import__("sys").modules, "nibabel", None)
    with pytest.raises(MissingPackageError, match=r"pip install 'headfield\[nifti\]'"):
        dose.read_streamlines(path)


# What is refused


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ([[[0, 0, 0], [0, 0, 1]], [[1, 1, 1]]], "streamline 1 has one point"),
        ([[[0, 0, 0], [0, 0, 1], [0, 0, 1]]], "point 2 of streamline 0 repeats the one before; 1 point"),
        ([[[0, 0, 0], [0, np.nan, 1]]], "streamline 0: 1 value is not finite"),
        ([[[0, 0], [0, 1]]], r"streamline 0 must have the shape \(n, 3\)"),
        ([np.zeros((0, 3))], "streamline 0 has no points"),
        ([], "there are no streamlines"),
    ],
)
def test_lines_that_are_none(lines, message):
    with pytest.raises(DoseError, match=message):
        dose.Streamlines.of(lines)


def test_a_line_may_begin_where_the_one_before_ends():
    assert len(dose.Streamlines.of([[[0, 0, 0], [0, 0, 1]], [[0, 0, 1], [0, 0, 2]]])) == 2


@pytest.mark.parametrize(
    ("starts", "numbers", "message"),
    [
        ([1], None, "starts must ascend from 0"),
        ([0, 0], None, "starts must ascend from 0"),
        ([0, 4], None, "starts must ascend from 0"),
        ([0.0], None, "starts must be whole numbers"),
        ([0, 2], [1], "1 numbers for 2 streamlines"),
    ],
)
def test_starts_that_do_not_fit(starts, numbers, message):
    with pytest.raises(DoseError, match=message):
        dose.Streamlines(np.arange(12.0).reshape(4, 3), starts, numbers)


def test_what_has_no_slope():
    model, coil, pose, lines = problem()
    placed = lines.within(ball(), tags=1)
    other = model.solve(coil, pose, roi=hf.regions.points(ball(), [0, 0, 50]))
    n = len(lines.points_mm)
    for field, where, error, message in (
        (np.zeros((n - 1, 3)), lines, DoseError, r"E must have the shape"),
        (np.full((n, 3), np.inf), lines, DoseError, "E is infinite in"),
        (np.zeros((n, 3)), lines.points_mm, ArgumentError, "streamlines must be Streamlines"),
        (other, lines, ArgumentError, "a field needs placed streamlines"),
        (other, placed, ArgumentError, "not at the points of the streamlines"),
    ):
        with pytest.raises(error, match=message):
            dose.activating_function(field, where)
    with pytest.raises(
        DoseError, match="none of 2 points of the streamlines lies in the head; the nearest is 10"
    ):
        dose.Streamlines.of([[[0, 0, 100], [0, 0, 101]]]).within(ball())
