# SPDX-License-Identifier: BSD-3-Clause
"""Messages between a WebSocket server and pages that show the field.

The server sends binary messages: the length of a header (uint32), the header as JSON in UTF-8, filled up with
blanks to a multiple of four bytes, and the arrays that it names, one after the other; all little-endian.
Pages send JSON as text.
"""

from __future__ import annotations

import json
import time
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ...coils.coil import Coil
from ...core.messages import quoted
from ...errors import ArgumentError, HeadfieldError
from ...geometry.surface import Surface
from ...io.json_text import finite_or_none
from ...pictures.coil_shape import coil_lines
from ...pictures.shells import Shell, thinned
from ..figures import error_of, strength
from ..frame import Counts, Frame
from .shown import Shown

__all__ = ["Asked", "asked", "coil_message", "frame_message", "packed", "problem_message", "surface_message"]

_MOST_TRIANGLES = 20_000  # of scalp and casing, which are context
_TOP_PERCENT = 99.9  # of the points: where the colours may end


class Asked(NamedTuple):
    """What a page asks for."""

    kind: str  #: "pose", the coil is here; or "seen", the page is ready for the next frame
    pose: list[Any] | None = None
    number: int = 0


def packed(header: dict[str, Any], **arrays: NDArray[Any]) -> bytes:
    """Return a message of a header and arrays.

    Examples
    --------
    >>> message = packed({"kind": "x"}, values=np.zeros(2, "<f4"))
    >>> size = int.from_bytes(message[:4], "little")
    >>> json.loads(message[4 : 4 + size])
    {'kind': 'x', 'arrays': [['values', 'f4', [2]]]}
    >>> size % 4, len(message)
    (0, 60)
    """
    listed = [[name, array.dtype.str[1:], list(array.shape)] for name, array in arrays.items()]
    text = json.dumps(header | {"arrays": listed}, allow_nan=False).encode()
    text += b" " * (-len(text) % 4)
    return b"".join([len(text).to_bytes(4, "little"), text, *(a.tobytes() for a in arrays.values())])


def asked(message: str | bytes) -> Asked:
    """Parse what a page sent.

    Raises
    ------
    ArgumentError
        It is none of the messages that there are.

    Examples
    --------
    >>> asked('{"kind": "seen", "number": 4}').number
    4
    >>> asked('{"kind": "pose", "pose": NaN}')
    Traceback (most recent call last):
    ...
    headfield.errors.ArgumentError: a message of the page is no JSON: NaN is no number
    """
    if isinstance(message, bytes):
        raise ArgumentError("a message of the page is binary, where JSON as text is expected")
    try:
        found = json.loads(message, parse_constant=_no_number)
    except (ValueError, RecursionError) as error:
        raise ArgumentError(f"a message of the page is no JSON: {str(error) or 'too deep'}") from None
    kind = found.get("kind") if isinstance(found, dict) else None
    if kind == "seen" and isinstance(found.get("number"), int):
        return Asked("seen", number=found["number"])
    if kind == "pose" and isinstance(found.get("pose"), list):
        return Asked("pose", pose=found["pose"])
    raise ArgumentError(f"a message of the page is neither a pose nor 'seen': {quoted(message)}")


def surface_message(shown: Shown, scalp: Surface | None, vmax: float | None) -> bytes:
    """Return what a page is sent first: the surface of a region, and the scalp around it."""
    around = _context(scalp)
    return packed(
        {"kind": "surface", "what": shown.what, "unit": "V/m", "vmax": vmax},
        points=shown.points_mm,
        normals=shown.normals,
        faces=shown.faces,
        scalp_points=around.nodes_mm.astype("<f4"),
        scalp_faces=around.faces.astype("<u4"),
    )


def coil_message(coil: Coil) -> bytes:
    """Return what a page draws of a coil, in its own frame: wings or wire, and the casing if it has one."""
    lines = [line.round(3).tolist() for line in coil_lines(coil)]
    casing = coil.casing
    around = _context(None if casing is None else Surface(casing.points_mm, casing.faces))
    return packed(
        {"kind": "coil", "name": coil.name, "lines": lines},
        casing_points=around.nodes_mm.astype("<f4"),
        casing_faces=around.faces.astype("<u4"),
    )


def frame_message(frame: Frame, shown: Shown, counts: Counts) -> bytes:
    """Return a frame: |E| at the points of the surface, or why there is none."""
    header = {
        "kind": "frame",
        "number": frame.number,
        "pose": frame.pose.tolist() if np.isfinite(frame.pose).all() else None,
        "didt": frame.didt.tolist(),
        "problem": frame.problem,
        "notes": list(frame.notes),
        "source": frame.source,
        "stamp": finite_or_none(frame.stamp),
        "ms": round((frame.done_s - frame.received_s) * 1e3, 3),
        "age_ms": round((time.monotonic() - frame.done_s) * 1e3, 3),
        "received": counts.received,
        "replaced": counts.replaced,
        "failed": counts.failed,
    }
    if frame.field is None or frame.problem:
        header["problem"] = frame.problem or "there is no field"
        return packed(header, values=np.zeros(0, "<f4"))
    try:
        values = shown.values(np.asarray(frame.field.magnitude)[0])
    except HeadfieldError as error:  # an engine whose region is another one
        return packed(header | {"problem": str(error)}, values=np.zeros(0, "<f4"))
    known = values[values >= 0.0]
    if not len(known):
        return packed(header | {"problem": "|E| is nowhere a number"}, values=np.zeros(0, "<f4"))
    largest, mean = strength(frame.field, shown.region.weights)
    header |= {
        "max": largest,
        "mean": mean,
        "top": float(np.percentile(known, _TOP_PERCENT)),
        "error": error_of(frame.field),
        "residual": finite_or_none(float(frame.field.report.residual[0])),
    }
    return packed(header, values=values)


def problem_message(problem: str) -> str:
    """Return what a page is told whose message made no sense; it says nothing of the field."""
    return json.dumps({"kind": "refused", "problem": problem})


def _context(surface: Surface | None) -> Shell:
    """Return a surface thinned to what is enough to see where it is."""
    if surface is None:
        return Shell(np.zeros((0, 3)), np.zeros((0, 3), np.intp), np.empty(0))
    return thinned(Shell(surface.nodes_mm, surface.faces, np.zeros(len(surface.nodes_mm))), _MOST_TRIANGLES)


def _no_number(text: str) -> float:
    raise ValueError(f"{text} is no number")
