// SPDX-License-Identifier: BSD-3-Clause
// What the emulation of CUDA promises: `selftest` checks all that has to hold, `selftest race` prints the result of a
// kernel with a race, and the other names end in an abort.
#include <cuda_fp16.h>
#include <cuda_runtime.h>

#include <cmath>
#include <string>

namespace {

int failed = 0;
#define CHECK(x) \
    if (!(x)) std::printf("line %d: %s\n", __LINE__, #x), ++failed
#define IS(x, wanted)                               \
    if (const cudaError_t e_ = (x); e_ != (wanted)) \
    std::printf("line %d: %s is %s\n", __LINE__, #x, cudaGetErrorName(e_)), ++failed

template <class... E, class... A>
cudaError_t launch(cudaStream_t stream, dim3 grid, dim3 block, void (*kernel)(E...), A&&... args) {
    cudaLaunchConfig_t config = {};
    config.gridDim = grid;
    config.blockDim = block;
    config.stream = stream;
    return cudaLaunchKernelEx(&config, kernel, std::forward<A>(args)...);
}

__global__ void sum_of_block(const float* __restrict__ x, float* out) {
    __shared__ float s[256];
    const unsigned t = threadIdx.x;
    s[t] = x[blockIdx.x * blockDim.x + t];
    for (unsigned half_of = blockDim.x / 2; half_of; half_of /= 2) {
        __syncthreads();
        if (t < half_of) s[t] += s[t + half_of];
    }
    if (t == 0) out[blockIdx.x] = s[0];
}

template <class T>
__global__ void shuffles(T* out) {
    const int lane = int(threadIdx.x % warpSize);
    T* o = out + 6 * threadIdx.x;
    o[0] = __shfl_xor_sync(~0u, T(lane), 5);
    o[1] = __shfl_down_sync(~0u, T(lane), 3u);
    o[2] = __shfl_sync(~0u, T(lane), 7);
    o[3] = __shfl_sync(~0u, T(lane), 2, 8);
    o[4] = __shfl_xor_sync(~0u, T(lane), 1, 2);
    T sum = T(lane);
    if (lane < 16) {  // half a warp by itself
        for (int d = 8; d; d /= 2) sum += __shfl_xor_sync(0xFFFFu, sum, d);
    }
    __syncwarp();
    o[5] = sum;
}

__global__ void early_exits(int* out, int n) {
    const int t = int(threadIdx.x);
    if (t >= n) return;
    __syncthreads();
    out[t] = __shfl_xor_sync(~0u, t, 1);
    __syncthreads();
}

__global__ void coordinates(unsigned* out) {
    const unsigned in_block = threadIdx.x + blockDim.x * (threadIdx.y + blockDim.y * threadIdx.z);
    const unsigned block = blockIdx.x + gridDim.x * (blockIdx.y + gridDim.y * blockIdx.z);
    const unsigned i = block * blockDim.x * blockDim.y * blockDim.z + in_block;
    out[i] = i;
}

__global__ void __launch_bounds__(128) racy(int* out) {
    __shared__ int s[64];
    const unsigned t = threadIdx.x;
    s[t] = 0;
    __syncthreads();
    s[t] = int(t) + 1;  // the barrier that belongs here is left out
    out[t] = s[t ? t - 1 : 0];
}

__global__ void add_to(double* x, double v) { atomicAdd(x, v); }

__global__ void parting_ways(int) {
    if (threadIdx.x == 0) {
        __syncthreads();
    } else {
        __shfl_sync(~0u, 1, 0);
    }
}
__global__ void wrong_mask(int) { __shfl_sync(1u, 1, 0); }
__global__ void two_masks(int) { __syncwarp(threadIdx.x ? ~0u : 3u); }
__global__ void misaligned(const float* x) { __ldg(reinterpret_cast<const float4*>(x + 1)); }

void check_kernels() {
    float *x, *sums;
    IS(cudaMalloc(&x, 1024 * sizeof(float)), cudaSuccess);
    IS(cudaMalloc(&sums, 4 * sizeof(float)), cudaSuccess);
    CHECK(std::isnan(x[0]));
    for (int i = 0; i < 1024; ++i) x[i] = float(i);
    IS(launch(nullptr, 4, 256, sum_of_block, x, sums), cudaSuccess);
    for (int b = 0; b < 4; ++b) CHECK(sums[b] == 256.f * (256 * float(b) + 127.5f));
    IS(cudaFree(x), cudaSuccess);
    IS(cudaFree(x), cudaErrorInvalidValue);
    IS(cudaFree(sums), cudaSuccess);

    int exits[64] = {};
    IS(launch(nullptr, 1, 64, early_exits, exits, 43), cudaSuccess);
    for (int t = 0; t < 42; ++t) CHECK(exits[t] == (t ^ 1));
    CHECK(exits[42] == -1 && exits[43] == 0);  // a lane that has ended gives no number

    std::vector<unsigned> at(2 * 3 * 2 * 4 * 5 * 3);
    IS(launch(nullptr, dim3(2, 3, 2), dim3(4, 5, 3), coordinates, at.data()), cudaSuccess);
    for (unsigned i = 0; i < at.size(); ++i) CHECK(at[i] == i);
}

template <class T>
void check_shuffles() {
    std::vector<T> o(6 * 64);
    IS(launch(nullptr, 1, 64, shuffles<T>, o.data()), cudaSuccess);
    for (int t = 0; t < 64; ++t) {
        const int lane = t % 32;
        const int wanted[6] = {lane ^ 5, lane > 28 ? lane : lane + 3, 7, (lane & ~7) + 2,
                               lane ^ 1, lane < 16 ? 120 : lane};
        for (int i = 0; i < 6; ++i) CHECK(o[6 * size_t(t) + size_t(i)] == T(wanted[i]));
    }
}

void check_configurations() {
    double x = 0;
    const dim3 wrong[][2] = {{0, 1}, {1, 0}, {1, 1025}, {1, dim3(1, 1, 65)}, {1, dim3(32, 33)}, {dim3(1, 65536), 1}};
    for (const auto& w : wrong) IS(launch(nullptr, w[0], w[1], add_to, &x, 1.0), cudaErrorInvalidConfiguration);
    IS(cudaPeekAtLastError(), cudaErrorInvalidConfiguration);
    IS(cudaGetLastError(), cudaErrorInvalidConfiguration);
    IS(cudaGetLastError(), cudaSuccess);
    IS(launch(nullptr, dim3(1, 1, 65535), 1, add_to, &x, 0), cudaSuccess);
    IS(launch(nullptr, 1, dim3(16, 1, 64), add_to, &x, 0), cudaSuccess);
    IS(launch(nullptr, 3, 1024, add_to, &x, 1), cudaSuccess);  // an int, converted
    CHECK(x == 3072);
}

void check_graphs() {
    cudaStream_t s = nullptr;
    cudaGraph_t graph = nullptr;
    cudaGraphExec_t exec = nullptr;
    cudaStreamCaptureStatus status;
    double x = 0, copy = -1, v = 1;
    IS(cudaStreamCreateWithFlags(&s, cudaStreamNonBlocking), cudaSuccess);
    IS(cudaStreamBeginCapture(nullptr, cudaStreamCaptureModeGlobal), cudaErrorStreamCaptureUnsupported);
    IS(cudaStreamBeginCapture(s, cudaStreamCaptureModeThreadLocal), cudaSuccess);
    IS(launch(s, 1, 32, add_to, &x, v), cudaSuccess);
    IS(cudaMemcpyAsync(&copy, &x, sizeof x, cudaMemcpyDeviceToDevice, s), cudaSuccess);
    IS(launch(s, 1, 0, add_to, &x, v), cudaErrorInvalidConfiguration);
    IS(cudaStreamIsCapturing(s, &status), cudaSuccess);
    CHECK(status == cudaStreamCaptureStatusActive && x == 0 && copy == -1);
    v = 100;  // recorded by value
    IS(cudaStreamEndCapture(s, &graph), cudaSuccess);
    IS(cudaGraphInstantiate(&exec, graph, 0), cudaSuccess);
    IS(cudaGraphDestroy(graph), cudaSuccess);
    IS(cudaGraphLaunch(exec, s), cudaSuccess);
    IS(cudaGraphLaunch(exec, s), cudaSuccess);
    IS(cudaStreamSynchronize(s), cudaSuccess);
    CHECK(x == 64 && copy == 64);
    IS(cudaGraphExecDestroy(exec), cudaSuccess);

    IS(cudaStreamBeginCapture(s, cudaStreamCaptureModeGlobal), cudaSuccess);
    IS(cudaStreamSynchronize(s), cudaErrorStreamCaptureUnsupported);
    IS(launch(s, 1, 32, add_to, &x, v), cudaErrorStreamCaptureInvalidated);
    IS(cudaStreamEndCapture(s, &graph), cudaErrorStreamCaptureInvalidated);
    CHECK(graph == nullptr);
    IS(cudaStreamBeginCapture(s, cudaStreamCaptureModeGlobal), cudaSuccess);
    IS(cudaMemcpy(&copy, &x, sizeof x, cudaMemcpyDefault), cudaErrorStreamCaptureUnsupported);
    IS(cudaStreamEndCapture(s, &graph), cudaErrorStreamCaptureInvalidated);
    IS(cudaStreamEndCapture(s, &graph), cudaErrorIllegalState);
    IS(cudaStreamDestroy(s), cudaSuccess);

    IS(cudaStreamCreate(&s), cudaSuccess);  // one that the null stream waits for
    IS(cudaStreamBeginCapture(s, cudaStreamCaptureModeRelaxed), cudaSuccess);
    IS(launch(nullptr, 1, 1, add_to, &x, v), cudaErrorStreamCaptureImplicit);
    IS(cudaStreamEndCapture(s, &graph), cudaErrorStreamCaptureInvalidated);
    IS(cudaStreamDestroy(s), cudaSuccess);
}

void check_the_rest() {
    cudaEvent_t a, b, untimed;
    float ms = -1;
    IS(cudaEventCreate(&a), cudaSuccess);
    IS(cudaEventCreate(&b), cudaSuccess);
    IS(cudaEventCreateWithFlags(&untimed, cudaEventDisableTiming), cudaSuccess);
    for (const cudaEvent_t e : {a, b, untimed}) IS(cudaEventRecord(e), cudaSuccess);
    IS(cudaEventElapsedTime(&ms, a, b), cudaSuccess);
    CHECK(ms >= 0);
    IS(cudaEventElapsedTime(&ms, a, untimed), cudaErrorInvalidResourceHandle);
    IS(cudaStreamWaitEvent(nullptr, untimed, 0), cudaSuccess);
    for (const cudaEvent_t e : {a, b, untimed}) IS(cudaEventDestroy(e), cudaSuccess);

    size_t available, total;
    void* p;
    IS(cudaMemGetInfo(&available, &total), cudaSuccess);
    IS(cudaMalloc(&p, total + 1), cudaErrorMemoryAllocation);
    CHECK(std::string(cudaGetErrorString(cudaErrorMemoryAllocation)) == "out of memory");

    static_assert(sizeof(__half) == 2 && alignof(__half2) == 4 && alignof(float4) == 16 && alignof(ushort4) == 8, "");
    CHECK(__half2float(__float2half_rn(1.f + 0x1p-11f)) == 1.f);  // ties to even
    CHECK(__half2float(__float2half_rn(1.f + 0x1.8p-10f)) == 1.f + 0x1p-9f);
    CHECK(std::isinf(__half2float(__float2half_rn(65520.f))));
    CHECK(__half_as_ushort(__float2half_rn(-2.f)) == 0xC000 && __half2float(__ushort_as_half(1)) == 0x1p-24f);
    CHECK(__half22float2(__floats2half2_rn(1.f, 2.f)).y == 2.f && __low2float(__floats2half2_rn(1.f, 2.f)) == 1.f);
    CHECK(min(3, 2) == 2 && max(1.f, 2.f) == 2.f && __uint_as_float(__float_as_uint(0.1f)) == 0.1f);
    CHECK(rsqrt(4.0) == 0.5 && rsqrtf(4.f) == 0.5f);
}

}  // namespace

int main(int argc, char** argv) {
    const std::string what = argc > 1 ? argv[1] : "";
    float four[8] = {};
    if (what == "deadlock") return launch(nullptr, 1, 32, parting_ways, 0);
    if (what == "mask") return launch(nullptr, 1, 32, wrong_mask, 0);
    if (what == "masks") return launch(nullptr, 1, 32, two_masks, 0);
    if (what == "misaligned") return launch(nullptr, 1, 1, misaligned, four);
    if (what == "race") {
        int out[64];
        IS(launch(nullptr, 1, 64, racy, out), cudaSuccess);
        for (const int v : out) std::printf("%d ", v);
        return failed;
    }
    if (what == "speed") {  // by hand: time selftest speed
        std::vector<unsigned> at(256u << 16);
        return launch(nullptr, 1u << 16, 256, coordinates, at.data());
    }
    if (what == "speed_shuffles") {
        std::vector<int> o(6 * 64);
        for (int i = 0; i < 10000; ++i) IS(launch(nullptr, 1, 64, shuffles<int>, o.data()), cudaSuccess);
        return failed;
    }
    check_kernels();
    check_shuffles<float>();
    check_shuffles<double>();
    check_shuffles<int>();
    check_shuffles<unsigned>();
    check_shuffles<long long>();
    check_configurations();
    check_graphs();
    check_the_rest();
    return failed != 0;
}
