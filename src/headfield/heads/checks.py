# SPDX-License-Identifier: BSD-3-Clause
"""Checks and repairs of the arrays that a `TetMesh` is made of; what they can't take raises MeshError."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..core.arguments import is_whole, plain_array
from ..core.device import cpu
from ..core.messages import plural, point
from ..errors import MeshError
from .names import LONGEST_TAG_NAME
from .tetrahedra import chunks, determinants

# 6 V below this times the cube of the longest edge at the first node counts as no volume. Rounding of the
# determinant stays below 1e-14 of that cube, and one this flat would ruin the condition of any matrix.
FLATNESS_LIMIT = 1e-10

# Beyond this no determinant is trusted, and no head is that large.
LARGEST_COORDINATE_MM = 1e9

MOST_COMPONENTS = 1000  # of a field, per node or element: more are a sign of damage
_LONGEST_NAME = 4000  # of a field: the reader of .msh files takes no longer lines

Ids = NDArray[np.int64] | None


class FlawError(MeshError):
    """A mesh that can't be used as it is, but that a repair may mend."""


def tet_name(index: int, ids: Ids) -> str:
    """Return what a message calls a tetrahedron: its index, and its id in the source if there is one."""
    return f"tetrahedron {index}" if ids is None else f"tetrahedron {index} (element id {ids[index]})"


def _read_only(array: NDArray[Any], given: NDArray[Any]) -> NDArray[Any]:
    # Copy what somebody else could still write to. A read-only array is taken as it is, to save memory.
    if array.flags.writeable and np.may_share_memory(array, given):
        array = array.copy()
    array = array.view()
    array.flags.writeable = False
    return array


def as_coordinates(values: ArrayLike, name: str = "nodes_mm") -> NDArray[np.float64]:
    """Return points as float64 (n, 3), read-only; raise unless they are finite and lengths of a head, mm."""
    array = plain_array(values, name, MeshError, truth=False)
    if array.ndim != 2 or array.shape[1] != 3:
        raise MeshError(f"{name} must have shape (n, 3), not {array.shape}")
    if array.dtype.kind not in "fiu":
        raise MeshError(f"{name} must be real numbers, not {array.dtype}")
    result = np.ascontiguousarray(array, dtype=np.float64)
    bad = ~(np.abs(result) <= LARGEST_COORDINATE_MM).all(axis=1)
    if bad.any():
        first = int(bad.argmax())
        raise MeshError(
            f"{plural(int(bad.sum()), 'node has', 'nodes have')} coordinates that are not finite or beyond "
            f"{LARGEST_COORDINATE_MM:g} mm; the first is node {first} at {point(result[first])}"
        )
    return _read_only(result, array)


def as_int(values: ArrayLike, name: str, width: int | None = None, dtype: Any = np.int32) -> NDArray[Any]:
    """Return integers (m,) or (m, width), read-only; raise for floats and for what `dtype` can't hold."""
    array = plain_array(values, name, MeshError, truth=False)
    if array.size == 0 and (array.ndim == 1 or array.shape[-1] == width):
        array = np.zeros((0,) if width is None else (0, width), dtype)
    if array.dtype.kind not in "iu":
        raise MeshError(f"{name} must be integers, not {array.dtype}")
    wanted_ndim = 1 if width is None else 2
    if array.ndim != wanted_ndim or (width is not None and array.shape[1] != width):
        wanted = "(m,)" if width is None else f"(m, {width})"
        raise MeshError(f"{name} must have shape {wanted}, not {array.shape}")
    limits = np.iinfo(dtype)
    if array.dtype != dtype and array.size:
        low, high = int(array.min()), int(array.max())
        if low < limits.min or high > limits.max:
            wrong = low if low < limits.min else high
            raise MeshError(f"{name} has the value {wrong}, which does not fit {np.dtype(dtype).name}")
    return _read_only(np.ascontiguousarray(array, dtype=dtype), array)


def as_labels(values: ArrayLike | None, name: str, count: int, dtype: Any) -> NDArray[Any]:
    """Return integers (count,), read-only, 0 where none are given; raise for another number of them."""
    array = as_int(np.zeros(count, dtype) if values is None else values, name, dtype=dtype)
    if len(array) != count:
        raise MeshError(
            f"{name} has {plural(len(array), 'value', 'values')} where {plural(count, 'is', 'are')} needed"
        )
    return array


def tag_set(tags: int | ArrayLike) -> tuple[int, ...]:
    """Return the different tags in ascending order; raise unless they are whole numbers."""
    several: ArrayLike = np.array([tags]) if is_whole(tags) else tags
    return tuple(np.unique(as_int(several, "tags", dtype=np.int64)).tolist())


def as_fields(data: Any, count: int, what: str) -> dict[str, NDArray[np.float64]]:
    """Return named fields as float64 (count,) or (count, c), read-only; raise for bad shapes or names."""
    if data is None:
        return {}
    if not isinstance(data, Mapping):
        raise MeshError(f"{what} must be a mapping of names to arrays, not {type(data).__name__}")
    fields = {}
    for name, values in data.items():
        if not isinstance(name, str) or not name or not name.isprintable() or '"' in name:
            raise MeshError(f"{what}: a field can't be called {name!r}")
        if len(name) > _LONGEST_NAME:
            raise MeshError(f"{what}: the name of a field has {len(name)} letters, {name[:20]!r}…")
        array = plain_array(values, f"{what} {name!r}", MeshError)
        if array.dtype.kind not in "fiub":
            raise MeshError(f"{what} {name!r} must be real numbers, not {array.dtype}")
        columns = array.shape[1] if array.ndim == 2 else 1
        if array.ndim not in (1, 2) or len(array) != count or not 1 <= columns <= MOST_COMPONENTS:
            raise MeshError(
                f"{what} {name!r} has shape {array.shape}, where ({count},) or ({count}, c) is needed, "
                f"c from 1 to {MOST_COMPONENTS}"
            )
        table = array.reshape(count) if columns == 1 else array
        fields[name] = _read_only(np.ascontiguousarray(table, dtype=np.float64), array)
    return fields


def as_names(names: Any) -> dict[int, str]:
    """Return the names of tags as a dict; raise for what is no tag, or can't be a name in a file."""
    if names is None:
        return {}
    if not isinstance(names, Mapping):
        raise MeshError(f"tag_names must be a mapping of tags to names, not {type(names).__name__}")
    for tag, name in names.items():
        if not is_whole(tag):
            raise MeshError(f"tag_names: {tag!r} is not a tag, tags are whole numbers")
        if not isinstance(name, str) or not name.strip() or not name.isprintable() or '"' in name:
            raise MeshError(f"tag_names: a tissue can't be called {name!r}")
    return {int(tag): name[:LONGEST_TAG_NAME] for tag, name in names.items()}


def check_same_width(elements: Mapping[str, NDArray[Any]], triangles: Mapping[str, NDArray[Any]]) -> None:
    """Raise if a field has another number of components on triangles than on tetrahedra."""
    for name in elements.keys() & triangles.keys():
        one, other = (fields[name].shape[1:] or (1,) for fields in (elements, triangles))
        if one != other:
            raise MeshError(
                f"the field {name!r} has {one[0]} components per tetrahedron and {other[0]} per triangle"
            )


def check_range(elements: NDArray[np.int32], n_nodes: int, what: str) -> None:
    """Raise if a node index lies outside 0 … n_nodes − 1."""
    if elements.size == 0 or (elements.min() >= 0 and elements.max() < n_nodes):
        return
    bad = ((elements < 0) | (elements >= n_nodes)).any(axis=1)
    first = int(bad.argmax())
    raise MeshError(
        f"{int(bad.sum()):,} of the {what} use a node index outside 0…{n_nodes - 1}; "
        f"the first is number {first}, with nodes {elements[first].tolist()}"
    )


def used_nodes(tets: NDArray[np.int32], n_nodes: int, ids: Ids) -> NDArray[np.bool_] | None:
    """Return the mask of the nodes that tetrahedra use, None if all; raise for disconnected parts."""
    part = cpu.node_parts(tets, n_nodes)
    if part.max() == 0:
        return None
    used = np.zeros(n_nodes, bool)
    used[tets.ravel()] = True
    labels, tet_part = np.unique(part[tets[:, 0]], return_inverse=True)
    if len(labels) > 1:
        sizes = np.bincount(tet_part)
        largest = int(sizes.argmax())
        first = int((tet_part != largest).argmax())
        raise FlawError(
            f"the mesh falls into {len(labels):,} disconnected parts; the largest has "
            f"{plural(int(sizes[largest]), 'tetrahedron', 'tetrahedra')}; the first outside it is "
            f"{tet_name(first, ids)}, in a part of {sizes[tet_part[first]]:,}"
        )
    return None if used.all() else used


def oriented(
    nodes_mm: NDArray[np.float64], tets: NDArray[np.int32], tags: NDArray[np.int32], ids: Ids
) -> tuple[NDArray[np.int32], int]:
    """Return tetrahedra positively oriented, and how many were turned; raise for flat or repeated ones."""
    key_of_node = node_keys(len(nodes_mm))
    key = np.empty(len(tets), np.uint64)
    det = np.empty(len(tets))
    for piece, index, corners in chunks(nodes_mm, tets):
        det[piece] = determinants(corners)
        k = key_of_node.take(index, mode="clip")
        key[piece] = k[0] + k[1] + k[2] + k[3]
    _check_flat(nodes_mm, tets, tags, det, ids)
    _check_twice(tets, key, tags, ids)
    negative = np.flatnonzero(det < 0)
    if len(negative):
        tets = tets.copy()
        tets[negative, 2], tets[negative, 3] = tets[negative, 3], tets[negative, 2]
        tets.flags.writeable = False
    return tets, len(negative)


def find_faces(wanted: NDArray[np.int32], faces: NDArray[np.int32], n_nodes: int) -> NDArray[np.intp]:
    """Return the index in `faces` (f, 3) of each of `wanted` (t, 3), in any order of nodes; -1 if absent."""
    place = np.full(len(wanted), -1)
    if not len(faces):
        return place
    key_of_node = node_keys(n_nodes)
    keys = key_of_node[faces].sum(axis=1)
    order = np.argsort(keys)
    guess = order[
        np.searchsorted(keys, key_of_node[wanted].sum(axis=1), sorter=order).clip(max=len(faces) - 1)
    ]
    # The keys are random numbers: only the nodes themselves prove that it's the same face.
    found = (np.sort(faces[guess], axis=1) == np.sort(wanted, axis=1)).all(axis=1)
    place[found] = guess[found]
    return place


def node_keys(n_nodes: int) -> NDArray[np.uint64]:
    """Return a random number per node; their sum tells sets of nodes apart, whatever the order."""
    return np.random.default_rng(4).integers(0, 2**64, n_nodes, dtype=np.uint64)


def _check_flat(
    nodes_mm: NDArray[np.float64],
    tets: NDArray[np.int32],
    tags: NDArray[np.int32],
    det: NDArray[np.float64],
    ids: Ids,
) -> None:
    diameter = np.linalg.norm(np.ptp(nodes_mm, axis=0))
    suspects = np.flatnonzero(np.abs(det) <= FLATNESS_LIMIT * diameter**3)
    corners = nodes_mm[tets[suspects]]
    longest = np.linalg.norm(corners[:, 1:] - corners[:, :1], axis=2).max(axis=1, initial=0.0)
    flat = suspects[np.abs(det[suspects]) <= FLATNESS_LIMIT * longest**3]
    if not len(flat):
        return
    ordered = np.sort(tets[flat], axis=1)
    repeated = flat[(ordered[:, 1:] == ordered[:, :-1]).any(axis=1)]
    if len(repeated):
        first = int(repeated[0])
        raise FlawError(
            f"{plural(len(repeated), 'tetrahedron names', 'tetrahedra name')} a node more than once; "
            f"the first is {tet_name(first, ids)} with nodes {tets[first].tolist()}"
        )
    first = int(flat[0])
    different, counts = np.unique(tags[flat], return_counts=True)
    by_tag = ", ".join(f"{count:,} of tag {tag}" for tag, count in zip(different, counts, strict=True))
    raise FlawError(
        f"{plural(len(flat), 'tetrahedron has', 'tetrahedra have')} zero volume "
        f"(6 V at most {FLATNESS_LIMIT:g} of the longest edge cubed; {by_tag}); the first is "
        f"{tet_name(first, ids)} at {point(nodes_mm[tets[first]].mean(axis=0))}"
    )


def _check_twice(tets: NDArray[np.int32], key: NDArray[np.uint64], tags: NDArray[np.int32], ids: Ids) -> None:
    suspects = _not_alone(key)
    ordered = np.sort(key[suspects])
    again = ordered[1:][ordered[1:] == ordered[:-1]]
    if not len(again):
        return
    suspects = suspects[np.isin(key[suspects], again)]
    _, first, inverse = np.unique(
        np.sort(tets[suspects], axis=1), axis=0, return_index=True, return_inverse=True
    )
    is_copy = first[inverse.ravel()] != np.arange(len(suspects))
    if is_copy.any():
        copy = int(is_copy.argmax())
        original = suspects[first[inverse.ravel()]]
        differ = is_copy & (tags[suspects] != tags[original])
        if differ.any():  # of which tissue is it? More than a copy that can be left out
            copy = int(differ.argmax())
        of_two = f", {int(differ.sum()):,} of them of two tissues" if differ.any() else ""
        later, earlier = int(suspects[copy]), int(original[copy])
        tissues = f"; their tags are {tags[later]} and {tags[earlier]}" if differ.any() else ""
        raise (MeshError if differ.any() else FlawError)(
            f"{plural(int(is_copy.sum()), 'tetrahedron repeats', 'tetrahedra repeat')} the nodes of an "
            f"earlier one{of_two}; the first is {tet_name(later, ids)}, a copy of {tet_name(earlier, ids)}"
            f"{tissues}"
        )


def _not_alone(key: NDArray[np.uint64]) -> NDArray[np.intp]:
    """Return the indices of keys that share their leading bits with another key, ascending.

    All keys that come twice are among them. They are about an eighth of random keys; sorting these takes a
    third of the time of sorting all.
    """
    bits = min(max((8 * len(key)).bit_length(), 8), 26)
    bucket = (key >> np.uint64(64 - bits)).astype(np.intp)
    index = np.arange(len(key), dtype=np.int32)
    last = np.empty(1 << bits, np.int32)
    last[bucket] = index
    last_in_bucket = last.take(bucket, mode="clip")
    shared = last_in_bucket != index
    shared[last_in_bucket[shared]] = True
    return np.flatnonzero(shared)
