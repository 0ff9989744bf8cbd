# SPDX-License-Identifier: BSD-3-Clause
"""What `headfield target` says of a search, as lines of text."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..core.messages import plural
from ..pictures.scene import rate_of

__all__ = ["lines", "rows_of"]

_LISTED = 8
_CLOCKWISE = "clockwise from back"


def lines(facts: dict[str, Any], problem: str = "") -> list[str]:
    """Return lines on what was found.

    Parameters
    ----------
    facts : dict
        What `SearchResult.to_dict` gives, and what the command knows besides: target, folder, files, …
    problem : str
        Why there is no picture.
    """
    report = facts["report"]
    what = facts["target"].removeprefix("<Target: ").removesuffix(">")
    seconds = ", ".join(f"{name} {s:.1f}" for name, s in report["seconds"].items())
    rows = [
        ("target", f"{what}, around {_point(facts['target_mm'])} mm"),
        *(("", note) for note in facts["names"]),
        *rows_of(facts),
        *_rivals(facts["rivals"], facts["value_V_per_m"]),
        ("seconds", f"{facts['seconds']:.1f} with head and files; {seconds}"),
        ("written", f"{', '.join(facts['files'])} in {facts['folder']}"),
        *([("no picture", problem)] if problem else []),
    ]
    return [f"{name:12} {words}" for name, words in rows]


def rows_of(facts: dict[str, Any]) -> list[tuple[str, str]]:
    """Return names and words on the best pose; `facts` are those of `SearchResult.to_dict`."""
    report, flat, pose = facts["report"], facts["flatness"], np.array(facts["pose"])
    rate = rate_of(facts["didt_A_per_s"])
    mm, degrees = flat["shift_mm"], flat["turn_deg"]
    shift, turn, both = (_percent(flat[name]) for name in ("worst_shift", "worst_turn", "worst"))
    return [
        ("best pose", f"coil at {_point(pose[:3, 3])} mm, handle at {facts['angle_deg']:.1f}°, {_CLOCKWISE}"),
        ("value", f"{facts['value_V_per_m']:.4g} V/m at {rate}, {_how_sure(report)}"),
        (
            "lost beside",
            f"{shift} at worst {mm:g} mm away, {turn} at {degrees:g}°, {both} at both",
        ),
        ("lift", f"{report['lift_mm']:.1f} mm off the scalp, for the casing to be clear of it"),
        (
            "searched",
            f"{report['positions']:,} positions × {report['angles']} angles, {_percent(report['ruled_out'])} "
            f"of them ruled out; {plural(report['solves'], 'solve', 'solves')}",
        ),
        *(("note", note) for note in report["notes"]),
    ]


def _rivals(rivals: list[dict[str, Any]], best: float) -> list[tuple[str, str]]:
    """Return names and words of the first rivals."""
    rows = []
    for number, one in enumerate(rivals[:_LISTED], 1):
        value, pose = one["value_V_per_m"], np.array(one["pose"])
        less = f", {_percent(1.0 - value / best)} less" if best > 0.0 else ""
        rows.append((f"rival {number}", f"{value:.4g} V/m{less}, coil at {_point(pose[:3, 3])} mm"))
    return rows


def _how_sure(report: dict[str, Any]) -> str:
    """Say how the value was computed."""
    if report["discretisation_error"] is not None:
        return f"in a refined head, off by an estimated {_percent(report['discretisation_error'])}"
    if report["reciprocal_error"] is None:
        return "by reciprocity alone: no pose was solved in full"
    return f"by a full solve (reciprocity was off by {report['reciprocal_error']:.1e})"


def _point(values: Any) -> str:
    return " ".join(f"{value:.1f}" for value in values)


def _percent(share: float) -> str:
    return f"{100 * share:.2g} %"
