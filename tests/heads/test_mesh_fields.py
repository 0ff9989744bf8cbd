# SPDX-License-Identifier: BSD-3-Clause
"""Fields of a mesh: what every format gives back, what others write, and what is refused."""

import pickle
import zipfile

import numpy as np
import pytest
from given.gmsh_files import NODES, TETS, TRIANGLES, check_fields
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as st_np

from headfield.errors import MeshError
from headfield.fields.write import write_results
from headfield.heads.mesh import TetMesh
from headfield.heads.read import read_mesh
from headfield.heads.write import write_mesh

E = np.random.default_rng(1).normal(size=(3, 3))  # of a triangle and two tetrahedra
V = np.random.default_rng(2).normal(size=5)
MESH = TetMesh(NODES, TETS, [2, 5], TRIANGLES, [1002])


names = st.text("aEµ_/ 0123", min_size=1, max_size=9)
values = st.floats(allow_subnormal=False, width=64)


def fields_of(count: int) -> st.SearchStrategy:
    """Fields on so many things, of one, two, three or nine components, with NaN and infinities."""
    shapes = st.sampled_from([(count,), (count, 2), (count, 3), (count, 9)])
    return st.dictionaries(
        names, shapes.flatmap(lambda shape: st_np.arrays(np.float64, shape, elements=values)), max_size=4
    )


def alike(name: str, element_data: dict, triangle_data: dict) -> bool:
    return element_data[name].shape[1:] == triangle_data[name].shape[1:]


@st.composite
def meshes(draw):
    on = [draw(fields_of(count)) for count in (2, 5, 1)]
    shared = on[0].keys() & on[2].keys()
    on[2] = {name: v for name, v in on[2].items() if name not in shared or alike(name, on[0], on[2])}
    return TetMesh(
        NODES, TETS, [2, 5], TRIANGLES, [1002], element_data=on[0], node_data=on[1], triangle_data=on[2]
    )


def as_read(elements: dict, triangles: dict) -> tuple[dict, dict]:
    """What formats without groups give back: NaN all over is as good as absent, but the name is kept."""
    seen = {name: v for name, v in triangles.items() if not np.isnan(v).all()}
    lost = {name: np.full((2, *v.shape[1:]), np.nan) for name, v in triangles.items() if name not in seen}
    kept = {name: v for name, v in elements.items() if name not in seen or not np.isnan(v).all()}
    return {**lost, **kept}, seen


@settings(max_examples=25, deadline=None)
@given(meshes())
@pytest.mark.parametrize("kind", ["msh", "text.msh", "npz", "vtu"])
def test_round_trip(tmp_path_factory, kind, mesh):
    path = tmp_path_factory.getbasetemp() / f"fields.{kind}"
    write_mesh(path, mesh, binary="text" not in kind)
    back = read_mesh(path)
    elements, triangles = mesh.element_data, mesh.triangle_data
    if kind != "npz":
        elements, triangles = as_read(elements, triangles)
    for found, expected in (
        (back.element_data, elements),
        (back.node_data, mesh.node_data),
        (back.triangle_data, triangles),
    ):
        assert found.keys() == expected.keys()
        for name in expected:
            np.testing.assert_array_equal(found[name], expected[name])


@pytest.mark.parametrize("name", ["a.msh", "a.npz", "a.vtu", "a.vtk", "a.xdmf", "a.med"])
def test_formats_that_keep_fields(tmp_path, name):
    v = np.c_[V, V]
    mesh = TetMesh(
        NODES, TETS, [2, 5], TRIANGLES, [1002],
        element_data={"E": E[1:], "magnE": E[1:, 0]},
        node_data={"v": V, "grad": np.c_[v, V]},
        triangle_data={"E": E[:1], "skin": [7.0]},
    )  # fmt: skip
    mesh.write(tmp_path / name)
    back = read_mesh(tmp_path / name)
    np.testing.assert_array_equal(back.tags, mesh.tags)
    np.testing.assert_array_equal(back.triangle_tags, mesh.triangle_tags)
    for group in ("element_data", "node_data", "triangle_data"):
        found, expected = getattr(back, group), getattr(mesh, group)
        assert found.keys() == expected.keys()
        for field_name in expected:
            np.testing.assert_array_equal(found[field_name], expected[field_name])


@pytest.mark.parametrize("name", ["a.mesh", "a.inp", "a.vol"])
def test_formats_that_do_not_say_so(tmp_path, name):
    mesh = TetMesh(NODES, TETS, [2, 5], element_data={"E": E[1:]}, node_data={"v": V})
    with pytest.warns(
        UserWarning, match=rf"{name}: the fields 'v', 'E' are not written, as \{name[1:]} files"
    ):
        write_mesh(tmp_path / name, mesh)
    check_fields(read_mesh(tmp_path / name, check=False))


def test_vectors_of_two_components_and_fields_called_tags(tmp_path):
    mesh = TetMesh(NODES, TETS, [2, 5], element_data={"two": E[1:, :2], "E": E[1:]})
    with pytest.warns(UserWarning, match="the fields 'two' are not written"):
        write_mesh(tmp_path / "a.vtk", mesh)
    check_fields(read_mesh(tmp_path / "a.vtk"), {"E": E[1:]})
    with pytest.raises(MeshError, match="a field can't be called 'tags'"):
        write_mesh(tmp_path / "a.vtu", TetMesh(NODES, TETS, element_data={"tags": [1, 2]}))
    assert not (tmp_path / "a.vtu").exists()


def test_what_others_write_by_meshio(tmp_path):
    import meshio

    cells = [("tetra", TETS[:1]), ("triangle", TRIANGLES), ("tetra", TETS[1:]), ("line", [[0, 1]])]
    blocks = [np.arange(n)[:, None, None] + np.arange(9.0).reshape(1, 3, 3) for n in (1, 1, 1, 1)]
    data = {
        "material": [np.array([k]) for k in (3, 1003, 5, 0)],
        "part": [np.array([k]) for k in (1, 2, 3, 4)],
        "tensor": [block.reshape(-1, 9) for block in blocks],
    }
    content = meshio.Mesh(
        NODES, cells, cell_data=data, point_data={"v": V.astype(np.float32), "n": np.arange(5)}
    )
    meshio.write(tmp_path / "a.vtu", content)
    mesh = read_mesh(tmp_path / "a.vtu")
    assert (mesh.tags.tolist(), mesh.triangle_tags.tolist()) == ([3, 5], [1003])
    check_fields(
        mesh,
        {"part": [1, 3], "tensor": [np.arange(9)] * 2},
        {"v": V.astype(np.float32), "n": np.arange(5)},
        {"part": [2], "tensor": [np.arange(9)]},
    )


def test_meshio_fields_of_no_real_numbers(tmp_path, monkeypatch):
    import meshio

    content = meshio.Mesh(
        NODES, [("tetra", TETS)], cell_data={"z": [np.ones(2) * 1j]}, point_data={"s": ["a"] * 5}
    )
    monkeypatch.setattr(meshio.vtu, "read", lambda _: content)
    (tmp_path / "a.vtu").write_bytes(b"x")
    with pytest.warns(UserWarning, match="left out, as they are not real numbers: 's', 'z'"):
        check_fields(read_mesh(tmp_path / "a.vtu", check=False))


@pytest.mark.parametrize("mesh", [MESH, TetMesh(NODES, TETS, [2, 5])], ids=["triangles", "bare"])
def test_results_that_are_written_here_are_read_back(tmp_path, mesh):
    """Pose k is step k; a triangle has the value of the tetrahedron under it; NaN has no row."""
    e = np.random.default_rng(3).normal(size=(12, 2, 3))
    e[1] = np.nan
    e[2, 0] = np.nan
    v = np.random.default_rng(4).normal(size=(12, 5))
    write_results(tmp_path / "a.msh", mesh, {"E": e}, {"v": v})
    back = read_mesh(tmp_path / "a.msh")
    assert list(back.element_data) == [f"E_{pose:04d}" for pose in range(12)]
    for pose in range(12):
        np.testing.assert_array_equal(back.element_data[f"E_{pose:04d}"], e[pose])
        np.testing.assert_array_equal(back.node_data[f"v_{pose:04d}"], v[pose])
        if len(mesh.triangles) and pose not in (1, 2):
            np.testing.assert_array_equal(back.triangle_data[f"E_{pose:04d}"], e[pose, :1])
    back.write(tmp_path / "b.msh")
    assert (tmp_path / "b.msh").read_bytes() == (tmp_path / "a.msh").read_bytes()
    write_results(tmp_path / "c.msh", mesh, {"E": e[:1]}, {"v": v[:1]})
    check_fields(
        read_mesh(tmp_path / "c.msh"),
        {"E": e[0]},
        {"v": v[0]},
        {"E": e[0, :1]} if len(mesh.triangles) else {},
    )


def test_results_in_a_vtu(tmp_path):
    e = np.random.default_rng(3).normal(size=(2, 2, 3)).astype(np.float32)
    write_results(tmp_path / "a.vtu", MESH, {"E": e, "magnE": np.abs(e[:1, :, 0])}, {"v": V[None]})
    expected = {"E_0000": e[0], "E_0001": e[1], "magnE": np.abs(e[0, :, 0])}
    mesh = read_mesh(tmp_path / "a.vtu")
    check_fields(mesh, expected, {"v": V})
    mesh.write(tmp_path / "a.msh")
    check_fields(read_mesh(tmp_path / "a.msh"), expected, {"v": V})


def test_npz_of_entries_that_share_bytes(tmp_path):
    """A .npz whose directory names one array over and over."""
    path = tmp_path / "a.npz"
    np.savez_compressed(path, nodes=NODES, tets=TETS, **{"node_data/v": np.zeros((5, 1000))})
    with zipfile.ZipFile(path, "a") as archive:
        info = archive.getinfo("node_data/v.npy")
        for k in range(200):
            again = zipfile.ZipInfo(f"node_data/v{k}.npy")
            for name in ("header_offset", "compress_size", "file_size", "CRC", "compress_type"):
                setattr(again, name, getattr(info, name))
            archive.filelist.append(again)
            archive.NameToInfo[again.filename] = again
        archive._didModify = True
    with pytest.raises(MeshError, match=r"its arrays take .* bytes, the file has"):
        read_mesh(path)


def test_a_mesh_with_fields_can_be_pickled():
    mesh = TetMesh(NODES, TETS, element_data={"E": E[1:]})
    check = pickle.loads(pickle.dumps(mesh))
    np.testing.assert_array_equal(check.element_data["E"], E[1:])


@pytest.mark.parametrize(
    ("match", "arguments"),
    [
        (r"element_data 'f' has shape \(3,\), where \(2,\) or \(2, c\)", {"element_data": {"f": [1, 2, 3]}}),
        (r"node_data 'f' has shape \(\)", {"node_data": {"f": 1.0}}),
        (r"node_data 'f' has shape \(5, 3, 3\)", {"node_data": {"f": np.zeros((5, 3, 3))}}),
        (r"node_data 'f' has shape \(5, 0\)", {"node_data": {"f": np.zeros((5, 0))}}),
        (r"node_data 'f' has shape \(5, 1001\)", {"node_data": {"f": np.zeros((5, 1001))}}),
        ("triangle_data 'f' has shape", {"triangle_data": {"f": [1, 2]}}),
        ("'f' must be real numbers, not complex128", {"node_data": {"f": [1j] * 5}}),
        ("'f' must be real numbers, not <U1", {"node_data": {"f": ["a"] * 5}}),
        ("must be real numbers, not object", {"node_data": {"f": [None] * 5}}),
        ("'f': not an array", {"node_data": {"f": [[1], [1, 2]]}}),
        ("node_data must be a mapping of names to arrays, not list", {"node_data": [1, 2]}),
        ("can't be called 3", {"node_data": {3: V}}),
        ("can't be called ''", {"node_data": {"": V}}),
        ("can't be called", {"node_data": {"a\nb": V}}),
        (
            "'f' has 1 components per tetrahedron and 3 per triangle",
            {"element_data": {"f": [1, 2]}, "triangle_data": {"f": [[1, 2, 3]]}},
        ),
    ],
)
def test_wrong_fields(match, arguments):
    with pytest.raises(MeshError, match=match):
        TetMesh(NODES, TETS, triangles=TRIANGLES, **arguments)


def test_fields_are_independent_of_the_caller():
    values = np.ones((2, 1), np.float32)
    mesh = TetMesh(NODES, TETS, element_data={"f": values, "mask": [True, False]})
    values[:] = 3
    check_fields(mesh, {"f": [1, 1], "mask": [1, 0]})
    with pytest.raises(ValueError, match="read-only"):
        mesh.element_data["f"][0] = 2
