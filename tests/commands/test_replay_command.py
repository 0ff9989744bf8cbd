# SPDX-License-Identifier: BSD-3-Clause
"""`headfield replay`: what it writes and says, sessions of navigation systems, and what it refuses."""

import csv
import json
import sys

import numpy as np
import pytest
from given.commands import fails
from given.navigation_files import xml_matrix

import headfield as hf
from headfield.commands import main as cli

ROI = ["--roi", "sphere:-40,-8,50,15", "--tissues", "2", "-q", "--threads", "1"]
TO_LOCALITE = np.array([[0, 0, 1, 0], [0, -1, 0, 0], [1, 0, 0, 0], [0, 0, 0, 1.0]])


@pytest.fixture(autouse=True)
def few_pixels(monkeypatch):
    monkeypatch.setattr("headfield.pictures.figure._PIXELS", 150)
    monkeypatch.setattr("headfield.pictures.figure._DPI", 60)


@pytest.fixture(scope="module")
def inputs(tmp_path_factory):
    """The phantom, a coil, and a session: a pulse, the same again, one inside the head, and one lost."""
    folder = tmp_path_factory.mktemp("replay")
    head = hf.phantom_head(edge_mm=8)
    hf.write_mesh(folder / "head.npz", head)
    coil = hf.figure_of_eight(spacing_mm=10.0, didt_max=200e6)
    coil.write(folder / "coil.ccd")
    pose = hf.place(head, [-46, -8, 70], [-46, 42, 70])
    inside = pose.copy()
    inside[:3, 3] = [0, 0, 20]
    poses = np.stack([pose, pose, inside])
    hf.write_poses(folder / "good.xml", poses[:2], ["a", "b"], [60e6, -30e6])
    markers = "".join(
        f'<TriggerMarker recordingTime="{1000 * i}" description="p{i}" set="{word}"><ResponseValues>'
        f'<Value key="valueA" response="{60 + i}"/></ResponseValues>'
        f"{xml_matrix((poses[min(i, 2)] @ TO_LOCALITE).tolist())}</TriggerMarker>"
        for i, word in enumerate(["true", "true", "true", "false"])
    )
    (folder / "session.xml").write_text(
        '<TriggerMarkerList coordinateSpace="RAS"><responseDescription id="valueA" unit="A/us"/>'
        f"{markers}</TriggerMarkerList>"
    )
    np.save(folder / "poses.npy", poses[:1])
    return folder


def words(inputs, session, *more, roi=ROI):
    return [
        "replay",
        *(str(inputs / name) for name in (session, "head.npz", "coil.ccd")),
        *roi,
        *map(str, more),
    ]


def rows_of(path):
    return list(csv.DictReader(path.read_text().splitlines()))


def test_a_folder(inputs, tmp_path, capsys):
    argv = words(inputs, "session.xml", "-o", tmp_path / "out", "--at", "-40,-8,50", "--radius", "8")
    assert cli.main(argv) == 3
    said = capsys.readouterr()
    assert "refused      2 pulses have no field" in said.out
    assert "2 (p2): the wire of the coil is inside the head" in said.out
    assert "3 (p3): not set" in said.out
    names = ["largest.png", "pulses.csv", "sums.npz", "sums.vtu"]
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == names
    rows = rows_of(tmp_path / "out" / "pulses.csv")
    assert [row["time_s"] for row in rows] == ["0", "1", "2", "nan"]
    assert [row["didt_A_per_s"] for row in rows] == ["60000000", "61000000", "62000000", "nan"]
    model = hf.HeadModel(hf.read_mesh(inputs / "head.npz"), threads=1)
    region = hf.regions.sphere(model.mesh, [-40, -8, 50], 15, 2)
    with pytest.warns(UserWarning, match="1 of 4 TriggerMarkers are not set"):
        pose = hf.read_poses(inputs / "session.xml")[0]
    magnitude = model.solve(hf.read_coil(inputs / "coil.ccd"), [pose] * 2, [60e6, 61e6], roi=region).magnitude
    np.testing.assert_allclose([float(r["max_magnE"]) for r in rows[:2]], magnitude.max(axis=1), rtol=1e-4)
    near = np.linalg.norm(region.centres_mm - [-40, -8, 50], axis=1) <= 8
    expected = magnitude[:, near] @ region.weights[near] / region.weights[near].sum()
    np.testing.assert_allclose([float(r["target"]) for r in rows[:2]], expected, rtol=1e-4)
    with np.load(tmp_path / "out" / "sums.npz") as sums:
        np.testing.assert_allclose(sums["sum_magnE"], magnitude.sum(axis=0), rtol=1e-4)


@pytest.mark.parametrize("name", ["t.csv", "s.vtu", "s.msh", "s.npz", "p.png"])
def test_one_file(inputs, tmp_path, name, capsys):
    assert cli.main(words(inputs, "good.xml", "-o", tmp_path / name)) == 0
    options = [f"{name}.opt"] if name.endswith(".msh") else []  # for Gmsh
    assert sorted(path.name for path in tmp_path.iterdir()) == [name, *options]
    assert f"written      {tmp_path / name}" in capsys.readouterr().out


def test_json_and_didt(inputs, tmp_path, capsys):
    argv = words(
        inputs, "good.xml", "-o", tmp_path / "t.csv", "--didt", "50A/us", "--json", "--threshold", "1"
    )
    assert cli.main(argv) == 0
    facts = json.loads(capsys.readouterr().out)
    assert (facts["pulses"], facts["different_poses"], facts["refused"]) == (2, 1, [])
    assert facts["most_pulses_above"] == 2
    rows = rows_of(tmp_path / "t.csv")
    assert [row["didt_A_per_s"] for row in rows] == ["50000000"] * 2
    assert rows[0]["max_magnE"] == rows[1]["max_magnE"]


def test_the_sign_of_a_component(inputs, tmp_path):
    more = ["--at", "-40,-8,50", "--direction", "0,-1,0", "-o", tmp_path / "t.csv"]
    assert cli.main(words(inputs, "good.xml", *more)) == 0
    one, other = (float(row["target"]) for row in rows_of(tmp_path / "t.csv"))
    assert one == pytest.approx(-2 * other)
    assert one != 0


def test_what_dIdt_is_taken_is_said(inputs, tmp_path, capsys):
    assert cli.main(words(inputs, "poses.npy", "-o", tmp_path / "t.csv")) == 0
    assert "1 A/µs: neither --didt nor SESSION says more" in capsys.readouterr().out
    assert cli.main(words(inputs, "good.xml", "-o", tmp_path / "t.csv")) == 0
    assert "neither" not in capsys.readouterr().out


def test_points_of_the_mid_layer(inputs, tmp_path):
    roi = ["--roi", "mid-layer:-40,-8,50,15", "-q"]
    argv = words(
        inputs, "good.xml", "-o", tmp_path / "out", "--at", "-40,-8,50", "--direction", "normal", roi=roi
    )
    assert cli.main(argv) == 0
    assert sorted(p.name for p in (tmp_path / "out").iterdir()) == ["pulses.csv", "sums.npz", "sums.vtu"]


def test_without_matplotlib_all_but_the_picture_is_there(inputs, tmp_path, capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    assert cli.main(words(inputs, "good.xml", "-o", tmp_path / "out")) == 0
    assert sorted(p.name for p in (tmp_path / "out").iterdir()) == ["pulses.csv", "sums.npz", "sums.vtu"]
    assert "no picture   pictures need matplotlib" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("name", "count", "times"),
    [
        ("RAS_InstrumentMarker20170316160859032.xml", 6, False),
        ("LPS_InstrumentMarker20120925124022687.xml", 4, False),
        ("niiImage_nifticoord.txt", 101, True),
        ("neuronav_coil_test.stmpx", 4, False),
        ("ioJson3DMarker_example_SimNIBS.mrk", 7, False),
    ],
)
def test_sample_sessions(shared_data, inputs, tmp_path, name, count, times):
    """Heads they were not recorded on: some coils may be inside."""
    session = shared_data / "navigation" / name
    argv = ["replay", str(session), *(str(inputs / n) for n in ("head.npz", "coil.ccd"))]
    code = cli.main([*argv, *ROI, "-o", str(tmp_path / "t.csv"), "--no-plausibility"])
    rows = rows_of(tmp_path / "t.csv")
    assert len(rows) == count
    assert code == (3 if any(row["refused"] for row in rows) else 0)
    assert ("time_s" in rows[0]) == times
    assert all((row["max_magnE"] == "nan") == bool(row["refused"]) for row in rows)
    assert sum(not row["refused"] for row in rows) >= count / 2
    if times:  # the samples, not the targets; the clock goes on
        assert [row["name"] for row in rows[:2]] == ["Sample 1", "Sample 2"]
        assert float(rows[0]["time_s"]) == pytest.approx(11 * 3600 + 48 * 60 + 47.502)


def test_a_session_without_poses(shared_data, inputs, tmp_path, capsys):
    session = shared_data / "navigation" / "TriggerMarkers_Coil0_20210409170817799.xml"
    argv = ["replay", str(session), *(str(inputs / n) for n in ("head.npz", "coil.ccd")), *ROI]
    fails(capsys, [*argv, "-o", str(tmp_path / "t.csv")], "8 TriggerMarkers are not set")


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (["--at", "40,-8,50"], "--at 40,-8,50: nothing of the region lies within 5 mm"),
        (["--at", "C3"], "'C3' is a name"),
        (["--at", "-40,-8,50", "--direction", "normal"], "has no normals; mid-layer has"),
        (["--threshold", "-1"], "threshold"),
        (["--batch", "0"], "batch"),
        (["--didt", "1e6,2e6"], "2 values of dI/dt"),
        (["--scan", "t1.nii"], "--scan"),
    ],
)
def test_what_is_refused(inputs, tmp_path, capsys, more, message):
    fails(capsys, words(inputs, "good.xml", *more, "-o", tmp_path / "t"), message)
    assert not (tmp_path / "t").exists()


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (["--radius", "5"], "--radius is an option of --at, which is not given"),
        (["--direction", "0,1,0"], "--direction is an option of --at, which is not given"),
        (["--at", "-40,-8,50", "--radius", "0"], "--radius must be more than 0 mm"),
    ],
)
def test_wrong_usage(inputs, tmp_path, capsys, more, message):
    assert cli.main(words(inputs, "good.xml", *more, "-o", tmp_path / "t")) == 2
    assert message in capsys.readouterr().err


def test_outputs(inputs, tmp_path, capsys):
    fails(
        capsys,
        words(inputs, "good.xml", "-o", tmp_path / "t.txt"),
        "a folder without an ending, or a file of",
    )
    fails(capsys, words(inputs, "good.xml", "-o", inputs / "head.npz"), "is an input")
    roi = ["--roi", "mid-layer:-40,-8,50,15", "-q"]
    fails(
        capsys, words(inputs, "good.xml", "-o", tmp_path / "s.msh", roi=roi), "sums at points are written as"
    )


def test_help(capsys):
    assert cli.main(["replay", "--help"]) == 0
    said = capsys.readouterr().out
    for word in ("SESSION", "--roi REGION", "--threshold V/M", "exit code 3", "--direction X,Y,Z|normal"):
        assert word in said
    assert cli.main(["--help"]) == 0
    assert "the dose of each pulse of a recorded session" in capsys.readouterr().out
