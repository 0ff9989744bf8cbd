# SPDX-License-Identifier: BSD-3-Clause
"""What was carried becomes importable, in a private folder; what the machine has is left alone and used."""

from __future__ import annotations

import importlib.util
import re
import shutil
import zipfile
from pathlib import Path
from typing import Any

from gpu.running import Run

PIP = ("-m", "pip", "install", "-q", "--no-index", "--no-deps", "--no-compile", "--no-cache-dir")
QUIET = ("--upgrade", "--disable-pip-version-check", "--no-warn-script-location", "--root-user-action=ignore")
LOADS = "import headfield, headfield.core._cuda; print(headfield.core._cuda.__file__)"


def install(run: Run) -> dict[str, Any]:
    """Install the wheels; where headfield's module for GPUs does not load, build it here."""
    wheels = sorted((run.carried / "wheels").glob("*.whl"))
    mine = [wheel for wheel in wheels if is_headfield(wheel)]
    spare = [wheel for wheel in wheels if not is_headfield(wheel) and not all_there(wheel)]
    facts: dict[str, Any] = {"installed": [wheel.name for wheel in [*mine, *spare]]}
    into(run, run.site, spare)
    carried = into(run, run.site, mine) if mine else "no wheel of headfield was carried"
    if run.rehearse:
        facts["loads_without_a_gpu"] = run.python("install", "-c", LOADS).said()
        facts["emulated"] = emulate(run, run.site)
    loaded = run.python("install", "-c", LOADS)
    if not loaded.ok:
        facts["carried"] = carried or loaded.said()
        facts["build"] = build(run)
        loaded = run.python("install", "-c", LOADS)
    for folder in sorted((run.carried / "variants").glob("*")):
        place = run.work / f"variant-{folder.name}"
        problem = into(run, place, sorted(folder.glob("*.whl")))
        facts[f"variant {folder.name}"] = problem or "installed"
        if run.rehearse:
            emulate(run, place)
        if not problem:
            run.variants.append(folder.name)
    how = "built here" if "build" in facts else "the wheel that was carried"
    return facts | {"ok": loaded.ok, "said": how if loaded.ok else loaded.said()}


def is_headfield(wheel: Path) -> bool:
    return wheel.name.startswith("headfield-")


def all_there(wheel: Path) -> bool:
    """Whether everything that a wheel would bring can be imported already."""
    with zipfile.ZipFile(wheel) as content:
        names = {re.split(r"[./]", name)[0] for name in content.namelist() if ".dist-info/" not in name}
    return all(importlib.util.find_spec(name) for name in names if name.isidentifier())


def into(run: Run, folder: Path, wheels: list[Path]) -> str:
    """Install wheels in a folder; "" or what pip said."""
    if not wheels:
        return ""
    done = run.python("install", *PIP, *QUIET, "--target", folder, *wheels)
    return "" if done.ok else done.said()


def build(run: Run) -> str:
    """Compile headfield on this machine for the GPU that is here; what was said last."""
    options = ("--no-build-isolation", "-C", "cmake.define.HEADFIELD_CUDA=ON", "--target", run.site, ".")
    return run.python("build", *PIP, *QUIET, *options, limit=run.left() - 10.0).said() or "built"


def emulate(run: Run, folder: Path) -> str:
    """Put the emulated module in the place of that for GPUs, which nothing can run on here."""
    there = list((run.carried / "emulated").glob("_cuda*.so"))
    if not there or not (folder / "headfield").is_dir():
        return "none: pack with gpu_pack.py --rehearse "
    for module in (folder / "headfield" / "core").glob("_cuda*.so"):
        module.unlink()
    shutil.copy(there[0], folder / "headfield" / "core")
    return there[0].name
