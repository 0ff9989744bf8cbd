// SPDX-License-Identifier: BSD-3-Clause
// Memory, streams, captures and what they forbid, as the CUDA runtime has it; included by cuda_runtime.h after its
// types, which wraps these in functions of CUDA's names. Work on a stream is done at once, so that only captures need
// keeping track of.
#pragma once

namespace emulated {

inline thread_local cudaError_t last_error = cudaSuccess;
// Notes an error for cudaGetLastError, and returns it.
inline cudaError_t said(cudaError_t e) {
    if (e != cudaSuccess) last_error = e;
    return e;
}

// A capture that a stream is in, with the work recorded so far.
struct Capture {
    uint64_t id;
    cudaStreamCaptureMode mode;
    std::thread::id thread;
    bool invalid = false;
    std::vector<std::function<void()>> work;
};
// The one device of the process: 16 GiB, as far as it lets itself be filled, the sizes of what is allocated, and all
// captures.
struct Device {
    static constexpr size_t memory = size_t(16) << 30;
    std::mutex mutex;
    size_t used = 0;
    uint64_t captured = 0;
    std::unordered_map<void*, size_t> sizes;
    std::map<cudaStream_t, Capture> captures;

    Capture* of(cudaStream_t stream) {
        const auto it = captures.find(stream);
        return it == captures.end() ? nullptr : &it->second;
    }
};
inline Device& device() {
    static Device* d = new Device;  // never destroyed: others may free memory as the process ends
    return *d;
}
using Lock = std::lock_guard<std::mutex>;

inline bool is_legacy(cudaStream_t s) { return !s || s == cudaStreamLegacy; }
inline bool is_blocking(cudaStream_t s) { return !(reinterpret_cast<uintptr_t>(s) & cudaStreamNonBlocking); }

// For a call that may not be made during a capture (an allocation, say): spoils every capture whose mode forbids it and
// returns an error, or success where there is none.
inline cudaError_t unsafe_in_capture() {
    const Lock lock(device().mutex);
    cudaError_t e = cudaSuccess;
    for (auto& [stream, c] : device().captures) {
        const bool mine = c.thread == std::this_thread::get_id();
        if (c.mode == cudaStreamCaptureModeRelaxed || (c.mode == cudaStreamCaptureModeThreadLocal && !mine)) continue;
        c.invalid = true;
        e = cudaErrorStreamCaptureUnsupported;
    }
    return said(e);
}
// For work on the legacy stream, which all blocking streams would have to wait for: spoils their captures, which can't
// wait. To be called with the lock held.
inline cudaError_t legacy_in_capture() {
    cudaError_t e = cudaSuccess;
    for (auto& [stream, c] : device().captures) {
        if (!is_blocking(stream)) continue;
        c.invalid = true;
        e = cudaErrorStreamCaptureImplicit;
    }
    return e;
}

inline cudaError_t allocate(void** p, size_t bytes) {
    if (!p) return cudaErrorInvalidValue;
    *p = nullptr;
    if (const cudaError_t e = unsafe_in_capture()) return e;
    if (!bytes) return cudaSuccess;
    Device& d = device();
    const Lock lock(d.mutex);
    if (bytes > Device::memory - d.used || posix_memalign(p, 256, bytes)) return cudaErrorMemoryAllocation;
    std::memset(*p, 0xFF, bytes);  // so that a read of what nobody wrote is not a number
    d.sizes[*p] = bytes;
    d.used += bytes;
    return cudaSuccess;
}
inline cudaError_t release(void* p) {
    if (const cudaError_t e = unsafe_in_capture()) return e;
    if (!p) return cudaSuccess;
    Device& d = device();
    const Lock lock(d.mutex);
    const auto it = d.sizes.find(p);
    if (it == d.sizes.end()) return cudaErrorInvalidValue;
    d.used -= it->second;
    d.sizes.erase(it);
    std::free(p);
    return cudaSuccess;
}

// Does the work, or records it where the stream is in a capture.
template <class F>
inline cudaError_t submit(cudaStream_t stream, F work) {
    {
        const Lock lock(device().mutex);
        if (Capture* c = device().of(stream)) {
            if (c->invalid) return said(cudaErrorStreamCaptureInvalidated);
            c->work.emplace_back(std::move(work));
            return cudaSuccess;
        }
        if (is_legacy(stream)) {
            if (const cudaError_t e = legacy_in_capture()) return said(e);
        }
    }
    work();
    return cudaSuccess;
}
// Waits for a stream: nothing to wait for, but a stream in a capture refuses, and its capture is spoiled.
inline cudaError_t wait_for(cudaStream_t stream) {
    const Lock lock(device().mutex);
    if (Capture* c = device().of(stream)) {
        c->invalid = true;
        return cudaErrorStreamCaptureUnsupported;
    }
    return is_legacy(stream) ? legacy_in_capture() : cudaSuccess;
}
// Waits for the device, which spoils every capture.
inline cudaError_t wait_for_all() {
    const Lock lock(device().mutex);
    for (auto& [stream, c] : device().captures) c.invalid = true;
    return device().captures.empty() ? cudaSuccess : cudaErrorStreamCaptureUnsupported;
}

inline cudaError_t record(cudaEvent_t event, cudaStream_t stream) {
    if (!event) return cudaErrorInvalidResourceHandle;
    const Lock lock(device().mutex);
    Capture* c = device().of(stream);
    if (c && c->invalid) return cudaErrorStreamCaptureInvalidated;
    if (is_legacy(stream)) {
        if (const cudaError_t e = legacy_in_capture()) return e;
    }
    event->recorded = true;
    event->capture = c ? c->id : 0;
    event->time = std::chrono::steady_clock::now();
    return cudaSuccess;
}
// Makes a stream wait for an event. Work is in order anyway; a capture that forks to a second stream is not supported
// here.
inline cudaError_t wait_event(cudaStream_t stream, cudaEvent_t event) {
    if (!event) return cudaErrorInvalidResourceHandle;
    const Lock lock(device().mutex);
    Capture* c = device().of(stream);
    if (c && c->invalid) return cudaErrorStreamCaptureInvalidated;
    if (c && event->recorded && !event->capture) {
        c->invalid = true;
        return cudaErrorStreamCaptureIsolation;
    }
    if (event->capture && (!c || c->id != event->capture)) return cudaErrorNotSupported;
    return cudaSuccess;
}

// Whether HEADFIELD_EMULATED_CAPTURE=spoiled asks for captures that something else always disturbs, as a library or a
// driver may. Each that is spoiled so is named on stderr, for a test to count.
inline bool spoils_captures() {
    const char* told = std::getenv("HEADFIELD_EMULATED_CAPTURE");
    if (!told || std::string(told) != "spoiled") return false;
    std::fprintf(stderr, "a capture was spoiled\n");
    return true;
}

inline cudaError_t begin_capture(cudaStream_t stream, cudaStreamCaptureMode mode) {
    if (is_legacy(stream)) return cudaErrorStreamCaptureUnsupported;
    if (mode < 0 || mode > cudaStreamCaptureModeRelaxed) return cudaErrorInvalidValue;
    Device& d = device();
    const Lock lock(d.mutex);
    if (d.of(stream)) return cudaErrorIllegalState;
    d.captures.emplace(stream, Capture{++d.captured, mode, std::this_thread::get_id(), false, {}});
    return cudaSuccess;
}
inline cudaError_t end_capture(cudaStream_t stream, cudaGraph_t* graph) {
    if (!graph) return cudaErrorInvalidValue;
    *graph = nullptr;
    Device& d = device();
    const Lock lock(d.mutex);
    Capture* c = d.of(stream);
    if (!c) return cudaErrorIllegalState;
    if (c->mode != cudaStreamCaptureModeRelaxed && c->thread != std::this_thread::get_id()) {
        return cudaErrorStreamCaptureWrongThread;
    }
    const bool invalid = c->invalid || spoils_captures();
    if (!invalid) *graph = new CUgraph_st{std::move(c->work)};
    d.captures.erase(stream);
    return invalid ? cudaErrorStreamCaptureInvalidated : cudaSuccess;
}
inline cudaError_t is_capturing(cudaStream_t stream, cudaStreamCaptureStatus* status) {
    if (!status) return cudaErrorInvalidValue;
    *status = cudaStreamCaptureStatusNone;
    const Lock lock(device().mutex);
    if (const Capture* c = device().of(stream)) {
        *status = c->invalid ? cudaStreamCaptureStatusInvalidated : cudaStreamCaptureStatusActive;
    }
    return is_legacy(stream) ? legacy_in_capture() : cudaSuccess;
}

// The error that launches are to fail with: HEADFIELD_EMULATED_FAILURE=launch:CODE, which may be set and unset while
// the process runs.
inline cudaError_t failure_of_launches() {
    const char* const wanted = std::getenv("HEADFIELD_EMULATED_FAILURE");
    if (!wanted || !*wanted) return cudaSuccess;
    if (std::strncmp(wanted, "launch:", 7) != 0 || std::atoi(wanted + 7) <= 0) {
        std::fprintf(stderr, "HEADFIELD_EMULATED_FAILURE must be launch:CODE, not %s\n", wanted);
        std::abort();
    }
    return static_cast<cudaError_t>(std::atoi(wanted + 7));
}

// Refuses the launches that the runtime refuses, and those that the emulation has not: dynamic shared memory,
// cooperative grids, clusters.
inline cudaError_t check(const cudaLaunchConfig_t& config) {
    const dim3 g = config.gridDim, b = config.blockDim;
    if (!g.x || !g.y || !g.z || !b.x || !b.y || !b.z) return cudaErrorInvalidConfiguration;
    if (g.x > 0x7FFFFFFFu || g.y > 65535 || g.z > 65535) return cudaErrorInvalidConfiguration;
    if (b.x > 1024 || b.y > 1024 || b.z > 64) return cudaErrorInvalidConfiguration;
    if (b.x * b.y * b.z > 1024) return cudaErrorInvalidConfiguration;
    if (config.numAttrs && !config.attrs) return cudaErrorInvalidValue;
    if (config.dynamicSmemBytes) return cudaErrorNotSupported;
    for (unsigned i = 0; i < config.numAttrs; ++i) {
        const cudaLaunchAttributeID id = config.attrs[i].id;
        if (id == cudaLaunchAttributeCooperative || id == cudaLaunchAttributeClusterDimension) {
            return cudaErrorNotSupported;
        }
    }
    return cudaSuccess;
}
// Whether HEADFIELD_EMULATED_ORDER asks for blocks and threads to run backwards.
inline bool reversed_order() {
    const char* order = std::getenv("HEADFIELD_EMULATED_ORDER");
    if (!order || !*order || !std::strcmp(order, "forward")) return false;
    if (std::strcmp(order, "reverse")) give_up("HEADFIELD_EMULATED_ORDER is neither forward nor reverse");
    return true;
}

}  // namespace emulated
