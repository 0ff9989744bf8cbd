# SPDX-License-Identifier: BSD-3-Clause
"""Casings from surface files: every format, damaged files, frames and units that are doubtful."""

import time

import meshio
import numpy as np
import pytest
from given.surfaces import block
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from headfield import read_casing
from headfield.errors import CoilError, FileFormatError, HeadfieldError

BOX = block([-90, -45, -15], [90, 45, 0])


def written(path, points=BOX.points_mm, faces=BOX.faces, kind="triangle", **options):
    meshio.write(path, meshio.Mesh(np.asarray(points, float), [(kind, np.asarray(faces))]), **options)
    return path


def triangles(casing):
    """Its triangles in an order of their own, each from its least corner."""
    corners = casing.points_mm[casing.faces]
    turned = [np.roll(t, -min(range(3), key=lambda i, t=t: tuple(t[i])), axis=0) for t in corners]
    return sorted(np.asarray(turned).reshape(-1, 9).tolist())


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("a.stl", {"binary": True}),
        ("a.stl", {"binary": False}),
        ("a.PLY", {"binary": True}),
        ("a.ply", {"binary": False}),
        ("a.obj", {}),
    ],
)
def test_what_was_written_is_read(tmp_path, name, options, recwarn):
    path = written(tmp_path / name.lower(), **options)
    path = path.rename(tmp_path / name)
    casing = read_casing(path)
    assert triangles(casing) == triangles(BOX)
    assert len(casing.points_mm) == 8  # corners of an .stl file are joined
    assert casing.faces.dtype == np.int32
    assert not casing.points_mm.flags.writeable


def test_quadrilaterals_are_cut_in_two(tmp_path):
    points = [[-50, 0, 0], [50, 0, 0], [50, 80, 0], [-50, 80, 0]]
    casing = read_casing(written(tmp_path / "a.obj", points, [[0, 1, 2, 3]], "quad"))
    np.testing.assert_array_equal(casing.points_mm, points)
    assert casing.faces.tolist() == [[0, 1, 2], [0, 2, 3]]


def test_binary_stl_that_begins_like_a_text(tmp_path):
    content = bytearray(written(tmp_path / "a.stl", binary=True).read_bytes())
    content[:6] = b"solid "
    (tmp_path / "b.stl").write_bytes(content)
    assert triangles(read_casing(tmp_path / "b.stl")) == triangles(BOX)


def test_doubtful_units_and_frames_are_told(tmp_path):
    for scale, said in ((1e-3, "0.18 mm across"), (1e3, r"1.8e\+05 mm across")):
        with pytest.warns(UserWarning, match=f"a.stl: the casing is {said}; .* are these its units?"):
            read_casing(written(tmp_path / "a.stl", BOX.points_mm * scale, binary=True))
    with pytest.warns(
        UserWarning, match="the casing is at z = 5 to 20 mm; in the coil frame it ends at z = 0"
    ):
        read_casing(written(tmp_path / "a.stl", BOX.points_mm + [0, 0, 20], binary=True))


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.stl", b"", "0 bytes are too few for a .stl file"),
        ("a.stl", b"\0" * 80 + b"\xff\xff\xff\xff", "4,294,967,295 triangles take .* bytes, the file has 84"),
        ("a.stl", b"solid a\nendsolid a\n", "a.stl: "),
        ("a.stl", b"solid a\nfacet normal 0 0 1\nouter loop\nvertex 1 2\n", "a.stl: "),
        (
            "a.ply",
            b"ply\nformat ascii 1.0\nelement vertex 99999999999\nend_header\n",
            "vertex do not fit its",
        ),
        ("a.ply", b"ply\nformat ascii 1.0\n", "no line end_header in its first"),
        ("a.ply", b"plx\nend_header\n", "a.ply: meshio could not read it"),
        ("a.obj", b"", "a.obj: "),
        ("a.obj", b"v 0 0 0\nv 1 0 0\nv 0 1 0\n", "a.obj: no triangles"),
        (
            "a.obj",
            b"v 0 0 0\nv 1 0 0\nv 0 1 0\nf 1 2 4\n",
            "a.obj: casing faces must be indices of its 3 points",
        ),
        ("a.obj", b"v 0 0 0\nv 1 0 nan\nv 0 1 0\nf 1 2 3\n", "a.obj: casing points: 1 value is not finite"),
        ("a.obj", b"v 0 0 0\n" * 5 + b"f 1 2 3 4 5\n", "a.obj: 1 faces of 5 corners; only 3 or 4"),
    ],
)
def test_damaged_files_are_refused(tmp_path, name, content, message):
    (tmp_path / name).write_bytes(content)
    start = time.process_time()
    with pytest.raises(CoilError, match=message):
        read_casing(tmp_path / name)
    assert time.process_time() - start < 2


def test_a_triangle_missing_from_a_binary_stl(tmp_path):
    content = written(tmp_path / "a.stl", binary=True).read_bytes()
    (tmp_path / "b.stl").write_bytes(content[:-50])
    with pytest.raises(CoilError, match=r"b.stl: 12 triangles take 684 bytes, the file has 634"):
        read_casing(tmp_path / "b.stl")


@pytest.mark.parametrize("name", ["a.stl", "a.ply", "a.obj"])
@given(data=st.data())
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@pytest.mark.filterwarnings("ignore:.*casing is")
def test_bytes_changed_at_random_raise_nothing_else(tmp_path, name, data):
    path = tmp_path / name
    if not (tmp_path / ("good" + name)).exists():
        written(tmp_path / ("good" + name))
    content = bytearray((tmp_path / ("good" + name)).read_bytes())
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    path.write_bytes(content[: data.draw(st.integers(0, len(content)))])
    try:
        read_casing(path)
    except HeadfieldError as error:
        assert name in str(error)  # noqa: PT017


def test_other_kinds_of_files(tmp_path):
    for name in ("a.msh", "a.txt", "a"):
        (tmp_path / name).write_text("x")
        with pytest.raises(FileFormatError, match=r"casings are read from .stl, .ply, .obj, not"):
            read_casing(tmp_path / name)
    (tmp_path / "folder.stl").mkdir()
    with pytest.raises(FileFormatError, match="not a regular file"):
        read_casing(tmp_path / "folder.stl")
    with pytest.raises(OSError, match="missing"):
        read_casing(tmp_path / "missing.stl")


def test_the_sample_casing(shared_data):
    casing = read_casing(shared_data / "coils" / "MagStim_D70.stl")
    assert (len(casing.points_mm), len(casing.faces)) == (2489, 4974)
    assert casing.points_mm[:, 2].min() == pytest.approx(-19)
    assert casing.points_mm[:, 2].max() == pytest.approx(-1)
