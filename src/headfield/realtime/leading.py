# SPDX-License-Identifier: BSD-3-Clause
"""The few modes that hold what sources near a head make in a region.

The E of all sources of a basis differs in a whole head; in a region much of that is alike. Sources that a
coil may have are drawn near the head, each scaled to a root mean square of 1 in the region, and the modes are
those that leave the least of them out: the principal components of E for that distribution of weights.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from .incident import Incident
from .matching import Matching, source, source_poses
from .shell import Shell

__all__ = ["Leading", "leading"]

Floats = NDArray[np.float64]

_OFF_MM = (4.0, 60.0)  # from the scalp: sources that are drawn; those of a shell are off by `off_mm`
_DRAWN = 2  # at each source of the shell, each along three axes
_LEAST = 1e-8  # of the largest mean square of a weight: smaller ones are rounding
_COLUMNS = 4096  # of fields that are multiplied at a time in float64
_DIPOLES = 256  # whose ∂B/∂t is held at a time: of all of them it would be larger than the basis
_SEED = 4


class Leading(NamedTuple):
    """Weights of modes from ∂B/∂t at the inner points, and the modes from the E of sources."""

    project: NDArray[np.float32]  #: (3 m, r)
    mix: Floats  #: (n, r)
    gram: Floats  #: (r, r) products of the E of modes, means over the region


def leading(
    matching: Matching,
    shell: Shell,
    off_mm: float,
    fields: list[NDArray[np.float32]],
    shares: Floats,
    left_out: float,
) -> Leading:
    """Return as few modes as leave out `left_out` of E in the region, root mean square.

    Parameters
    ----------
    matching : Matching
        Of n sources.
    shell : Shell
        Their places, `off_mm` off the scalp.
    off_mm : float
    fields : list of ndarray (…, p, 3) float32
        E of the sources in the region.
    shares : ndarray (p,)
        Of the places in the region, 1 together.
    left_out : float
    """
    gram, project = matching.mix.T @ _gram(fields, shares) @ matching.mix, matching.project.astype(np.float64)
    weights = _drawn(shell, off_mm, project)
    weights /= np.sqrt(np.einsum("kn,kn->k", weights @ gram, weights))[:, None]
    spread, along = np.linalg.eigh(weights.T @ weights / len(weights))
    size = np.sqrt(np.maximum(spread, _LEAST * spread[-1]))
    held, turn = np.linalg.eigh((along * size).T @ gram @ (along * size))
    held, turn = held[::-1].clip(0.0), turn[:, ::-1]
    rest = np.sqrt(np.cumsum(held[::-1])[::-1])  # what is left out by the modes before each
    count = max(1, int((rest > left_out).sum()))
    into, out = (along / size) @ turn[:, :count], (along * size) @ turn[:, :count]
    return Leading((project @ into).astype(np.float32), matching.mix @ out, out.T @ gram @ out)


def _drawn(shell: Shell, off_mm: float, project: Floats) -> Floats:
    """Return the weights (k, n) of dipoles along three axes, on both sides of the shell."""
    random, (near, far) = np.random.default_rng(_SEED), np.log(_OFF_MM)
    poses = np.tile(source_poses(shell), (_DRAWN, 1, 1))
    way = off_mm - np.exp(random.uniform(near, far, len(poses)))
    poses[:, :3, 3] += way[:, None] * poses[:, :3, 2]  # z points to the head
    one, turned = Incident(source()), []
    for axis in range(3):
        other = poses.copy()
        other[:, :3, :3] = np.roll(poses[:, :3, :3], axis, axis=2)
        for start in range(0, len(other), _DIPOLES):
            (b,) = one.field(shell.inner_mm, other[start : start + _DIPOLES])
            turned.append(b.reshape(len(b), -1) @ project)
    return np.concatenate(turned)


def _gram(fields: list[NDArray[np.float32]], shares: Floats) -> Floats:
    """Return the products (n, n) of the fields of all sources, means over the region."""
    rows = [some.reshape(len(some), -1) for some in fields]
    roots, n = np.sqrt(np.repeat(shares, 3)), sum(len(some) for some in rows)
    total = np.zeros((n, n))
    for start in range(0, len(roots), _COLUMNS):
        part = slice(start, start + _COLUMNS)
        some = np.concatenate([row[:, part] for row in rows]) * roots[part]
        total += some @ some.T
    return total
