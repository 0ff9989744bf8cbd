# SPDX-License-Identifier: BSD-3-Clause
"""The rows of mesher.py: a random volume, a head, a solve on it; each in a process of its own."""

from __future__ import annotations

import hashlib
import multiprocessing
import sys
import time
from collections.abc import Callable
from dataclasses import asdict
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import numpy as np
from suite import heads
from suite.memory import resident

import headfield as hf
from headfield.core.device import using_threads
from headfield.geometry.voxels import tets_at_voxels
from headfield.heads.location import locate
from headfield.heads.segmentation import lattice

ROOT = Path(__file__).resolve().parents[1]
sys.path.append(str(ROOT / "tests"))
from given.label_volumes import level_sets, volume  # noqa: E402
from given.mesh_levels import Nearness, nearness  # noqa: E402
from given.mesh_quality import MeshQuality, mesh_quality  # noqa: E402

KEPT = ROOT / "build" / "mesher"
INNERMOST_FIRST = (1, 2, 3, 4, 6, 5)  # tags of the heads beside the checkout
GRAY = 2
MARGIN_MM = 8
# MNI mm; the coil's handle points from the first to the second.
LEFT_MOTOR, FOREHEAD = (-37.0, -25.0, 62.0), (-10.0, 36.0, 62.0)
Row = dict[str, Any]


def isolated(function: Callable[..., Row], limit_s: float, *given: Any) -> Row:
    """The row that a function returns in a process of its own, or why there is none: "failure"."""
    mine, its = multiprocessing.Pipe(duplex=False)
    child = multiprocessing.get_context("spawn" if function is not volume_row else "fork").Process(
        target=answer, args=(its, function, given)
    )
    child.start()
    its.close()
    row: Row = {"failure": f"more than {limit_s:g} s"}
    if mine.poll(limit_s):
        try:
            row = mine.recv()
        except EOFError:
            child.join()
            row = {"failure": f"exit code {child.exitcode}"}
    child.kill()
    child.join()
    return row


def answer(pipe: Connection, function: Callable[..., Row], given: tuple[Any, ...]) -> None:
    try:
        pipe.send(function(*given))
    except Exception as error:
        pipe.send({"failure": f"{type(error).__name__}: {error}"[:300]})


def volume_row(seed: int, edge_voxels: float) -> Row:
    """What a random volume comes to."""
    labels, count, affine, kind = volume(seed)
    levels = level_sets(labels, affine)
    edge_mm = edge_voxels * abs(np.linalg.det(affine[:3, :3])) ** (1 / 3)
    start = time.perf_counter()
    try:
        mesh = lattice.mesh_level_sets(levels, edge_mm)
    except Exception as error:
        return {"kind": kind, "labels": count, "failure": f"{type(error).__name__}: {error}"[:300]}
    seconds = time.perf_counter() - start
    quality = mesh_quality(mesh.nodes_mm, mesh.tets, mesh.tags)
    return {"kind": kind, "labels": count, "seconds": seconds} | facts(quality, nearness(mesh, levels))


def facts(quality: MeshQuality, near: Nearness) -> Row:
    """The numbers of both, flat."""
    seen = near.interfaces.values()
    return {
        "nodes": quality.nodes,
        "tets": quality.tets,
        "smallest_angle": quality.smallest_angle,
        "below": quality.below,
        "faults": quality.faults(angle=0.0),
        "edges_mm": quality.edges_mm,
        "near": near.near,
        "faces": sum(one.faces for one in seen),
        "p99": max((one.p99 for one in seen), default=0.0),
        "most": max((one.most for one in seen), default=0.0),
        "back_most": max((one.back_most for one in seen), default=0.0),
        "ratios": (min(near.ratios.values()), max(near.ratios.values())),
        "lost": sum(ratio == 0 for ratio in near.ratios.values()),
    }


def labels_of(head: str) -> tuple[np.ndarray, np.ndarray]:
    """Labels (nx, ny, nz) uint8 at 1 mm of a head beside the checkout, and the affine; made once."""
    path = KEPT / f"labels_{head}.npz"
    if not path.exists():
        mesh = heads.mesh(head)
        low = np.floor(mesh.nodes_mm.min(axis=0)) - MARGIN_MM
        shape = (np.ceil(mesh.nodes_mm.max(axis=0)) + MARGIN_MM - low).astype(int) + 1
        found = tets_at_voxels(mesh.nodes_mm - low, mesh.tets, tuple(shape.tolist()))
        affine = np.eye(4)
        affine[:3, 3] = low
        KEPT.mkdir(parents=True, exist_ok=True)
        np.savez(path, labels=np.where(found < 0, 0, mesh.tags[found]).astype(np.uint8), affine=affine)
    with np.load(path) as kept:
        return kept["labels"], kept["affine"]


def head_run(head: str, edge_mm: float, threads: int) -> Row:
    """Mesh a head, in a fresh process: seconds by stage, memory, bits; the mesh is kept for `head_row`."""
    labels, affine = labels_of(head)
    before, _ = resident(anew=True)
    stages: list[tuple[str, float]] = []
    start = time.perf_counter()
    with using_threads(threads):
        mesh = hf.head_from_labels(
            (affine, labels),
            edge_mm=edge_mm,
            progress=lambda stage: stages.append((stage, time.perf_counter())),
        )
    end = time.perf_counter()
    _, peak = resident(anew=False)
    times = [at for _, at in stages] + [end]
    arrays = (mesh.nodes_mm, mesh.tets, mesh.tags)
    np.savez(KEPT / f"mesh_{head}.npz", nodes=arrays[0], tets=arrays[1], tags=arrays[2])
    return {
        "threads": threads,
        "seconds": end - start,
        "stages_s": [(stage, times[i + 1] - at) for i, (stage, at) in enumerate(stages)],
        "peak_mib": (peak - before) / 2**20,
        "bits": hashlib.sha256(b"".join(array.tobytes() for array in arrays)).hexdigest(),
    }


def head_row(head: str) -> Row:
    """What the mesh that `head_run` kept last is like."""
    with np.load(KEPT / f"mesh_{head}.npz") as kept:
        mesh = hf.TetMesh(kept["nodes"], kept["tets"], kept["tags"])
    quality = mesh_quality(mesh.nodes_mm, mesh.tets, mesh.tags)
    labels, affine = labels_of(head)
    near = nearness(mesh, level_sets(labels, affine, INNERMOST_FIRST))
    voxels = np.bincount(labels.ravel())
    return facts(quality, near) | {
        "ratios_by_tag": near.ratios,
        "voxel_ratios": {tag: size / int(voxels[tag]) for tag, size in quality.volumes_mm3.items()},
        "interfaces": {tag: asdict(one) for tag, one in near.interfaces.items()},
        "outer": asdict(quality.outer),
        "surfaces": {tag: asdict(one) for tag, one in quality.interfaces.items()},
    }


def solve(head: str, edge_mm: float) -> Row:
    """E in gray matter at an edge against that at half of it, and what headfield says about its error."""
    labels, affine = labels_of(head)
    coarse, fine = (hf.head_from_labels((affine, labels), edge_mm=edge) for edge in (edge_mm, edge_mm / 2))
    coil, pose = heads.coil(), hf.place(coarse, LEFT_MOTOR, FOREHEAD, 4.0)
    tets = np.flatnonzero(coarse.tags == GRAY).astype(np.int32)
    points = coarse.nodes_mm[coarse.tets[tets]].mean(axis=1)
    found = locate(fine, points)
    same = (fine.tags[found.element] == GRAY) & (found.distance_mm == 0)
    volume_mm3 = coarse.volumes_mm3()[tets][same]
    model = hf.HeadModel(coarse)
    plain = model.solve(coil, pose, roi=hf.regions.tissue(coarse, GRAY), recovery=None)
    smooth = model.solve(coil, pose, roi=hf.regions.tissue(coarse, GRAY), recovery="interface")
    at = hf.Region(fine, found.element[same], found.barycentric[same])
    truth = hf.HeadModel(fine).solve(coil, pose, roi=at, recovery="interface")

    def off(e: np.ndarray) -> float:
        gap, size = (e[same] - truth.E[0]) ** 2, truth.E[0] ** 2
        return float(np.sqrt(volume_mm3 @ gap.sum(axis=1) / (volume_mm3 @ size.sum(axis=1))))

    return {
        "head": head,
        "edge_mm": edge_mm,
        "nodes": (coarse.n_nodes, fine.n_nodes),
        "iterations": int(plain.report.iterations[0]),
        "fine_iterations": int(truth.report.iterations[0]),
        "difference": off(plain.E[0]),
        "recovered_difference": off(smooth.E[0]),
        "reported": float(smooth.report.discretisation_error[0]),
        "fine_reported": float(truth.report.discretisation_error[0]),
        "compared": float(volume_mm3.sum() / coarse.volumes_mm3()[tets].sum()),
    }
