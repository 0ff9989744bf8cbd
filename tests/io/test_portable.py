# SPDX-License-Identifier: BSD-3-Clause
"""Without `fcntl`, `pread` and `SIGHUP`, as on Windows, headfield imports, solves, locks and saves."""

import subprocess
import sys
import textwrap

import pytest

# The modules and names that Windows lacks are taken away; what it has instead is played by a table of locks.
WINDOWS = """
import asyncio, importlib.abc, os, signal, sys, types  # asyncio is of the system that it is imported on

class Wall(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name in {"fcntl", "resource", "pwd", "grp", "termios"}:
            raise ModuleNotFoundError(f"No module named {name!r}, it is behind the wall", name=name)

sys.meta_path.insert(0, Wall())
for name in ("fcntl", "resource", "pwd", "grp", "termios"):
    sys.modules.pop(name, None)
for name in ("O_NOFOLLOW", "O_NONBLOCK", "pread", "pwrite", "fdatasync", "pathconf",
             "register_at_fork", "sched_getaffinity", "getuid"):
    delattr(os, name)
for name in ("SIGHUP", "SIGUSR1", "SIGUSR2"):
    delattr(signal, name)

taken = set()
at = {}

def locking(descriptor, mode, count):
    assert os.lseek(descriptor, 0, os.SEEK_CUR) > 1 << 42  # no byte that anybody reads
    key = os.fstat(descriptor).st_ino
    if key in taken:
        raise PermissionError(13, "Permission denied")
    taken.add(key)
    at[descriptor] = key

def close(descriptor, close=os.close):
    taken.discard(at.pop(descriptor, None))
    close(descriptor)

# of an open file, Windows lets nobody change the name
def replace(source, target, replace=os.replace):
    assert os.stat(source).st_ino not in taken
    replace(source, target)

os.close, os.replace = close, replace
sys.modules["msvcrt"] = types.SimpleNamespace(locking=locking, LK_NBLCK=2)

import headfield as hf
from headfield.io import locked
locked._NAMES_STAY = True
os.chdir(sys.argv[1])
"""


def run(folder, code):
    command = [sys.executable, "-W", "error", "-c", WINDOWS + textwrap.dedent(code), str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_file_is_locked_and_let_go(tmp_path):
    said = run(
        tmp_path,
        """
        from pathlib import Path
        file = locked.LockedFile(Path("a.part"))
        try:
            locked.LockedFile(Path("a.part"))
        except hf.StorageError as error:
            print(error)
        file.append(b"one\\n"); file.append(b"two")
        print(file.read(100), file.begins_with_data())
        file.rename(Path("a"))
        file.close(remove=True)
        print(sorted(os.listdir()), Path("a").read_bytes())
        locked.LockedFile(Path("a")).close(remove=True)
        print(os.listdir())
        os.symlink("elsewhere", "b.part")
        try:
            locked.LockedFile(Path("b.part"))
        except hf.FileFormatError as error:
            print(error)
        """,
    )
    assert said.splitlines() == [
        "a.part: another run is writing it",
        r"b'one\ntwo' True",
        r"['a'] b'one\ntwo'",
        "[]",
        "b.part is a link; results are not written through it",
    ]


def test_a_sphere_is_solved_and_saved(tmp_path):
    pytest.importorskip("h5py")
    said = run(
        tmp_path,
        """
        from headfield.commands.main import main
        mesh = hf.sphere_mesh(radii_mm=[80, 92], tags=[2, 5], edge_mm=30)
        mesh.write("head.msh")
        hf.write_coil("coil.ccd", hf.figure_of_eight(spacing_mm=10.0))
        model = hf.HeadModel(mesh, device="cpu")
        pose = model.place(hf.figure_of_eight(spacing_mm=10.0), [10, 20, 95], [10, 70, 95])
        hf.write_poses("poses.npy", [pose] * 3)
        print(main(["solve", "head.msh", "coil.ccd", "poses.npy", "-o", "field.h5", "-q"]))
        print(hf.read_result("field.h5").E(2).shape[1:], sorted(os.listdir()))
        """,
    ).splitlines()
    assert said[-2:] == ["0", "(3,) ['coil.ccd', 'field.h5', 'head.msh', 'poses.npy']"]
