// SPDX-License-Identifier: BSD-3-Clause
// Checks of index arrays at the boundary (arrays.hpp), where the arrays lie: an index out of range would be an illegal
// access on the device, after which the process can't use it any more.
#include <cstdint>

#include "launch.hpp"

namespace headfield {

namespace {

// Counts indices that lie outside 0…n−1, one a thread. Only wrong ones add, so atomics cost nothing in a right array.
__global__ void __launch_bounds__(256) outside(const int32_t* p, int64_t size, int64_t n, unsigned long long* bad) {
    const int64_t i = int64_t(blockIdx.x) * 256 + threadIdx.x;
    if (i < size && (p[i] < 0 || p[i] >= n)) atomicAdd(bad, 1ULL);
}

// Counts descents of a row pointer ptr (n + 1,), one step a thread, and a wrong first or last number.
__global__ void __launch_bounds__(256) descending(const int32_t* ptr, int64_t n, int64_t nnz, unsigned long long* bad) {
    const int64_t i = int64_t(blockIdx.x) * 256 + threadIdx.x;
    if (i < n && ptr[i] > ptr[i + 1]) atomicAdd(bad, 1ULL);
    if (i == 0 && (ptr[0] != 0 || ptr[n] != nnz)) atomicAdd(bad, 1ULL);
}

// Runs a kernel of `threads` threads that counts into its last argument, and returns the count.
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
