# SPDX-License-Identifier: BSD-3-Clause
"""The scripts in examples/ run, and find what they say they find."""

import re
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


def test_best_angle(monkeypatch, capsys):
    result = run(monkeypatch, "best_angle.py", 8)
    every_5 = np.arange(0, 180, 5.0)
    scores = result["mean_in_target"](every_5)
    assert result["score"].max() >= scores.max()
    assert abs((result["angle"] - every_5[scores.argmax()] + 90) % 180 - 90) <= 5
    assert len(re.findall("best", capsys.readouterr().out)) == 3


def test_best_pose(monkeypatch, capsys):
    result = run(monkeypatch, "best_pose.py", 8)
    found, values = result["found"], result["values"]
    assert found.value == pytest.approx(
        hf.evaluate(*(result[n] for n in ("model", "coil")), found.pose, result["target"], 50e6)[0], rel=1e-4
    )
    assert values.shape == (1000,)
    assert 0.5 * found.value < np.quantile(values, 0.05) < np.median(values) < found.value
    assert "95 % of the pulses" in capsys.readouterr().out


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


def test_every_frame(monkeypatch, capsys):
    result = run(monkeypatch, "every_frame.py", 8)
    true, told = result["true"], result["frames"].report.basis_error
    assert len(true) == 24
    assert true.max() < 0.05
    assert (told >= true).all()
    assert "frame 23:" in capsys.readouterr().out


def test_how_uncertain(monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(figure, "_PIXELS", 300)
    result = run(monkeypatch, "how_uncertain.py", 8, tmp_path / "spread.png")
    source, chaos = result["found"].source("conductivity"), result["chaos"]
    # Two ways to the same numbers: thousands of samples, and Gauss's quadrature.
    assert chaos.std == pytest.approx(source.std, rel=5e-3)
    assert chaos.mean == pytest.approx(result["found"].value + source.shift, rel=1e-3)
    assert chaos.total == pytest.approx(source.indices.total, abs=0.02)
    assert (tmp_path / "spread.png").stat().st_size > 10_000
    assert "gray matter" in capsys.readouterr().out


def test_equal_pulses(monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(figure, "_DPI", 60)
    result = run(monkeypatch, "equal_pulses.py", 8, tmp_path / "pulse.png")
    low, middle, high = result["outputs"]
    # A longer pulse loses less by a slower membrane: what it takes falls or rises with τ all the way.
    assert 0 < min(low, high) < middle < max(low, high) <= 100
    strength = [
        r.depolarisation(200e-6).of_phase("either") * r.didt_peak * e
        for r, e in zip(result["pulses"], result["fields"], strict=True)
    ]
    assert middle == pytest.approx(result["threshold"] * strength[0] / strength[1], rel=1e-12)
    assert result["heat"].n_pulses == 600
    assert (tmp_path / "pulse.png").stat().st_size > 5_000
    assert "%MSO" in capsys.readouterr().out


def test_what_protocol(monkeypatch, tmp_path, capsys):
    pytest.importorskip("scipy", reason="needs SciPy")
    result = run(monkeypatch, "what_protocol.py", tmp_path / "timeline.png")
    found = result["limits"][result["mine"].name]
    assert (found.verdict, found.cut_verdict) == ("inside", "outside")
    up, down = result["after"]["itbs"], result["after"]["ctbs"]
    assert down[0] < 0 < up[0]
    assert down[1] < 1 < up[1]
    assert (tmp_path / "timeline.png").stat().st_size > 10_000
    assert "saint: 90,000 pulses" in capsys.readouterr().out


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
