# SPDX-License-Identifier: BSD-3-Clause
"""How a solver's process gets its problem and hands back what it found: files in a folder.

On a GPU a process measures itself and leaves what it found (``finish``). On the CPU it takes turns with
another: it does one job at a time (``serve``), and the comparison says when. Files do for that, because every
process of an MPI program can look for them and sleep in between; waiting for a message, it would spin.

Runs under any NumPy >= 1.24, so that a peer can live in another interpreter.
"""

import itertools
import json
import os
import resource
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

POLL_S = 0.002


def arguments(configs):
    """What this run is about, from ``python -m peers.NAME FOLDER [OWN] CONFIG THREADS``.

    Folder of the problem, the process's own folder where it takes turns, settings and threads.
    """
    *folders, config, threads = sys.argv[1:]
    return *map(Path, folders), configs[config], int(threads)


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
    wall, cpu = time.perf_counter(), cpu_seconds()
    result = function(*args)
    return result, {"wall": time.perf_counter() - wall, "cpu": cpu_seconds() - cpu}


def cpu_seconds():
    """CPU seconds that this process and the processes it has waited for have used."""
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time() + children.ru_utime + children.ru_stime


def serve(own, jobs, root=True, barrier=None):
    """Do jobs as they are asked for, until asked to quit or until whoever asks is gone.

    Parameters
    ----------
    own : Path
        This process's folder. File ``ask-I`` (I = 0, 1, 2 ...) names a job, ``answer-I.json`` says how it
        went: ``wall`` and ``cpu`` seconds and what the job returned, which may replace these.
    jobs : dict of str to callable
        What can be asked for; called without arguments, returns a dict of numbers or None.
    root : bool
        Whether this process of an MPI program answers.
    barrier : callable, optional
        Called between a job's arrival and its start: the processes see the file at different times.
    """
    for number in itertools.count():
        name = asked(own, number)
        if name == "quit":
            return
        if barrier:
            barrier()
        numbers, seconds = timed(jobs[name])
        settle()
        if root:
            publish(own / f"answer-{number}.json", json.dumps(seconds | (numbers or {})))


def asked(own, number):
    """The name of the job of that number, once it is there; "quit" if nobody is left to ask for one."""
    path, driver = own / f"ask-{number}", own / "driver"
    # Under mpirun the parent is mpirun, which outlives the comparison: so this says whom to watch.
    watched = int(driver.read_text()) if driver.exists() else os.getppid()
    while not path.exists():
        try:
            os.kill(watched, 0)
        except ProcessLookupError:
            return "quit"
        time.sleep(POLL_S)
    return path.read_text()


def settle():
    """Wait until this process's threads sleep, at most a second.

    Those of OpenMP spin for up to 0.2 s after a loop; that would slow down whoever's turn is next.
    """
    for _ in range(100):
        cpu = time.process_time()
        time.sleep(0.01)
        if time.process_time() - cpu < 0.002:
            return


def publish(path, text):
    """Write a file that is whole as soon as it is there."""
    part = path.with_suffix(".part")
    part.write_text(text)
    part.replace(path)


def finish(folder, solution, **numbers):
    """Leave ``solution`` (k, n) float64, where there is one to check, and the numbers of the run."""
    if solution is not None:
        np.save(folder / "x.npy", np.ascontiguousarray(solution, dtype=np.float64))
    publish(folder / "result.json", json.dumps(numbers))


def import_failure(command, statement):
    """Why ``command -c statement`` fails, or an empty string: its last line on stderr."""
    try:
        run = subprocess.run([*command, "-c", statement], capture_output=True, text=True, timeout=120)
    except (OSError, subprocess.TimeoutExpired) as error:
        return str(error)
    return "" if run.returncode == 0 else complaint(run.stderr, run.returncode)


def complaint(text, code):
    """The line that names the error, of what a process that ended with ``code`` said on stderr."""
    lines = [line for line in text.splitlines() if any(map(str.isalpha, line))]  # mpirun draws rules
    said = lines or [f"exit code {code}"]
    return next((line for line in reversed(said) if "Error" in line), said[-1])[:200]


def output(command):
    """What a command prints, or an empty string."""
    try:
        return subprocess.run(command, capture_output=True, text=True, timeout=60).stdout.strip()
    except (OSError, subprocess.TimeoutExpired):
        return ""
