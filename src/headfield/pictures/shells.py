# SPDX-License-Identifier: BSD-3-Clause
"""Triangle surfaces with a value per node, as pictures show them; how they are made of faces, and thinned."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..geometry.triangles import areas

__all__ = ["Shell", "shell_of", "thinned"]

Floats = NDArray[np.float64]


class Shell(NamedTuple):
    """A triangle surface in head coordinates."""

    nodes_mm: Floats  #: (n, 3)
    faces: NDArray[np.intp]  #: (f, 3), normals outward
    values: Floats  #: (n,) |E|, V/m; nan where it is not known


def thinned(shell: Shell, most: int) -> Shell:
    """Thin a surface to at most `most` triangles.

    The nodes in each cell of a grid become one, in their middle, and triangles without area are dropped
    (Rossignac and Borrel, in Modeling in Computer Graphics, 455, 1993). The cells grow until few enough
    triangles are left.

    Parameters
    ----------
    shell : Shell
    most : int

    Returns
    -------
    Shell
        The same one if it is small enough. Values are means of those that are known.

    Examples
    --------
    >>> from headfield.heads.phantom import sphere_mesh
    >>> ball = sphere_mesh([50], tags=[2], edge_mm=5)
    >>> scalp = shell_of(ball.nodes_mm, ball.boundary(), np.ones(len(ball.boundary())))
    >>> 100 < len(thinned(scalp, 1000).faces) <= 1000 < len(scalp.faces)
    True
    """
    area = areas(shell.nodes_mm[shell.faces]).sum()
    cell, thin = float(np.sqrt(area / most)), shell
    while len(thin.faces) > most:
        thin = _clustered(shell, cell)
        cell *= 1.1
    return thin


def _clustered(shell: Shell, cell_mm: float) -> Shell:
    at = ((shell.nodes_mm - shell.nodes_mm.min(axis=0)) / cell_mm).astype(np.int64)
    size = at.max(axis=0) + 1
    _, cluster = np.unique((at[:, 0] * size[1] + at[:, 1]) * size[2] + at[:, 2], return_inverse=True)
    nodes = np.stack([_means(cluster, x) for x in shell.nodes_mm.T], axis=1)
    faces = cluster[shell.faces]
    alike = (faces == np.roll(faces, 1, axis=1)).any(axis=1)
    faces = faces[~alike]
    _, first = np.unique(np.sort(faces, axis=1), axis=0, return_index=True)
    used, corner = np.unique(faces[np.sort(first)], return_inverse=True)
    return Shell(nodes[used], corner.reshape(-1, 3), _means(cluster, shell.values)[used])


def _means(group: NDArray[np.intp], values: Floats, weights: Floats | None = None) -> Floats:
    """Return the mean of each group of values without NaN; it is NaN for a group that has only NaN."""
    weights = np.isfinite(values) * (1.0 if weights is None else weights)
    with np.errstate(invalid="ignore"):
        sums = np.bincount(group, np.nan_to_num(values) * weights)
        return np.asarray(sums / np.bincount(group, weights))


def shell_of(nodes_mm: Floats, faces: NDArray[Any], values: NDArray[Any]) -> Shell:
    """Make a surface of the nodes that its faces use; values at nodes are means by area of those of faces.

    Examples
    --------
    >>> nodes = np.array([[0.0, 0, 0], [1, 0, 0], [0, 1, 0], [9, 9, 9]])
    >>> shell_of(nodes, np.array([[0, 1, 2]]), np.array([4.0])).values
    array([4., 4., 4.])
    """
    used, corner = np.unique(faces, return_inverse=True)
    nodes, corner = nodes_mm[used], corner.reshape(-1, 3)
    area = areas(nodes[corner])
    at_nodes = _means(corner.ravel(), np.repeat(values.astype(np.float64), 3), np.repeat(area, 3))
    return Shell(nodes, corner, at_nodes)
