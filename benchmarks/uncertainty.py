# SPDX-License-Identifier: BSD-3-Clause
"""Bases in conductivities: what they take to make, how far they are off, how well that is known, their cost.

    python benchmarks/uncertainty.py                               # all heads: ten minutes
    python benchmarks/uncertainty.py --heads head_large --update   # this head anew; the rows of others stay
    python benchmarks/uncertainty.py --quick --out FOLDER          # a phantom

A figure-8 over the hand area, and gray matter within 10 mm of a place there; all tissues that have published
ranges. The basis is made as it is by default, to an error of 1e-3. Then 256 sets of conductivities from
Beta(3, 3) are solved in full, many together: errors of E, relative L2 over the region, beside certified
bounds and estimates of them, and mean and spread of the mean of |E| beside those of 100,000 samples of the
basis, in standard errors of the 256. Times are the least of several calls.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Any

import measure
import numpy as np
from suite import heads

import headfield as hf

HERE = Path(__file__).resolve().parent
HEADS = ("head_small", "head_medium", "head_large")
PLACE_MM, RADIUS_MM = (-40.0, -8.0, 50.0), 10.0
CENTRE_MM, HANDLE_MM = (-46.0, -8.0, 70.0), (-46.0, 42.0, 70.0)
FULL, SAMPLES, CALLS = 256, 100_000, 3
Row = dict[str, Any]


def main() -> int:
    parser = measure.parser_of_heads(__doc__, HEADS, "a phantom, and fewer samples")
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    full, samples = (16, 2000) if args.quick else (FULL, SAMPLES)
    measure.write_rows(
        "uncertainty", args, HEADS, lambda name: row(name, args.threads, args.seed, full, samples)
    )
    return 0


def row(name: str, threads: int | None, seed: int, full: int, samples: int) -> Row:
    """All that is measured on a head."""
    model = hf.HeadModel(heads.mesh(name), device="cpu", threads=threads)
    region = hf.regions.sphere(model.mesh, PLACE_MM, RADIUS_MM, heads.GRAY)
    coil = hf.figure_of_eight()
    pose = model.place(coil, CENTRE_MM, HANDLE_MM)
    start = time.perf_counter()
    basis = hf.conductivity_basis(
        model, region, coil, pose, seed=seed, progress=lambda said: print(f"{name}: {said}", flush=True)
    )
    made = time.perf_counter() - start
    report = basis.report
    return {
        "head": name,
        "nodes": model.mesh.n_nodes,
        "threads": model.threads,
        "region": repr(region),
        "tetrahedra": len(region),
        "tags": basis.tags.tolist(),
        "solves": report.solves,
        "size": report.size,
        "reached": bool(report.reached),
        "made_s": made,
        "stages_s": report.seconds,
        "decay": report.decay.tolist(),
        "calibration": report.calibration,
        "held_out": errors(report.held_out, report.held_out_bounds),
        "full": in_full(basis, region, full, samples),
        "times": times(basis, samples),
        "sensitivities": basis.sensitivities(basis.nominal)[0].tolist(),
        "extremes": [one.value for one in basis.extremes()],
    }


def drawn(basis: hf.ConductivityBasis, count: int, seed: int) -> np.ndarray:
    """Conductivities (count, T) of Beta(3, 3) over the ranges."""
    rng = np.random.default_rng(seed)
    return basis.low + (basis.high - basis.low) * rng.beta(3.0, 3.0, (count, len(basis.tags)))


def errors(true: np.ndarray, told: np.ndarray) -> Row:
    """How large errors are, and how many times as large what is told of them is."""
    ratio = told / true
    return {
        "count": len(true),
        "mean": float(true.mean()),
        "worst": float(true.max()),
        "told_over_true": [float(ratio.min()), float(ratio.max())],
    }


def in_full(basis: hf.ConductivityBasis, region: hf.Region, full: int, samples: int) -> Row:
    """The basis beside full solves, sample by sample, and in mean and spread."""
    sigma, shares = drawn(basis, full, 1), region.weights / region.weights.sum()
    start = time.perf_counter()
    exact = basis.solved(sigma)
    spent = time.perf_counter() - start
    off = np.sqrt(((basis.fields(sigma) - exact) ** 2).sum(axis=2) @ shares)
    true = off / np.sqrt((exact**2).sum(axis=2) @ shares)
    values = np.linalg.norm(exact, axis=2) @ shares
    same = basis.values(sigma)
    many = basis.values(drawn(basis, samples, 2))
    mean_error = values.std(ddof=1) / np.sqrt(full)
    kurtosis = ((values - values.mean()) ** 4).mean() / values.var() ** 2
    spread_error = 0.5 * values.std(ddof=1) * np.sqrt((kurtosis - 1) / full)
    return {
        "certified": errors(true, basis.bounds(sigma)),
        "estimated": errors(true, basis.estimates(sigma)),
        "seconds_each": spent / full,
        "mean": float(values.mean()),
        "std": float(values.std(ddof=1)),
        "basis_mean_of_the_same": float(same.mean()),
        "basis_std_of_the_same": float(same.std(ddof=1)),
        "basis_mean": float(many.mean()),
        "basis_std": float(many.std()),
        "mean_off_in_standard_errors": float((many.mean() - values.mean()) / mean_error),
        "std_off_in_standard_errors": float((many.std() - values.std(ddof=1)) / spread_error),
        "largest_difference_of_a_value": float(abs(same / values - 1).max()),
    }


def times(basis: hf.ConductivityBasis, samples: int) -> Row:
    """Seconds of so many samples of the region's mean, and of their bounds."""
    sigma = drawn(basis, samples, 3)
    result: Row = {"samples": samples}
    for name, function in (("values", basis.values), ("bounds", basis.bounds)):
        spent = []
        for _ in range(CALLS):
            start = time.perf_counter(), time.process_time()
            function(sigma)
            spent.append((time.perf_counter() - start[0], time.process_time() - start[1]))
        result[f"{name}_s"], result[f"{name}_of_processors_s"] = np.array(spent).min(axis=0).tolist()
    return result


if __name__ == "__main__":
    sys.exit(main())
