// SPDX-License-Identifier: BSD-3-Clause
// Lanes<T, N>: the numbers of N columns that one thread works on, with the operations of Pack (cpp/simd.hpp), so that
// cpp/rows.hpp compiles over either. Loads and stores are as wide as the hardware has them. Nothing is contracted
// (-fmad=false): every multiply-add is explicit, so a column gets the same bits whatever the width.
#pragma once

#include <cuda_fp16.h>
#include <cuda_runtime.h>

#include <cstdint>
#include <cstring>

#include "../cpp/macros.hpp"

namespace headfield {
inline namespace HEADFIELD_ISA {

HEADFIELD_HD inline float multiply_add(float a, float b, float c) { return fmaf(a, b, c); }
HEADFIELD_HD inline double multiply_add(double a, double b, double c) { return fma(a, b, c); }

// v^-3/2, v > 0, by the hardware's reciprocal square root. It rounds otherwise than 1 / √v³ on CPUs does.
__device__ inline float inverse_cube(float v) {
    const float y = rsqrtf(v);
    return y * y * y;
}
__device__ inline double inverse_cube(double v) {
    const double y = rsqrt(v);
    return y * y * y;
}

// number<T>(x) and assign(to, x) convert between what is stored and what is computed with.
template <class T>
HEADFIELD_HD inline T number(__half x) {
    return static_cast<T>(__half2float(x));
}
template <class T, class S>
HEADFIELD_HD inline T number(S x) {
    return static_cast<T>(x);
}
// To 16 bits by way of float, clamped: an infinity would spread over the whole block vector.
HEADFIELD_HD inline void assign(__half& to, float x) { to = __float2half_rn(fminf(fmaxf(x, -65504.f), 65504.f)); }
HEADFIELD_HD inline void assign(__half& to, double x) { assign(to, static_cast<float>(x)); }
template <class S, class T>
HEADFIELD_HD inline void assign(S& to, T x) {
    to = static_cast<S>(x);
}

// The type of a load of so many bytes: at most 16, the widest that there is.
template <int Bytes>
struct Word {
    using type = uint4;
};
template <>
struct Word<8> {
    using type = uint2;
};
template <>
struct Word<4> {
    using type = uint32_t;
};
template <>
struct Word<2> {
    using type = uint16_t;
};

// N numbers that are loaded and stored together, in words of 16 bytes or in one word of all. Addresses must be
// multiples of the word's size. memcpy keeps to the rules of the language and costs nothing.
template <class S, int N>
struct Together {
    using W = typename Word<N * sizeof(S)>::type;
    static constexpr int words = N * sizeof(S) / sizeof(W);
    S v[N];

    HEADFIELD_HD void load(const S* x) {
        for (int i = 0; i < words; ++i) {
            const W w = reinterpret_cast<const W*>(x)[i];
            memcpy(reinterpret_cast<char*>(v) + i * sizeof(W), &w, sizeof w);
        }
    }
    HEADFIELD_HD static Together of(const S* x) {
        Together t;
        t.load(x);
        return t;
    }
    // Stores to global memory in whole words (__stwb): a plain assignment may become several narrow stores, each a
    // transaction of its own.
    HEADFIELD_HD void store(S* x) const {
        for (int i = 0; i < words; ++i) {
            W w;
            memcpy(&w, reinterpret_cast<const char*>(v) + i * sizeof(W), sizeof w);
#if defined(__CUDA_ARCH__)
            __stwb(reinterpret_cast<W*>(x) + i, w);
#else
            reinterpret_cast<W*>(x)[i] = w;
#endif
        }
    }
};

// N numbers in registers.
template <class T, int N>
struct Lanes {
    using Number = T;
    static constexpr int count = N;
    T v[N];

    HEADFIELD_HD static Lanes all(T s) {
        Lanes r;
        for (int i = 0; i < N; ++i) r.v[i] = s;
        return r;
    }
    HEADFIELD_HD static Lanes load(const T* x) {
        const auto from = Together<T, N>::of(x);
        Lanes r;
        for (int i = 0; i < N; ++i) r.v[i] = from.v[i];
        return r;
    }
    HEADFIELD_HD void store(T* x) const {
        for (int i = 0; i < N; ++i) x[i] = v[i];
    }

    HEADFIELD_HD friend Lanes operator+(Lanes a, const Lanes& b) {
        for (int i = 0; i < N; ++i) a.v[i] = a.v[i] + b.v[i];
        return a;
    }
    HEADFIELD_HD friend Lanes operator-(Lanes a, const Lanes& b) {
        for (int i = 0; i < N; ++i) a.v[i] = a.v[i] - b.v[i];
        return a;
    }
    HEADFIELD_HD friend Lanes operator*(Lanes a, const Lanes& b) {
        for (int i = 0; i < N; ++i) a.v[i] = a.v[i] * b.v[i];
        return a;
    }
    HEADFIELD_HD friend Lanes operator/(Lanes a, const Lanes& b) {
        for (int i = 0; i < N; ++i) a.v[i] = a.v[i] / b.v[i];
        return a;
    }
    // a where the mask is not zero, else b. A product with the mask would not do: 0 times what is not a number isn't
    // one.
    HEADFIELD_HD friend Lanes select(const Lanes& mask, Lanes a, const Lanes& b) {
        for (int i = 0; i < N; ++i) a.v[i] = mask.v[i] != T(0) ? a.v[i] : b.v[i];
        return a;
    }
    // a * b + c
    HEADFIELD_HD friend Lanes fma(const Lanes& a, const Lanes& b, Lanes c) {
        for (int i = 0; i < N; ++i) c.v[i] = multiply_add(a.v[i], b.v[i], c.v[i]);
        return c;
    }
};

// Load numbers of type S, and store as such, converting in registers.
template <class P, class S>
HEADFIELD_HD inline P as(const Together<S, P::count>& from) {
    P p;
    for (int i = 0; i < P::count; ++i) p.v[i] = number<typename P::Number>(from.v[i]);
    return p;
}
template <class P, class S>
HEADFIELD_HD inline P load_as(const S* x) {
    return as<P>(Together<S, P::count>::of(x));
}
template <class S, class T, int N>
HEADFIELD_HD inline void store_as(const Lanes<T, N>& p, S* x) {
    Together<S, N> to;
    for (int i = 0; i < N; ++i) assign(to.v[i], p.v[i]);
    to.store(x);
}

// The same numbers in another type.
template <class P, class T, int N>
HEADFIELD_HD inline P convert(const Lanes<T, N>& x) {
    P p;
    for (int i = 0; i < N; ++i) p.v[i] = static_cast<typename P::Number>(x.v[i]);
    return p;
}

}  // namespace HEADFIELD_ISA
}  // namespace headfield
