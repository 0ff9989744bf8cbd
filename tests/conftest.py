# SPDX-License-Identifier: BSD-3-Clause
"""What all tests share: the devices that are there, and where the real heads, coils and poses lie."""

import importlib.util
import os
import shutil
import sys
import tempfile
from pathlib import Path

import emulation
import numpy as np
import pytest

from headfield.core import device as backend
from headfield.heads.mesh import TetMesh
from headfield.heads.read import read_mesh

# A GPU if there is one, else its kernels on the CPU. A process that the tests start is told by the variable,
# and does not look: once a module of this name is loaded, pybind11 hands out no other.
WHY_NO_GPU, EMULATED = "", False
told = os.environ.get("HEADFIELD_EMULATED_CUDA")
# Set where a GPU has to be there: what is emulated then must not pass for tests of it.
ON_GPU = os.environ.get("HEADFIELD_TESTS_ON_GPU") == "1"
if ON_GPU:
    found = "HEADFIELD_EMULATED_CUDA is set" if told else backend.find_gpu()
    WHY_NO_GPU = found if isinstance(found, str) else ""
elif told or importlib.util.find_spec("cupy") is None or isinstance(backend.find_gpu(), str):
    WHY_NO_GPU = emulation.install()
    EMULATED = not WHY_NO_GPU


def pytest_configure(config: pytest.Config) -> None:
    if ON_GPU and WHY_NO_GPU:
        raise pytest.UsageError(f"HEADFIELD_TESTS_ON_GPU=1, but {WHY_NO_GPU}")
    if not _is_worker(config):
        os.environ["HEADFIELD_CACHE"] = tempfile.mkdtemp(prefix="headfield-tables-")
        os.environ["HEADFIELD_CACHE_MB"] = "3000"
    if EMULATED:
        emulation.keep_tables()


def pytest_unconfigure(config: pytest.Config) -> None:
    if not _is_worker(config):
        shutil.rmtree(os.environ["HEADFIELD_CACHE"], ignore_errors=True)


def _is_worker(config: pytest.Config) -> bool:
    """Whether this process was started by another that runs the tests, whose folder of tables it has."""
    return hasattr(config, "workerinput")


@pytest.fixture
def nothing_kept(monkeypatch):
    """Computes each table of a coil anew, for tests of how that is done.

    The others find what was computed before them in the same run: with the same bits, in place of seconds
    for a coil and a head.
    """
    monkeypatch.setenv("HEADFIELD_CACHE", "0")


# Their docstrings are not collected: that would import the stand-in for cupy into the other tests.
collect_ignore = ["emulated", "cupycheck", "ptx"]


# Tests of the kernels that nvcc compiled (see compiled.py) leave out what launches none.
CPU = [] if os.environ.get("HEADFIELD_EMULATED_PTX") else ["cpu"]


@pytest.fixture(
    scope="module",
    params=[*CPU, pytest.param("cuda", marks=pytest.mark.skipif(bool(WHY_NO_GPU), reason=WHY_NO_GPU))],
)
def each_device(request):
    """Runs the tests of a module on each device, which `native` and device="auto" then are."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HEADFIELD_DEVICE", request.param)
        _forget()
        yield request.param
    _forget()


@pytest.hookimpl(trylast=True)  # after pytest has put together what shares a device
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tests that run on each device come last in their module.

    A device stays that of the module until another takes its place: those behind them would run on the last
    one too, an emulated GPU, without asking for it and many times as slow.
    """
    modules = {path: place for place, path in enumerate(dict.fromkeys(item.path for item in items))}
    items.sort(key=lambda item: (modules[item.path], "each_device" in getattr(item, "fixturenames", ())))


def _forget() -> None:
    """What test modules keep of a device."""
    for module in list(sys.modules.values()):
        if Path(getattr(module, "__file__", None) or "/").is_relative_to(Path(__file__).parent):
            for value in vars(module).values():
                if hasattr(value, "cache_clear"):
                    value.cache_clear()


def pytest_make_parametrize_id(val: object) -> str | None:
    """What a test tries, in words: pytest itself would number arrays, lists and dictionaries."""
    return None if isinstance(val, (str, bytes, int, float, type(None))) else _in_words(val)


def _in_words(val: object) -> str | None:
    if isinstance(val, np.ndarray):
        said = f"{val.dtype} {val.shape}" if val.size > 4 else f"{val.tolist()}"
    elif isinstance(val, dict):
        said = ", ".join(f"{key}={_in_words(value)}" for key, value in val.items()) or "nothing"
    elif isinstance(val, (list, tuple)):
        said = f"[{', '.join(str(_in_words(value)) for value in val)}]"
    elif isinstance(val, BaseException):
        said = f"{type(val).__name__}: {val}"
    elif isinstance(val, bytes):
        said = f"{len(val)} bytes"
    elif val is None or isinstance(val, (str, int, float, complex)):
        said = repr(val)
    else:
        return None if callable(val) else type(val).__name__
    return said if len(said) <= 50 else said[:49] + "…"


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Folder of sample data beside the checkout; tests that need it are skipped, and said, without it."""
    path = Path(__file__).resolve().parents[2] / "shared" / "data"
    if not path.is_dir():
        pytest.skip(f"needs the sample data in {path}")
    return path


@pytest.fixture
def load(tmp_path):
    """Function that writes bytes to a mesh file and reads it."""

    def read(content: bytes, name="a.msh", **options) -> TetMesh:
        path = tmp_path / name
        path.write_bytes(content)
        return read_mesh(path, **options)

    return read
