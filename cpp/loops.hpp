// SPDX-License-Identifier: BSD-3-Clause
// Loops over the rows of a block vector on CPU cores, and products of one row of a matrix with it: what rows.hpp asks
// of a device. cuda/loops.hpp and cuda/products.hpp define the same names. Compiled once per instruction set.
#pragma once

#include "kernels.hpp"
#include "simd.hpp"
#include "single_column.hpp"

namespace headfield {
inline namespace HEADFIELD_ISA {

// Rows of a chunk: what a thread takes at a time, and what is summed first. Fixed, so that sums don't depend on
// threads.
constexpr int reduction_chunk = window_rows;

// All columns of a block vector at once: a row is one Pack, in as many registers as that takes.
template <class W>
struct Block {
    using F = Pack<float, W::value>;
    using D = Pack<double, W::value>;
    static constexpr int width = W::value;
    constexpr int64_t at(int64_t i) const { return i * W::value; }
};

// One column: what rows of matrices make of it is computed for a chunk at once, see single_column.hpp.
template <>
struct Block<Width<1>> {
    using F = Pack<float, 1>;
    using D = Pack<double, 1>;
    static constexpr int width = 1;
    ChunkProducts* products = nullptr;  // of the chunk that the row lies in
    constexpr int64_t at(int64_t i) const { return i; }
};

// The columns of a chunk of rows, for as long as it lives.
template <class W>
struct ChunkBlock {
    ChunkBlock(int64_t /*begin*/, int64_t /*end*/) {}
    Block<W> columns() { return {}; }
};
template <>
struct ChunkBlock<Width<1>> {
    ChunkBlock(int64_t begin, int64_t end) : products(begin, end) {}
    Block<Width<1>> columns() { return {&products}; }
    ChunkProducts products;
};

// The same in products with a matrix, in which a thread of a GPU takes more columns than elsewhere.
template <class W>
using WideBlock = Block<W>;

// Stores what a row has become.
template <class C, class P, class X>
inline void put(C c, int64_t i, const P& value, X* x) {
    store_as(value, x + c.at(i));
}

// What put() has just stored, as another type. It is loaded again, since compilers take a conversion of registers
// through the stack.
template <class P, class C, class V, class X>
inline P stored(C c, int64_t i, const V& /*value*/, const X* x) {
    return load_as<P>(x + c.at(i));
}

// Σ s_k a_k of float32 numbers, in float64.
template <class C>
class DotProduct {
    using D = typename C::D;
    D sum_ = D::all(0.0);

public:
    void add(float s, const float* a) { sum_ = fma(D::all(double(s)), load_as<D>(a), sum_); }
    D sum() const { return sum_; }
};

// Asks the caches for the row of x that lies 256 KiB after row i, a cache line at a time. Rows gather their neighbours
// from all around; fetched in sequence ahead of them, x streams into the second-level cache once instead of missing
// piecewise (a fifth of the time of a product).
template <class W, class T>
inline void fetch_ahead(Block<W> c, const T* x, int64_t i, int64_t n) {
    constexpr int64_t ahead = (256 << 10) / (W::value * sizeof(T));
    const int64_t j = i + ahead < n ? i + ahead : n - 1;
    for (int k = 0; k < W::value; k += 64 / static_cast<int>(sizeof(T))) __builtin_prefetch(x + c.at(j) + k, 0, 2);
}

// (M x)_i. Only where M is square does row i gather from around row i of x, so that fetching ahead helps.
template <class W>
inline Pack<float, W::value> row_times(Block<W> c, const Matrix& m, int64_t i, const float* x) {
    using F = Pack<float, W::value>;
    F sum = F::all(0.f);
    if (m.rows == m.cols) fetch_ahead(c, x, i, m.cols);
    for (int32_t k = m.ptr[i]; k < m.ptr[i + 1]; ++k) {
        sum = fma(F::all(m.val[k]), F::load(x + c.at(m.col[k])), sum);
    }
    return sum;
}

// The same bits, for one column.
inline Pack<float, 1> row_times(Block<Width<1>> c, const Matrix& m, int64_t i, const float* x) {
    return Pack<float, 1>::all(c.products->row(m, i, x));
}

template <class W>
inline Pack<float, W::value> row_times(Block<W> c, const DenseView& m, int64_t i, const Real* x) {
    using F = Pack<float, W::value>;
    F sum = F::all(0.f);
    for (int32_t j = 0; j < m.rows; ++j) sum = fma(F::all(m.val[i * m.rows + j]), load_as<F>(x + c.at(j)), sum);
    return sum;
}

// b − (A x)_i in float64.
template <class W>
inline Pack<double, W::value> row_residual(Block<W> c, const CsrView<double>& a, int64_t i, const double* x,
                                           Pack<double, W::value> b) {
    using D = Pack<double, W::value>;
    fetch_ahead(c, x, i, a.cols);
    for (int32_t k = a.ptr[i]; k < a.ptr[i + 1]; ++k) {
        b = fma(D::all(-a.val[k]), D::load(x + c.at(a.col[k])), b);
    }
    return b;
}

// Σ_t s_t (A_t x)_i of a mixture, in the type P: each part is summed by itself, then multiplied by its factor.
template <class P, class W, class T>
inline P mixed_row(Block<W> c, const MixtureView<T>& m, int64_t i, const T* x) {
    fetch_ahead(c, x, i, m.rows);
    P sum = P::all(0);
    for (int32_t part = m.first[i]; part < m.first[i + 1]; ++part) {
        P share = P::all(0);
        for (int32_t k = m.ptr[part]; k < m.ptr[part + 1]; ++k) {
            share = fma(P::all(m.val[k]), P::load(x + c.at(m.col[k])), share);
        }
        sum = fma(load_as<P>(m.factors + c.at(m.tissue[part])), share, sum);
    }
    return sum;
}
template <class W>
inline Pack<float, W::value> row_times(Block<W> c, const MixtureView<float>& m, int64_t i, const float* x) {
    return mixed_row<Pack<float, W::value>>(c, m, i, x);
}
template <class W>
inline Pack<double, W::value> row_residual(Block<W> c, const MixtureView<double>& a, int64_t i, const double* x,
                                           Pack<double, W::value> b) {
    return b - mixed_row<Pack<double, W::value>>(c, a, i, x);
}

// Whether so many rows and columns are worth waking threads for; those of coarse levels are not.
inline bool many(int64_t n, int width) { return n * width >= (1 << 14); }

inline int64_t chunks_of(int64_t n) { return (n + reduction_chunk - 1) / reduction_chunk; }

// Calls body(k, begin, end) for every chunk k of rows, in parallel.
template <class W, class Body>
inline void for_chunks(int64_t n, W /*width*/, const Body& body) {
    const int64_t chunks = chunks_of(n);
#pragma omp parallel for schedule(static) if (many(n, W::value))
    for (int64_t k = 0; k < chunks; ++k) {
        body(k, k * reduction_chunk, (k + 1) * reduction_chunk < n ? (k + 1) * reduction_chunk : n);
    }
}

// Calls body(c, i) for every row, in parallel.
template <class W, class Body>
inline void for_rows(int64_t n, W width, Body body) {
    constexpr Block<W> c{};
    prepare(body, c);
    for_chunks(n, width, [&](int64_t, int64_t begin, int64_t end) {
        ChunkBlock<W> chunk(begin, end);
        for (int64_t i = begin; i < end; ++i) body(chunk.columns(), i);
    });
}

// The same for a body that multiplies rows of a matrix; a GPU shares long ones among threads.
template <template <class> class Body, class M, class W, class... Arguments>
inline void for_products(const M& m, W width, Arguments... arguments) {
    for_rows(m.rows, width, Body<Block<W>>{arguments...});
}

// The same as for_rows, with body(c, i, sum) adding to W sums: within a chunk in the order of rows, then over the
// chunks in order, whatever thread took which.
template <class W, class Body>
inline void sum_rows(int64_t n, W width, Sums sums, Body body) {
    using D = Pack<double, W::value>;
    constexpr Block<W> c{};
    prepare(body, c);
    for_chunks(n, width, [&](int64_t k, int64_t begin, int64_t end) {
        ChunkBlock<W> chunk(begin, end);
        auto sum = D::all(0.0);
        for (int64_t i = begin; i < end; ++i) body(chunk.columns(), i, sum);
        sum.store(sums.partial + c.at(k));
    });
    auto total = D::all(0.0);
    for (int64_t k = 0; k < chunks_of(n); ++k) total = total + D::load(sums.partial + c.at(k));
    total.store(sums.out);
}

}  // namespace HEADFIELD_ISA
}  // namespace headfield
