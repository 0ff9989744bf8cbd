# SPDX-License-Identifier: BSD-3-Clause
"""`headfield view`: what it writes, what it says, and what it refuses before it reads a large file."""

import shutil
import sys

import numpy as np
import pytest
from given.commands import fails

import headfield as hf
from headfield.commands import main as cli


@pytest.fixture(autouse=True)
def few_pixels(monkeypatch):
    monkeypatch.setattr("headfield.pictures.figure._PIXELS", 150)
    monkeypatch.setattr("headfield.pictures.figure._PIXEL_MM", 3.0)
    monkeypatch.setattr("headfield.pictures.figure._DPI", 60)


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """A field of two poses in every format, the coil and the poses."""
    folder = tmp_path_factory.mktemp("files")
    mesh = hf.sphere_mesh(radii_mm=[76, 82, 92], tags=[2, 4, 5], edge_mm=16)
    coil = hf.figure_of_eight(spacing_mm=14)
    model = hf.HeadModel(mesh)
    poses = hf.ring(model.place(coil, [0, 0, 95], [0, 9, 95]), [0, 60])
    field = model.solve(coil, poses, [50e6, 60e6])
    for name in ("f.h5", "f.msh", "f.vtu"):
        field.save(folder / name)
    model.solve(coil, poses[1], 60e6).save(folder / "f_0001.vtu")
    coil.write(folder / "coil.ccd")
    np.save(folder / "poses.npy", poses)
    mesh.write(folder / "head.npz")
    return folder, field


def run(folder, out, *words, result="f.h5"):
    words = [str(folder / w) if "." in w and not w.startswith("-") else w for w in words]
    return cli.main(["view", str(folder / result), "-o", str(out), *words])


@pytest.mark.parametrize("name", ["f.h5", "f.msh", "f.vtu"])
@pytest.mark.parametrize("ending", ["png", "html"])
def test_every_format(files, tmp_path, capsys, name, ending):
    folder, field = files
    out = tmp_path / f"out.{ending}"
    assert run(folder, out, "--pose", "1", result=name) == 0
    assert out.read_bytes().startswith(b"\x89PNG" if ending == "png" else b"<!doctype html>")
    assert [path.name for path in tmp_path.iterdir()] == [out.name]
    said = capsys.readouterr().out
    gray = field.mesh.tags == 2
    shares = hf.metrics.percentiles(field.magnitude[1, gray], field.mesh.volumes_mm3()[gray], [50, 99, 99.9])
    for value in shares:
        assert f": {value:.3g}" in said
    assert str(out) in said


def test_the_name_without_one(files, capsys):
    folder, _ = files
    assert cli.main(["view", str(folder / "f.h5")]) == 0
    assert (folder / "f.png").read_bytes().startswith(b"\x89PNG")
    (folder / "f.png").unlink()


def test_a_name_with_signs_of_formulas(files, tmp_path):
    folder, _ = files
    shutil.copy(folder / "f.h5", tmp_path / "a$^$.h5")
    assert cli.main(["view", str(tmp_path / "a$^$.h5"), "-o", str(tmp_path / "a.png")]) == 0


def test_title_tells_what_is_known(files, tmp_path):
    folder, _ = files
    said = {}
    for name, words in (
        ("f.h5", ["--coil", "coil.ccd"]),
        ("f.msh", []),
        ("f_0001.vtu", ["--poses", "poses.npy", "--coil", "coil.ccd"]),
    ):
        pose = [] if name == "f_0001.vtu" else ["--pose", "1"]  # its name says which it is
        assert run(folder, tmp_path / "out.html", *words, *pose, result=name) == 0
        text = (tmp_path / "out.html").read_text()
        said[name] = text[text.index("<title>") : text.index("</title>")], '"name":"coil"' in text
    assert said["f.h5"] == ("<title>f.h5, pose 1 of 2 (from 0), dI/dt 60 A/µs", True)
    assert said["f.msh"] == ("<title>f.msh, pose 1 of 2 (from 0)", False)
    assert said["f_0001.vtu"] == ("<title>f_0001.vtu, pose 1 of 2 (from 0)", True)


def test_another_coil_than_that_of_the_field_is_told(files, tmp_path, capsys):
    folder, field = files
    hf.circular_coil(spacing_mm=14).write(tmp_path / "circle.ccd")
    words = [
        "view",
        str(folder / "f.h5"),
        "-o",
        str(tmp_path / "a.png"),
        "--coil",
        str(tmp_path / "circle.ccd"),
    ]
    assert cli.main(words) == 0
    assert "circle.ccd differs from the coil" in capsys.readouterr().err
    coil = hf.read_coil(folder / "coil.ccd")
    hf.HeadModel(field.mesh).solve(coil, field.poses[:1], 50e6).save(tmp_path / "own.h5")
    assert run(tmp_path, tmp_path / "b.png", "--coil", str(folder / "coil.ccd"), result="own.h5") == 0
    assert "differs" not in capsys.readouterr().err


def test_other_tissues_and_another_head(files, tmp_path, capsys):
    folder, _ = files
    assert run(folder, tmp_path / "a.html", "--tissues", "5", "--head", "head.npz") == 0
    assert "|E| in scalp" in capsys.readouterr().out
    assert cli.main(["view", "f.h5", "--tissues", "all"]) == 2
    assert run(folder, tmp_path / "a.png", "--tissues", "skin") == 0
    assert "|E| in scalp" in capsys.readouterr().out
    fails(capsys, ["view", str(folder / "f.h5"), "-o", str(tmp_path / "b.png"), "--tissues", "air"], "(-1,)")


def test_tissues_by_the_names_of_the_file(files, tmp_path, capsys):
    """And not by those of the table, which mean others in this head."""
    _, field = files
    mesh = hf.TetMesh(field.mesh.nodes_mm, field.mesh.tets, field.mesh.tags, tag_names={2: "scalp", 5: "gm"})
    model = hf.HeadModel(mesh, {2: 0.3, 4: 0.01, 5: 0.4})
    model.solve(hf.figure_of_eight(spacing_mm=14), field.poses[0]).save(tmp_path / "f.h5")
    view = ["view", str(tmp_path / "f.h5"), "-o", str(tmp_path / "a.png"), "--tissues"]
    assert cli.main([*view, "scalp"]) == 0
    assert "|E| in tag 2, called 'scalp' in the file" in capsys.readouterr().out
    fails(capsys, [*view, "gray"], "'gray' may be another tissue in the file of the head")


def test_refused(files, tmp_path, capsys):
    folder, _ = files
    out = str(tmp_path / "out.png")
    fails(capsys, ["view", str(folder / "head.npz"), "-o", out], "head.npz", "no E in it")
    fails(capsys, ["view", str(folder / "coil.ccd"), "-o", out], "coil.ccd")
    fails(capsys, ["view", str(folder / "absent.h5"), "-o", out], "absent.h5")
    fails(capsys, ["view", str(folder / "f.h5"), "-o", out, "--pose", "2"], "--pose 2", "0 to 1")
    fails(capsys, ["view", str(folder / "f.h5"), "-o", out, "--pose", "-1"], "--pose -1")
    fails(capsys, ["view", str(folder / "f.h5"), "-o", out, "--tissues", "1"], "no tissue (1,)")
    fails(capsys, ["view", str(folder / "f.h5"), "-o", str(tmp_path / "out.gif")], "out.gif", ".html")
    fails(capsys, ["view", str(folder / "f.h5"), "-o", str(tmp_path / "no" / "out.png")], "no folder")
    coil, poses = str(folder / "coil.ccd"), str(folder / "poses.npy")
    fails(capsys, ["view", str(folder / "f.msh"), "-o", out, "--coil", coil], "--coil", "--poses")
    fails(capsys, ["view", str(folder / "f.h5"), "-o", out, "--poses", poses], "--poses", "says itself")
    shutil.copy(folder / "f_0001.vtu", tmp_path / "one.vtu")
    one = ["view", str(tmp_path / "one.vtu"), "-o", out, "--poses", poses]
    fails(capsys, one, "one.vtu is of one pose, and POSES has 2: say by --pose")
    (tmp_path / "one.vtu").unlink()
    np.save(tmp_path / "three.npy", np.tile(np.eye(4), (3, 1, 1)))
    three = str(tmp_path / "three.npy")
    fails(capsys, ["view", str(folder / "f.msh"), "-o", out, "--poses", three], "3 poses", "has 2")
    assert [path.name for path in tmp_path.iterdir()] == ["three.npy"]


@pytest.mark.parametrize(
    ("module", "out", "extra"),
    [("plotly", "a.html", "view"), ("matplotlib", "a.png", "plot"), ("matplotlib", "a.html", "plot")],
)
def test_missing_extras_are_named_before_the_file_is_read(tmp_path, capsys, monkeypatch, module, out, extra):
    monkeypatch.setitem(sys.modules, module, None)
    fails(capsys, ["view", "absent.h5", "-o", str(tmp_path / out)], f"pip install 'headfield[{extra}]'")


def test_a_failure_leaves_what_was_there(files, tmp_path, capsys, monkeypatch):
    out = tmp_path / "out.html"
    out.write_text("before")

    def full(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("pathlib.Path.write_text", full)
    fails(capsys, ["view", str(files[0] / "f.h5"), "-o", str(out)], "No space left")
    assert out.read_bytes() == b"before"
    assert [path.name for path in tmp_path.iterdir()] == ["out.html"]


def test_look_goes_to_the_picture(files, tmp_path, monkeypatch):
    folder, _ = files
    seen = []
    monkeypatch.setattr("headfield.commands.view.write_picture", lambda *given: seen.append(given))
    words = ["--vmax", "50", "--view", "left", "--target", "1,2,60", "--dpi", "90"]
    assert run(folder, tmp_path / "a.png", "--pose", "0", *words) == 0
    ((scene, _, dpi),) = seen
    assert (scene.top, scene.view, scene.target_mm, dpi) == (50.0, "left", [1.0, 2.0, 60.0], 90.0)


def test_differences_and_montages(files, tmp_path, capsys):
    folder, _ = files
    words = ["--pose", "0", "--compare", "f.h5", "--other-pose", "1"]
    assert run(folder, tmp_path / "difference.png", *words, "--relative") == 0
    assert "%" in capsys.readouterr().out
    assert run(folder, tmp_path / "difference.html", *words) == 0
    assert "|E| of A − |E| of B" in capsys.readouterr().out
    assert run(folder, tmp_path / "montage.png", "--montage", "0,1", "--coil", "coil.ccd") == 0
    assert "2 poses" in capsys.readouterr().out


def test_a_layer(tmp_path, capsys):
    mesh = hf.sphere_mesh(radii_mm=[68, 78, 92], tags=[1, 2, 5], edge_mm=14)
    coil = hf.figure_of_eight(spacing_mm=14)
    model = hf.HeadModel(mesh)
    model.solve(coil, model.place(coil, [0, 0, 95], [0, 9, 95]), 50e6).save(tmp_path / "f.h5")
    assert cli.main(["view", str(tmp_path / "f.h5"), "-o", str(tmp_path / "n.png"), "--layer", "normal"]) == 0
    said = capsys.readouterr().out
    assert "E·n" in said
    assert "by area" in said
    words = ["view", str(tmp_path / "f.h5"), "--layer", "--tissues", "1"]
    assert "--tissues is not for it" in fails(capsys, words)


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (["--relative"], "need a result to --compare"),
        (["--montage", "0,1", "--pose", "1"], "--montage names the poses"),
        (["--montage", "0,7"], "0 to 1"),
        (["--vmax", "-3"], "vmax"),
        (["--dpi", "1e9"], "dpi"),
        (["--view", "0,0,0"], "no direction"),
    ],
)
def test_what_makes_no_picture(files, tmp_path, capsys, words, why):
    folder, _ = files
    assert why in fails(capsys, ["view", str(folder / "f.h5"), "-o", str(tmp_path / "a.png"), *words])


def test_layers_are_no_pages(files, tmp_path, capsys):
    folder, _ = files
    words = ["view", str(folder / "f.h5"), "-o", str(tmp_path / "a.html"), "--layer"]
    assert "makes a picture" in fails(capsys, words)
