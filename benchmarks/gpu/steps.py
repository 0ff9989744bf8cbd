# SPDX-License-Identifier: BSD-3-Clause
"""The steps of gpu_check.sh, in order of value: each takes a `Run` and returns facts, "ok" and "said"."""

from __future__ import annotations

import ast
import importlib.util
import json
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from gpu import counters
from gpu.builds import kernels
from gpu.install import install
from gpu.running import HERE, ROOT, Done, Run, tool

BENCHMARKS = HERE.parent
TESTS = ROOT / "tests"
PROFILED = (32, 1, 64)  # widths, the most telling first
# Files whose tests run on each device; of them those that do, and what is a GPU's alone.
# Those come first that tell most of kernels, should the time not do for all.
CHOSEN = (
    *("solve/test_gpu", "kernels/test_shared_rows", "kernels/test_widths", "kernels/test_solver"),
    *("kernels/test_kernels", "solve/test_fallback", "solve/test_model", "coils/test_primary"),
    *("solve/test_hard_heads", "solve/test_numbers"),
    *("kernels/test_transposes", "kernels/test_fixed", "solve/test_sources", "coils/test_magnetic_field"),
    *("solve/test_recovery", "solve/test_roi", "solve/test_physics", "refused/test_kernel_arguments"),
    *("solve/test_zoom_devices", "kernels/test_point_fields", "kernels/test_refine_edges"),
    *("kernels/test_current_tree", "kernels/test_dense_product", "kernels/test_mode_sums"),
    *("kernels/test_table_sums", "coils/test_lone_dipoles"),
    *("kernels/test_edge_means", "solve/test_primary_rule", "kernels/test_slopes", "kernels/test_mixture"),
    *("solve/test_gradients_devices", "solve/test_conductivity_basis"),
    *("metrics/test_metrics_regions", "solve/test_independent", "coils/test_coil_parts"),
    *("fields/test_field_copies", "solve/test_interrupts"),
    *("refused/test_model_arguments", "refused/test_solver_arguments", "refused/test_on_a_node"),
    *("jobs/test_outputs_devices",),
)
ON_A_GPU = "cuda or test_gpu or test_fallback"
PROCESSES = 8
PACKAGES = (
    *("numpy", "cupy", "scipy", "h5py", "meshio", "pyamg", "cunibs"),
    *("pytest", "xdist", "hypothesis", "scikit_build_core", "pybind11"),
)
FACTS = """
import json, importlib, os, platform, sys
sys.path.insert(0, sys.argv[1])
found = {"python": platform.python_version(), "cores": os.cpu_count()}
for name in sys.argv[2:]:
    try:
        module = importlib.import_module(name)
        found[name] = str(getattr(module, "__version__", "there"))
    except Exception as problem:
        found[name] = f"missing: {problem}"[:120]
try:
    import measure
    found["machine"] = measure.machine()
except Exception as problem:
    found["machine"] = {"unknown": str(problem)}
print(json.dumps(found))
"""


def environment(run: Run) -> dict[str, Any]:
    """Device, driver, versions of what is used, and what `_cuda` lacks of libraries."""
    facts: dict[str, Any] = {"gpu": gpu_name(run), "tools": {}}
    for name, option in (("nvcc", "--version"), ("gcc", "--version"), ("ncu", "--version")):
        found = tool(name)
        said = run.command("environment", [found, option]).text.strip().splitlines() if found else []
        told = [line for line in said if re.search(r"\d\.\d", line)]
        told = [line for line in told if "release" in line] or told[-1:] if name != "gcc" else told[:1]
        facts["tools"][name] = told[0] if told else "missing"
    facts["tools"]["compute-sanitizer"] = tool("compute-sanitizer") or "missing"
    run.command("environment", ["nvidia-smi"])
    done = run.python("environment", "-c", FACTS, BENCHMARKS, *PACKAGES)
    facts["versions"] = json.loads(last(done)) if done.ok else {"failed": done.said()}
    facts["machine"] = facts["versions"].pop("machine", {})
    facts["lacks"] = lacking(run)
    missing = [name for name, told in facts["tools"].items() if told == "missing"]
    said = "; ".join(filter(None, [facts["lacks"], f"missing: {', '.join(missing)}" if missing else ""]))
    there = run.rehearse or "name" in facts["gpu"]
    said = said if there else "; ".join(filter(None, [f"no GPU: {facts['gpu']['none']}", said]))
    ok = done.ok and there and not facts["lacks"]
    return facts | {"ok": ok, "said": said or str(facts["gpu"].get("name"))}


def gpu_name(run: Run) -> dict[str, str]:
    """Name, driver, memory and clocks, as the driver says."""
    query = "name,driver_version,memory.total,clocks.max.sm,clocks.max.mem,power.limit"
    done = run.command("environment", ["nvidia-smi", f"--query-gpu={query}", "--format=csv,noheader"])
    if not done.ok:
        return {"none": done.said()}
    keys = ("name", "driver", "memory", "sm_clock", "memory_clock", "power_limit")
    return dict(zip(keys, done.text.strip().splitlines()[0].split(", "), strict=False))


def lacking(run: Run) -> str:
    """Libraries that the module for GPUs asks for and the machine does not have."""
    module = next((run.site / "headfield" / "core").glob("_cuda*.so"), None)
    if module is None:
        return "there is no module for GPUs"
    text = run.command("environment", ["ldd", module]).text
    absent = [line.strip() for line in text.splitlines() if "not found" in line]
    return f"_cuda lacks {', '.join(absent)}" if absent else ""


def smoke(run: Run) -> dict[str, Any]:
    """First contact, line by line."""
    out = run.work / "smoke.json"
    small = ["--edge-mm", "14"] if run.rehearse else []
    done = run.python("smoke", HERE / "smoke.py", out, *small)
    checks = json.loads(out.read_text())["checks"] if out.exists() else []
    failed = [check["what"] for check in checks if not check["ok"]]
    said = f"failed: {', '.join(failed)}" if failed else f"{len(checks)} checks"
    return {"ok": done.ok, "said": said if done.ok or failed else done.said(), "checks": checks}


def figures(run: Run) -> dict[str, Any]:
    """Measure headfield on the head: seconds by width from poses to E, memory, and the set-up."""
    return compare(run, "figures", ["--only", "headfield", *["--quick"] * run.rehearse])


def cunibs(run: Run) -> dict[str, Any]:
    """Measure cuNIBS beside headfield, in the same minutes."""
    if run.rehearse:
        return {"ok": True, "said": "not rehearsed: cuNIBS needs CuPy itself", "report": None}
    only = ("headfield:direct", "headfield:cupy", "cunibs:block", "cunibs:sweep")
    return compare(run, "cunibs", ["--quick", "--only", *only])


def compare(run: Run, name: str, options: list[str]) -> dict[str, Any]:
    """Run a comparison within the time of the step; what it had measured when time was up is kept."""
    out = run.work / f"{name}.json"
    words = [BENCHMARKS / "compare_gpu.py", *run.problem, *options, "--out", out]
    done = run.python(name, *words, "--within", max(5, int(run.left() - 5)))
    report = json.loads(out.read_text()) if out.exists() else None
    runs = report["runs"] if report else []
    failed = [f"{one['label']}: {one['failure']}" for one in runs if "failure" in one]
    absent = report["not_installed"] if report else {}
    failed += [f"{peer} was not measured: {why}" for peer, why in absent.items()]
    said = "; ".join(failed) or (f"{len(runs)} runs" if done.ok else done.said())
    shown = [line for line in done.text.splitlines() if line.startswith(("headfield", "cuNIBS", "solver"))]
    return {"ok": done.ok and not failed, "said": said[:400], "shown": shown, "report": report}


def profile(run: Run) -> dict[str, Any]:
    """Count bytes, seconds, issue slots and occupancy of each kernel, one width after the other."""
    ncu, widths, wrong = tool("ncu"), {}, []
    for number, width in enumerate(PROFILED):
        if run.left() < 5.0:
            wrong.append(f"no time for width {width}")
            continue
        share = run.left() / (len(PROFILED) - number) if number else run.left() / 2
        words = [sys.executable, HERE / "kernels.py", *run.problem, "--profile", width]
        before = [ncu, *counters.options([*counters.SUMS, *counters.SHARES])] if ncu else []
        done = run.command(f"profile_{width}", [*before, *words], limit=share)
        found = counters.read(done.text)
        if ncu and not found and done.code is not None:  # a metric that this version does not know
            before = [ncu, *counters.options(counters.FEW)]
            rest = max(1.0, share - done.seconds)
            done = run.command(f"profile_{width}", [*before, *words], limit=rest)
            found = counters.read(done.text)
        if found:
            widths[str(width)] = found
        if not done.ok or (ncu and not found):
            wrong.append(f"width {width}: {done.said()}")
    said = "; ".join(wrong) or f"{sum(map(len, widths.values()))} kernels and widths"
    if not ncu:
        said = f"ncu is missing; without it: {said}"
    return {"ok": not wrong and bool(ncu or run.rehearse), "said": said[:400], "widths": widths}


def tests(run: Run) -> dict[str, Any]:
    """The tests that a GPU is needed for; what a package is missing for is named."""
    files, skipped = [], {}
    for name in CHOSEN:
        absent = missing_imports(TESTS / f"{name}.py", run)
        if absent:
            skipped[name] = f"{', '.join(absent)} missing"
        else:
            files.append(f"tests/{name}.py")
    facts: dict[str, Any] = {"left_out": skipped}
    if not files or not importable("pytest", run):
        return facts | {"ok": False, "said": "nothing to run: " + (f"{skipped}" if skipped else "no pytest")}
    options: list[object] = ["-v", "--tb=short", "-p", "no:cacheprovider", "-k", ON_A_GPU]
    options += ["--basetemp", run.work / "pytest"]
    if importable("xdist", run):
        options += ["-p", "xdist.plugin", "-n", PROCESSES]
        options += ["--dist", "load", "--maxschedchunk", 1]  # in the order of the files
    # Other plugins that the machine has may warn, and every warning is an error here.
    variables = {"OMP_NUM_THREADS": "2", "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    if run.rehearse:  # the tests are to know that it is no GPU
        variables["HEADFIELD_EMULATED_CUDA"] = str(
            next((run.site / "headfield" / "core").glob("_cuda*.so"), "")
        )
    else:  # … and not to emulate one that does not work
        variables["HEADFIELD_TESTS_ON_GPU"] = "1"
    done = run.python("tests", "-m", "pytest", *options, *files, **variables)
    outcomes = re.findall(r"\b(PASSED|FAILED|SKIPPED|ERROR|XFAIL)\b", done.text)
    facts["counts"] = {word.lower(): outcomes.count(word) for word in sorted(set(outcomes))}
    facts["failed"] = re.findall(r"^(?:FAILED|ERROR) .*$", done.text, re.MULTILINE)[:50]
    passed = facts["counts"].get("passed", 0)
    said = "" if passed else "no test passed: "
    said += done.said() + "".join(f"; {name} left out: {why}" for name, why in skipped.items())
    return facts | {"ok": done.ok and passed > 0, "said": said[:400]}


def importable(name: str, run: Run) -> bool:
    """Whether the machine has a module, or it was carried, or it lies beside the tests."""
    beside = [folder / name for folder in (run.site, TESTS, TESTS / "emulated")]
    if any(path.with_suffix(".py").exists() or path.is_dir() for path in beside):
        return True
    return importlib.util.find_spec(name) is not None


def missing_imports(path: Path, run: Run, seen: set[Path] | None = None) -> list[str]:
    """Modules that a test file imports at its top, itself or by other files of tests, and that are absent."""
    seen = set() if seen is None else seen
    if path in seen:
        return []
    seen.add(path)
    absent = []
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        named = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        if isinstance(node, ast.ImportFrom) and node.module:
            named += [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
        for name in named:
            first = name.partition(".")[0]
            if (beside := (TESTS / name.replace(".", "/")).with_suffix(".py")).exists():
                absent += missing_imports(beside, run, seen)
            elif not importable(first, run):
                absent.append(first)
    return sorted(set(absent))


def sanitizer(name: str) -> Callable[[Run], dict[str, Any]]:
    """Return the step of one tool of compute-sanitizer, over the kernels on small spheres."""

    def step(run: Run) -> dict[str, Any]:
        found = tool("compute-sanitizer")
        if not found and not run.rehearse:
            return {"ok": False, "said": "compute-sanitizer is missing"}
        before = [found, "--tool", name, "--error-exitcode", "9"] if found else []
        words = [sys.executable, HERE / "exercise.py", *["--quick"] * run.rehearse]
        done = run.command(name, [*before, *words])
        summary = re.findall(r"(?:ERROR|RACECHECK) SUMMARY: .*", done.text)
        said = summary[-1] if summary else done.said()
        return {"ok": done.ok, "said": said if found else f"compute-sanitizer is missing; without it: {said}"}

    return step


def last(done: Done) -> str:
    return (done.text.strip().splitlines() or [""])[-1]


# Name: what it does, and the seconds that it may take at most. The order is that of value.
STEPS: dict[str, tuple[Callable[[Run], dict[str, Any]], float]] = {
    "install": (install, 300.0),
    "environment": (environment, 40.0),
    "smoke": (smoke, 90.0),
    "figures": (figures, 150.0),
    "kernels": (kernels, 100.0),
    "profile": (profile, 130.0),
    "tests": (tests, 110.0),
    "cunibs": (cunibs, 110.0),
    **{name: (sanitizer(name), 60.0) for name in ("memcheck", "racecheck", "initcheck")},
}
