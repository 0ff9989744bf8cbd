# SPDX-License-Identifier: BSD-3-Clause
"""What the command line says of a head: --without-tags, --repair, conductivities of any tag, and its skin."""

import json

import h5py
import nibabel
import numpy as np
import pytest
from given import fuzz
from given.commands import fails
from given.spoilt_meshes import ball, cracked, shrinking

import headfield as hf
from headfield.commands import main as cli
from headfield.commands.main import _joined


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """A head in air, the same as a subject with tensors, one that is refused, and one in pieces."""
    folder = tmp_path_factory.mktemp("heads")
    mesh = hf.sphere_mesh(radii_mm=[60, 70, 80, 95], tags=[1, 2, 5, -1], edge_mm=26)
    mesh.write(folder / "in_air.npz")
    subject = folder / "m2m_anna"
    subject.mkdir()
    mesh.write(subject / "anna.msh")
    data = np.tile(np.float32([4, 0, 0, 1, 0, 2]), (50, 50, 50, 1))
    affine = np.diag([-4.0, 4, 4, 1])
    affine[:3, 3] = 100, -100, -100
    nibabel.Nifti1Image(data, affine).to_filename(subject / "DTI_coregT1_tensor.nii.gz")
    for name, content in (("refused", shrinking(ball(), 8)), ("pieces", cracked(ball(), [2]))):
        content = {key: content[key] for key in ("tets", "tags")} | {"nodes": content["nodes_mm"]}
        np.savez(folder / f"{name}.npz", **content)
    hf.write_coil(folder / "two.ccd", fuzz.dipole_coil())
    pose = np.diag([1.0, -1.0, -1.0, 1.0])
    pose[2, 3] = 86.0
    np.save(folder / "poses.npy", pose)
    return folder


def solved(files, head, out, *more):
    words = ["solve", files / head, files / "two.ccd", files / "poses.npy", "-o", out, "-q", *more]
    return cli.main([str(word) for word in words])


def check_e(files, path, model):
    """The E in a file is that of a model."""
    expected = model.solve(hf.read_coil(files / "two.ccd"), np.load(files / "poses.npy"), 1e6).E
    with h5py.File(path) as file:
        np.testing.assert_allclose(file["elements/E"][:], expected, atol=1e-6 * np.abs(expected).max())


def test_air_is_named_and_left_out(files, tmp_path, capsys):
    words = ["solve", *(str(files / each) for each in ("in_air.npz", "two.ccd", "poses.npy"))]
    last = fails(capsys, [*words, "-o", str(tmp_path / "a.h5")], "no conductivity for tag -1")
    assert "is best left out: --without-tags -1, or mesh.crop(without_tags=-1)" in last
    assert solved(files, "in_air.npz", tmp_path / "a.h5", "--without-tags", "-1") == 0
    check_e(files, tmp_path / "a.h5", hf.HeadModel(hf.read_mesh(files / "in_air.npz").crop(tags=[1, 2, 5])))


def test_tensors_of_a_head_without_its_air(files, tmp_path):
    assert solved(files, "m2m_anna", tmp_path / "a.h5", "--without-tags", "-1", "--tensors", "vn") == 0
    mesh = hf.read_mesh(files / "in_air.npz").crop(without_tags=-1)
    sigma = hf.conductivity_tensors(mesh, files / "m2m_anna" / "DTI_coregT1_tensor.nii.gz", "vn")
    assert np.abs(sigma[mesh.tags == 1][0] - 0.126 * np.eye(3)).max() > 0.05
    check_e(files, tmp_path / "a.h5", hf.HeadModel(mesh, sigma))


def test_info_and_convert_leave_tags_out(files, tmp_path, capsys):
    for head in ("in_air.npz", "m2m_anna"):
        assert cli.main(["info", str(files / head), "--without-tags", "-1,5", "--json"]) == 0
        facts = json.loads(capsys.readouterr().out)
        assert list(facts.get("mesh", facts)["tissues"]) == ["1", "2"]
    assert cli.main(["convert", str(files / "in_air.npz"), str(tmp_path / "a.msh"), "--without-tags=-1"]) == 0
    assert np.unique(hf.read_mesh(tmp_path / "a.msh").tags).tolist() == [1, 2, 5]
    capsys.readouterr()
    fails(
        capsys,
        ["info", str(files / "in_air.npz"), "--without-tags", "7"],
        "the head has no tag 7; it has [-1, 1,",
    )
    for command in (
        ["info", str(files / "two.ccd")],
        ["convert", str(files / "two.ccd"), str(tmp_path / "b.ccd")],
    ):
        fails(capsys, [*command, "--without-tags", "1"], "two.ccd:", "is not an option for the kind coil")
        fails(capsys, [*command, "--repair"], "two.ccd: ", "repair is not an option for the kind coil")


@pytest.mark.parametrize(
    ("name", "said"), [("refused", "edges shorter than"), ("pieces", "nodes were joined with")]
)
def test_repair(files, tmp_path, capsys, name, said):
    source, target = str(files / f"{name}.npz"), str(tmp_path / "a.npz")
    fails(
        capsys,
        ["convert", source, target],
        f"{name}.npz: ",
        "; read_mesh(path, repair=True) or --repair may mend",
    )
    assert cli.main(["convert", source, target, "--repair"]) == 0
    captured = capsys.readouterr()
    assert captured.err.startswith(f"headfield: warning: {source}: repair: ")
    assert said in captured.err
    assert captured.out.startswith(f"{target}: TetMesh(")
    np.testing.assert_allclose(
        hf.read_mesh(target).volumes_mm3().sum(), ball().volumes_mm3().sum(), rtol=1e-3
    )
    assert cli.main(["info", source, "--repair"]) == 0
    assert solved(files, f"{name}.npz", tmp_path / "a.h5", "--repair") == 0


@pytest.mark.parametrize(
    ("words", "joined"),
    [
        (
            ["--conductivity", "1=0.1", "-1=1e-6", "a"],
            ["--conductivity=1=0.1", "--conductivity=-1=1e-6", "a"],
        ),
        (
            ["--conductivity", "-1=1e-6", "2=0.3", "-q"],
            ["--conductivity=-1=1e-6", "--conductivity=2=0.3", "-q"],
        ),
        (["--conductivity", "nonsense"], ["--conductivity", "nonsense"]),
        (["--conductivity=1=0.1", "a=b"], ["--conductivity=1=0.1", "a=b"]),
        (["--didt", "-70e6", "-1"], ["--didt=-70e6", "-1"]),
        (["--without-tags", "-1", "--", "--didt", "-1"], ["--without-tags=-1", "--", "--didt", "-1"]),
    ],
)
def test_values_that_begin_with_a_minus(words, joined):
    assert _joined(words) == joined


def test_conductivities_of_several_tags(files, tmp_path, capsys):
    values = ["--conductivity", "1=0.1", "-1=1e-2", "5=0.4"]
    assert solved(files, "in_air.npz", tmp_path / "a.h5", *values) == 0
    mesh = hf.read_mesh(files / "in_air.npz")
    model = hf.HeadModel(mesh, {1: 0.1, -1: 1e-2, 5: 0.4})
    check_e(files, tmp_path / "a.h5", model)
    assert solved(files, "in_air.npz", tmp_path / "b.h5", "--conductivity", "1=0.1", "?=3") == 2
    assert "'?=3' is not TISSUE=VALUE" in capsys.readouterr().err
    assert solved(files, "in_air.npz", tmp_path / "b.h5", "--conductivity", "1=0.1", "x=3") == 1
    assert "there is no tissue 'x'" in capsys.readouterr().err


def test_the_skin(files, tmp_path, capsys):
    target = str(tmp_path / "skin.stl")
    assert cli.main(["convert", str(files / "in_air.npz"), target]) == 0
    out = capsys.readouterr().out
    mesh = hf.read_mesh(files / "in_air.npz")
    assert out == f"{target}: the skin of {mesh!r}: 162 nodes, {len(mesh.skin())} triangles\n"
    assert len(hf.read_casing(target).faces) == len(mesh.skin())
    assert hf.read_casing(target).points_mm[:, 2].max() == pytest.approx(80)


def test_tissues_that_a_format_loses(files, tmp_path, capsys):
    fails(
        capsys,
        ["convert", str(files / "in_air.npz"), str(tmp_path / "a.su2")],
        ".su2 files, as meshio writes them, lose",
    )
    assert list(tmp_path.iterdir()) == []
