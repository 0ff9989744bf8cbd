# SPDX-License-Identifier: BSD-3-Clause
"""Parts of regions by the labels that an annotation gives to the nodes of a surface."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..core.arguments import not_negative, vectors
from ..core.messages import nearest_name
from ..errors import MeshError, RegionError
from ..geometry.surface import Surface
from ..io.freesurfer import Annotation, read_annotation
from ..io.gifti import read_surface
from .region import Region

__all__ = ["annotated"]

Given: TypeAlias = str | os.PathLike[str] | tuple[ArrayLike, ArrayLike]


def annotated(
    region: Region,
    annotation: str | os.PathLike[str] | Annotation,
    names: str | Sequence[str],
    surface: Given | None = None,
    reach_mm: float = 3.0,
) -> Region:
    """Make the part of a region that has some labels of an annotation, such as lh.aparc.annot.

    Parameters
    ----------
    region : Region
        The surface that was annotated, as `surface` made it. Or, with `surface`, any region: a mid-layer, or
        whole tetrahedra, which have the label of the node of the surface that is nearest to their barycentre.
    annotation : path or Annotation
        FreeSurfer's .annot, see `headfield.io.freesurfer.read_annotation`.
    names : str or sequence of str
        The labels.
    surface : path or (nodes_mm (p, 3), faces (f, 3)), optional
        The surface that was annotated, in the frame of the head: GIFTI, such as lh.central.gii.
    reach_mm : float
        With `surface`: what is farther away has no label.

    Returns
    -------
    Region

    Raises
    ------
    RegionError
        Names that no label has, an annotation of another surface, or nothing that has the labels.
    FileFormatError, MissingPackageError, OSError
        A file is damaged or can't be read.

    Examples
    --------
    >>> from headfield import regions, sphere_mesh
    >>> layer = regions.mid_layer(sphere_mesh(radii_mm=[70, 78, 90], tags=[1, 2, 3], edge_mm=12))
    >>> left = (layer.centres_mm[:, 0] < 0).astype(int)
    >>> part = annotated(layer, Annotation(left, ("right", "left")), "left")
    >>> part.unit, bool((part.centres_mm[:, 0] < 0).all())
    ('mm²', True)
    """
    if not isinstance(region, Region):
        raise RegionError(f"region must be a Region (see headfield.regions), not {type(region).__name__}")
    found = annotation if isinstance(annotation, Annotation) else read_annotation(annotation)
    called = "the annotation" if isinstance(annotation, Annotation) else os.fspath(annotation)
    wanted = [names] if isinstance(names, str) else list(names)
    absent = [name for name in wanted if name not in found.names]
    if absent or not wanted:
        near = nearest_name(absent[0], found.names) if absent else ""
        raise RegionError(f"{called}: no label is called {absent}{near}; there are {', '.join(found.names)}")
    numbers = [i for i, name in enumerate(found.names) if name in wanted]
    if surface is None:
        if region.is_volume or len(region) != len(found.labels):
            raise RegionError(
                f"{called} labels {len(found.labels):,} nodes, which {region!r} does not have: say by "
                "surface= which surface they are of"
            )
        labels = found.labels
    else:
        labels = _nearest(region, found, surface, not_negative(reach_mm, "reach_mm", RegionError), called)
    keep = np.isin(labels, numbers)
    if not keep.any():
        raise RegionError(f"{called}: nothing of {region!r} has the labels {wanted}")
    return region.part(keep)


def _nearest(
    region: Region, found: Annotation, surface: Given, reach_mm: float, called: str
) -> NDArray[np.int32]:
    """Return the label of the node of a surface that is nearest to each place, -1 beyond reach."""
    if isinstance(surface, tuple):
        nodes, faces = vectors(surface[0], "nodes_mm", RegionError), surface[1]
    else:
        nodes, faces = read_surface(surface)
    if len(nodes) != len(found.labels):
        raise RegionError(f"{called} labels {len(found.labels):,} nodes, the surface has {len(nodes):,}")
    try:
        given = Surface(nodes, faces)
    except MeshError as problem:
        raise RegionError(str(problem)) from None
    if len(given.nodes_mm) < len(nodes):
        raise RegionError(f"{len(nodes) - len(given.nodes_mm):,} nodes are in no triangle of the surface")
    at = given.closest(region.centres_mm)
    node = np.take_along_axis(given.faces[at.face], at.weights.argmax(axis=1)[:, None], axis=1)[:, 0]
    return np.where(at.distance_mm <= reach_mm, found.labels[node], -1).astype(np.int32)
