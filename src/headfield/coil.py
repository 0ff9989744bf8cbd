# SPDX-License-Identifier: BSD-3-Clause
"""Coils as magnetic dipoles: from arrays, from files, from windings; and their vector potential.

Coil frame: origin on the casing face that touches the head, +z into the head, +y the prolongation of the
handle (away from it), x = y × z. A flat coil has all its dipoles at z < 0.

Sign: E = −∂A/∂t − ∇φ. For dI/dt > 0 a circular coil's current runs from +x to +y, and that of a figure-8
does so in the wing at +x and the other way round in the wing at −x. Under the middle of the figure-8 the
current then flows along −y and so does A; the primary field −∂A/∂t points along +y.
"""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike

from headfield._backend import cpu
from headfield._real import vectors
from headfield.errors import CoilError, FileFormatError
from headfield.io.ccd import read_ccd, write_ccd
from headfield.pose import check_pose
from headfield.winding import positive, winding

__all__ = ["Coil", "circular_coil", "figure_of_eight", "read_coil"]


@dataclass(frozen=True, eq=False, repr=False)
class Coil:
    """A coil made of magnetic dipoles.

    Parameters
    ----------
    dipole_positions_mm : array_like (d, 3)
        Positions in the coil frame, mm.
    dipole_moments : array_like (d, 3)
        Moments in the coil frame, A·m² per A of coil current.
    name, stimulator, brand : str
        Free text.
    didt_max : float, optional
        The largest dI/dt of the coil with its stimulator, A/s.

    Attributes
    ----------
    dipole_positions_mm, dipole_moments : ndarray (d, 3) float64, C order, read-only

    Raises
    ------
    CoilError
        Shapes that are not (d, 3) and equal, no dipoles, a value that is not finite (the first one is
        named), all moments zero, `didt_max` not positive, a name, stimulator or brand that is no text.

    Examples
    --------
    >>> coil = Coil([[0, 0, -5.0]], [[0, 0, 1e-3]], name="one dipole", didt_max=1e8)
    >>> coil
    <Coil 'one dipole': 1 dipole, z -5.0 to -5.0 mm, dI/dt up to 100.0 A/µs>
    >>> coil.vector_potential([[10.0, 0.0, 5.0]])  # μ0/4π m × r / r³, here along y
    array([[0.00000000e+00, 3.53553391e-07, 0.00000000e+00]])
    """

    dipole_positions_mm: np.ndarray
    dipole_moments: np.ndarray
    _: KW_ONLY
    name: str = ""
    didt_max: float | None = None
    stimulator: str = ""
    brand: str = ""

    def __post_init__(self) -> None:
        positions = vectors(self.dipole_positions_mm, "dipole_positions_mm", CoilError)
        moments = vectors(self.dipole_moments, "dipole_moments", CoilError)
        if len(positions) != len(moments):
            raise CoilError(f"{len(positions)} dipole positions but {len(moments)} dipole moments")
        if not len(positions):
            raise CoilError("a coil needs at least one dipole")
        if not moments.any():
            raise CoilError(f"all {len(moments)} dipole moments are zero")
        for name in ("name", "stimulator", "brand"):
            if not isinstance(getattr(self, name), str):
                raise CoilError(f"{name} must be text, not {type(getattr(self, name)).__name__}")
        if self.didt_max is not None:
            didt_max = positive(self.didt_max, "didt_max")
            object.__setattr__(self, "didt_max", didt_max)
        for name, array in (("dipole_positions_mm", positions), ("dipole_moments", moments)):
            array.flags.writeable = False
            object.__setattr__(self, name, array)

    @property
    def n_dipoles(self) -> int:
        """Number of dipoles."""
        return len(self.dipole_positions_mm)

    def __repr__(self) -> str:
        z = self.dipole_positions_mm[:, 2]
        dipoles = "1 dipole" if self.n_dipoles == 1 else f"{self.n_dipoles} dipoles"
        limit = "" if self.didt_max is None else f", dI/dt up to {self.didt_max * 1e-6:.1f} A/µs"
        return f"<Coil {self.name!r}: {dipoles}, z {z.min():.1f} to {z.max():.1f} mm{limit}>"

    def write(self, path: str | Path) -> None:
        """Write the coil to a .ccd file; `read_coil` gives back the same bits.

        Parameters
        ----------
        path : path
            Ends in .ccd. Overwritten if it exists.

        Raises
        ------
        FileFormatError
            Another ending.
        CoilError
            A name, stimulator or brand that the header can't hold (semicolon, line break).
        """
        _check_ending(path, "written")
        metadata = {key: getattr(self, key) for key in ("name", "didt_max", "stimulator", "brand")}
        write_ccd(path, self.dipole_positions_mm, self.dipole_moments, metadata)

    def placed(self, pose: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
        """Dipoles in head coordinates.

        Parameters
        ----------
        pose : array_like (4, 4)
            Coil to head, mm.

        Returns
        -------
        positions_mm : ndarray (d, 3) float64, mm
        moments : ndarray (d, 3) float64, A·m² per A

        Raises
        ------
        PoseError
            Not one rigid placement.

        Examples
        --------
        >>> turn = [[0, -1, 0, 10], [1, 0, 0, 20], [0, 0, 1, 30], [0, 0, 0, 1]]
        >>> Coil([[1, 0, -5]], [[1, 0, 0]]).placed(turn)
        (array([[10., 21., 25.]]), array([[0., 1., 0.]]))
        """
        matrix = check_pose(pose)
        rotation = matrix[:3, :3].T
        return self.dipole_positions_mm @ rotation + matrix[:3, 3], self.dipole_moments @ rotation

    def vector_potential(self, points_mm: ArrayLike, pose: ArrayLike | None = None) -> np.ndarray:
        """Vector potential per ampere of coil current, summed over all dipoles.

        A(r) = μ0/4π Σ_k m_k × (r − r_k) / |r − r_k|³ (Jackson, Classical Electrodynamics, 3rd ed., eq. 5.55).

        Parameters
        ----------
        points_mm : array_like (p, 3)
            Points, mm, in the coil frame, or in head coordinates if `pose` is given.
        pose : array_like (4, 4), optional
            Coil to head, mm.

        Returns
        -------
        ndarray (p, 3) float64
            A, T·m per A, in the frame of the points. ∂A/∂t = dI/dt · A.

        Raises
        ------
        CoilError
            Points that are not (p, 3) finite numbers, or a point on a dipole, where A is infinite.
        PoseError
            Not one rigid placement.
        """
        points = vectors(points_mm, "points_mm", CoilError)
        if pose is None:
            positions, moments = self.dipole_positions_mm, self.dipole_moments
        else:
            positions, moments = self.placed(pose)
        a: np.ndarray = cpu.vector_potential(points * 1e-3, positions * 1e-3, np.ascontiguousarray(moments))
        bad = np.flatnonzero(~np.isfinite(a).all(axis=1))
        if len(bad):
            where = np.array2string(points[bad[0]], precision=6)
            raise CoilError(
                f"A is not finite at {len(bad)} points, first point {bad[0]} at {where} mm: on a dipole"
            )
        return a


def read_coil(path: str | Path) -> Coil:
    """Read a coil from a file: .ccd.

    Parameters
    ----------
    path : path
        A .ccd file (dipoles; see `headfield.io.ccd`).

    Returns
    -------
    Coil
        With `didt_max`, `stimulator` and `brand` where the file has them.

    Raises
    ------
    FileFormatError
        An ending that is not supported, or not a regular file.
    CoilError
        A damaged file; the message has the line.
    OSError
        The file cannot be read.

    Examples
    --------
    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "coil.ccd"
    >>> circular_coil(name="round").write(path)
    >>> read_coil(path).name
    'round'
    """
    _check_ending(path, "read")
    return Coil(**read_ccd(path))


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


def _check_ending(path: str | Path, verb: str) -> None:
    if Path(path).suffix.lower() != ".ccd":
        raise FileFormatError(
            f"{path}: coils are {verb} as .ccd, not {Path(path).suffix or 'without an ending'!r}"
        )
