// SPDX-License-Identifier: BSD-3-Clause
// Pack<T, W>: W numbers of type T held in as few registers as the instruction set allows. One column of a block vector
// sees the same operations in the same order whatever W is, so a pose gets the same bits in any batch: every
// multiply-add is explicit here, and the compiler is told to contract nothing by itself (-ffp-contract=off). The GPU's
// counterpart is Lanes (cuda/lanes.hpp). Compiled once per instruction set.
#pragma once

#include <cstdint>
#include <cstring>

#include "macros.hpp"

#if defined(__SSE__)
#include <immintrin.h>
#elif defined(__aarch64__)
#include <arm_neon.h>
#endif

namespace headfield {
inline namespace HEADFIELD_ISA {

#if defined(__AVX512F__)
constexpr int register_bytes = 64;
#elif defined(__AVX__)
constexpr int register_bytes = 32;
#else
constexpr int register_bytes = 16;
#endif

#if !defined(__GNUC__)
#error "headfield needs the vector types of GCC (9 or newer) or Clang"
#endif

// The type of L numbers in one register; with L = 1 a plain number.
template <class T, int L>
struct Register {
    typedef T type __attribute__((vector_size(L * sizeof(T))));
};
template <class T>
struct Register<T, 1> {
    typedef T type;
};

// a * b + c, rounded once where the instruction set can. Vector types that have no intrinsic here are multiplied and
// added.
template <class V>
inline V multiply_add(V a, V b, V c) {
    return a * b + c;
}
#if defined(__FMA__) || defined(__AVX512F__)
inline float multiply_add(float a, float b, float c) { return __builtin_fmaf(a, b, c); }
inline double multiply_add(double a, double b, double c) { return __builtin_fma(a, b, c); }
inline Register<float, 4>::type multiply_add(Register<float, 4>::type a, Register<float, 4>::type b,
                                             Register<float, 4>::type c) {
    return _mm_fmadd_ps(a, b, c);
}
inline Register<float, 8>::type multiply_add(Register<float, 8>::type a, Register<float, 8>::type b,
                                             Register<float, 8>::type c) {
    return _mm256_fmadd_ps(a, b, c);
}
inline Register<double, 4>::type multiply_add(Register<double, 4>::type a, Register<double, 4>::type b,
                                              Register<double, 4>::type c) {
    return _mm256_fmadd_pd(a, b, c);
}
#if defined(__AVX512F__)
inline Register<float, 16>::type multiply_add(Register<float, 16>::type a, Register<float, 16>::type b,
                                              Register<float, 16>::type c) {
    return _mm512_fmadd_ps(a, b, c);
}
inline Register<double, 8>::type multiply_add(Register<double, 8>::type a, Register<double, 8>::type b,
                                              Register<double, 8>::type c) {
    return _mm512_fmadd_pd(a, b, c);
}
#endif
#elif defined(__aarch64__)
inline float multiply_add(float a, float b, float c) { return __builtin_fmaf(a, b, c); }
inline double multiply_add(double a, double b, double c) { return __builtin_fma(a, b, c); }
inline Register<float, 4>::type multiply_add(Register<float, 4>::type a, Register<float, 4>::type b,
                                             Register<float, 4>::type c) {
    return (Register<float, 4>::type)vfmaq_f32((float32x4_t)c, (float32x4_t)a, (float32x4_t)b);
}
inline Register<double, 2>::type multiply_add(Register<double, 2>::type a, Register<double, 2>::type b,
                                              Register<double, 2>::type c) {
    return (Register<double, 2>::type)vfmaq_f64((float64x2_t)c, (float64x2_t)a, (float64x2_t)b);
}
#endif

// 1 / √v³, v > 0. This one goes lane by lane, for vectors that have no square root of their own below.
template <class V>
inline V inverse_cube(V v) {
    V out = v;
    for (unsigned i = 0; i < sizeof(V) / sizeof(v[0]); ++i) {
        out[i] = sizeof(v[0]) == 4 ? 1.f / (v[i] * __builtin_sqrtf(v[i])) : 1.0 / (v[i] * __builtin_sqrt(v[i]));
    }
    return out;
}
inline float inverse_cube(float v) { return 1.f / (v * __builtin_sqrtf(v)); }
inline double inverse_cube(double v) { return 1.0 / (v * __builtin_sqrt(v)); }
#if defined(__AVX512F__)
inline Register<float, 16>::type inverse_cube(Register<float, 16>::type v) {
    // The hardware's reciprocal square root has 14 bits; one Newton step y (3 − v y²)/2 makes it good to about 2^-23.
    const __m512 y = _mm512_rsqrt14_ps(v);
    const __m512 vy = v * y;
    const __m512 half = _mm512_set1_ps(0.5f) * y;
    const __m512 z = half * _mm512_fnmadd_ps(vy, y, _mm512_set1_ps(3.f));
    return z * z * z;
}
inline Register<double, 8>::type inverse_cube(Register<double, 8>::type v) {
    return _mm512_set1_pd(1.0) / (v * _mm512_sqrt_pd(v));
}
#endif
#if defined(__AVX__)
inline Register<float, 8>::type inverse_cube(Register<float, 8>::type v) {
    return _mm256_set1_ps(1.f) / (v * _mm256_sqrt_ps(v));
}
inline Register<double, 4>::type inverse_cube(Register<double, 4>::type v) {
    return _mm256_set1_pd(1.0) / (v * _mm256_sqrt_pd(v));
}
#endif

// W numbers in `count` registers of `lanes` each. Number i lies in lane i % lanes of register i / lanes.
template <class T, int W>
struct Pack {
    static constexpr int native = register_bytes / static_cast<int>(sizeof(T));
    static constexpr int lanes = W < native ? W : native;
    static constexpr int count = W / lanes;
    using V = typename Register<T, lanes>::type;
    V v[count];

    static Pack all(T s) {
        Pack p;
        T lane[lanes];
        for (int i = 0; i < lanes; ++i) lane[i] = s;
        V one;
        std::memcpy(&one, lane, sizeof(V));
        for (int i = 0; i < count; ++i) p.v[i] = one;
        return p;
    }
    static Pack load(const T* x) {
        Pack p;
        for (int i = 0; i < count; ++i) {  // one register at a time: a copy of all of v goes through the stack
            V one;
            std::memcpy(&one, x + i * lanes, sizeof(V));
            p.v[i] = one;
        }
        return p;
    }
    void store(T* x) const {
        for (int i = 0; i < count; ++i) std::memcpy(x + i * lanes, &v[i], sizeof(V));
    }

    friend Pack operator+(Pack a, const Pack& b) {
        for (int i = 0; i < count; ++i) a.v[i] = a.v[i] + b.v[i];
        return a;
    }
    friend Pack operator-(Pack a, const Pack& b) {
        for (int i = 0; i < count; ++i) a.v[i] = a.v[i] - b.v[i];
        return a;
    }
    friend Pack operator*(Pack a, const Pack& b) {
        for (int i = 0; i < count; ++i) a.v[i] = a.v[i] * b.v[i];
        return a;
    }
    friend Pack operator/(Pack a, const Pack& b) {
        for (int i = 0; i < count; ++i) a.v[i] = a.v[i] / b.v[i];
        return a;
    }
    friend Pack inverse_cube(Pack a) {
        for (int i = 0; i < count; ++i) a.v[i] = HEADFIELD_ISA::inverse_cube(a.v[i]);
        return a;
    }
    // a where the mask is not zero, else b. A product with the mask would not do: 0 times what is not a number isn't
    // one.
    friend Pack select(const Pack& mask, Pack a, const Pack& b) {
        for (int i = 0; i < count; ++i) a.v[i] = mask.v[i] != V{} ? a.v[i] : b.v[i];
        return a;
    }
    // The sum over all lanes, in their order, which is the same for every instruction set.
    T sum() const {
        T lane[W], total = 0;
        store(lane);
        for (int i = 0; i < W; ++i) total += lane[i];
        return total;
    }
    // a * b + c
    friend Pack fma(const Pack& a, const Pack& b, Pack c) {
        for (int i = 0; i < count; ++i) c.v[i] = multiply_add(a.v[i], b.v[i], c.v[i]);
        return c;
    }
};

// Load a Pack from numbers of type S, and store it as such, converting in registers.
template <class P, class S>
inline P load_as(const S* x) {
    P p;
    for (int i = 0; i < P::count; ++i) {
        if constexpr (P::lanes == 1) {
            p.v[i] = static_cast<typename P::V>(x[i]);
        } else {
            typename Register<S, P::lanes>::type s;
            std::memcpy(&s, x + i * P::lanes, sizeof(s));
            p.v[i] = __builtin_convertvector(s, typename P::V);
        }
    }
    return p;
}
template <class S, class T, int W>
inline void store_as(const Pack<T, W>& p, S* x) {
    using P = Pack<T, W>;
    for (int i = 0; i < P::count; ++i) {
        if constexpr (P::lanes == 1) {
            x[i] = static_cast<S>(p.v[i]);
        } else {
            using To = typename Register<S, P::lanes>::type;
            const To s = __builtin_convertvector(p.v[i], To);
            std::memcpy(x + i * P::lanes, &s, sizeof(s));
        }
    }
}

// The same numbers as a Pack of another type, whose registers may hold another number of lanes: hence by way of memory.
template <class P, class T, int W>
inline P convert(const Pack<T, W>& p) {
    T numbers[W];
    p.store(numbers);
    return load_as<P>(numbers);
}

// to[j * to_stride + i] = from[i * from_stride + j], i and j from 0 to 3: four columns of four rows, within registers.
inline void transpose4(const float* from, int64_t from_stride, float* to, int64_t to_stride) {
#if defined(__SSE__)
    __m128 a = _mm_loadu_ps(from), b = _mm_loadu_ps(from + from_stride), c = _mm_loadu_ps(from + 2 * from_stride),
           d = _mm_loadu_ps(from + 3 * from_stride);
    _MM_TRANSPOSE4_PS(a, b, c, d);
    _mm_storeu_ps(to, a);
    _mm_storeu_ps(to + to_stride, b);
    _mm_storeu_ps(to + 2 * to_stride, c);
    _mm_storeu_ps(to + 3 * to_stride, d);
#else
    for (int j = 0; j < 4; ++j) {
        for (int i = 0; i < 4; ++i) to[j * to_stride + i] = from[i * from_stride + j];
    }
#endif
}

// A width as a type, so that it can be an argument of a generic lambda (with_width).
template <int W>
struct Width {
    static constexpr int value = W;
};

}  // namespace HEADFIELD_ISA
}  // namespace headfield
