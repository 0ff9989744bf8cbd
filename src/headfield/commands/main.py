# SPDX-License-Identifier: BSD-3-Clause
"""The command `headfield` and what it can do. Results go to stdout, everything else to stderr.

Exit codes: 0 done; 1 it failed, one line on stderr says why; 2 the command line is wrong; 3 done, but some
poses did not converge, or pulses have no field; 128 + n stopped by signal n, such as 130 by Ctrl-C.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import sys
import warnings
from collections.abc import Sequence
from typing import Any

from ..core.messages import plural
from ..core.stopping import Stopped, Stopping
from ..errors import HeadfieldError, PlausibilityWarning
from ..fields.h5.reader import opened
from ..fields.merge import merge_results
from ..heads.wanted import HeadOptions
from ..io.atomic import check_not_input
from .convert import convert, options_of
from .demo import run_demo
from .doctor import run_doctor
from .dose import run_dose
from .info import describe
from .info_text import lines
from .jobs import run_jobs
from .mesh import run_mesh
from .parser import build_parser
from .parser_dose import TAKE_MINUS as DOSES_TAKE_MINUS
from .parser_dose import check_dose_options
from .parser_outputs import check_outputs
from .parser_place import TAKE_MINUS, check_placing
from .parser_protocol import check_protocol_options
from .parser_replay import check_replay_options
from .parser_roi import check_roi
from .parser_serve import TAKE_MINUS as SERVES_TAKE_MINUS
from .parser_serve import check_serve
from .parser_target import TAKE_MINUS as TARGETS_TAKE_MINUS
from .parser_target import check_target_options
from .place import run_place
from .pose_options import pose_options
from .progress import Progress, tell
from .protocol import run_protocol
from .replay import run_replay
from .serve import serve
from .solve import solve
from .summary import exit_code
from .target import run_target
from .view import view
from .words import complete

__all__ = ["main"]

# Options whose value may begin so.
_TAKE_MINUS = (
    *("--at", "--conductivity", "--didt", "--slice", "--tags", "--target", "--without-tags"),
    *TAKE_MINUS,
    *SERVES_TAKE_MINUS,
    *TARGETS_TAKE_MINUS,
    *DOSES_TAKE_MINUS,
)
_SIGPIPE = 13  # which Windows has no name for


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line.

    Parameters
    ----------
    argv : sequence of str, optional
        The arguments after the command's name; those of the process if not given.

    Returns
    -------
    int
        The exit code: 0 done, 1 failed, 2 a wrong command line, 3 done but for poses that did not converge
        or pulses without a field, 128 + n stopped by signal n.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     import numpy as np
    ...     np.save(folder + "/poses.npy", np.eye(4))
    ...     main(["info", folder + "/poses.npy"])
    kind          poses
    poses         1
    format        NumPy array
    centres       0.0 0.0 0.0 to 0.0 0.0 0.0 mm
    mean centre   0.0 0.0 0.0 mm
    0
    """
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:  # it was closed when Python started
            setattr(sys, name, open(os.devnull, "w"))  # noqa: SIM115
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")  # letters that a log lacks must not stop a solve
    try:
        parser = build_parser(_COMMANDS)
        complete(parser)
        args = parser.parse_args(_joined(sys.argv[1:] if argv is None else argv))
        check_placing(parser, args)
        check_roi(parser, args)
        check_outputs(parser, args)
        check_serve(parser, args)
        check_target_options(parser, args)
        check_dose_options(parser, args)
        check_protocol_options(parser, args)
        check_replay_options(parser, args)
    except SystemExit as stop:  # argparse has printed the help or what is wrong
        return int(stop.code or 0)
    with warnings.catch_warnings():
        warnings.simplefilter("always", UserWarning)
        if args.no_plausibility:
            warnings.simplefilter("ignore", PlausibilityWarning)
        warnings.showwarning = _show_warning
        return _run(args)


def _joined(argv: Sequence[str]) -> list[str]:
    """Join words such as `--didt -70e6`: argparse takes a word that begins with a minus for an option.

    `--conductivity 1=0.1 -1=1e-6` becomes two options, which are one to argparse.
    """
    words: list[str] = []
    option = ""
    for i, word in enumerate(argv):
        if word == "--":
            return [*words, *argv[i:]]
        follows = bool(words) and words[-1] == option
        one_more = option == "--conductivity" and re.match(r"(?!--)[^=]+=", word)
        if one_more or (follows and option in _TAKE_MINUS and re.match(r"-[\d.]", word)):
            words[len(words) - follows :] = [f"{option}={word}"]
            continue
        words.append(word)
        option = word if word.startswith("-") else option
    return words


def _run(args: argparse.Namespace) -> int:
    try:
        with Stopping().listening():  # whichever signal ends this, no unfinished file is left behind
            code = args.command(args)
            sys.stdout.flush()
    except (HeadfieldError, OSError, MemoryError) as error:
        if isinstance(error, BrokenPipeError) and _has_lost_its_reader():
            return 128 + _SIGPIPE
        text = str(error) or type(error).__name__
        if isinstance(error, OSError) and error.strerror and error.filename is not None:
            text = f"{error.filename}: {error.strerror}"
        return _stop(f"error: {' '.join(text.split())}", 1)
    except Stopped as stop:
        return _stop(str(stop), 128 + stop.number)
    except KeyboardInterrupt:
        return _stop("interrupted", 130)
    return code or 0


def _has_lost_its_reader() -> bool:
    """Say whether nobody reads stdout any more, as of `headfield info x | head -1`; if so, stop writing.

    A line that is written once more tells that pipe from others that may have broken.
    """
    try:
        print(flush=True)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return True
    return False


def _stop(message: str, code: int) -> int:
    tell(f"headfield: {message}")
    return code


def _show_warning(message: Warning | str, *_: Any, **__: Any) -> None:
    tell(f"headfield: warning: {' '.join(str(message).split())}")


def _demo(args: argparse.Namespace) -> None:
    how = {"device": args.device, "threads": args.threads, "quiet": args.quiet}
    run_demo(args.output, args.edge_mm, head=args.head, **how)


def _info(args: argparse.Namespace) -> None:
    facts = describe(args.file, HeadOptions.of(args), **pose_options(args))
    print(json.dumps(facts, indent=1) if args.json else "\n".join(lines(facts)))


def _merge(args: argparse.Namespace) -> int:
    progress: list[Progress] = []

    def done(count: int, total: int) -> None:
        progress[:] = progress or [Progress(total, args.quiet)]
        progress[0].done(count)

    count = merge_results(args.results, args.output, done)
    print(f"{args.output}: {plural(count, 'pose', 'poses')}")
    with opened(args.output) as merged:
        return exit_code(merged.not_converged(), count)


def _convert(args: argparse.Namespace) -> None:
    check_not_input(args.target, args.source)
    done = convert(args.source, args.target, **options_of(args))
    print(f"{args.target}: {done}")


_COMMANDS = {
    "demo": _demo,
    "mesh": run_mesh,
    "place": run_place,
    "target": run_target,
    "solve": solve,
    "jobs": run_jobs,
    "serve": serve,
    "replay": run_replay,
    "dose": run_dose,
    "protocol": run_protocol,
    "merge": _merge,
    "view": view,
    "info": _info,
    "convert": _convert,
    "doctor": run_doctor,
}
