# SPDX-License-Identifier: BSD-3-Clause
"""Triangles to pixels: which triangle is in front at each pixel, and where in it the pixel lies."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .triangles import ramp

__all__ = ["rasterise"]

Floats = NDArray[np.float64]

_CANDIDATES = 1 << 18  # pixels of bounding boxes that are taken in one piece, which stays in the caches
_SLACK = 0.01  # pixels; far more than what rounding moves the end of a row by


def rasterise(corners: Floats, width: int, height: int) -> tuple[NDArray[np.intp], Floats]:
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
    face = np.full(height * width, -1, np.intp)
    weights = np.zeros((height * width, 3))
    nearest = np.full(height * width, -np.inf)
    low = np.maximum(np.ceil(corners[:, :, :2].min(axis=1)), 0).astype(np.int64)
    high = np.minimum(np.floor(corners[:, :, :2].max(axis=1)), [width - 1, height - 1]).astype(np.int64)
    boxes = np.maximum(high - low + 1, 0)
    count = boxes[:, 0] * boxes[:, 1]
    piece = np.cumsum(count) // _CANDIDATES
    for number in np.unique(piece):
        chosen = np.flatnonzero((piece == number) & (count > 0))
        which, pixel, w, depth = _covered(corners[chosen], low[chosen], high[chosen], width)
        f = chosen[which]
        # The last value that a pixel is given stays. What is nearer than that goes in again, until none is.
        while len(front := np.flatnonzero(depth > nearest[pixel])):
            f, pixel, w, depth = f[front], pixel[front], w[front], depth[front]
            face[pixel], weights[pixel], nearest[pixel] = f, w, depth
    return face.reshape(height, width), weights.reshape(height, width, 3)


def _covered(
    corners: Floats, low: NDArray[np.int64], high: NDArray[np.int64], width: int
) -> tuple[NDArray[np.intp], NDArray[np.intp], Floats, Floats]:
    """Find the pixels from `low` to `high` (f, 2) that lie in their triangle (f, 3, 3).

    Returns which triangle, the number of the pixel row by row, the weights of the corners, and the depth.
    """
    which, y, first, last = _rows(corners, low, high)
    ax, ay, bx, by, cx, cy = corners[:, :, :2].reshape(-1, 6).T
    with np.errstate(divide="ignore", invalid="ignore"):
        scale = 1.0 / ((bx - ax) * (cy - ay) - (by - ay) * (cx - ax))
        # Plain columns: along rows of two or three numbers NumPy takes several times as long.
        ax, ay, bx, by, cx, cy, scale = (column[which] for column in (ax, ay, bx, by, cx, cy, scale))
        count = last - first + 1
        row = np.repeat(np.arange(len(y)), count)
        x, ahead, behind = first[row] + ramp(count), by - y, cy - y
        to_a, to_b, to_c = ax[row] - x, bx[row] - x, cx[row] - x
        one = (to_b * behind[row] - ahead[row] * to_c) * scale[row]
        two = (to_c * (ay - y)[row] - behind[row] * to_a) * scale[row]
        three = 1.0 - (one + two)
        inside = np.flatnonzero((one >= 0) & (two >= 0) & (three >= 0))  # none of a triangle seen edge-on
    row = row[inside]
    w = np.column_stack([one[inside], two[inside], three[inside]])
    depth = np.einsum("pc,pc->p", w, corners[which[row], :, 2])
    return which[row], y[row] * width + x[inside], w, depth


def _rows(
    corners: Floats, low: NDArray[np.int64], high: NDArray[np.int64]
) -> tuple[NDArray[np.intp], NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Return rows of pixels of triangles: which triangle, y, and the x of the first and last pixel.

    They may be a pixel too long, but half of the box around a triangle lies beside it.
    """
    count = high[:, 1] - low[:, 1] + 1
    which = np.repeat(np.arange(len(count)), count)
    y = low[which, 1] + ramp(count)
    left, right = np.full(len(y), np.inf), np.full(len(y), -np.inf)
    for i, j in ((0, 1), (1, 2), (2, 0)):
        (px, py), (qx, qy) = corners[which, i, :2].T, corners[which, j, :2].T
        with np.errstate(divide="ignore", invalid="ignore"):
            x = px + (y - py) / (qy - py) * (qx - px)
        crossed = (np.minimum(py, qy) <= y) & (y <= np.maximum(py, qy)) & (py != qy)
        left = np.where(crossed & (x < left), x, left)
        right = np.where(crossed & (x > right), x, right)
    found = left <= right  # not where it is flat: no pixel lies in that
    which, y, left, right = which[found], y[found], left[found], right[found]
    first = np.maximum(np.ceil(left - _SLACK).astype(np.int64), low[which, 0])
    last = np.minimum(np.floor(right + _SLACK).astype(np.int64), high[which, 0])
    return which, y, first, np.maximum(last, first - 1)
