# SPDX-License-Identifier: BSD-3-Clause
"""benchmarks/report.py says what the results say, and benchmarks/run.py goes on after a failure."""

import ast
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
REPORT = ROOT / "benchmarks" / "report.py"
BEGIN, END = "<!-- figures: begin -->", "<!-- figures: end -->"
MACHINE = {"cpu": "Z80", "cores": 3, "memory_gib": 7.5, "system": "CP/M", "python": "3", "numpy": "2"}
MACHINE |= {"compiler": "GCC 12.2"}
FACTS = {"date": "2026-01-02T03:04:05+00:00", "commit": "0123456789abcdef", "machine": MACHINE}
FACTS |= {"tolerance": 1e-6}
HEADS = {"phantom_29k": 29_000, "phantom_69k": 69_000, "phantom_162k": 162_000, "head_large": 709_254}


def run(*arguments, script=REPORT):
    command = [sys.executable, str(script), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=120)


def job(seconds, ratio):
    found = {"median_s": seconds, "cpu_s": 2 * seconds, "rounds": 7}
    return found | {"ratio": ratio, "ratio_quartiles": [0.96 * ratio, 1.04 * ratio]}


def solver(label, kind, jobs, processes=1, **found):
    row = {"solver": label.partition(",")[0], "label": label, "kind": kind, "processes": processes}
    return row | {"jobs": jobs, "iterations": 12, "memory_mib": 345.6, "version": "1.2.3"} | found


def comparison(head, nodes, slowdown=1.0):
    """A solver that is 7.77 times slower, in two processes; one that is wrong; one that failed."""
    pose = slowdown * nodes * 6.3e-8
    ours = {"setup": job(3.0, 1.0), "solve 32": job(pose, 1.0)}
    one = {"setup": job(2.5, 0.8), "solve 1": job(9 * pose, 9.0)}
    two = {"setup": job(2.2, 0.7), "solve 1": job(7.77 * pose, 7.77)}
    stages = {"stages_s": {"primary": 0.0123, "solve": pose}}
    runs = [
        solver("headfield, solver", "solve", ours, residual=7e-7),
        solver("PETSc, tuned", "solve", one, residual=8e-7),
        solver("PETSc, tuned", "solve", two, 2, residual=8e-7),
        solver("PyAMG, default", "solve", {"solve 1": job(104 * pose, 104.0)}, residual=9e-7),
        solver("Hasty, default", "solve", {"solve 1": job(0.1 * pose, 0.1)}, residual=3e-2),
        solver("Broken, default", "solve", {}, failure="RuntimeError: no memory"),
        solver("headfield, native", "assembly", {"assemble": job(0.5, 1.0)}, difference=1e-15),
        solver("scikit-fem, default", "assembly", {"assemble": job(4.44, 8.88)}, difference=1e-14),
        solver("headfield solve, program", "field", {"field": job(11.0, 1.0)}, difference=0.0),
        solver("headfield, model", "model", {"solve 32": job(0.0987, 2.0) | stages}),
    ]
    problem = {"head": f"{head}.npz", "nodes": nodes, "tets": 6 * nodes}
    given = {"arguments": {"size": "large", "threads": 2, "only": None, "quick": False}}
    return FACTS | given | {"problem": problem, "not_installed": {"amgcl": "not here"}, "runs": runs}


def suite(exponent):
    """Seconds that grow with the given power of the nodes."""
    rows = []

    def add(name, value, **params):
        rows.append({"benchmark": name, "params": params, "value": value})

    for head, nodes in HEADS.items():
        add("heads.Size.track_nodes", nodes, head=head)
        add("heads.Size.track_tetrahedra", 6 * nodes, head=head)
        here = {"head": head, "device": "cpu"}
        add("stages.HeadSetUp.time_head_model", 2e-6 * nodes**exponent, **here)
        for width in (1, 8, 32):
            add("stages.Batch.time_solve", 1e-6 * nodes**exponent * width**0.3, width=width, **here)
        add("stages.EndToEnd.time_32_poses", 4e-6 * nodes**exponent, **here)
        for name in ("head_model", "batch"):
            add(f"memory.Peak.peakmem_{name}", 1500.0 * nodes, **here)
        for name in ("held", "peak"):
            add(f"memory.PerNode.track_{name}", 1500.0, **here)
    for edge in (10.0, 5.0):
        add("accuracy.Sphere.track_error", 0.01 * edge, edge_mm=edge, device="cpu")
        add("accuracy.Sphere.track_seconds_per_pose", edge**-3, edge_mm=edge, device="cpu")
    rows.append({"benchmark": "stages.Coil.time_tables", "params": {"device": "cpu"}, "failure": "no coil"})
    return FACTS | {"arguments": {"device": "cpu"}, "growth": {"set_up": 1.07}, "results": rows}


def profile():
    kernel = {"name": "apply_level", "stage": "solve", "calls": 1000, "seconds": 3.0}
    kernel |= {"bytes_counted": 24e9, "bytes_simulated": 30e9, "flops": 6e9}
    copy = kernel | {"name": "copy_columns", "seconds": 1.0, "bytes_simulated": None, "flops": 0}
    found = {"head": "head_large", "nodes": 709_254, "tets": 4_311_416, "width": 32, "threads": 2}
    return FACTS | found | {"copy_gb_s": 16.0, "peak_gflop_s": 90.0, "kernels": [kernel, copy]}


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """A checkout with results of every kind, two heads among them, and what was made of them; to be read."""
    root = tmp_path_factory.mktemp("checkout")
    results = root / "benchmarks" / "results"
    results.mkdir(parents=True)
    (root / "docs").mkdir()
    (root / "docs" / "speed.md").write_text(f"# x\n\n{BEGIN}\nold\n{END}\n\n## Limits\n", encoding="utf-8")
    for name, nodes in (("head_medium", 212_965), ("head_large", 709_254)):
        (results / f"compare_cpu_{name}.json").write_text(json.dumps(comparison(name, nodes)))
    (results / "suite_cpu.json").write_text(json.dumps(suite(1.23)))
    (results / "profile_head_large.json").write_text(json.dumps(profile()))
    done = run("--root", root)
    assert done.returncode == 0, done.stderr
    return root


@pytest.fixture
def checkout(written, tmp_path):
    """The same, to be changed."""
    return Path(shutil.copytree(written, tmp_path / "checkout"))


def text_of(root):
    return (root / "benchmarks" / "RESULTS.md").read_text(encoding="utf-8")


def made_in(root):
    return {path: path.read_bytes() for path in root.rglob("*") if path.suffix in (".md", ".svg")}


def test_what_is_committed_is_what_the_results_say():
    done = run("--check")
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_table_and_picture_has_its_command(written):
    text = text_of(written)
    shown = re.findall(r"\]\(results/(\S+\.svg)\)", text)
    assert {path.name for path in written.rglob("*.svg")} == set(shown)
    assert len(shown) == 8
    for section in re.split(r"(?m)^## ", text)[2:]:
        # After a picture or a table, the next line that begins with neither is of a command, or a table's.
        parts = re.findall(r"(?ms)^(!\[.*?\)|\| .*?)\n\n(.*?)$", section)
        assert all(line.startswith(("<sub>`python", "| ", "Failed", "Not installed")) for _, line in parts)
        assert section.rstrip().rpartition("\n")[2].startswith(("<sub>`python", "Not", "Nothing"))
    files = set(re.findall(r"→ `(results/\w+\.json)`, 2026-01-02, commit 0123456789ab</sub>", text))
    assert len(files) == 4
    for file in files:
        facts = "2026-01-02 | commit 0123456789ab | Z80, 3 cores | GCC 12.2 | device cpu | 7.5 GiB | CP/M"
        assert f"| {file} | {facts} | Python 3, NumPy 2 |" in text


def test_numbers_are_those_of_the_results(written):
    text = text_of(written)
    assert "| 7.77 (7.46–8.08) | 7 | 8.0e-07 | 12 | 346 | 1.2.3 |" in text
    assert "3.0e-02 TOO LARGE" in text
    assert "Failed: Broken, default, processes: 1: RuntimeError: no memory" in text
    assert "Not installed: amgcl: not here" in text
    assert "8.88 (8.52–9.24)" in text
    assert "0.0987 s per pose (∂A/∂t 0.0123, solve 0.0447)" in text
    assert "| apply_level | solve | 1,000 | 3.00 | 75.0 % | 24,000 | 30,000 | 8.00 | 50.0 % | 2.00 |" in text
    assert "set up 1.07" in text
    assert '`stages.Coil.time_tables` {"device": "cpu"}: no coil' in text
    speed = (written / "benchmarks" / "results" / "speed.svg").read_text(encoding="utf-8")
    assert speed.count("· 104×") == speed.count("· 7.8×") == 2
    assert "Hasty" not in speed
    growth = (written / "benchmarks" / "results" / "growth_cpu.svg").read_text(encoding="utf-8")
    assert growth.count("n^1.23") == 5


def test_the_page_of_figures_has_the_largest_head_and_what_is_right(written):
    before, block, after = re.split(
        f"{BEGIN}|{END}", (written / "docs" / "speed.md").read_text(encoding="utf-8")
    )
    assert (before, after) == ("# x\n\n", "\n\n## Limits\n")
    assert "709,254 nodes" in block
    assert "212,965" not in block
    assert "| PETSc, tuned, one pose | 2.20 | 0.347 | 7.77 × |" in block
    assert "9.00 ×" not in block
    assert "Hasty" not in block
    command = "`python benchmarks/compare_cpu.py --size large --threads 2`"
    assert f"{command}: 2026-01-02, commit 0123456789ab, Z80, 3 cores, GCC 12.2, device cpu." in block
    assert "Nothing has been measured on a GPU" in block


def test_equal_results_give_equal_files(checkout):
    first = made_in(checkout)
    assert run("--root", checkout, "--check").returncode == 0
    for path in first:
        path.write_bytes(path.read_bytes().replace(b"Z80", b"").replace(b"nodes", b""))
    assert run("--root", checkout).returncode == 0
    assert made_in(checkout) == first


def perturbed(results):
    """Every float of the results but those of the machine, which are copied, another in its last digits."""
    if isinstance(results, dict):
        return {key: value if key == "machine" else perturbed(value) for key, value in results.items()}
    if isinstance(results, list):
        return [perturbed(value) for value in results]
    return results * (1 + 1e-13) if isinstance(results, float) else results


def test_last_digits_of_fits_and_sums_make_nothing_out_of_date(monkeypatch):
    """Instruction sets, versions of NumPy and of Python (`sum`) differ in them."""
    monkeypatch.syspath_prepend(str(ROOT / "benchmarks"))
    import numpy as np
    import report

    results = report.load(ROOT / "benchmarks" / "results")
    page = (ROOT / "docs" / "speed.md").read_text(encoding="utf-8")

    def made(these):
        sections = report.every_section(these)
        prints = {each.name: each.fingerprint() for section in sections for each in section.pictures}
        return prints, report.document(sections), report.with_figures(page, these)

    expected, fit = made(results), np.polyfit
    assert len(expected[0]) > 5
    with monkeypatch.context() as patch:
        patch.setattr(np, "polyfit", lambda *args: fit(*args) * (1 + 1e-13))
        assert made(results) == expected
    assert made(perturbed(results)) == expected
    results["suite_cpu"] = perturbed(results["suite_cpu"])
    for row in results["suite_cpu"]["results"]:
        row["value"] = row.get("value", 0.0) * 1.001
    changed = {name for name, one in made(results)[0].items() if one != expected[0][name]}
    assert changed == {f"{name}_cpu.svg" for name in ("growth", "width", "accuracy", "memory")}


def test_what_is_out_of_date_is_named(checkout):
    results = checkout / "benchmarks" / "results"
    slower = comparison("head_large", 709_254, slowdown=1.5)
    (results / "compare_cpu_head_large.json").write_text(json.dumps(slower))
    (results / "suite_cpu.json").unlink()
    before = made_in(checkout)
    done = run("--root", checkout, "--check")
    assert done.returncode == 1
    named = [line.split()[0] for line in done.stdout.splitlines()]
    spare = ["accuracy_cpu.svg", "growth_cpu.svg", "memory_cpu.svg", "width_cpu.svg"]
    assert named == ["RESULTS.md", "speed.md", "speed.svg", *spare]
    assert made_in(checkout) == before
    run("--root", checkout)
    assert not any((results / name).exists() for name in spare)


def test_the_suite_has_the_benchmarks_that_are_reported():
    """A name that nobody measures would be reported as "not measured", and nobody would notice."""
    reported = (ROOT / "benchmarks" / "reporting" / "suite.py").read_text()
    names = set(re.findall(r'"(\w+)\.([A-Z]\w+)\.(\w+)"', reported))
    assert len(names) > 8
    for module, group, name in names:
        source = ast.parse((ROOT / "benchmarks" / "suite" / f"{module}.py").read_text())
        groups = {node.name: node for node in source.body if isinstance(node, ast.ClassDef)}
        assert group in groups, f"{module}.{group}"
        measured = {node.name for node in groups[group].body if isinstance(node, ast.FunctionDef)}
        assert name in measured, f"{module}.{group}.{name}"


def test_what_was_not_measured_is_said(checkout):
    results = checkout / "benchmarks" / "results"
    for path in results.glob("*.json"):
        path.unlink()
    before_turns = {"solver": "headfield", "solve": {"32": {"median_s": 1.0}}}
    old = comparison("head_small", 27_425) | {"runs": [before_turns]}
    (results / "compare_cpu_head_small.json").write_text(json.dumps(old))
    assert run("--root", checkout).returncode == 0
    *sections, gpu = re.split(r"(?m)^## ", text_of(checkout))[1:]
    said = re.compile(r"^Not measured: run `python benchmarks/\w+\.py[^`]*`\.$", re.MULTILINE)
    assert all(said.search(section) for section in sections)
    assert "Nothing has been measured on a GPU" in gpu
    assert said.search((checkout / "docs" / "speed.md").read_text(encoding="utf-8"))


def compared_on_a_gpu(milliseconds):
    """A run of compare_gpu.py: headfield, and a peer that failed."""
    entry = {
        "solve_s": 0.5e-3 * milliseconds,
        "median_s": 1e-3 * milliseconds,
        "iterations": 9,
        "gpu_mib": 1234.0,
    }
    ours = {"solver": "headfield", "label": "headfield, cupy", "setup_s": 0.5, "residual": 5e-7}
    gpu = FACTS | {"arguments": {"device": "cuda"}, "gpu": {"device": "Voodoo 2", "copy_gb_s": 2345.0}}
    gpu |= {"problem": {"head": "head_large.npz", "nodes": 709_254, "tets": 4_311_416}, "not_installed": {}}
    return gpu | {
        "runs": [ours | {"solve": {"64": entry}}, {"label": "cuNIBS, block", "failure": "Error: no"}]
    }


def checked_on_a_gpu():
    """What gpu_check.sh leaves."""
    kernel = {"launches": 3, "microseconds": 4.5, "megabytes": 6.7, "gb_per_s": 1489.0, "l2_megabytes": 8.9}
    kernel |= {"issue_percent": 23.4, "occupancy_percent": 56.7}
    stages = {"primary": 0.11, "right_hand_side": 0.022, "solve": 0.33, "field": 0.044, "whole": 0.555}
    width = {"ms_per_pose": stages, "turns_ms": [0.555], "iterations": 12, "poses": 64}
    builds = {"carried": {"widths": {"32": width, "64": {"failure": "MemoryError: none left"}}}}
    builds["before"] = {"widths": {"32": width | {"ratio": 1.23}}}
    checks = [{"what": "32 poses at a time", "ok": False, "said": "E differs by 0.5 | of 1", "seconds": 0.1}]
    steps = {
        "install": {"ok": True, "said": "the wheel that was carried"},
        "smoke": {"ok": False, "said": "failed: 32 poses at a time", "checks": checks},
        "figures": {"ok": True, "said": "3 runs", "report": compared_on_a_gpu(2.22) | {"commit": "unknown"}},
        "kernels": {"ok": True, "said": "0.555 ms per pose at best", "builds": builds},
        "profile": {
            "ok": True,
            "said": "1 kernels and widths",
            "widths": {"32": {"every_row Smooth 8/4 32": kernel}},
        },
        "cunibs": {"ok": True, "said": "2 runs", "report": compared_on_a_gpu(3.33)},
        "racecheck": {"ok": False, "skipped": True, "said": "skipped: the 9 minutes were over"},
    }
    gpu = {"name": "Voodoo 2", "driver": "1.2.3", "memory": "12 MiB"}
    steps = {name: facts | {"seconds": 61.0} for name, facts in steps.items()}
    return FACTS | {"gpu": gpu, "rehearsal": False, "steps": steps}


def alone(checkout, **reports):
    """The folder of results with these and nothing else."""
    results = checkout / "benchmarks" / "results"
    for path in results.glob("*.json"):
        path.unlink()
    for name, report in reports.items():
        (results / f"{name}.json").write_text(json.dumps(report))
    done = run("--root", checkout)
    assert done.returncode == 0, done.stderr
    return text_of(checkout), (checkout / "docs" / "speed.md").read_text(encoding="utf-8")


def test_figures_of_a_gpu(checkout):
    other = json.dumps(suite(1.0)).replace('"cpu"}', '"cuda"}').replace('"device": "cpu"', '"device": "cuda"')
    text, page = alone(checkout, compare_gpu_head_large=compared_on_a_gpu(2.22), suite_cuda=json.loads(other))
    assert "Nothing has been measured on a GPU" not in text + page
    assert "2.22 ms per pose" in page
    assert "device Voodoo 2" in page
    assert re.search(r"headfield, cupy +64 +0.50 +1.110 +2.220", text)
    assert "Failed: cuNIBS, block: Error: no" in text
    assert "## Cost against size, on a GPU" in text
    assert (checkout / "benchmarks" / "results" / "growth_cuda.svg").exists()


def test_what_the_check_of_a_gpu_leaves_becomes_a_section(checkout):
    text, page = alone(checkout, gpu_check=checked_on_a_gpu())
    assert "Nothing has been measured on a GPU" not in text + page
    assert "2.22 ms per pose" in page
    assert "3.33 ms per pose" not in page  # the slower of two runs on one head
    assert "commit 0123456789ab" in page
    assert "Voodoo 2, driver 1.2.3, 12 MiB:" in text
    assert "| smoke | FAILED | 61.0 | failed: 32 poses at a time |" in text
    assert "| racecheck | skipped | 61.0 | skipped: the 9 minutes were over |" in text
    assert "| 32 poses at a time | FAILED | 0.100 | E differs by 0.5 \\| of 1 |" in text
    assert "| carried, 32 at a time | 0.110 | 0.0220 | 0.330 | 0.0440 | 0.555 | – |" in text
    assert "| before, 32 at a time | 0.110 | 0.0220 | 0.330 | 0.0440 | 0.555 | 1.23 |" in text
    assert "Failed: carried, 64 at a time: MemoryError: none left" in text
    assert re.search(r"headfield, cupy +64 +0.50 +1.110 +2.220", text)
    assert re.search(r"headfield, cupy +64 +0.50 +1.665 +3.330", text)
    assert "| every_row Smooth 8/4 32 | 3 | 4.50 | 6.70 | 1,489 | 8.90 | 23.4 | 56.7 |" in text
    assert (
        "<sub>`benchmarks/gpu_check.sh OUT` → `results/gpu_check.json`, 2026-01-02, commit 0123456789ab</sub>"
        in text
    )


def test_a_check_that_was_cut_short_or_rehearsed_says_no_more_than_it_has(checkout):
    report = checked_on_a_gpu()
    report["steps"] = {"install": report["steps"]["install"]}
    text, page = alone(checkout, gpu_check=report)
    assert "| install | ok | 61.0 | the wheel that was carried |" in text
    assert "ms per pose" not in page
    text, page = alone(checkout, gpu_check=checked_on_a_gpu() | {"rehearsal": True})
    assert "Voodoo" not in text + page
    assert "Nothing has been measured on a GPU" in text


def test_a_page_without_markers_is_refused(checkout):
    (checkout / "docs" / "speed.md").write_text("# x\n", encoding="utf-8")
    done = run("--root", checkout)
    assert done.returncode == 1
    assert BEGIN in done.stderr


def test_a_part_that_fails_is_named_and_the_rest_goes_on(tmp_path):
    shutil.copy(ROOT / "benchmarks" / "run.py", tmp_path)
    for name in ("run_suite", "compare_cpu", "profile_kernels", "gate", "compare_gpu", "report"):
        (tmp_path / f"{name}.py").write_text("import sys; print(sys.argv[1:])")
    (tmp_path / "compare_cpu.py").write_text("raise SystemExit(3)")
    done = run(script=tmp_path / "run.py")
    assert done.returncode == 1
    assert re.findall(r"s  (\S+) .*FAILED, exit code (\d)", done.stdout) == [("compare_cpu.py", "3")]
    assert "== report.py\n[]\n" in done.stdout
    quick = run("--quick", script=tmp_path / "run.py").stdout
    assert f"== run_suite.py --quick --out {os.devnull}\n['--quick', '--out', '{os.devnull}']\n" in quick
    assert "report.py" not in quick  # it would show what was not measured
