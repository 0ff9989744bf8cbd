// SPDX-License-Identifier: BSD-3-Clause
// The vocabulary of the solver: fused loops over block vectors. A block vector is (n, W) row-major, one column a
// right-hand side. The algorithm (pcg.cpp) is written over these verbs; a row of each is written in rows.hpp, and a
// device brings the loops over rows. Two tables hold them (cycle_table.hpp, iteration_table.hpp), which are compiled
// side by side.
//
// Every verb treats a column by itself and in the same order of operations for every W and number of threads. So the
// bits of a pose do not depend on the batch that it is solved in.
#pragma once

#include "device.hpp"

namespace headfield {

// Where a verb that sums over rows leaves its W sums; `partial` is room for one number per column and chunk of rows.
struct Sums {
    double* out;
    double* partial;
};

// The smoother x += (c0 + c1 A) r, a polynomial of degree 2 in the error: two steps with one product.
struct Smoother {
    float c0;
    float c1;
};

// Arrays of one number a column, (W,), where the block vectors lie; columns.hpp says where they come from. The V-cycle
// sees the residual times a power of two, its cycle, that keeps 16-bit numbers in range; it is 1 where Real is float.
struct ColumnValues {
    double *rz, *pq, *norm2;         // sums that the verbs leave: r·z times cycle², p·q, ‖r‖²
    const double* residual_factor;   // α = residual_factor rz / pq
    const double* direction_factor;  // β = direction_factor rz
    const double* pending_alpha;     // α of the step that x still lacks
    const double* unit;              // 1 / cycle
    const double* next_cycle;        // of the residual that is being formed
    const double* scale;             // r is kept multiplied by this power of two, so that it starts at about 1
    const double* check;             // 1 or 0: whether its residual is to be computed in float64
    const double* flush_factor;      // check / scale
};

// The verbs of the V-cycle. What comes down, residuals and first guesses, is stored in Real. What goes up is stored in
// float: a correction holds smooth errors many times the size of their residual, and rounding it to 16 bits would make
// it rough.
struct CycleVerbs {
    // y = M x
    void (*apply)(int width, const Matrix& m, const Real* x, Real* y);
    // y = M x, M dense
    void (*apply_dense)(int width, const DenseView& m, const Real* x, float* y);
    // x = c0 b + c1 A b: smoothing from a zero guess
    void (*smooth_from_zero)(int width, const Matrix& a, Smoother s, const Real* b, Real* x);
    // r = b − A x
    void (*residual)(int width, const Matrix& a, const Real* b, const Real* x, Real* r);
    // r −= (A P) e: what the coarse correction does to the residual, without touching A
    void (*correct)(int width, const Matrix& ap, const float* e, Real* r);
    // z = x + P e + c0 r + c1 A r, without P e if `e` is null: the correction and the smoothing after it; if `b` is
    // given, sums b · z. z may be x.
    void (*smooth)(int width, const Matrix& a, const Matrix& p, Smoother s, const float* e, const Real* x,
                   const Real* r, float* z, const Real* b, Sums dot);
    // sums x · y
    void (*sum_products)(int width, int64_t n, const Real* x, const float* y, Sums dot);
};

// The verbs of conjugate gradients on one column in float64 (column64.cpp); vectors are (n,).
struct ColumnVerbs {
    // r = b − A x; sums weight r²
    void (*residual)(const CsrView<double>& a, const double* b, const double* x, double* r, const double* weight,
                     Sums norm);
    // h = factor r
    void (*narrow)(int64_t n, double factor, const double* r, Real* h);
    // p = unit z + beta p, without what p was if beta is 0
    void (*step_direction)(int64_t n, double beta, double unit, const float* z, double* p);
    // q = A p; sums p · q
    void (*apply_dot)(const CsrView<double>& a, const double* p, double* q, Sums dot);
    // x += alpha p and r −= alpha q; sums weight r²
    void (*step)(int64_t n, double alpha, const double* p, const double* q, double* x, double* r, const double* weight,
                 Sums norm);
};

// The verbs of the conjugate gradients around it.
struct IterationVerbs {
    // Rows in a chunk over which sums are taken first, here and in the V-cycle.
    int reduction_chunk;

    // q = A p; sums p · q
    void (*apply_dot)(int width, const FineMatrix& a, const float* p, float* q, Sums dot);
    void (*apply_mixed_dot)(int width, const MixtureView<float>& a, const float* p, float* q, Sums dot);
    // r −= α q and h = next_cycle r; sums weight r²
    void (*step_residual)(int width, int64_t n, const ColumnValues& c, const float* q, float* r, Real* h,
                          const double* weight, Sums norm);
    // x += pending_alpha p, then p = unit z + β p
    void (*step_direction)(int width, int64_t n, const ColumnValues& c, const float* z, float* p, float* x);

    // ---- float64 around it ----
    // x64 += (x + pending_alpha p) / scale; x = 0. Only where check is 1.
    void (*flush)(int width, int64_t n, const ColumnValues& c, const float* p, float* x, double* x64);
    // r = scale (b − A x64) and h = next_cycle r where check is 1, in float64 and rounded at the end; sums
    // weight (b − A x64)²
    void (*true_residual)(int width, const CsrView<double>& a, const ColumnValues& c, const double* b,
                          const double* x64, float* r, Real* h, const double* weight, Sums norm);
    void (*true_mixed_residual)(int width, const MixtureView<double>& a, const ColumnValues& c, const double* b,
                                const double* x64, float* r, Real* h, const double* weight, Sums norm);
    // r = scale b, rounded, and h = next_cycle r: the residual of a zero guess; x = p = 0, and x64 = 0 unless it is
    // null
    void (*begin)(int width, int64_t n, const ColumnValues& c, const double* b, float* r, Real* h, float* x, float* p,
                  double* x64);
    // h = r / unit
    void (*narrow)(int width, int64_t n, const ColumnValues& c, const float* r, Real* h);
    // y_ij = s_i x_ij; x and y may be the same
    void (*scale_rows)(int width, int64_t n, const double* s, const double* x, double* y);
    // x_ij = s_i x_ij; sums weight x²
    void (*scale_and_measure)(int width, int64_t n, const double* s, double* x, const double* weight, Sums norm);

    ColumnVerbs column;

    // How many chunks n rows are, the rows of `Sums::partial`.
    int64_t reduction_rows(int64_t n) const { return (n + reduction_chunk - 1) / reduction_chunk; }
};

// The tables of the device that this module is for; on CPU cores, those for the best instruction set of this machine.
const CycleVerbs& device_cycle();
const IterationVerbs& device_iteration();

}  // namespace headfield
