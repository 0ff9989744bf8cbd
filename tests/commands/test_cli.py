# SPDX-License-Identifier: BSD-3-Clause
"""The command line: what it writes, what it says, its exit codes, and what survives a failure."""

import json
import os
import re
import subprocess
import sys

import h5py
import meshio
import numpy as np
import pytest
from given.commands import fails

import headfield as hf
from headfield.commands import main as cli
from headfield.commands.kinds import kind_of
from headfield.poses.pose import ring
from headfield.poses.read import read_poses

K = 5


@pytest.fixture(scope="module")
def inputs(tmp_path_factory):
    """A small sphere of gray matter, bone and scalp, a coil over it, five poses."""
    folder = tmp_path_factory.mktemp("inputs")
    mesh = hf.sphere_mesh(radii_mm=[78, 86, 92], tags=[2, 4, 5], edge_mm=16)
    wings = [[44.0, 0, -5], [-44.0, 0, -5]]
    coil = hf.Coil(wings, [[0, 0, 0.03], [0, 0, -0.03]], name="test coil", didt_max=100e6)
    pose = hf.place(mesh, [0, 0, 92], [0, 50, 92])
    mesh.write(folder / "head.msh")
    coil.write(folder / "coil.ccd")
    np.save(folder / "poses.npy", ring(pose, np.linspace(0, 90, K)))
    return folder


@pytest.fixture(scope="module")
def reference(inputs):
    model = hf.HeadModel(hf.read_mesh(inputs / "head.msh"))
    return model.solve(hf.read_coil(inputs / "coil.ccd"), np.load(inputs / "poses.npy"), 2e6)


def solve_args(inputs, out, *more):
    paths = [str(inputs / name) for name in ("head.msh", "coil.ccd", "poses.npy")]
    return ["solve", *paths, "-o", str(out), "--didt", "2e6", "-q", *more]


class TestSolve:
    def test_h5_holds_all_poses_in_order(self, inputs, reference, tmp_path, capsys):
        assert cli.main(solve_args(inputs, tmp_path / "f.h5", "--batch", "2")) == 0
        out = capsys.readouterr().out
        assert "5 poses in" in out
        assert "f.h5" in out
        with h5py.File(tmp_path / "f.h5") as file:
            np.testing.assert_array_equal(file["elements/E"], reference.E)
            np.testing.assert_array_equal(file["elements/magnE"], reference.magnitude)
            np.testing.assert_array_equal(file["nodes/v"], reference.potential)
            np.testing.assert_array_equal(file["poses"], reference.poses)
            np.testing.assert_array_equal(file["mesh/tets"], reference.mesh.tets)
            assert file["didt"][:].tolist() == [2e6] * K
            assert file["converged"][:].all()
            assert (file["residual"][:] <= 1e-5).all()
        assert [p.name for p in tmp_path.iterdir()] == ["f.h5"]

    def test_tissues_and_conductivity(self, inputs, tmp_path, capsys):
        more = ["--tissues", "2", "--conductivity", "4=0.02", "5=0.3", "--conductivity", "2=0.2", "--json"]
        assert cli.main(solve_args(inputs, tmp_path / "f.h5", *more)) == 0
        facts = json.loads(capsys.readouterr().out)
        mesh = hf.read_mesh(inputs / "head.msh")
        model = hf.HeadModel(mesh, {4: 0.02, 5: 0.3, 2: 0.2})
        field = model.solve(
            hf.read_coil(inputs / "coil.ccd"), np.load(inputs / "poses.npy"), 2e6, elements=mesh.tags == 2
        )
        with h5py.File(tmp_path / "f.h5") as file:
            np.testing.assert_array_equal(file["elements/E"], field.E)
            np.testing.assert_array_equal(file["elements/index"], field.elements)
            assert "nodes" not in file
        volumes = mesh.volumes_mm3()[mesh.tags == 2]
        peaks = hf.metrics.percentiles(field.magnitude, volumes, 99.9)
        assert [row["peak_V_per_m"] for row in facts["results"]] == pytest.approx(peaks.tolist())
        assert [row["iterations"] for row in facts["results"]] == field.report.iterations.tolist()
        assert facts["files"] == [str(tmp_path / "f.h5")]
        assert (facts["poses"], facts["didt"], facts["device"]) == (K, 2e6, field.report.device)

    @pytest.mark.parametrize("name", ["f.h5", "f.vtu"])
    def test_the_magnitude_of_a_batch_is_never_made(self, inputs, tmp_path, monkeypatch, name):
        def refuse(_):
            raise AssertionError("as large as a third of E")

        monkeypatch.setattr(hf.Field, "magnitude", property(refuse))
        assert cli.main(solve_args(inputs, tmp_path / name)) == 0

    @pytest.mark.parametrize("ending", [".msh", ".vtu"])
    def test_a_file_per_pose(self, inputs, reference, tmp_path, ending):
        assert cli.main(solve_args(inputs, tmp_path / f"f{ending}", "--tissues", "all")) == 0
        names = [f"f_{k:04d}{ending}" for k in range(K)]
        assert sorted(p.name for p in tmp_path.iterdir() if p.suffix != ".opt") == names
        if ending == ".vtu":
            e = meshio.read(tmp_path / names[3]).cell_data["E"][0]
            np.testing.assert_array_equal(e, reference.E[3])
        else:
            assert hf.read_mesh(tmp_path / names[3]).n_tets == reference.mesh.n_tets

    def test_one_pose_gets_the_plain_name(self, inputs, reference, tmp_path):
        one = tmp_path / "one.txt"
        np.savetxt(one, np.load(inputs / "poses.npy")[1], fmt="%.17g")
        args = solve_args(inputs, tmp_path / "f.vtu", "--tissues", "2,4")
        args[3] = str(one)
        assert cli.main(args) == 0
        assert sorted(p.name for p in tmp_path.iterdir()) == ["f.vtu", "one.txt"]
        e = meshio.read(tmp_path / "f.vtu").cell_data["E"][0]
        kept = np.isin(reference.mesh.tags, [2, 4])
        np.testing.assert_array_equal(e[kept], reference.E[1][kept])
        assert np.isnan(e[~kept]).all()

    def test_threads_do_not_change_the_result(self, inputs, reference, tmp_path):
        assert cli.main(solve_args(inputs, tmp_path / "f.h5", "--threads", "2")) == 0
        with h5py.File(tmp_path / "f.h5") as file:
            np.testing.assert_array_equal(file["elements/E"], reference.E)

    def test_progress_is_lines_in_a_log(self, inputs, tmp_path, capsys):
        args = [word for word in solve_args(inputs, tmp_path / "f.h5", "--batch", "1") if word != "-q"]
        assert cli.main(args) == 0
        err = capsys.readouterr().err
        assert "\r" not in err
        assert "5 of 5 poses" in err
        assert all(line.startswith("headfield: ") for line in err.splitlines())

    def test_a_warning_is_one_line(self, inputs, tmp_path, capsys):
        args = solve_args(inputs, tmp_path / "f.h5")
        args[args.index("2e6")] = "2e8"
        assert cli.main(args) == 0
        (line,) = capsys.readouterr().err.splitlines()
        assert line.startswith("headfield: warning: dI/dt")


class Stop:
    """Makes HeadModel.iter_solve raise after so many batches."""

    def __init__(self, monkeypatch, batches, error):
        original = hf.HeadModel.iter_solve

        def iter_solve(model, *args, **kwargs):
            for i, field in enumerate(original(model, *args, **kwargs)):
                if i == batches:
                    raise error
                yield field

        monkeypatch.setattr(hf.HeadModel, "iter_solve", iter_solve)


class TestWhatSurvives:
    def test_no_convergence(self, inputs, tmp_path, capsys):
        more = ["--tol", "1e-12", "--max-iterations", "1", "--strict"]
        fails(capsys, solve_args(inputs, tmp_path / "f.h5", *more), "did not reach")
        with h5py.File(tmp_path / "f.part.h5") as file:
            assert not file["converged"][:].any()
            assert np.isnan(file["elements/E"][:]).all()
            assert (file["residual"][:] > 1e-12).all()
        fails(capsys, solve_args(inputs, tmp_path / "f.msh", *more), "did not reach")
        assert [p.name for p in tmp_path.glob("*.msh")] == []

    @pytest.mark.parametrize(("error", "code"), [(KeyboardInterrupt(), 130), (OSError("disk is full"), 1)])
    def test_stopped_after_two_batches(self, inputs, reference, tmp_path, monkeypatch, capsys, error, code):
        Stop(monkeypatch, 2, error)
        (tmp_path / "f.h5").write_text("an older result")
        args = [word for word in solve_args(inputs, tmp_path / "f.h5", "--batch", "1") if word != "-q"]
        assert cli.main(args) == code
        err = capsys.readouterr().err.splitlines()
        assert err[-2] == "headfield: 2 of 5 poses are done and kept; go on with --resume"
        assert err[-1] == ("headfield: interrupted" if code == 130 else "headfield: error: disk is full")
        assert (tmp_path / "f.h5").read_text() == "an older result"
        with h5py.File(tmp_path / "f.part.h5") as file:
            np.testing.assert_array_equal(file["elements/E"][:2], reference.E[:2])
        again = "f.part.h5 holds 2 poses of a run that was stopped: go on with --resume"
        fails(capsys, solve_args(inputs, tmp_path / "f.h5"), again)
        assert (tmp_path / "f.part.h5").exists()
        assert cli.main(solve_args(inputs, tmp_path / "f.vtu", "--batch", "1")) == code
        assert sorted(p.name for p in tmp_path.glob("*.vtu")) == ["f_0000.vtu", "f_0001.vtu"]

    def test_nothing_solved_leaves_nothing(self, inputs, tmp_path, monkeypatch):
        Stop(monkeypatch, 0, KeyboardInterrupt())
        assert cli.main(solve_args(inputs, tmp_path / "f.h5")) == 130
        assert not list(tmp_path.iterdir())


class TestBadInput:
    @pytest.mark.parametrize("which", ["head", "coil", "poses"])
    @pytest.mark.parametrize(
        "content", [None, b"", b"\x00\xff" * 500, "héadfield\n1 2 3".encode("latin-1"), "folder"]
    )
    def test_files(self, inputs, tmp_path, capsys, which, content):
        position, ending = {"head": (1, ".msh"), "coil": (2, ".ccd"), "poses": (3, ".npy")}[which]
        bad = tmp_path / f"bad{ending}"
        if content == "folder":
            bad.mkdir()
        elif content is not None:
            bad.write_bytes(content)
        args = solve_args(inputs, tmp_path / "f.h5")
        args[position] = str(bad)
        fails(capsys, args, "bad")
        fails(capsys, ["info", str(bad)], "bad")
        assert not list(tmp_path.glob("*.h5"))

    @pytest.mark.parametrize("name", ["bad.msh", "bad.npz", "bad.ccd", "bad.npy", "bad.csv", "bad.txt"])
    def test_pipes_and_devices_do_not_hang(self, tmp_path, capsys, name):
        os.mkfifo(tmp_path / name)
        fails(capsys, ["info", str(tmp_path / name)], name, "not a regular file")
        (tmp_path / name).unlink()
        (tmp_path / name).symlink_to("/dev/zero")
        fails(capsys, ["info", str(tmp_path / name)], name, "not a regular file")

    def test_a_nul_byte_is_no_path(self, tmp_path):
        for read, name, error in [
            (hf.read_mesh, "a\0b.msh", hf.MeshError),
            (hf.read_mesh, "a\0b", hf.MeshError),
            (hf.read_coil, "a\0b.ccd", hf.CoilError),
            (read_poses, "a\0b.npy", hf.PoseError),
            (read_poses, "a\0b.csv", hf.PoseError),
        ]:
            with pytest.raises(error, match=r"a\\x00b.* is not a path"):
                read(name)
        with pytest.raises(hf.FileFormatError, match=r"a\\x00b.* is not a path"):
            kind_of("a\0b")

    def test_tissues_that_are_not_there_are_a_fault_of_the_region(self, inputs, tmp_path):
        words = solve_args(inputs, tmp_path / "f.h5", "--tissues", "2,77")
        args = cli.build_parser(cli._COMMANDS).parse_args(words)
        with pytest.raises(hf.RegionError, match="no tag 77"):
            args.command(args)
        assert not list(tmp_path.iterdir())

    @pytest.mark.parametrize(
        ("more", "words"),
        [
            (["--tissues", "2,77"], ["no tag 77", "[2, 4, 5]"]),
            (["--conductivity", "2=-1"], ["-1"]),
            (["--tol", "nan"], ["tol"]),
            (["--batch", "0"], ["batch"]),
            (["--threads", "0"], ["threads"]),
            (["--didt", "1e13"], ["didt"]),
            (["--max-iterations", "0"], ["max_iterations"]),
        ],
    )
    def test_values(self, inputs, tmp_path, capsys, more, words):
        fails(capsys, solve_args(inputs, tmp_path / "f.h5", *more), *words)
        assert not list(tmp_path.iterdir())

    def test_outputs(self, inputs, tmp_path, capsys):
        (tmp_path / "folder.msh").mkdir()
        fails(capsys, solve_args(inputs, tmp_path / "f.xyz"), ".xyz")
        fails(capsys, solve_args(inputs, tmp_path / "f"), ".h5")
        fails(capsys, solve_args(inputs, tmp_path / "missing" / "f.h5"), "missing")
        fails(capsys, solve_args(inputs, tmp_path / "folder.msh"), "folder")
        fails(capsys, solve_args(inputs, inputs / "head.msh"), "input")
        assert hf.read_mesh(inputs / "head.msh").n_tets > 0

    def test_an_input_is_never_overwritten(self, inputs, tmp_path, capsys):
        for out, taken in [("x.msh", "x_0003.msh"), ("x.h5", "x.part.h5"), ("x.vtu", "x.vtu.run")]:
            data = (inputs / "head.msh").read_bytes()
            (tmp_path / taken).write_bytes(data)
            args = solve_args(inputs, tmp_path / out)
            args[1] = str(tmp_path / taken)  # told by its content, whatever its name
            fails(capsys, args, f"{taken} is an input")
            assert (tmp_path / taken).read_bytes() == data
        (tmp_path / "y_0001.msh").symlink_to(inputs / "coil.ccd")
        data = (inputs / "coil.ccd").read_bytes()
        fails(capsys, solve_args(inputs, tmp_path / "y.msh"), "y_0001.msh is an input")
        assert (inputs / "coil.ccd").read_bytes() == data

    @pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
    def test_unwritable_folder(self, inputs, tmp_path, capsys):
        tmp_path.chmod(0o500)
        fails(capsys, solve_args(inputs, tmp_path / "f.h5"), "not writable")
        tmp_path.chmod(0o700)

    @pytest.mark.parametrize(
        "argv",
        [
            [],
            ["nonsense"],
            ["solve"],
            ["solve", "a", "b", "c"],
            ["info"],
            ["solve", "a", "b", "c", "-o", "d", "--tissues", "1;2"],
            ["solve", "a", "b", "c", "-o", "d", "--conductivity", "2"],
            ["solve", "a", "b", "c", "-o", "d", "--didt", "fast"],
        ],
    )
    def test_usage(self, argv, capsys):
        assert cli.main(argv) == 2
        said = capsys.readouterr().err
        assert re.fullmatch(r"headfield( \w+)?: error: .+ \(see headfield( \w+)? --help\)\n", said)


class TestInfo:
    def test_mesh(self, inputs, capsys):
        assert cli.main(["info", str(inputs / "head.msh")]) == 0
        text = capsys.readouterr().out
        mesh = hf.read_mesh(inputs / "head.msh")
        assert f"nodes         {mesh.n_nodes:,}" in text
        assert "gray matter" in text
        assert "0.275" in text
        assert cli.main(["info", str(inputs / "head.msh"), "--json"]) == 0
        facts = json.loads(capsys.readouterr().out)
        assert facts["tissues"]["5"]["name"] == "scalp"
        assert sum(row["tetrahedra"] for row in facts["tissues"].values()) == mesh.n_tets
        assert 20 < facts["smallest_dihedral_deg"]["minimum"] < 70.6

    def test_unknown_tissue(self, tmp_path, capsys):
        mesh = hf.TetMesh([[0, 0, 0], [1, 0, 0], [0, 0, 1], [0, 1, 0], [9, 9, 9]], [[0, 1, 2, 3]], tags=[50])
        mesh.write(tmp_path / "tet.npz")
        assert cli.main(["info", str(tmp_path / "tet.npz")]) == 0
        captured = capsys.readouterr()
        assert "unknown" in captured.out
        assert captured.out.splitlines()[-1] == (
            "warning: the mesh is 1 mm across; its coordinates are taken as mm, are these its units?"
        )

    def test_coil(self, inputs, capsys):
        assert cli.main(["info", str(inputs / "coil.ccd")]) == 0
        text = capsys.readouterr().out
        assert "coil          test coil" in text
        assert "dI/dt max     100.0 A/µs" in text
        # Two dipoles of m = 0.03 A·m², a = 44 mm to the sides, h = 25 mm away: 2e-7 m a / (a² + h²)^1.5 · 1e6
        assert f"{0.2 * 0.03 * 0.044 / (0.044**2 + 0.025**2) ** 1.5:.2f} V/m at (0, 0, 20) mm" in text
        assert cli.main(["info", str(inputs / "coil.ccd"), "--json"]) == 0
        assert json.loads(capsys.readouterr().out)["stimulators"][0]["didt_max"] == 100e6

    def test_poses(self, inputs, capsys):
        assert cli.main(["info", str(inputs / "poses.npy")]) == 0
        assert capsys.readouterr().out.splitlines()[:2] == ["kind          poses", "poses         5"]


class TestProcess:
    def run(self, *argv, **kwargs):
        command = [sys.executable, "-m", "headfield", *argv]
        return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False, **kwargs)

    def test_version_and_help(self):
        assert self.run("--version").stdout == f"headfield {hf.__version__}\n"
        for argv in (
            ["--help"],
            ["demo", "--help"],
            ["solve", "--help"],
            ["info", "--help"],
            ["mesh", "--help"],
        ):
            result = self.run(*argv)
            assert result.returncode == 0
            assert re.search(r"\nExample.*:\s+headfield ", result.stdout)

    def test_failure_and_latin_1(self, inputs, tmp_path):
        result = self.run("info", str(tmp_path / "missing.msh"))
        assert result.returncode == 1
        assert result.stderr.count("\n") == 1
        result = self.run(
            "info",
            str(inputs / "head.msh"),
            env={**os.environ, "PYTHONUTF8": "0", "PYTHONIOENCODING": "ascii"},
        )
        assert result.returncode == 0
        assert "cm?" in result.stdout


@pytest.mark.parametrize("out", ["", " ", ".", "..", "some/folder/", "some/.", "a\0b.h5"])
@pytest.mark.parametrize(
    "words",
    [
        ["solve", "h.msh", "c.ccd", "p.npy", "-o"],
        ["view", "f.h5", "-o"],
        ["convert", "h.msh"],
        ["demo", "-o"],
    ],
)
def test_an_output_that_is_no_file_is_a_matter_of_the_command_line(capsys, words, out):
    if words[0] == "demo" and out.strip() and "\0" not in out:
        return  # which writes into a folder
    assert cli.main([*words, out]) == 2
    assert repr(out) in capsys.readouterr().err
