# SPDX-License-Identifier: BSD-3-Clause
"""What the readers and writers of pose files share: text, numbers, printed digits, XML."""

from __future__ import annotations

import os
import re
import xml.etree.ElementTree as ET
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from ...errors import PoseError
from ..pose import ORTHONORMAL_TOLERANCE, deviation, nearest_rotation

__all__ = [
    "RawPoses",
    "decimals",
    "didt_of_all",
    "number",
    "parse_xml",
    "read_text",
    "settle_rounding",
    "turn_axes",
]

# Without two ways to split a run of digits, which a long one would make quadratic.
_NUMBER = re.compile(
    r"[+-]?(?:\d+(?:\.(\d*))?|\.(\d+))(?:e([+-]?\d{1,6}))?|[+-]?(?:nan|inf)", re.ASCII | re.I
)
# Fewer printed decimals say too little of a direction: two are an angle of up to 0.5 degrees.
MIN_DECIMALS = 3


class RawPoses(NamedTuple):
    """What a reader finds in a file, before the poses are checked."""

    poses: np.ndarray  #: (k, 4, 4) coil to head, mm
    names: list[str]  #: one for each pose, or none at all
    didt: np.ndarray | None  #: (k,) A/s
    kind: str  #: of the file
    notes: Sequence[str] = ()  #: what to warn of


def read_text(path: str | os.PathLike[str]) -> str:
    r"""The text of a UTF-8 file, with or without a byte order mark, its line ends as \n.

    Raises
    ------
    PoseError
        Not UTF-8.

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
    except UnicodeDecodeError as error:
        raise PoseError(f"not UTF-8 text, at byte {error.start}") from None


def parse_xml(path: str | os.PathLike[str]) -> ET.Element:
    """Root element of an XML file. A DOCTYPE is passed over, an entity declared in it is refused.

    Raises
    ------
    PoseError
        Not UTF-8, not well-formed, or with an entity declaration.

    Examples
    --------
    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "a.stmpx"
    >>> _ = path.write_text("<!DOCTYPE stmp><stmp/>")
    >>> parse_xml(path).tag
    'stmp'
    """
    text = read_text(path)
    if "<!ENTITY" in text:
        raise PoseError("XML with an entity declaration, which no pose file needs")
    try:
        return ET.fromstring(text)
    except (ET.ParseError, ValueError, RecursionError) as error:
        raise PoseError(f"not well-formed XML: {error}") from None


def number(text: str | None, where: str) -> float:
    """A number as files print it; NaN and inf pass, and are refused with the pose.

    Parameters
    ----------
    text : str or None
        None: the value is not in the file.
    where : str
        For the message, such as "line 3, m0n0".

    Raises
    ------
    PoseError
        Missing, or no number: also one with a decimal comma, or with underscores, which Python would take.

    Examples
    --------
    >>> number("-2.5e-1 ", "line 1")
    -0.25
    """
    if text is None:
        raise PoseError(f"{where} is missing")
    stripped = text.strip()
    if not _NUMBER.fullmatch(stripped):
        raise PoseError(f"{where}: {stripped[:40]!r} is not a number")
    return float(stripped)


def decimals(texts: Sequence[str]) -> int:
    """Decimals that the most precise of these numbers is printed with.

    Examples
    --------
    >>> decimals(["0.71", "-1", "5e-4"])
    4
    """
    found = [match.groups() for text in texts if (match := _NUMBER.fullmatch(text.strip()))]
    return max((len(a or b or "") - int(exponent or 0) for a, b, exponent in found), default=0)


def settle_rounding(poses: np.ndarray, printed: Sequence[int]) -> np.ndarray:
    """Replace axes that are off by no more than their printed decimals explain by the nearest rotation.

    A rounding of at most u in each component moves an entry of RᵀR by at most 2√3 u + 3 u². The axes may have
    been off before they were printed, by as much as `check_poses` lets pass: one of the 101 samples of a
    Brainsight file, off by 2.0e-3 with 3 decimals, was off by 3e-4 at least. Axes that are off by more than
    both together, left-handed, or printed with fewer than three decimals are left as they are;
    `check_poses` refuses them.

    Parameters
    ----------
    poses : ndarray (k, 4, 4) float64
        Not checked.
    printed : sequence of k int
        Decimals of the axes of each pose in the file.

    Returns
    -------
    ndarray (k, 4, 4) float64

    Examples
    --------
    >>> pose = np.eye(4)
    >>> pose[:2, :2] = [[0.707, -0.707], [0.707, 0.707]]
    >>> print(settle_rounding(pose[None], [3])[0, :2, :2])
    [[ 0.70710678 -0.70710678]
     [ 0.70710678  0.70710678]]
    """
    rotations = poses[:, :3, :3]
    digits = np.asarray(printed)
    unit = np.where(digits < MIN_DECIMALS, 0.0, 0.5 * 10.0 ** -digits.astype(float).clip(0, 300))
    off, determinant = deviation(rotations)
    rounding = 2 * np.sqrt(3) * unit + 3 * unit**2
    beyond = (off > ORTHONORMAL_TOLERANCE) & (unit > 0)
    settled = ((off <= rounding) | beyond & (off <= rounding + ORTHONORMAL_TOLERANCE)) & (determinant > 0)
    result = poses.copy()
    if settled.any():
        turned = np.broadcast_to(np.eye(4), (int(settled.sum()), 4, 4)).copy()
        turned[:, :3, :3] = rotations[settled]
        result[settled, :3, :3] = nearest_rotation(turned)[:, :3, :3]
    return result


def turn_axes(poses: np.ndarray, axes: np.ndarray) -> np.ndarray:
    """Replace the rotation of each pose by `rotation @ axes`.

    Examples
    --------
    >>> print(turn_axes(np.eye(4)[None], np.diag([-1, 1, -1]))[0, :3, :3].diagonal())
    [-1.  1. -1.]
    """
    result = np.array(poses, dtype=np.float64)
    with np.errstate(invalid="ignore", over="ignore"):  # inf · 0 is NaN, which is refused with the pose
        result[:, :3, :3] = result[:, :3, :3] @ axes
    return result


def didt_of_all(values: Sequence[float | None], notes: list[str]) -> np.ndarray | None:
    """Return dI/dt of each pose, A/s, or None where some poses lack it, with a note if only some do.

    Examples
    --------
    >>> notes = []
    >>> didt_of_all([1e6, 2e6], notes), didt_of_all([1e6, None], notes), notes
    (array([1000000., 2000000.]), None, ['dI/dt of 1 of 2 poses is missing: none is read'])
    """
    known = np.array([np.nan if value is None else value for value in values], dtype=np.float64)
    missing = int((~np.isfinite(known)).sum())
    if missing == 0:
        return known
    if missing < len(known):
        notes.append(f"dI/dt of {missing} of {len(known)} poses is missing: none is read")
    return None
