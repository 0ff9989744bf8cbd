# SPDX-License-Identifier: BSD-3-Clause
"""Text and XML files to numbers, read strictly: what only looks like a number is an error."""

from __future__ import annotations

import math
import os
import re
import xml.etree.ElementTree as ET
from collections.abc import Sequence
from pathlib import Path

from ..errors import HeadfieldError, PoseError

__all__ = ["ASCII_LIKE", "XML_ENCODING", "decimals", "number", "parse_xml", "read_text", "with_point"]

# Encodings of XML, apart from UTF-8, in which the letters of ASCII are the bytes of ASCII.
ASCII_LIKE = ("us-ascii", "ascii", "iso-8859-1", "latin-1", "latin1", "iso-8859-15", "windows-1252", "cp1252")
XML_ENCODING = re.compile(rb"\s*<\?xml[^>]*?encoding\s*=\s*[\"']([^\"']*)", re.I)
_MARKS = (  # those of UTF-32 begin as those of UTF-16
    (b"\xff\xfe\0\0", "UTF-32"),
    (b"\0\0\xfe\xff", "UTF-32"),
    (b"\xff\xfe", "UTF-16"),
    (b"\xfe\xff", "UTF-16"),
)
_COMMENT = re.compile(rb"#[^\r\n]*")
_NO_TEXT = re.compile(rb"[\x00-\x08\x0e-\x1f\x7f]")

_DECIMAL_COMMA = re.compile(r"[+-]?\d*,\d+(?:e[+-]?\d{1,6})?", re.ASCII | re.I)
# There is one way only to split a run of digits: two would make a long run take quadratic time.
_NUMBER = re.compile(
    r"[+-]?(?:\d+(?:\.(\d*))?|\.(\d+))(?:e([+-]?\d{1,6}))?|[+-]?(?:nan|inf)", re.ASCII | re.I
)
# What C and Java print for no number and for infinity: -nan(ind), 1.#QNAN, Infinity.
_NOT_A_NUMBER = re.compile(r"[+-]?(?:nan\([a-z]+\)|1\.#(?:ind|qnan|snan)0*)", re.ASCII | re.I)
_INFINITE = re.compile(r"[+-]?(?:infinity|1\.#inf0*)", re.ASCII | re.I)


def read_text(
    path: str | os.PathLike[str], error: type[HeadfieldError] = PoseError, *, latin_1: str = "nowhere"
) -> str:
    r"""Return the text of a file, without its byte order mark and with \n at the ends of lines.

    UTF-8, or UTF-16 or UTF-32 with a byte order mark.

    Parameters
    ----------
    path : path
    error : type of HeadfieldError
        What is raised if the file is none of these. The message does not name the file.
    latin_1 : {"nowhere", "comments", "anywhere"}
        Where bytes that aren't UTF-8 may stand, as older programs and spreadsheets on Windows write them:
        they are read as its Latin-1 (code page 1252), so that at worst a letter of a name is another one.
        Comments go from a # to the end of the line.

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
    >>> _ = path.write_bytes(b"# A/\xb5s\n100")
    >>> read_text(path, latin_1="comments")
    '# A/\xb5s\n100'
    """
    return _decoded(Path(path).read_bytes(), error, latin_1).replace("\r\n", "\n").replace("\r", "\n")


def _decoded(content: bytes, error: type[HeadfieldError], latin_1: str = "nowhere") -> str:
    """Return the text of these bytes; see `read_text`."""
    encoding = next((name for mark, name in _MARKS if content.startswith(mark)), "UTF-8")
    try:
        return content.decode(encoding).removeprefix("\ufeff")
    except UnicodeDecodeError as problem:
        plain = {"nowhere": content, "comments": _COMMENT.sub(b"", content), "anywhere": b""}[latin_1]
        if encoding == "UTF-8" and not _NO_TEXT.search(content) and _is_utf8(plain):
            return content.decode("cp1252", "replace")
        raise error(f"not {encoding} text, at byte {problem.start}") from None


def _is_utf8(content: bytes) -> bool:
    try:
        content.decode()
    except UnicodeDecodeError:
        return False
    return True


def parse_xml(path: str | os.PathLike[str], error: type[HeadfieldError] = PoseError) -> ET.Element:
    """Return the root element of an XML file, in the encoding that it declares or that its first bytes mark.

    A DOCTYPE is skipped. One that declares an entity is an error: entities can make a small file huge.

    Parameters
    ----------
    path : path
    error : type of HeadfieldError
        What is raised if the file is not text of its encoding, not well-formed, declares an entity or an
        encoding other than UTF-8, UTF-16, ASCII, Latin-1 (ISO-8859-1, -15) and Windows-1252.

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
    content = Path(path).read_bytes()
    declared = XML_ENCODING.match(content)  # of UTF-16 it is not: that has its mark
    encoding = declared[1].decode("latin-1").lower() if declared else "utf-8"
    if encoding in ASCII_LIKE:
        text = content.decode(encoding, "replace")
    elif encoding in ("utf-8", "utf8", "utf-16"):  # some programs say UTF-16 and write UTF-8
        text = _decoded(content, error)
    else:
        raise error(f"XML in the encoding {encoding[:40]!r}")
    if "<!ENTITY" in text:
        raise error("XML with an entity declaration, which no such file needs")
    try:
        return ET.fromstring(text)
    except (ET.ParseError, ValueError, RecursionError) as problem:
        raise error(f"not well-formed XML: {problem}") from None


def number(text: str | None, where: str, error: type[HeadfieldError] = PoseError) -> float:
    """Return a number as files print it. NaN and inf are numbers here; what is made of them is checked later.

    Also as C and Java print them: -nan(ind), -1.#IND, Infinity.

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
    >>> number("-2.5e-1 ", "line 1"), number("-nan(ind)", "line 1")
    (-0.25, nan)
    """
    if text is None:
        raise error(f"{where} is missing")
    stripped = text.strip()
    if _NUMBER.fullmatch(stripped):
        return float(stripped)
    if _NOT_A_NUMBER.fullmatch(stripped):
        return math.nan
    if _INFINITE.fullmatch(stripped):
        return math.inf
    raise error(f"{where}: {stripped[:40]!r} is not a number")


def with_point(word: str) -> str:
    """Return a number with a decimal point where it has a decimal comma; other text as it is.

    Only for cells that commas don't separate.

    Examples
    --------
    >>> with_point("-48,475"), with_point("1,2,3"), with_point("M1,2")
    ('-48.475', '1,2,3', 'M1,2')
    """
    return word.replace(",", ".") if _DECIMAL_COMMA.fullmatch(word.strip()) else word


def decimals(texts: Sequence[str]) -> int:
    """Return the largest number of decimals that one of these numbers is printed with.

    Examples
    --------
    >>> decimals(["0.71", "-1", "5e-4"])
    4
    """
    found = [match.groups() for text in texts if (match := _NUMBER.fullmatch(text.strip()))]
    return max((len(a or b or "") - int(exponent or 0) for a, b, exponent in found), default=0)
