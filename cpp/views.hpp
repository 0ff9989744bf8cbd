// SPDX-License-Identifier: BSD-3-Clause
// Small views that cross from algorithms to loops. They own nothing, and are copied by value, to a GPU too.
#pragma once

#include <cstdint>

namespace headfield {

// Compressed sparse rows: row i holds columns col[ptr[i]…ptr[i+1]) and values val[…].
template <class T>
struct CsrView {
    int32_t rows;
    int32_t cols;
    const int32_t* ptr;
    const int32_t* col;
    const T* val;

    // Rows begin…end − 1.
    CsrView part(int64_t begin, int64_t end) const {
        return {static_cast<int32_t>(end - begin), cols, ptr + begin, col, val};
    }
};

// A sum of matrices that share rows and columns, one for each tissue, each times a factor of its own in every column of
// a block vector. Row i has the parts first[i]…first[i+1]); part k is a row of the matrix of tissue[k], with the entries
// ptr[k]…ptr[k+1).
template <class T>
struct MixtureView {
    int32_t rows;
    const int32_t *first, *tissue;
    const int32_t *ptr, *col;
    const T* val;
    const double* factors;  // (tissues, W)
};

// Where the entries of a matrix lie, column by column, so that a transpose can be gathered: column i has entries
// entry[ptr[i]…ptr[i+1]) of the matrix, which lie in its rows row[…], ascending.
struct TransposedView {
    int32_t columns;
    const int32_t *ptr, *row, *entry;
};

// Linear tetrahedra: nodes (n, 3) in m, tets (m, 4).
struct MeshView {
    const double* nodes;
    const int32_t* tets;
    int64_t n_nodes;
    int64_t n_tets;
};

}  // namespace headfield
