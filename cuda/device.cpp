// SPDX-License-Identifier: BSD-3-Clause
// Streams, memory and graphs, for the algorithms that are written once (see cpp/device.hpp). A C++ file and not a .cu,
// as it has no kernels and calls Python.
#include "device.hpp"

#include <pybind11/pybind11.h>

#include <new>
#include <string>

namespace headfield {

namespace py = pybind11;

void check(cudaError_t code, const char* what) {
    if (code == cudaSuccess) return;
    cudaGetLastError();  // takes the error back, which the next call would report again
    if (code == cudaErrorMemoryAllocation) throw std::bad_alloc();
    throw DeviceFailure(std::string(what) + ": " + cudaGetErrorString(code));
}

namespace {
thread_local cudaStream_t stream_of_thread = nullptr;
}

cudaStream_t current_stream() { return stream_of_thread; }

cudaStream_t set_stream(cudaStream_t stream) {
    const cudaStream_t before = stream_of_thread;
    stream_of_thread = stream;
    return before;
}

// Asks CuPy for memory, with the interpreter's lock, which a solve does not hold; the same goes for giving it back.
DeviceMemory allocate(std::size_t bytes) {
    py::gil_scoped_acquire lock;
    auto block = std::make_unique<py::object>(py::module_::import("cupy").attr("cuda").attr("alloc")(bytes));
    const auto address = block->attr("ptr").cast<std::uintptr_t>();
    auto release = [](void* p) {
        py::gil_scoped_acquire again;
        delete static_cast<py::object*>(p);
    };
    return {std::shared_ptr<void>(block.release(), release), reinterpret_cast<void*>(address)};
}

void copy_to_device(void* to, const void* from, std::size_t bytes) {
    if (bytes == 0) return;
    check(cudaMemcpyAsync(to, from, bytes, cudaMemcpyHostToDevice, current_stream()), "copy to the device");
}

void copy_to_host(void* to, const void* from, std::size_t bytes) {
    if (bytes == 0) return;
    check(cudaMemcpyAsync(to, from, bytes, cudaMemcpyDeviceToHost, current_stream()), "copy from the device");
    wait();
}

void wait() { check(cudaStreamSynchronize(current_stream()), "wait for the device"); }

void Recording::begin() {
    // The default stream can't record, so one that is made for it does; what it records runs on any stream. Other
    // threads may go on calling CUDA meanwhile (cudaStreamCaptureModeThreadLocal).
    check(cudaStreamCreateWithFlags(&recorder_, cudaStreamNonBlocking), "create a stream");
    before_ = set_stream(recorder_);
    check(cudaStreamBeginCapture(recorder_, cudaStreamCaptureModeThreadLocal), "begin to record");
}

void Recording::end() {
    cudaGraph_t graph = nullptr;
    cudaError_t code = cudaStreamEndCapture(recorder_, &graph);
    if (code == cudaSuccess) code = cudaGraphInstantiate(&graph_, graph, 0);
    if (graph) cudaGraphDestroy(graph);
    check(code, "record");
    abandon();
}

// Destroys the stream that records and sets the one before again. Where a capture is still going on, after a failure,
// it ends it first.
void Recording::abandon() {
    if (!recorder_) return;
    cudaStreamCaptureStatus status = cudaStreamCaptureStatusNone;
    if (cudaStreamIsCapturing(recorder_, &status) == cudaSuccess && status != cudaStreamCaptureStatusNone) {
        cudaGraph_t graph = nullptr;
        cudaStreamEndCapture(recorder_, &graph);
        if (graph) cudaGraphDestroy(graph);
    }
    cudaStreamDestroy(recorder_);
    recorder_ = nullptr;
    set_stream(before_);
}

void Recording::replay() { check(cudaGraphLaunch(graph_, current_stream()), "replay"); }

Recording::~Recording() {
    if (graph_) cudaGraphExecDestroy(graph_);
}

}  // namespace headfield
