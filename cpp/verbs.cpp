// SPDX-License-Identifier: BSD-3-Clause
// The solver's verbs on CPU cores: SIMD over columns, threads over chunks of rows. Compiled once per instruction set,
// so no standard-library templates here (see macros.hpp). A sum over rows is taken within fixed chunks of rows, then
// over the chunks in order.
#include "verbs.hpp"

#include "kernels.hpp"
#include "simd.hpp"

namespace headfield {
inline namespace HEADFIELD_ISA {

namespace {

// Asks for the row of x that row i will have reached some 256 KiB from now. Rows gather their neighbours from all
// around; fetched in sequence ahead of them, x streams into the second-level cache once instead of missing piecewise
// (a fifth of the time of a product).
template <int W, class T>
inline void fetch_ahead(const T* x, int64_t i, int64_t n) {
    constexpr int64_t ahead = (256 << 10) / (W * sizeof(T));
    const int64_t j = i + ahead < n ? i + ahead : n - 1;
    for (int c = 0; c < W; c += 64 / static_cast<int>(sizeof(T))) __builtin_prefetch(x + j * W + c, 0, 2);
}

template <int W>
inline Pack<float, W> row_times(const CsrView<float>& m, int64_t i, const float* x) {
    Pack<float, W> sum = Pack<float, W>::all(0.f);
    if (m.rows == m.cols) fetch_ahead<W>(x, i, m.cols);
    for (int32_t k = m.ptr[i]; k < m.ptr[i + 1]; ++k) {
        sum = fma(Pack<float, W>::all(m.val[k]), Pack<float, W>::load(x + int64_t(m.col[k]) * W), sum);
    }
    return sum;
}

// Whether rows × columns are worth waking threads for.
inline bool many(int64_t n, int width) { return n * width >= (1 << 14); }

// Calls body(i) for every row, in parallel.
template <class Body>
inline void for_rows(int64_t n, int width, Body body) {
#pragma omp parallel for schedule(static) if (many(n, width))
    for (int64_t c = 0; c < reduction_rows(n); ++c) {
        const int64_t end = (c + 1) * reduction_chunk < n ? (c + 1) * reduction_chunk : n;
        for (int64_t i = c * reduction_chunk; i < end; ++i) body(i);
    }
}

// The same, with body(i, sum) adding to W sums.
template <int W, class Body>
inline void sum_rows(int64_t n, Sums sums, Body body) {
#pragma omp parallel for schedule(static) if (many(n, W))
    for (int64_t c = 0; c < reduction_rows(n); ++c) {
        const int64_t end = (c + 1) * reduction_chunk < n ? (c + 1) * reduction_chunk : n;
        auto sum = Pack<double, W>::all(0.0);
        for (int64_t i = c * reduction_chunk; i < end; ++i) body(i, sum);
        sum.store(sums.partial + c * W);
    }
    auto total = Pack<double, W>::all(0.0);
    for (int64_t c = 0; c < reduction_rows(n); ++c) total = total + Pack<double, W>::load(sums.partial + c * W);
    total.store(sums.out);
}

// mask × numerator / denominator per column; 0 where the mask is 0, whatever the quotient is.
template <int W>
inline void quotient(const double* mask, const double* numerator, const double* denominator, double* out) {
    for (int c = 0; c < W; ++c) out[c] = mask[c] != 0.0 ? numerator[c] / denominator[c] : 0.0;
}

template <int W>
inline Pack<float, W> quotient_pack(const double* mask, const double* numerator, const double* denominator) {
    double q[W];
    quotient<W>(mask, numerator, denominator, q);
    return load_as<float, W>(q);
}

void apply(int width, const CsrView<float>& m, const float* x, float* y) {
    with_width(width, [&](auto w) {
        constexpr int W = decltype(w)::value;
        for_rows(m.rows, width, [&](int64_t i) { row_times<W>(m, i, x).store(y + i * W); });
    });
}

void apply_dense(int width, int32_t n, const float* m, const float* x, float* y) {
    with_width(width, [&](auto w) {
        constexpr int W = decltype(w)::value;
#pragma omp parallel for schedule(static) if (many(n, n * W))
        for (int32_t i = 0; i < n; ++i) {
            auto sum = Pack<float, W>::all(0.f);
            for (int32_t j = 0; j < n; ++j) {
                sum = fma(Pack<float, W>::all(m[int64_t(i) * n + j]), Pack<float, W>::load(x + int64_t(j) * W), sum);
            }
            sum.store(y + int64_t(i) * W);
        }
    });
}

void smooth_from_zero(int width, const CsrView<float>& a, Smoother s, const float* b, float* x) {
    with_width(width, [&](auto w) {
        constexpr int W = decltype(w)::value;
        using P = Pack<float, W>;
        for_rows(a.rows, width, [&](int64_t i) {
            fma(P::all(s.c1), row_times<W>(a, i, b), P::all(s.c0) * P::load(b + i * W)).store(x + i * W);
        });
    });
}

void residual(int width, const CsrView<float>& a, const float* b, const float* x, float* r) {
    with_width(width, [&](auto w) {
        constexpr int W = decltype(w)::value;
        using P = Pack<float, W>;
        for_rows(a.rows, width, [&](int64_t i) { (P::load(b + i * W) - row_times<W>(a, i, x)).store(r + i * W); });
    });
}

void correct(int width, const CsrView<float>& p, const CsrView<float>& ap, const float* e, float* x, float* r) {
    with_width(width, [&](auto w) {
        constexpr int W = decltype(w)::value;
        using P = Pack<float, W>;
        for_rows(p.rows, width, [&](int64_t i) {
            (P::load(x + i * W) + row_times<W>(p, i, e)).store(x + i * W);
            (P::load(r + i * W) - row_times<W>(ap, i, e)).store(r + i * W);
        });
    });
}

void smooth(int width, const CsrView<float>& a, Smoother s, const float* r, float* x, const float* b, Sums dot) {
    with_width(width, [&](auto w) {
        constexpr int W = decltype(w)::value;
        using P = Pack<float, W>;
        auto update = [&](int64_t i) {
            P out = fma(P::all(s.c0), P::load(r + i * W), P::load(x + i * W));
            fma(P::all(s.c1), row_times<W>(a, i, r), out).store(x + i * W);
        };
        if (!b) return for_rows(a.rows, width, update);
        sum_rows<W>(a.rows, dot, [&](int64_t i, Pack<double, W>& sum) {
            update(i);
            sum = fma(load_as<double, W>(x + i * W), load_as<double, W>(b + i * W), sum);
        });
    });
}

void sum_products(int width, int64_t n, const float* x, const float* y, Sums dot) {
    with_width(width, [&](auto w) {
        constexpr int W = decltype(w)::value;
        sum_rows<W>(n, dot, [&](int64_t i, Pack<double, W>& sum) {
            sum = fma(load_as<double, W>(x + i * W), load_as<double, W>(y + i * W), sum);
        });
    });
}

void apply_dot(int width, const CsrView<float>& a, const float* p, float* q, Sums dot) {
    with_width(width, [&](auto w) {
        constexpr int W = decltype(w)::value;
        sum_rows<W>(a.rows, dot, [&](int64_t i, Pack<double, W>& sum) {
            row_times<W>(a, i, p).store(q + i * W);
            sum = fma(load_as<double, W>(q + i * W), load_as<double, W>(p + i * W), sum);
        });
    });
}

void step_residual(int width, int64_t n, const double* mask, const double* rz, const double* pq, const float* q,
                   float* r, const double* weight, Sums norm) {
    with_width(width, [&](auto w) {
        constexpr int W = decltype(w)::value;
        using P = Pack<float, W>;
        const P minus_alpha = P::all(0.f) - quotient_pack<W>(mask, rz, pq);
        sum_rows<W>(n, norm, [&](int64_t i, Pack<double, W>& sum) {
            fma(minus_alpha, P::load(q + i * W), P::load(r + i * W)).store(r + i * W);
            const auto r64 = load_as<double, W>(r + i * W);
            sum = fma(Pack<double, W>::all(weight[i]) * r64, r64, sum);
        });
    });
}

void step_direction(int width, int64_t n, const double* x_mask, const double* p_mask, const double* rz_old,
                    const double* pq, const double* rz, const float* z, float* p, float* x) {
    with_width(width, [&](auto w) {
        constexpr int W = decltype(w)::value;
        using P = Pack<float, W>;
        const P alpha = quotient_pack<W>(x_mask, rz_old, pq);
        const P beta = quotient_pack<W>(p_mask, rz, rz_old);
        for_rows(n, width, [&](int64_t i) {
            const P old = P::load(p + i * W);
            fma(alpha, old, P::load(x + i * W)).store(x + i * W);
            fma(beta, old, P::load(z + i * W)).store(p + i * W);
        });
    });
}

void flush(int width, int64_t n, const double* flush_mask, const double* x_mask, const double* rz_old, const double* pq,
           const double* scale, const float* p, float* x, double* x64) {
    with_width(width, [&](auto w) {
        constexpr int W = decltype(w)::value;
        using D = Pack<double, W>;
        using P = Pack<float, W>;
        double f[W], both[W];
        for (int c = 0; c < W; ++c) {
            f[c] = flush_mask[c] != 0.0 ? 1.0 / scale[c] : 0.0;
            both[c] = flush_mask[c] * x_mask[c];
        }
        const P alpha = quotient_pack<W>(both, rz_old, pq);
        const D factor = D::load(f), flushed = D::load(flush_mask);
        const P flushed32 = load_as<float, W>(flush_mask);
        for_rows(n, width, [&](int64_t i) {
            // The step is taken in float32 as step_direction would, so it does not matter which of the two comes first.
            const P step = fma(alpha, P::load(p + i * W), P::load(x + i * W));
            step.store(x + i * W);
            const D old = D::load(x64 + i * W);
            select(flushed, fma(factor, load_as<double, W>(x + i * W), old), old).store(x64 + i * W);
            select(flushed32, P::all(0.f), step).store(x + i * W);
        });
    });
}

void true_residual(int width, const CsrView<double>& a, const double* b, const double* x64, const double* mask,
                   const double* scale, float* r, const double* weight, Sums norm) {
    with_width(width, [&](auto w) {
        constexpr int W = decltype(w)::value;
        using D = Pack<double, W>;
        const D use = D::load(mask), factor = D::load(scale);
        sum_rows<W>(a.rows, norm, [&](int64_t i, D& sum) {
            D r64 = D::load(b + i * W);
            fetch_ahead<W>(x64, i, a.cols);
            for (int32_t k = a.ptr[i]; k < a.ptr[i + 1]; ++k) {
                r64 = fma(D::all(-a.val[k]), D::load(x64 + int64_t(a.col[k]) * W), r64);
            }
            sum = fma(D::all(weight[i]) * r64, r64, sum);
            store_as<float>(select(use, factor * r64, load_as<double, W>(r + i * W)), r + i * W);
        });
    });
}

void rounded(int width, int64_t n, const double* scale, const double* b, float* r) {
    with_width(width, [&](auto w) {
        constexpr int W = decltype(w)::value;
        using D = Pack<double, W>;
        const D factor = D::load(scale);
        for_rows(n, width, [&](int64_t i) { store_as<float>(factor * D::load(b + i * W), r + i * W); });
    });
}

void scale_rows(int width, int64_t n, const double* s, const double* x, double* y) {
    with_width(width, [&](auto w) {
        constexpr int W = decltype(w)::value;
        using D = Pack<double, W>;
        for_rows(n, width, [&](int64_t i) { (D::all(s[i]) * D::load(x + i * W)).store(y + i * W); });
    });
}

void norm(int width, int64_t n, const double* x, const double* weight, Sums sums) {
    with_width(width, [&](auto w) {
        constexpr int W = decltype(w)::value;
        using D = Pack<double, W>;
        sum_rows<W>(n, sums, [&](int64_t i, D& sum) {
            const D xi = D::load(x + i * W);
            sum = fma(D::all(weight[i]) * xi, xi, sum);
        });
    });
}

void clear(int width, int64_t n, float* x) {
    for_rows(n, width, [&](int64_t i) {
        for (int c = 0; c < width; ++c) x[i * width + c] = 0.f;
    });
}

}  // namespace

const Verbs& verbs() {
    static const Verbs table = [] {
        Verbs v{};
        v.apply = apply;
        v.apply_dense = apply_dense;
        v.smooth_from_zero = smooth_from_zero;
        v.residual = residual;
        v.correct = correct;
        v.smooth = smooth;
        v.sum_products = sum_products;
        v.apply_dot = apply_dot;
        v.step_residual = step_residual;
        v.step_direction = step_direction;
        v.flush = flush;
        v.true_residual = true_residual;
        v.rounded = rounded;
        v.scale_rows = scale_rows;
        v.norm = norm;
        v.clear = clear;
        return v;
    }();
    return table;
}

}  // namespace HEADFIELD_ISA
}  // namespace headfield
