# SPDX-License-Identifier: BSD-3-Clause
"""Mesh files: every layout of Gmsh 2.2 and 4.1, .npz, and meshio's formats."""

import os
import struct
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest
from given.gmsh_files import (
    CONTIGUOUS,
    ELEMENTS,
    NODES,
    TETS,
    TRIANGLES,
    WITH_GAPS,
    WITH_SMALL_GAPS,
    msh22,
    msh41,
)
from hypothesis import given, settings
from hypothesis import strategies as st

from headfield.errors import MeshError
from headfield.heads.mesh import TetMesh
from headfield.heads.phantom import sphere_mesh
from headfield.heads.read import read_mesh
from headfield.heads.write import write_mesh


def check_pyramid(mesh: TetMesh, ids, tags=(2, -1), triangle_tags=(1002,)) -> None:
    np.testing.assert_array_equal(mesh.nodes_mm, NODES)
    np.testing.assert_array_equal(mesh.tets, TETS)
    np.testing.assert_array_equal(mesh.tags, tags)
    np.testing.assert_array_equal(mesh.triangles, TRIANGLES)
    np.testing.assert_array_equal(mesh.triangle_tags, triangle_tags)
    np.testing.assert_array_equal(mesh.node_ids, ids)
    np.testing.assert_array_equal(mesh.element_ids, [103, 104])


@pytest.mark.parametrize("ids", [CONTIGUOUS, CONTIGUOUS + 1000, WITH_GAPS, WITH_SMALL_GAPS])
@pytest.mark.parametrize("order", ["", "<", ">"], ids=["text", "little", "big"])
class TestLayouts:
    @pytest.mark.parametrize("singles", [False, True], ids=["blocks", "singles"])
    def test_version_2(self, load, order, ids, singles):
        check_pyramid(load(msh22(order, ids, singles=singles)), ids)

    @pytest.mark.parametrize("parametric", [False, True], ids=["plain", "parametric"])
    def test_version_4(self, load, order, ids, parametric):
        check_pyramid(load(msh41(order, ids, parametric=parametric)), ids)


@pytest.mark.parametrize("order", ["", "<", ">"], ids=["text", "little", "big"])
def test_entities_are_the_tags_where_there_are_no_groups(load, order):
    mesh = load(msh41(order, groups=False), check=False)  # an error: its names are of groups
    check_pyramid(mesh, CONTIGUOUS, tags=(11, 12), triangle_tags=(5,))
    elementary = [(kind, (0, tags[1] + 50), corners) for kind, tags, corners in ELEMENTS]
    with pytest.warns(UserWarning, match="no physical groups: the entity numbers 49, 52 are taken as tissue"):
        mesh = load(msh22(order, elements=elementary))
    check_pyramid(mesh, CONTIGUOUS, tags=(52, 49), triangle_tags=(1052,))


@pytest.mark.parametrize("order", ["", "<", ">"], ids=["text", "little", "big"])
@pytest.mark.parametrize("singles", [False, True], ids=["blocks", "singles"])
def test_any_number_of_tags(load, order, singles):
    several = [(kind, tags + (1, 7) * k, corners) for k, (kind, tags, corners) in enumerate(ELEMENTS)]
    check_pyramid(load(msh22(order, elements=several, singles=singles)), CONTIGUOUS)
    bare = [(kind, (), corners) for kind, _, corners in ELEMENTS]
    mesh = load(msh22(order, elements=bare, singles=singles), check=False)
    check_pyramid(mesh, CONTIGUOUS, (0, 0), (0,))


@pytest.mark.parametrize("order", ["", "<", ">"], ids=["text", "little", "big"])
@pytest.mark.parametrize("singles", [False, True], ids=["blocks", "singles"])
def test_long_runs_and_changes_between_them(load, order, singles):
    """Runs of every length from 1 to 40 and one of 3000, so that each window of the search ends in one."""
    rng = np.random.default_rng(3)
    elements = []
    for run in [*range(1, 41), 3000, 1]:
        kind, n_tags = [(2, 2), (2, 3), (1, 2), (15, 2)][run % 4]
        corners = {2: [0, 1, 2], 1: [0, 1], 15: [4]}[kind]
        elements += [(kind, tuple(rng.integers(-5, 9, n_tags).tolist()), corners) for _ in range(run)]
        elements += ELEMENTS[3:] if run == 20 else []
    if not singles and order:  # the builder of blocks counts all of a kind at once
        elements.sort(key=lambda e: (e[0], len(e[1])))
    mesh = load(msh22(order, elements=elements, singles=singles))
    np.testing.assert_array_equal(mesh.triangle_tags, [e[1][0] for e in elements if e[0] == 2])
    np.testing.assert_array_equal(mesh.tags, [2, -1])
    assert len(mesh.triangles) == len([e for e in elements if e[0] == 2])


@pytest.mark.parametrize("order", ["<", ">"])
def test_single_elements_and_blocks_in_one_file(load, order):
    rows = b""
    elements = [
        (2, 2, [7, 1002, 1002, 1, 2, 3]),
        (2, 1, [8, 1003, 1003, 1, 2, 4]),
        (2, 2, [9, 1004, 1004, 1, 2, 4]),
    ]
    elements += [(4, 1, [103, 2, 2, 1, 2, 3, 4]), (4, 1, [104, -1, -1, 1, 3, 2, 5])]
    for kind, count, row in elements:
        rows += struct.pack(order + "3i", kind, count, 2) + struct.pack(f"{order}{len(row)}i", *row) * count
    content = msh22(order, elements=[])
    mesh = load(content.replace(b"$Elements\n0\n", b"$Elements\n7\n" + rows))
    np.testing.assert_array_equal(mesh.triangle_tags, [1002, 1002, 1003, 1004, 1004])
    np.testing.assert_array_equal(mesh.tets, TETS)
    np.testing.assert_array_equal(mesh.element_ids, [103, 104])


@pytest.mark.parametrize("order", ["", "<"], ids=["text", "little"])
def test_what_follows_and_precedes_is_stepped_over(load, order):
    trailing = b"$Binary\n" + bytes(range(36)) + b"$EndBinary\n$Periodic\n0\n$EndPeriodic\n\n"
    content = msh22(order, extra=trailing)
    check_pyramid(load(b"$Comments\nwritten by hand\n$EndComments\n" + content), CONTIGUOUS)
    if not order:
        check_pyramid(load(content.replace(b"\n", b"\r\n")), CONTIGUOUS)


def test_unused_nodes_and_turned_elements_of_a_file(load):
    nodes = np.concatenate([NODES, [[77, 77, 77]]])[[5, 0, 1, 2, 3, 4]]
    turned = [*ELEMENTS[:4], (4, (-1, -1), [1, 0, 2, 4])]
    shifted = [(kind, tags, [c + 1 for c in corners]) for kind, tags, corners in turned]
    turned_back = load(msh22("<", np.arange(1, 7), shifted, nodes))
    assert (turned_back.n_flipped, turned_back.n_dropped_nodes) == (0, 1)
    np.testing.assert_array_equal(turned_back.node_ids, [2, 3, 4, 5, 6])
    shifted[3] = (4, (2, 2), [2, 1, 3, 4])
    assert load(msh22("<", np.arange(1, 7), shifted, nodes)).n_flipped == 1


def test_samples(shared_data):
    sphere = read_mesh(shared_data / "meshes/sphere3.msh")
    assert (sphere.n_nodes, sphere.n_tets, np.unique(sphere.tags).tolist()) == (4556, 22704, [3, 4, 5])
    for kind in ("ascii", "binary"):
        other = read_mesh(shared_data / f"meshes/sphere3_v4_1_{kind}.msh")
        a, b = (np.argsort(m.node_ids) for m in (sphere, other))
        np.testing.assert_array_equal(sphere.nodes_mm[a], other.nodes_mm[b])
        a, b = (np.argsort(m.element_ids) for m in (sphere, other))
        np.testing.assert_array_equal(sphere.tags[a], other.tags[b])
        np.testing.assert_array_equal(sphere.node_ids[sphere.tets[a]], other.node_ids[other.tets[b]])
        assert np.bincount(sphere.triangle_tags).tolist() == np.bincount(other.triangle_tags).tolist()
    head, same = read_mesh(shared_data / "head_small.msh"), read_mesh(shared_data / "head_small.npz")
    for name in ("nodes_mm", "tets", "tags"):
        np.testing.assert_array_equal(getattr(head, name), getattr(same, name))


# ---- writing and reading back


meshes = st.builds(
    lambda nodes, tags, triangles: TetMesh(
        NODES * nodes[0] + nodes[1:], TETS, tags, TRIANGLES[: len(triangles)], triangles
    ),
    st.lists(st.floats(1, 100, width=64), min_size=4, max_size=4).map(np.array),
    st.lists(st.integers(-(2**31), 2**31 - 1), min_size=2, max_size=2).filter(any),
    st.lists(st.integers(1, 2000), max_size=1),
)


@settings(max_examples=25, deadline=None)
@given(meshes)
@pytest.mark.parametrize("kind", ["msh", "text.msh", "npz", "vtu"])
def test_round_trip(tmp_path_factory, kind, mesh):
    path = tmp_path_factory.getbasetemp() / f"round.{kind}"
    write_mesh(path, mesh, binary="text" not in kind)
    back = read_mesh(path)
    for name in ("nodes_mm", "tets", "tags", "triangles", "triangle_tags"):
        np.testing.assert_array_equal(getattr(back, name), getattr(mesh, name))


@pytest.mark.parametrize("name", ["a.msh", "a.vtk", "a.vtu", "a.mesh", "a.xdmf", "a.inp", "a.vol", "a.med"])
def test_formats_that_keep_the_tags(tmp_path, name):
    mesh = TetMesh(NODES, TETS, [2, 5])
    mesh.write(tmp_path / name)
    assert {path.stem for path in tmp_path.iterdir()} == {"a"}
    back = read_mesh(str(tmp_path / name), check=False)
    np.testing.assert_allclose(back.nodes_mm, NODES)
    np.testing.assert_array_equal(back.tets, TETS)
    if name not in ("a.inp", "a.vol"):
        np.testing.assert_array_equal(back.tags, mesh.tags)


def test_meshio_reads_what_is_written_here(tmp_path):
    import meshio

    write_mesh(tmp_path / "a.msh", TetMesh(NODES, TETS, [2, 5], TRIANGLES, [1002]))
    other = meshio.read(tmp_path / "a.msh")
    np.testing.assert_array_equal(other.points, NODES)
    np.testing.assert_array_equal(other.cells_dict["tetra"], TETS)
    np.testing.assert_array_equal(other.cell_data_dict["gmsh:physical"]["tetra"], [2, 5])
    np.testing.assert_array_equal(other.cell_data_dict["gmsh:physical"]["triangle"], [1002])


def test_a_failed_write_leaves_what_was_there(tmp_path, monkeypatch):
    from headfield.heads.formats import gmsh_write

    path = tmp_path / "a.msh"
    write_mesh(path, TetMesh(NODES, TETS, [2, 5]))
    before = path.read_bytes()

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(gmsh_write, "_write_elements", full)
    with pytest.raises(OSError, match="No space"):
        write_mesh(path, TetMesh(NODES * 2, TETS, [2, 5]))
    assert path.read_bytes() == before
    assert os.listdir(tmp_path) == ["a.msh"]


@pytest.mark.skipif(sys.platform != "linux", reason="needs /proc and a limit on the size of files")
@pytest.mark.parametrize("name", ["a.msh", "a.npz", "a.vtu", "a.vtk"])
def test_a_full_disk_leaves_what_was_there_and_nothing_open(tmp_path, name):
    import resource

    path = tmp_path / name
    write_mesh(path, TetMesh(NODES, TETS, [2, 5]))
    before = path.read_bytes()
    large = sphere_mesh([80, 90], tags=[2, 5], edge_mm=15)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (8192, hard))
    try:
        with pytest.raises(OSError):
            write_mesh(path, large)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert path.read_bytes() == before
    assert os.listdir(tmp_path) == [name]
    opened = [os.path.realpath(link) for link in Path("/proc/self/fd").iterdir()]
    assert not [file for file in opened if file.startswith(str(tmp_path))]


@pytest.mark.parametrize("piece", [1, 3, 1 << 22])
@pytest.mark.parametrize("wrong", ["x", "1x", "1_0", "0x10", "1 2 \0", "1,5", "é"])
def test_text_that_is_not_a_number_is_found_anywhere(load, monkeypatch, wrong, piece):
    monkeypatch.setattr("headfield.heads.formats.gmsh_bytes._PIECE", piece)
    content, last = msh22(""), b"-10.0\n$EndNodes"
    assert last in content
    for text in (f"{wrong}\n$EndNodes", f"-10.0 {wrong}\n$EndNodes", f"{wrong} -10.0\n$EndNodes"):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # a program may ignore what NumPy says
            with pytest.raises(MeshError, match=r"something else than numbers"):
                load(content.replace(last, text.encode()))


def test_reading_text_leaves_the_warnings_of_other_threads_alone(load, monkeypatch):
    """They would become errors of those threads, which is what the filters here say too: so they are set."""
    kept, fromstring = [], np.fromstring

    def slow(*arguments, **options):
        kept.append(list(warnings.filters))
        return fromstring(*arguments, **options)

    monkeypatch.setattr(np, "fromstring", slow)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        before = list(warnings.filters)
        load(msh22(""))
    assert kept == [before] * len(kept) != []
