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
from typing import NamedTuple

from ptx import kept

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "build" / "nvcc"  # of what all that look at kernels share
DROPPED = ("--generate-code", "-arch", "-Werror")
VERBOSE = "-Xptxas=-v"


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
    """A command without output, dependencies, architecture, errors made of warnings, and Python's headers.

    Kernels include neither Python nor pybind11, and where those lie differs from build to build.
    """
    kept, words = [], iter(command)
    for word in words:
        if word in ("-o", "-MF", "-MT", "-gencode"):
            next(words)
        elif word == "-isystem":
            place = next(words)
            kept += [] if _of_python(Path(place)) else [word, place]
        elif word not in ("-c", "-MD", "-dc", "-Xcompiler=-Werror") and not word.startswith(DROPPED):
            kept.append(word)
    return kept


def _of_python(folder: Path) -> bool:
    return (folder / "Python.h").exists() or (folder / "pybind11").is_dir()


class Files(NamedTuple):
    """What is made of one .cu file: PTX, machine code, and what nvcc said while it made that."""

    ptx: Path
    cubin: Path
    said: Path


def files_of(unit: str, folder: Path) -> Files:
    return Files(*(folder / f"{unit}.{ending}" for ending in ("ptx", "cubin", "said")))


def kernels(
    folder: Path, nvcc: str, architecture: str, workers: int, machine_code: bool = False
) -> dict[str, Files]:
    """For every .cu file of the build its PTX, and machine code where that is asked for; made if not kept."""
    found = commands(folder / "cmake", nvcc, architecture)

    def of_unit(unit: str) -> Files:
        files = files_of(unit, folder)
        to_ptx, to_cubin = by_which(found[unit], architecture)
        kept.make([files.ptx], to_ptx, lambda: run([*to_ptx, "-o", str(files.ptx)]))
        if machine_code:
            command = [nvcc, VERBOSE, "-cubin", f"-arch=sm_{architecture}", str(files.ptx)]
            command += ["-o", str(files.cubin)]
            kept.make(files[1:], to_cubin, lambda: files.said.write_text(run(command)))
        return files

    with ThreadPoolExecutor(workers) as pool:
        return dict(zip(found, pool.map(of_unit, found), strict=True))


def by_which(command: list[str], architecture: str) -> tuple[list[str], list[str]]:
    """Commands for the PTX and the machine code of a .cu file, as files are kept by them."""
    words = [*command, f"-arch=sm_{architecture}"]
    return [*words, "-ptx"], [*words, "-cubin", VERBOSE]


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
