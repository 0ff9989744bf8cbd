# SPDX-License-Identifier: BSD-3-Clause
"""Real-time bases: what they take to make, how far frames are off, how well that is known, and their cost.

    python benchmarks/realtime.py                               # all heads: a quarter of an hour
    python benchmarks/realtime.py --heads head_large --update   # this head anew; the rows of others stay
    python benchmarks/realtime.py --quick --out FOLDER          # a phantom

A basis for some 20,000 points of the mid-layer around the hand area, or gray matter there where the head has
no such surface, as it is made by default. Coils that it has never seen, at poses all over the upper head,
turned, tilted by up to 10° and 4 to 20 mm off the scalp, against full solves of the same model without
tables of ∂A/∂t: the error of E, relative L2 over the region, and what each frame said of it. Frames one at a
time and 32 at a time, with estimates and without: the least of several calls. Solves from a
basis with potentials as first guess, beside such without. One pose of a coil that no table was made for.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Any

import measure
import numpy as np
import targeting_rows
from suite import heads

import headfield as hf
from headfield.placement.positions import scalp_positions
from headfield.placement.scalp import Scalp
from headfield.placement.scalp_field import ScalpField
from headfield.placement.sites import tangential_poses
from headfield.poses.pose import tilts, turns

HERE = Path(__file__).resolve().parent
HEADS = ("head_small", "head_medium", "head_large")
COILS = (
    "MagStim_D70.ccd",
    "MagVenture_Cool-B65.ccd",
    "fig8_70mm.ccd",
    "two_stimulator_example_coil.tcd",
    "MagVenture_MST-Twin.tcd",
    "Brainsway_H1.tcd",
)
POSES, CALLS, BATCH = 16, 15, 32
POINTS = 20_000
LEAST_MM, MOST_MM, TILT_DEG = 4.0, 20.0, 10.0
HAND_MM = (-37.0, -21.0, 58.0)
Row = dict[str, Any]


def main() -> int:
    args = measure.parser_of_heads(__doc__, HEADS, "a phantom").parse_args()
    measure.write_rows("realtime", args, HEADS, lambda name: row(name, args.threads, args.quick))
    return 0


def row(name: str, threads: int | None, quick: bool) -> Row:
    """All that is measured on a head."""
    model = hf.HeadModel(heads.mesh(name), device="cpu", threads=threads, primary="edges")
    region = places(model.mesh)
    start = time.perf_counter()
    rt = hf.realtime_basis(model, region, progress=lambda stage: print(f"{name}: {stage}", flush=True))
    made = time.perf_counter() - start
    names = targeting_rows.coils(quick) if quick else COILS
    accuracy = [agreement(model, rt, name) for name in names]
    coil = targeting_rows.coil(names[0])
    return {
        "head": name,
        "nodes": model.mesh.n_nodes,
        "threads": model.threads,
        "region": repr(region),
        "sources": rt.basis.n_sources,
        "modes": len(rt.basis.modes),
        "basis_s": made,
        "megabytes": (rt.basis.modes.values.nbytes + rt.basis.modes.scales.nbytes) / 1e6,
        "held_out": str(rt.basis.held_out),
        "accuracy": accuracy,
        "frames": frames(model, rt, coil),
        "guess": guess(model, hf.realtime_basis(model, region, potentials=True), coil),
        "one_pose": one_pose(model, region, coil),
    }


def places(mesh: hf.TetMesh) -> hf.Region:
    """Points of the mid-layer around the hand area, or tetrahedra of gray matter there."""
    try:
        every = hf.regions.mid_layer(mesh)
    except hf.RegionError:
        every = hf.regions.tissue(mesh, heads.GRAY)
    away = np.linalg.norm(every.centres_mm - HAND_MM, axis=1)
    near = away <= np.sort(away)[min(POINTS, len(away)) - 1]
    return every.part(near)


def poses(model: hf.HeadModel, coil: hf.Coil, k: int) -> np.ndarray:
    """k poses on the upper head, turned, tilted and off the scalp by random amounts."""
    rng = np.random.default_rng(0)
    surface = model.scalp
    sites = scalp_positions(Scalp(surface, 10.0), spacing_mm=15.0)
    some = tangential_poses(sites, 0.0)[rng.permutation(len(sites.point))]
    some = (
        some @ turns(rng.uniform(0, 360, len(some))) @ tilts(rng.uniform(-TILT_DEG, TILT_DEG, (len(some), 2)))
    )
    field, points = ScalpField(surface, reach_mm=100.0), coil.sources().points_mm
    off = rng.uniform(LEAST_MM, MOST_MM, len(some))
    for _ in range(20):  # bent coils take several steps
        gap = field.clearance(points, some)
        some[:, :3, 3] -= np.maximum(off - gap, 0.0)[:, None] * some[:, :3, 2]
    gap, lift = field.clearance(points, some), np.linalg.norm(some[:, :3, 3] - sites.point[0], axis=1)
    return some[(gap >= LEAST_MM - 0.5) & (lift < 400.0)][:k]


def agreement(model: hf.HeadModel, rt: hf.RealTime, name: str) -> Row:
    """Errors of frames of a coil, and what the frames say of them."""
    coil = targeting_rows.coil(name)
    at = poses(model, coil, POSES)
    start = time.perf_counter()
    rt.field(coil, at[0], didt(coil, 1))
    ready = time.perf_counter() - start
    frame = rt.field(coil, at, didt(coil, len(at)))
    exact = model.solve(coil, at, didt(coil, len(at)), roi=rt.region, primary_error="summed", tol=1e-7).E
    errors = np.sqrt(rt.norms(frame.E - exact) / rt.norms(exact))
    told = np.asarray(frame.report.basis_error)
    known = np.isfinite(told)
    return {
        "coil": name,
        "sources": targeting_rows.sources(coil),
        "poses": len(at),
        "mean": float(errors.mean()),
        "worst": float(errors.max()),
        "told_over_true": [float(x) for x in np.sort(told[known] / errors[known])[[0, -1]]]
        if known.any()
        else [],
        "not_told": int((~known).sum()),
        "ready_s": ready,
    }


def didt(coil: hf.Coil, k: int) -> Any:
    return 1e6 if coil.n_stimulators == 1 else np.full((k, coil.n_stimulators), 1e6)


def frames(model: hf.HeadModel, rt: hf.RealTime, coil: hf.Coil) -> Row:
    """Milliseconds a frame, one at a time and in a batch."""
    at = poses(model, coil, BATCH)
    result = {}
    kinds = (
        ("single", at[:1], True),
        ("batch", at, True),
        ("bare", at[:1], False),
        ("bare_batch", at, False),
    )
    for name, some, estimate in kinds:
        spent = []
        for _ in range(CALLS):
            start = time.perf_counter()
            rt.field(coil, some, 1e6, estimate=estimate)
            spent.append(1e3 * (time.perf_counter() - start) / len(some))
        result[f"{name}_ms"], result[f"{name}_median_ms"] = min(spent), float(np.median(spent))
    return result | {"places": len(rt.region), "batch": len(at)}


def guess(model: hf.HeadModel, rt: hf.RealTime, coil: hf.Coil) -> Row:
    """Iterations and seconds of a batch of solves, with the basis as first guess and without."""
    at = poses(model, coil, BATCH)
    model.solve(coil, at[:1], roi=rt.region)  # tables
    result: Row = {}
    for name, basis in (("plain", None), ("basis", rt)):
        start = time.perf_counter()
        field = model.solve(coil, at, roi=rt.region, basis=basis)
        result[f"{name}_s"] = time.perf_counter() - start
        result[f"{name}_iterations"] = float(field.report.iterations.mean())
    return result


def one_pose(model: hf.HeadModel, region: hf.Region, coil: hf.Coil) -> Row:
    """Seconds of a pose of a new coil, by sums and by a table that is made for it, to a residual of 1e-5."""
    result: Row = {}
    at = poses(model, coil, CALLS)
    for name, how in (("summed", "summed"), ("table", 1e-3)):
        spent = []
        for pose in at[:3] if how == "summed" else at[:1]:
            new = hf.Coil(elements=coil.elements, name=coil.name)
            start = time.perf_counter()
            field = model.solve(new, pose, 1e6, roi=region, primary_error=how)
            spent.append(time.perf_counter() - start)
        result[f"{name}_s"], result["iterations"] = min(spent), int(field.report.iterations[0])
    return result


if __name__ == "__main__":
    sys.exit(main())
