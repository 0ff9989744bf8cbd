// SPDX-License-Identifier: BSD-3-Clause
// The loops around the solver, as tables of functions, and the views that they take. On the CPU each table is compiled
// once per instruction set, and dispatch.cpp picks one. Shapes are (rows, columns, …) row-major; W is the width of a
// block vector, one column a pose.
#pragma once

#include "macros.hpp"
#include "pattern.hpp"
#include "verbs.hpp"
#include "views.hpp"

namespace headfield {

// Dipoles or pieces of wire in the coil frame as six arrays x y z vx vy vz of `padded` numbers each: positions (m), and
// moments (A·m² per A) or lengths along the current (m). One array a coordinate, so that a register takes neighbouring
// sources; padding, so that it is always full. Padded sources have moment zero and lie far away, and add exactly
// nothing.
template <class T>
struct SourceView {
    int64_t padded;
    const T* data;
};

// What A and B of a coil are summed over.
template <class T>
struct SourcesView {
    SourceView<T> dipoles, segments;
};

// One lattice of A(r) in the coil frame: values (nx, ny, nz, 4), T·m per A. The fourth number is unused, and makes four
// points along z 64 bytes. good (nx−1, ny−1, nz−1) is 1 for cells in which interpolation on this lattice is accurate
// enough. Along each axis x (m) lies x per_metre + steps from its first point, in steps of its spacing.
struct LatticeView {
    double per_metre[3], steps[3];
    // The same for float32, with whole steps apart from the rest: steps = before − fraction, 0 ≤ fraction < 1.
    float per_metre32[3], fraction[3];
    int32_t before[3];
    int32_t shape[3];
    const float* values;
    const uint8_t* good;
};

// Lattices from coarse to fine. The first that is good at a point holds there; where none is, the sources are summed.
constexpr int most_lattices = 8;
struct GridView {
    int32_t n_lattices;
    LatticeView lattices[most_lattices];
    SourcesView<float> sources;
};

// Poses (k, 4, 4), translations in m, and the rate dI/dt (k,) of each, A/s.
struct Placements {
    int32_t k;
    const double* poses;
    const double* rates;
};

// The loops over coils (primary.cpp, cuda/primary.cu).
struct PrimaryKernels {
    // A (n, 3) at points (n, 3) by direct sum; T·m per A.
    void (*potential64)(int64_t n, const double* points, SourcesView<double> sources, double* a);
    void (*potential32)(int64_t n, const double* points, SourcesView<float> sources, float* a);
    // B = ∇ × A (n, 3), T per A, of the same sum.
    void (*magnetic_field64)(int64_t n, const double* points, SourcesView<double> sources, double* b);
    void (*magnetic_field32)(int64_t n, const double* points, SourcesView<float> sources, float* b);
    // Distance (n,) to the nearest source, m.
    void (*nearest_source)(int64_t n, const double* points, SourcesView<float> sources, float* distance);
    // Column c of adot (n, 3, W) = rate_c R_c A(R_cᵀ (x − t_c)) for placements (k,); V/m for rates in A/s; columns from
    // k on are zero. With `add` it is added to the columns before k. Returns how often the direct sum was taken.
    int64_t (*sample_grid)(int width, int64_t n, const double* nodes, const GridView& grid,
                           const Placements& placements, bool add, float* adot);
};

// Nodes over which pulls are summed first, one after the other.
constexpr int64_t pulled_together = 256;

// The loops of derivatives by where a coil is, and where its sources are (slopes.cpp, cuda/slopes.cu).
struct SlopeKernels {
    // A at points (n, 3) by direct sum, and the gradient of v · A for vectors v (n, 3): out (n, 6), T·m and T per A.
    void (*slopes64)(int64_t n, const double* points, const double* vectors, SourcesView<double> sources, double* out);
    void (*slopes32)(int64_t n, const double* points, const double* vectors, SourcesView<float> sources, float* out);
    // Σ_i c_i · R A(Rᵀ (x_i − t)) for currents c (n, 3, W) and k poses, and its derivatives as the coil moves along its
    // axes, per m, and turns about them, per rad: out (k, 7). A is that of sample_grid, and so are its slopes. `partial`
    // is room for (chunks of pulled_together nodes, k, 7) numbers. Rates are not looked at.
    void (*pull_grid)(int width, int64_t n, const double* nodes, const GridView& grid, const Placements& placements,
                      const float* currents, double* partial, double* out, const Poll& poll);
};

// What fills the tetrahedra of a mesh: conductivities (m,) S/m, or (m, 3, 3) if `tensor`, and ∂A/∂t, whose mean is that
// of nodes, or of `edges` (add_tet in element.hpp).
struct Media {
    const double* sigma;
    bool tensor, edges;
};

// Computes the values of both operators on their pattern, see pattern.hpp: stiffness (nnz,), source (nnz, 3). It is
// set-up: compiled for one instruction set, and in no table. Polls.
void assemble(const MeshView& mesh, const PatternView& pattern, const Media& media, double* stiffness, float* source,
              const Poll& poll);

// ∂A/∂t (n, 3, W) at nodes, null where there is none, and whether means over tetrahedra are of `edges` (element.hpp).
struct NodalRates {
    const float* adot;
    bool edges;
};

// What the loop over points reads: a row of entries for each, with gradients (nnz, 3), 1/m, which sum to zero in every
// row, and shares (nnz,).
struct PointRows {
    CsrView<float> gradient;
    const float* share;
    const double* phi;
    const float* adot;
};

// The loops between ∂A/∂t, potentials and E (field.cpp, cuda/field.cu).
// Where a kernel takes a Poll, CPU cores may work for a second, and ask it in between.
struct FieldKernels {
    // b_i = −Σ_j S_ij · Ȧ_j: source (nnz, 3), adot (n, 3, W), b (n, W).
    void (*right_hand_side)(int width, const CsrView<float>& source, const float* adot, double* b);
    // out[c, e] = −scale_c (∇φ_c + mean Ȧ_c) in the chosen elements, (k, m_chosen, 3); elements null means all, and
    // adot null, here and below, that there is none.
    void (*electric_field)(int width, const MeshView& mesh, const double* phi, NodalRates rates, int64_t n_elements,
                           const int32_t* elements, int32_t k, const double* scale, float* out, const Poll& poll);
    // out[c, p] = −scale_c (Σ_j gradient_pj φ_j + Σ_j share_pj Ȧ_j), (k, points, 3); a row without entries gives 0.
    void (*field_at_points)(int width, const PointRows& from, int32_t k, const double* scale, float* out,
                            const Poll& poll);
    // b_i −= Σ_j m_ij x_j in float64: x (m.cols, W), b (m.rows, W).
    void (*subtract_product)(int width, const CsrView<double>& m, const double* x, double* b);
    // out[c, node[i]] = scale_c phi[i, c], (k, n): columns of a block vector to rows in the caller's node order.
    void (*unpack)(int width, int64_t n, const double* phi, const int32_t* node, int32_t k, const double* scale,
                   double* out);
    // phi[i, c] = scale_c rows[c, node[i]]: the reverse; columns from k on are zero.
    void (*pack)(int width, int64_t n, const double* rows, const int32_t* node, int32_t k, const double* scale,
                 double* phi);
};

// What the loop over recovered elements reads: chosen elements (count,) with their volumes (count,), rows (rows, 3, W)
// of recovered E, which of them are their corners (count, 4), and what E of linear elements follows from.
struct RecoveredElements {
    MeshView mesh;
    const double* phi;
    NodalRates rates;
    int64_t count;
    const int32_t* elements;
    const double* volume;
    const int32_t* corner;
    const float* rows;
};

// The loops from potentials to recovered E (recovered.cpp, cuda/recovered.cu).
struct RecoveryKernels {
    // Rows (rows, 3, W) of recovered E, see recovery.hpp: weight (nnz, 3), node (rows,), rate (rows, 3, 3).
    void (*recover)(int width, const CsrView<float>& weight, const int32_t* node, const float* rate, const double* phi,
                    const float* adot, float* rows);
    // out[c, p] = scale_c Σ_i weight[p, i] rows[corner[p, i]], (k, points, 3): corner and weight (points, 4).
    void (*interpolate)(int width, int64_t points, const int32_t* corner, const float* weight, const float* rows,
                        int32_t k, const double* scale, float* out, const Poll& poll);
    // E* is linear in an element between the rows of its corners, E is that of electric_field. out[c, e] = scale_c E*
    // in the middle, (k, count, 3); error[c, e] = |scale_c| times the root of the mean of |E* − E|², (k, count); sums
    // (2, W) of volume times that mean, and of volume times the mean of |E*|². All in one pass, as each needs the field
    // of the linear element. k may be 0, for the sums alone. `sums.partial` is room for two numbers per column and
    // chunk of elements, see IterationVerbs::reduction_rows.
    void (*recovered_field)(int width, const RecoveredElements& from, int32_t k, const double* scale, float* out,
                            float* error, Sums sums, const Poll& poll);
};

// Weights of `count` values of three numbers for k poses: `values` (k, count, 3), those of a pose times its scale (k,).
// Columns from k on count as zero.
struct Weights {
    int64_t count;
    int32_t k;
    const double* scale;
    const float* values;
};

// The transposes of the loops above, for adjoint solves: ⟨loop(x), w⟩ = ⟨x, transpose(w)⟩ for all x and w. Patterns are
// transposed once, on the host, so that a transpose is a gather too; that of corners (e, 4) has rows of four entries.
struct TransposeKernels {
    // Transpose of electric_field in the potential: b (n, W), b_i = −Σ_e scale ∇λ_i · w_e. `loads` is room for
    // (count, 3, W) numbers.
    void (*element_loads)(int width, const MeshView& mesh, const int32_t* elements, const Weights& weights,
                          const TransposedView& corners, float* loads, double* b);
    // Transpose of interpolate: out (rows, 3, W) = Σ share scale w, with share (count, 4). Where share is null each is
    // a quarter, which is the transpose of the mean of ∂A/∂t in elements. `values` is room for (count, 3, W) numbers.
    void (*spread)(int width, const Weights& weights, const TransposedView& corners, const float* share, float* values,
                   float* out);
    // Transpose of the mean of ∂A/∂t in elements by their edges: out (c, 3, W) = Σ scale W_jᵀ w at the c nodes of
    // `corners`. `values` as above.
    void (*edge_shares)(int width, const MeshView& mesh, const int32_t* elements, const Weights& weights,
                        const TransposedView& corners, float* values, float* out);
    // Transpose of right_hand_side, for a `source` whose columns sum to zero: phi (n, W), flux (n, 3, W).
    void (*nodal_flux)(int width, const TransposedView& columns, const float* source, const double* phi, float* flux);
    // Transpose of recover in the potential: rows (rows, 3, W), b (n, W). `ptr` is the row pointer of the recovery,
    // `columns` the transpose of its pattern, `nodes` that of the pattern of one entry a row, its node.
    void (*recovered_loads)(int width, const int32_t* ptr, const float* weight, const TransposedView& columns,
                            const TransposedView& nodes, const float* rows, double* b);
    // Transpose of recover in ∂A/∂t: out (n, 3, W).
    void (*recovered_rates)(int width, const TransposedView& nodes, const float* rate, const float* rows, float* out);
};

// The tables of the device that this module is for, and the instruction set that they were compiled for.
const PrimaryKernels& device_primary();
const SlopeKernels& device_slopes();
const FieldKernels& device_field();
const RecoveryKernels& device_recovery();
const TransposeKernels& device_transposes();
const char* instruction_set();

}  // namespace headfield
