// SPDX-License-Identifier: BSD-3-Clause
// One row of each verb, written once for the CPU and the GPU. C is a block of columns: all W of them on the CPU, a few
// on a thread of a GPU; c.at(i) is where its first column of row i lies. F and D hold one float or double a column.
// What is the same for all rows is computed once, in prepare(). Every multiply-add is explicit, so a column sees the
// same operations whatever the width.
//
// The device brings row_times(c, m, i, x) = Σ_j m_ij x_j and row_residual(c, a, i, x, b) = b − Σ_j a_ij x_j.
#pragma once

#include <type_traits>

#include "device_loops.hpp"
#include "verbs.hpp"

namespace headfield {
inline namespace HEADFIELD_ISA {

template <class Body, class C>
HEADFIELD_HD inline void prepare(Body& /*body*/, C /*c*/) {}

// factor × of each column; 0 where the factor is 0, whatever the other is.
template <class D>
HEADFIELD_HD inline D masked_product(const D& factor, const D& other) {
    return select(factor, factor * other, D::all(0.0));
}

// Stores a row of the residual, and of what the V-cycle will see of it.
template <class C, class P>
HEADFIELD_HD inline void store_residual(C c, int64_t i, const P& value, const P& next_cycle, float* r, Real* h) {
    store_as(value, r + c.at(i));
    if constexpr (!std::is_same_v<Real, float>) store_as(next_cycle * value, h + c.at(i));
}

// ---- V-cycle ----

template <class C>
struct Apply {
    Matrix m;
    const Real* x;
    Real* y;
    HEADFIELD_HD void operator()(C c, int64_t i) const { store_as(row_times(c, m, i, x), y + c.at(i)); }
};

template <class C>
struct ApplyDense {
    int32_t n;
    const float* m;
    const Real* x;
    float* y;
    HEADFIELD_HD void operator()(C c, int64_t i) const {
        using F = typename C::F;
        F sum = F::all(0.f);
        for (int32_t j = 0; j < n; ++j) sum = fma(F::all(m[i * n + j]), load_as<F>(x + c.at(j)), sum);
        store_as(sum, y + c.at(i));
    }
};

template <class C>
struct SmoothFromZero {
    Matrix a;
    Smoother s;
    const Real* b;
    Real* x;
    HEADFIELD_HD void operator()(C c, int64_t i) const {
        using F = typename C::F;
        store_as(fma(F::all(s.c1), row_times(c, a, i, b), F::all(s.c0) * load_as<F>(b + c.at(i))), x + c.at(i));
    }
};

template <class C>
struct Residual {
    Matrix a;
    const Real *b, *x;
    Real* r;
    HEADFIELD_HD void operator()(C c, int64_t i) const {
        store_as(load_as<typename C::F>(b + c.at(i)) - row_times(c, a, i, x), r + c.at(i));
    }
};

template <class C>
struct Correct {
    Matrix ap;
    const float* e;
    Real* r;
    HEADFIELD_HD void operator()(C c, int64_t i) const {
        store_as(load_as<typename C::F>(r + c.at(i)) - row_times(c, ap, i, e), r + c.at(i));
    }
};

template <class C>
struct Smooth {
    Matrix a, p;
    Smoother s;
    const float* e;
    const Real *x, *r;
    float* z;
    HEADFIELD_HD void operator()(C c, int64_t i) const {
        using F = typename C::F;
        F sum = load_as<F>(x + c.at(i));
        if (e) sum = sum + row_times(c, p, i, e);
        sum = fma(F::all(s.c0), load_as<F>(r + c.at(i)), sum);
        store_as(fma(F::all(s.c1), row_times(c, a, i, r), sum), z + c.at(i));
    }
};

template <class C>
struct SmoothDot {
    Smooth<C> smooth;
    const Real* b;
    HEADFIELD_HD void operator()(C c, int64_t i, typename C::D& sum) const {
        using D = typename C::D;
        smooth(c, i);
        sum = fma(load_as<D>(smooth.z + c.at(i)), load_as<D>(b + c.at(i)), sum);
    }
};

template <class C>
struct Products {
    const Real* x;
    const float* y;
    HEADFIELD_HD void operator()(C c, int64_t i, typename C::D& sum) const {
        using D = typename C::D;
        sum = fma(load_as<D>(x + c.at(i)), load_as<D>(y + c.at(i)), sum);
    }
};

// ---- conjugate gradients ----

template <class C>
struct ApplyDot {
    CsrView<float> a;
    const float* p;
    float* q;
    HEADFIELD_HD void operator()(C c, int64_t i, typename C::D& sum) const {
        using D = typename C::D;
        store_as(row_times(c, a, i, p), q + c.at(i));
        sum = fma(load_as<D>(q + c.at(i)), load_as<D>(p + c.at(i)), sum);
    }
};

template <class C>
struct StepResidual {
    ColumnValues v;
    const float* q;
    float* r;
    Real* h;
    const double* weight;
    typename C::F minus_alpha{}, next_cycle{};
    HEADFIELD_HD void operator()(C c, int64_t i, typename C::D& sum) const {
        using F = typename C::F;
        using D = typename C::D;
        store_residual(c, i, fma(minus_alpha, load_as<F>(q + c.at(i)), load_as<F>(r + c.at(i))), next_cycle, r, h);
        const D r64 = load_as<D>(r + c.at(i));
        sum = fma(D::all(weight[i]) * r64, r64, sum);
    }
};
template <class C>
HEADFIELD_HD inline void prepare(StepResidual<C>& b, C c) {
    using F = typename C::F;
    using D = typename C::D;
    const D quotient = load_as<D>(b.v.rz + c.at(0)) / load_as<D>(b.v.pq + c.at(0));
    b.minus_alpha = convert<F>(D::all(0.0) - masked_product(load_as<D>(b.v.residual_factor + c.at(0)), quotient));
    b.next_cycle = load_as<F>(b.v.next_cycle + c.at(0));
}

template <class C>
struct StepDirection {
    ColumnValues v;
    const float* z;
    float *p, *x;
    typename C::F alpha{}, beta{}, unit{};
    HEADFIELD_HD void operator()(C c, int64_t i) const {
        using F = typename C::F;
        const F old = load_as<F>(p + c.at(i));
        store_as(fma(alpha, old, load_as<F>(x + c.at(i))), x + c.at(i));
        store_as(fma(beta, old, unit * load_as<F>(z + c.at(i))), p + c.at(i));
    }
};
template <class C>
HEADFIELD_HD inline void prepare(StepDirection<C>& b, C c) {
    using F = typename C::F;
    using D = typename C::D;
    b.alpha = load_as<F>(b.v.pending_alpha + c.at(0));
    b.beta = convert<F>(masked_product(load_as<D>(b.v.direction_factor + c.at(0)), load_as<D>(b.v.rz + c.at(0))));
    b.unit = load_as<F>(b.v.unit + c.at(0));
}

// ---- float64 around it ----

template <class C>
struct Flush {
    ColumnValues v;
    const float* p;
    float* x;
    double* x64;
    typename C::F alpha{}, flushed32{};
    typename C::D factor{}, flushed{};
    HEADFIELD_HD void operator()(C c, int64_t i) const {
        using F = typename C::F;
        using D = typename C::D;
        // The step is taken in float32 as step_direction would, so it does not matter which of the two comes first.
        const F step = fma(alpha, load_as<F>(p + c.at(i)), load_as<F>(x + c.at(i)));
        const D old = load_as<D>(x64 + c.at(i));
        store_as(select(flushed, fma(factor, convert<D>(step), old), old), x64 + c.at(i));
        store_as(select(flushed32, F::all(0.f), step), x + c.at(i));
    }
};
template <class C>
HEADFIELD_HD inline void prepare(Flush<C>& b, C c) {
    using F = typename C::F;
    using D = typename C::D;
    b.flushed = load_as<D>(b.v.check + c.at(0));
    b.flushed32 = convert<F>(b.flushed);
    b.factor = load_as<D>(b.v.flush_factor + c.at(0));
    b.alpha = convert<F>(b.flushed * load_as<D>(b.v.pending_alpha + c.at(0)));
}

template <class C>
struct TrueResidual {
    CsrView<double> a;
    ColumnValues v;
    const double *b, *x64;
    float* r;
    Real* h;
    const double* weight;
    typename C::D use{}, factor{}, next_cycle{};
    HEADFIELD_HD void operator()(C c, int64_t i, typename C::D& sum) const {
        using D = typename C::D;
        const D r64 = row_residual(c, a, i, x64, load_as<D>(b + c.at(i)));
        sum = fma(D::all(weight[i]) * r64, r64, sum);
        store_residual(c, i, select(use, factor * r64, load_as<D>(r + c.at(i))), next_cycle, r, h);
    }
};
template <class C>
HEADFIELD_HD inline void prepare(TrueResidual<C>& b, C c) {
    using D = typename C::D;
    b.use = load_as<D>(b.v.check + c.at(0));
    b.factor = load_as<D>(b.v.scale + c.at(0));
    b.next_cycle = load_as<D>(b.v.next_cycle + c.at(0));
}

template <class C>
struct Rounded {
    ColumnValues v;
    const double* b;
    float* r;
    Real* h;
    typename C::D factor{}, next_cycle{};
    HEADFIELD_HD void operator()(C c, int64_t i) const {
        store_residual(c, i, factor * load_as<typename C::D>(b + c.at(i)), next_cycle, r, h);
    }
};
template <class C>
HEADFIELD_HD inline void prepare(Rounded<C>& b, C c) {
    using D = typename C::D;
    b.factor = load_as<D>(b.v.scale + c.at(0));
    b.next_cycle = load_as<D>(b.v.next_cycle + c.at(0));
}

template <class C>
struct Narrow {
    ColumnValues v;
    const float* r;
    Real* h;
    typename C::F cycle{};
    HEADFIELD_HD void operator()(C c, int64_t i) const {
        store_as(cycle * load_as<typename C::F>(r + c.at(i)), h + c.at(i));
    }
};
template <class C>
HEADFIELD_HD inline void prepare(Narrow<C>& b, C c) {
    using D = typename C::D;
    b.cycle = convert<typename C::F>(D::all(1.0) / load_as<D>(b.v.unit + c.at(0)));
}

template <class C>
struct ScaleRows {
    const double *s, *x;
    double* y;
    HEADFIELD_HD void operator()(C c, int64_t i) const {
        using D = typename C::D;
        store_as(D::all(s[i]) * load_as<D>(x + c.at(i)), y + c.at(i));
    }
};

template <class C>
struct Norm {
    const double *x, *weight;
    HEADFIELD_HD void operator()(C c, int64_t i, typename C::D& sum) const {
        using D = typename C::D;
        const D xi = load_as<D>(x + c.at(i));
        sum = fma(D::all(weight[i]) * xi, xi, sum);
    }
};

template <class C>
struct Clear {
    float* x;
    HEADFIELD_HD void operator()(C c, int64_t i) const { store_as(C::F::all(0.f), x + c.at(i)); }
};

}  // namespace HEADFIELD_ISA
}  // namespace headfield
