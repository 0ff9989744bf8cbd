# SPDX-License-Identifier: BSD-3-Clause
"""What is installed here and how it was built: the facts of which `headfield doctor` tells."""

from __future__ import annotations

import importlib.util
import os
import platform
import re
import sys
import sysconfig
from importlib import metadata
from pathlib import Path
from typing import Any, NamedTuple

from .device import cpu
from .version import VERSION

__all__ = ["Need", "build", "cores", "needs", "python"]

_REQUIREMENT = re.compile(
    r"(?P<name>[\w.-]+)\s*(?:\[.*?\])?\s*(?:>=\s*(?P<least>[\w.]+))?[^;]*(?:;(?P<when>.*))?"
)
_EXTRA = re.compile(r"""extra\s*==\s*["']([\w-]+)["']""")


class Need(NamedTuple):
    """A package that headfield or one of its extras asks for."""

    package: str
    least: str  #: the oldest version that will do; "" for any
    extra: str  #: "" for what is always needed
    found: str | None  #: the version that is installed

    @property
    def is_met(self) -> bool:
        """Whether it is installed, and new enough."""
        return self.found is not None and _numbers(self.found) >= _numbers(self.least)


def needs() -> list[Need]:
    """List the packages that headfield and its extras ask for, as its own metadata say.

    The list is empty where headfield runs from a source tree and is not installed. Extras that only gather
    others are left out, and so are tests'.

    Examples
    --------
    >>> [need.package for need in needs() if not need.extra]
    ['numpy', 'meshio']
    """
    try:
        written = metadata.requires("headfield") or []
    except metadata.PackageNotFoundError:
        return []
    found = []
    for line in written:
        match = _REQUIREMENT.match(line)
        assert match is not None, line
        extra = _EXTRA.search(match["when"] or "")
        if match["name"] != "headfield" and not (extra and extra[1] == "test"):
            name = match["name"]
            found.append(Need(name, match["least"] or "", extra[1] if extra else "", _version(name)))
    return found


def python() -> dict[str, Any]:
    """Describe the interpreter: version, implementation, system, and whether threads share a lock.

    `free_threaded` is of the build, `lock_held` of this process: a module that does not say that it can do
    without the lock, as headfield's own, switches it on.
    """
    return {
        "version": platform.python_version(),
        "implementation": platform.python_implementation(),
        "system": platform.platform(),
        "machine": platform.machine(),
        "free_threaded": bool(sysconfig.get_config_var("Py_GIL_DISABLED")),
        "lock_held": getattr(sys, "_is_gil_enabled", lambda: True)(),
    }


def build() -> dict[str, Any]:
    """Describe the native modules: compiler, instruction sets, OpenMP, whether there is one for GPUs.

    Examples
    --------
    >>> build()["instruction_set"] in build()["instruction_sets"]
    True
    """
    return {
        "version": VERSION,
        "folder": str(Path(__file__).resolve().parents[1]),
        "compiler": cpu.compiler,
        "openmp": cpu.openmp,
        "instruction_sets": list(cpu.instruction_sets),
        "instruction_set": cpu.instruction_set,
        "cuda_module": importlib.util.find_spec("headfield.core._cuda") is not None,
    }


def cores() -> int:
    """Count the cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(n) for n in re.findall(r"\d+", version.partition("+")[0])[:3])
