# SPDX-License-Identifier: BSD-3-Clause
"""Synthetic meshes at any resolution: concentric spheres and a head with a folded cortex.

Both are the lattice ball of `headfield.heads.ball` with some of its shells put on the interfaces, so the
interfaces are followed by triangles whose corners lie on the analytic surface. The surfaces don't depend on
the edge length, so meshes of several edge lengths are a convergence series.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..core.arguments import plain_array
from ..errors import MeshError
from .ball import EDGE_PER_RADIUS, FLATNESS, MAX_TETS, ball, tet_count
from .mesh import TetMesh

__all__ = ["phantom_head", "phantom_landmarks", "phantom_surfaces", "sphere_mesh"]

Floats = NDArray[np.float64]

_HEAD_TAGS = np.array([1, 2, 3, 4, 5], np.int32)
_RADII_MM = (1e-6, 1e6)
_COARSEST_HEAD_MM = 8.0
# Mean edge of a ball of equal steps in units of radius / shells (measured; tends to 1.271).
_MEAN_EDGE = 1.27

_SCALP_MM, _SKULL_MM, _CROWN_CSF_MM = 5.5, 6.0, 2.0
_FOLD_MM = 9.5  # from a gyral crown to the bottom of the deepest sulci, on the gray surface
_CROWN_GRAY_MM, _SULCUS_GRAY_MM = 5.2, 4.2  # along the radius; on the walls that is about 3 mm across
_FOLD_DECAY = 4  # power of the radius with which the folds of the white surface fade towards the centre
# Meanders of the gyri: amplitude (rad), direction of the wave (rad per unit of direction), phase (rad).
_MEANDERS = (
    (1.5, (4.5, 0.6, 2.0), 0.3),
    (1.5, (-2.5, 0.5, 5.0), 1.1),
    (0.9, (7.0, -1.0, -3.0), 2.0),
    (0.9, (1.0, 1.5, -7.0), 0.7),
)
_PHASE = -2.48  # puts a crown under the left motor landmark
_LANDMARKS = {
    "vertex": (0.0, 0.0, 1.0),
    "left_motor": (-0.55, -0.1, 0.83),
    "right_motor": (0.55, -0.1, 0.83),
    "forehead": (0.0, 0.95, 0.3),
    "occiput": (0.0, -0.95, 0.3),
    "left_ear": (-1.0, 0.0, 0.0),
    "right_ear": (1.0, 0.0, 0.0),
}


def sphere_mesh(radii_mm: ArrayLike, tags: ArrayLike, edge_mm: float) -> TetMesh:
    """Mesh concentric spherical layers around the origin.

    Parameters
    ----------
    radii_mm : array_like, (k,), real
        Outer radius of each layer, mm, ascending (innermost first) or descending.
    tags : array_like, (k,), integer
        Tag of each layer, in the same order.
    edge_mm : float
        Mean edge length wanted, mm. Each layer gets at least one layer of tetrahedra, so layers thinner than
        `edge_mm` are allowed and have shorter edges across. Halving `edge_mm` doubles the number of shells.

    Returns
    -------
    TetMesh
        Nodes of each interface lie on its sphere to rounding.

    Raises
    ------
    MeshError
        The radii are not strictly monotone, or not between 1e-6 and 1e6 mm; there are not as many tags as
        radii; the edge is not positive and finite, asks for more than 200 million tetrahedra, or is so long
        that flat triangles of that size would cut through a thin layer.

    Examples
    --------
    >>> import numpy as np
    >>> from headfield.heads.phantom import sphere_mesh
    >>> mesh = sphere_mesh(radii_mm=[85, 90, 95], tags=[3, 4, 5], edge_mm=12)
    >>> mesh.n_nodes, mesh.n_tets
    (3871, 20000)
    >>> on_surface = np.abs(np.linalg.norm(mesh.nodes_mm, axis=1) - 95) < 1e-9
    >>> int(on_surface.sum())
    1002
    """
    radii, layer_tags = _layers(radii_mm, tags)
    edge = _checked_edge(edge_mm, float(radii[-1]), _MEAN_EDGE)
    at = _sphere_shells(radii, edge)
    _check_thickness(radii, at)
    profile = np.interp(np.arange(at[-1] + 1), np.r_[0, at], np.r_[0.0, radii])
    nodes, tets, slab = ball(int(at[-1]), lambda _, shell: profile[shell])
    return TetMesh(nodes, tets, layer_tags[np.searchsorted(at, slab)])


def phantom_head(edge_mm: float = 4.0) -> TetMesh:
    """Mesh a synthetic head: scalp 5, skull 4, cerebrospinal fluid 3, folded gray matter 2, white matter 1.

    An egg-shaped head 154 mm wide, 190 mm long and 170 mm high, without neck and face. Gyri are about 20 mm
    apart, sulci up to 9.5 mm deep, gray matter about 3 mm thick on their walls and up to 5 mm on the crowns;
    the hemispheres are parted by a furrow. Every tissue is bounded by two star-shaped surfaces
    (`phantom_surfaces`), the same for all edge lengths. Compared with a person there is too much white matter
    (about 1.0 L) and too little gray (0.25 L), as sulci that reach 20 mm down can't be meshed with 8 mm
    edges.

    Parameters
    ----------
    edge_mm : float, optional
        Mean edge length wanted, mm, at most 8. Measured mean edges are 0.86 to 1.02 times that.

    Returns
    -------
    TetMesh
        Subject RAS, mm, origin in the middle of the head. The same call gives the same bits. Dihedral angles
        are above 8°.

    Raises
    ------
    MeshError
        If `edge_mm` is not positive and finite, is above 8, or asks for more than 200 million tetrahedra.

    Examples
    --------
    >>> import numpy as np
    >>> from headfield.heads.phantom import phantom_head
    >>> head = phantom_head(edge_mm=8)
    >>> np.unique(head.tags).tolist()
    [1, 2, 3, 4, 5]
    >>> head.nodes_mm.min(axis=0).round().tolist(), head.nodes_mm.max(axis=0).round().tolist()
    ([-77.0, -95.0, -80.0], [77.0, 95.0, 88.0])
    """
    edge = _checked_edge(edge_mm, 90.0, EDGE_PER_RADIUS)
    if edge > _COARSEST_HEAD_MM:
        raise MeshError(
            f"edge_mm is {edge:g}; the folded cortex needs edges of at most {_COARSEST_HEAD_MM:g} mm"
        )
    at = _head_shells(edge)
    _check_size(float(at[-1]), edge)

    def radius(directions: Floats, shell: NDArray[np.int32]) -> Floats:
        surfaces, unfolded = _surfaces(directions)
        layer = np.searchsorted(at, shell)
        below, node = np.maximum(layer - 1, 0), np.arange(len(shell))
        inner, outer = surfaces[node, below], surfaces[node, layer]
        step = (shell - at[below]) / np.maximum(at[layer] - at[below], 1)
        s = shell / at[0]
        core = s * unfolded + s**_FOLD_DECAY * (surfaces[:, 0] - unfolded)
        return np.where(layer == 0, core, (1 - step) * inner + step * outer)

    nodes, tets, slab = ball(int(at[-1]), radius)
    return TetMesh(nodes, tets, _HEAD_TAGS[np.searchsorted(at, slab)])


def phantom_surfaces(directions: ArrayLike) -> Floats:
    """Return the distances from the origin of the interfaces of `phantom_head`.

    Parameters
    ----------
    directions : array_like, (n, 3), real
        Directions, RAS; of any length above 0.

    Returns
    -------
    ndarray, float64 (n, 5)
        mm, from inside to outside: outer surface of white matter, gray matter, cerebrospinal fluid, skull,
        scalp.

    Raises
    ------
    MeshError
        If the directions are not (n, 3), finite and longer than 0.

    Examples
    --------
    >>> from headfield.heads.phantom import phantom_surfaces
    >>> phantom_surfaces([[0, 0, 1]])[0, 2:].round(1).tolist()
    [77.0, 82.7, 88.0]
    """
    u = _as_floats(directions, "directions")
    if u.ndim != 2 or u.shape[1] != 3 or not np.isfinite(u).all():
        raise MeshError(f"directions must be finite and of shape (n, 3), got shape {u.shape}")
    u = u / np.maximum(np.abs(u).max(axis=1, initial=0), np.finfo(float).tiny)[:, None]
    length = np.linalg.norm(u, axis=1)
    if (length == 0).any():
        raise MeshError(f"direction {int(np.argmin(length))} has no length")
    return _surfaces(u / length[:, None])[0]


def phantom_landmarks() -> dict[str, Floats]:
    """Return points on the scalp of `phantom_head` by name.

    Returns
    -------
    dict of str to ndarray, float64 (3,)
        mm, RAS: ``vertex``, ``left_motor`` (near C3, above a gyral crown), ``right_motor`` (near C4),
        ``forehead``, ``occiput``, ``left_ear``, ``right_ear``.

    Examples
    --------
    >>> from headfield.heads.phantom import phantom_landmarks
    >>> phantom_landmarks()["left_motor"].round().tolist()
    [-46.0, -8.0, 70.0]
    """
    u = np.array(list(_LANDMARKS.values()))
    u /= np.linalg.norm(u, axis=1, keepdims=True)
    return dict(zip(_LANDMARKS, u * phantom_surfaces(u)[:, -1:], strict=True))


def _surfaces(u: Floats) -> tuple[Floats, Floats]:
    """Return the interfaces (n, 5) in unit directions u, and the white surface without its folds (n,)."""
    x, y, z = u.T
    scalp = 1 / np.sqrt((x / (77 - 3.85 * y)) ** 2 + (y / 95) ** 2 + (z / (84 + 4 * z)) ** 2)
    skull = scalp - _SCALP_MM - 0.6 * np.sin(3 * y + 1) * np.cos(2 * z)
    csf = skull - _SKULL_MM - 0.8 * np.cos(2.5 * z - 0.5 + x)
    crown = csf - _CROWN_CSF_MM
    depth = _fold_depth(x, y, z)
    white_fold = _FOLD_MM - _CROWN_GRAY_MM + _SULCUS_GRAY_MM
    white = crown - _CROWN_GRAY_MM
    surfaces = np.stack([white - white_fold * depth, crown - _FOLD_MM * depth, csf, skull, scalp], axis=1)
    return surfaces, white - 0.5 * white_fold


def _fold_depth(x: Floats, y: Floats, z: Floats) -> Floats:
    """Return the depth of the cortex in a direction: 0 on a crown, 1 at the bottom of the deepest sulci.

    The folds are stripes from the midline to the sides, with 18 rad of phase per radian, bent by `_MEANDERS`;
    their depth varies by a quarter. A furrow parts the hemispheres in the upper half.
    """
    phase = _PHASE + 18 * np.arcsin(0.97 * (0.1 * x + 0.95 * y + 0.295 * z))
    for amplitude, wave, shift in _MEANDERS:
        phase += amplitude * np.sin(wave[0] * x + wave[1] * y + wave[2] * z + shift)
    depth = (0.5 - 0.5 * np.cos(phase)) * (0.875 - 0.125 * np.sin(6 * x - 3 * y + 4 * z))
    furrow = np.exp(-((x / 0.09) ** 2)) / (1 + np.exp(-8 * z))
    return np.asarray(depth + (1 - depth) * furrow)


def _head_shells(edge: float) -> NDArray[np.int64]:
    """Return the shell of each interface: a layer is about one shell thick per edge, and at least one.

    Below the cortex there are as many shells as make the triangles on the white surface (mean radius 64 mm,
    so 73 here) a little smaller than `edge`, because of its folds.
    """
    thickness = np.array(
        [(_CROWN_GRAY_MM + _SULCUS_GRAY_MM) / 2, _CROWN_CSF_MM + 0.15 * _FOLD_MM, _SKULL_MM, _SCALP_MM]
    )
    layers = np.maximum(np.rint(thickness / (0.8 * edge)), 1)
    core = max(np.rint(EDGE_PER_RADIUS * 73 / edge), 12)
    return np.cumsum(np.r_[core, layers]).astype(np.int64)


def _sphere_shells(radii: Floats, edge: float) -> NDArray[np.int64]:
    """Return the shell of each radius: steps are equal where that leaves every layer at least one.

    Thin layers take their shell from below: their edges across are short, so the others should be long.
    """
    count = np.arange(len(radii))
    at = np.maximum(np.rint(_MEAN_EDGE * radii / edge).astype(np.int64), count + 1)
    from_outside = count[::-1]
    return np.asarray(np.minimum.accumulate((at + from_outside)[::-1])[::-1] - from_outside)


def _layers(radii_mm: ArrayLike, tags: ArrayLike) -> tuple[Floats, NDArray[np.int32]]:
    radii = _as_floats(radii_mm, "radii_mm")
    if radii.ndim != 1 or len(radii) == 0:
        raise MeshError(f"radii_mm must be a list of at least one radius, got shape {radii.shape}")
    bad = np.flatnonzero(~((radii >= _RADII_MM[0]) & (radii <= _RADII_MM[1])))
    if len(bad):
        limits = f"between {_RADII_MM[0]:g} and {_RADII_MM[1]:g} mm"
        raise MeshError(f"radii_mm[{bad[0]}] is {radii[bad[0]]:g}; radii must lie {limits}")
    labels = plain_array(tags, "tags", MeshError, truth=False)
    if labels.shape != radii.shape or labels.dtype.kind not in "iu":
        raise MeshError(
            f"tags must be {len(radii)} integers, one per radius; got {labels.dtype} of shape {labels.shape}"
        )
    if labels.max() > np.iinfo(np.int32).max or labels.min() < np.iinfo(np.int32).min:
        raise MeshError("tags must fit 32-bit integers")
    labels = labels.astype(np.int32)
    if radii[0] > radii[-1]:
        radii, labels = radii[::-1], labels[::-1]
    if (np.diff(radii) <= 0).any():
        raise MeshError(
            f"radii_mm must ascend or descend strictly, got {np.array2string(radii, threshold=10)}"
        )
    return radii, labels


def _as_floats(values: ArrayLike, name: str) -> Floats:
    array = plain_array(values, name, MeshError, truth=False)
    if array.dtype.kind not in "iuf":
        raise MeshError(f"{name} must be real numbers, got {array.dtype}")
    return array.astype(np.float64)


def _checked_edge(edge_mm: float, radius_mm: float, edge_per_radius: float) -> float:
    edge = _as_floats(edge_mm, "edge_mm")
    if edge.ndim != 0 or not (np.isfinite(edge) and edge > 0):
        raise MeshError(f"edge_mm must be one positive finite number, got {edge_mm!r}")
    with np.errstate(over="ignore"):
        _check_size(float(edge_per_radius * radius_mm / edge), float(edge))
    return float(edge)


def _check_size(shells: float, edge: float) -> None:
    if tet_count(shells) > MAX_TETS:
        raise MeshError(
            f"edges of {edge:g} mm would make {tet_count(shells):.3g} tetrahedra; the limit is {MAX_TETS:,}"
        )


def _check_thickness(radii: Floats, at: NDArray[np.int64]) -> None:
    """Raise MeshError for a layer that the flat triangles of its outer sphere would cut through."""
    for k in range(1, len(radii)):
        depth = radii[k] * np.sqrt(1 - (FLATNESS / at[k]) ** 2)
        below = np.interp(at[k] - 1, at[k - 1 : k + 1], radii[k - 1 : k + 1])
        if depth <= below:
            raise MeshError(
                f"layer {k} ({radii[k - 1]:g} to {radii[k]:g} mm) is too thin for this edge: flat triangles "
                f"on its outer sphere reach {radii[k] - depth:.3g} mm inwards, the next shell is "
                f"{radii[k] - below:.3g} mm away; use shorter edges"
            )
