# SPDX-License-Identifier: BSD-3-Clause
"""`headfield info` and `convert` of results, and names of poses and what a result comes from on the way."""

import dataclasses
import json
import os
import re

import h5py
import nibabel
import numpy as np
import pytest
from given.commands import fails
from given.results import changed, field_arrays

import headfield as hf
from headfield.commands import info_result
from headfield.commands import main as cli
from headfield.core.version import VERSION
from headfield.fields.write import write_results

NAMES = ("M1 left", "SMA", "Vertex é")


@pytest.fixture(scope="module")
def inputs(tmp_path_factory):
    """A small head, a coil over it, three named poses, and the result."""
    folder = tmp_path_factory.mktemp("inputs")
    mesh = hf.sphere_mesh(radii_mm=[70, 80, 92], tags=[2, 3, 5], edge_mm=20)
    mesh.write(folder / "head.msh")
    hf.Coil([[44.0, 0, -5], [-44.0, 0, -5]], [[0, 0, 0.03], [0, 0, -0.03]]).write(folder / "coil.ccd")
    poses = hf.ring(hf.place(mesh, [0, 0, 92], [0, 50, 92]), [0, 40, 80])
    hf.write_poses(folder / "poses.csv", poses, names=NAMES)
    assert cli.main(arguments(folder, folder / "r.h5")) == 0
    return folder


def arguments(inputs, out, *more):
    paths = [str(inputs / name) for name in ("head.msh", "coil.ccd", "poses.csv")]
    return ["solve", *paths, "-o", str(out), "--didt", "2e6", "-q", "--batch", "1", *more]


def said(capsys, *words):
    capsys.readouterr()
    assert cli.main([str(word) for word in words]) == 0
    return capsys.readouterr().out


def stopped(monkeypatch, inputs, out, *more):
    """A run that is interrupted after its first pose."""
    original = hf.HeadModel.iter_solve

    def iter_solve(*args, **options):
        yield next(original(*args, **options))
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(hf.HeadModel, "iter_solve", iter_solve)
        assert cli.main(arguments(inputs, out, *more)) == 130


def test_info_describes_a_result(inputs, capsys):
    text = said(capsys, "info", inputs / "r.h5")
    result = hf.read_result(inputs / "r.h5")
    volumes = result.mesh.volumes_mm3()
    for row in (
        r"kind +result\n",
        r"poses +3\n",
        r"names +M1 left, SMA, Vertex é\n",
        r"dI/dt +2 A/µs\n",
        r"fields +E, magnE, v\n",
        r"E +of linear elements\n",
        rf"headfield +{re.escape(VERSION)}\n",
        r"head +head\.msh, hash [0-9a-f]{32}\n",
        r"conductivity +hash [0-9a-f]{32}\n",
        r"coil +coil\.ccd, hash [0-9a-f]{32}\n",
        r"settings +tissues None, recovery None, primary nodes, tol 1e-05, max_iterations 200\n",
    ):
        assert re.search(row, text)
    facts = json.loads(said(capsys, "info", inputs / "r.h5", "--json"))
    gray = result.mesh.tags == 2
    peaks = [float(hf.metrics.percentiles(result.magnitude(i)[gray], volumes[gray], 99.9)) for i in range(3)]
    there = [row["peak_in_gray_matter_V_per_m"] for row in facts["each_pose"]]
    assert there == pytest.approx(peaks)
    assert facts["tissues"]["2"]["peak_V_per_m"]["highest"] == pytest.approx(max(peaks))
    assert facts["provenance"]["settings"]["conductivity_S_per_m"]["2"] == 0.275
    assert facts["provenance"]["files"] == {"head": "head.msh", "coil": "coil.ccd", "poses": "poses.csv"}
    assert re.search(r"\n +2  gray matter +0\.275 +[\d,]+ +[\d.]+", text)
    assert re.search(rf"\n +1  SMA +{peaks[1]:.3g} +\d+ +[\d.]+e-0\d\n", text)


def test_the_picture_has_the_name_of_its_pose(inputs, tmp_path):
    out = tmp_path / "r.html"
    assert cli.main(["view", str(inputs / "r.h5"), "--pose", "1", "-o", str(out)]) == 0
    assert "<title>r.h5, SMA, pose 1 of 3 (from 0)" in out.read_text(encoding="utf-8")


def test_info_of_a_run_that_was_stopped_and_of_a_file_a_pose(inputs, tmp_path, monkeypatch, capsys):
    stopped(monkeypatch, inputs, tmp_path / "f.h5", "--tissues", "2")
    text = said(capsys, "info", tmp_path / "f.part.h5")
    assert re.search(r"poses +1 of 3: the run was stopped\n", text)
    assert re.search(r"names +M1 left\n", text)
    assert re.search(r"tetrahedra +[\d,]+ of [\d,]+\n", text)
    assert cli.main(arguments(inputs, tmp_path / "f.h5", "--tissues", "2", "--resume")) == 0
    assert hf.read_result(tmp_path / "f.h5").names == NAMES
    assert cli.main(arguments(inputs, tmp_path / "g.msh", "--slice", "2:3")) == 0
    assert cli.main(["convert", str(tmp_path / "g_0002.msh"), str(tmp_path / "g.vtu")]) == 0
    for name in ("g_0002.msh", "g.vtu"):
        text = said(capsys, "info", tmp_path / name)
        assert re.search(r"kind +result\n", text)
        assert re.search(r"names +Vertex é\n", text)
        assert re.search(r"poses +poses\.csv, hash ", text)


def test_info_of_many_poses_is_a_summary_and_says_which_have_no_field(tmp_path, capsys, monkeypatch):
    ball = hf.sphere_mesh(radii_mm=[12, 14], tags=[2, 5], edge_mm=8)
    e = (
        np.arange(1, 31, dtype=np.float32)[:, None, None]
        * np.ones((1, ball.n_tets, 3), np.float32)
        / np.sqrt(3)
    )
    arrays = field_arrays(ball, e.astype(np.float32), np.zeros((30, ball.n_nodes)))
    report = dataclasses.replace(arrays.report, converged=np.arange(30) != 4)
    hf.Field.of_arrays(dataclasses.replace(arrays, report=report)).save(tmp_path / "r.h5")
    text = said(capsys, "info", tmp_path / "r.h5")
    assert re.search(r"no field +1 pose did not converge: 4\n", text)
    assert re.search(r"\n +2 +gray matter +[\d,]+ +1 +16 +30\n", text)
    assert re.search(r"computed from +the file does not say\n", text)
    assert "iterations" not in text
    monkeypatch.setattr(info_result, "_MOST_VALUES", 3 * ball.n_tets)
    text = said(capsys, "info", tmp_path / "r.h5")
    assert "of 3 of the poses" in text
    assert re.search(r"\n +2 +gray matter +[\d,]+ +1 +16 +30\n", text)


def test_names_survive_slices_that_are_merged_and_are_in_the_summary(inputs, tmp_path, capsys):
    for name, part in (("a", "0:1"), ("b", "1:3")):
        out = said(capsys, *arguments(inputs, tmp_path / f"{name}.h5", "--slice", part))
    assert re.search(r"\n +1 +[\d.]+ V/m  SMA\n +2 +[\d.]+ V/m  Vertex é\n", out)
    assert cli.main(["merge", *(str(tmp_path / f"{n}.h5") for n in "ba"), "-o", str(tmp_path / "f.h5")]) == 0
    merged, whole = hf.read_result(tmp_path / "f.h5"), hf.read_result(inputs / "r.h5")
    assert merged.names == whole.names == NAMES
    assert merged.provenance == whole.provenance
    with h5py.File(tmp_path / "f.h5") as file:
        assert file["names"].asstr()[:].tolist() == list(NAMES)


def test_a_run_of_another_version_does_not_go_on(inputs, tmp_path, monkeypatch, capsys):
    stopped(monkeypatch, inputs, tmp_path / "f.h5")
    with h5py.File(tmp_path / "f.part.h5", "a") as file:
        file.attrs["run"] = file.attrs["run"].replace(f'"version": "{VERSION}"', '"version": "0.0.1"')
    capsys.readouterr()
    version = rf"the version of headfield (0.0.1, here {VERSION}) is not the same"
    fails(capsys, arguments(inputs, tmp_path / "f.h5", "--resume"), version)
    before = {"head": "a", "coil": "b", "poses": "c", "options": "d", "first": 0, "count": 3, "total": 3}
    with h5py.File(tmp_path / "f.part.h5", "a") as file:
        file.attrs["run"] = json.dumps(before | {"version": VERSION})  # as files of the first days have it
    fails(
        capsys,
        arguments(inputs, tmp_path / "f.h5", "--resume"),
        "the kind of record, of an earlier headfield, is not",
    )
    assert hf.read_result(tmp_path / "f.part.h5").provenance.head == "a"


def test_files_without_names_and_devices_are_still_read(inputs, tmp_path):
    path = tmp_path / "old.h5"
    path.write_bytes((inputs / "r.h5").read_bytes())

    def older(file):
        del file["names"], file["device"], file.attrs["run"]

    changed(path, older)
    result = hf.read_result(path)
    assert (result.names, result.provenance) == ((), None)
    np.testing.assert_array_equal(result.E(2), hf.read_result(inputs / "r.h5").E(2))
    assert cli.main(["info", str(path)]) == 0


def test_results_are_converted(inputs, tmp_path, capsys):
    result = hf.read_result(inputs / "r.h5")
    out = said(capsys, "convert", inputs / "r.h5", tmp_path / "r.vtu")
    assert out.endswith(f"r.vtu: 3 poses, all fields: {tmp_path}/r_0000.vtu to {tmp_path}/r_0002.vtu\n")
    assert cli.main(arguments(inputs, tmp_path / "solved.vtu")) == 0
    for i in range(3):
        there, solved = (tmp_path / f"{name}_000{i}.vtu" for name in ("r", "solved"))
        assert there.read_bytes() == solved.read_bytes()
    said(capsys, "convert", inputs / "r.h5", tmp_path / "t.nii.gz", "--spacing-mm", "8", "--pose", "1")
    out = said(
        capsys, "convert", tmp_path / "r_0001.vtu", tmp_path / "u.nii.gz", "--like", tmp_path / "t.nii.gz"
    )
    one, other = (nibabel.load(tmp_path / f"{name}.nii.gz") for name in "tu")
    np.testing.assert_array_equal(one.get_fdata(), other.get_fdata())
    assert "0 outside of the" in out
    out = said(capsys, "convert", inputs / "r.h5", tmp_path / "e.npy")
    assert "nothing else of the result is in it" in out
    np.testing.assert_array_equal(np.load(tmp_path / "e.npy"), result.E(None))
    said(capsys, "convert", inputs / "r.h5", tmp_path / "m.csv", "--quantity", "magnE", "--pose", "2")
    table = np.genfromtxt(tmp_path / "m.csv", delimiter=",", names=True)
    np.testing.assert_array_equal(table["magnE"].astype("f4"), result.magnitude(2))
    text = said(capsys, "info", tmp_path / "t.nii.gz")
    assert re.search(r"kind +field\nholds +magnE, V/m\nshape +25 x 25 x 25\n", text)


def test_results_without_a_grid_get_voxels_of_a_millimetre(tmp_path, capsys):
    ball = hf.sphere_mesh(radii_mm=[12], tags=[2], edge_mm=8)
    arrays = field_arrays(ball, np.ones((1, ball.n_tets, 3), np.float32), np.zeros((1, ball.n_nodes)))
    hf.Field.of_arrays(arrays).save(tmp_path / "r.h5")
    out = said(capsys, "convert", tmp_path / "r.h5", tmp_path / "r.nii")
    assert "spacing 1 mm" in out
    assert nibabel.load(tmp_path / "r.nii", mmap=False).header.get_zooms() == (1, 1, 1)


def test_a_result_of_another_program_becomes_an_image(inputs, tmp_path, capsys):
    result = hf.read_result(inputs / "r.h5")
    write_results(tmp_path / "other.msh", result.mesh, {"magnE": [result.magnitude(0)]})
    said(capsys, "convert", tmp_path / "other.msh", tmp_path / "o.nii", "--spacing-mm", "8")
    assert nibabel.load(tmp_path / "o.nii", mmap=False).get_fdata().max() <= result.magnitude(0).max()


def test_a_result_in_a_mesh_file_becomes_any_mesh_with_fields(inputs, tmp_path, capsys):
    said(capsys, "convert", inputs / "r.h5", tmp_path / "r.msh", "--pose", "0")
    said(capsys, "convert", tmp_path / "r.msh", tmp_path / "r.npz")
    back = hf.read_mesh(tmp_path / "r.npz")
    np.testing.assert_array_equal(back.element_data["E"], hf.read_result(inputs / "r.h5").E(0))


def test_other_names_are_another_run(inputs, tmp_path, monkeypatch, capsys):
    stopped(monkeypatch, inputs, tmp_path / "f.h5")
    other = tmp_path / "other.csv"
    other.write_text((inputs / "poses.csv").read_text("utf-8").replace("SMA", "PMd"), "utf-8")
    words = [
        str(other) if word.endswith("poses.csv") else word for word in arguments(inputs, tmp_path / "f.h5")
    ]
    capsys.readouterr()
    fails(capsys, [*words, "--resume"], "the poses, their names or their dI/dt are not the same")


def test_what_can_not_be_converted_is_said(inputs, tmp_path, capsys):
    capsys.readouterr()
    convert = ["convert", str(inputs / "r.h5")]
    fails(capsys, [*convert, str(tmp_path / "a.stl")], "results are written as .msh, .vtu, .npy, .csv, .nii")
    fails(
        capsys,
        [*convert, str(tmp_path / "a.h5")],
        ".h5 is written by `Field.save`, `headfield solve`",
    )
    fails(capsys, [*convert, str(tmp_path / "a.func.gii")], "no mid-layer of the cortex; a surface is needed")
    fails(capsys, [*convert, str(tmp_path / "a.npy"), "--pose", "3"], "the result has the poses 0 to 2")
    fails(
        capsys,
        [*convert, str(tmp_path / "a.npy"), "--dipoles", "3"],
        "dipoles is not an option for the kind result",
    )
    head = ["convert", str(inputs / "head.msh"), str(tmp_path / "a.npz"), "--pose", "0"]
    fails(capsys, head, "pose is not an option for the kind mesh")
    fails(capsys, ["convert", str(inputs / "head.msh"), str(tmp_path / "a.nii")], "no E in it")
    fails(capsys, arguments(inputs, tmp_path / "a.nii.gz"), "`headfield convert` makes .nii.gz")
    assert os.listdir(tmp_path) == []


def test_recovered_e_is_not_said_to_be_off_by_what_elements_are(inputs, tmp_path, capsys):
    words = arguments(inputs, tmp_path / "f.h5", "--recovery", "interface", "--slice", "0:1")
    out = said(capsys, *words)
    assert re.search(r"E is recovered; that of linear elements would be off by \d+\.\d\d%", out)
    assert "discretisation error" not in out
    facts = json.loads(said(capsys, "info", tmp_path / "f.h5", "--json"))
    assert 0 < facts["each_pose"][0]["discretisation_error_of_elements"] < 1
    assert "E             recovered (interface)" in said(capsys, "info", tmp_path / "f.h5")


def test_what_a_file_calls_its_tissues_stays_with_the_result(inputs, tmp_path, capsys):
    mesh = hf.read_mesh(inputs / "head.msh")
    named = hf.TetMesh(mesh.nodes_mm, mesh.tets, mesh.tags, tag_names={2: "skull", 3: "CSF"})
    named.write(tmp_path / "head.msh")
    paths = [tmp_path / "head.msh", inputs / "coil.ccd", inputs / "poses.csv"]
    summary = said(
        capsys, "solve", *paths, "-o", tmp_path / "r.h5", "-q", "--conductivity", "2=0.01", "--slice", ":1"
    )
    assert "in tag 2, called 'skull' in the file" in summary
    assert dict(hf.read_result(tmp_path / "r.h5").mesh.tag_names) == {2: "skull", 3: "CSF"}
    table = said(capsys, "info", tmp_path / "r.h5")
    assert "2  tag 2, called 'skull' in the file" in table
    assert "  gray matter" not in table


def test_info_of_a_slice_says_which_poses_it_has(inputs, tmp_path, capsys):
    assert cli.main(arguments(inputs, tmp_path / "s.h5", "--slice", "1:3")) == 0
    assert re.search(
        r"slice +1:3 of 3 poses; numbers here are from 0", said(capsys, "info", tmp_path / "s.h5")
    )
    facts = json.loads(said(capsys, "info", tmp_path / "s.h5", "--json"))
    assert (facts["first_pose"], facts["total"]) == (1, 3)
    assert "slice " not in said(capsys, "info", inputs / "r.h5")
