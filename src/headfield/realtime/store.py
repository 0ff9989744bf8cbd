# SPDX-License-Identifier: BSD-3-Clause
"""Real-time bases in files: .npz archives that know which head they are of."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..core.digest import digest
from ..errors import ArgumentError, FileFormatError, HeadfieldError, MeshError
from ..io.atomic import replacing
from ..io.npz import DAMAGED, read_arrays
from ..regions.region import Region
from ..solve.model import HeadModel
from .basis import Basis, HeldOut, head_digest, region_digest
from .modes import MODE_BLOCK, Modes
from .potentials import Potentials
from .probes import N_PROBES, ProbeTable, ProbeTables
from .realtime import RealTime, check_by_edges

__all__ = ["read_realtime", "write_realtime"]

_ANY_KIND = "headfield real-time basis "
_KIND = _ANY_KIND + "2"
_POTENTIALS = ("order", "inner_a", "charges_mm", "fit")
_REGION = ("barycentric", "weights", "normals", "faces")


def write_realtime(path: str | os.PathLike[str], basis: RealTime) -> None:
    """Write a real-time basis to a .npz, which is there whole or not at all.

    Raises
    ------
    ArgumentError
        Another ending, or no basis.
    OSError
        The folder isn't there or not writable; StorageError if the disk is full.
    """
    if not isinstance(basis, RealTime):
        raise ArgumentError(f"basis must be a RealTime, not {type(basis).__name__}")
    if Path(path).suffix != ".npz":
        raise ArgumentError(f"{path}: a real-time basis is written to a .npz")
    with replacing(path) as temporary:
        np.savez_compressed(temporary, **_arrays(basis))


def read_realtime(path: str | os.PathLike[str], model: HeadModel) -> RealTime:
    """Read a real-time basis that `write_realtime` wrote.

    Parameters
    ----------
    path : path
    model : HeadModel
        The head that it was made for.

    Raises
    ------
    FileFormatError
        The file is damaged, or not of a basis.
    MeshError
        It is of another head, or of other conductivities.
    ArgumentError
        The model has another rule for ∂A/∂t than `primary="edges"`.
    OSError

    Examples
    --------
    >>> import headfield as hf
    >>> model = hf.HeadModel(hf.phantom_head(edge_mm=8), primary="edges")
    >>> hf.read_realtime("no_such_basis.npz", model)
    Traceback (most recent call last):
    ...
    FileNotFoundError: [Errno 2] No such file or directory: 'no_such_basis.npz'
    """
    if not isinstance(model, HeadModel):
        raise ArgumentError(f"model must be a HeadModel, not {type(model).__name__}")
    check_by_edges(model)
    try:
        arrays = read_arrays(path, lambda name: True)
        kind = str(arrays["kind"]) if "kind" in arrays else ""
        if kind != _KIND and kind.startswith(_ANY_KIND):
            raise FileFormatError(f"{path}: a real-time basis of another version of headfield; make it anew")
        if kind != _KIND:
            raise FileFormatError(f"{path}: not a real-time basis")
        _check_head(path, arrays, model)
        if _digest(arrays) != str(arrays["digest"]):
            raise ValueError("its arrays are not those that were written")
        region = _region(arrays, model)
        basis = _basis(arrays, region)
    except HeadfieldError:
        raise
    except DAMAGED as problem:
        raise FileFormatError(f"{path}: damaged, or not a real-time basis: {problem}") from None
    return RealTime(model, region, basis)


def _digest(arrays: dict[str, Any]) -> str:
    """Hash all arrays by name."""
    names = sorted(name for name in arrays if name != "digest")
    return digest(*((name, np.asarray(arrays[name])) for name in names))


def _arrays(found: RealTime) -> dict[str, Any]:
    """Return what a file holds, by name."""
    basis, region = found.basis, found.region
    arrays: dict[str, Any] = {"kind": np.array(_KIND), "elements": region.elements}
    for name in _REGION:
        value = None if region.is_volume else getattr(region, name)
        if value is not None:
            arrays[name] = value
    facts = ("head", "conductivity", "region", "n_sources", "seconds_per_pose")
    arrays |= {name: np.array(getattr(basis, name)) for name in facts}
    arrays |= {name: getattr(basis, name) for name in ("inner_mm", "project", "gram", "probe_rows")}
    arrays |= _modes_of(basis.modes)
    arrays |= {"held_out_errors": basis.held_out.errors, "held_out_estimates": basis.held_out.estimates}
    if basis.potentials is not None:
        arrays |= {f"potential_{name}": value for name, value in _modes_of(basis.potentials.modes).items()}
        arrays |= {name: getattr(basis.potentials, name) for name in _POTENTIALS}
        arrays["potential_project"] = basis.potentials.project
    for kind, tables in zip(ProbeTables._fields, basis.probe_tables, strict=True):
        for i, table in enumerate(tables):
            arrays |= {f"{kind}_{i}_{name}": np.asarray(one) for name, one in table._asdict().items()}
    return arrays | {"digest": np.array(_digest(arrays))}


def _modes_of(modes: Modes) -> dict[str, Any]:
    return {"values": modes.values, "scales": modes.scales}


def _check_head(path: Any, arrays: dict[str, NDArray[Any]], model: HeadModel) -> None:
    """Raise MeshError if a basis is of another head."""
    if str(arrays["head"]) != head_digest(model.mesh):
        raise MeshError(f"{path}: the basis is of another head than {model.mesh!r}")
    if str(arrays["conductivity"]) != digest(model.conductivity):
        raise MeshError(f"{path}: the basis is of this head with other conductivities")


def _region(arrays: dict[str, NDArray[Any]], model: HeadModel) -> Region:
    given = {name: arrays[name] for name in _REGION if name in arrays}
    region = Region(model.mesh, arrays["elements"], given.pop("barycentric", None), **given)
    if region_digest(region) != str(arrays["region"]):
        raise ValueError("its region is not the one that it was made for")
    return region


class _Arrays:
    """The arrays of a file, which have to be of certain types and shapes."""

    def __init__(self, arrays: dict[str, NDArray[Any]]) -> None:
        self._arrays = arrays

    def __call__(self, name: str, dtype: Any, *shape: int) -> NDArray[Any]:
        """Return an array; raise ValueError if it is not of a shape, −1 being any length, or not finite."""
        array = self._arrays[name]
        fits = array.ndim == len(shape) and all(w in (-1, n) for n, w in zip(array.shape, shape, strict=True))
        if array.dtype != dtype or not fits:
            raise ValueError(f"{name} is {array.dtype} of {array.shape}")
        if array.dtype.kind == "f" and not np.isfinite(array).all():
            raise ValueError(f"{name} is not finite")
        return np.ascontiguousarray(array)


def _basis(arrays: dict[str, NDArray[Any]], region: Region) -> Basis:
    """Return the basis of a file for a region, after its arrays were held against each other."""
    of = _Arrays(arrays)
    inner = of("inner_mm", np.float64, -1, 3)
    project = of("project", np.float32, inner.size, -1)
    n, probes = project.shape[1], of("probe_rows", np.float32, N_PROBES, project.shape[1])
    tables = []
    for kind in ProbeTables._fields:
        count = sum(name.startswith(f"{kind}_") and name.endswith("_values") for name in arrays)
        tables.append([_table(of, f"{kind}_{i}_") for i in range(count)])
    if not all(tables):
        raise ValueError("it has no tables of probes")
    errors = of("held_out_errors", np.float64, -1)
    return Basis(
        inner_mm=inner,
        project=project,
        modes=_modes(of, "", n, 3 * len(region)),
        gram=of("gram", np.float64, n, n),
        probe_rows=probes,
        probe_tables=ProbeTables(*tables),
        held_out=HeldOut(errors, of("held_out_estimates", np.float64, len(errors))),
        seconds_per_pose=of("seconds_per_pose", np.float64).item(),
        n_sources=of("n_sources", np.int64).item(),
        head=str(arrays["head"]),
        conductivity=str(arrays["conductivity"]),
        region=str(arrays["region"]),
        potentials=_potentials(of, inner.size, region) if "potential_values" in arrays else None,
    )


def _modes(of: _Arrays, prefix: str, n: int, columns: int) -> Modes:
    values = of(f"{prefix}values", np.int16, -(-columns // MODE_BLOCK), n, MODE_BLOCK)
    return Modes(values, of(f"{prefix}scales", np.float32, len(values), n), columns)


def _potentials(of: _Arrays, places: int, region: Region) -> Potentials:
    nodes = region.mesh.n_nodes
    order = of("order", np.int32, nodes)
    if not np.array_equal(np.sort(order), np.arange(nodes)):
        raise ValueError("order does not name each node once")
    charges, project = of("charges_mm", np.float64, -1, 3), of("potential_project", np.float32, places, -1)
    n = project.shape[1]
    return Potentials(
        project,
        _modes(of, "potential_", n, nodes),
        order,
        of("inner_a", np.float64, n, places),
        charges,
        of("fit", np.float64, len(charges), places),
    )


def _table(of: _Arrays, prefix: str) -> ProbeTable:
    values = of(f"{prefix}values", np.float32, -1, -1, -1, 3, N_PROBES)
    cells = of(f"{prefix}cells", bool, *(length - 1 for length in values.shape[:3]))
    step = of(f"{prefix}step_mm", np.float64).item()
    if not step > 0.0:
        raise ValueError("the step of a table is not positive")
    return ProbeTable(of(f"{prefix}origin_mm", np.float64, 3), step, values, cells)
