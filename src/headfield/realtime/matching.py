# SPDX-License-Identifier: BSD-3-Clause
"""How the sources of a basis are weighted, so that their B inside the head is that of a coil."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..coils.coil import Coil
from .incident import RATE, Incident
from .shell import Shell

__all__ = ["Matching", "a_of_sources", "matching_of", "source", "source_poses"]

Floats = NDArray[np.float64]

_RIDGE = 1e-6  # of the mean square of the singular values: less fits noise, more leaves out what coils have


class Matching(NamedTuple):
    """∂B/∂t of unit sources at the inner points, K = U diag(s) Vᵀ, as weights of what a coil has there, b.

    The least squares x = V diag(g) Uᵀ b with g = s / (s² + ε) has small weights where little of the field
    depends on them. Frames take y = Uᵀ b, and V diag(g) goes into the modes.
    """

    project: NDArray[np.float32]  #: U (3 m, n)
    mix: Floats  #: V diag(g) (n, n)


def source() -> Coil:
    """Return the source of a basis: a dipole of 1 A m² at the origin of its frame, along z."""
    return Coil(np.zeros((1, 3)), np.array([[0.0, 0.0, 1.0]]))


def source_poses(shell: Shell) -> Floats:
    """Return the poses (n, 4, 4) of the sources on a shell, which look at the head."""
    z = -shell.normals
    aside = np.where(np.abs(z[:, :1]) < 0.9, [[1.0, 0.0, 0.0]], [[0.0, 1.0, 0.0]])
    x = np.cross(aside, z)
    x /= np.linalg.norm(x, axis=1)[:, None]
    poses = np.tile(np.eye(4), (len(z), 1, 1))
    poses[:, :3, 0], poses[:, :3, 1], poses[:, :3, 2] = x, np.cross(z, x), z
    poses[:, :3, 3] = shell.points_mm
    return poses


def matching_of(shell: Shell) -> Matching:
    """Match a coil by the sources of a shell."""
    (fields,) = Incident(source()).field(shell.inner_mm, source_poses(shell))
    u, s, vt = np.linalg.svd(fields.reshape(len(fields), -1).T, full_matrices=False)
    gain = s / (s**2 + _RIDGE * (s**2).mean())
    return Matching(u.astype(np.float32), vt.T * gain)


def a_of_sources(shell: Shell) -> Floats:
    """Return ∂A/∂t (n, m, 3), V/m, of each source of a shell at its inner points."""
    own = source()
    return np.stack([RATE * own.vector_potential(shell.inner_mm, pose) for pose in source_poses(shell)])
