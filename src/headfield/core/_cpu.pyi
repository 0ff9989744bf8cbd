# SPDX-License-Identifier: BSD-3-Clause
"""Signatures of the native modules. Arrays must be C-contiguous and of these dtypes: none is converted.

n nodes, m tetrahedra, W columns (one of `widths`), k ≤ W poses. Lengths in m. `_cuda` has the same names and
signatures with arrays on the device, CuPy's, in place of NumPy's, but for the topology of a mesh, what is
done to images, what is asked of triangles, and CurrentTree, which are always found on the host.
"""

from collections.abc import Sequence
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

instruction_set: str
widths: tuple[int, ...]
_Doubles: TypeAlias = NDArray[np.float64]
_Floats: TypeAlias = NDArray[np.float32]

# What takes long lets Python's signal handlers run meanwhile, about every 0.05 s, if the main thread calls
# it: assemble, right_hand_side, electric_field, what makes recovered fields, sums over sources and samples of
# a Grid, CurrentTree, the making of a Hierarchy, Solver.solve; on a GPU only what the host does, iterations
# one by one. What a handler raises ends the call; arrays that it was to fill are then of no use, the rest is.

# Number of threads of the loops that the calling thread starts.
def set_threads(n: int) -> None: ...
def max_threads() -> int: ...

# Connected part of each node, (n,).
def node_parts(tets: NDArray[np.int32], n_nodes: int) -> NDArray[np.int32]: ...

# Outer faces (f, 3), normals outward, and the tetrahedron under each, (f,).
def boundary_faces(tets: NDArray[np.int32], n_nodes: int) -> tuple[NDArray[np.int32], NDArray[np.int32]]: ...

# order[new] = old, (n,).
def morton_order(nodes: NDArray[np.float64]) -> NDArray[np.int32]: ...

# Triangles (f, 3, 3). closest: that (p,) closest to each point (p, 3), of several at the same distance the
# first; the barycentric weights (p, 3) of the closest point in it, and the distance (p,).
class Triangles:
    def __init__(self, corners: _Doubles) -> None: ...
    def closest(
        self, points: _Doubles
    ) -> tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.float64]]: ...

# Numbers (m,), ascending, of points (n, 3) that are taken one after the other, ones far apart in the list
# first, but for those that are closer than the distance to one that was taken.
def thinned(points: NDArray[np.float64], distance: float) -> NDArray[np.int64]: ...

# Distances (nx, ny, nz) on a lattice that begins at low (3,), interpolated trilinearly. least: the lowest one
# (k,) at points (c, 3) placed by poses (k, 4, 4). lifts: how far each pose has to go along its −z until that
# is first `clear`, to a thousandth of the step; not a number where it is not within `farthest`.
class DistanceLattice:
    def __init__(self, values: NDArray[np.float32], low: _Doubles, step: float) -> None: ...
    def least(self, points: _Doubles, poses: _Doubles) -> NDArray[np.float64]: ...
    def lifts(
        self, points: _Doubles, poses: _Doubles, clear: float, farthest: float
    ) -> NDArray[np.float64]: ...

# Nested levels (n_tissues, blocks along x, y, z) of labels (nx, ny, nz), 0 outside, 1…n_tissues from inside
# to outside: u_l is the share of label l in each block of step³ voxels, smoothed by a Gaussian of sigma
# blocks, u_0 = 1 − Σ u_l, and level k − 1 = max(u_1…u_k) − max(u_0, u_k+1…). Beyond the image is outside.
def label_levels(
    labels: NDArray[np.uint8], n_tissues: int, sigma: float, step: int = 1
) -> NDArray[np.float32]: ...

# left (rows, inner) · right (inner, columns), summed in order: a number has the same bits beside any others.
def product(left: NDArray[np.float32], right: NDArray[np.float32]) -> NDArray[np.float32]: ...

# weights (sets, modes) · modes, (sets, columns): values (blocks, modes, 32) times scales (blocks, modes).
def mode_sums(
    values: NDArray[np.int16], scales: NDArray[np.float32], weights: NDArray[np.float32], columns: int
) -> NDArray[np.float32]: ...

# Volume (t,), in voxels, where a level (nx, ny, nz), linear between centres of voxels, is above thresholds.
def volumes_above(level: NDArray[np.float32], thresholds: Sequence[float]) -> NDArray[np.float64]: ...

# From each voxel to the nearest where the mask (nx, ny, nz) is not 0, in the unit of spacing (3,); inf if
# there is none.
def distance(mask: NDArray[np.uint8], spacing: Sequence[float]) -> NDArray[np.float32]: ...

# Connected part of each voxel of labels (nx, ny, nz), in order of their first voxels; how many voxels each
# part has (p,), and the first (p,). Voxels of one label touch by faces or, if diagonal, by edges and corners.
def voxel_parts(
    labels: NDArray[np.uint8], diagonal: bool
) -> tuple[NDArray[np.int32], NDArray[np.int64], NDArray[np.int64]]: ...

# Nodes (n, 3) mm, tetrahedra (m, 4) and their labels (m,) between nested levels, values (levels, nx, ny, nz);
# to_voxels (3, 4) from mm to indices of voxels, box (2, 3) mm around all voxels. Cells of the lattice are
# cell_mm wide in the labels whose bits are set in fine and where interfaces bend, else twice that.
def mesh_levels(
    values: NDArray[np.float32], to_voxels: _Doubles, box: _Doubles, cell_mm: float, fine: int
) -> tuple[NDArray[np.float64], NDArray[np.int32], NDArray[np.uint8]]: ...

# Edges (e, 2) of tetrahedra, once each, the lower node first, ascending; and the six of each tetrahedron
# (m, 6), in the order (0, 1), (0, 2), (0, 3), (1, 2), (1, 3), (2, 3).
def mesh_edges(tets: NDArray[np.int32], n_nodes: int) -> tuple[NDArray[np.int32], NDArray[np.int32]]: ...

# The mesh with the edges that are marked (e,) halved, and those that have to be with them so that each face
# with a halved edge has its longest one halved. Edges as of mesh_edges. Returns tetrahedra, the parent of
# each, ascending, and the edges halved, ascending: node n + k lies in the middle of the k-th.
def refine_edges(
    nodes: NDArray[np.float64],
    tets: NDArray[np.int32],
    ends: NDArray[np.int32],
    of: NDArray[np.int32],
    marked: NDArray[np.bool_],
) -> tuple[NDArray[np.int32], NDArray[np.int32], NDArray[np.int32]]: ...

# Indices that are known to lie in 0…below − 1 (as a row pointer: to ascend from 0 to below − 1), so that the
# calls they are given to need not check them again; ValueError if they don't. The array must stay as it is.
class Indices:
    def __init__(self, array: NDArray[np.int32], below: int = 0, row_pointer: bool = False) -> None: ...

_Indices: TypeAlias = Indices | NDArray[np.int32]

# indptr (n + 1,), indices (nnz,), stiffness (nnz,) S, source (nnz, 3) S·m; sigma (m,) or (m, 3, 3) S/m. Here
# and below `edges` takes the mean of adot over a tetrahedron for that of its edges, not of its nodes.
def assemble(
    nodes: NDArray[np.float64], tets: _Indices, sigma: NDArray[np.float64], edges: bool = False
) -> tuple[NDArray[np.int32], NDArray[np.int32], NDArray[np.float64], NDArray[np.float32]]: ...

# out (n, W) = −Σ source · adot, adot (n, 3, W) V/m.
def right_hand_side(
    indptr: _Indices, indices: _Indices, source: _Floats, adot: _Floats, out: _Doubles
) -> None: ...

# out (k, m or elements, 3) = −scale (∇phi + mean adot); phi (n, W) V, scale (k,). Here and below adot may be
# None, for sources without one.
def electric_field(
    nodes: NDArray[np.float64],
    tets: _Indices,
    phi: NDArray[np.float64],
    adot: NDArray[np.float32] | None,
    scale: NDArray[np.float64],
    elements: _Indices | None,
    out: NDArray[np.float32],
    edges: bool = False,
) -> None: ...

# out (k, p, 3) = −scale (Σ gradients phi + Σ shares adot) over the entries of each of p rows, V/m: gradients
# (nnz, 3) 1/m, which must sum to zero in every row, shares (nnz,), phi (n, W) V. An empty row gives 0.
def field_at_points(
    indptr: _Indices,
    indices: _Indices,
    gradients: NDArray[np.float32],
    shares: NDArray[np.float32],
    phi: NDArray[np.float64],
    adot: NDArray[np.float32] | None,
    scale: NDArray[np.float64],
    out: NDArray[np.float32],
) -> None: ...

# b (n, W) −= M x of a matrix (n, r) with values (nnz,) and x (r, W).
def subtract_product(
    indptr: _Indices, indices: _Indices, values: _Doubles, x: _Doubles, b: NDArray[np.float64]
) -> None: ...

# Operator of recovered E for the corners of e elements: r pairs of a node and a tissue. Returns indptr
# (r + 1,), indices (nnz,) of nodes, weights (nnz, 3) 1/m, node (r,), tissue (r,), rate (r, 3, 3) and corner
# (e, 4) in 0…r − 1.
# With `coupled` E keeps the interface conditions, else it is the patch recovery of each tissue by itself.
def recovery(
    nodes: NDArray[np.float64],
    tets: _Indices,
    tags: NDArray[np.int32],
    sigma: NDArray[np.float64],
    elements: _Indices,
    coupled: bool,
) -> tuple[
    NDArray[np.int32],
    NDArray[np.int32],
    NDArray[np.float32],
    NDArray[np.int32],
    NDArray[np.int32],
    NDArray[np.float32],
    NDArray[np.int32],
]: ...

# out (r, 3, W) V/m = −Σ weights (phi − phi of node) − rate adot of node.
def recover(
    indptr: _Indices,
    indices: _Indices,
    weights: NDArray[np.float32],
    node: _Indices,
    rate: NDArray[np.float32],
    phi: NDArray[np.float64],
    adot: NDArray[np.float32] | None,
    out: NDArray[np.float32],
) -> None: ...

# out (k, p, 3) = scale Σ weights rows[corner] of rows (r, 3, W), corner and weights (p, 4).
def interpolate(rows: _Floats, corner: _Indices, weights: _Floats, scale: _Doubles, out: _Floats) -> None: ...

# In elements (e,), E* linear between rows[corner], E the electric field of linear elements: out (k, e, 3) =
# scale E* in the middle, error (k, e) = |scale| times the root of the mean of |E* − E|², sums (2, W) =
# Σ volumes times that mean, and that of |E*|². scale may be (0,): only the sums then.
def recovered_field(
    nodes: NDArray[np.float64],
    tets: _Indices,
    phi: NDArray[np.float64],
    adot: NDArray[np.float32] | None,
    elements: _Indices,
    volumes: NDArray[np.float64],
    corner: _Indices,
    rows: NDArray[np.float32],
    scale: NDArray[np.float64],
    out: NDArray[np.float32],
    error: NDArray[np.float32],
    sums: NDArray[np.float64],
    edges: bool = False,
) -> None: ...

# Entries of a pattern of rows by its columns, in order: where each column begins (columns + 1,), and their
# rows (nnz,) and numbers (nnz,). For corners (e, 4), indptr is 0, 4, 8, …
def transposed(
    indptr: _Indices, indices: _Indices, columns: int
) -> tuple[NDArray[np.int32], NDArray[np.int32], NDArray[np.int32]]: ...

_Transposed: TypeAlias = tuple[_Indices, _Indices, _Indices]

# Transpose of electric_field for phi: out (n, W) = −Σ scale ∇λ · weights, weights (k, m or elements, 3);
# columns from k on are zero. `corners` are those of the elements, transposed.
def element_loads(
    nodes: NDArray[np.float64],
    tets: _Indices,
    weights: NDArray[np.float32],
    scale: NDArray[np.float64],
    elements: _Indices | None,
    corners: _Transposed,
    out: NDArray[np.float64],
) -> None: ...

# Transpose of interpolate: out (r, 3, W) = Σ scale shares weights, weights (k, p, 3), shares (p, 4); columns
# from k on are zero. `corners` (p, 4), transposed. Without shares each is 1/4: with −scale, and corners those
# of elements, the transpose of electric_field for adot, the means being those of nodes.
def spread(
    weights: _Floats, scale: _Doubles, shares: NDArray[np.float32] | None, corners: _Transposed, out: _Floats
) -> None: ...

# The same transpose for means of edges: out (n, 3, W) = Σ scale Wᵀ weights, weights (k, m or elements, 3).
def edge_shares(
    nodes: NDArray[np.float64],
    tets: _Indices,
    weights: NDArray[np.float32],
    scale: NDArray[np.float64],
    elements: _Indices | None,
    corners: _Transposed,
    out: NDArray[np.float32],
) -> None: ...

# Transpose of right_hand_side: out (n, 3, W) = −Σ source phi over the entries of each column, source being
# that of `assemble`, whose columns sum to zero.
def nodal_flux(
    columns: _Transposed, source: NDArray[np.float32], phi: NDArray[np.float64], out: NDArray[np.float32]
) -> None: ...

# Transpose of recover for phi: out (n, W), rows (r, 3, W). `columns` are indptr and indices of the recovery,
# transposed; `nodes` its node (r,) as a pattern of one entry a row, transposed.
def recovered_loads(
    indptr: _Indices,
    weights: NDArray[np.float32],
    columns: _Transposed,
    nodes: _Transposed,
    rows: NDArray[np.float32],
    out: NDArray[np.float64],
) -> None: ...

# Transpose of recover for adot: out (n, 3, W) = −Σ rateᵀ rows.
def recovered_rates(
    rate: NDArray[np.float32], nodes: _Transposed, rows: NDArray[np.float32], out: NDArray[np.float32]
) -> None: ...

# out[i, c] = scale[c] rows[c, node[i]], rows (k, n), out (n, W); columns from k on are zero.
def pack(
    rows: NDArray[np.float64], node: _Indices, scale: NDArray[np.float64], out: NDArray[np.float64]
) -> None: ...

# out[c, node[i]] = scale[c] phi[i, c], phi (n, W), out (k, n).
def unpack(
    phi: NDArray[np.float64], node: _Indices, scale: NDArray[np.float64], out: NDArray[np.float64]
) -> None: ...

class Sources:
    # Dipoles at positions (d, 3) with moments (d, 3), A·m² per A, and pieces of wire at points (w, 3): length
    # and direction segments (w, 3), m.
    def __init__(
        self, positions: _Doubles, moments: _Doubles, points: _Doubles, segments: NDArray[np.float64]
    ) -> None: ...
    # A (p, 3), T·m per A, at points (p, 3).
    def vector_potential(self, points: NDArray[np.float64]) -> NDArray[np.float64]: ...
    def vector_potential_float32(self, points: NDArray[np.float64]) -> NDArray[np.float32]: ...
    # Its curl B (p, 3), T per A, of each piece of wire as a current at its point.
    def magnetic_field(self, points: NDArray[np.float64]) -> NDArray[np.float64]: ...
    # Distance (p,) to the nearest source.
    def nearest(self, points: NDArray[np.float64]) -> NDArray[np.float32]: ...

# B (T) and A (T·m), (p, k, 3), at points (p, 3), m, around currents (k, n, 3), A·m, of k = 1…64 functionals
# at nodes (n, 3), to about 1e-5 in the L2 norm. Nodes within 1 µm are left out.
class CurrentTree:
    def __init__(self, nodes: NDArray[np.float64], currents: NDArray[np.float32]) -> None: ...
    def magnetic_field(self, points: NDArray[np.float64]) -> NDArray[np.float32]: ...
    def vector_potential(self, points: NDArray[np.float64]) -> NDArray[np.float32]: ...

class Grid:
    # Lattices coarse to fine: origin, spacing, values (nx, ny, nz, 4), good (nx − 1, ny − 1, nz − 1).
    def __init__(
        self,
        lattices: Sequence[
            tuple[
                tuple[float, float, float],
                tuple[float, float, float],
                NDArray[np.float32],
                NDArray[np.uint8],
            ]
        ],
        sources: Sources,
    ) -> None: ...
    # out (n, 3, W) = rates · A at nodes (n, 3) for poses (k, 4, 4), or that is added to out; rates (k,), A/s.
    # Returns how many direct sums it took.
    def sample(
        self, nodes: _Doubles, poses: _Doubles, rates: _Doubles, out: NDArray[np.float32], add: bool = False
    ) -> int: ...

# Stiffness and source of elements with ten unknowns each, -1 for an edge along which the potential is linear:
# indptr (n + 1,), indices, stiffness, source (nnz, 3). nodes (n, 3), m, are where the unknowns lie.
def assemble_quadratic(
    nodes: NDArray[np.float64], unknowns: NDArray[np.int32], sigma: NDArray[np.float64], edges: bool = False
) -> tuple[NDArray[np.int32], NDArray[np.int32], NDArray[np.float64], NDArray[np.float32]]: ...

# The operator of field_at_points whose row r adds up the samples ptr[r] ... ptr[r + 1], each in one of the
# elements, at barycentric coordinates (s, 4), times a weight: indptr (rows + 1,), indices, gradients (nnz, 3)
# and shares (nnz,).
def sampling(
    nodes: NDArray[np.float64],
    unknowns: NDArray[np.int32],
    ptr: NDArray[np.int32],
    elements: NDArray[np.int32],
    barycentric: NDArray[np.float64],
    weight: NDArray[np.float64],
) -> tuple[NDArray[np.int32], NDArray[np.int32], NDArray[np.float32], NDArray[np.float32]]: ...

class Hierarchy:
    # Of a symmetric positive semidefinite matrix K, with nodes held at zero where fixed (n,) is not 0: a
    # ground, or all nodes of electrodes. ValueError if none is; every part that K couples needs one, or its
    # matrix is singular. For values g (n,) of the fixed nodes other than zero, 0 elsewhere, solve for b - K g
    # and add g to the solution.
    def __init__(
        self,
        indptr: _Indices,
        indices: _Indices,
        values: NDArray[np.float64],
        fixed: NDArray[np.bool_] | NDArray[np.uint8],
        theta: float,
        # From the potentials of the second level to those of the first, in place of aggregates: row pointer
        # (n + 1,), columns, values and how many columns there are. Rows of fixed nodes are empty.
        prolongation: tuple[NDArray[np.int32], NDArray[np.int32], NDArray[np.float64], int] | None = None,
    ) -> None: ...
    @property
    def operator_complexity(self) -> float: ...
    # Of each level: rows, and nonzeros of A, P and A P.
    @property
    def levels(self) -> list[tuple[int, int, int, int]]: ...

class ColumnReport:
    @property
    def iterations(self) -> int: ...
    @property
    def residual(self) -> float: ...
    @property
    def converged(self) -> bool: ...
    # Why it ended: "converged", "iterations" (it was given no more), "stagnation" or "breakdown".
    @property
    def stopped(self) -> str: ...

# Conjugate gradients in float64 for b (n,) from the guess phi (n,), zero at fixed nodes; b is used up. For
# what Solver, which iterates in float32, gives up with "stagnation" or "breakdown".
def solve_in_float64(
    hierarchy: Hierarchy, b: _Doubles, phi: _Doubles, tolerance: float, max_iterations: int
) -> ColumnReport: ...

class Solver:
    def __init__(self, hierarchy: Hierarchy, width: int) -> None: ...
    @property
    def width(self) -> int: ...
    # Why the launches of an iteration could not be recorded for the GPU; empty where nothing hinders it.
    @property
    def recording_problem(self) -> str: ...
    # If `guessed`, phi (n, W) comes in as the first guess, zero at fixed nodes; else what it holds does not
    # matter. b (n, W) is used up, and what it has at fixed nodes is ignored, as long as it is finite;
    # residuals are those of the free nodes. tolerance (W,).
    def solve(
        self,
        b: NDArray[np.float64],
        phi: NDArray[np.float64],
        tolerance: Sequence[float],
        max_iterations: int,
        guessed: bool = True,
    ) -> list[ColumnReport]: ...
