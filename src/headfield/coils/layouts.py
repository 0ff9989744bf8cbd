# SPDX-License-Identifier: BSD-3-Clause
"""Coils from the layout of their windings: radii, turns and wire in, a coil out, without any file.

Each has a casing, a plain box around the winding whose face z = 0 touches the head.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..core.arguments import positive, within
from ..core.docs import fill_doc
from ..errors import CoilError
from .casing import Casing
from .coil import Coil
from .deformation import Deformation
from .parts import CoilElement
from .sources import Dipoles
from .winding import Winding

__all__ = ["bent_figure_of_eight", "circular_coil", "double_cone", "figure_of_eight"]

_SIDES = 64  # of the polygon around a round casing
_LEAST_ANGLE_DEG = 40.0


class _Wings(NamedTuple):
    """Two windings beside each other: one of them, the distance of their centres, the angle between them."""

    winding: Winding
    separation_mm: float
    angle_deg: float


# What the coils measure by default.
_CIRCULAR = Winding(27.0, 62.0, 14)
_FIGURE_OF_EIGHT = _Wings(Winding(28.0, 43.5, 9), 88.0, 150.0)  # flat, or bent to this angle
_DOUBLE_CONE = _Wings(Winding(48.0, 62.5, 7, casing_mm=8.0, spacing_mm=5.0), 126.0, 100.0)


@fill_doc
def circular_coil(
    *,
    inner_radius_mm: float = _CIRCULAR.inner_radius_mm,
    outer_radius_mm: float = _CIRCULAR.outer_radius_mm,
    turns: int = _CIRCULAR.turns,
    wire_height_mm: float = _CIRCULAR.wire_height_mm,
    layers: int = _CIRCULAR.layers,
    casing_mm: float = _CIRCULAR.casing_mm,
    spacing_mm: float = _CIRCULAR.spacing_mm,
    name: str = "circular coil",
    didt_max: float | None = None,
) -> Coil:
    """Make a flat circular coil from its winding.

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
        −casing − height ≤ z ≤ −casing. The casing is as thick on all other sides.
    spacing_mm : float
        Distance between dipoles, about, mm.
    %(name_and_didt_max)s

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
    winding = Winding(inner_radius_mm, outer_radius_mm, turns, wire_height_mm, layers, casing_mm, spacing_mm)
    casing = _box(winding, _round(winding))
    return Coil(*winding.dipoles(), name=name, didt_max=didt_max, casing=casing)


@fill_doc
def figure_of_eight(
    *,
    inner_radius_mm: float = _FIGURE_OF_EIGHT.winding.inner_radius_mm,
    outer_radius_mm: float = _FIGURE_OF_EIGHT.winding.outer_radius_mm,
    turns: int = _FIGURE_OF_EIGHT.winding.turns,
    separation_mm: float = _FIGURE_OF_EIGHT.separation_mm,
    wire_height_mm: float = _FIGURE_OF_EIGHT.winding.wire_height_mm,
    layers: int = _FIGURE_OF_EIGHT.winding.layers,
    casing_mm: float = _FIGURE_OF_EIGHT.winding.casing_mm,
    spacing_mm: float = _FIGURE_OF_EIGHT.winding.spacing_mm,
    name: str = "figure of eight",
    didt_max: float | None = None,
) -> Coil:
    """Make a flat figure-of-eight coil from its windings: by default like the usual ones of 70 mm.

    Two windings of `circular_coil` side by side along x, with opposite currents. For dI/dt > 0 the primary
    field −∂A/∂t below the middle points along +y, the prolongation of the handle.

    Parameters
    ----------
    separation_mm : float
        Distance between the centres of the wings, mm. Wings closer than twice the outer radius overlap: their
        currents add up there.
    %(windings)s
    %(name_and_didt_max)s

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
    winding = Winding(inner_radius_mm, outer_radius_mm, turns, wire_height_mm, layers, casing_mm, spacing_mm)
    half = 0.5 * positive(separation_mm, "separation_mm", CoilError)
    positions, moments = winding.dipoles()
    right = positions + [half, 0.0, 0.0]
    left = right * [-1.0, 1.0, 1.0]
    outline = _round(winding)
    outline[:, 0] += np.copysign(half, outline[:, 0])
    return Coil(
        np.concatenate([right, left]),
        np.concatenate([moments, -moments]),
        name=name,
        didt_max=didt_max,
        casing=_box(winding, outline),
    )


@fill_doc
def bent_figure_of_eight(
    *,
    angle_deg: float = _FIGURE_OF_EIGHT.angle_deg,
    inner_radius_mm: float = _FIGURE_OF_EIGHT.winding.inner_radius_mm,
    outer_radius_mm: float = _FIGURE_OF_EIGHT.winding.outer_radius_mm,
    turns: int = _FIGURE_OF_EIGHT.winding.turns,
    separation_mm: float = _FIGURE_OF_EIGHT.separation_mm,
    wire_height_mm: float = _FIGURE_OF_EIGHT.winding.wire_height_mm,
    layers: int = _FIGURE_OF_EIGHT.winding.layers,
    casing_mm: float = _FIGURE_OF_EIGHT.winding.casing_mm,
    spacing_mm: float = _FIGURE_OF_EIGHT.winding.spacing_mm,
    name: str = "bent figure of eight",
    didt_max: float | None = None,
) -> Coil:
    """Make a figure-of-eight coil whose wings are bent towards the head.

    The wings of `figure_of_eight`, turned about the y axis by (180° − angle)/2 each. The axis lies in the
    middle of the casing face: there, where the faces of the two wings meet, is the origin, and the tips of
    the wings lie at z > 0, beside the head. A coil at a distance from the scalp (`place`) is so far from it
    in the middle; see `casing_distance` for how far the wings are.

    Parameters
    ----------
    angle_deg : float
        Angle that the wings enclose, degrees, from 40 to 180 (flat).
    separation_mm : float
        Distance between the centres of the wings in the flat coil, mm. Wings closer than twice the outer
        radius overlap, as those of several real coils do; beyond the axis they cross each other's plane.
    %(windings)s
    %(name_and_didt_max)s

    Returns
    -------
    Coil
        Two elements with a casing each, the wing at +x first; currents as in `figure_of_eight`.

    Raises
    ------
    CoilError
        A length, angle, radius or count that makes no coil.

    Examples
    --------
    >>> coil = bent_figure_of_eight(angle_deg=120)
    >>> tip = coil.casing.points_mm[:, 2].max()  # 90.5 mm from the axis, 30 degrees
    >>> float(tip.round(1))
    45.2
    """
    winding = Winding(inner_radius_mm, outer_radius_mm, turns, wire_height_mm, layers, casing_mm, spacing_mm)
    elements = _bent(_Wings(winding, separation_mm, angle_deg))
    return Coil(elements=elements, name=name, didt_max=didt_max)


@fill_doc
def double_cone(
    *,
    angle_deg: float = _DOUBLE_CONE.angle_deg,
    inner_radius_mm: float = _DOUBLE_CONE.winding.inner_radius_mm,
    outer_radius_mm: float = _DOUBLE_CONE.winding.outer_radius_mm,
    turns: int = _DOUBLE_CONE.winding.turns,
    separation_mm: float = _DOUBLE_CONE.separation_mm,
    wire_height_mm: float = _DOUBLE_CONE.winding.wire_height_mm,
    layers: int = _DOUBLE_CONE.winding.layers,
    casing_mm: float = _DOUBLE_CONE.winding.casing_mm,
    spacing_mm: float = _DOUBLE_CONE.winding.spacing_mm,
    name: str = "double cone",
    didt_max: float | None = None,
) -> Coil:
    """Make a double-cone coil: a large figure of eight, bent far towards the head.

    By default like the usual one of 110 mm mean diameter, as Drakaki et al. 2022
    (doi:10.1016/j.brs.2022.04.017) measured it: their model of it has wings at 100° of 0.067 A·m² per A each,
    which 7 turns of this size give. A then differs from theirs by 8 % 30 to 70 mm in front of the coil.

    Parameters
    ----------
    angle_deg, separation_mm
        See `bent_figure_of_eight`, and there for the frame.
    %(windings)s
    %(name_and_didt_max)s

    Returns
    -------
    Coil
        See `bent_figure_of_eight`.

    Raises
    ------
    CoilError
        A length, angle, radius or count that makes no coil.

    Examples
    --------
    >>> e = -1e6 * double_cone().vector_potential([[0.0, 0.0, 20.0]])  # V/m at 1 A/µs, no head
    >>> print(e.round(3) + 0.0)
    [[0.    2.492 0.   ]]
    """
    winding = Winding(inner_radius_mm, outer_radius_mm, turns, wire_height_mm, layers, casing_mm, spacing_mm)
    elements = _bent(_Wings(winding, separation_mm, angle_deg))
    return Coil(elements=elements, name=name, didt_max=didt_max)


def _bent(wings: _Wings) -> list[CoilElement]:
    """Return the two wings, that at +x first, each turned towards the head by (180° − angle)/2."""
    winding = wings.winding
    angle = within(wings.angle_deg, "angle_deg", CoilError, _LEAST_ANGLE_DEG, 180.0)
    half = 0.5 * positive(wings.separation_mm, "separation_mm", CoilError)
    positions, moments = winding.dipoles()
    outline = _round(winding) + [half, 0.0]
    inside = outline[:, 0] < half
    outline[inside, 0] = min(0.0, outline[:, 0].min())  # straight from the wing to the axis
    box = _box(winding, outline)
    elements = []
    for side, sign in (("+x", 1.0), ("-x", -1.0)):
        # About −y the wing at +x turns towards +z; what is mirrored in x turns the other way.
        turn = Deformation("rot2p", 0, [0, 0, 0], [0, -1, 0]).matrix(0.5 * sign * (180.0 - angle))
        mirror = np.array([sign, 1.0, 1.0])
        faces = box.faces if sign > 0 else box.faces[:, ::-1]
        source = Dipoles((positions + [half, 0.0, 0.0]) * mirror, sign * moments)
        casing = Casing(box.points_mm * mirror, faces)
        elements.append(CoilElement(source.moved(turn), name=f"wing at {side}", casing=casing.moved(turn)))
    return elements


def _round(winding: Winding) -> NDArray[np.float64]:
    """Return corners (n, 2), mm, of a polygon around a winding's casing, from +x to +y, none on an axis."""
    angle = 2 * np.pi * (np.arange(_SIDES) + 0.5) / _SIDES
    radius_mm = winding.outer_radius_mm + winding.casing_mm
    return radius_mm / np.cos(np.pi / _SIDES) * np.stack([np.cos(angle), np.sin(angle)], axis=1)


def _box(winding: Winding, outline_mm: NDArray[np.float64]) -> Casing:
    """Make a closed prism over a convex outline (n, 2) that runs from +x to +y; a plate if it has no height.

    It has −thickness ≤ z ≤ 0, the thickness being that of the wire and of the casing on both sides of it.
    """
    thickness_mm = winding.wire_height_mm + 2 * winding.casing_mm
    n = len(outline_mm)
    top = np.concatenate([outline_mm, np.zeros((n, 1))], axis=1)
    fan = np.stack([np.zeros(n - 2, int), np.arange(1, n - 1), np.arange(2, n)], axis=1)
    if not thickness_mm:
        return Casing(top, fan)
    i, j = np.arange(n), (np.arange(n) + 1) % n
    sides = np.concatenate([np.stack([i, i + n, j + n], axis=1), np.stack([i, j + n, j], axis=1)])
    points = np.concatenate([top, top - [0.0, 0.0, thickness_mm]])
    return Casing(points, np.concatenate([fan, fan[:, ::-1] + n, sides]))
