// SPDX-License-Identifier: BSD-3-Clause
// Values of elements and points, a column a pose, turned into rows of poses on CPU cores, and back. Block vectors hold
// the poses of one node side by side, results the elements of one pose; a tile of elements is turned while it is in
// cache. cuda/tiles.hpp defines the same names. Compiled once per instruction set.
#pragma once

#include "element.hpp"
#include "field_rows.hpp"
#include "kernels.hpp"

namespace headfield {
inline namespace HEADFIELD_ISA {

// Some neighbouring columns of a block vector of W, from `first` on: a register of float64 numbers (with SSE two). With
// all columns at a time, what a loop over elements keeps would spill out of the registers.
template <class W>
struct FewColumns {
    static constexpr int most = register_bytes > 32 ? 8 : 4;
    static constexpr int count = most < W::value ? most : W::value;
    using F = Pack<float, count>;
    using D = Pack<double, count>;
    static constexpr int width = W::value;
    int first;
    int64_t at(int64_t i) const { return i * W::value + first; }
};

// Calls row(c, i) for every row i, for a few of its columns at a time, in parallel.
template <class W, template <class...> class Row, class... More>
void for_few_columns(int64_t n, W w, const Row<FewColumns<W>, More...>& row) {
    using C = FewColumns<W>;
    for_chunks(n, w, [&](int64_t, int64_t begin, int64_t end) {
        for (int64_t i = begin; i < end; ++i) {
            for (C c{0}; c.first < W::value; c.first += C::count) row(c, i);
        }
    });
}

// to[j * to_stride + i] = from[i * from_stride + j] for i < rows and j < columns, four by four where that goes.
inline void turn(const float* from, int64_t from_stride, int64_t rows, int64_t columns, float* to, int64_t to_stride) {
    int64_t j = 0;
    for (; j + 4 <= columns; j += 4) {
        int64_t i = 0;
        for (; i + 4 <= rows; i += 4) {
            transpose4(from + i * from_stride + j, from_stride, to + j * to_stride + i, to_stride);
        }
        for (; i < rows; ++i) {
            for (int64_t l = j; l < j + 4; ++l) to[l * to_stride + i] = from[i * from_stride + l];
        }
    }
    for (; j < columns; ++j) {
        for (int64_t i = 0; i < rows; ++i) to[j * to_stride + i] = from[i * from_stride + j];
    }
}

// to[c * stride + v] = rows[v * W + c] for c < k and v < count. Not inlined, so that the loops over elements stay
// short.
template <class W>
[[gnu::noinline]] void turn_tile(W /*width*/, const float* rows, int64_t count, int32_t k, int64_t stride, float* to) {
    turn(rows, W::value, count, k, to, stride);
}

constexpr int64_t field_tile = 32;  // elements whose values stay in cache while they are turned from rows to columns

// How many elements of W columns take some hundredths of a second.
template <class W>
constexpr int64_t field_piece = (1 << 21) / W::value;

// out[c, i, :] = scale_c times the N numbers that `value` finds at place i in column c, (k, count, N). A thread takes
// 16 tiles at a time; geometry is computed once an element, for all columns. Here for i = first…last − 1.
template <class W, class Value>
void columns_of(W width, const MeshView& mesh, const Value& value, int64_t first, int64_t last, int64_t count,
                int32_t k, const float* factor, float* out) {
    using C = FewColumns<W>;
    constexpr int N = Value::numbers;
#pragma omp parallel for schedule(dynamic, 16)
    for (int64_t t = first / field_tile; t < (last + field_tile - 1) / field_tile; ++t) {
        const int64_t begin = t * field_tile, end = begin + field_tile < count ? begin + field_tile : count;
        float rows[N * field_tile * W::value];
        for (int64_t i = begin; i < end; ++i) {
            const auto geometry = vectors_of(value, mesh, i);
            for (C c{0}; c.first < W::value; c.first += C::count) {
                typename C::F numbers[N];
                value(c, i, geometry.row, numbers);
                const auto f = C::F::load(factor + c.first);
                for (int d = 0; d < N; ++d) store_as(f * numbers[d], rows + c.at(N * (i - begin) + d));
            }
        }
        turn_tile(width, rows, N * (end - begin), k, N * count, out + N * begin);
    }
}

// out[c, i, :] = scale_c times the N numbers a column that `value` finds, (k, count, N). Polls.
template <class W, class Value>
void by_columns(W width, const MeshView& mesh, const Value& value, int64_t count, int32_t k, const double* scale,
                float* out, const Poll& poll) {
    float factor[W::value] = {};
    for (int32_t c = 0; c < k; ++c) factor[c] = static_cast<float>(scale[c]);
    in_pieces(count, field_piece<W>, poll,
              [&](int64_t first, int64_t last) { columns_of(width, mesh, value, first, last, count, k, factor, out); });
}

// The reverse, for three numbers: rows (count, 3, W) = what `value` makes of the weights at each place, times their
// scale. Columns from k on become zero, as `turned` starts as zeros.
template <class W, class Value>
void from_columns(W /*width*/, const MeshView& mesh, const Value& value, const Weights& weights, float* rows) {
    using C = FewColumns<W>;
    const int64_t count = weights.count;
    float factor[W::value] = {};
    for (int32_t c = 0; c < weights.k; ++c) factor[c] = static_cast<float>(weights.scale[c]);
#pragma omp parallel for schedule(dynamic, 16)
    for (int64_t t = 0; t < (count + field_tile - 1) / field_tile; ++t) {
        const int64_t begin = t * field_tile, end = begin + field_tile < count ? begin + field_tile : count;
        float turned[3 * field_tile * W::value] = {};
        turn(weights.values + 3 * begin, 3 * count, weights.k, 3 * (end - begin), turned, W::value);
        for (int64_t i = begin; i < end; ++i) {
            const auto geometry = vectors_of(value, mesh, i);
            for (C c{0}; c.first < W::value; c.first += C::count) {
                typename C::F numbers[3];
                const auto f = C::F::load(factor + c.first);
                for (int d = 0; d < 3; ++d) numbers[d] = f * C::F::load(turned + c.at(3 * (i - begin) + d));
                value(geometry.row, numbers);
                for (int d = 0; d < 3; ++d) store_as(numbers[d], rows + c.at(3 * i + d));
            }
        }
    }
}

}  // namespace HEADFIELD_ISA
}  // namespace headfield
