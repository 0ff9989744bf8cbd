# SPDX-License-Identifier: BSD-3-Clause
"""The note of a .msh, .vtu, NIfTI or GIFTI result: the record of its run, and the names of its poses.

It is a line of JSON, in a `$Comments` section at the end of a .msh, in an XML comment at the start of a .vtu,
in an extension of a NIfTI header, and in the metadata of a GIFTI file: other programs pass over these.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass

from ..errors import FileFormatError
from ..io.regular import ending_of
from .run import Run

__all__ = ["Note", "comment_of_msh", "comment_of_vtu", "note_in"]

_MOST = 1 << 20  # bytes of a note that are looked through
_BEGIN = "headfield result "
_MSH = re.compile(rb"\$Comments\nheadfield result ([^\n$]*)\n\$EndComments\n$")
_VTU = re.compile(rb"<!-- headfield result (.*?) -->")
_ESCAPED = {"$": "\\u0024", "--": "-\\u002d", "<": "\\u003c", ">": "\\u003e", "&": "\\u0026"}


@dataclass(frozen=True)
class Note:
    """What a file of results says of itself.

    Attributes
    ----------
    run : Run or None
    names : tuple of str
        Of the poses that the file holds; empty where they have none.

    Examples
    --------
    >>> Note.parse(Note(None, ("M1 <left>",)).text(), "f.msh").names
    ('M1 <left>',)
    """

    run: Run | None
    names: Sequence[str] = ()

    def text(self) -> str:
        """One line of ASCII without signs that mean something in XML or Gmsh."""
        run = None if self.run is None else json.loads(self.run.text())
        line = json.dumps({"run": run, "names": list(self.names)})
        for sign, escaped in _ESCAPED.items():  # all of them occur in texts only, where JSON allows that
            line = line.replace(sign, escaped)
        return line

    @classmethod
    def parse(cls, text: str, path: str) -> Note:
        """Read a note; FileFormatError if it is none."""
        try:
            values = json.loads(text)
            run, names = values["run"], values["names"]
            if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
                raise ValueError
        except (ValueError, TypeError, KeyError, RecursionError):
            raise FileFormatError(f"{path}: its note of what it was computed from is damaged") from None
        return cls(None if run is None else Run.parse(json.dumps(run), path), tuple(names))


def comment_of_msh(note: Note) -> bytes:
    """The section that ends a .msh. Gmsh passes over it, as over every section that it does not know."""
    return f"$Comments\n{_BEGIN}{note.text()}\n$EndComments\n".encode()


def comment_of_vtu(note: Note) -> str:
    """The XML comment that a .vtu begins with."""
    return f"<!-- {_BEGIN}{note.text()} -->\n"


def note_in(path: str | os.PathLike[str]) -> Note | None:
    """Read the note of a .msh or .vtu; None where there is none.

    Raises
    ------
    FileFormatError
        The note is damaged.
    OSError
        The file can't be read.
    """
    ending = ending_of(path)
    if ending not in (".msh", ".vtu"):
        return None
    with open(path, "rb") as file:
        if ending == ".msh":
            file.seek(max(0, os.fstat(file.fileno()).st_size - _MOST))
        found = (_MSH if ending == ".msh" else _VTU).search(file.read(_MOST))
    return None if found is None else Note.parse(found[1].decode("ascii", "replace"), os.fspath(path))
