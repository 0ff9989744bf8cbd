// SPDX-License-Identifier: BSD-3-Clause
// The table of verbs, over the loops of the device:
//   for_rows(n, w, body)          body(c, i) for every row i
//   sum_rows(n, w, sums, body)    the same with body(c, i, sum), summed over chunks of reduction_chunk rows, then over the
//                                 chunks in order
// with body a struct of rows.hpp for the columns Columns<W>, w = Width<W>{}.
#pragma once

#include "rows.hpp"

namespace headfield {
inline namespace HEADFIELD_ISA {

namespace {

void apply(int width, const Matrix& m, const Real* x, Real* y) {
    with_width(width, [&](auto w) { for_rows(m.rows, w, Apply<Block<decltype(w)>>{m, x, y}); });
}

void apply_dense(int width, int32_t n, const float* m, const Real* x, float* y) {
    with_width(width, [&](auto w) { for_rows(n, w, ApplyDense<Block<decltype(w)>>{n, m, x, y}); });
}

void smooth_from_zero(int width, const Matrix& a, Smoother s, const Real* b, Real* x) {
    with_width(width, [&](auto w) { for_rows(a.rows, w, SmoothFromZero<Block<decltype(w)>>{a, s, b, x}); });
}

void residual(int width, const Matrix& a, const Real* b, const Real* x, Real* r) {
    with_width(width, [&](auto w) { for_rows(a.rows, w, Residual<Block<decltype(w)>>{a, b, x, r}); });
}

void correct(int width, const Matrix& ap, const float* e, Real* r) {
    with_width(width, [&](auto w) { for_rows(ap.rows, w, Correct<Block<decltype(w)>>{ap, e, r}); });
}

void smooth(int width, const Matrix& a, const Matrix& p, Smoother s, const float* e, const Real* x, const Real* r,
            float* z, const Real* b, Sums dot) {
    with_width(width, [&](auto w) {
        const Smooth<Block<decltype(w)>> body{a, p, s, e, x, r, z};
        if (!b) return for_rows(a.rows, w, body);
        sum_rows(a.rows, w, dot, SmoothDot<Block<decltype(w)>>{body, b});
    });
}

void sum_products(int width, int64_t n, const Real* x, const float* y, Sums dot) {
    with_width(width, [&](auto w) { sum_rows(n, w, dot, Products<Block<decltype(w)>>{x, y}); });
}

void apply_dot(int width, const CsrView<float>& a, const float* p, float* q, Sums dot) {
    with_width(width, [&](auto w) { sum_rows(a.rows, w, dot, ApplyDot<Block<decltype(w)>>{a, p, q}); });
}

void step_residual(int width, int64_t n, const ColumnValues& c, const float* q, float* r, Real* h, const double* weight,
                   Sums norm) {
    with_width(width, [&](auto w) { sum_rows(n, w, norm, StepResidual<Block<decltype(w)>>{c, q, r, h, weight}); });
}

void step_direction(int width, int64_t n, const ColumnValues& c, const float* z, float* p, float* x) {
    with_width(width, [&](auto w) { for_rows(n, w, StepDirection<Block<decltype(w)>>{c, z, p, x}); });
}

void flush(int width, int64_t n, const ColumnValues& c, const float* p, float* x, double* x64) {
    with_width(width, [&](auto w) { for_rows(n, w, Flush<Block<decltype(w)>>{c, p, x, x64}); });
}

void true_residual(int width, const CsrView<double>& a, const ColumnValues& c, const double* b, const double* x64,
                   float* r, Real* h, const double* weight, Sums norm) {
    with_width(width, [&](auto w) {
        sum_rows(a.rows, w, norm, TrueResidual<Block<decltype(w)>>{a, c, b, x64, r, h, weight});
    });
}

void rounded(int width, int64_t n, const ColumnValues& c, const double* b, float* r, Real* h) {
    with_width(width, [&](auto w) { for_rows(n, w, Rounded<Block<decltype(w)>>{c, b, r, h}); });
}

void narrow(int width, int64_t n, const ColumnValues& c, const float* r, Real* h) {
    with_width(width, [&](auto w) { for_rows(n, w, Narrow<Block<decltype(w)>>{c, r, h}); });
}

void scale_rows(int width, int64_t n, const double* s, const double* x, double* y) {
    with_width(width, [&](auto w) { for_rows(n, w, ScaleRows<Block<decltype(w)>>{s, x, y}); });
}

void norm(int width, int64_t n, const double* x, const double* weight, Sums sums) {
    with_width(width, [&](auto w) { sum_rows(n, w, sums, Norm<Block<decltype(w)>>{x, weight}); });
}

void clear(int width, int64_t n, float* x) {
    with_width(width, [&](auto w) { for_rows(n, w, Clear<Block<decltype(w)>>{x}); });
}

const Verbs table = {reduction_chunk, apply,        apply_dense, smooth_from_zero, residual,       correct,
                     smooth,          sum_products, apply_dot,   step_residual,    step_direction, flush,
                     true_residual,   rounded,      narrow,      scale_rows,       norm,           clear};

}  // namespace

}  // namespace HEADFIELD_ISA
}  // namespace headfield
