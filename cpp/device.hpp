// SPDX-License-Identifier: BSD-3-Clause
// What differs between `_cpu` and `_cuda` for the algorithms and the bindings, which are written once and compiled for
// each: where arrays lie, how bytes get there, and how numbers are stored inside the V-cycle. This is the CPU's side,
// on which nothing is ever copied; cuda/device.hpp defines the same names for a GPU.
#pragma once

#if defined(HEADFIELD_CUDA)
#include "../cuda/device.hpp"
#else

#include <string>
#include <vector>

#include "buffer.hpp"
#include "views.hpp"

namespace headfield {

// Numbers of block vectors that come down in the V-cycle.
using Real = float;

// Rows of a window: products with one column take the rows of each in the order of their lengths (single_column.hpp).
constexpr int window_rows = 512;

// A matrix with that order: numbers within their window of the rows (rows,), the shortest first.
struct Matrix : CsrView<float> {
    const uint16_t* by_length;
};
using FineMatrix = Matrix;  // that of the iteration
using RowOrders = std::vector<Buffer<uint16_t> >;

// Rows of matrices are not padded here, see cuda/device.hpp.
constexpr int row_step = 1;

// A dense matrix (rows, rows).
struct DenseView {
    int32_t rows;
    const float* val;
};

// Whether loops run on after they were called, a whole iteration of them as one.
constexpr bool asynchronous = false;

// Widths that the loops are compiled for.
constexpr int widths[] = {1, 4, 8, 16, 32};

template <class T>
using DeviceBuffer = Buffer<T>;

// What a device keeps of something that was built on the host: here the thing itself.
template <class Host>
using Kept = Host;

// The host's numbers where the loops look for them, for as long as both live.
template <class T>
class OnDevice {
public:
    explicit OnDevice(const std::vector<T>& host) : values_(host.data()) {}
    const T* data() const { return values_; }

private:
    const T* values_;
};

// Numbers that host and device exchange in both directions: here they are the same ones.
class Mirror {
public:
    explicit Mirror(std::size_t size) : values_(size) {}
    double* host() { return values_.data(); }
    double* device() { return values_.data(); }
    void push(std::size_t /*begin*/, std::size_t /*end*/) {}
    void pull(std::size_t /*begin*/, std::size_t /*end*/) {}

private:
    std::vector<double> values_;
};

// A sequence of verbs that is repeated with the same arguments, which a GPU records and replays. A CPU just runs it.
class Recording {
public:
    template <class Body>
    void run(Body body) {
        body();
    }
    std::string problem() const { return {}; }
};

}  // namespace headfield
#endif
