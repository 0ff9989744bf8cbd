# SPDX-License-Identifier: BSD-3-Clause
"""Which points are well inside a head: voxels say it, and rays through the skin where these can't."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..core.locks import cached_property
from ..geometry.surface import Surface
from ..geometry.triangles import subdivided
from ..heads.mesh import TetMesh

__all__ = ["Interior"]

Floats = NDArray[np.float64]

_VOXEL_MM = 4.0
_EDGES_PER_VOXEL = 1.5  # so that each voxel inside the head holds a node
_OUT, _EITHER, _IN = 0, 1, 2  # where the points of a voxel are: outside, not known without a ray, inside


class Interior:
    """The inside of a head but for a layer of one or two voxels below the skin.

    A point belongs to it if it is within the skin and its voxel, of 4 mm or more, and the six beside it hold
    nodes. The skin is looked for when a point first lies in such a voxel, which none of a coil on the scalp
    does. Only points in voxels that the skin crosses need rays after that.

    Attributes
    ----------
    voxels : ndarray (nx, ny, nz) bool
        Those that hold nodes, as the six beside them do. The outermost ones don't.
    low : ndarray (3,)
        Corner of the first voxel, mm.
    step : float
        Side of a voxel, mm.

    Examples
    --------
    >>> import headfield as hf
    >>> ball = Interior(hf.sphere_mesh(radii_mm=[80], tags=[3], edge_mm=10))
    >>> ball.holds(np.array([[0, 0, 0], [0, 0, 82.0], [0, 200, 0]]).T).tolist()
    [True, False, False]
    """

    def __init__(self, mesh: TetMesh) -> None:
        low, high = mesh.nodes_mm.min(axis=0), mesh.nodes_mm.max(axis=0)
        edge_mm = 2.0 * (np.prod(high - low) / mesh.n_tets) ** (1 / 3)  # of 6 tetrahedra in a cube, about
        self.step = max(_VOXEL_MM, _EDGES_PER_VOXEL * float(edge_mm))
        self.low = low - self.step
        filled = np.zeros(np.ceil((high - self.low) / self.step).astype(int) + 2, bool)
        filled[tuple(((mesh.nodes_mm - self.low) / self.step).astype(np.int32).T)] = True
        self.voxels = filled.copy()
        for axis in range(3):
            self.voxels &= np.roll(filled, 1, axis) & np.roll(filled, -1, axis)
        self._state = np.where(self.voxels, np.uint8(_EITHER), np.uint8(_OUT)).ravel()
        self._mesh = mesh
        self._compared = False

    def holds(self, xyz_mm: Floats) -> NDArray[np.bool_]:
        """Say for each point whether it belongs to the interior, (…); coordinates come as (3, …), mm."""
        state = self._states(xyz_mm)
        inside = state == _IN
        either = state == _EITHER
        if either.any():
            inside[either] = self._skin.inside(xyz_mm[:, either].T)
        return np.asarray(inside)

    def holds_some(self, xyz_mm: Floats) -> NDArray[np.bool_]:
        """Say for each group of p points whether one of them belongs to the interior, (k,); (3, k, p), mm."""
        state = self._states(xyz_mm)
        found = (state == _IN).any(axis=1)
        for most in (1, xyz_mm.shape[2]):  # one is enough, most often the first, and rays are slow
            row, column = np.nonzero((state == _EITHER) & ~found[:, None])
            if not len(row):
                break
            taken = np.arange(len(row)) - np.searchsorted(row, row) < most
            row, column = row[taken], column[taken]
            found[row[self._skin.inside(xyz_mm[:, row, column].T)]] = True
        return np.asarray(found)

    @cached_property
    def _skin(self) -> Surface:
        return Surface(self._mesh.nodes_mm, self._mesh.skin())

    def _states(self, xyz_mm: Floats) -> NDArray[np.uint8]:
        """Return what is known of the voxels (…) that points (3, …) lie in; find it out when it matters."""
        voxel = self._voxel(xyz_mm)
        state = self._state[voxel]
        if not self._compared and state.any():
            self._compare(self._skin)
            self._compared = True
            state = self._state[voxel]
        return np.asarray(state)

    def _voxel(self, xyz_mm: Floats) -> NDArray[np.intp]:
        """Return the number (…) of the voxel that each point (3, …) lies in, or of the nearest one."""
        voxel = np.zeros(xyz_mm.shape[1:], np.intp)
        for x, low, n in zip(xyz_mm, self.low, self.voxels.shape, strict=True):
            voxel *= n
            voxel += np.minimum(np.maximum((x - low) / self.step, 0.0), n - 1.0).astype(np.intp)
        return voxel

    def _compare(self, skin: Surface) -> None:
        """Find the voxels that no triangle of the skin comes near: all their points are on one side."""
        crossed = np.zeros(self.voxels.shape, bool)
        hair = 1e-6  # of a voxel: its faces are rounded
        # Large triangles are cut, so that their boxes are not much larger than they are.
        corners = (subdivided(skin.triangles, 2.0 * self.step) - self.low) / self.step
        first = np.floor(corners.min(axis=1) - hair).astype(np.intp)
        last = np.floor(corners.max(axis=1) + hair).astype(np.intp)
        for shift in np.ndindex(*(last - first + 1).max(axis=0)):
            crossed[tuple(np.minimum(first + shift, last).T)] = True
        clear = np.flatnonzero(self.voxels & ~crossed)
        index = np.stack(np.unravel_index(clear, self.voxels.shape), axis=1)
        within = skin.inside(self.low + self.step * (index + 0.5))
        self._state[clear] = np.where(within, np.uint8(_IN), np.uint8(_OUT))
