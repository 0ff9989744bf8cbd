// SPDX-License-Identifier: BSD-3-Clause
// What a kernel may use: qualifiers, vector types, barriers, shuffles, atomics, and the few functions of CUDA's own
// that headfield calls. Included by cuda_runtime.h; how threads run is in emulated_fibers.hpp.
#pragma once

#include <math.h>

#include <type_traits>

#include "emulated_fibers.hpp"

#define HEADFIELD_EMULATED 1
#define __global__
#define __device__
#define __host__
#define __constant__
#define __grid_constant__
#define __launch_bounds__(...)
#define __align__(n) __attribute__((aligned(n)))
#define __forceinline__ inline __attribute__((always_inline))
#define __shared__ static thread_local  // a block runs on one thread of the host, and blocks there one after the other

#define HEADFIELD_VECTOR_2(name, T, bytes) \
    struct alignas(bytes) name {           \
        T x, y;                            \
    };                                     \
    inline name make_##name(T x, T y) { return {x, y}; }
#define HEADFIELD_VECTOR_3(name, T) \
    struct name {                   \
        T x, y, z;                  \
    };                              \
    inline name make_##name(T x, T y, T z) { return {x, y, z}; }
#define HEADFIELD_VECTOR_4(name, T, bytes) \
    struct alignas(bytes) name {           \
        T x, y, z, w;                      \
    };                                     \
    inline name make_##name(T x, T y, T z, T w) { return {x, y, z, w}; }
HEADFIELD_VECTOR_2(float2, float, 8)
HEADFIELD_VECTOR_2(double2, double, 16)
HEADFIELD_VECTOR_2(int2, int, 8)
HEADFIELD_VECTOR_2(uint2, unsigned, 8)
HEADFIELD_VECTOR_2(short2, short, 4)
HEADFIELD_VECTOR_2(ushort2, unsigned short, 4)
HEADFIELD_VECTOR_2(longlong2, long long, 16)
HEADFIELD_VECTOR_3(float3, float)
HEADFIELD_VECTOR_3(double3, double)
HEADFIELD_VECTOR_3(int3, int)
HEADFIELD_VECTOR_4(float4, float, 16)
HEADFIELD_VECTOR_4(double4, double, 16)
HEADFIELD_VECTOR_4(int4, int, 16)
HEADFIELD_VECTOR_4(uint4, unsigned, 16)
HEADFIELD_VECTOR_4(short4, short, 8)
HEADFIELD_VECTOR_4(ushort4, unsigned short, 8)
HEADFIELD_VECTOR_4(uchar4, unsigned char, 4)
#undef HEADFIELD_VECTOR_2
#undef HEADFIELD_VECTOR_3
#undef HEADFIELD_VECTOR_4
inline uint3 make_uint3(unsigned x, unsigned y, unsigned z) { return {x, y, z}; }

namespace emulated {

// Which types a shuffle takes; cuda_fp16.h adds its own.
template <class T>
struct Shuffles {
    static constexpr bool value = std::is_arithmetic<T>::value && (sizeof(T) == 4 || sizeof(T) == 8);
};
enum class Reach { exact, up, down, across };

// Exchanges values within segments of `width` lanes by the rules of PTX shfl: a lane that would reach out of its
// segment keeps its own value. A lane that takes no part gives all bits one, so that a kernel which reads it fails a
// test.
template <class T>
inline T shuffle(unsigned mask, T value, Reach reach, unsigned by, int width) {
    static_assert(Shuffles<T>::value, "no shuffle takes this type");
    if (width < 1 || width > 32 || (width & (width - 1))) give_up("the width of a shuffle is no power of two up to 32");
    Block& block = Block::running();
    const int lane = int(block.lane_in_warp());
    const int first = lane & ~(width - 1), last = first + width - 1, b = int(by & 31u);
    int source = lane;
    switch (reach) {
        case Reach::exact: source = first | (b & (width - 1)); break;
        case Reach::up: source = lane - b < first ? lane : lane - b; break;
        case Reach::down: source = lane + b > last ? lane : lane + b; break;
        case Reach::across: source = (lane ^ b) > last ? lane : lane ^ b; break;
    }
    uint64_t bits = 0;
    std::memcpy(&bits, &value, sizeof(T));
    bits = block.meet(shuffling, mask, bits, unsigned(source));
    std::memcpy(&value, &bits, sizeof(T));
    return value;
}
// Ends the process where a GPU would report a misaligned address, which an x86 processor takes without a word.
template <class T>
inline const T* aligned(const T* p) {
    if (reinterpret_cast<uintptr_t>(p) % sizeof(T)) give_up("misaligned address");
    return p;
}
template <class To, class From>
inline To bits_of(From from) {
    static_assert(sizeof(To) == sizeof(From), "two types of the same size");
    To to;
    std::memcpy(&to, &from, sizeof(To));
    return to;
}
template <class T>
inline T add(T* p, T value) {  // one thread of a block runs at a time, so nothing has to be guarded
    const T old = *aligned(p);
    *p = T(old + value);
    return old;
}

}  // namespace emulated

inline void __syncthreads() { emulated::Block::running().sync(); }
inline void __syncwarp(unsigned mask = ~0u) {
    emulated::Block& block = emulated::Block::running();
    block.meet(emulated::syncing, mask, 0, block.lane_in_warp());
}
inline void __threadfence() {}
inline void __threadfence_block() {}

template <class T>
inline T __shfl_sync(unsigned mask, T value, int source, int width = 32) {
    return emulated::shuffle(mask, value, emulated::Reach::exact, unsigned(source), width);
}
template <class T>
inline T __shfl_up_sync(unsigned mask, T value, unsigned by, int width = 32) {
    return emulated::shuffle(mask, value, emulated::Reach::up, by, width);
}
template <class T>
inline T __shfl_down_sync(unsigned mask, T value, unsigned by, int width = 32) {
    return emulated::shuffle(mask, value, emulated::Reach::down, by, width);
}
template <class T>
inline T __shfl_xor_sync(unsigned mask, T value, int by, int width = 32) {
    return emulated::shuffle(mask, value, emulated::Reach::across, unsigned(by), width);
}

template <class T>
inline T __ldg(const T* p) {
    return *emulated::aligned(p);
}
template <class T>
inline T __ldcs(const T* p) {
    return *emulated::aligned(p);
}
template <class T>
inline void __stcs(T* p, T value) {
    emulated::aligned(p);
    *p = value;
}

inline int atomicAdd(int* p, int v) { return int(emulated::add(reinterpret_cast<unsigned*>(p), unsigned(v))); }
inline unsigned atomicAdd(unsigned* p, unsigned v) { return emulated::add(p, v); }
inline unsigned long long atomicAdd(unsigned long long* p, unsigned long long v) { return emulated::add(p, v); }
inline float atomicAdd(float* p, float v) { return emulated::add(p, v); }
inline double atomicAdd(double* p, double v) { return emulated::add(p, v); }

inline float rsqrtf(float x) { return 1.f / sqrtf(x); }
inline double rsqrt(double x) { return 1.0 / sqrt(x); }
inline float rsqrt(float x) { return rsqrtf(x); }
inline unsigned __float_as_uint(float x) { return emulated::bits_of<unsigned>(x); }
inline int __float_as_int(float x) { return emulated::bits_of<int>(x); }
inline float __uint_as_float(unsigned x) { return emulated::bits_of<float>(x); }
inline float __int_as_float(int x) { return emulated::bits_of<float>(x); }

#define HEADFIELD_MIN_MAX(T)                         \
    inline T min(T a, T b) { return b < a ? b : a; } \
    inline T max(T a, T b) { return a < b ? b : a; }
HEADFIELD_MIN_MAX(int)
HEADFIELD_MIN_MAX(unsigned)
HEADFIELD_MIN_MAX(long)
HEADFIELD_MIN_MAX(unsigned long)
HEADFIELD_MIN_MAX(long long)
HEADFIELD_MIN_MAX(unsigned long long)
#undef HEADFIELD_MIN_MAX
inline float min(float a, float b) { return fminf(a, b); }
inline float max(float a, float b) { return fmaxf(a, b); }
inline double min(double a, double b) { return fmin(a, b); }
inline double max(double a, double b) { return fmax(a, b); }
