# SPDX-License-Identifier: BSD-3-Clause
"""What a zoom is off by, what it says it is off by, and what it costs: on heads, and in spheres.

    python benchmarks/zoom.py                              # errors and times: a quarter of an hour
    python benchmarks/zoom.py --only times                 # results/zoom_times.json alone
    python benchmarks/zoom.py --heads head_large --update  # these heads anew; the rows of others stay
    python benchmarks/zoom.py --quick --out FOLDER         # a phantom and a coarse sphere, seconds

On a head the region is gray matter within 20, or 10, mm of where |E| is largest, under a figure-of-eight
that is turned to four angles. Errors are relative L2 norms at 8,000 points drawn evenly from the volume of
the region, all poses together: not those of means over tetrahedra. The truth is a zoom to 0.6 %, or to as
many unknowns as ``--most`` allows, with a margin of 25 mm, on the head whose tetrahedra beside the region,
within 15 mm, were divided into eight before: so what surrounds the region is finer there as well. Beside
zooms are linear elements: as they are, recovered, and on the head divided into eight there and in the region.

In spheres the field is known. There, the region lies under a coil: deep in one tissue, where the facets of
the surfaces hardly matter, in the layer of gray matter, whose surfaces are polyhedra, on that surface itself,
and in a ball of one tissue, close to a dipole.

Times are those of stages within the same call, which a busy machine slows together: of batches of 32 poses
the best of several ratios, of set-ups the ratio of the shortest ones.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

import measure
import zoom_rows as rows

HERE = Path(__file__).resolve().parent
HEADS = ("head_small", "head_medium", "head_large")
ASKED = {"head_large": (0.05, 0.03, 0.02, 0.012)}
OF_OTHERS = (0.05, 0.03, 0.02)
EDGES_MM = (4.5, 3.0)
OF_SPHERES = (0.02, 0.005)


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--heads", nargs="*", default=None, help=f"some of {', '.join(HEADS)}, or phantoms")
    parser.add_argument("--only", choices=["errors", "times", "spheres"], help="a part of it")
    parser.add_argument("--update", action="store_true", help="keep rows of other heads, and other parts")
    parser.add_argument("--repeats", type=int, default=3, help="of what is timed")
    parser.add_argument("--most", type=int, default=2_500_000, help="unknowns of a truth")
    parser.add_argument("--quick", action="store_true", help="a phantom and a coarse sphere, coarsely")
    parser.add_argument("--out", type=Path, default=HERE / "results", help="folder")
    args = parser.parse_args()
    wanted = args.heads if args.heads is not None else ["phantom_29k"] if args.quick else HEADS
    errors, spheres, times = list[Any](), list[Any](), list[Any]()
    for name in wanted if args.only != "spheres" else ():
        try:
            head = rows.head(name)
        except NotImplementedError as missing:
            print(f"{name}: {missing}")
            continue
        if args.only != "times":
            found = rows.errors(head, asked(name, args.quick), args.most, args.quick)
            errors.append(told(found))
        if args.only != "errors":
            found = rows.times(head, asked(name, args.quick), args.repeats)
            times.append(told(found))
    if args.only in (None, "spheres"):
        for edge in (9.0,) if args.quick else EDGES_MM:
            spheres.append(told(rows.sphere(edge, OF_SPHERES[: 1 if args.quick else None])))
    if errors or spheres:
        write(args, "zoom", {"heads": errors, "spheres": spheres})
    if times:
        write(args, "zoom_times", {"heads": times})
    return 0


def asked(name: str, quick: bool) -> tuple[float, ...]:
    """Errors that a zoom on a head is asked for."""
    return OF_OTHERS[:1] if quick else ASKED.get(name, OF_OTHERS)


def told(row: dict[str, Any]) -> dict[str, Any]:
    """The row, printed."""
    print(json.dumps(row, indent=1), flush=True)
    return row


def write(args: argparse.Namespace, name: str, report: dict[str, Any]) -> None:
    """Leave a report, with rows of the file that was there if they are to stay."""
    out = args.out / f"{name}.json"
    if args.update and out.exists():
        before = json.loads(out.read_text())
        for key, found in report.items():
            anew = {identity(row) for row in found}
            kept = [row for row in before.get(key, ()) if identity(row) not in anew]
            report[key] = sorted([*kept, *found], key=place)
    measure.write_report(out, vars(args), report | {"device": "cpu"})
    print(f"wrote {out}")


def identity(row: dict[str, Any]) -> Any:
    return row["head"] if "head" in row else row["edge_mm"]


def place(row: dict[str, Any]) -> Any:
    """Where a row stands: heads in the order of their size, spheres from coarse to fine."""
    return row["nodes"] if "head" in row else -row["edge_mm"]


if __name__ == "__main__":
    sys.exit(main())
