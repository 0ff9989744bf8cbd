// SPDX-License-Identifier: BSD-3-Clause
// Values of elements and points, a column a pose, turned into rows of poses on CPU cores. Compiled once per instruction set.
#pragma once

#include "element.hpp"
#include "field_rows.hpp"

namespace headfield {
inline namespace HEADFIELD_ISA {

// Some neighbouring columns of a block vector of W: what fits a register of float64, so that nothing is spilled.
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

// to[c * stride + v] = rows[v * W + c] for c < k and v < count.
template <class W>
void turn_tile(W /*width*/, const float* rows, int64_t count, int32_t k, int64_t stride, float* to) {
    constexpr int block = W::value < 4 ? 1 : 4;
    int32_t c = 0;
    for (; block == 4 && c + 4 <= k; c += 4) {
        int64_t v = 0;
        for (; v + 4 <= count; v += 4) transpose4(rows + v * W::value + c, W::value, to + c * stride + v, stride);
        for (; v < count; ++v) {
            for (int32_t i = c; i < c + 4; ++i) to[i * stride + v] = rows[v * W::value + i];
        }
    }
    for (; c < k; ++c) {
        for (int64_t v = 0; v < count; ++v) to[c * stride + v] = rows[v * W::value + c];
    }
}

constexpr int64_t field_tile = 32;  // elements whose values stay in cache while they are turned from rows to columns

// out[c, i, :] = scale_c times the N numbers a column that `value` finds, (k, count, N).
template <class W, class Value>
void by_columns(W width, const MeshView& mesh, const Value& value, int64_t count, int32_t k, const double* scale,
                float* out) {
    using C = FewColumns<W>;
    constexpr int N = Value::numbers;
    float factor[W::value] = {};
    for (int32_t c = 0; c < k; ++c) factor[c] = static_cast<float>(scale[c]);
#pragma omp parallel for schedule(dynamic, 16)
    for (int64_t t = 0; t < (count + field_tile - 1) / field_tile; ++t) {
        const int64_t begin = t * field_tile, end = begin + field_tile < count ? begin + field_tile : count;
        float rows[N * field_tile * W::value];
        for (int64_t i = begin; i < end; ++i) {
            TetGradients geometry;
            if constexpr (Value::geometric) geometry = tet_gradients(mesh, value.element(i));
            for (C c{0}; c.first < W::value; c.first += C::count) {
                typename C::F numbers[N];
                value(c, i, geometry.grad, numbers);
                const auto f = C::F::load(factor + c.first);
                for (int d = 0; d < N; ++d) store_as(f * numbers[d], rows + c.at(N * (i - begin) + d));
            }
        }
        turn_tile(width, rows, N * (end - begin), k, N * count, out + N * begin);
    }
}

}  // namespace HEADFIELD_ISA
}  // namespace headfield
