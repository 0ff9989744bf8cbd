# SPDX-License-Identifier: BSD-3-Clause
"""Reader of .tcd coil files: JSON with dipoles, wire or a sampled A in parts that may move.

::

    {"name": "…", "brand": "…", "limits": [[x, x], [y, y], [z, z]], "resolution": [x, y, z], "coilCasing": 0,
     "coilElementList": [{"type": 1, "stimulator": 0, "points": …, "values": …,
                          "name": "…", "elementCasing": 1, "deformations": [0, 1]}],
     "stimulatorList": [{"name": "…", "brand": "…", "maxdIdt": 1e8, "waveformList": […]}],
     "deformList": [{"type": "rot2p", "deformRange": 0, "point1": […], "point2": […]}],
     "deformRangeList": [{"initial": 0, "range": [-25, 25]}],
     "coilModels": [{"points": …, "faces": …}]}

An element of type 1 holds dipoles (points mm, values A·m² per A), one of type 2 pieces of wire (points and
values mm), and one of type 3 a grid (`data` (nx, ny, nz, 3) T·m per A, `affine` voxel to mm). Arrays of
numbers are nested lists, or base64 of zlib of little-endian float64 (faces: int64, counted from 0).

The keys `version`, `selfIntersectionTest`, `minDistancePoints` and `intersectPoints` are not kept, since the
field does not depend on them.
"""

from __future__ import annotations

import dataclasses
import os
from pathlib import Path

from ...core.docs import fill_doc
from ...core.messages import warn
from ..casing import Casing
from ..deformation import Deformation, DeformationRange
from ..parts import CoilContent, CoilElement, Stimulator, Waveform
from ..sources import Dipoles, SampledPotential, Segments
from .tcd_json import PICKLE, Node, read_json

__all__ = ["read_tcd"]

_DROPPED = ("version", "selfIntersectionTest")
_COIL = (
    *("name", "brand", "limits", "resolution", "coilCasing", "coilElementList", "stimulatorList"),
    *("deformList", "deformRangeList", "coilModels"),
)
_ELEMENT = (
    *("type", "stimulator", "name", "elementCasing", "deformations"),
    *("points", "values", "data", "affine"),
)
_CASING = ("points", "faces", "minDistancePoints", "intersectPoints")
_STIMULATOR = ("name", "brand", "maxdIdt", "waveformList")
_DEFORMATION = ("type", "deformRange", "point1", "point2")


@fill_doc
def read_tcd(path: str | os.PathLike[str]) -> CoilContent:
    """Read a .tcd file.

    Parameters
    ----------
    %(coil_file)s

    Returns
    -------
    CoilContent
        The coil, named after the file where the file gives no name.

    Raises
    ------
    CoilError
        The file is not JSON, lacks a key or has one twice; a value has a wrong kind or length; an index
        points to nothing; compressed bytes are damaged or a pickle. The message names the file and the place
        in it, such as ``coilElementList[3].points``.
    FileFormatError
        Not a regular file.
    OSError
        The file cannot be read.

    Warns
    -----
    UserWarning
        The file has unknown keys, points more than 10 m away, or an A that no coil has.

    Examples
    --------
    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "wire.tcd"
    >>> _ = path.write_text('''{"coilElementList": [
    ...     {"type": 2, "stimulator": 0, "points": [[0, 0, -5]], "values": [[0, 1, 0]]}],
    ...     "stimulatorList": [{"name": "one", "maxdIdt": 1e8}]}''')
    >>> coil = read_tcd(path)
    >>> coil.name, coil.n_segments, coil.didt_max
    ('wire', 1, 100000000.0)
    """
    source, content = read_json(path)
    coil = _content(Node(source, content, "", (*_COIL, *_DROPPED)), Path(path).stem)
    notes = source.notes
    if source.unknown:
        keys = list(source.unknown)
        more = f" and {len(keys) - 8} more" if len(keys) > 8 else ""
        notes.append(f"keys that are not known here were left out: {', '.join(keys[:8])[:300]}{more}")
    if notes:
        warn(f"{source.path}: {'; '.join(notes)}")
    return coil


def _content(root: Node, stem: str) -> CoilContent:
    casings = [
        node.made(Casing, node.numbers("points", 2), node.numbers("faces", 2, "<i8"))
        for node in root.nodes("coilModels", _CASING)
    ]
    stimulators = [_stimulator(n) for n in root.nodes("stimulatorList", _STIMULATOR, needed=True)]
    ranges = [_range(n) for n in root.nodes("deformRangeList", ("initial", "range"))]
    deformations = [_deformation(n, len(ranges)) for n in root.nodes("deformList", _DEFORMATION)]
    elements = [
        _element(node, casings, len(stimulators), len(deformations))
        for node in root.nodes("coilElementList", _ELEMENT, needed=True)
    ]
    driving = sorted({element.stimulator for element in elements})
    if len(driving) < len(stimulators):  # one that drives nothing would need a dI/dt in every solve
        spare = len(stimulators) - len(driving)
        root.source.notes.append(f"{spare} stimulators that drive no element were left out")
        elements = [dataclasses.replace(e, stimulator=driving.index(e.stimulator)) for e in elements]
        stimulators = [stimulators[i] for i in driving]
    return CoilContent(
        elements=tuple(elements),
        name=root.text("name", stem),
        brand=root.text("brand"),
        stimulators=tuple(stimulators),
        deformations=tuple(deformations),
        deformation_ranges=tuple(ranges),
        deformation_values=tuple(r.initial for r in ranges),
        body=_casing(root, "coilCasing", casings),
        limits_mm=root.numbers("limits", 2) if "limits" in root else None,
        resolution_mm=root.numbers("resolution", 1) if "resolution" in root else None,
    )


def _casing(node: Node, key: str, casings: list[Casing]) -> Casing | None:
    return casings[node.index(key, len(casings))] if key in node else None


def _stimulator(node: Node) -> Stimulator:
    waveforms = [
        wave.made(
            Waveform,
            wave.numbers("time", 1),
            wave.numbers("signal", 1),
            wave.numbers("fit", 1) if "fit" in wave else None,
            wave.text("name"),
        )
        for wave in node.nodes("waveformList", ("name", "time", "signal", "fit"))
    ]
    didt_max = node.number("maxdIdt") if "maxdIdt" in node else None
    return node.made(Stimulator, node.text("name"), node.text("brand"), didt_max, tuple(waveforms))


def _range(node: Node) -> DeformationRange:
    ends = node.numbers("range", 1)
    if len(ends) != 2:
        raise node.error("range", f"must be two numbers, not {len(ends)}")
    return node.made(DeformationRange, node.number("initial"), *ends.tolist())


def _deformation(node: Node, n_ranges: int) -> Deformation:
    points = [node.numbers(key, 1) if key in node else None for key in ("point1", "point2")]
    return node.made(Deformation, node.text("type"), node.index("deformRange", n_ranges), *points)


def _element(node: Node, casings: list[Casing], n_stimulators: int, n_deformations: int) -> CoilElement:
    return node.made(
        CoilElement,
        _source(node),
        node.index("stimulator", n_stimulators),
        node.text("name"),
        _casing(node, "elementCasing", casings),
        node.indices("deformations", n_deformations),
    )


def _source(node: Node) -> Dipoles | Segments | SampledPotential:
    kind = node.value("type")
    if type(kind) is not int or kind not in (1, 2, 3):
        raise node.error("type", "must be 1 (dipoles), 2 (wire) or 3 (a grid)")
    for key in ("points", "values") if kind == 3 else ("data", "affine"):
        if key in node:
            raise node.error(key, f"does not belong to an element of type {kind}")
    if kind == 3:
        return _sampled(node)
    points, values = node.numbers("points", 2), node.numbers("values", 2)
    return node.made(Dipoles, points, values) if kind == 1 else node.made(Segments, points, values)


def _sampled(node: Node) -> SampledPotential:
    if isinstance(node.value("data"), str):
        raise node.error("data", f"is not nested lists; other software writes {PICKLE}")
    return node.made(SampledPotential, node.numbers("data", 4), node.numbers("affine", 2))
