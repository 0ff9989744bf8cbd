# SPDX-License-Identifier: BSD-3-Clause
"""Paths of wire, and closed forms of their vector potential."""

import numpy as np
from scipy.special import ellipe, ellipk


def loop_potential(points_m, radius_m):
    """A of a circular loop of 1 A about the z axis at z = 0 (Jackson, 3rd ed., eq. 5.37)."""
    x, y, z = points_m.T
    rho = np.hypot(x, y)
    k2 = 4 * radius_m * rho / ((radius_m + rho) ** 2 + z**2)
    a_phi = 4e-7 / np.sqrt(k2) * np.sqrt(radius_m / rho) * ((1 - k2 / 2) * ellipk(k2) - ellipe(k2))
    return np.stack([-y / rho * a_phi, x / rho * a_phi, 0 * rho], axis=1)


def winding_potential(points_m, inner_mm, outer_mm, turns, height_mm, casing_mm):
    """A of concentric loops whose current is spread over the height (8 Gauss points)."""
    nodes, weights = np.polynomial.legendre.leggauss(8)
    a = np.zeros_like(points_m)
    for radius in inner_mm + (np.arange(turns) + 0.5) * (outer_mm - inner_mm) / turns:
        for node, weight in zip(nodes, weights, strict=True):
            z = (-casing_mm + 0.5 * height_mm * (node - 1)) * 1e-3
            a += 0.5 * weight * loop_potential(points_m - [0, 0, z], radius * 1e-3)
    return a


def points_at(z_mm, n=200):
    points = np.random.default_rng(0).uniform(-60, 60, (n, 3))
    points[:, 2] = z_mm
    return points


def polygon(n, radius_mm=40.0):
    angle = np.linspace(0, 2 * np.pi, n + 1)
    return np.stack([radius_mm * np.cos(angle), radius_mm * np.sin(angle), 0 * angle], axis=1)
