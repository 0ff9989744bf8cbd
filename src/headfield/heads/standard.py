# SPDX-License-Identifier: BSD-3-Clause
"""The conductivity of a mesh, whose tags must mean what the table of tissues says."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from ..core.messages import first_of
from ..errors import ConductivityError
from .conductivity import resolve
from .findings import Finding
from .formats.raw import MeshArrays
from .label_fields import offered
from .names import as_option, contradicted, taken_for
from .tissue_words import by_tag
from .tissues import tissue

__all__ = ["conductivity_of"]

_LISTED = 4


def conductivity_of(
    mesh: MeshArrays, conductivity: float | Mapping[Any, float] | ArrayLike | None
) -> np.ndarray:
    """Return the conductivity of each tetrahedron of a mesh; see `resolve`.

    Parameters
    ----------
    mesh : TetMesh
    conductivity : None, float, dict, array_like (m,) or (m, 3, 3)
        S/m. The dict is by tag or by the name of a tissue, see `headfield.heads.tissue_words`.

    Returns
    -------
    ndarray (m,) or (m, 3, 3) float64
        S/m.

    Raises
    ------
    ConductivityError
        As `resolve`. A name that no tissue has. Or a standard value would be taken for a tag that the file
        calls another tissue, that is only the place of a set in the file, or that all tetrahedra have because
        none was found.

    Examples
    --------
    >>> from headfield.heads.mesh import TetMesh
    >>> nodes, tets = [[0, 0, 0], [90, 0, 0], [0, 90, 0], [0, 0, 90]], [[0, 1, 2, 3]]
    >>> mesh = TetMesh(nodes, tets, tags=[1], tag_names={1: "scalp"})
    >>> conductivity_of(mesh, {1: 0.4})
    array([0.4])
    >>> conductivity_of(mesh, None)  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    ...
    headfield.errors.ConductivityError: no conductivity for tag 1, called 'scalp' in the file, which is ...
    """
    if isinstance(conductivity, Mapping):
        conductivity = by_tag(mesh, conductivity, "conductivity")
    if conductivity is None or isinstance(conductivity, Mapping):
        present = np.unique(mesh.tags).tolist()
        _check_meant(mesh, [tag for tag in present if tag not in (conductivity or {})], present)
    return resolve(conductivity, mesh.tags)


def _check_meant(mesh: MeshArrays, standard: list[int], present: list[int]) -> None:
    """Raise for tags whose standard value would be taken, though they don't mean what the table says."""
    if standard == present == [0]:
        may_be = offered(mesh.element_data) or "tag them, or give one conductivity for all as {0: S/m}"
        raise ConductivityError(f"the head has no tissues, all its tags are 0; {may_be}")
    wrong = contradicted(mesh.tag_names, present)
    for tag in standard:
        if tag in wrong and tissue(tag) is not None:
            raise ConductivityError(
                f"no conductivity for tag {tag}, called {mesh.tag_names[tag]!r} in the file, which is "
                f"{taken_for(tag)} in the table: {as_option(wrong)}, or give one as {{{tag}: S/m}} or "
                f"--conductivity {tag}=S/m"
            )
    placed: list[Finding] = [one for one in mesh.from_file if one.name == "sets_as_tags"]
    named = [f"{tag} {mesh.tag_names.get(tag, '')!r}" for tag in standard if tissue(tag) is not None]
    if placed and named:
        raise ConductivityError(
            f"no conductivity for tags {first_of(named, _LISTED)}: the file numbers no tissues, "
            "these are its sets in their order. Say which tissues they are, tags={1: …} or --tags 1=…, or "
            "give values as {1: S/m}"
        )
