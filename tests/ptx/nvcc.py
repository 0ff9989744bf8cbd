# SPDX-License-Identifier: BSD-3-Clause
"""Kernels compiled with the flags of the build, which CMake is asked for: so the two can't drift apart."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def find() -> str | None:
    """Path of nvcc, as CMake looks for it; None where there is none."""
    for place in (os.environ.get("CUDACXX"), "nvcc", "/usr/local/cuda/bin/nvcc"):
        if place and (found := shutil.which(place)):
            return found
    return None


def version(nvcc: str) -> str:
    """Such as 13.0.88."""
    said = subprocess.run([nvcc, "--version"], capture_output=True, text=True, check=True).stdout
    found = re.search(r"V(\d+\.\d+\.\d+)", said)
    return found[1] if found else "unknown"


def tool(name: str) -> str | None:
    """A program of this environment or of the machine."""
    return shutil.which(name, path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}")


def commands(folder: Path, nvcc: str, architecture: str) -> dict[str, list[str]]:
    """For each .cu file how the build compiles it, without what to make of it and where to."""
    import pybind11

    configure = [tool("cmake"), "-G", "Ninja", "-S", str(ROOT), "-B", str(folder), "-DHEADFIELD_CUDA=ON"]
    configure += ["-DCMAKE_BUILD_TYPE=Release", "-DCMAKE_EXPORT_COMPILE_COMMANDS=ON"]
    configure += [f"-DCMAKE_CUDA_COMPILER={nvcc}", f"-DCMAKE_CUDA_ARCHITECTURES={architecture}-real"]
    configure += [f"-DPython_EXECUTABLE={sys.executable}", f"-DCMAKE_MAKE_PROGRAM={tool('ninja')}"]
    configure += [f"-Dpybind11_DIR={pybind11.get_cmake_dir()}"]
    run([word for word in configure if word])
    entries = json.loads((folder / "compile_commands.json").read_text())
    found = {}
    for entry in entries:
        path = Path(entry["file"])
        if path.suffix == ".cu":
            found[path.stem] = flags(shlex.split(entry["command"]))
    return found


def flags(command: list[str]) -> list[str]:
    """A command without output, dependencies and architecture."""
    kept, words = [], iter(command)
    for word in words:
        if word in ("-o", "-MF", "-MT", "-gencode"):
            next(words)
        elif word not in ("-c", "-MD", "-dc") and not word.startswith(("--generate-code", "-arch")):
            kept.append(word)
    return kept


def compiled(command: list[str], target: Path, architecture: str, *options: str) -> str:
    """Run nvcc for a .ptx or .cubin file; returns what it said."""
    return run([*command, f"-{target.suffix[1:]}", f"-arch=sm_{architecture}", *options, "-o", str(target)])


def ptx_of_kernels(folder: Path, nvcc: str, architecture: str, workers: int) -> dict[str, str]:
    """PTX of every .cu file of the build."""
    found = commands(folder, nvcc, architecture)
    targets = {unit: folder / f"{unit}.ptx" for unit in found}
    with ThreadPoolExecutor(workers) as pool:
        list(pool.map(lambda unit: compiled(found[unit], targets[unit], architecture), found))
    return {unit: target.read_text() for unit, target in targets.items()}


def run(command: list[str]) -> str:
    """What a command says, or an error with it."""
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{shlex.join(command)}\n{done.stdout}{done.stderr}")
    return done.stdout + done.stderr


def plain_names(names: list[str]) -> dict[str, str]:
    """Names of functions as in C++, where an unnamed namespace is called the same by any compiler."""
    if not names:
        return {}
    said = subprocess.run(["c++filt"], input="\n".join(names), capture_output=True, text=True, check=True)
    return dict(zip(names, said.stdout.splitlines(), strict=True))
