// SPDX-License-Identifier: BSD-3-Clause
// The table of the V-cycle's verbs, which cycle_verbs.cpp and cuda/cycle_verbs.cu both include: each verb turns a
// run-time width into a compile-time one and hands a struct of rows.hpp to a loop of the device,
//   for_products<Body>(m, w, …)   body(c, i) for every row i, with Body{…}, which multiplies rows of m
//   sum_rows(n, w, sums, body)    body(c, i, sum) for every row i, summed over chunks of reduction_chunk rows, then
//                                 over the chunks in order
// with body a struct of rows.hpp for the columns WideBlock<W> where it multiplies rows of a matrix, else Block<W>;
// w = Width<W>{}. What the verbs compute is in verbs.hpp.
#pragma once

#include "rows.hpp"

namespace headfield {
inline namespace HEADFIELD_ISA {

namespace {

void apply(int width, const Matrix& m, const Real* x, Real* y) {
    with_width(width, [&](auto w) { for_products<Apply>(m, w, m, x, y); });
}

void apply_dense(int width, const DenseView& m, const Real* x, float* y) {
    with_width(width, [&](auto w) { for_products<ApplyDense>(m, w, m, x, y); });
}

void smooth_from_zero(int width, const Matrix& a, Smoother s, const Real* b, Real* x) {
    with_width(width, [&](auto w) { for_products<SmoothFromZero>(a, w, a, s, b, x); });
}

void residual(int width, const Matrix& a, const Real* b, const Real* x, Real* r) {
    with_width(width, [&](auto w) { for_products<Residual>(a, w, a, b, x, r); });
}

void correct(int width, const Matrix& ap, const float* e, Real* r) {
    with_width(width, [&](auto w) { for_products<Correct>(ap, w, ap, e, r); });
}

void smooth(int width, const Matrix& a, const Matrix& p, Smoother s, const float* e, const Real* x, const Real* r,
            float* z, const Real* b, Sums dot) {
    with_width(width, [&](auto w) {
        using C = WideBlock<decltype(w)>;
        if (!b) return for_products<Smooth>(a, w, a, p, s, e, x, r, z);
        sum_rows(a.rows, w, dot, SmoothDot<C>{Smooth<C>{a, p, s, e, x, r, z}, b});
    });
}

void sum_products(int width, int64_t n, const Real* x, const float* y, Sums dot) {
    with_width(width, [&](auto w) { sum_rows(n, w, dot, Products<Block<decltype(w)>>{x, y}); });
}

const CycleVerbs cycle = {apply, apply_dense, smooth_from_zero, residual, correct, smooth, sum_products};

}  // namespace

}  // namespace HEADFIELD_ISA
}  // namespace headfield
