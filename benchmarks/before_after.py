# SPDX-License-Identifier: BSD-3-Clause
"""Seconds of each stage at another revision and in this tree, in one run, turn by turn.

    python benchmarks/before_after.py --before REVISION [--head head_large] [--rounds 7]

Both are built from source into folders of their own, and each lives in a process of its own. They set the
same head up and solve the same 32 poses for E in gray matter, one after the other, so that a busy machine
slows both. Ratios are medians over the rounds.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import measure
import numpy as np

HERE = Path(__file__).resolve().parent
STAGES = ("assemble", "hierarchy", "primary", "right_hand_side", "solve", "field", "set-up", "batch")


def install(source: Path, target: Path) -> None:
    """headfield built from a source tree into a folder, without its GPU module."""
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", str(target)]
    settings = ["-C", "cmake.define.HEADFIELD_CUDA=OFF", "-C", f"build-dir={target}-build"]
    subprocess.run([*command, *settings, str(source)], check=True)


def export(revision: str, folder: Path) -> Path:
    """The tree of a revision, in a folder."""
    folder.mkdir()
    archive = subprocess.run(["git", "archive", revision], cwd=HERE.parent, capture_output=True, check=True)
    subprocess.run(["tar", "-x", "-C", str(folder)], input=archive.stdout, check=True)
    return folder


class Side:
    """A process that works on one of the two."""

    def __init__(self, package: Path, head: str) -> None:
        # An editable install of headfield would come before every path.
        code = (
            "import sys; sys.meta_path = [f for f in sys.meta_path if 'Redirecting' not in type(f).__name__]"
        )
        code += "; import before_after; before_after.work()"
        paths = os.pathsep.join([str(package), str(HERE)])
        self._process = subprocess.Popen(
            [sys.executable, "-c", code, head],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": paths},
        )
        where = self._answer()
        if not Path(where["package"]).is_relative_to(package):
            raise SystemExit(f"measuring {where['package']}, not {package}")

    def _answer(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        answer: dict[str, Any] = json.loads(self._process.stdout.readline())
        return answer

    def round(self) -> dict[str, Any]:
        """Seconds of each stage of one set-up and one batch."""
        assert self._process.stdin is not None
        self._process.stdin.write("go\n")
        self._process.stdin.flush()
        return self._answer()

    def end(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait()


def work() -> None:
    """In a side's process: a round for every line read."""
    from suite import heads

    import headfield as hf

    name = sys.argv[1]
    mesh, coil, poses = heads.mesh(name), heads.coil(), heads.poses(name)
    gray = mesh.tags == heads.GRAY
    field = None  # as in a loop of a user's: the last result lives until there is a new one
    print(json.dumps({"package": hf.__file__}), flush=True)
    for _ in sys.stdin:
        start = time.perf_counter()
        model = hf.HeadModel(mesh, device="cpu")
        told = {"set-up": time.perf_counter() - start, **model.seconds}
        for _ in range(3):  # the first tabulates the coil, the second finds memory for a second result
            start = time.perf_counter()
            field = model.solve(coil, poses, elements=gray, tol=1e-6)
            told |= {"batch": time.perf_counter() - start, **field.report.seconds}
        assert field is not None
        told["E"] = float(np.linalg.norm(np.asarray(field.E[:, ::101], float)))
        print(json.dumps(told), flush=True)


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    default = "head_large" if (measure.DATA / "head_large.npz").exists() else "phantom_162k"
    parser.add_argument("--before", required=True, help="revision to compare this tree with, as git names it")
    parser.add_argument("--head", default=default, help=f"one of the suite's; default {default}")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--out", type=Path, default=HERE / "results" / "before_after.json")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        install(export(args.before, folder / "tree"), folder / "before")
        install(HERE.parent, folder / "after")
        sides = [Side(folder / package, args.head) for package in ("before", "after")]
        rounds = [[side.round() for side in sides] for _ in range(args.rounds + 1)][1:]  # the first warms up
        for side in sides:
            side.end()
    rows = []
    for stage in STAGES:
        seconds = np.array([[told[stage] for told in pair] for pair in rounds])
        ratio = seconds[:, 0] / seconds[:, 1]
        rows.append(
            {
                "what": stage,
                "before_s": float(np.median(seconds[:, 0])),
                "after_s": float(np.median(seconds[:, 1])),
            }
            | {"ratio": float(np.median(ratio)), "ratio_quartiles": list(np.quantile(ratio, [0.25, 0.75]))}
        )
    differs = abs(rounds[0][0]["E"] / rounds[0][1]["E"] - 1.0)
    cells = [("stage", "before s", "after s", "ratio", "quartiles")]
    for row in rows:
        low, high = row["ratio_quartiles"]
        numbers = (row["before_s"], row["after_s"], row["ratio"])
        cells.append((row["what"], *(f"{number:.3f}" for number in numbers), f"{low:.2f}-{high:.2f}"))
    print(measure.table(cells))
    print(f"norm of E differs by {differs:.1e}")
    report = {"head": args.head, "revision": args.before, "before_after": rows, "E_differs": differs}
    measure.write_report(args.out, vars(args), report)
    return 0


if __name__ == "__main__":
    sys.exit(main())
