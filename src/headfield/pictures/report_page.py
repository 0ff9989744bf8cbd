# SPDX-License-Identifier: BSD-3-Clause
"""Make a page of tables, paragraphs and pictures: one .html that loads nothing from anywhere."""

from __future__ import annotations

import base64
import html
import os
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from ..errors import FileFormatError
from ..io.atomic import check_folder, replacing
from ..io.regular import ending_of
from .colours import INK

__all__ = ["Chapter", "report_page", "write_report_page"]

_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy"
  content="default-src 'none'; style-src 'unsafe-inline'; img-src data:">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>
body {{ margin: 2rem auto; max-width: 60rem; padding: 0 1rem; font: 15px/1.45 "Open Sans", Helvetica, Arial,
  sans-serif; color: {ink} }}
h1 {{ font-size: 1.5rem; margin-bottom: 0.2rem }}
h2 {{ font-size: 1.1rem; margin: 1.6rem 0 0.4rem; border-bottom: 1px solid #ccd }}
table {{ border-collapse: collapse }}
th, td {{ text-align: left; vertical-align: top; padding: 0.15rem 1rem 0.15rem 0 }}
th {{ font-weight: 600; white-space: nowrap }}
p {{ margin: 0.4rem 0 }}
.lead {{ font-size: 1.25rem }}
img {{ max-width: 100%; margin-top: 0.6rem }}
@media print {{ body {{ margin: 0 }} h2 {{ break-after: avoid }} img, tr {{ break-inside: avoid }} }}
</style>
</head>
<body>
<h1>{title}</h1>
{content}
</body>
</html>
"""


class Chapter(NamedTuple):
    """A part of the page."""

    heading: str
    rows: Sequence[tuple[str, str]] = ()  #: names and words
    paragraphs: Sequence[str] = ()
    pictures: Sequence[tuple[str, bytes]] = ()  #: what each shows, and its .png
    lead: str = ""  #: what the chapter comes to, in large letters


def report_page(title: str, chapters: Sequence[Chapter]) -> str:
    """Return the page; all words are taken as they are, whatever signs they have.

    Examples
    --------
    >>> text = report_page("A & B", [Chapter("One", [("field", "60 V/m")])])
    >>> "<h1>A &amp; B</h1>" in text, "<tr><th>field</th><td>60 V/m</td></tr>" in text
    (True, True)
    """
    content = "\n".join(_chapter(one) for one in chapters)
    return _PAGE.format(title=html.escape(title), ink=INK, content=content)


def write_report_page(path: str | os.PathLike[str], title: str, chapters: Sequence[Chapter]) -> None:
    """Write the page; it appears whole or not at all.

    Raises
    ------
    FileFormatError
        Another ending than .html.
    OSError
        The file can't be written.
    """
    if ending_of(path) not in (".html", ".htm"):
        raise FileFormatError(f"{os.fspath(path)}: reports are written as .html")
    check_folder(path)
    with replacing(path) as new:
        Path(new).write_text(report_page(title, chapters), encoding="utf-8")


def _chapter(one: Chapter) -> str:
    parts = [f"<h2>{html.escape(one.heading)}</h2>"]
    if one.lead:
        parts.append(f'<p class="lead">{html.escape(one.lead)}</p>')
    if one.rows:
        cells = [(html.escape(name), html.escape(words)) for name, words in one.rows]
        rows = [f"<tr><th>{name}</th><td>{words}</td></tr>" for name, words in cells]
        parts.append("<table>\n" + "\n".join(rows) + "\n</table>")
    parts += [f"<p>{html.escape(words)}</p>" for words in one.paragraphs]
    for words, png in one.pictures:
        data = base64.b64encode(png).decode("ascii")
        parts.append(f'<img alt="{html.escape(words, quote=True)}" src="data:image/png;base64,{data}">')
    return "\n".join(parts)
