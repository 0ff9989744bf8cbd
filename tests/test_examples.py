# SPDX-License-Identifier: BSD-3-Clause
"""The scripts in examples/ run, and find what they say they find; those of the gallery: test_gallery.py."""

import runpy
import sys
from pathlib import Path

import numpy as np
import pytest

import headfield as hf
from headfield.pictures import figure

EXAMPLES = Path(__file__).resolve().parents[1] / "examples"


def run(monkeypatch, name, *argv):
    monkeypatch.setattr(sys, "argv", [name, *map(str, argv)])
    return runpy.run_path(str(EXAMPLES / name), run_name="__main__")


def test_refine_pose(monkeypatch, capsys):
    result = run(monkeypatch, "refine_pose.py", 8)
    for found in result["results"].values():
        assert found.value > 1.02 * found.history[0].max()
        assert hf.casing_distance(result["model"].scalp, result["coil"], found.poses).min() >= 2.0
    assert "times the rest at the best pose" in capsys.readouterr().out


def test_lbfgs_pose(monkeypatch, capsys):
    pytest.importorskip("scipy", reason="needs SciPy")
    result = run(monkeypatch, "lbfgs_pose.py", 8)
    assert result["after"] > 1.05 * result["before"]
    assert hf.casing_distance(result["model"].scalp, result["coil"], result["pose"])[0] >= 2.0
    assert "solves with their gradients" in capsys.readouterr().out


def test_bayesian_pose(monkeypatch, capsys):
    pytest.importorskip("bayes_opt", reason="needs bayesian-optimization")
    result = run(monkeypatch, "bayesian_pose.py", 8)
    assert max(result["values"]) > max(result["values"][:8])
    assert result["refined"].value > max(result["values"])
    assert "in all 18 solves" in capsys.readouterr().out


def test_ask_tell_pose(monkeypatch, capsys):
    pytest.importorskip("optuna", reason="needs Optuna")
    result = run(monkeypatch, "ask_tell_pose.py", 8)
    told = [trial.value for trial in result["study"].trials]
    assert len(told) == 48
    assert max(told) > max(told[:8])
    assert max(told) == result["study"].best_value
    assert "batch 5:" in capsys.readouterr().out


def test_activated_cortex(monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(figure, "_PIXELS", 300)
    result = run(monkeypatch, "activated_cortex.py", 8, tmp_path / "ratio.png")
    knob = result["knob"]
    assert knob.sum() > 20
    for name, (where, _) in result["models"].items():
        found = result["found"][name]
        assert found.ratio[0, knob].max() == pytest.approx(1.2, rel=1e-4)
        assert where in ("L5", "L2/3")
        assert 0.01 < found.share[0] < 0.6
    assert result["placed"].n_outside == 0
    assert (tmp_path / "ratio.png").stat().st_size > 10_000
    assert "from layer 1 to layer 6" in capsys.readouterr().out


def test_read_files(monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(figure, "_PIXELS", 300)  # a whole picture takes five seconds
    mesh = hf.sphere_mesh(radii_mm=[70, 78, 86, 92], tags=[1, 2, 4, 5], edge_mm=16)
    mesh.write(tmp_path / "head.msh")
    hf.figure_of_eight(spacing_mm=8).write(tmp_path / "coil.ccd")
    poses = [hf.place(mesh, [0, 0, 92], [0, 50, 92], distance_mm=d) for d in (8, 4, 6)]
    np.save(tmp_path / "poses.npy", poses)
    names = ("head.msh", "coil.ccd", "poses.npy", "out.msh")
    run(monkeypatch, "read_files.py", *(tmp_path / name for name in names))
    assert "pose 1 has the largest" in capsys.readouterr().out
    assert hf.read_mesh(tmp_path / "out.msh").n_tets == mesh.n_tets
    assert (tmp_path / "out.png").stat().st_size > 10_000


def test_every_example_is_run():
    text = Path(__file__).read_text(encoding="utf-8")
    assert all(f'"{script.name}"' in text for script in EXAMPLES.glob("*.py"))


def test_half_a_turn_leaves_nothing_out_of_a_symmetric_figure_8_alone(monkeypatch, tmp_path, capsys):
    wings = {"inner_radius_mm": 8.0, "outer_radius_mm": 16.0, "separation_mm": 34.0, "spacing_mm": 8.0}
    hf.figure_of_eight(**wings).write(tmp_path / "eight.ccd")
    hf.circular_coil(inner_radius_mm=10, outer_radius_mm=20, spacing_mm=8).write(tmp_path / "round.ccd")
    result = run(monkeypatch, "half_turn.py", 8, tmp_path / "eight.ccd", tmp_path / "round.ccd")
    eight, circle = result["results"].values()
    np.testing.assert_allclose(eight, 0, atol=2e-3)
    np.testing.assert_allclose(circle, [2, 0, 0], atol=2e-3)  # it is not reversed at all
    assert "E differs by 200.0%, |E| by 0." in capsys.readouterr().out


def test_how_strong(monkeypatch, capsys, tmp_path):
    result = run(monkeypatch, "how_strong.py", 8, tmp_path / "report.html")
    errors = result["errors"]
    assert errors["by field"] < 0.5 * errors["the same %MSO"] < errors["the same A/µs"]
    assert 0.8 * result["mt_first"] * 0.5 < result["found"].mso < result["mt_first"]
    assert result["dose"].n_pulses == 600
    assert "<h1>A made-up person</h1>" in (tmp_path / "report.html").read_text()
    assert "by field" in capsys.readouterr().out
