# SPDX-License-Identifier: BSD-3-Clause
"""What a counted model predicts of a GPU, from model_gpu.json, beside what was measured, if anything was."""

from __future__ import annotations

import dataclasses

import gpu_cards
import gpu_kernels
import gpu_times
import model_gpu

from reporting.markdown import Results, Row, Section, count, not_measured, number, source, table
from reporting.pictures import rounded

SCRIPT = "model_gpu.py"
TITLE = "Counted model of a GPU"
WIDTH = "32"  # that kernels are shown at
# Kernels of a profile by verbs: what gpu_check.py calls them.
BODIES = {
    "primary": ("sample_tile",),
    "right_hand_side": ("RightHandSide",),
    "electric_field": ("value_tile",),
    "smooth_from_zero": ("SmoothFromZero",),
    "residual": ("Residual",),
    "apply": ("Apply",),
    "apply_dense": ("ApplyDense",),
    "correct": ("Correct",),
    "smooth": ("Smooth", "SmoothDot"),
    "step_direction": ("StepDirection",),
    "apply_dot": ("ApplyDot",),
    "step_residual": ("StepResidual",),
    "flush": ("Flush",),
    "true_residual": ("TrueResidual",),
    "begin": ("Begin",),
    "scale_and_measure": ("ScaleAndMeasure",),
    "scale_rows": ("ScaleRows",),
}


def section(results: Results) -> Section:
    """Predictions by card, width, idea and kernel; assumptions; measurements beside them."""
    report = results.get("model_gpu")
    if report is None or "predicted" not in report:
        return Section(TITLE, [not_measured(SCRIPT, "--count HEAD.npz")], [])
    counted, predicted = report["counted"], report["predicted"]
    line = source(SCRIPT, "model_gpu", report)
    blocks = [introduction(counted, predicted)]
    for one in (by_card(predicted), iterations(predicted), ideas(predicted), kernels(predicted)):
        blocks += [*one, line]
    blocks += [*cards(), line]
    if "gpu_check" in results:
        for one in beside(report, results["gpu_check"]):
            blocks += [*one, line]
    return Section(TITLE, blocks, [])


def introduction(counted: Row, predicted: Row) -> str:
    return (
        "**Predicted, not measured**: no number of this section is of a run on a GPU, unless its column "
        f"says measured. Head: {counted['head']}, {count(counted['nodes'])} nodes, {count(counted['tets'])} "
        f"tetrahedra; {predicted['iterations']} iterations; E in {count(counted['chosen'])} tetrahedra. "
        "A kernel is given the largest of the times for its bytes through memory (each array once, unless "
        "it is still in L2), its bytes through L2 (what a block of neighbouring rows gathers, once for the "
        "block), its instructions, its float64 operations, and its waits for memory, and a launch on top. "
        "What rows gather and how long they are was counted on the head's own matrices; instructions, "
        "registers and waits were read from the code that the compiler makes. Ways of writing the kernels "
        f'are records of `gpu_kernels.py`, of which "{gpu_kernels.TODAY.name}" is what this revision is, and '
        f'"{gpu_kernels.BEFORE.name}" what its kernels were made of.'
    )


def by_card(predicted: Row) -> list[str]:
    """Milliseconds per pose of each card and setting."""
    widths = [str(width) for width in gpu_kernels.WIDTHS]
    rows = [
        [card, setting, *(number(1e-3 * found[width]["pose_us"]) for width in widths)]
        for card, settings in predicted["cards"].items()
        for setting, found in settings.items()
    ]
    told = "Predicted ms per pose, from poses to E on the device, by poses at a time:"
    return [told, table(["card", "kernels", *widths], rows)]


def iterations(predicted: Row) -> list[str]:
    """Microseconds of an iteration on the first card, and of its coarse levels."""
    widths = [str(width) for width in gpu_kernels.WIDTHS]
    card, settings = next(iter(predicted["cards"].items()))
    named = {
        "iteration_us": "iteration",
        "coarse_us": "coarse levels",
        "coarse_waiting_us": "of which waiting",
    }
    named |= {"start_us": "start of a solve"}
    rows = [
        [setting, name, *(number(found[width][key]) for width in widths)]
        for setting, found in settings.items()
        for key, name in named.items()
    ]
    told = f"Predicted µs of a batch on the {card}, by poses at a time:"
    return [told, table(["kernels", "what", *widths], rows)]


def ideas(predicted: Row) -> list[str]:
    """What each idea alone would do to the time per pose on the first card."""
    widths = [str(width) for width in gpu_kernels.WIDTHS]
    card = next(iter(predicted["cards"]))
    rows = [
        [name, *(f"{rounded(100.0 * found[width]):+.1f} %" for width in widths)]
        for name, found in predicted["ideas"].items()
    ]
    told = (
        f'Predicted change of the time per pose by one idea alone beside "{gpu_kernels.TODAY.name}", {card}:'
    )
    return [told, table(["idea", *widths], rows)]


def kernels(predicted: Row) -> list[str]:
    """Each kernel of a batch on the first card at one width, in all settings."""
    card = next(iter(predicted["cards"]))
    settings = {
        name: {row["kernel"]: row for row in found[WIDTH]} for name, found in predicted["kernels"].items()
    }
    names = list(dict.fromkeys(name for found in settings.values() for name in found))
    header = ["kernel"]
    for name in settings:
        header += [f"{name}: calls", "µs", "MB of memory", "MB of L2", "limit"]
    rows = []
    for kernel in names:
        cells = [kernel]
        for found in settings.values():
            row = found.get(kernel)
            values = [number(row[key]) for key in ("us", "dram_mb", "l2_mb")] if row else []
            cells += [count(row["calls"]), *values, row["limit"]] if row else ["–"] * 5
        rows.append(cells)
    told = f"Predicted for all calls of each kernel in a batch of {WIDTH} poses, {card}:"
    return [told, table(header, rows)]


def cards() -> list[str]:
    """What is known and what is assumed of the cards."""
    names = [field.name for field in dataclasses.fields(gpu_cards.Card) if field.name in gpu_cards.ORIGIN]
    rows = [
        [name, gpu_cards.ORIGIN[name], *(f"{getattr(card, name):g}" for card in gpu_cards.CARDS)]
        for name in names
    ]
    told = "Cards, by data sheets and by assumption:"
    return [told, table(["", "origin", *(card.name for card in gpu_cards.CARDS)], rows)]


def beside(report: Row, check: Row) -> list[list[str]]:
    """Predicted and measured per call of each kernel, at each width that was profiled."""
    profile = check["steps"].get("profile", {}).get("widths", {})
    device = check["gpu"].get("name", "unknown")
    card = gpu_cards.find(device)
    if not profile or card is None:
        return []
    head, made = gpu_times.Head(report["counted"]), report["predicted"]["iterations"]
    rows = []
    for width in gpu_kernels.WIDTHS:
        model = gpu_times.Model(head, card, gpu_kernels.TODAY, width)
        for row in model_gpu.by_kernel(model.batch(made)):
            bodies, kernels = BODIES.get(row["kernel"], ()), profile.get(str(width), {})
            # Names as in kernel_resources.json, `every_row Smooth 8/4 32`: one for each way of sharing rows.
            measured = [one for name, one in kernels.items() if not set(bodies).isdisjoint(name.split())]
            if measured:
                rows.append([f"{row['kernel']}, {width}", *per_call(row, measured)])
    if not rows:
        return []
    header = ["kernel, width", "predicted µs a call", "measured µs a call", "measured over predicted"]
    header += ["predicted MB a call", "measured MB a call"]
    told = (
        f"Beside a profile on the {device} (`gpu_check.sh`), launches left out; predicted for the "
        f'{card.name} and "{gpu_kernels.TODAY.name}":'
    )
    return [[told, table(header, rows)]]


def per_call(row: Row, measured: list[Row]) -> list[str]:
    """Predicted, measured, their ratio, and megabytes of both."""
    launches = sum(one["launches"] for one in measured)
    us, mb = (sum(one[key] for one in measured) / launches for key in ("microseconds", "megabytes"))
    predicted = (row["us"] - row["launch_us"]) / row["calls"]
    return [number(value) for value in (predicted, us, us / predicted, row["dram_mb"] / row["calls"], mb)]
