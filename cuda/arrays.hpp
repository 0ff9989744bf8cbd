// SPDX-License-Identifier: BSD-3-Clause
// The GPU's side of cpp/arrays.hpp: arrays on the device, taken through __cuda_array_interface__ and made by CuPy,
// whose memory pool all of headfield's device memory comes from.
#pragma once

#include <pybind11/stl.h>  // shapes are vectors: without it here, casts of them fail wherever a compiler inlines them

#include "../cpp/buffer.hpp"
#include "device.hpp"

namespace headfield {

// While one lives, native code runs without the interpreter's lock, and its work goes to CuPy's current stream, so that
// it is in order with what the caller does there. Nothing waits for that work unless it says so.
class Running {
public:
    Running() : before_(set_stream(current())), release_(std::make_unique<py::gil_scoped_release>()) {}
    ~Running() {
        release_.reset();
        set_stream(before_);
    }
    Running(const Running&) = delete;
    Running& operator=(const Running&) = delete;

private:
    static cudaStream_t current() {
        const py::object stream = py::module_::import("cupy").attr("cuda").attr("get_current_stream")();
        return reinterpret_cast<cudaStream_t>(stream.attr("ptr").cast<std::uintptr_t>());
    }
    cudaStream_t before_;
    std::unique_ptr<py::gil_scoped_release> release_;
};

// Makes a DeviceFailure headfield.errors.DeviceError in Python. Local to this module: `_cpu` doesn't know the type.
inline void bind_device(py::module_& /*m*/) {
    py::register_local_exception_translator([](std::exception_ptr p) {
        try {
            if (p) std::rethrow_exception(p);
        } catch (const DeviceFailure& e) {
            py::set_error(py::module_::import("headfield.errors").attr("DeviceError"), e.what());
        }
    });
}

// A C-contiguous array of T on the device. Nothing is converted or copied.
template <class T>
class Array {
public:
    Array() = default;
    explicit Array(std::vector<py::ssize_t> shape) {
        const py::object empty = py::module_::import("cupy").attr("empty");
        take(empty(py::tuple(py::cast(shape)), py::dtype::of<T>()));
    }

    // Takes the object, and keeps it alive; returns false unless it is such an array.
    bool take(py::handle source) {
        if (!py::hasattr(source, "__cuda_array_interface__")) return false;
        const py::dict facts = source.attr("__cuda_array_interface__");
        if (!py::dtype::of<T>().equal(py::dtype::from_args(facts["typestr"]))) return false;
        shape_ = facts["shape"].cast<std::vector<py::ssize_t>>();
        size_ = 1;
        for (const py::ssize_t s : shape_) size_ *= s;
        if (!is_contiguous(facts)) return false;
        const py::tuple data = facts["data"];
        data_ = reinterpret_cast<T*>(data[0].cast<std::uintptr_t>());
        writeable_ = !data[1].cast<bool>();
        object_ = py::reinterpret_borrow<py::object>(source);
        return true;
    }

    py::ssize_t ndim() const { return static_cast<py::ssize_t>(shape_.size()); }
    py::ssize_t shape(py::ssize_t d) const { return shape_[d]; }
    py::ssize_t size() const { return size_; }
    const T* data() const { return data_; }
    T* mutable_data() {
        if (!writeable_) throw std::domain_error("array is not writeable");
        return data_;
    }
    py::object object() const { return object_; }

private:
    // Whether it is C-contiguous. Strides along axes of length 1 may be anything.
    bool is_contiguous(const py::dict& facts) const {
        if (!facts.contains("strides") || facts["strides"].is_none() || size_ == 0) return true;
        const auto strides = facts["strides"].cast<std::vector<py::ssize_t>>();
        py::ssize_t step = sizeof(T);
        for (std::size_t d = shape_.size(); d-- > 0;) {
            if (shape_[d] != 1 && strides[d] != step) return false;
            step *= shape_[d];
        }
        return true;
    }

    py::object object_;
    std::vector<py::ssize_t> shape_;
    py::ssize_t size_ = 0;
    T* data_ = nullptr;
    bool writeable_ = false;
};

template <class T>
Array<T> to_array(std::vector<T>&& v, std::vector<py::ssize_t> shape) {
    Array<T> a(std::move(shape));
    Running run;
    copy_to_device(a.mutable_data(), v.data(), v.size() * sizeof(T));
    wait();  // v goes out of scope
    return a;
}

// A copy of the array, which has arrived when the constructor returns.
template <class T>
struct OnHost {
    explicit OnHost(const Array<T>& a) : values(a.size()) {
        Running run;
        copy_to_host(values.data(), a.data(), values.size() * sizeof(T));
    }
    const T* data() const { return values.data(); }
    Buffer<T> values;
};

// Loops of checks.cu; both wait for the device.
int64_t count_outside(const int32_t* p, int64_t size, int64_t n);
bool is_row_pointer(const int32_t* ptr, int64_t n, int64_t nnz);

// See cpp/arrays.hpp.
inline int64_t count_outside(const Array<int32_t>& a, int64_t n) {
    Running run;
    return count_outside(a.data(), a.size(), n);
}
inline bool is_row_pointer(const Array<int32_t>& ptr, int64_t nnz) {
    Running run;
    return is_row_pointer(ptr.data(), ptr.size() - 1, nnz);
}

}  // namespace headfield

namespace pybind11::detail {

// Lets bound functions take and return such arrays: an object that is not one makes pybind11 raise TypeError.
template <class T>
struct type_caster<headfield::Array<T>> {
    PYBIND11_TYPE_CASTER(headfield::Array<T>,
                         const_name("cupy.ndarray[") + npy_format_descriptor<T>::name + const_name("]"));
    bool load(handle source, bool /*convert*/) { return value.take(source); }
    static handle cast(const headfield::Array<T>& a, return_value_policy /*policy*/, handle /*parent*/) {
        return a.object().release();
    }
};

}  // namespace pybind11::detail
