# SPDX-License-Identifier: BSD-3-Clause
"""What the command line says of itself: help, examples, mistyped words, completion."""

import importlib.util
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from given.command_lines import command_lines

from headfield.commands import main as cli
from headfield.commands.parser import build_parser
from headfield.core import stopping

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted(p for p in [ROOT / "README.md", *(ROOT / "docs").rglob("*.md")] if p.is_file())
COMMANDS = list(cli._COMMANDS)
ASK = {"_ARGCOMPLETE": "1", "_ARGCOMPLETE_IFS": "\013", "_ARGCOMPLETE_SUPPRESS_SPACE": "1"}


@pytest.fixture(autouse=True)
def narrow(monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")


def helped(capsys, *words):
    assert cli.main([*words, "--help"]) == 0
    return capsys.readouterr().out


def parses(words):
    """Whether the command line takes these words, all but what they do."""
    done = dict.fromkeys(COMMANDS, lambda args: 0)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(cli, "_COMMANDS", done)
        patch.setattr(stopping, "_SIGNALS", ())
        return cli.main(words) == 0


@pytest.mark.parametrize("command", ["", *COMMANDS])
def test_a_help_fits_eighty_columns(capsys, command):
    text = helped(capsys, *command.split())
    assert [line for line in text.splitlines() if len(line) > 80] == []


@pytest.mark.parametrize("command", ["", *COMMANDS])
def test_each_help_has_an_example_that_parses(capsys, command):
    found = list(command_lines(helped(capsys, *command.split()).partition("Example")[2]))
    assert found
    for words in found:
        assert parses(words), words
        assert command in ("", words[0])


def test_the_help_lists_commands_and_exit_codes(capsys):
    text = helped(capsys)
    for command in COMMANDS:
        assert re.search(rf"^    {command}\s+\w", text, re.MULTILINE), command
    said = " ".join(text.partition("Exit codes:")[2].split())
    for code in ("0 done", "1 it failed", "2 the command line is wrong", "3 done, but", "128 + n"):
        assert code in said


@pytest.mark.parametrize("page", PAGES, ids=[p.relative_to(ROOT).as_posix() for p in PAGES])
def test_command_lines_of_pages_parse(page):
    for words in command_lines(page.read_text(encoding="utf-8")):
        assert parses(words), words


def test_pages_have_command_lines():
    assert sum(len(list(command_lines(page.read_text(encoding="utf-8")))) for page in PAGES) > 20


def test_a_stale_command_line_is_found():
    assert list(command_lines("```sh\nheadfield info a.msh \\\n  --jsn # a mesh\n```\n")) == [
        ["info", "a.msh", "--jsn"]
    ]
    assert not parses(["info", "a.msh", "--jsn"])


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["slove"], "'slove' (choose from"),
        (["slove"], "did you mean 'solve'?"),
        (["--verison"], "unrecognized arguments: --verison, did you mean '--version'?"),
        (["solve", "--tissus", "1"], "unrecognized arguments: --tissus, did you mean '--tissues'?"),
        (["solve", "a", "--conductvity=1=2"], "--conductvity, did you mean '--conductivity'?"),
        (["solve", "a", "b", "c", "-o", "f.h5", "--recovery", "interfce"], "did you mean 'interface'?"),
        (["info", "a", "--xyzzy"], "unrecognized arguments: --xyzzy (see headfield info --help)"),
        (["dose", "a", "b", "--rule", "fixed-feld"], "did you mean 'fixed-field'?"),
    ],
)
def test_mistyped_words(capsys, words, said):
    assert cli.main(words) == 2
    error = capsys.readouterr().err
    assert said in error
    assert error.count("\n") == 1


def test_a_beginning_of_an_option_is_still_taken():
    assert parses(["info", "a.msh", "--js"])


def completed(line, folder, missing=False):
    """What a shell would be offered behind a line; the answer goes to descriptor 8, as argcomplete asks."""
    code = "import sys; from headfield.commands.main import main; sys.exit(main([]))"
    if missing:
        code = f"import sys; sys.modules['argcomplete'] = None; {code}"
    told = {"COMP_LINE": line, "COMP_POINT": str(len(line)), **ASK}
    to_file = ["sh", "-c", '"$@" 8>answer', "sh"]
    done = subprocess.run(
        [*to_file, sys.executable, "-c", code],
        env={**os.environ, **told},
        cwd=folder,
        capture_output=True,
        check=False,
    )
    answer = (folder / "answer").read_text(encoding="utf-8")
    return [word.strip() for word in answer.split("\013") if word], done


@pytest.mark.skipif(os.name != "posix", reason="descriptors are handed over as on POSIX")
@pytest.mark.skipif(importlib.util.find_spec("argcomplete") is None, reason="needs argcomplete")
def test_completion(tmp_path):
    (tmp_path / "head.msh").touch()
    assert completed("headfield so", tmp_path)[0] == ["solve"]
    assert "--conductivity" in completed("headfield solve --cond", tmp_path)[0]
    assert completed("headfield solve --recovery ", tmp_path)[0] == ["interface", "patch"]
    assert "head.msh" in completed("headfield info he", tmp_path)[0]


@pytest.mark.skipif(os.name != "posix", reason="descriptors are handed over as on POSIX")
def test_without_the_package_nothing_is_completed(tmp_path):
    words, done = completed("headfield so", tmp_path, missing=True)
    assert words == []
    assert done.returncode == 2
    assert b"Traceback" not in done.stderr


def test_a_parser_is_made_of_any_commands():
    assert build_parser(dict.fromkeys(COMMANDS, print)).parse_args(["info", "x"]).command is print
