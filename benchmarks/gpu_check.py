# SPDX-License-Identifier: BSD-3-Clause
"""All steps of gpu_check.sh, one failing or not, within the minutes there are, with one report of it all.

Only the standard library is imported here: headfield is installed by the first step, and that a machine lacks
NumPy is to be said in the report. Both files in OUT are written anew after each step, so that a call that is
cut short leaves what it has.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import tarfile
import tempfile
import time
import traceback
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
sys.path.insert(0, str(HERE))

from gpu.running import Run, resolved  # noqa: E402  (lies beside this file)
from gpu.steps import STEPS  # noqa: E402
from revision import commit  # noqa: E402

DATA = ROOT.parent / "shared" / "data"
LEAST_S = 8.0  # a step that has less is not begun
WRAP_UP_S = 5.0
SMALL_FILES = ("sphere.npz", "figure_of_eight.ccd", "ring.npy")  # of a rehearsal


def main() -> int:
    began = time.monotonic()
    args = parse()
    args.out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="headfield-gpu-check-") as scratch:
        run = Run(args.work or Path(scratch), args.carried, args.rehearse)
        run.logs.mkdir(parents=True, exist_ok=True)
        packed = run.carried / "facts.json"
        report: dict[str, Any] = {
            "date": datetime.now(UTC).isoformat(timespec="seconds"),
            "commit": commit(ROOT),
        }
        report["carried"] = json.loads(packed.read_text()) if packed.exists() else {}
        if report["commit"] == "unknown":  # a copy of the tree, without its history
            report["commit"] = report["carried"].get("commit", "unknown")
        report |= {"rehearsal": args.rehearse, "minutes": args.minutes, "steps": {}}
        deadline = began + 60.0 * args.minutes - WRAP_UP_S
        for name in args.steps:
            took = time.monotonic()
            facts = one_step(name, run, args, deadline)
            report["steps"][name] = facts | {"seconds": round(time.monotonic() - took, 1)}
            report["total_s"] = round(time.monotonic() - began, 1)
            for key in ("machine", "gpu"):  # of the environment, where reports of every kind have them
                report[key] = report.get(key) or facts.get(key, {})
            leave(report, run, args.out)
            print(line_of(name, report["steps"][name], report["total_s"]), flush=True)
    return 0 if all(step["ok"] for step in report["steps"].values()) else 1


def parse() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("out", type=resolved, help="folder of the two files")
    parser.add_argument("--steps", nargs="+", choices=STEPS, default=list(STEPS))
    parser.add_argument("--minutes", type=float, default=9.0, help="after which no step goes on [9]")
    parser.add_argument(
        "--carried", type=resolved, default=ROOT / ".gpu", help="what gpu_pack.py left [.gpu]"
    )
    parser.add_argument(
        "--head", type=resolved, help=".npz: nodes, tets, tags [head_large.npz, carried or beside]"
    )
    parser.add_argument("--coil", type=resolved, help="a .ccd coil [fig8_70mm.ccd]")
    parser.add_argument("--poses", type=resolved, help="poses as .npy (k, 4, 4), mm [poses.npy]")
    parser.add_argument(
        "--work", type=resolved, help="keeps what is installed and all logs; else they go with the end"
    )
    parser.add_argument(
        "--rehearse", action="store_true", help="without a GPU, on the emulation and a sphere"
    )
    return parser.parse_args()


def one_step(name: str, run: Run, args: argparse.Namespace, deadline: float) -> dict[str, Any]:
    """What a step found; or why there is nothing."""
    step, limit = STEPS[name]
    now = time.monotonic()
    if deadline - now < LEAST_S:
        return {"ok": False, "skipped": True, "said": f"skipped: the {args.minutes:g} minutes were over"}
    run.until = min(now + limit, deadline)
    try:
        if name != "install" and not run.problem:
            run.problem = problem(run, args)
        return step(run)
    except Exception as error:  # a fault of one step must not take the others with it
        (run.logs / f"{name}.error.log").write_text(traceback.format_exc())
        return {"ok": False, "said": f"{type(error).__name__}: {error}"[:400]}


def problem(run: Run, args: argparse.Namespace) -> list[str]:
    """Head, coil and poses: those asked for, or carried, or beside the checkout; or a sphere to rehearse."""
    if args.rehearse and not args.head:
        found = [run.work / name for name in SMALL_FILES]
        done = run.python("small", HERE / "gpu" / "small.py", *found)
        if not done.ok:
            raise RuntimeError(f"no small head could be made: {done.said()}")
    else:
        found = []
        for asked, name in (
            (args.head, "head_large.npz"),
            (args.coil, "fig8_70mm.ccd"),
            (args.poses, "poses.npy"),
        ):
            places = [run.carried / name, DATA / name, DATA / "coils" / name]
            found.append(asked or next((path for path in places if path.exists()), places[0]))
    names = ("--head", "--coil", "--poses")
    return [word for pair in zip(names, map(str, found), strict=True) for word in pair]


def leave(report: dict[str, Any], run: Run, out: Path) -> None:
    """Write the two files, each whole at any time."""
    part = out / "gpu_check.json.part"
    part.write_text(json.dumps(report, indent=1) + "\n")
    part.replace(out / "gpu_check.json")
    with tempfile.TemporaryDirectory(dir=run.work) as scratch:
        whole = Path(scratch) / "logs.tar.gz"
        with tarfile.open(whole, "w:gz") as tar:
            tar.add(run.logs, arcname="logs")
        part = out / "gpu_check_logs.tar.gz.part"
        shutil.copyfile(whole, part)
        part.replace(out / "gpu_check_logs.tar.gz")


def line_of(name: str, facts: dict[str, Any], total: float) -> str:
    """A step in a line, with its figures where the end of the output is all that is read."""
    word = "ok" if facts["ok"] else "skipped" if facts.get("skipped") else "FAILED"
    lines = [f"== {name}: {word}, {facts['seconds']:g} s (total {total:g}): {facts.get('said', '')}"]
    lines += [f"   {c['what']}: {c['said']}" for c in facts.get("checks", ()) if not c["ok"]]
    lines += [f"   {line}" for line in facts.get("shown", ())]
    for build, found in facts.get("builds", {}).items():
        for width, one in found["widths"].items():
            stages = {stage: round(ms, 4) for stage, ms in one.get("ms_per_pose", {}).items()}
            lines.append(f"   {build} {width}: {stages or one.get('failure')} {one.get('ratio', '')}")
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
