# SPDX-License-Identifier: BSD-3-Clause
"""The layout that CONTRIBUTING describes: sizes, names and imports; `make lint` looks at the rooms."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "src" / "headfield"
# Imported where they are used, since not everybody has them or needs them, and some take a while.
LATE = {
    "argcomplete",
    "netCDF4",
    "cupy",
    "cupyx",
    "fastcrc",
    "h5py",
    "jax",
    "matplotlib",
    "meshio",
    "nibabel",
    "plotly",
    "pyarrow",
    "resource",
    "scipy",
    "torch",
    "webbrowser",
    "pylsl",
    "websockets",
    "yaml",
}
MOST_LINES, MOST_IN_FUNCTION, MOST_POSITIONAL = 400, 40, 6
TEXT = (".py", ".pyi", ".cpp", ".hpp", ".cu", ".h", ".sh")


def parsed(folder):
    return {
        path.relative_to(ROOT).as_posix(): ast.parse(path.read_text(encoding="utf-8"))
        for path in sorted(folder.rglob("*.py"))
    }


@pytest.fixture(scope="module")
def package():
    if not PACKAGE.is_dir():
        pytest.skip("needs the source tree")
    return parsed(PACKAGE)


def functions(tree):
    return [n for n in ast.walk(tree) if isinstance(n, (ast.FunctionDef, ast.AsyncFunctionDef))]


def test_files_are_short():
    folders = [PACKAGE, *(ROOT / name for name in ("cpp", "cuda", "tests", "benchmarks", "examples"))]
    files = [p for folder in folders for p in folder.rglob("*") if p.suffix in TEXT]
    assert len(files) > 100
    lines = {p.relative_to(ROOT).as_posix(): p.read_text(encoding="utf-8").count("\n") for p in files}
    assert {name: n for name, n in lines.items() if n > MOST_LINES} == {}


def test_functions_are_short(package):
    found = {}
    for name, tree in package.items():
        for function in functions(tree):
            body = function.body[1:] if ast.get_docstring(function) else function.body
            if body and body[-1].end_lineno - body[0].lineno >= MOST_IN_FUNCTION:
                found[f"{name}: {function.name}"] = body[-1].end_lineno - body[0].lineno + 1
    assert found == {}


def test_few_arguments_go_by_position(package):
    found = {}
    for name, tree in package.items():
        for function in functions(tree):
            positional = [a.arg for a in [*function.args.posonlyargs, *function.args.args]]
            count = len(positional) - (positional[:1] in (["self"], ["cls"]))
            if count > MOST_POSITIONAL:
                found[f"{name}: {function.name}"] = count
    assert found == {}


def test_names_of_files_hide_nothing(package):
    hidden = [name for name in package if re.search(r"/_(?!_)", name)]
    assert hidden == []


def test_imports_within_the_package_are_relative(package):
    found = [
        f"{name}: {ast.unparse(node)}"
        for name, tree in package.items()
        for node in ast.walk(tree)
        if (
            isinstance(node, ast.ImportFrom)
            and node.level == 0
            and (node.module or "").startswith("headfield")
        )
        or (isinstance(node, ast.Import) and any(a.name.startswith("headfield") for a in node.names))
    ]
    assert found == []


def test_what_is_imported_late_is_not_the_package_itself(package):
    found = []
    for name, tree in package.items():
        for function in functions(tree):
            for node in ast.walk(function):
                if isinstance(node, ast.ImportFrom) and (
                    node.level or node.module.partition(".")[0] not in LATE
                ):
                    found.append(f"{name}: {ast.unparse(node)}")
                elif isinstance(node, ast.Import):
                    names = [a.name.partition(".")[0] for a in node.names]
                    found += [f"{name}: import {n}" for n in names if n not in LATE]
    assert found == []


def test_no_test_imports_another():
    trees = parsed(ROOT / "tests")
    modules = {Path(name).stem for name in trees if Path(name).stem.startswith("test_")}
    assert len(modules) > 50
    found = []
    for name, tree in trees.items():
        for node in ast.walk(tree):
            named = [a.name for a in node.names] if isinstance(node, ast.Import) else []
            named += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            found += [f"{name}: {n}" for n in named if n.rpartition(".")[2] in modules]
    assert found == []
