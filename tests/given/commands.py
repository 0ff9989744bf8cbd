# SPDX-License-Identifier: BSD-3-Clause
"""What a command is to say."""

from headfield.commands import main as cli


def fails(capsys, argv, *words, code=1):
    """Run a command that has to fail: its exit code, and one line on stderr with these words."""
    assert cli.main(argv) == code
    captured = capsys.readouterr()
    last = captured.err.strip().splitlines()[-1]
    assert captured.out == ""
    assert last.startswith("headfield: error: ")
    assert "Traceback" not in captured.err
    for word in words:
        assert word in last
    return last
