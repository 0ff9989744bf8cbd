# SPDX-License-Identifier: BSD-3-Clause
"""`headfield mesh`: what it prints and writes, exit codes; images in the other commands."""

import io
import json
import re
import threading
import time

import numpy as np
import pytest
from given.commands import fails
from matplotlib.image import imread

import headfield as hf
from headfield.commands import main as cli
from headfield.commands import mesh as command
from headfield.commands import progress
from headfield.errors import MissingPackageError

nibabel = pytest.importorskip("nibabel")

AFFINE = np.array([[0, -5.0, 0, 97.5], [5, 0, 0, -97.5], [0, 0, 5, -97.5], [0, 0, 0, 1]])
COARSE = ("--edge", "10")


def labels_of_ball():
    """Gray matter, CSF, bone and scalp on 40³ voxels of 5 mm."""
    points = np.moveaxis(np.indices((40, 40, 40)), 0, -1) * 5 - 97.5
    radius = np.linalg.norm(points, axis=-1)
    return np.select([radius < 64, radius < 74, radius < 82, radius < 92], [2, 3, 4, 5], 0).astype(np.int16)


def save(path, data, affine=AFFINE):
    data = data.astype(np.float32 if data.dtype.kind == "f" else np.int16)
    nibabel.save(nibabel.Nifti1Image(data, affine), path)
    return path


@pytest.fixture(scope="module")
def ball(tmp_path_factory):
    return save(tmp_path_factory.mktemp("image") / "labels.nii.gz", labels_of_ball())


def mesh(image, out, *words):
    return cli.main(["mesh", str(image), "-o", str(out), *COARSE, *map(str, words)])


@pytest.fixture(scope="module")
def made(ball, tmp_path_factory):
    """A head and its picture."""
    folder = tmp_path_factory.mktemp("mesh")
    assert mesh(ball, folder / "head.msh", "-q") == 0
    return folder


# What it makes


def test_the_table_and_the_files(ball, tmp_path, capsys):
    out = tmp_path / "head.msh"
    assert mesh(ball, out) == 0
    text, said = capsys.readouterr()
    head = hf.read_mesh(out)
    lines = text.splitlines()
    assert lines[0].startswith(
        f"head          {head.n_nodes:,} nodes, {head.n_tets:,} tetrahedra, mean edge "
    )
    assert [line.split()[0] for line in lines[1:3]] == ["dihedral", "interfaces"]
    assert lines[-1] == f"written: {out}, {tmp_path / 'head.png'}"
    rows = {line.split()[0]: line.split() for line in lines if line[:3].strip().isdigit() and ")" not in line}
    of_image = labels_of_ball()
    for tag, name in ((2, "gray"), (3, "CSF"), (4, "bone"), (5, "scalp")):
        row = rows[str(tag)]
        chosen = head.tags == tag
        volumes = float(head.volumes_mm3()[chosen].sum()), (of_image == tag).sum() * 125.0
        assert row[1] == name
        assert row[-6] == f"{len(np.unique(head.tets[chosen])):,}"
        assert row[-5] == f"{chosen.sum():,}"
        assert [float(word) for word in row[-3:-1]] == pytest.approx([v / 1000 for v in volumes], abs=0.06)
        assert float(row[-1]) == pytest.approx(volumes[0] / volumes[1], abs=6e-4)
    assert "headfield: making tetrahedra\n" in said
    assert sorted(p.name for p in tmp_path.iterdir()) == ["head.msh", "head.png"]
    assert imread(tmp_path / "head.png").shape[1] == 2400


def test_the_head_can_be_solved(made):
    head = hf.read_mesh(made / "head.msh")
    model = hf.HeadModel(head, device="cpu")
    coil = hf.figure_of_eight()
    field = model.solve(coil, model.place(coil, [0, 0, 92], [0, 50, 92]), didt=1e6)
    assert field.report.converged.all()
    assert head.tag_names == {2: "gray matter", 3: "CSF", 4: "bone", 5: "scalp"}


def test_json_has_the_numbers(ball, tmp_path, capsys):
    assert mesh(ball, tmp_path / "head.npz", "--json", "--no-picture", "-q") == 0
    text, said = capsys.readouterr()
    facts = json.loads(text)
    head = hf.read_mesh(tmp_path / "head.npz")
    assert said == ""
    assert (facts["nodes"], facts["tetrahedra"]) == (head.n_nodes, head.n_tets)
    assert facts["file"] == str(tmp_path / "head.npz")
    assert (facts["picture"], facts["lost"]) == (None, [])
    row = facts["tissues"]["3"]
    assert row["name"] == "CSF"
    assert row["image_mm3"] == pytest.approx((labels_of_ball() == 3).sum() * 125)
    assert row["ratio"] == pytest.approx(row["volume_mm3"] / row["image_mm3"])
    assert facts["image"]["interfaces"]["within_half_a_voxel"] > 0.9
    assert "making tetrahedra" in facts["seconds"]
    assert [p.name for p in tmp_path.iterdir()] == ["head.npz"]


@pytest.mark.parametrize(
    ("renumbered", "words"),
    [
        ({2: 42, 3: 24, 4: 165, 5: 258}, "aseg"),
        ({2: 42, 3: 24, 4: 165, 5: 258}, "synthseg"),
        ({2: 1, 3: 2, 4: 3, 5: 4}, "1=gray matter, 2=CSF,3=skull,4=5"),
        ({2: 7, 3: 8, 4: 9, 5: 10}, "7=2,8=3,9=4,10=scalp,11=0"),
    ],
)
def test_other_numberings(tmp_path, renumbered, words):
    table = np.zeros(6, np.int16)
    table[list(renumbered)] = list(renumbered.values())
    image = save(tmp_path / "seg.nii", table[labels_of_ball()])
    assert mesh(image, tmp_path / "head.npz", "--tissues", words, "--no-picture", "-q") == 0
    assert np.unique(hf.read_mesh(tmp_path / "head.npz").tags).tolist() == [2, 3, 4, 5]


def test_shells_are_grown_and_told(tmp_path, capsys):
    brain = labels_of_ball()
    brain[brain > 2] = 0
    image = save(tmp_path / "brain.nii.gz", brain)
    assert mesh(image, tmp_path / "head.msh") == 1
    assert "no skull and no scalp" in capsys.readouterr().err
    assert mesh(image, tmp_path / "head.msh", "--shells") == 0
    text = capsys.readouterr().out
    assert "grown         CSF, skull, scalp: by geometry, no anatomy" in text
    assert [line.split()[-1] for line in text.splitlines() if line.endswith("grown")] == ["grown"] * 3


def test_maps_of_tissues(tmp_path):
    labels = labels_of_ball()
    maps = np.stack([labels == tag for tag in (5, 2, 4, 3)], axis=-1).astype(np.float32)
    image = save(tmp_path / "maps.nii.gz", maps)
    words = ("--tissues", "scalp,gray matter, 4,CSF", "--no-picture", "-q")
    assert mesh(image, tmp_path / "head.npz", *words) == 0
    head = hf.read_mesh(tmp_path / "head.npz")
    for tag in (2, 3, 4, 5):
        of_image = (labels == tag).sum() * 125.0
        assert head.volumes_mm3()[head.tags == tag].sum() == pytest.approx(of_image, rel=0.12)


# Pictures


def test_where_the_picture_goes(ball, tmp_path):
    assert mesh(ball, tmp_path / "head.msh", "--picture", tmp_path / "other.pdf") == 0
    assert sorted(p.name for p in tmp_path.iterdir()) == ["head.msh", "other.pdf"]
    assert (tmp_path / "other.pdf").read_bytes().startswith(b"%PDF")


def test_the_slices_are_where_they_are_asked_for(ball, tmp_path, monkeypatch):
    seen = []
    monkeypatch.setattr(command, "write_interfaces", lambda *given: seen.append(given))
    assert mesh(ball, tmp_path / "head.msh", "--at", "-10,0,20") == 0
    path, head, image, at, name = seen[0]
    assert path == str(tmp_path / "head.png")
    assert at == [-10.0, 0.0, 20.0]
    assert image.tags == (2, 3, 4, 5)
    assert name == "head.msh, from labels.nii.gz"
    assert head.from_image is not None


def test_without_matplotlib_there_is_a_line_and_no_picture(ball, tmp_path, monkeypatch, capsys):
    def missing():
        raise MissingPackageError("pictures need matplotlib: pip install 'headfield[plot]'")

    monkeypatch.setattr(command, "matplotlib_parts", missing)
    assert mesh(ball, tmp_path / "head.msh") == 0
    out = capsys.readouterr().out
    assert out.endswith("head.msh\nno picture: pictures need matplotlib: pip install 'headfield[plot]'\n")
    assert [p.name for p in tmp_path.iterdir()] == ["head.msh"]
    (tmp_path / "head.msh").unlink()
    fails(capsys, ["mesh", str(ball), "-o", str(tmp_path / "head.msh"), "--picture", str(tmp_path / "a.png")])
    assert not list(tmp_path.iterdir())


def test_a_picture_that_fails_leaves_the_head(ball, tmp_path, monkeypatch, capsys):
    def full(*_):
        raise OSError("no space left on device")

    monkeypatch.setattr(command, "write_interfaces", full)
    assert mesh(ball, tmp_path / "head.msh") == 0
    assert capsys.readouterr().out.endswith("head.msh\nno picture: no space left on device\n")
    assert hf.read_mesh(tmp_path / "head.msh").n_tets > 1000


# Exit codes


def test_a_lost_tissue_is_exit_code_1_and_the_files_are_written(tmp_path, capsys):
    """Blood in one clump, and in more voxels that are islands, which become what surrounds them."""
    labels = labels_of_ball()
    labels[8:32:3, 16:24:3, 16:24:3] = 9
    labels[19:22, 19:22, 19:22] = 9
    count = (labels == 9).sum()
    assert mesh(save(tmp_path / "l.nii", labels), tmp_path / "head.msh", "-q") == 1
    out, err = capsys.readouterr()
    last = err.splitlines()[-1]
    assert last.startswith("headfield: error: the mesh has lost blood (")
    assert f"% of {count * 0.125:.3g} cm³)" in last
    assert last.endswith(f"{tmp_path / 'head.msh'} is written all the same, to see where")
    assert f"written: {tmp_path / 'head.msh'}, {tmp_path / 'head.png'}" in out
    assert 9 in hf.read_mesh(tmp_path / "head.msh").tags


def test_a_tissue_of_which_nothing_would_be_left_is_an_error(tmp_path, capsys):
    labels = labels_of_ball()
    labels[20, 20, 20] = 9
    image = save(tmp_path / "l.nii", labels)
    fails(capsys, ["mesh", str(image), "-o", str(tmp_path / "head.msh"), "-q", *COARSE], "blood")
    assert [p.name for p in tmp_path.iterdir()] == ["l.nii"]


def test_bad_images_end_in_one_line_and_nothing_is_written(tmp_path, capsys):
    labels = labels_of_ball()
    out = str(tmp_path / "head.msh")
    (tmp_path / "text.nii").write_text("no image")
    for name, data, words, message in (
        ("mri", labels * np.float32(0.37), (), "not a whole number"),
        ("odd", labels + 90 * (labels == 2), (), "pass tissues={label"),
        ("slice", labels[:, :, :1], (), "a head needs a volume"),
        ("zero", labels * 0, (), "no tissue"),
        ("brain", labels * (labels < 4), (), "no skull and no scalp"),
        ("cut", labels[:, :, 20:], (), "cut by"),
        ("few", labels, ("--tissues", "2=gray matter,3=CSF"), "says no tissue for the labels 4"),
        ("tiny", labels, ("--edge", "0.01"), "edge_mm"),
    ):
        image = save(tmp_path / f"{name}.nii", data)
        fails(capsys, ["mesh", str(image), "-o", out, "-q", *words], message)
    fails(capsys, ["mesh", str(tmp_path / "text.nii"), "-o", out], "not a NIfTI image")
    fails(capsys, ["mesh", str(tmp_path / "none.nii"), "-o", out], "none.nii")
    assert not [p for p in tmp_path.iterdir() if p.suffix != ".nii"]


def test_what_can_not_be_written_is_told_before_there_is_work(ball, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(command, "head_from_labels", None)
    for out, words, message in (
        ("head.stl", (), ".stl files hold surfaces"),
        ("head.foo", (), "no mesh format is known"),
        ("no/head.msh", (), "there is no folder"),
        ("head.msh", ("--picture", tmp_path / "a.jpg"), "pictures are written as"),
        ("head.msh", ("--picture", tmp_path / "no" / "a.png"), "there is no folder"),
    ):
        fails(capsys, ["mesh", str(ball), "-o", str(tmp_path / out), *map(str, words)], message)
    (tmp_path / "labels.msh").write_bytes(b"x")
    fails(capsys, ["mesh", str(tmp_path / "labels.msh"), "-o", str(tmp_path / "labels.msh")], "is an input")


@pytest.mark.parametrize(
    "words",
    [
        ("--tissues", "freesurfer"),
        ("--tissues", "1=lobe"),
        ("--tissues", "1=2,1=3"),
        ("--tissues", "1=2,3"),
        ("--tissues", ""),
        ("--tissues", "1=101"),
        ("--at", "1,2"),
        ("--at", "C3"),
        ("--at", "mni:1,2,3"),
        ("--edge", "fine"),
        ("--picture", "a.png", "--no-picture"),
    ],
)
def test_wrong_words_are_exit_code_2(ball, tmp_path, capsys, words):
    assert mesh(ball, tmp_path / "head.msh", *words) == 2
    assert capsys.readouterr().err.splitlines()[-1].startswith("headfield mesh: error: argument --")
    assert not list(tmp_path.iterdir())


def test_the_help_names_what_there_is(capsys):
    assert cli.main(["mesh", "--help"]) == 0
    text = capsys.readouterr().out
    for word in ("simnibs, synthseg, aseg", "--edge-mm", "--shells", "--picture", "--at", "Exit code 1"):
        assert word in " ".join(text.split())
    assert cli.main(["--help"]) == 0
    assert "mesh " in capsys.readouterr().out


# The other commands


def test_info_lists_labels_and_says_how_to_mesh_them(ball, tmp_path, capsys):
    assert cli.main(["info", str(ball)]) == 0
    text = capsys.readouterr().out
    assert "spacing       5.00 5.00 5.00 mm, axes ALS" in text
    assert "numbering     as simnibs or synthseg or aseg" in text
    count = (labels_of_ball() == 2).sum()
    assert f"    2  gray matter  {count:,}  {count * 0.125:.1f}".split() in [
        line.split() for line in text.splitlines()
    ]
    assert text.splitlines()[-1] == f"headfield mesh {ball} -o head.msh --tissues simnibs"


def test_info_of_other_images(tmp_path, capsys):
    path = tmp_path / "aseg.mgz"
    nibabel.save(
        nibabel.MGHImage(np.choose(labels_of_ball() % 6, [0, 0, 42, 24, 41, 17]).astype(np.int32), AFFINE),
        path,
    )
    assert cli.main(["info", str(path), "--json"]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert facts["numberings"] == ["synthseg", "aseg"]
    assert {label: row["tissue"] for label, row in facts["labels"].items()} == {
        "0": "outside",
        "17": "gray matter",
        "24": "CSF",
        "41": "white matter",
        "42": "gray matter",
    }
    assert cli.main(["info", str(path)]) == 0
    assert capsys.readouterr().out.endswith("--tissues synthseg --shells\n")  # or it would be refused
    save(tmp_path / "odd.nii", labels_of_ball() + 40)
    assert cli.main(["info", str(tmp_path / "odd.nii")]) == 0
    text = capsys.readouterr().out
    assert "numbering     not simnibs, synthseg, aseg" in text
    assert text.endswith("--tissues 40=TISSUE,42=TISSUE,43=TISSUE,44=TISSUE,45=TISSUE\n")
    save(tmp_path / "t1.nii", np.linspace(0, 900, 1000).reshape(10, 10, 10))
    assert cli.main(["info", str(tmp_path / "t1.nii")]) == 0
    assert "voxels are not a whole number" in capsys.readouterr().out


def test_a_tissue_that_is_none_is_named(ball, tmp_path, capsys):
    assert mesh(ball, tmp_path / "head.msh", "--tissues", "1=white matter,2=lobe") == 2
    assert "label 2 is 'lobe', not a tissue's name" in capsys.readouterr().err


@pytest.mark.parametrize("ending", [".nii.gz", ".mgz"])
def test_a_command_that_needs_a_head_says_how_to_make_one(tmp_path, capsys, ending):
    path = tmp_path / f"labels{ending}"
    kind = nibabel.MGHImage if ending == ".mgz" else nibabel.Nifti1Image
    nibabel.save(kind(labels_of_ball().astype(np.int32), AFFINE), path)
    hf.figure_of_eight(spacing_mm=8.0).write(tmp_path / "c.ccd")
    words = f"mesh it first, headfield mesh {path} -o head.msh"
    out, coil = str(tmp_path / "o.h5"), str(tmp_path / "c.ccd")
    fails(capsys, ["convert", str(path), str(tmp_path / "o.msh")], words)
    fails(capsys, ["solve", str(path), coil, "p.npy", "-o", out], words)
    placing = ["--centre", "0,0,90", "--handle", "0,50,90"]
    fails(capsys, ["place", str(path), coil, *placing, "-o", str(tmp_path / "p.npy")], words)
    with pytest.raises(hf.FileFormatError, match=r"hf\.head_from_labels\(path\)"):
        hf.read_mesh(path)


# Progress


class Terminal(io.StringIO):
    def isatty(self):
        return True


def fail_in_the_second(stages, stream, until):
    with stages:
        stages.begin("first")
        while until not in stream.getvalue():
            time.sleep(0.001)
        stages.begin("second")
        raise ValueError("in the middle")


def test_a_terminal_sees_the_seconds_and_a_log_the_stages(monkeypatch):
    monkeypatch.setattr(progress, "_TICK_SECONDS", 0.01)
    shown, before = {}, threading.active_count()
    for name, stream, quiet in (
        ("terminal", Terminal(), False),
        ("log", io.StringIO(), False),
        ("quiet", Terminal(), True),
    ):
        monkeypatch.setattr("sys.stderr", stream)
        stages = progress.Stages(quiet)
        with pytest.raises(ValueError, match="in the middle"):
            fail_in_the_second(stages, stream, until="\r" if name == "terminal" else "")
        shown[name] = stream.getvalue()
        assert list(stages.seconds) == ["first", "second"]
        assert min(stages.seconds.values()) >= 0
        assert threading.active_count() == before
    assert shown["quiet"] == ""
    assert shown["log"] == "headfield: first\nheadfield: second\n"
    lines = shown["terminal"].split("\n")
    assert re.fullmatch(r"(headfield: first, 0 s +\r)+headfield: first, \d\.\d s +", lines[0])
    assert re.fullmatch(r"(headfield: second, 0 s +\r)*headfield: second, \d\.\d s +", lines[1])
    assert lines[2:] == [""]
