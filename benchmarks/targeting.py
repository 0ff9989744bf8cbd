# SPDX-License-Identifier: BSD-3-Clause
"""What values by reciprocity are off by, what a search costs, and what it misses of brute force.

    python benchmarks/targeting.py                              # everything: half an hour
    python benchmarks/targeting.py --only times                 # one of agreement, times, optima
    python benchmarks/targeting.py --heads head_small --update  # these heads anew; the rows of others stay
    python benchmarks/targeting.py --quick --out FOLDER         # a phantom, seconds

*Agreement*: 40 poses around the hand area on each head, with each coil: the component and the mean |E| of a
ball of gray matter by `evaluate`, and by the map of a search, against full solves of the same poses with
∂A/∂t summed over the sources by a tree. Errors are relative to the largest value.

*Times*: a search over the whole scalp of the largest head, about 5,900 positions at 360 angles, stage by
stage, in a process of its own with one or two threads; with casings kept off the scalp and rivals solved in
full, and without; the first search on a head, and the next one, which finds the scalp prepared. Beside it
what full solves would take: seconds per pose of a batch of 32, times the poses.

*Optima*: what a search finds, against all poses of a grid of 1 mm and 2° within 8 mm of it, by reciprocity
with all sources of the coil, the best 32 of which are solved in full; on a head that nothing was tuned on.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import measure
import targeting_rows as rows

HERE = Path(__file__).resolve().parent
HEADS = ("head_small", "head_medium", "head_large")
TIMED, HELD_BACK = "head_large", "head_medium"
THREADS = (1, 2)
PARTS = ("agreement", "times", "optima")


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--heads", nargs="*", default=None, help=f"some of {', '.join(HEADS)}, or phantoms")
    parser.add_argument("--only", choices=PARTS, help="a part of it")
    parser.add_argument("--coils", nargs="*", default=None, help="of the agreement: some of its coils")
    parser.add_argument("--update", action="store_true", help="keep rows of other heads, and other parts")
    parser.add_argument("--quick", action="store_true", help="a phantom, coarsely")
    parser.add_argument("--out", type=Path, default=HERE / "results", help="folder")
    args = parser.parse_args()
    wanted = args.heads if args.heads is not None else ["phantom_29k"] if args.quick else None
    report: dict[str, list[Any]] = {part: [] for part in PARTS}
    for part in PARTS if args.only is None else (args.only,):
        for name in wanted or {"agreement": HEADS, "times": (TIMED,), "optima": (HELD_BACK,)}[part]:
            try:
                report[part] += measured(part, name, args.quick, args.coils)
            except NotImplementedError as missing:
                print(f"{name}: {missing}")
    write(args, report)
    return 0


def measured(part: str, name: str, quick: bool, coils: list[str] | None) -> list[dict[str, Any]]:
    """Return the rows of a part for one head, printed as they come."""
    if part == "times":
        return [told(timed(name, threads, quick)) for threads in (THREADS[:1] if quick else THREADS)]
    head = rows.model(name)
    if part == "optima":
        return [told(rows.optimum(head, name, place, quick)) for place in rows.places(quick)]
    return [told(rows.agreement(head, name, coil, quick)) for coil in coils or rows.coils(quick)]


def timed(name: str, threads: int, quick: bool) -> dict[str, Any]:
    """Return the row of a process that has some threads, those of NumPy's products too."""
    rows.model_exists(name)
    variables = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), str(threads))
    command = [sys.executable, str(HERE / "targeting_times.py"), name, str(threads), *["--quick"] * quick]
    done = subprocess.run(command, env=os.environ | variables, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{' '.join(command)}: {done.stderr}")
    return dict(json.loads(done.stdout.splitlines()[-1]))


def told(row: dict[str, Any]) -> dict[str, Any]:
    """The row, printed."""
    print(json.dumps(row, indent=1), flush=True)
    return row


def write(args: argparse.Namespace, report: dict[str, list[Any]]) -> None:
    """Leave the report, with rows of the file that was there if they are to stay."""
    out = args.out / "targeting.json"
    if args.update and out.exists():
        before = json.loads(out.read_text())
        for part, found in report.items():
            anew = {identity(row) for row in found}
            kept = [row for row in before.get(part, ()) if identity(row) not in anew]
            report[part] = sorted([*kept, *found], key=lambda row: row["nodes"])
    measure.write_report(out, vars(args), report | {"device": "cpu"})
    print(f"wrote {out}")


def identity(row: dict[str, Any]) -> tuple[Any, ...]:
    return tuple(row.get(key) for key in ("head", "coil", "threads", "place"))


if __name__ == "__main__":
    sys.exit(main())
