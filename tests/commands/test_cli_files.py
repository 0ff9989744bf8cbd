# SPDX-License-Identifier: BSD-3-Clause
"""`headfield info` and `headfield convert` of every kind of file, and `headfield solve` with them."""

import json
import re

import h5py
import meshio
import numpy as np
import pytest
from given import fuzz

import headfield as hf
from headfield.commands import main as cli

SPHERE = {"radii_mm": [70, 80, 90], "tags": [1, 2, 5], "edge_mm": 22}
POSE = np.diag([1.0, -1.0, -1.0, 1.0])
POSE[2, 3] = 96.0


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """A folder with one small file of every kind."""
    folder = tmp_path_factory.mktemp("files")
    hf.write_mesh(folder / "head.msh", hf.sphere_mesh(**SPHERE))
    hf.write_coil(folder / "two.ccd", fuzz.dipole_coil())
    hf.write_coil(folder / "flexible.tcd", fuzz.flexible_coil())
    hf.write_coil(folder / "grid.nii.gz", fuzz.sampled_coil())
    hf.write_poses(folder / "poses.xml", [POSE, POSE], names=["M1", "SMA"], didt=[1e6, 2e6])
    np.save(folder / "poses.npy", POSE)
    (folder / "cap.csv").write_text(fuzz.EEG)
    (folder / "casing.stl").write_text(fuzz.STL)
    (folder / "tensors.nii.gz").write_bytes(fuzz.tensor_image())
    subject = folder / "m2m_anna"
    (subject / "eeg_positions").mkdir(parents=True)
    (subject / "eeg_positions" / "mine.csv").write_text(fuzz.EEG)
    hf.write_mesh(subject / "anna.msh", hf.sphere_mesh(**SPHERE))
    return folder


def info(capsys, *arguments):
    assert cli.main(["info", *map(str, arguments)]) == 0
    return capsys.readouterr().out


SAID = {
    "head.msh": ["kind          mesh", "tetrahedra", "gray matter", "white matter", "scalp"],
    "two.ccd": ["kind          coil", "dipoles       2", "dI/dt max     100.0 A/µs", "V/m at (0, 0, 20) mm"],
    "flexible.tcd": [
        *("stimulator 0  A a", "stimulator 1  b", "parameter 1   -30 to 30, at first 0"),
        *("part  name", "left", "wire segments", "samples", "0, 1", "casing        4 triangles"),
    ],
    "grid.nii.gz": ["kind          coil", "samples of A  4 x 3 x 2, every 3.0 3.0 3.0 mm"],
    "poses.xml": ["kind          poses", "Localite", "names         M1, SMA", "dI/dt         1 to 2 A/µs"],
    "cap.csv": ["kind          eeg", "positions     3", "Nz, C3, C4"],
    "casing.stl": ["kind          casing", "triangles     2"],
    "tensors.nii.gz": ["kind          tensors", "voxels        3 x 4 x 2", "spacing       2.0 2.0 2.0 mm"],
    "m2m_anna": [
        "kind          subject",
        "subject       anna",
        "EEG caps      mine.csv",
        "tensors       none",
    ],
}


@pytest.mark.filterwarnings("ignore:.*points lie outside the sampled A")
@pytest.mark.filterwarnings("ignore:.*casing")
@pytest.mark.parametrize("name", SAID)
def test_info_says_what_a_file_is(files, capsys, name):
    text = info(capsys, files / name)
    for said in SAID[name]:
        assert said in text
    facts = json.loads(info(capsys, files / name, "--json"))
    assert facts["kind"] == SAID[name][0].split()[-1] or name == "flexible.tcd"


def convert(*arguments):
    return cli.main(["convert", *map(str, arguments)])


def test_heads_coils_and_poses_are_converted(files, tmp_path, capsys):
    assert convert(files / "head.msh", tmp_path / "head.npz") == 0
    np.testing.assert_array_equal(hf.read_mesh(tmp_path / "head.npz").tets, hf.sphere_mesh(**SPHERE).tets)
    assert convert(files / "two.ccd", tmp_path / "two.tcd") == 0
    back = hf.read_coil(tmp_path / "two.tcd")
    np.testing.assert_array_equal(back.dipole_moments, fuzz.dipole_coil().dipole_moments)
    assert convert(files / "poses.xml", tmp_path / "poses.csv") == 0
    listed = hf.read_pose_list(tmp_path / "poses.csv")
    np.testing.assert_allclose(listed.poses, [POSE, POSE], atol=1e-9)
    assert listed.names == ("M1", "SMA")
    assert listed.didt.tolist() == [1e6, 2e6]
    said = capsys.readouterr().out.splitlines()
    assert said[2] == f"{tmp_path / 'poses.csv'}: 2 poses"


def test_a_coil_is_reduced_and_sampled_on_the_way(tmp_path, capsys):
    hf.figure_of_eight(spacing_mm=8.0).write(tmp_path / "eight.tcd")
    assert convert(tmp_path / "eight.tcd", tmp_path / "few.ccd", "--dipoles", "40") == 0
    assert "A is off by at most" in capsys.readouterr().out
    assert hf.read_coil(tmp_path / "few.ccd").n_dipoles <= 40
    assert convert(tmp_path / "few.ccd", tmp_path / "few.nii.gz", "--spacing-mm", "20") == 0
    (element,) = hf.read_coil(tmp_path / "few.nii.gz").elements
    np.testing.assert_allclose(element.source.spacing_mm, 20.0)


def fails(capsys, arguments, *words):
    assert cli.main([str(a) for a in arguments]) == 1
    (line,) = (said for said in capsys.readouterr().err.splitlines() if ": error: " in said)
    for word in words:
        assert word in line


def test_what_can_not_be_converted_is_said(files, tmp_path, capsys):
    out = tmp_path / "out.msh"
    fails(capsys, ["convert", files / "cap.csv", out], "files of the kind eeg can't be converted")
    fails(
        capsys,
        ["convert", files / "head.msh", out, "--dipoles", "5"],
        "dipoles is not an option for the kind mesh",
    )
    fails(capsys, ["convert", files / "two.ccd", tmp_path / "out.xyz"], "coils are written as")
    fails(capsys, ["convert", files / "flexible.tcd", tmp_path / "out.ccd"], "coil")
    fails(capsys, ["convert", files / "head.msh", files / "head.msh"], "is an input")
    fails(capsys, ["convert", tmp_path / "absent.ccd", out], "absent.ccd")
    fails(capsys, ["info", tmp_path / "absent.ccd"], "absent.ccd")
    fails(capsys, ["info", tmp_path], "m2m_")
    assert not list(tmp_path.iterdir())


def test_sheared_poses_are_converted_on_demand_only(tmp_path, capsys):
    np.save(tmp_path / "sheared.npy", POSE @ np.diag([1.01, 1, 1, 1]))
    fails(capsys, ["convert", tmp_path / "sheared.npy", tmp_path / "out.npy"], "not orthonormal")
    assert convert(tmp_path / "sheared.npy", tmp_path / "out.npy", "--nearest-rotation") == 0
    np.testing.assert_allclose(np.load(tmp_path / "out.npy").reshape(4, 4), POSE, atol=1e-12)


def solve(files, coil, poses, out, *more, head="head.msh"):
    return cli.main(["solve", *map(str, (files / head, coil, files / poses, "-o", out, "-q", *more))])


def test_rates_come_from_the_poses_unless_they_are_given(files, tmp_path):
    h5py = pytest.importorskip("h5py")
    for more, expected in (([], [1e6, 2e6]), (["--didt", "5e6"], [5e6, 5e6])):
        assert solve(files, files / "two.ccd", "poses.xml", tmp_path / "f.h5", *more) == 0
        with h5py.File(tmp_path / "f.h5") as file:
            assert file["didt"][:].tolist() == expected


def test_each_stimulator_has_a_rate(files, tmp_path, capsys):
    h5py = pytest.importorskip("h5py")
    parts = fuzz.flexible_coil().elements[:2]
    coil = hf.Coil(
        elements=[p.__class__(p.source, p.stimulator) for p in parts], stimulators=[hf.Stimulator()] * 2
    )
    coil.write(tmp_path / "both.tcd")
    assert solve(files, tmp_path / "both.tcd", "poses.npy", tmp_path / "f.h5", "--didt", "1e6,2e6") == 0
    with h5py.File(tmp_path / "f.h5") as file:
        assert file["didt"][:].tolist() == [[1e6, 2e6]]
    capsys.readouterr()
    assert solve(files, tmp_path / "both.tcd", "poses.npy", tmp_path / "g.h5", "--didt", "1e6") == 1
    assert "2 stimulators" in capsys.readouterr().err


def test_a_subject_folder_is_a_head(files, tmp_path, capsys):
    pytest.importorskip("h5py")
    assert solve(files, files / "two.ccd", "poses.npy", tmp_path / "f.h5", head="m2m_anna") == 0
    capsys.readouterr()
    tensors = ["--tensors", "vn"]
    assert solve(files, files / "two.ccd", "poses.npy", tmp_path / "g.h5", *tensors, head="m2m_anna") == 1
    assert "DTI_coregT1_tensor" in capsys.readouterr().err
    assert solve(files, files / "two.ccd", "poses.npy", tmp_path / "g.h5", *tensors) == 1
    assert "--tensors needs a subject folder" in capsys.readouterr().err


def test_recovered_fields_and_their_errors(files, tmp_path, capsys):
    """`headfield solve --recovery` writes what `HeadModel.solve` gives, and says how far elements are off."""

    def arguments(out, *more):
        paths = [str(files / name) for name in ("head.msh", "two.ccd", "poses.xml")]
        words = ["solve", *paths, "-o", str(tmp_path / out), "--didt", "2e6", "--tissues", "1,2", "-q"]
        return [*words, "--recovery", "interface", "--tol", "auto", *more]

    assert cli.main(arguments("f.h5")) == 0
    assert re.search(r"linear elements would be off by \d+\.\d+%", capsys.readouterr().out)
    mesh = hf.read_mesh(files / "head.msh")
    coil, poses = hf.read_coil(files / "two.ccd"), hf.read_poses(files / "poses.xml")
    numbers = {"roi": hf.regions.tissue(mesh, [1, 2]), "recovery": "interface", "tol": "auto"}
    field = hf.HeadModel(mesh).solve(coil, poses, 2e6, **numbers)
    field.save(tmp_path / "saved.h5")
    for name in ("f.h5", "saved.h5"):
        with h5py.File(tmp_path / name) as file:
            assert file.attrs["recovery"] == "interface"
            np.testing.assert_array_equal(file["elements/E"], field.E)
            np.testing.assert_array_equal(file["elements/local_error"], field.local_error)
            np.testing.assert_array_equal(file["tolerance"], field.report.tolerance)
            np.testing.assert_array_equal(file["discretisation_error"], field.report.discretisation_error)
    assert cli.main(arguments("f.vtu", "--json")) == 0
    facts = json.loads(capsys.readouterr().out)
    errors = [row["discretisation_error_of_elements"] for row in facts["results"]]
    assert errors == pytest.approx(field.report.discretisation_error.tolist())
    cells = meshio.read(facts["files"][1]).cell_data
    np.testing.assert_array_equal(cells["local_error"][0][field.elements], field.local_error[1])


def test_the_primary_field_by_edges(files, tmp_path, capsys):
    """`headfield solve --primary edges` writes what a model by edges gives, and goes on in no other file."""
    paths = [str(files / name) for name in ("head.msh", "two.ccd", "poses.xml")]
    words = ["solve", *paths, "-o", str(tmp_path / "f.h5"), "--didt", "2e6", "-q"]
    assert cli.main([*words, "--primary", "edges", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["primary"] == "edges"
    mesh = hf.read_mesh(files / "head.msh")
    coil, poses = hf.read_coil(files / "two.ccd"), hf.read_poses(files / "poses.xml")
    fields = [hf.HeadModel(mesh, primary=one).solve(coil, poses, 2e6) for one in ("edges", "nodes")]
    result = hf.read_result(tmp_path / "f.h5")
    with h5py.File(tmp_path / "f.h5") as file:
        np.testing.assert_array_equal(file["elements/E"], fields[0].E)
    assert not np.array_equal(fields[0].E, fields[1].E)
    assert result.provenance.settings["primary"] == "edges"
    assert cli.main([*words, "--resume"]) == 1
    assert "the options are not the same" in capsys.readouterr().err
