# SPDX-License-Identifier: BSD-3-Clause
"""benchmarks/compare_gpu.py where time is short: each run has its share, and leaves what it has measured."""

import json
import sys
import time
from argparse import Namespace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

import headfield as hf

BENCHMARKS = Path(__file__).resolve().parents[2] / "benchmarks"


@pytest.fixture
def compare(monkeypatch):
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    import compare_gpu

    return compare_gpu


def test_runs_share_the_time_that_is_left(compare):
    asked, now = Namespace(limit=300.0, within=90.0), time.perf_counter()
    assert compare.limit(asked, now, 3) == pytest.approx(30.0, abs=1.0)
    assert compare.limit(asked, now - 10.0, 2) == pytest.approx(40.0, abs=1.0)  # the first took ten seconds
    assert compare.limit(asked, now - 500.0, 2) == 1.0
    assert compare.limit(Namespace(limit=20.0, within=90.0), now, 3) == 20.0
    assert compare.limit(Namespace(limit=300.0, within=None), now - 500.0, 3) == 300.0


@pytest.mark.parametrize(
    ("then", "failure"), [("time.sleep(60)", "given up after 2 s"), ("raise ValueError(3)", "ValueError: 3")]
)
def test_what_a_run_has_measured_is_kept_when_it_fails(compare, tmp_path, monkeypatch, then, failure):
    text = "import sys, time\nfrom peers import exchange\n"
    text += f'exchange.finish(exchange.Path(sys.argv[1]), None, solve={{"8": {{"median_s": 1.0}}}})\n{then}\n'
    (tmp_path / "stops.py").write_text(text)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    module = SimpleNamespace(launcher=lambda _: [sys.executable], __name__="stops")
    found = compare.measure.run_solver(tmp_path, module, "any", 1, 2.0, 1)
    assert found == {"solve": {"8": {"median_s": 1.0}}, "failure": failure}


def test_headfield_leaves_each_width_as_soon_as_it_is_measured(compare, tmp_path, monkeypatch):
    mesh, coil = hf.sphere_mesh([80, 92], [2, 5], edge_mm=30), tmp_path / "coil.ccd"
    np.savez(tmp_path / "head.npz", nodes=mesh.nodes_mm, tets=mesh.tets, tags=mesh.tags)
    hf.figure_of_eight(spacing_mm=20.0).write(coil)
    np.save(
        tmp_path / "poses.npy", hf.ring(hf.place(mesh, [0, 0, 95], [0, 50, 95]), angles_deg=np.arange(64))
    )
    files = {"head": tmp_path / "head.npz", "poses": tmp_path / "poses.npy", "coil": coil}
    compare.write_case(tmp_path, Namespace(**files, device="cpu", quick=True))
    solver = compare.headfield_gpu

    def measure(device, run, poses, repeats, batch):
        if batch == solver.QUICK[1]:
            raise KeyboardInterrupt
        return {"median_s": 1.0}

    monkeypatch.setattr(solver, "measure", measure)
    monkeypatch.setattr(sys, "argv", ["headfield_gpu", str(tmp_path), "numpy", "1"])
    with pytest.raises(KeyboardInterrupt):
        solver.main()
    found = json.loads((tmp_path / "result.json").read_text())
    assert found["solve"] == {"1": {"median_s": 1.0}}
    assert found["setup_s"] > 0.0
    assert (tmp_path / "e.npy").exists()
