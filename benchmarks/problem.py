# SPDX-License-Identifier: BSD-3-Clause
"""The linear systems of the benchmark, assembled with NumPy and SciPy only.

This is an assembly of its own, independent of headfield's, so that a mistake there cannot flatter a
comparison: K_ij = sum_e V_e grad(l_i) . sigma_e grad(l_j) and b_i = -sum_e V_e sigma_e dA/dt_e . grad(l_i),
with dA/dt_e the mean of its four nodal values. The potential is fixed at node 0: its row and column are
left out.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import scipy.sparse as sp

CONDUCTIVITY = {1: 0.126, 2: 0.275, 3: 1.654, 4: 0.010, 5: 0.465, 6: 0.5, 7: 0.008, 8: 0.025}
DIDT = 1e6  # A/s
KEEP_DIPOLE = 8  # every eighth dipole, eight times as strong: realistic loads in an eighth of the time
BLOCK = 128  # nodes whose distances to all dipoles are held at once: they fit a core's cache
PAIRS = ((0, 1), (0, 2), (0, 3), (1, 2), (1, 3), (2, 3))


def element_gradients(nodes_m: np.ndarray, tets: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Gradients (m, 4, 3) [1/m] of the four hat functions, and volumes (m,) [m^3]."""
    corner = nodes_m[tets]
    edge = corner[:, 1:] - corner[:, :1]
    cross = np.cross(edge[:, [1, 2, 0]], edge[:, [2, 0, 1]])
    det = np.einsum("mi,mi->m", edge[:, 0], cross[:, 0])
    gradient = np.empty((len(tets), 4, 3))
    gradient[:, 1:] = cross / det[:, None, None]
    gradient[:, 0] = -gradient[:, 1:].sum(axis=1)
    return gradient, np.abs(det) / 6.0


def stiffness(gradient: np.ndarray, weight: np.ndarray, tets: np.ndarray, n_nodes: int) -> sp.csr_matrix:
    """Full (n, n) stiffness matrix; ``weight`` is volume times conductivity, (m,) [S m^2]."""
    rows = np.concatenate([tets[:, i] for i, _ in PAIRS])
    columns = np.concatenate([tets[:, j] for _, j in PAIRS])
    dots = [np.einsum("mc,mc->m", gradient[:, i], gradient[:, j]) for i, j in PAIRS]
    values = np.concatenate([weight * dot for dot in dots])
    half = sp.coo_matrix((values, (rows, columns)), shape=(n_nodes, n_nodes)).tocsr()
    off_diagonal = half + half.T
    # The hat functions sum to one, so every row sums to zero: that is the diagonal.
    matrix = (off_diagonal - sp.diags(np.asarray(off_diagonal.sum(axis=1)).ravel())).tocsr()
    matrix.sort_indices()
    return matrix


def read_dipoles(path: Path) -> np.ndarray:
    """Dipoles of a .ccd file, (d, 6): positions [m] and moments [A m^2 per A] in the coil frame."""
    lines = [line.split() for line in path.read_text().splitlines() if not line.startswith("#")]
    return np.array([line for line in lines if len(line) == 6], dtype=np.float64)  # the count has one word


def vector_potential_rate(
    points_m: np.ndarray, positions_m: np.ndarray, moments: np.ndarray, threads: int
) -> np.ndarray:
    """dA/dt (n, 3) [V/m] at DIDT: 1e-7 sum m x (r - r_k) / |r - r_k|^3.

    The sum is split into (sum w m) x r - sum w (m x r_k), w = |r - r_k|^-3: two matrix products per block.
    """
    centre = positions_m.mean(axis=0)
    r, source = points_m - centre, positions_m - centre
    right = np.hstack([moments, np.cross(moments, source)])
    out = np.empty_like(r)

    def sum_block(start: int) -> None:
        here = r[start : start + BLOCK]
        square = (here**2).sum(axis=1)[:, None] + (source**2).sum(axis=1) - 2.0 * here @ source.T
        sums = (1.0 / (square * np.sqrt(square))) @ right
        out[start : start + BLOCK] = np.cross(sums[:, :3], here) - sums[:, 3:]

    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(sum_block, range(0, len(r), BLOCK)))
    return 1e-7 * DIDT * out


def right_hand_side(
    gradient: np.ndarray, weight: np.ndarray, tets: np.ndarray, nodal_rate: np.ndarray
) -> np.ndarray:
    """Load vector (n,) [A] of one pose."""
    mean = nodal_rate[tets].mean(axis=1)
    load = -weight[:, None] * np.einsum("mic,mc->mi", gradient, mean)
    return np.bincount(tets.ravel(), load.ravel(), minlength=len(nodal_rate))


def write_problem(folder: Path, head: Path, coil: Path, poses: np.ndarray, threads: int) -> dict[str, int]:
    """Leave the systems of ``poses`` (k, 4, 4) [mm] on ``head`` (.npz) as .npy files in ``folder``."""
    with np.load(head) as data:
        nodes_mm, tets, tags = data["nodes"].astype(np.float64), data["tets"].astype(np.int32), data["tags"]
    sigma = np.array([CONDUCTIVITY.get(tag, np.nan) for tag in range(int(tags.max()) + 1)])[tags]
    if np.isnan(sigma).any():
        raise SystemExit(f"{head}: tags without a conductivity: {np.unique(tags[np.isnan(sigma)])}")
    gradient, volume = element_gradients(nodes_mm * 1e-3, tets)
    weight = volume * sigma
    matrix = stiffness(gradient, weight, tets, len(nodes_mm))[1:, 1:]
    dipoles = read_dipoles(coil)
    positions, moments = dipoles[::KEEP_DIPOLE, :3], dipoles[::KEEP_DIPOLE, 3:] * KEEP_DIPOLE
    rhs = np.empty((len(poses), matrix.shape[0]))
    for k, pose in enumerate(poses):
        placed = positions @ pose[:3, :3].T + pose[:3, 3] * 1e-3
        rate = vector_potential_rate(nodes_mm * 1e-3, placed, moments @ pose[:3, :3].T, threads)
        rhs[k] = right_hand_side(gradient, weight, tets, rate)[1:]
    arrays = {"indptr": matrix.indptr, "indices": matrix.indices, "data": matrix.data, "rhs": rhs}
    arrays |= {"nodes_mm": nodes_mm, "tets": tets, "sigma": sigma, "poses": poses}
    arrays |= {"tags": tags.astype(np.int32), "dipoles": dipoles}
    for name, array in arrays.items():
        np.save(folder / f"{name}.npy", array)
    return {"nodes": len(nodes_mm), "tets": len(tets), "nonzeros": int(matrix.nnz)}


def true_residuals(folder: Path, solution: np.ndarray) -> np.ndarray:
    """|b - K x| / |b| in float64, (k,), of solutions (k, n) of the first k right-hand sides."""
    parts = [np.load(folder / f"{name}.npy") for name in ("data", "indices", "indptr")]
    matrix = sp.csr_matrix(tuple(parts))
    rhs = np.load(folder / "rhs.npy", mmap_mode="r")[: len(solution)]
    return np.array(
        [np.linalg.norm(b - matrix @ x) / np.linalg.norm(b) for b, x in zip(rhs, solution, strict=True)]
    )
