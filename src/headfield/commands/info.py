# SPDX-License-Identifier: BSD-3-Clause
"""Find out what `headfield info` tells about a file: facts as plain numbers, with units in their names."""

from __future__ import annotations

import os
from typing import Any

import numpy as np

from ..coils.casing import Casing
from ..coils.coil import Coil
from ..coils.formats.casings import read_casing
from ..coils.parts import CoilElement
from ..coils.read import read_coil
from ..coils.sources import Dipoles, Segments, grid_corners_mm
from ..core.messages import printable
from ..fields.images import DESCRIBED
from ..fields.read import read_result
from ..heads.eeg import EegPositions, read_eeg_positions
from ..heads.mesh import TetMesh
from ..heads.quality import smallest_dihedrals_deg
from ..heads.subject import Subject
from ..heads.tissues import tissue
from ..heads.wanted import HeadOptions, mesh_of
from ..io.nifti import read_description, read_grid, read_nifti
from .heads import check_no_options
from .info_image import describe_image
from .info_result import describe_result
from .kinds import kind_of
from .pose_facts import pose_facts

__all__ = ["describe", "describe_mesh"]

_COIL_POINT_MM = (0.0, 0.0, 20.0)
_AS_IT_IS = HeadOptions()


def describe(
    path: str | os.PathLike[str],
    head: HeadOptions = _AS_IT_IS,
    *,
    which: str | int = "all",
    skip_bad: bool = False,
    scan: str | os.PathLike[str] | None = None,
) -> dict[str, Any]:
    """Read a file or a subject folder, and describe it.

    Parameters
    ----------
    path : path
    head : HeadOptions
        For heads: what to leave out, and whether to repair it.
    which, skip_bad, scan
        Of poses, as for `headfield.read_pose_list`; but bad ones are left out of what is told in any case,
        with a warning that they would be refused where `skip_bad` isn't given.

    Returns
    -------
    dict
        `kind`, as `headfield.commands.kinds.kind_of` tells it, and facts, ready for JSON; units are in the
        names. `headfield.commands.info_text.lines` makes text of it.

    Raises
    ------
    HeadfieldError, OSError
        See the readers.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     np.save(folder + "/poses.npy", np.eye(4))
    ...     describe(folder + "/poses.npy")["poses"]
    1
    """
    kind = kind_of(path)
    if kind == "subject":
        return {"kind": kind} | _of_subject(Subject(path), head)
    if kind != "mesh":
        check_no_options(path, kind, head)
    if kind == "coil":
        return {"kind": kind} | _of_coil(read_coil(path))
    if kind == "poses":
        return {"kind": kind} | pose_facts(path, which=which, skip_bad=skip_bad, scan=scan)
    if kind == "eeg":
        return {"kind": kind} | _of_eeg(read_eeg_positions(path))
    if kind == "casing":
        return {"kind": kind} | _of_casing(read_casing(path))
    if kind == "tensors":
        return {"kind": kind} | _of_tensors(*read_nifti(path))
    if kind == "result":
        return {"kind": kind} | describe_result(read_result(path))
    if kind == "image":
        return {"kind": kind} | describe_image(path)
    if kind == "field":
        return {"kind": kind} | _of_field_image(path)
    return {"kind": kind} | describe_mesh(mesh_of(path, head, check=False))


def describe_mesh(mesh: TetMesh) -> dict[str, Any]:
    """Describe a head, as `describe` does."""
    facts = mesh.summary()
    facts["smallest_dihedral_deg"] = _smallest_dihedral_percentiles(mesh)
    for tag, row in facts["tissues"].items():
        known = tissue(tag)
        row["name"] = known.name if known else None
        row["conductivity"] = known.conductivity if known else None
        row["name_in_file"] = mesh.tag_names.get(tag)
    facts["findings"] = [finding.to_dict() for finding in mesh.check()]
    return facts


def _smallest_dihedral_percentiles(mesh: TetMesh) -> dict[str, float]:
    """Return percentiles of the smallest dihedral angle of each tetrahedron, degrees: how flat some are."""
    values = np.percentile(smallest_dihedrals_deg(mesh.nodes_mm, mesh.tets), [0, 1, 50])
    return dict(zip(("minimum", "percent_1", "median"), values.tolist(), strict=True))


def _of_coil(coil: Coil) -> dict[str, Any]:
    a = coil.vector_potential([_COIL_POINT_MM])
    return {
        "name": coil.name,
        "brand": coil.brand,
        "elements": [_of_element(e, coil) for e in coil.elements],
        "dipoles": coil.n_dipoles,
        "wire_segments": coil.n_segments,
        "bounds_mm": coil.bounds_mm.tolist(),
        "stimulators": [
            {"name": s.name, "brand": s.brand, "didt_max": s.didt_max, "waveforms": len(s.waveforms)}
            for s in coil.stimulators
        ],
        "deformation_ranges": [
            {"initial": r.initial, "low": r.low, "high": r.high} for r in coil.deformation_ranges
        ],
        "casing_triangles": 0 if coil.casing is None else len(coil.casing.faces),
        "potential_at_20_mm": float(np.linalg.norm(a)),
    }


def _of_element(element: CoilElement, coil: Coil) -> dict[str, Any]:
    source = element.source
    if isinstance(source, Dipoles):
        what = {"type": "dipoles", "count": len(source)}
    elif isinstance(source, Segments):
        what = {"type": "wire segments", "count": len(source)}
    else:
        what = {"type": "samples", "count": int(np.prod(source.shape)), "shape": list(source.shape)}
        what["spacing_mm"] = source.spacing_mm.tolist()
    parameters = [coil.deformations[i].parameter for i in element.deformations]
    return {"name": element.name, **what, "stimulator": element.stimulator, "parameters": parameters}


def _of_eeg(eeg: EegPositions) -> dict[str, Any]:
    positions = eeg.positions_mm
    return {"positions": len(positions), "names": list(eeg.names), "bounds_mm": _bounds(positions)}


def _of_casing(casing: Casing) -> dict[str, Any]:
    points = casing.points_mm
    return {"triangles": len(casing.faces), "points": len(points), "bounds_mm": _bounds(points)}


def _of_tensors(affine: np.ndarray, data: np.ndarray) -> dict[str, Any]:
    inside = np.isfinite(data).all(axis=-1) & data.any(axis=-1)
    return {
        "shape": list(data.shape),
        "spacing_mm": np.linalg.norm(affine[:3, :3], axis=0).tolist(),
        "bounds_mm": _bounds(grid_corners_mm(data.shape[:3], affine)),
        "voxels_with_a_tensor": int(inside.sum()),
    }


def _of_field_image(path: str | os.PathLike[str]) -> dict[str, Any]:
    affine, shape = read_grid(path)
    return {
        "shape": list(shape),
        "spacing_mm": np.linalg.norm(affine[:3, :3], axis=0).tolist(),
        "bounds_mm": _bounds(grid_corners_mm((*shape, 1, 1)[:3], affine)),
        "quantity": printable(read_description(path).removeprefix(DESCRIBED)),
    }


def _of_subject(subject: Subject, head: HeadOptions) -> dict[str, Any]:
    tensors = subject.tensor_path
    return {
        "name": subject.name,
        "folder": str(subject.folder),
        "mesh_file": str(subject.mesh_path),
        "layout": subject.layout,
        "eeg_caps": subject.eeg_caps,
        "surfaces": sorted(subject.surface_paths),
        "tensors": None if tensors is None else str(tensors),
        "mesh": {"kind": "mesh"} | describe_mesh(mesh_of(subject.folder, head, check=False)),
    }


def _bounds(points: np.ndarray) -> list[list[float]]:
    return [points.min(axis=0).tolist(), points.max(axis=0).tolist()]
