// SPDX-License-Identifier: BSD-3-Clause
// How every kernel is launched, and how kernels count.
#pragma once

#include <cuda_runtime.h>

#include "device.hpp"

namespace headfield {

// Launches a kernel on the current stream, and throws DeviceFailure where that fails. A grid of no blocks, which CUDA
// refuses, is left out. A function and not <<<…>>>, which only nvcc knows: the tests compile these files with the
// host's compiler too.
template <class... Parameters, class... Arguments>
void launch(void (*kernel)(Parameters...), int64_t blocks, dim3 threads, Arguments... arguments) {
    if (blocks == 0) return;
    cudaLaunchConfig_t config{};
    config.gridDim = dim3(static_cast<unsigned>(blocks));
    config.blockDim = threads;
    config.stream = current_stream();
    check(cudaLaunchKernelEx(&config, kernel, static_cast<Parameters>(arguments)...), "launch");
}

// A number on the device that kernels count up with atomicAdd. It is an integer, so the order in which they come
// doesn't matter.
class Counter {
public:
    Counter() : number_(1) {
        check(cudaMemsetAsync(number_.data(), 0, sizeof(unsigned long long), current_stream()), "clear a counter");
    }
    unsigned long long* data() const { return number_.data(); }
    // Waits for the stream.
    int64_t value() const {
        unsigned long long value = 0;
        copy_to_host(&value, number_.data(), sizeof value);
        return static_cast<int64_t>(value);
    }

private:
    DeviceBuffer<unsigned long long> number_;
};

// How many blocks of `per_block` take all the work.
inline int64_t blocks_for(int64_t work, int64_t per_block) { return (work + per_block - 1) / per_block; }

}  // namespace headfield
