# SPDX-License-Identifier: BSD-3-Clause
"""Coil poses: 4x4 matrices from coil to head, mm; columns x, y, z axis and centre.

Coil frame: origin on the casing face that touches the head, +z into the head, +y the prolongation of the
handle (away from it), x = y × z.
"""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import ArrayLike

from headfield._backend import cpu
from headfield._real import finite_array, real_array
from headfield.errors import PoseError

__all__ = [
    "check_pose",
    "check_poses",
    "nearest_rotation",
    "outer_faces",
    "place",
    "place_on_surface",
    "ring",
]

# Largest entry of RᵀR − 1 that passes: float32 exports (1e-7) and four printed decimals (1.7e-4) do. A scale
# error of half of it is all that it lets into the field.
ORTHONORMAL_TOLERANCE = 5e-4
MAX_TRANSLATION_MM = 10_000.0
MAX_TO_SURFACE_MM = 100.0
MIN_HANDLE_ANGLE_DEG = 1.0


class _Mesh(Protocol):
    @property
    def nodes_mm(self) -> np.ndarray: ...
    @property
    def tets(self) -> np.ndarray: ...


def check_poses(poses: ArrayLike) -> np.ndarray:
    """Poses that are rigid placements, or an error that says which is not and by how much.

    A pose within the tolerance (RᵀR − 1 below 5e-4 in every entry) is passed on as it is, not
    re-orthonormalised; see `nearest_rotation` for that.

    Parameters
    ----------
    poses : array_like (4, 4) or (k, 4, 4)
        Coil to head, mm.

    Returns
    -------
    ndarray (k, 4, 4) float64, C order
        A copy.

    Raises
    ------
    PoseError
        Another shape, no poses, not finite, a last row other than 0 0 0 1, axes that are not orthonormal
        (scaled, sheared), left-handed axes, or a centre more than 10 m from the origin. The message names
        the first such pose.

    Examples
    --------
    >>> check_poses(np.eye(4)).shape
    (1, 4, 4)
    >>> check_poses(np.diag([1, 1, -1, 1]))
    Traceback (most recent call last):
    ...
    headfield.errors.PoseError: pose 0 of 1: left-handed axes (determinant -1): one axis points the wrong way
    """
    matrices = _as_poses(poses)
    rotations = matrices[:, :3, :3]
    far = np.abs(matrices[:, :3, 3]).max(axis=1)
    _refuse(far > MAX_TRANSLATION_MM, far, "centre {:.4g} mm from the origin, more than 10 m: are these mm?")
    with np.errstate(over="ignore", invalid="ignore"):  # a huge entry becomes inf or NaN, which is refused
        determinant = _determinant(rotations)
        off = np.abs(np.swapaxes(rotations, 1, 2) @ rotations - np.eye(3)).max(axis=(1, 2))
    message = "axes not orthonormal, off by {:.3g} (at most 5e-4): scaled or sheared; see nearest_rotation"
    _refuse(~(off <= ORTHONORMAL_TOLERANCE), off, message)
    message = "left-handed axes (determinant {:.3g}): one axis points the wrong way"
    _refuse(determinant < 0, determinant, message)
    return matrices


def check_pose(pose: ArrayLike) -> np.ndarray:
    """`check_poses` of one pose, (4, 4) or (1, 4, 4): (4, 4) float64.

    Examples
    --------
    >>> check_pose(np.eye(4)).shape
    (4, 4)
    """
    matrices = check_poses(pose)
    if len(matrices) != 1:
        raise PoseError(f"one pose is needed, not {len(matrices)}")
    return matrices[0]


def nearest_rotation(poses: ArrayLike) -> np.ndarray:
    """The poses with their axes replaced by the nearest right-handed orthonormal ones.

    The orthogonal polar factor of the axes, R = U Vᵀ of the singular value decomposition: the rotation
    nearest to them in the Frobenius norm, freed of their scale and shear (Higham, SIAM J. Sci. Stat. Comput.
    7:1160, 1986).

    Parameters
    ----------
    poses : array_like (4, 4) or (k, 4, 4)
        Coil to head, mm.

    Returns
    -------
    ndarray (4, 4) or (k, 4, 4) float64
        The shape of `poses`.

    Raises
    ------
    PoseError
        Not finite, a last row other than 0 0 0 1, left-handed axes (which one to turn round is not for a
        computer to guess), or axes that nearly lie in a plane.

    Examples
    --------
    >>> scaled = np.diag([1.01, 1.01, 1.01, 1.0])
    >>> nearest_rotation(scaled)
    array([[1., 0., 0., 0.],
           [0., 1., 0., 0.],
           [0., 0., 1., 0.],
           [0., 0., 0., 1.]])
    """
    matrices = _as_poses(poses)
    u, singular, vt = np.linalg.svd(matrices[:, :3, :3])
    with np.errstate(divide="ignore", invalid="ignore"):
        flatness = singular[:, 2] / singular[:, 0]
    message = "axes lie in a plane (singular values' ratio {:.3g}): no nearest rotation"
    _refuse(~(flatness > 1e-3), flatness, message)
    rotations = u @ vt
    determinant = np.linalg.det(rotations)
    message = "left-handed axes (determinant {:.3g}): one axis points the wrong way, turn it round first"
    _refuse(determinant < 0, determinant, message)
    matrices[:, :3, :3] = rotations
    return matrices.reshape(np.shape(poses))


def ring(pose: ArrayLike, angles_deg: ArrayLike) -> np.ndarray:
    """The pose turned about its own z axis.

    Parameters
    ----------
    pose : array_like (4, 4)
        Coil to head, mm.
    angles_deg : array_like (k,)
        Angles from x to y, degrees: clockwise as seen from outside the head, since z points into it.

    Returns
    -------
    ndarray (k, 4, 4) float64

    Raises
    ------
    PoseError
        Not one rigid placement, or angles that are not k ≥ 1 finite numbers.

    Examples
    --------
    >>> ring(np.eye(4), [0, 90])[1, :3, :3].round(12) + 0.0
    array([[ 0., -1.,  0.],
           [ 1.,  0.,  0.],
           [ 0.,  0.,  1.]])
    """
    matrix = check_pose(pose)
    angles = np.radians(finite_array(angles_deg, "angles_deg", PoseError))
    if angles.ndim != 1 or not len(angles):
        raise PoseError(f"angles_deg must have the shape (k,), not {angles.shape}")
    turn = np.zeros((len(angles), 4, 4))
    turn[:, 0, 0] = turn[:, 1, 1] = np.cos(angles)
    turn[:, 1, 0] = np.sin(angles)
    turn[:, 0, 1] = -turn[:, 1, 0]
    turn[:, 2, 2] = turn[:, 3, 3] = 1.0
    return matrix @ turn


def place(mesh: _Mesh, centre_mm: ArrayLike, handle_mm: ArrayLike, distance_mm: float = 4.0) -> np.ndarray:
    """A pose on the scalp: tangential, at a distance, turned by a handle direction.

    `centre_mm` is projected onto the closest point of the outer surface (a point inside a triangle, not a
    node), and the normal there is interpolated between the area-weighted normals of the nodes, so the pose
    moves smoothly with a centre near the scalp (a target far below it shows the facets). The coil's centre
    lies `distance_mm` outside that point along the normal, and +z points along it into the head.

    Parameters
    ----------
    mesh : TetMesh
        The head. Surfaces of cavities inside it are left out.
    centre_mm : array_like (3,)
        A point on or near the scalp, or a target below it, mm.
    handle_mm : array_like (3,)
        A point, mm, towards which the coil's +y axis points from `centre_mm`: the prolongation of the
        handle. The handle itself is on the other side of the centre.
    distance_mm : float
        From scalp to casing, mm; hair is about 4 mm.

    Returns
    -------
    ndarray (4, 4) float64
        Coil to head, mm.

    Raises
    ------
    PoseError
        Points that are not three finite numbers, a centre more than 100 mm from the surface, a handle
        direction within 1 degree of the normal, a distance that is negative or not finite.

    Examples
    --------
    >>> class Tetrahedron:
    ...     nodes_mm = np.array([[0, 0, 0], [90.0, 0, 0], [0, 90, 0], [0, 0, 90]])
    ...     tets = np.array([[0, 1, 2, 3]], np.int32)
    >>> pose = place(Tetrahedron, [40, 40, 40], [40, 90, 40])
    >>> print((pose[:3, 2] * 3**0.5).round(6), pose[:3, 3].round(3))  # 30 + 4/√3
    [-1. -1. -1.] [32.309 32.309 32.309]
    """
    return place_on_surface(mesh.nodes_mm, outer_faces(mesh), centre_mm, handle_mm, distance_mm)


def outer_faces(mesh: _Mesh) -> np.ndarray:
    """Triangles of the outermost surface, (f, 3) int32 node indices wound outward; cavities are left out.

    Examples
    --------
    >>> class Tetrahedron:
    ...     nodes_mm = np.array([[0, 0, 0], [1.0, 0, 0], [0, 1, 0], [0, 0, 1]])
    ...     tets = np.array([[0, 1, 2, 3]], np.int32)
    >>> len(outer_faces(Tetrahedron))
    4
    """
    n_nodes = len(mesh.nodes_mm)
    faces, _ = cpu.boundary_faces(np.ascontiguousarray(mesh.tets, np.int32), n_nodes)
    # Connected parts of the surface: a triangle is passed as a tetrahedron that repeats its last node. The
    # part that holds the extreme node is the outermost one.
    part = cpu.node_parts(np.ascontiguousarray(faces[:, [0, 1, 2, 2]]), n_nodes)[faces[:, 0]]
    outermost = np.argmax(mesh.nodes_mm[faces[:, 0], 2])
    return np.asarray(faces[part == part[outermost]])


def place_on_surface(
    nodes_mm: np.ndarray,
    faces: np.ndarray,
    centre_mm: ArrayLike,
    handle_mm: ArrayLike,
    distance_mm: float = 4.0,
) -> np.ndarray:
    """`place` on a triangle surface, for callers that keep it.

    Parameters
    ----------
    nodes_mm : ndarray (n, 3) float64
        Nodes, mm.
    faces : ndarray (f, 3) int
        Triangles, wound so that the normals point outward; see `outer_faces`.
    centre_mm, handle_mm, distance_mm
        See `place`.

    Returns
    -------
    ndarray (4, 4) float64
        Coil to head, mm.

    Raises
    ------
    PoseError
        See `place`.

    Examples
    --------
    >>> nodes, faces = np.array([[0.0, 0, 0], [10, 0, 0], [0, 10, 0]]), np.array([[0, 1, 2]])
    >>> place_on_surface(nodes, faces, [2, 3, 1], [2, 9, 0])
    array([[-1.,  0.,  0.,  2.],
           [ 0.,  1.,  0.,  3.],
           [ 0.,  0., -1.,  4.],
           [ 0.,  0.,  0.,  1.]])
    """
    centre, handle = _point(centre_mm, "centre_mm"), _point(handle_mm, "handle_mm")
    distance = finite_array(distance_mm, "distance_mm", PoseError)
    if distance.shape != () or not 0 <= distance <= MAX_TRANSLATION_MM:
        raise PoseError(f"distance_mm = {distance_mm!r} must be a number, 0 or more")
    face, weights = _closest(nodes_mm[faces], centre)
    surface = weights @ nodes_mm[faces[face]]
    gap = float(np.linalg.norm(surface - centre))
    if gap > MAX_TO_SURFACE_MM:
        raise PoseError(f"centre_mm {centre} is {gap:.0f} mm from the surface, more than 100 mm")
    normal = _normal(nodes_mm, faces, face, weights)
    direction = handle - centre
    tangential = direction - (direction @ normal) * normal
    length, tangential_length = np.linalg.norm(direction), np.linalg.norm(tangential)
    if tangential_length <= np.sin(np.radians(MIN_HANDLE_ANGLE_DEG)) * length:
        raise PoseError(f"handle_mm {handle} lies within 1 degree of the normal through centre_mm {centre}")
    pose = np.eye(4)
    pose[:3, 1] = tangential / tangential_length
    pose[:3, 2] = -normal
    pose[:3, 0] = np.cross(pose[:3, 1], pose[:3, 2])
    pose[:3, 3] = surface + distance * normal
    return pose + 0.0  # no negative zeros


def _closest(triangles: np.ndarray, point: np.ndarray) -> tuple[int, np.ndarray]:
    """The triangle (f, 3, 3) closest to a point, and the barycentric weights (3,) of the closest point in it.

    The projection onto the plane where it falls inside, else the closest point of the three edges: every
    triangle has one of the two exactly (Eberly, Distance Between Point and Triangle in 3D, 1999).
    """
    start, edge = triangles, np.roll(triangles, -1, axis=1) - triangles  # edge i from corner i to i + 1
    with np.errstate(divide="ignore", invalid="ignore"):
        t = np.einsum("fij,fij->fi", point - start, edge) / np.einsum("fij,fij->fi", edge, edge)
    t = np.clip(np.nan_to_num(t), 0.0, 1.0)  # an edge of no length is its start
    to_edge = np.linalg.norm(start + t[..., None] * edge - point, axis=2)
    best = to_edge.argmin(axis=1)
    rows = np.arange(len(triangles))
    weights = np.zeros((len(triangles), 3))
    weights[rows, best] = 1.0 - t[rows, best]
    weights[rows, (best + 1) % 3] += t[rows, best]
    distance = to_edge[rows, best]

    normal = np.cross(edge[:, 0], edge[:, 1])
    twice_area = np.einsum("fj,fj->f", normal, normal)
    opposite = np.cross(edge, point - start)  # (f, 3, 3): weight of the corner opposite to edge i
    with np.errstate(divide="ignore", invalid="ignore"):
        inside = np.einsum("fij,fj->fi", opposite, normal) / twice_area[:, None]
        height = np.abs(np.einsum("fj,fj->f", point - start[:, 0], normal)) / np.sqrt(twice_area)
    within = (inside >= 0).all(axis=1)  # False for NaN: a triangle of no area is its edges
    weights[within] = np.roll(inside[within], -1, axis=1)  # edge 1 (corners 1, 2) is opposite to corner 0
    distance = np.where(within, height, distance)
    face = int(distance.argmin())
    return face, weights[face] / weights[face].sum()


def _normal(nodes_mm: np.ndarray, faces: np.ndarray, face: int, weights: np.ndarray) -> np.ndarray:
    """Unit normal at a point of a face: the area-weighted normals of its nodes, interpolated."""
    normal = np.zeros(3)
    for node, weight in zip(faces[face], weights, strict=True):
        around = nodes_mm[faces[(faces == node).any(axis=1)]]
        at_node = np.cross(around[:, 1] - around[:, 0], around[:, 2] - around[:, 0]).sum(axis=0)
        length = np.linalg.norm(at_node)
        if length > 0:
            normal += weight * at_node / length
    length = np.linalg.norm(normal)
    if not length > 1e-6:
        raise PoseError(f"the surface has no normal at triangle {face}")
    return normal / length


def _as_poses(poses: ArrayLike) -> np.ndarray:
    """(k, 4, 4) float64, a copy: finite, last row 0 0 0 1."""
    matrices = real_array(poses, "poses", PoseError)
    if matrices.shape[-2:] != (4, 4) or matrices.ndim not in (2, 3) or not matrices.size:
        raise PoseError(f"poses must have the shape (4, 4) or (k, 4, 4) with k ≥ 1, not {matrices.shape}")
    matrices = np.ascontiguousarray(matrices.reshape(-1, 4, 4))
    bad = (~np.isfinite(matrices)).sum(axis=(1, 2))
    _refuse(bad > 0, bad, "{:.0f} of 16 entries are not finite")
    off = np.abs(matrices[:, 3] - [0.0, 0.0, 0.0, 1.0]).max(axis=1)
    _refuse(off > 1e-6, off, "last row is not 0 0 0 1, off by {:.3g}: transposed?")
    return matrices


def _refuse(bad: np.ndarray, amount: np.ndarray, message: str) -> None:
    """Raise for the first pose that is bad, and say how many are."""
    index = np.flatnonzero(bad)
    if len(index):
        more = f" ({len(index)} poses of this kind)" if len(index) > 1 else ""
        raise PoseError(f"pose {index[0]} of {len(bad)}: {message.format(amount[index[0]])}{more}")


def _determinant(rotations: np.ndarray) -> np.ndarray:
    x, y, z = rotations[:, :, 0], rotations[:, :, 1], rotations[:, :, 2]
    return np.einsum("kj,kj->k", np.cross(x, y), z)


def _point(values: ArrayLike, name: str) -> np.ndarray:
    point = finite_array(values, name, PoseError)
    if point.shape != (3,):
        raise PoseError(f"{name} must have the shape (3,), not {point.shape}")
    return point
