# SPDX-License-Identifier: BSD-3-Clause
"""Conductivity tensors of white and gray matter from diffusion tensor images.

The eigenvectors of the diffusion tensor are taken as those of the conductivity (Tuch et al. 2001, doi
10.1073/pnas.171473898). How its eigenvalues become S/m is the mode, see `conductivity_tensors`.

Frame: the components of a tensor image are taken as FSL writes them, along the voxel axes in "radiological"
order. FSL's FAQ on diffusion: where the affine has a negative determinant these are the voxel axes of the
file, where it is positive the first axis runs against that of the file. With R the rotation of the affine
(its columns scaled to length 1) the tensor in the head is M D Mᵀ, M = R or M = R diag(−1, 1, 1).
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..core.arguments import finite_number, plain_array
from ..core.messages import nearest_name, warn
from ..errors import ConductivityError
from ..io.nifti import check_affine, given_image, read_nifti, trilinear
from .mesh import TetMesh
from .standard import conductivity_of

__all__ = ["conductivity_tensors"]

Floats: TypeAlias = NDArray[np.float64]
Image: TypeAlias = str | os.PathLike[str] | tuple[ArrayLike, ArrayLike]

_MODES = ("vn", "dir", "mc")
# Rows and columns of the components xx xy xz yy yz zz, and component of each entry of the matrix.
_ROW, _COLUMN = np.array([0, 0, 0, 1, 1, 2]), np.array([0, 1, 2, 1, 2, 2])
_ENTRY = np.array([[0, 1, 2], [1, 3, 4], [2, 4, 5]])
_PIECE = 1 << 17
_MAX_SHEAR = 1e-2  # cosine of the angle between two voxel axes
_MIN_KNOWN = 0.5  # weight of the voxels with a tensor
_POSITIVE = 1e-9  # smallest eigenvalue relative to the largest


def conductivity_tensors(
    mesh: TetMesh,
    image: Image,
    mode: str = "vn",
    conductivity: float | Mapping[Any, float] | ArrayLike | None = None,
    *,
    tissues: ArrayLike = (1, 2),
    max_ratio: float = 10.0,
    max_conductivity: float = 2.0,
) -> Floats:
    """Return the conductivity tensor of each tetrahedron from a diffusion tensor image.

    The tensor D at the barycentre of each tetrahedron of `tissues` is interpolated trilinearly, component by
    component, between the voxels that have one: voxels that are zero or not finite take no part. Where they
    have more than half of the weight, the tetrahedron has no tensor. D is turned into the frame of the head
    (see `headfield.heads.tensors`), and eigenvalues below 1/`max_ratio` of its largest are raised to that.
    With det(D)^⅓ the geometric mean of the eigenvalues and σ the isotropic value of the tetrahedron:

    - "vn", volume normalised: σ D / det(D)^⅓. Each tensor has the geometric mean σ (Güllmar et al. 2010,
      doi 10.1016/j.neuroimage.2010.02.014).
    - "dir", direct: s D with one s for all. Over the tissues t, s = Σ d_t σ_t / Σ d_t², the least squares fit
      of s d_t = σ_t, where d_t³ is the mean of det(D) over the volume of t (Rullmann et al. 2009, doi
      10.1016/j.neuroimage.2008.09.009; Opitz et al. 2011, doi 10.1016/j.neuroimage.2011.06.069).
    - "mc", mean conductivity: isotropic, s det(D)^⅓ with that s.

    Parameters
    ----------
    mesh : TetMesh
    image : path, or (affine, data)
        NIfTI (nx, ny, nz, 6): xx xy xz yy yz zz as FSL writes them, any unit; or its affine (4, 4), voxels to
        mm, and its numbers.
    mode : {"vn", "dir", "mc"}
    conductivity : None, float, dict of int to float, or array_like (m,)
        Isotropic values, S/m, as for `HeadModel`. Other tissues get them, and tetrahedra without a tensor.
    tissues : array_like of int
        Tags that get tensors: by default white and gray matter.
    max_ratio : float
        Largest ratio of two eigenvalues of a tensor, at least 1.
    max_conductivity : float
        For "dir" and "mc", S/m: tensors with a larger geometric mean are scaled down to it.

    Returns
    -------
    ndarray (m, 3, 3) float64
        S/m, symmetric positive-definite, along x, y, z of the mesh: what `HeadModel` takes.

    Raises
    ------
    ConductivityError
        There is no such mode; the image has another shape, or its voxel axes are not at right angles; no
        tetrahedron is of these tissues, or none has a tensor; the isotropic values can't be conductivities.
    FileFormatError, OSError
        The file is damaged or can't be read.

    Warns
    -----
    UserWarning
        Tetrahedra without a tensor, or with one that is not positive-definite, got the isotropic value. The
        warning says how many and what share.

    Examples
    --------
    >>> from headfield.heads.phantom import phantom_head
    >>> mesh = phantom_head(edge_mm=8)
    >>> data = np.tile([4.0, 0, 0, 1, 0, 2], (50, 50, 50, 1))  # 4 along x, 1 along y, 2 along z
    >>> affine = np.diag([-4.0, 4, 4, 1])
    >>> affine[:3, 3] = 100, -100, -100
    >>> sigma = conductivity_tensors(mesh, (affine, data))
    >>> sigma[mesh.tags == 1][0].round(3)
    array([[0.252, 0.   , 0.   ],
           [0.   , 0.063, 0.   ],
           [0.   , 0.   , 0.126]])
    """
    if not isinstance(mesh, TetMesh):
        raise ConductivityError(f"mesh must be a TetMesh (see read_mesh), not {type(mesh).__name__}")
    if mode not in _MODES:
        raise ConductivityError(
            f"mode = {mode!r} is not one of {', '.join(_MODES)}{nearest_name(mode, _MODES)}"
        )
    ratio = _at_least(max_ratio, 1.0, "max_ratio")
    largest = _at_least(max_conductivity, 0.0, "max_conductivity")
    isotropic = conductivity_of(mesh, conductivity)
    if isotropic.ndim != 1:
        raise ConductivityError("conductivity must be isotropic here: one value per tag or tetrahedron")
    chosen = _chosen(mesh, tissues)
    affine, data, name = _image(image)
    tensors, missing, negative = _diffusion(mesh, chosen, affine, data, ratio)
    usable = ~(missing | negative)
    _tell(missing, negative, name)
    result = np.zeros((mesh.n_tets, 3, 3))
    result[:, [0, 1, 2], [0, 1, 2]] = isotropic[:, None]
    at = chosen[usable]
    result[at] = _scaled(tensors[usable], at, mesh, isotropic, mode, largest)
    return result


def _at_least(value: float, limit: float, name: str) -> float:
    number = finite_number(value, name, ConductivityError)
    if number < limit or number == 0:
        raise ConductivityError(
            f"{name} = {number:g} must be {'above 0' if limit == 0 else f'{limit:g} or more'}"
        )
    return number


def _chosen(mesh: TetMesh, tissues: ArrayLike) -> NDArray[np.intp]:
    """Return the indices of the tetrahedra of these tissues; warn of tissues that no tetrahedron has."""
    tags = np.atleast_1d(plain_array(tissues, "tissues", ConductivityError, truth=False))
    if tags.ndim != 1 or tags.dtype.kind not in "iu" or not len(tags):
        raise ConductivityError(f"tissues = {tissues!r} must be tags, whole numbers")
    absent = np.setdiff1d(tags, mesh.tags)
    chosen = np.flatnonzero(np.isin(mesh.tags, tags))
    if not len(chosen):
        raise ConductivityError(f"no tetrahedron has one of the tags {tags.tolist()}")
    if len(absent):
        warn(f"no tetrahedron has the tags {absent.tolist()} of tissues")
    return chosen


def _image(image: Image) -> tuple[Floats, NDArray[Any], str]:
    """Return affine, numbers (nx, ny, nz, 6) and name of a tensor image."""
    if isinstance(image, (str, os.PathLike)):
        name = os.fspath(image)
        affine, data = read_nifti(image, lambda shape: _check_shape(shape, name))
    else:
        if not isinstance(image, tuple) or len(image) != 2 or isinstance(image[0], (str, os.PathLike)):
            raise ConductivityError(
                "the tensor image must be one path or (affine, data); images of eigenvectors and eigenvalues "
                "are not read"
            )
        name = "the tensor image"
        affine, data = given_image(*image, name, "real numbers", ConductivityError)
    check_affine(affine, ConductivityError)
    _check_shape(data.shape, name)
    return affine, data, name


def _check_shape(shape: tuple[int, ...], name: str) -> None:
    if len(shape) == 4 and shape[3] in (1, 3):
        raise ConductivityError(
            f"{name}: its shape is {shape}; tensors as images of eigenvectors and eigenvalues are not "
            "read, six components xx xy xz yy yz zz are needed"
        )
    if len(shape) != 4 or shape[3] != 6 or min(shape[:3]) < 2:
        raise ConductivityError(f"{name}: its shape is {shape}, a tensor image is (nx, ny, nz, 6)")


def _frame(affine: Floats) -> Floats:
    """Return the matrix M (3, 3) that turns a tensor D of the file into M D Mᵀ in the frame of the affine."""
    axes = affine[:3, :3] / np.linalg.norm(affine[:3, :3], axis=0)
    shear = float(np.abs(axes.T @ axes - np.eye(3)).max())
    if shear > _MAX_SHEAR:
        angle = np.degrees(np.arcsin(min(shear, 1.0)))
        raise ConductivityError(
            f"the voxel axes of the tensor image are {angle:.2g}° off right angles: how its tensors are "
            "turned is not defined"
        )
    left, _, right = np.linalg.svd(axes)  # the nearest rotation
    rotation: Floats = left @ right
    return rotation * [-1.0, 1.0, 1.0] if np.linalg.det(rotation) > 0 else rotation


def _turn(frame: Floats) -> Floats:
    """Return the turn as a matrix (6, 6) on components, to be applied from the right."""
    turned: Floats = frame @ np.eye(6)[:, _ENTRY] @ frame.T
    return turned[:, _ROW, _COLUMN]


def _diffusion(
    mesh: TetMesh, chosen: NDArray[np.intp], affine: Floats, data: NDArray[Any], ratio: float
) -> tuple[Floats, NDArray[np.bool_], NDArray[np.bool_]]:
    """Return tensors (e, 3, 3) in the frame of the mesh, which are missing, and which are not positive."""
    turn = _turn(_frame(affine))
    known = np.isfinite(data).all(axis=3) & data.any(axis=3)
    voxels = np.array(data, order="C")  # a tensor's components side by side: twice as fast
    voxels[~known] = 0
    tensors = np.empty((len(chosen), 3, 3))
    missing = np.empty(len(chosen), bool)
    negative = np.empty(len(chosen), bool)
    for start in range(0, len(chosen), _PIECE):
        part = slice(start, start + _PIECE)
        centres = mesh.nodes_mm[mesh.tets[chosen[part]]].mean(axis=1)
        index, weight, inside = trilinear(affine, data.shape, centres)
        weight *= known[index]
        total = weight.sum(axis=0)
        missing[part] = ~inside | (total < _MIN_KNOWN)
        weight /= np.where(missing[part], 1.0, total)
        weight[:, missing[part]] = 0
        components = np.zeros((len(centres), 6))
        for corner in range(8):
            values = voxels[index[0][corner], index[1][corner], index[2][corner]]
            components += weight[corner, :, None] * values
        tensors[part], negative[part] = _bounded((components @ turn)[:, _ENTRY], ratio)
    return tensors, missing, negative & ~missing


def _bounded(tensors: Floats, ratio: float) -> tuple[Floats, NDArray[np.bool_]]:
    """Raise small eigenvalues of tensors to 1/ratio of the largest, in place; tell which are not positive."""
    values, vectors = np.linalg.eigh(tensors)
    largest = values[:, 2]
    negative = ~(values[:, 0] > _POSITIVE * np.abs(values).max(axis=1))
    low = ~negative & (values[:, 0] * ratio < largest)
    raised = np.maximum(values[low], largest[low, None] / ratio)
    tensors[low] = (vectors[low] * raised[:, None, :]) @ vectors[low].transpose(0, 2, 1)
    return tensors, negative


def _tell(missing: NDArray[np.bool_], negative: NDArray[np.bool_], name: str) -> None:
    """Warn of tetrahedra that get the isotropic value; raise ConductivityError if all do."""
    n, n_missing, n_negative = len(missing), int(missing.sum()), int(negative.sum())
    lost = n_missing + n_negative
    why = f"{n_missing} lie where the image has none, {n_negative} have one that is not positive-definite"
    if lost == n:
        raise ConductivityError(
            f"{name}: no tensor for any of the {n} tetrahedra of these tissues: {why}. Are image and mesh in "
            "one frame, and the components xx xy xz yy yz zz?"
        )
    if lost:
        warn(
            f"{name}: no tensor for {lost} of {n} tetrahedra ({lost / n:.2%}), which get the isotropic "
            f"conductivity: {why}",
        )


def _scaled(
    tensors: Floats, at: NDArray[np.intp], mesh: TetMesh, isotropic: Floats, mode: str, largest: float
) -> Floats:
    """Return the conductivities (e, 3, 3) of the tetrahedra `at` from their diffusion tensors."""
    size = np.cbrt(np.linalg.det(tensors))
    if mode == "vn":
        return tensors * (isotropic[at] / size)[:, None, None]
    volume = mesh.volumes_mm3()[at]
    tags = mesh.tags[at]
    above = below = 0.0
    for tag in np.unique(tags):
        weight = np.where(tags == tag, volume, 0.0) / volume[tags == tag].sum()
        d = float(np.cbrt(weight @ size**3))
        above += d * float(weight @ isotropic[at])
        below += d * d
    scale = above / below
    mean = np.minimum(scale * size, largest)
    if mode == "mc":
        return mean[:, None, None] * np.eye(3)
    return tensors * (mean / size)[:, None, None]
