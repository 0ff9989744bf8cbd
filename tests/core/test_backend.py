# SPDX-License-Identifier: BSD-3-Clause
"""Threads, forks and memory limits, as the machine and its schedulers set them."""

import multiprocessing
import os
import subprocess
import sys

import numpy as np
import pytest

import headfield as hf
from headfield.core import device as backend


def small_model(threads=None):
    return hf.HeadModel(hf.sphere_mesh([80, 90], [3, 5], 20.0), threads=threads)


def peak(model):
    pose = hf.place(model.mesh, [0, 0, 95], [0, 50, 95])
    return float(model.solve(hf.figure_of_eight(spacing_mm=8.0), pose, primary_error=0.0).magnitude.max())


@pytest.mark.parametrize("threads", [0, -1, 1.5, True, "two", 10**6, 10**30, np.nan])
def test_numbers_of_threads_that_make_no_sense_are_refused(threads):
    with pytest.raises(hf.DeviceError, match="threads"):
        small_model(threads)


def test_a_model_leaves_the_threads_of_others_alone():
    before = backend.cpu.max_threads()
    peak(small_model(threads=np.int64(before % 2 + 1)))
    assert backend.cpu.max_threads() == before
    model = small_model()
    pose = hf.place(model.mesh, [0, 0, 95], [0, 50, 95])
    coil = hf.figure_of_eight(spacing_mm=8.0)
    assert model.solve(coil, pose, primary_error=0.0).report.threads == before


@pytest.mark.parametrize("device", ["gpu", 3, None, np.zeros(3)])
def test_devices_that_do_not_exist_are_refused(device):
    with pytest.raises(hf.DeviceError, match="device"):
        hf.HeadModel(hf.sphere_mesh([80], [3], 30.0), device=device)


def _in_child(model, queue):
    queue.put(peak(model))


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork, which this system lacks")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_forked_child_solves_too():
    model = hf.HeadModel(hf.sphere_mesh([80, 90], [3, 5], 20.0), threads=2, device="cpu")
    here = peak(model)  # starts the pool of threads that the child will not have
    context = multiprocessing.get_context("fork")
    queue = context.Queue()
    child = context.Process(target=_in_child, args=(model, queue))
    child.start()
    try:
        assert queue.get(timeout=60) == here
    finally:
        child.kill()
        child.join()


def test_free_memory_heeds_the_limit_of_the_process():
    if sys.platform != "linux":
        pytest.skip("needs the memory limits of Linux")
    code = (
        "import resource; from headfield.core.memory import free_memory\n"
        "resource.setrlimit(resource.RLIMIT_AS, (4 << 30, 4 << 30)); print(free_memory())"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert 0 < float(done.stdout) < 4 << 30


def test_running_out_of_memory_in_a_thread_is_an_error_not_an_abort():
    if sys.platform != "linux":
        pytest.skip("needs the memory limits of Linux")
    code = (
        "import resource, numpy as np; from headfield.core import _cpu; _cpu.set_threads(2)\n"
        "n = 200_000; nodes = np.random.default_rng(0).random((n, 3))\n"
        "tets = np.random.default_rng(1).permutation(n).astype(np.int32).reshape(-1, 4)\n"
        "_cpu.morton_order(nodes)  # the threads are there before memory runs out\n"
        "used = int(open('/proc/self/statm').read().split()[0]) * resource.getpagesize()\n"
        "resource.setrlimit(resource.RLIMIT_AS, (used + (4 << 20), used + (4 << 20)))\n"
        "try:\n    _cpu.assemble(nodes, tets, np.ones(len(tets)))\n    print('done')\n"
        "except MemoryError:\n    print('refused')\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stdout.strip() == "refused", done.stderr
