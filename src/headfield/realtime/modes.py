# SPDX-License-Identifier: BSD-3-Clause
"""Fields of many modes in 16 bits a number, which sums of them read from memory."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..core.device import cpu

__all__ = ["MODE_BLOCK", "Modes"]

MODE_BLOCK = 32  #: columns, see cpp/mode_sums.hpp
_LARGEST = 32767
_ROWS = 64  # that are rounded at a time
_COLUMNS = 1 << 15  # that are mixed at a time: whole blocks


@dataclass(frozen=True, eq=False)
class Modes:
    """Rows of numbers, kept as whole multiples of the largest of each block of 32 over 32,767.

    Attributes
    ----------
    values : ndarray (blocks, modes, 32) int16
    scales : ndarray (blocks, modes) float32
    columns : int

    Examples
    --------
    >>> rows = np.random.default_rng(0).normal(size=(5, 100)).astype(np.float32)
    >>> modes = Modes.of(rows)
    >>> weights = np.ones((1, 5), np.float32)
    >>> bool(np.abs(modes.sums(weights) - rows.sum(axis=0)).max() < 2e-4)
    True
    """

    values: NDArray[np.int16]
    scales: NDArray[np.float32]
    columns: int

    @staticmethod
    def of(rows: NDArray[np.float32]) -> Modes:
        """Round rows (modes, columns)."""
        n, columns = rows.shape
        blocks = -(-columns // MODE_BLOCK)
        values, scales = np.zeros((blocks, n, MODE_BLOCK), np.int16), np.zeros((blocks, n), np.float32)
        for start in range(0, n, _ROWS):
            part = np.zeros((len(rows[start : start + _ROWS]), blocks * MODE_BLOCK), np.float32)
            part[:, :columns] = rows[start : start + _ROWS]
            cut = part.reshape(len(part), blocks, MODE_BLOCK)
            scale = np.abs(cut).max(axis=2) / _LARGEST
            whole = np.divide(cut, scale[..., None], out=np.zeros_like(cut), where=scale[..., None] > 0.0)
            values[:, start : start + _ROWS] = np.moveaxis(np.rint(whole), 0, 1)
            scales[:, start : start + _ROWS] = scale.T
        return Modes(values, scales, columns)

    @staticmethod
    def mixed(weights: NDArray[np.float32], fields: list[NDArray[np.float32]], order: Any = None) -> Modes:
        """Round weights (modes, n) times rows (n, columns), which come in parts: never all columns at once.

        `order` (columns,) says in which order they are wanted.
        """
        columns, parts = fields[0].shape[1], []
        for start in range(0, columns, _COLUMNS):
            some = slice(start, start + _COLUMNS) if order is None else order[start : start + _COLUMNS]
            parts.append(Modes.of(weights @ np.concatenate([one[:, some] for one in fields])))
        values, scales = (
            np.concatenate([getattr(one, name) for one in parts]) for name in ("values", "scales")
        )
        return Modes(values, scales, columns)

    def __len__(self) -> int:
        return self.values.shape[1]

    def sums(self, weights: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return weights (k, modes) times the rows: (k, columns)."""
        return cpu.mode_sums(self.values, self.scales, weights, self.columns)

    def products(self, others: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the products (q, modes) of the rows, as they were rounded, with others (q, columns)."""
        total = np.zeros((len(others), len(self)))
        step = _COLUMNS // MODE_BLOCK
        for start in range(0, len(self.values), step):
            part = slice(start, start + step)
            rows = np.moveaxis(self.values[part] * self.scales[part, :, None], 0, 1).reshape(len(self), -1)
            own = others[:, start * MODE_BLOCK : (start + step) * MODE_BLOCK]
            total += own @ rows[:, : own.shape[1]].T
        return total.astype(np.float32)
