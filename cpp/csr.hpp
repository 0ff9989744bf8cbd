// SPDX-License-Identifier: BSD-3-Clause
// Sparse matrices that own their memory, and the one parallel loop that builds them row by row. Only set-up on the host
// works on these; loops take a CsrView (views.hpp).
#pragma once

#include <algorithm>
#include <cstdint>
#include <limits>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "buffer.hpp"
#include "first_error.hpp"
#include "views.hpp"

namespace headfield {

constexpr int32_t few_rows = 10000;  // up to so many are not worth waking threads for

// Compressed sparse rows, as CsrView.
template <class T>
struct Csr {
    int32_t rows = 0, cols = 0;
    Buffer<int32_t> ptr, col;
    Buffer<T> val;

    int64_t nnz() const { return static_cast<int64_t>(col.size()); }
    CsrView<T> view() const { return {rows, cols, ptr.data(), col.data(), val.data()}; }
};

// Builds a matrix row by row: `scratch()` makes one work space a thread, `row(i, work, cols, vals)` appends the columns
// and values of row i. Rows are independent, so the result does not depend on the number of threads. How long they will
// be is not known before, so each chunk of rows grows vectors of its own, which are joined at the end. Polls.
template <class T, class Scratch, class Row>
Csr<T> build_rows(int32_t rows, int32_t cols, Scratch scratch, Row row, const Poll& poll) {
    constexpr int32_t chunk = 2048;
    const int32_t n_chunks = (rows + chunk - 1) / chunk;
    struct Piece {
        std::vector<int32_t> col;
        std::vector<T> val;
    };
    std::vector<Piece> pieces(n_chunks);
    Csr<T> m;
    m.rows = rows;
    m.cols = cols;
    m.ptr = Buffer<int32_t>(static_cast<size_t>(rows) + 1);
    FirstError error(poll);
#pragma omp parallel if (n_chunks > 1)
    {
        std::optional<decltype(scratch())> work;
        error.run([&] { work.emplace(scratch()); });
#pragma omp for schedule(dynamic, 1)
        for (int32_t c = 0; c < n_chunks; ++c) {
            error.run([&] {
                Piece& p = pieces[c];
                const int32_t end = std::min(rows, (c + 1) * chunk);
                for (int32_t i = c * chunk; work && i < end; ++i) {
                    row(i, *work, p.col, p.val);
                    m.ptr[i + 1] = static_cast<int32_t>(p.col.size());  // within the chunk; made global below
                }
            });
        }
    }
    error.rethrow();
    std::vector<int64_t> start(n_chunks + 1, 0);
    for (int32_t c = 0; c < n_chunks; ++c) start[c + 1] = start[c] + static_cast<int64_t>(pieces[c].col.size());
    if (start[n_chunks] > std::numeric_limits<int32_t>::max()) {
        throw std::length_error("the matrix has more than 2^31 nonzeros");
    }
    m.col = Buffer<int32_t>(start[n_chunks]);
    m.val = Buffer<T>(start[n_chunks]);
#pragma omp parallel for schedule(static) if (n_chunks > 1)
    for (int32_t c = 0; c < n_chunks; ++c) {
        const int32_t end = std::min(rows, (c + 1) * chunk);
        for (int32_t i = c * chunk; i < end; ++i) m.ptr[i + 1] += static_cast<int32_t>(start[c]);
        std::copy(pieces[c].col.begin(), pieces[c].col.end(), m.col.data() + start[c]);
        std::copy(pieces[c].val.begin(), pieces[c].val.end(), m.val.data() + start[c]);
        pieces[c] = Piece{};  // gives its memory back at once: the matrix is not there twice as a whole
    }
    return m;
}

// Returns the matrix with its values rounded. It takes over the pattern of `a`, which keeps its values.
inline Csr<float> rounded(Csr<double>& a) {
    Csr<float> m;
    m.rows = a.rows;
    m.cols = a.cols;
    m.ptr = std::move(a.ptr);
    m.col = std::move(a.col);
    m.val = Buffer<float>(a.val.size());
#pragma omp parallel for schedule(static)
    for (int64_t i = 0; i < m.nnz(); ++i) m.val[i] = static_cast<float>(a.val[i]);
    return m;
}

// Calls place(at, i, k) for entry k of every row i, in order, where `at` is its place among the entries sorted by
// columns. Fills `ptr` (cols + 1,), which must come in as zeros, with where each column begins. Counts, then places (a
// counting sort), so the entries of a column stay in the order of their rows.
template <class Place>
void transpose(int32_t rows, int32_t cols, const int32_t* row_ptr, const int32_t* col, int32_t* ptr, Place place) {
    for (int32_t k = 0; k < row_ptr[rows]; ++k) ++ptr[col[k] + 1];
    for (int32_t j = 0; j < cols; ++j) ptr[j + 1] += ptr[j];
    std::vector<int32_t> next(ptr, ptr + cols);
    for (int32_t i = 0; i < rows; ++i) {
        for (int32_t k = row_ptr[i]; k < row_ptr[i + 1]; ++k) place(next[col[k]]++, i, k);
    }
}

// Aᵀ, whose columns ascend in every row.
template <class T>
Csr<T> transposed(const Csr<T>& a) {
    Csr<T> m;
    m.rows = a.cols;
    m.cols = a.rows;
    m.ptr = Buffer<int32_t>(static_cast<size_t>(a.cols) + 1);
    m.col = Buffer<int32_t>(a.col.size());
    m.val = Buffer<T>(a.val.size());
    transpose(a.rows, a.cols, a.ptr.data(), a.col.data(), m.ptr.data(), [&](int32_t at, int32_t i, int32_t k) {
        m.col[at] = i;
        m.val[at] = a.val[k];
    });
    return m;
}

}  // namespace headfield
