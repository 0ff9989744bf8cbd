# SPDX-License-Identifier: BSD-3-Clause
"""What is kept between runs: the same bits with and without it, and nothing that is damaged or of others."""

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from headfield import ArgumentError, HeadModel, figure_of_eight, phantom_head
from headfield.coils import kept_tables
from headfield.io import cache

POSE = [[1, 0, 0, 0], [0, -1, 0, 0], [0, 0, -1, 110.0], [0, 0, 0, 1]]


def first():
    return {"x": np.arange(5.0), "y": np.zeros((2, 0), np.uint8)}


def unwanted():
    raise AssertionError("it is kept, and is made again")


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("HEADFIELD_CACHE", str(tmp_path / "kept"))
    return tmp_path / "kept"


def same(found):
    assert list(found) == list(first())
    for name, value in first().items():
        assert found[name].dtype == value.dtype
        assert np.array_equal(found[name], value)


def test_made_once_and_read_from_then_on(folder):
    same(cache.kept("a", first))
    same(cache.kept("a", unwanted))
    assert [path.name for path in folder.iterdir()] == ["headfield-a.npz"]
    if os.name == "posix":
        assert folder.stat().st_mode & 0o077 == 0  # for the eyes of its owner


@pytest.mark.parametrize("share", [0.0, 0.3, 0.9])
def test_a_truncated_file_is_made_again(folder, share):
    cache.kept("a", first)
    path = folder / "headfield-a.npz"
    whole = path.read_bytes()
    path.write_bytes(whole[: int(share * len(whole))])
    same(cache.kept("a", first))
    assert path.read_bytes() == whole


def test_no_changed_byte_is_believed(folder):
    """Whichever byte is another one: what comes back is what was made, or it is made again."""
    cache.kept("a", first)
    path = folder / "headfield-a.npz"
    whole = path.read_bytes()
    for at in range(0, len(whole), 7):
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 0x55]) + whole[at + 1 :])
        same(cache.kept("a", first))


def test_a_file_of_another_key_or_program_is_made_again(folder):
    cache.kept("b", lambda: {"x": np.ones(5), "y": np.zeros((2, 0), np.uint8)})
    shutil.copy(folder / "headfield-b.npz", folder / "headfield-a.npz")
    same(cache.kept("a", first))
    np.savez(folder / "headfield-c.npz", x=np.ones(5))
    same(cache.kept("c", first))
    (folder / "headfield-d.npz").mkdir()
    same(cache.kept("d", first))


def test_what_was_used_least_recently_goes(folder, monkeypatch):
    monkeypatch.setenv("HEADFIELD_CACHE_MB", "1")

    def large():
        return {"x": np.zeros(50_000)}  # 0.4 MB

    for age, key in ((30, "a"), (20, "b")):
        cache.kept(key, large)
        os.utime(folder / f"headfield-{key}.npz", (time.time() - age,) * 2)
    cache.kept("a", unwanted)  # so that b is the one
    cache.kept("c", large)
    assert sorted(path.name for path in folder.iterdir()) == ["headfield-a.npz", "headfield-c.npz"]


def test_what_a_killed_process_left_goes_once_it_is_old(folder):
    folder.mkdir()
    for name, age in (("old", 7200), ("new", 60)):
        path = folder / f".headfield-{name}.0123456789abcdef.part.npz"
        path.write_bytes(b"half")
        os.utime(path, (time.time() - age,) * 2)
    cache.kept("a", first)
    assert sorted(path.name for path in folder.iterdir()) == [
        ".headfield-new.0123456789abcdef.part.npz",
        "headfield-a.npz",
    ]


def test_arrays_of_the_user_are_left_alone(folder, monkeypatch):
    """Whoever names a folder with files in it loses none of them, however old and large they are."""
    monkeypatch.setenv("HEADFIELD_CACHE_MB", "1")
    folder.mkdir()
    for name in ("head.npz", ".head.0123456789abcdef.part.npz"):
        (folder / name).write_bytes(bytes(2_000_000))
        os.utime(folder / name, (time.time() - 7200,) * 2)
    same(cache.kept("a", first))
    same(cache.kept("a", unwanted))
    assert (folder / "head.npz").exists()
    assert len(list(folder.iterdir())) == 3


def test_a_folder_that_can_not_be_made_is_passed_over(tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    monkeypatch.setenv("HEADFIELD_CACHE", str(tmp_path / "file" / "kept"))
    same(cache.kept("a", first))
    same(cache.kept("a", first))


def test_a_folder_that_is_only_read_from_is_of_use(folder, monkeypatch):
    def refused(path):
        raise PermissionError(1, "Operation not permitted", path)

    cache.kept("a", first)
    monkeypatch.setattr(os, "utime", refused)
    same(cache.kept("a", unwanted))


def test_a_tilde_is_the_home_of_the_user(monkeypatch):
    monkeypatch.setenv("HEADFIELD_CACHE", "~/kept")
    assert cache.cache_folder() == Path.home() / "kept"


def test_a_full_disk_is_passed_over(folder, monkeypatch):
    def full(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(np, "savez", full)
    same(cache.kept("a", first))
    assert list(folder.iterdir()) == []


def test_switched_off(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    for name, value in (("HEADFIELD_CACHE", "0"), ("HEADFIELD_CACHE_MB", "0")):
        monkeypatch.delenv("HEADFIELD_CACHE", raising=False)
        monkeypatch.setenv(name, value)
        same(cache.kept("a", first))
        same(cache.kept("a", first))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("bound", ["much", "-3", "1.5"])
def test_a_bound_that_is_no_number(folder, monkeypatch, bound):
    monkeypatch.setenv("HEADFIELD_CACHE_MB", bound)
    with pytest.raises(ArgumentError, match="HEADFIELD_CACHE_MB must be a whole number of MB, not"):
        cache.kept("a", first)


def test_the_folder_is_that_of_the_system(monkeypatch, tmp_path):
    monkeypatch.delenv("HEADFIELD_CACHE")
    for name in ("XDG_CACHE_HOME", "LOCALAPPDATA"):
        monkeypatch.delenv(name, raising=False)
    for platform, below in (
        ("linux", ".cache"),
        ("darwin", "Library/Caches"),
        ("win32", "AppData/Local"),
    ):
        monkeypatch.setattr(sys, "platform", platform)
        assert cache.cache_folder() == Path.home() / below / "headfield"
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setenv("XDG_CACHE_HOME", "not/absolute")
    assert cache.cache_folder() == Path.home() / ".cache" / "headfield"
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert cache.cache_folder() == tmp_path / "headfield"


def test_processes_at_once(folder):
    """All of them get the arrays, and one whole file is left."""
    code = (
        "import numpy as np; from headfield.io.cache import kept\n"
        "for i in range(40): assert kept('a', lambda: {'x': np.arange(9.0)})['x'][-1] == 8.0\n"
    )
    running = [subprocess.Popen([sys.executable, "-c", code], stderr=subprocess.PIPE) for _ in range(3)]
    assert [(one.communicate()[1], one.returncode) for one in running] == [(b"", 0)] * 3
    assert [path.name for path in folder.iterdir()] == ["headfield-a.npz"]


def small_coil(turns=2):
    """A coil whose table takes a fraction of the time of that of a whole one."""
    return figure_of_eight(inner_radius_mm=8.0, outer_radius_mm=16.0, separation_mm=34.0, turns=turns)


def test_a_field_has_the_same_bits_from_a_kept_table(folder, monkeypatch):
    mesh, coil = phantom_head(edge_mm=8), small_coil()

    def solved():
        return HeadModel(mesh, device="cpu").solve(coil, POSE)

    with monkeypatch.context() as off:
        off.setenv("HEADFIELD_CACHE", "0")
        without = solved()
    assert not folder.exists()
    made = solved()
    assert len(list(folder.iterdir())) == 1
    monkeypatch.setattr(kept_tables, "tabulated", unwanted)
    read = solved()
    for field in (made, read):
        assert np.array_equal(field.E, without.E)


def test_tables_are_of_a_coil_a_reach_and_a_bound(folder):
    mesh = phantom_head(edge_mm=8)
    for coil, bound in (
        (small_coil(), 1e-3),
        (small_coil(), 1e-2),
        (small_coil(turns=1), 1e-2),
    ):
        HeadModel(mesh, device="cpu").solve(coil, POSE, primary_error=bound)
    assert len(list(folder.iterdir())) == 3
