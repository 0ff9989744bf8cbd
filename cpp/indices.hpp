// SPDX-License-Identifier: BSD-3-Clause
// Arrays of indices at the boundary. An index out of range would end the process, so every one is looked at. For an
// array that Python has made an object of Indices this is done once; a plain array is looked at in every call that it
// is given to. On a GPU a look has to wait for the device, so what is used for every batch is made an object.
#pragma once

#include <utility>

#include "arrays.hpp"

namespace headfield {

// An array of indices, with what is known of it.
class Indices {
public:
    Indices() = default;
    // Throws unless all lie in 0…below − 1; a row pointer must ascend from 0 to below − 1. Where `below` is 0 nothing
    // is looked at, and each call checks for itself: that is what a plain array is converted to.
    Indices(Array<int32_t> array, int64_t below, bool row_pointer) : array_(std::move(array)) {
        if (below == 0) return;
        if (row_pointer) {
            check_shape(array_, "array", {-1});
            if (array_.size() == 0 || !headfield::is_row_pointer(array_, below - 1)) {
                throw std::invalid_argument("array does not ascend from 0 to " + std::to_string(below - 1));
            }
        } else {
            check_indices(array_, "array", below);
        }
        below_ = below;
        row_pointer_ = row_pointer;
    }

    // Throws unless all lie in 0…n − 1. What was checked against a smaller bound is not looked at again.
    void check(const char* name, int64_t n) const {
        if (below_ == 0 || below_ > n) check_indices(array_, name, n);
    }
    // Whether they ascend from 0 to nnz.
    bool is_row_pointer(int64_t nnz) const {
        return row_pointer_ ? below_ == nnz + 1 : headfield::is_row_pointer(array_, nnz);
    }

    py::ssize_t ndim() const { return array_.ndim(); }
    py::ssize_t shape(py::ssize_t d) const { return array_.shape(d); }
    py::ssize_t size() const { return array_.size(); }
    const int32_t* data() const { return array_.data(); }
    const Array<int32_t>& array() const { return array_; }

private:
    Array<int32_t> array_;
    int64_t below_ = 0;  // 0 where nothing has been looked at
    bool row_pointer_ = false;
};

// Checks nodes (n, 3) and tets (m, 4), and returns a view of both.
inline MeshView mesh_view(const Array<double>& nodes, const Indices& tets) {
    check_shape(nodes, "nodes", {-1, 3});
    check_shape(tets, "tets", {-1, 4});
    tets.check("tets", nodes.shape(0));
    return {nodes.data(), tets.data(), nodes.shape(0), tets.shape(0)};
}

// Checks a pattern whose columns lie in 0…cols − 1, or which is square if `cols` is negative; returns the number of
// rows.
inline int32_t check_pattern(const Indices& ptr, const Indices& col, int64_t cols) {
    check_shape(ptr, "indptr", {-1});
    check_shape(col, "indices", {-1});
    const auto n = static_cast<int32_t>(ptr.shape(0) - 1);
    if (n < 0 || !ptr.is_row_pointer(col.shape(0))) {
        throw std::invalid_argument("indptr does not describe the rows of indices");
    }
    col.check("indices", cols < 0 ? n : cols);
    return n;
}

// Checks a matrix of such a pattern, with `values_each` numbers an entry, and returns a view of it.
template <class T>
CsrView<T> csr_view(const Indices& ptr, const Indices& col, const Array<T>& val, int values_each, int64_t cols = -1) {
    const int32_t n = check_pattern(ptr, col, cols);
    if (val.size() != col.size() * values_each) throw std::invalid_argument("values and indices differ in length");
    return {n, static_cast<int32_t>(cols < 0 ? n : cols), ptr.data(), col.data(), val.data()};
}

}  // namespace headfield
