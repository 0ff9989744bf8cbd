# SPDX-License-Identifier: BSD-3-Clause
"""What rows of a head's matrices are like, as kernels of a GPU meet them: counted on the matrices themselves.

Rows are padded to multiples of four entries. Threads of a warp that have shorter rows wait for the longest.
Neighbouring rows gather much the same numbers: what a block of them gathers is counted once for the block, in
single columns, and in groups of neighbouring columns where a sector of memory holds several.
"""

from __future__ import annotations

import os
import subprocess
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from suite import steps

import headfield as hf
from headfield.core import device as backend
from headfield.heads.conductivity import resolve

HERE = Path(__file__).resolve().parent
BLOCKS = (16, 32, 64, 128, 256, 512, 1024)  # neighbouring rows
TOGETHER = (1, 2, 4, 8, 16)  # neighbouring columns of a sector
WARPS = (1, 2, 4, 8, 16, 32)  # rows of a warp
STEP = 4
STRETCHES = 64  # of 1024 rows each, spread over the matrix, that blocks are counted in
GRAY = 2
TILE = 32  # elements of a block of electric_field

Rows = NDArray[np.int32]


def count(path: Path) -> dict[str, Any]:
    """Of the head in a file: sizes, matrices, and what E in gray matter takes."""
    mesh = hf.read_mesh(path)
    native = backend.select("cpu").native
    order = native.morton_order(mesh.nodes_mm)
    rank = np.empty_like(order)
    rank[order] = np.arange(len(order), dtype=np.int32)
    tets = np.ascontiguousarray(rank[mesh.tets])
    ptr, col, val, _ = native.assemble(mesh.nodes_mm[order] * 1e-3, tets, resolve(None, mesh.tags))
    gray = tets[mesh.tags == GRAY]
    found = {"head": path.stem, "nodes": mesh.n_nodes, "tets": mesh.n_tets, "chosen": len(gray)}
    found |= {"touched": len(np.unique(gray)), "corners_per_element": round(corners(gray), 3)}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for part, data in (("ptr", ptr), ("col", col), ("val", val)):
            data.tofile(folder / part)
        program = build(folder)
        subprocess.run([str(program), str(folder), str(steps.STRENGTH)], check=True)
        files = sorted(folder.glob("*.ptr"), key=lambda file: (file.stem[-1], file.stem))
        sizes = {file.stem: np.fromfile(file, np.int32) for file in files}
        rows = {name: len(starts) - 1 for name, starts in sizes.items()}
        matrices = {}
        for name, starts in sizes.items():
            kind, level = name.rstrip("0123456789"), int(name.lstrip("apt"))
            cols = rows[f"a{level + (kind in ('p', 'ap'))}"]
            matrices[name] = of_matrix(starts, np.fromfile(folder / f"{name}.col", np.int32), cols)
    return found | {"matrices": matrices}


def build(folder: Path) -> Path:
    """The program that hands out the sparsity of a hierarchy."""
    native = HERE.parent / "cpp"
    sources = [HERE / "sparsity.cpp", *(native / f"{name}.cpp" for name in ("amg", "lanczos", "poll"))]
    options = ["-std=c++17", "-O2", "-fopenmp", "-ffp-contract=off", "-o", folder / "sparsity"]
    command = [os.environ.get("CXX", "g++"), *options, *sources]
    subprocess.run([str(word) for word in command], check=True)
    return folder / "sparsity"


def of_matrix(ptr: Rows, col: Rows, cols: int) -> dict[str, Any]:
    """Sizes of one matrix, longest rows, and what blocks gather for each row."""
    unique = {
        str(rows): {str(width): round(gathered(ptr, col, rows, width), 3) for width in TOGETHER}
        for rows in BLOCKS
    }
    return {
        "rows": len(ptr) - 1,
        "cols": cols,
        "nonzeros": len(col),
        "stored": int(padded(ptr).sum()),
        "longest": {str(rows): round(longest(ptr, rows), 3) for rows in WARPS},
        "unique": unique,
    }


def padded(ptr: Rows) -> Rows:
    """Entries of each row with its padding."""
    return (np.diff(ptr) + STEP - 1) // STEP * STEP


def longest(ptr: Rows, rows: int) -> float:
    """Mean over groups of neighbouring rows of the longest of each group."""
    lengths = padded(ptr)
    groups = np.pad(lengths, (0, -len(lengths) % rows)).reshape(-1, rows)
    return float(groups.max(axis=1).mean())


def gathered(ptr: Rows, col: Rows, rows: int, together: int) -> float:
    """Groups of columns that blocks of neighbouring rows gather, each counted once a block, per row."""
    n, stretch = len(ptr) - 1, max(BLOCKS)
    found = np.linspace(0, (n - 1) // stretch, min(STRETCHES, (n - 1) // stretch + 1)).astype(int)
    total = counted = 0
    for first in found * stretch:
        last = min(first + stretch, n)
        block = np.repeat(np.arange(last - first) // rows, np.diff(ptr[first : last + 1]))
        key = block.astype(np.int64) << 32 | col[ptr[first] : ptr[last]] // together
        total, counted = total + len(np.unique(key)), counted + last - first
    return total / counted


def corners(tets: NDArray[np.int32]) -> float:
    """Nodes that blocks of elements gather, each counted once a block, per element."""
    key = (np.arange(len(tets)) // TILE).astype(np.int64)[:, None] << 32 | tets
    return len(np.unique(key)) / max(len(tets), 1)
