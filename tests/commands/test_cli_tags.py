# SPDX-License-Identifier: BSD-3-Clause
"""What the command line says of tissues that aren't what they seem, and how they are asked for."""

import json

import numpy as np
import pytest
from given.commands import fails

import headfield as hf
from headfield.commands import main as cli
from headfield.commands import values
from headfield.heads.mesh import TetMesh
from headfield.heads.tissue_words import words_of


@pytest.fixture
def ball():
    """Tissues from the scalp inward, as Colin27 numbers them."""
    return hf.sphere_mesh(radii_mm=[70, 80, 92], tags=[3, 2, 1], edge_mm=24)


def with_names(mesh):
    return TetMesh(mesh.nodes_mm, mesh.tets, mesh.tags, tag_names={1: "scalp", 2: "CSF", 3: "gray matter"})


def test_info_has_the_findings(ball, tmp_path, capsys):
    ball.write(tmp_path / "a.npz")
    assert cli.main(["info", str(tmp_path / "a.npz")]) == 0
    captured = capsys.readouterr()
    assert captured.out.splitlines()[-1].startswith(
        "doubt: the outermost tissue is white matter (tag 1, 100 %"
    )
    assert captured.err == ""
    assert cli.main(["info", str(tmp_path / "a.npz"), "--json"]) == 0
    (finding,) = json.loads(capsys.readouterr().out)["findings"]
    assert finding["name"] == "outermost_tissue"
    assert cli.main(["info", str(tmp_path / "a.npz"), "--tags", "1=5,2=3,3=2"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines[-3:]] == ["2", "3", "5"]


def test_info_calls_air_what_it_is(tmp_path, capsys):
    hf.sphere_mesh(radii_mm=[70, 80, 120], tags=[2, 5, -1], edge_mm=24).write(tmp_path / "a.npz")
    assert cli.main(["info", str(tmp_path / "a.npz")]) == 0
    assert "\n -1  air " in capsys.readouterr().out


def test_info_shows_the_names_of_the_file(ball, tmp_path, capsys):
    with_names(ball).write(tmp_path / "a.msh")
    assert cli.main(["info", str(tmp_path / "a.msh")]) == 0
    lines = capsys.readouterr().out.splitlines()
    table = [line for line in lines if line.strip()[:1] in "123" and "matter" in line]
    assert table[0].endswith("scalp")
    assert lines[-1].startswith("warning: tag 1 is called 'scalp' in the file and taken as white matter")


def test_info_of_a_head_that_is_refused(ball, tmp_path, capsys):
    far = TetMesh(ball.nodes_mm, ball.tets, ball.tags)
    shared = np.unique(far.tets[far.tags == 1])
    shared = shared[np.isin(shared, far.tets[far.tags == 2])][5:]
    new = np.arange(far.n_nodes)
    new[shared] = far.n_nodes + np.arange(len(shared))
    tets = np.where((far.tags == 1)[:, None], new[far.tets], far.tets)
    TetMesh(np.concatenate([far.nodes_mm, far.nodes_mm[shared]]), tets, far.tags).write(tmp_path / "a.npz")
    assert cli.main(["info", str(tmp_path / "a.npz")]) == 0
    assert f"error: {len(shared)} nodes lie where others do: tissues 1 and 2" in capsys.readouterr().out
    fails(
        capsys,
        ["convert", str(tmp_path / "a.npz"), str(tmp_path / "b.npz")],
        "tissues 1 and 2 are not joined",
    )


def test_no_standard_value_for_another_tissue(ball, tmp_path, capsys):
    with_names(ball).write(tmp_path / "a.npz")
    coil = hf.figure_of_eight(inner_radius_mm=8.0, outer_radius_mm=16.0, separation_mm=34.0, spacing_mm=8.0)
    hf.write_coil(tmp_path / "coil.ccd", coil)
    pose = np.diag([1.0, -1.0, -1.0, 1.0])
    pose[2, 3] = 97.0
    np.save(tmp_path / "pose.npy", pose)
    words = [str(tmp_path / name) for name in ("a.npz", "coil.ccd", "pose.npy")]
    command = ["solve", *words, "-o", str(tmp_path / "out.h5"), "-q"]
    fails(capsys, command, "tag 1, called 'scalp' in the file", "--tags 1=5,2=3,3=2", "--conductivity 1=S/m")
    assert cli.main([*command, "--conductivity", "1=0.465", "2=1.654", "3=0.275"]) == 0
    said = capsys.readouterr().out
    assert "percentile of |E| in tag 2, called 'CSF' in the file: " in said
    assert said.startswith("1 pose in ")
    assert "V/m at dI/dt 1 A/µs" in said
    assert cli.main([*command, "--tags", "1=5,2=3,3=2"]) == 0
    assert "in gray matter: " in capsys.readouterr().out


def test_convert_renumbers(ball, tmp_path):
    ball.write(tmp_path / "a.npz")
    assert (
        cli.main(["convert", str(tmp_path / "a.npz"), str(tmp_path / "b.msh"), "--tags", "1=5,2=3,3=2"]) == 0
    )
    np.testing.assert_array_equal(hf.read_mesh(tmp_path / "b.msh").tags, np.array([0, 5, 3, 2])[ball.tags])


def test_tags_are_of_heads_only(tmp_path, capsys):
    np.save(tmp_path / "poses.npy", np.eye(4))
    fails(
        capsys,
        ["info", str(tmp_path / "poses.npy"), "--tags", "1=2"],
        "tags is not an option for the kind poses",
    )


@pytest.mark.parametrize(
    ("text", "choice"),
    [
        ("labels", "labels"),
        ("1=5,-1=3", {1: 5, -1: 3}),
        ("labels,1=5", ("labels", {1: 5})),
        ("a=b, c", "a=b, c"),
    ],
)
def test_what_tags_may_be(text, choice):
    assert values.tag_choice(text) == choice


@pytest.mark.parametrize("text", ["", "1=5,x", "1=5,1=4", "1=5.5,2=3,x"])
def test_what_tags_may_not_be(text):
    import argparse

    with pytest.raises(argparse.ArgumentTypeError):
        values.tag_choice(text)


def test_a_tissue_has_one_conductivity(ball, tmp_path, capsys):
    """Of two the last one would count, without a word."""
    ball.write(tmp_path / "a.npz")
    command = ["solve", str(tmp_path / "a.npz"), "c.ccd", "p.npy", "-o", str(tmp_path / "f.h5")]
    for twice in (["gm=0.3", "gm=0.4"], ["2=0.3", "--conductivity", "2=0.4"]):
        fails(capsys, [*command, "--conductivity", *twice], "is given twice, as 0.3 and 0.4")


@pytest.mark.parametrize("text", ["1_0", "1,,2", "2.5", "_"])
def test_what_is_neither_a_tag_nor_a_name(text):
    with pytest.raises(ValueError):
        words_of(text)


def test_names_of_files_may_begin_with_digits():
    assert words_of("1_skin,3rd ventricle,-1") == ("1_skin", "3rd ventricle", -1)
