// SPDX-License-Identifier: BSD-3-Clause
// The vocabulary of the solver: fused loops over block vectors. A block vector is (n, W) row-major, one column a
// right-hand side. The algorithm (pcg.cpp) is written over these verbs; a device implements them, and gives them memory of
// its own, to run it.
//
// Arrays of W doubles (`rz`, `mask`, …) hold one number a column and live where the block vectors live. A mask is 1 or
// 0. Every verb treats a column by itself and in the same order of operations for every W and number of threads.
#pragma once

#include "views.hpp"

namespace headfield {

// Where a verb that sums over rows leaves its W sums; `partial` has room for `reduction_rows(n)` × W doubles.
struct Sums {
    double* out;
    double* partial;
};

constexpr int reduction_chunk = 512;
inline int64_t reduction_rows(int64_t n) { return (n + reduction_chunk - 1) / reduction_chunk; }

// Degree-2 polynomial smoother c0 + c1 A.
struct Smoother {
    float c0;
    float c1;
};

struct Verbs {
    // ---- V-cycle, all float ----
    // y = M x
    void (*apply)(int width, const CsrView<float>& m, const float* x, float* y);
    // y = M x, M dense (n, n)
    void (*apply_dense)(int width, int32_t n, const float* m, const float* x, float* y);
    // x = c0 b + c1 A b: smoothing from a zero guess
    void (*smooth_from_zero)(int width, const CsrView<float>& a, Smoother s, const float* b, float* x);
    // r = b − A x
    void (*residual)(int width, const CsrView<float>& a, const float* b, const float* x, float* r);
    // x += P e, r −= (A P) e: the coarse correction and what it does to the residual, without touching A
    void (*correct)(int width, const CsrView<float>& p, const CsrView<float>& ap, const float* e, float* x, float* r);
    // x += c0 r + c1 A r; if `b` is given, sums b · x
    void (*smooth)(int width, const CsrView<float>& a, Smoother s, const float* r, float* x, const float* b, Sums dot);

    // ---- conjugate gradients ----
    // sums x · y
    void (*sum_products)(int width, int64_t n, const float* x, const float* y, Sums dot);
    // q = A p; sums p · q
    void (*apply_dot)(int width, const CsrView<float>& a, const float* p, float* q, Sums dot);
    // r −= α q with α = mask rz / pq; sums weight r²
    void (*step_residual)(int width, int64_t n, const double* mask, const double* rz, const double* pq, const float* q,
                          float* r, const double* weight, Sums norm);
    // x += α p with α = x_mask rz_old / pq, then p = z + β p with β = p_mask rz / rz_old
    void (*step_direction)(int width, int64_t n, const double* x_mask, const double* p_mask, const double* rz_old,
                           const double* pq, const double* rz, const float* z, float* p, float* x);

    // ---- float64 around it ----
    // x64 += (x + α p) / scale with α as above; x = 0. Only where flush_mask is 1.
    void (*flush)(int width, int64_t n, const double* flush_mask, const double* x_mask, const double* rz_old,
                  const double* pq, const double* scale, const float* p, float* x, double* x64);
    // r = scale (b − A x64) where mask is 1, in float64 and rounded at the end; sums weight (b − A x64)²
    void (*true_residual)(int width, const CsrView<double>& a, const double* b, const double* x64, const double* mask,
                          const double* scale, float* r, const double* weight, Sums norm);
    // r = scale b, rounded: the residual of a zero guess
    void (*rounded)(int width, int64_t n, const double* scale, const double* b, float* r);
    // y_ij = s_i x_ij; x and y may be the same
    void (*scale_rows)(int width, int64_t n, const double* s, const double* x, double* y);
    // sums weight x²
    void (*norm)(int width, int64_t n, const double* x, const double* weight, Sums norm);
    // x = 0
    void (*clear)(int width, int64_t n, float* x);
};

// The verbs on CPU cores, for the best instruction set of this machine.
const Verbs& cpu_verbs();

}  // namespace headfield
