# SPDX-License-Identifier: BSD-3-Clause
"""Whether a mesh makes sense as a head: all checks that `TetMesh.check` makes, in their order."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ...core.messages import first_of, plural, point
from .. import tetrahedra
from ..checks import tet_name
from ..findings import Finding
from ..formats.raw import MeshArrays
from ..image_report import ImageReport
from ..label_fields import offered, possible_tissues
from ..names import as_option, as_tissues, contradicted, of_names, of_unused_names
from ..tissues import AIR, head_tags
from . import layers
from .contacts import Contacts, contacts_of
from .joints import gaps, not_joined
from .numbering import NUMBERINGS, candidates

__all__ = ["findings_of"]

_PLAUSIBLE_MM = (10.0, 2000.0)  # a head in metres or micrometres lies far outside
_HEAD_M = (0.1, 0.6)  # how large a head is, from an infant's to one with neck and shoulders
_TINY = 1e-7  # of the median volume
_MOST_LAYERS = 64  # tags: more are an atlas, and take too much memory
_FEWEST = 200  # tetrahedra: fewer can't be layers of a head, only somebody's first steps
_LISTED = 8
_FLAT = 1e-6  # six times the volume over the cube of the longest edge


class _Mesh(MeshArrays, Protocol):
    from_image: ImageReport | None

    def boundary(self) -> NDArray[np.int32]: ...
    def surface(self, tags: int | ArrayLike) -> NDArray[np.int32]: ...
    def surface_tets(self, tags: int | ArrayLike | None = None) -> NDArray[np.int32]: ...


def findings_of(mesh: _Mesh) -> Iterator[Finding]:
    """Yield what makes no sense in a head; `TetMesh.check` says more."""
    present = np.unique(mesh.tags).tolist()
    volumes_mm3 = tetrahedra.volumes(mesh.nodes_mm, mesh.tets)
    yield from _size(mesh)
    outer = mesh.boundary(), mesh.surface_tets()
    joints = not_joined(mesh, *outer) or gaps(mesh, *outer)
    yield from joints
    yield from _small(mesh, volumes_mm3)
    yield from of_names(mesh.tag_names, present)
    if present == [0]:
        yield _no_tissues(mesh)
        return
    if not mesh.is_part:
        yield from of_unused_names(mesh.tag_names, present)
        yield from _one_tissue(mesh, present)
    # Where tissues are not joined, what touches what tells nothing; nor do numbers that nobody gave.
    counted = any(one.name == "sets_as_tags" for one in mesh.from_file)
    whole = not (mesh.is_part or joints or counted) and mesh.n_tets >= _FEWEST
    if not head_tags(mesh.tags):
        if not mesh.is_part and mesh.n_tets >= _FEWEST:
            yield _no_head(present)
    elif whole and len(present) <= _MOST_LAYERS:
        yield from _anatomy(mesh, present, volumes_mm3)


def _size(mesh: MeshArrays) -> Iterator[Finding]:
    extent = float(np.ptp(mesh.nodes_mm, axis=0).max())
    possible = _PLAUSIBLE_MM[0] <= extent <= _PLAUSIBLE_MM[1]
    small = extent < 100.0 * _HEAD_M[1] and mesh.n_tets >= _FEWEST
    if possible and not small:
        return
    units = "are these its units?"
    for unit, per_metre in (("metres", 1.0), ("centimetres", 100.0), ("micrometres", 1e6)):
        if _HEAD_M[0] <= extent / per_metre <= _HEAD_M[1]:
            units = f"are they {unit}? (multiply them by {1000.0 / per_metre:g})"
    text = f"the mesh is {extent:.3g} mm across; its coordinates are taken as mm, {units}"
    yield Finding("size", "doubt" if possible else "warning", text)


def _small(mesh: MeshArrays, volumes: NDArray[np.float64]) -> Iterator[Finding]:
    """Look for tetrahedra that `TetMesh` takes, but that are far smaller or flatter than any mesh needs."""
    median = float(np.median(volumes))
    tiny = np.flatnonzero(volumes < _TINY * median)
    if len(tiny):
        first = int(tiny[volumes[tiny].argmin()])
        yield _about(
            mesh,
            "tiny_tetrahedra",
            len(tiny),
            first,
            f"{plural(len(tiny), 'tetrahedron is', 'tetrahedra are')} smaller than {_TINY:g} of the median; "
            f"the smallest, of {volumes[first]:.2g} mm³,",
        )
    suspects = np.flatnonzero((volumes < 1e-2 * median) & (volumes >= _TINY * median))
    squares = tetrahedra.squared_edges(mesh.nodes_mm[mesh.tets[suspects]].T)
    flat = suspects[6.0 * volumes[suspects] < _FLAT * squares.max(axis=0) ** 1.5]
    if len(flat):
        words = f"{plural(len(flat), 'tetrahedron is', 'tetrahedra are')} almost flat; the first"
        yield _about(mesh, "flat_tetrahedra", len(flat), int(flat[0]), words)


def _about(mesh: MeshArrays, name: str, count: int, first: int, words: str) -> Finding:
    centre = mesh.nodes_mm[mesh.tets[first]].mean(axis=0)
    text = (
        f"{words} is {tet_name(first, mesh.element_ids)} of tissue {mesh.tags[first]} at {point(centre)}; a "
        "solve may not converge: mesh.repaired(), read_mesh(path, repair=True) or --repair"
    )
    return Finding(name, "warning", text, count, tuple(centre.tolist()))


def _no_tissues(mesh: MeshArrays) -> Finding:
    may_be = offered(mesh.element_data)
    text = "no tissue tags found, all tetrahedra have tag 0; " + (
        may_be or "no field in it could be the tissues"
    )
    return Finding("no_tissues", "warning", text, mesh.n_tets)


def _one_tissue(mesh: MeshArrays, present: list[int]) -> Iterator[Finding]:
    """Look for a field that could be the tissues where the tags tell none apart."""
    fields = possible_tissues(mesh.element_data) if len(present) == 1 else {}
    several = {name: mesh.element_data[name] for name, values in fields.items() if len(values) > 1}
    if several:
        text = f"all tetrahedra have tag {present[0]}; if that is not one tissue, {offered(several)}"
        yield Finding("one_tissue", "doubt", text, mesh.n_tets)


def _no_head(present: list[int]) -> Finding:
    some = first_of(present, _LISTED)
    text = (
        f"all tags ({some}) are those of electrodes, gel and air; if they are tissues, "
        f"read_mesh(path, tags={{{present[0]}: …}}) or --tags {present[0]}=… says which"
    )
    return Finding("no_head", "doubt", text, len(present))


def _anatomy(mesh: _Mesh, present: list[int], volumes_mm3: NDArray[np.float64]) -> Iterator[Finding]:
    of_head = head_tags(mesh.tags)
    # The background of an image around the head, if it was meshed too.
    background = 0 in of_head[:-1] and bool(np.mean(mesh.tags[mesh.surface_tets()] == 0) > 0.5)
    if background:
        of_head.remove(0)
    around = None if of_head == present else of_head
    faces = mesh.boundary() if around is None else mesh.surface(around)
    contacts = contacts_of(mesh, faces, mesh.surface_tets(around), volumes_mm3)
    contacts = contacts.renumbered(contradicted(mesh.tag_names, present))  # that is told already
    if background:
        contacts = contacts.renumbered({0: AIR})
    if 0 in present:
        yield _tag_0(mesh, contacts, background)
    wrong = layers.misnumbered(contacts)
    for finding in wrong:
        of_labels = None if mesh.from_image is None else present
        yield _with_candidates(finding, candidates(contacts), of_labels)
    if not wrong and (background or 0 not in present):
        yield from layers.holes(contacts)
        yield from layers.volumes(contacts)


def _tag_0(mesh: MeshArrays, contacts: Contacts, background: bool) -> Finding:
    count = int((mesh.tags == 0).sum())
    text = f"{plural(count, 'tetrahedron has', 'tetrahedra have')} tag 0, which is no tissue"
    offers = [offer for offer in candidates(contacts) if 0 in offer[1]]
    if offers:
        return _with_candidates(Finding("tag_0", "warning", text, count), offers)
    text += (
        " and lies around the head: --without-tags 0 or mesh.crop(without_tags=0) leaves it out"
        if background
        else ": read_mesh(path, tags={0: …}) or --tags 0=… says what it is"
    )
    return Finding("tag_0", "warning", text, count)


def _with_candidates(
    finding: Finding, found: list[tuple[str, dict[int, int]]], of_labels: list[int] | None = None
) -> Finding:
    """Return the finding with the numberings that would make sense, and how to ask for them.

    For a mesh of a file, or of the labels of an image.
    """
    asked = [as_option(to) if of_labels is None else as_tissues(to, of_labels) for _, to in found]
    offers = [f"{name}: {words}" for (name, _), words in zip(found, asked, strict=True)]
    known = ", ".join(numbering.name for numbering in NUMBERINGS[:4])
    text = "the tags may be numbered as in " + "; or as in ".join(offers)
    if not offers:
        text = f"it is none of the numberings that are known: {known}"
    return Finding(
        finding.name, finding.severity, f"{finding.message}; {text}", finding.count, finding.where_mm
    )
