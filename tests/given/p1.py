# SPDX-License-Identifier: BSD-3-Clause
"""An independent P1 solver in NumPy and SciPy, float64 throughout: what the native code is held against.

Nothing here calls headfield. Gradients come from the inverse of a 4x4 matrix, sums from scipy.sparse.
"""

import numpy as np
import scipy.sparse as sp
import scipy.sparse.linalg as spla


def geometry(nodes, tets):
    """Volumes (m,) and gradients (m, 4, 3) of the barycentric coordinates."""
    corners = nodes[tets]
    corners = corners - corners.mean(axis=1, keepdims=True)
    matrix = np.concatenate([np.ones((len(tets), 4, 1)), corners], axis=2)
    coefficients = np.linalg.inv(matrix)  # column i holds λ_i = c_0 + c · x
    return np.abs(np.linalg.det(matrix)) / 6.0, np.swapaxes(coefficients[:, 1:], 1, 2)


def as_tensors(sigma):
    return sigma if sigma.ndim == 3 else sigma[:, None, None] * np.eye(3)


def stiffness(nodes, tets, sigma):
    """K_ij = Σ V ∇λ_i·σ∇λ_j, sparse (n, n)."""
    volume, grad = geometry(nodes, tets)
    local = np.einsum("e,eid,edc,ejc->eij", volume, grad, as_tensors(sigma), grad, optimize=True)
    rows, cols = np.repeat(tets, 4, axis=1), np.tile(tets, (1, 4))
    shape = (len(nodes), len(nodes))
    return sp.csr_array((local.ravel(), (rows.ravel(), cols.ravel())), shape=shape)


def load(nodes, tets, sigma, adot):
    """b_i = −Σ V ∇λ_i·σȦ with Ȧ the mean of the nodal values (n, 3)."""
    volume, grad = geometry(nodes, tets)
    flux = np.einsum("e,edc,ec->ed", volume, as_tensors(sigma), adot[tets].mean(axis=1))
    b = np.zeros(len(nodes))
    np.add.at(b, tets, -np.einsum("eid,ed->ei", grad, flux))
    return b


def field(nodes, tets, phi, adot):
    """E (m, 3) = −∇φ − Ȧ."""
    grad = geometry(nodes, tets)[1]
    return -np.einsum("eid,ei->ed", grad, phi[tets]) - adot[tets].mean(axis=1)


def grounded(k, b, solve=spla.spsolve):
    """Potential (n,) with node 0 at zero."""
    phi = np.zeros(k.shape[0])
    phi[1:] = solve(k[1:, 1:].tocsc(), b[1:])
    return phi


def dipole_rate(points_m, positions_m, moments, didt):
    """∂A/∂t (p, 3) = dI/dt μ0/4π Σ m × (r − r_k) / |r − r_k|³, V/m."""
    a = np.empty((len(points_m), 3))
    chunk = max(1, 400_000 // len(positions_m))
    for start in range(0, len(points_m), chunk):
        d = points_m[start : start + chunk, None] - positions_m
        weight = np.einsum("pkd,pkd->pk", d, d) ** -1.5
        # Σ w m × r − Σ w m × r_k: two matrix products instead of a cross product per pair
        wm = weight @ moments
        wmr = weight @ np.cross(moments, positions_m)
        a[start : start + chunk] = np.cross(wm, points_m[start : start + chunk]) - wmr
    return 1e-7 * didt * a


def relative(a, b):
    """‖a − b‖ / ‖b‖ over everything."""
    return float(np.linalg.norm(np.asarray(a, float) - b) / np.linalg.norm(b))
