// SPDX-License-Identifier: BSD-3-Clause
// The GPU's side of cpp/device.hpp, with the same names: memory of CuPy's pool, work on the caller's stream, 16-bit
// numbers in the V-cycle.
#pragma once

#include <cuda_fp16.h>
#include <cuda_runtime.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "../cpp/views.hpp"

namespace headfield {

// Residuals and first guesses inside the V-cycle, rounded to 11 bits and clamped to ±65504: half the bytes, for no
// iteration more. (Corrections in 16 bits cost three more on a head of 0.7 M nodes.)
using Real = __half;

// A matrix of the V-cycle: m_ij = scale_i val. Rows are padded to multiples of `row_step` entries, so that a thread
// loads four at a time: a padded entry has the value 0 and repeats a column of its row.
constexpr int row_step = 4;
struct Matrix {
    int32_t rows, cols;
    const int32_t* ptr;
    const int32_t* col;         // null where there are at most 2^16 columns
    const uint16_t* short_col;  // in its place there, half the bytes; else null
    const __half* val;
    const float* scale;  // (rows,)
    int32_t sharers;     // threads that share a row, see cuda/products.hpp
};

// The matrix of the iteration. The CPU's side keeps orders of rows for products with one column.
using FineMatrix = CsrView<float>;
struct RowOrders {};

// A dense matrix (rows, padded); its columns from `rows` on are zero.
struct DenseView {
    int32_t rows, padded;
    const float* val;
    int32_t sharers;
};

// See cpp/device.hpp. Between loops that are being recorded nothing else may happen; they take milliseconds together.
constexpr bool asynchronous = true;

// Widths that the loops are compiled for. The sanitizers' build takes fewer, as each takes a minute there.
#ifndef HEADFIELD_GPU_WIDTHS
#define HEADFIELD_GPU_WIDTHS 1, 4, 8, 16, 32, 64
#endif
constexpr int widths[] = {HEADFIELD_GPU_WIDTHS};

// An error that a call of CUDA's returned; becomes a DeviceError in Python.
struct DeviceFailure : std::runtime_error {
    using std::runtime_error::runtime_error;
};

// Throws DeviceFailure with CUDA's words, unless the call went well.
void check(cudaError_t code, const char* what);

// Where this thread's work goes: the caller's stream (see Running), or one that records.
cudaStream_t current_stream();
cudaStream_t set_stream(cudaStream_t stream);  // returns the one before

// Memory from CuPy's pool, given back to it with the last owner.
struct DeviceMemory {
    std::shared_ptr<void> owner;
    void* data = nullptr;
};
DeviceMemory allocate(std::size_t bytes);

// Starts a copy. `from` must stay as it is until the stream has been waited for.
void copy_to_device(void* to, const void* from, std::size_t bytes);
// Waits for all work on the stream.
void wait();
// Copies, and waits for the stream.
void copy_to_host(void* to, const void* from, std::size_t bytes);

// `size` numbers on the device. They are not set to zero, unlike those of a Buffer: what needs zeros sets them.
template <class T>
class DeviceBuffer {
public:
    DeviceBuffer() = default;
    explicit DeviceBuffer(std::size_t size)
        : size_(size), memory_(size ? allocate(size * sizeof(T)) : DeviceMemory{}) {}
    T* data() const { return static_cast<T*>(memory_.data); }
    std::size_t size() const { return size_; }

private:
    std::size_t size_ = 0;
    DeviceMemory memory_;
};

// A copy of the host's numbers, which has arrived when the constructor returns.
template <class T>
class OnDevice {
public:
    explicit OnDevice(const std::vector<T>& host) : buffer_(host.size()) {
        copy_to_device(buffer_.data(), host.data(), host.size() * sizeof(T));
        wait();
    }
    const T* data() const { return buffer_.data(); }

private:
    DeviceBuffer<T> buffer_;
};

// The device keeps the memory of its copies, and nothing of what they were copied from.
template <class Host>
using Kept = std::vector<DeviceMemory>;

// Numbers in two places: push() takes some to the device, pull() brings some back and waits for them.
class Mirror {
public:
    explicit Mirror(std::size_t size) : host_(size), device_(size) {}
    double* host() { return host_.data(); }
    double* device() { return device_.data(); }
    void push(std::size_t begin, std::size_t end) {
        copy_to_device(device_.data() + begin, host_.data() + begin, (end - begin) * sizeof(double));
    }
    void pull(std::size_t begin, std::size_t end) {
        copy_to_host(host_.data() + begin, device_.data() + begin, (end - begin) * sizeof(double));
    }

private:
    std::vector<double> host_;
    DeviceBuffer<double> device_;
};

// A sequence of launches, recorded as a CUDA graph the second time and replayed from then on: a V-cycle on a narrow
// block is dozens of launches of a few microseconds each. The first time it runs as it is, and kernels are loaded.
// Where it can't be recorded it goes on running as it is, and says why: that is slower, and no error of the solve.
class Recording {
public:
    Recording() = default;
    Recording(const Recording&) = delete;
    Recording& operator=(const Recording&) = delete;
    ~Recording();
    template <class Body>
    void run(Body body) {
        if (ran_ && !graph_ && problem_.empty()) record(body);
        if (graph_) return replay();
        body();
        ran_ = true;
    }
    // Why it could not be recorded; empty if it was, or has not been tried.
    const std::string& problem() const { return problem_; }

private:
    template <class Body>
    void record(Body body) {
        try {
            begin();
            body();
            end();
        } catch (const DeviceFailure& failure) {
            abandon();
            problem_ = failure.what();
        } catch (...) {
            abandon();
            throw;
        }
    }
    void begin();
    void end();
    void abandon();
    void replay();

    bool ran_ = false;
    std::string problem_;
    cudaGraphExec_t graph_ = nullptr;
    cudaStream_t recorder_ = nullptr, before_ = nullptr;
};

}  // namespace headfield
