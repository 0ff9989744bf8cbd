# SPDX-License-Identifier: BSD-3-Clause
"""Targets that publications name, in MNI space: `headfield.targets["dlpfc_sgacc"]`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..core.arguments import finite_array
from ..core.messages import doubt
from ..errors import ArgumentError
from ..io.published import Entry, NamedEntries, PublishedTables, source_of

__all__ = ["NamedTarget", "named_targets", "targets"]

Floats = NDArray[np.float64]

_IN_METRES = 1.0  # mm: coordinates that are all less are likely in metres
_SPACES = {"brain", "scalp", "coil"}


@dataclass(frozen=True, repr=False)
class NamedTarget:
    """A point in MNI space that a publication names.

    Attributes
    ----------
    name : str
    mni_mm : tuple of 3 float
        MNI coordinates, mm.
    space : str
        "brain": a place in the cortex or below it; "scalp": a place on the skin; "coil": the origin of a
        coil, off the head.
    about : str
        What it is.
    source : str
        Where the coordinates are from.
    from_memory : bool
        They were never compared with the source: use them to try things, and your own for anything else.
    axes : ndarray (3, 3) or None
        Of a coil: columns are its x, y and z axes in MNI space.
    """

    name: str
    mni_mm: tuple[float, float, float]
    space: str
    about: str
    source: str
    from_memory: bool
    axes: Floats | None = field(default=None, compare=False)

    def __repr__(self) -> str:
        x, y, z = self.mni_mm
        return f"<NamedTarget {self.name!r}: ({x:g}, {y:g}, {z:g}) mm in MNI space, {self.space}>"

    def __str__(self) -> str:
        """Return all of it in one line."""
        x, y, z = self.mni_mm
        where = source_of({"source": self.source, "from_memory": self.from_memory})
        about = f"{self.about}, " if self.about else ""
        return f"{self.name}: {about}MNI {x:g} {y:g} {z:g} mm [{where}]"

    def in_head(self, mni_to_head: Callable[[ArrayLike], Floats]) -> Floats:
        """Return where it is in a head.

        Parameters
        ----------
        mni_to_head : callable
            Such as `Subject.mni_to_subject`.

        Returns
        -------
        ndarray (3,) float64
            In the frame of the mesh, mm.

        Examples
        --------
        >>> targets["m1_hand"].in_head(np.asarray).tolist()
        [-37.0, -21.0, 58.0]
        """
        return np.asarray(mni_to_head(np.array(self.mni_mm)), np.float64)


def named_targets(tables: PublishedTables | None = None) -> NamedEntries[NamedTarget]:
    """Return targets by name, those of one's own tables among them; a name that there is not is refused.

    Parameters
    ----------
    tables : PublishedTables, optional
        See `headfield.read_tables`; by default the targets that come with headfield.

    Raises
    ------
    ArgumentError
        By name, of a target that there is not or that is damaged.

    Examples
    --------
    >>> named_targets()["dlpfc_sgacc"].mni_mm
    (-42.0, 44.0, 30.0)
    """
    return NamedEntries("targets", _target, ArgumentError, tables)


def _target(name: str, entry: Entry) -> NamedTarget:
    """Make a target of what a table holds; raise if that can't be one."""
    xyz = finite_array(entry.get("mni_mm", ()), f"mni_mm of the target {name!r}", ArgumentError)
    space = entry.get("space", "brain")
    if xyz.shape != (3,) or space not in _SPACES:
        raise ArgumentError(
            f"the target {name!r} must have mni_mm, three numbers, and a space that is one of "
            f"{', '.join(sorted(_SPACES))}"
        )
    if 0.0 < float(np.abs(xyz).max()) < _IN_METRES:
        doubt(f"the target {name!r} lies {np.abs(xyz).max():g} mm from the origin at most: is it in metres?")
    x, y, z = xyz.tolist()
    about, source = str(entry.get("about", "")), str(entry["source"])
    return NamedTarget(name, (x, y, z), space, about, source, entry["from_memory"], _axes(name, entry))


def _axes(name: str, entry: Entry) -> Floats | None:
    """Return the axes (3, 3) of a coil from its y and z, made orthonormal; None where there are none."""
    if "y_axis" not in entry and "z_axis" not in entry:
        return None
    y, z = (
        finite_array(entry.get(key, ()), f"{key} of the target {name!r}", ArgumentError)
        for key in ("y_axis", "z_axis")
    )
    if y.shape != (3,) or z.shape != (3,) or not np.linalg.norm(np.cross(y, z)) > 0.0:
        raise ArgumentError(
            f"y_axis and z_axis of the target {name!r} must be two directions, three numbers each"
        )
    z = z / np.linalg.norm(z)
    x = np.cross(y, z)
    x /= np.linalg.norm(x)
    return np.stack([x, np.cross(z, x), z], axis=1)


#: Those that come with headfield.
targets = named_targets()
