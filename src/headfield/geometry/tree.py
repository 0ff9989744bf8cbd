# SPDX-License-Identifier: BSD-3-Clause
"""Pairs of near triangles, found by descending two trees of bounds at once, many groups at a time."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

__all__ = ["Balls", "Boxes", "near_pairs"]

Floats = NDArray[np.float64]
Ints = NDArray[np.intp]

_CHILDREN = 4
_MAX_PAIRS = 200_000  # taken at a time: some ten MB
_STRETCH = 1.001  # of radii: more than a pose that `check_poses` lets pass can stretch
_SLACK = 1e-9  # relative and in mm: bounds and distances are rounded


class Boxes(NamedTuple):
    """Boxes around triangles, boxes around four of those, and so on up to one box: arrays per level.

    `order` has the triangle of each box of level 0, `point` a point of a triangle in each box.
    """

    order: Ints
    low: list[Floats]
    high: list[Floats]
    point: list[Floats]
    size: list[float]  #: mean half diagonal

    @staticmethod
    def around(triangles: Floats) -> Boxes:
        """Build the boxes around triangles (f, 3, 3), mm."""
        order = _morton_order(triangles.mean(axis=1))
        corners = triangles[order]
        low, high, point = [corners.min(axis=1)], [corners.max(axis=1)], [corners.mean(axis=1)]
        while len(low[-1]) > 1:
            groups = np.arange(0, len(low[-1]), _CHILDREN)
            low.append(np.minimum.reduceat(low[-1], groups))
            high.append(np.maximum.reduceat(high[-1], groups))
            point.append(_most_central(point[-1], 0.5 * (low[-1] + high[-1])))
        size = [0.5 * float(_length(b - a).mean()) for a, b in zip(low, high, strict=True)]
        return Boxes(order, low, high, point, size)


class Balls(NamedTuple):
    """Balls around triangles or points, in levels as `Boxes`. Unlike boxes they can be turned as they are."""

    order: Ints
    centre: list[Floats]
    radius: list[Floats]
    point: list[Floats]

    @staticmethod
    def around(corners: Floats) -> Balls:
        """Build the balls around triangles (f, 3, 3) or points (f, 1, 3), mm."""
        boxes = Boxes.around(corners)
        centre = [0.5 * (low + high) for low, high in zip(boxes.low, boxes.high, strict=True)]
        corners = corners[boxes.order]
        radius = []
        for level, middle in enumerate(centre):
            leaves = np.arange(len(corners)) // _CHILDREN**level
            far = np.linalg.norm(corners - middle[leaves, None], axis=2).max(axis=1)
            largest = np.maximum.reduceat(far, np.arange(0, len(far), _CHILDREN**level))
            radius.append(_STRETCH * largest)
        return Balls(boxes.order, centre, radius, boxes.point)

    def moved(self, poses: Floats) -> tuple[list[Floats], list[Floats]]:
        """Return centres and points per level after each of the poses, (k, balls, 3)."""
        turn, shift = np.swapaxes(poses[:, :3, :3], 1, 2), poses[:, None, :3, 3]
        return [c @ turn + shift for c in self.centre], [p @ turn + shift for p in self.point]


class Side(NamedTuple):
    """The balls of k groups, arrays per level: where they are, and how far down they reach.

    `low` is the least height of the content of each ball along a direction of the group.
    """

    radius: list[Floats]  #: (balls,)
    centre: list[Floats]  #: (k, balls, 3)
    point: list[Floats]  #: (k, balls, 3)
    low: list[Floats]  #: (balls, k)


def near_pairs(
    boxes: Boxes,
    high: list[Floats],
    balls: Side,
    bound: Floats,
    leaf: Callable[[Ints, Ints, Ints], None],
) -> None:
    """Find the pairs of a ball and a box that may be the nearest pair of their group.

    Parameters
    ----------
    boxes : Boxes
    high : list of ndarrays (boxes, k)
        Largest height of the content of each box per level, along the direction of the group.
    balls : Side
    bound : ndarray (k,)
        Distance up to which pairs are wanted, mm. It is lowered here to the distance of a point of a ball's
        content from one of a box's, and by `leaf`.
    leaf : callable
        Gets groups, balls of level 0 and triangles, (p,) each, and may lower `bound`. It is called often;
        every pair at the least distance of its group is in one of the calls.
    """
    steps = _descent(boxes.size, [float(r.mean()) for r in balls.radius])
    group = np.arange(len(bound))
    stack = [(0, group, np.zeros_like(group), np.zeros_like(group))]
    while stack:
        step, group, ball, box = stack.pop()
        if len(group) > _MAX_PAIRS:
            half = len(group) // 2
            stack.append((step, group[half:], ball[half:], box[half:]))
            stack.append((step, group[:half], ball[:half], box[:half]))
            continue
        i, j = steps[step]
        limit = bound * (1 + _SLACK) + _SLACK
        near = np.flatnonzero(balls.low[i][ball, group] - high[j][box, group] <= limit[group])
        group, ball, box = group[near], ball[near], box[near]
        centre = balls.centre[i][group, ball]
        outside = np.maximum(boxes.low[j][box] - centre, centre - boxes.high[j][box])
        gap = _length(np.maximum(outside, 0.0)) - balls.radius[i][ball]
        near = np.flatnonzero(gap <= limit[group])
        group, ball, box = group[near], ball[near], box[near]
        np.minimum.at(bound, group, _length(balls.point[i][group, ball] - boxes.point[j][box]))
        if step + 1 == len(steps):
            leaf(group, ball, boxes.order[box])
        elif steps[step + 1][0] < i:
            parent, ball = _children(ball, len(balls.radius[i - 1]))
            stack.append((step + 1, group[parent], ball, box[parent]))
        else:
            parent, box = _children(box, len(boxes.low[j - 1]))
            stack.append((step + 1, group[parent], ball[parent], box))


def _children(index: Ints, count: int) -> tuple[Ints, Ints]:
    """Return the row of its parent for each child, and the children; their level has `count`."""
    child = (_CHILDREN * index[:, None] + np.arange(_CHILDREN)).ravel()
    there = np.flatnonzero(child < count)
    return there // _CHILDREN, child[there]


def _descent(box_sizes: list[float], ball_sizes: list[float]) -> list[tuple[int, int]]:
    """Return levels (ball, box) from the roots down to (0, 0): of the two the larger is taken apart next."""
    ball, box = len(ball_sizes) - 1, len(box_sizes) - 1
    steps = [(ball, box)]
    while ball or box:
        if ball and (not box or ball_sizes[ball] > box_sizes[box]):
            ball -= 1
        else:
            box -= 1
        steps.append((ball, box))
    return steps


def reduced(values: Floats, extreme: np.ufunc) -> list[Floats]:
    """Return, per level, the least or largest of values (leaves, k) that are in the order of level 0."""
    levels = [values]
    while len(levels[-1]) > 1:
        groups = np.arange(0, len(levels[-1]), _CHILDREN)
        levels.append(extreme.reduceat(levels[-1], groups))
    return levels


def _length(vectors: Floats) -> Floats:
    return np.asarray(np.sqrt(np.einsum("pj,pj->p", vectors, vectors)))


def _most_central(points: Floats, middles: Floats) -> Floats:
    """Return, of each four points in a row, the one that is nearest to its middle."""
    padding = -len(points) % _CHILDREN
    four = np.concatenate([points, np.repeat(points[-1:], padding, axis=0)]).reshape(-1, _CHILDREN, 3)
    nearest = np.linalg.norm(four - middles[:, None], axis=2).argmin(axis=1)
    return np.asarray(four[np.arange(len(four)), nearest])


def _morton_order(points: Floats) -> Ints:
    """Return the order of points (p, 3) along a Z-shaped curve through 1024³ cells."""
    low = points.min(axis=0)
    extent = float((points.max(axis=0) - low).max())
    cell = ((points - low) * (1023.0 / extent if extent > 0 else 0.0)).astype(np.int64)
    for shift, mask in ((16, 0x030000FF), (8, 0x0300F00F), (4, 0x030C30C3), (2, 0x09249249)):
        cell = (cell | (cell << shift)) & mask
    return np.argsort(cell[:, 0] | (cell[:, 1] << 1) | (cell[:, 2] << 2), kind="stable")
