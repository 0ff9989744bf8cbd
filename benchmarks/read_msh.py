# SPDX-License-Identifier: BSD-3-Clause
"""Time reading head meshes from .msh files of every layout, and print it as JSON.

    python benchmarks/read_msh.py                              # a synthetic head of 6 million elements
    python benchmarks/read_msh.py --head head.npz --repeats 5

The head has triangles on the interfaces of its tissues, as SimNIBS writes them. Files lie in a temporary
folder and are in the page cache when they are read. `ratio` is over numpy.fromfile of
the same bytes; `processor_seconds` tells a slow reader from a busy machine.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from measure import commit, machine

import headfield as hf

TISSUES = (1, 2, 3, 4, 5)


def main() -> None:
    """Make the files, read each several times, print what it took."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--head", help="mesh to take [a synthetic head]")
    parser.add_argument(
        "--edge-mm", type=float, default=1.7, help="mean edge of the synthetic head [%(default)s]"
    )
    parser.add_argument("--repeats", type=int, default=5, help="[%(default)s]")
    parser.add_argument("--only", nargs="+", choices=LAYOUTS, default=list(LAYOUTS), metavar="LAYOUT")
    args = parser.parse_args()
    head = with_interfaces(hf.read_mesh(args.head) if args.head else hf.phantom_head(args.edge_mm))
    results: dict[str, Any] = {
        "machine": machine(),
        "commit": commit(),
        "nodes": head.n_nodes,
        "elements": head.n_tets + len(head.triangles),
        "repeats": args.repeats,
        "layouts": {},
    }
    with tempfile.TemporaryDirectory() as folder:
        for layout in args.only:
            path = Path(folder) / "head.msh"
            LAYOUTS[layout](path, head)
            results["layouts"][layout] = timed(path, head, args.repeats)
            path.unlink()
    print(json.dumps(results, indent=1))


def with_interfaces(mesh: hf.TetMesh) -> hf.TetMesh:
    """The mesh with the outer surface of each tissue and what it encloses, tag 1000 + tissue."""
    surfaces = [mesh.surface(TISSUES[: i + 1]) for i in range(len(TISSUES))]
    tags = np.repeat(np.array(TISSUES) + 1000, [len(surface) for surface in surfaces])
    return hf.TetMesh(mesh.nodes_mm, mesh.tets, mesh.tags, np.concatenate(surfaces), tags)


def timed(path: Path, head: hf.TetMesh, repeats: int) -> dict[str, Any]:
    """Read the file several times; the first, which warms up, does not count."""
    seconds, processor, baseline = [], [], []
    for _ in range(repeats + 1):
        start, used = time.perf_counter(), time.process_time()
        mesh = hf.read_mesh(path)
        seconds.append(time.perf_counter() - start)
        processor.append(time.process_time() - used)
        start = time.perf_counter()
        np.fromfile(path, np.uint8)
        baseline.append(time.perf_counter() - start)
    by_tag = np.argsort(head.tags, kind="stable")  # the order of version 4.1
    if not (np.array_equal(mesh.tets, head.tets) or np.array_equal(mesh.tets, head.tets[by_tag])):
        raise SystemExit(f"{path} was read wrongly")
    median, floor = statistics.median(seconds[1:]), statistics.median(baseline[1:])
    return {
        "megabytes": round(path.stat().st_size / 1e6, 1),
        "seconds": round(median, 4),
        "least": round(min(seconds[1:]), 4),
        "processor_seconds": round(statistics.median(processor[1:]), 4),
        "fromfile_seconds": round(floor, 4),
        "ratio": round(median / floor, 2),
        "fields": sorted(mesh.element_data),
    }


def write_blocks(path: Path, head: hf.TetMesh) -> None:
    """One block per element type, as SimNIBS writes it."""
    hf.write_mesh(path, head)


def write_fields(path: Path, head: hf.TetMesh) -> None:
    """The same with E and magnE of every triangle and tetrahedron, as a result of SimNIBS."""
    e = head.barycentres_mm()
    on = head.nodes_mm[head.triangles].mean(axis=1)
    hf.write_mesh(
        path,
        hf.TetMesh(
            head.nodes_mm,
            head.tets,
            head.tags,
            head.triangles,
            head.triangle_tags,
            element_data={"E": e, "magnE": np.linalg.norm(e, axis=1)},
            triangle_data={"E": on, "magnE": np.linalg.norm(on, axis=1)},
        ),
    )


def write_text(path: Path, head: hf.TetMesh) -> None:
    """Text of version 2.2."""
    hf.write_mesh(path, head, binary=False)


def write_singles(path: Path, head: hf.TetMesh) -> None:
    """A header for every element, as Gmsh writes it."""
    with open(path, "wb") as file:
        file.write(b"$MeshFormat\n2.2 1 8\n" + np.array(1, "<i4").tobytes() + b"\n$EndMeshFormat\n")
        nodes = np.empty(head.n_nodes, [("id", "<i4"), ("x", "<f8", 3)])
        nodes["id"], nodes["x"] = np.arange(1, head.n_nodes + 1), head.nodes_mm
        file.write(b"$Nodes\n%d\n" % head.n_nodes + nodes.tobytes() + b"$EndNodes\n")
        file.write(b"$Elements\n%d\n" % (len(head.triangles) + head.n_tets))
        first = 1
        for kind, corners, tags in ((2, head.triangles, head.triangle_tags), (4, head.tets, head.tags)):
            rows = np.empty((len(corners), 6 + corners.shape[1]), "<i4")
            rows[:, :3] = kind, 1, 2
            rows[:, 3] = np.arange(first, first + len(corners))
            rows[:, 4] = rows[:, 5] = tags
            rows[:, 6:] = corners + 1
            file.write(rows.tobytes())
            first += len(corners)
        file.write(b"$EndElements\n")


def write_41(path: Path, head: hf.TetMesh) -> None:
    """Binary of version 4.1: an entity and a block for every tissue."""

    def sizes(*values: int) -> bytes:
        return np.array(values, "<i8").tobytes()

    def ints(*values: int) -> bytes:
        return np.array(values, "<i4").tobytes()

    groups = [
        (dimension, kind, int(tag), corners[tags == tag] + 1)
        for dimension, kind, corners, tags in (
            (2, 2, head.triangles, head.triangle_tags),
            (3, 4, head.tets, head.tags),
        )
        for tag in np.unique(tags)
    ]
    n_elements = len(head.triangles) + head.n_tets
    with open(path, "wb") as file:
        file.write(b"$MeshFormat\n4.1 1 8\n" + ints(1) + b"\n$EndMeshFormat\n$Entities\n")
        file.write(sizes(0, 0, *(sum(group[0] == dimension for group in groups) for dimension in (2, 3))))
        for _, _, tag, _ in groups:
            file.write(ints(tag) + bytes(48) + sizes(1) + ints(tag) + sizes(0))
        file.write(b"\n$EndEntities\n$Nodes\n" + sizes(1, head.n_nodes, 1, head.n_nodes))
        file.write(ints(3, 1, 0) + sizes(head.n_nodes, *range(1, head.n_nodes + 1)))
        file.write(head.nodes_mm.astype("<f8").tobytes())
        file.write(b"\n$EndNodes\n$Elements\n" + sizes(len(groups), n_elements, 1, n_elements))
        first = 1
        for dimension, kind, tag, corners in groups:
            ids = np.arange(first, first + len(corners))
            file.write(ints(dimension, tag, kind) + sizes(len(corners)))
            file.write(np.column_stack([ids, corners]).astype("<i8").tobytes())
            first += len(corners)
        file.write(b"\n$EndElements\n")


LAYOUTS: dict[str, Callable[[Path, hf.TetMesh], None]] = {
    "blocks": write_blocks,
    "fields": write_fields,
    "singles": write_singles,
    "version-4.1": write_41,
    "text": write_text,
}

if __name__ == "__main__":
    main()
