# SPDX-License-Identifier: BSD-3-Clause
"""Files appear whole or not at all, whoever else writes at the same time."""

import os
import re
import stat
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from headfield.io.atomic import check_folder, replacing


def test_threads_that_write_long_names_do_not_swap_contents(tmp_path):
    """Names that differ only after a hundred letters, all being written at one time."""
    names = ["a" * 100 + f"{number:04d}.txt" for number in range(40)]
    together = threading.Barrier(8)

    def write(name):
        together.wait(60)
        with replacing(tmp_path / name) as temporary, open(temporary, "w", encoding="ascii") as file:
            for letter in name:
                file.write(letter)
                file.flush()

    with ThreadPoolExecutor(8) as threads:
        for done in [threads.submit(write, name) for name in names]:
            done.result()
    assert {name: (tmp_path / name).read_text() for name in names} == {name: name for name in names}
    assert sorted(os.listdir(tmp_path)) == sorted(names)


def test_threads_that_write_one_file_leave_one_of_their_contents(tmp_path):
    together = threading.Barrier(8)

    def write(letter):
        together.wait(60)
        with replacing(tmp_path / "a.txt") as temporary, open(temporary, "w", encoding="ascii") as file:
            for _ in range(100):
                file.write(letter)
                file.flush()

    with ThreadPoolExecutor(8) as threads:
        for done in [threads.submit(write, letter) for letter in "abcdefgh"]:
            done.result()
    assert (tmp_path / "a.txt").read_text() in [100 * letter for letter in "abcdefgh"]
    assert os.listdir(tmp_path) == ["a.txt"]


@pytest.mark.parametrize("name", ["a.nii.gz", "no ending", ".hidden", "ä" * 120 + ".png", "a" * 251 + ".msh"])
def test_the_ending_stays_and_long_names_fit(tmp_path, name):
    with replacing(tmp_path / name) as temporary:
        assert temporary.parent == tmp_path
        assert temporary.name.endswith(Path(name).suffix)
        temporary.write_text("whole")
    assert (tmp_path / name).read_text() == "whole"
    assert os.listdir(tmp_path) == [name]


@pytest.mark.skipif(os.name != "posix", reason="a umask is POSIX's")
@pytest.mark.parametrize("mask", [0o022, 0o007])
def test_permissions_are_those_of_a_file_that_is_opened(tmp_path, mask):
    before = os.umask(mask)
    try:
        with replacing(tmp_path / "ours") as temporary:
            temporary.write_text("whole")
        with open(tmp_path / "plain", "w", encoding="ascii"):
            pass
    finally:
        os.umask(before)
    modes = [stat.S_IMODE((tmp_path / name).stat().st_mode) for name in ("ours", "plain")]
    assert modes == [0o666 & ~mask] * 2


@pytest.mark.parametrize("failure", [OSError, KeyboardInterrupt, SystemExit])
def test_a_failure_after_half_of_the_content_leaves_nothing(tmp_path, failure):
    with pytest.raises(failure), replacing(tmp_path / "a.txt") as temporary:  # noqa: PT012
        temporary.write_text("half")
        raise failure
    assert os.listdir(tmp_path) == []


def test_check_folder_tells_where_no_file_can_be_written(tmp_path):
    check_folder(tmp_path / "a.txt")
    with pytest.raises(IsADirectoryError, match="is a folder"):
        check_folder(tmp_path)
    with pytest.raises(FileNotFoundError, match="there is no folder"):
        check_folder(tmp_path / "absent" / "a.txt")
    (tmp_path / "file").write_text("")
    with pytest.raises(FileNotFoundError, match="there is no folder"):
        check_folder(tmp_path / "file" / "a.txt")


@pytest.mark.parametrize("name", ["a" * 252 + ".png", "ä" * 126 + ".png", "a." + "b" * 240])
def test_a_name_that_is_too_long_is_told_before_there_is_work(tmp_path, name):
    needed = max(len(name.encode()), len(Path(name).suffix) + 23)
    with pytest.raises(OSError, match=rf"{name}: its name needs {needed} bytes, the file system allows 255"):
        check_folder(tmp_path / name)
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("name", ["a" * 251 + ".png", "a." + "b" * 230, "long.ending." + "b" * 150])
def test_what_passes_can_be_written(tmp_path, name):
    check_folder(tmp_path / name)
    with replacing(tmp_path / name) as temporary:
        temporary.write_text("whole")
    assert (tmp_path / name).read_text() == "whole"


def test_a_link_under_a_temporary_name_is_not_followed(tmp_path, monkeypatch):
    """Somebody who guesses the name puts a link there; another name is taken."""
    (tmp_path / "other").write_text("theirs")
    names = iter(["guessed", "free"])
    monkeypatch.setattr("headfield.io.atomic.secrets.token_hex", lambda _: next(names))
    os.symlink(tmp_path / "other", tmp_path / ".a.guessed.part.txt")
    with replacing(tmp_path / "a.txt") as temporary:
        temporary.write_text("ours")
    assert (tmp_path / "other").read_text() == "theirs"
    assert (tmp_path / "a.txt").read_text() == "ours"


def test_a_message_names_the_file_and_not_the_temporary_one(tmp_path):
    (tmp_path / "folder.csv").mkdir()
    for target in (tmp_path / "none" / "a.csv", tmp_path / "folder.csv"):
        with pytest.raises(OSError, match=re.escape(str(target))) as caught, replacing(target):
            pass
        assert caught.value.filename == str(target)
