# SPDX-License-Identifier: BSD-3-Clause
"""Make the text that `headfield info` prints of the facts that `info.describe` finds."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..heads.tissues import AIR
from .info_image import text_of_image
from .info_result import LISTED, listed, text_of_result

__all__ = ["lines", "table"]

Row = tuple[str, str]


def lines(facts: dict[str, Any]) -> list[str]:
    """Return lines of text that say what `describe` found.

    Examples
    --------
    >>> facts = {"kind": "casing", "triangles": 12, "points": 8, "bounds_mm": [[0, 0, 0], [1, 2, 3]]}
    >>> print("\\n".join(lines(facts)))
    kind          casing
    triangles     12
    points        8
    extent        0.0 0.0 0.0 to 1.0 2.0 3.0 mm
    """
    rows, below = _TEXTS[facts["kind"]](facts)
    return [f"{name:13} {value}" for name, value in [("kind", facts["kind"]), *rows]] + below


def _mesh(facts: dict[str, Any]) -> tuple[list[Row], list[str]]:
    angle = facts["smallest_dihedral_deg"]
    rows = [
        ("nodes", f"{facts['nodes']:,}" + _note(facts["dropped_nodes"], "unused were dropped")),
        ("tetrahedra", f"{facts['tetrahedra']:,}" + _note(facts["flipped_tetrahedra"], "were turned")),
        ("triangles", f"{facts['triangles']:,}"),
        ("extent", _extent(facts)),
        ("mean edge", f"{facts['mean_edge_mm']:.2f} mm"),
        ("dihedral", f"smallest {angle['minimum']:.1f}°, 1 % below {angle['percent_1']:.1f}°"),
    ]
    for where, fields in facts["fields"].items():
        if fields:
            named = ", ".join(n if c == 1 else f"{n} ({c} numbers)" for n, c in fields.items())
            rows.append((f"on {where}", named))
    body = []
    for tag, row in facts["tissues"].items():
        sigma = "?" if row["conductivity"] is None else f"{row['conductivity']:g}"
        name = row["name"] or ("air" if int(tag) == AIR else "unknown")
        body.append([str(tag), name, sigma, f"{row['tetrahedra']:,}", f"{row['volume_mm3'] / 1000:.1f}"])
    head = ["tag", "tissue", "S/m", "tetrahedra", "cm³"]
    if any(row["name_in_file"] for row in facts["tissues"].values()):
        head.append("in the file")
        for line, row in zip(body, facts["tissues"].values(), strict=True):
            line.append(row["name_in_file"] or "")
    found = [f"{one['severity']}: {one['message']}" for one in facts["findings"]]
    return rows, ["", *table(head, body, left=(1, 5)), *([""] if found else []), *found]


def _coil(facts: dict[str, Any]) -> tuple[list[Row], list[str]]:
    rows = [("coil", facts["name"] or "no name")]
    if facts["brand"]:
        rows.append(("brand", facts["brand"]))
    rows += [(name, f"{facts[key]:,}") for name, key in _COUNTS if facts[key]]
    for e in facts["elements"]:
        if e["type"] == "samples":
            steps = _point(e["spacing_mm"])
            rows.append(("samples of A", f"{' x '.join(map(str, e['shape']))}, every {steps} mm"))
    if facts["casing_triangles"]:
        rows.append(("casing", f"{facts['casing_triangles']:,} triangles"))
    rows.append(("extent", _extent(facts)))
    several = len(facts["stimulators"]) > 1
    for i, stimulator in enumerate(facts["stimulators"]):
        if several or stimulator["name"]:
            name = " ".join(filter(None, (stimulator["brand"], stimulator["name"]))) or "no name"
            rows.append((f"stimulator {i}" if several else "stimulator", name))
        limit = stimulator["didt_max"]
        rows.append(("dI/dt max", "not stated" if limit is None else f"{limit * 1e-6:.1f} A/µs"))
    for i, span in enumerate(facts["deformation_ranges"]):
        rows.append((f"parameter {i}", f"{span['low']:g} to {span['high']:g}, at first {span['initial']:g}"))
    rows.append(("no head", f"{facts['potential_at_20_mm'] * 1e6:.2f} V/m at (0, 0, 20) mm for 1 A/µs"))
    if len(facts["elements"]) == 1 and not facts["elements"][0]["parameters"]:
        return rows, []
    body = [
        [str(i), e["name"], e["type"], f"{e['count']:,}", str(e["stimulator"]), _joined(e["parameters"])]
        for i, e in enumerate(facts["elements"])
    ]
    return rows, [
        "",
        *table(["part", "name", "of", "count", "stimulator", "parameters"], body, left=(1, 2, 5)),
    ]


_COUNTS = (
    ("dipoles", "dipoles"),
    ("wire segments", "wire_segments"),
)


def _poses(facts: dict[str, Any]) -> tuple[list[Row], list[str]]:
    if "placements" in facts:
        return _placements(facts), []
    rows = [("poses", f"{facts['poses']:,}")]
    if facts["format"]:
        rows.append(("format", facts["format"]))
    rows += [("centres", _extent(facts)), ("mean centre", f"{_point(facts['mean_centre_mm'])} mm")]
    if facts["didt"] is not None:
        low, high = min(facts["didt"]) * 1e-6, max(facts["didt"]) * 1e-6
        rows.append(("dI/dt", f"{low:g} to {high:g} A/µs"))
    if any(name != f"pose {i}" for i, name in enumerate(facts["names"])):
        rows.append(("names", listed(facts["names"])))
    if facts["coils"]:
        rows.append(("coils", listed(facts["coils"])))
    left_out = [f"{one['name'] or one['index']} ({one['reason']})" for one in facts["left_out"]]
    if left_out:
        rows.append(("left out", f"{len(left_out):,}: {listed(left_out)}"))
    return rows, []


def _placements(facts: dict[str, Any]) -> list[Row]:
    rows = [("positions", f"{len(facts['placements']):,}"), ("format", facts["format"])]
    for one in facts["placements"][:LISTED]:
        centre, handle = (
            one[key] if one[key] is None or isinstance(one[key], str) else f"{_point(one[key])} mm"
            for key in ("centre", "handle")
        )
        towards = f", towards {handle}" if handle else ""
        rows.append(
            (one["name"] or "position", f"{centre}{towards}, {one['distance_mm']:g} mm off the scalp")
        )
    return rows


def _eeg(facts: dict[str, Any]) -> tuple[list[Row], list[str]]:
    count = f"{facts['positions']:,}"
    return [("positions", count), ("extent", _extent(facts)), ("names", listed(facts["names"]))], []


def _casing(facts: dict[str, Any]) -> tuple[list[Row], list[str]]:
    counts = [(name, f"{facts[name]:,}") for name in ("triangles", "points")]
    return [*counts, ("extent", _extent(facts))], []


def _tensors(facts: dict[str, Any]) -> tuple[list[Row], list[str]]:
    rows = [("voxels", " x ".join(map(str, facts["shape"][:3])))]
    rows += [("spacing", f"{_point(facts['spacing_mm'])} mm"), ("extent", _extent(facts))]
    return [*rows, ("tensors", f"{facts['voxels_with_a_tensor']:,}")], []


def _subject(facts: dict[str, Any]) -> tuple[list[Row], list[str]]:
    mesh_rows, below = _mesh(facts["mesh"])
    rows = [("subject", facts["name"]), ("layout", facts["layout"]), ("head", facts["mesh_file"])]
    rows.append(("EEG caps", listed(facts["eeg_caps"]) or "none"))
    rows.append(("tensors", facts["tensors"] or "none"))
    if facts["surfaces"]:
        rows.append(("surfaces", listed(facts["surfaces"])))
    return rows + mesh_rows, below


def _result(facts: dict[str, Any]) -> tuple[list[Row], list[str]]:
    rows, tables = text_of_result(facts)
    return rows, [line for head, body, left in tables for line in ("", *table(head, body, left))]


def _field(facts: dict[str, Any]) -> tuple[list[Row], list[str]]:
    rows = [("holds", facts["quantity"]), ("shape", " x ".join(map(str, facts["shape"])))]
    return [*rows, ("spacing", f"{_point(facts['spacing_mm'])} mm"), ("extent", _extent(facts))], []


def _image(facts: dict[str, Any]) -> tuple[list[Row], list[str]]:
    rows, body, said = text_of_image(facts)
    labels = ["", *table(["label", "tissue", "voxels", "cm³"], body, left=(1,))] if body else []
    return [*rows, ("extent", _extent(facts))], [*labels, "", *said]


_TEXTS = {
    "result": _result,
    "field": _field,
    "image": _image,
    "mesh": _mesh,
    "coil": _coil,
    "poses": _poses,
    "eeg": _eeg,
    "casing": _casing,
    "tensors": _tensors,
    "subject": _subject,
}


def table(head: list[str], body: list[list[str]], left: Sequence[int]) -> list[str]:
    """Pad cells to columns; those in `left` are flush left, the others flush right."""
    columns = list(zip(head, *body, strict=True))
    widths = [max(map(len, column)) for column in columns]
    ragged = (
        "  ".join(cell.ljust(w) if i in left else cell.rjust(w) for i, (cell, w) in enumerate(cells))
        for cells in (list(zip(row, widths, strict=True)) for row in [head, *body])
    )
    return [line.rstrip() for line in ragged]


def _extent(facts: dict[str, Any]) -> str:
    low, high = facts["bounds_mm"]
    return f"{_point(low)} to {_point(high)} mm"


def _note(count: int, what: str) -> str:
    return f" ({count:,} {what})" if count else ""


def _joined(numbers: Sequence[int]) -> str:
    return ", ".join(map(str, numbers))


def _point(values: Sequence[float]) -> str:
    return " ".join(f"{value:.1f}" for value in values)
