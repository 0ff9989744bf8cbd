# SPDX-License-Identifier: BSD-3-Clause
"""The memory of results that are gone serves the next; that of results in use never does."""

import gc
import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

import headfield as hf
from headfield.core import memory as module
from headfield.core.memory import Reserve

MIB = 1 << 20


def address(array):
    return array.ctypes.data


@pytest.fixture(scope="module")
def solved():
    """E of 16 poses in every tetrahedron of a sphere, anew at each call."""
    mesh = hf.sphere_mesh(radii_mm=[80, 86, 92], tags=[3, 4, 5], edge_mm=8)
    model = hf.HeadModel(mesh, device="cpu")
    coil = hf.figure_of_eight()
    pose = model.place(coil, centre_mm=[0, 0, 95], handle_mm=[0, 50, 95])
    poses = hf.ring(pose, angles_deg=np.linspace(0, 180, 16))

    def solve(didt):
        return model.solve(coil, poses, didt=didt, elements=np.ones(mesh.n_tets, bool), tol=1e-3).E

    return solve


def test_a_solve_writes_where_the_last_one_did_once_nobody_looks(solved):
    first = solved(1e6)
    where = address(first)
    second = solved(1e6)
    assert address(second) != where
    np.testing.assert_array_equal(second, first)
    del first
    assert address(solved(1e6)) == where


def test_a_part_that_is_held_keeps_its_numbers(solved):
    whole = solved(1e6)
    part, numbers = whole[3, ::7], whole[3, ::7].copy()
    del whole
    others = [solved(2e6) for _ in range(3)]
    np.testing.assert_array_equal(part, numbers)
    assert not any(np.shares_memory(part, other) for other in others)


def test_small_results_and_much_smaller_ones_get_memory_of_their_own():
    reserve = Reserve()
    reserve.empty((16 * MIB,), np.uint8)
    assert reserve.spare_bytes == 16 * MIB
    small = reserve.empty((1000, 3), np.float32)
    assert small.base is None
    assert reserve.spare_bytes == 16 * MIB
    held = reserve.empty((4 * MIB - 1,), np.uint8)
    assert held.base is None
    del held
    quarter = reserve.empty((4 * MIB,), np.uint8)  # lives in the 16 MiB
    assert reserve.spare_bytes == 0
    del quarter
    assert reserve.spare_bytes == 16 * MIB
    larger = reserve.empty((80 * MIB,), np.uint8)
    assert reserve.spare_bytes == 0
    del larger
    tenth = reserve.empty((8 * MIB,), np.uint8)  # a tenth of what is spare: not worth holding it
    assert reserve.spare_bytes == 0
    assert tenth.nbytes == 8 * MIB


def test_nothing_is_kept_where_memory_is_short_or_the_model_is_gone(monkeypatch):
    reserve = Reserve()
    monkeypatch.setattr(module, "free_memory", lambda: 60.0 * MIB)
    reserve.empty((16 * MIB,), np.uint8)
    assert reserve.spare_bytes == 0
    reserve.empty((15 * MIB,), np.uint8)
    assert reserve.spare_bytes == 15 * MIB
    array = reserve.empty((15 * MIB,), np.float32)
    del reserve
    gc.collect()
    array.fill(1.0)
    assert array.sum() == array.size


def test_no_two_threads_get_the_same_memory():
    reserve, before = Reserve(), sys.getswitchinterval()

    def keeps_its_numbers(mark):
        for _ in range(50):
            array = reserve.empty((4 * MIB,), np.uint8)
            array[::4096] = mark
            if (array[::4096] != mark).any():
                return False
        return True

    sys.setswitchinterval(1e-6)
    try:
        with ThreadPoolExecutor(4) as pool:
            assert all(pool.map(keeps_its_numbers, range(4)))
    finally:
        sys.setswitchinterval(before)
