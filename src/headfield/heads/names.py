# SPDX-License-Identifier: BSD-3-Clause
"""What files call tissues, and whether that fits the table of tissues."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from .findings import Finding
from .tissues import tissue

__all__ = [
    "LONGEST_TAG_NAME",
    "Meaning",
    "as_option",
    "as_tissues",
    "called",
    "contradicted",
    "meaning",
    "of_names",
    "of_unused_names",
    "tags_of_names",
    "taken_for",
    "usable_names",
    "words_of_tissues",
]

LONGEST_TAG_NAME = 127  # letters; Gmsh reads no more of a name


class Meaning(NamedTuple):
    """The tags of the table that a name may stand for, and the one to suggest."""

    tags: range | tuple[int, ...]
    suggested: int


_AIR = Meaning(range(-(2**31), 0), -1)
_BRAIN = Meaning((1, 2), 2)  # which of the two can't be told
_WORDS = {
    Meaning((1,), 1): "whitematter wm white cerebralwhitematter",
    Meaning((2,), 2): "graymatter greymatter gm gray grey cortex cerebralcortex graymattercortex",
    Meaning((3,), 3): "csf cerebrospinalfluid liquor ventricle ventricles",
    Meaning((4, 7, 8), 4): "bone skull bones skullbone cranium calvaria",
    Meaning((5,), 5): "scalp skin",
    Meaning((5, 10, 12), 5): "soft softtissues",
    Meaning((6,), 6): "eye eyes eyeball eyeballs",
    Meaning((4, 7), 7): "compactbone compact bonecompact skullcompact compacta corticalbone bonecortical",
    Meaning((4, 8), 8): "spongybone spongy bonespongy skullspongy spongiosa cancellousbone cancellous diploe",
    Meaning((9,), 9): "blood vessels bloodvessels",
    Meaning((10,), 10): "muscle muscles",
    Meaning((11,), 11): "cartilage",
    Meaning((12,), 12): "fat",
    _BRAIN: "brain braintissue cerebrum",
    _AIR: "air sinus sinuses aircavities airpockets cavities",
    Meaning(range(500, 900), 500): "gel saline salineorgel sponge",
    Meaning(range(100, 500), 100): "electrode electrodes rubber elec electroderubber",
}
_MEANINGS = {word: means for means, words in _WORDS.items() for word in words.split()}
# Words that say nothing of the tissue.
_FILLERS = (
    *("tissue", "volume", "vol", "region", "label", "mat", "material", "domain", "part", "block", "set"),
    *("left", "right", "lh", "rh"),
)


def meaning(name: str) -> Meaning | None:
    """Return what a name of a tissue stands for, or None if it is not a known one.

    Case, digits, what stands between words, and words such as "volume" don't matter.

    Examples
    --------
    >>> [meaning(name).suggested for name in ("WHITE", "GrayMatter", "1_skin", "Volume CSF", "skull")]
    [1, 2, 5, 3, 4]
    >>> meaning("temporal lobe")
    """
    words = re.findall(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])", name)
    kept = [word.lower() for word in words if word.lower() not in _FILLERS]
    return _MEANINGS.get("".join(kept))


def words_of_tissues() -> dict[str, Meaning]:
    """Return what each word of the table of names stands for: lower case, without spaces.

    Examples
    --------
    >>> words_of_tissues()["graymatter"].suggested, words_of_tissues()["skull"].tags
    (2, (4, 7, 8))
    """
    return dict(_MEANINGS)


def contradicted(names: Mapping[int, str], present: Iterable[int]) -> dict[int, int]:
    """Return the tags whose name is that of another tissue in the table, with the tag to suggest for each.

    Examples
    --------
    >>> contradicted({1: "scalp", 2: "GM", 3: "lobe", 4: "skull"}, [1, 2, 3, 4])
    {1: 5}

    A brain that is one tissue is taken as white matter where it has tag 1 by another numbering:

    >>> contradicted({1: "brain", 2: "skull"}, [1, 2]), contradicted({1: "brain", 5: "scalp"}, [1, 5])
    ({1: 2, 2: 4}, {})
    """
    meanings = {tag: known for tag in present if tag in names and (known := meaning(names[tag]))}
    wrong = {tag: known.suggested for tag, known in meanings.items() if tag not in known.tags}
    brains = [tag for tag, known in meanings.items() if known == _BRAIN]
    if wrong and len(brains) == 1 and all(known.tags not in ((1,), (2,)) for known in meanings.values()):
        wrong |= {brains[0]: _BRAIN.suggested} if brains[0] != _BRAIN.suggested else {}
    return dict(sorted(wrong.items()))


def called(tag: int, names: Mapping[int, str]) -> str:
    """Return what a tag is called: as in the table; in the file's words if those are of another tissue.

    Examples
    --------
    >>> called(2, {2: "GM"}), called(2, {2: "skull"}), called(77, {})
    ('gray matter', "tag 2, called 'skull' in the file", 'tag 77')
    """
    known = tissue(tag)
    if known is not None and tag not in contradicted(names, [tag]):
        return known.name
    return f"tag {tag}, called {names[tag]!r} in the file" if tag in names else f"tag {tag}"


def as_option(mapping: Mapping[int, int]) -> str:
    """Return how a renumbering of tags is asked for.

    Examples
    --------
    >>> print(as_option({1: 5, 2: 3}))
    read_mesh(path, tags={1: 5, 2: 3}) or --tags 1=5,2=3
    """
    words = ",".join(f"{old}={new}" for old, new in mapping.items())
    return f"read_mesh(path, tags={dict(mapping)}) or --tags {words}"


def as_tissues(mapping: Mapping[int, int], present: Iterable[int]) -> str:
    """Return how a renumbering of the labels of an image is asked for; what is left out is outside of it.

    Examples
    --------
    >>> print(as_tissues({1: 2, 2: 1, 6: -1}, [1, 2, 3, 6]))
    tissues={1: 2, 2: 1, 3: 3, 6: 0} or --tissues 1=2,2=1,3=3,6=0
    """
    whole = {tag: max(mapping.get(tag, tag), 0) for tag in present}
    return f"tissues={whole} or --tissues {','.join(f'{label}={tag}' for label, tag in whole.items())}"


def taken_for(tag: int) -> str:
    """Return what a tag is in the table, with its standard conductivity."""
    known = tissue(tag)
    return f"{known.name} ({known.conductivity:g} S/m)" if known else "no tissue of the table"


def of_names(names: Mapping[int, str], present: list[int]) -> list[Finding]:
    """Return what is found in comparing the names of a file with the table of tissues.

    Examples
    --------
    >>> print(of_names({1: "scalp"}, [1])[0].message)  # doctest: +ELLIPSIS
    tag 1 is called 'scalp' in the file and taken as white matter (0.126 S/m): read_mesh(path, tags=...
    """
    wrong = contradicted(names, present)
    if not wrong:
        return []
    said = [f"tag {tag} is called {names[tag]!r} in the file and taken as {taken_for(tag)}" for tag in wrong]
    more = f", and {len(said) - 4} more" if len(said) > 4 else ""
    message = f"{'; '.join(said[:4])}{more}: {as_option(wrong)} takes the tissues by their names"
    return [Finding("names_contradict", "warning", message, len(wrong))]


def of_unused_names(names: Mapping[int, str], present: list[int]) -> list[Finding]:
    """Return the finding that a file names tissues, but none of those that are there.

    Examples
    --------
    >>> print(of_unused_names({11: "scalp"}, [1])[0].message)  # doctest: +ELLIPSIS
    the file names tissues (11 'scalp'), but no tetrahedron has any of these tags: are those that ...
    """
    if not names or names.keys() & set(present):
        return []
    listed = ", ".join(f"{tag} {name!r}" for tag, name in list(names.items())[:4])
    more = ", …" if len(names) > 4 else ""
    text = (
        f"the file names tissues ({listed}{more}), but no tetrahedron has any of these tags: are those that "
        f"are there ({', '.join(map(str, present[:8]))}{', …' if len(present) > 8 else ''}) other numbers?"
    )
    return [Finding("names_unused", "warning", text, len(names))]


def tags_of_names(names: list[str]) -> list[int] | None:
    """Return the tags of the table for names that are all of different, known tissues; None otherwise.

    Examples
    --------
    >>> tags_of_names(["GRAY_MATTER", "CSF", "SCALP"]), tags_of_names(["brain", "CSF"])
    ([2, 3, 5], None)
    """
    known = [meaning(name) for name in names]
    tags = [one.suggested for one in known if one is not None and one != _BRAIN]
    return tags if len(tags) == len(names) == len(set(tags)) else None


def usable_names(names: Mapping[int, str]) -> dict[int, str]:
    """Return the names of a file's tissues as a mesh takes them: printable, without quotes, not too long.

    Examples
    --------
    >>> usable_names({1: ' "white\\tmatter" ', 2: "", 3: "CSF"})
    {1: 'white matter', 3: 'CSF'}
    """
    kept = {}
    for tag, name in names.items():
        printable = "".join(letter if letter.isprintable() else " " for letter in name).replace('"', " ")
        if printable.strip():
            kept[tag] = " ".join(printable.split())[:LONGEST_TAG_NAME]
    return kept
