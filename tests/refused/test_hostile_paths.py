# SPDX-License-Identifier: BSD-3-Clause
"""Mesh files that name other files as the place of their data: none outside of their folder is opened."""

import os

import numpy as np
import pytest

import headfield as hf

h5py = pytest.importorskip("h5py")

NODES = np.array([[0, 0, 0], [90, 0, 0], [0, 90, 0], [0, 0, 90.0]])
MESH = hf.TetMesh(NODES, [[0, 1, 2, 3]], tags=[5])


@pytest.fixture
def folders(tmp_path):
    """A folder of a mesh in two files, a.xdmf and a.h5, and one that holds the same data elsewhere."""
    inside, outside = tmp_path / "inside", tmp_path / "outside"
    for folder in (inside, outside):
        folder.mkdir()
        hf.write_mesh(folder / "a.xdmf", MESH)
    return inside, outside


def renamed(path, old, new):
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def test_a_mesh_in_two_files_is_read_from_wherever_it_lies(folders, tmp_path):
    assert hf.read_mesh(folders[0] / "a.xdmf").n_tets == 1
    os.symlink(folders[0] / "a.xdmf", tmp_path / "link.xdmf")
    assert hf.read_mesh(tmp_path / "link.xdmf").n_tets == 1


@pytest.mark.parametrize("name", ["../outside/a.h5", "{outside}/a.h5", "sub/../../outside/a.h5", "link.h5"])
def test_an_xdmf_that_names_data_outside_of_its_folder(folders, name):
    inside, outside = folders
    os.symlink(outside / "a.h5", inside / "link.h5")
    renamed(inside / "a.xdmf", "a.h5:", name.format(outside=outside) + ":")
    with pytest.raises(hf.MeshError, match=r"a\.xdmf: it names the data file '.*', which is outside"):
        hf.read_mesh(inside / "a.xdmf")


def test_an_xdmf_that_names_a_file_of_plain_numbers(folders, monkeypatch):
    inside, outside = folders
    NODES.tofile(outside / "a.bin")
    NODES.tofile(inside / "a.bin")
    monkeypatch.chdir(inside)
    text = (inside / "a.xdmf").read_text()
    for name in (outside / "a.bin", "../outside/a.bin", "/etc/passwd"):
        item = f'<DataItem Format="Binary" DataType="Float" Precision="8" Dimensions="4 3">{name}</DataItem>'
        start, end = text.index("<DataItem", text.index("<Geometry")), text.index("</Geometry>")
        (inside / "a.xdmf").write_text(text[:start] + item + text[end:])
        with pytest.raises(hf.MeshError, match="which is outside of its folder"):
            hf.read_mesh(inside / "a.xdmf")
    (inside / "a.xdmf").write_text(text[:start] + item.replace(str(name), "a.bin") + text[end:])
    np.testing.assert_array_equal(hf.read_mesh(inside / "a.xdmf").nodes_mm, NODES)


def test_an_xdmf_that_names_a_pipe(folders):
    (folders[0] / "a.h5").unlink()
    os.mkfifo(folders[0] / "a.h5")
    with pytest.raises(hf.FileFormatError, match=r"a\.h5: not a regular file"):
        hf.read_mesh(folders[0] / "a.xdmf")


def elsewhere(file, name, kind, source):
    """Put a dataset into a file whose data lie in another one."""
    if kind == "link":
        file[name] = h5py.ExternalLink(str(source), "data0")
    elif kind == "storage":
        file.create_dataset(name, (4, 3), "f8", external=[(str(source), 0, 96)])
    else:
        layout = h5py.VirtualLayout((4, 3), "f8")
        layout[:] = h5py.VirtualSource(str(source), "data0", (4, 3))
        file.create_virtual_dataset(name, layout)


@pytest.mark.parametrize(
    ("kind", "match"),
    [("link", "a link to another file"), ("storage", "lie in another file"), ("view", "a view of other")],
)
@pytest.mark.parametrize("name", ["a.xdmf", "a.h5m", "a.med", "a.cgns"])
def test_hdf5_files_whose_data_lie_elsewhere(folders, kind, match, name):
    inside, outside = folders
    path = inside / (name if name != "a.xdmf" else "a.h5")
    with h5py.File(path, "w") as file:
        elsewhere(file, "data0", kind, outside / "a.h5")
        file.create_group("tstt/nodes")
        elsewhere(file, "tstt/nodes/coordinates", kind, outside / "a.h5")
    with pytest.raises(hf.MeshError, match=match):
        hf.read_mesh(inside / name)


def test_links_within_a_file_and_circles_of_groups_are_no_matter(folders):
    path = folders[0] / "a.h5"
    with h5py.File(path, "a") as file:
        file["again"] = h5py.SoftLink("/data0")
        file["group/circle"] = file["/"]
        file.move("data0", "moved")
        file["data0"] = file["moved"]
    assert hf.read_mesh(folders[0] / "a.xdmf").n_tets == 1


@pytest.mark.parametrize(
    "values", [b"text", np.array([b"a", b"b"]), np.array([(1, 2.0)], "i4,f8"), h5py.Empty("f8"), 1j * NODES]
)
def test_values_of_another_type_are_typed_errors(folders, values):
    with h5py.File(folders[0] / "a.h5", "a") as file:
        del file["data0"]
        file["data0"] = values
    with pytest.raises(hf.MeshError):
        hf.read_mesh(folders[0] / "a.xdmf")
