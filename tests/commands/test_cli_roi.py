# SPDX-License-Identifier: BSD-3-Clause
"""`headfield solve --roi`: the field of a region, on a head that is refined there with --error."""

import json

import h5py
import meshio
import numpy as np
import pytest
from given.commands import fails
from matplotlib.image import imread

import headfield as hf
from headfield.commands import main as cli
from headfield.commands.summary import Summary
from headfield.solve.zoom.zoom import Zoom

BALL = "sphere:0,0,70,14"
K = 3


@pytest.fixture(scope="module")
def inputs(tmp_path_factory):
    """A small head, a coil over it, three poses, and a cap with one position."""
    folder = tmp_path_factory.mktemp("inputs")
    mesh = hf.sphere_mesh(radii_mm=[70, 80, 86, 92], tags=[1, 2, 4, 5], edge_mm=16)
    coil = hf.Coil([[44.0, 0, -5], [-44.0, 0, -5]], [[0, 0, 0.03], [0, 0, -0.03]], didt_max=100e6)
    mesh.write(folder / "head.msh")
    coil.write(folder / "coil.ccd")
    np.save(folder / "poses.npy", hf.ring(hf.place(mesh, [0, 0, 92], [0, 50, 92]), np.linspace(0, 90, K)))
    (folder / "cap.csv").write_text("Electrode,0,0,70,Cz\n")
    return folder


@pytest.fixture(scope="module")
def problem(inputs):
    """The same in Python."""
    head = hf.read_mesh(inputs / "head.msh")
    return (
        hf.HeadModel(head, threads=1),
        hf.read_coil(inputs / "coil.ccd"),
        hf.read_poses(inputs / "poses.npy"),
    )


@pytest.fixture(scope="module")
def target(problem):
    return hf.regions.sphere(problem[0].mesh, [0, 0, 70], 14, tags=2)


def arguments(inputs, out, *more):
    paths = [str(inputs / name) for name in ("head.msh", "coil.ccd", "poses.npy")]
    return ["solve", *paths, "-o", str(out), "--didt", "2e6", "--batch", "1", "--threads", "1", *more]


def refined(inputs, out, *more):
    return arguments(inputs, out, "--roi", BALL, "--tissues", "2", "--error", "5%", *more)


def fields(path):
    with h5py.File(path) as file:
        return file["elements/E"][:], file["elements/index"][:], file["discretisation_error"][:]


def test_the_field_of_a_region_is_that_of_solve(inputs, problem, target, tmp_path):
    assert cli.main(arguments(inputs, tmp_path / "f.h5", "--roi", BALL, "--tissues", "2")) == 0
    whole = problem[0].solve(*problem[1:], 2e6, roi=target)
    result = hf.read_result(tmp_path / "f.h5")
    np.testing.assert_array_equal(result.E(None)[:, target.elements], whole.E)
    np.testing.assert_array_equal(result.elements, target.elements)


def test_the_name_of_an_electrode_is_the_middle_of_a_sphere(inputs, target, tmp_path):
    named = ["--roi", "sphere:Cz,14", "--tissues", "2", "--eeg", str(inputs / "cap.csv")]
    assert cli.main(arguments(inputs, tmp_path / "f.h5", *named)) == 0
    np.testing.assert_array_equal(hf.read_result(tmp_path / "f.h5").elements, target.elements)


def test_a_refined_region_is_that_of_a_zoom_with_its_error(inputs, problem, target, tmp_path, capsys):
    picture = tmp_path / "zoom.png"
    assert cli.main(refined(inputs, tmp_path / "f.h5", "--json", "--picture", str(picture))) == 0
    said = capsys.readouterr()
    assert imread(picture).std() > 0.1
    model, *drive = problem
    zoom = model.zoom(target, *drive, 2e6, error=0.05)
    there = zoom.solve(*drive, 2e6)
    found = fields(tmp_path / "f.h5")
    np.testing.assert_array_equal(found[0], there.E)
    np.testing.assert_array_equal(found[1], target.elements)
    np.testing.assert_array_equal(found[2], there.report.discretisation_error)
    facts = json.loads(said.out)
    errors = [row["discretisation_error"] for row in facts["results"]]
    assert facts["largest_error"] == max(errors) == there.report.discretisation_error.max()
    assert (facts["error_asked"], facts["error_reached"], facts["roi"]) == (0.05, True, BALL)
    assert (facts["zoom"]["unknowns"], facts["picture"]) == (zoom.n_unknowns, str(picture))
    levels = [line for line in said.err.splitlines() if "unknowns around the region" in line]
    assert len(levels) == len(zoom.report.levels) == facts["zoom"]["refinements"] + 1
    assert f"refined {len(levels) - 1}×: {zoom.n_unknowns:,} unknowns" in levels[-1]


def test_slices_and_a_run_that_goes_on_end_in_the_same_file(inputs, tmp_path, monkeypatch, capsys):
    assert cli.main(refined(inputs, tmp_path / "whole.h5", "-q")) == 0
    original = Zoom.iter_solve

    def one_pose(*args, **options):
        yield next(original(*args, **options))
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Zoom, "iter_solve", one_pose)
        assert cli.main(refined(inputs, tmp_path / "f.h5", "-q")) == 130
    for other in (["--error", "4%"], ["--margin", "12"], ["--roi", "sphere:0,0,70,15"]):
        capsys.readouterr()
        fails(capsys, refined(inputs, tmp_path / "f.h5", "--resume", *other), "the options are not the same")
    assert cli.main(refined(inputs, tmp_path / "f.h5", "--resume", "-q")) == 0
    for name, part in (("a.h5", "0:1"), ("b.h5", "1:3")):
        assert cli.main(refined(inputs, tmp_path / name, "--slice", part, "-q")) == 0
    parts = [str(tmp_path / name) for name in ("a.h5", "b.h5")]
    assert cli.main(["merge", *parts, "-o", str(tmp_path / "m.h5"), "-q"]) == 0
    whole = fields(tmp_path / "whole.h5")
    for name in ("f.h5", "m.h5"):
        for a, b in zip(fields(tmp_path / name), whole, strict=True):
            np.testing.assert_array_equal(a, b)
    capsys.readouterr()
    assert cli.main(refined(inputs, tmp_path / "whole.h5", "--resume", "--json")) == 0
    facts = json.loads(capsys.readouterr().out)
    assert facts["already_there"] == K
    assert facts["error_reached"] is facts["largest_error"] is None


def test_an_error_that_is_not_reached_is_told(inputs, tmp_path, capsys):
    few = ["--json", "--error", "0.5%", "--max-unknowns", "2000", "--strict"]
    assert cli.main(refined(inputs, tmp_path / "f.h5", *few)) == 0
    said = capsys.readouterr()
    facts = json.loads(said.out)
    assert facts["error_reached"] is False
    assert facts["zoom"]["stopped"] == "margin"
    assert f"warning: not reached: {K} of {K} poses are off by up to" in said.err
    assert (fields(tmp_path / "f.h5")[2] > 0.005).all()


def test_the_mid_layer_is_written_as_vtu(inputs, problem, tmp_path, capsys):
    layer = hf.regions.mid_layer(problem[0].mesh)
    near = layer.part(np.linalg.norm(layer.centres_mm - [0, 0, 75], axis=1) <= 30)
    for more in ([], ["--error", "20%"]):
        words = arguments(inputs, tmp_path / "f.vtu", "--roi", "mid-layer:0,0,75,30", *more)
        assert cli.main(words) == 0
        read = [meshio.read(tmp_path / f"f_{i:04d}.vtu") for i in range(K)]
        model, *drive = problem
        solver = model.zoom(near, *drive, 2e6, error=0.2) if more else model
        there = solver.solve(*drive, 2e6, **({} if more else {"roi": near}))
        np.testing.assert_array_equal([one.point_data["E"] for one in read], there.E)
        np.testing.assert_allclose(read[0].points, near.centres_mm)
    capsys.readouterr()
    fails(capsys, arguments(inputs, tmp_path / "f.h5", "--roi", "mid-layer"), "is written as .vtu")
    off = arguments(inputs, tmp_path / "f.vtu", "--roi", "mid-layer:0,0,0,9")
    fails(capsys, off, "the mid-layer is 7", "mm away at least")


@pytest.mark.parametrize(
    "region", ["", "ball:0,0,0,9", "sphere:", "sphere:0,0,70", "sphere:0,0,70,-9", "sphere:,9", "tissue:1;2"]
)
def test_words_that_name_no_region_are_wrong_usage(inputs, tmp_path, capsys, region):
    assert cli.main(arguments(inputs, tmp_path / "f.h5", "--roi", region)) == 2
    assert "is no region: it is sphere:X,Y,Z,R" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--error", "2%"], "--error needs --roi"),
        (["--roi", BALL, "--margin", "10"], "--margin is an option of --error"),
        (["--roi", BALL, "--max-unknowns", "10"], "--max-unknowns is an option of --error"),
        (["--roi", BALL, "--picture", "f.png"], "--picture is an option of --error"),
        (["--roi", BALL, "--error", "two"], "'two' is not a share such as 0.02 or 2%"),
        (["--roi", BALL, "--error", "2"], "must lie between 0.003 and 0.5, not 2; for 2 per cent write 2%"),
        (["--roi", BALL, "--error", "nan"], "nan must be a finite number"),
        (["--roi", BALL, "--error", "2%", "--margin", "0"], "margin_mm must lie between 2 and 200"),
        (["--roi", BALL, "--error", "2%", "--recovery", "patch"], "either --recovery or --error"),
        (["--roi", BALL, "--error", "2%", "--tol", "auto"], "--tol auto is of linear elements"),
    ],
)
def test_options_that_do_not_go_together_are_wrong_usage(inputs, tmp_path, capsys, options, words):
    assert cli.main(arguments(inputs, tmp_path / "f.h5", *options)) == 2
    assert words in capsys.readouterr().err


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--roi", "sphere:0,0,200,10"], "no barycentre lies within 10 mm"),
        (["--roi", "tissue:7"], "7"),
        (["--roi", BALL, "--error", "2%", "--picture", "f.gif"], "pictures are written as .png"),
        (["--roi", "tissue:1", "--tissues", "2"], "tissue:1: nothing of it lies in the tissues [2]"),
        (["--roi", "sphere:C3,10"], "no electrode positions"),
        (["--roi", "sphere:mni:0,0,0,10"], "MNI coordinates need a subject folder"),
        (["--roi", "labels:none.nii:7"], "none.nii"),
        (["--roi", "tissue:2", "--error", "2%", "--max-unknowns", "100"], "before it is refined, more than"),
    ],
)
def test_a_region_that_the_head_lacks_is_told_before_it_is_assembled(
    inputs, tmp_path, capsys, monkeypatch, options, words
):
    monkeypatch.setattr(hf.HeadModel, "__init__", None)
    fails(capsys, arguments(inputs, tmp_path / "f.h5", *options), words)
    assert not list(tmp_path.iterdir())


def test_the_summary_says_whether_an_error_was_reached():
    ball = hf.sphere_mesh([50, 60], tags=[2, 5], edge_mm=20)
    summary = Summary(ball, None)
    summary.rows = [
        {"pose": i, "iterations": 6, "residual": 1e-6, "peak_V_per_m": 50.0, "discretisation_error": error}
        for i, error in enumerate((0.015, 0.025))
    ]
    known = {"already_there": 0, "seconds": 1.0, "device": "cpu", "files": [], "error_asked": 0.02}
    assert "E: 1.50% to 2.50%; 2.00% was asked for, NOT reached" in summary.text(
        known | {"error_reached": False}
    )
    assert summary.text(known | {"error_reached": True}).endswith("2.00% was asked for")


def test_info_says_that_a_result_is_of_a_refined_part(inputs, problem, target, tmp_path, capsys):
    model, *drive = problem
    field = model.zoom(target, *drive, 2e6, error=0.05).solve(*drive, 2e6)
    field.save(tmp_path / "f.h5")
    assert cli.main(["info", str(tmp_path / "f.h5")]) == 0
    worst = f"{field.report.discretisation_error.max():.2%}"
    wanted = (
        f"of quadratic elements on a refined part of the head, estimated to be off by up to {worst}; 5.00%"
    )
    assert wanted in capsys.readouterr().out
    model.solve(*drive, 2e6, roi=target).save(tmp_path / "g.h5")
    assert cli.main(["info", str(tmp_path / "g.h5")]) == 0
    assert "of linear elements\n" in capsys.readouterr().out
    plain = hf.read_result(tmp_path / "g.h5").provenance
    assert hf.read_result(tmp_path / "f.h5").provenance.options != plain.options
