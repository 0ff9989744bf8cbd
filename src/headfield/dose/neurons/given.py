# SPDX-License-Identifier: BSD-3-Clause
"""What E is given as: a field that was solved, or an array; and of what region."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ...core.arguments import finite_array, plain_array
from ...core.device import on_host
from ...errors import ArgumentError, DoseError, RegionError
from ...fields.field import Field
from ...heads.selection import same_mesh
from ...regions.region import Region, check_is_region

__all__ = ["given_field", "given_normals", "given_weights"]


def given_field(field: Field | ArrayLike, region: Region | None = None) -> tuple[NDArray[Any], Region | None]:
    """Return E at the places of a region, (k, P, 3), and the region, if there is one.

    Parameters
    ----------
    field : Field, or array_like (P, 3) or (k, P, 3)
        A field that was solved in a region (`roi`), or in a whole head; or E, V/m.
    region : Region, optional
        By default that of the field. Of a field of a whole head, E is that of the tetrahedra of the region,
        or around its points.

    Raises
    ------
    DoseError
        E has another shape, holds NaN (such as a pose that did not converge), or there are no places.
    ArgumentError, RegionError
        A field in other places than those of the region.
    """
    if region is not None:
        check_is_region(region)
    if isinstance(field, Field):
        E, region = _of_field(field, region)
    else:
        E = plain_array(on_host(field), "E", DoseError)
        E = E[None] if E.ndim == 2 else E
    if E.ndim != 3 or E.shape[2] != 3 or not E.size or E.dtype.kind not in "fiu":
        raise DoseError(
            f"E must have the shape (P, 3) or (k, P, 3), of real numbers, not {E.dtype} of {E.shape}"
        )
    if region is not None and len(region) != E.shape[1]:
        raise DoseError(f"E has {E.shape[1]:,} places, and {region!r} {len(region):,}")
    bad = [pose for pose in range(len(E)) if not np.isfinite(E[pose]).all()]
    if bad:
        raise DoseError(f"E is not finite in {len(bad)} of {len(E)} poses, the first is pose {bad[0]}")
    return E, region


def _of_field(field: Field, region: Region | None) -> tuple[NDArray[Any], Region]:
    if field.region is not None:
        if region is not None and region is not field.region:
            raise ArgumentError(
                f"the field was solved in a region of its own, {field.region!r}: leave region out"
            )
        return np.asarray(on_host(field.E)), field.region
    if field.elements is not None:
        raise ArgumentError("the field was solved in chosen elements: solve in a region, roi=")
    if region is None:
        raise ArgumentError("the field is of a whole head: say in which region")
    if not same_mesh(region.mesh, field.mesh):
        raise RegionError(f"the region is of another mesh, {region.mesh!r}, not of {field.mesh!r}")
    return np.asarray(on_host(field.E[:, region.elements])), region


def given_normals(normals: ArrayLike | None, region: Region | None, p: int, why: str) -> NDArray[np.float64]:
    """Return outward normals of length 1, (p, 3)."""
    if normals is None:
        normals = None if region is None else region.normals
    if normals is None:
        raise DoseError(f"{why} needs normals: those of a surface or a layer of the cortex, or normals=")
    n = finite_array(normals, "normals", DoseError)
    if n.shape not in ((3,), (p, 3)):
        raise DoseError(f"normals must have the shape ({p}, 3) or (3,), not {n.shape}")
    length = np.linalg.norm(n, axis=-1, keepdims=True)
    if not length.all():
        raise DoseError(f"normals: {int((length == 0).sum()):,} of {length.size:,} have no length")
    return np.broadcast_to(n / length, (p, 3))


def given_weights(
    weights: ArrayLike | None, region: Region | None, p: int
) -> tuple[NDArray[np.float64], str]:
    """Return what each place stands for, (p,), and the unit of that."""
    if weights is None:
        return (np.ones(p), "points") if region is None else (region.weights, region.unit)
    w = finite_array(weights, "weights", DoseError)
    if w.shape != (p,):
        raise DoseError(f"weights must have the shape ({p},), not {w.shape}")
    if (w < 0).any() or not w.any():
        raise DoseError("weights must be 0 or more, and some of them more than 0")
    return w, "given weights"
