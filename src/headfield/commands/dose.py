# SPDX-License-Identifier: BSD-3-Clause
"""The command `headfield dose`: how strong a coil has to be driven, and a report of the session."""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..coils.coil import Coil
from ..coils.read import read_coil
from ..dose.maps.dose_map import DoseMap
from ..dose.maps.make import dose_map
from ..dose.maps.sums import Sums
from ..dose.protocol.protocol import Protocol
from ..dose.pulses.pulse import Pulse
from ..dose.pulses.read import read_pulse
from ..dose.reports.make import check_percent_of, session_report
from ..dose.reports.report import SessionReport
from ..dose.strength.intensity import checked_percent, intensity
from ..dose.strength.result import Intensity
from ..dose.strength.rules import FixedFactor, FixedField, MatchedField, Rule, ScalpDistance
from ..errors import PoseError
from ..heads.mesh import TetMesh
from ..heads.targets import NamedTarget, named_targets, targets
from ..heads.tissues import brain_tags
from ..io.atomic import check_folder, check_not_input
from ..io.published import PublishedTables, read_tables
from ..io.regular import ending_of
from ..placement.named import Places
from ..poses.placements import Placement
from ..poses.pose import check_pose
from ..poses.read import read_poses
from ..regions.makers import tissue
from ..solve.drives.rates import rates_of
from ..solve.model import HeadModel
from ..solve.uncertainty.jitter import as_jitter
from .aimed import aimed_at
from .given_head import GivenHead
from .placing import given_poses
from .progress import Progress
from .protocol import given_protocol

__all__ = ["run_dose"]

_REPORT, _JSON, _SUMS = "report.html", "dose.json", "sums.vtu"


def run_dose(args: argparse.Namespace) -> None:
    """Run `headfield dose` with parsed arguments."""
    tables = None if args.tables is None else read_tables(args.tables)
    protocol = None if args.protocol is None else given_protocol(args.protocol, tables)
    _check_numbers(args, protocol, tables)
    _find_own_targets(args, named_targets(tables))
    head = GivenHead(args)
    _check_output(args)
    coil = _driven(args)
    at = None if args.at is None else head.find(args.at)
    progress = Progress(0, args.quiet)
    mesh, given = head.read()
    progress.say(f"{mesh!r}, {coil!r}")
    pose = _only(given_poses(args, mesh, coil).poses, args.poses or "--angles")
    target = aimed_at(args, head, mesh, args.at, at)
    rule = _rule(args, head, mesh, coil, tables)
    model = HeadModel(mesh, given, device=args.device, threads=args.threads)
    progress.say(f"set-up took {sum(model.seconds.values()):.1f} s")
    found = intensity(
        model,
        coil,
        pose,
        target,
        rule,
        percent=args.percent,
        placement=args.placement,
        conductivity=True if args.uncertain_conductivity else None,
        zoom_error=args.zoom_error,
        pulse=_pulse(args.pulse, coil),
    )
    progress.say(f"{found.in_short} by {found.rule}")
    dose = None if protocol is None else _sums(model, found, protocol, args.thresholds)
    report = session_report(model, found, protocol=protocol, dose=dose, title=args.title, tables=tables)
    files, problem = ([], "") if args.output is None else _written(report, Path(args.output))
    if args.json:
        facts = report.to_dict() | {"files": files, "names": head.notes}
        print(json.dumps(facts, indent=1, ensure_ascii=False, allow_nan=False))
    else:
        print("\n".join(_lines(report, head.notes, files, problem)))


def _sums(model: HeadModel, found: Intensity, protocol: Protocol, thresholds: list[float]) -> DoseMap:
    """Add up what all pulses do in the brain."""
    where = tissue(model.mesh, brain_tags(model.mesh.tags))
    place = found.site.place
    return dose_map(
        model, place.coil, place.pose, found.didt, region=where, pulses=protocol, thresholds=thresholds
    )


def _check_numbers(
    args: argparse.Namespace, protocol: Protocol | None, tables: PublishedTables | None
) -> None:
    """Raise for numbers that can't be, before the head is read and solved."""
    if args.mt is not None:
        FixedFactor(args.mt, args.factor or 1.0, args.mt_std or 0.0)
        ScalpDistance(args.mt, None, _slope(args.slope), 10.0, 10.0, tables=tables)
    if args.field is not None:
        FixedField(args.field)
    checked_percent(args.percent)
    if args.placement is not None:
        as_jitter(args.placement)
    Sums(0, args.thresholds)
    if protocol is not None and args.mt is not None:
        check_percent_of(protocol, args.percent)


def _find_own_targets(args: argparse.Namespace, there: Mapping[str, NamedTarget]) -> None:
    """Put MNI coordinates in the place of names that tables of one's own have, or have anew."""
    for option in ("at", "centre", "handle", "mt_at", "mt_centre", "mt_handle"):
        words = getattr(args, option)
        if isinstance(words, str) and words in there and there[words] != targets.get(words):
            setattr(args, option, "mni:{:.17g},{:.17g},{:.17g}".format(*there[words].mni_mm))


def _check_output(args: argparse.Namespace) -> None:
    """Make the folder, and raise if its files can't be written: before there is an answer to be lost."""
    if args.output is not None:
        inputs = (args.head, args.coil, args.poses, args.eeg, args.mt_coil, args.mt_pose, args.tables)
        Path(args.output).mkdir(parents=True, exist_ok=True)
        for name in (_REPORT, _JSON, _SUMS):
            check_not_input(Path(args.output) / name, *inputs, args.protocol)
            check_folder(Path(args.output) / name)


def _driven(args: argparse.Namespace) -> Coil:
    """Read the coil, and put what `--didt-max` says in the place of what its file does."""
    coil = read_coil(args.coil)
    if args.didt_max is None:
        return coil
    return coil.with_didt_max(rates_of(args.didt_max, coil))


def _only(poses: Any, of: str) -> Any:
    """Return the pose that there is."""
    if len(poses) != 1:
        raise PoseError(f"{of}: an intensity is of one pose, here are {len(poses)}")
    return check_pose(poses[0])


def _rule(
    args: argparse.Namespace, head: GivenHead, mesh: TetMesh, coil: Coil, tables: PublishedTables | None
) -> Rule:
    """Make the rule that the options ask for."""
    if args.rule == "fixed-field":
        return FixedField(args.field)
    std = args.mt_std or 0.0
    if args.rule == "fixed-factor":
        return FixedFactor(args.mt, args.factor, std, threshold=args.mt_kind, tables=tables)
    other = coil if args.mt_coil is None else read_coil(args.mt_coil)
    if args.mt_pose is not None:
        pose = _only(read_poses(args.mt_pose), args.mt_pose)
    else:
        where = Placement("", args.mt_centre, args.mt_handle, args.distance, None)
        pose = Places(head.find, mesh).poses(where, other)[0]
    if args.rule == "scalp-distance":
        return ScalpDistance(
            args.mt, pose, _slope(args.slope), std_mso=std, threshold=args.mt_kind, tables=tables
        )
    target = aimed_at(args, head, mesh, args.mt_at, head.find(args.mt_at))
    return MatchedField(args.mt, other, pose, target, std, args.mt_kind, _pulse(args.mt_pulse, other))


def _pulse(words: str | None, coil: Coil) -> Pulse | None:
    """Return the pulse of a file, or a published one, by name."""
    if words is None:
        return None
    if ending_of(words) in (".tsv", ".tcd"):
        return read_pulse(words, coil=coil)
    return Pulse.published(words)


def _slope(words: str | None) -> float | str:
    try:
        return float(words) if words is not None else "stokes_2007"
    except ValueError:
        return str(words)


def _written(report: SessionReport, folder: Path) -> tuple[list[str], str]:
    """Write what the session amounts to; return the files, and why there is no picture."""
    report.write(folder / _JSON)
    files = [str(folder / _JSON)]
    if report.dose is not None:
        report.dose.save(folder / _SUMS)
        files.append(str(folder / _SUMS))
    problem = report.write(folder / _REPORT)
    return [*files, str(folder / _REPORT)], problem


def _lines(report: SessionReport, notes: list[str], files: list[str], problem: str) -> list[str]:
    own = [note for note in report.notes if note not in report.intensity.notes]
    lines = [*notes, str(report.intensity), *own]
    if report.protocol is not None:
        lines += ["", str(report.protocol)]
    if report.limits is not None:
        lines += ["", f"published tables of trains: {report.limits}"]
    lines += [""] if files else []
    lines += [f"written {', '.join(files)}"] if files else []
    return lines + ([f"no picture: {problem}"] if problem else [])
