# SPDX-License-Identifier: BSD-3-Clause
"""Seconds of every stage, from the mesh to E: set-up, tables of a coil, the steps of a batch, the whole."""

from __future__ import annotations

import time
from unittest import mock

import numpy as np

import headfield as hf
from headfield.core import device as backend

from . import heads, steps


class HeadSetUp:
    """What is done once for a head. (asv would take a class "SetUp" for the set-up of the module.)"""

    params = (heads.HEADS, heads.devices())
    param_names = ("head", "device")

    def setup(self, head: str, device: str) -> None:
        self.head = steps.head(head, device)

    def time_head_model(self, head: str, device: str) -> None:
        hf.HeadModel(heads.mesh(head), device=device)

    def time_assemble(self, head: str, device: str) -> None:
        self.head.assemble()

    def time_hierarchy(self, head: str, device: str) -> None:
        self.head.precondition()


class Coil:
    """What is done once for a coil: here the package's figure-of-eight, 2104 dipoles."""

    params = (heads.devices(),)
    param_names = ("device",)

    def time_tables(self, device: str) -> None:
        steps.coil_table(hf.figure_of_eight(), backend.select(device))


class Batch:
    """What is done for each batch of `width` poses: seconds are those of the batch. E is in gray matter."""

    params = (heads.HEADS, (1, 8, heads.BATCH), heads.devices())
    param_names = ("head", "width", "device")
    number = 1  # calls for a set-up: a solve uses up its right-hand sides

    def setup(self, head: str, width: int, device: str) -> None:
        self.batch = steps.batch(head, width, device)
        self.batch.load()

    def time_primary(self, head: str, width: int, device: str) -> None:
        self.batch.primary()

    def time_right_hand_side(self, head: str, width: int, device: str) -> None:
        self.batch.right_hand_side()

    def time_solve(self, head: str, width: int, device: str) -> None:
        self.batch.solve()

    def time_field(self, head: str, width: int, device: str) -> None:
        self.batch.field()


class EndToEnd:
    """From poses to E in gray matter as NumPy arrays, as a user calls it."""

    params = (heads.HEADS, heads.devices())
    param_names = ("head", "device")

    def setup(self, head: str, device: str) -> None:
        if not hasattr(self, "model"):  # asv sets up before every sample
            self.model = hf.HeadModel(heads.mesh(head), device=device)
            self.gray, self.poses = heads.gray(head), heads.poses(head)
            self._solve(1)  # makes the table of the coil

    def time_1_pose(self, head: str, device: str) -> None:
        self._solve(1)

    def time_32_poses(self, head: str, device: str) -> None:
        self._solve(heads.BATCH)

    def _solve(self, count: int) -> None:
        poses = self.poses[:count]
        # E is asked for: it is part of what is timed.
        _ = self.model.solve(heads.coil(), poses, heads.DIDT, elements=self.gray, batch=count).E


class SmallSolve:
    """A loop over solves of 2,057 nodes: how much of the processor's time is spent in Python.

    By one thread, whose time is what the clock sees.
    """

    params = ((1, 8), ("cpu",))
    param_names = ("width", "device")

    def setup(self, width: int, device: str) -> None:
        mesh = heads.sphere(14.0)
        self.model = hf.HeadModel(mesh, device=device, threads=1)
        self.gray = np.flatnonzero(mesh.tags == heads.GRAY)
        self.poses = heads.poses("sphere")

    def track_outside_of_stages(self, width: int, device: str) -> float:
        """Percent of the seconds of a solve that the stages of its report do not account for, the median."""
        shares, random = [], np.random.default_rng(0)
        with mock.patch("time.perf_counter", time.thread_time):  # the clock of the stages
            for chosen in random.integers(0, len(self.poses), (400, width)):
                poses, start = self.poses[chosen], time.thread_time()
                report = self.model.solve(heads.coil(), poses, heads.DIDT, elements=self.gray).report
                seconds = time.thread_time() - start
                shares.append(1.0 - sum(report.seconds.values()) / seconds)
        return 100.0 * float(np.median(shares))


SmallSolve.track_outside_of_stages.unit = "%"
EndToEnd.time_1_pose.poses = 1
EndToEnd.time_32_poses.poses = heads.BATCH
