// SPDX-License-Identifier: BSD-3-Clause
// Half precision by the compiler's _Float16, which rounds to nearest as the device does.
#pragma once

#include "cuda_runtime.h"

struct alignas(2) __half {
    _Float16 value;
    __half() = default;
    __half(float f) : value(static_cast<_Float16>(f)) {}
    operator float() const { return static_cast<float>(value); }
};
struct alignas(4) __half2 {
    __half x, y;
    __half2() = default;
    __half2(__half a, __half b) : x(a), y(b) {}
};

namespace emulated {
template <>
struct Shuffles<__half> : std::true_type {};
template <>
struct Shuffles<__half2> : std::true_type {};
}  // namespace emulated

inline __half __float2half_rn(float f) { return __half(f); }
inline __half __float2half(float f) { return __half(f); }
inline float __half2float(__half h) { return h; }
inline unsigned short __half_as_ushort(__half h) { return emulated::bits_of<unsigned short>(h); }
inline __half __ushort_as_half(unsigned short u) {
    __half h;
    std::memcpy(&h.value, &u, sizeof u);
    return h;
}
inline __half2 __floats2half2_rn(float a, float b) { return {__half(a), __half(b)}; }
inline __half2 __float22half2_rn(float2 f) { return __floats2half2_rn(f.x, f.y); }
inline __half2 __halves2half2(__half a, __half b) { return {a, b}; }
inline __half2 __half2half2(__half a) { return {a, a}; }
inline float2 __half22float2(__half2 h) { return {h.x, h.y}; }
inline float __low2float(__half2 h) { return h.x; }
inline float __high2float(__half2 h) { return h.y; }
inline __half __low2half(__half2 h) { return h.x; }
inline __half __high2half(__half2 h) { return h.y; }
