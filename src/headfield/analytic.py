# SPDX-License-Identifier: BSD-3-Clause
"""Closed-form fields in a sphere, which a solver can be compared with."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from .core.arguments import finite_number, vectors
from .errors import CoilError

__all__ = ["sphere_tms_field"]

_PAIRS_PER_CHUNK = 100_000  # points × dipoles; 13 arrays of (pairs, 3) float64 at most: 30 MB


def sphere_tms_field(
    points_mm: ArrayLike, dipole_positions_mm: ArrayLike, dipole_moments: ArrayLike, didt: float
) -> np.ndarray:
    """Return E of magnetic dipoles in a sphere around the origin, for any radial conductivity profile.

    With r the point, r0 the dipole, a = r0 − r, F = |a| (|r0| |a| + r0·a):

    E = −μ0/4π dI/dt F⁻² [F r × m − (m·∇F) r × r0],
    ∇F = (|a|²/|r0| + 2|a| + 2|r0| + r0·a/|a|) r0 − (|a| + 2|r0| + r0·a/|a|) r

    (Heller and van Hulsteyn, Biophys. J. 63:129, 1992; by reciprocity from Sarvas, Phys. Med. Biol. 32:11,
    1987.) The field has no radial part. The radius of the sphere does not enter: all points have to lie
    inside it, and all dipoles outside.

    Parameters
    ----------
    points_mm : array_like (p, 3)
        Points inside the sphere, mm.
    dipole_positions_mm : array_like (d, 3)
        Dipoles outside the sphere, mm, in the frame of the points.
    dipole_moments : array_like (d, 3)
        Moments, A·m² per A.
    didt : float
        dI/dt, A/s.

    Returns
    -------
    ndarray (p, 3) float64
        E, V/m.

    Raises
    ------
    CoilError
        Arrays are not (·, 3) finite numbers, there are not as many moments as positions, or a dipole is no
        farther from the origin than some point, so that no sphere separates them.

    Examples
    --------
    A radial dipole: no charge is induced, and E is −∂A/∂t = −μ0/4π dI/dt m × (r − r0)/|r − r0|³.

    >>> e = sphere_tms_field([[60.0, 0.0, 80.0]], [[0.0, 0.0, 200.0]], [[0.0, 0.0, 1.0]], 1e6)
    >>> print((e + 0.0).round(6), round(-0.1 * 0.06 / 0.018**1.5, 6))
    [[ 0.      -2.48452  0.     ]] -2.48452
    """
    points = vectors(points_mm, "points_mm", CoilError) * 1e-3
    positions = vectors(dipole_positions_mm, "dipole_positions_mm", CoilError) * 1e-3
    moments = vectors(dipole_moments, "dipole_moments", CoilError)
    if len(positions) != len(moments):
        raise CoilError(f"{len(positions)} dipole positions but {len(moments)} dipole moments")
    rate = finite_number(didt, "didt", CoilError)
    if not len(points) or not len(positions):
        return np.zeros_like(points)
    _check_separated(points, positions)
    field = np.empty_like(points)
    chunk = max(1, _PAIRS_PER_CHUNK // len(positions))
    for start in range(0, len(points), chunk):
        field[start : start + chunk] = _sum_over_dipoles(points[start : start + chunk], positions, moments)
    return -1e-7 * rate * field


def _sum_over_dipoles(r: np.ndarray, r0: np.ndarray, m: np.ndarray) -> np.ndarray:
    """Return Σ F⁻² [F r × m − (m·∇F) r × r0], (p, 3), at the points r (p, 3) for the dipoles r0, m (d, 3)."""
    a = r0 - r[:, None]
    length = np.linalg.norm(a, axis=2)
    radius = np.linalg.norm(r0, axis=1)
    along = np.einsum("dj,pdj->pd", r0, a)
    f = length * (radius * length + along)
    ratio = along / length
    m_grad_f = (length**2 / radius + 2 * length + 2 * radius + ratio) * np.einsum("dj,dj->d", m, r0)
    m_grad_f -= (length + 2 * radius + ratio) * (r @ m.T)
    # Σ (r × m / F − (m·∇F) r × r0 / F²) = r × Σ (m / F − r0 (m·∇F) / F²)
    return np.cross(r, (1.0 / f) @ m - (m_grad_f / f**2) @ r0)


def _check_separated(points: np.ndarray, positions: np.ndarray) -> None:
    point_radius, dipole_radius = np.linalg.norm(points, axis=1), np.linalg.norm(positions, axis=1)
    i = int(point_radius.argmax())
    inside = np.flatnonzero(dipole_radius <= point_radius[i] * (1 + 1e-9))
    if len(inside):
        k = inside[0]
        raise CoilError(
            f"{len(inside)} of {len(positions)} dipoles are in the sphere of the points: dipole {k} is "
            f"{1e3 * dipole_radius[k]:.6g} mm from the origin, point {i} {1e3 * point_radius[i]:.6g} mm"
        )
