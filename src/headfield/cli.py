# SPDX-License-Identifier: BSD-3-Clause
"""The command `headfield`: demo, solve, info. Results go to stdout, everything else to stderr.

Exit codes: 0 done; 1 it failed, one line on stderr says why; 2 the command line is wrong; 130 interrupted.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from . import __version__
from .demo import run_demo
from .errors import ConvergenceError, HeadfieldError, MeshError
from .field import Field
from .info import describe, lines
from .io.coils import read_coil
from .io.meshes import read_mesh
from .io.poses import read_poses
from .io.results import magnitude
from .io.stream import open_results, result_files
from .mesh import TetMesh
from .metrics import percentiles
from .model import HeadModel
from .progress import Progress

__all__ = ["main"]

_GRAY = 2


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line.

    Parameters
    ----------
    argv : sequence of str, optional
        The arguments after the command's name; those of the process if not given.

    Returns
    -------
    int
        The exit code: 0, 1, 2 or 130.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     np.save(folder + "/poses.npy", np.eye(4))
    ...     main(["info", folder + "/poses.npy"])
    poses         1
    centres       0.0 0.0 0.0 to 0.0 0.0 0.0 mm
    mean centre   0.0 0.0 0.0 mm
    0
    """
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")  # a log in Latin-1 must not stop a solve
    try:
        args = _parser().parse_args(argv)
    except SystemExit as stop:  # argparse has printed the help or what is wrong
        return int(stop.code or 0)
    with warnings.catch_warnings():
        warnings.simplefilter("always", UserWarning)
        warnings.showwarning = _show_warning
        return _run(args)


def _run(args: argparse.Namespace) -> int:
    try:
        args.command(args)
        sys.stdout.flush()
    except (HeadfieldError, OSError, MemoryError) as error:
        text = str(error) or type(error).__name__
        if isinstance(error, OSError) and error.strerror and error.filename is not None:
            text = f"{error.filename}: {error.strerror}"
        return _stop(f"error: {' '.join(text.split())}", 1)
    except KeyboardInterrupt:
        return _stop("interrupted", 130)
    return 0


def _stop(message: str, code: int) -> int:
    print(f"headfield: {message}", file=sys.stderr)
    return code


def _show_warning(message: Warning | str, *_: Any, **__: Any) -> None:
    print(f"headfield: warning: {' '.join(str(message).split())}", file=sys.stderr)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="headfield",
        description="The electric field that a magnetic coil induces in a head.",
        epilog="Example: headfield solve head.msh coil.ccd poses.npy -o field.h5 --didt 70e6 --tissues 1,2",
    )
    parser.add_argument("--version", action="version", version=f"headfield {__version__}")
    commands = parser.add_subparsers(required=True, metavar="{demo,solve,info}")
    _add_demo(commands)
    _add_solve(commands)
    _add_info(commands)
    return parser


def _add_demo(commands: Any) -> None:
    demo = commands.add_parser(
        "demo",
        help="a synthetic head, a figure-8 over the left motor area, twelve angles",
        description="Solve a synthetic head for a figure-8 over the left motor area at twelve angles; print "
        "a table; write head, coil and poses, and the field of the best angle (.msh, .vtu) with a picture.",
        epilog="Example: headfield demo --edge-mm 4 -o demo",
    )
    demo.add_argument("--edge-mm", type=float, default=3.0, metavar="MM", help="mean edge, at most 8 [3]")
    demo.add_argument("-o", "--output", default="demo", metavar="FOLDER", help="[%(default)s]")
    _add_common(demo)
    demo.set_defaults(command=_demo)


def _add_solve(commands: Any) -> None:
    solve = commands.add_parser(
        "solve",
        help="the field of a coil at any number of poses",
        description="Solve a head for a coil at every pose of a file, in bounded memory. .h5: one file of "
        "all poses; .msh, .vtu: a file a pose, OUT_0000.msh and so on. If it stops, what is solved stays.",
        epilog="Example: headfield solve head.msh coil.ccd poses.npy -o field.h5 --didt 70e6 --tissues 1,2 "
        "--conductivity 1=0.14 7=0.01",
    )
    solve.add_argument("head", metavar="HEAD", help="head mesh: .msh, .npz, or what meshio reads")
    solve.add_argument("coil", metavar="COIL", help="coil: .ccd")
    solve.add_argument(
        "poses", metavar="POSES", help=".npy (4,4) or (k,4,4), or .csv, .txt: 16 numbers a line; mm"
    )
    solve.add_argument("-o", "--output", required=True, metavar="OUT", help=".h5, .msh or .vtu")
    solve.add_argument("--didt", type=float, default=1e6, metavar="A/S", help="dI/dt in A/s [%(default)g]")
    solve.add_argument(
        "--tissues", type=_tags, default=None, metavar="TAGS", help="keep E in these only, such as 1,2 [all]"
    )
    solve.add_argument(
        "--conductivity",
        type=_tag_value,
        nargs="+",
        action="extend",
        default=[],
        metavar="TAG=S/M",
        help="in place of the standard value of a tissue",
    )
    solve.add_argument("--tol", type=float, default=1e-5, help="relative residual [%(default)g]")
    solve.add_argument("--max-iterations", type=int, default=200, metavar="N", help="[%(default)s]")
    solve.add_argument(
        "--batch", type=int, default=None, metavar="N", help="poses at a time [what fits, ≤ 32]"
    )
    solve.add_argument("--json", action="store_true", help="print the summary as JSON")
    _add_common(solve)
    solve.set_defaults(command=_solve)


def _add_info(commands: Any) -> None:
    info = commands.add_parser(
        "info",
        help="what a mesh, coil or pose file holds",
        description="Describe a mesh (tissues, sizes, quality), a coil (.ccd) or poses (.npy, .csv, .txt).",
        epilog="Example: headfield info head.msh",
    )
    info.add_argument("file", metavar="FILE")
    info.add_argument("--json", action="store_true", help="print it as JSON")
    info.set_defaults(command=_info)


def _add_common(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--device", choices=("auto", "cpu", "cuda"), default="auto", help="cuda: an NVIDIA GPU [%(default)s]"
    )
    parser.add_argument("--threads", type=int, default=None, metavar="N", help="of the CPU [all cores]")
    parser.add_argument("-q", "--quiet", action="store_true", help="no progress on stderr")


def _tags(text: str) -> list[int] | None:
    if text == "all":
        return None
    try:
        return [int(word) for word in text.split(",")]
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is neither 'all' nor whole numbers such as 1,2") from None


def _tag_value(text: str) -> tuple[int, float]:
    tag, _, value = text.partition("=")
    try:
        return int(tag), float(value)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not TAG=VALUE, such as 2=0.275") from None


def _demo(args: argparse.Namespace) -> None:
    run_demo(args.output, args.edge_mm, device=args.device, threads=args.threads, quiet=args.quiet)


def _info(args: argparse.Namespace) -> None:
    facts = describe(args.file)
    print(json.dumps(facts, indent=1) if args.json else "\n".join(lines(facts)))


def _solve(args: argparse.Namespace) -> None:
    start = time.perf_counter()
    mesh, coil, poses = read_mesh(args.head), read_coil(args.coil), read_poses(args.poses)
    _check_not_input(args, len(poses))
    elements = _elements(mesh, args.tissues)
    progress = Progress(len(poses), args.quiet)
    with open_results(args.output, mesh, len(poses), elements) as results:
        progress.say(f"{mesh!r}, {coil!r}")
        model = HeadModel(mesh, dict(args.conductivity) or None, device=args.device, threads=args.threads)
        progress.say(f"set-up took {sum(model.seconds.values()):.1f} s")
        summary = _Summary(mesh, elements)
        try:
            for field in model.iter_solve(
                coil,
                poses,
                args.didt,
                elements=elements,
                tol=args.tol,
                max_iterations=args.max_iterations,
                batch="auto" if args.batch is None else args.batch,
            ):
                results.write(field)
                summary.add(field)
                progress.done(len(summary.rows))
                del field  # and its E, before the next batch is solved
        except BaseException as error:
            if isinstance(error, ConvergenceError):
                results.write(error.partial)
            progress.say(f"{len(summary.rows)} of {len(poses)} poses are done and kept")
            raise
    facts = {
        "head": args.head,
        "coil": args.coil,
        "poses": len(poses),
        "didt": args.didt,
        "tol": args.tol,
        "device": model.device,
        "files": results.files,
        "seconds": round(time.perf_counter() - start, 3),
        "results": summary.rows,
    }
    print(json.dumps(facts, indent=1) if args.json else summary.text(facts))


def _check_not_input(args: argparse.Namespace, k: int) -> None:
    inputs = [os.stat(path) for path in (args.head, args.coil, args.poses)]
    for path in (args.output, *result_files(args.output, k)):
        try:
            there = os.stat(path)
        except OSError:  # nothing there, or nothing that can be reached: open_results says so
            continue
        if any(os.path.samestat(there, file) for file in inputs):
            raise HeadfieldError(f"{path} is an input; it would be overwritten")


def _elements(mesh: TetMesh, tags: list[int] | None) -> NDArray[np.int32] | None:
    if tags is None:
        return None
    present = np.unique(mesh.tags).tolist()
    missing = sorted(set(tags) - set(present))
    if missing:
        raise MeshError(f"--tissues: the head has no tag {missing[0]}; it has {present}")
    return np.flatnonzero(np.isin(mesh.tags, tags)).astype(np.int32)


class _Summary:
    """A row per pose; its peak is the 99.9th percentile of |E| by volume, in gray matter if it is there."""

    def __init__(self, mesh: TetMesh, elements: NDArray[np.int32] | None) -> None:
        tags = mesh.tags if elements is None else mesh.tags[elements]
        self.gray = bool((tags == _GRAY).any())
        self._chosen = np.flatnonzero(tags == _GRAY) if self.gray else np.arange(len(tags))
        self._volumes = mesh.volumes_mm3()[self._chosen if elements is None else elements[self._chosen]]
        self.rows: list[dict[str, Any]] = []

    def add(self, field: Field) -> None:
        for e, iterations, residual in zip(
            field.E, field.report.iterations, field.report.residual, strict=True
        ):
            self.rows.append(
                {
                    "pose": len(self.rows),
                    "iterations": int(iterations),
                    "residual": float(residual),
                    "peak_V_per_m": float(percentiles(magnitude(e[self._chosen]), self._volumes, 99.9)),
                }
            )

    def text(self, facts: dict[str, Any]) -> str:
        def span(key: str, form: str) -> str:
            values = [row[key] for row in self.rows]
            low, high = format(min(values), form), format(max(values), form)
            return low if low == high else f"{low} to {high}"

        files = facts["files"]
        return (
            f"{facts['poses']} poses in {facts['seconds']:.1f} s on {facts['device']}: "
            f"{span('iterations', 'd')} iterations, residual {span('residual', '.1e')}\n"
            f"99.9th percentile of |E| in {'gray matter' if self.gray else 'all tetrahedra'}: "
            f"{span('peak_V_per_m', '.3g')} V/m\n"
            f"written: {files[0]}" + (f" to {files[-1]}" if len(files) > 1 else "")
        )
