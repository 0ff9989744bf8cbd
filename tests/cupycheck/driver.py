# SPDX-License-Identifier: BSD-3-Clause
"""A CUDA driver that is only pretended, under the real CuPy: what it refuses is then seen without a GPU.

CuPy's modules find each other's C functions by name, in the `__pyx_capi__` of the module that defines them.
Those of its wrapper of the CUDA runtime are replaced here, before another module has looked: memory of the
device is memory of the host, one device is there, and streams do nothing. All checks of arguments, memory
pools, copies and streams are CuPy's own. Only its kernels can't run: compiling one ends in an error, which
says that the arguments were accepted.
"""

import ctypes
import itertools
import re
from collections.abc import Callable
from typing import Any

_TOTAL, _FREE = 1 << 33, 1 << 32
_CODES = {"int": ctypes.c_int, "unsigned int": ctypes.c_uint, "float": ctypes.c_float}
_CODES |= {"size_t": ctypes.c_size_t, "intptr_t": ctypes.c_ssize_t, "PyObject *": ctypes.py_object}
_libc = ctypes.CDLL(None)
_libc.free.argtypes, _libc.free.restype = [ctypes.c_void_p], None
_handles = itertools.count(1 << 16)
_kept: list[Any] = []  # what C code calls must not be collected


def _malloc(size: int, *_: int) -> int:
    place = ctypes.c_void_p()
    if _libc.posix_memalign(ctypes.byref(place), ctypes.c_size_t(256), ctypes.c_size_t(max(size, 1))):
        raise MemoryError
    assert place.value is not None
    ctypes.memset(place.value, 0xFF, size)  # not a number, wherever nobody writes
    return place.value


def _copy(to: int, source: int, size: int, *_: int) -> None:
    ctypes.memmove(to, source, size)


def _set(place: int, value: int, size: int, *_: int) -> None:
    ctypes.memset(place, value, size)


def _stream(flags: int = 0, *_: int) -> int:
    return 2 * next(_handles) + (flags & 1)  # the emulated runtime reads from it whether it is non-blocking


def _attribute(attribute: int, _: int) -> int:
    return {75: 9, 76: 0}.get(attribute, 1024)  # compute capability 9.0


def _zero(*_: Any) -> int:
    return 0


def _one(*_: Any) -> int:
    return 1


def _none(*_: Any) -> None:
    return None


_PRETENDED: dict[str, Callable[..., Any]] = {
    "driverGetVersion": lambda: 13000,
    "runtimeGetVersion": lambda: 13000,
    "getDeviceCount": _one,
    "deviceGetAttribute": _attribute,
    "malloc": _malloc,
    "hostAlloc": _malloc,
    "free": _libc.free,
    "freeHost": _libc.free,
    "memGetInfo": lambda: (_FREE, _TOTAL),
    "streamCreate": _stream,
    "streamCreateWithFlags": _stream,
    "streamCreateWithPriority": _stream,
    "eventCreate": _stream,
    "eventCreateWithFlags": _stream,
}
_PRETENDED |= dict.fromkeys(
    ("getDevice", "pointerGetMemoryType", "streamIsCapturing", "streamGetPriority"), _zero
)
_PRETENDED |= dict.fromkeys(("memcpy", "memcpyAsync"), _copy) | dict.fromkeys(("memset", "memsetAsync"), _set)
_PRETENDED |= dict.fromkeys(("setDevice", "deviceSynchronize", "streamWaitEvent", "_ensure_context"), _none)
_PRETENDED |= dict.fromkeys((f"stream{what}" for what in ("Destroy", "Synchronize", "Query")), _none)
_PRETENDED |= dict.fromkeys((f"event{what}" for what in ("Destroy", "Synchronize", "Query", "Record")), _none)


def install() -> None:
    """To be called before anything of CuPy is imported."""
    from cupy_backends.cuda.api import runtime

    name_of, new = ctypes.pythonapi.PyCapsule_GetName, ctypes.pythonapi.PyCapsule_New
    name_of.restype, name_of.argtypes = ctypes.c_char_p, [ctypes.py_object]
    new.restype, new.argtypes = ctypes.py_object, [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_void_p]
    for name, function in _PRETENDED.items():
        signature = name_of(runtime.__pyx_capi__[name])
        called = _callback(function, signature.decode())
        _kept.extend([called, signature])
        runtime.__pyx_capi__[name] = new(ctypes.cast(called, ctypes.c_void_p), signature, None)
        if hasattr(runtime, name):
            setattr(runtime, name, function)


def _callback(function: Callable[..., Any], signature: str) -> Any:
    """A C function of the signature that Cython has written down, as "int (int, int __pyx_skip_dispatch)"."""
    found = re.fullmatch(r"(.*?) ?\((.*)\)", signature)
    assert found is not None, signature
    types = [t for t in found[2].split(", ") if t != "void"]
    count = sum(t in _CODES for t in types)  # those of CUDA; what Cython adds comes after them
    kinds = [_CODES.get(t, ctypes.c_int if "skip_dispatch" in t else ctypes.c_void_p) for t in types]
    return ctypes.PYFUNCTYPE(_CODES[found[1]], *kinds)(lambda *given: function(*given[:count]))
