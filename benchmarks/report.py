# SPDX-License-Identifier: BSD-3-Clause
"""Make RESULTS.md with its pictures, and the figures of docs/speed.md, from results/*.json.

    python benchmarks/report.py            # write them
    python benchmarks/report.py --check    # exit code 1 if they are not what the results say

Nothing is measured here, and nothing is of today: equal results give equal files. It needs matplotlib (``pip
install ".[plot]"``). The check draws no pictures, it compares the fingerprints that they carry of what they
were drawn from.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from reporting import (
    dose,
    endurance,
    files,
    gpu,
    gradients,
    mesher,
    model,
    peers,
    profiles,
    realtime,
    recovery,
    refine,
    refinement,
    resources,
    suite,
    targeting,
    uncertainty,
    zoom,
)
from reporting.markdown import Results, Section, runs

HERE = Path(__file__).resolve().parent
BEGIN, END = "<!-- figures: begin -->\n", "<!-- figures: end -->\n"
HEAD = """# Results

Made by `python benchmarks/report.py` from `benchmarks/results/*.json`; not to be edited. `make bench`, or
`python benchmarks/run.py`, measures the default set anew. Under each table and picture is the command that
measured it and the file with all of it; the first table has the machine, compiler and device of each file.
[README.md](README.md) says what is compared.
"""


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--check", action="store_true", help="write nothing; say what is out of date")
    parser.add_argument("--root", type=Path, default=HERE.parent, help="checkout to report on [this one]")
    args = parser.parse_args()
    folder = args.root / "benchmarks" / "results"
    results = load(folder)
    sections = every_section(results)
    speed = args.root / "docs" / "speed.md"
    texts = {
        args.root / "benchmarks" / "RESULTS.md": document(sections),
        speed: with_figures(speed.read_text(), results),
    }
    stale = [path.name for path, text in texts.items() if not path.exists() or path.read_text() != text]
    pictures = [picture for section in sections for picture in section.pictures]
    stale += [each.name for each in pictures if each.fingerprint() not in content(folder / each.name)]
    spare = {path.name for path in folder.glob("*.svg")} - {each.name for each in pictures}
    if args.check:
        for name in [*stale, *sorted(spare)]:
            print(f"{name} is not what the results say: run `python benchmarks/report.py`")
        return 1 if stale or spare else 0
    for path, text in texts.items():
        path.write_text(text)
    for picture in pictures:
        picture.save(folder)
    for name in spare:
        (folder / name).unlink()
    print(f"wrote RESULTS.md, speed.md and {len(pictures)} pictures")
    return 0


def load(folder: Path) -> Results:
    return {path.stem: json.loads(path.read_text()) for path in sorted(folder.glob("*.json"))}


def content(path: Path) -> str:
    return path.read_text() if path.exists() else ""


def every_section(results: Results) -> list[Section]:
    found = [peers.solves(results), *(peers.others(results, kind) for kind in peers.TITLES)]
    found += [*suite.sections(results), *profiles.sections(results)]
    found += [recovery.section(results), refinement.section(results), zoom.section(results)]
    found.append(targeting.section(results))
    found += [realtime.section(results), endurance.section(results)]
    found += [gradients.section(results), refine.section(results), uncertainty.section(results)]
    found.append(dose.section(results))
    found += [files.section(results), mesher.section(results)]
    found += [model.section(results), resources.section(results)]
    found.append(gpu.section(results))
    said = "".join(block for section in found for block in section.blocks)
    used = {name: report for name, report in results.items() if f"results/{name}.json" in said}
    return [runs(used), *found] if used else found


def document(sections: list[Section]) -> str:
    parts = [HEAD]
    for section in sections:
        parts.append("\n\n".join([f"## {section.title}", *section.blocks]) + "\n")
    return "\n".join(parts)


def with_figures(page: str, results: Results) -> str:
    """docs/speed.md with what stands between its two markers made anew."""
    if page.count(BEGIN) != 1 or page.count(END) != 1:
        raise SystemExit(f"docs/speed.md needs one line {BEGIN.strip()!r} and one {END.strip()!r}")
    before, _, rest = page.partition(BEGIN)
    after = rest.partition(END)[2]
    blocks = [*peers.summary(results), *gpu.summary(results)]
    blocks.append(
        "[benchmarks/RESULTS.md](../benchmarks/RESULTS.md) has all figures, with pictures; "
        "[benchmarks/README.md](../benchmarks/README.md) says how peers were installed and tuned."
    )
    return before + BEGIN + "\n\n".join(blocks) + "\n" + END + after


if __name__ == "__main__":
    sys.exit(main())
