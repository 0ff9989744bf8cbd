# SPDX-License-Identifier: BSD-3-Clause
"""How well a mesh shows the image that it was made of."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

__all__ = ["ImageReport", "Interfaces", "TissueVolumes"]


@dataclass(frozen=True)
class TissueVolumes:
    """The volume of a tissue, mm³, in the mesh and in the image, smoothed as it was meshed."""

    mesh_mm3: float
    image_mm3: float

    @property
    def ratio(self) -> float:
        """Mesh over image."""
        return self.mesh_mm3 / self.image_mm3

    def to_dict(self) -> dict[str, float]:
        """Return it as plain values, ready for JSON."""
        return {"mesh_mm3": self.mesh_mm3, "image_mm3": self.image_mm3, "ratio": self.ratio}


@dataclass(frozen=True)
class Interfaces:
    """How far, in voxels, the middles of faces between tissues lie from where the image has the interface.

    Attributes
    ----------
    faces : int
    within_half_a_voxel : float
        The share of them, 0 to 1.
    median, p95, p99, largest : float
        Of the distances. Those above 2 voxels count as 2.
    """

    faces: int
    within_half_a_voxel: float
    median: float
    p95: float
    p99: float
    largest: float


@dataclass(frozen=True)
class ImageReport:
    """What a mesh was made of, and how much it differs from that.

    Attributes
    ----------
    name : str
        The image: its path, or "the label image".
    voxel_mm : tuple of 3 float
        Of the image, or of blocks of voxels if these were taken together.
    volumes : dict of int to TissueVolumes
        By tag.
    interfaces : Interfaces
    smallest_dihedral_deg : float
        The smallest angle between two faces of a tetrahedron.
    removed : str
        A line on islands, holes and parts apart from the head; "" if there were none.
    grown : tuple of str
        What was grown around the tissues of the image, of "CSF", "skull" and "scalp".

    Examples
    --------
    >>> volumes = {5: TissueVolumes(980.0, 1000.0)}
    >>> report = ImageReport("T1.nii", (1.0, 1.0, 1.0), volumes, Interfaces(9, 1, 0, 0, 0, 0), 12.5, "", ())
    >>> report.to_dict()["volumes"]
    {5: {'mesh_mm3': 980.0, 'image_mm3': 1000.0, 'ratio': 0.98}}
    """

    name: str
    voxel_mm: tuple[float, float, float]
    volumes: dict[int, TissueVolumes]
    interfaces: Interfaces
    smallest_dihedral_deg: float
    removed: str
    grown: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return it as plain values, ready for JSON."""
        return {
            "name": self.name,
            "voxel_mm": list(self.voxel_mm),
            "volumes": {tag: one.to_dict() for tag, one in self.volumes.items()},
            "interfaces": dict(vars(self.interfaces)),
            "smallest_dihedral_deg": self.smallest_dihedral_deg,
            "removed": self.removed,
            "grown": list(self.grown),
        }
