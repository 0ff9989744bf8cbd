# SPDX-License-Identifier: BSD-3-Clause
"""What an hour of frames takes of a server, from endurance.json."""

from __future__ import annotations

from reporting.markdown import Results, Row, Section, count, not_measured, number, source, table

SCRIPT, NAME, TITLE = "endurance.py", "endurance", "An hour of frames over OpenIGTLink"


def section(results: Results) -> Section:
    """Frames that came and didn't, how long they took, and what the server had in memory."""
    report = results.get(NAME)
    if report is None or not report["rows"]:
        return Section(TITLE, [not_measured(SCRIPT)], [])
    line, rows = source(SCRIPT, NAME, report), report["rows"]
    first = rows[0]
    what = (
        f"`headfield serve` on {first['head']} ({count(first['nodes'])} nodes), from a real-time basis for "
        f"{count(first['places'])} places, {number(first['frame_kb'])} kB a frame; a client sends 64 poses "
        "in turn, at a rate or back to back. A frame is wrong if it is not that of its pose, or if its |E| "
        "differs by a bit from that of the same pose before. ms from the pose's last byte sent to the "
        "frame's last byte received, and beyond what the field itself took. Load: CPU time of the server "
        "over the time that went by, one core being 100 %. Where other programs took much of the machine "
        "(all its cores: 100 %), they make the slowest frames, and at a rate the poses that the client "
        "itself sends late, and those that are missed."
    )
    said = [what, frames(rows), line]
    return Section(TITLE, [*said, memory(rows), line], [])


def frames(rows: list[Row]) -> str:
    header = ["poses per s", "threads", "seconds", "sent", "sent late", "missed", "wrong"]
    header += [
        "ms median",
        "99 %",
        "largest",
        "beyond, median",
        "99 %",
        "CPU ms a frame",
        "load %",
        "of others %",
    ]
    cells = []
    for row in rows:
        times, beyond = row["latency_ms"], row["beyond_ms"]
        cells.append(
            [rate(row), str(row["threads"]), count(row["seconds"])]
            + [count(row.get(name)) for name in ("sent", "late", "missed", "wrong")]
            + [number(times[name]) for name in ("median", "p99", "largest")]
            + [number(beyond[name]) for name in ("median", "p99")]
            + [number(row["cpu_ms"]), number(100 * row["load"]), others(row)]
        )
    return table(header, cells)


def memory(rows: list[Row]) -> str:
    header = ["MB after this part of the frames", *(f"{100 * at:g} %" for at in rows[0]["memory_at"])]
    return table(header, [[rate(row), *(f"{mb:.1f}" for mb in row["memory_mb"])] for row in rows])


def others(row: Row) -> str:
    busy = row.get("busy_elsewhere")
    return "not recorded" if busy is None else number(100 * busy)


def rate(row: Row) -> str:
    return "back to back" if row["hz"] is None else f"{row['hz']:g}"
