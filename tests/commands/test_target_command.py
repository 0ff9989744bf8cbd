# SPDX-License-Identifier: BSD-3-Clause
"""`headfield target`: what it writes and says, what its options mean, and what it refuses."""

import argparse
import json
import re
import sys

import numpy as np
import pytest
from given.commands import fails

import headfield as hf
from headfield.commands import main as cli
from headfield.commands import target as command
from headfield.commands.given_head import GivenHead

AT = "-40,-8,50"
SMALL = ["--search-radius", "20", "--spacing", "10", "--rivals", "1", "--of-mean", "-q", "--threads", "1"]


@pytest.fixture(autouse=True)
def few_pixels(monkeypatch):
    monkeypatch.setattr("headfield.pictures.figure._PIXELS", 150)
    monkeypatch.setattr("headfield.pictures.figure._DPI", 60)


@pytest.fixture(scope="module")
def inputs(tmp_path_factory):
    """The phantom as a file and as a subject, a coil, a cap."""
    folder = tmp_path_factory.mktemp("target")
    head = hf.phantom_head(edge_mm=8)
    caps = folder / "m2m_anna" / "eeg_positions"
    caps.mkdir(parents=True)
    hf.write_mesh(folder / "head.npz", head)
    hf.write_mesh(folder / "m2m_anna" / "anna.msh", head)
    hf.figure_of_eight(spacing_mm=10.0, didt_max=100e6).write(folder / "coil.ccd")
    (caps / "EEG10-10_UI_Jurak_2007.csv").write_text("Electrode,-53,-9,76,C3\n")
    return folder


@pytest.fixture(scope="module")
def problem(inputs):
    head = hf.read_mesh(inputs / "head.npz")
    return hf.HeadModel(head, threads=1), hf.read_coil(inputs / "coil.ccd")


@pytest.fixture(scope="module")
def found(problem):
    """What the command is to find around the point AT."""
    model, coil = problem
    target = hf.Target(hf.regions.sphere(model.mesh, [-40, -8, 50], 10, 2), of_mean=True)
    return hf.search(model, coil, target, 50e6, radius_mm=20, spacing_mm=10, rivals=1)


@pytest.fixture
def searches(monkeypatch, found):
    """Searches that were asked for, none of which takes place."""
    asked = []

    def search(model, coil, target, didt, **options):
        asked.append({"target": target, "didt": didt} | options)
        return found

    monkeypatch.setattr(command, "search", search)
    # Its picture is drawn where a search takes place, and would be the same each time.
    monkeypatch.setattr(type(found), "write_picture", lambda self, path: path.write_bytes(b""))
    return asked


def words(inputs, head="head.npz", *more):
    return ["target", str(inputs / head), str(inputs / "coil.ccd"), *map(str, more)]


def test_files_and_text(inputs, found, tmp_path, capsys):
    out = tmp_path / "a" / "b"
    argv = words(
        inputs, "head.npz", "--at", AT, *SMALL, "--didt", "50%MSO", "-o", out, "--export", "best.xml"
    )
    assert cli.main(argv) == 0
    names = ["best.csv", "best.json", "best.xml", "map.csv", "target.png"]
    assert sorted(path.name for path in out.iterdir()) == names
    facts = json.loads((out / "best.json").read_text())
    np.testing.assert_allclose(facts["pose"], found.pose, atol=1e-9)
    assert facts["value_V_per_m"] == pytest.approx(found.value)
    for name in ("best.csv", "best.xml"):
        listed = hf.read_pose_list(out / name)
        np.testing.assert_allclose(listed.poses, found.poses, atol=1e-4)
        assert listed.names == ("best", "rival 1")
        np.testing.assert_allclose(listed.didt, 50e6)
    table = np.loadtxt(out / "map.csv", delimiter=",", skiprows=1)
    np.testing.assert_allclose(table[:, 3:], found.map, rtol=1e-5)
    text = capsys.readouterr().out
    assert f"value        {found.value:.4g} V/m at dI/dt 50 A/µs, by a full solve" in text
    assert re.search(
        r"^target       \|mean E\| in 49 tetrahedra, around -\d+\.\d -\d+\.\d \d+\.\d mm$", text, re.M
    )
    for name in ("best pose", "lost beside", "lift", "searched", "rival 1", "seconds"):
        assert f"\n{name}" in text
    assert f"written      best.csv, best.json, map.csv, best.xml, target.png in {out}" in text


def test_json_has_what_was_found_and_where_it_is(inputs, found, searches, tmp_path, capsys):
    assert cli.main(words(inputs, "head.npz", "--at", AT, *SMALL, "-o", tmp_path, "--json")) == 0
    facts = json.loads(capsys.readouterr().out)
    assert facts["value_V_per_m"] == found.value
    assert facts["angle_deg"] == found.angle_deg
    assert facts["folder"] == str(tmp_path)
    assert facts["files"] == ["best.csv", "best.json", "map.csv", "target.png"]
    assert len(facts["rivals"]) == 1
    assert searches[0]["didt"] == 1e6


def test_options_reach_the_search(inputs, searches, tmp_path):
    more = ["--whole-head", "--spacing", "9", "--distance", "3", "--clear-mm", "1", "--handle", "-90,90"]
    more += ["--tilt", "-5,0", "--tilt", "5,0", "--avoid", "-46,-8,70,12", "--avoid", "C3,4", "--rivals", "3"]
    more += ["--handle-over-face", "--zoom-error", "2%", "--didt", "2e6", "--exponent", "4", "-q"]
    assert cli.main(words(inputs, "m2m_anna", "--at", AT, *more, "-o", tmp_path)) == 0
    (one,) = searches
    wanted = {"radius_mm": None, "spacing_mm": 9, "distance_mm": 3, "clear_mm": 1, "handle_deg": (-90, 90)}
    wanted |= {"handle_over_face": True, "rivals": 3, "zoom_error": 0.02, "didt": 2e6}
    assert {name: one[name] for name in wanted} == wanted
    assert one["tilts_deg"].tolist() == [[-5, 0], [5, 0]]
    assert [(point.tolist(), radius) for point, radius in one["avoid"]] == [
        ([-46, -8, 70], 12),
        ([-53, -9, 76], 4),
    ]
    assert one["target"].exponent == 4


def test_what_the_target_is(inputs, problem, searches, tmp_path):
    regions, mesh = hf.regions, problem[0].mesh
    knob = regions.sphere(mesh, [-40, -8, 50], 15, 2)
    layer = regions.mid_layer(mesh)
    away = np.linalg.norm(layer.centres_mm - [-40, -8, 50], axis=1)
    cases = (
        (["--at", AT, "--radius", "15"], knob),
        (["--at", AT, "--radius", "15", "--tissues", "1,2"], regions.sphere(mesh, [-40, -8, 50], 15, [1, 2])),
        (["--at", AT, "--radius", "15", "--tissues", "all"], regions.sphere(mesh, [-40, -8, 50], 15)),
        (["--region", f"sphere:{AT},15"], knob),
        (["--region", "tissue:1"], regions.tissue(mesh, 1)),
        (["--region", f"mid-layer:{AT},15"], layer.part(away <= 15)),
        (["--at", AT, "--radius", "15", "--direction", "normal"], layer.part(away <= 15)),
    )
    for more, region in cases:
        assert cli.main(words(inputs, "head.npz", *more, "-q", "-o", tmp_path)) == 0
        target = searches[-1]["target"]
        np.testing.assert_array_equal(target.region.elements, region.elements)
        assert target.is_linear == ("--direction" in more)
    np.testing.assert_allclose(target.direction, -region.normals)
    assert cli.main(words(inputs, "head.npz", "--at", AT, "--direction", "-2,0,0", "-q", "-o", tmp_path)) == 0
    np.testing.assert_array_equal(searches[-1]["target"].direction, [-1, 0, 0])


def test_an_electrode_means_the_brain_below_it(inputs, problem, searches, tmp_path, capsys):
    assert cli.main(words(inputs, "m2m_anna", "--at", "C3", "-q", "-o", tmp_path)) == 0
    gray = hf.regions.tissue(problem[0].mesh, 2).centres_mm
    away = np.linalg.norm(gray - [-53, -9, 76], axis=1)
    centres = searches[0]["target"].region.centres_mm
    assert np.linalg.norm(centres - gray[away.argmin()], axis=1).max() <= 10
    assert f"C3: the target is what is nearest to it, {away.min():.1f} mm away" in capsys.readouterr().out


def test_points_of_the_heads_that_come_with_headfield():
    for name in ("template", "phantom"):
        head = GivenHead(argparse.Namespace(head=name, eeg=None))
        assert head.find("mni:-38,44,26").tolist() == [-38, 44, 26]
        assert head.notes == [f"mni:-38,44,26: the coordinates of the {name} are taken as those of MNI"]
    template = GivenHead(argparse.Namespace(head="template", eeg=None))
    np.testing.assert_array_equal(template.find("F3"), hf.template_positions()["F3"])
    with pytest.raises(hf.ArgumentError, match="no electrode positions"):
        head.find("F3")


def test_points_of_a_subject_go_through_its_map(inputs, monkeypatch):
    monkeypatch.setattr(hf.Subject, "mni_to_subject", lambda self, points: np.asarray(points) + [1, 2, 3])
    head = GivenHead(argparse.Namespace(head=str(inputs / "m2m_anna"), eeg=None))
    assert head.find("mni:-38,44,26").tolist() == [-37, 46, 29]
    assert head.notes == []


def test_a_file_of_that_name_is_not_the_template(inputs, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "template").write_text("mine")
    with pytest.raises(hf.ArgumentError, match="MNI coordinates need a subject folder"):
        GivenHead(argparse.Namespace(head="template", eeg=None)).find("mni:-38,44,26")


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (["--at", "0,0,300"], "--at 0,0,300: lies outside of the head, 212.0 mm from its skin"),
        (["--at", "0,0,30", "--radius", "2"], "the nearest is 32.46 mm away; see --radius and --tissues"),
        (["--at", "0,0,30", "--radius", "2", "--direction", "normal"], "the mid-layer is 3"),
        (["--at", "mni:1,2,3"], "MNI coordinates need a subject folder"),
        (["--at", "C3"], "'C3' is a name, and this head has no electrode positions"),
        (["--at", "1,2"], "'1,2' is not x,y,z in mm"),
        (["--at", AT, "--tissues", "9"], "no tetrahedron has the tags [9]"),
        (["--at", AT, "--didt", "1e6,2e6"], "2 values of dI/dt"),
        (["--at", AT, "--exponent", "2", "--of-mean"], "an exponent is of |E|"),
        (["--at", AT, "--export", "best.foo"], "best.foo: poses are written to"),
        (["--at", AT, "--avoid", "Q9,4"], "'Q9' is a name"),
        (
            ["--region", "tissue:2", "--direction", "normal"],
            "--direction normal: --region tissue:2 has no normals",
        ),
    ],
)
def test_what_is_refused_before_any_work(inputs, tmp_path, capsys, more, message):
    fails(capsys, words(inputs, "head.npz", *more, "-q", "-o", tmp_path / "t"), message)
    assert not (tmp_path / "t").exists()


def test_inputs_are_not_overwritten(inputs, tmp_path, capsys):
    hf.figure_of_eight(spacing_mm=10.0).write(tmp_path / "best.ccd")
    argv = ["target", str(inputs / "head.npz"), str(tmp_path / "best.ccd"), "--at", AT, "-o", str(tmp_path)]
    fails(capsys, [*argv, "--export", "best.ccd"], "is an input; it would be overwritten")
    assert [path.name for path in tmp_path.iterdir()] == ["best.ccd"]


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ([], "one of the arguments --at --region is required"),
        (["--at", AT, "--region", "tissue:2"], "not allowed with argument --at"),
        (["--region", "tissue:2", "--radius", "5"], "--radius is an option of --at, which is not given"),
        (["--region", "ball:1"], "'ball:1' is no region"),
        (["--at", AT, "--rivals", "-1"], "rivals"),
        (["--at", AT, "--spacing", "0.1"], "spacing_mm"),
        (["--at", AT, "--handle", "90,-90"], "handle_deg must be two ascending angles"),
        (["--at", AT, "--handle", "90"], "'90' is not two numbers such as -45,45"),
        (["--at", AT, "--avoid", "C3"], "'C3' is not a point and a radius"),
        (["--at", AT, "--direction", "up"], "'up' is not x,y,z"),
        (["--at", AT, "--whole-head", "--search-radius", "5"], "not allowed with argument"),
    ],
)
def test_wrong_usage(inputs, tmp_path, capsys, more, message):
    assert cli.main(words(inputs, "head.npz", *more, "-o", tmp_path / "t")) == 2
    assert message in capsys.readouterr().err
    assert not (tmp_path / "t").exists()


def test_without_matplotlib_all_but_the_picture_is_there(inputs, searches, tmp_path, capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    assert cli.main(words(inputs, "head.npz", "--at", AT, "-q", "-o", tmp_path)) == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == ["best.csv", "best.json", "map.csv"]
    assert "no picture   pictures need matplotlib: pip install 'headfield[plot]'" in capsys.readouterr().out


def test_a_file_for_one_pose_holds_the_best(found, tmp_path):
    found.save(tmp_path / "best.tfm")
    np.testing.assert_allclose(hf.read_poses(tmp_path / "best.tfm"), [found.pose], atol=1e-9)
