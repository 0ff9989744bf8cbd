# SPDX-License-Identifier: BSD-3-Clause
"""`headfield solve` that is stopped, goes on, is cut into slices, or meets a pose that does not converge."""

import json
import os
import signal
import subprocess
import sys

import h5py
import numpy as np
import pytest
from given.commands import fails

import headfield as hf
from headfield.commands import main as cli

K = 5


@pytest.fixture(scope="module")
def inputs(tmp_path_factory):
    """A small head, a coil over it, five poses, and the whole result."""
    folder = tmp_path_factory.mktemp("inputs")
    mesh = hf.sphere_mesh(radii_mm=[78, 86, 92], tags=[2, 4, 5], edge_mm=16)
    coil = hf.Coil([[44.0, 0, -5], [-44.0, 0, -5]], [[0, 0, 0.03], [0, 0, -0.03]], didt_max=100e6)
    mesh.write(folder / "head.msh")
    coil.write(folder / "coil.ccd")
    hf.write_coil(folder / "other.ccd", hf.circular_coil())
    poses = hf.ring(hf.place(mesh, [0, 0, 92], [0, 50, 92]), np.linspace(0, 90, K))
    np.save(folder / "poses.npy", poses)
    np.save(folder / "many.npy", np.repeat(poses, 2000, axis=0))
    assert cli.main(arguments(folder, folder / "whole.h5")) == 0
    return folder


def arguments(inputs, out, *more, coil="coil.ccd", poses="poses.npy"):
    paths = [str(inputs / name) for name in ("head.msh", coil, poses)]
    return ["solve", *paths, "-o", str(out), "--didt", "2e6", "-q", "--batch", "1", *more]


def contents(path):
    """All arrays of an .h5 by name."""
    found = {}
    with h5py.File(path) as file:
        file.visititems(
            lambda name, one: found.update({name: one[()]}) if isinstance(one, h5py.Dataset) else None
        )
    return found


def same(a, b):
    a, b = contents(a), contents(b)
    return a.keys() == b.keys() and all(np.array_equal(a[name], b[name]) for name in a)


def stop_after(monkeypatch, batches):
    original = hf.HeadModel.iter_solve

    def iter_solve(*args, **options):
        for i, field in enumerate(original(*args, **options)):
            if i == batches:
                raise KeyboardInterrupt
            yield field

    monkeypatch.setattr(hf.HeadModel, "iter_solve", iter_solve)


def interrupted(*_):
    raise KeyboardInterrupt


def test_a_run_that_goes_on_ends_in_the_same_file(inputs, tmp_path, monkeypatch, capsys):
    with monkeypatch.context() as patch:
        stop_after(patch, 2)
        assert cli.main(arguments(inputs, tmp_path / "f.h5")) == 130
        assert cli.main(arguments(inputs, tmp_path / "f.h5", "--resume")) == 130
    capsys.readouterr()
    assert cli.main(arguments(inputs, tmp_path / "f.h5", "--resume", "--json")) == 0
    facts = json.loads(capsys.readouterr().out)
    assert (facts["poses"], facts["already_there"], [row["pose"] for row in facts["results"]]) == (5, 4, [4])
    assert same(tmp_path / "f.h5", inputs / "whole.h5")
    assert os.listdir(tmp_path) == ["f.h5"]


def test_a_run_of_which_nothing_is_left_to_solve_is_finished(inputs, tmp_path, monkeypatch, capsys):
    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", interrupted)
        assert cli.main(arguments(inputs, tmp_path / "f.h5")) == 130
    assert os.listdir(tmp_path) == ["f.part.h5"]
    capsys.readouterr()
    assert cli.main(arguments(inputs, tmp_path / "f.h5", "--resume")) == 0
    assert "5 poses were there already\nwritten: " in capsys.readouterr().out
    assert same(tmp_path / "f.h5", inputs / "whole.h5")


def test_another_coil_does_not_go_on_there(inputs, tmp_path, monkeypatch, capsys):
    with monkeypatch.context() as patch:
        stop_after(patch, 2)
        for name in ("f.h5", "f.vtu"):
            assert cli.main(arguments(inputs, tmp_path / name)) == 130
    for name in ("f.h5", "f.vtu"):
        capsys.readouterr()
        resumed = arguments(inputs, tmp_path / name, "--resume", coil="other.ccd")
        fails(capsys, resumed, "is of another run: the coil is not the same")
        resumed = arguments(inputs, tmp_path / name, "--resume", "--conductivity", "2=0.3", "--tol", "1e-4")
        fails(capsys, resumed, "the conductivity and the options are not the same")
        assert cli.main(arguments(inputs, tmp_path / name, "--resume")) == 0
    assert len(list(tmp_path.iterdir())) == 6


def test_slices_are_merged_to_the_whole(inputs, tmp_path, monkeypatch, capsys):
    for name, part in [("a.h5", "0:2"), ("b.h5", "1:3"), ("d.h5", "4:")]:
        assert cli.main(arguments(inputs, tmp_path / name, "--slice", part)) == 0
    assert hf.read_result(tmp_path / "b.h5").n_poses == 2
    parts = [str(tmp_path / name) for name in ("d.h5", "b.h5", "a.h5")]
    merged = ["merge", *parts, "-o", str(tmp_path / "f.h5")]
    capsys.readouterr()
    fails(capsys, merged, "none of the files has the poses 3 to 3 of 5")
    with monkeypatch.context() as patch:
        stop_after(patch, 1)
        assert cli.main(arguments(inputs, tmp_path / "c.h5", "--slice", "3:5")) == 130
    merged.insert(1, str(tmp_path / "c.part.h5"))
    assert cli.main(merged) == 0
    assert same(tmp_path / "f.h5", inputs / "whole.h5")
    assert cli.main(arguments(inputs, tmp_path / "x.h5", "--tol", "1e-4", "--slice", "0:1")) == 0
    capsys.readouterr()
    fails(capsys, [*merged[:2], str(tmp_path / "x.h5"), "-o", merged[-1]], "the options are not the same")
    fails(capsys, [*merged[:2], "-o", merged[1]], "is an input")
    fails(capsys, [*merged[:2], "-o", str(tmp_path / "f.msh")], "merged into an .h5")
    fails(capsys, ["merge", str(inputs / "head.msh"), "-o", merged[-1]], "head.msh")
    assert cli.main(arguments(inputs, tmp_path / "f.msh", "--slice", "3:4")) == 0
    assert [path.name for path in tmp_path.glob("*.msh")] == ["f_0003.msh"]


def test_slices_that_hold_nothing_are_refused(inputs, tmp_path, capsys):
    fails(
        capsys, arguments(inputs, tmp_path / "f.h5", "--slice", "5:9"), "no pose from 5 to 5 in a list of 5"
    )
    fails(capsys, arguments(inputs, tmp_path / "f.h5", "--slice", "3:2"), "no pose from 3 to 2")
    for word in ("3", "a:b", "1:2:3"):
        assert cli.main(arguments(inputs, tmp_path / "f.h5", "--slice", word)) == 2


@pytest.mark.parametrize("ending", [".h5", ".msh"])
def test_a_pose_that_does_not_converge_is_listed_and_the_rest_goes_on(inputs, tmp_path, capsys, ending):
    # The residual of a first pose is within the tolerance after fewer iterations than those of others.
    assert cli.main(arguments(inputs, tmp_path / "f.h5", "--json")) == 0
    needed = [row["iterations"] for row in json.loads(capsys.readouterr().out)["results"]]
    (tmp_path / "f.h5").unlink()
    most = min(needed) if min(needed) < max(needed) else min(needed) - 1
    bad = [i for i, count in enumerate(needed) if count > most]
    out = tmp_path / f"f{ending}"
    args = [word for word in arguments(inputs, out, "--max-iterations", str(most), "--json") if word != "-q"]
    assert cli.main(args) == 3
    said = capsys.readouterr()
    facts = json.loads(said.out)
    assert facts["not_converged"] == bad
    assert [row["peak_V_per_m"] is None for row in facts["results"]] == [i in bad for i in range(K)]
    assert f"{len(bad)} of 5 poses did not converge" in said.err.splitlines()[-1]
    if ending == ".h5":
        with h5py.File(out) as file:
            assert np.isnan(file["elements/E"][:]).all(axis=(1, 2)).tolist() == [i in bad for i in range(K)]
        assert cli.main(["merge", str(out), "-o", str(tmp_path / "merged.h5")]) == 3
        assert f"{len(bad)} of 5 poses did not converge" in capsys.readouterr().err
    else:
        numbers = [i for i in range(K) if (tmp_path / f"f_{i:04d}.msh").exists()]
        assert numbers == [i for i in range(K) if i not in bad]


def started(args):
    """The command in a process of its own, when its first poses are done."""
    # In the background of a script SIGINT is ignored, and so it would be in what the tests start.
    listen = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)"
    run = f"{listen}; import sys; from headfield.commands.main import main; sys.exit(main(sys.argv[1:]))"
    pipes = {"stderr": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    process = subprocess.Popen([sys.executable, "-c", run, *args], **pipes)
    for line in process.stderr:
        if "of 10,000 poses" in line:
            break
    return process


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM", "SIGHUP", "SIGUSR1"])
def test_a_signal_ends_a_run_after_its_batch(inputs, tmp_path, name):
    number = getattr(signal, name)
    args = [w for w in arguments(inputs, tmp_path / "f.h5", poses="many.npy") if w != "-q"]
    with started(args) as process:
        process.send_signal(number)
        rest = process.stderr.read().splitlines()
    assert process.returncode == 128 + number
    assert rest[-1] == f"headfield: stopped by {name}"
    assert f"headfield: {name}: ends after this batch; once more ends it now" in rest
    kept = int(rest[-2].split()[1].replace(",", ""))
    assert rest[-2] == f"headfield: {kept:,} of 10,000 poses are done and kept; go on with --resume"
    assert hf.read_result(tmp_path / "f.part.h5").n_poses == kept > 0


def test_a_pose_that_did_not_converge_is_listed_when_the_run_goes_on(inputs, tmp_path, monkeypatch, capsys):
    out = tmp_path / "f.h5"
    args = arguments(inputs, out, "--max-iterations", "1")
    with monkeypatch.context() as patch:
        stop_after(patch, 2)
        assert cli.main(args) == 130
    capsys.readouterr()
    fails(capsys, [*args, "--resume", "--strict"], "pose 0 did not converge when it was solved before")
    for there in (2, 5):  # then of a run that is whole
        assert cli.main([*args, "--resume", "--json"]) == 3
        said = capsys.readouterr()
        facts = json.loads(said.out)
        assert (facts["already_there"], facts["not_converged"]) == (there, [0, 1, 2, 3, 4])
        assert "5 of 5 poses did not converge" in said.err


def test_the_order_of_tissues_is_no_other_option(inputs, tmp_path, monkeypatch):
    with monkeypatch.context() as patch:
        stop_after(patch, 2)
        assert cli.main(arguments(inputs, tmp_path / "f.h5", "--tissues", "2,4")) == 130
    assert cli.main(arguments(inputs, tmp_path / "f.h5", "--tissues", "4,2,4", "--resume")) == 0


def test_a_terminal_that_is_gone_does_not_end_a_run_before_its_batch(inputs, tmp_path):
    args = [w for w in arguments(inputs, tmp_path / "f.h5", poses="many.npy") if w != "-q"]
    with started(args) as process:
        process.stderr.close()
        process.send_signal(signal.SIGHUP)
    assert process.returncode == 128 + signal.SIGHUP
    assert hf.read_result(tmp_path / "f.part.h5").n_poses > 0


def test_closed_streams_are_no_place_for_messages(inputs, tmp_path):
    args = [w for w in arguments(inputs, tmp_path / "f.h5") if w != "-q"]
    line = f'"{sys.executable}" -m headfield "$@" 2>&- >&-'
    done = subprocess.run(["sh", "-c", line, "sh", *args], check=False, timeout=100)
    assert done.returncode == 0
    assert same(tmp_path / "f.h5", inputs / "whole.h5")


def test_messages_count_poses_from_the_begin_of_the_list(inputs, tmp_path, capsys):
    said = fails(
        capsys,
        arguments(inputs, tmp_path / "f.h5", "--slice", "-2:", "--strict", "--max-iterations", "1"),
        "1 of 1 poses did not reach a residual",
    )
    assert "the worst is pose 3" in said
    inside = hf.read_poses(inputs / "poses.npy")
    inside[3, :3, 3] = [0.1, 0.2, 70.3]
    np.save(tmp_path / "inside.npy", inside)
    args = arguments(inputs, tmp_path / "g.h5", "--slice", "2:5", poses=tmp_path / "inside.npy")
    assert cli.main(args) == 0
    assert "1 of 3 poses, first pose 3, put the wire" in capsys.readouterr().err


def test_a_merge_that_is_ended_leaves_nothing_behind(inputs, tmp_path, monkeypatch, capsys):
    def killed(*_):
        os.kill(os.getpid(), signal.SIGTERM)

    monkeypatch.setattr("headfield.commands.progress.Progress.done", killed)
    assert cli.main(["merge", str(inputs / "whole.h5"), "-o", str(tmp_path / "f.h5")]) == 128 + signal.SIGTERM
    assert os.listdir(tmp_path) == []
