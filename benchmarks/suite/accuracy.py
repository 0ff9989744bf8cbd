# SPDX-License-Identifier: BSD-3-Clause
"""What accuracy costs: the error against the exact field in a sphere, and the seconds it takes.

The error is the relative L2 error of E over the brain of a sphere of three layers, for a coil 4 mm above the
scalp: four points in each of 1500 tetrahedra, weighted by volume. The exact field is that of the solver's
own dipoles.
"""

from __future__ import annotations

import functools
import time
from typing import Any

import numpy as np

import headfield as hf

from . import heads

EDGES_MM = (10.0, 7.0, 5.0, 3.5)
FIXED_MM = 5.0  # edge where the tolerance varies
WANTED = 0.05
SAMPLED = 1500
REPEATS = 3
# Four points of a tetrahedron that integrate quadratics exactly.
POINTS = np.full((4, 4), 0.1381966011250105) + 0.4472135954999580 * np.eye(4)


class Sphere:
    """Error of the mesh, at the default tolerance."""

    params = (EDGES_MM, heads.devices())
    param_names = ("edge_mm", "device")

    def track_error(self, edge_mm: float, device: str) -> float:
        return Case(edge_mm, device).error()

    def track_seconds_per_pose(self, edge_mm: float, device: str) -> float:
        return Case(edge_mm, device).seconds_per_pose()


class AccuracyPerSecond:
    """Seconds that a pose takes where its error is 5 %: interpolated over the edges, both as logarithms."""

    params = (heads.devices(),)
    param_names = ("device",)
    slow = True

    def track_seconds_per_pose_at_5_percent(self, device: str) -> float:
        cases = [Case(edge, device) for edge in EDGES_MM]
        errors = [case.error() for case in cases]
        if not min(errors) < WANTED < max(errors):
            raise ValueError(f"errors {errors} don't enclose {WANTED:g}")
        seconds = [case.seconds_per_pose() for case in cases]
        return float(np.exp(np.interp(np.log(WANTED), np.log(errors[::-1]), np.log(seconds[::-1]))))


class Tolerance:
    """Error of the linear solve: relative L2 difference to E at a tolerance of 1e-10, on one mesh."""

    params = ((1e-3, 1e-4, 1e-5, 1e-6), heads.devices())
    param_names = ("tol", "device")

    def track_error(self, tol: float, device: str) -> float:
        case = Case(FIXED_MM, device)
        exact = case.field(tol=1e-10).astype(np.float64)
        return float(np.linalg.norm(case.field(tol=tol) - exact) / np.linalg.norm(exact))

    def track_iterations(self, tol: float, device: str) -> int:
        return int(Case(FIXED_MM, device).solve(1, tol=tol).report.iterations.max())

    def track_seconds_per_pose(self, tol: float, device: str) -> float:
        return Case(FIXED_MM, device).seconds_per_pose(tol=tol)


Sphere.track_error.unit = Tolerance.track_error.unit = "relative L2"
Sphere.track_seconds_per_pose.unit = Tolerance.track_seconds_per_pose.unit = "seconds"
AccuracyPerSecond.track_seconds_per_pose_at_5_percent.unit = "seconds"
Tolerance.track_iterations.unit = "iterations"


class Case:
    """A sphere with edges of one length, and a coil above it."""

    def __init__(self, edge_mm: float, device: str) -> None:
        self.mesh, self.model = _model(edge_mm, device)
        self.coil = heads.coil()
        self.brain = np.flatnonzero(self.mesh.tags == heads.GRAY).astype(np.int32)
        self.pose = np.diag([1.0, -1.0, -1.0, 1.0])
        self.pose[2, 3] = heads.RADII_MM[-1] + 4.0

    def solve(self, count: int, **arguments: Any) -> hf.Field:
        poses = np.repeat(self.pose[None], count, axis=0)
        return self.model.solve(
            self.coil, poses, heads.DIDT, elements=self.brain, batch=heads.BATCH, **arguments
        )

    def field(self, **arguments: Any) -> np.ndarray:
        return self.solve(1, **arguments).E[0]

    def error(self) -> float:
        chosen = np.random.default_rng(0).permutation(len(self.brain))[:SAMPLED]
        elements = self.brain[chosen]
        points = np.einsum("qk,mkd->mqd", POINTS, self.mesh.nodes_mm[self.mesh.tets[elements]])
        turn, shift = self.pose[:3, :3], self.pose[:3, 3]
        exact = hf.analytic.sphere_tms_field(
            points.reshape(-1, 3),
            self.coil.dipole_positions_mm @ turn.T + shift,
            self.coil.dipole_moments @ turn.T,
            heads.DIDT,
        ).reshape(points.shape)
        volume = self.mesh.volumes_mm3()[elements, None, None]
        off = volume * (self.field()[chosen][:, None] - exact) ** 2
        return float(np.sqrt(off.sum() / (volume * exact**2).sum()))

    def seconds_per_pose(self, **arguments: Any) -> float:
        """Median of a few batches of 32, from poses to E in the brain, after one that warms up."""
        seconds = []
        for _ in range(REPEATS + 1):
            start = time.perf_counter()
            _ = self.solve(heads.BATCH, **arguments).E
            seconds.append(time.perf_counter() - start)
        return float(np.median(seconds[1:])) / heads.BATCH


@functools.lru_cache(maxsize=1)
def _model(edge_mm: float, device: str) -> tuple[hf.TetMesh, hf.HeadModel]:
    mesh = heads.sphere(edge_mm)
    return mesh, hf.HeadModel(mesh, device=device)
