// SPDX-License-Identifier: BSD-3-Clause
// Loops over the rows of a block vector on a GPU, and products of one row with one: the counterpart of cpp/loops.hpp.
// A thread works on up to four neighbouring columns of a row, so that it loads 8 to 32 bytes at a time and a warp whole
// rows; consecutive rows, neighbours in space (Morton order), lie in one block and share what they gather in its cache.
#pragma once

#include "../cpp/verbs.hpp"
#include "lanes.hpp"
#include "launch.hpp"

namespace headfield {
inline namespace HEADFIELD_ISA {

constexpr int reduction_chunk = 128;  // rows that a block sums first …
constexpr int slots = 32;             // … in so many sums of every 32nd row, whatever the width

template <int W>
struct Width {
    static constexpr int value = W;
    static constexpr int columns = W < 4 ? W : 4;             // of a thread
    static constexpr int lanes = W / columns;                 // threads of a row
    static constexpr int rows = 256 / lanes;                  // of a block of for_rows
    static constexpr int chunks = lanes < 8 ? 8 / lanes : 1;  // of a block of sum_rows
};

// The columns of one thread, from `first` on.
template <class W>
struct Block {
    using F = Lanes<float, W::columns>;
    using D = Lanes<double, W::columns>;
    int first;
    HEADFIELD_HD int64_t at(int64_t i) const { return i * W::value + first; }
};

// ---- products of a row ----

// Σ over four entries at a time: the loads of all four are on their way before the first is needed.
template <class P, class C, class Index, class Value, class X>
HEADFIELD_HD inline P padded_row(C c, const int32_t* ptr, const Index* col, const Value* val, int64_t i, const X* x,
                                 P sum) {
    using Number = typename P::Number;
    for (int32_t k = ptr[i]; k < ptr[i + 1]; k += row_step) {
        const auto j = Together<Index, row_step>::load(col + k);
        const auto v = Together<Value, row_step>::load(val + k);
        P gathered[row_step];
        for (int l = 0; l < row_step; ++l) gathered[l] = load_as<P>(x + c.at(j.v[l]));
        for (int l = 0; l < row_step; ++l) sum = fma(P::all(number<Number>(v.v[l])), gathered[l], sum);
    }
    return sum;
}

template <class W, class X>
HEADFIELD_HD inline typename Block<W>::F row_times(Block<W> c, const Matrix& m, int64_t i, const X* x) {
    using F = typename Block<W>::F;
    const F zero = F::all(0.f);
    const F sum = m.short_col ? padded_row(c, m.ptr, m.short_col, m.val, i, x, zero)
                              : padded_row(c, m.ptr, m.col, m.val, i, x, zero);
    return F::all(m.scale[i]) * sum;
}

template <class W>
HEADFIELD_HD inline typename Block<W>::F row_times(Block<W> c, const CsrView<float>& m, int64_t i, const float* x) {
    return padded_row(c, m.ptr, m.col, m.val, i, x, Block<W>::F::all(0.f));
}

template <class W>
HEADFIELD_HD inline typename Block<W>::D row_residual(Block<W> c, const CsrView<double>& a, int64_t i, const double* x,
                                                      typename Block<W>::D b) {
    using D = typename Block<W>::D;
    return b - padded_row(c, a.ptr, a.col, a.val, i, x, D::all(0.0));
}

// ---- loops ----

// body(c, i) for every row; threads (lanes, rows). On a large block vector a thread takes several rows, and prepares once
// for all of them.
constexpr int64_t most_blocks = 4096;
template <class W, class Body>
__global__ void __launch_bounds__(256) every_row(int64_t n, Body body) {
    const Block<W> c{static_cast<int>(threadIdx.x) * W::columns};
    prepare(body, c);
    for (int64_t i = int64_t(blockIdx.x) * W::rows + threadIdx.y; i < n; i += int64_t(gridDim.x) * W::rows) body(c, i);
}

// body(c, i, sum) for every row, with the sums of a chunk in partial (chunks, W); threads (lanes, slots, chunks). Slot s
// sums rows s, s + 32, … of its chunk, then slots are added in pairs: an order that no width changes.
template <class W, class Body>
__global__ void __launch_bounds__(W::lanes * slots * W::chunks) chunk_sums(int64_t n, Body body, double* partial) {
    using D = typename Block<W>::D;
    alignas(16) __shared__ double shared[W::chunks * slots * W::value];
    const Block<W> c{static_cast<int>(threadIdx.x) * W::columns};
    const int slot = static_cast<int>(threadIdx.y);
    const int64_t chunk = int64_t(blockIdx.x) * W::chunks + threadIdx.z;
    prepare(body, c);
    D sum = D::all(0.0);
    const int64_t begin = chunk * reduction_chunk, end = begin + reduction_chunk < n ? begin + reduction_chunk : n;
    for (int64_t i = begin + slot; i < end; i += slots) body(c, i, sum);
    double* mine = shared + c.at(threadIdx.z * slots + slot);
    for (int half = slots / 2; half > 0; half /= 2) {
        sum.store(mine);
        __syncthreads();
        if (slot < half) sum = sum + D::load(mine + half * W::value);
        __syncthreads();
    }
    if (slot == 0 && begin < n) sum.store(partial + c.at(chunk));
}

// out_c = Σ of partial (chunks, width) over the chunks; one block a column.
template <int Threads>
__global__ void __launch_bounds__(Threads) column_sum(int64_t chunks, const double* partial, double* out) {
    __shared__ double shared[Threads];
    const unsigned column = blockIdx.x, width = gridDim.x, t = threadIdx.x;
    double sum = 0.0;
    for (int64_t k = t; k < chunks; k += Threads) sum += partial[k * width + column];
    for (unsigned half = Threads / 2; half > 0; half /= 2) {
        shared[t] = sum;
        __syncthreads();
        if (t < half) sum += shared[t + half];
        __syncthreads();
    }
    if (t == 0) out[column] = sum;
}

template <class W, class Body>
void for_rows(int64_t n, W /*width*/, const Body& body) {
    const int64_t blocks = blocks_for(n, W::rows);
    launch(every_row<W, Body>, blocks < most_blocks ? blocks : most_blocks, dim3(W::lanes, W::rows), n, body);
}

template <class W, class Body>
void sum_rows(int64_t n, W /*width*/, Sums sums, const Body& body) {
    const int64_t chunks = blocks_for(n, reduction_chunk);
    launch(chunk_sums<W, Body>, blocks_for(chunks, W::chunks), dim3(W::lanes, slots, W::chunks), n, body, sums.partial);
    launch(column_sum<1024>, W::value, dim3(1024), chunks, sums.partial, sums.out);
}

}  // namespace HEADFIELD_ISA
}  // namespace headfield
