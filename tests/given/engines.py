# SPDX-License-Identifier: BSD-3-Clause
"""Stand-ins for what computes live frames: they solve each pose, and keep count."""

import dataclasses
import threading
import types

import numpy as np

import headfield as hf


class Solver:
    """Solves each pose in full, when it may; `batches` has how many poses each call had."""

    def __init__(self, model, region):
        self.model, self.region, self.may = model, region, threading.Event()
        self.batches: list[int] = []
        self.may.set()

    def field(self, coil, poses, didt=1e6):
        assert self.may.wait(60)
        self.batches.append(len(np.atleast_3d(poses)) if np.ndim(poses) == 3 else 1)
        return self.model.solve(coil, poses, didt, roi=self.region)


class Choosy(Solver):
    """Refuses poses beyond a plane x = `limit_mm`, as a basis refuses coils in its margin."""

    limit_mm = 0.0
    error: type[Exception] = hf.PoseError

    def field(self, coil, poses, didt=1e6):
        beyond = np.flatnonzero(np.reshape(poses, (-1, 4, 4))[:, 0, 3] > self.limit_mm)
        if len(beyond):
            self.batches.append(0)
            raise self.error(f"pose {beyond[0]} of {len(poses)}: the coil is 1.5 mm off the scalp")
        return super().field(coil, poses, didt)


class Made:
    """Fields by a formula, at once: |E| at point p of a pose at x, y, z is |x| (p + 1) V/m per A/µs."""

    def __init__(self, region, basis_error=None):
        self.region, self.basis_error, self.poses = region, basis_error, 0

    def field(self, coil, poses, didt=1e6):
        poses = np.reshape(poses, (-1, 4, 4))
        self.poses += len(poses)
        rates = np.broadcast_to(np.reshape(didt, (-1,)), (len(poses),))
        strength = np.abs(poses[:, 0, 3]) * rates * 1e-6
        E = np.zeros((len(poses), len(self.region), 3), np.float32)
        E[..., 1] = strength[:, None] * (1.0 + np.arange(len(self.region)))
        errors = None if self.basis_error is None else np.full(len(poses), self.basis_error)
        report = types.SimpleNamespace(basis_error=errors)
        return types.SimpleNamespace(E=E, magnitude=np.linalg.norm(E, axis=2), report=report)


def without_field(field, poses):
    """The same field, that of some poses being not a number."""
    E = np.array(field.E)
    E[poses] = np.nan
    return hf.Field.of_arrays(dataclasses.replace(field.arrays(), E=E))
