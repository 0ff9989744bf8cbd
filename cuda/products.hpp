// SPDX-License-Identifier: BSD-3-Clause
// The columns that a thread works on, and products of one row of a matrix with them: with loops.hpp, what cpp/rows.hpp
// asks of a device. cpp/loops.hpp has the same names for CPU cores. docs/numerics.md ("On a GPU") says what was
// measured and counted.
#pragma once

#include "../cpp/verbs.hpp"
#include "lanes.hpp"
#include "launch.hpp"

namespace headfield {
inline namespace HEADFIELD_ISA {

// A width as a type, so that it can be an argument of a generic lambda (with_width).
template <int W>
struct Width {
    static constexpr int value = W;
};

// The part of a block vector that one thread works on: `count` neighbouring columns of W, from `first` on. Where
// `sharers` threads of a warp work on the same columns of a row, each takes every sharers-th group of four of its
// entries, and one of them writes the sum of all. A thread's place is (lane, sharer), its number is
// lane + lanes · sharer.
template <class W, int Most, int Sharers = 1>
struct Part {
    static constexpr int width = W::value, count = width < Most ? width : Most;
    static constexpr int lanes = width / count;  // threads side by side over all columns
    static constexpr int sharers = Sharers;
    using F = Lanes<float, count>;
    using D = Lanes<double, count>;
    int first, sharer;
    bool writes;
    HEADFIELD_HD static Part of_thread(unsigned lane, unsigned sharer) {
        return {static_cast<int>(lane) * count, static_cast<int>(sharer), true};
    }
    HEADFIELD_HD int64_t at(int64_t i) const { return i * width + first; }
    HEADFIELD_HD int share() const { return sharers > 1 ? sharer : 0; }
};

// A thread takes four columns: 16 bytes of float32, the most that one load takes. It takes eight where it multiplies
// rows of a matrix and there are so many columns that all threads have work all the same: 16 bytes of the 16-bit
// numbers that it gathers, and the matrix is read half as often.
template <class W>
using Block = Part<W, 4>;
template <class W>
using WideBlock = Part<W, W::value >= 32 ? 8 : 4>;

// Several threads for rows that are long and few, as on coarse levels, where one thread's gathers, one after the other,
// would take longer than all the bytes do. How a row is split depends on the matrix, never on the width, so that a
// column gets the same bits. All that share a row must lie in one warp, lanes · sharers ≤ 32, so a thread of a wide
// block takes more columns.
template <class W, int Sharers>
using SharedBlock =
    Part<W, W::value / (32 / Sharers) < WideBlock<W>::count ? WideBlock<W>::count : W::value / (32 / Sharers), Sharers>;

// Returns sum + Σ_k val_k x[col_k] over the entries of row i that are this thread's, four at a time. All four gathers
// are on their way before the first is needed, if there are registers for it (see blocks_of_rows in loops.hpp). A
// thread of many columns also has the columns and values of the next four entries on their way (`ahead`), so that it
// waits once for four entries and not twice; for a thread of few columns the compiler unrolls the loop instead.
template <class P, class C, class Index, class Value, class X>
HEADFIELD_HD inline P padded_row(C c, const int32_t* ptr, const Index* col, const Value* val, int64_t i, const X* x,
                                 P sum) {
    using Number = typename P::Number;
    constexpr int32_t step = row_step * C::sharers;
    constexpr bool ahead = C::count > 4;
    const X* mine = x + c.first;
    const int32_t begin = ptr[i] + row_step * c.share(), end = ptr[i + 1];
    Together<Index, row_step> j{};
    Together<Value, row_step> v{};
    if (ahead && begin < end) {
        j.load(col + begin);
        v.load(val + begin);
    }
    for (int32_t k = begin; k < end; k += step) {
        if (!ahead) {
            j.load(col + k);
            v.load(val + k);
        }
        Together<X, C::count> gathered[row_step];
        for (int l = 0; l < row_step; ++l) gathered[l].load(mine + int64_t(j.v[l]) * C::width);
        const auto weight = v;  // v is about to be overwritten
        if (ahead && k + step < end) {
            j.load(col + k + step);
            v.load(val + k + step);
        }
        for (int l = 0; l < row_step; ++l) sum = fma(P::all(number<Number>(weight.v[l])), as<P>(gathered[l]), sum);
    }
    return sum;
}

// Returns the sum of what the sharers of a row hold to all of them. It is taken in pairs of threads that lie `lanes`, 2
// lanes, … apart, by shuffles that all 32 threads of the warp have to reach: see every_row in loops.hpp.
template <class C, class P>
HEADFIELD_HD inline P of_all_sharers(P sum) {
#if defined(__CUDA_ARCH__) || !defined(__CUDACC__)  // nvcc's pass for the host has no shuffles, and never calls this
    for (int by = C::lanes; by < C::lanes * C::sharers; by *= 2) {
        for (int l = 0; l < P::count; ++l) sum.v[l] = sum.v[l] + __shfl_xor_sync(0xffffffffu, sum.v[l], by);
    }
#endif
    return sum;
}

// (M x)_i, of a matrix of the V-cycle. Its row has a scale, which the sum is multiplied by once.
template <class C, class X>
HEADFIELD_HD inline typename C::F row_times(C c, const Matrix& m, int64_t i, const X* x) {
    using F = typename C::F;
    const F zero = F::all(0.f);
    const F sum = m.short_col ? padded_row(c, m.ptr, m.short_col, m.val, i, x, zero)
                              : padded_row(c, m.ptr, m.col, m.val, i, x, zero);
    return F::all(m.scale[i]) * of_all_sharers<C>(sum);
}

// (M x)_i, of the fine matrix in float32.
template <class C>
HEADFIELD_HD inline typename C::F row_times(C c, const CsrView<float>& m, int64_t i, const float* x) {
    static_assert(C::sharers == 1, "rows of the fine matrix are short: nobody shares them");
    return padded_row(c, m.ptr, m.col, m.val, i, x, C::F::all(0.f));
}

// (M x)_i, of the dense inverse, four columns of the row at a time as in padded_row.
template <class C>
HEADFIELD_HD inline typename C::F row_times(C c, const DenseView& m, int64_t i, const Real* x) {
    using F = typename C::F;
    F sum = F::all(0.f);
    for (int32_t k = row_step * c.share(); k < m.padded; k += row_step * C::sharers) {
        const auto v = Together<float, row_step>::of(m.val + i * m.padded + k);
        Together<Real, C::count> gathered[row_step];
        for (int l = 0; l < row_step; ++l) {
            gathered[l].load(x + c.at(k + l < m.rows ? k + l : m.rows - 1));  // padding: any row, times 0
        }
        for (int l = 0; l < row_step; ++l) sum = fma(F::all(v.v[l]), as<F>(gathered[l]), sum);
    }
    return of_all_sharers<C>(sum);
}

// b − (A x)_i.
template <class C>
HEADFIELD_HD inline typename C::D row_residual(C c, const CsrView<double>& a, int64_t i, const double* x,
                                               typename C::D b) {
    static_assert(C::sharers == 1, "rows of the fine matrix are short: nobody shares them");
    using D = typename C::D;
    return b - padded_row(c, a.ptr, a.col, a.val, i, x, D::all(0.0));
}

// Σ_t s_t (A_t x)_i of a mixture, in the type P: each part is summed by itself, then multiplied by its factor.
template <class P, class C, class T>
HEADFIELD_HD inline P mixed_row(C c, const MixtureView<T>& m, int64_t i, const T* x) {
    static_assert(C::sharers == 1, "rows of the fine matrix are short: nobody shares them");
    P sum = P::all(0);
    for (int32_t part = m.first[i]; part < m.first[i + 1]; ++part) {
        const P share = padded_row(c, m.ptr, m.col, m.val, part, x, P::all(0));
        sum = fma(load_as<P>(m.factors + c.at(m.tissue[part])), share, sum);
    }
    return sum;
}
template <class C>
HEADFIELD_HD inline typename C::F row_times(C c, const MixtureView<float>& m, int64_t i, const float* x) {
    return mixed_row<typename C::F>(c, m, i, x);
}
template <class C>
HEADFIELD_HD inline typename C::D row_residual(C c, const MixtureView<double>& a, int64_t i, const double* x,
                                               typename C::D b) {
    return b - mixed_row<typename C::D>(c, a, i, x);
}

// What put() has just stored, as another type, from its registers.
template <class P, class C, class V, class X>
HEADFIELD_HD inline P stored(C /*c*/, int64_t /*i*/, const V& value, const X* /*x*/) {
    return convert<P>(value);
}

// Σ s_k a_k of float32 numbers, nearly as good as in float64, which is slow on some GPUs: what rounding takes from each
// product (an fma finds it) and from each addition is summed too (Ogita, Rump and Oishi, SIAM J. Sci. Comput. 26:1955,
// 2005).
template <class C>
class DotProduct {
    using F = typename C::F;
    F high_ = F::all(0.f), lost_ = F::all(0.f);

public:
    HEADFIELD_HD void add(float s, const float* a) {
        const F factor = F::all(s), other = load_as<F>(a), product = factor * other;
        const F sum = high_ + product, taken = sum - high_;
        const F of_sum = (high_ - (sum - taken)) + (product - taken);
        lost_ = lost_ + (of_sum + fma(factor, other, F::all(0.f) - product));
        high_ = sum;
    }
    HEADFIELD_HD typename C::D sum() const {
        using D = typename C::D;
        return convert<D>(high_) + convert<D>(lost_);
    }
};

// Stores what a row has become; of threads that share it, one does.
template <class C, class P, class X>
HEADFIELD_HD inline void put(C c, int64_t i, const P& value, X* x) {
    if (C::sharers == 1 || c.writes) store_as(value, x + c.at(i));
}

}  // namespace HEADFIELD_ISA
}  // namespace headfield
