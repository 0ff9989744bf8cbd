# SPDX-License-Identifier: BSD-3-Clause
"""A head of tetrahedra from an image whose voxels are labelled by tissue."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ...core.arguments import not_negative, within
from ...core.messages import doubt, warn
from ...errors import MeshError
from ...io.volume import Volume
from ..image_report import ImageReport
from ..mesh import TetMesh
from ..names import called
from ..tissues import BRAIN, CSF
from .borders import check_borders
from .fidelity import report_of
from .image import GivenImage, given, label_counts, labels_of, maps_of
from .islands import joined_to_head, said_of, without_islands
from .lattice import checked_edge, mesh_level_sets
from .level_sets import LevelSets
from .levels_of import check_all_there, level_sets_of, parts_joined, with_fluid
from .numberings import TissueChoice, tag_of, tags_of_labels
from .shells import OUTSIDE_SKULL, lacking, with_shells
from .tissue_image import TissueImage, inside_out

__all__ = ["head_from_labels", "tissue_image"]

_MOST_FLUID_MM = 10.0  # above crowns of gyri: more than shrunken brains have
_ACROSS_MM = 15.0  # between parts of a brain, such as hemispheres; what is farther gets no skull of its own
_LEAST_SHOWN = 0.8  # of a tissue's volume in the image: a mesh with less is told


def head_from_labels(
    image: Volume,
    tissues: TissueChoice | None = None,
    edge_mm: float = 2.5,
    *,
    shells: bool = False,
    min_island_mm3: float | None = None,
    keep_csf_mm: float = 0.0,
    progress: Callable[[str], None] | None = None,
) -> TetMesh:
    """Make a head mesh from a segmented MRI.

    The labels are smoothed by a Gaussian of 0.8 voxels, and interfaces of the mesh lie where two tissues have
    equal shares, but for a shift that keeps the volumes of the voxels. `docs/heads_from_images.md` says what
    is checked, and what each option is for.

    Parameters
    ----------
    image : path, or (affine, data)
        .nii, .nii.gz, .mgz or .mgh; or the affine (4, 4), from voxel indices to mm RAS, and the labels
        (nx, ny, nz), whole numbers from 0. Or maps (nx, ny, nz, k) of the share, 0 to 1, of k tissues.
    tissues : {"simnibs", "synthseg", "aseg"}, mapping of int, or list, optional
        The numbering of the labels; "synthseg" and "aseg" are FreeSurfer's. A mapping says the tissue of each
        label by its tag or name, and 0 or None for what is outside of the head, such as air; label 0 is
        outside unless it says otherwise. A list says the tissues of maps. By default labels 0 to 12 are taken
        as SimNIBS numbers them.
    edge_mm : float
        Scale of the edges, mm: their mean is 0.7 times that in gray matter and CSF, 1.3 times in the scalp.
        A head has about 0.75 million nodes at 2.5. From 0.5 to 20.
    shells : bool
        Whether to grow cerebrospinal fluid, skull and scalp by geometry where the image has none.
    min_island_mm3 : float, optional
        Parts of tissues below this volume are given to what surrounds them. Default: the cube of an edge.
    keep_csf_mm : float
        The least distance between brain and skull, mm, at most 10: the brain gives way where the image has
        less. 0: as in the image.
    progress : callable, optional
        Called with a line at the beginning of each step.

    Returns
    -------
    TetMesh
        With `tag_names`, and with volumes, distances and angles in ``summary()["image"]``.

    Raises
    ------
    MeshError
        The image is no segmentation of a head: slices, intensities, fractions, NaN, no tissue, labels that
        the numbering lacks, no skull or scalp, a head in two parts or cut by the border of the image. A
        tissue would be lost. Arguments out of range.
    FileFormatError, OSError
        The file is damaged, of another kind, or can't be read.

    Warns
    -----
    PlausibilityWarning
        Islands were removed, the head touches the border, it has no brain or no fluid around it, the mesh has
        less than 0.8 of a tissue of the image, or the layers of tissues are those of no head.
    UserWarning
        Shells were grown.

    Examples
    --------
    A ball of gray matter in fluid, skull and scalp, on voxels of 4 mm:

    >>> import headfield as hf
    >>> r = np.linalg.norm(np.indices((51, 51, 51)) - 25, axis=0) * 4
    >>> labels = np.select([r < 72, r < 78, r < 85, r < 92], [2, 3, 4, 5], 0)
    >>> affine = np.diag([4.0, 4, 4, 1])
    >>> affine[:3, 3] = -100
    >>> head = hf.head_from_labels((affine, labels), edge_mm=8)
    >>> {tag: head.tag_names[tag] for tag in np.unique(head.tags).tolist()}
    {2: 'gray matter', 3: 'CSF', 4: 'bone', 5: 'scalp'}
    >>> [round(one["ratio"], 1) for one in head.summary()["image"]["volumes"].values()]
    [1.0, 1.0, 1.0, 1.0]
    """
    edge_mm = checked_edge(edge_mm)
    keep_csf_mm = within(keep_csf_mm, "keep_csf_mm", MeshError, 0.0, _MOST_FLUID_MM)
    smallest = (
        edge_mm**3 if min_island_mm3 is None else not_negative(min_island_mm3, "min_island_mm3", MeshError)
    )
    say = progress if progress is not None else _nothing
    say("reading the image")
    segmented = tissue_image(given(image), tissues)
    _check_layers(segmented, shells)
    say("removing islands")
    segmented, removed = without_islands(segmented, smallest)
    segmented, apart_mm3 = joined_to_head(segmented, _ACROSS_MM if shells else 0.0)
    check_borders(segmented)
    say("smoothing the tissues")
    levels, grown, cut_mm3 = _levels(segmented, edge_mm, shells, keep_csf_mm)
    note = said_of(removed, apart_mm3 + cut_mm3)
    if note:
        doubt(f"{segmented.name}: {note}")
    say("making tetrahedra")
    mesh = mesh_level_sets(levels, edge_mm)
    say("comparing with the image")
    return _told(mesh, levels, segmented, note, grown)


def tissue_image(image: GivenImage, tissues: Any = None) -> TissueImage:
    """Sort the voxels of an image by tissue.

    Parameters
    ----------
    image : GivenImage
    tissues : {"simnibs", "synthseg", "aseg"}, mapping, list, or None
        As for `head_from_labels`.

    Raises
    ------
    MeshError
        As for `head_from_labels`.

    Examples
    --------
    >>> labels = np.zeros((4, 4, 4), int)
    >>> labels[1, 1], labels[2, 2] = 3, 41
    >>> image = tissue_image(given((np.eye(4), labels)), "aseg")
    >>> image.tags, image.voxels[1, 1, 0], image.voxels[2, 2, 0]
    ((1, 2), np.uint8(2), np.uint8(1))
    """
    if isinstance(tissues, (list, tuple)):
        return _of_maps(image, tissues)
    labels = labels_of(image)
    chosen = tags_of_labels(label_counts(labels, image.name), tissues, image.name)
    tags = inside_out(tag for tag in chosen.values() if tag)
    place = np.zeros(max(chosen) + 1, np.uint8)
    for label, tag in chosen.items():
        place[label] = tags.index(tag) + 1 if tag else 0
    return TissueImage(image.name, image.affine, tags, place[labels])


def _of_maps(image: GivenImage, tissues: list[Any] | tuple[Any, ...]) -> TissueImage:
    maps = maps_of(image)
    if len(tissues) != len(maps):
        raise MeshError(
            f"{image.name}: it has {len(maps)} maps, but tissues says what {len(tissues)} of them are"
        )
    of_map = [tag_of(value, f"map {i}") for i, value in enumerate(tissues)]
    tags = inside_out(tag for tag in of_map if tag)
    if not tags:
        raise MeshError(f"{image.name}: no tissue: all of its maps are taken as outside of the head")
    summed = np.stack([maps[[i for i, one in enumerate(of_map) if one == tag]].sum(axis=0) for tag in tags])
    shares = np.concatenate([(1 - summed.sum(axis=0))[None], summed])
    voxels = shares.argmax(axis=0).astype(np.uint8)
    if not voxels.any():
        raise MeshError(f"{image.name}: no tissue: none has the largest share of any voxel")
    for i, tag in enumerate(tags, 1):
        if not (voxels == i).any():
            raise MeshError(
                f"{image.name}: no voxel of {called(tag, {})}: it has the largest share of none; give None "
                "for its map to leave it out"
            )
    return TissueImage(image.name, image.affine, tags, voxels, np.ascontiguousarray(shares[1:]))


def _check_layers(image: TissueImage, shells: bool) -> None:
    """Raise MeshError for a head without skull or scalp, unless they are to be grown."""
    lacks = lacking(image.tags)
    there = ", ".join(called(tag, {}) for tag in image.tags)
    if lacks and not shells:
        raise MeshError(
            f"{image.name}: no {' and no '.join(lacks)} among its tissues ({there}): shells=True or "
            "--shells grows what lacks by geometry around the brain, or tissues={...} says which label it is"
        )
    if "skull" in lacks and set(image.tags) <= set(OUTSIDE_SKULL):
        raise MeshError(f"{image.name}: shells grow around a brain, and the image has none, only {there}")


def _levels(
    image: TissueImage, edge_mm: float, shells: bool, keep_csf_mm: float
) -> tuple[LevelSets, tuple[str, ...], float]:
    """Return the level sets, what was grown, and the volume in mm³ of what smoothing has cut off."""
    levels = level_sets_of(image, edge_mm)
    grown: tuple[str, ...] = ()
    if shells:
        levels, grown = with_shells(levels)
        if grown:
            warn(f"{image.name}: {', '.join(grown)} grown around the brain by geometry: no anatomy")
    if keep_csf_mm:
        levels = with_fluid(levels, keep_csf_mm, image.name)
    levels, cut_mm3 = parts_joined(levels, image.name)
    check_all_there(levels, image.name)
    return levels, grown, cut_mm3


def _told(mesh: TetMesh, levels: LevelSets, image: TissueImage, note: str, grown: tuple[str, ...]) -> TetMesh:
    """Return the mesh with its report; raise for tissues that it lacks, and say what is odd about it."""
    lost = sorted(set(levels.tags) - set(np.unique(mesh.tags).tolist()))
    if lost:
        names = ", ".join(called(tag, {}) for tag in lost)
        raise MeshError(
            f"{image.name}: no tetrahedron is left of {names}: a shorter edge_mm keeps what is thin"
        )
    report = mesh.from_image = report_of(mesh, levels, image.name, note, grown)
    for finding in mesh.check():
        say = doubt if finding.severity == "doubt" else warn
        say(f"{image.name}: {finding.message}")
    _doubt_contents(report, image)
    return mesh


def _doubt_contents(report: ImageReport, image: TissueImage) -> None:
    """Say what the mesh lacks, or has much less of than the voxels of the image, counted without islands."""
    volumes = report.volumes
    if not volumes.keys() & set(BRAIN):
        doubt(f"{image.name}: no brain in the mesh: neither white nor gray matter")
    elif CSF not in volumes:
        doubt(f"{image.name}: no CSF in the mesh: the skull lies on the brain")
    shares = {tag: volumes[tag].mesh_mm3 / (n * image.voxel_mm3) for tag, n in image.counts().items()}
    few = [f"{share:.0%} of its {called(tag, {})}" for tag, share in shares.items() if share < _LEAST_SHOWN]
    if few:
        doubt(
            f"{image.name}: the mesh has {', '.join(few)}: what is thin needs a shorter edge_mm; keep_csf_mm "
            "and shells take from what is in their way"
        )


def _nothing(_: str) -> None:
    """Say nothing."""
