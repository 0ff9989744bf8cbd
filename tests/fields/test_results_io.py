# SPDX-License-Identifier: BSD-3-Clause
"""Result files, as Gmsh, ParaView find them (both through meshio)."""

import os
import re
import struct

import meshio
import numpy as np
import pytest

from headfield.errors import ArgumentError, FileFormatError
from headfield.fields.write import write_results
from headfield.heads.mesh import TetMesh
from headfield.heads.read import read_mesh
from headfield.io.atomic import replacing

NODES = np.array([[0, 0, 0], [10, 0, 0], [0, 10, 0], [3, 3, 10], [3, 3, -10]], float)
MESH = TetMesh(NODES, [[0, 1, 2, 3], [0, 2, 1, 4]], [2, 5])
WITH_TRIANGLES = TetMesh(NODES, MESH.tets, MESH.tags, [[0, 1, 2], [0, 1, 3], [0, 1, 4]], [1002, 1002, 1005])
E = np.random.default_rng(1).normal(size=(3, 2, 3))
MAGNITUDE = np.linalg.norm(E, axis=2)
V = np.random.default_rng(2).normal(size=(3, 5))


def fields(content: bytes) -> list[tuple[str, str, float, list[int], np.ndarray]]:
    """The fields of a binary Gmsh 2.2 file: section, name, time, integer tags, rows `id values…`."""
    found = []
    pattern = rb'\$(\w+Data)\n1\n"(.*)"\n1\n(.*)\n4\n(\d+)\n(\d+)\n(\d+)\n0\n'
    for match in re.finditer(pattern, content):
        step, components, rows = (int(match[k]) for k in (4, 5, 6))
        size = struct.calcsize(f"<i{components}d")
        body = content[match.end() : match.end() + rows * size]
        table = np.array(list(struct.iter_unpack(f"<i{components}d", body)))
        assert content[match.end() + rows * size :].startswith(b"$End" + match[1] + b"\n")
        found.append((match[1].decode(), match[2].decode(), float(match[3]), [step, components, rows], table))
    return found


@pytest.mark.parametrize("mesh", [MESH, WITH_TRIANGLES], ids=["bare", "triangles"])
def test_msh(tmp_path, mesh):
    path = tmp_path / "out.msh"
    write_results(path, mesh, {"E": E, "magnE": MAGNITUDE}, {"v": V})
    back = read_mesh(path)
    for name in ("nodes_mm", "tets", "tags", "triangles", "triangle_tags"):
        np.testing.assert_array_equal(getattr(back, name), getattr(mesh, name))
    found = fields(path.read_bytes())
    # The triangle 0 1 2 lies under tetrahedron 0 (tissue 2), 0 1 4 under tetrahedron 1 (tissue 5).
    expected = [("ElementData", "E", E), ("ElementData", "magnE", MAGNITUDE), ("NodeData", "v", V)]
    assert len(found) == 9
    for i, (section, name, values) in enumerate(expected):
        for pose in range(3):
            got = found[3 * i + pose]
            assert got[:3] == (section, name, float(pose))
            ids, table = back.node_ids, values[pose].reshape(len(values[pose]), -1)
            if section == "ElementData":
                on = len(mesh.triangles)
                ids, table = (
                    [*[1, 2, 3][:on], *back.element_ids],
                    np.concatenate([table[[0, 0, 1][:on]], table]),
                )
            assert got[3] == [pose, table.shape[1], len(ids)]
            np.testing.assert_array_equal(got[4][:, 0], ids)
            np.testing.assert_array_equal(got[4][:, 1:], table)


def test_msh_leaves_out_what_was_not_computed(tmp_path):
    values = E.copy()
    values[1, 0] = np.nan
    write_results(tmp_path / "out.msh", WITH_TRIANGLES, {"E": values}, {"v": np.full((1, 5), np.nan)})
    *_, none = found = fields((tmp_path / "out.msh").read_bytes())
    assert [table[:, 0].tolist() for *_, table in found[:3]] == [[1, 2, 3, 4, 5], [3, 5], [1, 2, 3, 4, 5]]
    np.testing.assert_array_equal(found[1][4][:, 1:], E[1, [1, 1]])
    assert none[3] == [0, 1, 0]


def test_msh_of_one_pose_by_meshio(tmp_path):
    write_results(tmp_path / "out.msh", MESH, {"E": E[:1], "magnE": MAGNITUDE[:1]}, {"v": V[:1]})
    other = meshio.read(tmp_path / "out.msh")
    np.testing.assert_array_equal(other.cell_data["E"][0], E[0])
    np.testing.assert_array_equal(other.cell_data["magnE"][0].ravel(), MAGNITUDE[0])
    np.testing.assert_array_equal(other.point_data["v"].ravel(), V[0])


def test_msh_of_more_rows_than_are_written_at_a_time(tmp_path):
    grid = np.stack(np.meshgrid(*[np.arange(24.0)] * 3, indexing="ij"), -1).reshape(-1, 3)
    corner = np.arange(24**3).reshape(24, 24, 24)
    c = np.stack(
        [corner[i : 23 + i, j : 23 + j, k : 23 + k].ravel() for i in (0, 1) for j in (0, 1) for k in (0, 1)]
    )
    paths = [(0, 1, 3, 7), (0, 1, 5, 7), (0, 2, 3, 7), (0, 2, 6, 7), (0, 4, 5, 7), (0, 4, 6, 7)]
    mesh = TetMesh(grid, np.concatenate([c[list(p)].T for p in paths]), np.arange(6 * 23**3) % 7)
    assert mesh.n_tets > 1 << 16
    values = np.arange(3.0 * mesh.n_tets).reshape(1, -1, 3)
    write_results(tmp_path / "out.msh", mesh, {"E": values})
    back = read_mesh(tmp_path / "out.msh", check=False)
    np.testing.assert_array_equal(back.tets, mesh.tets)
    np.testing.assert_array_equal(back.tags, mesh.tags)
    ((*_, table),) = fields((tmp_path / "out.msh").read_bytes())
    np.testing.assert_array_equal(table[:, 0], back.element_ids)
    np.testing.assert_array_equal(table[:, 1:], values[0])


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_vtu(tmp_path, dtype):
    write_results(
        tmp_path / "out.vtu", WITH_TRIANGLES, {"E": E.astype(dtype), "a<b&": MAGNITUDE[:1]}, {"v": V}
    )
    other = meshio.read(tmp_path / "out.vtu")
    np.testing.assert_array_equal(other.points, NODES)
    np.testing.assert_array_equal(other.cells_dict["tetra"], MESH.tets)
    np.testing.assert_array_equal(other.cell_data["tags"][0], MESH.tags)
    np.testing.assert_array_equal(other.cell_data["a<b&"][0], MAGNITUDE[0])
    for pose in range(3):
        got = other.cell_data[f"E_{pose:04d}"][0]
        assert got.dtype == dtype
        np.testing.assert_array_equal(got, E[pose].astype(dtype))
        np.testing.assert_array_equal(other.point_data[f"v_{pose:04d}"], V[pose])
    np.testing.assert_array_equal(read_mesh(tmp_path / "out.vtu").tags, MESH.tags)


@pytest.mark.parametrize("ending", ["msh", "vtu"])
@pytest.mark.parametrize(
    ("match", "element_data", "node_data"),
    [
        (r"'E' has shape \(2, 3\)", {"E": E[0]}, {}),
        (r"'E' has shape \(3, 2, 2\)", {"E": E[:, :, :2]}, {}),
        (r"'E' has shape \(3, 5\), where \(k, 2\)", {"E": V}, {}),
        (r"'v' has shape \(3, 2\), where \(k, 5\)", {}, {"v": MAGNITUDE}),
        ("must be real numbers, not complex128", {"E": E * 1j}, {}),
        ("must be real numbers, not object", {"E": E.astype(object)}, {}),
        ("can't be called 'a\"b'", {'a"b': E}, {}),
        (r"can't be called 'a\\nb'", {"a\nb": E}, {}),
        ("can't be called 'a/b'", {"a/b": E}, {}),
        ("can't be called ''", {"": E}, {}),
    ],
)
def test_wrong_fields(tmp_path, ending, match, element_data, node_data):
    with pytest.raises(ArgumentError, match=match):
        write_results(tmp_path / f"out.{ending}", MESH, element_data, node_data)
    assert os.listdir(tmp_path) == []


def test_unknown_ending(tmp_path):
    for name in ("out.txt", "out"):
        with pytest.raises(FileFormatError, match=r"\.msh, \.vtu or \.h5"):
            write_results(tmp_path / name, MESH, {"E": E})
    with pytest.raises(FileNotFoundError):
        write_results(tmp_path / "absent" / "out.msh", MESH, {"E": E})


@pytest.mark.parametrize("failure", [RuntimeError, KeyboardInterrupt])
def test_half_a_file_never_appears(tmp_path, failure):
    path = tmp_path / "out.msh"
    path.write_text("before")
    with pytest.raises(failure), replacing(path) as temporary:  # noqa: PT012
        temporary.write_text("half")
        raise failure
    assert path.read_text() == "before"
    assert os.listdir(tmp_path) == ["out.msh"]


def test_a_link_keeps_pointing_to_its_file(tmp_path):
    (tmp_path / "real").mkdir()
    target = tmp_path / "real" / "out.msh"
    target.write_text("before")
    (tmp_path / "link.msh").symlink_to(target)
    write_results(tmp_path / "link.msh", MESH, {"E": E})
    assert (tmp_path / "link.msh").is_symlink()
    assert read_mesh(target).n_tets == 2
