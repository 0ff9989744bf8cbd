// SPDX-License-Identifier: BSD-3-Clause
// Values of elements and points, a column a pose, turned into rows of poses on a GPU, and back: the counterpart of
// cpp/tiles.hpp. Block vectors hold the poses of one node side by side, results the elements of one pose, so 32
// elements are turned in shared memory and both sides are read and written as consecutive memory. A row there has one
// number more than W: with an odd length a warp that goes down a column meets 32 banks.
#pragma once

#include "../cpp/element.hpp"
#include "../cpp/field_rows.hpp"
#include "../cpp/kernels.hpp"
#include "loops.hpp"

namespace headfield {
inline namespace HEADFIELD_ISA {

constexpr int tile = 32;  // elements, or nodes, that a block turns from rows of columns to columns of rows

// Writes M of the N numbers that each of `count` places has in `rows` (N count, columns), the `first` of them and those
// after it, to out (k, total, M). The threads of a block go through the M count numbers of a column, then the next
// column, so that they write consecutive memory.
template <int N, int M, int Padded>
__device__ void turn_tile(const float (*rows)[Padded], int first, int count, int32_t k, int64_t total, int64_t begin,
                          float* out) {
    for (int v = static_cast<int>(threadIdx.y * blockDim.x + threadIdx.x); v < M * count * k; v += 256) {
        const int column = v / (M * count), number = v % (M * count);
        out[(int64_t(column) * total + begin) * M + number] = rows[N * (number / M) + first + number % M][column];
    }
}

// Writes what `value` finds at 32 places to out (k, total, 3), times the scale of the column; where it finds more than
// three numbers, also the root of the fourth times |scale| to error (k, total). Threads (lanes, rows): the first 32
// compute the geometry of an element each, in float64 and for all columns; then neighbouring threads take all columns
// of a place, and threadIdx.y goes through the places.
template <class W, class Value>
__global__ void __launch_bounds__(256)
    value_tile(MeshView mesh, Value value, int64_t total, int32_t k, const double* scale, float* out, float* error) {
    using C = Block<W>;
    constexpr int N = Value::numbers < 4 ? 3 : 4;
    __shared__ VectorsOf<Value> geometry[tile];
    __shared__ float rows[N * tile][W::value + 1];
    const int thread = static_cast<int>(threadIdx.y * C::lanes + threadIdx.x);
    const int64_t begin = int64_t(blockIdx.x) * tile;
    const int count = static_cast<int>(total - begin < tile ? total - begin : tile);
    if constexpr (Value::vectors > 0) {
        if (thread < count) geometry[thread] = vectors_of(value, mesh, begin + thread);
        __syncthreads();  // every thread reads that of all places
    }
    const C c = C::of_thread(threadIdx.x, 0);
    typename C::F factor = C::F::all(0.f);
    for (int l = 0; l < C::count && c.first + l < k; ++l) factor.v[l] = static_cast<float>(scale[c.first + l]);
    for (int j = static_cast<int>(threadIdx.y); j < count; j += rows_at_once<C>) {
        typename C::F numbers[Value::numbers];
        value(c, begin + j, geometry[j].row, numbers);
        for (int l = 0; l < C::count; ++l) {
            for (int d = 0; d < 3; ++d) rows[N * j + d][c.first + l] = factor.v[l] * numbers[d].v[l];
            if constexpr (N == 4) rows[4 * j + 3][c.first + l] = fabsf(factor.v[l]) * sqrtf(numbers[3].v[l]);
        }
    }
    __syncthreads();  // all columns of all places are there
    turn_tile<N, 3>(rows, 0, count, k, total, begin, out);
    if constexpr (N == 4) turn_tile<4, 1>(rows, 3, count, k, total, begin, error);
}

// Launches value_tile; out is (k, total, 3), error (k, total) or null.
template <class Value>
void by_columns(int width, const MeshView& mesh, const Value& value, int64_t total, int32_t k, const double* scale,
                float* out, float* error = nullptr) {
    with_width(width, [&](auto w) {
        using W = decltype(w);
        using C = Block<W>;
        launch(value_tile<W, Value>, blocks_for(total, tile), dim3(C::lanes, rows_at_once<C>), mesh, value, total, k,
               scale, out, error);
    });
}

// Writes what `value` makes of the weights times their scale at 32 places, three numbers a column, to rows
// (count, 3, W); columns from k on are zero. Threads (lanes, rows), as in value_tile. A block reads 384 consecutive
// bytes of each of k columns, and turns them in shared memory.
template <class W, class Value>
__global__ void __launch_bounds__(256) weight_tile(MeshView mesh, Value value, Weights weights, float* rows) {
    using C = Block<W>;
    __shared__ VectorsOf<Value> geometry[tile];
    __shared__ float turned[3 * tile][W::value + 1];
    const int thread = static_cast<int>(threadIdx.y * C::lanes + threadIdx.x);
    const int64_t begin = int64_t(blockIdx.x) * tile;
    const int count = static_cast<int>(weights.count - begin < tile ? weights.count - begin : tile);
    if constexpr (Value::vectors > 0) {
        if (thread < count) geometry[thread] = vectors_of(value, mesh, begin + thread);
    }
    for (int v = thread; v < 3 * count * weights.k; v += 256) {
        const int column = v / (3 * count), number = v % (3 * count);
        turned[number][column] = weights.values[3 * (int64_t(column) * weights.count + begin) + number];
    }
    __syncthreads();  // geometry and weights of all places are there
    const C c = C::of_thread(threadIdx.x, 0);
    typename C::F factor = C::F::all(0.f);
    for (int l = 0; l < C::count && c.first + l < weights.k; ++l) {
        factor.v[l] = static_cast<float>(weights.scale[c.first + l]);
    }
    for (int j = static_cast<int>(threadIdx.y); j < count; j += rows_at_once<C>) {
        typename C::F numbers[3];
        for (int d = 0; d < 3; ++d) {
            for (int l = 0; l < C::count; ++l) {
                const bool there = c.first + l < weights.k;
                numbers[d].v[l] = there ? factor.v[l] * turned[3 * j + d][c.first + l] : 0.f;
            }
        }
        value(geometry[j].row, numbers);
        for (int d = 0; d < 3; ++d) store_as(numbers[d], rows + c.at(3 * (begin + j) + d));
    }
}

// Launches weight_tile.
template <class W, class Value>
void from_columns(W /*width*/, const MeshView& mesh, const Value& value, const Weights& weights, float* rows) {
    using C = Block<W>;
    launch(weight_tile<W, Value>, blocks_for(weights.count, tile), dim3(C::lanes, rows_at_once<C>), mesh, value,
           weights, rows);
}

// A thread has few columns in any loop, so that what cpp/tiles.hpp has for several sums a column is for_rows here.
template <class W>
using FewColumns = Block<W>;
template <class W, class Row>
void for_few_columns(int64_t n, W w, const Row& row) {
    for_rows(n, w, row);
}

}  // namespace HEADFIELD_ISA
}  // namespace headfield
