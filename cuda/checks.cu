// SPDX-License-Identifier: BSD-3-Clause
// Checks of index arrays at the boundary (arrays.hpp): an index out of range would end the process, not the call.
#include <cstdint>

#include "launch.hpp"

namespace headfield {

namespace {

__global__ void __launch_bounds__(256) outside(const int32_t* p, int64_t size, int64_t n, unsigned long long* bad) {
    const int64_t i = int64_t(blockIdx.x) * 256 + threadIdx.x;
    if (i < size && (p[i] < 0 || p[i] >= n)) atomicAdd(bad, 1ULL);
}

__global__ void __launch_bounds__(256) descending(const int32_t* ptr, int64_t n, int64_t nnz, unsigned long long* bad) {
    const int64_t i = int64_t(blockIdx.x) * 256 + threadIdx.x;
    if (i < n && ptr[i] > ptr[i + 1]) atomicAdd(bad, 1ULL);
    if (i == 0 && (ptr[0] != 0 || ptr[n] != nnz)) atomicAdd(bad, 1ULL);
}

// Runs a kernel over `threads` threads that counts into its last argument.
template <class Kernel, class... Arguments>
int64_t count(Kernel kernel, int64_t threads, Arguments... arguments) {
    const Counter counter;
    launch(kernel, blocks_for(threads, 256), dim3(256), arguments..., counter.data());
    return counter.value();
}

}  // namespace

int64_t count_outside(const int32_t* p, int64_t size, int64_t n) { return count(outside, size, p, size, n); }

bool is_row_pointer(const int32_t* ptr, int64_t n, int64_t nnz) { return count(descending, n + 1, ptr, n, nnz) == 0; }

}  // namespace headfield
