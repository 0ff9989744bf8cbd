# SPDX-License-Identifier: BSD-3-Clause
"""The suite of benchmarks runs: what it leaves, and what it does about a benchmark that fails."""

import ast
import functools
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).resolve().parents[2] / "benchmarks"
SUITE = BENCHMARKS / "suite"
BROKEN = """
import os

class Mixed:
    params = ((1, 2), (4,))
    param_names = ("a", "width")

    def time_good(self, a, width):
        pass

    def track_bad(self, a, width):
        raise ValueError("broken on purpose")

    def track_after(self, a, width):
        return 10 * a

class Crash:
    def track_nothing(self):
        raise NotImplementedError

    def peakmem_killed(self):
        os._exit(3)
"""


def run(*arguments):
    command = [sys.executable, BENCHMARKS / "run_suite.py", *arguments]
    return subprocess.run(list(map(str, command)), capture_output=True, text=True, check=False)


def test_what_the_smallest_benchmark_leaves(tmp_path):
    out = tmp_path / "suite.json"
    done = run("--quick", "--only", "HeadSetUp.*head=sphere", "--out", out)
    assert done.returncode == 0, done.stderr
    report = json.loads(out.read_text())
    assert report["machine"]["cores"] >= 1
    assert re.fullmatch("[0-9a-f]{40}([+]changes)?|unknown", report["commit"])
    assert {"date", "machine", "growth"} <= report.keys()
    assert report["machine"]["compiler"]
    rows = {row.pop("benchmark"): row for row in report["results"]}
    names = {f"stages.HeadSetUp.time_{name}" for name in ("head_model", "assemble", "hierarchy")}
    assert set(rows) == names
    for name, row in rows.items():
        assert name in done.stdout
        assert row["params"] == {"head": "sphere", "device": "cpu"}
        assert row["unit"] == "seconds"
        assert 0 < row["least"] <= row["value"]
        assert row["quartiles"][0] <= row["value"] <= row["quartiles"][1]
        assert row["rounds"] == 1
        assert row["copies"] > 0


def test_a_benchmark_that_fails_is_named_and_the_rest_goes_on(tmp_path):
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "__init__.py").touch()
    (tmp_path / "broken" / "things.py").write_text(BROKEN)
    out = tmp_path / "broken.json"
    done = run("--suite", tmp_path / "broken", "--quick", "--out", out)
    assert done.returncode == 1
    rows = {row["benchmark"]: row for row in json.loads(out.read_text())["results"]}
    good = rows["things.Mixed.time_good"]
    assert good["per_pose"] == good["value"] / 4
    assert rows["things.Mixed.track_bad"]["failure"] == "ValueError: broken on purpose"
    assert rows["things.Mixed.track_after"]["value"] == 10, "the first value of each parameter"
    assert rows["things.Crash.peakmem_killed"]["failure"] == "exit code 3"
    assert len(rows) == 4, "what says NotImplementedError is skipped"
    assert "FAILED things.Mixed.track_bad(a=1, width=4): ValueError: broken on purpose" in done.stdout
    assert "FAILED things.Crash.peakmem_killed(): exit code 3" in done.stdout


@functools.cache
def listed():
    """Names of benchmarks, module.Class.method, without their parameters."""
    lines = [line.partition("(")[0].rpartition(".") for line in run("--list").stdout.splitlines()]
    return {f"{kind}.{method}" for kind, _, methods in lines for method in methods.split("|")}


def test_every_benchmark_is_found():
    written = set()
    for path in SUITE.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ClassDef):
                methods = [item.name for item in node.body if isinstance(item, ast.FunctionDef)]
                written |= {f"{path.stem}.{node.name}.{method}" for method in methods}
    written = {name for name in written if re.search(r"\.(time|track|peakmem)_\w+$", name)}
    assert listed() == written
    assert len(written) > 20


def test_asv_finds_the_same():
    pytest.importorskip("asv_runner")
    code = (
        "import sys; from asv_runner import check, discovery;"
        "found = list(discovery.disc_benchmarks('suite'));"
        "print(*(b.name for b in found)); sys.exit(not all([b.check('suite') for b in found]))"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=BENCHMARKS, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert set(done.stdout.split()) == listed()


def test_calls_of_a_verb_are_not_those_of_its_parts(monkeypatch):
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    import profile_kernels

    verb = "headfield::avx2::(anonymous namespace)::flush(int, long)"
    text = f"fn=(1) solve\ncfn=(2) {verb}\ncalls=2 10\nfn=(2)\n"
    text += f"cfn=(3) {verb}::{{lambda(auto:1)#1}}::operator()(Width<32>) const\ncalls=2 20\n"
    assert profile_kernels.calls(text) == {"flush": 2}
