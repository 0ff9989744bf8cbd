# SPDX-License-Identifier: BSD-3-Clause
"""Calls of meshio change nothing for other threads, and reach no private part of it."""

import ast
import threading
import warnings
from pathlib import Path

import meshio
import pytest

import headfield
from headfield.errors import FileFormatError, MeshError
from headfield.io.meshio import contained, formats_of, read_content


def in_a_thread(action):
    thread = threading.Thread(target=action)
    thread.start()
    thread.join(60)
    assert not thread.is_alive()


def test_what_another_thread_prints_meanwhile_does_not_vanish(tmp_path, monkeypatch, capsys):
    def read(path):
        in_a_thread(lambda: print("from another thread"))
        raise meshio.ReadError("no good")

    monkeypatch.setattr(meshio.vtk, "read", read)
    with pytest.raises(MeshError, match="meshio could not read it: no good"), contained("read"):
        read_content(tmp_path / "a.vtk")
    assert capsys.readouterr() == ("from another thread\n", "")


def test_what_another_thread_warns_of_meanwhile_is_heard(tmp_path, monkeypatch):
    def read(path):
        in_a_thread(lambda: warnings.warn("from another thread", UserWarning, stacklevel=1))
        return meshio.Mesh([[0.0, 0, 0]], [])

    monkeypatch.setattr(meshio.vtk, "read", read)
    with pytest.warns(UserWarning, match="from another thread"), contained("read"):
        read_content(tmp_path / "a.vtk")


@pytest.mark.parametrize("problem", [SystemExit(1), KeyError("cells"), OSError("ends"), RecursionError()])
def test_reading_raises_nothing_but_mesh_errors(problem):
    with pytest.raises(MeshError, match=r"meshio could not read it: \S"), contained("read"):
        raise problem


def test_an_interrupt_is_no_matter_of_the_mesh():
    with pytest.raises(KeyboardInterrupt), contained("read"):
        raise KeyboardInterrupt


def test_a_full_disk_is_no_matter_of_the_mesh():
    with pytest.raises(OSError, match="No space"), contained("write"):
        raise OSError(28, "No space left on device")


@pytest.mark.parametrize("ending", [ending for ending in meshio.extension_to_filetypes if ending != ".svg"])
def test_each_ending_that_meshio_knows_has_a_reader(tmp_path, monkeypatch, ending):
    (name, *_) = meshio.extension_to_filetypes[ending]
    module = meshio.dolfin if name == "dolfin-xml" else getattr(meshio, name)
    monkeypatch.setattr(module, "read", lambda path: f"{name} of {path}")
    path = str(tmp_path / f"a.b{ending.upper()}")
    assert read_content(path) == f"{name} of {path}"


@pytest.mark.parametrize("name", ["a.svg", "a.docx", "a"])
def test_no_reader_for_this_ending(tmp_path, name):
    with pytest.raises(FileFormatError, match=f"{name}: no mesh format is known"), contained("read"):
        read_content(tmp_path / name)


def test_a_second_format_of_an_ending_is_tried(tmp_path, monkeypatch):
    def read(path):
        raise meshio.ReadError("not this")

    monkeypatch.setattr(meshio.ansys, "read", read)
    monkeypatch.setattr(meshio.gmsh, "read", lambda path: "this")
    assert formats_of("a.msh") == ["ansys", "gmsh"]
    assert read_content(tmp_path / "a.msh") == "this"


def test_nothing_private_of_meshio_is_used():
    package = Path(headfield.__file__).parent
    for path in package.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            names += [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            assert not [name for name in names if name.startswith("meshio._")], path
