# SPDX-License-Identifier: BSD-3-Clause
"""benchmarks/zoom.py measures what it says, and the report shows it."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

BENCHMARKS = Path(__file__).resolve().parents[2] / "benchmarks"


@pytest.fixture
def modules(monkeypatch):
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    import zoom_rows
    from reporting import zoom

    return zoom_rows, zoom


def test_a_coarse_sphere_and_its_section(tmp_path, modules):
    command = [sys.executable, BENCHMARKS / "zoom.py", "--quick", "--only", "spheres", "--out", tmp_path]
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    report = json.loads((tmp_path / "zoom.json").read_text())
    (row,) = report["spheres"]
    assert set(row["regions"]) == {"deep", "layer", "facets", "steep"}
    for region in row["regions"].values():
        (zoom,) = region["zooms"]
        assert 0.0 < zoom["error"] < region["linear"]["elements"]["error"]
        assert zoom["effectivity"][0] <= zoom["reported"] / zoom["error"] <= zoom["effectivity"][1]
    text = "\n".join(modules[1].section({"zoom": report}).blocks)
    assert text.count("zoom, 2.00 % asked for") == 4


def test_bias_is_that_of_the_strongest_points_only(modules):
    truth = np.ones((1, 100, 3))
    truth[0, :5] = 10.0
    field = truth.copy()
    field[0, 5:] *= 3.0
    assert modules[0].bias(field, truth) == pytest.approx(0.0)
    field[0, :5] *= 0.9
    assert modules[0].bias(field, truth) == pytest.approx(-0.1)


def test_errors_of_poses_come_together_by_the_size_of_their_fields(modules):
    rows = modules[0]
    truth = np.random.default_rng(0).normal(size=(3, 50, 3)) * np.array([1.0, 2.0, 5.0])[:, None, None]
    field = truth + np.random.default_rng(1).normal(size=truth.shape)
    each = rows.off(field, truth)
    assert rows.together_of(each, truth) == pytest.approx(rows.together(field, truth))
