# SPDX-License-Identifier: BSD-3-Clause
"""Stand before nvcc while headfield is built, and keep what it makes of kernels for the tests of them.

    cmake -DCMAKE_CUDA_COMPILER_LAUNCHER="python;tests/compiler.py" …

`KEEP_KERNELS=ON make test` does so, and `make resources` and `make test-ptx` then need no nvcc of their own.
Only the one architecture that those look at is kept, and only of a build for that alone.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
from pathlib import Path

from ptx import kept, nvcc


def main(command: list[str]) -> int:
    found = [re.fullmatch(r"--generate-code=arch=compute_(\d+),code=\[sm_\1\]", word) for word in command]
    architectures = [one[1] for one in found if one]
    sources = [Path(word) for word in command if word.endswith(".cu")]
    alone = sum(word.startswith(("--generate-code", "-gencode", "-arch")) for word in command) == 1
    if len(architectures) != 1 or not alone or [one.parent for one in sources] != [kept.ROOT / "cuda"]:
        return subprocess.run(command, check=False).returncode
    return compile_and_keep(command, architectures[0], nvcc.files_of(sources[0].stem, nvcc.FOLDER))


def compile_and_keep(command: list[str], architecture: str, files: nvcc.Files) -> int:
    """Exit code of nvcc, whose files on the way to an object stay."""
    files.ptx.parent.mkdir(parents=True, exist_ok=True)
    by_which = nvcc.by_which(nvcc.flags(command), architecture)
    keys = [kept.inputs(one) for one in by_which]
    with tempfile.TemporaryDirectory(dir=files.ptx.parent) as folder:
        options = [nvcc.VERBOSE, "--keep", "--keep-dir", folder]
        done = subprocess.run([*command, *options], capture_output=True, text=True, check=False)
        said = done.stdout + done.stderr
        print(said if done.returncode else without_ptxas(said), end="", file=sys.stderr)
        made = nvcc.files_of(files.ptx.stem, Path(folder))
        if done.returncode or not (made.ptx.exists() and made.cubin.exists()):
            return done.returncode
        made.said.write_text(said)
        for one, target in zip(made, files, strict=True):
            one.replace(target)
    for parts, one, key in zip((files[:1], files[1:]), by_which, keys, strict=True):
        kept.keep(parts, one, key)
    return 0


def without_ptxas(said: str) -> str:
    """What is left for who builds: warnings, but not the registers of each kernel."""
    return re.sub(r"^(ptxas info .*|    \d+ bytes .*)\n", "", said, flags=re.MULTILINE)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
