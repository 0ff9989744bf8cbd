# SPDX-License-Identifier: BSD-3-Clause
"""Recipes for other installers say what pyproject.toml says, and can be read by what reads them."""

import ast
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

yaml = pytest.importorskip("yaml")

ROOT = Path(__file__).resolve().parents[2]
PACKAGING = ROOT / "packaging"
EASYBUILD = sorted(PACKAGING.glob("easybuild/*.eb"))
if not PACKAGING.is_dir():
    pytest.skip("needs the source tree", allow_module_level=True)
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
VERSION = PROJECT["project"]["version"]
# Of packages that recipes name: the oldest version that pyproject.toml allows.
LEAST = dict(
    re.match(r"([\w-]+)>=([\d.]+)", line).groups()
    for line in [
        *PROJECT["project"]["dependencies"],
        *PROJECT["build-system"]["requires"],
        *(
            one
            for extra in ("view", "nifti", "matlab")
            for one in PROJECT["project"]["optional-dependencies"][extra]
        ),
    ]
)


def numbers(version):
    return [int(n) for n in version.split(".")]


def test_workflows_hold_no_secret_and_fixed_versions():
    files = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
    if not files:
        pytest.skip("the source distribution has no workflows")
    assert len(files) >= 2
    for path in files:
        text = path.read_text(encoding="utf-8")
        flow = yaml.safe_load(text)
        assert "secrets." not in text
        assert flow["permissions"] == {"contents": "read"}, path.name
        assert all(job["timeout-minutes"] <= 180 for job in flow["jobs"].values())
        for used in re.findall(r"uses: (\S+)", text):
            assert re.fullmatch(r"[\w-]+/[\w-]+@v\d+\.\d+\.\d+", used), used


def test_wheels_are_built_for_the_pythons_of_the_classifiers():
    built = PROJECT["tool"]["cibuildwheel"]["build"].split()
    told = [line.rpartition(" ")[2] for line in PROJECT["project"]["classifiers"] if ":: 3." in line]
    assert built == [f"cp{one.replace('.', '')}-*" for one in told] + ["cp314t-*"]


def test_the_script_for_wheels_says_what_it_lacks(tmp_path):
    script = PACKAGING / "wheel.sh"
    image = PROJECT["tool"]["cibuildwheel"]["manylinux-x86_64-image"]
    assert f"--plat {image}_x86_64" in script.read_text(encoding="utf-8")
    for arguments, sysroot, said in [
        ([], "", "name a Python"),
        ([sys.executable], tmp_path, "no usr/bin/g++"),
    ]:
        given = {**os.environ, "SYSROOT": str(sysroot)}
        done = subprocess.run(
            ["bash", script, *arguments], env=given, capture_output=True, text=True, check=False
        )
        assert done.returncode == 1
        assert said in done.stderr


def test_what_tests_of_wheels_need_is_there():
    for name in PROJECT["tool"]["cibuildwheel"]["test-sources"]:
        assert (ROOT / name).exists(), name


def test_the_conda_recipe():
    recipe = yaml.safe_load((PACKAGING / "conda" / "recipe.yaml").read_text(encoding="utf-8"))
    assert recipe["context"]["version"] == VERSION
    run = [one for one in recipe["requirements"]["run"] if isinstance(one, str)]
    host = [one for one in recipe["requirements"]["host"] if isinstance(one, str)]
    asked = dict(one.split(" >=") for one in run + host if " >=" in one)
    assert asked.pop("python") == PROJECT["project"]["requires-python"].removeprefix(">=")
    assert {name: LEAST[name] for name in asked} == asked
    assert {line.partition(">")[0] for line in PROJECT["project"]["dependencies"]} <= asked.keys()


@pytest.mark.parametrize("path", EASYBUILD, ids=lambda path: path.stem)
def test_an_easyconfig(path):
    given = {"SYSTEM": {"name": "system", "version": "system"}}
    exec(compile(path.read_text(encoding="utf-8"), path.name, "exec"), given)
    suffix = given.get("versionsuffix", "") % {
        "cudaver": {d[0]: d[1] for d in given["dependencies"]}.get("CUDA")
    }
    toolchain = given["toolchain"]
    assert path.stem == f"headfield-{VERSION}-{toolchain['name']}-{toolchain['version']}{suffix}"
    asked = {one[0].lower(): one[1] for one in given["dependencies"] + given["builddependencies"]}
    for name in ("meshio", "h5py", "matplotlib", "nibabel", "scikit-build-core", "pybind11"):
        assert numbers(asked[name]) >= numbers(LEAST[name]), name
    assert ("HEADFIELD_CUDA=ON" in given["preinstallopts"]) == ("CUDA" in suffix)
    templates = re.findall(r"%\((\w+)\)s", path.read_text(encoding="utf-8"))
    assert set(templates) <= {"version", "pyshortver", "cudaver"}


class Recipe:
    """Plays Spack: takes what the package's directives are called with."""

    def __init__(self):
        self.depends, self.variants, self.now = [], [], ""

    def names(self):
        def run(*_, **__):
            return lambda function: function

        def nothing(*_, **__):
            return None

        return {
            "PythonPackage": type("PythonPackage", (), {}),
            "CudaPackage": type("CudaPackage", (), {}),
            "license": nothing,
            "version": nothing,
            "conflicts": nothing,
            "variant": lambda name, **_: self.variants.append(name),
            "depends_on": lambda what, type=(), when="": self.depends.append((what, self.now, when)),
            "when": self.when,
            "run_after": run,
            "on_package_attributes": run,
        }

    def when(self, condition):
        recipe = self

        class Within:
            def __enter__(self):
                recipe.now = condition

            def __exit__(self, *_):
                recipe.now = ""

        return Within()


class Spec:
    """Plays a spec with or without +cuda; as Spack's, it has no cuda_arch where cuda is off."""

    def __init__(self, *architectures):
        self.variants = {"cuda_arch": type("Value", (), {"value": architectures})} if architectures else {}

    def satisfies(self, what):
        return what == "+cuda" and bool(self.variants)


def test_the_spack_package():
    path = PACKAGING / "spack" / "packages" / "py_headfield" / "package.py"
    tree = ast.parse(path.read_text(encoding="utf-8"))
    tree.body = [node for node in tree.body if not isinstance(node, ast.ImportFrom)]
    recipe = Recipe()
    names = recipe.names()
    exec(compile(tree, path.name, "exec"), names)
    package = names["PyHeadfield"]()
    assert package.config_settings(Spec(), "") == {"cmake.define.HEADFIELD_CUDA": "OFF"}
    assert package.config_settings(Spec("none"), "") == {"cmake.define.HEADFIELD_CUDA": "ON"}
    assert package.config_settings(Spec("80", "90"), "") == {
        "cmake.define.HEADFIELD_CUDA": "ON",
        "cmake.define.CMAKE_CUDA_ARCHITECTURES": "80-real;90-real",
    }
    asked = dict(what.split("@") for what, _, _ in recipe.depends if "@" in what)
    for name, least in LEAST.items():
        spelled = f"py-{name.lower()}"
        assert (
            numbers(asked[spelled].removesuffix(":"))
            == numbers(least)[: len(numbers(asked[spelled].removesuffix(":")))]
        )
    assert {now for what, now, _ in recipe.depends if "cuda" in what or "cupy" in what} == {"+cuda"}


@pytest.mark.parametrize("name", ["headfield", "headfield-cuda"])
def test_an_apptainer_definition(name):
    text = (PACKAGING / "apptainer" / f"{name}.def").read_text(encoding="utf-8")
    sections = re.findall(r"^%(\w+)", text, re.MULTILINE)
    assert {"files", "post", "environment", "runscript", "test"} <= set(sections)
    stages = text.split("Bootstrap: docker")[1:]
    assert len(stages) == 1 + name.endswith("cuda")
    assert all(re.search(r"^From: \S+:\S+$", stage, re.MULTILINE) for stage in stages)
    # CuPy compiles kernels where it runs: without NVRTC it finds the GPU and fails at the first kernel.
    assert ("cupy-cuda13x[ctk]" in text) == name.endswith("cuda")
    assert ("HEADFIELD_CUDA=ON" in text) == name.endswith("cuda")
