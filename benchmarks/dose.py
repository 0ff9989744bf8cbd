# SPDX-License-Identifier: BSD-3-Clause
"""Intensities and sums over sessions: how far off estimates of errors are, and what all of it costs.

    python benchmarks/dose.py                               # two heads: ten minutes
    python benchmarks/dose.py --heads head_small --update   # this head anew; the rows of others stay
    python benchmarks/dose.py --quick --out FOLDER          # a phantom, and fewer poses

Gray matter within 10 mm of the place nearest to each of twelve poses, by a figure-8: the error that the mean
of |E| is given, by the size of the tetrahedra, beside what a zoom to 1 % changes. An intensity by the field
at motor threshold at another place, without and with placement and conductivities. The dose map of 10,000
pulses over 500 poses in the brain, beside the solves of its poses alone.
"""

from __future__ import annotations

import sys
import time
import tracemalloc
from typing import Any

import measure
import numpy as np
from suite import heads

import headfield as hf
from headfield.dose.strength.place import Doubts, Place, field_at

HEADS = ("head_small", "head_medium")
REGIONS, RADIUS_MM, ZOOM_ERROR = 12, 10.0, 0.01
POSES, PULSES, BATCH = 500, 10_000, 32
DIDT_MAX, THRESHOLDS = 150e6, (40.0, 80.0)
Row = dict[str, Any]


def main() -> int:
    parser = measure.parser_of_heads(__doc__, HEADS, "a phantom, and fewer poses")
    args = parser.parse_args()
    regions, poses = (2, 8) if args.quick else (REGIONS, POSES)
    measure.write_rows("dose", args, HEADS, lambda name: row(name, args.threads, regions, poses))
    return 0


def row(name: str, threads: int | None, regions: int, poses: int) -> Row:
    """All that is measured on a head."""
    model = hf.HeadModel(heads.mesh(name), device="cpu", threads=threads)
    coil = heads.coil().with_didt_max(DIDT_MAX)
    all_poses = np.load(heads.DATA / "poses.npy") if name in HEADS else heads.poses(name)
    some = all_poses[:: max(1, len(all_poses) // regions)][:regions]
    return {
        "head": name,
        "nodes": model.mesh.n_nodes,
        "tetrahedra": model.mesh.n_tets,
        "threads": model.threads,
        "discretisation": [discretisation(model, coil, pose) for pose in some],
        "intensity": intensities(model, coil, some),
        "map": dose_map(model, coil, np.resize(all_poses, (poses, 4, 4))),
    }


def near(model: hf.HeadModel, pose: np.ndarray) -> hf.Region:
    """Gray matter around the place that is nearest to a pose."""
    gray = model.mesh.barycentres_mm()[model.mesh.tags == heads.GRAY]
    at = gray[np.linalg.norm(gray - pose[:3, 3], axis=1).argmin()]
    return hf.regions.sphere(model.mesh, at, RADIUS_MM, heads.GRAY)


def discretisation(model: hf.HeadModel, coil: hf.Coil, pose: np.ndarray) -> Row:
    """The error that a value is given, and what a zoom changes, both relative."""
    place = Place(coil, pose, near(model, pose), "coil")
    values = [
        field_at(model, place, Doubts(None, None, zoom, samples=2, seed=0)) for zoom in (None, ZOOM_ERROR)
    ]
    coarse, fine = values
    return {
        "tetrahedra": len(place.measure.regions[0]),
        "estimate": coarse.discretisation_error,
        "changed_by_zoom": coarse.per_didt / fine.per_didt - 1.0,
        "zoom_error": fine.discretisation_error,
    }


def intensities(model: hf.HeadModel, coil: hf.Coil, poses: np.ndarray) -> Row:
    """Seconds of an intensity at one place by the threshold at another, the first call and the next."""
    here, there = poses[0], poses[len(poses) // 2]
    targets = [near(model, pose) for pose in (here, there)]
    rule = hf.dose.MatchedField(30.0, coil, there, targets[1])
    found, seconds = {}, {}
    doubts: dict[str, Row] = {
        "first": {},
        "plain": {},
        "placement": {"placement": (1.5, 3.0)},
        "conductivity": {"conductivity": True},
    }
    for name, given in doubts.items():
        start = time.perf_counter()
        found[name] = hf.dose.intensity(model, coil, here, targets[0], rule, **given)
        seconds[name] = time.perf_counter() - start
    errors = {name: found[name].errors[name] for name in ("placement", "conductivity")}
    errors["discretisation"] = found["plain"].errors["discretisation"]
    alone = found["conductivity"].field_errors["conductivity"] * found["conductivity"].mso
    return {
        "mso": found["plain"].mso,
        "errors_mso": errors,
        "conductivity_if_alone_mso": alone,
        "seconds": seconds,
    }


def dose_map(model: hf.HeadModel, coil: hf.Coil, poses: np.ndarray) -> Row:
    """Seconds and memory of the sums over all pulses, beside the solves of their poses."""
    brain = hf.regions.tissue(model.mesh, [1, 2])
    rng = np.random.default_rng(0)
    different = np.unique(poses, axis=0)
    pulses = different[rng.integers(len(different), size=PULSES * len(poses) // POSES)]
    tracemalloc.start()
    start = time.perf_counter()
    found = hf.dose.dose_map(model, coil, pulses, 60e6, region=brain, thresholds=THRESHOLDS, batch=BATCH)
    seconds = time.perf_counter() - start
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    start = time.perf_counter()
    for _ in model.iter_solve(coil, np.unique(pulses, axis=0), 60e6, roi=brain, batch=BATCH):
        pass
    return {
        "pulses": found.n_pulses,
        "poses": found.n_poses,
        "tetrahedra": len(brain),
        "seconds": seconds,
        "seconds_of_solves": time.perf_counter() - start,
        "peak_bytes": peak,
        "bytes_of_all_fields": found.n_poses * len(brain) * 12,
    }


if __name__ == "__main__":
    sys.exit(main())
