# SPDX-License-Identifier: BSD-3-Clause
"""Coils from the layout of their windings: radii, turns and wire in, a coil out, without any file."""

from __future__ import annotations

import numpy as np

from .coil import Coil
from .winding import positive, winding

__all__ = ["circular_coil", "figure_of_eight"]


def circular_coil(
    *,
    inner_radius_mm: float = 27.0,
    outer_radius_mm: float = 62.0,
    turns: int = 14,
    wire_height_mm: float = 7.0,
    layers: int = 2,
    casing_mm: float = 3.0,
    spacing_mm: float = 3.5,
    name: str = "circular coil",
    didt_max: float | None = None,
) -> Coil:
    """A flat circular coil made from its winding.

    Each turn is a circular current loop, that is a sheet of dipoles on the disc that it spans. The discs of
    all turns together have I·n(r) of moment per area, n(r) being the number of turns outside r. This sheet
    is summed by Gauss points for the weight n(r) r along the radius and equal steps around the circle: the
    error falls exponentially as `spacing_mm` does. By default A is within 3e-5 of its largest value 5 mm in
    front of the casing, 1.5e-5 at 10 mm.

    Parameters
    ----------
    inner_radius_mm, outer_radius_mm : float
        Inner and outer edge of the winding, mm. The turns lie evenly between them: turn j has the radius
        inner + (j + ½)(outer − inner)/turns.
    turns : int
        Number of turns. Those of a coil wound in several layers of wire are all counted.
    wire_height_mm : float
        Extent of the winding along z, mm. The current is spread evenly over it.
    layers : int
        Number of planes (Gauss points) that stand for the height.
    casing_mm : float
        From the casing face that touches the head (z = 0) to the wire, mm: the winding has
        −casing − height ≤ z ≤ −casing.
    spacing_mm : float
        Distance between dipoles, about, mm.
    name : str
        Free text.
    didt_max : float, optional
        The largest dI/dt, A/s.

    Returns
    -------
    Coil
        Positive current runs from +x to +y: all moments are along +z.

    Raises
    ------
    CoilError
        A length, radius or count that makes no coil.

    Examples
    --------
    The field on the axis of one turn is that of a current loop, here its moment π R² I:

    >>> coil = circular_coil(inner_radius_mm=40, outer_radius_mm=40, turns=1)
    >>> float(round(coil.dipole_moments[:, 2].sum() / (np.pi * 0.04**2), 12))
    1.0
    """
    positions, moments = winding(
        inner_radius_mm, outer_radius_mm, turns, wire_height_mm, layers, casing_mm, spacing_mm
    )
    return Coil(positions, moments, name=name, didt_max=didt_max)


def figure_of_eight(
    *,
    inner_radius_mm: float = 28.0,
    outer_radius_mm: float = 43.5,
    turns: int = 9,
    separation_mm: float = 88.0,
    wire_height_mm: float = 7.0,
    layers: int = 2,
    casing_mm: float = 3.0,
    spacing_mm: float = 3.5,
    name: str = "figure of eight",
    didt_max: float | None = None,
) -> Coil:
    """A flat figure-of-eight coil made from its windings: by default like the usual ones of 70 mm.

    Two windings of `circular_coil` side by side along x, with opposite currents. For dI/dt > 0 the primary
    field −∂A/∂t below the middle points along +y, the prolongation of the handle.

    Parameters
    ----------
    separation_mm : float
        Distance between the centres of the wings, mm.
    inner_radius_mm, outer_radius_mm, turns, wire_height_mm, layers, casing_mm, spacing_mm
        Of each wing; see `circular_coil`.
    name : str
        Free text.
    didt_max : float, optional
        The largest dI/dt, A/s.

    Returns
    -------
    Coil
        Moments along +z in the wing at +x, along −z in the wing at −x.

    Raises
    ------
    CoilError
        A length, radius or count that makes no coil.

    Examples
    --------
    >>> coil = figure_of_eight()
    >>> e = -1e6 * coil.vector_potential([[0.0, 0.0, 20.0]])  # V/m at 1 A/µs, no head
    >>> print(e.round(3) + 0.0)
    [[0.    2.021 0.   ]]
    """
    half = 0.5 * positive(separation_mm, "separation_mm")
    positions, moments = winding(
        inner_radius_mm, outer_radius_mm, turns, wire_height_mm, layers, casing_mm, spacing_mm
    )
    right = positions + [half, 0.0, 0.0]
    left = right * [-1.0, 1.0, 1.0]
    return Coil(
        np.concatenate([right, left]), np.concatenate([moments, -moments]), name=name, didt_max=didt_max
    )
