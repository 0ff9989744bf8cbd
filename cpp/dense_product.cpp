// SPDX-License-Identifier: BSD-3-Clause
// The loop of dense_product.hpp: a tile of four rows and two registers of columns stays in registers while the inner
// index runs; b is read once for four rows of a, and a panel of it stays in the cache.
#include "dense_product.hpp"

#include <algorithm>

#include "simd.hpp"

namespace headfield {
inline namespace HEADFIELD_ISA {

namespace {

constexpr int tile_rows = 4;
constexpr int tile_columns = 16;
constexpr int64_t few = 1 << 18;  // multiplications that one thread does sooner than others wake

using Line = Pack<float, tile_columns>;

// R rows from a row on, and 16 columns from a column on.
template <int R>
void whole_tile(int64_t inner, int64_t columns, const float* a, const float* b, float* out) {
    Line sum[R];
    for (int r = 0; r < R; ++r) sum[r] = Line::all(0.f);
    for (int64_t q = 0; q < inner; ++q) {
        const Line line = Line::load(b + q * columns);
        for (int r = 0; r < R; ++r) sum[r] = fma(Line::all(a[r * inner + q]), line, sum[r]);
    }
    for (int r = 0; r < R; ++r) sum[r].store(out + r * columns);
}

// The same for the last columns, by numbers: the operations are those of a lane.
void last_columns(int64_t rows, int64_t inner, int64_t columns, int64_t begin, const float* a, const float* b,
                  float* out) {
    for (int64_t r = 0; r < rows; ++r) {
        for (int64_t c = begin; c < columns; ++c) {
            float sum = 0.f;
            for (int64_t q = 0; q < inner; ++q) sum = multiply_add(a[r * inner + q], b[q * columns + c], sum);
            out[r * columns + c] = sum;
        }
    }
}

}  // namespace

void product_loop(int64_t rows, int64_t inner, int64_t columns, const float* a, const float* b, float* out) {
    const int64_t whole = columns / tile_columns * tile_columns;
#pragma omp parallel for schedule(static) if (rows * inner * columns > few)
    for (int64_t r = 0; r < rows; r += tile_rows) {
        const int64_t count = std::min<int64_t>(tile_rows, rows - r);
        const float* from = a + r * inner;
        float* to = out + r * columns;
        for (int64_t c = 0; c < whole; c += tile_columns) {
            switch (count) {
                case 4: whole_tile<4>(inner, columns, from, b + c, to + c); break;
                case 3: whole_tile<3>(inner, columns, from, b + c, to + c); break;
                case 2: whole_tile<2>(inner, columns, from, b + c, to + c); break;
                default: whole_tile<1>(inner, columns, from, b + c, to + c);
            }
        }
        last_columns(count, inner, columns, whole, from, b, to);
    }
}

}  // namespace HEADFIELD_ISA
}  // namespace headfield
