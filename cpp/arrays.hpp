// SPDX-License-Identifier: BSD-3-Clause
// NumPy arrays at the boundary: what each argument must look like is checked here, once, with the argument's name in
// the message.
#pragma once

#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>

#include <initializer_list>
#include <stdexcept>
#include <string>
#include <vector>

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

}  // namespace headfield
