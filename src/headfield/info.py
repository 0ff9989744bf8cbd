# SPDX-License-Identifier: BSD-3-Clause
"""What `headfield info` says of a mesh, a coil or poses: facts as plain numbers, and those as lines."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np

from . import mesh_checks
from ._ball import min_dihedral_cosines
from .coil import Coil
from .conductivity import tissue
from .io.coils import read_coil
from .io.meshes import read_mesh
from .io.poses import read_poses
from .mesh import TetMesh

__all__ = ["describe", "lines"]

_COIL_POINT_MM = (0.0, 0.0, 20.0)


def describe(path: str | os.PathLike[str]) -> dict[str, Any]:
    """Read a file and describe it: .ccd is a coil, .npy, .csv and .txt are poses, everything else is a mesh.

    Returns
    -------
    dict
        `kind` ("mesh", "coil" or "poses") and facts, ready for JSON; units are in the names.

    Raises
    ------
    HeadfieldError, OSError
        What the reader of that kind raises.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     np.save(folder + "/poses.npy", np.eye(4))
    ...     describe(folder + "/poses.npy")["poses"]
    1
    """
    ending = os.path.splitext(os.fspath(path))[1].lower()
    if ending == ".ccd":
        return _of_coil(read_coil(Path(path)))
    if ending in (".npy", ".csv", ".txt"):
        return _of_poses(read_poses(path))
    return _of_mesh(read_mesh(path))


def _of_mesh(mesh: TetMesh) -> dict[str, Any]:
    facts = {"kind": "mesh", **mesh.summary()}
    facts["smallest_dihedral_deg"] = _smallest_dihedral_percentiles(mesh)
    for tag, row in facts["tissues"].items():
        known = tissue(tag)
        row["name"] = known.name if known else None
        row["conductivity"] = known.conductivity if known else None
    return facts


def _smallest_dihedral_percentiles(mesh: TetMesh) -> dict[str, float]:
    """Of the smallest dihedral angle of each tetrahedron, degrees: how flat the flattest are."""
    cosine = np.empty(mesh.n_tets)
    for piece, _, corners in mesh_checks.chunks(mesh.nodes_mm, mesh.tets):
        cosine[piece] = min_dihedral_cosines(corners.swapaxes(0, 1))
    angles = np.degrees(np.arccos(np.clip(cosine, -1.0, 1.0)))
    values = np.percentile(angles, [0, 1, 50])
    return dict(zip(("minimum", "percent_1", "median"), values.tolist(), strict=True))


def _of_coil(coil: Coil) -> dict[str, Any]:
    low, high = coil.dipole_positions_mm.min(axis=0), coil.dipole_positions_mm.max(axis=0)
    return {
        "kind": "coil",
        "name": coil.name,
        "stimulator": coil.stimulator,
        "brand": coil.brand,
        "dipoles": coil.n_dipoles,
        "bounds_mm": [low.tolist(), high.tolist()],
        "didt_max": coil.didt_max,
        "potential_at_20_mm": float(np.linalg.norm(coil.vector_potential([_COIL_POINT_MM]))),
    }


def _of_poses(poses: np.ndarray) -> dict[str, Any]:
    centres = poses[:, :3, 3]
    return {
        "kind": "poses",
        "poses": len(poses),
        "bounds_mm": [centres.min(axis=0).tolist(), centres.max(axis=0).tolist()],
        "mean_centre_mm": centres.mean(axis=0).tolist(),
    }


def lines(facts: dict[str, Any]) -> list[str]:
    """Lines of text that say what `describe` found.

    Examples
    --------
    >>> lines({"kind": "poses", "poses": 2, "bounds_mm": [[0, 0, 0], [1, 2, 3]], "mean_centre_mm": [0, 1, 2]})
    ['poses         2', 'centres       0.0 0.0 0.0 to 1.0 2.0 3.0 mm', 'mean centre   0.0 1.0 2.0 mm']
    """
    low, high = facts["bounds_mm"]
    extent = f"{_point(low)} to {_point(high)} mm"
    if facts["kind"] == "poses":
        rows = [("poses", f"{facts['poses']:,}"), ("centres", extent)]
        rows.append(("mean centre", f"{_point(facts['mean_centre_mm'])} mm"))
    elif facts["kind"] == "coil":
        limit = "not stated" if facts["didt_max"] is None else f"{facts['didt_max'] * 1e-6:.1f} A/µs"
        rows = [("coil", facts["name"] or "no name"), ("dipoles", f"{facts['dipoles']:,}")]
        rows.append(("extent", extent))
        rows += [(name, facts[name]) for name in ("stimulator", "brand") if facts[name]]
        rows.append(("dI/dt max", limit))
        rows.append(("no head", f"{facts['potential_at_20_mm'] * 1e6:.2f} V/m at (0, 0, 20) mm for 1 A/µs"))
    else:
        return _mesh_lines(facts, extent)
    return [f"{name:13} {value}" for name, value in rows]


def _mesh_lines(facts: dict[str, Any], extent: str) -> list[str]:
    angle = facts["smallest_dihedral_deg"]
    rows = [
        ("nodes", f"{facts['nodes']:,}" + _note(facts["dropped_nodes"], "unused were dropped")),
        ("tetrahedra", f"{facts['tetrahedra']:,}" + _note(facts["flipped_tetrahedra"], "were turned")),
        ("triangles", f"{facts['triangles']:,}"),
        ("extent", extent),
        ("mean edge", f"{facts['mean_edge_mm']:.2f} mm"),
        ("dihedral", f"smallest {angle['minimum']:.1f}°, 1 % below {angle['percent_1']:.1f}°"),
    ]
    text = [f"{name:13} {value}" for name, value in rows]
    text += ["", f"{'tag':>5}  {'tissue':18} {'S/m':>7} {'tetrahedra':>12} {'cm³':>9}"]
    for tag, row in facts["tissues"].items():
        sigma = "?" if row["conductivity"] is None else f"{row['conductivity']:g}"
        name = row["name"] or "unknown"
        text.append(f"{tag:5}  {name:18} {sigma:>7} {row['tetrahedra']:12,} {row['volume_mm3'] / 1000:9.1f}")
    return text


def _note(count: int, what: str) -> str:
    return f" ({count:,} {what})" if count else ""


def _point(values: list[float]) -> str:
    return " ".join(f"{value:.1f}" for value in values)
