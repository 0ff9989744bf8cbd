# SPDX-License-Identifier: BSD-3-Clause
"""The command `headfield target`: the best pose of a coil for a target, its map and a picture."""

from __future__ import annotations

import argparse
import dataclasses
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from ..coils.coil import Coil
from ..coils.read import read_coil
from ..core.messages import in_one_line
from ..errors import HeadfieldError
from ..io.atomic import check_not_input
from ..measures.target import Target
from ..pictures.colours import matplotlib_parts
from ..poses.endings import WRITTEN_ENDINGS, check_ending
from ..solve.drives.rates import rates_of
from ..solve.model import HeadModel
from ..targeting.options import SearchOptions
from ..targeting.result import SearchResult
from ..targeting.search import search
from .aimed import aimed_at
from .given_head import GivenHead
from .progress import Progress
from .target_text import lines

__all__ = ["FILES", "run_target", "searched", "write_answer"]

#: What is written besides the picture.
FILES = ("best.csv", "best.json", "map.csv")
_PICTURE = "target.png"


def run_target(args: argparse.Namespace) -> None:
    """Run `headfield target` with parsed arguments."""
    start = time.perf_counter()
    folder, head = Path(args.output), GivenHead(args)
    for name in (*FILES, _PICTURE, *args.export):
        check_not_input(folder / name, args.head, args.coil, args.eeg)
    for name in args.export:
        check_ending(name, "written to", WRITTEN_ENDINGS)
    coil = read_coil(args.coil)
    didt = 1e6 if args.didt is None else rates_of(args.didt, coil)
    avoid = [(head.find(words), radius) for words, radius in args.avoid]
    at = None if args.at is None else head.find(args.at)
    progress = Progress(0, args.quiet)
    mesh, given = head.read()
    progress.say(f"{mesh!r}, {coil!r}")
    target = aimed_at(args, head, mesh, args.at, at)
    folder.mkdir(parents=True, exist_ok=True)
    model = HeadModel(mesh, given, device=args.device, threads=args.threads)
    progress.say(f"set-up took {sum(model.seconds.values()):.1f} s")
    options = dataclasses.replace(args.search, avoid=avoid)
    found = searched(model, coil, target, np.ravel(didt), options, progress.say)
    files, problem = write_answer(found, folder, args.export)
    facts = found.to_dict() | {
        "head": args.head,
        "target": repr(target),
        "folder": args.output,
        "files": files,
        "names": head.notes,
        "device": model.device,
        "seconds": round(time.perf_counter() - start, 3),
    }
    print(json.dumps(facts, indent=1, allow_nan=False) if args.json else "\n".join(lines(facts, problem)))


def searched(
    model: HeadModel,
    coil: Coil,
    target: Target,
    didt: Any,
    options: SearchOptions,
    say: Callable[[str], None],
) -> SearchResult:
    """Search with options that are checked already."""
    given = {field.name: getattr(options, field.name) for field in dataclasses.fields(options)}
    return search(model, coil, target, didt if len(didt) > 1 else float(didt[0]), **given, progress=say)


def write_answer(found: SearchResult, folder: Path, export: list[str]) -> tuple[list[str], str]:
    """Write what was found; return the names of the files, and why there is no picture."""
    for name in ("best.csv", "best.json", *export):
        found.save(folder / name)
    found.save_map(folder / "map.csv")
    files = [*FILES, *export]
    try:
        matplotlib_parts()
        found.write_picture(folder / _PICTURE)
    except (HeadfieldError, OSError) as error:  # the answer is written already
        return files, in_one_line(error)
    return [*files, _PICTURE], ""
