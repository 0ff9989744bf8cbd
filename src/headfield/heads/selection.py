# SPDX-License-Identifier: BSD-3-Clause
"""Which tetrahedra of a mesh are meant: by tags, indices or masks."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import RegionError
from . import tetrahedra
from .mesh import TetMesh
from .tissue_words import Tissues, listed, tags_of

__all__ = ["barycentres", "check_mesh", "is_mask_of_numbers", "same_mesh", "tets_of"]


def check_mesh(mesh: TetMesh) -> None:
    """Raise RegionError unless this is a TetMesh."""
    if not isinstance(mesh, TetMesh):
        raise RegionError(f"mesh must be a TetMesh (see read_mesh), not {type(mesh).__name__}")


def tets_of(mesh: TetMesh, tags: Tissues | None) -> NDArray[np.intp]:
    """Return the indices of the tetrahedra of some tissues, ascending.

    Parameters
    ----------
    mesh : TetMesh
    tags : int, str, or sequence of them, or None
        The tissues, by tag or name (see `headfield.heads.tissue_words`). None: all of the mesh.

    Returns
    -------
    ndarray (p,) intp

    Raises
    ------
    RegionError
        Tags that are not whole numbers, or that no tetrahedron has, or a name that no tissue has.

    Examples
    --------
    >>> mesh = TetMesh([[0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1]], [[0, 1, 2, 3]], tags=[5])
    >>> tets_of(mesh, [5]).tolist(), tets_of(mesh, "scalp").tolist()
    ([0], [0])
    """
    check_mesh(mesh)
    if tags is None:
        return np.arange(mesh.n_tets)
    wanted = tags_of(mesh, tags)
    absent = np.setdiff1d(wanted, mesh.tags)
    if len(absent):
        raise RegionError(f"no tetrahedron has the tags {absent.tolist()}; the mesh has {listed(mesh)}")
    return np.flatnonzero(np.isin(mesh.tags, wanted))


def barycentres(mesh: TetMesh, elements: NDArray[Any]) -> NDArray[np.float64]:
    """Return the barycentres (p, 3) of some tetrahedra (p,), mm; the bits of `TetMesh.barycentres_mm`."""
    return tetrahedra.barycentres(mesh.nodes_mm, mesh.tets[elements])


def is_mask_of_numbers(values: NDArray[Any], m: int) -> bool:
    """Tell whether numbers that are given as indices look like a mask of m tetrahedra, written as 0 and 1.

    Examples
    --------
    >>> is_mask_of_numbers(np.array([0, 1, 1]), 3), is_mask_of_numbers(np.array([0, 1]), 3)
    (True, False)
    """
    return values.shape == (m,) and m > 2 and bool(np.isin(values, (0, 1)).all())


def same_mesh(one: TetMesh, other: TetMesh) -> bool:
    """Say whether two meshes have the same nodes and tetrahedra, as a copy from another process has.

    Examples
    --------
    >>> import copy
    >>> import headfield as hf
    >>> ball = hf.sphere_mesh([80], [1], edge_mm=40)
    >>> same_mesh(ball, copy.deepcopy(ball)), same_mesh(ball, hf.sphere_mesh([81], [1], edge_mm=40))
    (True, False)
    """
    if one is other:
        return True
    return np.array_equal(one.tets, other.tets) and np.array_equal(one.nodes_mm, other.nodes_mm)
