# SPDX-License-Identifier: BSD-3-Clause
"""The command line: numbers with units, numbers that can't be meant, wire as a coil, casings."""

import json
import os
import subprocess
import sys

import h5py
import numpy as np
import pytest
from given.commands import fails

import headfield as hf
from headfield.commands import main as cli


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("numbers")
    mesh = hf.sphere_mesh(radii_mm=[70, 80, 92], tags=[2, 3, 5], edge_mm=24)
    pose = hf.place(mesh, [0, 0, 92], [0, 50, 92])
    mesh.write(folder / "head.npz")
    np.save(folder / "pose.npy", pose)
    hf.write_poses(folder / "off.xml", [pose, pose], names=["a", "b"], didt=[0.0, 0.0])
    wings = [[35, 0, -5.0], [-35, 0, -5.0]]
    hf.Coil(wings, [[0, 0, 0.03], [0, 0, -0.03]], name="two", didt_max=1e8).write(folder / "coil.ccd")
    path = hf.spiral_path(20, 40, 3, centre_mm=[0, 0, -6], points_per_turn=40)
    np.savetxt(folder / "wire.txt", [*path, path[0]], header="x y z", comments="")
    np.savetxt(folder / "wire.csv", [*path, path[0]], header="x_mm,y_mm,z_mm", comments="", delimiter=",")
    plate = "v -50 -50 0\nv 50 -50 0\nv 50 50 0\nv -50 50 0\nf 1 2 3 4\n"
    (folder / "plate.obj").write_text(plate)
    return folder


def solved(files, out, *more, coil="coil.ccd", poses="pose.npy"):
    """dI/dt of a solve."""
    words = [str(files / name) for name in ("head.npz", coil, poses)]
    assert cli.main(["solve", *words, "-o", str(out), "-q", "--tissues", "2", *more]) == 0
    with h5py.File(out) as file:
        return file["didt"][:].tolist()


def test_rates_with_units(files, tmp_path, capsys):
    for i, word in enumerate(("50 A/µs", "50%MSO")):
        assert solved(files, tmp_path / f"{i}.h5", "--didt", word) == [5e7]
    assert solved(files, tmp_path / "m.h5", "--didt", "-50A/us") == [-5e7]
    assert capsys.readouterr().err == ""
    args = [
        "solve",
        *(str(files / n) for n in ("head.npz", "wire.txt", "pose.npy")),
        "-o",
        str(tmp_path / "x.h5"),
        "-q",
    ]
    fails(capsys, [*args, "--didt", "50%MSO"], "<Coil 'wire'", "does not say how much that is")
    assert cli.main([*args, "--didt", "50 V"]) == 2
    assert "such as 50e6, 50A/us or 60%MSO" in capsys.readouterr().err


def test_a_rate_that_is_not_meant_is_said_once_and_can_be_silenced(files, tmp_path, capsys):
    assert solved(files, tmp_path / "a.h5", "--didt", "50") == [50.0]
    (line,) = capsys.readouterr().err.splitlines()
    assert "dI/dt of 50 A/s: A/µs would be 50e6" in line
    assert "--no-plausibility" in line
    solved(files, tmp_path / "b.h5", "--didt", "50", "--no-plausibility")
    assert capsys.readouterr().err == ""


def test_rates_of_zero_in_a_file_are_said(files, tmp_path, capsys):
    assert solved(files, tmp_path / "a.h5", poses="off.xml") == [0.0, 0.0]
    assert "dI/dt is 0 for 2 of 2 poses" in capsys.readouterr().err
    assert solved(files, tmp_path / "b.h5", "--didt", "1e6", poses="off.xml") == [1e6, 1e6]
    assert capsys.readouterr().err == ""


def test_one_rate_a_pose_in_a_file_is_too_few_for_two_stimulators(files, tmp_path, capsys):
    source = hf.read_coil(files / "coil.ccd").elements[0].source
    elements = [hf.CoilElement(source, i) for i in (0, 1)]
    both = hf.Coil(elements=elements, stimulators=[hf.Stimulator("A"), hf.Stimulator("B")])
    both.write(files / "two.tcd")
    words = [str(files / name) for name in ("head.npz", "two.tcd", "off.xml")]
    args = ["solve", *words, "-o", str(tmp_path / "a.h5"), "-q"]
    fails(capsys, args, "off.xml has one dI/dt a pose", "has 2 stimulators", "--didt 1e6,1e6")
    assert cli.main([*args, "--didt", "1e6,1e6"]) == 0


def test_conductivities_with_units(files, tmp_path, capsys):
    solved(files, tmp_path / "a.h5", "--conductivity", "2=300mS/m")
    solved(files, tmp_path / "b.h5", "--conductivity", "2=0.3")
    assert capsys.readouterr().err == ""
    with h5py.File(tmp_path / "a.h5") as a, h5py.File(tmp_path / "b.h5") as b:
        np.testing.assert_array_equal(a["elements/E"], b["elements/E"])
    solved(files, tmp_path / "c.h5", "--conductivity", "2=300")
    (line,) = capsys.readouterr().err.splitlines()
    assert (
        "conductivity of tag 2 (gray matter) is 300 S/m, not between 0.0275 and 2.75: 300 mS/m would be 0.3"
        in line
    )


@pytest.mark.parametrize("name", ["wire.txt", "wire.csv"])
def test_wire_is_a_coil(files, tmp_path, capsys, name):
    assert cli.main(["info", str(files / name), "--json"]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert (facts["kind"], facts["name"]) == ("coil", "wire")
    assert facts["wire_segments"] > 200
    assert solved(files, tmp_path / "a.h5", coil=name) == [1e6]
    assert cli.main(["convert", str(files / name), str(tmp_path / "wire.tcd")]) == 0
    made, read = (hf.read_coil(p).elements[0].source for p in (files / name, tmp_path / "wire.tcd"))
    assert made.points_mm.tobytes() == read.points_mm.tobytes()
    capsys.readouterr()


def test_wire_becomes_dipoles_in_a_ccd(files, tmp_path, capsys):
    assert cli.main(["convert", str(files / "wire.txt"), str(tmp_path / "wire.ccd")]) == 0
    assert "A is off by at most" in capsys.readouterr().out
    wire, few = hf.read_coil(files / "wire.txt"), hf.read_coil(tmp_path / "wire.ccd")
    points = np.random.default_rng(0).uniform([-50, -50, 15], [50, 50, 60], (200, 3))
    a, b = wire.vector_potential(points), few.vector_potential(points)
    assert 0 < few.n_dipoles <= 500
    assert np.abs(a - b).max() < 0.01 * np.abs(a).max()


def test_a_casing_goes_into_a_tcd(files, tmp_path, capsys):
    args = ["convert", str(files / "coil.ccd")]
    casing = ["--casing", str(files / "plate.obj")]
    assert cli.main([*args, str(tmp_path / "a.tcd"), *casing]) == 0
    assert hf.read_coil(tmp_path / "a.tcd").casing.faces.shape == (2, 3)
    capsys.readouterr()
    fails(capsys, [*args, str(tmp_path / "a.ccd"), *casing], "only a .tcd file holds a casing")
    fails(
        capsys,
        ["convert", str(files / "pose.npy"), str(tmp_path / "p.csv"), *casing],
        "casing is not an option",
    )


def test_poses_in_metres_are_doubted(files, tmp_path, capsys):
    pose = np.load(files / "pose.npy").reshape(4, 4)
    pose[:3, 3] *= 1e-3
    np.save(tmp_path / "metres.npy", pose)
    assert cli.main(["info", str(tmp_path / "metres.npy")]) == 0
    assert "metres.npy: all centres are within 0.09" in capsys.readouterr().err


def test_navigation_samples_are_not_doubted(shared_data, capsys):
    for path in sorted((shared_data / "navigation").iterdir()):
        cli.main(["info", str(path)])
        assert "--no-plausibility" not in capsys.readouterr().err, path.name


@pytest.mark.skipif(sys.platform == "win32", reason="pipes of POSIX")
@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_a_reader_that_has_enough_is_no_error(files, unbuffered):
    """As of `headfield info head.npz | head -1`."""
    program = "import sys; from headfield.commands.main import main; sys.exit(main(sys.argv[1:]))"
    command = [sys.executable, "-c", program, "info", str(files / "head.npz")]
    environment = os.environ | {"PYTHONUNBUFFERED": unbuffered}
    run = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment)
    run.stdout.close()
    assert (run.stderr.read(), run.wait()) == (b"", 141)
    run.stderr.close()
