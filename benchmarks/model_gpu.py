# SPDX-License-Identifier: BSD-3-Clause
"""A counted model of the solver on a GPU: predictions, to stand beside measurements. It measures nothing.

    python benchmarks/model_gpu.py                            # predict anew from the counts in results/
    python benchmarks/model_gpu.py --card 4090 --width 8      # each kernel there
    python benchmarks/model_gpu.py --count HEAD.npz           # count a head anew; needs a C++ compiler

results/model_gpu.json holds what was counted on a head (sizes of its matrices, what rows gather) and what
follows from it. Cards are described in gpu_cards.py, kernels in gpu_kernels.py (one record for each way of
writing them), and gpu_times.py makes times of both.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import gpu_cards
import gpu_kernels
import measure
from gpu_times import Head, Model, Time

HERE = Path(__file__).resolve().parent
OUT = HERE / "results" / "model_gpu.json"
ITERATIONS = 12  # of a solve to 1e-6, about

Row = dict[str, Any]


def by_kernel(found: Iterable[tuple[Time, int]]) -> list[Row]:
    """Of all calls of each kernel in a batch: microseconds, of them launches, megabytes, what limits most."""
    rows: dict[str, Row] = {}
    limits: dict[str, dict[str, float]] = {}
    for time, calls in found:
        row = rows.setdefault(
            time.verb,
            {"kernel": time.verb, "calls": 0} | dict.fromkeys(("us", "launch_us", "dram_mb", "l2_mb"), 0.0),
        )
        row["calls"] += calls
        row["us"] += 1e6 * calls * time.total
        row["launch_us"] += 1e6 * calls * time.launch
        row["dram_mb"] += 1e-6 * calls * time.dram_bytes
        row["l2_mb"] += 1e-6 * calls * time.l2_bytes
        of = limits.setdefault(time.verb, {})
        name = "launch" if time.launch > time.seconds[time.limit] else time.limit
        of[name] = of.get(name, 0.0) + calls * time.total
    for verb, row in rows.items():
        row["limit"] = max(limits[verb], key=lambda name: limits[verb][name])
    return [{key: rounded(value) for key, value in row.items()} for row in rows.values()]


def rounded(value: Any) -> Any:
    """Four digits: more would pretend."""
    return float(f"{value:.4g}") if isinstance(value, float) else value


def summary(model: Model, iterations: int) -> Row:
    """Microseconds of an iteration, of its coarse levels and what of them is waiting; per pose of a batch."""
    steps = model.iteration()
    coarse = [time for time in steps if time.level > 0]
    waits = [time for time in coarse if time.limit == "latency" or time.launch > time.seconds[time.limit]]
    turns = model.turns(iterations) * 1e-6 * model.card.turn_us
    around = {time.verb: time.total for time in model.around()}
    batch = sum(calls * time.total for time, calls in model.batch(iterations)) + turns
    solve = batch - sum(around.values())
    found = {
        "iteration_us": sum(time.total for time in steps),
        "coarse_us": sum(time.total for time in coarse),
        "coarse_waiting_us": sum(time.total for time in waits),
        "start_us": sum(time.total for time in model.start()),
        "solve_us_per_pose": solve / model.width,
        "pose_us": batch / model.width,
    }
    found |= {f"{verb}_us_per_pose": seconds / model.width for verb, seconds in around.items()}
    return {name: rounded(1e6 * seconds) for name, seconds in found.items()}


def predict(counted: Row, iterations: int = ITERATIONS) -> Row:
    """By card, setting and width; by kernel on the first card; what each idea is worth there."""
    head = Head(counted)

    def model(card: gpu_cards.Card, kernels: gpu_kernels.Kernels, width: int) -> Model:
        return Model(head, card, kernels, width)

    widths, first = gpu_kernels.WIDTHS, gpu_cards.CARDS[0]
    cards = {
        card.name: {
            kernels.name: {str(w): summary(model(card, kernels, w), iterations) for w in widths}
            for kernels in gpu_kernels.SETTINGS
        }
        for card in gpu_cards.CARDS
    }
    kernels = {
        one.name: {str(w): by_kernel(model(first, one, w).batch(iterations)) for w in widths}
        for one in gpu_kernels.SETTINGS
    }
    ideas = {}
    for name, fields in gpu_kernels.IDEAS.items():
        found = {}
        for w in widths:
            before = cards[first.name][gpu_kernels.TODAY.name][str(w)]["pose_us"]
            after = summary(model(first, gpu_kernels.changed(fields), w), iterations)["pose_us"]
            found[str(w)] = rounded(after / before - 1.0)
        ideas[name] = found
    return {"iterations": iterations, "cards": cards, "kernels": kernels, "ideas": ideas}


def written(whole: Row) -> str:
    """As JSON, with what holds nothing but numbers and words on a line of its own."""

    def on_one_line(found: re.Match[str]) -> str:
        return re.sub(r"\s+", " ", found[0])

    return re.sub(r"\{[^{}\[\]]*\}", on_one_line, json.dumps(whole, indent=1)) + "\n"


def text(counted: Row, card: gpu_cards.Card, width: int, iterations: int) -> str:
    """Tables: all widths of a card, then each kernel at one width, both for both settings."""
    from measure import table

    head = Head(counted)
    lines = [f"PREDICTED, not measured: {counted['head']} on {card.name}, {iterations} iterations"]
    for kernels in gpu_kernels.SETTINGS:
        rows = {w: summary(Model(head, card, kernels, w), iterations) for w in gpu_kernels.WIDTHS}
        names = next(iter(rows.values()))
        cells = [(kernels.name, *(str(w) for w in rows))]
        cells += [(name, *(f"{row[name]:.4g}" for row in rows.values())) for name in names]
        lines += ["", table(cells)]
    for kernels in gpu_kernels.SETTINGS:
        found = by_kernel(Model(head, card, kernels, width).batch(iterations))
        keys = ("calls", "us", "launch_us", "dram_mb", "l2_mb", "limit")
        cells = [(f"{kernels.name}, width {width}", *keys)]
        cells += [(row["kernel"], *(str(row[key]) for key in keys)) for row in found]
        lines += ["", table(cells)]
    return "\n".join(lines)


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--count", type=Path, metavar="HEAD.npz", help="count this head anew")
    parser.add_argument("--card", default=gpu_cards.CARDS[0].name, help="to print; a word of its name")
    parser.add_argument("--width", type=int, default=32, choices=gpu_kernels.WIDTHS, help="to print")
    parser.add_argument("--iterations", type=int, default=ITERATIONS)
    parser.add_argument("--out", type=Path, default=OUT, help="JSON file with counts and predictions")
    args = parser.parse_args()
    card = next((one for one in gpu_cards.CARDS if args.card in one.name), None)
    if card is None:
        raise SystemExit(f"no card {args.card!r}: {', '.join(one.name for one in gpu_cards.CARDS)}")
    if args.count:
        import count_rows

        report = {"counted": count_rows.count(args.count)}
        measure.write_report(args.out, {"count": args.count}, report)
    elif not args.out.exists():
        raise SystemExit(f"{args.out} has no counts: give --count HEAD.npz")
    whole = json.loads(args.out.read_text())
    # What was counted is the head's; what is predicted is of the kernels of this revision.
    whole |= {"date": datetime.now(UTC).isoformat(timespec="seconds"), "commit": measure.commit()}
    whole["predicted"] = predict(whole["counted"], args.iterations)
    args.out.write_text(written(whole))
    print(text(whole["counted"], card, args.width, args.iterations))
    return 0


if __name__ == "__main__":
    sys.exit(main())
