// SPDX-License-Identifier: BSD-3-Clause
// The table of the conjugate-gradient iteration's verbs, which iteration_verbs.cpp and cuda/iteration_verbs.cu both
// include, over the loops of the device:
//   for_rows(n, w, body)          body(c, i) for every row i
//   sum_rows(n, w, sums, body)    the same with body(c, i, sum), summed over chunks of reduction_chunk rows, then
//                                 over the chunks in order
// with body a struct of rows.hpp for the columns Block<W>, or WideBlock<W> where it multiplies rows of the matrix in
// float32; w = Width<W>{}. It is apart from cycle_table.hpp so that the two are compiled side by side. What the verbs
// compute is in verbs.hpp.
#pragma once

#include "rows.hpp"
#include "rows64.hpp"

namespace headfield {
inline namespace HEADFIELD_ISA {

namespace {

void apply_dot(int width, const FineMatrix& a, const float* p, float* q, Sums dot) {
    with_width(width, [&](auto w) { sum_rows(a.rows, w, dot, ApplyDot<WideBlock<decltype(w)>>{a, p, q}); });
}

void apply_mixed_dot(int width, const MixtureView<float>& a, const float* p, float* q, Sums dot) {
    with_width(width, [&](auto w) {
        sum_rows(a.rows, w, dot, ApplyDot<WideBlock<decltype(w)>, MixtureView<float>>{a, p, q});
    });
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

void true_mixed_residual(int width, const MixtureView<double>& a, const ColumnValues& c, const double* b,
                         const double* x64, float* r, Real* h, const double* weight, Sums norm) {
    with_width(width, [&](auto w) {
        sum_rows(a.rows, w, norm, TrueResidual<Block<decltype(w)>, MixtureView<double>>{a, c, b, x64, r, h, weight});
    });
}

void begin(int width, int64_t n, const ColumnValues& c, const double* b, float* r, Real* h, float* x, float* p,
           double* x64) {
    with_width(width, [&](auto w) { for_rows(n, w, Begin<Block<decltype(w)>>{c, b, r, h, x, p, x64}); });
}

void narrow(int width, int64_t n, const ColumnValues& c, const float* r, Real* h) {
    with_width(width, [&](auto w) { for_rows(n, w, Narrow<Block<decltype(w)>>{c, r, h}); });
}

void scale_rows(int width, int64_t n, const double* s, const double* x, double* y) {
    with_width(width, [&](auto w) { for_rows(n, w, ScaleRows<Block<decltype(w)>>{s, x, y}); });
}

void scale_and_measure(int width, int64_t n, const double* s, double* x, const double* weight, Sums norm) {
    with_width(width, [&](auto w) { sum_rows(n, w, norm, ScaleAndMeasure<Block<decltype(w)>>{s, weight, x}); });
}

using One = Block<Width<1>>;

void residual64(const CsrView<double>& a, const double* b, const double* x, double* r, const double* weight,
                Sums norm) {
    sum_rows(a.rows, Width<1>{}, norm, Residual64<One>{a, b, x, weight, r});
}

void narrow64(int64_t n, double factor, const double* r, Real* h) {
    for_rows(n, Width<1>{}, Narrow64<One>{factor, r, h});
}

void step_direction64(int64_t n, double beta, double unit, const float* z, double* p) {
    for_rows(n, Width<1>{}, StepDirection64<One>{beta, unit, z, p});
}

void apply_dot64(const CsrView<double>& a, const double* p, double* q, Sums dot) {
    sum_rows(a.rows, Width<1>{}, dot, ApplyDot64<One>{a, p, q});
}

void step64(int64_t n, double alpha, const double* p, const double* q, double* x, double* r, const double* weight,
            Sums norm) {
    sum_rows(n, Width<1>{}, norm, Step64<One>{alpha, p, q, weight, x, r});
}

const ColumnVerbs column = {residual64, narrow64, step_direction64, apply_dot64, step64};

const IterationVerbs iteration = {
    reduction_chunk,     apply_dot, apply_mixed_dot, step_residual, step_direction,    flush, true_residual,
    true_mixed_residual, begin,     narrow,          scale_rows,    scale_and_measure, column};

}  // namespace

}  // namespace HEADFIELD_ISA
}  // namespace headfield
