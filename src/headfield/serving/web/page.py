# SPDX-License-Identifier: BSD-3-Clause
"""The page that shows the field as the coil moves: one text, which loads nothing."""

from __future__ import annotations

import base64
import hashlib
import json
from functools import cache
from importlib.resources import files

from ...pictures.colours import STOPS

__all__ = ["live_page", "policy"]

_SCRIPTS = ("matrix.js", "shapes.js", "drawing.js", "scalp.js", "controls.js", "main.js")


@cache
def _parts() -> tuple[str, str]:
    """Return the style, and the script."""
    folder = files(__package__) / "browser"
    style = (folder / "page.css").read_text("utf-8")
    scripts = "\n".join((folder / name).read_text("utf-8") for name in _SCRIPTS)
    return style, f'"use strict";\nconst COLOURS = {json.dumps(STOPS)};\n{scripts}'


@cache
def live_page() -> str:
    """Return the page, HTML.

    Examples
    --------
    >>> text = live_page()
    >>> text.startswith("<!doctype html>"), "://" in text
    (True, False)
    """
    style, script = _parts()
    text = (files(__package__) / "browser" / "page.html").read_text("utf-8")
    return text.replace("{{style}}", style).replace("{{script}}", script)


def policy(host: str) -> str:
    """Return what a browser is to allow the page that came from a host: its own script, style and socket.

    Examples
    --------
    >>> "connect-src ws://127.0.0.1:8600 " in policy("127.0.0.1:8600")
    True
    """
    rules = {
        "default-src": "'none'",
        "img-src": "data:",
        "style-src": _hash(_parts()[0]),
        "script-src": _hash(_parts()[1]),
        "connect-src": f"ws://{host} wss://{host}",
        "base-uri": "'none'",
        "form-action": "'none'",
        "frame-ancestors": "'none'",
    }
    return "; ".join(f"{name} {value}" for name, value in rules.items())


def _hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"
