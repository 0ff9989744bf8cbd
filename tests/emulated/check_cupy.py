# SPDX-License-Identifier: BSD-3-Clause
"""What the stand-in for cupy promises; run by test_emulated.py with PYTHONPATH=tests/emulated.

Refusals and streams are CuPy's own, too: test_cupy_stand_in.py runs them on it, without its kernels.
"""

import ctypes
import gc
import pickle
import warnings
from collections.abc import Callable

import cupy as cp
import cupyx
import numpy as np
import pytest


def refused(error: type[BaseException], function: Callable[[], object], words: str | None = None) -> None:
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "__array__ implementation", DeprecationWarning)  # CuPy's, by NumPy
        with pytest.raises(error, match=words):
            function()


def check_refusals() -> None:
    host = np.arange(6.0)
    a = cp.asarray(host)
    for f in (np.asarray, np.array, np.ascontiguousarray, memoryview):
        refused(TypeError, lambda f=f: f(a))
    refused(TypeError, lambda: np.asarray(a), "Implicit conversion to a NumPy array is not allowed")
    for g in (
        lambda: a + host,
        lambda: host + a,
        lambda: a < host,
        lambda: np.add(a, host),
        lambda: np.add(a, 1, out=host),
        lambda: a * [1.0] * 6,
        lambda: a.dot(host),
        lambda: cp.sqrt(host),
        lambda: cp.concatenate([a, host]),
        lambda: cp.where(host > 1, a, a),
        lambda: np.concatenate([a, host]),
        lambda: a.__iadd__(host),
        lambda: host.__iadd__(a),
        lambda: hash(a),
        lambda: a.set(host.astype(np.float32)),
        lambda: iter(a[0]).__next__(),
        lambda: cp.ascontiguousarray(host),
        lambda: cp.ascontiguousarray([1.0]),
        lambda: cp.asfortranarray(host),
        lambda: cp.stack([a, [1.0] * 6]),
        lambda: cp.add(a, [1.0] * 6),
        lambda: range(cp.asarray(np.array([3]))[0]),
    ):
        refused(TypeError, g)
    refused(ValueError, lambda: a.__setitem__(slice(None), host))
    refused(ValueError, lambda: cp.asarray(["text"]), "dtype")
    refused(ValueError, lambda: a.set(np.zeros(5)))
    refused(ValueError, lambda: bool(a))
    refused(AttributeError, lambda: cp.ma)
    refused(AttributeError, lambda: a.no_such_thing)


def check_arrays() -> None:
    host = np.arange(12.0).reshape(3, 4)
    a = cp.asarray(host)
    a += 1
    assert host[0, 0] == 0
    assert isinstance(a, cp.ndarray)
    assert not isinstance(a, np.ndarray)
    assert (a.shape, a.dtype, a.ndim, a.size, a.nbytes, a.strides, len(a)) == (
        (3, 4),
        "f8",
        2,
        12,
        96,
        (32, 8),
        3,
    )
    assert type(a.get()) is np.ndarray
    assert np.array_equal(a.get(), host + 1)
    assert np.array_equal(cp.asnumpy(a[1:, ::2] * np.float64(2)), 2 * (host + 1)[1:, ::2])
    out = np.empty((3, 4))
    assert cp.asnumpy(a, out=out) is out
    assert out[2, 3] == 12
    for r in (a.sum(), a[0, 1], a.max(), cp.abs(a[0, 0]), np.sum(a), np.linalg.norm(a), cp.linalg.norm(a)):
        assert isinstance(r, cp.ndarray)
        assert r.shape == ()
    assert float(a.sum()) == 78 == int(a.sum())
    assert bool((a > 0).all())
    assert f"{a.max():.1f}" == "12.0"
    one = a[2, 3]  # a view, as on the device
    one[...] = -1
    assert a.get()[2, 3] == -1
    assert isinstance(1.5 * a, cp.ndarray)
    assert isinstance(np.float32(1.5) * a, cp.ndarray)
    assert isinstance(np.sqrt(abs(a)), cp.ndarray)
    assert (a.astype(np.float32).dtype, cp.full(3, 2).dtype, cp.ones(2, "i4").dtype) == ("f4", "i8", "i4")
    rows = cp.flatnonzero(a.ravel() > 5)
    assert np.array_equal(a.ravel()[rows].get(), [6, 7, 8, 9, 10, 11])
    assert np.array_equal(a[np.array([0, 2])].get(), a.get()[[0, 2]])
    joined = cp.concatenate([a, cp.zeros_like(a)])
    assert np.array_equal(cp.einsum("ij,kj->ik", joined, a).get(), joined.get() @ a.get().T)
    assert np.array_equal((joined @ a.T).get(), joined.get() @ a.get().T)
    assert cp.asarray(a) is a
    assert cp.ascontiguousarray(a.T).flags.c_contiguous
    assert not a.T.flags.c_contiguous
    refused(TypeError, lambda: cp.sum(host))  # which CuPy hands on to NumPy
    assert cp.get_array_module(host) is np
    assert cp.get_array_module(host, a) is cp
    assert isinstance(pickle.loads(pickle.dumps(a)), cp.ndarray)
    assert [float(x) for x in cp.array([1, 2])] == [1, 2]
    b = cp.empty((3, 4))
    b.set(host)
    cp.add(b, b, out=b)
    assert np.array_equal(b.get(), 2 * host)


def check_memory() -> None:
    a = cp.empty((3, 4), np.float32)
    assert np.isnan(a.get()).all()
    about = a.__cuda_array_interface__
    assert about["data"] == (a.data.ptr, False)
    assert about["strides"] is None
    assert (about["shape"], about["typestr"], about["version"]) == ((3, 4), "<f4", 3)
    assert a.data.ptr % 256 == 0
    assert a.T.__cuda_array_interface__["strides"] == (4, 16)
    assert a[1:].data.ptr == a.data.ptr + 16
    ctypes.memset(a.data.ptr, 0, a.nbytes)
    assert not a.any()
    p = cp.cuda.alloc(24)
    b = cp.ndarray((3,), np.float64, p)
    assert np.isnan(b.get()).all()

    class Foreign:
        __cuda_array_interface__ = a.__cuda_array_interface__

    shared = cp.asarray(Foreign())
    shared[0, 0] = 7
    assert a.get()[0, 0] == 7

    del p, b, shared
    gc.collect()
    before = cp.get_default_memory_pool().used_bytes()
    assert cp.cuda.OutOfMemoryError is cp.cuda.memory.OutOfMemoryError
    assert issubclass(cp.cuda.OutOfMemoryError, MemoryError)
    cp.cuda._set_limit(before + 4096)
    free, total = cp.cuda.Device().mem_info
    assert (free, total) == (4096, before + 4096)
    x = cp.zeros(256)
    view = x[2:]
    del x
    assert cp.cuda.Device().mem_info[0] == 2048
    y = view + 1  # what an operator returns is counted as well
    assert cp.cuda.Device().mem_info[0] == 2048 - y.nbytes
    for f in (
        lambda: cp.cuda.alloc(2049),
        lambda: cp.empty(256),
        lambda v=view: v + 1,
        lambda: cp.arange(300),
    ):
        refused(cp.cuda.OutOfMemoryError, f, "Out of memory allocating")
    del view, y, f
    assert cp.cuda.Device().mem_info[0] == 4096
    cp.cuda._set_limit(None)
    refused(cp.cuda.OutOfMemoryError, lambda: cp.empty(1 << 40))
    pinned = cupyx.empty_pinned((2, 3), np.float32)
    assert np.isnan(pinned).all()
    assert not cupyx.zeros_pinned(3).any()
    assert np.frombuffer(cp.cuda.alloc_pinned_memory(16), np.float64, 2).shape == (2,)


def check_streams() -> None:
    s, t = cp.cuda.Stream(non_blocking=True), cp.cuda.Stream()
    assert len({s.ptr, t.ptr, 0}) == 3
    assert (s.ptr % 2, t.ptr % 2) == (1, 0)
    assert cp.cuda.get_current_stream().ptr == 0
    with s:
        assert cp.cuda.get_current_stream() == s
        assert cp.empty(1).__cuda_array_interface__["stream"] == s.ptr
        with t:
            assert cp.cuda.get_current_stream() == t
        assert cp.cuda.get_current_stream() == s
    assert cp.cuda.get_current_stream().ptr == 0
    start, end = s.record(), cp.cuda.Event()
    end.record(s)
    t.wait_event(end)
    silent = cp.cuda.Event(disable_timing=True)
    refused(cp.cuda.runtime.CUDARuntimeError, lambda: cp.cuda.get_elapsed_time(start, silent))
    assert cp.cuda.runtime.getDeviceCount() == 1
    with cp.cuda.Device(0) as device:
        device.synchronize()
        assert (device.id, device.compute_capability) == (0, "90")


def check_device() -> None:
    assert cp.cuda.runtime.getDeviceProperties(0)["name"] == b"emulated device"
    refused(cp.cuda.runtime.CUDARuntimeError, lambda: cp.cuda.Device(1).use(), "cudaErrorInvalidDevice")
    start, end = cp.cuda.get_current_stream().record(), cp.cuda.get_current_stream().record()
    assert cp.cuda.get_elapsed_time(start, end) >= 0
