# SPDX-License-Identifier: BSD-3-Clause
"""Moves of single nodes, and what they make of the tetrahedra around them."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from .. import tetrahedra

__all__ = ["ROUNDED", "Patch"]

Floats = NDArray[np.float64]
Ints = NDArray[np.intp]
Mask = NDArray[np.bool_]

# A flatness between −this and this is rounding: it tells neither side from the other.
ROUNDED = 1e-12


class Patch:
    """All tetrahedra around some nodes. These nodes can be moved, to a place or onto another node.

    A node moves only if all tetrahedra around it keep their orientation, so they fill the same space as
    before: nothing is torn open, nothing is covered twice. A node of the outer surface becomes another one
    only along an edge of that surface, and a node between tissues goes to where no tissue is new to it, if it
    can.

    Parameters
    ----------
    nodes_mm : ndarray, (n, 3), float64
        Of the whole mesh; written to.
    tets : ndarray, (m, 4), int32
        All tetrahedra, oriented.
    tags : ndarray, (m,), int32
    skin : ndarray, (f, 3), int32
        The outer faces of the whole mesh.
    active : ndarray, (a,), intp
        The nodes that may be moved.
    """

    def __init__(
        self,
        nodes_mm: Floats,
        tets: NDArray[np.int32],
        tags: NDArray[np.int32],
        skin: NDArray[np.integer[Any]],
        active: NDArray[np.integer[Any]],
    ) -> None:
        chosen = np.zeros(len(nodes_mm), bool)
        chosen[active] = True
        self.nodes_mm, self._start = nodes_mm, nodes_mm.copy()
        self.number = np.flatnonzero(chosen[tets].any(axis=1))
        self.tets = tets[self.number].astype(np.intp)
        self.tags, self.alive = tags[self.number], np.ones(len(self.number), bool)
        self.outer = np.zeros(len(nodes_mm), bool)
        self.outer[skin] = True
        self._skin = skin[chosen[skin].any(axis=1)].astype(np.intp)
        self.active = chosen
        self.goes_to = np.arange(len(nodes_mm))

    def flatness(self) -> Floats:
        """Return the `tetrahedra.flatness_at` of each tetrahedron, (p,); infinite for those gone."""
        result = np.full(len(self.tets), np.inf)
        result[self.alive] = tetrahedra.flatness_at(self.nodes_mm[self.tets[self.alive]].transpose(2, 1, 0))
        return result

    def edges(self, of: Mask) -> tuple[Ints, Floats]:
        """Return the edges of some tetrahedra between nodes that may move, (e, 2), and their lengths, mm."""
        pairs = np.sort(self.tets[of & self.alive][:, tetrahedra.EDGES.T].reshape(-1, 2), axis=1)
        pairs = np.unique(pairs[self.active[pairs].all(axis=1)], axis=0)
        return pairs, np.linalg.norm(self.nodes_mm[pairs[:, 0]] - self.nodes_mm[pairs[:, 1]], axis=1)

    def collapse(self, edges: Ints, lengths: Floats, least: float, *, short: bool) -> int:
        """Let nodes become the other end of their edge, the shortest edges first, as many as can at a time.

        Parameters
        ----------
        edges : ndarray, (e, 2), intp
        lengths : ndarray, (e,), float64
        least : float
            The flatness that is enough.
        short : bool
            The edges are so short that surfaces may move by them; tetrahedra may stay as flat as they are.

        Returns
        -------
        int
            How many nodes have become others.
        """
        node, target = np.concatenate([edges, edges[:, ::-1]]).T
        star = _Star(self, node, self.nodes_mm[target], target)
        alone, no_new_tissue = star.tissues()
        if short:
            allowed = ~self.outer[node] | self._on_skin(node, target)
            allowed &= (star.after >= least) | ((star.after >= star.before) & (star.after > -ROUNDED))
        else:
            allowed = ~self.outer[node] & alone & (star.after >= least)
        order = np.lexsort((-star.after, np.tile(lengths, 2), ~no_new_tissue))
        wins = star.independent(allowed, order)
        mine = wins[star.candidate]
        rows, corner, candidate = star.row[mine], star.corner[mine], star.candidate[mine]
        self.alive[rows[star.gone[mine]]] = False
        self.tets[rows, corner] = target[candidate]
        self.goes_to[node[wins]] = target[wins]
        self._skin = _whole(self.goes_to[self._skin])
        return int(wins.sum())

    def nudge(self, bad: Ints, least: float, height: float) -> Ints:
        """Move a corner of flat tetrahedra away from the opposite face, as many as can at a time.

        Parameters
        ----------
        bad : ndarray, (b,), intp
            Indices of tetrahedra of this patch.
        least : float
            The flatness that is enough. Other tetrahedra around the node may stay as flat as they are.
        height : float
            The flatness that the tetrahedron itself is to get, or twice that. No node is moved by more than
            five times this share of an edge.

        Returns
        -------
        ndarray, intp
            The nodes that have moved.
        """
        corners = self.nodes_mm[self.tets[bad]]
        a, b, c = (corners[:, tetrahedra.FACES[:, i]] for i in range(3))
        inward = np.cross(c - a, b - a)
        area = np.linalg.norm(inward, axis=2)
        longest = np.sqrt(((a - b) ** 2).sum(axis=2).max(axis=1))
        # A corner of a small face is moved further, to give the tetrahedron the same volume.
        step = longest[:, None] * area.max(axis=1, keepdims=True) / np.maximum(area**2, np.finfo(float).tiny)
        step = np.where(area > 0.5 * area.max(axis=1, keepdims=True), step, 0.0)
        way = (inward * step[..., None] * height).reshape(-1, 3)
        node = self.tets[bad].ravel()
        of_all = np.zeros_like(self.nodes_mm[: node.max(initial=-1) + 1])
        np.add.at(of_all, node, way)  # away from all the flat tetrahedra of a node
        ways = np.concatenate([way, 2 * way, of_all[node]])
        node, of = np.tile(node, 3), np.tile(np.repeat(bad, 4), 3)
        place = self.nodes_mm[node] + ways
        star = _Star(self, node, place, np.full(len(node), -1))
        alone, _ = star.tissues()
        order = np.lexsort((-star.after, np.where(self.outer[node], 2, ~alone)))
        allowed = star.cures(of, least)
        far = np.linalg.norm(place - self._start[node], axis=1)
        allowed &= far <= 5 * height * np.tile(np.repeat(longest, 4), 3)
        wins = star.independent(allowed, order)
        self.nodes_mm[node[wins]] = place[wins]
        return node[wins]

    def _on_skin(self, node: Ints, target: Ints) -> Mask:
        """Tell which pairs are an edge of the outer surface."""
        sides = np.sort(self._skin[:, [[0, 1], [1, 2], [2, 0]]].reshape(-1, 2), axis=1)
        n = len(self.nodes_mm)
        return np.isin(np.minimum(node, target) * n + np.maximum(node, target), sides @ np.array([n, 1]))


class _Star:
    """Pairs of a candidate for a move and a tetrahedron around it, sorted by candidate."""

    def __init__(self, patch: Patch, node: Ints, place: Floats, target: Ints) -> None:
        rows = np.flatnonzero(patch.alive)
        at_node = patch.tets[rows].ravel()
        by_node = np.argsort(at_node, kind="stable")
        begin = np.searchsorted(at_node, node, "left", sorter=by_node)
        size = np.searchsorted(at_node, node, "right", sorter=by_node) - begin
        self.begin = np.cumsum(size) - size
        self.candidate = np.repeat(np.arange(len(node)), size)
        entry = by_node[begin[self.candidate] + np.arange(len(self.candidate)) - self.begin[self.candidate]]
        self.row, self.corner = rows[entry // 4], entry % 4
        self.patch, self.target = patch, target
        nodes = patch.tets[self.row]
        self.gone = (nodes == target[self.candidate][:, None]).any(axis=1)
        corners = patch.nodes_mm[nodes]
        self._before = tetrahedra.flatness_at(corners.transpose(2, 1, 0))
        corners[np.arange(len(corners)), self.corner] = place[self.candidate]
        self._after = np.where(self.gone, np.inf, tetrahedra.flatness_at(corners.transpose(2, 1, 0)))
        self.before, self.after = self._least(self._before), self._least(self._after)

    def _least(self, values: Floats) -> Floats:
        """Return the least value of each candidate."""
        return np.minimum.reduceat(values, self.begin) if len(self.begin) else np.zeros(0)

    def tissues(self) -> tuple[Mask, Mask]:
        """Tell which nodes lie within one tissue, and which have a target that touches all their tissues."""
        if not len(self.begin):
            return np.zeros(0, bool), np.zeros(0, bool)
        patch = self.patch
        different, label = np.unique(patch.tags, return_inverse=True)
        own = label[self.row]
        there = patch.tets[patch.alive] * len(different) + label[patch.alive][:, None]
        known = np.isin(self.target[self.candidate] * len(different) + own, there)
        alone = np.minimum.reduceat(own, self.begin) == np.maximum.reduceat(own, self.begin)
        return alone, np.logical_and.reduceat(known, self.begin)

    def cures(self, of: Ints, least: float) -> Mask:
        """Tell which candidates make a tetrahedron of each less flat than `least`, and no other flatter."""
        if not len(self.begin):
            return np.zeros(0, bool)
        enough = self._after >= least
        no_worse = enough | ((self._after >= self._before) & (self._after > -ROUNDED))
        cured = enough & (self.row == of[self.candidate])
        return np.logical_and.reduceat(no_worse, self.begin) & np.logical_or.reduceat(cured, self.begin)

    def independent(self, allowed: Mask, order: Ints) -> Mask:
        """Choose candidates, the first in the order first, of which no two change the same tetrahedron."""
        rank = np.empty(len(order), np.intp)
        rank[order] = np.arange(len(order))
        rank[~allowed] = len(order)
        first = np.full(len(self.patch.tets), len(order))
        np.minimum.at(first, self.row, rank[self.candidate])
        wins = np.array(allowed)
        wins[self.candidate[first[self.row] != rank[self.candidate]]] = False
        return wins


def _whole(faces: Ints) -> Ints:
    """Return the faces with three different corners."""
    ordered = np.sort(faces, axis=1)
    return faces[(ordered[:, 1:] != ordered[:, :-1]).all(axis=1)]
