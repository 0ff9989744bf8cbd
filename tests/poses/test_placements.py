# SPDX-License-Identifier: BSD-3-Clause
"""Positions of SimNIBS sessions that become poses on a head: how they are read."""

import numpy as np
import pytest
import scipy.io
from given.navigation_files import POSE

import headfield as hf

CENTRE = {"type": "POSITION", "name": "M1", "centre": [-46, -8, 70], "pos_ydir": [-46, 42, 70]}


def save(path, *lists):
    """A session of lists of positions."""
    cell = np.empty((1, len(lists)), object)
    for index, (coil, positions) in enumerate(lists):
        structs = np.empty((1, len(positions)), object)
        keys = {key: None for position in positions for key in position}
        structs = np.zeros((1, len(positions)), [(key, object) for key in keys])
        for number, position in enumerate(positions):
            for key in keys:
                structs[0, number][key] = position.get(key, [])
        cell[0, index] = {"type": "TMSLIST", "fnamecoil": coil, "pos": structs}
    scipy.io.savemat(path, {"type": "SESSION", "poslist": cell})


def test_numbers_and_names(tmp_path):
    named = {"centre": "C3 ", "pos_ydir": "CP3", "distance": 2.5, "didt": 3e6}
    save(tmp_path / "a.mat", ("a.ccd", [CENTRE, named, {"centre": "Cz"}]))
    assert hf.read_placements(tmp_path / "a.mat") == [
        hf.Placement("M1", (-46.0, -8.0, 70.0), (-46.0, 42.0, 70.0), 4.0, None),
        hf.Placement("", "C3", "CP3", 2.5, 3e6),
        hf.Placement("", "Cz", None, 4.0, None),
    ]


def test_a_coil_or_an_index_chooses(tmp_path):
    save(tmp_path / "a.mat", ("coils/A.ccd", [CENTRE]), (r"C:\B.ccd", [CENTRE | {"name": "M2"}]))
    with pytest.warns(UserWarning, match=r"2 TMSLISTs with the coils coils/A\.ccd, C:.B\.ccd"):
        assert len(hf.read_placements(tmp_path / "a.mat")) == 2
    for which, names in (("A.ccd", ["M1"]), ("B.ccd", ["M2"]), (0, ["M1"])):
        assert [one.name for one in hf.read_placements(tmp_path / "a.mat", which=which)] == names
    for which in ("C.ccd", 2, ""):
        with pytest.raises(hf.PoseError, match=r"neither the index nor the coil.*coils/A\.ccd"):
            hf.read_placements(tmp_path / "a.mat", which=which)


def test_a_position_alone(tmp_path):
    scipy.io.savemat(tmp_path / "a.mat", {"p": CENTRE})
    assert hf.read_placements(tmp_path / "a.mat")[0].centre == (-46.0, -8.0, 70.0)


def test_what_python_saves_for_nothing(tmp_path):
    """SimNIBS's Python functions write empty text for what is not set."""
    scipy.io.savemat(
        tmp_path / "a.mat", {"pos": {"centre": "C3", "pos_ydir": "", "matsimnibs": "", "didt": ""}}
    )
    with pytest.raises(hf.PoseError, match=r"has no matsimnibs: .*headfield\.read_placements"):
        hf.read_pose_list(tmp_path / "a.mat")
    assert hf.read_placements(tmp_path / "a.mat") == [hf.Placement("", "C3", None, 4.0, None)]


def test_beside_a_pose(tmp_path):
    save(tmp_path / "a.mat", ("a.ccd", [CENTRE, CENTRE | {"matsimnibs": POSE}]))
    with pytest.warns(UserWarning, match="1 of 2 positions have a matsimnibs"):
        assert len(hf.read_placements(tmp_path / "a.mat")) == 1


@pytest.mark.parametrize(
    ("position", "words"),
    [
        ({"centre": [0, 0]}, "position 0: centre is neither three finite numbers nor the name"),
        ({"centre": [0, 0, np.nan]}, "centre is neither"),
        ({"centre": "Cz", "pos_ydir": [1.0]}, "pos_ydir is neither"),
        ({"centre": "Cz", "distance": [1.0, 2.0]}, "distance is not one finite number"),
        ({"name": "M1", "pos_ydir": "Cz"}, r"position 0 \(M1\) has neither matsimnibs nor centre"),
        ({"matsimnibs": POSE}, "1 have a matsimnibs, and are read by read_pose_list"),
    ],
)
def test_refused(tmp_path, position, words):
    save(tmp_path / "a.mat", ("a.ccd", [position]))
    with pytest.raises(hf.PoseError, match=f"a.mat: .*{words}"):
        hf.read_placements(tmp_path / "a.mat")


def test_other_files(tmp_path):
    with pytest.raises(hf.FileFormatError, match=r"read from \.mat"):
        hf.read_placements(tmp_path / "a.csv")
