# SPDX-License-Identifier: BSD-3-Clause
"""`headfield demo`: what it writes and what it says."""

import functools
import json
import re
import sys

import pytest
from given.command_lines import command_lines
from given.commands import fails

from headfield import figure_of_eight
from headfield.commands import demo
from headfield.commands import main as cli
from headfield.pictures import figure


@pytest.fixture(autouse=True)
def quick_demo(monkeypatch):
    """The demo with fewer dipoles and pixels: table and picture of the whole one take ten seconds."""
    coarse = functools.partial(figure_of_eight, spacing_mm=8.0)
    monkeypatch.setattr(demo, "figure_of_eight", coarse)
    monkeypatch.setattr(figure, "_PIXELS", 150)
    monkeypatch.setattr(figure, "_PIXEL_MM", 3.0)
    monkeypatch.setattr(figure, "_DPI", 60)
    monkeypatch.setattr(demo, "_SEARCH", {"radius_mm": 15.0, "spacing_mm": 8.0, "rivals": 1})


def test_files_and_table(tmp_path, capsys, monkeypatch):
    assert cli.main(["demo", "--edge-mm", "8", "-o", str(tmp_path / "a" / "demo"), "-q"]) == 0
    folder = tmp_path / "a" / "demo"
    names = [
        "best.msh",
        "best.msh.opt",
        "best.png",
        "best.vtu",
        "coil.ccd",
        "eeg.csv",
        "head.msh",
        "poses.npy",
    ]
    names += ["target.csv", "target.json", "target.png"]
    assert sorted(p.name for p in folder.iterdir()) == names
    for name in ("best.png", "target.png"):
        assert (folder / name).read_bytes().startswith(b"\x89PNG")
    out = capsys.readouterr().out
    assert out.count("cm³") == 12
    assert out.count("<- best") == 1
    assert "the left motor cortex" in out
    # The search finds a pose that is no worse than the best of the table.
    best = json.loads((folder / "target.json").read_text())["value_V_per_m"]
    assert best > max(float(target) for target in re.findall(r"([\d.]+) +[\d.]+ cm³", out)) - 0.06
    assert f"value        {best:.4g} V/m at dI/dt 50 A/µs, by a full solve" in out
    # What the demo leaves is what the examples of the help take.
    monkeypatch.chdir(folder.parent)
    assert cli.main(["--help"]) == 0
    examples = [words for words in command_lines(capsys.readouterr().out) if "demo/coil.ccd" in words]
    assert [words[0] for words in examples] == ["place", "solve", "view"]
    for words in examples:
        assert cli.main(words) == 0
    said = capsys.readouterr().out
    assert "f3.npy: 1 pose\n" in said
    assert "\n1 pose in " in said


def test_the_phantom_without_matplotlib(tmp_path, capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    assert cli.main(["demo", "--head", "phantom", "--edge-mm", "8", "-o", str(tmp_path), "-q"]) == 0
    out = capsys.readouterr().out
    assert "pip install 'headfield[plot]'" in out
    assert out.count("<- best") == 1
    assert "the crown under the coil" in out
    assert out.count("pip install") == 2
    names = [
        "best.msh",
        "best.msh.opt",
        "best.vtu",
        "coil.ccd",
        "head.msh",
        "poses.npy",
        "target.csv",
        "target.json",
    ]
    assert sorted(p.name for p in tmp_path.iterdir()) == names


def test_bad_edge_and_folder(tmp_path, capsys):
    fails(capsys, ["demo", "--head", "phantom", "--edge-mm", "9", "-o", str(tmp_path), "-q"], "8 mm")
    fails(capsys, ["demo", "--edge-mm", "0", "-o", str(tmp_path), "-q"], "edge_mm")
    (tmp_path / "file").write_text("")
    fails(capsys, ["demo", "-o", str(tmp_path / "file"), "-q"], "file")
