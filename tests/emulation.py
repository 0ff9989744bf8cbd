# SPDX-License-Identifier: BSD-3-Clause
"""`_cuda` on a machine without a GPU: its kernels compiled for the CPU against tests/emulated, for tests."""

import fcntl
import importlib.util
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

from headfield import core

ROOT = Path(__file__).resolve().parents[1]
EMULATED = ROOT / "tests" / "emulated"


def install() -> str:
    """Make headfield find the emulated `_cuda` and CuPy's stand-in; "" or why that is not possible."""
    path = os.environ.get("HEADFIELD_EMULATED_CUDA", "")
    if not path:
        missing = [tool for tool in ("cmake", "ninja", "g++") if _tool(tool) is None]
        if missing or importlib.util.find_spec("pybind11") is None:
            return f"needs a GPU, or {', '.join(missing) or 'pybind11'} to emulate one"
        path = str(build(ROOT / "build" / "emulated", *instructions()))
        os.environ["HEADFIELD_EMULATED_CUDA"] = path  # the processes of pytest -n need not build it again
    for name in [n for n in sys.modules if n.partition(".")[0] in ("cupy", "cupyx")]:
        del sys.modules[name]  # a real one that found no GPU
    sys.path.insert(0, str(EMULATED))
    spec = importlib.util.spec_from_file_location("headfield.core._cuda", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    sys.modules["headfield.core._cuda"] = core._cuda = module
    os.environ.setdefault("HEADFIELD_DEVICE", "cpu")  # only the tests that ask for it run on the emulation
    check_quickly()
    return ""


def check_quickly() -> None:
    """Let a process check its emulated GPU in a coarser sphere and without a table: 2 s in place of 10.

    solve/test_fallback.py does the check as it is.
    """
    from headfield.heads.phantom import sphere_mesh as sphere
    from headfield.solve import selfcheck
    from headfield.solve.drives.coil import CoilDrive as drive

    changed: Any = selfcheck
    changed.sphere_mesh = lambda radii_mm, tags, edge_mm: sphere(radii_mm, tags, 2.0 * edge_mm)
    changed.CoilDrive = lambda *given: drive(*given, primary_error=0.0)


def keep_tables() -> None:
    """Keep tables of coils on an emulated GPU, as on a CPU: each takes seconds, with the same bits."""
    from headfield.coils import kept_tables

    changed: Any = kept_tables
    changed._DEVICES = ("cpu", "cuda")


def build(folder: Path, *flags: str) -> Path:
    """Compile the emulated module in a folder, what changed of it; returns its path."""
    import pybind11

    environment = {k: v for k, v in os.environ.items() if k not in ("CXXFLAGS", "CFLAGS")}
    configure = [_tool("cmake"), "-G", "Ninja", "-S", str(ROOT), "-B", str(folder)]
    configure += ["-DHEADFIELD_CUDA=EMULATED", "-DHEADFIELD_WERROR=ON", "-DCMAKE_BUILD_TYPE=Release"]
    # Above -O2 kernels take the compiler longer, and the tests no less.
    configure += ["-DCMAKE_CXX_FLAGS_RELEASE=-O2 -DNDEBUG"]
    configure += [f"-DCMAKE_CXX_FLAGS={' '.join(flags)}", f"-DPython_EXECUTABLE={sys.executable}"]
    configure += [f"-DCMAKE_MAKE_PROGRAM={_tool('ninja')}", f"-Dpybind11_DIR={pybind11.get_cmake_dir()}"]
    folder.mkdir(parents=True, exist_ok=True)
    with open(folder / "lock", "w", encoding="ascii") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # tests that somebody runs at the same time wait
        for command in (configure, [_tool("cmake"), "--build", str(folder), "--target", "_cuda"]):
            done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
            if done.returncode:
                raise RuntimeError(f"the emulated CUDA module can't be built:\n{done.stdout}\n{done.stderr}")
    (path,) = folder.glob("_cuda*.so")
    return path


def _tool(name: str) -> str | None:
    """A program of this environment or of the machine."""
    return shutil.which(name, path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}")


def instructions() -> list[str]:
    """Those that make conversions from and to 16 bits, and multiply-adds, one instruction each."""
    try:
        known = Path("/proc/cpuinfo").read_text(encoding="ascii").split()
    except OSError:
        known = []
    return ["-mavx2", "-mfma", "-mf16c"] if {"avx2", "fma", "f16c"} <= set(known) else []
