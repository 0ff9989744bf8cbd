# SPDX-License-Identifier: BSD-3-Clause
"""Tissues by name wherever a tag is taken: "gray matter", "gm", "skull", or what a file calls one.

Case, spaces, hyphens and underscores do not matter. A name that the file of the head gives to its tags means
these; any other name is looked up in the table of `names`, and refused where the file calls these tags
something else, or others so in other words:

- one tissue: "white", "wm", "gray", "grey", "gm", "cortex", "csf", "scalp", "skin", "eyes", "blood",
  "muscle", "cartilage", "fat", "compact bone", "spongy bone" …;
- several, of which those are meant that the head has: "skull" and "bone" (4, 7 and 8), "brain" (1 and 2),
  "soft tissues" (5, 10 and 12), "air" (negative tags), "electrodes" (100 to 499), "gel" (500 to 899).

Where the head has none of them, a name stands for the tag that it mostly has, so that what is said of a tag
that is not there is said of a name as well.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any, Protocol, TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..core.arguments import is_whole, whole_numbers
from ..core.messages import nearest_name, quoted
from ..errors import ConductivityError, HeadfieldError, RegionError
from .names import Meaning, called, contradicted, words_of_tissues
from .tissues import TISSUES

__all__ = ["Tissues", "by_tag", "listed", "tags_of", "without_names", "words_of"]

T = TypeVar("T")
#: Tags, names, or several of them.
Tissues = int | str | ArrayLike | Iterable[int | str]

# Either of two tags may have such a name in a file, and one of them is asked for by it.
_ONE = ("compact bone", "spongy bone")
_NUMBER = r"[-+]?\d{1,9}"


class _Tagged(Protocol):
    @property
    def tags(self) -> NDArray[Any]: ...
    @property
    def tag_names(self) -> Mapping[int, str]: ...


def tags_of(
    mesh: _Tagged, tissues: Tissues, name: str = "tags", error: type[HeadfieldError] = RegionError
) -> list[int]:
    """Return the tags of tissues that are given by tags, by names, or by both.

    Parameters
    ----------
    mesh : TetMesh
        Whose own names of tissues come first.
    tissues : int, str, or sequence of them
    name : str
        What the message calls them.
    error : type of HeadfieldError

    Returns
    -------
    list of int
        Ascending, each once. Tags that are given as numbers are not looked up in the mesh.

    Raises
    ------
    HeadfieldError
        Of the given type: a name that there is not, with one that it may be meant for; one that is another
        tissue in the file than in the table; or no whole numbers.

    Examples
    --------
    >>> from headfield.heads.phantom import phantom_head
    >>> head = phantom_head(edge_mm=8)
    >>> tags_of(head, "gm"), tags_of(head, ["White matter", 5]), tags_of(head, "skull")
    ([2], [1, 5], [4])
    >>> tags_of(head, "gray mater")
    Traceback (most recent call last):
    ...
    headfield.errors.RegionError: tags: there is no tissue 'gray mater', did you mean 'gray matter'?
    """
    numbers: list[int] = whole_numbers(without_names(mesh, tissues, name, error), name, error).tolist()
    return numbers


def without_names(mesh: _Tagged, tissues: Any, name: str, error: type[HeadfieldError]) -> Any:
    """Do what `tags_of` does where there are names; without any, return what was given as it is.

    Examples
    --------
    >>> from headfield.heads.phantom import phantom_head
    >>> head = phantom_head(edge_mm=8)
    >>> without_names(head, ["CSF", 2], "tags", RegionError), without_names(head, 7, "tags", RegionError)
    ([2, 3], 7)
    """
    if isinstance(tissues, str):
        tissues = [tissues]
    if not isinstance(tissues, (list, tuple)) or not any(isinstance(one, str) for one in tissues):
        return tissues
    found: set[int] = set()
    for one in tissues:
        found.update(_tags(mesh, one, name, error) if isinstance(one, str) else [_whole(one, name, error)])
    return sorted(found)


def words_of(text: str) -> tuple[int | str, ...]:
    """Return the tags and names of tissues in a list such as "1,gray"; ValueError for what is neither.

    Examples
    --------
    >>> words_of("1, gray matter")
    (1, 'gray matter')
    """
    words = [word.strip() for word in text.split(",")]
    return tuple(word if any(map(str.isalpha, word)) else _number(word) for word in words)


def by_tag(mesh: _Tagged, values: Mapping[Any, T], name: str) -> dict[Any, T]:
    """Return values that are given by tags or names of tissues as values by tag.

    What is neither is kept as it is, for those to refuse who check tags.

    Raises
    ------
    ConductivityError
        A name that there is not, or two that mean one tag.

    Examples
    --------
    >>> from headfield.heads.phantom import phantom_head
    >>> head = phantom_head(edge_mm=8)
    >>> by_tag(head, {"gray matter": 0.3, 5: 0.4}, "conductivity")
    {2: 0.3, 5: 0.4}
    >>> by_tag(head, {"gray": 0.3, 2: 0.4}, "conductivity")
    Traceback (most recent call last):
    ...
    headfield.errors.ConductivityError: conductivity: tag 2 is given twice, as 'gray' and 2
    """
    if not any(isinstance(key, str) for key in values):
        return dict(values)
    found: dict[Any, T] = {}
    of: dict[Any, Any] = {}
    for key, value in values.items():
        tags = _tags(mesh, key, name, ConductivityError) if isinstance(key, str) else [key]
        for tag in tags:
            if tag in found:
                raise ConductivityError(f"{name}: tag {tag} is given twice, as {of[tag]!r} and {key!r}")
            found[tag], of[tag] = value, key
    return found


def listed(mesh: _Tagged) -> str:
    """Return the tissues of a mesh as a message lists them.

    Examples
    --------
    >>> from headfield.heads.phantom import phantom_head
    >>> listed(phantom_head(edge_mm=8))
    '1 white matter, 2 gray matter, 3 CSF, 4 bone, 5 scalp'
    """
    there = np.unique(mesh.tags).tolist()
    names = {tag: called(tag, {}) for tag in there}
    return ", ".join(f"{tag}" if names[tag] == f"tag {tag}" else f"{tag} {names[tag]}" for tag in there)


def _tags(mesh: _Tagged, word: str, name: str, error: type[HeadfieldError]) -> list[int]:
    """Return the tags that a name means in a mesh."""
    own: dict[str, list[int]] = {}
    for tag, called_so in mesh.tag_names.items():
        own.setdefault(_plain(called_so), []).append(tag)
    own.pop("", None)
    tags, suggested = _known(word, own, name, error)
    there = np.unique(mesh.tags).tolist()
    if _plain(word) not in own and not re.fullmatch(_NUMBER, word.strip()):
        _check_meant(word, tags, contradicted(mesh.tag_names, there), mesh.tag_names, name, error)
    present = [tag for tag in there if tag in tags]
    return present or [suggested]


def _check_meant(
    word: str,
    tags: Any,
    wrong: Mapping[int, int],
    names: Mapping[int, str],
    name: str,
    error: type[HeadfieldError],
) -> None:
    """Raise for a name of the table where tags are `wrong`: the file calls them by names of other tissues."""
    for tag, meant in wrong.items():
        if (tag in tags) != (meant in tags):
            raise error(
                f"{name}: {quoted(word)} may be another tissue in the file of the head than in the table, as "
                f"it calls tag {tag} {names[tag]!r}: use the names of the file, or tags"
            )


def _known(
    word: str, own: Mapping[str, list[int]], name: str, error: type[HeadfieldError]
) -> tuple[Any, int]:
    """Return the tags that a name may mean, and the one that it mostly means."""
    plain = _plain(word)
    if re.fullmatch(_NUMBER, word.strip()):  # a number that came as text
        return [int(word)], int(word)
    if plain in own:
        return own[plain], own[plain][0]
    means = _table().get(plain)
    if means is None:
        names = [*(tissue.name for tissue in TISSUES.values()), *words_of_tissues(), *own]
        there = ", ".join(repr(tissue.name) for tissue in TISSUES.values())
        near = nearest_name(word, names, 0.7) or f"; there: {there}, or tags"
        raise error(f"{name}: there is no tissue {quoted(word)}{near}")
    return means.tags, means.suggested


def _table() -> dict[str, Meaning]:
    words = words_of_tissues()
    for one in _ONE:
        tag = words[_plain(one)].suggested
        words = {w: Meaning((tag,), tag) if m == words[_plain(one)] else m for w, m in words.items()}
    tags = {_plain(tissue.name): Meaning((tag,), tag) for tag, tissue in TISSUES.items()}
    return tags | words


def _number(word: str) -> int:
    if not re.fullmatch(_NUMBER, word):  # int takes 1_0 as well
        raise ValueError(f"{word!r} is neither a tag nor a name")
    return int(word)


def _plain(word: str) -> str:
    return re.sub(r"[\s_-]+", "", word).lower()


def _whole(value: Any, name: str, error: type[HeadfieldError]) -> int:
    if not is_whole(value):
        raise error(f"{name}: {value!r} is neither a tag, which is a whole number, nor the name of a tissue")
    return int(value)
