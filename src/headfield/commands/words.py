# SPDX-License-Identifier: BSD-3-Clause
"""The parser of command lines: what it says of a word that it does not know, and how it shows examples."""

from __future__ import annotations

import argparse
import itertools
import os
import textwrap
from collections.abc import Sequence
from typing import Any, NoReturn

from ..core.messages import nearest_name

__all__ = ["Parser", "complete", "only_with"]

_COMMAND = "  headfield "  # how a line of a help begins that is to be pasted
_ONE = "Example: headfield "
_NARROWEST = 78  # columns that a line which is to be pasted may take at least


class Parser(argparse.ArgumentParser):
    """A parser that asks whether another word was meant, and whose examples can be pasted into a shell.

    Descriptions and epilogs are filled to the width of the terminal. Lines that begin with two spaces are
    left as they are; those of them that begin with `headfield` are continued by a backslash where they don't
    fit. "Example: headfield …" is such a line too.

    Examples
    --------
    >>> parser = Parser(prog="headfield", epilog="Example: headfield --device cpu")
    >>> _ = parser.add_argument("--device", choices=("cpu", "cuda"))
    >>> print(parser.format_help()[-34:-1])
    Example:
      headfield --device cpu
    """

    def __init__(self, *args: Any, **options: Any) -> None:
        options.setdefault("formatter_class", _Formatter)
        super().__init__(*args, **options)

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        """Parse; a word that looks like an option and is none ends it, with the option that is nearest."""
        self._check_options(args or ())
        return super().parse_known_args(args, namespace)

    def _check_options(self, words: Sequence[str]) -> None:
        known = self._option_string_actions
        for word in words:
            if word == "--" or (self._subparsers is not None and not word.startswith("-")):
                return  # what follows are no options, or those of a command
            option = word.partition("=")[0]
            if option.startswith("--") and not any(name.startswith(option) for name in known):
                near = nearest_name(option, [name for name in known if name.startswith("--")])
                self.error(f"unrecognized arguments: {option}{near}")

    def _check_value(self, action: argparse.Action, value: Any) -> None:
        try:
            super()._check_value(action, value)
        except argparse.ArgumentError as problem:
            problem.message += nearest_name(value, map(str, action.choices or ()))
            raise

    def error(self, message: str) -> NoReturn:
        """End with exit code 2 and what is wrong; the usage of a command with forty options would hide it."""
        self.exit(2, f"{self.prog}: error: {message} (see {self.prog} --help)\n")


def only_with(parser: argparse.ArgumentParser, args: argparse.Namespace, whole: str, *names: str) -> None:
    """End with a message if one of the options `names` was given, as the option that they belong to was not.

    Examples
    --------
    >>> parser = Parser(prog="headfield")
    >>> _ = parser.add_argument("--at"), parser.add_argument("--radius", type=float)
    >>> only_with(parser, parser.parse_args([]), "--at", "radius")
    """
    for name in names:
        if getattr(args, name) not in (None, False):
            parser.error(f"--{name.replace('_', '-')} is an option of {whole}, which is not given")


class _Formatter(argparse.HelpFormatter):
    def _fill_text(self, text: str, width: int, indent: str) -> str:
        lines = text.replace(_ONE, f"Example:\n{_COMMAND}").split("\n")
        found: list[str] = []
        for kind, some in itertools.groupby(lines, _kind):
            if kind == "text":
                found += textwrap.wrap(" ".join(some), width)
            else:
                found += (
                    _continued(one.split(), max(width, _NARROWEST)) if kind == "command" else one
                    for one in some
                )
        return "\n".join(indent + line for line in "\n".join(found).split("\n"))


def _kind(line: str) -> str:
    if line.startswith(_COMMAND):
        return "command"
    return "as it is" if line.startswith("  ") or not line else "text"


def _continued(words: list[str], width: int) -> str:
    """Return a command in lines that a shell joins; no option is parted from the value behind it."""
    parts: list[str] = []
    for word in words:
        if parts and parts[-1].startswith("-") and " " not in parts[-1] and not word.startswith("--"):
            parts[-1] += f" {word}"
        else:
            parts.append(word)
    lines = ["  " + parts[0]]
    for part in parts[1:]:
        if len(lines[-1]) + len(part) + 3 > width:
            lines[-1] += " \\"
            lines.append("    " + part)
        else:
            lines[-1] += f" {part}"
    return "\n".join(lines)


def complete(parser: argparse.ArgumentParser) -> None:
    """Answer a shell that asks how to complete a command line; does nothing where none asks.

    That takes the package argcomplete; without it there is nothing to complete by, and no error.
    """
    if "_ARGCOMPLETE" not in os.environ:
        return
    try:
        import argcomplete
    except ModuleNotFoundError:
        return
    argcomplete.autocomplete(parser)
