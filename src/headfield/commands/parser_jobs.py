# SPDX-License-Identifier: BSD-3-Clause
"""The words of the command `headfield jobs`: run, check and show."""

from __future__ import annotations

import argparse
from typing import Any

from . import values

__all__ = ["RETRIES", "add_jobs"]

RETRIES = 2  #: of a chunk that fails, unless `--retries` says otherwise

_WHAT = """\
Run the poses of a file that names heads, coils, poses and what is kept of
them. What is finished stays, whatever happens; exit code 3 where poses did
not converge: they are nan."""
_EXAMPLE = """\
Example: night.toml says
  heads = ["m2m_ernie"]
  coils = "fig8.ccd"
  poses = "grid.npy"
  didt = "70 A/us"
then
  headfield jobs check night.toml
  headfield jobs run night.toml -o night --workers 8 --resume
  headfield jobs show night
"""


def add_jobs(commands: Any) -> argparse.ArgumentParser:
    """Add the command `jobs`."""
    parser: argparse.ArgumentParser = commands.add_parser(
        "jobs",
        help="any number of poses, coils and heads, in processes or on a cluster, stopped and gone on with",
        description=_WHAT,
        epilog=_EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    kinds = parser.add_subparsers(dest="jobs", required=True, metavar="{run,check,show}")
    _add_run(kinds)
    check = kinds.add_parser(
        "check",
        help="read all files of a job, and say what it will take",
        description="Read all files of a job, solve one batch, and say what all of it will take.",
    )
    _add_job(check)
    show = kinds.add_parser(
        "show",
        help="what is done, what is missing, and how to go on",
        description="Say what of a job is done and what is missing, also while it runs.",
    )
    show.add_argument("folder", metavar="FOLDER", type=values.folder)
    show.add_argument(
        "-o", "--output", type=values.file_name, metavar="TABLE", help="write the numbers: .csv or .parquet"
    )
    for one in (check, show):
        one.add_argument("--json", action="store_true", help="print it as JSON")
    return parser


def _add_run(kinds: Any) -> None:
    run = kinds.add_parser("run", help="solve the poses of a job", description="Solve the poses of a job.")
    _add_job(run)
    run.add_argument("--resume", action="store_true", help="take what is in FOLDER as done, and go on")
    run.add_argument(
        "--executor",
        default="processes",
        metavar="KIND",
        help="processes here, dask:ADDRESS of a scheduler, or mpi, under mpiexec -n N python -m "
        "mpi4py.futures -m headfield [%(default)s]",
    )
    run.add_argument(
        "--retries", type=int, default=RETRIES, metavar="N", help="of a failing chunk [%(default)s]"
    )
    run.add_argument("--dry-run", action="store_true", help="do what `jobs check` does")
    run.add_argument("-q", "--quiet", action="store_true", help="no progress on stderr")


def _add_job(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("job", metavar="JOB", help=".toml or .json; its paths are relative to its folder")
    parser.add_argument(
        "-o", "--output", type=values.folder, metavar="FOLDER", help="of the results [folder of JOB]"
    )
    parser.add_argument(
        "--slice", metavar="I/N", help="only the I-th of N shares, 1 ≤ I ≤ N, as for an array of Slurm"
    )
    parser.add_argument(
        "--workers", type=int, metavar="N", help="processes, one thread each [1, with all cores]"
    )
    parser.add_argument(
        "--device", choices=("auto", "cpu", "cuda"), help="in place of that of JOB; a GPU for each process"
    )
    parser.add_argument("--threads", type=int, metavar="N", help="of each process, in place of those of JOB")
