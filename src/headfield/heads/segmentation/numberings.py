# SPDX-License-Identifier: BSD-3-Clause
"""Which tissue a label stands for: the numberings of segmentation tools, or what the caller says."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ...core.arguments import is_whole
from ...core.messages import first_of
from ...errors import MeshError
from ..names import meaning
from ..tissues import BLOOD, CSF, ELECTRODES, EYES, GRAY_MATTER, SCALP, TISSUES, WHITE_MATTER

__all__ = ["NUMBERINGS", "OUTSIDE", "TissueChoice", "tag_of", "tags_of_labels"]

TissueChoice = str | Mapping[int, int | str | None] | Sequence[int | str]

OUTSIDE = 0  # the tag of what is not of the head
_LISTED = 12

# FreeSurfer's colour table, of which aseg, aparc+aseg, SynthSeg and SAMSEG use parts. Mixed structures go by
# what most of them is: brain stem and optic chiasm are white matter, the ventral diencephalon is gray matter,
# the choroid plexus fluid. "Vessel" is a few voxels in the basal ganglia.
_FREESURFER: dict[int, tuple[int, ...]] = {
    WHITE_MATTER: (
        *(2, 41, 7, 46, 16, 34, 66, 77, 78, 79, 85, 126, 173, 174, 175, 178, 192, 250, 267, 930, 5001, 5002),
        *range(251, 256),
        *(*range(3000, 3036), *range(4000, 4036), *range(13100, 13176), *range(14100, 14176)),
    ),
    GRAY_MATTER: (
        *(3, 42, 8, 47, 9, 48, 10, 49, 11, 50, 12, 51, 13, 52, 17, 53, 18, 54, 19, 55, 20, 56, 26, 58),
        *(27, 59, 28, 60, 30, 62, 80, 81, 82, 172, 183, 184, 11300, 12300),
        *(*range(1000, 1036), *range(2000, 2036), *range(11100, 11176), *range(12100, 12176)),
    ),
    CSF: (4, 43, 5, 44, 14, 15, 24, 31, 63, 72, 257),
    4: (165,),
    SCALP: (258, 907, 909, 911),
    EYES: (259,),
    7: (915,),
    8: (916,),
    BLOOD: (262, 902, 914),
    10: (908,),
    OUTSIDE: (0, 130),
}
_FREESURFER_TAGS = {label: tag for tag, labels in _FREESURFER.items() for label in labels}
NUMBERINGS: dict[str, dict[int, int]] = {
    "simnibs": {OUTSIDE: OUTSIDE, **{tag: tag for tag in TISSUES}},
    "synthseg": _FREESURFER_TAGS,
    "aseg": _FREESURFER_TAGS,
}


def tags_of_labels(
    counts: Mapping[int, int], tissues: str | Mapping[int, int | str | None] | None, name: str
) -> dict[int, int]:
    """Return the tag of each label that occurs, 0 for what is outside of the head.

    Parameters
    ----------
    counts : mapping of int to int
        How many voxels each label has.
    tissues : {"simnibs", "synthseg", "aseg"}, mapping, or None
        A numbering, or the tissue of each label: its tag, its name, or 0 or None for outside. None: the
        numbering of SimNIBS, if the labels can be of it.
    name : str
        What messages call the image.

    Raises
    ------
    MeshError
        Labels that the numbering doesn't have, each with its number of voxels; no such numbering; tissues
        that are none; nothing is in the head.

    Examples
    --------
    >>> tags_of_labels({0: 9000, 2: 500, 3: 400, 17: 20}, "aseg", "aseg.mgz")
    {0: 0, 2: 1, 3: 2, 17: 2}
    >>> tags_of_labels({0: 9000, 1: 500, 9: 3}, {1: "skin", 9: None}, "image")
    {0: 0, 1: 5, 9: 0}
    """
    if tissues is None:
        _check_obvious(counts, name)
        table = NUMBERINGS["simnibs"]
    elif isinstance(tissues, str):
        if tissues not in NUMBERINGS:
            raise MeshError(f"tissues must be a mapping or one of {sorted(NUMBERINGS)}, not {tissues!r}")
        table = NUMBERINGS[tissues]
    else:
        table = _given(tissues)
    missing = {label: count for label, count in counts.items() if label not in table}
    if missing:
        raise MeshError(_unlisted(missing, tissues, name))
    tags = {label: table[label] for label in counts}
    if not any(tags.values()):
        raise MeshError(
            f"{name}: no tissue: all of its labels {sorted(tags)} are taken as outside of the head"
        )
    return tags


def tag_of(value: Any, of: str) -> int:
    """Return the tag of a tissue that is given by its tag or name, 0 for what is outside of the head.

    Examples
    --------
    >>> tag_of(3, "label 7"), tag_of("gray matter", "label 7"), tag_of(None, "label 7")
    (3, 2, 0)
    """
    if value is None:
        return OUTSIDE
    if isinstance(value, str):
        known = meaning(value)
        if known is None:
            names = ", ".join(repr(tissue.name) for tissue in TISSUES.values())
            raise MeshError(f"tissues: {of} is {value!r}, not a tissue's name: {names}, or a tag")
        value = max(known.suggested, OUTSIDE)  # air is outside
    if not is_whole(value) or not 0 <= value < 1 << 15 or value in ELECTRODES:
        raise MeshError(
            f"tissues: {of} is {value!r}: a tag is a whole number from 1, 0 for outside of the head, and not "
            f"one of electrodes and gel ({ELECTRODES.start} to {ELECTRODES.stop - 1})"
        )
    return int(value)


def _given(tissues: Any) -> dict[int, int]:
    if not isinstance(tissues, Mapping):
        raise MeshError(
            f"tissues must be a mapping of labels to tissues or one of {sorted(NUMBERINGS)}, not "
            f"{type(tissues).__name__}"
        )
    table = {OUTSIDE: OUTSIDE}
    for label, value in tissues.items():
        if not is_whole(label) or label < 0:
            raise MeshError(f"tissues: {label!r} is no label: labels are whole numbers from 0")
        table[int(label)] = tag_of(value, f"label {label}")
    return table


def _check_obvious(counts: Mapping[int, int], name: str) -> None:
    """Raise MeshError unless labels can be numbered as SimNIBS does; say which numbering they may be of."""
    others = [label for label in counts if label not in NUMBERINGS["simnibs"]]
    if not others:
        return
    beyond = f"{name}: its labels {first_of(sorted(counts), _LISTED)} are not those of SimNIBS (0 to 12)"
    # Its table has most small numbers, such as one's own 10, 20 and 30: the white matter of both sides tells.
    if {2, 41} <= set(counts) <= set(_FREESURFER_TAGS):
        raise MeshError(
            f"{beyond} but look like FreeSurfer's (aseg, SynthSeg, SAMSEG): pass tissues='aseg' or "
            "--tissues aseg"
        )
    if all(label in ELECTRODES for label in others):
        raise MeshError(f"{beyond}: {_electrodes(others)}")
    raise MeshError(
        f"{beyond}, nor of a numbering that is known ({', '.join(sorted(NUMBERINGS))}): pass "
        f"tissues={{label: tissue, ...}} or --tissues LABEL=TISSUE,..., by tag or name"
    )


def _electrodes(labels: list[int]) -> str:
    outside = ", ".join(f"{label}: 0" for label in labels[:_LISTED])
    return (
        f"{first_of(labels, _LISTED)} are electrodes and gel, which are no part of the head: pass "
        f"tissues={{1: 1, 2: 2, ..., {outside}}} to leave them out"
    )


def _unlisted(missing: Mapping[int, int], tissues: Any, name: str) -> str:
    said = first_of([f"{label} ({count:,} voxels)" for label, count in missing.items()], 2 * _LISTED)
    what = f"numbering {tissues!r}" if isinstance(tissues, str) else "mapping"
    if isinstance(tissues, str) and all(label in ELECTRODES for label in missing):
        return f"{name}: {_electrodes(list(missing))}"
    return (
        f"{name}: the {what} says no tissue for the labels {said}: pass tissues={{label: tissue, ...}} or "
        "--tissues LABEL=TISSUE,... with all labels, by tag or name, 0 for what is outside of the head"
    )
