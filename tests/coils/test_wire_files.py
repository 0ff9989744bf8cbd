# SPDX-License-Identifier: BSD-3-Clause
"""Files of wire: what is written is read, what is no wire is refused, and wire is told from poses."""

import warnings

import numpy as np
import pytest
from given.comparisons import largest_error
from given.windings import loop_potential, points_at, polygon
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

import headfield as hf
from headfield.coils.formats.wire_text import holds_wire, read_wire
from headfield.coils.wire import wire_coil
from headfield.commands.kinds import kind_of
from headfield.errors import CoilError, FileFormatError

SQUARE = np.array([[-30, -30, 0], [30, -30, 0], [30, 30, 0], [-30, 30, 0]], float)


@settings(max_examples=30, deadline=None)
@given(
    paths=st.lists(
        arrays(float, st.tuples(st.integers(2, 5), st.just(3)), elements=st.floats(-1e3, 1e3)), min_size=1
    ),
    comma=st.sampled_from([" ", ",", "\t", " , "]),
    end=st.sampled_from(["\n", "\r\n", "\r"]),
)
def test_what_is_written_is_read(tmp_path_factory, paths, comma, end):
    file = tmp_path_factory.mktemp("wire") / "path.txt"
    blocks = [end.join(comma.join(map(repr, row)) for row in p.tolist()) for p in paths]
    file.write_bytes((end * 2).join(blocks).encode())
    read = read_wire(file)
    assert len(read) == len(paths)
    for a, b in zip(read, paths, strict=True):
        np.testing.assert_array_equal(a, b)


def test_comments_headers_and_blank_lines(tmp_path):
    file = tmp_path / "path.csv"
    file.write_bytes(
        b"\xef\xbb\xbf# a wire\n\nX_mm, Y_mm, Z_mm\n1,2,3 # first\n# between\n4,5,6\n\n\n \n7 8 9\n1 1 1\n"
    )
    assert [p.tolist() for p in read_wire(file)] == [[[1, 2, 3], [4, 5, 6]], [[7, 8, 9], [1, 1, 1]]]


@pytest.mark.parametrize(
    "text", [b"# 50 A/\xb5s\n1 2 3\n4 5 6\n", "x y z\n1\t2\t3\n4\t5\t6".encode("utf-16")]
)
def test_latin_1_comments_and_utf_16_of_spreadsheets(tmp_path, text):
    (tmp_path / "a.txt").write_bytes(text)
    assert holds_wire(tmp_path / "a.txt")
    assert [path.tolist() for path in read_wire(tmp_path / "a.txt")] == [[[1, 2, 3], [4, 5, 6]]]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "no points"),
        (b"# nothing\n\n", "no points"),
        (b"x,y,z\n", "no points"),
        (b"0 0 0\n1 2\n", "line 2: 2 columns"),
        (b"0 0 0\n1 2 3 4\n", "line 2: 4 columns"),
        (b"0,0,0\n1,,3\n", "line 2: '' is not a finite number"),
        (b"0,5;0,5\n", "line 1: 2 columns"),
        (b"0 0 0\n1 2 x\n", "line 2: 'x' is not a finite number"),
        (b"0 0 0\nx y z\n", "line 2: 'x' is not"),
        (b"0 0 0\n1 2 nan\n", "line 2: 'nan' is not"),
        (b"0 0 0\n1 2 1e999\n", "line 2: '1e999' is not"),
        (b"0 0 0\n1 2 1_0\n", "line 2: '1_0' is not"),
        (b"0 0 0\n\n1 2 3\n4 5 6", "line 2: the path that ends here has one point"),
        (b"1 2 3\n4 5 6\n\n0 0 0", "end: the path that ends here has one point"),
        (b"0 0 0\n\xff\xfe", "not UTF-8 text, at byte 6"),
    ],
)
def test_damaged_files_are_refused_with_the_line(tmp_path, content, message):
    file = tmp_path / "path.txt"
    file.write_bytes(content)
    with pytest.raises(CoilError, match=f"path.txt.*{message}"):
        read_wire(file)


def test_no_file_is_no_wire(tmp_path):
    with pytest.raises(FileNotFoundError):
        read_wire(tmp_path / "absent.txt")
    with pytest.raises(FileFormatError, match="not a regular file"):
        read_wire(tmp_path)


def test_arrays_of_paths_are_read(tmp_path):
    np.save(tmp_path / "one.npy", SQUARE)
    np.save(tmp_path / "two.npy", np.stack([SQUARE, SQUARE + 5]).astype(np.float32))
    assert [p.tolist() for p in read_wire(tmp_path / "one.npy")] == [SQUARE.tolist()]
    assert [p.tolist() for p in read_wire(tmp_path / "two.npy")] == [SQUARE.tolist(), (SQUARE + 5).tolist()]


@pytest.mark.parametrize(
    "bad", [np.eye(4), np.ones((1, 3)), np.full((4, 3), np.nan), np.ones((0, 4, 3)), b"", b"x"]
)
def test_arrays_that_are_no_paths_are_refused(tmp_path, bad):
    path = tmp_path / "path.npy"
    if isinstance(bad, bytes):
        path.write_bytes(bad)
    else:
        np.save(path, bad)
    with pytest.raises(CoilError, match=r"path\.npy: "):
        read_wire(path)


HEADER = "x y z\n30 0 -5\n0 30 -5\n-30 0 -5\n30 0 -5\n"


@pytest.mark.parametrize(
    ("name", "content", "is_wire"),
    [
        ("a.txt", HEADER, True),
        ("a.csv", HEADER.replace(" ", ","), True),
        ("a.txt", "\ufeff# wire\n\n" + HEADER.replace("x y z", "X_mm\tY_mm\tZ_mm"), True),
        ("a.txt", "30 0 -5\n0 30 -5\n", True),
        ("a.txt", "1 0 0 5\n0 1 0 6\n0 0 1 7\n0 0 0 1\n", False),
        ("a.csv", "name,centre_x_mm,centre_y_mm\n", False),
        ("a.csv", "Electrode,1,2,3,Cz\n", False),
        ("a.txt", "# Version: 14\n# Units: millimetres\n", False),
        ("a.txt", "", False),
        ("a.npy", SQUARE, True),
        ("a.npy", np.ones((2, 5, 3)), True),
        ("a.npy", np.eye(4), False),
        ("a.npy", np.ones((3, 4, 4)), False),
        ("a.npy", np.ones((4, 4, 3)), False),
    ],
)
def test_wire_is_told_from_poses_by_its_beginning(tmp_path, name, content, is_wire):
    if isinstance(content, str):
        (tmp_path / name).write_text(content, encoding="utf-8")
    else:
        np.save(tmp_path / name, content)
    assert holds_wire(tmp_path / name) is is_wire
    assert (kind_of(tmp_path / name) == "coil") is is_wire


def test_a_file_of_a_wire_is_read_as_a_coil(tmp_path):
    path = tmp_path / "loop.txt"
    np.savetxt(path, polygon(360) - [0, 0, 6], header="x y z", comments="")
    coil = hf.read_coil(path)
    assert (coil.name, coil.n_segments) == ("loop", 360)
    np.testing.assert_array_equal(
        coil.elements[0].source.lengths_mm, wire_coil(read_wire(path)).elements[0].source.lengths_mm
    )
    coil.write(tmp_path / "loop.tcd")
    again = hf.read_coil(tmp_path / "loop.tcd").elements[0].source
    assert again.points_mm.tobytes() == coil.elements[0].source.points_mm.tobytes()
    assert again.lengths_mm.tobytes() == coil.elements[0].source.lengths_mm.tobytes()
    np.savetxt(path, SQUARE[:1])
    with pytest.raises(CoilError, match=r"loop\.txt.* one point"):
        hf.read_coil(path)
    np.savetxt(path, SQUARE[[0, 0]])
    with pytest.raises(CoilError, match=r"loop\.txt: paths_mm\[0\] has no length"):
        hf.read_coil(path)


def test_a_wire_from_a_file_makes_a_coil(tmp_path):
    file = tmp_path / "loop.txt"
    np.savetxt(file, polygon(360))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        coil = wire_coil(read_wire(file))
    points = points_at(10.0)
    assert largest_error(coil.vector_potential(points), loop_potential(points * 1e-3, 0.04)) < 1e-4


@pytest.mark.parametrize(
    "text",
    ["x;y;z\r\n30,5;0;-5\r\n0;30;-5\r\n", "x [mm],y [mm],z [mm]\n30.5,0,-5\n0,30,-5\n"],
    ids=["semicolons", "units"],
)
def test_wire_as_spreadsheets_save_it(tmp_path, text):
    path = tmp_path / "wire.csv"
    path.write_text(text)
    assert holds_wire(path)
    np.testing.assert_array_equal(read_wire(path), [[[30.5, 0, -5], [0, 30, -5]]])
