# SPDX-License-Identifier: BSD-3-Clause
"""Protocols and files that look right: keys twice, pipes, halves of characters, almost whole intervals."""

import os

import pytest

import headfield as hf
from headfield.dose import Level, Protocol, protocols, read_protocol, read_threshold_table, write_protocol
from headfield.errors import ArgumentError, DoseError, FileFormatError


@pytest.mark.parametrize(
    ("duration_s", "interval_s", "count"),
    [
        (600.0004, 1e-3, None),
        (600.00001, 1e-3, 600_000),
        (600.0, 1e-3, 600_000),
        (0.1, 1 / 30, 3),
        (0.1, 0.03333333, 3),  # as files have thirds
        (2.0, 0.0555556, 36),
        (2.1, 1.0, None),
        (1e7 * 86400.0, 86400.0, 10**7),
    ],
)
def test_how_far_off_whole_intervals_may_be(duration_s, interval_s, count):
    if count is not None:
        assert Level.lasting("pulse", duration_s, interval_s).count == count
        return
    with pytest.raises(DoseError, match=f"a duration of {duration_s:.10g} s is not a whole number"):
        Level.lasting("pulse", duration_s, interval_s)


def test_a_key_twice_names_the_file(tmp_path):
    path = tmp_path / "mine.json"
    path.write_text('{"pulse_repetition_interval": 1, "pulse_repetition_interval": 2}')
    with pytest.raises(
        FileFormatError, match=r"mine\.json: not JSON: 'pulse_repetition_interval' comes twice"
    ):
        read_protocol(path)


@pytest.mark.parametrize("field", ["name", "intensity", "source", "about"])
def test_texts_that_no_file_can_hold(tmp_path, field):
    texts = {"name": "mine", field: "red \ud800"}
    with pytest.raises(
        DoseError, match=rf"{field} of a protocol is no text that a file can hold: 'red \\ud800'"
    ):
        Protocol(levels=[("pulse", 3, 0.02)], **texts)
    path = tmp_path / "mine.json"
    path.write_text(f'{{"pulse_repetition_interval": 1, "pulse_train_duration": 3, "{field}": "\\ud800"}}')
    with pytest.raises(DoseError, match=rf"mine\.json: {field} of a protocol is no text"):
        read_protocol(path)
    write_protocol(Protocol("θ 𝟛", [("pulse", 3, 0.02)]), path)
    assert read_protocol(path).name == "θ 𝟛"


@pytest.mark.parametrize("given", [{}, None, "itbs"])
def test_what_is_no_protocol_is_not_written(tmp_path, given):
    with pytest.raises(ArgumentError, match="write_protocol takes a Protocol"):
        write_protocol(given, tmp_path / "a.json")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("read", [hf.read_tables, read_threshold_table, read_protocol])
def test_pipes_and_folders(tmp_path, read):
    os.mkfifo(tmp_path / "pipe.json")
    (tmp_path / "folder.json").mkdir()
    for name in ("pipe.json", "folder.json"):
        with pytest.raises(FileFormatError, match=f"{name}: not a regular file"):
            read(tmp_path / name)
    with pytest.raises(FileNotFoundError):
        read(tmp_path / "none.json")
    with pytest.raises((FileFormatError, DoseError), match="is not a path"):
        read("a\0.json")


def test_those_with_a_name_hold():
    assert all(read_protocol(one.to_dict()) == one for one in protocols.values())
