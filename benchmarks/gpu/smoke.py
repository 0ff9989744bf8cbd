# SPDX-License-Identifier: BSD-3-Clause
"""First contact with a GPU: each thing that has to work, said in a line; one that fails stops no other.

    python benchmarks/gpu/smoke.py OUT.json [--edge-mm 5] [--widths 1 8]

The file is written anew after each line: {"checks": [{"what", "ok", "said", "seconds"}]}.
After an error that leaves the GPU useless to this process, what fails too is said to follow from it.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from sphere import Sphere

import headfield as hf
from headfield.core import device as backend
from headfield.solve import selfcheck

WIDTHS = (1, 4, 8, 16, 32, 64)
SAME = 2e-6  # relative L2 difference that two devices may have in E, both solved to 1e-7
CHECKS: list[dict[str, Any]] = []
# What CUDA says of errors after which nothing runs on a GPU any more, in this process.
STICKS = re.compile(
    "illegal memory access|launch failure|misaligned address|illegal instruction|invalid program counter"
    "|hardware stack error|device-side assert|launch timed out|address space|uncorrectable ECC"
)


def say(path: Path, what: str, check: Callable[[], tuple[bool, str]]) -> None:
    """Do a check, print how it went, and add it to the file."""
    start = time.perf_counter()
    try:
        ok, said = check()
    except BaseException as problem:  # whatever a driver does: the other checks tell more
        ok, said = False, f"{type(problem).__name__}: {' '.join(str(problem).split())[:300]}"
        traceback.print_exc(limit=6, file=sys.stdout)
    first = next((one["what"] for one in CHECKS if not one["ok"] and STICKS.search(one["said"])), None)
    if first and not ok:
        said = f"follows from: {first}; {said}"
    seconds = round(time.perf_counter() - start, 3)
    CHECKS.append({"what": what, "ok": bool(ok), "said": said, "seconds": seconds})
    path.write_text(json.dumps({"checks": CHECKS}, indent=1) + "\n")
    print(f"{'ok    ' if ok else 'FAILED'} {what}: {said}  [{seconds:.2f} s]", flush=True)


class Both(Sphere):
    """A sphere on both devices, and the CPU's field of the first eight poses."""

    def __init__(self, edge_mm: float) -> None:
        super().__init__(edge_mm)
        self.models: dict[str, Any] = {}

    def model(self, device: str) -> tuple[bool, str]:
        """Set up the model of a device."""
        self.models[device] = model = hf.HeadModel(self.mesh, device=device)
        if device == "cpu":
            self.right = model.solve(self.coil, self.poses[:8], elements=self.gray, tol=1e-7).E
        seconds = ", ".join(f"{name} {value:.3f} s" for name, value in model.seconds.items())
        return model.device == device, f"{self.mesh.n_nodes:,} nodes; {seconds}"

    def solve(self, poses: Any, **options: Any) -> Any:
        """The GPU's field in gray matter."""
        return self.models["cuda"].solve(self.coil, poses, elements=self.gray, tol=1e-7, **options)

    def width(self, width: int) -> tuple[bool, str]:
        """E of batches of a width against the CPU's."""
        field = self.solve(self.poses[: max(8, width)], batch=width)
        ok, said = self.compare(field.E[:8], f", iterations {set(field.report.iterations.tolist())}")
        return ok and field.report.batch == width, f"{said}, batches of {field.report.batch}"

    def compare(self, e: Any, more: str = "", allowed: float = SAME) -> tuple[bool, str]:
        away = float(np.linalg.norm(e - self.right) / np.linalg.norm(self.right))
        return away <= allowed, f"E differs by {away:.1e} of the CPU's{more}"

    def direct(self) -> tuple[bool, str]:
        """The direct sum over the dipoles; interpolation is allowed 1e-3."""
        return self.compare(self.solve(self.poses[:8], primary_error=0.0).E, allowed=1e-3)

    def recovered(self) -> tuple[bool, str]:
        """Recovery and tol="auto" on both."""
        options = {"elements": self.gray, "recovery": "interface", "tol": "auto"}
        fields = [self.models[d].solve(self.coil, self.poses[:4], **options) for d in ("cpu", "cuda")]
        one, other = (field.E for field in fields)
        away = float(np.linalg.norm(other - one) / np.linalg.norm(one))
        errors = [float(np.max(field.report.discretisation_error)) for field in fields]
        # Both are off by the tolerance that "auto" chose, a hundredth of the elements' error or less.
        return away <= 0.02 * errors[0], f"E differs by {away:.1e}; elements are off by {errors[1]:.3f}"

    def on_a_stream(self) -> tuple[bool, str]:
        """CuPy poses in, CuPy fields and metrics out, on a stream that waits for no other."""
        import cupy

        with cupy.cuda.Stream(non_blocking=True):
            field = self.solve(cupy.asarray(self.poses[:8]))
            volumes = self.mesh.volumes_mm3()[self.gray]
            peaks = hf.metrics.percentiles(field.magnitude, volumes, [50, 99.9])
            e = field.E.get()
        ok, said = self.compare(e)
        kinds = {type(value).__module__.partition(".")[0] for value in (field.E, peaks)}
        return ok and kinds == {"cupy"}, f"{said}; {', '.join(kinds)}; percentiles {peaks.shape}"

    def same_bits(self) -> tuple[bool, str]:
        """A pose alone and among 64."""
        alone, among = self.solve(self.poses[:1], batch=1).E[0], self.solve(self.poses, batch=64).E[0]
        return bool(np.array_equal(alone, among)), f"{int((alone != among).sum()):,} of {alone.size:,} differ"


def found() -> tuple[bool, str]:
    """The module and CuPy, or what is missing."""
    gpu = backend.find_gpu()
    return not isinstance(gpu, str), gpu if isinstance(gpu, str) else f"CuPy {gpu[1].__version__}"


def trusted() -> tuple[bool, str]:
    """What a process checks before it uses a GPU."""
    away = selfcheck.difference_from_cpu(backend.gpu())
    return away <= 1e-5, f"E differs by {away:.1e}"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("out", type=Path)
    parser.add_argument("--edge-mm", type=float, default=5.0)
    parser.add_argument("--widths", type=int, nargs="+", default=WIDTHS)
    args = parser.parse_args()
    sphere = Both(args.edge_mm)
    say(args.out, "find_gpu", found)
    say(args.out, "a sphere on GPU and CPU", trusted)
    for device in ("cpu", "cuda"):
        say(args.out, f"model on {device}", lambda device=device: sphere.model(device))
    for width in args.widths:
        say(args.out, f"{width} poses at a time", lambda width=width: sphere.width(width))
    say(args.out, "direct sum", sphere.direct)
    say(args.out, "recovery, tol auto", sphere.recovered)
    say(args.out, "CuPy in and out, on a stream", sphere.on_a_stream)
    say(args.out, "same bits alone and among 64", sphere.same_bits)
    return 0 if all(check["ok"] for check in CHECKS) else 1


if __name__ == "__main__":
    sys.exit(main())
