# SPDX-License-Identifier: BSD-3-Clause
"""The sections of a Gmsh 4.1 file, text or binary alike."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

import numpy as np

from .gmsh_bytes import NODES_PER_ELEMENT, GmshFile, Stream
from .gmsh_content import GmshContent

__all__ = ["SECTIONS_41"]


def _entities(stream: Stream, content: GmshContent, file: GmshFile) -> None:
    """Read which physical group each point, curve, surface and volume belongs to."""
    if content.groups:
        file.fail("a second section $Entities")
    counts = stream.take("z", 4, "the numbers of entities").tolist()
    for dimension, count in enumerate(counts):
        groups: dict[int, list[int]] = {}
        if count < 0:
            file.fail(f"{count} entities of dimension {dimension}")
        for _ in range(count):
            (tag,) = stream.take("i", 1, "the tag of an entity").tolist()
            stream.take("d", 3 if dimension == 0 else 6, "the bounds of an entity")
            (n_groups,) = stream.take("z", 1, "the number of physical groups").tolist()
            physical = stream.take("i", n_groups, "physical groups").tolist()
            if dimension > 0:
                (n_parts,) = stream.take("z", 1, "the number of bounding entities").tolist()
                stream.take("i", n_parts, "bounding entities")
            # The sign of a surface's group says which way round it is.
            groups[tag] = physical if dimension == 3 else [abs(group) for group in physical]
            content.in_several_groups += dimension == 3 and len(physical) > 1
        # A group of the whole head tells no tissue: the one of the fewest entities does.
        sizes = Counter(group for of_entity in groups.values() for group in of_entity)
        content.groups[dimension] = {
            tag: min(of_entity, key=sizes.__getitem__, default=0) for tag, of_entity in groups.items()
        }


def _nodes(stream: Stream, content: GmshContent, file: GmshFile) -> None:
    if content.node_ids is not None:
        file.fail("a second section $Nodes")
    n_blocks, n_nodes, _, _ = stream.take("z", 4, "the header of $Nodes").tolist()
    ids = [np.zeros(0, np.int64)]
    nodes = [np.zeros((0, 3))]
    for _ in range(n_blocks):
        dimension, _, parametric = stream.take("i", 3, "a block of nodes").tolist()
        (count,) = stream.take("z", 1, "the size of a block of nodes").tolist()
        if parametric not in (0, 1) or not 0 <= dimension <= 3:
            file.fail(f"a block of nodes of dimension {dimension}, parametric {parametric}")
        width = 3 + (dimension if parametric else 0)
        ids.append(stream.take("z", count, "node ids"))
        nodes.append(stream.take("d", count * width, "coordinates").reshape(count, width)[:, :3])
    content.node_ids = np.concatenate(ids, dtype=np.int64)
    content.nodes_mm = np.concatenate(nodes, dtype=np.float64)
    if len(content.node_ids) != n_nodes:
        file.fail(f"$Nodes announces {n_nodes:,} nodes and has {len(content.node_ids):,}")


def _elements(stream: Stream, content: GmshContent, file: GmshFile) -> None:
    if content.has_elements:
        file.fail("a second section $Elements")
    content.has_elements = True
    n_blocks, n_elements, _, _ = stream.take("z", 4, "the header of $Elements").tolist()
    done = 0
    for _ in range(n_blocks):
        dimension, entity, kind = stream.take("i", 3, "a block of elements").tolist()
        (count,) = stream.take("z", 1, "the size of a block of elements").tolist()
        if kind not in NODES_PER_ELEMENT:
            file.fail(f"unknown element type {kind}")
        width = 1 + NODES_PER_ELEMENT[kind]
        rows = stream.take("z", count * width, "elements").reshape(count, width)
        physical = content.groups.get(dimension, {}).get(entity, 0)
        content.add(kind, rows[:, 0].astype(np.int64), physical, entity, rows[:, 1:].astype(np.int64))
        done += count
    if done != n_elements:
        file.fail(f"$Elements announces {n_elements:,} elements and has {done:,}")


def _partitioned(stream: Stream, content: GmshContent, file: GmshFile) -> None:
    file.fail("a partitioned mesh; join the parts in Gmsh (Mesh, Unpartition) and save it again")


SECTIONS_41: dict[str, Callable[[Stream, GmshContent, GmshFile], None]] = {
    "Entities": _entities,
    "PartitionedEntities": _partitioned,
    "Nodes": _nodes,
    "Elements": _elements,
}
