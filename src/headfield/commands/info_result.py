# SPDX-License-Identifier: BSD-3-Clause
"""Find out what `headfield info` tells about a result: poses, tissues, peaks, where it comes from."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..core.messages import plural, printable
from ..fields.h5.rows import HALF_ERRORS
from ..fields.result import Result
from ..fields.run import Run
from ..heads.names import called
from ..heads.tissues import GRAY_MATTER
from ..metrics import percentiles
from .summary import ERROR_OF_ELEMENTS

__all__ = ["LISTED", "PEAK_PERCENT", "describe_result", "listed", "text_of_result"]

PEAK_PERCENT = 99.9
_MOST_VALUES = 20_000_000  # of |E| that are looked at: a second or two
_MOST_ROWS = 24  # poses that are described one by one
LISTED = 12  # names of poses or electrodes that are listed one by one

#: Head, body, and the columns that are flush left.
Table = tuple[list[str], list[list[str]], tuple[int, ...]]


def describe_result(result: Result) -> dict[str, Any]:
    """Describe a result.

    Returns
    -------
    dict
        Ready for JSON. `peaks_of` are the poses that the peaks of each tissue, the 99.9th percentile of |E|
        by volume, were computed for: all, or some that are spread over the result where it is large.
    """
    run, mesh = result.provenance, result.mesh
    chosen = np.arange(mesh.n_tets) if result.elements is None else result.elements
    looked, peaks = _peaks(result, chosen)
    first = result.rows(looked[0]) if looked else {}
    known = np.isfinite(first["magnE"]) if looked else np.zeros(len(chosen), bool)
    return {
        "poses": result.n_poses,
        "first_pose": 0 if run is None else run.first,
        "total": result.n_poses if run is None else run.total,
        "poses_of_the_run": result.n_poses if run is None else max(run.count, result.n_poses),
        "not_converged": result.not_converged,
        "names": list(result.names),
        "didt": None if result.didt is None else result.didt.tolist(),
        "fields": sorted(first),
        "recovery": result.recovery,
        "half_precision_error": _half_precision(result),
        "devices": sorted({printable(d.decode("ascii", "replace")) for d in _fact(result, "device")}),
        "tetrahedra": mesh.n_tets,
        "tetrahedra_with_field": int(known.sum()),
        "peaks_of": looked,
        "tissues": {
            tag: _of_tissue(called(tag, mesh.tag_names), int((mesh.tags[chosen][known] == tag).sum()), values)
            for tag, values in peaks.items()
        },
        "each_pose": _each_pose(result, looked, peaks),
        "provenance": None if run is None else _plain(run),
    }


def _fact(result: Result, name: str) -> Any:
    found = result.facts.get(name)
    return [] if found is None else found.tolist()


def _half_precision(result: Result) -> float | None:
    """Return what fields in half precision are off by at most, relative to |E| in the same place."""
    for name in HALF_ERRORS:
        known = [error for error in _fact(result, name) if np.isfinite(error)]
        if known:
            return float(max(known))
    return None


def _peaks(result: Result, chosen: NDArray[Any]) -> tuple[list[int], dict[int, list[float]]]:
    """Return the poses that were looked at, and the peak of each of them in each tissue with a field."""
    good = [i for i in range(result.n_poses) if result.has_field(i)]
    count = min(len(good), max(1, _MOST_VALUES // max(1, len(chosen))))
    spread = np.unique(np.linspace(0, len(good) - 1, count).astype(int)).tolist() if good else []
    looked = [good[i] for i in spread]
    tags, volumes = result.mesh.tags[chosen], result.mesh.volumes_mm3()[chosen]
    peaks: dict[int, list[float]] = {}
    for i in looked:
        magnitude = result.quantity("magnE", i)
        known = np.isfinite(magnitude)
        for tag in np.unique(tags[known]).tolist():
            here = known & (tags == tag)
            peak = float(percentiles(magnitude[here], volumes[here], PEAK_PERCENT))
            peaks.setdefault(tag, []).append(peak)
    return looked, dict(sorted(peaks.items()))


def _of_tissue(name: str, count: int, peaks: list[float]) -> dict[str, Any]:
    return {
        "name": name,
        "tetrahedra": count,
        "peak_V_per_m": {"lowest": min(peaks), "median": float(np.median(peaks)), "highest": max(peaks)},
    }


def _each_pose(result: Result, looked: list[int], peaks: dict[int, list[float]]) -> list[dict[str, Any]]:
    """Describe each pose, where there are few."""
    if result.n_poses > _MOST_ROWS:
        return []
    shown = peaks.get(GRAY_MATTER, [])
    rows = []
    for i in range(result.n_poses):
        row: dict[str, Any] = {"pose": i, "name": result.names[i] if result.names else None}
        row["converged"] = result.has_field(i)
        row["peak_in_gray_matter_V_per_m"] = shown[looked.index(i)] if shown and i in looked else None
        for name in ("iterations", "residual", "discretisation_error"):
            if name in result.facts:
                value = result.facts[name][i].item()
                row[ERROR_OF_ELEMENTS if name == "discretisation_error" and result.recovery else name] = (
                    value if np.isfinite(value) else None
                )
        rows.append(row)
    return rows


def _plain(run: Run) -> dict[str, Any]:
    """Return a record with texts that can be printed."""
    made = dataclasses.asdict(run)
    made["files"] = {printable(what): printable(str(name)) for what, name in run.files.items()}
    return made


def text_of_result(facts: dict[str, Any]) -> tuple[list[tuple[str, str]], list[Table]]:
    """Return rows of text that say what `describe_result` found, and tables of tissues and of poses."""
    count, whole, bad = facts["poses"], facts["poses_of_the_run"], facts["not_converged"]
    rows = [("poses", f"{count:,}" + (f" of {whole:,}: the run was stopped" if count < whole else ""))]
    if whole < facts["total"]:
        first = facts["first_pose"]
        rows.append(
            (
                "slice",
                f"{first}:{first + whole} of {facts['total']:,} poses; numbers here are from 0",
            )
        )
    if bad:
        rows.append(
            (
                "no field",
                f"{plural(len(bad), 'pose', 'poses')} did not converge: {listed(list(map(str, bad)))}",
            )
        )
    if facts["names"]:
        rows.append(("names", listed(facts["names"])))
    if facts["didt"] is not None:
        low, high = np.min(facts["didt"]) * 1e-6, np.max(facts["didt"]) * 1e-6
        rows.append(("dI/dt", f"{low:g} A/µs" if low == high else f"{low:g} to {high:g} A/µs"))
    rows.append(("fields", ", ".join(facts["fields"]) or "none"))
    rows.append(("E", _elements_of(facts)))
    if facts["half_precision_error"] is not None:
        error = facts["half_precision_error"]
        rows.append(("stored", f"in half precision, off by up to {error:.2g} of |E| there"))
    some, every = facts["tetrahedra_with_field"], facts["tetrahedra"]
    rows.append(("tetrahedra", f"{every:,}" if some == every else f"{some:,} of {every:,}"))
    if facts["devices"]:
        rows.append(("solved on", ", ".join(facts["devices"])))
    rows += _text_of_run(facts["provenance"])
    tables = _table_of_tissues(facts)
    if tables:
        looked = len(facts["peaks_of"])
        of = "" if looked == count - len(bad) else f", of {looked} of the poses"
        rows.append(("peaks", f"{PEAK_PERCENT:g}th percentile of |E| by volume, V/m{of}"))
    return rows, tables + _table_of_poses(facts["each_pose"])


def _elements_of(facts: dict[str, Any]) -> str:
    """Say which elements E is of."""
    if facts["recovery"] is not None:
        return f"recovered ({facts['recovery']})"
    asked = facts["provenance"]["settings"].get("error") if facts["provenance"] else None
    if not isinstance(asked, float):
        return "of linear elements"
    errors = [row.get("discretisation_error") for row in facts["each_pose"]]
    known = [error for error in errors if error is not None and np.isfinite(error)]
    found = f", estimated to be off by up to {max(known):.2%}" if known else ""
    reached = len(known) == len(errors) and max(known, default=asked) <= asked
    told = "" if reached else ", NOT reached"
    return f"of quadratic elements on a refined part of the head{found}; {asked:.2%} was asked for{told}"


def _table_of_tissues(facts: dict[str, Any]) -> list[Table]:
    """Return the peaks in each tissue, and its conductivity if the file says it."""
    looked = len(facts["peaks_of"])
    sigma = facts["provenance"]["settings"].get("conductivity_S_per_m") if facts["provenance"] else None
    given = sigma if isinstance(sigma, dict) else {}
    body = [
        [
            str(tag),
            row["name"],
            *([printable(str(given.get(str(tag), "varies")))] if given else []),
            f"{row['tetrahedra']:,}",
            *(f"{v:.3g}" for v in _peaks_of(row, looked)),
        ]
        for tag, row in facts["tissues"].items()
    ]
    peaks = ["peak"] if looked == 1 else ["lowest peak", "median", "highest"]
    head = ["tag", "tissue", *(["S/m"] if given else []), "tetrahedra", *peaks]
    return [(head, body, (1,))] if body else []


def _peaks_of(row: dict[str, Any], looked: int) -> list[float]:
    values = row["peak_V_per_m"]
    return [values["median"]] if looked == 1 else [values[key] for key in ("lowest", "median", "highest")]


def _table_of_poses(each: list[dict[str, Any]]) -> list[Table]:
    if len(each) < 2 and not any(row["name"] for row in each):
        return []
    named = any(row["name"] for row in each)
    head = ["pose", *(["name"] if named else []), "peak in gray matter", "iterations", "residual"]
    body = [
        [
            str(row["pose"]),
            *([row["name"] or ""] if named else []),
            _number(row["peak_in_gray_matter_V_per_m"], ".3g") if row["converged"] else "did not converge",
            _number(row.get("iterations"), "d"),
            _number(row.get("residual"), ".1e"),
        ]
        for row in each
    ]
    return [(head, body, (1,) if named else ())]


def _text_of_run(run: dict[str, Any] | None) -> list[tuple[str, str]]:
    if run is None:
        return [("computed from", "the file does not say")]
    rows = [("headfield", printable(run["version"]))]
    for what in ("head", "conductivity", "coil", "poses"):
        named = run["files"].get(what)
        if run[what]:
            rows.append((what, f"{named + ', ' if named else ''}hash {printable(run[what])[:32]}"))
    said = ", ".join(
        f"{name} {value}" for name, value in run["settings"].items() if not isinstance(value, dict)
    )
    return [*rows, *([("settings", printable(said))] if said else [])]


def listed(names: Sequence[str]) -> str:
    """Return names with commas between them, and how many there are where these are too many."""
    return ", ".join(names[:LISTED]) + (f", … {len(names)} in all" if len(names) > LISTED else "")


def _number(value: Any, form: str) -> str:
    return "?" if value is None else format(value, form)
