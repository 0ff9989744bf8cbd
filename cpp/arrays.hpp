// SPDX-License-Identifier: BSD-3-Clause
// NumPy arrays at the boundary: what each argument must look like is checked here, once, with the argument's name in
// the message.
#pragma once

#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>

#include <algorithm>
#include <initializer_list>
#include <stdexcept>
#include <string>
#include <vector>

#include "views.hpp"

namespace headfield {

namespace py = pybind11;

// An array that is taken as it is: C-contiguous and of exactly this dtype, never converted behind the caller's back.
template <class T>
using Array = py::array_t<T, py::array::c_style>;

// Throws unless `a` has the given shape; -1 stands for any length.
template <class T>
void check_shape(const Array<T>& a, const char* name, std::initializer_list<py::ssize_t> shape) {
    bool good = a.ndim() == static_cast<py::ssize_t>(shape.size());
    py::ssize_t d = 0;
    std::string wanted;
    for (const py::ssize_t s : shape) {
        good = good && (s < 0 || a.shape(d) == s);
        wanted += (d++ ? ", " : "") + (s < 0 ? std::string("any") : std::to_string(s));
    }
    if (good) return;
    std::string got;
    for (d = 0; d < a.ndim(); ++d) got += (d ? ", " : "") + std::to_string(a.shape(d));
    throw std::invalid_argument(std::string(name) + " must have shape (" + wanted + "), not (" + got + ")");
}

// A NumPy array that owns the vector's memory: no copy.
template <class T>
py::array_t<T> to_array(std::vector<T>&& v, std::vector<py::ssize_t> shape) {
    auto* owned = new std::vector<T>(std::move(v));
    py::capsule free(owned, [](void* p) { delete static_cast<std::vector<T>*>(p); });
    return py::array_t<T>(std::move(shape), owned->data(), free);
}

// Throws unless every index lies in [0, n).
inline void check_indices(const Array<int32_t>& a, const char* name, int64_t n) {
    const int32_t* p = a.data();
    int64_t bad = 0;
#pragma omp parallel for schedule(static) reduction(+ : bad)
    for (py::ssize_t k = 0; k < a.size(); ++k) bad += p[k] < 0 || p[k] >= n;
    if (bad) throw std::invalid_argument(std::string(name) + " holds an index outside 0…" + std::to_string(n - 1));
}

// Throws unless `width` is one of the widths that the loops are compiled for.
inline void check_width(py::ssize_t width) {
    for (const int w : {1, 4, 8, 16, 32}) {
        if (w == width) return;
    }
    throw std::invalid_argument("a block has 1, 4, 8, 16 or 32 columns, not " + std::to_string(width));
}

// `scale` followed by zeros up to `width` numbers.
inline std::vector<double> pad(const Array<double>& scale, py::ssize_t width) {
    check_shape(scale, "scale", {-1});
    if (scale.size() > width) throw std::invalid_argument("scale holds more numbers than the block has columns");
    std::vector<double> padded(width, 0.0);
    std::copy(scale.data(), scale.data() + scale.size(), padded.begin());
    return padded;
}

inline MeshView mesh_view(const Array<double>& nodes, const Array<int32_t>& tets) {
    check_shape(nodes, "nodes", {-1, 3});
    check_shape(tets, "tets", {-1, 4});
    return {nodes.data(), tets.data(), nodes.shape(0), tets.shape(0)};
}

template <class T>
CsrView<T> csr_view(const Array<int32_t>& ptr, const Array<int32_t>& col, const Array<T>& val, int values_each) {
    check_shape(ptr, "indptr", {-1});
    check_shape(col, "indices", {-1});
    if (val.size() != col.size() * values_each) throw std::invalid_argument("values and indices differ in length");
    const auto n = static_cast<int32_t>(ptr.shape(0) - 1);
    bool good = n >= 0 && ptr.data()[0] == 0 && ptr.data()[n] == col.shape(0);
    for (int32_t i = 0; good && i < n; ++i) good = ptr.data()[i] <= ptr.data()[i + 1];
    if (!good) throw std::invalid_argument("indptr does not describe the rows of indices");
    return {n, n, ptr.data(), col.data(), val.data()};
}

// The parts of the module, a file each.
void bind_operators(py::module_& m);
void bind_primary(py::module_& m);
void bind_solver(py::module_& m);

}  // namespace headfield
