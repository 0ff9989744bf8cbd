# SPDX-License-Identifier: BSD-3-Clause
"""Coils: dipoles, wire and sampled potentials in parts, their stimulators, and their vector potential.

Coil frame: origin on the casing face that touches the head, +z into the head, +y the prolongation of the
handle (away from it), x = y × z. A flat coil has all its sources at z < 0.

Sign: E = −∂A/∂t − ∇φ. For dI/dt > 0 a circular coil's current runs from +x to +y, and that of a figure-8
does so in the wing at +x and the other way round in the wing at −x. Under the middle of the figure-8 the
current then flows along −y and so does A; the primary field −∂A/∂t points along +y.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..core.arguments import vectors
from ..core.messages import quoted
from ..errors import CoilError
from ..poses.pose import check_pose
from .casing import Casing
from .deformation import Deformation, DeformationRange, checked_values
from .evaluation import field_at
from .parts import CoilContent, CoilElement, Stimulator, box, check_indices, check_text, steps, tuple_of
from .plausible import warn_of_coil
from .reduction import Reduction, reduced
from .sampling import sampled
from .sources import Dipoles, SampledPotential, Sources
from .write import write_coil

__all__ = ["Coil"]


@dataclass(frozen=True, eq=False, repr=False, init=False)
class Coil(CoilContent):
    """A coil made of magnetic dipoles, or of any parts.

    Parameters
    ----------
    dipole_positions_mm : array_like (d, 3), optional
        Positions in the coil frame, mm.
    dipole_moments : array_like (d, 3), optional
        Moments in the coil frame, A·m² per A of coil current.
    elements : sequence of CoilElement, optional
        Parts in place of dipoles.
    name, brand : str
        Free text.
    stimulator, didt_max : str, float
        Name and largest dI/dt (A/s) of the only stimulator, in place of `stimulators`.
    stimulators : sequence of Stimulator
        Each has a current of its own: `didt` of a solve is then (k, s).
    deformations, deformation_ranges
        Motions of parts and the ranges of their parameters, see `deformed`.
    deformation_values : sequence of float, optional
        Where the parts are; by default at the initial values of the ranges.
    casing : Casing, optional
        Of the coil as a whole; it does not move with the parts, which have casings of their own.
    limits_mm : array_like (3, 2), optional
        Where the coil is to be sampled, see `sampled`.
    resolution_mm : array_like (3,), optional
        Steps of it.

    Attributes
    ----------
    elements, stimulators, deformations, deformation_ranges : tuple
    body : Casing or None
        What was given as `casing`, of the coil as a whole.
    deformation_values : tuple of float
        Where the parts are now.

    Raises
    ------
    CoilError
        Shapes that are not (d, 3) and equal, nothing that makes a field, a value that is not finite (the
        first one is named), all moments zero, `didt_max` not positive, a name that is not text, an index of a
        stimulator or a deformation that the coil does not have.

    Warns
    -----
    PlausibilityWarning
        Sizes, moments, or a largest dI/dt that no coil for a head has: most often they are in other units.

    Notes
    -----
    A coil does not change. Another one like it comes from `with_didt_max(A/s)`, `with_casing(casing)`,
    `deformed(*values)`, `sampled(spacing_mm, limits_mm)` and `reduced(n, distance_mm)`.

    Examples
    --------
    >>> coil = Coil([[0, 0, -5.0]], [[0, 0, 1e-3]], name="one dipole", didt_max=1e8)
    >>> coil
    <Coil 'one dipole': 1 dipole, z -5.0 to -5.0 mm, dI/dt up to 100.0 A/µs>
    >>> coil.vector_potential([[10.0, 0.0, 5.0]])  # μ0/4π m × r / r³, here along y
    array([[0.00000000e+00, 3.53553391e-07, 0.00000000e+00]])
    """

    def __init__(
        self,
        dipole_positions_mm: ArrayLike | None = None,
        dipole_moments: ArrayLike | None = None,
        *,
        elements: Sequence[CoilElement] = (),
        name: str = "",
        brand: str = "",
        stimulator: str = "",
        didt_max: float | None = None,
        stimulators: Sequence[Stimulator] = (),
        deformations: Sequence[Deformation] = (),
        deformation_ranges: Sequence[DeformationRange] = (),
        deformation_values: Sequence[float] | None = None,
        casing: Casing | None = None,
        limits_mm: ArrayLike | None = None,
        resolution_mm: ArrayLike | None = None,
    ) -> None:
        if stimulators and (stimulator or didt_max is not None):
            raise CoilError(
                "stimulator and didt_max describe the only stimulator; stimulators were given too"
            )
        self._take(
            elements=_elements(dipole_positions_mm, dipole_moments, elements),
            stimulators=stimulators or (Stimulator(stimulator, "", didt_max),),
            name=name,
            brand=brand,
            deformations=deformations,
            deformation_ranges=deformation_ranges,
            deformation_values=deformation_values,
            body=casing,
            limits_mm=limits_mm,
            resolution_mm=resolution_mm,
        )
        warn_of_coil(self)

    @classmethod
    def of(cls, content: CoilContent) -> Coil:
        """Check a content and return the coil made of it; raises as `Coil` does, and warns of nothing."""
        coil = cls.__new__(cls)
        given = {f.name: getattr(content, f.name) for f in fields(CoilContent)}
        coil._take(**given | {"elements": _elements(None, None, content.elements)})
        return coil

    def _take(self, **given: Any) -> None:
        """Check what a `CoilContent` holds, and hold it."""
        tuple_of(Casing, () if given["body"] is None else (given["body"],), "casing")
        ranges = tuple_of(DeformationRange, given["deformation_ranges"], "deformation_ranges")
        checked = {
            "stimulators": tuple_of(Stimulator, given["stimulators"], "stimulators") or (Stimulator(),),
            "deformations": tuple_of(Deformation, given["deformations"], "deformations"),
            "deformation_ranges": ranges,
            "deformation_values": checked_values(ranges, given["deformation_values"]),
            "limits_mm": box(given["limits_mm"]),
            "resolution_mm": steps(given["resolution_mm"]),
        }
        super().__init__(**given | checked)
        check_text(self, "name", "brand")
        check_indices(self)

    def __reduce__(self) -> tuple[Any, ...]:
        return Coil.of, (self.content(),)

    @property
    def dipole_positions_mm(self) -> NDArray[np.float64]:
        """Positions of the dipoles (d, 3), mm, read-only.

        Raises
        ------
        CoilError
            The coil has other sources than dipoles, or several stimulators.
        """
        return self.only_dipoles.positions_mm

    @property
    def dipole_moments(self) -> NDArray[np.float64]:
        """Moments of the dipoles (d, 3), A·m² per A, read-only; raises as `dipole_positions_mm` does."""
        return self.only_dipoles.moments

    def __repr__(self) -> str:
        sampled = [e.source for e in self.elements if isinstance(e.source, SampledPotential)]
        parts = [_counted(self.n_dipoles, "dipole"), _counted(self.n_segments, "wire segment")]
        parts += [f"A on {' x '.join(map(str, grid.shape))} points" for grid in sampled]
        low, high = self.bounds_mm[:, 2]
        limits = [s.didt_max for s in self.stimulators]
        known = [f"{limit * 1e-6:.1f}" for limit in limits if limit is not None]
        limit = f", dI/dt up to {' and '.join(known)} A/µs" if known else ""
        made = ", ".join(p for p in parts if p)
        return f"<Coil {quoted(self.name)}: {made}, z {low:.1f} to {high:.1f} mm{limit}>"

    def deformed(self, *values: float) -> Coil:
        """Return the coil with its flexible parts elsewhere.

        Parameters
        ----------
        *values : float
            One for each of `deformation_ranges`, mm or degrees.

        Returns
        -------
        Coil

        Raises
        ------
        CoilError
            Another number of values, or one outside its range.

        Examples
        --------
        >>> part = CoilElement(Dipoles([[50, 0, -5.0]], [[0, 0, 1e-3]]), deformations=(0,))
        >>> hinge = Deformation("rot2p", 0, [0, 0, 0], [0, 1, 0])
        >>> ranges = [DeformationRange(0, -30, 30)]
        >>> coil = Coil(elements=[part], deformations=[hinge], deformation_ranges=ranges)
        >>> print(coil.deformed(30.0).dipole_positions_mm.round(2) + 0.0)
        [[ 40.8    0.   -29.33]]
        """
        where = checked_values(self.deformation_ranges, values)
        return Coil.of(self.content(deformation_values=where))

    def with_didt_max(self, didt_max: float) -> Coil:
        """Return the coil with another largest dI/dt, A/s: that at 100 % of its one stimulator.

        Raises
        ------
        CoilError
            Not above 0; a coil with several stimulators.

        Examples
        --------
        >>> Coil([[0, 0, -5.0]], [[0, 0, 1e-3]]).with_didt_max(150e6).didt_max
        150000000.0
        """
        if self.n_stimulators > 1:
            raise CoilError(f"{self!r} has {self.n_stimulators} stimulators: make it of others")
        return Coil.of(self.content(stimulators=(replace(self.stimulators[0], didt_max=didt_max),)))

    def with_casing(self, casing: Casing | None) -> Coil:
        """Return the coil in another casing, or in none.

        Parameters
        ----------
        casing : Casing or None
            Of the coil as a whole, in its frame, such as `headfield.read_casing` reads; in place of the one
            that the coil has. Casings of single parts stay.

        Returns
        -------
        Coil

        Raises
        ------
        CoilError
            Something else than a casing.

        Examples
        --------
        >>> bare = Coil([[0, 0, -5.0]], [[0, 0, 1e-3]])
        >>> plate = Casing([[-50, -40, 0], [50, -40, 0], [50, 40, 0], [-50, 40, 0]], [[0, 1, 2], [0, 2, 3]])
        >>> len(bare.with_casing(plate).casing.faces), bare.casing
        (2, None)
        """
        return Coil.of(self.content(body=casing))

    def sampled(self, spacing_mm: ArrayLike | None = None, limits_mm: ArrayLike | None = None) -> Coil:
        """Sample A of the coil on a grid, see `headfield.coils.sampling.sampled`."""
        return Coil.of(sampled(self, spacing_mm, limits_mm))

    def reduced(self, n: int, distance_mm: float | None = None) -> Reduction[Coil]:
        """Replace the sources by at most n dipoles, see `headfield.coils.reduction.reduced`."""
        few, error, distance = reduced(self, n, distance_mm)
        return Reduction(Coil.of(few), error, distance)

    def write(self, path: str | Path) -> None:
        """Write the coil to a file, see `headfield.write_coil`."""
        write_coil(path, self)

    def placed(self, pose: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return the dipoles in head coordinates.

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
        CoilError
            See `dipole_positions_mm`.

        Examples
        --------
        >>> turn = [[0, -1, 0, 10], [1, 0, 0, 20], [0, 0, 1, 30], [0, 0, 0, 1]]
        >>> Coil([[1, 0, -5]], [[1, 0, 0]]).placed(turn)
        (array([[10., 21., 25.]]), array([[0., 1., 0.]]))
        """
        dipoles = self.only_dipoles.moved(check_pose(pose))
        return dipoles.positions_mm, dipoles.moments

    def vector_potential(
        self, points_mm: ArrayLike, pose: ArrayLike | None = None, *, stimulator: int | None = None
    ) -> NDArray[np.float64]:
        """Compute the vector potential per ampere of coil current, summed over all sources.

        A(r) = μ0/4π (Σ m_k × (r − r_k) / |r − r_k|³ + Σ dl_k / |r − r_k|) (Jackson, Classical
        Electrodynamics, 3rd ed., eq. 5.55 and 5.32), and A of grids, interpolated at r.

        Parameters
        ----------
        points_mm : array_like (p, 3)
            Points, mm, in the coil frame, or in head coordinates if `pose` is given.
        pose : array_like (4, 4), optional
            Coil to head, mm.
        stimulator : int, optional
            Only what this stimulator drives; by default the same current flows in all.

        Returns
        -------
        ndarray (p, 3) float64
            A, T·m per A, in the frame of the points. ∂A/∂t = dI/dt · A.

        Raises
        ------
        CoilError
            Points that are not (p, 3) finite numbers, a point on a source, where A is infinite, or no such
            stimulator.
        PoseError
            Not one rigid placement.

        Warns
        -----
        UserWarning
            Points outside a grid, where it is taken as zero.
        """
        return field_at(self._driven(stimulator), "A", points_mm, pose)

    def magnetic_field(
        self, points_mm: ArrayLike, pose: ArrayLike | None = None, *, stimulator: int | None = None
    ) -> NDArray[np.float64]:
        """Magnetic field B = ∇ × A per ampere of coil current, A being what `vector_potential` gives.

        Parameters
        ----------
        points_mm, pose, stimulator
            As for `vector_potential`.

        Returns
        -------
        ndarray (p, 3) float64
            B, T per A, in the frame of the points. ∂B/∂t = dI/dt · B.

        Raises
        ------
        CoilError, PoseError
            As `vector_potential`; CoilError too where a part is a sampled A, whose slopes are not known well.

        Examples
        --------
        >>> Coil([[0, 0, -50.0]], [[0, 0, 1.0]]).magnetic_field([[0, 0, 50.0]])  # μ0/4π 2 m / r³
        array([[0.    , 0.    , 0.0002]])
        """
        return field_at(self._driven(stimulator), "B", points_mm, pose)

    def _driven(self, stimulator: int | None) -> Sources:
        if stimulator is not None and stimulator not in range(self.n_stimulators):
            raise CoilError(f"stimulator {stimulator!r} is not one of the {self.n_stimulators} of this coil")
        return self.sources(stimulator)


def _elements(
    positions_mm: ArrayLike | None, moments: ArrayLike | None, elements: Sequence[CoilElement]
) -> tuple[CoilElement, ...]:
    """Return the elements that were given, or one element of the dipoles that were given instead."""
    given = positions_mm is not None
    if given != (moments is not None) or given == bool(elements):
        raise CoilError("a coil takes dipole_positions_mm and dipole_moments, or elements")
    if positions_mm is None or moments is None:
        return tuple_of(CoilElement, elements, "elements")
    where = vectors(positions_mm, "dipole_positions_mm", CoilError)
    return (CoilElement(Dipoles(where, vectors(moments, "dipole_moments", CoilError))),)


def _counted(count: int, what: str) -> str:
    return "" if not count else f"{count} {what}" + "s" * (count > 1)
