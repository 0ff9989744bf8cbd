# SPDX-License-Identifier: BSD-3-Clause
"""The command `headfield protocol`: what a protocol of pulses amounts to, and published limits."""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping
from typing import Any

from ..core.messages import printable
from ..dose.protocol.files import PROTOCOL_ENDINGS, read_protocol, write_protocol
from ..dose.protocol.limits import check_limits
from ..dose.protocol.named import named_protocols
from ..dose.protocol.protocol import Protocol
from ..dose.protocol.words import lasting
from ..errors import FileFormatError
from ..io.atomic import check_not_input
from ..io.published import FROM_MEMORY, PublishedTables, read_tables
from ..io.regular import ending_of
from ..pictures.figure import PICTURE_ENDINGS

__all__ = ["given_protocol", "run_protocol"]


def run_protocol(args: argparse.Namespace) -> None:
    """Run `headfield protocol` with parsed arguments."""
    tables = None if args.tables is None else read_tables(args.tables)
    if args.list:
        _list(named_protocols(tables), args.json)
        return
    protocol = given_protocol(args.protocol, tables)
    if args.output is not None:
        _write(protocol, args.output, [args.protocol, args.tables])
    if args.json:
        print(json.dumps(_facts(protocol, args, tables), indent=1, ensure_ascii=False, allow_nan=False))
    else:
        print("\n".join(_lines(protocol, args, tables)))


def given_protocol(words: str, tables: PublishedTables | None) -> Protocol:
    """Return the protocol of a file, or of this name."""
    if ending_of(words) in PROTOCOL_ENDINGS:
        return read_protocol(words)
    return named_protocols(tables)[words]


def _list(there: Mapping[str, Protocol], as_json: bool) -> None:
    if as_json:
        print(json.dumps({name: one.to_dict() for name, one in there.items()}, indent=1, ensure_ascii=False))
        return
    width = max(map(len, there))
    for name, one in there.items():
        mark = "  (from memory)" if one.from_memory else ""
        line = (
            f"{name:{width}}  {one.n_pulses:>6,} pulses  {lasting(one.duration_s):19}  {one.intensity}{mark}"
        )
        print(printable(line))


def _write(protocol: Protocol, path: str, inputs: list[str | None]) -> None:
    """Write the timeline or the protocol, by the ending."""
    if ending_of(path) not in (*PICTURE_ENDINGS, *PROTOCOL_ENDINGS):
        known = ", ".join((*PICTURE_ENDINGS, *PROTOCOL_ENDINGS))
        raise FileFormatError(f"{path}: timelines and protocols are written as {known}")
    check_not_input(path, *inputs)
    if ending_of(path) in PICTURE_ENDINGS:
        protocol.write_picture(path)
    else:
        write_protocol(protocol, path)


def _facts(protocol: Protocol, args: argparse.Namespace, tables: PublishedTables | None) -> dict[str, Any]:
    return {
        "protocol": protocol.to_dict(),
        "pulses": protocol.n_pulses,
        "duration_s": protocol.duration_s,
        "train_duration_s": protocol.train_duration_s,
        "counts": {level.name: level.count for level in protocol.levels},
        "frequencies_hz": dict(protocol.frequencies_hz),
        "pauses_s": dict(protocol.pauses_s),
        "from_memory": protocol.from_memory,
        "limits": check_limits(protocol, args.percent_rmt, tables).to_dict(),
        "written": args.output,
    }


def _lines(protocol: Protocol, args: argparse.Namespace, tables: PublishedTables | None) -> list[str]:
    structure = protocol.structure()
    rows = [
        ("protocol", protocol.name),
        ("about", protocol.about),
        ("pulses", f"{protocol.n_pulses:,}"),
        ("duration", f"{lasting(protocol.duration_s)} ({protocol.duration_s:g} s)"),
        *(("structure" if i == 0 else "", line) for i, line in enumerate(structure)),
        ("intensity", protocol.intensity),
        ("source", protocol.source),
        ("", FROM_MEMORY if protocol.from_memory else ""),
    ]
    limits = str(check_limits(protocol, args.percent_rmt, tables)).split("\n  ")
    rows += [("limits" if i == 0 else "", line) for i, line in enumerate(limits)]
    rows.append(("written", args.output or ""))
    return [f"{name:12} {printable(text)}".rstrip() for name, text in rows if text]
