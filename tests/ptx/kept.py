# SPDX-License-Identifier: BSD-3-Clause
"""What nvcc made of the kernels, kept with a key of all that it depends on, so that nothing is made twice.

Files are kept where a key lies beside the first of them. It is a hash of the compiler's version, its command,
the native sources and the files themselves: so nothing is taken that is half written, was changed, or was
made of other sources.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SOURCES = [ROOT / "cpp", ROOT / "cuda"]


def inputs(command: Sequence[str]) -> str:
    """Key of a command, of the compiler that it calls, and of every file that kernels may include."""
    said = subprocess.run([command[0], "--version"], capture_output=True, check=True).stdout
    more = [os.environ.get(name, "") for name in ("NVCC_PREPEND_FLAGS", "NVCC_APPEND_FLAGS")]
    parts = [said, *(word.encode() for word in [*more, *command])]
    for path in sorted(path for folder in SOURCES for path in folder.rglob("*") if path.is_file()):
        parts += [str(path).encode(), path.read_bytes()]
    return _digest(parts)


def make(files: Sequence[Path], command: Sequence[str], maker: Callable[[], object]) -> None:
    """Call what makes files by a command, unless they are kept."""
    key = inputs(command)
    if not are_kept(files, key):
        maker()
        keep(files, command, key)


def are_kept(files: Sequence[Path], key: str) -> bool:
    """Whether files are what was made of these inputs, whole and as they were written."""
    try:
        return _beside(files).read_text() == _label(files, key)
    except OSError:
        return False


def keep(files: Sequence[Path], command: Sequence[str], key: str) -> None:
    """Say that files were made by a command whose inputs had this key, unless a source changed meanwhile."""
    if inputs(command) == key:
        _beside(files).write_text(_label(files, key))


def _label(files: Sequence[Path], key: str) -> str:
    return f"{key} {_digest(path.read_bytes() for path in files)}\n"


def _beside(files: Sequence[Path]) -> Path:
    return files[0].with_name(f"{files[0].name}.key")


def _digest(parts: Iterable[bytes]) -> str:
    """Of the parts and of how long each is."""
    found = hashlib.sha256()
    for part in parts:
        found.update(len(part).to_bytes(8, "little") + part)
    return found.hexdigest()
