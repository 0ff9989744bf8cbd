# SPDX-License-Identifier: BSD-3-Clause
"""Pack what gpu_check.sh needs on a machine that has a GPU and no network, into the ignored folder .gpu.

    python3.12 benchmarks/gpu_pack.py                          # with the Python, 3.12, that the machine has
    python3.12 benchmarks/gpu_pack.py --variant before=HEAD~1  # and another revision, to be timed beside this
    python3.12 benchmarks/gpu_pack.py --rehearse               # and the emulation, to try all of it here

Needs nvcc, a package index for pip, and in that Python what builds headfield, scikit-build-core, pybind11,
CMake and Ninja, and for a rehearsal NumPy: that is looked at first. A build takes minutes; a second one of
the same tree takes what has changed. Nothing but the standard library is imported.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import shutil
import subprocess
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
sys.path.insert(0, str(HERE))

from gpu.running import resolved  # noqa: E402  (lies beside this file)
from revision import commit  # noqa: E402

PYTHON = (3, 12)
ARCHITECTURES = "90-real"  # H100 and H200
LIMIT_MIB = 60.0  # a little below what travels
DATA = ROOT.parent / "shared" / "data"
FILES = ("head_large.npz", "coils/fig8_70mm.ccd", "poses.npy")
# Installed there if they are missing; NumPy, CuPy, SciPy and h5py have to be there. cuNIBS is run as a peer.
CARRIED = (
    *("meshio", "rich", "markdown-it-py", "mdurl", "pygments"),
    *(
        "pytest",
        "pluggy",
        "iniconfig",
        "packaging",
        "pytest-xdist",
        "execnet",
        "hypothesis",
        "sortedcontainers",
    ),
    *("pyamg", "cunibs==0.5.0"),
)


def parse() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--out", type=resolved, default=ROOT / ".gpu", help="folder that travels [.gpu]")
    parser.add_argument(
        "--data", type=resolved, default=DATA, help="folder of the sample head, coil and poses"
    )
    parser.add_argument("--wheel", type=resolved, help="take this wheel of headfield, don't build one")
    parser.add_argument("--variant", action="append", default=[], metavar="NAME=REVISION_OR_WHEEL")
    parser.add_argument("--rehearse", action="store_true", help="pack the emulated CUDA module too")
    return parser.parse_args()


def main() -> int:
    args = parse()
    if sys.version_info[:2] != PYTHON:
        raise SystemExit(f"run this by Python {'.'.join(map(str, PYTHON))}, whose wheels are wanted")
    needed = ["scikit_build_core", "pybind11", *["numpy"] * args.rehearse]
    if missing := [name for name in needed if importlib.util.find_spec(name) is None]:
        raise SystemExit(f"missing in this Python: pip install {' '.join(missing).replace('_', '-')}")
    out: Path = args.out
    shutil.rmtree(out, ignore_errors=True)
    (out / "wheels").mkdir(parents=True)
    variants = dict(each.partition("=")[::2] for each in args.variant)
    facts = {"commit": commit(ROOT), "date": datetime.now(UTC).isoformat(timespec="seconds")}
    take_wheel(args.wheel, ROOT, out / "wheels")
    for name, source in variants.items():
        facts[f"variant {name}"] = pack_variant(source, out / "variants" / name)
    download(out / "wheels")
    for file in FILES:
        shutil.copyfile(args.data / file, out / Path(file).name)
    (out / "facts.json").write_text(json.dumps(facts, indent=1) + "\n")
    if args.rehearse:
        pack_emulation(out)
    return 0 if fits(out) else 1


def take_wheel(wheel: Path | None, tree: Path, folder: Path) -> None:
    """A wheel of headfield with its module for GPUs, that one or one built of the tree, in the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    if wheel is not None:
        shutil.copy(wheel, folder)
        return
    print(f"building headfield for sm_{ARCHITECTURES.partition('-')[0]}: minutes", flush=True)
    options = ["--no-build-isolation", "--no-deps", "-q", "-C", "cmake.define.HEADFIELD_CUDA=ON"]
    run(["pip", "wheel", *options, "-w", str(folder), "."], tree, CUDAARCHS=ARCHITECTURES)


def pack_variant(source: str, folder: Path) -> str:
    """Another build, of a revision or as a wheel that was built elsewhere; returns which it is."""
    if source.endswith(".whl"):
        take_wheel(Path(source), ROOT, folder)
        return Path(source).name
    named = subprocess.run(["git", "rev-parse", source], cwd=ROOT, capture_output=True, text=True, check=True)
    revision = named.stdout.strip()
    with tempfile.TemporaryDirectory(prefix="headfield-variant-") as scratch:
        archive = Path(scratch) / "tree.tar"
        command = ["git", "archive", "-o", str(archive), revision]
        subprocess.run(command, cwd=ROOT, check=True)
        tree = Path(scratch) / "tree"
        shutil.unpack_archive(archive, tree)
        take_wheel(None, tree, folder)
    return revision


def download(folder: Path) -> None:
    """Wheels of what may be missing there, each without what it needs: that is in the list too."""
    run(["pip", "download", "-q", "--no-deps", "--only-binary=:all:", "-d", str(folder), *CARRIED], ROOT)


def pack_emulation(out: Path) -> None:
    """The kernels compiled for the CPU, for this Python; headfield itself is the wheel's."""
    with tempfile.TemporaryDirectory(prefix="headfield-emulation-") as scratch:
        options = ["-q", "--no-index", "--no-deps", "--no-compile", "--target", scratch]
        run(["pip", "install", *options, *map(str, (out / "wheels").glob("headfield-*.whl"))], ROOT)
        build = ROOT / "build" / "emulated-rehearsal"
        code = f"import pathlib, emulation; emulation.build(pathlib.Path({str(build)!r}), '-O2', "
        code += "*emulation.instructions())"
        run(["-c", code], ROOT, PYTHONPATH=os.pathsep.join([scratch, str(ROOT / "tests")]))
    (out / "emulated").mkdir()
    for module in build.glob("_cuda*.so"):
        shutil.copy(module, out / "emulated")


def run(words: list[str], folder: Path, **variables: str) -> None:
    """Run this Python; a word that is no option names a module."""
    command = [sys.executable, *([] if words[0].startswith("-") else ["-m"]), *words]
    subprocess.run(command, cwd=folder, env=os.environ | variables, check=True)


def fits(out: Path) -> bool:
    """Print what was packed; whether it can travel."""
    files = sorted(path for path in out.rglob("*") if path.is_file())
    for path in files:
        print(f"{path.stat().st_size / 2**20:7.2f} MiB  {path.relative_to(out)}")
    total = sum(path.stat().st_size for path in files) / 2**20
    print(f"{total:7.2f} MiB  in all, of {LIMIT_MIB:g}" + ("" if total <= LIMIT_MIB else ": TOO MUCH"))
    return total <= LIMIT_MIB


if __name__ == "__main__":
    sys.exit(main())
