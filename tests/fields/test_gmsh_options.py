# SPDX-License-Identifier: BSD-3-Clause
"""What Gmsh shows of a .msh: the options beside it, read by Gmsh itself where it is; normals in .vtu."""

import re

import meshio
import numpy as np
import pytest

import headfield as hf
from headfield.fields.gmsh_options import options_of
from headfield.fields.write import write_point_results, write_results


@pytest.fixture(scope="module")
def ball():
    return hf.sphere_mesh(radii_mm=[40, 50, 60], tags=[1, 2, 5], edge_mm=14)


def fields(mesh):
    e = np.random.default_rng(3).normal(size=(2, mesh.n_tets, 3))
    return {"E": e, "magnE": np.linalg.norm(e, axis=2)}


def test_one_view_is_shown_up_to_its_percentile(ball):
    data = fields(ball)
    text = options_of(data)
    assert re.findall(r"View\[(\d)\]\.Visible = (\d);", text) == [("0", "0"), ("1", "1")]
    (top,) = re.findall(r"View\[1\]\.CustomMax = (\S+);", text)
    assert float(top) == pytest.approx(np.percentile(data["magnE"], 99.9), rel=1e-5)
    assert "View[0].CustomMax" not in text  # vectors are arrows


@pytest.mark.parametrize("values", [np.full((1, 4), np.nan), np.zeros((1, 4)), -np.ones((1, 4))])
def test_a_range_is_never_empty(values):
    limits = [float(x) for x in re.findall(r"Custom(?:Min|Max) = (\S+);", options_of({"v": values}))]
    assert not limits or limits[0] < limits[1]


def test_options_of_somebody_else_stay(ball, tmp_path):
    own = tmp_path / "out.msh.opt"
    own.write_text("View[1].ColormapNumber = 7;\n")
    write_results(tmp_path / "out.msh", ball, fields(ball))
    assert own.read_text() == "View[1].ColormapNumber = 7;\n"


def test_options_do_not_outlive_their_fields(ball, tmp_path):
    write_results(tmp_path / "out.msh", ball, fields(ball))
    assert "View[1]" in (tmp_path / "out.msh.opt").read_text()
    write_results(tmp_path / "out.msh", ball, {"magnE": fields(ball)["magnE"]})
    assert "View[1]" not in (tmp_path / "out.msh.opt").read_text()
    write_results(tmp_path / "out.msh", ball, {})
    assert not (tmp_path / "out.msh.opt").exists()  # it would hide the mesh, and show nothing


def test_gmsh_reads_them(ball, tmp_path):
    gmsh = pytest.importorskip("gmsh", exc_type=ImportError)
    data = fields(ball)
    write_results(tmp_path / "out.msh", ball, data)
    gmsh.initialize([], readConfigFiles=False, interruptible=False)
    try:
        gmsh.option.setNumber("General.Terminal", 0)
        gmsh.open(str(tmp_path / "out.msh"))
        shown = [gmsh.view.option.getNumber(tag, "Visible") for tag in gmsh.view.getTags()]
        top = gmsh.view.option.getNumber(gmsh.view.getTags()[1], "CustomMax")
        kind = gmsh.view.option.getNumber(gmsh.view.getTags()[1], "RangeType")
    finally:
        gmsh.finalize()
    assert shown == [0, 1]
    assert kind == 2
    assert top == pytest.approx(np.percentile(data["magnE"], 99.9), rel=1e-5)


def test_a_surface_has_normals_areas_and_the_normal_component(ball, tmp_path):
    layer = hf.regions.mid_layer(ball)
    e = np.random.default_rng(4).normal(size=(2, len(layer), 3))
    write_point_results(tmp_path / "layer.vtu", layer, {"E": e, "magnE": np.linalg.norm(e, axis=2)})
    data = meshio.read(tmp_path / "layer.vtu").point_data
    assert sorted(data) == [
        *("E_0000", "E_0001", "E_normal_0000", "E_normal_0001"),
        *("area", "magnE_0000", "magnE_0001", "normals"),
    ]
    np.testing.assert_array_equal(data["area"], layer.weights)
    np.testing.assert_allclose(data["E_normal_0001"], (e[1] * data["normals"]).sum(axis=1), atol=1e-12)
    outward = layer.centres_mm / np.linalg.norm(layer.centres_mm, axis=1, keepdims=True)
    assert ((data["normals"] * outward).sum(axis=1) > 0.8).all()


def test_loose_points_have_none(ball, tmp_path):
    points = hf.regions.points(ball, [[0, 0, 45.0], [45.0, 0, 0]])
    write_point_results(tmp_path / "points.vtu", points, {"E": np.ones((1, 2, 3))})
    assert sorted(meshio.read(tmp_path / "points.vtu").point_data) == ["E"]
