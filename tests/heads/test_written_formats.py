# SPDX-License-Identifier: BSD-3-Clause
"""Every format that a head can be written in: what is read back, what is said to be lost, what is refused."""

import warnings

import meshio
import numpy as np
import pytest
from given.spoilt_meshes import ball

import headfield as hf
from headfield.errors import FileFormatError, MeshError
from headfield.io.meshio import read_content

ALL = (".msh", ".npz", ".vtu", ".vtk", ".xdmf", ".xmf", ".med")
TISSUES = (".mesh", ".meshb", ".vol", ".vol.gz", ".avs", ".inp")
TETGEN = (".ele", ".node")  # read by meshio only
SURFACES = (".stl", ".ply", ".obj", ".off")
REFUSED = sorted({*meshio.extension_to_filetypes} - {*ALL, *TISSUES, *TETGEN, *SURFACES})


def head():
    """Tissues in no order, air among them, triangles, and a field on each."""
    mesh = ball()
    tags = np.where(mesh.tags == 5, -1, mesh.tags)
    tags[::3] = 101
    rng = np.random.default_rng(1)
    return hf.TetMesh(
        mesh.nodes_mm, mesh.tets, tags, mesh.triangles, mesh.triangle_tags,
        element_data={"E": rng.normal(size=(mesh.n_tets, 3))},
        node_data={"v": rng.normal(size=mesh.n_nodes)},
        triangle_data={"E": rng.normal(size=(len(mesh.triangles), 3))},
    )  # fmt: skip


def write(path, mesh):
    """What writing it warns of."""
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        mesh.write(path)
    return [str(one.message) for one in said]


@pytest.mark.parametrize("ending", [*ALL, *TISSUES])
def test_what_is_written_is_read_back(tmp_path, ending):
    mesh, path = head(), tmp_path / f"a{ending}"
    said = write(path, mesh)
    back = hf.read_mesh(path, check=False)  # it is no head
    for name in ("nodes_mm", "tets", "tags", "triangles", "triangle_tags"):
        np.testing.assert_array_equal(getattr(back, name), getattr(mesh, name), err_msg=name)
    if ending in ALL:
        assert said == []
        for group in ("element_data", "node_data", "triangle_data"):
            assert getattr(back, group).keys() == getattr(mesh, group).keys()
            for name, values in getattr(mesh, group).items():
                np.testing.assert_array_equal(getattr(back, group)[name], values)
    else:
        assert said == [f"{path}: the fields 'v', 'E' are not written, as {ending} files don't keep them"]


@pytest.mark.parametrize("ending", TETGEN)
def test_tetgen(tmp_path, ending):
    mesh, path = head(), tmp_path / f"a{ending}"
    said = write(path, mesh)
    assert said[0] == f"{path}: surface triangles are not written, as {ending} files don't keep them"
    assert "the fields 'v', 'E' are not written" in said[1]
    content = read_content(path)
    np.testing.assert_array_equal(content.points, mesh.nodes_mm)
    np.testing.assert_array_equal(content.cells_dict["tetra"], mesh.tets)
    np.testing.assert_array_equal(content.cell_data["tetgen:ref"][0], mesh.tags)


@pytest.mark.parametrize("ending", REFUSED)
def test_what_would_lose_the_tissues_is_refused(tmp_path, ending):
    with pytest.raises(FileFormatError, match=rf"a{ending}: .* lose the tissues; \.msh, \.npz, \.vtu"):
        ball().write(tmp_path / f"a{ending}")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("ending", SURFACES)
def test_the_skin_as_a_closed_surface(tmp_path, ending):
    path = tmp_path / f"skin{ending}"
    with pytest.raises(FileFormatError, match=f"skin{ending}: {ending} files hold surfaces; write_skin or"):
        ball().write(path)
    surface = hf.write_skin(path, ball())
    assert len(surface.faces) == len(ball().skin()) > 0
    content = read_content(path)
    faces = content.cells_dict["triangle"]
    corners = np.asarray(content.points, float)[faces]
    np.testing.assert_allclose(corners, surface.triangles, rtol=0, atol=1e-5 if ending == ".stl" else 1e-12)
    assert np.einsum("fi,fi->", corners[:, 0], np.cross(corners[:, 1], corners[:, 2])) > 0  # normals outward
    _, same = np.unique(corners.reshape(-1, 3), axis=0, return_inverse=True)
    sides = np.sort(same.reshape(-1, 3)[:, [[0, 1], [1, 2], [2, 0]]].reshape(-1, 2), axis=1)
    assert (np.unique(sides, axis=0, return_counts=True)[1] == 2).all()


def test_a_skin_in_no_format_of_surfaces(tmp_path):
    with pytest.raises(FileFormatError, match=r"a.vtu: a skin is written as \.stl, \.ply, \.obj, \.off"):
        hf.write_skin(tmp_path / "a.vtu", ball())
    air = hf.TetMesh(ball().nodes_mm, ball().tets, np.full(ball().n_tets, -1))
    with pytest.raises(MeshError, match="the mesh has no skin"):
        hf.write_skin(tmp_path / "a.stl", air)


def test_sets_of_abaqus_with_other_names_are_counted(tmp_path):
    path = tmp_path / "a.inp"
    ball().write(path)
    path.write_text(path.read_text().replace("ELSET=tag_", "ELSET=part_"))
    with pytest.warns(UserWarning, match="as tissues, 1 'part_2', 2 'part_3', 3 'part_5', in the"):
        assert np.unique(hf.read_mesh(path).tags).tolist() == [1, 2, 3]
