# SPDX-License-Identifier: BSD-3-Clause
"""What a command is to say."""

from headfield.commands import main as cli


def fails(capsys, argv, *words):
    """Run a command that has to fail: exit code 1 and one line on stderr with these words."""
    assert cli.main(argv) == 1
    captured = capsys.readouterr()
    last = captured.err.strip().splitlines()[-1]
    assert captured.out == ""
    assert last.startswith("headfield: error: ")
    assert "Traceback" not in captured.err
    for word in words:
        assert word in last
    return last
