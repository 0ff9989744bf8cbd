# SPDX-License-Identifier: BSD-3-Clause
"""Triangles to pixels: which triangle is in front at each pixel, and where in it the pixel lies."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["rasterise"]

_CANDIDATES = 1 << 18  # pixels of bounding boxes that are taken in one piece, which stays in the caches


def rasterise(
    corners: NDArray[np.float64], width: int, height: int
) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
    """Draw triangles into a depth buffer.

    A pixel shows the nearest of the triangles that its centre lies in, which barycentric coordinates tell
    (Pineda, Computer Graphics 22(4):17, 1988).

    Parameters
    ----------
    corners : ndarray (f, 3, 3) float64
        Corners (x, y, depth): x and y in pixels, the centre of pixel (i, j) is at x = j, y = i; the larger
        depth is in front.
    width, height : int
        Pixels.

    Returns
    -------
    face : ndarray (height, width)
        Triangle in front, -1 where there is none.
    weights : ndarray (height, width, 3)
        Weights of its corners, 0 where there is none.

    Examples
    --------
    >>> face, weights = rasterise(np.array([[[0.0, 0, 0], [2, 0, 0], [0, 2, 0]]]), 3, 3)
    >>> face.tolist(), weights[1, 1].tolist()
    ([[0, 0, 0], [0, 0, -1], [0, -1, -1]], [0.0, 0.5, 0.5])
    """
    face = np.full((height, width), -1, np.intp)
    weights = np.zeros((height, width, 3))
    nearest = np.full((height, width), -np.inf)
    low = np.maximum(np.ceil(corners[:, :, :2].min(axis=1)), 0).astype(np.int64)
    high = np.minimum(np.floor(corners[:, :, :2].max(axis=1)), [width - 1, height - 1]).astype(np.int64)
    boxes = np.maximum(high - low + 1, 0)
    count = boxes[:, 0] * boxes[:, 1]
    piece = np.cumsum(count) // _CANDIDATES
    for number in np.unique(piece):
        chosen = np.flatnonzero((piece == number) & (count > 0))
        f = np.repeat(chosen, count[chosen])
        rank = np.arange(len(f)) - np.repeat(np.cumsum(count[chosen]) - count[chosen], count[chosen])
        x = low[f, 0] + rank % boxes[f, 0]
        y = low[f, 1] + rank // boxes[f, 0]
        inside, w, depth = _barycentric(corners, f, x, y)
        f, x, y = f[inside], x[inside], y[inside]
        order = np.argsort(depth, kind="stable")  # the last value that a pixel is given stays: the nearest
        f, x, y, w, depth = f[order], x[order], y[order], w[order], depth[order]
        front = depth > nearest[y, x]
        f, x, y, w, depth = f[front], x[front], y[front], w[front], depth[front]
        face[y, x], weights[y, x], nearest[y, x] = f, w, depth
    return face, weights


def _barycentric(
    corners: NDArray[np.float64], f: NDArray[np.intp], x: NDArray[np.int64], y: NDArray[np.int64]
) -> tuple[NDArray[np.bool_], NDArray[np.float64], NDArray[np.float64]]:
    """Tell which pixels (x, y) lie in their triangle `f`; return corner weights and depths of those."""
    ax, ay, bx, by, cx, cy = corners[:, :, :2].reshape(-1, 6).T
    twice = (bx - ax) * (cy - ay) - (by - ay) * (cx - ax)
    # Plain columns: products and sums along rows of two or three numbers take NumPy several times as long.
    ax, ay, bx, by, cx, cy = (column[f] for column in (ax, ay, bx, by, cx, cy))
    with np.errstate(divide="ignore", invalid="ignore"):
        scale = (1.0 / twice)[f]
        first = ((bx - x) * (cy - y) - (by - y) * (cx - x)) * scale
        second = ((cx - x) * (ay - y) - (cy - y) * (ax - x)) * scale
        third = 1.0 - (first + second)
        inside = (first >= 0) & (second >= 0) & (third >= 0)  # False for a triangle seen edge-on
    w = np.column_stack([first[inside], second[inside], third[inside]])
    return inside, w, np.einsum("pc,pc->p", w, corners[f[inside], :, 2])
