# SPDX-License-Identifier: BSD-3-Clause
"""Placing on the command line: `headfield place`, and `solve` with a centre or a session of points."""

import json

import numpy as np
import pytest
from given.commands import fails

import headfield as hf
from headfield.commands import main as cli
from headfield.poses.pose import ring

CENTRE, HANDLE = [-46.0, -8, 70], [-46.0, 42, 70]
CAP = "Electrode,-46,-8,70,C3\nElectrode,-46,42,70,F3\n"
POINTS = ["--centre", "-46,-8,70", "--handle", "-46,42,70"]


@pytest.fixture(scope="module")
def inputs(tmp_path_factory):
    """A small sphere of gray matter, CSF and scalp as a file and as a subject, a coil, a cap."""
    folder = tmp_path_factory.mktemp("place")
    head = hf.sphere_mesh(radii_mm=[70, 80, 92], tags=[2, 3, 5], edge_mm=18)
    caps = folder / "m2m_anna" / "eeg_positions"
    caps.mkdir(parents=True)
    hf.write_mesh(folder / "head.npz", head)
    hf.write_mesh(folder / "m2m_anna" / "anna.msh", head)
    wings = {"inner_radius_mm": 8.0, "outer_radius_mm": 16.0, "separation_mm": 34.0}
    hf.figure_of_eight(**wings, spacing_mm=8.0).write(folder / "coil.ccd")
    for path in (folder / "cap.csv", caps / "EEG10-10_UI_Jurak_2007.csv"):
        path.write_text(CAP)
    return folder


def place(inputs, head, *words):
    return cli.main(["place", str(inputs / head), str(inputs / "coil.ccd"), *map(str, words)])


def expected(inputs, distance=4.0, **options):
    coil = hf.read_coil(inputs / "coil.ccd")
    return hf.place(hf.read_mesh(inputs / "head.npz"), CENTRE, HANDLE, distance, casing=coil, **options)


def test_negative_coordinates_angles_and_what_lies_under_the_coil(inputs, tmp_path, capsys):
    out = tmp_path / "p.npy"
    assert place(inputs, "head.npz", *POINTS, "--angles", "-45,0,45", "--distance", 6, "-o", out) == 0
    text = capsys.readouterr().out.splitlines()
    np.testing.assert_allclose(np.load(out), ring(expected(inputs, 6.0), [-45, 0, 45]), atol=1e-9)
    assert text[0] == "centre        -46.0 -8.0 70.0 mm"
    assert text[1].startswith("scalp point   ")
    assert text[1].endswith("mm, 7.5 mm away")
    assert text.count("coil to scalp 6.0 mm along z, 6.0 mm at the nearest") == 3
    assert "through       scalp 12.4, CSF 10.1 mm" in text
    assert text[-1] == f"{out}: 3 poses"


def test_json_has_the_numbers(inputs, tmp_path, capsys):
    out = tmp_path / "p.npy"
    assert place(inputs, "head.npz", *POINTS, "--rotation", -30, "--smooth-mm", 15, "-o", out, "--json") == 0
    facts = json.loads(capsys.readouterr().out)
    (one,) = facts["poses"]
    np.testing.assert_allclose(one["pose"], expected(inputs, rotation_deg=-30, smooth_mm=15), atol=1e-9)
    under = hf.scalp_geometry(hf.read_mesh(inputs / "head.npz"), one["pose"])
    assert one["scalp_to_cortex_mm"] == under.scalp_to_cortex_mm[0]
    assert sum(one["thickness_mm"].values()) == pytest.approx(one["scalp_to_cortex_mm"], abs=1e-5)
    assert facts["centre_mm"] == CENTRE


@pytest.mark.parametrize(
    "words", [["m2m_anna"], ["head.npz", "--eeg", "cap.csv"], ["m2m_anna", "--eeg", "EEG10-10_UI_Jurak_2007"]]
)
def test_names_through_a_cap(inputs, tmp_path, monkeypatch, words):
    monkeypatch.chdir(inputs)
    out = tmp_path / "p.csv"
    angles = ["--angles", "0,90"]
    assert place(inputs, *words, "--centre", "C3", "--handle", "F3", *angles, "-o", out) == 0
    listed = hf.read_pose_list(out)
    np.testing.assert_allclose(listed.poses, ring(expected(inputs), [0, 90]), atol=1e-9)
    assert listed.names == ("C3 0", "C3 90")


def test_a_casing_is_moved_clear(inputs, tmp_path):
    out = tmp_path / "p.npy"
    assert place(inputs, "head.npz", *POINTS, "--distance", 0, "--clear-mm", 3, "-o", out) == 0
    np.testing.assert_allclose(np.load(out)[0], expected(inputs, 0.0, clear_mm=3), atol=1e-6)


def test_a_target_below_the_scalp_is_put_onto_it_and_said(inputs, tmp_path, capsys):
    words = ["--centre", "-30,-5,45", "--handle", "-30,60,45"]
    assert place(inputs, "head.npz", *words, "-o", tmp_path / "p.npy") == 0
    said = capsys.readouterr().err
    assert "warning: the centre (-30, -5, 45) mm is projected onto the scalp, 3" in said


def test_what_can_not_be_placed(inputs, tmp_path, capsys):
    out = ["-o", str(tmp_path / "p.npy")]
    head, coil = str(inputs / "head.npz"), str(inputs / "coil.ccd")
    for words, message in (
        (["--centre", "C3", "--handle", "F3"], "'C3' is a name, and this head has no electrode positions"),
        (["--centre", "mni:1,2,3", "--handle", "F3"], "MNI coordinates need a subject folder"),
        (["--centre", "-1,2", "--handle", "0,0,0"], "'-1,2' is not x,y,z in mm, mni:x,y,z, or the name"),
        (["--centre", "0,0,300", "--handle", "0,50,300"], "is 208 mm from the surface"),
        ([*POINTS, "--smooth-mm", "80"], "smooth_mm = 80.0 must be 0, or between 1 and 50"),
    ):
        fails(capsys, ["place", head, coil, *words, *out], message)
    fails(capsys, ["place", head, coil, *POINTS, "-o", coil], "is an input; it would be overwritten")
    fails(capsys, ["place", head, coil, *POINTS, "-o", str(tmp_path / "p.what")], "poses are written to .npy")
    assert not list(tmp_path.iterdir())
    for words in (["--centre", "C3"], [*POINTS, "--angles", "a"]):
        assert cli.main(["place", head, coil, *words, *out]) == 2


def test_a_head_without_a_brain_has_no_distance_to_one(inputs, tmp_path, capsys):
    hf.write_mesh(tmp_path / "bare.npz", hf.sphere_mesh(radii_mm=[80, 92], tags=[4, 5], edge_mm=18))
    assert place(inputs, tmp_path / "bare.npz", *POINTS, "-o", tmp_path / "p.npy") == 0
    text = capsys.readouterr().out
    assert "coil at " in text
    assert "to cortex" not in text
    assert len(np.load(tmp_path / "p.npy")) == 1


# solve


def solve(inputs, tmp_path, *words, head="head.npz"):
    argv = ["solve", str(inputs / head), str(inputs / "coil.ccd"), *map(str, words)]
    return cli.main([*argv, "-o", str(tmp_path / "f.h5"), "-q"])


def test_solve_places_in_place_of_a_file_of_poses(inputs, tmp_path):
    assert solve(inputs, tmp_path, *POINTS, "--angles", "0,45", "--didt", "2e6") == 0
    field = hf.read_result(tmp_path / "f.h5")
    np.testing.assert_allclose(field.poses, ring(expected(inputs), [0, 45]), atol=1e-9)
    np.testing.assert_array_equal(field.didt.ravel(), [2e6, 2e6])


def test_exactly_one_of_a_file_and_a_centre(inputs, tmp_path, capsys):
    assert solve(inputs, tmp_path, "p.npy", *POINTS) == 2
    assert (
        "either POSES (p.npy), or --centre, --handle to place the coil: not both" in capsys.readouterr().err
    )
    for words in ([], ["--centre", "C3"], ["--handle", "C3"], ["--distance", "3"]):
        assert solve(inputs, tmp_path, *words) == 2
        assert "give either POSES, or --centre and --handle to place the coil" in capsys.readouterr().err
    np.save(tmp_path / "p.npy", expected(inputs))
    assert solve(inputs, tmp_path, tmp_path / "p.npy", "--smooth-mm", 10) == 1
    assert "--smooth-mm: of no effect on poses, which" in capsys.readouterr().err
    assert solve(inputs, tmp_path, tmp_path / "p.npy", "--clear-mm", 0) == 1
    assert "--clear-mm: of no effect on poses, which" in capsys.readouterr().err


def save_session(path, *positions):
    scipy_io = pytest.importorskip("scipy.io")
    lists = np.empty(1, object)
    keys = ("centre", "pos_ydir", "distance", "didt", "matsimnibs", "name")
    fields = [{key: position.get(key, []) for key in keys} for position in positions]
    pos = np.array([tuple(f.values()) for f in fields], dtype=[(key, object) for key in keys])
    lists[0] = {"type": "TMSLIST", "fnamecoil": "coil.ccd", "pos": pos}
    scipy_io.savemat(path, {"type": "SESSION", "poslist": lists})


def test_a_session_of_points_is_placed_on_the_head(inputs, tmp_path):
    path = tmp_path / "s.mat"
    one = {"centre": CENTRE, "pos_ydir": HANDLE, "distance": 7.0, "didt": 3e6, "name": "M1"}
    save_session(path, one, {"centre": "C3", "pos_ydir": "F3", "didt": 4e6})
    assert solve(inputs, tmp_path, path, head="m2m_anna") == 0
    field = hf.read_result(tmp_path / "f.h5")
    np.testing.assert_allclose(field.poses, [expected(inputs, 7.0), expected(inputs)], atol=1e-9)
    np.testing.assert_array_equal(field.didt.ravel(), [3e6, 4e6])


def test_sessions_that_can_not_be_placed(inputs, tmp_path, capsys):
    path = tmp_path / "s.mat"
    for position, message in (
        ({"centre": "C3", "pos_ydir": HANDLE}, "'C3' is a name, and this head has no electrode positions"),
        ({"centre": CENTRE, "name": "M1"}, "M1: there is no direction of the handle (pos_ydir)"),
        ({"centre": [1.0, 2.0], "pos_ydir": HANDLE}, "centre is neither three finite numbers nor the name"),
        ({"matsimnibs": np.diag([2.0, 1, 1, 1])}, "s.mat: "),
    ):
        save_session(path, position)
        assert solve(inputs, tmp_path, path) == 1
        said = capsys.readouterr().err
        assert message in said
        assert "read_placements" not in said
    save_session(path, {"centre": "C3", "pos_ydir": "F3"})
    assert solve(inputs, tmp_path, path, "--eeg", inputs / "cap.csv", "--smooth-mm", 12) == 0
    field = hf.read_result(tmp_path / "f.h5")
    np.testing.assert_allclose(field.poses[0], expected(inputs, smooth_mm=12), atol=1e-9)


def test_a_bad_pose_beside_a_centre_is_refused_unless_it_is_to_be_skipped(inputs, tmp_path, capsys):
    path = tmp_path / "s.mat"
    sheared = {"matsimnibs": np.array([[1, 0.3, 0, 0], [0, 1, 0, 0], [0, 0, 1, 99], [0, 0, 0, 1.0]])}
    save_session(path, sheared, {"centre": CENTRE, "pos_ydir": HANDLE})
    assert solve(inputs, tmp_path, path) == 1
    assert "pose 0 of 2: axes not orthonormal" in capsys.readouterr().err
    assert cli.main(["info", str(path)]) == 1
    assert "pose 0 of 2: axes not orthonormal" in capsys.readouterr().err
    assert solve(inputs, tmp_path, path, "--skip-bad") == 0
    assert "1 of 2 positions have a matsimnibs: not placed" in capsys.readouterr().err
    np.testing.assert_allclose(hf.read_result(tmp_path / "f.h5").poses, [expected(inputs)], atol=1e-9)


def test_a_centre_in_metres_is_doubted_once(inputs, tmp_path, capsys):
    points = ["--centre", "-0.046,-0.008,0.07", "--handle", "-0.046,0.042,0.07"]
    assert place(inputs, "head.npz", *points, "-o", tmp_path / "p.npy") == 0
    (line,) = capsys.readouterr().err.splitlines()
    assert "is 91 mm from the surface, onto which it is projected: is it in mm?" in line


@pytest.mark.parametrize("command", ["place", "solve"])
def test_a_head_by_name_is_refused_with_where_to_get_it(inputs, tmp_path, monkeypatch, capsys, command):
    monkeypatch.chdir(tmp_path)
    args = [
        command,
        "phantom",
        str(inputs / "coil.ccd"),
        *POINTS,
        "-o",
        "out.npy" if command == "place" else "out.h5",
    ]
    fails(capsys, args, "phantom: no such file", "`headfield demo --head phantom` writes it")
