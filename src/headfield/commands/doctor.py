# SPDX-License-Identifier: BSD-3-Clause
"""The command `headfield doctor`: what is installed, what is missing, and whether its answers are right."""

from __future__ import annotations

import argparse
import json
import math
import os
from typing import Any

import numpy as np

from ..analytic import sphere_tms_field
from ..coils.coil import Coil
from ..core import device as backend
from ..core.installation import Need, build, cores, needs, python
from ..core.memory import free_memory
from ..core.messages import in_one_line, plural
from ..core.version import VERSION
from ..errors import DeviceError
from ..heads.phantom import sphere_mesh
from ..metrics.differences import relative_l2
from ..solve.model import HeadModel
from ..solve.selfcheck import ALLOWED, difference_from_cpu
from .progress import tell

__all__ = ["PURPOSES", "diagnose", "problems", "run_doctor"]

#: What one gets from each extra; which packages it stands for, the metadata of headfield say.
PURPOSES = {
    "plot": "pictures: .png, .pdf, .svg",
    "view": "pages to turn a head in, and results in one .h5",
    "hdf5": "results in one .h5, atlases of other programs",
    "jobs": "jobs on a Dask cluster, results as xarray and Zarr",
    "mpi": "jobs over MPI",
    "parquet": "tables of poses as .parquet",
    "nifti": "NIfTI, GIFTI and FreeSurfer files",
    "matlab": "SimNIBS' .mat files",
    "uq": "uncertainty of conductivities and poses",
    "dose": "doses, protocols in YAML, models of plasticity",
    "serve": "fields for navigation, by OpenIGTLink and in a browser",
    "complete": "completion of commands in a shell",
    "torch": "derivatives in PyTorch",
    "jax": "derivatives in JAX",
    "lsl": "streams by the lab streaming layer",
    "cuda12": "NVIDIA GPUs, driver for CUDA 12",
    "cuda13": "NVIDIA GPUs, driver for CUDA 13",
}
#: Relative L2 error that linear elements of the sphere's size have, and may have: a third more.
_ERROR = 0.10


def run_doctor(args: argparse.Namespace) -> int:
    """Print what `diagnose` finds; exit code 1 if something that is here does not work."""
    facts = diagnose()
    print(json.dumps(facts, indent=1, allow_nan=False) if args.json else "\n".join(lines(facts)))
    wrong = problems(facts)
    for one in wrong:
        tell(f"headfield: error: {one}")
    return 1 if wrong else 0


def diagnose() -> dict[str, Any]:
    """Look at the installation, and solve a small sphere whose field is known.

    Returns
    -------
    dict
        Ready for JSON: no number in it is infinite, what the system does not tell is None.

    Examples
    --------
    >>> facts = diagnose()
    >>> facts["check"]["error"] < facts["check"]["allowed_error"], facts["threads"] >= 1
    (True, True)
    """
    free = free_memory()
    known = needs()
    return {
        "headfield": build(),
        "python": python(),
        "packages": {need.package: need.found for need in known if need.found is not None},
        "cores": cores(),
        "threads": backend.check_threads(None),
        "environment": {k: v for k, v in sorted(os.environ.items()) if k.startswith(("HEADFIELD_", "OMP_"))},
        "free_memory_bytes": int(free) if math.isfinite(free) else None,
        "gpu": _gpu(),
        "extras": _extras(known),
        "check": _check(),
    }


def problems(facts: dict[str, Any]) -> list[str]:
    """List what of the facts is an error, each in a line: wrong answers, a failing GPU, an old package."""
    found = []
    check, gpu = facts["check"], facts["gpu"]
    if not check["error"] <= check["allowed_error"]:
        found.append(
            f"the field in a sphere is {check['error']:.1%} off (relative L2), at most "
            f"{check['allowed_error']:.0%} is right: reinstall headfield, and report this"
        )
    if gpu["failed"]:
        found.append(f"the GPU fails: {gpu['failed']}")
    found += [
        f"{name} {facts['packages'][name]} is older than {least}, which {extra or 'headfield'} needs: "
        f"pip install -U '{name}>={least}'"
        for extra, row in facts["extras"].items()
        for name, least in row["old"].items()
    ]
    return found


def _check() -> dict[str, Any]:
    """Solve a sphere of three layers under a dipole on the CPU, and compare E with the closed form."""
    mesh = sphere_mesh(radii_mm=[40, 60, 80], tags=[3, 4, 5], edge_mm=12.7)
    coil, didt = Coil([[30, 20, 110]], [[1, 2, 3]]), 1e6
    model = HeadModel(mesh, device="cpu")
    field = model.solve(coil, np.eye(4), didt)
    right = sphere_tms_field(mesh.barycentres_mm(), coil.dipole_positions_mm, coil.dipole_moments, didt)
    return {
        "nodes": mesh.n_nodes,
        "error": relative_l2(field.E[0], right),
        "allowed_error": _ERROR,
        "iterations": int(field.report.iterations[0]),
        "residual": float(field.report.residual[0]),
        "seconds": sum(model.seconds.values()) + sum(field.report.seconds.values()),
    }


def _gpu() -> dict[str, Any]:
    """Describe the GPU and compare its field with the CPU's; `why_not` says what is missing."""
    facts: dict[str, Any] = {"found": False, "why_not": None, "failed": None}
    try:
        gpu = backend.gpu()
    except backend.NoGpu as problem:
        return facts | {"why_not": str(problem)}
    except DeviceError as problem:
        return facts | {"failed": str(problem)}
    facts["found"] = True
    try:
        facts |= _card(gpu)
        facts["difference"], facts["allowed_difference"] = difference_from_cpu(gpu), ALLOWED
    except Exception as problem:  # of native code, CuPy and driver
        return facts | {"failed": in_one_line(problem)}
    if not facts["difference"] <= ALLOWED:
        facts["failed"] = (
            f"its field in a sphere differs from the CPU's by {facts['difference']:.1e} (relative L2), "
            f"at most {ALLOWED:.0e} is right: driver, compiler and memory are suspect"
        )
        facts["difference"] = facts["difference"] if math.isfinite(facts["difference"]) else None
    return facts


def _card(gpu: backend.Device) -> dict[str, Any]:
    """Return name and memory of a GPU, and versions of driver and run time, 12.4 as 12040."""
    properties = gpu.xp.cuda.runtime.getDeviceProperties(gpu.id)
    return {
        "name": properties["name"].decode(),
        "compute_capability": f"{properties['major']}.{properties['minor']}",
        "free_memory_bytes": int(gpu.free_memory()),
        "memory_bytes": int(properties["totalGlobalMem"]),
        "driver_version": int(gpu.xp.cuda.runtime.driverGetVersion()),
        "runtime_version": int(gpu.xp.cuda.runtime.runtimeGetVersion()),
    }


def _extras(known: list[Need]) -> dict[str, Any]:
    """Return what each extra lacks: packages that are not there, and those that are too old."""
    rows: dict[str, Any] = {"": {"for": "headfield itself", "missing": [], "old": {}}}
    for need in known:
        row = rows.setdefault(
            need.extra, {"for": PURPOSES.get(need.extra, need.extra), "missing": [], "old": {}}
        )
        if need.found is None:
            row["missing"].append(need.package)
        elif not need.is_met:
            row["old"][need.package] = need.least
    return rows


def lines(facts: dict[str, Any]) -> list[str]:
    """Return lines of text that say what `diagnose` found."""
    made, here, check = facts["headfield"], facts["python"], facts["check"]
    lock = "a free-threaded build, the lock is " + ("held" if here["lock_held"] else "not held")
    sets = ", ".join(
        f"[{one}]" if one == made["instruction_set"] else one for one in made["instruction_sets"]
    )
    free = facts["free_memory_bytes"]
    rows = [
        ("headfield", f"{VERSION} in {made['folder']}"),
        ("Python", f"{here['version']} ({here['implementation']}), {here['system']}"),
        *([("", lock)] if here["free_threaded"] else []),
        ("packages", ", ".join(f"{name} {version}" for name, version in facts["packages"].items())),
        ("compiled by", f"{made['compiler']}; {'OpenMP' if made['openmp'] else 'no OpenMP: one thread'}"),
        ("instructions", f"{sets}; in use: {made['instruction_set']}"),
        ("threads", f"{facts['threads']} of {plural(facts['cores'], 'core', 'cores')}"),
        *[("", f"{name}={value}") for name, value in facts["environment"].items()],
        ("memory", "the system does not say" if free is None else f"{free / 1e9:.1f} GB free"),
        *_gpu_rows(facts["gpu"]),
        (
            "self-check",
            f"a sphere of {check['nodes']:,} nodes: E {check['error']:.1%} from the closed form "
            f"(up to {check['allowed_error']:.0%} is right), "
            f"{plural(check['iterations'], 'iteration', 'iterations')}, residual {check['residual']:.0e}",
        ),
        *_extra_rows(facts["extras"]),
    ]
    return [f"{name:13} {value}" for name, value in rows]


def _gpu_rows(gpu: dict[str, Any]) -> list[tuple[str, str]]:
    if gpu["why_not"]:
        return [("GPU", f"none: {gpu['why_not']}")]
    if "name" not in gpu:
        return [("GPU", f"fails: {gpu['failed']}")]
    memory = f"{gpu['free_memory_bytes'] / 1e9:.0f} of {gpu['memory_bytes'] / 1e9:.0f} GB free"
    rows = [("GPU", f"{gpu['name']}, compute capability {gpu['compute_capability']}, {memory}")]
    rows.append(
        ("", f"driver for CUDA {_cuda(gpu['driver_version'])}, CuPy's {_cuda(gpu['runtime_version'])}")
    )
    if gpu["failed"]:
        return [*rows, ("", f"fails: {gpu['failed']}")]
    allowed = gpu["allowed_difference"]
    said = f"E {gpu['difference']:.1e} from the CPU's in a sphere (up to {allowed:.0e} is right)"
    return [*rows, ("", said)]


def _cuda(version: int) -> str:
    return f"{version // 1000}.{version % 1000 // 10}"


def _extra_rows(extras: dict[str, Any]) -> list[tuple[str, str]]:
    missing = {name: row for name, row in extras.items() if row["missing"] and name}
    if not missing:
        return [("extras", "all are there" if len(extras) > 1 else "unknown: headfield is not installed")]
    rows = [("extras", "missing, install what you want:")]
    return rows + [
        ("", f"pip install 'headfield[{name}]'".ljust(36) + f"{row['for']} ({', '.join(row['missing'])})")
        for name, row in missing.items()
    ]
