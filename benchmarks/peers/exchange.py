# SPDX-License-Identifier: BSD-3-Clause
"""How a solver's process gets its problem and hands back what it found: files in a folder.

Runs under any NumPy >= 1.24, so that a peer can live in another interpreter.
"""

import json
import resource
import subprocess
import sys
import time
from pathlib import Path

import numpy as np


def arguments(configs):
    """Folder, settings and threads of this run, from ``python -m peers.NAME FOLDER CONFIG THREADS``."""
    return Path(sys.argv[1]), configs[sys.argv[2]], int(sys.argv[3])


def load(folder, *names):
    """Arrays ``names`` of the problem."""
    return tuple(np.load(folder / f"{name}.npy") for name in names)


def peak_memory_mib():
    """Peak resident memory of this process [MiB], interpreter and matrix included."""
    status = Path("/proc/self/status")
    if status.exists():  # unlike ru_maxrss, this does not start from the peak of the process that launched us
        fields = dict(line.split(":", 1) for line in status.read_text().splitlines())
        return int(fields["VmHWM"].split()[0]) / 1024.0
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024.0


def timed(function, *args):
    """Result of ``function(*args)`` and the seconds it took, as a dict: ``wall``, and ``cpu`` of all threads.

    The CPU seconds tell a slow solver from a busy machine.
    """
    wall, cpu = time.perf_counter(), time.process_time()
    result = function(*args)
    return result, {"wall": time.perf_counter() - wall, "cpu": time.process_time() - cpu}


def solve_entry(times, batch=1):
    """Median, least and CPU seconds per pose of the ``timed`` solves of one batch width."""
    wall = [time["wall"] / batch for time in times]
    cpu = [time["cpu"] / batch for time in times]
    return {"median_s": float(np.median(wall)), "least_s": min(wall), "cpu_s": float(np.median(cpu))}


def finish(folder, solution, **numbers):
    """Leave ``solution`` (k, n) float64, where there is one to check, and the numbers of the run."""
    if solution is not None:
        np.save(folder / "x.npy", np.ascontiguousarray(solution, dtype=np.float64))
    (folder / "result.json").write_text(json.dumps(numbers))


def import_failure(command, statement):
    """Why ``command -c statement`` fails, or an empty string: its last line on stderr."""
    try:
        run = subprocess.run([*command, "-c", statement], capture_output=True, text=True, timeout=120)
    except (OSError, subprocess.TimeoutExpired) as error:
        return str(error)
    return "" if run.returncode == 0 else complaint(run)


def complaint(run):
    """The line of a failed process's stderr that names the error."""
    said = run.stderr.strip().splitlines() or [f"exit code {run.returncode}"]
    return next((line for line in reversed(said) if "Error" in line), said[-1])[:200]


def output(command):
    """What a command prints, or an empty string."""
    try:
        return subprocess.run(command, capture_output=True, text=True, timeout=60).stdout.strip()
    except (OSError, subprocess.TimeoutExpired):
        return ""
