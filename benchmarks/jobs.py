# SPDX-License-Identifier: BSD-3-Clause
"""Jobs: poses a second of N workers beside one process with all cores, and the memory of each process.

    python benchmarks/jobs.py [--head head_large] [--poses 512] [--workers 4] [--chunk 32]

Memory is the proportional set size (PSS) of Linux: a page that processes share counts for each by its share.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import tempfile
import threading
import time
from pathlib import Path

import numpy as np
from measure import DATA

import headfield as hf

_EVERY_S = 0.5


def pss_mb(process: int) -> float:
    """The memory of a process; 0 if it has ended."""
    try:
        lines = Path(f"/proc/{process}/smaps_rollup").read_text().splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith("Pss:")) / 1024
    except (OSError, StopIteration):
        return 0.0


def measured(job: hf.jobs.Job, workers: int) -> tuple[float, float]:
    """Poses a second, without the set-up, and the most that all processes together took, MB."""
    over, most, times = threading.Event(), [0.0], list[tuple[float, int]]()

    def watch() -> None:
        while not over.wait(_EVERY_S):
            family = [os.getpid(), *(one.pid or 0 for one in multiprocessing.active_children())]
            most[0] = max(most[0], sum(map(pss_mb, family)))

    watching = threading.Thread(target=watch)
    watching.start()
    try:
        with tempfile.TemporaryDirectory() as folder:
            said = lambda done, _: times.append((time.perf_counter(), done))  # noqa: E731
            hf.jobs.run(job, folder, workers=workers, progress=said)
    finally:
        over.set()
        watching.join()
    (first, before), (last, done) = times[workers - 1], times[-1]  # each worker has had its first chunk
    return (done - before) / (last - first), most[0]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--head", default="head_large", help="of the sample data")
    parser.add_argument("--poses", type=int, default=512)
    parser.add_argument("--workers", type=int, default=4)
    parser.add_argument("--chunk", type=int, default=hf.jobs.Job.chunk, help="poses of a chunk")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        poses = np.load(DATA / "poses.npy")
        np.save(f"{folder}/poses.npy", poses[np.arange(args.poses) % len(poses)])
        files = {"heads": str(DATA / f"{args.head}.npz"), "coils": str(DATA / "coils" / "fig8_70mm.ccd")}
        job = hf.jobs.Job(**files, poses=f"{folder}/poses.npy", device="cpu", chunk=args.chunk)
        rate, memory = measured(job, 1)
        print(f"1 process, all cores: {rate:.2f} poses/s, {memory:.0f} MB")
        more_rate, more_memory = measured(job, args.workers)
        each = (more_memory - memory) / max(args.workers - 1, 1)
        print(
            f"{args.workers} processes: {more_rate:.2f} poses/s, {more_rate / rate:.2f} of it; "
            f"{more_memory:.0f} MB, {each:.0f} MB for each further one, {each / memory:.0%} of the first"
        )


if __name__ == "__main__":
    main()
