# SPDX-License-Identifier: BSD-3-Clause
"""Text and XML files to numbers, read strictly: what only looks like a number is an error."""

from __future__ import annotations

import os
import re
import xml.etree.ElementTree as ET
from collections.abc import Sequence
from pathlib import Path

from ..errors import HeadfieldError, PoseError

__all__ = ["decimals", "number", "parse_xml", "read_text"]

# There is one way only to split a run of digits: two would make a long run take quadratic time.
_NUMBER = re.compile(
    r"[+-]?(?:\d+(?:\.(\d*))?|\.(\d+))(?:e([+-]?\d{1,6}))?|[+-]?(?:nan|inf)", re.ASCII | re.I
)


def read_text(path: str | os.PathLike[str], error: type[HeadfieldError] = PoseError) -> str:
    r"""Return the text of a UTF-8 file, without its byte order mark and with \n at the ends of lines.

    Parameters
    ----------
    path : path
    error : type of HeadfieldError
        What is raised if the file is not UTF-8. The message does not name the file.

    Returns
    -------
    str

    Examples
    --------
    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "a.txt"
    >>> _ = path.write_bytes(b"\xef\xbb\xbfa\r\nb")
    >>> read_text(path)
    'a\nb'
    """
    try:
        return Path(path).read_bytes().decode("utf-8-sig").replace("\r\n", "\n").replace("\r", "\n")
    except UnicodeDecodeError as problem:
        raise error(f"not UTF-8 text, at byte {problem.start}") from None


def parse_xml(path: str | os.PathLike[str], error: type[HeadfieldError] = PoseError) -> ET.Element:
    """Return the root element of an XML file.

    A DOCTYPE is skipped. One that declares an entity is an error: entities can make a small file huge.

    Parameters
    ----------
    path : path
    error : type of HeadfieldError
        What is raised if the file is not UTF-8, not well-formed, or declares an entity.

    Returns
    -------
    xml.etree.ElementTree.Element

    Examples
    --------
    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "a.stmpx"
    >>> _ = path.write_text("<!DOCTYPE stmp><stmp/>")
    >>> parse_xml(path).tag
    'stmp'
    """
    text = read_text(path, error)
    if "<!ENTITY" in text:
        raise error("XML with an entity declaration, which no such file needs")
    try:
        return ET.fromstring(text)
    except (ET.ParseError, ValueError, RecursionError) as problem:
        raise error(f"not well-formed XML: {problem}") from None


def number(text: str | None, where: str, error: type[HeadfieldError] = PoseError) -> float:
    """Return a number as files print it. NaN and inf are numbers here; what is made of them is checked later.

    Parameters
    ----------
    text : str or None
        None: the value is not in the file.
    where : str
        For the message, such as "line 3, m0n0".
    error : type of HeadfieldError
        What is raised if the value is missing or not a number. A number with a decimal comma is not one,
        nor is one with underscores, which Python would take.

    Returns
    -------
    float

    Examples
    --------
    >>> number("-2.5e-1 ", "line 1")
    -0.25
    """
    if text is None:
        raise error(f"{where} is missing")
    stripped = text.strip()
    if not _NUMBER.fullmatch(stripped):
        raise error(f"{where}: {stripped[:40]!r} is not a number")
    return float(stripped)


def decimals(texts: Sequence[str]) -> int:
    """Return the largest number of decimals that one of these numbers is printed with.

    Examples
    --------
    >>> decimals(["0.71", "-1", "5e-4"])
    4
    """
    found = [match.groups() for text in texts if (match := _NUMBER.fullmatch(text.strip()))]
    return max((len(a or b or "") - int(exponent or 0) for a, b, exponent in found), default=0)
