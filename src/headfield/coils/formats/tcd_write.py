# SPDX-License-Identifier: BSD-3-Clause
"""Writer of .tcd coil files, see `headfield.coils.formats.tcd_read` for the format."""

from __future__ import annotations

import json
import os
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...errors import CoilError
from ...io.atomic import replacing
from ..casing import Casing
from ..deformation import Deformation
from ..parts import CoilContent, CoilElement, Stimulator, Waveform
from ..sources import Dipoles, SampledPotential
from .tcd_json import packed

__all__ = ["only_in_tcd", "write_tcd"]

_MOST_AS_TEXT = 1 << 24  # numbers of a grid: 400 MB of text


def write_tcd(path: str | os.PathLike[str], coil: CoilContent, *, text: bool = False) -> None:
    """Write a .tcd file that `read_tcd` reads back bit for bit.

    A flexible coil that is not at rest is written where it is: its values become the initial ones. A grid is
    written as lists of numbers, which is large.

    Parameters
    ----------
    path : path
        Appears whole or not at all.
    coil : Coil or CoilContent
    text : bool
        Write all numbers as lists, to be read by eye; not the waveforms that leave 0 to 1, which other
        software refuses as lists.

    Raises
    ------
    CoilError
        A grid of more than 16 million numbers: write it as .nii.gz.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from headfield import Coil, read_coil
    >>> path = tempfile.mkdtemp() + "/one.tcd"
    >>> write_tcd(path, Coil([[0, 0, -5.0]], [[0, 0, 1e-4]], name="one"), text=True)
    >>> print(Path(path).read_text(), end="")
    {"name": "one", "coilElementList": [{"type": 1, "stimulator": 0, "points": [[0.0, 0.0, -5.0]], \
"values": [[0.0, 0.0, 0.0001]]}], "stimulatorList": [{"name": ""}]}
    >>> read_coil(path).dipole_moments
    array([[0.    , 0.    , 0.0001]])
    """
    content = _content(coil, text)
    with replacing(path) as temporary, open(temporary, "w", encoding="utf-8", newline="\n") as file:
        file.write(json.dumps(content, indent=None if text else 4, allow_nan=False) + "\n")


def only_in_tcd(coil: CoilContent) -> list[str]:
    """Name what this coil has that no other kind of file holds; its casings are not counted."""
    lost = ["that parts can be moved"] if coil.deformations else []
    if any(s.brand or s.waveforms for s in coil.stimulators):
        lost.append("the stimulator's brand or waveforms")
    if coil.n_stimulators > 1 and any(s.name or s.didt_max for s in coil.stimulators):
        lost.append("names and largest dI/dt of several stimulators")
    return lost


def _content(coil: CoilContent, text: bool) -> dict[str, Any]:
    casings: list[Casing] = []
    content: dict[str, Any] = {"name": coil.name}
    if coil.brand:
        content["brand"] = coil.brand
    if coil.limits_mm is not None:
        content["limits"] = coil.limits_mm.tolist()
    if coil.resolution_mm is not None:
        content["resolution"] = coil.resolution_mm.tolist()
    if coil.body is not None:
        content["coilCasing"] = _number_of(coil.body, casings)
    content["coilElementList"] = [_element(element, casings, text) for element in coil.elements]
    content["stimulatorList"] = [_stimulator(stimulator, text) for stimulator in coil.stimulators]
    if coil.deformations:
        content["deformList"] = [_deformation(deformation) for deformation in coil.deformations]
    if coil.deformation_ranges:
        pairs = zip(coil.deformation_ranges, coil.deformation_values, strict=True)
        content["deformRangeList"] = [{"initial": value, "range": [r.low, r.high]} for r, value in pairs]
    if casings:
        content["coilModels"] = [
            {"points": _array(c.points_mm, text), "faces": _array(c.faces, text, "<i8")} for c in casings
        ]
    return content


def _number_of(casing: Casing, casings: list[Casing]) -> int:
    """Return the place of a casing among those that will be written; it is added unless it is there."""
    for i, other in enumerate(casings):
        if other is casing:
            return i
    casings.append(casing)
    return len(casings) - 1


def _element(element: CoilElement, casings: list[Casing], text: bool) -> dict[str, Any]:
    written: dict[str, Any] = {"name": element.name} if element.name else {}
    written["type"] = 0
    written["stimulator"] = int(element.stimulator)
    if element.casing is not None:
        written["elementCasing"] = _number_of(element.casing, casings)
    if element.deformations:
        written["deformations"] = [int(i) for i in element.deformations]
    source = element.source
    if isinstance(source, SampledPotential):
        if source.values.size > _MOST_AS_TEXT:
            raise CoilError(
                f"a grid of {source.shape} is too large for a .tcd file: write the coil as .nii.gz"
            )
        return written | {"type": 3, "data": source.values.tolist(), "affine": source.affine.tolist()}
    pair = (
        (source.positions_mm, source.moments)
        if isinstance(source, Dipoles)
        else (source.points_mm, source.lengths_mm)
    )
    points, values = (_array(array, text) for array in pair)
    return written | {"type": 1 if isinstance(source, Dipoles) else 2, "points": points, "values": values}


def _stimulator(stimulator: Stimulator, text: bool) -> dict[str, Any]:
    written: dict[str, Any] = {"name": stimulator.name}  # always: the format asks for a name
    if stimulator.brand:
        written["brand"] = stimulator.brand
    if stimulator.didt_max is not None:
        written["maxdIdt"] = stimulator.didt_max
    if stimulator.waveforms:
        written["waveformList"] = [_waveform(wave, text) for wave in stimulator.waveforms]
    return written


def _waveform(wave: Waveform, text: bool) -> dict[str, Any]:
    written: dict[str, Any] = {"name": wave.name} if wave.name else {}
    written["time"] = _array(wave.time_s, text and len(wave.time_s) > 1)
    for key, values in (("signal", wave.signal), ("fit", wave.fit)):
        if values is not None:
            listed = text and len(values) > 1 and bool(((values >= 0) & (values <= 1)).all())
            written[key] = _array(values, listed)
    return written


def _deformation(deformation: Deformation) -> dict[str, Any]:
    written: dict[str, Any] = {"deformRange": deformation.parameter, "type": deformation.kind}
    for key, point in (("point1", deformation.point1_mm), ("point2", deformation.point2_mm)):
        if point is not None:
            written[key] = np.asarray(point).tolist()
    return written


def _array(array: NDArray[Any], text: bool, kind: str = "<f8") -> Any:
    return array.tolist() if text else packed(array, kind)
