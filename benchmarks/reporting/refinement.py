# SPDX-License-Identifier: BSD-3-Clause
"""What refined meshes say of recovered fields, and what quadratic elements give, from refinement.json."""

from __future__ import annotations

from reporting.markdown import Results, Row, Section, count, not_measured, number, source, table

SCRIPT, TITLE = "refinement.py", "Refined meshes and quadratic elements"
PARTS = {"white": "white matter", "gray": "gray matter", "CSF": "CSF"}
KINDS = ("elements", "patch", "interface")
FIELDS = {
    "elements": "linear elements",
    "patch": "linear, patch recovery",
    "interface": "linear, interface recovery",
    "quadratic": "quadratic elements",
}
REFINED = ("as it is", "refined once", "refined twice")


def section(results: Results) -> Section:
    """Errors of recovered fields and of their estimates on a head; quadratic elements on head and spheres."""
    report = results.get("refinement")
    if report is None:
        return Section(TITLE, [not_measured(SCRIPT)], [])
    line = source(SCRIPT, "refinement", report)
    told = (
        "Quadratic elements (P2) on the same meshes as linear ones, and linear elements on meshes with about "
        "as many unknowns: relative L2 error of E in spheres against the exact field, per cent. The edges of "
        "quadratic elements are straight, and the layers are polyhedra for all."
    )
    blocks = [told, spheres(report), line]
    if report["meshes"]:
        told = (
            f"The same in {report['head']}, {report['poses']} poses together, with its refinements, where "
            "each tetrahedron is divided into eight and surfaces stay the polyhedra that they are. No exact "
            "field is known there, so errors are given to two truths with about as many unknowns: what is "
            f"recovered (interface) from linear elements on the head {truths(report)[0]}, and quadratic "
            f"elements on the head {truths(report)[1]}. Each favours its own kind; the last row has how far "
            "they are from each other, and no error much smaller than that means anything."
        )
        blocks += [told, heads(report), line]
        told = "What either recovery estimates for linear elements, over what they are off by:"
        blocks += [told, estimates(report), line]
    return Section(TITLE, blocks, [])


def truths(report: Row) -> tuple[str, str]:
    """Refinements of the head that the truths are from: of the recovered one, of the quadratic one."""
    last = report["meshes"][-1]["refined"]
    return REFINED[last + 1], REFINED[last]


def spheres(report: Row) -> str:
    header = ["sphere, edges mm", "E of", "unknowns", "nonzeros", "white matter", "gray matter"]
    rows = []
    for row in report["spheres"]:
        for kind in fields(row):
            found = row["against"]["exact"]
            errors = [percent(found[part]["errors"], kind) for part in ("white", "gray")]
            rows.append([f"{row['edge_mm']:g}", *sizes(row, kind), *errors])
    return table(header, rows)


def heads(report: Row) -> str:
    header = [report["head"], "E of", "unknowns", "nonzeros"]
    header += [f"{name}, to {truth}" for truth in ("recovered", "quadratic") for name in PARTS.values()]
    rows = []
    for row in report["meshes"]:
        for kind in fields(row):
            parts = [row["against"][truth][part] for truth in ("recovered", "quadratic") for part in PARTS]
            errors = [percent(part["errors"], kind) for part in parts]
            rows.append([REFINED[row["refined"]], *sizes(row, kind), *errors])
    return table(header, rows)


def estimates(report: Row) -> str:
    header = [report["head"], "tissue", "nodes"]
    header += [f"{kind}, to {truth}" for truth in ("recovered", "quadratic") for kind in KINDS[1:]]
    rows = []
    for row in report["meshes"]:
        for part, name in PARTS.items():
            found = [row["against"][truth][part]["effectivity"] for truth in ("recovered", "quadratic")]
            cells = [REFINED[row["refined"]], name, count(row["linear"]["unknowns"])]
            rows.append(cells + [number(ratios[kind]) for ratios in found for kind in KINDS[1:]])
    return table(header, rows)


def fields(row: Row) -> list[str]:
    """Kinds of field that were measured on a mesh."""
    return [*KINDS, "quadratic"] if row["quadratic"] else [*KINDS]


def sizes(row: Row, kind: str) -> list[str]:
    size = row["quadratic" if kind == "quadratic" else "linear"]
    return [FIELDS[kind], count(size["unknowns"]), count(size["nonzeros"])]


def percent(errors: Row, kind: str) -> str:
    """The error; none where the field is itself the truth."""
    return number(100 * errors[kind]) if kind in errors else "–"
