# SPDX-License-Identifier: BSD-3-Clause
"""Files of poses: .npy, .csv and .txt, whole and damaged."""

import functools

import numpy as np
import pytest

import headfield as hf
from headfield.poses.read import read_poses


@functools.cache
def three_poses():
    return hf.ring([[1, 0, 0, 3.5], [0, -1, 0, 0], [0, 0, -1, 96.25], [0, 0, 0, 1]], [0, 20, 40])


def test_layouts(tmp_path):
    poses = three_poses()
    np.savetxt(tmp_path / "rows.csv", poses.reshape(-1, 16), delimiter=",", header="x,y", fmt="%.17g")
    np.savetxt(tmp_path / "blocks.txt", poses.reshape(-1, 4), fmt="%.17g")
    text = "\ufeff" + (tmp_path / "rows.csv").read_text().replace(",", " ; ")
    (tmp_path / "bom.csv").write_text(text, encoding="utf-8")
    for name in ("rows.csv", "blocks.txt", "bom.csv"):
        np.testing.assert_array_equal(read_poses(tmp_path / name), poses)


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("p.csv", "", "no poses"),
        ("p.csv", "# only this\n\n", "no poses"),
        ("p.csv", "1,2,3\n", "line 1: 3 numbers"),
        ("p.csv", "1 0 0 0\n0 1 0 0\n0 0 1 0\n", "multiple of four"),
        ("p.csv", "1 0 0 0\n0 1 0\n", "line 2: 3 numbers where 4"),
        ("p.csv", "name," * 15 + "z\n", "line 1: could not convert"),
        ("p.csv", "nan " * 16, "not finite"),
        ("p.csv", "1 " * 16, "last row"),
        ("p.json", "[]", ".json"),
        ("p", "1", "not this"),
    ],
)
def test_bad_text(tmp_path, name, content, words):
    (tmp_path / name).write_text(content)
    with pytest.raises(hf.HeadfieldError, match=words.replace(".", "[.]")):
        read_poses(tmp_path / name)


@pytest.mark.parametrize(
    "array",
    [
        np.zeros((0, 4, 4)),
        np.zeros((3, 3)),
        np.zeros((2, 2, 4, 4)),
        np.array(["a", "b"]),
        np.eye(4) * 1j,
        np.array([{}], dtype=object),
    ],
)
def test_bad_arrays(tmp_path, array):
    np.save(tmp_path / "p.npy", array, allow_pickle=True)
    with pytest.raises(hf.PoseError, match=r"p\.npy"):
        read_poses(tmp_path / "p.npy")


def test_a_header_that_promises_terabytes(tmp_path):
    np.save(tmp_path / "p.npy", np.zeros((9, 4, 4)))
    data = (tmp_path / "p.npy").read_bytes()
    (tmp_path / "p.npy").write_bytes(data.replace(b"(9, 4, 4), }" + b" " * 11, b"(99999999999, 4, 4), } "))
    with pytest.raises(hf.PoseError, match=r"not a \.npy array"):
        read_poses(tmp_path / "p.npy")


def test_every_truncation(tmp_path):
    np.save(tmp_path / "p.npy", np.eye(4)[None])
    data = (tmp_path / "p.npy").read_bytes()
    for length in range(0, len(data), 5):
        (tmp_path / "p.npy").write_bytes(data[:length])
        with pytest.raises(hf.PoseError):
            read_poses(tmp_path / "p.npy")
