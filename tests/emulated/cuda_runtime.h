// SPDX-License-Identifier: BSD-3-Clause
// Enough of the CUDA runtime to run kernels and what launches them on a machine without a GPU, from the same .cu files:
//     g++ -x c++ -std=c++17 -Wno-unknown-pragmas -I tests/emulated ...
// A device pointer is a host pointer; work on a stream is done at once, or recorded where the stream captures.
// Any pointer is a stream; where it has its lowest bit set, a non-blocking one. The threads of a block and the blocks
// of a grid run in the order that HEADFIELD_EMULATED_ORDER names: forward (the default) or reverse. What differs
// between the two is a race. HEADFIELD_EMULATED_FAILURE=launch:719 makes launches fail, with the code that it names.
#pragma once

#include <atomic>
#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <thread>
#include <unordered_map>
#include <utility>

#include "emulated_device.hpp"
#include "ptx.hpp"

#define CUDART_VERSION 12080
#define HEADFIELD_CUDA_ERRORS(X)                                                                              \
    X(cudaSuccess, 0, "no error")                                                                             \
    X(cudaErrorInvalidValue, 1, "invalid argument")                                                           \
    X(cudaErrorMemoryAllocation, 2, "out of memory")                                                          \
    X(cudaErrorInitializationError, 3, "initialization error")                                                \
    X(cudaErrorInvalidConfiguration, 9, "invalid configuration argument")                                     \
    X(cudaErrorInvalidMemcpyDirection, 21, "invalid copy direction for memcpy")                               \
    X(cudaErrorInsufficientDriver, 35, "CUDA driver version is insufficient for CUDA runtime version")        \
    X(cudaErrorInvalidDeviceFunction, 98, "invalid device function")                                          \
    X(cudaErrorNoDevice, 100, "no CUDA-capable device is detected")                                           \
    X(cudaErrorInvalidDevice, 101, "invalid device ordinal")                                                  \
    X(cudaErrorNoKernelImageForDevice, 209, "no kernel image is available for execution on the device")       \
    X(cudaErrorInvalidResourceHandle, 400, "invalid resource handle")                                         \
    X(cudaErrorIllegalState, 401, "the operation cannot be performed in the present state")                   \
    X(cudaErrorNotReady, 600, "device not ready")                                                             \
    X(cudaErrorIllegalAddress, 700, "an illegal memory access was encountered")                               \
    X(cudaErrorLaunchOutOfResources, 701, "too many resources requested for launch")                          \
    X(cudaErrorLaunchFailure, 719, "unspecified launch failure")                                              \
    X(cudaErrorNotSupported, 801, "operation not supported")                                                  \
    X(cudaErrorStreamCaptureUnsupported, 900, "operation not permitted when stream is capturing")             \
    X(cudaErrorStreamCaptureInvalidated, 901, "operation failed due to a previous error during capture")      \
    X(cudaErrorStreamCaptureIsolation, 905, "dependency created on uncaptured work in another stream")        \
    X(cudaErrorStreamCaptureImplicit, 906,                                                                    \
      "operation would make the legacy stream depend on a capturing blocking stream")                         \
    X(cudaErrorCapturedEvent, 907, "operation not permitted on an event last recorded in a capturing stream") \
    X(cudaErrorStreamCaptureWrongThread, 908,                                                                 \
      "attempt to terminate a thread-local capture sequence from another thread")                             \
    X(cudaErrorUnknown, 999, "unknown error")

enum cudaError {
#define HEADFIELD_X(name, value, text) name = value,
    HEADFIELD_CUDA_ERRORS(HEADFIELD_X)
#undef HEADFIELD_X
};
using cudaError_t = cudaError;
inline const char* cudaGetErrorName(cudaError_t e) {
    switch (e) {
#define HEADFIELD_X(name, value, text) \
    case name: return #name;
        HEADFIELD_CUDA_ERRORS(HEADFIELD_X)
#undef HEADFIELD_X
    }
    return "unrecognized error code";
}
inline const char* cudaGetErrorString(cudaError_t e) {
    switch (e) {
#define HEADFIELD_X(name, value, text) \
    case name: return text;
        HEADFIELD_CUDA_ERRORS(HEADFIELD_X)
#undef HEADFIELD_X
    }
    return "unrecognized error code";
}

using cudaStream_t = struct CUstream_st*;
using cudaEvent_t = struct CUevent_st*;
using cudaGraph_t = struct CUgraph_st*;
using cudaGraphExec_t = struct CUgraphExec_st*;
#define cudaStreamLegacy (reinterpret_cast<cudaStream_t>(0x1))
#define cudaStreamPerThread (reinterpret_cast<cudaStream_t>(0x2))
constexpr unsigned cudaStreamDefault = 0, cudaStreamNonBlocking = 1;
constexpr unsigned cudaEventDefault = 0, cudaEventBlockingSync = 1, cudaEventDisableTiming = 2;
enum cudaStreamCaptureMode {
    cudaStreamCaptureModeGlobal,
    cudaStreamCaptureModeThreadLocal,
    cudaStreamCaptureModeRelaxed
};
enum cudaStreamCaptureStatus {
    cudaStreamCaptureStatusNone,
    cudaStreamCaptureStatusActive,
    cudaStreamCaptureStatusInvalidated
};
enum cudaMemcpyKind {
    cudaMemcpyHostToHost,
    cudaMemcpyHostToDevice,
    cudaMemcpyDeviceToHost,
    cudaMemcpyDeviceToDevice,
    cudaMemcpyDefault
};
enum cudaDeviceAttr {
    cudaDevAttrMaxThreadsPerBlock = 1,
    cudaDevAttrMaxSharedMemoryPerBlock = 8,
    cudaDevAttrWarpSize = 10,
    cudaDevAttrMultiProcessorCount = 16,
    cudaDevAttrL2CacheSize = 38,
    cudaDevAttrComputeCapabilityMajor = 75,
    cudaDevAttrComputeCapabilityMinor = 76,
    cudaDevAttrMaxSharedMemoryPerBlockOptin = 97
};
enum cudaFuncAttribute {
    cudaFuncAttributeMaxDynamicSharedMemorySize = 8,
    cudaFuncAttributePreferredSharedMemoryCarveout = 9
};
enum cudaLaunchAttributeID {
    cudaLaunchAttributeIgnore = 0,
    cudaLaunchAttributeCooperative = 2,
    cudaLaunchAttributeClusterDimension = 4,
    cudaLaunchAttributeProgrammaticStreamSerialization = 6
};
union cudaLaunchAttributeValue {
    char pad[64];
    int cooperative, programmaticStreamSerializationAllowed;
    struct {
        unsigned x, y, z;
    } clusterDim;
};
struct cudaLaunchAttribute {
    cudaLaunchAttributeID id;
    cudaLaunchAttributeValue val;
};
struct cudaLaunchConfig_t {
    dim3 gridDim, blockDim;
    size_t dynamicSmemBytes = 0;
    cudaStream_t stream = nullptr;
    cudaLaunchAttribute* attrs = nullptr;
    unsigned numAttrs = 0;
};

struct CUgraph_st {
    std::vector<std::function<void()>> work;
};
struct CUgraphExec_st {
    std::vector<std::function<void()>> work;
};
struct CUevent_st {
    bool timed, recorded = false;
    uint64_t capture = 0;  // that it was last recorded in
    std::chrono::steady_clock::time_point time{};
};

#include "emulated_launch.hpp"

inline cudaError_t cudaGetLastError() { return std::exchange(emulated::last_error, cudaSuccess); }
inline cudaError_t cudaPeekAtLastError() { return emulated::last_error; }

inline cudaError_t cudaRuntimeGetVersion(int* version) { return *version = CUDART_VERSION, cudaSuccess; }
inline cudaError_t cudaDriverGetVersion(int* version) { return *version = CUDART_VERSION, cudaSuccess; }
inline cudaError_t cudaGetDeviceCount(int* count) { return *count = 1, cudaSuccess; }
inline cudaError_t cudaGetDevice(int* device) { return *device = 0, cudaSuccess; }
inline cudaError_t cudaSetDevice(int device) { return emulated::said(device ? cudaErrorInvalidDevice : cudaSuccess); }
inline cudaError_t cudaDeviceGetAttribute(int* value, cudaDeviceAttr attribute, int device) {
    switch (attribute) {
        case cudaDevAttrMaxThreadsPerBlock: *value = 1024; break;
        case cudaDevAttrMaxSharedMemoryPerBlock: *value = 48 << 10; break;
        case cudaDevAttrWarpSize: *value = 32; break;
        case cudaDevAttrMultiProcessorCount: *value = 4; break;
        case cudaDevAttrL2CacheSize: *value = 4 << 20; break;
        case cudaDevAttrComputeCapabilityMajor: *value = 9; break;
        case cudaDevAttrMaxSharedMemoryPerBlockOptin: *value = 227 << 10; break;
        default: *value = 0;
    }
    return cudaSetDevice(device);
}
template <class F>
inline cudaError_t cudaFuncSetAttribute(F*, cudaFuncAttribute, int) {
    return cudaSuccess;
}

inline cudaError_t cudaMalloc(void** p, size_t bytes) { return emulated::said(emulated::allocate(p, bytes)); }
template <class T>
inline cudaError_t cudaMalloc(T** p, size_t bytes) {
    return cudaMalloc(reinterpret_cast<void**>(p), bytes);
}
inline cudaError_t cudaFree(void* p) { return emulated::said(emulated::release(p)); }
inline cudaError_t cudaMemGetInfo(size_t* available, size_t* total) {
    const std::lock_guard<std::mutex> lock(emulated::device().mutex);
    *total = emulated::Device::memory;
    *available = emulated::Device::memory - emulated::device().used;
    return cudaSuccess;
}
inline cudaError_t cudaMemcpyAsync(void* to, const void* from, size_t bytes, cudaMemcpyKind kind,
                                   cudaStream_t stream = nullptr) {
    if (kind < 0 || kind > cudaMemcpyDefault) return emulated::said(cudaErrorInvalidMemcpyDirection);
    if (bytes && (!to || !from)) return emulated::said(cudaErrorInvalidValue);
    return emulated::submit(stream, [=] {
        if (bytes) std::memmove(to, from, bytes);
    });
}
inline cudaError_t cudaMemsetAsync(void* to, int value, size_t bytes, cudaStream_t stream = nullptr) {
    if (bytes && !to) return emulated::said(cudaErrorInvalidValue);
    return emulated::submit(stream, [=] {
        if (bytes) std::memset(to, value, bytes);
    });
}
inline cudaError_t cudaMemcpy(void* to, const void* from, size_t bytes, cudaMemcpyKind kind) {
    const cudaError_t e = emulated::unsafe_in_capture();
    return e ? e : cudaMemcpyAsync(to, from, bytes, kind);
}
inline cudaError_t cudaMemset(void* to, int value, size_t bytes) {
    const cudaError_t e = emulated::unsafe_in_capture();
    return e ? e : cudaMemsetAsync(to, value, bytes);
}

inline cudaError_t cudaStreamCreateWithFlags(cudaStream_t* stream, unsigned flags) {
    static std::atomic<uintptr_t> made{uintptr_t(1) << 20};  // beyond those of the stand-in for cupy
    if (!stream || flags > cudaStreamNonBlocking) return emulated::said(cudaErrorInvalidValue);
    *stream = reinterpret_cast<cudaStream_t>(2 * ++made + flags);
    return cudaSuccess;
}
inline cudaError_t cudaStreamCreate(cudaStream_t* stream) { return cudaStreamCreateWithFlags(stream, 0); }
inline cudaError_t cudaStreamDestroy(cudaStream_t stream) {
    return emulated::said(stream ? cudaSuccess : cudaErrorInvalidResourceHandle);
}
inline cudaError_t cudaStreamSynchronize(cudaStream_t stream) { return emulated::said(emulated::wait_for(stream)); }
inline cudaError_t cudaStreamQuery(cudaStream_t stream) { return emulated::said(emulated::wait_for(stream)); }
inline cudaError_t cudaDeviceSynchronize() { return emulated::said(emulated::wait_for_all()); }

inline cudaError_t cudaEventCreateWithFlags(cudaEvent_t* event, unsigned flags) {
    *event = new CUevent_st{!(flags & cudaEventDisableTiming)};
    return cudaSuccess;
}
inline cudaError_t cudaEventCreate(cudaEvent_t* event) { return cudaEventCreateWithFlags(event, 0); }
inline cudaError_t cudaEventDestroy(cudaEvent_t event) { return delete event, cudaSuccess; }
inline cudaError_t cudaEventRecord(cudaEvent_t event, cudaStream_t stream = nullptr) {
    return emulated::said(emulated::record(event, stream));
}
inline cudaError_t cudaEventSynchronize(cudaEvent_t event) {
    return emulated::said(event->capture ? cudaErrorCapturedEvent : cudaSuccess);
}
inline cudaError_t cudaEventQuery(cudaEvent_t event) { return cudaEventSynchronize(event); }
inline cudaError_t cudaEventElapsedTime(float* ms, cudaEvent_t from, cudaEvent_t to) {
    for (const cudaEvent_t e : {from, to}) {
        if (!e->timed || !e->recorded || e->capture) return emulated::said(cudaErrorInvalidResourceHandle);
    }
    *ms = std::chrono::duration<float, std::milli>(to->time - from->time).count();
    return cudaSuccess;
}
inline cudaError_t cudaStreamWaitEvent(cudaStream_t stream, cudaEvent_t event, unsigned = 0) {
    return emulated::said(emulated::wait_event(stream, event));
}

inline cudaError_t cudaStreamBeginCapture(cudaStream_t stream, cudaStreamCaptureMode mode) {
    return emulated::said(emulated::begin_capture(stream, mode));
}
inline cudaError_t cudaStreamEndCapture(cudaStream_t stream, cudaGraph_t* graph) {
    return emulated::said(emulated::end_capture(stream, graph));
}
inline cudaError_t cudaStreamIsCapturing(cudaStream_t stream, cudaStreamCaptureStatus* status) {
    return emulated::said(emulated::is_capturing(stream, status));
}
inline cudaError_t cudaGraphInstantiate(cudaGraphExec_t* exec, cudaGraph_t graph, unsigned long long = 0) {
    if (!exec || !graph) return emulated::said(cudaErrorInvalidValue);
    *exec = new CUgraphExec_st{graph->work};
    return cudaSuccess;
}
inline cudaError_t cudaGraphLaunch(cudaGraphExec_t exec, cudaStream_t stream) {
    if (!exec) return emulated::said(cudaErrorInvalidValue);
    return emulated::submit(stream, [work = exec->work] {
        for (const auto& f : work) f();
    });
}
inline cudaError_t cudaGraphDestroy(cudaGraph_t graph) { return delete graph, cudaSuccess; }
inline cudaError_t cudaGraphExecDestroy(cudaGraphExec_t exec) { return delete exec, cudaSuccess; }

template <class... ExpTypes, class... ActTypes>
inline cudaError_t cudaLaunchKernelEx(const cudaLaunchConfig_t* config, void (*kernel)(ExpTypes...),
                                      ActTypes&&... args) {
    static_assert((!std::is_reference<ExpTypes>::value && ...), "a kernel takes its arguments by value");
    static_assert((std::is_trivially_copyable<ExpTypes>::value && ...), "arguments get to a GPU as bytes");
    // Converted as by a call of the kernel, as the runtime does.
    return [&](ExpTypes... values) {
        emulated::Arguments arguments;
        (arguments.add(&values, sizeof values, alignof(ExpTypes)), ...);
        return emulated::launch(config, reinterpret_cast<void*>(kernel), &emulated::call_kernel<ExpTypes...>,
                                std::move(arguments));
    }(std::forward<ActTypes>(args)...);
}
