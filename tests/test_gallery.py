# SPDX-License-Identifier: BSD-3-Clause
"""The examples of the gallery run, leave a picture with something in it, and what they print is true."""

import ast
import io
import runpy
from pathlib import Path

import numpy as np
import pytest

import headfield as hf
from headfield.pictures import figure

pytest.importorskip("matplotlib", reason="the gallery draws with matplotlib")

GALLERY = Path(__file__).resolve().parents[1] / "examples" / "gallery"
KNOWN = {"headfield", "numpy", "matplotlib", "pathlib", "tempfile", "time"}


@pytest.fixture
def run(monkeypatch):
    """Function that runs an example, its picture coarser, looks at that, and returns the names it leaves."""
    monkeypatch.setattr(figure, "_PIXELS", 300)
    import matplotlib.pyplot as plt

    plt.switch_backend("agg")

    def example(name):
        names = runpy.run_path(str(GALLERY / f"plot_{name}.py"))
        look_at(names["picture"])
        plt.close("all")
        return names

    return example


def look_at(picture):
    """Look whether a picture says something: many colours or lines, on less than all of the paper."""
    from matplotlib.image import imread

    with io.BytesIO() as file:
        picture.savefig(file, format="png", dpi=50, facecolor="white")
        file.seek(0)
        pixels = imread(file)[..., :3]
    drawn = (np.abs(pixels - 1).sum(axis=2) > 0.1).mean()
    assert 0.01 < drawn < 0.9
    assert len(np.unique(pixels.reshape(-1, 3), axis=0)) > 50
    assert picture.axes


def test_first_field(run, capsys):
    found = run("first_field")
    # Below the middle of a figure-8, and as strong as the certified solve of all of the head says.
    assert 0 < found["depth"] < 40
    assert found["beside"] < 15
    again = found["model"].solve(found["coil"], found["pose"], 50e6, elements=found["gray"].elements)
    peak = hf.metrics.percentiles(again.magnitude[0], found["gray"].weights, 99.9)
    assert found["peak"] == pytest.approx(float(peak), rel=2e-3)
    assert found["field"].report.residual.max() < 1e-5
    assert "peak of |E| in gray matter" in capsys.readouterr().out


def test_best_angle(run, capsys):
    found = run("best_angle")
    every_5 = np.arange(0, 180, 5.0)
    scores = found["mean_in_target"](every_5)
    assert found["score"].max() >= scores.max()
    assert abs((found["angle"] - every_5[scores.argmax()] + 90) % 180 - 90) <= 5
    assert 0 <= 1 - found["near"] / found["score"].max() < 0.03  # "the curve is flat at the top"
    assert capsys.readouterr().out.count("best") == 3


def test_best_pose(run, capsys):
    found = run("best_pose")
    best, target = found["found"], found["target"]
    solved = found["model"].solve(found["coil"], best.pose, 50e6, roi=target.region, primary_error="summed")
    assert best.value == pytest.approx(float(target.value(solved.E)[0]), rel=1e-3)
    assert found["values"].shape == (1000,)
    assert 0.5 * best.value < np.quantile(found["values"], 0.05) < np.median(found["values"]) < best.value
    assert "95 % of the pulses" in capsys.readouterr().out


def test_two_coils(run, capsys):
    found = run("two_coils")
    for name, coil in found["coils"].items():
        target, didt = found["target"], 1e6 * found["didt"][name]
        at = found["model"].solve(coil, found["poses"][name], didt, roi=target, primary_error="summed")
        assert hf.Target(target).value(at.E)[0] == pytest.approx(80.0, rel=1e-3)
    assert found["beyond"]["figure of eight"] < 0.5 * found["beyond"]["circular"]
    bars = [axes for axes in found["picture"].axes if axes.get_label() == "<colorbar>"]
    assert len(bars) == 1  # one scale for both
    assert "A/µs for 80 V/m" in capsys.readouterr().out


def test_normal_component(run, capsys):
    found = run("normal_component")
    both = found["normal"] ** 2 + found["tangential"] ** 2
    np.testing.assert_allclose(np.sqrt(both), found["field"].magnitude, rtol=1e-4, atol=1e-3)
    assert 0.1 < found["share"] < 0.9
    assert 0.3 < found["inward"] < 0.7
    assert found["reversed_by"] < 1e-3
    (bar,) = [axes for axes in found["picture"].axes if axes.get_label() == "<colorbar>"]
    low, high = bar.get_ylim()
    assert low == -high  # zero is in the middle of the colours
    assert "normal to the layer" in capsys.readouterr().out


def test_own_coil(run, capsys):
    found = run("own_coil")
    np.testing.assert_allclose(found["A_again"], found["A"], rtol=1e-6, atol=1e-6 * np.abs(found["A"]).max())
    assert hf.metrics.relative_l2(found["E_again"], found["E"]) < 1e-5
    # A of thin loops with the radii of the turns: two wings against each other.
    angle = np.linspace(0, 2 * np.pi, 721)
    circles = [
        r * np.stack([np.cos(angle), np.sin(angle), 0 * angle], axis=1) for r in np.linspace(26.9, 43.1, 10)
    ]
    loops = [sign * 1.0 * (c * [1, 1, 0]) + [sign * 44.5, 0, -6] for c in circles for sign in (1, -1)]
    turns = [0.9 * sign for _ in circles for sign in (1, -1)]
    rings = hf.wire_coil(loops, turns=turns, closed=True)
    at = [[0, 0, 20.0]]
    size = np.linalg.norm(rings.vector_potential(at)) / np.linalg.norm(found["coil"].vector_potential(at))
    assert size == pytest.approx(1.0, abs=0.05)
    assert "6,500 pieces of wire, 150 A/µs at most" in capsys.readouterr().out


def test_pulses(run, capsys):
    found = run("pulses")
    low, middle, high = found["outputs"]
    # A longer pulse loses less by a slower membrane: what it takes falls or rises with τ all the way.
    assert 0 < min(low, high) < middle < max(low, high) <= 100
    strength = [
        r.depolarisation(200e-6).of_phase("either") * r.didt_peak * e
        for r, e in zip(found["pulses"], found["fields"], strict=True)
    ]
    assert middle == pytest.approx(found["threshold"] * strength[0] / strength[1], rel=1e-12)
    assert found["reached"][0] == pytest.approx(found["reached"][1], rel=1e-3)  # the same depolarisation
    assert found["heat"].n_pulses == 600
    assert "%MSO of the second" in capsys.readouterr().out


def test_protocol(run, capsys):
    pytest.importorskip("scipy", reason="needs SciPy")
    found = run("protocol")
    limits = found["limits"][found["mine"].name]
    assert (limits.verdict, limits.cut_verdict) == ("inside", "outside")
    up, down = found["after"]["itbs"], found["after"]["ctbs"]
    assert down[0] < 0 < up[0]
    assert down[1] < 1 < up[1]
    assert "saint: 90,000 pulses" in capsys.readouterr().out


def test_course_dose(run, capsys):
    found = run("course_dose")
    course, layer = found["course"], found["layer"]
    assert course.n_pulses == 6000
    # Counted a second way: solves of the ten days, 600 pulses each.
    fields = found["model"].solve(found["coil"], found["days"], "60 A/µs", roi=layer, primary_error="summed")
    above = 600 * (fields.magnitude > 50).sum(axis=0)
    assert (above != course.above[0]).mean() < 0.02
    assert found["nearly_all"] < found["at_plan"].exceedance(50, 1) < found["any_day"]
    assert "6,000 pulses" in capsys.readouterr().out


def test_uncertainty(run, capsys):
    found = run("uncertainty")
    source, chaos = found["found"].source("conductivity"), found["chaos"]
    # Two ways to the same numbers: thousands of samples, and Gauss's quadrature.
    assert chaos.std == pytest.approx(source.std, rel=5e-3)
    assert chaos.mean == pytest.approx(found["found"].value + source.shift, rel=1e-3)
    assert chaos.total == pytest.approx(source.indices.total, abs=0.02)
    assert "gray matter" in capsys.readouterr().out


def test_atlas(run, capsys):
    found = run("atlas")
    assert found["aimed"] == "middle, left"  # where the coil is
    assert sum(share for _, _, share in found["rows"].values()) == pytest.approx(1.0)
    assert sum(len(region) for region in found["regions"].values()) == len(found["gray"])
    volumes, magnitude = found["gray"].weights, found["magnitude"]
    half = magnitude >= 0.5 * hf.metrics.percentiles(magnitude, volumes, 99.9)
    assert found["hot_cm3"] == pytest.approx(volumes[half].sum() / 1000)
    assert "most of it middle, left" in capsys.readouterr().out


def test_electrodes(run, capsys):
    found = run("electrodes")
    model, currents, field = (found[name] for name in ("model", "currents", "field"))
    assert currents.sum() == pytest.approx(0, abs=1e-15)
    assert currents[currents > 0].sum() == pytest.approx(2e-3)
    half = model.solve_sources(currents / 2)
    assert hf.metrics.relative_l2(2 * half.E, field.E) < 1e-4
    assert found["mean_along"] > 0  # from the anode to the cathode
    # Power that goes in is lost in the tissues: ΣIφ = ∫σ|E|².
    into = float(currents @ field.potential[0])
    lost = float((model.conductivity * field.magnitude[0] ** 2) @ (1e-9 * found["head"].volumes_mm3()))
    assert lost == pytest.approx(into, rel=1e-3)
    assert "at 2 mA" in capsys.readouterr().out


def test_zoom(run, capsys):
    found = run("zoom")
    for goal, field in found["fields"].items():
        assert field.report.discretisation_error.max() < 1.3 * goal
    coarse = [
        hf.metrics.relative_l2(E, F) for E, F in zip(found["fields"][0.08].E, found["best"].E, strict=True)
    ]
    assert max(coarse) < 0.08
    assert found["off_plain"].min() > 2 * max(coarse)
    assert "linear elements of the mesh as it is" in capsys.readouterr().out


def test_every_frame(run, capsys):
    found = run("every_frame")
    true, told = found["true"], found["frames"].report.basis_error
    assert len(true) == 24
    assert true.max() < 0.05
    assert (told >= true).all()
    assert "frame 23:" in capsys.readouterr().out


def test_head_from_labels(run, capsys):
    found = run("head_from_labels")
    head, labels = found["head"], found["labels"]
    assert set(np.unique(head.tags)) == {1, 2, 3, 5, 7}
    for tag in np.unique(head.tags):
        voxels = 8.0 * (labels == tag).sum()
        assert head.volumes_mm3()[head.tags == tag].sum() == pytest.approx(voxels, rel=0.02)
    assert found["field"].report.converged.all()
    assert "gray matter" in capsys.readouterr().out


def test_conductivity(run, capsys):
    found = run("conductivity")
    at_half, at_twice = ({tag: c[i] for tag, c in found["change"].items()} for i in (0, -1))
    assert max(at_half, key=lambda tag: abs(at_half[tag])) == 2  # gray matter itself
    assert at_half[2] > 0 > at_twice[2]
    # The gradient against a difference of two solves 2 % apart.
    up, down = (found["mean_in_target"]({2: found["usual"][2] * f}) for f in (1.01, 0.99))
    assert found["by_gradient"][2] == pytest.approx(50 * (up - down) / found["as_usual"], rel=0.02)
    assert "at twice" in capsys.readouterr().out


def test_jobs(run, capsys):
    found = run("jobs")
    assert 0 < found["first"].done < found["whole"].done == 24
    assert found["whole"].already == found["first"].done
    # The same by solves of all angles at once.
    head = hf.read_mesh(found["folder"] / "head.msh")
    model, coil = hf.HeadModel(head), hf.read_coil(found["folder"] / "usual.tcd")
    poses = hf.ring(model.place(coil, [-46, -8, 70], [-46, 42, 70]), found["angles"])
    knob = hf.regions.sphere(head, [-40, -8, 50], 10, tags=2)
    values = hf.Target(knob).values(model.solve(coil, poses, "60 A/µs", roi=knob).E)
    np.testing.assert_allclose(found["values"]["usual"], values, rtol=1e-3)
    assert "V/m in the target at" in capsys.readouterr().out


def test_every_example_is_run():
    text = Path(__file__).read_text(encoding="utf-8")
    names = [script.stem.removeprefix("plot_") for script in GALLERY.glob("*.py")]
    assert len(names) >= 12
    assert [name for name in names if f'run("{name}")' not in text] == []


@pytest.mark.parametrize("script", sorted(GALLERY.glob("*.py")), ids=lambda path: path.stem)
def test_examples_import_what_everybody_can(script):
    """Only `headfield` as a whole, NumPy, matplotlib and a little of the standard library."""
    tree = ast.parse(script.read_text(encoding="utf-8"))
    inner, foreign = [], []
    for node in ast.walk(tree):
        names = [a.name for a in node.names] if isinstance(node, ast.Import) else []
        names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
        inner += [name for name in names if name.startswith("headfield.")]
        foreign += [name for name in names if name.partition(".")[0] not in KNOWN]
    assert inner == foreign == []
