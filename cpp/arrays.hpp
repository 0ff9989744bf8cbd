// SPDX-License-Identifier: BSD-3-Clause
// Arrays at the boundary to Python: what each argument must look like is checked here, once, with the argument's name
// in the message (std::invalid_argument, a ValueError there). In `_cpu` an Array is a NumPy array, in `_cuda` one on
// the device (cuda/arrays.hpp), which defines the same names.
#pragma once

#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <algorithm>
#include <initializer_list>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#include "device.hpp"

namespace headfield {

namespace py = pybind11;

// A NumPy array that is taken as it is: C-contiguous and of exactly this dtype. Arguments are declared with
// noconvert(), so that pybind11 converts nothing behind the caller's back.
template <class T>
using HostArray = py::array_t<T, py::array::c_style>;

// Returns a NumPy array that owns the vector's memory, without a copy.
template <class T>
py::array_t<T> to_numpy(std::vector<T>&& v, std::vector<py::ssize_t> shape) {
    auto* owned = new std::vector<T>(std::move(v));
    py::capsule free(owned, [](void* p) { delete static_cast<std::vector<T>*>(p); });
    return py::array_t<T>(std::move(shape), owned->data(), free);
}

// The same of rows of numbers, such as points: (rows, numbers in each).
template <class T, class Row>
py::array_t<T> rows_to_numpy(std::vector<Row>&& rows) {
    auto* owned = new std::vector<Row>(std::move(rows));
    py::capsule free(owned, [](void* p) { delete static_cast<std::vector<Row>*>(p); });
    const std::vector<py::ssize_t> shape{static_cast<py::ssize_t>(owned->size()), sizeof(Row) / sizeof(T)};
    return py::array_t<T>(shape, reinterpret_cast<const T*>(owned->data()), free);
}

// Counts the indices that lie outside 0…n−1.
inline int64_t count_outside(const HostArray<int32_t>& a, int64_t n) {
    const int32_t* p = a.data();
    int64_t bad = 0;
#pragma omp parallel for schedule(static) reduction(+ : bad)
    for (py::ssize_t k = 0; k < a.size(); ++k) bad += p[k] < 0 || p[k] >= n;
    return bad;
}

}  // namespace headfield

#if defined(HEADFIELD_CUDA)
#include "../cuda/arrays.hpp"
#else

namespace headfield {

template <class T>
using Array = HostArray<T>;

// While one lives, native code runs without the interpreter's lock. Arrays may not be made or dropped meanwhile:
// functions take pointers out of them first.
using Running = py::gil_scoped_release;

// What a device adds to the module: nothing here.
inline void bind_device(py::module_& /*m*/) {}

// Returns an array of what the host has built, where the loops look for it.
template <class T>
Array<T> to_array(std::vector<T>&& v, std::vector<py::ssize_t> shape) {
    return to_numpy(std::move(v), std::move(shape));
}

// The numbers of an array where the host can read them, for as long as both live: here the array's own.
template <class T>
struct OnHost {
    explicit OnHost(const Array<T>& a) : values(a.data()) {}
    const T* data() const { return values; }
    const T* values;
};

// Whether ptr (n + 1,) ascends from 0 to nnz.
inline bool is_row_pointer(const Array<int32_t>& a, int64_t nnz) {
    const int32_t* ptr = a.data();
    const int64_t n = a.size() - 1;
    bool good = ptr[0] == 0 && ptr[n] == nnz;
    for (int64_t i = 0; good && i < n; ++i) good = ptr[i] <= ptr[i + 1];
    return good;
}

}  // namespace headfield
#endif

namespace headfield {

// Throws unless `a` has the given shape; -1 stands for any length.
template <class A>
void check_shape(const A& a, const char* name, std::initializer_list<py::ssize_t> shape) {
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

// Throws unless every index lies in [0, n).
template <class A>
void check_indices(const A& a, const char* name, int64_t n) {
    if (count_outside(a, n)) {
        throw std::invalid_argument(std::string(name) + " holds an index outside 0…" + std::to_string(n - 1));
    }
}

// Throws unless `width` is one of the widths that the loops are compiled for.
inline void check_width(py::ssize_t width) {
    std::string known;
    for (const int w : widths) {
        if (w == width) return;
        known += (known.empty() ? "" : ", ") + std::to_string(w);
    }
    throw std::invalid_argument("a block has one of " + known + " columns, not " + std::to_string(width));
}

// Returns the length k of `scale`, how many columns of a block are in use; throws if there are more than it has.
inline int32_t count_scaled(const Array<double>& scale, py::ssize_t width) {
    check_shape(scale, "scale", {-1});
    if (scale.size() > width) throw std::invalid_argument("scale holds more numbers than the block has columns");
    return static_cast<int32_t>(scale.size());
}

// Whether conductivities of the tetrahedra are tensors (m, 3, 3), not numbers (m,); throws if they are neither.
inline bool check_conductivity(const Array<double>& sigma, const MeshView& mesh) {
    const bool tensor = sigma.ndim() == 3;
    tensor ? check_shape(sigma, "sigma", {mesh.n_tets, 3, 3}) : check_shape(sigma, "sigma", {mesh.n_tets});
    return tensor;
}

// ∂A/∂t (n, 3, W), or None where sources have no vector potential, such as electrodes.
using Rates = std::optional<Array<float>>;

// Checks the shape and returns the numbers, or null if there are none.
inline const float* check_rates(const Rates& adot, py::ssize_t n, py::ssize_t width) {
    if (!adot) return nullptr;
    check_shape(*adot, "adot", {n, 3, width});
    return adot->data();
}

// Add the parts of the module, each defined in the file of its name (bindings_*.cpp).
void bind_host(py::module_& m);
void bind_currents(py::module_& m);
void bind_mesher(py::module_& m);
void bind_images(py::module_& m);
void bind_zoom(py::module_& m);
void bind_operators(py::module_& m);
void bind_primary(py::module_& m);
void bind_recovery(py::module_& m);
void bind_refine(py::module_& m);
void bind_solver(py::module_& m);
void bind_transposes(py::module_& m);
void bind_triangles(py::module_& m);

}  // namespace headfield
