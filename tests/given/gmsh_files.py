# SPDX-License-Identifier: BSD-3-Clause
"""Gmsh files of a double pyramid, byte by byte: what the tests of the reader read and damage."""

import struct

import numpy as np

from headfield.heads.mesh import TetMesh

# A double pyramid of two tissues around the triangle 1 2 3, with its node ids as a file would have them.
NODES = np.array([[0, 0, 0], [10, 0, 0], [0, 10, 0], [3, 3, 10], [3, 3, -10]], float)
TETS = np.array([[0, 1, 2, 3], [0, 2, 1, 4]])
TRIANGLES = np.array([[0, 1, 2]])
CONTIGUOUS = np.array([1, 2, 3, 4, 5])
WITH_GAPS = np.array([70, 3, 900000, 12, 5])
WITH_SMALL_GAPS = np.array([20, 13, 4, 12, 5])

ELEMENTS = [  # type, tags, nodes: as Gmsh orders them
    (15, (9, 9), [0]),
    (1, (8, 8), [0, 1]),
    (2, (1002, 1002), [0, 1, 2]),
    (4, (2, 2), [0, 1, 2, 3]),
    (4, (-1, -1), [0, 2, 1, 4]),
]


def msh22(order="<", ids=CONTIGUOUS, elements=ELEMENTS, nodes=NODES, singles=False, extra=b"") -> bytes:
    """Gmsh 2.2 built by hand: text (order ""), or binary with blocks or with one header per element."""
    head = f"$MeshFormat\n2.2 {int(bool(order))} 8\n".encode()
    if not order:
        rows = "".join(f"{i} {x!r} {y!r} {z!r}\n" for i, (x, y, z) in zip(ids, nodes.tolist(), strict=True))
        body = "".join(
            f"{100 + k} {kind} {len(tags)} {' '.join(map(str, [*tags, *ids[corners]]))}\n"
            for k, (kind, tags, corners) in enumerate(elements)
        )
        text = f"$EndMeshFormat\n$Nodes\n{len(ids)}\n{rows}$EndNodes\n$Elements\n{len(elements)}\n{body}"
        return head + text.encode() + b"$EndElements\n" + extra
    rows = b"".join(struct.pack(order + "i3d", i, *x) for i, x in zip(ids, nodes, strict=True))
    body = b""
    layout = None
    for k, (kind, tags, corners) in enumerate(elements):
        if singles or (kind, len(tags)) != layout:
            alike = 1 if singles else sum((e[0], len(e[1])) == (kind, len(tags)) for e in elements)
            body += struct.pack(order + "3i", kind, alike, len(tags))
            layout = kind, len(tags)
        row = [100 + k, *tags, *ids[corners]]
        body += struct.pack(f"{order}{len(row)}i", *row)
    return (
        head + struct.pack(order + "i", 1) + b"\n$EndMeshFormat\n$Nodes\n%d\n" % len(ids) + rows
        + b"$EndNodes\n$Elements\n%d\n" % len(elements) + body + b"$EndElements\n" + extra
    )  # fmt: skip


def field(order, section, name, ids, values, step=0, partition=True) -> bytes:
    """A section of a field on nodes or elements, as Gmsh 2.2 and 4.1 both have it."""
    table = np.asarray(values, float)
    table = table[:, None] if table.ndim == 1 else table
    tags = [step, table.shape[1], len(ids), *[0] * partition]
    head = f'${section}\n1\n"{name}"\n1\n{step}.5\n{len(tags)}\n' + "".join(f"{tag}\n" for tag in tags)
    rows = zip(np.asarray(ids).tolist(), table.tolist(), strict=True)
    if order:
        body = b"".join(struct.pack(f"{order}i{len(row)}d", i, *row) for i, row in rows)
    else:
        body = "".join(f"{i} {' '.join(map(repr, row))}\n" for i, row in rows).encode()
    return head.encode() + body + f"$End{section}\n".encode()


def msh41(order="<", ids=CONTIGUOUS, groups=True, parametric=False) -> bytes:
    """Gmsh 4.1 built by hand: volumes 11 and 12 in the groups 2 and -1, surface 5 in the group 1002."""

    def section(name, *numbers):
        if not order:
            return (
                f"${name}\n".encode()
                + "".join(f"{v!r} " for _, v in numbers).encode()
                + f"\n$End{name}\n".encode()
            )
        packed = b"".join(struct.pack(order + {"i": "i", "z": "q", "d": "d"}[k], v) for k, v in numbers)
        return f"${name}\n".encode() + packed + f"\n$End{name}\n".encode()

    def many(kind, values):
        return [(kind, v.item() if hasattr(v, "item") else v) for v in values]

    def entity(tag, group):
        return [
            ("i", tag),
            *many("d", [0.0] * 6),
            ("z", int(groups)),
            *([("i", group)] * groups),
            ("z", 1),
            ("i", 7),
        ]

    entities = [*many("z", [1, 0, 1, 2]), ("i", 1), *many("d", [0.0] * 3), ("z", 0)]
    entities += [*entity(5, 1002), *entity(11, 2), *entity(12, -1)]
    coordinates = np.c_[NODES, NODES[:, :2]] if parametric else NODES
    nodes = [*many("z", [2, 5, 1, int(ids.max())])]
    for piece in (slice(0, 2), slice(2, 5)):
        nodes += [("i", 2), ("i", 5), ("i", int(parametric)), ("z", len(ids[piece])), *many("z", ids[piece])]
        nodes += many("d", coordinates[piece].ravel())
    elements = many("z", [3, 3, 102, 104])
    for dimension, entity_tag, kind, k, corners in (
        (2, 5, 2, 102, TRIANGLES[0]),
        (3, 11, 4, 103, TETS[0]),
        (3, 12, 4, 104, TETS[1]),
    ):
        elements += [
            ("i", dimension),
            ("i", entity_tag),
            ("i", kind),
            ("z", 1),
            ("z", k),
            *many("z", ids[corners]),
        ]
    head = f"$MeshFormat\n4.1 {int(bool(order))} 8\n".encode()
    head += struct.pack(order + "i", 1) + b"\n" if order else b""
    names = b'$PhysicalNames\n1\n3 2 "gray matter"\n$EndPhysicalNames\n'
    return (
        head + b"$EndMeshFormat\n" + names + section("Entities", *entities) + section("Nodes", *nodes)
        + section("Elements", *elements)
    )  # fmt: skip


def check_fields(mesh: TetMesh, elements=(), nodes=(), triangles=()) -> None:
    """The fields of a mesh, and no others, in their order; read-only."""
    for found, expected in (
        (mesh.element_data, elements),
        (mesh.node_data, nodes),
        (mesh.triangle_data, triangles),
    ):
        assert list(found) == list(expected)
        for name in expected:
            np.testing.assert_array_equal(found[name], expected[name])
            assert found[name].dtype == np.float64
            assert not found[name].flags.writeable
