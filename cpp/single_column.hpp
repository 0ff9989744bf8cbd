// SPDX-License-Identifier: BSD-3-Clause
// Products of a matrix with a block vector of one column, on CPU cores. A row by itself is a chain of multiply-adds that
// each wait for the one before, and ends where no processor foresees it. So a chunk of rows is computed at once, eight
// rows of about the same length side by side, each in the order of its entries: the bits are those of a row by itself.
// Compiled once per instruction set.
#pragma once

#include <cstdint>

#include "device.hpp"
#include "simd.hpp"

namespace headfield {
inline namespace HEADFIELD_ISA {

// The rest of row i of a product, from its entry k on.
inline float finish_row(const Matrix& m, int64_t i, int32_t k, const float* x, float sum) {
    for (; k < m.ptr[i + 1]; ++k) sum = multiply_add(m.val[k], x[m.col[k]], sum);
    return sum;
}

// Asks the caches for the matrix's entries first…last − 1. Rows that are taken by length don't lie one after the other,
// so the processor does not fetch ahead of itself.
inline void fetch_entries(const Matrix& m, int64_t first, int64_t last) {
    for (int64_t k = first; k < last; k += 16) {
        __builtin_prefetch(m.val + k, 0, 2);
        __builtin_prefetch(m.col + k, 0, 2);
    }
}

// Eight rows of a window, by their numbers within it, the shortest first.
inline void multiply_eight(const Matrix& m, int64_t begin, const uint16_t* rows, const float* x, float* product) {
    constexpr int together = 8;
    int64_t first[together];
    float sum[together];
    for (int r = 0; r < together; ++r) {
        first[r] = m.ptr[begin + rows[r]];
        sum[r] = 0.f;
    }
    const int64_t shortest = m.ptr[begin + rows[0] + 1] - first[0],
                  longest = m.ptr[begin + rows[together - 1] + 1] - first[together - 1];
    const int32_t* col = m.col;  // both move on, which leaves a register for each row
    for (const float *val = m.val, *end = val + shortest; val != end; ++val, ++col) {
        for (int r = 0; r < together; ++r) sum[r] = multiply_add(val[first[r]], x[col[first[r]]], sum[r]);
    }
    for (int r = 0; r < together && longest > shortest; ++r) {
        sum[r] = finish_row(m, begin + rows[r], static_cast<int32_t>(first[r] + shortest), x, sum[r]);
    }
    for (int r = 0; r < together; ++r) product[rows[r]] = sum[r];
}

// product[i − begin] = (M x)_i for the rows begin…end − 1 of a window. A function of its own: within a larger one there
// are not registers enough.
__attribute__((noinline)) static void multiply_window(const Matrix& m, int64_t begin, int64_t end, const float* x,
                                                      float* product) {
    constexpr int64_t together = 8, ahead = (256 << 10) / sizeof(float);
    const int64_t count = end - begin, after = end + window_rows < m.rows ? end + window_rows : m.rows;
    const int64_t next = m.ptr[end], share = (m.ptr[after] - next) / (count / together + 1) + 1;
    const uint16_t* rows = m.by_length + begin;
    int64_t k = 0;
    for (; k + together <= count; k += together) {
        const int64_t from = next + k / together * share, to = from + share;
        fetch_entries(m, from, to < m.ptr[after] ? to : m.ptr[after]);
        // x streams into the cache ahead of what rows gather from all around, as in fetch_ahead().
        if (m.rows == m.cols && begin + k + ahead < m.cols) __builtin_prefetch(x + begin + k + ahead, 0, 2);
        multiply_eight(m, begin, rows + k, x, product);
    }
    for (; k < count; ++k) product[rows[k]] = finish_row(m, begin + rows[k], m.ptr[begin + rows[k]], x, 0.f);
}

// Products of the rows of one chunk, each matrix's computed when the first of them is asked for. A body multiplies by
// two matrices at most, each that has entries by one vector, and does not change what it multiplies.
class ChunkProducts {
public:
    ChunkProducts(int64_t begin, int64_t end) : begin_(begin), end_(end) {}
    // (M x)_i
    __attribute__((always_inline)) float row(const Matrix& m, int64_t i, const float* x) {
        Part& part = parts_[parts_[0].values && parts_[0].values != m.val];
        if (part.values != m.val) {
            multiply_window(m, begin_, end_, x, part.product);
            part.values = m.val;
        }
        return part.product[i - begin_];
    }

private:
    struct Part {
        const float* values = nullptr;  // of the matrix that it is for
        float product[window_rows];
    };
    int64_t begin_, end_;
    Part parts_[2];
};

}  // namespace HEADFIELD_ISA
}  // namespace headfield
