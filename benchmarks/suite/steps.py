# SPDX-License-Identifier: BSD-3-Clause
"""The steps of a solve one by one, on arrays of one device, as `HeadModel` takes them."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np

import headfield as hf
from headfield.coils.potential import Primary
from headfield.core import device as backend
from headfield.heads.conductivity import resolve

from . import heads

STRENGTH = 0.04  # strength of connection, as HeadModel has it
TOLERANCE = 1e-5  # HeadModel's default
REACH_M = 0.35  # of the tables of a coil: what HeadModel takes for a head of ordinary size


class Head:
    """A head on a device: in Morton order, assembled, with its hierarchy."""

    def __init__(self, name: str, device: str) -> None:
        mesh = heads.mesh(name)
        self.device = backend.select(device)
        put, order = self.device.put, self.device.native.morton_order(mesh.nodes_mm)
        rank = np.empty_like(order)
        rank[order] = np.arange(len(order), dtype=np.int32)
        self.nodes_m = put(mesh.nodes_mm[order] * 1e-3)
        self.tets = self.device.indices(rank[mesh.tets], mesh.n_nodes)
        self.sigma = put(resolve(None, mesh.tags))
        gray = heads.gray(name)
        self.gray, self.n_gray = self.device.indices(gray, mesh.n_tets), len(gray)
        indptr, indices, self.stiffness, self.source = self.assemble()
        self.indptr = self.device.indices(indptr, len(indices) + 1, row_pointer=True)
        self.indices = self.device.indices(indices, mesh.n_nodes)
        self.hierarchy = self.precondition()

    def assemble(self) -> Any:
        return self._done(self.device.native.assemble(self.nodes_m, self.tets, self.sigma))

    def precondition(self) -> Any:
        matrix = (self.indptr, self.indices, self.stiffness)
        ground = self.device.put(np.arange(len(self.nodes_m)) == 0)
        return self._done(self.device.native.Hierarchy(*matrix, ground, STRENGTH))

    def _done(self, result: Any) -> Any:
        self.device.wait()
        return result


class Batch:
    """So many poses in a head, and each step of solving them; a step can be taken again."""

    def __init__(self, head: Head, poses: np.ndarray) -> None:
        width, n = len(poses), len(head.nodes_m)
        self.head, self.device, self.xp = head, head.device, head.device.xp
        self._poses, self._rates = poses, np.full((width, 1), heads.DIDT)
        self._table = coil_table(heads.coil(), self.device)
        self._solver = self.device.native.Solver(head.hierarchy, width)
        self._adot = self.xp.empty((n, 3, width), np.float32)
        self._b, self._loads = self.xp.empty((n, width)), self.xp.empty((n, width))
        self._phi = self.xp.empty((n, width))
        self._scale = self.device.put(np.ones(width))
        self._e = self.xp.empty((width, head.n_gray, 3), np.float32)
        self.primary()
        self.right_hand_side()

    def primary(self) -> None:
        self._table.sample(self.head.nodes_m, self._poses, self._rates, self._adot)
        self.device.wait()

    def right_hand_side(self) -> None:
        head = self.head
        self.device.native.right_hand_side(head.indptr, head.indices, head.source, self._adot, self._b)
        self.device.wait()

    def load(self) -> None:
        """What `solve` uses up, and so is no part of it."""
        self._loads[...] = self._b
        self.device.wait()

    def solve(self) -> None:
        limits = [TOLERANCE] * self._solver.width
        columns = self._solver.solve(self._loads, self._phi, limits, 200, guessed=False)
        self.device.wait()
        if not all(column.converged for column in columns):
            raise RuntimeError("a solve did not converge: its time says nothing")
        self.iterations = max(column.iterations for column in columns)

    def field(self) -> None:
        head, native = self.head, self.device.native
        native.electric_field(head.nodes_m, head.tets, self._phi, self._adot, self._scale, head.gray, self._e)
        self.device.wait()


def coil_table(coil: hf.Coil, device: backend.Device) -> Primary:
    """The lattices of a coil's vector potential, within HeadModel's default error."""
    table = Primary.build(coil, REACH_M, 1e-3, device)
    device.wait()
    return table


@functools.lru_cache(maxsize=1)
def head(name: str, device: str) -> Head:
    return Head(name, device)


@functools.lru_cache(maxsize=1)
def batch(name: str, width: int, device: str) -> Batch:
    return Batch(head(name, device), heads.poses(name)[:width])
