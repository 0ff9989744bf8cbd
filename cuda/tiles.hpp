// SPDX-License-Identifier: BSD-3-Clause
// Values of elements and points, a column a pose, turned into rows of poses on a GPU: the counterpart of cpp/tiles.hpp.
#pragma once

#include "../cpp/element.hpp"
#include "../cpp/field_rows.hpp"
#include "../cpp/kernels.hpp"
#include "loops.hpp"

namespace headfield {
inline namespace HEADFIELD_ISA {

constexpr int tile = 32;  // elements, or nodes, that a block turns from rows of columns to columns of rows

// M of the N numbers that each of `count` places has in `rows`, from row `first` on, to out (k, total, M), of which a
// warp writes 128 M consecutive bytes a column.
template <int N, int M, int Padded>
__device__ void turn_tile(const float (*rows)[Padded], int first, int count, int32_t k, int64_t total, int64_t begin,
                          float* out) {
    for (int v = static_cast<int>(threadIdx.y * blockDim.x + threadIdx.x); v < M * count * k; v += 256) {
        const int column = v / (M * count), number = v % (M * count);
        out[(int64_t(column) * total + begin) * M + number] = rows[N * (number / M) + first + number % M][column];
    }
}

// What `value` finds at 32 places, threads (lanes, rows): geometry once an element, then all columns of a place by
// neighbouring threads, and through shared memory to out (k, total, 3); of a fourth number the root times |scale| to
// error (k, total).
template <class W, class Value>
__global__ void __launch_bounds__(256)
    value_tile(MeshView mesh, Value value, int64_t total, int32_t k, const double* scale, float* out, float* error) {
    using C = Block<W>;
    constexpr int N = Value::numbers < 4 ? 3 : 4;
    __shared__ TetGradients geometry[tile];
    __shared__ float rows[N * tile][W::value + 1];
    const int thread = static_cast<int>(threadIdx.y * C::lanes + threadIdx.x);
    const int64_t begin = int64_t(blockIdx.x) * tile;
    const int count = static_cast<int>(total - begin < tile ? total - begin : tile);
    if constexpr (Value::geometric) {
        if (thread < count) geometry[thread] = tet_gradients(mesh, value.element(begin + thread));
        __syncthreads();
    }
    const C c = C::of_thread(threadIdx.x, 0);
    typename C::F factor = C::F::all(0.f);
    for (int l = 0; l < C::count && c.first + l < k; ++l) factor.v[l] = static_cast<float>(scale[c.first + l]);
    for (int j = static_cast<int>(threadIdx.y); j < count; j += rows_at_once<C>) {
        typename C::F numbers[Value::numbers];
        value(c, begin + j, geometry[j].grad, numbers);
        for (int l = 0; l < C::count; ++l) {
            for (int d = 0; d < 3; ++d) rows[N * j + d][c.first + l] = factor.v[l] * numbers[d].v[l];
            if constexpr (N == 4) rows[4 * j + 3][c.first + l] = fabsf(factor.v[l]) * sqrtf(numbers[3].v[l]);
        }
    }
    __syncthreads();
    turn_tile<N, 3>(rows, 0, count, k, total, begin, out);
    if constexpr (N == 4) turn_tile<4, 1>(rows, 3, count, k, total, begin, error);
}

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

// What `value` makes of weights times their scale at 32 places, three numbers a column, to rows (count, 3, W); threads
// (lanes, rows). Of a column a block reads 384 consecutive bytes, and turns them through shared memory.
template <class W, class Value>
__global__ void __launch_bounds__(256) weight_tile(MeshView mesh, Value value, Weights weights, float* rows) {
    using C = Block<W>;
    __shared__ TetGradients geometry[tile];
    __shared__ float turned[3 * tile][W::value + 1];
    const int thread = static_cast<int>(threadIdx.y * C::lanes + threadIdx.x);
    const int64_t begin = int64_t(blockIdx.x) * tile;
    const int count = static_cast<int>(weights.count - begin < tile ? weights.count - begin : tile);
    if constexpr (Value::geometric) {
        if (thread < count) geometry[thread] = tet_gradients(mesh, value.element(begin + thread));
    }
    for (int v = thread; v < 3 * count * weights.k; v += 256) {
        const int column = v / (3 * count), number = v % (3 * count);
        turned[number][column] = weights.values[3 * (int64_t(column) * weights.count + begin) + number];
    }
    __syncthreads();
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
        value(geometry[j].grad, numbers);
        for (int d = 0; d < 3; ++d) store_as(numbers[d], rows + c.at(3 * (begin + j) + d));
    }
}

template <class W, class Value>
void from_columns(W /*width*/, const MeshView& mesh, const Value& value, const Weights& weights, float* rows) {
    using C = Block<W>;
    launch(weight_tile<W, Value>, blocks_for(weights.count, tile), dim3(C::lanes, rows_at_once<C>), mesh, value,
           weights, rows);
}

// A thread has few columns at any rate.
template <class W>
using FewColumns = Block<W>;
template <class W, class Row>
void for_few_columns(int64_t n, W w, const Row& row) {
    for_rows(n, w, row);
}

}  // namespace HEADFIELD_ISA
}  // namespace headfield
