# SPDX-License-Identifier: BSD-3-Clause
"""`headfield protocol`: what it says and writes, and what it refuses."""

import json

import pytest
from given.commands import fails

from headfield.commands import main as cli
from headfield.dose import protocols, read_protocol, write_protocol


def said(capsys, *argv):
    assert cli.main(["protocol", *map(str, argv)]) == 0
    return capsys.readouterr().out


def test_a_named_protocol(capsys):
    text = said(capsys, "itbs")
    for words in (
        "pulses       600",
        "duration     3 min 12 s (192 s)",
        "structure    3 pulses every 20 ms (50 Hz), 60 ms in all",
        "20 trains every 10 s with pauses of 8 s",
        "intensity    80 % aMT",
        "source       Huang 2005",
        "limits       not covered: trains of 2 s at 50 Hz, intensity not given",
        "the table is from memory, not compared with the paper: replace it",
    ):
        assert words in text


def test_what_is_from_memory_says_so(capsys):
    lines = said(capsys, "h1_depression").splitlines()
    source = next(i for i, line in enumerate(lines) if line.startswith("source"))
    assert "from memory, not compared with the paper: replace it" in lines[source + 1]


def test_intensity_for_the_limits(capsys):
    assert "limits       inside: trains of 4 s at 10 Hz, 100 % rMT" in said(
        capsys, "10hz_dlpfc", "--percent-rmt", 100
    )
    assert "limits       outside: trains of 4 s at 10 Hz, 130 % rMT" in said(
        capsys, "10hz_dlpfc", "--percent-rmt", 130
    )


def test_the_list(capsys):
    lines = said(capsys, "--list").splitlines()
    assert [line.split()[0] for line in lines] == list(protocols)
    assert any(line.startswith("saint") and "90,000 pulses" in line for line in lines)
    assert sum(line.endswith("(from memory)") for line in lines) == 8
    assert list(json.loads(said(capsys, "--list", "--json"))) == list(protocols)


def test_json(capsys):
    facts = json.loads(said(capsys, "saint", "--json", "--percent-rmt", "90"))
    assert (facts["pulses"], facts["counts"]["session"], facts["limits"]["verdict"]) == (
        90_000,
        10,
        "not covered",
    )
    assert read_protocol(facts["protocol"]) == protocols["saint"]


@pytest.mark.parametrize("name", ["t.png", "t.svg", "t.json"])
def test_files_that_are_written(tmp_path, monkeypatch, capsys, name):
    monkeypatch.setattr("headfield.pictures.figure._DPI", 60)
    assert f"written      {tmp_path / name}" in said(capsys, "ctbs", "-o", tmp_path / name)
    assert [path.name for path in tmp_path.iterdir()] == [name]
    assert name != "t.json" or read_protocol(tmp_path / name) == protocols["ctbs"]


def test_a_file_and_tables_of_ones_own(tmp_path, capsys):
    write_protocol(protocols["10hz_dlpfc"], tmp_path / "mine.json")
    assert "pulses       3,000" in said(capsys, tmp_path / "mine.json")
    row = {"kind": "longest_train", "frequency_hz": 10, "percent_rmt": [120], "longest_train_s": [2.5]}
    own = {
        "train_limits": {"rossi2009_10hz": row | {"longest_tested": [False], "source": "read again"}},
        "protocols": {"mine": protocols["itbs"].to_dict() | {"source": "our lab"}},
    }
    (tmp_path / "t.json").write_text(json.dumps(own))
    text = said(capsys, "10hz_dlpfc", "--tables", tmp_path / "t.json")
    assert "outside: a train of 4 s, at most 2.5 s at 10 Hz, 120 % rMT (rossi2009_10hz: read again)" in text
    assert "source       our lab" in said(capsys, "mine", "--tables", tmp_path / "t.json")
    assert "mine" in said(capsys, "--list", "--tables", tmp_path / "t.json")


def test_what_is_refused(tmp_path, capsys):
    fails(capsys, ["protocol", "itsb"], "'itsb' is none of the protocols, did you mean 'itbs'?")
    fails(capsys, ["protocol", str(tmp_path / "none.json")], "none.json")
    fails(
        capsys, ["protocol", "itbs", "-o", str(tmp_path / "x.txt")], "timelines and protocols are written as"
    )
    fails(capsys, ["protocol", "itbs", "--percent-rmt", "-5"], "percent_rmt")
    fails(capsys, ["protocol", "itbs", "--tables", str(tmp_path / "none.json")], "none.json")
    path = tmp_path / "mine.json"
    write_protocol(protocols["itbs"], path)
    before = path.read_bytes()
    fails(capsys, ["protocol", str(path), "-o", str(path)], "mine.json")
    assert path.read_bytes() == before
    path.write_text(json.dumps(protocols["itbs"].to_dict() | {"about": "red\x1b[31m"}))
    assert "about        red?[31m" in said(capsys, path)
    path.write_text('{"pulse_repetition_interval": 0.1, "pulse_train_durration": 4}')
    fails(capsys, ["protocol", str(path)], "mine.json: ", "did you mean 'pulse_train_duration'?")


def test_tables_are_not_overwritten(tmp_path, capsys):
    tables = tmp_path / "mine.json"
    tables.write_text("{}")
    fails(capsys, ["protocol", "itbs", "--tables", str(tables), "-o", str(tables)], "mine.json is an input")
    assert tables.read_text() == "{}"


@pytest.mark.parametrize("argv", [[], ["itbs", "--list"], ["itbs", "--percent-rmt", "x"]])
def test_wrong_command_lines(argv, capsys):
    assert cli.main(["protocol", *argv]) == 2
    assert "headfield protocol: error" in capsys.readouterr().err


@pytest.mark.parametrize("option", ["-o", "--percent-rmt"])
def test_options_of_one_protocol_with_the_list(tmp_path, monkeypatch, capsys, option):
    monkeypatch.chdir(tmp_path)
    value = {"-o": "x.png", "--percent-rmt": "110"}[option]
    assert cli.main(["protocol", "--list", option, value]) == 2
    assert f"{option} is of one protocol: --list takes none" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())
