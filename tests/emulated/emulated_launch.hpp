// SPDX-License-Identifier: BSD-3-Clause
// What a launch does, whatever the kernel; included by cuda_runtime.h after its types. There are hundreds of
// kernels, and a compiler spends more on a launch that is a template than on most of them: so arguments are bytes here,
// as they are for a GPU, and a kernel has a template of its own only for how it is called with them.
#pragma once

#include "emulated_stream.hpp"

namespace emulated {

// Calls a kernel with arguments that lie one after the other.
using Call = void (*)(void* kernel, const Arguments& arguments);
template <class... T, size_t... I>
inline void call_with(void (*kernel)(T...), const Arguments& arguments, std::index_sequence<I...>) {
    kernel(*static_cast<const T*>(arguments.at(I))...);
}
template <class... T>
inline void call_kernel(void* kernel, const Arguments& arguments) {
    call_with(reinterpret_cast<void (*)(T...)>(kernel), arguments, std::index_sequence_for<T...>{});
}

// Runs all threads of a launch: of the kernel that nvcc made, where that is asked for, or of the host's compiler's.
inline void run_kernel(void* kernel, Call call, const Arguments& arguments, dim3 grid, dim3 block) {
    const bool reversed = reversed_order();
    if (const ptx::Entry* entry = PtxKernels::all().of(kernel)) {
        return run_ptx(*entry, arguments, grid, block, 0, reversed);
    }
    auto run = [&] { call(kernel, arguments); };
    Block::own().run_grid(grid, block, reversed, run);
}

[[gnu::noinline]] inline cudaError_t launch(const cudaLaunchConfig_t* config, void* kernel, Call call,
                                            Arguments arguments) {
    if (!config) return said(cudaErrorInvalidValue);
    if (!kernel) return said(cudaErrorInvalidDeviceFunction);
    const cudaError_t failure = failure_of_launches();
    const cudaError_t e = failure ? failure : check(*config);
    if (e) return said(e);
    const dim3 grid = config->gridDim, block = config->blockDim;
    return submit(config->stream, [=] { run_kernel(kernel, call, arguments, grid, block); });
}

}  // namespace emulated
