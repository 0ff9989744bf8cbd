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
instruction_sets: tuple[str, ...]  # those that the loops were compiled for, the best first
compiler: str
openmp: int  # year and month of the standard, 0 without
widths: tuple[int, ...]
_Doubles: TypeAlias = NDArray[np.float64]
_Floats: TypeAlias = NDArray[np.float32]
_Ints: TypeAlias = NDArray[np.int32]
_Tables: TypeAlias = Sequence[tuple[tuple[float, ...], float, NDArray[np.float32], NDArray[np.uint8]]]

# What takes long lets Python's signal handlers run meanwhile, about every 0.05 s, if the main thread calls
# it: assemble, right_hand_side, electric_field, what makes recovered fields, sums over sources and samples of
# a Grid, CurrentTree, the making of a Hierarchy, Solver.solve; on a GPU only what the host does, iterations
# one by one. What a handler raises ends the call; arrays that it was to fill are then of no use, the rest is.

# Number of threads of the loops that the calling thread starts.
def set_threads(n: int) -> None: ...
def max_threads() -> int: ...

# Connected part of each node, (n,).
def node_parts(tets: _Ints, n_nodes: int) -> _Ints: ...

# Outer faces (f, 3), normals outward, and the tetrahedron under each, (f,).
def boundary_faces(tets: _Ints, n_nodes: int) -> tuple[_Ints, _Ints]: ...

# order[new] = old, (n,).
def morton_order(nodes: _Doubles) -> _Ints: ...

# Triangles (f, 3, 3). closest: that (p,) closest to each point (p, 3), of several at the same distance the
# first; the barycentric weights (p, 3) of the closest point in it, and the distance (p,).
class Triangles:
    def __init__(self, corners: _Doubles) -> None: ...
    def closest(self, points: _Doubles) -> tuple[NDArray[np.int64], _Doubles, _Doubles]: ...

# Numbers (m,), ascending, of points (n, 3) that are taken one after the other, ones far apart in the list
# first, but for those that are closer than the distance to one that was taken.
def thinned(points: _Doubles, distance: float) -> NDArray[np.int64]: ...

# Distances (nx, ny, nz) on a lattice that begins at low (3,), interpolated trilinearly. least: the lowest one
# (k,) at points (c, 3) placed by poses (k, 4, 4). lifts: how far each pose has to go along its −z until that
# is first `clear`, to a thousandth of the step; not a number where it is not within `farthest`.
class DistanceLattice:
    def __init__(self, values: _Floats, low: _Doubles, step: float) -> None: ...
    def least(self, points: _Doubles, poses: _Doubles) -> _Doubles: ...
    def lifts(self, points: _Doubles, poses: _Doubles, clear: float, farthest: float) -> _Doubles: ...

# Nested levels (n_tissues, blocks along x, y, z) of labels (nx, ny, nz), 0 outside, 1…n_tissues from inside
# to outside: u_l is the share of label l in each block of step³ voxels, smoothed by a Gaussian of sigma
# blocks, u_0 = 1 − Σ u_l, and level k − 1 = max(u_1…u_k) − max(u_0, u_k+1…). Beyond the image is outside.
def label_levels(labels: NDArray[np.uint8], n_tissues: int, sigma: float, step: int = 1) -> _Floats: ...

# left (rows, inner) · right (inner, columns), summed in order: a number has the same bits beside any others.
def product(left: _Floats, right: _Floats) -> _Floats: ...

# weights (sets, modes) · modes, (sets, columns): values (blocks, modes, 32) times scales (blocks, modes).
def mode_sums(values: NDArray[np.int16], scales: _Floats, weights: _Floats, columns: int) -> _Floats: ...

# Σ (R v) · F(R x + t) (k, 24) of sources at points (q, 3) with vectors (q, 3), by the first of some lattices
# that is good at each: origin, step, F (nx, ny, nz, 3, 24), good (nx − 1, …). Not a number where none is.
def table_sums(tables: _Tables, points: _Doubles, vectors: _Doubles, poses: _Doubles) -> _Doubles: ...

# Volume (t,), in voxels, where a level (nx, ny, nz), linear between centres of voxels, is above thresholds.
def volumes_above(level: _Floats, thresholds: Sequence[float]) -> _Doubles: ...

# From each voxel to the nearest where the mask (nx, ny, nz) is not 0, in the unit of spacing (3,); inf if
# there is none.
def distance(mask: NDArray[np.uint8], spacing: Sequence[float]) -> _Floats: ...

# Connected part of each voxel of labels (nx, ny, nz), in order of their first voxels; how many voxels each
# part has (p,), and the first (p,). Voxels of one label touch by faces or, if diagonal, by edges and corners.
def voxel_parts(
    labels: NDArray[np.uint8], diagonal: bool
) -> tuple[_Ints, NDArray[np.int64], NDArray[np.int64]]: ...

# Nodes (n, 3) mm, tetrahedra (m, 4) and their labels (m,) between nested levels, values (levels, nx, ny, nz);
# to_voxels (3, 4) from mm to indices of voxels, box (2, 3) mm around all voxels. Cells of the lattice are
# cell_mm wide in the labels whose bits are set in fine and where interfaces bend, else twice that.
def mesh_levels(
    values: _Floats, to_voxels: _Doubles, box: _Doubles, cell_mm: float, fine: int
) -> tuple[_Doubles, _Ints, NDArray[np.uint8]]: ...

# Edges (e, 2) of tetrahedra, once each, the lower node first, ascending; and the six of each tetrahedron
# (m, 6), in the order (0, 1), (0, 2), (0, 3), (1, 2), (1, 3), (2, 3).
def mesh_edges(tets: _Ints, n_nodes: int) -> tuple[_Ints, _Ints]: ...

# The mesh with the edges that are marked (e,) halved, and those that have to be with them so that each face
# with a halved edge has its longest one halved. Edges as of mesh_edges. Returns tetrahedra, the parent of
# each, ascending, and the edges halved, ascending: node n + k lies in the middle of the k-th.
def refine_edges(
    nodes: _Doubles, tets: _Ints, ends: _Ints, of: _Ints, marked: NDArray[np.bool_]
) -> tuple[_Ints, _Ints, _Ints]: ...

# Indices that are known to lie in 0…below − 1 (as a row pointer: to ascend from 0 to below − 1), so that the
# calls they are given to need not check them again; ValueError if they don't. The array must stay as it is.
class Indices:
    def __init__(self, array: _Ints, below: int = 0, row_pointer: bool = False) -> None: ...

_Indices: TypeAlias = Indices | _Ints

# indptr (n + 1,), indices (nnz,), stiffness (nnz,) S, source (nnz, 3) S·m; sigma (m,) or (m, 3, 3) S/m. Here
# and below `edges` takes the mean of adot over a tetrahedron for that of its edges, not of its nodes.
def assemble(
    nodes: _Doubles, tets: _Indices, sigma: _Doubles, edges: bool = False
) -> tuple[_Ints, _Ints, _Doubles, _Floats]: ...

# out (n, W) = −Σ source · adot, adot (n, 3, W) V/m.
def right_hand_side(
    indptr: _Indices, indices: _Indices, source: _Floats, adot: _Floats, out: _Doubles
) -> None: ...

# out (k, m or elements, 3) = −scale (∇phi + mean adot); phi (n, W) V, scale (k,). Here and below adot may be
# None, for sources without one.
def electric_field(
    nodes: _Doubles,
    tets: _Indices,
    phi: _Doubles,
    adot: _Floats | None,
    scale: _Doubles,
    elements: _Indices | None,
    out: _Floats,
    edges: bool = False,
) -> None: ...

# out (k, p, 3) = −scale (Σ gradients phi + Σ shares adot) over the entries of each of p rows, V/m: gradients
# (nnz, 3) 1/m, which must sum to zero in every row, shares (nnz,), phi (n, W) V. An empty row gives 0.
def field_at_points(
    indptr: _Indices,
    indices: _Indices,
    gradients: _Floats,
    shares: _Floats,
    phi: _Doubles,
    adot: _Floats | None,
    scale: _Doubles,
    out: _Floats,
) -> None: ...

# b (n, W) −= M x of a matrix (n, r) with values (nnz,) and x (r, W).
def subtract_product(
    indptr: _Indices, indices: _Indices, values: _Doubles, x: _Doubles, b: _Doubles
) -> None: ...

# Operator of recovered E for the corners of e elements: r pairs of a node and a tissue. Returns indptr
# (r + 1,), indices (nnz,) of nodes, weights (nnz, 3) 1/m, node (r,), tissue (r,), rate (r, 3, 3) and corner
# (e, 4) in 0…r − 1.
# With `coupled` E keeps the interface conditions, else it is the patch recovery of each tissue by itself.
def recovery(
    nodes: _Doubles, tets: _Indices, tags: _Ints, sigma: _Doubles, elements: _Indices, coupled: bool
) -> tuple[_Ints, _Ints, _Floats, _Ints, _Ints, _Floats, _Ints]: ...

# out (r, 3, W) V/m = −Σ weights (phi − phi of node) − rate adot of node.
def recover(
    indptr: _Indices,
    indices: _Indices,
    weights: _Floats,
    node: _Indices,
    rate: _Floats,
    phi: _Doubles,
    adot: _Floats | None,
    out: _Floats,
) -> None: ...

# out (k, p, 3) = scale Σ weights rows[corner] of rows (r, 3, W), corner and weights (p, 4).
def interpolate(rows: _Floats, corner: _Indices, weights: _Floats, scale: _Doubles, out: _Floats) -> None: ...

# In elements (e,), E* linear between rows[corner], E the electric field of linear elements: out (k, e, 3) =
# scale E* in the middle, error (k, e) = |scale| times the root of the mean of |E* − E|², sums (2, W) =
# Σ volumes times that mean, and that of |E*|². scale may be (0,): only the sums then.
def recovered_field(
    nodes: _Doubles,
    tets: _Indices,
    phi: _Doubles,
    adot: _Floats | None,
    elements: _Indices,
    volumes: _Doubles,
    corner: _Indices,
    rows: _Floats,
    scale: _Doubles,
    out: _Floats,
    error: _Floats,
    sums: _Doubles,
    edges: bool = False,
) -> None: ...

# Entries of a pattern of rows by its columns, in order: where each column begins (columns + 1,), and their
# rows (nnz,) and numbers (nnz,). For corners (e, 4), indptr is 0, 4, 8, …
def transposed(indptr: _Indices, indices: _Indices, columns: int) -> tuple[_Ints, _Ints, _Ints]: ...

_Transposed: TypeAlias = tuple[_Indices, _Indices, _Indices]

# Transpose of electric_field for phi: out (n, W) = −Σ scale ∇λ · weights, weights (k, m or elements, 3);
# columns from k on are zero. `corners` are those of the elements, transposed.
def element_loads(
    nodes: _Doubles,
    tets: _Indices,
    weights: _Floats,
    scale: _Doubles,
    elements: _Indices | None,
    corners: _Transposed,
    out: _Doubles,
) -> None: ...

# Transpose of interpolate: out (r, 3, W) = Σ scale shares weights, weights (k, p, 3), shares (p, 4); columns
# from k on are zero. `corners` (p, 4), transposed. Without shares each is 1/4: with −scale, and corners those
# of elements, the transpose of electric_field for adot, the means being those of nodes.
def spread(
    weights: _Floats, scale: _Doubles, shares: _Floats | None, corners: _Transposed, out: _Floats
) -> None: ...

# The same transpose for means of edges: out (c, 3, W) = Σ scale Wᵀ weights, weights (k, m or elements, 3), at
# c nodes, by the numbers that `corners` has for them.
def edge_shares(
    nodes: _Doubles,
    tets: _Indices,
    weights: _Floats,
    scale: _Doubles,
    elements: _Indices | None,
    corners: _Transposed,
    out: _Floats,
) -> None: ...

# Transpose of right_hand_side: out (n, 3, W) = −Σ source phi over the entries of each column, source being
# that of `assemble`, whose columns sum to zero.
def nodal_flux(columns: _Transposed, source: _Floats, phi: _Doubles, out: _Floats) -> None: ...

# Transpose of recover for phi: out (n, W), rows (r, 3, W). `columns` are indptr and indices of the recovery,
# transposed; `nodes` its node (r,) as a pattern of one entry a row, transposed.
def recovered_loads(
    indptr: _Indices, weights: _Floats, columns: _Transposed, nodes: _Transposed, rows: _Floats, out: _Doubles
) -> None: ...

# Transpose of recover for adot: out (n, 3, W) = −Σ rateᵀ rows.
def recovered_rates(rate: _Floats, nodes: _Transposed, rows: _Floats, out: _Floats) -> None: ...

# out[i, c] = scale[c] rows[c, node[i]], rows (k, n), out (n, W); columns from k on are zero.
def pack(rows: _Doubles, node: _Indices, scale: _Doubles, out: _Doubles) -> None: ...

# out[c, node[i]] = scale[c] phi[i, c], phi (n, W), out (k, n).
def unpack(phi: _Doubles, node: _Indices, scale: _Doubles, out: _Doubles) -> None: ...

class Sources:
    # Dipoles at positions (d, 3) with moments (d, 3), A·m² per A, and pieces of wire at points (w, 3): length
    # and direction segments (w, 3), m.
    def __init__(
        self, positions: _Doubles, moments: _Doubles, points: _Doubles, segments: _Doubles
    ) -> None: ...
    # A (p, 3), T·m per A, at points (p, 3).
    def vector_potential(self, points: _Doubles) -> _Doubles: ...
    def vector_potential_float32(self, points: _Doubles) -> _Floats: ...
    # Its curl B (p, 3), T per A, of each piece of wire as a current at its point.
    def magnetic_field(self, points: _Doubles) -> _Doubles: ...
    def magnetic_field_float32(self, points: _Doubles) -> _Floats: ...
    # A and the gradient of v · A, (p, 6), T·m and T per A, at points (p, 3) for vectors v (p, 3).
    def slopes(self, points: _Doubles, vectors: _Doubles) -> _Doubles: ...
    def slopes_float32(self, points: _Doubles, vectors: _Doubles) -> _Floats: ...
    # Distance (p,) to the nearest source.
    def nearest(self, points: _Doubles) -> _Floats: ...

# B (T) and A (T·m), (p, k, 3), at points (p, 3), m, around currents (k, n, 3), A·m, of k = 1…64 functionals
# at nodes (n, 3), to about 1e-5 in the L2 norm. Nodes within 1 µm are left out.
class CurrentTree:
    def __init__(self, nodes: _Doubles, currents: _Floats) -> None: ...
    def magnetic_field(self, points: _Doubles, every: bool = False) -> _Floats: ...
    def vector_potential(self, points: _Doubles, every: bool = False) -> _Floats: ...

class Grid:
    # Lattices coarse to fine: origin, spacing, values (nx, ny, nz, 4), good (nx − 1, ny − 1, nz − 1).
    def __init__(
        self,
        lattices: Sequence[
            tuple[tuple[float, float, float], tuple[float, float, float], _Floats, NDArray[np.uint8]]
        ],
        sources: Sources,
    ) -> None: ...
    # out (n, 3, W) = rates · A at nodes (n, 3) for poses (k, 4, 4), or that is added to out; rates (k,), A/s.
    # Returns how many direct sums it took.
    def sample(
        self, nodes: _Doubles, poses: _Doubles, rates: _Doubles, out: _Floats, add: bool = False
    ) -> int: ...
    # Σ c · A over the nodes for currents c (n, 3, W) and k poses, and its slopes as the coil moves along its
    # axes, per m, and turns about them, per rad: (k, 7), per A. A is that of sample, and so are its slopes.
    def pull(self, nodes: _Doubles, poses: _Doubles, currents: _Floats) -> _Doubles: ...

# Stiffness and source of elements with ten unknowns each, -1 for an edge along which the potential is linear:
# indptr (n + 1,), indices, stiffness, source (nnz, 3). nodes (n, 3), m, are where the unknowns lie.
def assemble_quadratic(
    nodes: _Doubles, unknowns: _Ints, sigma: _Doubles, edges: bool = False
) -> tuple[_Ints, _Ints, _Doubles, _Floats]: ...

# The operator of field_at_points whose row r adds up the samples ptr[r] ... ptr[r + 1], each in one of the
# elements, at barycentric coordinates (s, 4), times a weight: indptr (rows + 1,), indices, gradients (nnz, 3)
# and shares (nnz,).
def sampling(
    nodes: _Doubles, unknowns: _Ints, ptr: _Ints, elements: _Ints, barycentric: _Doubles, weight: _Doubles
) -> tuple[_Ints, _Ints, _Floats, _Floats]: ...

class Hierarchy:
    # Of a symmetric positive semidefinite matrix K, with nodes held at zero where fixed (n,) is not 0: a
    # ground, or all nodes of electrodes. ValueError if none is; every part that K couples needs one, or its
    # matrix is singular. For values g (n,) of the fixed nodes other than zero, 0 elsewhere, solve for b - K g
    # and add g to the solution.
    def __init__(
        self,
        indptr: _Indices,
        indices: _Indices,
        values: _Doubles,
        fixed: NDArray[np.bool_] | NDArray[np.uint8],
        theta: float,
        # From the potentials of the second level to those of the first, in place of aggregates: row pointer
        # (n + 1,), columns, values and how many columns there are. Rows of fixed nodes are empty.
        prolongation: tuple[_Ints, _Ints, _Doubles, int] | None = None,
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

# Matrices of the tissues of a head, each (indptr, indices, values) of all its rows, of which some may be
# empty; they add up to that of the hierarchy, or to one that it is to precondition.
class Mixture:
    def __init__(
        self, hierarchy: Hierarchy, tissues: Sequence[tuple[Indices, Indices, _Doubles]]
    ) -> None: ...

# With a mixture of T tissues each column has a matrix of its own, Σ_t factors[t][column] K_t; without mix()
# all factors are 1.
class Solver:
    def __init__(self, hierarchy: Hierarchy, width: int, mixture: Mixture | None = None) -> None: ...
    # Sets the factors, positive, T lists of W, for the solves that follow.
    def mix(self, factors: Sequence[Sequence[float]]) -> None: ...
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
        b: _Doubles,
        phi: _Doubles,
        tolerance: Sequence[float],
        max_iterations: int,
        guessed: bool = True,
    ) -> list[ColumnReport]: ...
