# SPDX-License-Identifier: BSD-3-Clause
"""Write results as GIFTI (.func.gii): |E|, its normal and its tangential part at the nodes of a surface."""

from __future__ import annotations

import os
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..core.messages import plural, printable, warn
from ..errors import ArgumentError, HeadfieldError
from ..geometry.surface import Surface
from ..geometry.triangles import area_vectors_at_nodes
from ..heads.location import locate
from ..heads.tissues import GRAY_MATTER
from ..io.atomic import replacing
from ..io.gifti import needed_gifti, read_surface
from ..regions.region import Region
from .note import Note
from .on_surface import PARTS, Average, SurfaceNodes, mid_layer_of, nodes_of, parts_of
from .result import Result

__all__ = ["SURFACE_ENDING", "write_on_surface"]

SURFACE_ENDING = ".gii"

_REACH_MM = 2.0  # a node may lie so far outside of gray matter, as `regions.surface` has it
_MOST = 1 << 30  # bytes of all numbers, which the file's XML is made of in memory

Floats = NDArray[np.float64]


def write_on_surface(
    path: str | os.PathLike[str],
    result: Result,
    surface: str | os.PathLike[str] | Region | None = None,
    quantity: str | None = None,
    pose: int | None = None,
) -> tuple[str, list[str]]:
    """Write |E|, E·n and |E − (E·n)n| at the nodes of a surface in gray matter, float32, V/m, as .func.gii.

    E of the tetrahedra of gray matter is averaged to its nodes by volume, is linear in between, and is taken
    at the nodes of the surface: its parts fit each other, |E|² = normal² + tangential². E·n is positive where
    the field leaves the cortex. A field at the points of a surface is written as it is.

    Parameters
    ----------
    path : path
        The file appears whole or not at all. Every array has a name such as "magnE pose 3".
    result : Result
    surface : path or Region, optional
        GIFTI surface in the frame of the head (.surf.gii, lh.central.gii), or a region with triangles; by
        default the mid-layer of gray matter, which is then written beside the file
        (.mid_layer.surf.gii). Nodes that lie more than 2 mm outside of gray matter are NaN, and counted.
    quantity : {"magnE", "normal", "tangential"}, optional
        Only that.
    pose : int, optional
        By default all.

    Returns
    -------
    str
        What was written, in words.
    list of str
        The files.

    Raises
    ------
    MissingPackageError
        nibabel is missing.
    ArgumentError
        More than 1 GiB of numbers, a surface that is wound inward or of no triangles, or no part of E is
        called so.
    HeadfieldError
        No gray matter, no field in it, or a pose that did not converge.
    OSError
        A file can't be read or written.
    """
    gifti = needed_gifti(path)
    if quantity is not None and quantity not in PARTS:
        raise ArgumentError(f"a .gii holds {', '.join(PARTS)}, not {quantity}")
    if result.region is not None and surface is not None:
        raise ArgumentError("a field at points is written at these: surface can't be given")
    region = result.region if surface is None else surface
    own = region is None
    if own:
        region = mid_layer_of(result)
    nodes = nodes_of(result, region) if isinstance(region, Region) else _located(result, region)
    poses = list(result.chosen(pose))
    parts = PARTS if quantity is None else (quantity,)
    size = 4 * len(poses) * len(parts) * len(nodes.known)
    if size > _MOST:
        raise ArgumentError(f"{len(poses)} poses take {size:,} bytes in a .gii, at most 1 GiB is written")
    average = Average(result, nodes)
    note = Note(result.provenance, [result.names[i] for i in poses] if result.names else ())
    image = gifti.GiftiImage(meta=gifti.GiftiMetaData({"headfield": note.text()}))
    for i in poses:
        values = parts_of(average.at_nodes(i) if result.has_field(i) else None, nodes)
        for part in parts:
            name = gifti.GiftiMetaData({"Name": f"{part} {printable(result.name_of(i))}"})
            image.add_gifti_data_array(_array(gifti, values[part].astype("<f4"), "NIFTI_INTENT_NONE", name))
    written = [os.fspath(path)]
    if own:
        assert isinstance(region, Region)
        written.append(_surface_name(path))
        _write(written[1], _surface(gifti, region))
    _write(path, image)
    bad = int((~nodes.known).sum())
    lost = f"; {bad:,} lie more than {_REACH_MM:g} mm outside of gray matter and are NaN" if bad else ""
    return (
        f"{', '.join(parts)} of {plural(len(poses), 'pose', 'poses')} at {len(nodes.known):,} nodes{lost}",
        written,
    )


def _located(result: Result, path: Any) -> SurfaceNodes:
    points, faces = read_surface(path)
    if not (result.mesh.tags == GRAY_MATTER).any():
        raise HeadfieldError("the head has no gray matter (tag 2) that a surface could lie in")
    found = locate(result.mesh, points, GRAY_MATTER)
    known = found.distance_mm <= _REACH_MM
    if not known.any():
        raise HeadfieldError(
            f"{os.fspath(path)}: none of its {len(points):,} nodes lies within {_REACH_MM:g} mm of gray "
            f"matter, the nearest {found.distance_mm.min():.4g} mm away: is it of this head?"
        )
    if Surface(points, faces).is_wound_inward:
        raise ArgumentError(f"{os.fspath(path)}: its triangles are wound inward: reverse them")
    total = area_vectors_at_nodes(points, faces)
    length = np.linalg.norm(total, axis=1, keepdims=True)
    if not length.all():
        warn(f"{os.fspath(path)}: {int((length == 0).sum())} nodes have no normal: parts of E are NaN there")
    with np.errstate(invalid="ignore"):
        return SurfaceNodes(found.element, found.barycentric, total / length, known)


def _surface(gifti: Any, region: Region) -> Any:
    """Return the image of a surface."""
    image = gifti.GiftiImage()
    points = _array(gifti, region.centres_mm.astype("<f4"), "NIFTI_INTENT_POINTSET", None)
    points.coordsys = gifti.GiftiCoordSystem("NIFTI_XFORM_SCANNER_ANAT", "NIFTI_XFORM_SCANNER_ANAT")
    image.add_gifti_data_array(points)
    assert region.faces is not None
    image.add_gifti_data_array(_array(gifti, region.faces.astype("<i4"), "NIFTI_INTENT_TRIANGLE", None))
    return image


def _array(gifti: Any, values: NDArray[Any], intent: str, meta: Any) -> Any:
    kind = "NIFTI_TYPE_FLOAT32" if values.dtype.kind == "f" else "NIFTI_TYPE_INT32"
    return gifti.GiftiDataArray(values, intent=intent, datatype=kind, meta=meta)


def _surface_name(path: str | os.PathLike[str]) -> str:
    name = os.fspath(path)
    stem = name[: -len(SURFACE_ENDING)]
    return (stem[:-5] if stem.lower().endswith(".func") else stem) + ".mid_layer.surf.gii"


def _write(path: str | os.PathLike[str], image: Any) -> None:
    with replacing(path) as temporary:
        temporary.write_bytes(image.to_xml())
