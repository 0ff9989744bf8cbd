# SPDX-License-Identifier: BSD-3-Clause
"""Fields in regions, recovered or not, their error figures, and the tolerance that follows from them."""

import functools

import meshio
import numpy as np
import pytest
from given import p1
from given.results import run

import headfield as hf
from headfield import regions
from headfield.fields.stream import open_results

pytestmark = pytest.mark.usefixtures("each_device")

COIL = hf.Coil([[-30, 0, -5], [30, 0, -5]], [[0, 0, -1], [0, 0.2, 1]])


@functools.cache
def model():
    return hf.HeadModel(hf.sphere_mesh([70, 78, 86, 92], [1, 2, 4, 5], 14))


def poses(k=3):
    return hf.ring(hf.place(model().mesh, [10, 0, 95], [10, 50, 95]), np.linspace(0, 90, k))


def gray():
    return regions.tissue(model().mesh, 2)


def solve(**arguments):
    return model().solve(COIL, arguments.pop("poses", poses()), arguments.pop("didt", 1e6), **arguments)


def test_a_region_of_tetrahedra_is_its_elements():
    field = solve(roi=gray())
    np.testing.assert_array_equal(field.E, solve(elements=gray().elements).E)
    np.testing.assert_array_equal(field.elements, gray().elements)
    assert field.region.is_volume
    assert field.report.discretisation_error is None
    with pytest.raises(hf.HeadfieldError, match="recovery='interface'"):
        _ = field.local_error


def test_at_points_elements_give_that_of_the_tetrahedron():
    rng = np.random.default_rng(0)
    points = regions.points(model().mesh, 70 * rng.uniform(-0.5, 0.5, (50, 3)))
    everywhere = solve()
    np.testing.assert_array_equal(solve(roi=points).E, everywhere.E[:, points.elements])
    assert "50 points" in repr(solve(roi=points))


@pytest.mark.parametrize("recovery", ["interface", "patch"])
def test_the_same_is_recovered_in_a_region_and_everywhere(recovery):
    whole, part = solve(recovery=recovery), solve(recovery=recovery, roi=gray())
    assert whole.potential.shape == (3, model().mesh.n_nodes)
    assert p1.relative(part.E, whole.E[:, gray().elements]) < 2e-6
    np.testing.assert_allclose(part.local_error, whole.local_error[:, gray().elements], rtol=1e-3, atol=1e-6)
    # a barycentre is a quarter of each corner, as its tissue sees it
    region = gray()
    corners = hf.Region(model().mesh, np.repeat(region.elements, 4), np.tile(np.eye(4), (len(region), 1)))
    nodal = solve(recovery=recovery, roi=corners).E.reshape(3, len(region), 4, 3)
    np.testing.assert_allclose(nodal.mean(axis=2), part.E, rtol=1e-4, atol=1e-6)


def test_nodes_of_a_tissue_have_one_value_each():
    scalp = regions.nodes(model().mesh, 5)
    field = solve(recovery="interface", roi=scalp)
    assert field.E.shape == (3, len(scalp), 3)
    skull = regions.nodes(model().mesh, 4)
    shared = np.isin(
        skull.centres_mm.round(6).view("f8,f8,f8").ravel(), scalp.centres_mm.round(6).view("f8,f8,f8")
    )
    assert shared.any()


def test_the_error_of_a_pose_is_that_of_its_elements():
    field = solve(recovery="interface", roi=gray())
    weights, chosen = gray().weights, gray().elements
    at_corners = hf.Region(model().mesh, np.repeat(chosen, 4), np.tile(np.eye(4), (len(chosen), 1)))
    corners = solve(recovery="interface", roi=at_corners).E.astype(float).reshape(3, -1, 4, 3)
    squares = ((corners**2).sum(axis=(2, 3)) + (corners.sum(axis=2) ** 2).sum(axis=2)) / 20
    energy = squares @ weights
    expected = np.sqrt((field.local_error.astype(float) ** 2) @ weights / energy)
    np.testing.assert_allclose(field.report.discretisation_error, expected, rtol=1e-5)
    assert "linear elements would be off by up to" in str(field.report)


def test_an_element_that_is_given_twice_counts_once_in_the_error():
    once, twice = (solve(recovery="interface", elements=e).report for e in ([5, 9], [5, 5, 9, 5]))
    np.testing.assert_allclose(twice.discretisation_error, once.discretisation_error, rtol=1e-12)


def test_elements_are_those_that_were_given_then():
    chosen = np.array([3, 7], np.int32)
    fields = model().iter_solve(COIL, poses(), elements=chosen, batch=1)
    first = next(fields)
    chosen[:] = 11, 12
    assert first.elements.tolist() == [3, 7]
    np.testing.assert_array_equal(next(fields).E, solve(elements=[3, 7]).E[1:2])


def test_recovered_fields_scale_with_the_rate_of_the_current():
    one, other = (solve(recovery="interface", roi=gray(), didt=didt) for didt in (1e6, -5e7))
    np.testing.assert_allclose(other.E, -50 * one.E, rtol=1e-6)
    np.testing.assert_allclose(other.local_error, 50 * one.local_error, rtol=1e-6)
    np.testing.assert_array_equal(one.report.discretisation_error, other.report.discretisation_error)


@pytest.mark.parametrize(
    "arguments", [{"recovery": "interface"}, {"recovery": "patch", "tol": "auto"}, {"tol": "auto"}]
)
def test_a_pose_gets_the_same_bits_beside_any_others(arguments):
    together = solve(roi=gray(), **arguments)
    for i in range(3):
        alone = solve(roi=gray(), poses=poses()[i], **arguments)
        np.testing.assert_array_equal(alone.E[0], together.E[i])
        assert alone.report.tolerance[0] == together.report.tolerance[i]
        assert alone.report.iterations[0] == together.report.iterations[i]
    batches = list(model().iter_solve(COIL, poses(), 1e6, roi=gray(), batch=1, **arguments))
    np.testing.assert_array_equal(np.concatenate([b.E for b in batches]), together.E)


def test_an_automatic_tolerance_stops_well_below_the_discretisation_error():
    auto, exact = solve(tol="auto"), solve(tol=1e-10)
    report = auto.report
    np.testing.assert_allclose(
        report.tolerance, np.clip(report.discretisation_error / 50, 1e-8, 1e-3), rtol=0.01
    )
    assert (report.residual <= report.tolerance).all()
    assert report.iterations.max() < exact.report.iterations.min()
    brain = np.isin(model().mesh.tags, [1, 2])
    for i in range(3):
        assert p1.relative(auto.E[i, brain], exact.E[i, brain]) < 0.02 * report.discretisation_error[i]


def test_a_finer_mesh_needs_a_smaller_tolerance():
    """Elements are off by a few per cent in a field that hardly bends."""
    mesh = hf.sphere_mesh([4, 5], [2, 5], 0.5)
    far = hf.Coil([[0, 0, 400]], [[0, 0, 1]])
    field = hf.HeadModel(mesh).solve(far, np.eye(4), roi=regions.sphere(mesh, [4.6, 0, 0], 0.6), tol="auto")
    assert field.report.tolerance[0] < 1e-3
    assert field.report.tolerance[0] == pytest.approx(field.report.discretisation_error[0] / 50, rel=0.02)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"recovery": "best"}, "recovery must be None, 'interface' or 'patch', not 'best'"),
        ({"recovery": 1}, "recovery must be None"),
        ({"tol": "tight"}, "tol"),
        ({"roi": [1, 2]}, "roi must be a Region"),
    ],
)
def test_what_can_not_be_meant_is_refused(arguments, message):
    with pytest.raises(hf.HeadfieldError, match=message):
        solve(**arguments)


def test_a_region_must_be_of_this_mesh_and_alone():
    other = hf.sphere_mesh([80, 92], [2, 5], 25)
    with pytest.raises(hf.RegionError, match="another mesh"):
        solve(roi=regions.tissue(other, 2))
    with pytest.raises(hf.RegionError, match="not both"):
        solve(roi=gray(), elements=[0])
    with pytest.raises(hf.RegionError, match="holds nothing"):
        solve(roi=gray() - gray())


@pytest.mark.parametrize("surface", [False, True])
def test_fields_at_points_are_written_with_the_surface_they_are_on(tmp_path, surface):
    mesh = model().mesh
    where = regions.mid_layer(mesh, 2) if surface else regions.nodes(mesh, 2)
    field = solve(roi=where, recovery="interface")
    with pytest.raises(hf.FileFormatError, match=r"field\.msh: a field at points is written as \.vtu"):
        field.save(tmp_path / "field.msh")
    assert not list(tmp_path.iterdir())
    with (
        pytest.raises(hf.HeadfieldError, match="at points"),
        open_results(tmp_path / "f.msh", mesh, None, run(3)) as out,
    ):
        out.write(field.arrays())
    field.save(tmp_path / "field.vtu")
    back = meshio.read(tmp_path / "field.vtu")
    np.testing.assert_array_equal(back.points, where.centres_mm)
    np.testing.assert_array_equal(back.point_data["E_0001"], field.E[1])
    np.testing.assert_array_equal(back.point_data["magnE_0002"], field.magnitude[2])
    if surface:
        np.testing.assert_array_equal(back.cells_dict["triangle"], where.faces)
    else:
        assert back.cells_dict["vertex"].ravel().tolist() == list(range(len(where)))


def test_tensors_are_recovered_too():
    mesh = model().mesh
    sigma = np.tile(np.eye(3), (mesh.n_tets, 1, 1))
    numbers = hf.HeadModel(mesh, np.ones(mesh.n_tets)).solve(COIL, poses(), recovery="interface")
    tensors = hf.HeadModel(mesh, sigma).solve(COIL, poses(), recovery="interface")
    off = numbers.report.discretisation_error.max()  # one fit may have a Laplacian, the other has none
    assert p1.relative(tensors.E, numbers.E) < 0.3 * off
