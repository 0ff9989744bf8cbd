# SPDX-License-Identifier: BSD-3-Clause
"""PTX files to a library that the emulation of CUDA loads, with a list of which kernel is which."""

from __future__ import annotations

import subprocess
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from ptx.nvcc import plain_names, run
from ptx.reader import Module, PtxError, read
from ptx.translator import translate

HERE = Path(__file__).resolve().parent
MOST_STATEMENTS = 10_000  # of a file of C++
FLAGS = ["-std=c++17", "-O1", "-w", "-fPIC", "-ffp-contract=off", "-fno-math-errno", "-fno-strict-aliasing"]


def build(sources: dict[str, str], folder: Path, flags: Iterable[str] = (), workers: int = 2) -> list[str]:
    """Make ``kernels.so`` of PTX by name of the file, and return the names of its kernels.

    A template that several files instantiate is taken from the first, as a linker does.
    """
    folder.mkdir(parents=True, exist_ok=True)
    modules = {unit: read(text) for unit, text in sources.items()}
    names = plain_names([one.name for module in modules.values() for one in module.functions if one.is_entry])
    _drop_repeated(modules, names)
    kernels = [names[one.name] for module in modules.values() for one in module.functions if one.is_entry]
    modules = _in_parts(modules)
    for unit, module in modules.items():
        (folder / f"{unit}.cpp").write_text(translate(module, unit, names))
    (folder / "tables.cpp").write_text(tables(list(modules)))
    objects = [folder / f"{unit}.o" for unit in (*modules, "tables")]
    compiler = ["g++", *FLAGS, *flags, "-I", str(HERE), "-c"]
    with ThreadPoolExecutor(workers) as pool:
        list(pool.map(lambda o: run([*compiler, str(o.with_suffix(".cpp")), "-o", str(o)]), objects))
    run(["g++", "-shared", *map(str, objects), "-o", str(folder / "kernels.so")])
    return kernels


def _drop_repeated(modules: dict[str, Module], names: dict[str, str]) -> None:
    """Two kernels of one name are the same template, or, in unnamed namespaces, can't be told apart."""
    seen: dict[str, bool] = {}
    for module in modules.values():
        kept = []
        for one in module.functions:
            name = names.get(one.name, "")
            if one.is_entry and name in seen:
                if one.is_internal or seen[name]:
                    raise PtxError(f"two kernels are called {name}")
                continue
            if one.is_entry:
                seen[name] = one.is_internal
            kept.append(one)
        module.functions = kept


def _in_parts(modules: dict[str, Module]) -> dict[str, Module]:
    """Kernels that share no variable and call nothing may be compiled apart, on several cores."""
    found = {}
    for unit, module in modules.items():
        apart = not module.variables and all(one.is_entry for one in module.functions)
        size = sum(len(one.statements) for one in module.functions)
        count = 1 + size // MOST_STATEMENTS if apart else 1
        for i in range(count):
            found[f"{unit}_{i}" if count > 1 else unit] = Module(module.functions[i::count], module.variables)
    return found


def tables(units: list[str]) -> str:
    """C++ that gathers the tables of all files."""
    lines = ['#include "entry.hpp"', "namespace ptx {"]
    lines += [f"extern const Entry {unit}_entries[];\nextern const unsigned {unit}_count;" for unit in units]
    lines += ["}", 'extern "C" const ptx::Entry* ptx_entries(unsigned table, unsigned* count) {']
    lines.append("switch (table) {")
    for i, unit in enumerate(units):
        lines.append(f"case {i}: return *count = ptx::{unit}_count, ptx::{unit}_entries;")
    return "\n".join([*lines, "default: return nullptr;", "}", "}", ""])


def write_map(module: Path, folder: Path) -> None:
    """``kernels.txt``: where each function of a module lies in it, and its name."""
    said = subprocess.run(["nm", "--defined-only", str(module)], capture_output=True, text=True, check=True)
    symbols = [line.split(maxsplit=2) for line in said.stdout.splitlines()]
    functions = {name: at for at, kind, name in symbols if kind in "tTwW"}
    names = plain_names(list(functions))
    text = "".join(f"{at} {names[name]}\n" for name, at in functions.items() if names[name] != name)
    (folder / "kernels.txt").write_text(text)
